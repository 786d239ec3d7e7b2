// What a follower does when tokens, clients and subscriptions fail: Momento made up, time under control.

import { afterEach, beforeEach, expect, jest, test } from '@jest/globals';
import {
  followTopic,
  type SubscribingClient,
  type TopicFollower,
} from '../../../client/browser/follow-topic.ts';
import { movingClient } from '../../../client/browser/moving-client.ts';
import { FakeBrowser, type FakeTab, ok, settled } from './fake-browser.ts';

const TOKEN_REFUSED = { errorCode: () => 'AUTHENTICATION_ERROR' };
const OTHER_ERROR = { errorCode: () => 'PERMISSION_ERROR' };
const SECOND = 1000;
const MINUTE = 60 * SECOND;

interface Item {
  sequenceNumber(): number;
  value(): string;
}
const item = (number: number, text: string): Item => ({
  sequenceNumber: () => number,
  value: () => text,
});

class FakeSubscription {
  isSubscribed = true;
  readonly authToken: string;
  readonly #options: Parameters<SubscribingClient<Item>['subscribe']>[2];

  constructor(authToken: string, options: Parameters<SubscribingClient<Item>['subscribe']>[2]) {
    this.authToken = authToken;
    this.#options = options;
  }

  unsubscribe(): void {
    this.isSubscribed = false;
  }

  give(number: number, text: string): void {
    this.#options.onItem(item(number, text));
  }

  end(error: unknown): void {
    this.isSubscribed = false;
    this.#options.onError(error, this);
  }
}

let browser: FakeBrowser;
let tab: FakeTab;
let subscriptions: FakeSubscription[];
let heard: string[];
let errors: unknown[];
let follower: TopicFollower;
/** What a client of this token answers; undefined for a subscription. */
let answers: (authToken: string) => unknown;
/** Throws where no client can be made. */
let makes: (authToken: string) => void;

beforeEach(() => {
  jest.useFakeTimers({
    doNotFake: ['setImmediate', 'nextTick', 'queueMicrotask', 'performance', 'Date'],
  });
  browser = new FakeBrowser();
  tab = browser.tab({ alone: true });
  subscriptions = [];
  heard = [];
  errors = [];
  answers = () => undefined;
  makes = () => {};
});
afterEach(async () => {
  follower.close();
  tab.provider.close();
  await pass(MINUTE);
  expect([jest.getTimerCount(), browser.timers.size]).toEqual([0, 0]);
  expect(alive()).toEqual([]);
  jest.useRealTimers();
});

function follow(): TopicFollower {
  const topics = movingClient({
    tokens: tab.provider,
    make: ({ authToken }): SubscribingClient<Item> => {
      makes(authToken);
      return {
        subscribe: async (_cache, _topic, options) => {
          const answer = answers(authToken);
          if (answer !== undefined) return answer;
          const subscription = new FakeSubscription(authToken, options);
          subscriptions.push(subscription);
          return subscription;
        },
      };
    },
  });
  follower = followTopic<Item>(topics, 'cache', 'topic', {
    onItem: (received) => heard.push(received.value()),
    onError: (error) => errors.push(error),
  });
  return follower;
}

/** In the browser and outside of it. */
async function pass(ms: number): Promise<void> {
  const stepMs = 100;
  for (let left = ms; left > 0; left -= stepMs) {
    const now = Math.min(left, stepMs);
    await browser.pass(now);
    jest.advanceTimersByTime(now);
    await settled();
  }
}

const alive = () =>
  subscriptions.filter(({ isSubscribed }) => isSubscribed).map(({ authToken }) => authToken);

test('a refused token, and the endpoint hands out the same one again: subscribed again, with pauses', async () => {
  browser.reply = () => ok(900, 'shared');
  follow();
  await pass(200);
  expect(alive()).toEqual(['shared']);
  subscriptions[0]?.end(TOKEN_REFUSED);
  await pass(200);
  expect([alive(), browser.requests.length]).toEqual([['shared'], 2]);
  subscriptions[1]?.give(1, 'hello');
  expect([heard, errors]).toEqual([['hello'], []]);

  // As long as it is refused: no storm.
  answers = () => TOKEN_REFUSED;
  subscriptions[1]?.end(TOKEN_REFUSED);
  await pass(5 * MINUTE);
  expect(browser.requests.length).toBeGreaterThan(8);
  expect(browser.requests.length).toBeLessThan(25);
  answers = () => undefined;
  await pass(MINUTE);
  expect(alive()).toEqual(['shared']);
});

test.each<[string, () => void]>([
  ['gets a token', () => {}],
  [
    'gets a token that may not hear the topic',
    () => {
      answers = () => OTHER_ERROR;
    },
  ],
  [
    'gets none now',
    () => {
      browser.reply = () => ({ status: 503 });
    },
  ],
  [
    'waits for an answer',
    () => {
      browser.reply = () => 'silence';
    },
  ],
])(
  'a login, and the second user %s: the first one’s subscription is over at once',
  async (_name, change) => {
    tab.idToken = 'ann';
    follow();
    await pass(200);
    const [first] = subscriptions;
    first?.give(1, 'for ann');
    tab.idToken = 'bob';
    change();
    void tab.provider.renew();
    await settled();
    expect(first?.isSubscribed).toBe(false);
    first?.give(2, 'a secret of ann');
    await pass(10 * SECOND);
    expect(heard).toEqual(['for ann']);
    expect(alive().filter((authToken) => !authToken.endsWith('of-bob'))).toEqual([]);
  },
);

test('a login while the first user’s subscription is still being made: it is dropped when it is there', async () => {
  tab.idToken = 'ann';
  let answered = () => {};
  const slow = new Promise<void>((resolve) => {
    answered = resolve;
  });
  let ann: FakeSubscription | undefined;
  follower = followTopic<Item>(
    movingClient({
      tokens: tab.provider,
      make: ({ authToken }): SubscribingClient<Item> => ({
        subscribe: async (_cache, _topic, options) => {
          const subscription = new FakeSubscription(authToken, options);
          subscriptions.push(subscription);
          if (authToken.endsWith('ann')) {
            ann = subscription;
            await slow;
          }
          return subscription;
        },
      }),
    }),
    'cache',
    'topic',
    { onItem: (received) => heard.push(received.value()) },
  );
  await pass(200);
  tab.idToken = 'bob';
  void tab.provider.renew();
  await pass(200);
  ann?.give(1, 'a secret of ann');
  answered();
  await pass(200);
  expect([heard, alive()]).toEqual([[], ['token-2-of-bob']]);
});

test.each<[string, () => Promise<unknown>]>([
  ['a renewal of its own', async () => pass(13 * MINUTE)],
  ['a token that Momento refused', async () => tab.provider.renew(tab.provider.getState().token)],
])('%s: the old subscription goes when the new one is there', async (_name, renew) => {
  follow();
  await pass(200);
  browser.latencyMs = 500;
  const renewed = renew();
  await settled();
  expect(alive()).toEqual(['token-1-of-id-1']);
  await Promise.all([renewed, pass(10 * SECOND)]);
  expect(alive()).toEqual(['token-2-of-id-1']);
});

test('a client that cannot be made at a renewal: told, tried again, and the old subscription goes on', async () => {
  let isMade = false;
  makes = (authToken) => {
    if (authToken.startsWith('token-2') && !isMade) throw new Error('cannot read the token');
  };
  follow();
  await pass(200);
  await pass(13 * MINUTE);
  subscriptions[0]?.give(1, 'one');
  expect([heard, alive()]).toEqual([['one'], ['token-1-of-id-1']]);
  expect(errors.length).toBeGreaterThan(1);
  expect(String(errors[0])).toBe('Error: cannot read the token');
  isMade = true;
  await pass(20 * SECOND);
  expect(alive()).toEqual(['token-2-of-id-1']);
});

test('a subscription that is never answered: told, and tried again', async () => {
  answers = () => new Promise(() => {});
  follow();
  await pass(14 * SECOND);
  expect(errors).toEqual([]);
  answers = () => undefined;
  await pass(3 * SECOND);
  expect([errors.map(String), alive()]).toEqual([
    ['Error: Momento did not answer'],
    ['token-1-of-id-1'],
  ]);
});

test.each<[string, () => void]>([
  ['closed before', () => tab.provider.close()],
  ['closed at the same instant', () => queueMicrotask(() => tab.provider.close())],
])('a provider that was %s: nothing is left running', async (_name, close) => {
  close();
  follow();
  await pass(SECOND);
  expect([jest.getTimerCount(), subscriptions.length]).toEqual([0, 0]);
});

test.each([
  [401, 'login-needed'],
  [403, 'forbidden'],
])('%d at a renewal: the subscription is over at once', async (status, name) => {
  follow();
  await pass(200);
  browser.reply = () => ({ status });
  await pass(13 * MINUTE);
  expect([tab.status, alive()]).toEqual([name, []]);
  subscriptions[0]?.give(1, 'not for him any more');
  expect(heard).toEqual([]);
});

test('closed before there is a token: nothing is subscribed', async () => {
  follow().close();
  await pass(MINUTE);
  expect([tab.status, subscriptions.length]).toEqual(['token', 0]);
});

test('a provider that is forbidden: nothing is tried; after a login it goes on', async () => {
  browser.reply = () => ({ status: 403 });
  tab.ask();
  await pass(200);
  follow();
  await pass(MINUTE);
  expect([tab.status, subscriptions.length]).toEqual(['forbidden', 0]);
  browser.reply = () => ok();
  void tab.provider.renew();
  await pass(200);
  expect(alive()).toHaveLength(1);
});
