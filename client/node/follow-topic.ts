// A subscription that outlives its key: in Momento's order, each item once, and a gap is told.

import {
  type NumberedItem,
  type Stream,
  type SubscribingClient,
  splice,
  type TopicGap,
} from '../browser/splice.ts';
import { told } from '../browser/told.ts';
import { type Clock, systemClock } from './clock.ts';
import type { Start } from './follower.ts';

/** `RotatingCredentials`, as far as it is used. */
export interface Follows<Client> {
  follow(start: Start<Client>): Promise<() => Promise<void>>;
}

export type { SubscribingClient } from '../browser/splice.ts';

export interface TopicHandlers<Item> {
  /** Each item, in Momento's order, once. What it throws is thrown where nothing catches it. */
  readonly onItem: (item: Item) => void;
  /**
   * Items are missing before the next one, or the topic was made anew and counts from 1: load what they would
   * have told.
   * @default nothing
   */
  readonly onGap?: (gap: TopicGap) => void;
  /** An item that the SDK could not read. The subscription goes on. @default nothing */
  readonly onError?: (error: unknown) => void;
}

export interface FollowTopicOptions {
  /**
   * For how long, in milliseconds, both subscriptions are kept after a rotation if nothing comes on the new one:
   * what is under way on the old one has that long to arrive. Below 10,000.
   * @default 2,000
   */
  readonly overlapMs?: number;
  /** @default the system's */
  readonly clock?: Clock;
}

/** A stop of `follow` has no longer. */
const LONGEST_OVERLAP_MS = 10_000;

interface Subscription {
  unsubscribe(): void;
}

/**
 * Subscribes, and goes on through every rotation and loss until what it resolves with is called, or the
 * credentials are closed. `onEvent` of the credentials hears of losses.
 * @throws CredentialsFailure, why it could not subscribe the first time, and RangeError for an `overlapMs` that is
 * none
 */
export async function followTopic<Item extends NumberedItem>(
  momento: Follows<SubscribingClient<Item>>,
  cacheName: string,
  topicName: string,
  { onItem, onGap, onError }: TopicHandlers<Item>,
  { overlapMs = 2_000, clock = systemClock }: FollowTopicOptions = {},
): Promise<() => Promise<void>> {
  if (!(overlapMs >= 0 && overlapMs < LONGEST_OVERLAP_MS)) {
    throw new RangeError(`overlapMs is ${overlapMs}: give milliseconds, less than 10,000`);
  }
  let newest: Stream<Item> | undefined;
  /** By stream: ends the wait for what is under way on it. */
  const over = new Map<Stream<Item>, () => void>();
  const joint = splice<Item>({
    item: (item) => told(() => onItem(item)),
    gap: (gap) => told(() => onGap?.(gap)),
    over: (stream) => over.get(stream)?.(),
  });

  return momento.follow(async (topics, lost) => {
    let isOver = () => {};
    const replaced = new Promise<void>((resolve) => {
      isOver = resolve;
    });
    const before = newest;
    const stream = joint.open();
    over.set(stream, isOver);
    newest = stream;
    const end = () => {
      if (newest === stream) newest = before;
      over.delete(stream);
      isOver();
      stream.end();
    };
    try {
      const subscription = await topics.subscribe(cacheName, topicName, {
        onItem: (item) => stream.item(item),
        onDiscontinuity: (gap) => stream.position(gap.newSequenceNumber()),
        onError: (error, { isSubscribed }) => {
          if (isSubscribed) return told(() => onError?.(error));
          end();
          lost(error);
        },
      });
      if (!isSubscription(subscription)) throw innerExceptionOf(subscription);
      return async () => {
        if (newest !== stream) {
          const cancel = clock.after(overlapMs, isOver);
          await replaced;
          cancel();
        }
        end();
        subscription.unsubscribe();
      };
    } catch (error) {
      end();
      throw error;
    }
  });
}

const isSubscription = (answer: unknown): answer is Subscription =>
  typeof (Object(answer) as { readonly unsubscribe?: unknown }).unsubscribe === 'function';

/** What the SDK returns of a failure is no error yet. */
function innerExceptionOf(answer: unknown): unknown {
  const { innerException } = Object(answer) as { readonly innerException?: unknown };
  return typeof innerException === 'function'
    ? innerException.call(answer)
    : new Error('The client gave no subscription');
}
