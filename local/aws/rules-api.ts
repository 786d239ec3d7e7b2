// EventBridge's rules on the wire: which call a target, whether they are on, and turning them on and off.

import * as v from 'valibot';
import type { Rules } from './rules.ts';
import { operation, type Service } from './service.ts';

const DEFAULT_BUS = 'default';
const oneRule = v.object({
  Name: v.string(),
  EventBusName: v.optional(v.string(), DEFAULT_BUS),
});

export function rulesService(rules: Rules): Service {
  const demandsOf =
    (action: string) =>
    ({ Name, EventBusName }: v.InferOutput<typeof oneRule>) => [
      { action: `events:${action}`, resource: rules.find(Name, EventBusName)?.arn ?? '*' },
    ];
  const switching = (action: string, isEnabled: boolean) =>
    operation(oneRule, {
      demands: demandsOf(action),
      perform: ({ Name, EventBusName }) => {
        rules.switch(Name, EventBusName, isEnabled);
        return {};
      },
    });
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
              .list(EventBusName)
              .filter(({ targets }) => targets.some(({ arn }) => arn === TargetArn))
              .map(({ name }) => name),
          }),
        },
      ),
      DescribeRule: operation(oneRule, {
        demands: demandsOf('DescribeRule'),
        perform: ({ Name, EventBusName }) => {
          const rule = rules.get(Name, EventBusName);
          return {
            Name: rule.name,
            Arn: rule.arn,
            EventBusName: rule.busName,
            State: rules.isEnabled(rule) ? 'ENABLED' : 'DISABLED',
            ...(rule.scheduleExpression !== null && {
              ScheduleExpression: rule.scheduleExpression,
            }),
          };
        },
      }),
      EnableRule: switching('EnableRule', true),
      DisableRule: switching('DisableRule', false),
    },
  };
}
