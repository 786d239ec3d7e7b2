// Several tabs of one browser: one token for one login, and never another login's.

import { afterEach, beforeEach, describe, expect, test } from '@jest/globals';
import type { LivingToken } from '../../../client/browser/request-token.ts';
import { type SiblingTabs, siblingTabs } from '../../../client/browser/sibling-tabs.ts';
import type { Channel } from '../../../client/browser/surroundings.ts';
import { FakeBrowser, type FakeTab, ok } from './fake-browser.ts';

let browser: FakeBrowser;
beforeEach(() => {
  browser = new FakeBrowser();
});
afterEach(async () => {
  for (const { provider } of browser.tabs) provider.close();
  await browser.pass(60_000);
  expect([browser.timers.size, browser.channels.size, browser.locksAsked]).toEqual([0, 0, 0]);
});

const SECOND = 1000;
const MINUTE = 60 * SECOND;
const minted = () => browser.requests.length;
const tabs = (count: number) => Array.from({ length: count }, () => browser.tab());
const tokenOf = ({ provider }: FakeTab) => provider.getState().token?.authToken;

test('ten tabs at once: one token, within a fraction of a second', async () => {
  const asked = tabs(10).map((tab) => tab.ask());
  await browser.pass(300);
  expect(new Set(asked.map(({ result }) => result))).toEqual(new Set(['token-1-of-id-1']));
  expect(minted()).toBe(1);
});

test('one tab alone: its token is not held up for longer than other tabs need to answer', async () => {
  const [tab] = tabs(1);
  const asked = tab?.ask();
  await browser.pass(60 + browser.latencyMs);
  expect(asked?.result).toBe('token-1-of-id-1');
});

test('a tab that is opened later, and its clock starts from the token’s age', async () => {
  const [first] = tabs(1);
  first?.ask();
  await browser.pass(10 * MINUTE);
  const later = browser.tab();
  const asked = later.ask();
  await browser.pass(100);
  expect([asked.result, minted()]).toEqual(['token-1-of-id-1', 1]);
  expect(later.provider.lifeLeftMs()).toBeCloseTo(first?.provider.lifeLeftMs() ?? 0, -1);
});

test('ten tabs for an hour: one renewal at a time, all adopt it', async () => {
  const all = tabs(10);
  for (const tab of all) tab.ask();
  await browser.pass(300);
  for (let quarter = 1; quarter <= 4; quarter += 1) {
    // No two dice fall alike.
    browser.random = quarter / 5;
    await browser.pass(15 * MINUTE);
    expect(new Set(all.map(tokenOf)).size).toBe(1);
  }
  expect(minted()).toBeLessThanOrEqual(7);
});

test('ten tabs whose timers go off at the same instant: one renewal', async () => {
  const all = tabs(10);
  for (const tab of all) tab.ask();
  await browser.pass(300);
  browser.sleep(60 * MINUTE);
  for (const tab of all) tab.emit('visibilitychange');
  await browser.pass(300);
  expect([minted(), new Set(all.map(tokenOf)).size]).toEqual([2, 1]);
});

describe('another login', () => {
  test('has a token of its own', async () => {
    const [mine, other] = tabs(2) as [FakeTab, FakeTab];
    other.idToken = 'id-2';
    const asked = [mine.ask(), other.ask()];
    await browser.pass(300);
    expect(asked.map(({ result }) => result?.slice(-4))).toEqual(['id-1', 'id-2']);
    expect(minted()).toBe(2);
  });

  test('in the same tab: neither hears of the other, at no instant of the change', async () => {
    for (let delayMs = 0; delayMs < 260; delayMs += 7) {
      const first = browser.tab();
      const second = browser.tab();
      first.idToken = 'id-1';
      second.idToken = 'id-1';
      first.ask();
      second.ask();
      await browser.pass(delayMs);
      second.idToken = 'id-2';
      void second.provider.renew();
      const asked = second.ask();
      void first.provider.renew();
      await browser.pass(5 * SECOND);
      expect(asked.result).toMatch(/of-id-2$/);
      const change = second.states.findIndex(({ token }) => token?.authToken.endsWith('id-2'));
      expect(
        second.states.slice(change).every(({ token }) => !token?.authToken.endsWith('id-1')),
      ).toBe(true);
      expect(first.states.every(({ token }) => !token?.authToken.endsWith('id-2'))).toBe(true);
      first.provider.close();
      second.provider.close();
    }
  });

  test('at a renewal, unannounced: a third tab of the new login does not get the old one’s token', async () => {
    const [mine] = tabs(1) as [FakeTab];
    mine.ask();
    await browser.pass(300);
    // The login changes where all tabs see it; this tab notices when it renews.
    mine.idToken = 'id-2';
    browser.reply = () => ({ status: 503 });
    await browser.pass(12.5 * MINUTE);
    expect(tokenOf(mine)).toBe('token-1-of-id-1');
    browser.reply = () => ok();
    const third = browser.tab();
    third.idToken = 'id-2';
    const asked = third.ask();
    await browser.pass(15 * SECOND);
    expect(asked.result).toMatch(/of-id-2$/);
  });

  test('of another endpoint is another login', async () => {
    const [mine] = tabs(1) as [FakeTab];
    mine.ask();
    await browser.pass(300);
    const names = [...browser.channels].map(({ name }) => name);
    expect(names).toHaveLength(1);
    // A digest: the name tells nothing about the ID token.
    expect(names[0]).toMatch(/^momento-token [\d,]+$/);
  });

  test('after close(): the tab has nothing to tell', async () => {
    const [mine] = tabs(1) as [FakeTab];
    mine.ask();
    await browser.pass(300);
    mine.provider.close();
    const next = browser.tab();
    const asked = next.ask();
    await browser.pass(300);
    expect([asked.result, minted()]).toEqual(['token-2-of-id-1', 2]);
  });
});

test('a token that Momento refused is not taken back from another tab', async () => {
  const [first, second] = tabs(2) as [FakeTab, FakeTab];
  first.ask();
  second.ask();
  await browser.pass(300);
  const refused = await first.provider.getToken();
  void first.provider.renew(refused);
  await browser.pass(300);
  expect([tokenOf(first), tokenOf(second), minted()]).toEqual([
    'token-2-of-id-1',
    'token-1-of-id-1',
    2,
  ]);
  // The second has not been refused. When it is, the newer one is there.
  void second.provider.renew(refused);
  await browser.pass(300);
  expect([tokenOf(second), minted()]).toEqual(['token-2-of-id-1', 2]);
});

test('403 in one tab: the others find out for themselves', async () => {
  const [first, second] = tabs(2) as [FakeTab, FakeTab];
  browser.reply = () => ({ status: 403 });
  const asked = [first.ask(), second.ask()];
  await browser.pass(SECOND);
  expect(asked.map(({ result }) => result)).toEqual(['forbidden', 'forbidden']);
});

describe('without what sharing needs, each tab asks for itself', () => {
  test.each<[string, (tab: FakeTab) => void]>([
    ['no locks', ({ surroundings }) => Object.assign(surroundings, { navigator: {} })],
    [
      'no channel',
      ({ surroundings }) => Object.assign(surroundings, { BroadcastChannel: undefined }),
    ],
    ['not a secure context', ({ surroundings }) => Object.assign(surroundings, { crypto: {} })],
  ])('%s', async (_name, break_) => {
    const like = browser.tab();
    break_(like);
    const all = [1, 2].map(() => browser.tab({ surroundings: like.surroundings }));
    const asked = all.map((tab) => tab.ask());
    await browser.pass(browser.latencyMs);
    expect(asked.map(({ result }) => result)).toEqual(['token-1-of-id-1', 'token-2-of-id-1']);
  });

  test('told not to', async () => {
    const all = [1, 2].map(() => browser.tab({ shareBetweenTabs: false }));
    for (const tab of all) tab.ask();
    await browser.pass(300);
    expect([minted(), browser.channels.size]).toEqual([2, 0]);
  });
});

describe('what breaks on the way', () => {
  test.each<[string, (tab: FakeTab) => void]>([
    [
      'a lock that is refused',
      ({ surroundings }) =>
        Object.assign(surroundings, {
          navigator: { locks: { request: () => Promise.reject(new Error('SecurityError')) } },
        }),
    ],
    [
      'a lock that throws',
      ({ surroundings }) =>
        Object.assign(surroundings, {
          navigator: {
            locks: {
              request: () => {
                throw new Error('InvalidStateError');
              },
            },
          },
        }),
    ],
    [
      'a digest that fails',
      ({ surroundings }) =>
        Object.assign(surroundings, {
          crypto: { subtle: { digest: () => Promise.reject(new Error('OperationError')) } },
        }),
    ],
    [
      'a channel that cannot be opened',
      ({ surroundings }) =>
        Object.assign(surroundings, {
          BroadcastChannel: class {
            constructor() {
              throw new Error('SecurityError');
            }
          },
        }),
    ],
  ])('%s: the tab asks for itself', async (_name, break_) => {
    const like = browser.tab();
    break_(like);
    const tab = browser.tab({ surroundings: like.surroundings });
    const asked = tab.ask();
    await browser.pass(300);
    expect(asked.result).toBe('token-1-of-id-1');
  });

  test('a tab that froze with the lock in its hands holds the others up for ten seconds', async () => {
    const hung = browser.tab();
    let frozen = true;
    Object.assign(hung.surroundings, {
      setTimeout: (run: () => void, delayMs: number) => {
        return browser.after(frozen ? 1e9 : delayMs, run);
      },
    });
    hung.ask();
    await browser.pass(20);
    const asked = browser.tab().ask();
    await browser.pass(9 * SECOND);
    expect(asked.result).toBeUndefined();
    await browser.pass(2 * SECOND);
    expect(asked.result).toBe('token-1-of-id-1');
    frozen = false;
    browser.timers.clear();
    hung.provider.close();
    browser.locksAsked = 0;
  });

  test('a message that lay in a frozen tab, and one that is no token, are not read', async () => {
    const [tab] = tabs(1) as [FakeTab];
    tab.ask();
    await browser.pass(300);
    const [channel] = [...browser.channels];
    const token = {
      authToken: 'forged',
      endpoint: 'cell.example.com',
      expiresIn: 3_600,
      age: 0,
      sentAt: browser.wallMs,
    };
    for (const data of [
      { ...token, sentAt: browser.wallMs - 10_000 },
      { ...token, sentAt: browser.wallMs + 1 },
      { ...token, sentAt: undefined },
      { ...token, age: -1 },
      { ...token, age: undefined },
      { ...token, age: 3_000_000 },
      { ...token, authToken: 7 },
      { ...token, endpoint: undefined },
      { ...token, expiresIn: -1 },
      { ...token, expiresIn: Number.NaN },
      null,
      'hello',
      7,
    ]) {
      channel?.onmessage?.({ data });
    }
    await browser.pass(100);
    expect(tokenOf(tab)).toBe('token-1-of-id-1');
    // This is what one looks like.
    channel?.onmessage?.({ data: token });
    await browser.pass(100);
    expect(tokenOf(tab)).toBe('forged');
  });
});

describe('a question of whoever was logged in before, still under way', () => {
  /** The siblings of a tab that changes its login while `late` has not happened. */
  function changing(late: 'digest' | 'answer') {
    const { surroundings } = browser.tab();
    let happen = () => {};
    const lateness = new Promise<void>((resolve) => {
      happen = resolve;
    });
    const { subtle } = surroundings.crypto ?? {};
    let digests = 0;
    const held: { living: LivingToken | undefined } = { living: undefined };
    const siblings = siblingTabs(
      {
        ...surroundings,
        crypto: {
          subtle: {
            digest: async (algorithm, data) => {
              digests += 1;
              if (late === 'digest' && digests === 1) await lateness;
              return subtle?.digest(algorithm, data) as Promise<ArrayBuffer>;
            },
          },
        },
      },
      () => held.living,
      () => {},
    ) as SiblingTabs;
    const living = (authToken: string): LivingToken => ({
      token: { authToken, endpoint: 'e' },
      lifeMs: 900 * SECOND,
      ageMs: () => 0,
    });
    const controller = new AbortController();
    const first = siblings.ask('login 1', controller.signal, MINUTE, async () => {
      if (late === 'answer') await lateness;
      return living('token of login 1');
    });
    const changeLogin = () => {
      controller.abort();
      siblings.leave();
      return siblings.ask('login 2', new AbortController().signal, MINUTE, async () =>
        living('token of login 2'),
      );
    };
    const otherTab = (name: string) => {
      const heard: unknown[] = [];
      const channel = new (surroundings.BroadcastChannel as new (name: string) => Channel)(name);
      channel.onmessage = ({ data }) => heard.push(data);
      return { heard, channel };
    };
    return { siblings, held, happen, first, changeLogin, otherTab };
  }

  test('its answer comes late: the tabs of the new login do not hear it, not even when they ask', async () => {
    const { siblings, held, happen, first, changeLogin, otherTab } = changing('answer');
    await browser.pass(100);
    const change = changeLogin();
    await browser.pass(1);
    const [channel] = [...browser.channels];
    const { heard, channel: ears } = otherTab(channel?.name ?? '');
    await browser.pass(100);
    await change;
    expect(heard).toEqual([expect.objectContaining({ authToken: 'token of login 2' })]);
    happen();
    held.living = await first;
    expect(held.living?.token.authToken).toBe('token of login 1');
    ears.postMessage('ask');
    await browser.pass(100);
    expect(heard).toHaveLength(1);
    held.living = await change;
    ears.postMessage('ask');
    await browser.pass(100);
    expect(heard).toHaveLength(2);
    ears.close();
    siblings.leave();
  });

  test('its digest comes late: its channel is not opened again, and it is not asked', async () => {
    const { siblings, happen, first, changeLogin } = changing('digest');
    await browser.pass(100);
    const change = changeLogin();
    await browser.pass(100);
    await change;
    const before = [...browser.channels].map(({ name }) => name);
    happen();
    expect(await first).toBeUndefined();
    expect([...browser.channels].map(({ name }) => name)).toEqual(before);
    siblings.leave();
  });
});
