// Clients of successive tokens: which is handed out, when it is dropped, and when a call is made once more.

import { afterEach, beforeEach, expect, jest, test } from '@jest/globals';
import { type MovingClient, movingClient } from '../../../client/browser/moving-client.ts';
import { FakeBrowser, type FakeTab } from './fake-browser.ts';

interface Client {
  readonly of: string;
  close(): void;
}

const REFUSED = { errorCode: () => 'AUTHENTICATION_ERROR' };

let browser: FakeBrowser;
let tab: FakeTab;
let made: string[];
let dropped: string[];
let clients: MovingClient<Client>;
beforeEach(() => {
  browser = new FakeBrowser();
  tab = browser.tab({ alone: true });
  made = [];
  dropped = [];
  clients = movingClient({
    tokens: tab.provider,
    make: ({ authToken }) => {
      made.push(authToken);
      return { of: authToken, close: () => dropped.push(authToken) };
    },
  });
});
afterEach(async () => {
  tab.provider.close();
  await browser.pass(60_000);
  expect(browser.timers.size).toBe(0);
  expect(dropped.toSorted()).toEqual(made.toSorted());
});

const use = async (call: (client: Client) => Promise<unknown> = async ({ of }) => of) => {
  const used = clients.use(call);
  await browser.pass(100);
  return used;
};

test('a renewal: the next use has the new client, and the old one is dropped then', async () => {
  expect(await use()).toBe('token-1-of-id-1');
  await browser.pass(13 * 60_000);
  expect(dropped).toEqual([]);
  expect(await use()).toBe('token-2-of-id-1');
  expect([made.length, dropped]).toEqual([2, ['token-1-of-id-1']]);
});

test.each<[string, string, () => void]>([
  [
    '403',
    'forbidden',
    () => {
      browser.reply = () => ({ status: 403 });
    },
  ],
  [
    '401',
    'login-needed',
    () => {
      browser.reply = () => ({ status: 401 });
    },
  ],
  [
    'nobody logged in',
    'login-needed',
    () => {
      tab.idToken = null;
    },
  ],
])(
  '%s at a renewal: the client is dropped, though nobody uses another',
  async (_name, status, change) => {
    await use();
    change();
    await browser.pass(13 * 60_000);
    expect([tab.status, dropped]).toEqual([status, ['token-1-of-id-1']]);
  },
);

test('a token that ends without a next one: its client is dropped', async () => {
  await use();
  browser.reply = () => ({ status: 503 });
  await browser.pass(60 * 60_000);
  expect([tab.status, dropped]).toEqual(['failed', ['token-1-of-id-1']]);
});

test('a login: the client of the first user is dropped at once, even if the second gets no token', async () => {
  await use();
  browser.reply = () => ({ status: 503 });
  tab.idToken = 'id-2';
  void tab.provider.renew();
  await browser.pass(0);
  expect([tab.status, dropped]).toEqual(['renewing', ['token-1-of-id-1']]);
});

test('a call under way keeps its client; a login after it was refused makes no second call', async () => {
  const seen: string[] = [];
  let answer = (_: unknown) => {};
  const used = clients.use(({ of }) => {
    seen.push(of);
    return new Promise((resolve) => {
      answer = resolve;
    });
  });
  await browser.pass(100);
  tab.idToken = 'id-2';
  void tab.provider.renew();
  await browser.pass(100);
  expect([tab.provider.getState().token?.authToken, dropped]).toEqual(['token-2-of-id-2', []]);
  answer(REFUSED);
  expect(await used).toBe(REFUSED);
  expect([seen, dropped]).toEqual([['token-1-of-id-1'], ['token-1-of-id-1']]);
});

test.each([
  ['answers', (of: string) => Promise.resolve(of.startsWith('token-1') ? REFUSED : of)],
  [
    'throws',
    (of: string) => (of.startsWith('token-1') ? Promise.reject(REFUSED) : Promise.resolve(of)),
  ],
])('Momento %s that the token is refused: once more with the next one', async (_name, call) => {
  expect(await use(({ of }) => call(of))).toBe('token-2-of-id-1');
  expect([made.length, dropped]).toEqual([2, ['token-1-of-id-1']]);
});

test('a client that cannot be dropped: reported, and no call fails for it', async () => {
  const bugs: unknown[] = [];
  const microtask = jest.spyOn(globalThis, 'queueMicrotask').mockImplementation((run) => {
    Promise.resolve()
      .then(run)
      .catch((error) => bugs.push(error));
  });
  const bug = new Error('a bug of the page');
  const breaking = movingClient({
    tokens: tab.provider,
    make: ({ authToken }) => authToken,
    drop: () => {
      throw bug;
    },
  });
  const used = breaking.use(async (of) => (of.startsWith('token-1') ? REFUSED : of));
  await browser.pass(200);
  expect(await used).toBe('token-2-of-id-1');
  expect(bugs).toEqual([bug]);
  await browser.pass(13 * 60_000);
  const next = breaking.use(async (of) => of);
  await browser.pass(100);
  expect(await next).toBe('token-3-of-id-1');
  expect(bugs).toEqual([bug, bug]);
  tab.provider.close();
  await browser.pass(0);
  expect(bugs).toEqual([bug, bug, bug]);
  microtask.mockRestore();
});

test('refused again: the second answer is handed over, and there is no third call', async () => {
  let calls = 0;
  const answer = await use(async () => {
    calls += 1;
    return REFUSED;
  });
  expect([answer, calls, made.length]).toEqual([REFUSED, 2, 2]);
});
