// What the policy of a queue or a topic lets an AWS service do that has no role here, on behalf of a resource.

import type { PolicyStatement } from './assembly/policy-documents.ts';
import { evaluate } from './aws/iam.ts';

export interface ServiceRequest {
  /** Such as `events.amazonaws.com`. */
  readonly service: string;
  /** On whose behalf: a rule's or an alarm's ARN. */
  readonly sourceArn: string;
  readonly action: string;
  readonly resource: string;
}

export function resourcePolicyAllows(
  policy: readonly PolicyStatement[],
  { service, sourceArn, action, resource }: ServiceRequest,
): boolean {
  const statements = policy
    .filter(({ Principal }) =>
      [...(Principal?.Service ?? []), ...(Principal?.['*'] ?? []), ...(Principal?.AWS ?? [])].some(
        (who) => who === service || who === '*',
      ),
    )
    .map(({ Principal: _, ...statement }) => statement);
  const { decision } = evaluate(statements, {
    action,
    resource,
    context: {
      'aws:SourceArn': sourceArn,
      'aws:SourceAccount': sourceArn.split(':')[4],
      'aws:SecureTransport': 'true',
    },
  });
  return decision === 'allow';
}
