// EventBridge rules: when they fire, and what they call.

import * as v from 'valibot';
import type { ResolvedTemplate } from './intrinsics.ts';
import { busArnOf, busNameOf } from './physical.ts';
import { AssemblyError, narrow } from './template.ts';

export interface RuleDefinition {
  readonly logicalId: string;
  readonly name: string;
  readonly arn: string;
  readonly busName: string;
  readonly busArn: string;
  /** `rate(…)` or `cron(…)`; null for a rule that only matches events. */
  readonly scheduleExpression: string | null;
  readonly eventPattern: Readonly<Record<string, unknown>> | null;
  readonly enabled: boolean;
  readonly targets: readonly RuleTarget[];
}

export interface RuleTarget {
  readonly id: string;
  readonly arn: string;
  /** JSON text sent instead of the event; null sends the event itself. */
  readonly input: string | null;
  readonly retryPolicy: RuleRetryPolicy;
  readonly deadLetterArn: string | null;
}

/** Of *delivery* only; EventBridge's own defaults are 185 attempts and 24 hours. */
export interface RuleRetryPolicy {
  readonly maximumRetryAttempts: number;
  readonly maximumEventAgeSeconds: number;
}

const targetSchema = v.looseObject({
  Id: v.string(),
  Arn: v.string(),
  Input: v.optional(v.string()),
  RetryPolicy: v.optional(
    v.looseObject({
      MaximumRetryAttempts: v.optional(v.number(), 185),
      MaximumEventAgeInSeconds: v.optional(v.number(), 86_400),
    }),
    {},
  ),
  DeadLetterConfig: v.optional(v.looseObject({ Arn: v.string() })),
});

const ruleSchema = v.looseObject({
  ScheduleExpression: v.optional(v.string()),
  EventPattern: v.optional(v.record(v.string(), v.unknown())),
  EventBusName: v.optional(v.string()),
  State: v.optional(v.string(), 'ENABLED'),
  Targets: v.optional(v.array(targetSchema), []),
});

/** Properties of a target that change what it receives; reading on without them would be wrong. */
const unsupportedTargetProperties = ['InputPath', 'InputTransformer'];

export function readRules(template: ResolvedTemplate): RuleDefinition[] {
  return template.resources('AWS::Events::Rule').map(({ logicalId, name, arn, properties }) => {
    const read = narrow(ruleSchema, properties, logicalId);
    return {
      logicalId,
      name,
      arn: arn ?? name,
      busName: busNameOf(read.EventBusName),
      busArn: busArnOf(read.EventBusName, template.deployment),
      scheduleExpression: read.ScheduleExpression ?? null,
      eventPattern: read.EventPattern ?? null,
      enabled: read.State !== 'DISABLED',
      targets: read.Targets.map((target) => {
        const unsupported = unsupportedTargetProperties.find((property) => property in target);
        if (unsupported !== undefined) {
          throw new AssemblyError(
            'unsupported-property',
            `${logicalId}: ${unsupported} of target ${target.Id} is not imitated; use Input`,
          );
        }
        return {
          id: target.Id,
          arn: target.Arn,
          input: target.Input ?? null,
          retryPolicy: {
            maximumRetryAttempts: target.RetryPolicy.MaximumRetryAttempts,
            maximumEventAgeSeconds: target.RetryPolicy.MaximumEventAgeInSeconds,
          },
          deadLetterArn: target.DeadLetterConfig?.Arn ?? null,
        };
      }),
    };
  });
}
