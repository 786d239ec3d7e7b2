// A rotation under faults at every call, under duplicates, and with every form of the old pair's fate.

import { describe, expect, test } from '@jest/globals';
import { DAY_SECONDS, type Fault, HOUR_SECONDS, TICK, World } from './world.ts';

type Terms = {
  readonly refreshTokens: 'single-use' | 'multi-use';
  readonly oldKeys: 'live' | 'die';
};
const ALL_TERMS: readonly Terms[] = (['single-use', 'multi-use'] as const).flatMap(
  (refreshTokens) => (['live', 'die'] as const).map((oldKeys) => ({ refreshTokens, oldKeys })),
);

/** What a due rotation calls, in order. */
const ROTATION = [
  'DescribeSecret',
  'GetSecretValue',
  'ListSecretVersionIds',
  'PutSecretValue', // the claim
  'GetSecretValue',
  'UpdateSecretVersionStage', // MOMENTO_CLAIM
  'DescribeSecret',
  'RefreshApiKey',
  'PutSecretValue', // the pair
  'ListCaches',
  'UpdateSecretVersionStage', // AWSCURRENT
  'PutEvents',
  'UpdateSecretVersionStage', // AWSPENDING
  'UpdateSecretVersionStage', // MOMENTO_CLAIM
  'UpdateSecretVersionStage', // MOMENTO_CLAIMING
];
const REFRESH = ROTATION.indexOf('RefreshApiKey');

function due(terms: Partial<Terms> = {}): World {
  const world = new World(terms);
  world.import();
  world.wait(21 * DAY_SECONDS);
  return world;
}

/** The fault at the nth call of the next run; later calls are well. */
function faultAt(world: World, index: number, fault: Fault): void {
  let seen = 0;
  world.fault = () => (seen++ === index ? fault : undefined);
}

const wireKey = (apiKey: string): string =>
  JSON.parse(Buffer.from(apiKey, 'base64').toString('utf8')).api_key;

function currentAuthenticates(world: World): boolean {
  try {
    world.momento.authenticate(wireKey(world.current().apiKey));
    return true;
  } catch {
    return false;
  }
}

const strayLabels = (world: World): string[] =>
  Object.keys(world.labels()).filter((label) => !/^AWS(CURRENT|PREVIOUS)$/.test(label));

test('a rotation makes these calls and no others', async () => {
  const world = due();
  expect(await world.tick()).toMatchObject({ outcome: 'rotated', reason: 'due' });
  expect(world.calls).toEqual(ROTATION);
});

test('what is written is the same shape plus the endpoint, and lasts as long again', async () => {
  const world = due();
  const before = world.current();
  await world.tick();
  const after = world.current();
  expect(Object.keys(after).sort()).toEqual(['apiKey', 'endpoint', 'refreshToken', 'validUntil']);
  expect(after.apiKey).not.toBe(before.apiKey);
  expect(after.validUntil - before.validUntil).toBeGreaterThanOrEqual(21 * DAY_SECONDS);
});

describe.each(ALL_TERMS)('refresh tokens $refreshTokens, old keys $oldKeys', (terms) => {
  const steps = ROTATION.map((call, index) => ({ call, index }));

  test.each(steps)('killed before call $index ($call)', async ({ index }) => {
    await heals(index, 'kill');
  });
  test.each(steps)('killed after the effect of call $index ($call)', async ({ index }) => {
    await heals(index, 'kill-after');
  });
  test.each(steps)('call $index ($call) fails once', async ({ index }) => {
    await heals(index, new Error('no route to host'));
  });
  test.each(steps)('the answer of call $index ($call) is lost', async ({ index }) => {
    await heals(index, 'lose-answer');
  });

  async function heals(index: number, fault: Fault): Promise<void> {
    const world = due(terms);
    const before = world.labels().AWSCURRENT;
    faultAt(world, index, fault);
    const first = await world.tick();
    world.fault = () => undefined;
    expect(world.labels().AWSCURRENT).toBeDefined();
    if (first.outcome === 'failed')
      expect(world.events.map(({ type }) => type)).toContain('Momento API Key Rotation Failed');

    // The gap: Momento has handed out the pair, and nobody has stored it. It cannot be closed from here when
    // the old pair is good for nothing any more.
    const inTheGap =
      (index === REFRESH && (fault === 'kill-after' || fault === 'lose-answer')) ||
      (index === REFRESH + 1 && fault === 'kill');
    if (inTheGap && !(terms.refreshTokens === 'multi-use' && terms.oldKeys === 'live')) {
      world.wait(HOUR_SECONDS);
      const next = first.outcome === 'failed' ? first : await world.tick();
      expect(next).toMatchObject({ outcome: 'failed', reason: 'refresh-token-spent' });
      expect(world.labels().AWSCURRENT).toBe(before);
      expect(currentAuthenticates(world)).toBe(terms.oldKeys === 'live');
      return;
    }
    for (let ticks = 0; ticks < 2; ticks += 1) {
      world.wait(HOUR_SECONDS);
      await world.tick();
    }
    expect(strayLabels(world)).toEqual([]);
    expect(world.labels().AWSCURRENT).not.toBe(before);
    expect(currentAuthenticates(world)).toBe(true);
    expect(world.events.map(({ type }) => type)).toContain('Momento API Key Rotated');
    expect(await world.tick()).toMatchObject({ outcome: 'not-due' });
  }
});

describe('one refreshes', () => {
  test.each([2, 5])(
    '%d runs at once: one rotates, the others lose the race and fail nothing',
    async (runs) => {
      const world = due();
      const results = await Promise.all(Array.from({ length: runs }, () => world.tick()));
      const outcomes = results.map(({ outcome }) => outcome);
      expect(outcomes.filter((outcome) => outcome === 'rotated')).toHaveLength(1);
      expect(outcomes.filter((outcome) => outcome === 'lost-race')).toHaveLength(runs - 1);
      expect(world.calls.filter((call) => call === 'RefreshApiKey')).toHaveLength(1);
      expect(strayLabels(world)).toEqual([]);
    },
  );

  test.each([
    ['imports a newer key', false],
    ['imports a newer key and revokes the old one', true],
  ])('a person %s at any moment: it stays, and nothing fails', async (_, revokes) => {
    for (let index = 0; index < ROTATION.length; index += 1) {
      const world = due();
      let seen = 0;
      let imported = '';
      world.fault = () => {
        if (seen++ === index) {
          const { apiKey } = world.current();
          world.import();
          if (revokes) world.momento.revoke(apiKey);
          imported = world.labels().AWSCURRENT ?? '';
        }
        return undefined;
      };
      const first = await world.tick();
      world.fault = () => undefined;
      // Later than the promotion it is a change like any other.
      expect(first.outcome).not.toBe('failed');
      world.wait(HOUR_SECONDS);
      await world.tick();
      expect(strayLabels(world)).toEqual([]);
      if (index > 1) expect(world.labels().AWSCURRENT).toBe(imported);
      expect(currentAuthenticates(world)).toBe(true);
    }
  });
});

describe('a store that stays away', () => {
  const denied = () =>
    Object.assign(new Error('User is not authorized to perform: secretsmanager:PutSecretValue'), {
      name: 'AccessDeniedException',
    });

  test('the claim cannot be written: nothing is spent', async () => {
    const world = due();
    world.fault = (call) => (call === 'PutSecretValue' ? denied() : undefined);
    expect(await world.tick()).toMatchObject({ outcome: 'failed', reason: 'access-denied' });
    expect(world.calls).not.toContain('RefreshApiKey');
  });

  test('it comes back before the time is out: the pair is stored', async () => {
    const world = due();
    const startedMs = world.clock.now();
    world.fault = (call) =>
      call === 'PutSecretValue' &&
      world.calls.includes('RefreshApiKey') &&
      world.clock.now() < startedMs + 250_000
        ? denied()
        : undefined;
    expect(await world.tick()).toMatchObject({ outcome: 'rotated' });
  });

  test('it comes back for the next run of the same process: that one stores the pair, without Momento', async () => {
    const world = due();
    world.fault = (call) =>
      call === 'PutSecretValue' && world.calls.includes('RefreshApiKey') ? denied() : undefined;
    expect(await world.tick()).toMatchObject({ outcome: 'failed', reason: 'stage-failed' });
    world.fault = () => undefined;
    world.wait(HOUR_SECONDS);
    expect(await world.tick()).toMatchObject({ outcome: 'rotated', reason: 'interrupted' });
    expect(world.calls.filter((call) => call === 'RefreshApiKey')).toHaveLength(1);
    expect(currentAuthenticates(world)).toBe(true);
  });
});

describe('a pair that waits in memory, and a secret that is another one by then', () => {
  async function withPairInMemory(): Promise<World> {
    const world = due();
    world.fault = (call) =>
      call === 'PutSecretValue' && world.calls.includes('RefreshApiKey')
        ? new Error('away')
        : undefined;
    expect(await world.tick()).toMatchObject({ reason: 'stage-failed' });
    expect([...world.unstored.keys()]).toEqual([world.arn]);
    world.fault = () => undefined;
    world.wait(HOUR_SECONDS);
    return world;
  }

  test('imported anew: it stays, forced or not, and what waits is not put over it', async () => {
    const world = await withPairInMemory();
    world.import();
    const imported = world.labels().AWSCURRENT;
    expect(await world.tick()).toMatchObject({ outcome: 'healed', reason: 'stray-label' });
    expect(world.labels()).toEqual({ AWSCURRENT: imported, AWSPREVIOUS: expect.anything() });

    expect(await world.tick({ secretId: world.arn, force: true })).toMatchObject({
      reason: 'forced',
    });
    expect(world.labels()).toMatchObject({ AWSPREVIOUS: imported });
    expect(world.calls.filter((call) => call === 'RefreshApiKey')).toHaveLength(2);
    expect(world.unstored.size).toBe(0);
    expect(currentAuthenticates(world)).toBe(true);
  });

  test('edited: the pair is stored among the edited fields, without Momento', async () => {
    const world = await withPairInMemory();
    const before = world.current();
    world.put(JSON.stringify({ ...before, note: 'mine' }));
    expect(await world.tick()).toMatchObject({ outcome: 'rotated', reason: 'interrupted' });
    expect(world.current()).toMatchObject({ note: 'mine' });
    expect(world.current().apiKey).not.toBe(before.apiKey);
    expect(world.calls.filter((call) => call === 'RefreshApiKey')).toHaveLength(1);
    expect(strayLabels(world)).toEqual([]);
  });

  test('the old key has ended: the pair is stored all the same', async () => {
    const world = new World();
    world.import();
    world.wait(30 * DAY_SECONDS - HOUR_SECONDS / 2);
    world.fault = (call) =>
      call === 'PutSecretValue' && world.calls.includes('RefreshApiKey')
        ? new Error('away')
        : undefined;
    expect(await world.tick()).toMatchObject({ reason: 'stage-failed' });
    world.fault = () => undefined;
    world.wait(HOUR_SECONDS);
    expect(currentAuthenticates(world)).toBe(false);
    expect(await world.tick()).toMatchObject({ outcome: 'rotated' });
    expect(currentAuthenticates(world)).toBe(true);
  });
});

describe('failures back off', () => {
  test('a day of failures makes at most 40 versions, and ends with a rotation', async () => {
    const world = new World();
    world.import();
    world.wait(21 * DAY_SECONDS);
    world.fault = (call) => (call === 'RefreshApiKey' ? new Error('away') : undefined);
    const versionsBefore = world.secrets.inspect(world.arn).length;
    const outcomes = new Set<string>();
    // By then the back-off is longer than an hour: looking more often shows nothing more.
    const everyMinutes = (minute: number) => (minute < 180 ? 1 : 5);
    for (let minute = 0; minute < 24 * 60; minute += everyMinutes(minute)) {
      outcomes.add((await world.tick(TICK, { timeoutSeconds: 60 })).outcome);
      world.wait(everyMinutes(minute) * 60);
    }
    expect(outcomes).toEqual(new Set(['failed', 'lost-race', 'deferred']));
    expect(world.secrets.inspect(world.arn).length - versionsBefore).toBeLessThanOrEqual(40);
    expect(world.secrets.inspect(world.arn).length - versionsBefore).toBeGreaterThan(10);
    world.fault = () => undefined;
    world.wait(110 * 60);
    expect(await world.tick()).toMatchObject({ outcome: 'rotated', reason: 'interrupted' });
    expect(strayLabels(world)).toEqual([]);
  });

  test('forced again and again: at most 40 versions in 24 hours', async () => {
    const world = new World();
    world.import();
    const outcomes: string[] = [];
    for (let run = 0; run < 30; run += 1) {
      outcomes.push((await world.tick({ secretId: world.arn, force: true })).outcome);
      world.wait(60);
    }
    expect(outcomes.filter((outcome) => outcome === 'rotated').length).toBe(19);
    expect(outcomes.at(-1)).toBe('deferred');
    expect(world.secrets.inspect(world.arn).length).toBeLessThanOrEqual(40);
    world.wait(DAY_SECONDS);
    expect(await world.tick({ secretId: world.arn, force: true })).toMatchObject({
      outcome: 'rotated',
    });
  });
});

test('one key that fails stops none of the others, and the error names it alone', async () => {
  const world = due();
  const broken =
    world.secrets.createSecret({ Name: 'Broken', SecretString: 'not a key' }).ARN ?? '';
  const gone = 'arn:aws:secretsmanager:eu-west-1:123456789012:secret:Gone-AbCdEf';
  const first = await world.tick(TICK, { secretIds: [broken, gone, world.arn] });
  expect(first).toMatchObject({ outcome: 'failed', reason: 'unparsable-value' });
  expect(world.labels().AWSPREVIOUS).toBeDefined();
  expect(new Map(world.events.map(({ detail }) => [detail.secretArn, detail.code]))).toEqual(
    new Map([
      [broken, 'unparsable-value'],
      [gone, 'secret-not-found'],
      [world.arn, undefined],
    ]),
  );
});
