// A followed topic: in order, each item once, a gap is told; through rotations, losses and topics made anew.

import { CacheNotFoundError, LimitExceededError, TopicItem, TopicSubscribe } from '@gomomento/sdk';
import { afterEach, beforeEach, describe, expect, jest, test } from '@jest/globals';
import { followTopic, rotatingCredentials } from '../../../client/node/index.ts';
import { receiveEvents } from '../../../docs/snippets/node/topic.ts';
import { SECRET_ARN, settled, verdict, World } from './world.ts';

interface Handlers {
  readonly onItem: (item: TopicItem) => void;
  readonly onError: (error: unknown, subscription: { readonly isSubscribed: boolean }) => void;
  readonly onDiscontinuity: (gap: { newSequenceNumber(): number }) => void;
}

/** What Momento and its SDK do with one subscription, in the test's hand. */
class FakeSubscription {
  readonly #handlers: Handlers;
  readonly topic: string;
  isSubscribed = true;

  constructor(topic: string, handlers: Handlers) {
    this.topic = topic;
    this.#handlers = handlers;
  }

  send(...items: [number, string][]): void {
    // After `unsubscribe()` nothing comes.
    if (!this.isSubscribed) return;
    for (const [number, value] of items) this.#handlers.onItem(new TopicItem(value, number, {}));
  }

  skipTo(number: number): void {
    this.#handlers.onDiscontinuity({ newSequenceNumber: () => number });
  }

  unreadable(): void {
    this.#handlers.onError(new Error('Unknown item value type'), this);
  }

  die(error: unknown = new Error('old key died')): void {
    this.isSubscribed = false;
    this.#handlers.onError(error, this);
  }

  unsubscribe(): void {
    this.isSubscribed = false;
  }
}

let world: World;
let subscriptions: FakeSubscription[];
let answer: () => unknown;
let got: string[];
beforeEach(() => {
  world = new World();
  subscriptions = [];
  answer = () => undefined;
  got = [];
});
const open: { close(): Promise<void> }[] = [];
afterEach(async () => {
  for (const momento of open.splice(0)) await momento.close();
});

const at = (index: number): FakeSubscription => {
  const subscription = subscriptions[index];
  if (subscription === undefined) throw new Error(`there is no subscription ${index}`);
  return subscription;
};

function credentials() {
  const momento = rotatingCredentials({
    secretId: SECRET_ARN,
    secretsManager: world.secretsManager,
    clock: world.clock,
    checkEveryMs: 86_400_000,
    onEvent: (event) => world.events.push(event),
    makeClient: () => ({
      async subscribe(cacheName: string, topicName: string, handlers: Handlers) {
        const failed = answer();
        if (failed !== undefined) return failed;
        const subscription = new FakeSubscription(`${cacheName}/${topicName}`, handlers);
        subscriptions.push(subscription);
        return subscription;
      },
    }),
  });
  open.push(momento);
  return momento;
}

async function follow(overlapMs?: number) {
  const momento = credentials();
  const stop = await followTopic(
    momento,
    'collaboration',
    'acme-events',
    {
      onItem: (item) => got.push(`${item.sequenceNumber()} ${item.valueString()}`),
      onGap: ({ after, next }) => got.push(`gap ${after}-${next}`),
      onError: (error) => got.push(String(error)),
    },
    { clock: world.clock, ...(overlapMs !== undefined && { overlapMs }) },
  );
  const rotate = async () => {
    world.rotate();
    await momento.noticeRotation();
    await settled();
  };
  return { momento, stop, rotate };
}

describe('around a rotation', () => {
  test('what comes over both comes once; the old one ends as soon as nothing can be missed', async () => {
    const { rotate } = await follow();
    at(0).send([1, 'a'], [2, 'b']);
    await rotate();
    expect(subscriptions.map(({ isSubscribed }) => isSubscribed)).toEqual([true, true]);
    at(0).send([3, 'c']);
    at(1).send([3, 'c'], [4, 'd']);
    await settled();
    expect(subscriptions.map(({ isSubscribed }) => isSubscribed)).toEqual([false, true]);
    expect(got).toEqual(['1 a', '2 b', '3 c', '4 d']);
    // The look at the secret alone is left.
    expect([...world.clock.timers].map(({ background }) => background)).toEqual([true]);
  });

  test('a new one that is ahead waits for what is under way on the old one', async () => {
    const { rotate } = await follow();
    at(0).send([1, 'a']);
    await rotate();
    at(1).send([4, 'd']);
    expect(got).toEqual(['1 a']);
    at(0).send([2, 'b'], [3, 'c'], [4, 'd']);
    at(1).send([5, 'e']);
    expect(got).toEqual(['1 a', '2 b', '3 c', '4 d', '5 e']);
  });

  test.each([
    [undefined, 2_000],
    [300, 300],
  ])('a quiet topic (overlapMs %p): the old one ends after %d ms', async (overlapMs, endsMs) => {
    const { rotate } = await follow(overlapMs);
    await rotate();
    await world.clock.pass(endsMs - 1);
    expect(at(0).isSubscribed).toBe(true);
    await world.clock.pass(1);
    expect(subscriptions.map(({ isSubscribed }) => isSubscribed)).toEqual([false, true]);
    at(1).send([1, 'a']);
    expect(got).toEqual(['1 a']);
  });

  test('the late error of the old one takes nothing from the new one, and repeats nothing', async () => {
    const { rotate } = await follow();
    at(0).send([1, 'a']);
    await rotate();
    at(0).send([2, 'b']);
    at(0).die();
    at(1).send([2, 'b'], [3, 'c']);
    expect(got).toEqual(['1 a', '2 b', '3 c']);
    await world.clock.pass(60_000);
    expect(subscriptions).toHaveLength(2);
  });

  test('the old one dies before the new one caught up: the hole is told', async () => {
    const { rotate } = await follow();
    at(0).send([1, 'a']);
    await rotate();
    at(1).send([4, 'd']);
    expect(got).toEqual(['1 a']);
    at(0).die();
    expect(got).toEqual(['1 a', 'gap 1-4', '4 d']);
  });

  test.each<[string, () => unknown]>([
    [
      'an error response',
      () => new TopicSubscribe.Error(new LimitExceededError('too many subscriptions')),
    ],
    [
      'an error',
      () => {
        throw new Error('too many subscriptions');
      },
    ],
  ])(
    '%s for the new one: the old one goes on alone, and is not waited for at the end',
    async (_, said) => {
      const { momento, rotate } = await follow();
      answer = said;
      await rotate();
      at(0).send([1, 'a']);
      expect(got).toEqual(['1 a']);
      const [failed] = world.eventsOf('follower-failed');
      expect(String(failed?.error)).toMatch(/too many subscriptions/);
      await momento.close();
      expect(at(0).isSubscribed).toBe(false);
    },
  );
});

describe('a topic that is made anew counts from 1', () => {
  test('on the same stream, without an error: nothing is taken for known', async () => {
    await follow();
    at(0).send([1, 'a'], [2, 'b'], [1, 'new a'], [2, 'b'], [3, 'new c']);
    expect(got).toEqual(['1 a', '2 b', 'gap 2-1', '1 new a', '2 b', '3 new c']);
  });

  test('while the old stream is still there', async () => {
    const { rotate } = await follow();
    at(0).send([7, 'a'], [8, 'b']);
    got = [];
    await rotate();
    at(1).send([1, 'new a'], [2, 'new b']);
    await settled();
    expect(at(0).isSubscribed).toBe(false);
    expect(got).toEqual(['gap 8-1', '1 new a', '2 new b']);
  });
});

describe('without a rotation', () => {
  test('Momento says that items are gone: told before the next one', async () => {
    await follow();
    at(0).send([1, 'a']);
    at(0).skipTo(5);
    at(0).send([6, 'f']);
    expect(got).toEqual(['1 a', 'gap 1-6', '6 f']);
  });

  test('lost: subscribed anew on the same client, and the hole is told', async () => {
    await follow();
    at(0).send([1, 'a']);
    at(0).die();
    await world.clock.pass(750);
    at(1).send([2, 'b']);
    at(1).die();
    await world.clock.pass(1_500);
    at(2).send([5, 'e']);
    expect(got).toEqual(['1 a', '2 b', 'gap 2-5', '5 e']);
  });

  test('an item that cannot be read is told of, and the subscription goes on', async () => {
    await follow();
    at(0).unreadable();
    at(0).send([1, 'a']);
    await world.clock.pass(60_000);
    expect(got).toEqual(['Error: Unknown item value type', '1 a']);
    expect(subscriptions).toHaveLength(1);
  });

  test('a bug of onItem is reported, and takes no item away', async () => {
    const bugs: unknown[] = [];
    const microtask = jest.spyOn(globalThis, 'queueMicrotask').mockImplementation((run) => {
      Promise.resolve()
        .then(run)
        .catch((error) => bugs.push(error));
    });
    const bug = new Error('a bug of the application');
    await followTopic(credentials(), 'collaboration', 'acme-events', {
      onItem: (item) => {
        if (item.sequenceNumber() === 2) throw bug;
        got.push(item.valueString());
      },
    });
    at(0).send([1, 'a'], [2, 'b'], [3, 'c']);
    await settled();
    expect(got).toEqual(['a', 'c']);
    expect(bugs).toEqual([bug]);
    microtask.mockRestore();
  });

  test.each([-1, 10_000, Number.NaN])('an overlapMs of %d is refused', async (overlapMs) => {
    await expect(follow(overlapMs)).rejects.toThrow(RangeError);
    expect(subscriptions).toEqual([]);
  });
});

test.each<[string, () => unknown, RegExp]>([
  [
    'an error response',
    () => new TopicSubscribe.Error(new CacheNotFoundError('no such cache')),
    /no such cache/,
  ],
  [
    'an error',
    () => {
      throw new Error('not connected');
    },
    /not connected/,
  ],
  ['something else', () => 'subscribed', /no subscription/],
])("%s at the first subscribing is the caller's", async (_, said, expected) => {
  answer = said;
  await expect(follow()).rejects.toThrow(expected);
});

test.each(['stop', 'close'] as const)('%s ends it at once, and leaves no timer', async (how) => {
  const { momento, stop } = await follow();
  await (how === 'stop' ? stop() : momento.close());
  expect(at(0).isSubscribed).toBe(false);
  await momento.close();
  expect(world.clock.timers.size).toBe(0);
});

test('the documented snippet subscribes to the topic of the tenant', async () => {
  const momento = credentials();
  await receiveEvents(
    // What it uses of a TopicClient is here.
    momento as unknown as Parameters<typeof receiveEvents>[0],
    'acme',
    (text) => got.push(text),
    () => got.push('load anew'),
  );
  expect(at(0).topic).toBe('collaboration/acme-events');
  at(0).send([1, 'a'], [3, 'c']);
  expect(got).toEqual(['a', 'load anew', 'c']);
  expect(await verdict(momento.current())).toBe('ok');
});
