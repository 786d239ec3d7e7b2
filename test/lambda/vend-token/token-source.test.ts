// Shared tokens: memory, table, lease and turn, over a real table and a real Momento, by instances that know nothing of
// each other. Viewers have no token id, so that all of a tenant may share; data entry has the user's.

import { afterEach, beforeEach, describe, expect, test } from '@jest/globals';
import type { HttpAnswer } from '../../../lambda/vend-token/answer.ts';
import { shareKey } from '../../../lambda/vend-token/scope.ts';
import { sealToken } from '../../../lambda/vend-token/sealed-token.ts';
import { LEASE_MS, type TokenItem } from '../../../lambda/vend-token/token-items.ts';
import { AwsError } from '../../../local/aws/aws-error.ts';
import {
  Fleet,
  type FleetOptions,
  type Instance,
  MemoryItems,
  mostPerSecond,
  takenUntil,
} from './fleet.ts';
import { codeOf, grantsOf, tokenOf } from './world.ts';

const SECOND_MS = 1_000;
/** Of a viewer. */
const LIFE_SECONDS = 1_800;

let fleet: Fleet;
async function start(options: FleetOptions = {}): Promise<Fleet> {
  fleet = await Fleet.start(options);
  return fleet;
}
beforeEach(() => start());
afterEach(() => fleet.close());

const authTokenOf = (answer: HttpAnswer): string => tokenOf(answer).authToken;
const retryAfterOf = ({ headers }: HttpAnswer): number => Number(headers['retry-after']);
const sourceOfLast = () => fleet.lines.findLast(({ message }) => message === 'vended')?.source;
/** The share key of a viewer of acme. */
const idOf = (lifeSeconds = LIFE_SECONDS, tenant = 'acme') =>
  shareKey(
    {
      permissions: [
        {
          kind: 'item',
          role: 'readonly',
          cache: { name: 'calendar-events' },
          target: { prefix: `${tenant}:` },
        },
      ],
      tokenId: undefined,
    },
    lifeSeconds,
  );
/** How long it took, in simulated time. */
async function timed<T>(work: () => Promise<T>): Promise<{ result: T; tookMs: number }> {
  const beganMs = fleet.clock.now();
  return { result: await work(), tookMs: fleet.clock.now() - beganMs };
}
/** Until this part of the token's life is left, as the instance sees it at the latest. */
function passUntilLeft({ time }: Instance, answer: HttpAnswer, leftSeconds: number): void {
  const { expiresAt } = tokenOf(answer);
  // What is known of the time becomes a little less on the way.
  for (let turn = 0; turn < 3; turn += 1) {
    fleet.clock.nowMs += Math.floor((expiresAt - leftSeconds) * SECOND_MS - time.latest());
  }
}
/** Nobody answers any more: neither in time nor at all. */
const die = () => {
  fleet.momentoTakesMs = () => Number.MAX_SAFE_INTEGER;
};

describe('where it comes from', () => {
  test('the connection is begun with the lease, and the line of the log made ready while Momento is asked', async () => {
    await fleet.instance().vend();
    expect(fleet.happened).toEqual(['connect', 'connect', 'asked', 'made ready', 'answered']);
  });

  test('minted, then from memory; another instance has it from the table, then from memory', async () => {
    const [first, second] = [fleet.instance(), fleet.instance()];
    const minted = await first.vend();
    expect(sourceOfLast()).toBe('minted');
    expect(fleet.table.calls).toEqual(['GetItem', 'UpdateItem', 'UpdateItem', 'PutItem']);
    for (const [instance, source] of [
      [first, 'memory'],
      [second, 'table'],
      [second, 'memory'],
    ] as const) {
      expect(authTokenOf(await instance.vend({ sub: 'another' }))).toBe(authTokenOf(minted));
      expect(sourceOfLast()).toBe(source);
    }
    expect(fleet.table.calls.slice(4)).toEqual(['GetItem']);
    expect(fleet.minted).toBe(1);
    expect([first.counted, second.counted]).toEqual([
      ['Vended', 'Minted', 'Vended'],
      ['Vended', 'Vended'],
    ]);
  });

  test('the scope, the token id and the life must be the same', async () => {
    const instance = fleet.instance();
    const exp = `${Math.floor(fleet.nowSeconds) + 1_000}`;
    const answers: HttpAnswer[] = [];
    for (const claims of [
      {},
      { 'custom:tenantId': 'acme2' },
      { 'cognito:groups': '[data-entry]' },
      { 'cognito:groups': '[data-entry]', sub: 'user-2' },
      { exp },
    ]) {
      answers.push(await instance.vend(claims));
      fleet.clock.nowMs += SECOND_MS;
    }
    expect(answers.map(({ statusCode }) => statusCode)).toEqual([200, 200, 200, 200, 200]);
    expect(new Set(answers.map(authTokenOf)).size).toBe(5);
    expect(answers.map((answer) => fleet.recorded(answer).lifetimeSeconds)).toEqual([
      1_800, 1_800, 900, 900, 900,
    ]);
  });

  test('two tenants, 1,000 at once over four instances: shared only where the scope is equal', async () => {
    const shared = new Map<string, TokenItem>();
    const instances = Array.from({ length: 4 }, () =>
      fleet.instance({ items: (time) => new MemoryItems(shared, time) }),
    );
    const callers = Array.from({ length: 1_000 }, (_, index) => ({
      sub: `user-${index}`,
      'custom:tenantId': index % 3 === 0 ? '1' : '10',
    }));
    const answers = await fleet.clock.run(
      Promise.all(callers.map((caller, index) => instances[index % 4]?.begin(caller))),
    );
    const tokens = { '1': new Set<string>(), '10': new Set<string>() };
    for (const [index, caller] of callers.entries()) {
      const answer = answers[index];
      if (answer?.statusCode !== 200) throw new Error('each has a token');
      const tenant = caller['custom:tenantId'] as '1' | '10';
      tokens[tenant].add(authTokenOf(answer));
      expect(grantsOf(fleet.recorded(answer))).toEqual([
        `items 2 calendar-events prefix ${tenant}:`,
      ]);
    }
    expect([tokens['1'].size, tokens['10'].size]).toEqual([1, 1]);
    expect(fleet.minted).toBe(2);
    expect(fleet.lines.filter(({ message }) => message === 'vended')).toHaveLength(1_000);
  });
});

describe('while enough of its life is left', () => {
  test.each([
    [0.5, 900],
    [0.25, 450],
    [0.9, 1_620],
  ])(
    '%d: to the millisecond, from memory and from the table',
    async (whileLifeLeft, leftSeconds) => {
      const options = { whileLifeLeft, isExact: true };
      const [first, second, third] = [0, 1, 2].map(() => fleet.instance(options)) as [
        Instance,
        Instance,
        Instance,
      ];
      const minted = await first.vend();
      fleet.clock.nowMs = (tokenOf(minted).expiresAt - leftSeconds) * SECOND_MS;
      for (const [instance, source] of [
        [first, 'memory'],
        [second, 'table'],
      ] as const) {
        expect(authTokenOf(await instance.vend())).toBe(authTokenOf(minted));
        expect(sourceOfLast()).toBe(source);
      }
      fleet.clock.nowMs += 1;
      const [renewed, shared] = [await first.vend(), await third.vend()];
      expect(authTokenOf(renewed)).not.toBe(authTokenOf(minted));
      expect(authTokenOf(shared)).toBe(authTokenOf(renewed));
      expect(fleet.minted).toBe(2);
    },
  );

  test('an item that is due is replaced for all', async () => {
    const [first, second, third] = [fleet.instance(), fleet.instance(), fleet.instance()];
    const old = await first.vend();
    passUntilLeft(first, old, 800);
    const renewed = await second.vend();
    expect(authTokenOf(renewed)).not.toBe(authTokenOf(old));
    expect(authTokenOf(await third.vend())).toBe(authTokenOf(renewed));
    expect(authTokenOf(await first.vend())).toBe(authTokenOf(renewed));
    expect(fleet.minted).toBe(2);
  });
});

describe('nobody is handed a token that outlives his own', () => {
  test('minted, from memory, and from the table, where Momento’s clock is ahead', async () => {
    fleet.momentoAheadMs = 30 * SECOND_MS;
    const [first, second] = [fleet.instance(), fleet.instance()];
    // He has just as much left as a life needs; that token ends 20 s after his own.
    const short = { exp: `${fleet.nowSeconds + LIFE_SECONDS + 11}` };
    const long = { exp: `${fleet.nowSeconds + LIFE_SECONDS + 600}` };
    for (const [instance, claims, status] of [
      [first, short, 503],
      [first, long, 200],
      [first, short, 503],
      [second, short, 503],
      [second, long, 200],
    ] as const) {
      const answer = await instance.vend(claims);
      expect(answer.statusCode).toBe(status);
      if (status !== 200) expect(answer.body).not.toContain('authToken');
      else expect(tokenOf(answer).expiresAt).toBeLessThanOrEqual(Number(claims.exp));
      fleet.clock.nowMs += 300;
    }
  });
});

test('no expired token, and none said to live longer than it does, by clocks a minute off', async () => {
  await fleet.close();
  const role = {
    expiresInMinutes: 0.5,
    permissions: [{ role: 'readonly', cache: 'c', item: { keyPrefix: '${custom:tenantId}:' } }],
  };
  await start({ policies: { roles: { viewer: role } } });
  const instances = [-60, -31.5, -0.7, 0, 0.3, 31.5, 60].map((seconds) =>
    fleet.instance({ offsetMs: seconds * SECOND_MS }),
  );
  let served = 0;
  for (let step = 0; step < 60; step += 1) {
    fleet.clock.nowMs += 2_350;
    const answer = await instances[step % instances.length]?.vend();
    if (answer === undefined) throw new Error('there are instances');
    expect([200, 429]).toContain(answer.statusCode);
    if (answer.statusCode !== 200) continue;
    served += 1;
    // Momento knows only those that live.
    const { validUntil } = fleet.recorded(answer);
    expect(validUntil).toBeGreaterThan(fleet.nowSeconds);
    const { expiresAt, expiresIn } = tokenOf(answer);
    expect(expiresAt).toBe(validUntil);
    expect(expiresIn).toBeLessThanOrEqual(validUntil - fleet.nowSeconds);
    expect(expiresIn).toBeGreaterThan(validUntil - fleet.nowSeconds - 3);
  }
  expect(served).toBeGreaterThanOrEqual(58);
  expect(fleet.minted).toBeLessThan(20);
  expect(mostPerSecond(fleet.mintedAtMs)).toBeLessThanOrEqual(4);
});

describe('one mints, and the others do not', () => {
  test('they wait for him, and have it from the table', async () => {
    fleet.momentoTakesMs = () => 400;
    const instances = Array.from({ length: 5 }, () => fleet.instance());
    const { result, tookMs } = await timed(() =>
      fleet.clock.run(Promise.all(instances.map(({ begin }) => begin()))),
    );
    expect(new Set(result.map(authTokenOf)).size).toBe(1);
    expect(fleet.minted).toBe(1);
    expect(tookMs).toBeLessThanOrEqual(700);
  });

  test('they wait a second at most, and are then told to come back', async () => {
    fleet.momentoTakesMs = () => 2_500;
    const [first, second] = [fleet.instance(), fleet.instance()];
    const minting = first.begin();
    await fleet.clock.run(fleet.clock.sleep(100));
    const { result, tookMs } = await timed(() => second.vend());
    expect(result.statusCode).toBe(429);
    expect(codeOf(result)).toBe('rate-limited');
    expect(retryAfterOf(result)).toBeGreaterThanOrEqual(1);
    expect(retryAfterOf(result)).toBeLessThanOrEqual(2);
    expect(tookMs).toBeLessThanOrEqual(1_000);
    expect(tookMs).toBeGreaterThanOrEqual(800);
    expect(second.counted).toEqual(['RateLimited']);
    expect((await fleet.clock.run(minting)).statusCode).toBe(200);
    expect((await second.vend()).statusCode).toBe(200);
    expect(fleet.minted).toBe(1);
  });

  test('whoever has the old one goes on with it at once', async () => {
    const [first, second, third] = [fleet.instance(), fleet.instance(), fleet.instance()];
    const old = await first.vend();
    await second.vend();
    passUntilLeft(first, old, 500);
    fleet.momentoTakesMs = () => 2_500;
    const minting = first.begin();
    await fleet.clock.run(fleet.clock.sleep(100));
    // One has it in its memory, the other has never seen it.
    for (const instance of [second, third]) {
      const { result, tookMs } = await timed(() => instance.vend());
      expect(authTokenOf(result)).toBe(authTokenOf(old));
      expect(tookMs).toBe(0);
    }
    const renewed = await fleet.clock.run(minting);
    expect(authTokenOf(renewed)).not.toBe(authTokenOf(old));
    expect(authTokenOf(await second.vend())).toBe(authTokenOf(renewed));
    expect(fleet.minted).toBe(2);
    expect([second.counted, third.counted]).toEqual([['Vended', 'Vended', 'Vended'], ['Vended']]);
  });

  test('but not with one of which a tenth is left', async () => {
    const [first, second] = [fleet.instance(), fleet.instance()];
    const old = await first.vend();
    await second.vend();
    passUntilLeft(first, old, LIFE_SECONDS / 10 - 1);
    fleet.momentoTakesMs = () => 300;
    const [one, other] = await fleet.clock.run(Promise.all([first.begin(), second.begin()]));
    expect(authTokenOf(one)).toBe(authTokenOf(other));
    expect(authTokenOf(one)).not.toBe(authTokenOf(old));
  });

  test('a mint that died frees its lease by itself', async () => {
    die();
    const dead = fleet.instance();
    void dead.begin();
    await fleet.clock.run(fleet.clock.sleep(200));
    fleet.momentoTakesMs = () => 0;
    const other = fleet.instance();
    expect((await other.vend()).statusCode).toBe(429);
    fleet.clock.nowMs += LEASE_MS - 3_000;
    expect((await other.vend()).statusCode).toBe(429);
    // Two clocks that are known to a second each may disagree by as much.
    fleet.clock.nowMs += 2_000;
    expect((await other.vend()).statusCode).toBe(200);
    expect(fleet.minted).toBe(2);
  });

  test.each(['INVALID_ARGUMENT', 'RESOURCE_EXHAUSTED'] as const)(
    'a mint that fails (%s) frees it at once',
    async (refuse) => {
      fleet.momentoFault = (turn) => (turn === 1 ? { refuse } : undefined);
      expect((await fleet.instance().vend()).statusCode).not.toBe(200);
      fleet.clock.nowMs += 500;
      const { result, tookMs } = await timed(() => fleet.instance().vend());
      expect(result.statusCode).toBe(200);
      expect(tookMs).toBe(0);
      expect(fleet.minted).toBe(2);
    },
  );

  test('Momento away: the answer does not wait for turns to ask it again', async () => {
    fleet.momentoFault = () => ({ refuse: 'UNAVAILABLE' });
    const { result, tookMs } = await timed(() => fleet.instance({ isCold: true }).vend());
    expect(codeOf(result)).toBe('upstream-unavailable');
    expect(tookMs).toBeLessThan(1_500);
  });

  test('one that fails while the old one lives: the old one, and the trouble is seen', async () => {
    const instance = fleet.instance();
    const old = await instance.vend();
    passUntilLeft(instance, old, 500);
    fleet.momentoFault = () => ({ refuse: 'INVALID_ARGUMENT' });
    const answer = await instance.vend();
    expect(authTokenOf(answer)).toBe(authTokenOf(old));
    expect(instance.counted).toEqual(['Vended', 'Minted', 'Vended', 'UpstreamErrors bad-policy']);
    expect(fleet.lines.at(-1)).toMatchObject({
      level: 'ERROR',
      message: 'not renewed',
      problem: 'bad-policy',
      subject: 'user-1',
    });
    expect(fleet.logged.join('\n')).not.toContain(authTokenOf(old));
  });
});

describe('turns', () => {
  const own = (sub: string) => ({ 'cognito:groups': '[data-entry]', sub });

  test('more than the rate: 429 with the time of the turn, counted as that and nothing else', async () => {
    const instance = fleet.instance();
    const answers = await fleet.clock.run(
      Promise.all(Array.from({ length: 12 }, (_, index) => instance.begin(own(`user-${index}`)))),
    );
    const sent = answers.filter(({ statusCode }) => statusCode === 429);
    expect(sent.length).toBeGreaterThanOrEqual(4);
    expect(answers.filter(({ statusCode }) => statusCode === 200)).toHaveLength(12 - sent.length);
    for (const answer of sent) {
      expect(codeOf(answer)).toBe('rate-limited');
      expect(retryAfterOf(answer)).toBeGreaterThanOrEqual(1);
      expect(retryAfterOf(answer)).toBeLessThanOrEqual(4);
      expect(answer.headers['cache-control']).toBe('no-store');
    }
    expect(instance.counted.filter((metric) => metric === 'RateLimited')).toHaveLength(sent.length);
    expect(instance.counted.join()).not.toContain('UpstreamErrors');
    expect(mostPerSecond(fleet.mintedAtMs)).toBeLessThanOrEqual(4);
  });

  test('whoever comes back too early is told the same again, elsewhere too; who knows the line asks nobody', async () => {
    const [first, second] = [fleet.instance(), fleet.instance()];
    await fleet.table.write('pace', {
      ...takenUntil(fleet.clock.now() + 5_000),
      promisedTo: { N: `${fleet.clock.now() + 5_000}` },
      claimedAt: { N: `${fleet.clock.now()}` },
    });
    expect(retryAfterOf(await first.vend(own('a')))).toBeGreaterThanOrEqual(5);
    fleet.clock.nowMs += 2_000;
    fleet.table.calls.length = 0;
    for (const instance of [first, second, second]) {
      expect(retryAfterOf(await instance.vend(own('a')))).toBeGreaterThanOrEqual(3);
    }
    // Of `second` alone, once: the token, a lease, a turn that is not there, the line, and the lease given back.
    const asked = ['GetItem', 'UpdateItem', 'UpdateItem', 'GetItem', 'UpdateItem'];
    expect(fleet.table.calls).toEqual(asked);
    expect(fleet.minted).toBe(0);
  });

  test('the line is longer than three minutes: he is told to come back anew, and nothing is kept for him', async () => {
    const [first, second] = [fleet.instance(), fleet.instance()];
    const fill = () =>
      fleet.table.write('pace', {
        ...takenUntil(fleet.clock.now() + 5_000),
        promisedTo: { N: `${fleet.clock.now() + 181_000}` },
        claimedAt: { N: `${fleet.clock.now()}` },
      });
    for (const instance of [first, second, first]) {
      await fill();
      const retryAfter = retryAfterOf(await instance.vend(own('a')));
      expect(retryAfter).toBeGreaterThanOrEqual(90);
      expect(retryAfter).toBeLessThanOrEqual(180);
      const items = await fleet.table.scan();
      expect(items.flatMap((item) => Object.keys(item))).not.toContain('promisedAt');
      fleet.clock.nowMs += retryAfter * SECOND_MS;
    }
    expect((await second.vend(own('a'))).statusCode).toBe(200);
  });

  test('a table that hardly answers in time: token or 429, and before anybody gives up', async () => {
    const instances = Array.from({ length: 8 }, () => fleet.instance());
    for (const instance of instances) await instance.keys.current();
    fleet.table.takesMs = () => 450;
    const took: number[] = [];
    await fleet.clock.run(
      Promise.all(
        Array.from({ length: 24 }, async (_, user) => {
          for (let statusCode = 0; statusCode !== 200; ) {
            const beganMs = fleet.clock.now();
            const answer = await instances[user % 8]?.begin(own(`user-${user}`));
            took.push(fleet.clock.now() - beganMs);
            statusCode = answer?.statusCode ?? 0;
            expect([200, 429]).toContain(statusCode);
            if (answer && statusCode === 429) {
              await fleet.clock.sleep(retryAfterOf(answer) * SECOND_MS);
            }
          }
        }),
      ),
    );
    expect(Math.max(...took)).toBeLessThanOrEqual(8_500);
    expect(mostPerSecond(fleet.mintedAtMs)).toBeLessThanOrEqual(4);
    expect(fleet.minted).toBe(24);
  });

  test('a promise is the latest time: where those before him stay away, he is served before it', async () => {
    const [first, second] = [fleet.instance(), fleet.instance()];
    const lineMs = fleet.clock.now() + 170_000;
    await fleet.table.write('pace', {
      ...takenUntil(fleet.clock.now() + 1_500),
      promisedTo: { N: `${lineMs}` },
      claimedAt: { N: `${fleet.clock.now()}` },
    });
    for (const sub of ['a', 'b']) {
      expect(retryAfterOf(await first.vend(own(sub)))).toBeGreaterThanOrEqual(169);
    }
    fleet.clock.nowMs += 5_000;
    expect((await first.vend(own('a'))).statusCode).toBe(200);
    fleet.clock.nowMs += 5_000;
    expect((await second.vend(own('b'))).statusCode).toBe(200);
  });

  test('whoever comes back when he was told is served, by an instance that hardly knows the time', async () => {
    const first = fleet.instance();
    // Its bounds narrow as it hears answers at all times of a second.
    for (let turn = 0; turn < 12; turn += 1) {
      fleet.clock.nowMs += 61_093;
      await first.vend({ 'custom:tenantId': `t${turn}` });
    }
    fleet.clock.nowMs = Math.ceil(fleet.clock.now() / SECOND_MS) * SECOND_MS + 999;
    await fleet.table.write('pace', takenUntil(fleet.clock.now() + 2_500));
    const sent = await first.vend(own('a'));
    expect(sent.statusCode).toBe(429);
    fleet.clock.nowMs += retryAfterOf(sent) * SECOND_MS;
    // It has heard one answer, late in its second, and of a request that waited for its start.
    fleet.eventAgeMs = 900;
    expect((await fleet.instance({ isCold: true }).vend(own('a'))).statusCode).toBe(200);
  });

  test('twenty-four users over eight instances, clocks up to a minute apart: the rate is kept, all are served', async () => {
    const offsets = [-60_000, -30_000, -700, -300, 0, 300, 700, 60_000];
    const instances = offsets.map((offsetMs) => fleet.instance({ offsetMs }));
    const tries = await fleet.clock.run(
      Promise.all(
        Array.from({ length: 24 }, async (_, user) => {
          for (let turn = 1; ; turn += 1) {
            const answer = await instances[(user + turn * 3) % 8]?.begin(own(`user-${user}`));
            if (answer === undefined) throw new Error('there are instances');
            if (answer.statusCode === 200) {
              expect(tokenOf(answer).tokenId).toBe(`user-${user}`);
              return turn;
            }
            expect(answer.statusCode).toBe(429);
            await fleet.clock.sleep(retryAfterOf(answer) * SECOND_MS);
          }
        }),
      ),
    );
    expect(mostPerSecond(fleet.mintedAtMs)).toBeLessThanOrEqual(4);
    expect(fleet.minted).toBe(24);
    expect(Math.max(...tries)).toBeLessThanOrEqual(4);
  });
});

describe('the vending key', () => {
  test('is renewed: what was shared goes on until there is another, from memory and from the table', async () => {
    const [first, second] = [fleet.instance(), fleet.instance()];
    await second.keys.current();
    const shared = await first.vend();
    fleet.renewKey();
    fleet.clock.nowMs += 61 * SECOND_MS;
    // No turn is to be had for now.
    const lineMs = fleet.clock.now() + 5_000;
    await fleet.table.write('pace', {
      ...takenUntil(lineMs),
      promisedTo: { N: `${lineMs}` },
      claimedAt: { N: `${fleet.clock.now()}` },
    });
    for (const instance of [first, second, first, second]) {
      expect(authTokenOf(await instance.vend())).toBe(authTokenOf(shared));
    }
    expect(fleet.minted).toBe(1);
    expect((await first.keys.current()).versionId).toBe((await second.keys.current()).versionId);
    // Nobody knows whether it dies with its key: as soon as may be there is one of the new key.
    fleet.clock.nowMs += 10 * SECOND_MS;
    const renewed = await first.vend();
    expect(authTokenOf(renewed)).not.toBe(authTokenOf(shared));
    expect(authTokenOf(await second.vend())).toBe(authTokenOf(renewed));
    expect(fleet.minted).toBe(2);
    expect([...first.counted, ...second.counted].join()).not.toContain('SharedTokenIgnored');
  });

  test('is one of another account: nothing is shared any more, neither in memory nor in the table', async () => {
    const [first, second] = [fleet.instance(), fleet.instance()];
    const before = await first.vend();
    await second.vend();
    await fleet.changeAccount();
    fleet.clock.nowMs += 61 * SECOND_MS;
    const after = await first.vend();
    expect(authTokenOf(after)).not.toBe(authTokenOf(before));
    expect(fleet.recorded(after).account).toBe(fleet.account);
    expect(authTokenOf(await second.vend())).toBe(authTokenOf(after));
    expect(first.counted).toContain('SharedTokenIgnored foreign');
    expect(fleet.minted).toBe(2);
  });

  test('who has still the old one, and sees a token of the new one, looks at the secret', async () => {
    const [first, second] = [fleet.instance(), fleet.instance()];
    await first.keys.current();
    await fleet.changeAccount();
    const shared = await second.vend();
    expect(authTokenOf(await first.vend())).toBe(authTokenOf(shared));
    expect(sourceOfLast()).toBe('table');
    expect(first.counted).toEqual(['Vended']);
    expect(fleet.minted).toBe(1);
  });

  test('but not at each, where the key is the same as ever', async () => {
    const instance = fleet.instance();
    await instance.keys.current();
    const before = fleet.table.secretReads;
    const foreign = (life: number) => {
      const token = { apiKey: 'x', endpoint: 'y', validUntil: fleet.nowSeconds + life };
      return Buffer.from(sealToken(token, 'of nobody', idOf())).toString('base64');
    };
    fleet.momentoFault = () => ({ refuse: 'INVALID_ARGUMENT' });
    const lookedAtMs = fleet.clock.now();
    for (const [laterMs, looks] of [
      [0, 1],
      [100, 1],
      [9_999, 1],
      [10_000, 2],
    ] as const) {
      fleet.clock.nowMs = lookedAtMs + laterMs;
      await fleet.table.write(idOf(), { sealed: { B: foreign(900) } });
      expect((await instance.vend()).statusCode).toBe(500);
      expect(fleet.table.secretReads - before).toBe(looks);
    }
  });

  test('nor is the old one’s token handed out where Momento shows that there is another', async () => {
    const instance = fleet.instance();
    const { account: before } = fleet;
    const old = await instance.vend();
    passUntilLeft(instance, old, 500);
    const { wireKey } = await instance.keys.current();
    await fleet.changeAccount();
    before.revoke(wireKey);
    const mintedBefore = fleet.minted;
    fleet.momentoFault = (turn) =>
      turn > mintedBefore + 1 ? { refuse: 'UNAVAILABLE' } : undefined;
    const answer = await instance.vend();
    expect(fleet.minted).toBeGreaterThan(mintedBefore + 1);
    expect(answer.statusCode).toBe(503);
    expect(answer.body).not.toContain('authToken');
  });

  test('nor is the old one’s token handed out where there is nothing else', async () => {
    const instance = fleet.instance();
    const old = await instance.vend();
    passUntilLeft(instance, old, 500);
    await instance.vend({ 'custom:tenantId': 'other' });
    await fleet.changeAccount();
    await fleet.table.write(idOf(), {
      sealed: {
        B: Buffer.from(
          sealToken(
            { apiKey: 'x', endpoint: 'y', validUntil: fleet.nowSeconds + 600 },
            'of nobody',
            idOf(),
          ),
        ).toString('base64'),
      },
    });
    fleet.momentoFault = () => ({ refuse: 'UNAVAILABLE' });
    const answer = await instance.vend();
    expect(answer.statusCode).toBe(503);
    expect(answer.body).not.toContain('authToken');
  });
});

describe('what is in the table is not to be trusted', () => {
  const sealed = (text: string | Uint8Array) => ({
    sealed: { B: Buffer.from(text).toString('base64') },
  });
  const secretOf = async ({ keys }: Instance) => (await keys.current()).wireKey;
  const token = () => ({
    apiKey: 'stolen',
    endpoint: 'evil',
    validUntil: fleet.nowSeconds + 1_700,
  });

  test.each<[string, (secret: string) => Uint8Array, string]>([
    ['random bytes', () => Buffer.alloc(200, 7), 'unreadable'],
    ['nothing', () => Buffer.from([1]), 'unreadable'],
    [
      'half of a token',
      (secret) => sealToken(token(), secret, idOf()).subarray(0, 90),
      'unreadable',
    ],
    [
      'a token of another scope',
      (secret) => sealToken(token(), secret, idOf(1_800, 'acme2')),
      'unreadable',
    ],
    ['a token of another life', (secret) => sealToken(token(), secret, idOf(900)), 'unreadable'],
    ['a token of a stranger', () => sealToken(token(), 'another key', idOf()), 'foreign'],
  ])('%s: ignored, replaced, counted', async (_, bytes, why) => {
    const [first, second] = [fleet.instance(), fleet.instance()];
    await fleet.table.write(idOf(), sealed(bytes(await secretOf(first))));
    const answer = await first.vend();
    expect(answer.statusCode).toBe(200);
    fleet.recorded(answer);
    expect(first.counted).toEqual([`SharedTokenIgnored ${why}`, 'Vended', 'Minted']);
    expect(fleet.lines.find(({ message }) => message === 'SharedTokenIgnored')).toMatchObject({
      level: 'WARN',
      why,
    });
    expect(authTokenOf(await second.vend())).toBe(authTokenOf(answer));
    expect(second.counted).toEqual(['Vended']);
    expect(fleet.minted).toBe(1);
  });

  test.each([{ S: 'token' }, { L: [] }, { NULL: true }])(
    '%j for a token: likewise',
    async (text) => {
      await fleet.table.write(idOf(), { sealed: text });
      const instance = fleet.instance();
      expect((await instance.vend()).statusCode).toBe(200);
      expect(instance.counted).toEqual(['SharedTokenIgnored unreadable', 'Vended', 'Minted']);
      expect((await fleet.table.item(idOf()))?.sealed).toHaveProperty('B');
    },
  );

  test.each<[string, object]>([
    ['a text for a lease', { leaseUntil: { S: 'for ever' }, leaseId: { S: 'x' } }],
    ['a lease for ever', { leaseUntil: { N: '9e30' }, leaseId: { S: 'x' } }],
    ['a lease of long ago', { leaseUntil: { N: '-5' }, leaseId: { S: 'x' } }],
    ['a promise for ever', { promisedAt: { N: '9e30' } }],
    ['a promise in words', { promisedAt: { S: 'soon' }, sentAway: { S: 'often' } }],
    ['an end in words', { expiresAt: { S: 'never' } }],
  ])('%s: as if it were not there', async (_, attributes) => {
    await fleet.table.write(idOf(), attributes);
    const instance = fleet.instance();
    const { result, tookMs } = await timed(() => instance.vend());
    expect(result.statusCode).toBe(200);
    expect(tookMs).toBeLessThanOrEqual(1_000);
    expect(instance.counted).toEqual(['Vended', 'Minted']);
    const item = (await fleet.table.item(idOf())) ?? {};
    expect(Object.keys(item).sort()).toEqual(['expiresAt', 'id', 'sealed']);
  });

  test('nothing in it says whose it is, nor what for, nor opens anything', async () => {
    const instance = fleet.instance();
    const answers = [
      await instance.vend(),
      await instance.vend({ 'cognito:groups': '[data-entry]', sub: 'alice' }),
    ];
    await fleet.table.write('pace', takenUntil(fleet.clock.now() + 5_000));
    await instance.vend({ 'cognito:groups': '[data-entry]', sub: 'bob' });
    die();
    fleet.clock.nowMs += 10_000;
    void instance.begin({ 'custom:tenantId': 'leased-tenant' });
    await fleet.clock.run(fleet.clock.sleep(500));
    const items = await fleet.table.scan();
    expect(items.length).toBe(5);
    expect(items.flatMap((item) => Object.keys(item))).toEqual(
      expect.arrayContaining(['sealed', 'leaseId', 'leaseUntil', 'promisedAt', 'lane0']),
    );
    // As it stands there, and what its bytes are.
    const all = items.flatMap((item) =>
      Object.values(item).flatMap((value) =>
        Object.entries(value).map(([type, text]) =>
          type === 'B' ? Buffer.from(text, 'base64').toString('latin1') : text,
        ),
      ),
    );
    const key = await instance.keys.current();
    const canaries = [
      ...answers.flatMap((answer) => {
        const { authToken, endpoint } = tokenOf(answer);
        const { api_key: bare } = JSON.parse(Buffer.from(authToken, 'base64').toString());
        return [authToken, endpoint, bare, bare.split('.')[1]];
      }),
      key.wireKey,
      'acme',
      'alice',
      'bob',
      'leased-tenant',
      'calendar-events',
      'data-entry',
    ];
    for (const text of all) for (const canary of canaries) expect(text).not.toContain(canary);
    const written = fleet.logged.join('\n');
    for (const canary of canaries.slice(0, -6)) {
      if (canary !== tokenOf(answers[0] as HttpAnswer).endpoint)
        expect(written).not.toContain(canary);
    }
    expect(instance.counted.join()).not.toMatch(/acme|alice|bob|eyJ/);
  });
});

describe('a table that cannot be used', () => {
  const failing = (name: string, options = {}) => ({
    error: new AwsError(name, 'scripted', options),
  });
  const only =
    (...operations: string[]) =>
    (operation: string) =>
      operations.includes(operation);

  test.each<[string, () => void, string]>([
    [
      'throttled',
      () => {
        fleet.table.fault = () => failing('ThrottlingException');
      },
      'ThrottlingException',
    ],
    [
      'denied',
      () => {
        fleet.table.fault = () => failing('AccessDeniedException');
      },
      'AccessDeniedException',
    ],
    [
      'broken',
      () => {
        fleet.table.fault = () => failing('InternalServerError', { status: 500 });
      },
      'InternalServerError',
    ],
    [
      'not there',
      () => {
        fleet.table.fault = () => failing('ResourceNotFoundException');
      },
      'ResourceNotFoundException',
    ],
    [
      'silent',
      () => {
        fleet.table.takesMs = () => Number.POSITIVE_INFINITY;
      },
      'timeout',
    ],
    [
      'cutting the line',
      () => {
        fleet.table.fault = () => ({ loseAnswer: true });
      },
      'unreachable',
    ],
  ])(
    '%s: vending goes on, one login in five seconds tries it, and it is used when it is back',
    async (_, breakIt, code) => {
      const instance = fleet.instance();
      await instance.keys.current();
      breakIt();
      const callsBefore = fleet.table.calls.length;
      for (let login = 0; login < 10; login += 1) {
        const { result, tookMs } = await timed(() =>
          instance.vend({ 'cognito:groups': '[data-entry]', sub: `user-${login}` }),
        );
        expect(result.statusCode).toBe(200);
        expect(tokenOf(result).tokenId).toBe(`user-${login}`);
        expect(tookMs).toBeLessThanOrEqual(1_300);
        if (login > 0) expect(tookMs).toBeLessThanOrEqual(300);
        fleet.clock.nowMs += 400;
      }
      expect(instance.counted.filter((metric) => metric.startsWith('Sharing'))).toEqual([
        `SharingUnavailable ${code}`,
      ]);
      expect(fleet.table.calls.length - callsBefore).toBeLessThanOrEqual(2);
      expect(fleet.lines.find(({ message }) => message === 'SharingUnavailable')).toMatchObject({
        level: 'WARN',
        why: code,
      });

      fleet.table.fault = () => undefined;
      fleet.table.takesMs = () => 0;
      fleet.clock.nowMs += 5_000;
      const shared = await instance.vend();
      expect(authTokenOf(await fleet.instance().vend())).toBe(authTokenOf(shared));
      expect(sourceOfLast()).toBe('table');
    },
  );

  test('this process paces itself while it is away', async () => {
    fleet.table.fault = () => failing('ThrottlingException');
    const instance = fleet.instance();
    const answers = await fleet.clock.run(
      Promise.all(
        Array.from({ length: 10 }, (_, index) =>
          instance.begin({ 'cognito:groups': '[data-entry]', sub: `user-${index}` }),
        ),
      ),
    );
    expect(mostPerSecond(fleet.mintedAtMs)).toBeLessThanOrEqual(4);
    expect(new Set(answers.map(({ statusCode }) => statusCode))).toEqual(new Set([200, 429]));
    expect(instance.counted.join()).not.toContain('UpstreamErrors');
  });

  test.each<[string, (operation: string) => boolean]>([
    ['cannot be written', only('UpdateItem', 'PutItem')],
    ['takes no token', only('PutItem')],
    ['takes no lease', only('UpdateItem')],
    ['cannot be read', only('GetItem')],
  ])('one that %s', async (_, isBroken) => {
    fleet.table.fault = (operation) =>
      isBroken(operation) ? failing('ProvisionedThroughputExceededException') : undefined;
    const instance = fleet.instance();
    for (let login = 0; login < 3; login += 1) {
      const { result, tookMs } = await timed(() =>
        instance.vend({ 'custom:tenantId': `t${login}` }),
      );
      expect(result.statusCode).toBe(200);
      expect(tookMs).toBeLessThanOrEqual(500);
      fleet.clock.nowMs += 5_500;
    }
    expect(fleet.minted).toBe(3);
    expect(
      instance.counted.filter((metric) => metric.startsWith('Sharing')).length,
    ).toBeGreaterThanOrEqual(3);
  });

  test('one that fails in the middle of a mint: his own turn, and no login is lost', async () => {
    let updates = 0;
    fleet.table.fault = (operation) => {
      if (operation === 'UpdateItem') updates += 1;
      return operation === 'UpdateItem' && updates >= 2
        ? failing('AccessDeniedException')
        : undefined;
    };
    const instance = fleet.instance();
    expect((await instance.vend()).statusCode).toBe(200);
    expect(instance.counted).toEqual([
      'SharingUnavailable AccessDeniedException',
      'Vended',
      'Minted',
    ]);
  });

  test.each([120, 200, 300, 450])(
    'one that takes %d ms for each answer: everybody is served',
    async (takesMs) => {
      fleet.table.takesMs = () => takesMs;
      const instances = [fleet.instance(), fleet.instance()];
      for (let login = 0; login < 6; login += 1) {
        const { result, tookMs } = await timed(
          async () => await instances[login % 2]?.vend({ 'custom:tenantId': `t${login}` }),
        );
        expect(result?.statusCode).toBe(200);
        expect(tookMs).toBeLessThanOrEqual(3_500);
        fleet.clock.nowMs += 1_000;
      }
      expect(mostPerSecond(fleet.mintedAtMs)).toBeLessThanOrEqual(4);
    },
  );

  test('with the token still in memory nobody asks it', async () => {
    const instance = fleet.instance();
    const shared = await instance.vend();
    fleet.table.fault = () => failing('AccessDeniedException');
    expect(authTokenOf(await instance.vend())).toBe(authTokenOf(shared));
    expect(instance.counted.join()).not.toContain('SharingUnavailable');
  });

  test('with an old one in memory, and Momento away too, the old one serves', async () => {
    const instance = fleet.instance();
    const old = await instance.vend();
    passUntilLeft(instance, old, 300);
    fleet.table.fault = () => failing('AccessDeniedException');
    fleet.momentoFault = () => ({ refuse: 'UNAVAILABLE' });
    expect(authTokenOf(await instance.vend())).toBe(authTokenOf(old));
    expect(instance.counted).toContain('UpstreamErrors upstream-unavailable');
  });
});

test('neither the key nor the table can be read: one answer, and nothing unhandled', async () => {
  const unhandled: unknown[] = [];
  const onUnhandled = (error: unknown) => unhandled.push(error);
  process.on('unhandledRejection', onUnhandled);
  try {
    fleet.table.stack.secrets.deleteSecret?.({ SecretId: fleet.arn });
    for (const fault of [
      { error: new AwsError('AccessDeniedException', 'scripted') },
      { loseAnswer: true } as const,
    ]) {
      fleet.table.fault = () => fault;
      const answer = await fleet.instance().vend();
      expect([500, 503]).toContain(answer.statusCode);
    }
    await new Promise((resolve) => setTimeout(resolve, 20));
    expect(unhandled).toEqual([]);
  } finally {
    process.off('unhandledRejection', onUnhandled);
  }
});
