// The states of the provider: every answer, every fault, sleep and clocks that lie.

import { afterEach, beforeEach, describe, expect, jest, test } from '@jest/globals';
import { lifeSeconds } from '../../../lambda/vend-token/life.ts';
import { FakeBrowser, type FakeTab, ok, type Reply } from './fake-browser.ts';

let browser: FakeBrowser;
let tab: FakeTab;
beforeEach(() => {
  browser = new FakeBrowser();
  tab = browser.tab({ alone: true });
});
afterEach(async () => {
  for (const { provider } of browser.tabs) provider.close();
  await browser.pass(60_000);
  expect([browser.timers.size, browser.channels.size, browser.locksAsked]).toEqual([0, 0, 0]);
  for (const { listeners } of browser.tabs) {
    expect([...listeners.values()].map((set) => set.size)).toEqual([0, 0, 0]);
  }
});

const SECOND = 1000;
const MINUTE = 60 * SECOND;
const minted = () => browser.requests.length;

/** A token of 900 seconds, in hand. */
async function withToken(): Promise<void> {
  tab.ask();
  await browser.pass(browser.latencyMs);
  expect(tab.status).toBe('token');
}

describe('a token', () => {
  test('is asked for at the first use, by POST, with the ID token in a header alone', async () => {
    await browser.pass(MINUTE);
    expect([tab.status, minted()]).toEqual(['idle', 0]);
    const asked = tab.ask();
    await browser.pass(100);
    expect(asked.result).toBe('token-1-of-id-1');
    expect(browser.requests[0]?.request).toMatchObject({
      method: 'POST',
      headers: { authorization: 'Bearer id-1' },
      credentials: 'omit',
      redirect: 'error',
    });
    expect(tab.states.map(({ status, token }) => [status, token?.authToken])).toEqual([
      ['renewing', undefined],
      ['token', 'token-1-of-id-1'],
    ]);
    expect(tab.provider.lifeLeftMs()).toBe(900 * SECOND - 10 * SECOND - 100);
  });

  test('is asked for once by 5,000 at a time', async () => {
    const asked = Array.from({ length: 5_000 }, () => tab.ask());
    await browser.pass(100);
    expect(new Set(asked.map(({ result }) => result))).toEqual(new Set(['token-1-of-id-1']));
    expect(minted()).toBe(1);
  });

  test('without getIdToken: no Authorization', async () => {
    const open = browser.tab({ alone: true, getIdToken: undefined as never });
    open.ask();
    await browser.pass(100);
    expect(browser.requests[0]?.request.headers).toEqual({});
  });

  test.each([
    [0, 0.75],
    [0.5, 0.8],
    [1, 0.85],
  ])('is renewed at 80 %% of its life: with %d from the dice at %d', async (random, share) => {
    browser.random = random;
    await withToken();
    await browser.pass(900 * SECOND * share - browser.latencyMs - 1);
    expect(minted()).toBe(1);
    await browser.pass(1);
    expect(minted()).toBe(2);
    // The old one is good enough meanwhile.
    expect([tab.status, tab.provider.getState().token?.authToken]).toEqual([
      'renewing',
      'token-1-of-id-1',
    ]);
    const during = tab.ask();
    await settledSoon();
    expect(during.result).toBe('token-1-of-id-1');
    await browser.pass(browser.latencyMs);
    expect(tab.provider.getState().token?.authToken).toBe('token-2-of-id-1');
  });

  test('of a year: no timer is longer than a browser can hold', async () => {
    browser.reply = () => ok(365 * 24 * 3600);
    await withToken();
    await browser.pass(3_600 * SECOND);
    expect(minted()).toBe(1);
  });

  test('is never one that its answer brought too late', async () => {
    browser.latencyMs = 5_000;
    browser.reply = () => ok(minted() === 1 ? 5 : 60);
    const asked = tab.ask();
    await browser.pass(5_000);
    expect([asked.result, tab.status]).toEqual([undefined, 'waiting']);
    await browser.pass(10_000);
    expect(asked.result).toBe('token-2-of-id-1');
  });
});

const settledSoon = () => new Promise((resolve) => setImmediate(resolve));

describe('after a sleep past the end', () => {
  test.each([[true], [false]])('with a steady clock that stops: %s', async (steadyStops) => {
    await withToken();
    browser.sleep(60 * MINUTE, { steadyStops });
    const asked = tab.ask();
    await browser.pass(100);
    expect(asked.result).toBe('token-2-of-id-1');
    expect(tab.states.filter(({ token }) => token?.authToken === 'token-1-of-id-1')).toHaveLength(
      1,
    );
  });

  test.each(['visibilitychange', 'pageshow', 'online'])(
    '%s renews before anybody asks',
    async (type) => {
      await withToken();
      browser.sleep(60 * MINUTE);
      tab.emit(type);
      await browser.pass(100);
      expect([tab.status, minted()]).toEqual(['token', 2]);
    },
  );

  test('where no event tells, within half a minute', async () => {
    await withToken();
    browser.sleep(60 * MINUTE);
    await browser.pass(31 * SECOND);
    expect([tab.status, minted()]).toEqual(['token', 2]);
  });

  test('a token with life left is not renewed for being seen', async () => {
    await withToken();
    tab.emit('visibilitychange');
    tab.emit('online');
    await browser.pass(100);
    expect(minted()).toBe(1);
  });

  test('in the middle of a request', async () => {
    tab.ask();
    await browser.pass(10);
    browser.sleep(60 * MINUTE);
    const asked = tab.ask();
    await browser.pass(10 * SECOND);
    expect(asked.result).toBe('token-2-of-id-1');
  });
});

describe('a clock of this device that', () => {
  test.each([
    ['is ten years slow', -10],
    ['is ten years fast', 10],
  ])('%s changes nothing', async (_name, years) => {
    browser.setClock(years * 365 * 24 * 60 * MINUTE);
    await withToken();
    await browser.pass(10 * MINUTE);
    expect(minted()).toBe(1);
    await browser.pass(3 * MINUTE);
    expect(minted()).toBe(2);
  });

  test('is set forward costs one token; set back, none, and never a dead token', async () => {
    await withToken();
    browser.setClock(365 * 24 * 60 * MINUTE);
    tab.emit('visibilitychange');
    await browser.pass(MINUTE);
    expect(minted()).toBe(2);
    browser.setClock(-2 * 365 * 24 * 60 * MINUTE);
    await browser.pass(10 * MINUTE);
    expect(minted()).toBe(2);
    await browser.pass(2 * MINUTE);
    expect(minted()).toBe(3);
  });
});

describe('401', () => {
  const refuse401 = (message = 'Unauthorized'): Reply => ({ status: 401, body: { message } });

  test('asks for the login once more, fresh; then waits for a login', async () => {
    browser.reply = () => refuse401();
    const asked = tab.ask();
    await browser.pass(60 * MINUTE);
    expect([asked.result, tab.status, minted()]).toEqual(['login-needed', 'login-needed', 2]);
    expect(tab.logins).toEqual([false, true]);
    tab.emit('online');
    tab.emit('visibilitychange');
    const again = tab.ask();
    await browser.pass(MINUTE);
    expect([again.result, minted()]).toEqual(['login-needed', 2]);

    browser.reply = () => ok();
    tab.idToken = 'id-2';
    const renewed = tab.provider.renew();
    await browser.pass(100);
    expect(await renewed).toMatchObject({ authToken: 'token-3-of-id-2' });
  });

  test('and a new ID token that does', async () => {
    browser.reply = ({ idToken }) => (idToken === 'id-1' ? refuse401() : ok());
    const provider = browser.tab({
      alone: true,
      getIdToken: async ({ refresh }) => (refresh ? 'id-2' : 'id-1'),
    });
    const asked = provider.ask();
    await browser.pass(100);
    expect(asked.result).toBe('token-2-of-id-2');
  });

  test('at a renewal drops the token', async () => {
    await withToken();
    browser.reply = () => refuse401();
    await browser.pass(13 * MINUTE);
    expect([tab.status, tab.provider.getState().token]).toEqual(['login-needed', undefined]);
  });

  test('nobody logged in: no request at all', async () => {
    tab.idToken = null;
    const asked = tab.ask();
    await browser.pass(100);
    expect([asked.result, minted()]).toEqual(['login-needed', 0]);
  });

  test('a getIdToken that throws is tried again, and told with its cause', async () => {
    const cause = new Error('the provider of logins is away');
    let throws = true;
    const { provider, ask } = browser.tab({
      alone: true,
      getIdToken: () => {
        if (throws) throw cause;
        return 'id-1';
      },
    });
    const asked = ask.call({ provider } as FakeTab);
    await browser.pass(100);
    expect(provider.getState()).toMatchObject({
      status: 'waiting',
      error: { code: 'login-unknown', cause },
    });
    throws = false;
    await browser.pass(SECOND);
    expect(asked.result).toBe('token-1-of-id-1');
  });

  // The gateway's refusals have no CORS headers: a page gets a TypeError as with no network.
  test('that a page cannot read: known by an ID token that is over', async () => {
    const expired = `e30.${Buffer.from(JSON.stringify({ exp: browser.wallMs / 1000 - 1 })).toString('base64url')}.s`;
    browser.reply = () => 'no network';
    tab.idToken = expired;
    const asked = tab.ask();
    await browser.pass(5 * SECOND);
    expect([asked.result, tab.logins]).toEqual(['login-needed', [false, true]]);
  });
});

describe('403', () => {
  test.each([
    ['of the function', { code: 'forbidden' }],
    ['of the gateway', { message: 'Forbidden' }],
    ['that is no JSON', '<html>'],
  ])('%s ends it: no request until it is told', async (_name, body) => {
    await withToken();
    browser.reply = () => ({ status: 403, body });
    await browser.pass(13 * MINUTE);
    expect([tab.status, minted()]).toEqual(['forbidden', 2]);
    expect(tab.provider.getState().token).toBeUndefined();
    for (const type of ['online', 'visibilitychange', 'pageshow']) tab.emit(type);
    const asked = tab.ask();
    await browser.pass(24 * 60 * MINUTE);
    expect([asked.result, minted()]).toEqual(['forbidden', 2]);
    // The login was asked for another ID token, and had none.
    expect(tab.logins).toEqual([false, false, true]);
    browser.reply = () => ok();
    await Promise.all([tab.provider.renew(), browser.pass(100)]);
    expect(tab.status).toBe('token');
  });

  /** A tab whose login gives a new ID token only when it is asked for one. */
  const cached = (refreshed: () => string | Promise<string>) => {
    const logins: boolean[] = [];
    const asking = browser.tab({
      alone: true,
      getIdToken: ({ refresh }) => {
        logins.push(refresh);
        return refresh ? refreshed() : 'id-1';
      },
    });
    return { asking, logins };
  };
  const forbids = (idToken: string): Reply => ({
    status: 403,
    body: { code: 'forbidden', idToken },
  });

  test('and a new ID token that does: one more request', async () => {
    browser.reply = ({ idToken = '' }) => (idToken === 'id-1' ? forbids(idToken) : ok());
    const { asking, logins } = cached(() => 'id-2');
    const asked = asking.ask();
    await browser.pass(200);
    expect([asked.result, minted(), logins]).toEqual(['token-2-of-id-2', 2, [false, true]]);
    expect(asking.states.map(({ status }) => status)).not.toContain('forbidden');
  });

  test('for the new ID token too: forbidden after two requests, and no third', async () => {
    browser.reply = ({ idToken = '' }) => forbids(idToken);
    const { asking, logins } = cached(() => 'id-2');
    const asked = asking.ask();
    await browser.pass(24 * 60 * MINUTE);
    expect([asked.result, minted(), logins]).toEqual(['forbidden', 2, [false, true]]);
  });

  test('without a login: one request', async () => {
    browser.reply = ({ idToken = '' }) => forbids(idToken);
    const asking = browser.tab({ alone: true, getIdToken: undefined as never });
    const asked = asking.ask();
    await browser.pass(60 * MINUTE);
    expect([asked.result, minted()]).toEqual(['forbidden', 1]);
  });

  test('and a login that cannot be reached: it is asked for a new ID token until it answers', async () => {
    browser.reply = ({ idToken = '' }) => (idToken === 'id-1' ? forbids(idToken) : ok());
    let fails = 2;
    const { asking, logins } = cached(() => {
      if (fails-- > 0) throw new Error('no network');
      return 'id-2';
    });
    const asked = asking.ask();
    await browser.pass(10 * SECOND);
    expect([asked.result, minted(), logins]).toEqual([
      'token-2-of-id-2',
      2,
      [false, true, true, true],
    ]);
  });
});

describe('a login that gives its ID token from a cache until the end', () => {
  const HOUR_SECONDS = 3_600;

  /** `lifeSeconds` is the endpoint's own; the gateway refuses an ID token that is over. */
  function endpointAndLogin(wantedSeconds: number) {
    let until = HOUR_SECONDS;
    const logins: boolean[] = [];
    browser.reply = ({ idToken, atMs }) => {
      if (Number(idToken) * SECOND <= atMs) return { status: 401 };
      const life = lifeSeconds({
        wantedSeconds,
        maxLifeSeconds: HOUR_SECONDS,
        callerUntilSeconds: Number(idToken),
        nowSeconds: Math.floor(atMs / SECOND),
      });
      return life === undefined ? { status: 403, body: { code: 'forbidden' } } : ok(life);
    };
    const getIdToken = ({ refresh }: { refresh: boolean }) => {
      logins.push(refresh);
      const now = Math.floor(browser.trueMs / SECOND);
      if (refresh || now >= until) until = now + HOUR_SECONDS;
      return `${until}`;
    };
    return { getIdToken, logins };
  }

  test.each([
    [300, 0.5, 33],
    [900, 0, 13],
    [900, 0.5, 12],
    [900, 1, 12],
    [3_600, 0, 8],
    [3_600, 0.5, 8],
    [3_600, 1, 8],
  ])(
    'lives of %d s, dice at %d, two lives of the ID token: never forbidden, at most %d requests',
    async (wantedSeconds, random, most) => {
      browser.random = random;
      const { getIdToken, logins } = endpointAndLogin(wantedSeconds);
      const asking = browser.tab({ alone: true, getIdToken });
      asking.ask();
      await browser.pass((2 * HOUR_SECONDS + 20) * SECOND);
      const ended = asking.states.filter(({ error }) => error);
      expect([asking.status, ended]).toEqual(['token', []]);
      expect(minted()).toBeLessThanOrEqual(most);
      expect(logins.filter((refresh) => refresh).length).toBeLessThanOrEqual(3);
      // There was always a token.
      const withoutToken = asking.states.slice(1).filter(({ token }) => !token);
      expect(withoutToken).toEqual([]);
    },
  );

  test('a page that is opened in the last seconds of the ID token', async () => {
    const { getIdToken, logins } = endpointAndLogin(900);
    await browser.pass((HOUR_SECONDS - 15) * SECOND);
    const asking = browser.tab({ alone: true, getIdToken });
    const asked = asking.ask();
    await browser.pass(200);
    expect([asked.result, logins]).toEqual([`token-2-of-${2 * HOUR_SECONDS - 15}`, [false, true]]);
  });

  test('another tab has refreshed it already: that ID token is used, and the login is left alone', async () => {
    const lives = [900, 450, 900];
    browser.reply = () => ok(lives[minted() - 1]);
    await withToken();
    await browser.pass(720 * SECOND);
    expect([minted(), tab.logins]).toEqual([2, [false, false]]);
    tab.idToken = 'id-2';
    await browser.pass(360 * SECOND);
    expect([minted(), tab.logins]).toEqual([3, [false, false, false]]);
    expect(browser.requests[2]?.idToken).toBe('id-2');
  });

  test('a refresh that fails, or never answers, costs no token: the old ID token has to do', async () => {
    for (const refreshed of [
      () => Promise.reject(new Error('no network')),
      () => new Promise<string>(() => {}),
    ]) {
      const from = minted();
      browser.reply = () => ok([900, 450, 225][minted() - from - 1]);
      const asking = browser.tab({
        alone: true,
        getIdToken: ({ refresh }) => (refresh ? refreshed() : 'id-1'),
      });
      asking.ask();
      await browser.pass((720 + 360 + 15) * SECOND);
      expect(minted() - from).toBe(3);
      expect([asking.status, asking.states.filter(({ error }) => error)]).toEqual(['token', []]);
      asking.provider.close();
    }
  });

  test('lives that shrink a little, as whole seconds make them, ask for nothing', async () => {
    const lives = [900, 899, 900, 898];
    browser.reply = () => ok(lives[minted() - 1]);
    await withToken();
    await browser.pass(45 * MINUTE);
    expect(tab.logins).toEqual([false, false, false, false]);
  });

  test.each([
    [496, false],
    [494, true],
  ])(
    'a shared token of which %d of 900 s are left: the next time a new ID token: %s',
    async (left, asks) => {
      const lives = [900, left];
      browser.reply = () => ok(lives[minted() - 1] ?? 900);
      await withToken();
      await browser.pass(22 * MINUTE);
      expect(minted()).toBe(3);
      expect(tab.logins.includes(true)).toBe(asks);
    },
  );

  test('another user with shorter lives is no ID token that ends', async () => {
    browser.reply = ({ idToken }) => ok(idToken === 'id-1' ? 900 : 300);
    await withToken();
    tab.idToken = 'id-2';
    void tab.provider.renew();
    await browser.pass(5 * MINUTE);
    expect([minted(), tab.logins]).toEqual([3, [false, false, false]]);
  });
});

describe('a login that does not answer', () => {
  test('is asked again after a while, each time with a signal that ends; and then all is well', async () => {
    let hangs = false;
    const signals: AbortSignal[] = [];
    const asking = browser.tab({
      alone: true,
      getIdToken: ({ signal }) => {
        signals.push(signal);
        return hangs ? new Promise<string>(() => {}) : 'id-1';
      },
    });
    asking.ask();
    await browser.pass(100);
    hangs = true;
    // The renewal; each question may take ten seconds.
    await browser.pass(720 * SECOND);
    expect([asking.status, signals.length]).toEqual(['renewing', 2]);
    await browser.pass(10 * SECOND);
    expect(asking.provider.getState()).toMatchObject({
      status: 'waiting',
      error: { code: 'login-unknown' },
      token: { authToken: 'token-1-of-id-1' },
    });
    expect(signals[1]?.aborted).toBe(true);
    hangs = false;
    await browser.pass(5 * SECOND);
    expect([asking.status, minted()]).toEqual(['token', 2]);

    hangs = true;
    await browser.pass(60 * MINUTE);
    expect(asking.provider.getState()).toMatchObject({
      status: 'failed',
      error: { code: 'login-unknown' },
    });
    hangs = false;
    const asked = asking.ask();
    await browser.pass(100);
    expect(asked.result).toBe('token-3-of-id-1');
  });

  test('until the provider is closed: the question ends with it', async () => {
    let signal: AbortSignal | undefined;
    const asking = browser.tab({
      alone: true,
      getIdToken: (question) => {
        signal = question.signal;
        return new Promise<string>(() => {});
      },
    });
    const asked = asking.ask();
    await browser.pass(100);
    asking.provider.close();
    await browser.pass(0);
    expect([asked.result, signal?.aborted]).toEqual(['closed', true]);
  });
});

describe('Retry-After', () => {
  const at = (ms: number) => new Date(ms).toUTCString();

  test.each<[string, () => Record<string, string>, number]>([
    ['seconds', () => ({ 'retry-after': '7' }), 7 * SECOND],
    ['an hour', () => ({ 'retry-after': '3600' }), 3_600 * SECOND],
    ['a day: an hour', () => ({ 'retry-after': '86400' }), 3_600 * SECOND],
    ['for ever: an hour', () => ({ 'retry-after': '9'.repeat(400) }), 3_600 * SECOND],
    ['a date', () => ({ 'retry-after': at(browser.wallMs + 20 * SECOND) }), 20 * SECOND],
    [
      'a date and the date of the answer, however wrong this clock',
      () => ({ 'retry-after': at(60 * SECOND), date: at(50 * SECOND) }),
      10 * SECOND,
    ],
    [
      'a date by a clock that is a day behind: five minutes',
      () => ({ 'retry-after': at(browser.wallMs + 24 * 60 * MINUTE) }),
      5 * MINUTE,
    ],
  ])('%s: not sooner', async (_name, headers, waitMs) => {
    const given = headers();
    browser.reply = () => ({ status: 429, headers: given });
    const asked = tab.ask();
    await browser.pass(browser.latencyMs);
    expect(tab.provider.getState()).toMatchObject({
      status: 'waiting',
      error: { code: 'unavailable', status: 429 },
    });
    browser.reply = () => ok();
    // Nothing shortens it but a login.
    tab.emit('online');
    tab.emit('visibilitychange');
    tab.ask();
    await browser.pass(waitMs - 1);
    expect(minted()).toBe(1);
    await browser.pass(waitMs * 0.25 + SECOND + 100);
    expect(asked.result).toBe('token-2-of-id-1');
  });

  test.each(['', 'soon', '-5', 'Thu, 01 Jan 1970 00:00:00 GMT', '1e9', 'Infinity'])(
    'of %p is as none',
    async (text) => {
      browser.reply = () =>
        minted() === 1 ? { status: 503, headers: { 'retry-after': text } } : ok();
      const asked = tab.ask();
      await browser.pass(2 * SECOND);
      expect(asked.result).toBe('token-2-of-id-1');
    },
  );
});

describe('Retry-After and renew()', () => {
  const busy: Reply = { status: 429, headers: { 'retry-after': '60' } };

  test('a login begins anew: it is not the next user who was told to wait', async () => {
    browser.reply = ({ idToken }) => (idToken === 'id-1' ? busy : ok());
    tab.ask();
    await browser.pass(100);
    expect([tab.status, minted()]).toEqual(['waiting', 1]);
    tab.idToken = 'id-2';
    void tab.provider.renew();
    await browser.pass(100);
    expect(tab.provider.getState()).toMatchObject({
      status: 'token',
      token: { authToken: 'token-2-of-id-2' },
    });
  });

  test('a refused token is no reason to ask sooner, however often', async () => {
    browser.reply = () => (minted() === 1 ? ok(40) : busy);
    await withToken();
    const { token } = tab.provider.getState();
    await browser.pass(34 * SECOND);
    expect([tab.status, minted()]).toEqual(['waiting', 2]);
    void tab.provider.renew(token);
    void tab.provider.renew(token);
    await browser.pass(50 * SECOND);
    expect([tab.status, minted()]).toEqual(['waiting', 2]);
    await browser.pass(25 * SECOND);
    expect(minted()).toBe(3);
  });

  test('a refused token ends a pause that nobody ordered', async () => {
    browser.reply = () => (minted() < 8 && minted() > 1 ? { status: 503 } : ok(3_600));
    await withToken();
    const { token } = tab.provider.getState();
    // A round of six has failed: the next one would come at half of what is left.
    await browser.pass((0.8 * 3_600 + 60) * SECOND);
    expect([tab.status, minted()]).toEqual(['waiting', 7]);
    expect(tab.provider.getState().retryInMs).toBeGreaterThan(2 * MINUTE);
    void tab.provider.renew(token);
    await browser.pass(100);
    expect([tab.status, minted()]).toEqual(['token', 8]);
  });
});

describe('faults that may pass', () => {
  const FAULTS: [string, Reply, string][] = [
    ['no network', 'no network', 'unreachable'],
    ['no answer in time', 'silence', 'unreachable'],
    ['429 of the gateway', { status: 429, body: { message: 'Too Many Requests' } }, 'unavailable'],
    [
      '500 of the gateway',
      { status: 500, body: { message: 'Internal Server Error' } },
      'unavailable',
    ],
    ['502', { status: 502, body: { code: 'upstream-key-refused' } }, 'unavailable'],
    ['503 as HTML', { status: 503, body: '<html>' }, 'unavailable'],
    ['504', { status: 504 }, 'unavailable'],
    ['408', { status: 408 }, 'unavailable'],
    ['200 that is no JSON', { status: 200, body: '<html>' }, 'bad-answer'],
    ['200 without a token', { status: 200, body: { authToken: 7 } }, 'bad-answer'],
    ['200 with an empty token', ok(900, ''), 'bad-answer'],
    ['a token without life', ok(0), 'bad-answer'],
    ['a token with a life that is no number', ok(Number.NaN), 'bad-answer'],
  ];

  test.each(FAULTS)(
    '%s: six requests in less than three minutes, then failed; a use tries again',
    async (_name, reply, code) => {
      browser.reply = () => reply;
      const asked = tab.ask();
      await browser.pass(3 * MINUTE);
      expect([asked.result, tab.status, minted()]).toEqual([code, 'failed', 6]);
      await browser.pass(24 * 60 * MINUTE);
      expect(minted()).toBe(6);
      browser.reply = () => ok();
      const again = tab.ask();
      await browser.pass(100);
      expect(again.result).toBe('token-7-of-id-1');
    },
  );

  test.each(FAULTS)('%s, once: healed within a few seconds', async (_name, reply) => {
    browser.reply = () => (minted() === 1 ? reply : ok());
    const asked = tab.ask();
    await browser.pass(11 * SECOND);
    expect(asked.result).toBe('token-2-of-id-1');
  });

  test.each<[string, Reply]>([
    ['404', { status: 404, body: { message: 'Not Found' } }],
    ['400', { status: 400 }],
    ['a policy that is wrong', { status: 500, body: { code: 'bad-policy' } }],
  ])('%s does not pass: one request', async (_name, reply) => {
    browser.reply = () => reply;
    const asked = tab.ask();
    await browser.pass(60 * MINUTE);
    tab.emit('online');
    await browser.pass(60 * MINUTE);
    expect([asked.result, tab.status, minted()]).toEqual(['refused', 'failed', 1]);
  });

  test('failed, and a page that asks in a loop: a round each five seconds at most', async () => {
    browser.reply = () => ({ status: 404 });
    for (let second = 0; second < 60; second += 0.1) {
      tab.ask();
      await browser.pass(100);
    }
    expect(minted()).toBeGreaterThan(5);
    expect(minted()).toBeLessThanOrEqual(13);
  });

  test('the return of the network ends the waiting, and failed', async () => {
    browser.reply = () => 'no network';
    const asked = tab.ask();
    await browser.pass(4 * SECOND);
    const before = minted();
    browser.reply = () => ok();
    tab.emit('online');
    await browser.pass(100);
    expect([typeof asked.result, minted()]).toEqual(['string', before + 1]);

    browser.reply = () => 'no network';
    void tab.provider.renew();
    await browser.pass(3 * MINUTE);
    expect(tab.status).toBe('failed');
    browser.reply = () => ok();
    tab.emit('online');
    await browser.pass(100);
    expect(tab.status).toBe('token');
  });

  test('an endpoint that is away until shortly before the end: nobody notices', async () => {
    await withToken();
    browser.reply = () => ({ status: 503 });
    await browser.pass(13 * MINUTE);
    const asked = tab.ask();
    await browser.pass(30 * SECOND);
    expect([asked.result, tab.status]).toEqual(['token-1-of-id-1', 'waiting']);
    browser.reply = () => ok();
    await browser.pass(60 * SECOND);
    expect(tab.status).toBe('token');
    expect(tab.states.every(({ status }) => status !== 'failed')).toBe(true);
  });

  test('an endpoint that stays away: the token is handed out to its end and not longer', async () => {
    await withToken();
    browser.reply = () => ({ status: 503 });
    await browser.pass(890 * SECOND - browser.latencyMs - 1);
    const asked = tab.ask();
    await browser.pass(0);
    expect(asked.result).toBe('token-1-of-id-1');
    await browser.pass(1);
    expect(tab.provider.getState().token).toBeUndefined();
    await browser.pass(5 * MINUTE);
    expect(tab.status).toBe('failed');
    expect(minted()).toBeLessThan(40);
  });
});

describe('whoever waits', () => {
  test('may give up alone', async () => {
    browser.reply = () => 'silence';
    const controller = new AbortController();
    const gone = tab.ask({ signal: controller.signal });
    const stays = tab.ask();
    await browser.pass(100);
    controller.abort(new Error('left the page'));
    await browser.pass(100);
    expect([gone.result, stays.result]).toEqual(['left the page', undefined]);
    const late = tab.ask({ signal: controller.signal });
    await browser.pass(0);
    expect(late.result).toBe('left the page');
    browser.reply = () => ok();
    await browser.pass(15 * SECOND);
    expect(stays.result).toBe('token-2-of-id-1');
  });

  test('leaves nothing at his signal when he was answered', async () => {
    const { signal } = new AbortController();
    const added = jest.spyOn(signal, 'addEventListener');
    const removed = jest.spyOn(signal, 'removeEventListener');
    const asked = Array.from({ length: 10 }, () => tab.ask({ signal }));
    await browser.pass(100);
    expect(new Set(asked.map(({ result }) => result))).toEqual(new Set(['token-1-of-id-1']));
    expect(added).toHaveBeenCalledTimes(10);
    expect(removed.mock.calls).toEqual(added.mock.calls);
  });

  test('hears of close(), and so does whoever asks later', async () => {
    browser.reply = () => 'silence';
    const asked = tab.ask();
    await browser.pass(100);
    tab.provider.close();
    tab.provider.close();
    const later = tab.ask();
    await browser.pass(60 * MINUTE);
    expect([asked.result, later.result, minted()]).toEqual(['closed', 'closed', 1]);
    await expect(tab.provider.renew()).rejects.toMatchObject({ code: 'closed' });
    expect(tab.states.at(-1)).toMatchObject({ status: 'closed', token: undefined });
    expect(browser.requests[0]?.request.signal.aborted).toBe(true);
  });
});

describe('renew()', () => {
  test('after a login as somebody else: nobody gets the first one’s token, not even one that comes late', async () => {
    const first = tab.ask();
    await browser.pass(10);
    tab.idToken = 'id-2';
    void tab.provider.renew();
    await browser.pass(60 * SECOND);
    expect(first.result).toBe('token-2-of-id-2');
    tab.idToken = 'id-3';
    void tab.provider.renew();
    const asked = tab.ask();
    await browser.pass(100);
    expect(asked.result).toBe('token-3-of-id-3');
    expect(JSON.stringify(tab.states)).not.toContain('of-id-1');
  });

  test('tells in the state that there was a login; a refused token and a renewal do not', async () => {
    await withToken();
    const logins = () => tab.states.map(({ login }) => login);
    await browser.pass(13 * MINUTE);
    void tab.provider.renew(tab.provider.getState().token);
    await browser.pass(100);
    expect([minted(), new Set(logins())]).toEqual([3, new Set([0])]);
    const before = tab.states.length;
    void tab.provider.renew();
    await browser.pass(100);
    expect(tab.states.slice(before)).toMatchObject([
      { status: 'renewing', login: 1, token: undefined },
      { status: 'token', login: 1 },
    ]);
  });

  test('with a token that Momento refused: once, however many ask', async () => {
    await withToken();
    const refused = await tab.provider.getToken();
    const all = Array.from({ length: 1_000 }, () => tab.provider.renew(refused));
    await browser.pass(100);
    expect(new Set((await Promise.all(all)).map(({ authToken }) => authToken))).toEqual(
      new Set(['token-2-of-id-1']),
    );
    // An old one again: it has long been replaced.
    expect(await tab.provider.renew(refused)).toMatchObject({ authToken: 'token-2-of-id-1' });
    expect(minted()).toBe(2);
  });

  test('a Momento that refuses every token does not cost one for each call', async () => {
    await withToken();
    for (let call = 0; call < 600; call += 1) {
      const { token } = tab.provider.getState();
      if (token) void tab.provider.renew(token);
      await browser.pass(SECOND);
    }
    expect(minted()).toBeLessThan(40);
    expect(minted()).toBeGreaterThan(10);
  });
});

describe('listeners', () => {
  test('hear each state once, and a bug of one is not the other’s', async () => {
    const errors: unknown[] = [];
    const microtask = jest.spyOn(globalThis, 'queueMicrotask').mockImplementation((run) => {
      Promise.resolve()
        .then(run)
        .catch((error) => errors.push(error));
    });
    const heard: string[] = [];
    const bug = new Error('a bug of the page');
    tab.provider.subscribe(() => {
      throw bug;
    });
    const stop = tab.provider.subscribe(({ status }) => heard.push(status));
    await withToken();
    expect(errors).toEqual([bug, bug]);
    expect(heard).toEqual(['renewing', 'token']);
    stop();
    tab.provider.close();
    await browser.pass(0);
    expect(heard).toEqual(['renewing', 'token']);
    microtask.mockRestore();
  });

  test('get the same object until something changes', async () => {
    await withToken();
    expect(tab.provider.getState()).toBe(tab.provider.getState());
  });
});
