// SNS topics in memory: who subscribes, who may publish, and what was sent to whom.

import { AwsError } from './aws-error.ts';

export interface Topic {
  readonly arn: string;
  readonly displayName: string;
}

export interface Subscription {
  readonly arn: string;
  readonly topicArn: string;
  readonly protocol: string;
  readonly endpoint: string;
}

/** One message, and the endpoints that got it. */
export interface Notification {
  readonly messageId: string;
  readonly topicArn: string;
  readonly subject: string;
  readonly message: string;
  /** Epoch milliseconds. */
  readonly timeMs: number;
  readonly recipients: readonly string[];
}

const MAX_MESSAGE_BYTES = 256 * 1024;
const MAX_SUBJECT_LENGTH = 100;

export class Topics {
  readonly accountId: string;
  readonly #now: () => number;
  readonly #newId: () => string;
  readonly #topics = new Map<string, Topic>();
  readonly #subscriptions: Subscription[] = [];
  readonly #sent: Notification[] = [];

  constructor(options: {
    accountId: string;
    /** Epoch milliseconds. */
    now: () => number;
    newId: () => string;
  }) {
    this.accountId = options.accountId;
    this.#now = options.now;
    this.#newId = options.newId;
  }

  create(topic: Topic): void {
    this.#topics.set(topic.arn, topic);
  }

  /** Confirmed at once: nobody here clicks on the link in an e-mail. */
  subscribe(topicArn: string, { protocol, endpoint }: Pick<Subscription, 'protocol' | 'endpoint'>) {
    const topic = this.find(topicArn);
    const arn = `${topic.arn}:${this.#newId()}`;
    this.#subscriptions.push({ arn, topicArn, protocol, endpoint });
  }

  /** Everything published so far, oldest first. */
  get sent(): readonly Notification[] {
    return this.#sent;
  }

  list(): readonly Topic[] {
    return [...this.#topics.values()];
  }

  /** @param topicArn @default all topics */
  subscriptions(topicArn?: string): readonly Subscription[] {
    return this.#subscriptions.filter(
      (subscription) => topicArn === undefined || subscription.topicArn === topicArn,
    );
  }

  /** @throws AwsError NotFound */
  find(topicArn: string): Topic {
    const topic = this.#topics.get(topicArn);
    if (topic === undefined) {
      throw new AwsError('NotFound', 'Topic does not exist', { status: 404 });
    }
    return topic;
  }

  /** Whoever calls has made sure that the publisher may. @throws AwsError NotFound, InvalidParameter */
  publish(topicArn: string, { subject, message }: { subject?: string; message: string }) {
    const topic = this.find(topicArn);
    const bytes = Buffer.byteLength(message);
    if (bytes < 1 || bytes > MAX_MESSAGE_BYTES) {
      throw new AwsError('InvalidParameter', 'Invalid parameter: Message too long or empty');
    }
    if (subject !== undefined && (subject === '' || subject.length > MAX_SUBJECT_LENGTH)) {
      throw new AwsError('InvalidParameter', 'Invalid parameter: Subject');
    }
    const notification: Notification = {
      messageId: this.#newId(),
      topicArn: topic.arn,
      subject: subject ?? '',
      message,
      timeMs: this.#now(),
      recipients: this.subscriptions(topicArn).map(({ endpoint }) => endpoint),
    };
    this.#sent.push(notification);
    return notification;
  }
}
