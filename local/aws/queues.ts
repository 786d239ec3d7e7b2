// SQS standard queues in memory: enough for dead letters and failure destinations, and to look at them.

import { createHash } from 'node:crypto';
import type {
  GetQueueAttributesResult,
  Message,
  MessageAttributeValue,
  ReceiveMessageResult,
  SendMessageResult,
} from '@aws-sdk/client-sqs';
import { AwsError } from './aws-error.ts';

interface Stored {
  readonly id: string;
  readonly body: string;
  readonly attributes: Readonly<Record<string, MessageAttributeValue>>;
  readonly sentAtMs: number;
  visibleAtMs: number;
  receiveCount: number;
  firstReceivedAtMs: number | undefined;
  /** Of the last receipt: only that one may delete. */
  receiptHandle: string | undefined;
}

interface Queue {
  readonly name: string;
  readonly visibilityTimeoutSeconds: number;
  readonly createdAtMs: number;
  readonly messages: Stored[];
}

const MAX_MESSAGE_BYTES = 1024 * 1024;
const MAX_VISIBILITY_SECONDS = 43_200;

/** Queues are known by name; `SendMessage` and its like take the last part of a queue's URL. */
export class Queues {
  readonly region: string;
  readonly accountId: string;
  readonly #now: () => number;
  readonly #newId: () => string;
  readonly #queues = new Map<string, Queue>();

  constructor(options: {
    region: string;
    accountId: string;
    /** Epoch milliseconds. */
    now: () => number;
    newId: () => string;
  }) {
    this.region = options.region;
    this.accountId = options.accountId;
    this.#now = options.now;
    this.#newId = options.newId;
  }

  /** @param options.visibilityTimeoutSeconds @default 30 */
  create(name: string, options: { visibilityTimeoutSeconds?: number } = {}): { arn: string } {
    this.#queues.set(name, {
      name,
      visibilityTimeoutSeconds: options.visibilityTimeoutSeconds ?? 30,
      createdAtMs: this.#now(),
      messages: [],
    });
    return { arn: this.arnOf(name) };
  }

  arnOf(name: string): string {
    return `arn:aws:sqs:${this.region}:${this.accountId}:${name}`;
  }

  /** @throws AwsError QueueDoesNotExist */
  assertExists(name: string): void {
    this.#queue(name);
  }

  names(prefix = ''): readonly string[] {
    return [...this.#queues.keys()].filter((name) => name.startsWith(prefix)).sort();
  }

  send(
    name: string,
    message: {
      body: string;
      attributes?: Readonly<Record<string, MessageAttributeValue>> | undefined;
      delaySeconds?: number | undefined;
    },
  ): SendMessageResult {
    const queue = this.#queue(name);
    const bytes = Buffer.byteLength(message.body);
    if (bytes < 1 || bytes > MAX_MESSAGE_BYTES) {
      throw new AwsError(
        'InvalidParameterValue',
        `One or more parameters are invalid. Reason: Message must be between 1 and ${MAX_MESSAGE_BYTES} bytes.`,
      );
    }
    const now = this.#now();
    const id = this.#newId();
    queue.messages.push({
      id,
      body: message.body,
      attributes: message.attributes ?? {},
      sentAtMs: now,
      visibleAtMs: now + (message.delaySeconds ?? 0) * 1000,
      receiveCount: 0,
      firstReceivedAtMs: undefined,
      receiptHandle: undefined,
    });
    return { MessageId: id, MD5OfMessageBody: md5(message.body) };
  }

  /** Answers at once, also when asked to wait for a message: there is no long poll here. */
  receive(
    name: string,
    options: {
      maxMessages?: number | undefined;
      visibilityTimeoutSeconds?: number | undefined;
      /** Which custom attributes to hand out: names, or `All`. @default none */
      attributeNames?: readonly string[] | undefined;
    } = {},
  ): ReceiveMessageResult {
    const queue = this.#queue(name);
    const max = options.maxMessages ?? 1;
    if (!Number.isInteger(max) || max < 1 || max > 10) {
      throw new AwsError(
        'InvalidParameterValue',
        `Value ${max} for parameter MaxNumberOfMessages is invalid. Reason: Must be between 1 and 10, if provided.`,
      );
    }
    const hiddenSeconds = options.visibilityTimeoutSeconds ?? queue.visibilityTimeoutSeconds;
    if (!(hiddenSeconds >= 0 && hiddenSeconds <= MAX_VISIBILITY_SECONDS)) {
      throw new AwsError(
        'InvalidParameterValue',
        `Value ${hiddenSeconds} for parameter VisibilityTimeout is invalid. Reason: Must be between 0 and ${MAX_VISIBILITY_SECONDS}, if provided.`,
      );
    }
    const now = this.#now();
    const taken = queue.messages.filter((message) => message.visibleAtMs <= now).slice(0, max);
    for (const message of taken) {
      message.visibleAtMs = now + hiddenSeconds * 1000;
      message.receiveCount += 1;
      message.firstReceivedAtMs ??= now;
      message.receiptHandle = this.#newId();
    }
    if (taken.length === 0) return {};
    return { Messages: taken.map((message) => shown(message, options.attributeNames ?? [])) };
  }

  /** Deleting what is gone already is a success. */
  delete(name: string, receiptHandle: string): void {
    const { messages } = this.#queue(name);
    const index = messages.findIndex((message) => message.receiptHandle === receiptHandle);
    if (index >= 0) messages.splice(index, 1);
  }

  /** All at once, what is hidden too. AWS takes up to a minute for it, and refuses a second one in that time. */
  purge(name: string): void {
    this.#queue(name).messages.length = 0;
  }

  attributes(name: string, wanted: readonly string[] = []): GetQueueAttributesResult {
    const queue = this.#queue(name);
    const now = this.#now();
    const hidden = (message: Stored) => message.visibleAtMs > now;
    const delayed = (message: Stored) => hidden(message) && message.receiveCount === 0;
    const all: Record<string, string> = {
      QueueArn: this.arnOf(name),
      ApproximateNumberOfMessages: String(queue.messages.filter((m) => !hidden(m)).length),
      ApproximateNumberOfMessagesDelayed: String(queue.messages.filter(delayed).length),
      ApproximateNumberOfMessagesNotVisible: String(
        queue.messages.filter((m) => hidden(m) && !delayed(m)).length,
      ),
      CreatedTimestamp: String(Math.floor(queue.createdAtMs / 1000)),
      VisibilityTimeout: String(queue.visibilityTimeoutSeconds),
    };
    const entries = Object.entries(all).filter(
      ([key]) => wanted.includes('All') || wanted.includes(key),
    );
    return entries.length === 0 ? {} : { Attributes: Object.fromEntries(entries) };
  }

  #queue(name: string): Queue {
    const queue = this.#queues.get(name);
    if (!queue) {
      throw new AwsError('QueueDoesNotExist', 'The specified queue does not exist.', {
        queryCode: 'AWS.SimpleQueueService.NonExistentQueue',
      });
    }
    return queue;
  }
}

function shown(message: Stored, attributeNames: readonly string[]): Message {
  const attributes = Object.entries(message.attributes).filter(
    ([name]) => attributeNames.includes('All') || attributeNames.includes(name),
  );
  return {
    MessageId: message.id,
    ...(message.receiptHandle === undefined ? {} : { ReceiptHandle: message.receiptHandle }),
    MD5OfBody: md5(message.body),
    Body: message.body,
    Attributes: {
      SentTimestamp: String(message.sentAtMs),
      ApproximateReceiveCount: String(message.receiveCount),
      ApproximateFirstReceiveTimestamp: String(message.firstReceivedAtMs),
    },
    ...(attributes.length === 0 ? {} : { MessageAttributes: Object.fromEntries(attributes) }),
  };
}

// MD5 because the protocol says so: clients compare it, nothing rests on it.
function md5(text: string): string {
  return createHash('md5').update(text).digest('hex');
}
