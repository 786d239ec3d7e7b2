// A subscription that outlives its tokens: subscribed with the new client first, then dropped on the old one.

import { isTokenRefused } from './momento-error.ts';
import type { Lease, MovingClient } from './moving-client.ts';
import type { MomentoToken } from './request-token.ts';
import {
  type NumberedItem,
  type Stream,
  type SubscribingClient,
  splice,
  type TopicGap,
} from './splice.ts';
import { told } from './told.ts';

export type { SubscribingClient } from './splice.ts';

export interface TopicHandlers<Item> {
  /** Each message, in Momento's order, once. */
  readonly onItem: (item: Item) => void;
  /** Messages are missing before the next one: load anew what they would have told. @default nothing */
  readonly onGap?: (gap: TopicGap) => void;
  /**
   * An error of the SDK other than a refused token, or what making the client threw; the subscription is
   * tried again, with growing pauses and at the next token. Why there is no token is in the provider's
   * state. @default nothing
   */
  readonly onError?: (error: unknown) => void;
}

export interface FollowOptions {
  /**
   * How long the old subscription is kept after the new one began, if nothing comes on the new one.
   * Messages under way on the old one have that long to arrive.
   *
   * @default 5,000 milliseconds
   */
  readonly overlapMs?: number;
}

export interface TopicFollower {
  /** Resolves when it is subscribed for the first time. Never rejects. */
  readonly subscribed: Promise<void>;
  close(): void;
}

interface Subscription {
  readonly isSubscribed: boolean;
  unsubscribe(): void;
}

interface Part<Item> {
  readonly token: MomentoToken;
  readonly stream: Stream<Item>;
  lease?: Lease<SubscribingClient<Item>>;
  subscription?: Subscription;
  /** First until the answer, then until the old subscription goes. */
  timer?: ReturnType<typeof setTimeout>;
}

const RETRY_MS = 1_000;
const LONGEST_RETRY_MS = 10_000;
const WATCH_MS = 1_000;
/** The SDK sets no limit itself. */
const SUBSCRIBE_MS = 15_000;

/**
 * Subscribes until `close()`, or until the provider is closed. At a login (`renew()`) the subscription
 * ends at once, and another begins with the new login's token.
 */
export function followTopic<Item extends NumberedItem>(
  topics: MovingClient<SubscribingClient<Item>>,
  cacheName: string,
  topicName: string,
  { onItem, onGap, onError }: TopicHandlers<Item>,
  { overlapMs = 5_000 }: FollowOptions = {},
): TopicFollower {
  const { tokens } = topics;
  const parts = new Set<Part<Item>>();
  let newest: Part<Item> | undefined;
  let { login } = tokens.getState();
  let failures = 0;
  let retry: ReturnType<typeof setTimeout> | undefined;
  let closed = false;
  let isSubscribed = () => {};
  const subscribed = new Promise<void>((resolve) => {
    isSubscribed = resolve;
  });

  const drop = (part: Part<Item>) => {
    if (!parts.delete(part)) return;
    clearTimeout(part.timer);
    part.stream.end();
    part.subscription?.unsubscribe();
    part.lease?.release();
  };
  const dropAll = () => {
    clearTimeout(retry);
    newest = undefined;
    for (const part of [...parts]) drop(part);
  };

  const joint = splice<Item>({
    item: (item) => told(() => onItem(item)),
    gap: (gap) => told(() => onGap?.(gap)),
    over: (stream) => {
      for (const part of [...parts]) if (part.stream === stream) drop(part);
    },
  });

  const fail = (part: Part<Item>, error: unknown) => {
    if (!parts.has(part)) return;
    drop(part);
    // An old subscription may die: the new one is there, or on its way.
    if (part !== newest) return;
    if (isTokenRefused(error)) {
      // The next token may be the same again, if the endpoint gives one to many; the provider takes its time.
      newest = undefined;
      return void tokens.renew(part.token);
    }
    told(() => onError?.(error));
    const pauseMs = Math.min(LONGEST_RETRY_MS, RETRY_MS * 2 ** failures);
    failures += 1;
    retry = setTimeout(
      () => {
        if (part === newest) void move(part.token);
      },
      pauseMs * (0.5 + 0.5 * Math.random()),
    );
  };

  const move = async (token: MomentoToken) => {
    clearTimeout(retry);
    const part: Part<Item> = { token, stream: joint.open() };
    parts.add(part);
    newest = part;
    part.timer = setTimeout(() => fail(part, new Error('Momento did not answer')), SUBSCRIBE_MS);
    try {
      part.lease = topics.lease(token);
      const answer = await part.lease.client.subscribe(cacheName, topicName, {
        onItem: (item) => part.stream.item(item),
        onDiscontinuity: (gap) => part.stream.position(gap.newSequenceNumber()),
        onError: (error, subscription) => {
          // A message that the SDK cannot read: the stream goes on.
          if (subscription.isSubscribed) told(() => onError?.(error));
          else fail(part, error);
        },
      });
      if (!isSubscription(answer)) return fail(part, answer);
      if (!parts.has(part)) return answer.unsubscribe();
      part.subscription = answer;
    } catch (error) {
      return fail(part, error);
    }
    failures = 0;
    isSubscribed();
    clearTimeout(part.timer);
    part.timer = setTimeout(() => part.stream.join(), overlapMs);
  };

  const stop = tokens.subscribe(follow);
  /** The present state: one that is told may have been overtaken by a login. */
  function follow(): void {
    const { status, token, login: present } = tokens.getState();
    const isOver = status === 'forbidden' || status === 'login-needed' || present !== login;
    login = present;
    if (status === 'closed') close();
    else if (isOver) dropAll();
    if (!closed && token && token.authToken !== newest?.token.authToken) void move(token);
  }
  // A stream of the SDK (1.118) that had no message yet, and loses the network for longer than its first
  // attempt to come back, ends without telling anybody.
  const watch = setInterval(() => {
    if (newest?.subscription?.isSubscribed === false) {
      fail(newest, new Error('The subscription ended without a word'));
    }
  }, WATCH_MS);
  function close(): void {
    stop();
    clearInterval(watch);
    closed = true;
    dropAll();
  }
  tokens
    .getToken()
    // The provider's state tells.
    .catch(() => {})
    .then(follow);
  return { subscribed, close };
}

const isSubscription = (answer: unknown): answer is Subscription =>
  typeof (Object(answer) as { readonly unsubscribe?: unknown }).unsubscribe === 'function';
