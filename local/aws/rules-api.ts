// EventBridge's rules on the wire, to be looked at: which call a target, and whether they are on.

import * as v from 'valibot';
import { AwsError } from './aws-error.ts';
import { operation, type Service } from './service.ts';

export interface ShownRule {
  readonly name: string;
  readonly arn: string;
  readonly busName: string;
  readonly enabled: boolean;
  readonly scheduleExpression: string | null;
  readonly targets: readonly { readonly arn: string }[];
}

const DEFAULT_BUS = 'default';

export function rulesService(rules: readonly ShownRule[]): Service {
  const named = (name: string, busName: string) =>
    rules.find((rule) => rule.name === name && rule.busName === busName);
  return {
    target: 'AWSEvents',
    signingName: 'events',
    jsonVersion: '1.1',
    operations: {
      ListRuleNamesByTarget: operation(
        v.object({ TargetArn: v.string(), EventBusName: v.optional(v.string(), DEFAULT_BUS) }),
        {
          demands: () => [{ action: 'events:ListRuleNamesByTarget', resource: '*' }],
          perform: ({ TargetArn, EventBusName }) => ({
            RuleNames: rules
              .filter(({ busName }) => busName === EventBusName)
              .filter(({ targets }) => targets.some(({ arn }) => arn === TargetArn))
              .map(({ name }) => name),
          }),
        },
      ),
      DescribeRule: operation(
        v.object({ Name: v.string(), EventBusName: v.optional(v.string(), DEFAULT_BUS) }),
        {
          demands: ({ Name, EventBusName }) => [
            { action: 'events:DescribeRule', resource: named(Name, EventBusName)?.arn ?? '*' },
          ],
          perform: ({ Name, EventBusName }) => {
            const rule = named(Name, EventBusName);
            if (rule === undefined) {
              throw new AwsError(
                'ResourceNotFoundException',
                `Rule ${Name.slice(0, 64)} does not exist on EventBus ${EventBusName}.`,
              );
            }
            return {
              Name: rule.name,
              Arn: rule.arn,
              EventBusName: rule.busName,
              State: rule.enabled ? 'ENABLED' : 'DISABLED',
              ...(rule.scheduleExpression !== null && {
                ScheduleExpression: rule.scheduleExpression,
              }),
            };
          },
        },
      ),
    },
  };
}
