// Resource policies of queues and topics: who may send to them.

import * as v from 'valibot';
import type { ResolvedTemplate } from './intrinsics.ts';
import { type PolicyStatement, readPolicyDocument } from './policy-documents.ts';
import { AssemblyError, narrow } from './template.ts';

export interface QueuePolicy {
  readonly queueArn: string;
  readonly statements: readonly PolicyStatement[];
}

const queuePolicySchema = v.looseObject({
  Queues: v.array(v.string()),
  PolicyDocument: v.unknown(),
});

export interface TopicPolicy {
  readonly topicArn: string;
  readonly statements: readonly PolicyStatement[];
}

const topicPolicySchema = v.looseObject({
  Topics: v.array(v.string()),
  PolicyDocument: v.unknown(),
});

/** A topic has one policy: a second resource for the same topic would replace the first. */
export function readTopicPolicies(template: ResolvedTemplate): TopicPolicy[] {
  const policies = template
    .resources('AWS::SNS::TopicPolicy')
    .flatMap(({ logicalId, properties }) => {
      const { Topics, PolicyDocument } = narrow(topicPolicySchema, properties, logicalId);
      const statements = readPolicyDocument(PolicyDocument, logicalId);
      return Topics.map((topicArn) => ({ logicalId, topicArn, statements }));
    });
  for (const [index, { logicalId, topicArn }] of policies.entries()) {
    const other = policies.slice(0, index).find((policy) => policy.topicArn === topicArn);
    if (other === undefined) continue;
    throw new AssemblyError(
      'malformed',
      `${logicalId}: its topic has the policy ${other.logicalId} already`,
    );
  }
  return policies.map(({ topicArn, statements }) => ({ topicArn, statements }));
}

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
