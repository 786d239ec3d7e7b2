// SNS topics of the template, with their subscriptions.

import * as v from 'valibot';
import type { ResolvedTemplate } from './intrinsics.ts';
import { AssemblyError, narrow } from './template.ts';

export interface TopicDefinition {
  readonly logicalId: string;
  readonly arn: string;
  readonly displayName: string;
  /** Of whoever gets the messages by e-mail. */
  readonly emails: readonly string[];
}

const subscriptionSchema = v.strictObject({
  Protocol: v.string(),
  Endpoint: v.string(),
});

const topicSchema = v.looseObject({
  DisplayName: v.optional(v.string(), ''),
  Subscription: v.optional(v.array(subscriptionSchema), []),
});

export function readTopics(template: ResolvedTemplate): TopicDefinition[] {
  const [inline] = template.resources('AWS::SNS::TopicInlinePolicy');
  if (inline !== undefined) {
    throw unsupported(inline.logicalId, 'AWS::SNS::TopicInlinePolicy: use AWS::SNS::TopicPolicy');
  }
  const apart = template.resources('AWS::SNS::Subscription').map(({ logicalId, properties }) => {
    const { TopicArn, ...subscription } = narrow(
      v.strictObject({ ...subscriptionSchema.entries, TopicArn: v.string() }),
      properties,
      logicalId,
    );
    return { topicArn: TopicArn, email: emailOf(subscription, logicalId) };
  });
  return template.resources('AWS::SNS::Topic').map(({ logicalId, ref, properties }) => {
    for (const property of ['KmsMasterKeyId', 'FifoTopic', 'DeliveryStatusLogging']) {
      // Encrypted, CloudWatch can publish only where the key's policy lets it; the rest changes deliveries.
      if (properties[property] !== undefined) throw unsupported(logicalId, property);
    }
    const { DisplayName, Subscription } = narrow(topicSchema, properties, logicalId);
    return {
      logicalId,
      arn: ref,
      displayName: DisplayName,
      emails: [
        ...Subscription.map((subscription) => emailOf(subscription, logicalId)),
        ...apart.filter(({ topicArn }) => topicArn === ref).map(({ email }) => email),
      ],
    };
  });
}

function emailOf(
  { Protocol, Endpoint }: v.InferOutput<typeof subscriptionSchema>,
  logicalId: string,
): string {
  if (Protocol !== 'email') throw unsupported(logicalId, `a subscription by ${Protocol}`);
  return Endpoint;
}

const unsupported = (logicalId: string, what: string): AssemblyError =>
  new AssemblyError('unsupported-property', `${logicalId}: ${what} is not imitated`);
