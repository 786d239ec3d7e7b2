// The vending key under rotation: no vend fails of it, whether old keys live on or die at the refresh.

import { afterEach, beforeEach, describe, expect, test } from '@jest/globals';
import { systemClock } from '../../../lambda/shared/clock.ts';
import { Redactor } from '../../../lambda/shared/redaction.ts';
import { awsJsonService } from '../../../lambda/vend-token/aws-json.ts';
import { TimeBounds } from '../../../lambda/vend-token/time-bounds.ts';
import { SecretVendingKey } from '../../../lambda/vend-token/vending-key.ts';
import { AwsError } from '../../../local/aws/aws-error.ts';
import { bareKey } from '../../../local/momento/keys.ts';
import { startStack } from '../../local/aws/builders.ts';
import { v1Key } from '../momento-key.ts';
import { SimulatedClock } from '../simulated-clock.ts';
import { codeOf, START, World, type WorldOptions } from './world.ts';

const SECOND_MS = 1_000;
const MINUTE_MS = 60_000;

/** Time that passes only when somebody sleeps, or the test says so; what is due happens on the way. */
class PlannedClock extends SimulatedClock {
  readonly #plan: { readonly atMs: number; readonly act: () => void }[] = [];

  at(atMs: number, act: () => void): void {
    this.#plan.push({ atMs, act });
    this.#plan.sort((a, b) => a.atMs - b.atMs);
  }

  pass(ms: number): void {
    const untilMs = this.nowMs + ms;
    for (;;) {
      const [next] = this.#plan;
      if (next === undefined || next.atMs > untilMs) break;
      this.#plan.shift();
      this.nowMs = Math.max(this.nowMs, next.atMs);
      next.act();
    }
    this.nowMs = untilMs;
  }

  override async sleep(delayMs: number): Promise<void> {
    this.pass(delayMs);
  }
}

const worlds: World[] = [];
async function worldWith(options: WorldOptions & { imported?: boolean } = {}): Promise<World> {
  const world = await World.start(options);
  worlds.push(world);
  return world;
}
afterEach(async () => {
  for (const world of worlds.splice(0)) await world.close();
});

/** As rotate-key does it: refresh, stage, and promote a while after. */
function planRotation(world: World, clock: PlannedClock, atMs: number, takesMs: number): void {
  clock.at(atMs, () => {
    const { apiKey, refreshToken } = world.current();
    const { apiKey: jwt, ...issued } = world.account.refreshApiToken({
      apiKey: bareKey(apiKey),
      refreshToken,
    });
    const { VersionId: staged = '' } = world.secrets.putSecretValue({
      SecretId: world.arn,
      SecretString: JSON.stringify({
        ...issued,
        apiKey: Buffer.from(JSON.stringify({ endpoint: issued.endpoint, api_key: jwt })).toString(
          'base64',
        ),
      }),
      VersionStages: ['AWSPENDING'],
    });
    clock.at(atMs + takesMs, () => {
      const before = world.secrets
        .inspect(world.arn)
        .find(({ stages }) => stages.includes('AWSCURRENT'));
      world.secrets.updateSecretVersionStage({
        SecretId: world.arn,
        VersionStage: 'AWSCURRENT',
        MoveToVersionId: staged,
        ...(before !== undefined && { RemoveFromVersionId: before.versionId }),
      });
      world.secrets.updateSecretVersionStage({
        SecretId: world.arn,
        VersionStage: 'AWSPENDING',
        RemoveFromVersionId: staged,
      });
    });
  });
}

const ROTATIONS = 22;
const EVERY_MS = 12 * SECOND_MS;
const VEND_EVERY_MS = 997;

/** Vends once a second through all rotations; the statuses that came, with how often. */
async function vendThrough(oldKeys: 'live' | 'die', takesMs: number) {
  const clock = new PlannedClock(START);
  const world = await worldWith({ clock, momento: { oldKeys } });
  const startMs = clock.now();
  for (let turn = 1; turn <= ROTATIONS; turn += 1) {
    planRotation(world, clock, startMs + turn * EVERY_MS + 37 * turn, takesMs);
  }
  const keysUsed = new Set<string>();
  const statuses: Record<number, number> = {};
  let vends = 0;
  while (clock.now() < startMs + (ROTATIONS + 1) * EVERY_MS + takesMs) {
    const { statusCode } = await world.vend();
    statuses[statusCode] = (statuses[statusCode] ?? 0) + 1;
    keysUsed.add((await world.keys.current()).versionId);
    vends += 1;
    clock.pass(VEND_EVERY_MS);
  }
  expect(world.secrets.inspect(world.arn).length).toBe(ROTATIONS + 1);
  return { world, statuses, vends, keysUsed: keysUsed.size };
}

describe(`vending through ${ROTATIONS} rotations`, () => {
  test('old keys live on: not one failure, and a read a minute', async () => {
    const { world, statuses, vends } = await vendThrough('live', 1_500);
    expect(statuses).toEqual({ 200: vends });
    expect(vends).toBeGreaterThan(250);
    expect(world.minted).toHaveLength(vends);
    const minutes = ((ROTATIONS + 1) * EVERY_MS) / MINUTE_MS;
    expect(world.secretReads).toBeGreaterThanOrEqual(Math.floor(minutes));
    expect(world.secretReads).toBeLessThanOrEqual(Math.ceil(minutes) + 1);
  });

  test.each([0, 1_500, 4_900])(
    'old keys die at the refresh, %d ms before the new one is there: not one failure',
    async (takesMs) => {
      const { world, statuses, vends, keysUsed } = await vendThrough('die', takesMs);
      expect(statuses).toEqual({ 200: vends });
      // Each dead key was met once, and replayed once.
      const refused = world.minted.filter(({ status }) => status === 'UNAUTHENTICATED');
      expect(refused).toHaveLength(ROTATIONS);
      expect(world.minted).toHaveLength(vends + ROTATIONS);
      expect(keysUsed).toBe(ROTATIONS + 1);
    },
  );

  test('a rotation that takes longer than anybody waits is seen: 502, and then well again', async () => {
    const { world, statuses, vends } = await vendThrough('die', 6 * SECOND_MS);
    const { 200: vended = 0, 502: failed = 0, ...others } = statuses;
    expect(others).toEqual({});
    expect(failed).toBeGreaterThanOrEqual(ROTATIONS);
    // A second is left of each after the five that are waited.
    expect(failed).toBeLessThanOrEqual(ROTATIONS * 2);
    expect(vended).toBe(vends - failed);
    expect((await world.vend()).statusCode).toBe(200);
  });
});

describe('the kept key', () => {
  let world: World;
  beforeEach(async () => {
    world = await worldWith();
  });
  const away = () => new AwsError('InternalServiceError', 'scripted outage', { status: 500 });
  const statusOf = async () => (await world.vend()).statusCode;

  test('is read once in 60 s', async () => {
    await world.vend();
    world.clock.nowMs += MINUTE_MS - 1;
    await world.vend();
    expect(world.secretReads).toBe(1);
    world.clock.nowMs += 1;
    await world.vend();
    expect(world.secretReads).toBe(2);
  });

  test('many at once read it once, and a failed read does not stick', async () => {
    world.secretFault = away;
    const failed = await Promise.allSettled(Array.from({ length: 10 }, () => world.keys.current()));
    expect(failed.map(({ status }) => status)).toEqual(Array(10).fill('rejected'));
    expect(world.secretReads).toBe(1);
    world.secretFault = () => undefined;
    const read = await Promise.all(Array.from({ length: 10 }, () => world.keys.current()));
    expect(new Set(read).size).toBe(1);
    expect(world.secretReads).toBe(2);
  });

  test('serves for 15 minutes while Secrets Manager is away, and not a moment longer', async () => {
    expect(await statusOf()).toBe(200);
    world.secretFault = away;
    world.clock.nowMs += 15 * MINUTE_MS - 1;
    expect(await statusOf()).toBe(200);
    world.clock.nowMs += 1;
    const answer = await world.vend();
    expect(codeOf(answer)).toBe('upstream-unavailable');
    expect(world.minted).toHaveLength(2);
    world.secretFault = () => undefined;
    expect(await statusOf()).toBe(200);
  });

  test('while Secrets Manager is away, it is asked again after 10 s, not by every request', async () => {
    await world.vend();
    world.secretFault = away;
    world.clock.nowMs += MINUTE_MS;
    for (const [laterMs, reads] of [
      [0, 2],
      [9_999, 2],
      [1, 3],
    ] as const) {
      world.clock.nowMs += laterMs;
      expect(await statusOf()).toBe(200);
      expect(world.secretReads).toBe(reads);
    }
  });

  test('that Secrets Manager came back in between starts the 15 minutes anew', async () => {
    await world.vend();
    world.clock.nowMs += 14 * MINUTE_MS;
    await world.vend();
    world.secretFault = away;
    world.clock.nowMs += 14 * MINUTE_MS;
    expect(await statusOf()).toBe(200);
  });

  test('is dropped at once where there is no secret any more', async () => {
    await world.vend();
    world.clock.nowMs += MINUTE_MS;
    world.secretFault = () => new AwsError('ResourceNotFoundException', 'scripted');
    for (let turn = 1; turn <= 3; turn += 1) {
      expect(codeOf(await world.vend())).toBe('no-key');
      world.clock.nowMs += SECOND_MS;
    }
    expect(world.minted).toHaveLength(1);
  });

  test('was refused: it is read until it changes, four times a second, for 5 s and no longer', async () => {
    world.account.revoke(world.current().apiKey);
    const key = await world.keys.current();
    const beganMs = world.clock.now();
    const readsBefore = world.secretReads;
    expect(
      await world.clock.run(
        world.keys.after(key, { wait: true, deadlineAtMs: world.clock.now() + 20_000 }),
      ),
    ).toBeUndefined();
    expect(world.clock.now() - beganMs).toBe(5 * SECOND_MS);
    expect(world.secretReads - readsBefore).toBe(21);
  });

  test('was refused to many at once: they wait together', async () => {
    world.account.revoke(world.current().apiKey);
    const key = await world.keys.current();
    const beganMs = world.clock.now();
    const waits = Promise.all(
      Array.from({ length: 20 }, () =>
        world.keys.after(key, { wait: true, deadlineAtMs: world.clock.now() + 20_000 }),
      ),
    );
    expect(await world.clock.run(waits)).toEqual(Array(20).fill(undefined));
    expect(world.clock.now() - beganMs).toBe(5 * SECOND_MS);
    expect(world.secretReads).toBe(1 + 21);
  });

  test('was refused: nobody waits beyond the time that he has', async () => {
    world.account.revoke(world.current().apiKey);
    const key = await world.keys.current();
    const beganMs = world.clock.now();
    const refusedAt = (atMs: number, leftMs = MINUTE_MS) =>
      world.keys.after(key, { wait: true, deadlineAtMs: atMs + leftMs });
    const waited = refusedAt(beganMs, 1_100);
    expect(await world.clock.run(waited)).toBeUndefined();
    expect(world.clock.now() - beganMs).toBeLessThanOrEqual(1_100);
    // That was not the whole wait: it does not stand for those who have the time.
    const againMs = world.clock.now();
    expect(await world.clock.run(refusedAt(againMs))).toBeUndefined();
    expect(world.clock.now() - againMs).toBe(5 * SECOND_MS);
  });

  test('was waited for in vain: the next ones look once each, and see a new one at once', async () => {
    world.account.revoke(world.current().apiKey);
    await world.vend();
    const [atMs, reads] = [world.clock.now(), world.secretReads];
    for (let turn = 1; turn <= 3; turn += 1) {
      expect(codeOf(await world.vend())).toBe('upstream-key-refused');
      expect(world.secretReads).toBe(reads + turn);
    }
    expect(world.clock.now()).toBe(atMs);
    world.import();
    expect(await statusOf()).toBe(200);
    expect(world.clock.now()).toBe(atMs);
  });

  test.each([
    [4_900, 200],
    [5_100, 502],
  ])('refused, and another comes %d ms later: %d', async (laterMs, statusCode) => {
    const clock = new PlannedClock(START);
    const other = await worldWith({ clock });
    await other.vend();
    other.account.revoke(other.current().apiKey);
    clock.at(clock.now() + laterMs, () => other.import());
    expect((await other.vend()).statusCode).toBe(statusCode);
  });

  test('refused while Secrets Manager stumbles: it is asked on', async () => {
    await world.vend();
    world.account.revoke(world.current().apiKey);
    world.import();
    world.secretFault = () => (world.secretReads <= 3 ? away() : undefined);
    expect(await statusOf()).toBe(200);
  });

  test('the new one is refused as well: 502, and no third call', async () => {
    world.momentoFault = () => ({ refuse: 'UNAUTHENTICATED' });
    await world.keys.current();
    world.import();
    expect(codeOf(await world.vend())).toBe('upstream-key-refused');
    expect(world.minted).toHaveLength(2);
  });

  test('PERMISSION_DENIED does not pass by waiting: read once more, then 502 at once', async () => {
    world.import('all-data-read-write');
    expect(codeOf(await world.vend())).toBe('upstream-key-refused');
    expect(world.secretReads).toBe(2);
    expect(world.clock.now()).toBe(Date.parse(START));
  });

  test('PERMISSION_DENIED, and a key that may is there already: 200', async () => {
    world.import('all-data-read-write');
    await world.vend();
    world.import('super-user');
    expect(await statusOf()).toBe(200);
    expect(world.minted.map(({ status }) => status)).toEqual([
      'PERMISSION_DENIED',
      'PERMISSION_DENIED',
      'OK',
    ]);
  });

  test('all of it stays within the time of the gateway', async () => {
    const clock = new PlannedClock(START);
    const other = await worldWith({ clock });
    other.clock.chance = 0.999;
    other.momentoFault = (turn) => ({ refuse: turn === 3 ? 'UNAUTHENTICATED' : 'UNAVAILABLE' });
    clock.at(clock.now() + 4_000, () => other.import());
    await other.vend();
    expect(clock.now() - Date.parse(START)).toBeLessThan(10 * SECOND_MS);
    for (const { atMs, timeoutMs } of other.begun) {
      expect(timeoutMs).toBeLessThanOrEqual(3_000);
      expect(atMs + timeoutMs).toBeLessThanOrEqual(Date.parse(START) + 8_000);
    }
  });
});

describe('over the wire, as the role that may read one secret', () => {
  test('it is read; another is not; and when Secrets Manager is gone the kept one serves', async () => {
    const stack = await startStack();
    try {
      const value = JSON.stringify({ apiKey: v1Key(), refreshToken: 'refresh', validUntil: 0 });
      const [own = '', foreign = ''] = ['own', 'foreign'].map(
        (Name) => stack.secrets.createSecret({ Name, SecretString: value }).ARN,
      );
      const credentials = stack.role({
        Effect: 'Allow',
        Action: ['secretsmanager:GetSecretValue'],
        Resource: [own],
      });
      let nowMs = Date.now();
      const clock = { ...systemClock, now: () => nowMs };
      const secretsManager = awsJsonService(
        {
          service: 'secretsmanager',
          target: 'secretsmanager',
          jsonVersion: '1.1',
          endpoint: stack.server.url,
          region: 'eu-central-1',
        },
        { credentials: async () => credentials, clock, time: new TimeBounds(clock) },
      );
      const read = (SecretId: string) =>
        secretsManager('GetSecretValue', { SecretId }, { timeoutMs: 2_000, maxTries: 1 });
      const sourceOf = (arn: string) => new SecretVendingKey(read, arn, new Redactor(), clock);
      const keys = sourceOf(own);
      const first = await keys.current();
      expect(first).toMatchObject({ tokenEndpoint: 'token.cell-1.prod.momentohq.com' });
      expect(first.versionId).toBe(stack.secrets.inspect(own)[0]?.versionId);
      expect(stack.calls).toMatchObject([
        { action: 'secretsmanager:GetSecretValue', resource: own, outcome: 'ok' },
      ]);
      await expect(sourceOf(foreign).current()).rejects.toMatchObject({
        code: 'secret-unreadable',
      });
      await expect(sourceOf(`${own}x`).current()).rejects.toMatchObject({
        code: 'secret-unreadable',
      });

      stack.secrets.putSecretValue({ SecretId: own, SecretString: v1Key({ exp: 5 }) });
      expect(
        (await keys.after(first, { wait: true, deadlineAtMs: Date.now() + 20_000 }))?.versionId,
      ).not.toBe(first.versionId);

      await stack.close();
      nowMs += 14 * MINUTE_MS;
      expect(await keys.current()).toMatchObject({ tokenEndpoint: first.tokenEndpoint });
      nowMs += MINUTE_MS;
      await expect(keys.current()).rejects.toMatchObject({ code: 'secret-unreadable' });
    } finally {
      await stack.close().catch(() => {});
    }
  });
});
