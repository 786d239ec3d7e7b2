// Resource policies of queues: who may send to them.

import * as v from 'valibot';
import type { ResolvedTemplate } from './intrinsics.ts';
import { type PolicyStatement, readPolicyDocument } from './policy-documents.ts';
import { narrow } from './template.ts';

export interface QueuePolicy {
  readonly queueArn: string;
  readonly statements: readonly PolicyStatement[];
}

const queuePolicySchema = v.looseObject({
  Queues: v.array(v.string()),
  PolicyDocument: v.unknown(),
});

/** One entry per queue of the template that has a policy, also where several resources add to it. */
export function readQueuePolicies(template: ResolvedTemplate): QueuePolicy[] {
  const arnByUrl = new Map(
    template.resources('AWS::SQS::Queue').map(({ ref, arn, name }) => [ref, arn ?? name]),
  );
  const statementsByArn = new Map<string, PolicyStatement[]>();
  for (const { logicalId, properties } of template.resources('AWS::SQS::QueuePolicy')) {
    const { Queues, PolicyDocument } = narrow(queuePolicySchema, properties, logicalId);
    const statements = readPolicyDocument(PolicyDocument, logicalId);
    for (const url of Queues) {
      const queueArn = arnByUrl.get(url) ?? url;
      statementsByArn.set(queueArn, [...(statementsByArn.get(queueArn) ?? []), ...statements]);
    }
  }
  return Array.from(statementsByArn, ([queueArn, statements]) => ({ queueArn, statements }));
}
