// The rules that make the function run.

import type { Place } from './place.ts';

export interface ScheduleRule {
  readonly name: string;
  /** `rate(1 hour)` */
  readonly schedule: string;
  readonly isOn: boolean;
}

/** Throws AWS's own errors. */
export async function findScheduleRules(
  functionArn: string,
  place: Place,
): Promise<readonly ScheduleRule[]> {
  const { DescribeRuleCommand, EventBridgeClient, ListRuleNamesByTargetCommand } = await import(
    '@aws-sdk/client-eventbridge'
  );
  const client = new EventBridgeClient(place.client);
  const { RuleNames = [] } = await client.send(
    new ListRuleNamesByTargetCommand({ TargetArn: functionArn }),
  );
  const rules = await Promise.all(
    RuleNames.map((Name) => client.send(new DescribeRuleCommand({ Name }))),
  );
  return rules.flatMap(({ Name = '', ScheduleExpression, State }) =>
    ScheduleExpression === undefined
      ? []
      : [{ name: Name, schedule: ScheduleExpression, isOn: State !== 'DISABLED' }],
  );
}
