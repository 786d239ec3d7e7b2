// SQS on the wire (JSON 1.0): queue URLs point back at this server.

import * as v from 'valibot';
import type { Queues } from './queues.ts';
import { blob, type Demand, operation, type Service } from './service.ts';

const text = v.optional(v.string());
const count = v.optional(v.number());
const names = v.optional(v.array(v.string()));
const messageAttribute = v.object({
  DataType: v.string(),
  StringValue: text,
  BinaryValue: v.optional(blob),
});

export function queuesService(queues: Queues): Service {
  const on = (action: string, name: string): readonly Demand[] => [
    { action: `sqs:${action}`, resource: queues.arnOf(name) },
  ];
  const url = (endpoint: string, name: string) => `${endpoint}/${queues.accountId}/${name}`;

  return {
    target: 'AmazonSQS',
    signingName: 'sqs',
    jsonVersion: '1.0',
    operations: {
      SendMessage: operation(
        v.object({
          QueueUrl: v.string(),
          MessageBody: v.string(),
          DelaySeconds: count,
          MessageAttributes: v.optional(v.record(v.string(), messageAttribute)),
        }),
        {
          demands: (input) => on('SendMessage', nameOf(input.QueueUrl)),
          perform: (input) =>
            queues.send(nameOf(input.QueueUrl), {
              body: input.MessageBody,
              attributes: input.MessageAttributes,
              delaySeconds: input.DelaySeconds,
            }),
        },
      ),
      ReceiveMessage: operation(
        v.object({
          QueueUrl: v.string(),
          MaxNumberOfMessages: count,
          VisibilityTimeout: count,
          MessageAttributeNames: names,
        }),
        {
          demands: (input) => on('ReceiveMessage', nameOf(input.QueueUrl)),
          perform: (input) =>
            queues.receive(nameOf(input.QueueUrl), {
              maxMessages: input.MaxNumberOfMessages,
              visibilityTimeoutSeconds: input.VisibilityTimeout,
              attributeNames: input.MessageAttributeNames,
            }),
        },
      ),
      DeleteMessage: operation(v.object({ QueueUrl: v.string(), ReceiptHandle: v.string() }), {
        demands: (input) => on('DeleteMessage', nameOf(input.QueueUrl)),
        perform: (input) => {
          queues.delete(nameOf(input.QueueUrl), input.ReceiptHandle);
          return {};
        },
      }),
      PurgeQueue: operation(v.object({ QueueUrl: v.string() }), {
        demands: (input) => on('PurgeQueue', nameOf(input.QueueUrl)),
        perform: (input) => {
          queues.purge(nameOf(input.QueueUrl));
          return {};
        },
      }),
      GetQueueUrl: operation(v.object({ QueueName: v.string() }), {
        demands: (input) => on('GetQueueUrl', input.QueueName),
        perform: (input, caller) => {
          queues.assertExists(input.QueueName);
          return { QueueUrl: url(caller.endpoint, input.QueueName) };
        },
      }),
      GetQueueAttributes: operation(v.object({ QueueUrl: v.string(), AttributeNames: names }), {
        demands: (input) => on('GetQueueAttributes', nameOf(input.QueueUrl)),
        perform: (input) => queues.attributes(nameOf(input.QueueUrl), input.AttributeNames),
      }),
      ListQueues: operation(v.object({ QueueNamePrefix: text }), {
        demands: () => on('ListQueues', '*'),
        perform: (input, caller) => ({
          QueueUrls: queues.names(input.QueueNamePrefix).map((name) => url(caller.endpoint, name)),
        }),
      }),
    },
  };
}

function nameOf(queueUrl: string): string {
  return queueUrl.split('/').at(-1) ?? '';
}
