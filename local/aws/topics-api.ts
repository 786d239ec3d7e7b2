// SNS on the wire (the query protocol): to look at topics and their subscribers, and to publish.

import * as v from 'valibot';
import type { QueryService } from './query-protocol.ts';
import { operation } from './service.ts';
import type { Subscription, Topics } from './topics.ts';

const byTopic = v.object({ TopicArn: v.string() });

export function topicsService(topics: Topics): QueryService {
  const shown = ({ arn, topicArn, protocol, endpoint }: Subscription) => ({
    SubscriptionArn: arn,
    Owner: topics.accountId,
    Protocol: protocol,
    Endpoint: endpoint,
    TopicArn: topicArn,
  });

  return {
    version: '2010-03-31',
    xmlNamespace: 'http://sns.amazonaws.com/doc/2010-03-31/',
    signingName: 'sns',
    operations: {
      ListTopics: operation(v.object({}), {
        demands: () => [{ action: 'sns:ListTopics', resource: '*' }],
        perform: () => ({ Topics: topics.list().map(({ arn }) => ({ TopicArn: arn })) }),
      }),
      ListSubscriptions: operation(v.object({}), {
        demands: () => [{ action: 'sns:ListSubscriptions', resource: '*' }],
        perform: () => ({ Subscriptions: topics.subscriptions().map(shown) }),
      }),
      ListSubscriptionsByTopic: operation(byTopic, {
        demands: ({ TopicArn }) => [{ action: 'sns:ListSubscriptionsByTopic', resource: TopicArn }],
        perform: ({ TopicArn }) => ({
          Subscriptions: topics.subscriptions(topics.find(TopicArn).arn).map(shown),
        }),
      }),
      Publish: operation(
        v.object({ TopicArn: v.string(), Message: v.string(), Subject: v.optional(v.string()) }),
        {
          demands: ({ TopicArn }) => [{ action: 'sns:Publish', resource: TopicArn }],
          perform: ({ TopicArn, Message, Subject }) => {
            const { messageId } = topics.publish(TopicArn, {
              message: Message,
              ...(Subject !== undefined && { subject: Subject }),
            });
            return { MessageId: messageId };
          },
        },
      ),
    },
  };
}
