// How a tick of a rule reaches its target, and where it goes when it does not: EventBridge's part.
// A missing permission is final for EventBridge: the event goes to the dead-letter queue at once.

import { type InvokePermission, mayInvoke } from './assembly/permissions.ts';
import type { QueuePolicy } from './assembly/resource-policies.ts';
import type { RuleDefinition, RuleTarget } from './assembly/rules.ts';
import type { BusEvent } from './aws/event-bus.ts';
import type { Queues } from './aws/queues.ts';
import { resourcePolicyAllows } from './resource-policy.ts';

const EVENTBRIDGE = 'events.amazonaws.com';

export interface DeliveryTarget {
  readonly definition: { readonly name: string; readonly arn: string };
  /** Takes the event for asynchronous invocation. */
  readonly submit: (payload: unknown) => void;
}

export interface DeliveryOptions {
  readonly functions: readonly DeliveryTarget[];
  readonly permissions: readonly InvokePermission[];
  readonly queuePolicies: readonly QueuePolicy[];
  readonly queues: Queues;
}

export type Delivered =
  | { readonly to: 'function'; readonly name: string }
  | { readonly to: 'dead-letter-queue'; readonly errorCode: string }
  | { readonly to: 'nowhere'; readonly errorCode: string };

export function deliver(
  rule: RuleDefinition,
  target: RuleTarget,
  event: BusEvent,
  options: DeliveryOptions,
): Delivered {
  const payload: unknown = target.input === null ? event : JSON.parse(target.input);
  const found = options.functions.find(({ definition }) => definition.arn === target.arn);
  if (found === undefined) return deadLetter(rule, target, payload, 'NO_RESOURCE', options);
  const invoker = { principal: EVENTBRIDGE, sourceArn: rule.arn };
  if (!mayInvoke(options.permissions, found.definition, invoker)) {
    return deadLetter(rule, target, payload, 'NO_PERMISSIONS', options);
  }
  found.submit(payload);
  return { to: 'function', name: found.definition.name };
}

function deadLetter(
  rule: RuleDefinition,
  { arn, deadLetterArn }: RuleTarget,
  payload: unknown,
  errorCode: string,
  { queues, queuePolicies }: DeliveryOptions,
): Delivered {
  if (deadLetterArn === null || !maySend(queuePolicies, deadLetterArn, rule.arn)) {
    return { to: 'nowhere', errorCode };
  }
  const text = (value: string) => ({ DataType: 'String', StringValue: value });
  queues.send(nameOf(deadLetterArn), {
    body: JSON.stringify(payload),
    attributes: {
      RULE_ARN: text(rule.arn),
      TARGET_ARN: text(arn),
      ERROR_CODE: text(errorCode),
    },
  });
  return { to: 'dead-letter-queue', errorCode };
}

/** The queue's own policy decides: EventBridge has no role here. */
function maySend(policies: readonly QueuePolicy[], queueArn: string, ruleArn: string): boolean {
  const statements = policies
    .filter((policy) => policy.queueArn === queueArn)
    .flatMap((policy) => policy.statements);
  return resourcePolicyAllows(statements, {
    service: EVENTBRIDGE,
    sourceArn: ruleArn,
    action: 'sqs:SendMessage',
    resource: queueArn,
  });
}

export const nameOf = (arn: string): string => arn.slice(arn.lastIndexOf(':') + 1);
