// The acts one by one: what each leaves behind, what it never does, and what a run says of them.

import { describe, expect, test } from '@jest/globals';
import { renderClaim } from '../../../lambda/rotate-key/claim-value.ts';
import { claimVersionId, pairVersionId } from '../../../lambda/shared/version-id.ts';
import { AwsError } from '../../../local/aws/aws-error.ts';
import { DAY_SECONDS, type Fault, HOUR_SECONDS, type Invocation, TICK, World } from './world.ts';

const away = new Error('no route to host');
const notThereYet = new AwsError(
  'ResourceNotFoundException',
  "Secrets Manager can't find the specified secret value for VersionId: x",
);

function due(terms: ConstructorParameters<typeof World>[0] = {}): World {
  const world = new World(terms);
  world.import();
  world.wait(21 * DAY_SECONDS);
  return world;
}

/** A due key whose last run died after it had staged the new pair: label, claim and all. */
async function staged(): Promise<World> {
  const world = due();
  world.fault = (call) => (call === 'ListCaches' ? 'kill' : undefined);
  await world.tick();
  expect(world.labels().AWSPENDING).toBeDefined();
  world.fault = () => undefined;
  world.wait(HOUR_SECONDS);
  world.calls.length = 0;
  return world;
}

/** Does something right before the nth call of that kind. */
function before(world: World, wanted: string, nth: number, act: () => Fault | undefined): void {
  let seen = 0;
  world.fault = (call) => (call === wanted && ++seen === nth ? act() : undefined);
}

const refreshes = (world: World): number =>
  world.calls.filter((call) => call === 'RefreshApiKey').length;
const strayLabels = (world: World): string[] =>
  Object.keys(world.labels()).filter((label) => !/^AWS(CURRENT|PREVIOUS)$/.test(label));

/** What a due rotation calls: 15 calls, RefreshApiKey the eighth. */
const REFRESH = 7;
const STEPS = Array.from({ length: 15 }, (_, index) => index);

describe('one trouble does not cost the run its rotation', () => {
  const once = (world: World, index: number, fault: Fault) => {
    let seen = 0;
    world.fault = () => (seen++ === index ? fault : undefined);
  };

  test.each(STEPS)('call %d fails once', async (index) => {
    const world = due();
    once(world, index, away);
    expect(await world.tick()).toMatchObject({ outcome: 'rotated', reason: 'due' });
    expect(strayLabels(world)).toEqual([]);
  });

  // At Momento a lost answer may have spent the refresh token.
  test.each(STEPS.filter((index) => index !== REFRESH))(
    'the answer of call %d is lost',
    async (index) => {
      const world = due();
      once(world, index, 'lose-answer');
      expect(await world.tick()).toMatchObject({ outcome: 'rotated', reason: 'due' });
      expect(strayLabels(world)).toEqual([]);
      expect(refreshes(world)).toBe(1);
    },
  );

  test.each([
    ['AWSCURRENT', 1],
    ['the claim', 2],
  ])('%s cannot be read for a moment after it was written', async (_, nth) => {
    const world = due();
    before(world, 'GetSecretValue', nth, () => notThereYet);
    expect(await world.tick()).toMatchObject({ outcome: 'rotated' });
  });
});

describe('the claim', () => {
  const claimOfAnother = (world: World, attempt: number, endsInMs: number) => {
    const nowMs = world.clock.now();
    const text = renderClaim({
      claimant: 'another',
      runEndsAtMs: nowMs + endsInMs,
      lapsesAtMs: nowMs + 2 * endsInMs,
    });
    const currentVersionId = world.labels().AWSCURRENT ?? '';
    world.put(text, claimVersionId({ arn: world.arn, currentVersionId }, attempt), ['X']);
  };

  test('another run wrote it after we looked: that one refreshes, and we say until when', async () => {
    const world = due();
    const startedMs = world.clock.now();
    before(world, 'PutSecretValue', 1, () => void claimOfAnother(world, 0, 90_000));
    expect(await world.tick()).toMatchObject({
      outcome: 'lost-race',
      reason: 'claimed-by-another-run',
      nextAttemptAt: Math.ceil((startedMs + 180_000 + 40) / 1000),
    });
    expect(refreshes(world)).toBe(0);
    expect(world.labels().MOMENTO_CLAIM).toBeUndefined();
  });

  test('one without a label, of a run that is over, is passed over', async () => {
    const world = due();
    claimOfAnother(world, 0, -1);
    claimOfAnother(world, 1, -1);
    expect(await world.tick()).toMatchObject({ outcome: 'rotated' });
    const versionIds = world.secrets.inspect(world.arn).map(({ versionId }) => versionId);
    const [imported = ''] = versionIds;
    expect(versionIds).toContain(pairVersionId({ arn: world.arn, currentVersionId: imported }, 2));
  });

  test('it took so long that Momento may not be called any more: out of time, and no label stays', async () => {
    const world = due();
    // Of 40 s, 30 are for work; 25 must be left to begin, and 20 when Momento is called.
    let seen = 0;
    world.fault = () => (++seen >= 3 && seen <= 5 ? { takesMs: 3_900 } : undefined);
    expect(await world.tick(TICK, { timeoutSeconds: 40 })).toMatchObject({
      outcome: 'deferred',
      reason: 'out-of-time',
    });
    expect(refreshes(world)).toBe(0);
    expect(strayLabels(world)).toEqual([]);
  });

  test.each([
    [34.9, 'deferred'],
    [35.1, 'rotated'],
  ])('nothing is begun with too little time: %d s', async (timeoutSeconds, outcome) => {
    const world = due();
    expect(await world.tick(TICK, { timeoutSeconds })).toMatchObject({ outcome });
    if (outcome === 'deferred') expect(world.calls).not.toContain('PutSecretValue');
  });

  test('AWSCURRENT moved before it was won: nothing is refreshed, its label goes', async () => {
    const world = due();
    before(world, 'PutSecretValue', 1, () => void world.import());
    expect(await world.tick()).toMatchObject({ outcome: 'lost-race', reason: 'current-moved' });
    expect(refreshes(world)).toBe(0);
    expect(strayLabels(world)).toEqual([]);
  });

  test('another run staged a pair before it was won: nothing is refreshed, and that pair is promoted', async () => {
    const world = due();
    const currentVersionId = world.labels().AWSCURRENT ?? '';
    before(
      world,
      'PutSecretValue',
      1,
      () =>
        void world.put(
          JSON.stringify(
            world.momento.createKeyInConsole({
              lifetimeSeconds: 30 * DAY_SECONDS,
              scope: 'super-user',
            }),
          ),
          pairVersionId({ arn: world.arn, currentVersionId }, 7),
          ['AWSPENDING'],
        ),
    );
    expect(await world.tick()).toMatchObject({ outcome: 'resumed', reason: 'pending-resumed' });
    expect(refreshes(world)).toBe(0);
    expect(strayLabels(world)).toEqual([]);
  });
});

describe('the promotion', () => {
  test('a person was faster: the person’s key stays, the pending pair is taken back, nothing is announced', async () => {
    const world = due();
    before(world, 'UpdateSecretVersionStage', 1, () => void world.import());
    const result = await world.tick();
    expect(result).toMatchObject({ outcome: 'lost-race', reason: 'current-moved' });
    expect(world.labels().AWSPENDING).toBeUndefined();
    expect(world.events.map(({ type }) => type)).not.toContain('Momento API Key Rotated');
  });

  test('the label that should be taken off is gone by now: that was what was wanted', async () => {
    const world = await staged();
    // What was staged no longer continues AWSCURRENT.
    world.import();
    const pending = world.labels().AWSPENDING;
    before(world, 'UpdateSecretVersionStage', 1, () => {
      world.secrets.updateSecretVersionStage({
        SecretId: world.arn,
        VersionStage: 'AWSPENDING',
        RemoveFromVersionId: pending,
      });
      return undefined;
    });
    expect(await world.tick()).toMatchObject({ outcome: 'healed', reason: 'superseded' });
  });

  test('our own pending pair that cannot be read is late, not empty: its label stays', async () => {
    const world = await staged();
    const pending = world.labels().AWSPENDING;
    world.fault = (call, input) =>
      call === 'GetSecretValue' && (input as { VersionId?: string }).VersionId === pending
        ? notThereYet
        : undefined;
    expect(await world.tick()).toMatchObject({
      outcome: 'failed',
      reason: 'secrets-manager-unavailable',
    });
    expect(world.labels().AWSPENDING).toBe(pending);
    world.fault = () => undefined;
    expect(await world.tick()).toMatchObject({ outcome: 'resumed' });
    expect(world.labels().AWSCURRENT).toBe(pending);
  });
});

describe('a pair in memory alone', () => {
  const denied = new AwsError('AccessDeniedException', 'is not authorized');

  test('once it is stored, it is forgotten', async () => {
    const world = due();
    world.fault = (call) =>
      call === 'PutSecretValue' && refreshes(world) > 0 ? denied : undefined;
    expect(await world.tick()).toMatchObject({ reason: 'stage-failed' });
    expect(world.unstored.size).toBe(1);
    world.fault = () => undefined;
    world.wait(HOUR_SECONDS);
    expect(await world.tick()).toMatchObject({ outcome: 'rotated' });
    expect(world.unstored.size).toBe(0);
  });

  test('a rotation without trouble keeps nothing', async () => {
    const world = due();
    await world.tick();
    expect(world.unstored.size).toBe(0);
  });

  test('it came after the run had given up: the next run of this process stores it', async () => {
    const world = due();
    let calls = 0;
    world.fault = (call) => {
      if (call !== 'RefreshApiKey') return undefined;
      calls += 1;
      return calls === 1 ? { takesMs: 50_000 } : away;
    };
    expect(await world.tick()).toMatchObject({ outcome: 'failed', reason: 'momento-unreachable' });
    expect(world.unstored.size).toBe(0);
    await world.clock.run(world.clock.sleep(HOUR_SECONDS * 1000));
    expect(world.unstored.size).toBe(1);
    world.fault = (call) => (call === 'RefreshApiKey' ? away : undefined);
    expect(await world.tick()).toMatchObject({ outcome: 'rotated', reason: 'interrupted' });
    expect(refreshes(world)).toBe(1);
    expect(world.unstored.size).toBe(0);
  });
});

describe('what a run says', () => {
  test('after a rotation: the new end, and when it is due again', async () => {
    const world = due();
    const result = await world.tick();
    const { validUntil } = world.current();
    // 30 days × 0.3333 before the end, from the moment of the report (the version is a few calls older).
    const startMs = world.clock.now();
    const lifeSeconds = validUntil - startMs / 1000;
    expect(result).toMatchObject({ validUntil });
    const { nextAttemptAt } = result as { nextAttemptAt: number };
    expect(Math.abs(nextAttemptAt - (validUntil - lifeSeconds * 0.3333))).toBeLessThan(2);
    expect(world.events).toMatchObject([
      { type: 'Momento API Key Rotated', detail: { validUntil }, resources: [world.arn] },
    ]);
  });

  test('after a resumed one likewise', async () => {
    const world = await staged();
    expect(await world.tick()).toMatchObject({
      outcome: 'resumed',
      validUntil: world.current().validUntil,
    });
    expect(world.current().validUntil).toBeGreaterThan(world.clock.now() / 1000 + 29 * DAY_SECONDS);
  });

  test('a key that is not due: when it is', async () => {
    const world = new World();
    world.import();
    const validUntil = Date.parse('2026-01-31T00:00:00Z') / 1000;
    expect(await world.tick()).toMatchObject({
      outcome: 'not-due',
      validUntil,
      nextAttemptAt: validUntil - 863_913,
    });
  });

  test('after a failed attempt: when its claim lapses', async () => {
    const world = due();
    world.fault = (call) => (call === 'RefreshApiKey' ? away : undefined);
    const startedMs = world.clock.now();
    // The first claim lapses when its function must be over, and the clocks' slack.
    expect(await world.tick()).toMatchObject({
      outcome: 'failed',
      reason: 'momento-unreachable',
      nextAttemptAt: (startedMs + 305_000) / 1000,
    });
    expect(await world.tick()).toMatchObject({
      outcome: 'lost-race',
      nextAttemptAt: (startedMs + 305_000) / 1000,
    });
    world.wait(305);
    const result = await world.tick(TICK, { timeoutSeconds: 60 });
    const lapse = world.secrets
      .inspect(world.arn)
      .find(({ stages }) => stages.includes('MOMENTO_CLAIM'))?.secretString;
    const { lapsesAtMs } = JSON.parse(lapse ?? '{}') as { lapsesAtMs: number };
    expect(result).toMatchObject({
      outcome: 'failed',
      nextAttemptAt: Math.ceil(lapsesAtMs / 1000),
    });
    // Two minutes from the second claim on, which came before the tries at Momento.
    const claimedAtMs = lapsesAtMs - 120_000;
    expect(claimedAtMs).toBeGreaterThanOrEqual(startedMs + 305_000);
    expect(claimedAtMs).toBeLessThanOrEqual(world.clock.now());
  });

  test('a run that is killed after many failures is found out on the next tick, without their back-off', async () => {
    const world = due({ refreshTokens: 'single-use' });
    world.fault = (call) => (call === 'RefreshApiKey' ? away : undefined);
    for (let failures = 0; failures < 7; failures += 1) {
      expect(await world.tick(TICK, { timeoutSeconds: 60 })).toMatchObject({ outcome: 'failed' });
      world.wait(3 * HOUR_SECONDS);
    }
    world.fault = (call) => (call === 'RefreshApiKey' ? 'kill-after' : undefined);
    expect(await world.tick(TICK, { timeoutSeconds: 60 })).toMatchObject({ outcome: 'killed' });
    world.fault = () => undefined;
    world.wait(66);
    expect(await world.tick()).toMatchObject({ outcome: 'failed', reason: 'refresh-token-spent' });
  });

  test('a failure without a claim is tried again on the next tick', async () => {
    const world = due();
    world.fault = (call) => (call === 'DescribeSecret' ? away : undefined);
    const result = await world.tick();
    expect(result).toMatchObject({
      outcome: 'failed',
      reason: 'secrets-manager-unavailable',
      validUntil: null,
      nextAttemptAt: Math.ceil(world.clock.now() / 1000 + HOUR_SECONDS),
    });
  });

  test('a key that nothing renews is told of once it would be due, with its end', async () => {
    const world = new World();
    const validUntil = world.clock.now() / 1000 + 30 * DAY_SECONDS;
    const { apiKey } = world.momento.createKeyInConsole({
      lifetimeSeconds: 30 * DAY_SECONDS,
      scope: 'super-user',
    });
    world.put(JSON.stringify({ apiKey, validUntil }));
    world.wait(15 * DAY_SECONDS);
    await world.tick();
    expect(world.events).toEqual([]);
    // Ten days and an hour before its end, ten days, an hour less: two ticks a day speak.
    world.wait(10 * DAY_SECONDS - HOUR_SECONDS);
    for (let tick = 0; tick < 24; tick += 1) {
      await world.tick();
      world.wait(HOUR_SECONDS);
    }
    expect(world.events).toHaveLength(2);
    expect(world.events[0]).toMatchObject({
      type: 'Momento API Key Expiring',
      detail: { secretArn: world.arn, validUntil, code: 'no-refresh-token' },
      resources: [world.arn],
    });
  });

  test('a run without an hour left rotates nothing more, and says so of each key', async () => {
    const world = new World();
    const secretIds = world.importMany(3);
    world.wait(21 * DAY_SECONDS);
    const { keys, error } = (await world.invoke(TICK, {
      secretIds,
      timeoutSeconds: 9,
    })) as Invocation;
    expect(error).toBeUndefined();
    expect(keys.map(({ secretId, outcome, reason }) => [secretId, outcome, reason])).toEqual(
      secretIds.map((secretId) => [secretId, 'deferred', 'out-of-time']),
    );
    expect(world.calls).toEqual([]);
  });

  test('the error has a line for each key that failed, with its code, and no other', async () => {
    const world = due();
    const broken = world.secrets.createSecret({ Name: 'B', SecretString: 'no key' }).ARN ?? '';
    const gone = 'arn:aws:secretsmanager:eu-west-1:123456789012:secret:Gone-AbCdEf';
    const { error } = (await world.invoke(TICK, {
      secretIds: [broken, world.arn, gone],
    })) as Invocation;
    const lines = error?.message.split('\n') ?? [];
    expect(lines).toHaveLength(2);
    expect(lines[0]).toMatch(`${broken}: unparsable-value: `);
    expect(lines[1]).toMatch(`${gone}: secret-not-found: `);
    expect(error?.keys).toHaveLength(3);
  });
});

describe('the account’s auth operations', () => {
  test('many keys at once never begin more than their part in a second', async () => {
    const world = new World({ authOperationsPerSecond: 1 });
    world.authRatePerSecond = 1;
    const secretIds = world.importMany(5);
    world.wait(21 * DAY_SECONDS);
    const { keys, error } = (await world.invoke(TICK, { secretIds })) as Invocation;
    expect(error).toBeUndefined();
    expect(keys.map(({ outcome }) => outcome)).toEqual(Array(5).fill('rotated'));
    const times = world.callTimesMs.filter((_, index) => world.calls[index] === 'RefreshApiKey');
    expect(times).toHaveLength(5);
    for (const [index, timeMs] of times.slice(1).entries()) {
      expect(timeMs - (times[index] ?? 0)).toBeGreaterThanOrEqual(1_000);
    }
  });

  test('the calls of one rotation take their turns too', async () => {
    const world = due();
    world.authRatePerSecond = 0.1;
    const begunMs: number[] = [];
    world.fault = (call) => {
      if (call !== 'RefreshApiKey') return undefined;
      begunMs.push(world.clock.now());
      return begunMs.length < 3 ? away : undefined;
    };
    expect(await world.tick()).toMatchObject({ outcome: 'rotated' });
    const [first = 0, second = 0, third = 0] = begunMs;
    // A window of ten seconds and its slack, from the end of the call before.
    expect([second - first, third - second]).toEqual([10_030, 10_030]);
  });
});

test('forced again and again while Momento is away: at most 40 versions, and the schedule goes on', async () => {
  const world = due();
  const event = { secretId: world.arn, force: true };
  world.fault = (call) => (call === 'RefreshApiKey' ? away : undefined);
  const outcomes = new Set<string>();
  for (let run = 0; run < 120; run += 1) {
    outcomes.add((await world.tick(event, { timeoutSeconds: 60 })).outcome);
    world.wait(70);
  }
  expect(outcomes).toEqual(new Set(['failed', 'deferred']));
  expect(world.secrets.inspect(world.arn).length).toBeLessThanOrEqual(40);
  world.fault = () => undefined;
  // What an operator's haste has made longest: the back-off of the last claim.
  world.wait(110 * 60);
  expect(await world.tick()).toMatchObject({ outcome: 'deferred', reason: 'version-budget-spent' });
  world.wait(DAY_SECONDS);
  expect(await world.tick()).toMatchObject({ outcome: 'rotated', reason: 'interrupted' });
  expect(strayLabels(world)).toEqual([]);
});

test('a key that is about to end is renewed whatever the budget says', async () => {
  const world = new World();
  world.import(DAY_SECONDS);
  world.wait(20 * HOUR_SECONDS);
  for (let version = 0; version < 40; version += 1) {
    world.put(`${version}`, undefined, ['ANOTHER_TOOL']);
  }
  expect(await world.tick()).toMatchObject({ outcome: 'deferred', reason: 'version-budget-spent' });
  world.wait(HOUR_SECONDS - 10);
  expect(await world.tick()).toMatchObject({ outcome: 'deferred' });
  world.wait(10);
  // Three intervals are left.
  expect(await world.tick()).toMatchObject({ outcome: 'rotated', reason: 'due' });
});

test('a secret that is full: Momento is not asked for what could not be stored, and a person can still import', async () => {
  const world = new World();
  world.import(DAY_SECONDS);
  world.wait(21.5 * HOUR_SECONDS);
  for (let version = 0; version < 94; version += 1) {
    world.put(`${version}`, undefined, ['ANOTHER_TOOL']);
  }
  expect(await world.tick()).toMatchObject({
    outcome: 'failed',
    reason: 'version-limit-reached',
    message: expect.stringMatching(/has had 95 new versions .* room again in 2 hours 29 minutes/),
  });
  expect(refreshes(world)).toBe(0);
  expect(strayLabels(world)).toEqual(['ANOTHER_TOOL']);
  expect(world.events.at(-1)?.detail).toMatchObject({ code: 'version-limit-reached' });
  world.import();
  expect(await world.tick()).toMatchObject({ outcome: 'not-due' });
});

test('a key that is about to end is not given up because its versions cannot be counted', async () => {
  const world = new World();
  world.import(DAY_SECONDS);
  world.wait(22 * HOUR_SECONDS);
  world.fault = (call) =>
    call === 'ListSecretVersionIds'
      ? new AwsError('AccessDeniedException', 'not authorized to perform: it')
      : undefined;
  expect(await world.tick()).toMatchObject({ outcome: 'rotated', reason: 'due' });
});
