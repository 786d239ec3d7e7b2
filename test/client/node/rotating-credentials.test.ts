// Every state of rotating credentials, at hand-computed instants.

import { spawnSync } from 'node:child_process';
import { inspect } from 'node:util';
import { AuthenticationError, CredentialProvider } from '@gomomento/sdk';
import { afterEach, beforeEach, describe, expect, test } from '@jest/globals';
import { systemClock } from '../../../client/node/clock.ts';
import { CredentialsFailure, rotatingCredentials } from '../../../client/node/index.ts';
import { jwt, v1Key } from '../../lambda/momento-key.ts';
import {
  awsError,
  type FakeClient,
  Gate,
  refusal,
  rotatedEvent,
  SECRET_ARN,
  settled,
  verdict,
  World,
} from './world.ts';

const MINUTE_MS = 60_000;
const DAY_MS = 86_400_000;
const AUTHENTICATION_ERROR = 'AUTHENTICATION_ERROR';
const get = (client: FakeClient) => client.get();
const away = () => awsError('InternalServiceError');

let world: World;
beforeEach(() => {
  world = new World();
});

const failureOf = (call: Promise<unknown>): Promise<CredentialsFailure> =>
  call.then(
    () => {
      throw new Error('it did not fail');
    },
    (error: unknown) => {
      if (error instanceof CredentialsFailure) return error;
      throw error;
    },
  );

describe('the first use', () => {
  test('reads once for many, and nothing is read before', async () => {
    const momento = world.credentials();
    await settled();
    expect([world.reads, world.clock.timers.size]).toEqual([0, 0]);
    const verdicts = await Promise.all(
      Array.from({ length: 100 }, () => verdict(momento.use(get))),
    );
    expect(new Set(verdicts)).toEqual(new Set(['ok']));
    expect([world.reads, world.made.length]).toEqual([1, 1]);
    await momento.close();
  });

  test.each<[string, (world: World) => void, string, RegExp]>([
    ['away', (w) => (w.fault = away), 'secrets-manager-away', /network/],
    [
      'throttled',
      (w) => (w.fault = () => awsError('ThrottlingException')),
      'secrets-manager-away',
      /ThrottlingException/,
    ],
    [
      'no answer',
      (w) => (w.answerTakes = () => new Promise(() => {})),
      'secrets-manager-away',
      /within 4 s/,
    ],
    [
      'denied',
      (w) => (w.fault = () => awsError('AccessDeniedException')),
      'access-denied',
      /ApiKeyReadPolicyArn/,
    ],
    [
      'no credentials',
      (w) => (w.fault = () => awsError('CredentialsProviderError')),
      'no-credentials',
      /role or a profile/,
    ],
    [
      'credentials that have ended',
      (w) => (w.fault = () => awsError('ExpiredTokenException')),
      'no-credentials',
      /log in again/,
    ],
    [
      'a secretId that is none',
      (w) => (w.fault = () => awsError('ValidationException', 'Invalid name.')),
      'no-such-secret',
      /Check the secretId/,
    ],
    [
      'another secretId that is none',
      (w) => (w.fault = () => awsError('InvalidParameterException', 'Invalid ARN.')),
      'no-such-secret',
      /Check the secretId/,
    ],
    [
      'KMS disabled',
      (w) => (w.fault = () => awsError('InvalidRequestException', 'KMS key is disabled')),
      'access-denied',
      /KMS/,
    ],
    [
      'a secret of the name KMS',
      (w) => (w.fault = () => awsError('InternalServiceError', 'arn:aws:x:KMS y')),
      'secrets-manager-away',
      /network/,
    ],
    [
      'no such secret',
      (w) =>
        (w.fault = () =>
          awsError(
            'ResourceNotFoundException',
            "Secrets Manager can't find the specified secret.",
          )),
      'no-such-secret',
      /Region/,
    ],
    [
      'deleted',
      (w) => (w.fault = () => awsError('InvalidRequestException', 'marked for deletion')),
      'no-such-secret',
      /Restore/,
    ],
    ['no value', (w) => w.put(undefined), 'no-value', /Import/],
    ['no key', (w) => w.put('canary, not a key'), 'not-a-key', /Import/],
    ['broken JSON', (w) => w.put('{"apiKey": "canary'), 'not-a-key', /not valid JSON/],
  ])(
    '%s: fails with its code and remedy, and the next one tries again',
    async (_, bring, code, remedy) => {
      const healthy = [world.value, world.fault, world.answerTakes] as const;
      bring(world);
      const momento = world.credentials();
      const failing = failureOf(momento.use(get));
      await world.clock.pass(4_000);
      const failure = await failing;
      expect(failure.code).toBe(code);
      expect(failure.message).toMatch(remedy);
      expect(inspect(failure)).not.toContain('canary');
      expect(world.eventsOf('check-failed').map((event) => event.failure)).toEqual([failure]);
      [world.value, world.fault, world.answerTakes] = healthy;
      await world.clock.pass(1_000);
      expect(await verdict(momento.use(get))).toBe('ok');
      await momento.close();
      expect(world.clock.timers.size).toBe(0);
    },
  );

  test("an answer that AWS's SDK could not read is not quoted", async () => {
    world.fault = () => awsError('SyntaxError', `Unexpected token in "${world.value}"`);
    const failure = await failureOf(world.credentials().use(get));
    expect(inspect(failure)).not.toContain(String(world.value).slice(0, 20));
  });
});

describe('where nothing is configured, with the SDK itself', () => {
  const before = { ...process.env };
  const nothing = {
    AWS_CONFIG_FILE: '/nonexistent',
    AWS_SHARED_CREDENTIALS_FILE: '/nonexistent',
    AWS_EC2_METADATA_DISABLED: 'true',
  };
  beforeEach(() => {
    for (const name of Object.keys(process.env)) {
      if (name.startsWith('AWS_')) delete process.env[name];
    }
  });
  afterEach(() => {
    process.env = { ...before };
  });

  test.each<[string, NodeJS.ProcessEnv, string, RegExp]>([
    [
      'no Region',
      { AWS_ACCESS_KEY_ID: 'a', AWS_SECRET_ACCESS_KEY: 'b' },
      'no-region',
      /Set AWS_REGION.*Region is missing/,
    ],
    [
      'a Region that is none',
      { AWS_REGION: 'a/b', AWS_ACCESS_KEY_ID: 'a', AWS_SECRET_ACCESS_KEY: 'b' },
      'no-region',
      /Set AWS_REGION/,
    ],
    ['no credentials', { AWS_REGION: 'eu-central-1' }, 'no-credentials', /role or a profile/],
  ])('%s', async (_, environment, code, remedy) => {
    Object.assign(process.env, nothing, environment);
    const momento = rotatingCredentials({ secretId: SECRET_ARN });
    const failure = await failureOf(momento.current());
    expect(failure.code).toBe(code);
    expect(failure.message).toMatch(remedy);
    await momento.close();
  });
});

describe('a rotation', () => {
  test('is seen by the timer, a minute later give or take a fifth', async () => {
    for (const [chance, dueMs] of [
      [0, 48_000],
      [0.5, 60_000],
      [1, 72_000],
    ] as const) {
      world = new World();
      world.clock.chance = chance;
      const momento = world.credentials();
      await momento.use(get);
      world.rotate();
      await world.clock.pass(dueMs - 1);
      expect(world.made).toHaveLength(1);
      await world.clock.pass(1);
      expect(world.made).toHaveLength(2);
      await momento.use(get);
      expect(world.made.map(({ calls, closed }) => [calls, closed])).toEqual([
        [1, 1],
        [1, 0],
      ]);
      expect(world.eventsOf('rotated')).toEqual([
        { type: 'rotated', from: 'version-1', to: 'version-2' },
      ]);
      await momento.close();
    }
  });

  test('the timer alone keeps no process alive', async () => {
    const momento = world.credentials();
    await momento.use(get);
    expect([...world.clock.timers].map(({ background }) => background)).toEqual([true]);
    await momento.close();
  });

  test('the old client serves until the new one is made, and is closed when its last call has ended', async () => {
    const momento = world.credentials();
    const slow = new Gate();
    const call = momento.use((client) => client.get(slow.opened));
    await settled();
    const making = new Gate();
    world.makingTakes = () => making.opened;
    world.rotate();
    const noticed = momento.noticeRotation();
    await settled();
    expect(await verdict(momento.use(get))).toBe('ok');
    const [old] = world.made;
    expect(old?.calls).toBe(2);
    making.open();
    await noticed;
    expect(await verdict(momento.use(get))).toBe('ok');
    expect(world.made[1]?.calls).toBe(1);
    expect(old?.closed).toBe(0);
    slow.open();
    expect(await verdict(call)).toBe('ok');
    await settled();
    expect(old?.closed).toBe(1);
    await momento.close();
    expect(world.made.map(({ closed }) => closed)).toEqual([1, 1]);
  });

  test('two in a row, the second while a client is made on the first: both are gone through', async () => {
    const momento = world.credentials();
    await momento.use(get);
    const making = new Gate();
    world.makingTakes = () => making.opened;
    world.rotate();
    const first = momento.noticeRotation();
    await settled();
    world.rotate();
    // Told while a look is under way that has read an older version.
    const second = momento.noticeRotation(rotatedEvent('version-3'));
    making.open();
    await Promise.all([first, second]);
    expect((await momento.current()).versionId).toBe('version-3');
    expect(world.made.map(({ closed }) => closed)).toEqual([1, 1, 0]);
    expect(world.reads).toBe(3);
    await momento.close();
  });

  test('news while the very first read is under way is not lost', async () => {
    const answer = new Gate();
    world.answerTakes = () => answer.opened;
    const momento = world.credentials();
    const call = momento.use(get);
    await settled();
    world.rotate();
    const noticed = momento.noticeRotation(rotatedEvent('version-2'));
    answer.open();
    await Promise.all([call, noticed]);
    expect((await momento.current()).versionId).toBe('version-2');
    await momento.close();
  });

  test('makeClient throws: the old client goes on, it is told without the key, and tried again', async () => {
    const momento = world.credentials();
    await momento.use(get);
    world.makingTakes = async (key) => {
      throw new Error(`cannot parse ${key.apiKey}`);
    };
    // Written by hand: it does not look like a key.
    const apiKey = Buffer.from(
      JSON.stringify(JSON.parse(Buffer.from(v1Key(), 'base64').toString()), null, 2),
    ).toString('base64');
    world.put(JSON.stringify({ apiKey, refreshToken: 'r' }));
    await world.clock.pass(MINUTE_MS);
    expect(await verdict(momento.use(get))).toBe('ok');
    const [event] = world.eventsOf('check-failed');
    expect(event?.failure.code).toBe('client-not-made');
    expect(event?.failure.message).toMatch(/cannot parse \[redacted\]/);
    expect(inspect(world.events, { depth: 10 })).not.toContain(apiKey);
    world.makingTakes = () => Promise.resolve();
    await world.clock.pass(MINUTE_MS);
    expect((await momento.current()).versionId).toBe('version-2');
    await momento.close();
  });

  test('makeClient hangs for 35 s: given up, and closed when it comes after all', async () => {
    const momento = world.credentials();
    await momento.use(get);
    const making = new Gate();
    world.makingTakes = () => making.opened;
    world.rotate();
    await world.clock.pass(MINUTE_MS + 34_999);
    expect(world.eventsOf('check-failed')).toHaveLength(0);
    await world.clock.pass(1);
    expect(world.eventsOf('check-failed')).toHaveLength(1);
    making.open();
    await settled();
    expect(world.made.map(({ closed }) => closed)).toEqual([0, 1]);
    world.makingTakes = () => Promise.resolve();
    await world.clock.pass(MINUTE_MS);
    expect((await momento.current()).versionId).toBe('version-2');
    await momento.close();
  });
});

describe('an event', () => {
  const name = 'ApiKeySecret0F1E';
  test.each<[string, unknown, number]>([
    ['none: a bare nudge', undefined, 1],
    ['of this secret', rotatedEvent('version-2'), 1],
    [
      'of a replica of it',
      rotatedEvent('version-2', SECRET_ARN.replace('eu-central-1', 'us-east-1')),
      1,
    ],
    ['without a version', { ...rotatedEvent(''), detail: { secretArn: SECRET_ARN } }, 1],
    ['of the version that is known', rotatedEvent('version-1'), 0],
    ['of another secret', rotatedEvent('version-2', SECRET_ARN.replace(name, `${name}-2`)), 0],
    [
      'of a failed rotation',
      { ...rotatedEvent('version-2'), 'detail-type': 'Momento API Key Rotation Failed' },
      0,
    ],
    ['of somebody else', { ...rotatedEvent('version-2'), source: 'aws.health' }, 0],
    ['that is none', 'Rotated', 0],
    ['null', null, 0],
  ])('%s: %#', async (_, event, reads) => {
    const momento = world.credentials();
    await momento.use(get);
    world.rotate();
    await momento.noticeRotation(event);
    expect(world.reads).toBe(1 + reads);
    expect((await momento.current()).versionId).toBe(`version-${1 + reads}`);
    await momento.close();
  });

  test.each([name, SECRET_ARN.slice(0, -7)])('of a secret known as %s', async (secretId) => {
    const { send } = world.secretsManager;
    const momento = rotatingCredentials({
      secretId,
      clock: world.clock,
      secretsManager: {
        send: (command, options) => {
          command.input.SecretId = SECRET_ARN;
          return send(command, options);
        },
      },
    });
    await momento.current();
    world.rotate();
    await momento.noticeRotation(rotatedEvent('version-2'));
    expect((await momento.current()).versionId).toBe('version-2');
    await momento.close();
  });

  test('a look that fails does not reject', async () => {
    const momento = world.credentials();
    await momento.use(get);
    world.fault = away;
    await momento.noticeRotation(rotatedEvent('version-2'));
    expect(world.eventsOf('check-failed')).toHaveLength(1);
    await momento.close();
    await momento.noticeRotation();
  });
});

describe('Momento refuses the key', () => {
  test.each<[string, (client: FakeClient) => Promise<unknown>]>([
    ['the SDK returns an error', get],
    [
      'the SDK throws it',
      async (client) => {
        if ('errorCode' in (await client.get()))
          throw new AuthenticationError('Invalid credential');
      },
    ],
    [
      'the application wraps it',
      async (client) => {
        const response = await client.get();
        if ('innerException' in response) {
          throw new Error('no calendar', { cause: response.innerException() });
        }
      },
    ],
  ])('%s: replayed once on the key that is there by now', async (_, call) => {
    const momento = world.credentials();
    await momento.use(get);
    world.kill();
    world.rotate();
    expect(await verdict(momento.use(call))).toBe('ok');
    expect(world.reads).toBe(2);
    expect(world.made.map(({ calls }) => calls)).toEqual([2, 1]);
    expect(world.eventsOf('refused')).toEqual([{ type: 'refused', versionId: 'version-1' }]);
    await momento.close();
  });

  test('5,000 callers at once: one read, one new client, each replayed once', async () => {
    const momento = world.credentials();
    await momento.use(get);
    world.kill();
    world.rotate();
    const verdicts = await Promise.all(
      Array.from({ length: 5_000 }, () => verdict(momento.use(get))),
    );
    expect(new Set(verdicts)).toEqual(new Set(['ok']));
    expect([world.reads, world.made.length]).toEqual([2, 2]);
    expect(world.eventsOf('refused')).toHaveLength(1);
    expect(world.made.map(({ calls, closed }) => [calls, closed])).toEqual([
      [5_001, 1],
      [5_000, 0],
    ]);
    await momento.close();
  });

  test.each([
    [4_500, 'ok'],
    [5_500, AUTHENTICATION_ERROR],
  ])('the new key is there after %d ms: %s', async (afterMs, expected) => {
    const momento = world.credentials();
    await momento.use(get);
    world.kill();
    const said = verdict(momento.use(get));
    await world.clock.pass(afterMs);
    world.rotate();
    await world.clock.pass(1_000);
    expect(await said).toBe(expected);
    // The one that came too late is there for the next one, at once.
    expect(await verdict(momento.use(get))).toBe('ok');
    await momento.close();
  });

  test('nobody waits longer than 5 s, even if Secrets Manager or makeClient hang', async () => {
    for (const hang of ['answerTakes', 'makingTakes'] as const) {
      world = new World();
      const momento = world.credentials();
      await momento.use(get);
      world.kill();
      world.rotate();
      world[hang] = () => new Promise(() => {});
      let said: string | undefined;
      verdict(momento.use(get)).then((verdict) => {
        said = verdict;
      });
      await world.clock.pass(4_999);
      expect(said).toBeUndefined();
      await world.clock.pass(1);
      expect(said).toBe(AUTHENTICATION_ERROR);
      await momento.close();
      expect(world.clock.timers.size).toBe(0);
    }
  });

  test('a revoked key: waited for once a minute, and not by every call', async () => {
    const momento = world.credentials();
    await momento.use(get);
    world.kill();
    const first = verdict(momento.use(get));
    await world.clock.pass(5_000);
    expect(await first).toBe(AUTHENTICATION_ERROR);
    const reads = world.reads;
    // No time passes in these.
    expect(await verdict(momento.use(get))).toBe(AUTHENTICATION_ERROR);
    expect(await verdict(momento.use(get))).toBe(AUTHENTICATION_ERROR);
    expect(world.reads).toBeLessThanOrEqual(reads + 1);
    await world.clock.pass(59_000);
    expect(await verdict(momento.use(get))).toBe(AUTHENTICATION_ERROR);
    await world.clock.pass(1_000);
    let said: string | undefined;
    verdict(momento.use(get)).then((verdict) => {
      said = verdict;
    });
    await world.clock.pass(4_000);
    expect(said).toBeUndefined();
    world.rotate();
    await world.clock.pass(1_000);
    expect(said).toBe('ok');
    await momento.close();
  });

  test('a replay that fails again is handed on as it is', async () => {
    const momento = world.credentials();
    await momento.use(get);
    world.kill();
    world.rotate();
    world.kill();
    expect(await verdict(momento.use(get))).toBe(AUTHENTICATION_ERROR);
    expect(world.made.map(({ calls }) => calls)).toEqual([2, 1]);
    let turn = 0;
    const error = new Error('of the application');
    world.rotate();
    const call = momento.use(() => {
      turn += 1;
      if (turn > 1) throw error;
      return refusal();
    });
    await expect(call).rejects.toBe(error);
    await momento.close();
  });

  test('a call that fails only after the swap is replayed without another read', async () => {
    const momento = world.credentials();
    await momento.use(get);
    world.kill();
    const slow = new Gate();
    const late = verdict(momento.use((client) => client.get(slow.opened)));
    await settled();
    world.rotate();
    await momento.noticeRotation();
    slow.open();
    expect(await late).toBe('ok');
    expect(world.reads).toBe(2);
    await momento.close();
  });

  test('other failures are no refusals', async () => {
    const momento = world.credentials();
    const error = new Error('of the application');
    await expect(momento.use(() => Promise.reject(error))).rejects.toBe(error);
    await expect(
      momento.use(() => {
        throw error;
      }),
    ).rejects.toBe(error);
    // A value that only looks like one.
    expect(await momento.use(() => ({ cause: refusal() }))).toBeDefined();
    expect(await momento.use(() => null)).toBeNull();
    expect(world.reads).toBe(1);
    await momento.close();
  });

  test('isRefusal tells for calls without the SDK', async () => {
    const momento = rotatingCredentials({
      secretId: SECRET_ARN,
      secretsManager: world.secretsManager,
      clock: world.clock,
      isRefusal: (answer) => answer === 401,
    });
    const [old] = [(await momento.current()).apiKey];
    world.rotate();
    expect(await momento.use(({ apiKey }) => (apiKey === old ? 401 : 200))).toBe(200);
    await momento.close();
  });
});

describe('Secrets Manager is away', () => {
  test('the last good key serves for a day, and not a moment longer; then it heals', async () => {
    const momento = world.credentials();
    await momento.use(get);
    world.fault = () => awsError('ThrottlingException');
    world.rotate();
    await world.clock.pass(DAY_MS - 1);
    expect(await verdict(momento.use(get))).toBe('ok');
    await world.clock.pass(1);
    const failure = await failureOf(momento.use(get));
    expect(failure.code).toBe('kept-too-long');
    expect(failure.message).toMatch(/24 h .*network/);
    expect((failure.cause as CredentialsFailure).code).toBe('secrets-manager-away');
    world.fault = () => undefined;
    await world.clock.pass(1_000);
    expect(await verdict(momento.use(get))).toBe('ok');
    expect((await momento.current()).versionId).toBe('version-2');
    await momento.close();
  });

  test.each([
    [0, 500],
    [0.5, 1_000],
    [1, 1_500],
  ])(
    'callers without a pause read once in a second, give or take half (%d: %d ms)',
    async (chance, keptMs) => {
      world.clock.chance = chance;
      const momento = world.credentials({ servesAtMostMs: 10 * MINUTE_MS, checkEveryMs: DAY_MS });
      const failing = async () => {
        const [before, told] = [world.reads, world.events.length];
        for (let call = 0; call < 500; call += 1) {
          expect(await verdict(momento.use(get))).not.toBe('ok');
        }
        await world.clock.pass(keptMs - 1);
        await verdict(momento.current());
        expect([world.reads - before, world.events.length - told]).toEqual([1, 1]);
        await world.clock.pass(1);
      };
      world.fault = away;
      await failing();
      await failing();
      world.fault = () => undefined;
      expect(await verdict(momento.use(get))).toBe('ok');
      world.fault = away;
      await world.clock.pass(10 * MINUTE_MS);
      await failing();
      // News is read at once, and what is found counts.
      world.fault = () => undefined;
      await momento.noticeRotation();
      expect(await verdict(momento.use(get))).toBe('ok');
      await momento.close();
    },
  );

  test.each<[string, () => void]>([
    ['a value that is no key', () => world.put('canary')],
    [
      'a secret that was deleted',
      () => (world.fault = () => awsError('InvalidRequestException', 'deleted')),
    ],
    ['a permission taken away', () => (world.fault = () => awsError('AccessDeniedException'))],
  ])('so it is with %s', async (_, bring) => {
    const momento = world.credentials({ servesAtMostMs: 10 * MINUTE_MS });
    await momento.use(get);
    bring();
    await world.clock.pass(10 * MINUTE_MS - 1);
    expect(await verdict(momento.use(get))).toBe('ok');
    expect(world.eventsOf('check-failed')).toHaveLength(9);
    await world.clock.pass(1);
    expect(await verdict(momento.use(get))).toBe('kept-too-long');
    await momento.close();
  });

  test('that it came back in between starts the bound anew', async () => {
    const momento = world.credentials({ servesAtMostMs: 10 * MINUTE_MS });
    await momento.use(get);
    world.fault = away;
    await world.clock.pass(9 * MINUTE_MS);
    world.fault = () => undefined;
    await world.clock.pass(MINUTE_MS - 1);
    await momento.noticeRotation();
    world.fault = away;
    await world.clock.pass(9 * MINUTE_MS);
    expect(await verdict(momento.use(get))).toBe('ok');
    await momento.close();
  });
});

describe('clocks', () => {
  test('set forward: looked at once, nothing fails', async () => {
    const momento = world.credentials();
    await momento.use(get);
    world.clock.nowMs += 30 * DAY_MS;
    expect(await verdict(momento.use(get))).toBe('ok');
    expect(world.reads).toBe(2);
    expect(await verdict(momento.use(get))).toBe('ok');
    expect(world.reads).toBe(2);
    await momento.close();
  });

  test('set back: looked at once, and the bound is no longer than it was', async () => {
    const momento = world.credentials();
    await momento.use(get);
    world.fault = away;
    world.clock.nowMs -= 30 * DAY_MS;
    expect(await verdict(momento.use(get))).toBe('ok');
    expect(world.reads).toBe(2);
    await world.clock.pass(DAY_MS);
    expect(await verdict(momento.use(get))).toBe('kept-too-long');
    await momento.close();
  });

  test('set back in the midst of a wait: it ends', async () => {
    const momento = world.credentials();
    await momento.use(get);
    world.kill();
    const said = verdict(momento.use(get));
    await world.clock.pass(1_000);
    world.clock.nowMs -= DAY_MS;
    await world.clock.pass(DAY_MS + 5_000);
    expect(await said).toBe(AUTHENTICATION_ERROR);
    await momento.close();
  });
});

describe('without a timer, for processes that are frozen', () => {
  test('a call looks first when the last look is a minute old, and many look together', async () => {
    const momento = world.credentials({ background: false });
    await momento.use(get);
    expect(world.clock.timers.size).toBe(0);
    world.rotate();
    world.clock.nowMs += MINUTE_MS - 1;
    await momento.use(get);
    expect(world.reads).toBe(1);
    world.clock.nowMs += 1;
    await Promise.all([momento.use(get), momento.use(get)]);
    expect(world.reads).toBe(2);
    expect(world.made.map(({ calls }) => calls)).toEqual([2, 2]);
    expect(world.clock.timers.size).toBe(0);
  });

  test('thawed while Secrets Manager is away: the kept key serves, and not every call asks', async () => {
    const momento = world.credentials({ background: false });
    await momento.use(get);
    world.fault = away;
    world.clock.nowMs += 10 * MINUTE_MS;
    expect(await verdict(momento.use(get))).toBe('ok');
    expect(await verdict(momento.use(get))).toBe('ok');
    expect(world.reads).toBe(2);
  });
});

describe('a look that hangs', () => {
  const never = () => new Promise<void>(() => {});
  /** When it has its answer, in milliseconds from now. */
  const tookMs = async (momento: ReturnType<World['credentials']>): Promise<number> => {
    const startedAtMs = world.clock.nowMs;
    let overAtMs: number | undefined;
    const call = verdict(momento.use(get)).then((said) => {
      overAtMs = world.clock.nowMs;
      expect(said).toBe('ok');
    });
    await settled();
    for (let step = 0; step < 1_000 && overAtMs === undefined; step += 1) {
      await world.clock.pass(50);
    }
    await call;
    return Number(overAtMs) - startedAtMs;
  };

  test.each(['answerTakes', 'makingTakes'] as const)(
    'after a freeze (%s): half a second for the call that began it, nothing for those after it',
    async (hang) => {
      const momento = world.credentials({ background: false });
      await momento.use(get);
      world.rotate();
      world.clock.nowMs += MINUTE_MS;
      world[hang] = never;
      expect(await tookMs(momento)).toBe(500);
      expect(await tookMs(momento)).toBe(0);
      expect(world.reads).toBe(2);
      await momento.close();
      expect(world.clock.timers.size).toBe(0);
    },
  );

  test('calls together share the half second', async () => {
    const momento = world.credentials({ background: false });
    await momento.use(get);
    world.clock.nowMs += MINUTE_MS;
    world.answerTakes = never;
    const calls = [verdict(momento.use(get))];
    await world.clock.pass(300);
    let isOver = false;
    calls.push(
      verdict(momento.use(get)).finally(() => {
        isOver = true;
      }),
    );
    await world.clock.pass(199);
    expect(isOver).toBe(false);
    await world.clock.pass(1);
    expect(await Promise.all(calls)).toEqual(['ok', 'ok']);
    await momento.close();
  });

  test('one that comes within the half second is waited for', async () => {
    const momento = world.credentials({ background: false });
    await momento.use(get);
    world.kill();
    world.rotate();
    world.clock.nowMs += MINUTE_MS;
    const answer = new Gate();
    world.answerTakes = () => answer.opened;
    const call = verdict(momento.use(get));
    await world.clock.pass(499);
    answer.open();
    expect(await call).toBe('ok');
    // The dead key was not tried.
    expect(world.made.map(({ calls }) => calls)).toEqual([1, 1]);
    await momento.close();
  });

  test('begun by the timer: no call waits for it, however late the timer is', async () => {
    const momento = world.credentials({ checkEveryMs: 10_000 });
    await momento.use(get);
    world.rotate();
    world.makingTakes = never;
    for (let second = 0; second < 60; second += 1) {
      await world.clock.pass(1_000);
      expect(await tookMs(momento)).toBe(0);
    }
    await momento.close();
  });

  test('beyond the bound it is waited for, and then the call fails', async () => {
    const momento = world.credentials({ background: false, servesAtMostMs: 10 * MINUTE_MS });
    await momento.use(get);
    world.clock.nowMs += 10 * MINUTE_MS;
    world.answerTakes = never;
    const call = verdict(momento.use(get));
    let isOver = false;
    call.then(() => {
      isOver = true;
    });
    await world.clock.pass(3_999);
    expect(isOver).toBe(false);
    await world.clock.pass(1);
    expect(await call).toBe('kept-too-long');
  });

  test('close ends the wait', async () => {
    const momento = world.credentials({ background: false });
    await momento.use(get);
    world.clock.nowMs += MINUTE_MS;
    world.answerTakes = never;
    const call = verdict(momento.use(get));
    await settled();
    await momento.close();
    expect(await call).toBe('closed');
    expect(world.clock.timers.size).toBe(0);
  });
});

describe('close', () => {
  test('ends the timer and, when its calls have ended, the client; later uses fail', async () => {
    const momento = world.credentials();
    const slow = new Gate();
    const call = verdict(momento.use((client) => client.get(slow.opened)));
    await settled();
    const closed = momento.close();
    expect(momento.close()).toBe(closed);
    expect(world.clock.timers.size).toBe(0);
    expect(await verdict(momento.use(get))).toBe('closed');
    expect(await verdict(momento.current())).toBe('closed');
    expect(await verdict(momento.follow(() => () => {}))).toBe('closed');
    await settled();
    expect(world.made[0]?.closed).toBe(0);
    slow.open();
    await closed;
    expect(await call).toBe('ok');
    expect(world.made[0]?.closed).toBe(1);
  });

  test('who waits for another key gets the refusal', async () => {
    const momento = world.credentials();
    await momento.use(get);
    world.kill();
    const call = verdict(momento.use(get));
    await settled();
    await momento.close();
    expect(await call).toBe(AUTHENTICATION_ERROR);
    expect(world.clock.timers.size).toBe(0);
  });

  test.each(['answerTakes', 'makingTakes'] as const)(
    'in the midst of the first read (%s): the caller hears of it, what is made late is closed',
    async (where) => {
      const gate = new Gate();
      world[where] = () => gate.opened;
      const momento = world.credentials();
      const call = verdict(momento.use(get));
      await settled();
      await momento.close();
      expect(await call).toBe('closed');
      gate.open();
      await settled();
      expect(world.made.filter(({ closed }) => closed === 0)).toEqual([]);
      expect(world.clock.timers.size).toBe(0);
    },
  );

  test('at any moment while the first client is made: none is left open', async () => {
    for (let steps = 0; steps < 30; steps += 1) {
      world = new World();
      const making = new Gate();
      world.makingTakes = () => making.opened;
      const momento = world.credentials();
      const call = verdict(momento.use(get));
      await settled();
      making.open();
      for (let step = 0; step < steps; step += 1) await undefined;
      await momento.close();
      expect(['ok', 'closed']).toContain(await call);
      expect(world.made.map(({ closed }) => closed)).toEqual([1]);
      expect(world.clock.timers.size).toBe(0);
    }
  });

  test.each([false, true])(
    'a call that is refused only then gets its refusal (rotated meanwhile: %p), and nothing is read any more',
    async (isRotated) => {
      const momento = world.credentials();
      await momento.use(get);
      world.kill();
      const slow = new Gate();
      const call = verdict(momento.use((client) => client.get(slow.opened)));
      await settled();
      if (isRotated) {
        world.rotate();
        await momento.noticeRotation();
      }
      const { reads } = world;
      const closed = momento.close();
      slow.open();
      await closed;
      expect(await call).toBe(AUTHENTICATION_ERROR);
      expect(world.reads).toBe(reads);
    },
  );

  test('before the first use', async () => {
    const momento = world.credentials();
    await momento.close();
    expect(await verdict(momento.use(get))).toBe('closed');
    expect(world.reads).toBe(0);
  });

  test('is over when the clients are closed, those of the last rotation too', async () => {
    const closing = new Gate();
    const momento = rotatingCredentials({
      secretId: SECRET_ARN,
      secretsManager: world.secretsManager,
      clock: world.clock,
      makeClient: ({ versionId }) => versionId,
      closeClient: () => closing.opened,
    });
    await momento.current();
    world.rotate();
    await momento.noticeRotation();
    let isOver = false;
    const closed = momento.close().then(() => {
      isOver = true;
    });
    await settled();
    expect(isOver).toBe(false);
    closing.open();
    await closed;
  });

  test('a client that cannot be closed is told of, and nothing fails', async () => {
    const momento = rotatingCredentials({
      secretId: SECRET_ARN,
      secretsManager: world.secretsManager,
      clock: world.clock,
      onEvent: (event) => {
        world.events.push(event);
        throw new Error('a listener that throws');
      },
      makeClient: () => ({ no: 'close' }),
      closeClient: () => {
        throw new Error('stuck');
      },
    });
    await momento.current();
    world.rotate();
    await momento.noticeRotation();
    expect((await momento.current()).versionId).toBe('version-2');
    await momento.close();
    expect(world.eventsOf('close-failed')).toHaveLength(2);
  });
});

describe('the key', () => {
  const keyOf = async (value: string) => {
    world.put(value);
    const momento = rotatingCredentials({
      secretId: SECRET_ARN,
      secretsManager: world.secretsManager,
      clock: world.clock,
    });
    const key = await momento.current();
    await momento.close();
    return key;
  };
  const v1 = v1Key();
  const v2 = jwt({ t: 'g', exp: 1_800_000_000 });

  test.each<[string, string, object]>([
    [
      "the console's download",
      JSON.stringify({ apiKey: v1, refreshToken: 'r', validUntil: 1_900_000_000 }),
      { apiKey: v1, form: 'v1', endpoint: 'cell-1.prod.momentohq.com', validUntil: 1_900_000_000 },
    ],
    [
      'an older one',
      JSON.stringify({ authToken: v1, refreshToken: 'r', validUntil: '1900000000' }),
      { apiKey: v1, form: 'v1', validUntil: 1_900_000_000 },
    ],
    ['a bare v1 key', v1, { apiKey: v1, form: 'v1', validUntil: undefined }],
    [
      'a v2 key with its endpoint',
      JSON.stringify({ apiKey: v2, endpoint: 'cell-9.example' }),
      { apiKey: v2, form: 'v2', endpoint: 'cell-9.example', validUntil: 1_800_000_000 },
    ],
    ['a bare v2 key', v2, { apiKey: v2, form: 'v2', endpoint: undefined }],
  ])('%s', async (_, value, expected) => {
    const { apiKey, form, endpoint, validUntil } = await keyOf(value);
    expect({ apiKey, form, endpoint, validUntil }).toMatchObject(expected);
  });

  test('is what the SDK takes', async () => {
    const { apiKey } = await keyOf(JSON.stringify({ apiKey: v1, refreshToken: 'r' }));
    expect(CredentialProvider.fromString(apiKey).getCacheEndpoint()).toBe(
      'cache.cell-1.prod.momentohq.com',
    );
    const key = await keyOf(JSON.stringify({ apiKey: v2, endpoint: 'cell-9.example' }));
    const provider = CredentialProvider.fromApiKeyV2({
      apiKey: key.apiKey,
      endpoint: key.endpoint ?? '',
    });
    expect(provider.getCacheEndpoint()).toBe('cache.cell-9.example');
  });

  test('as bytes', async () => {
    const bytes = new TextEncoder().encode(v1);
    const momento = rotatingCredentials({
      secretId: SECRET_ARN,
      secretsManager: {
        send: async () => ({ $metadata: {}, SecretBinary: bytes, VersionId: 'version-1' }),
      },
      clock: world.clock,
    });
    expect((await momento.current()).apiKey).toBe(v1);
    await momento.close();
  });

  test('is in nothing that is printed', async () => {
    const momento = world.credentials();
    const key = await momento.current();
    const printed = [momento, key, { ...key }]
      .map((value) => inspect(value, { depth: 10, showHidden: true }) + JSON.stringify(value))
      .join('\n');
    expect(printed).toContain('version-1');
    expect(printed).not.toContain(key.apiKey);
    expect(printed).not.toContain('a refresh token');
    await momento.close();
  });
});

describe('the system clock', () => {
  test('the timer does look', async () => {
    const momento = world.credentials({ clock: systemClock, checkEveryMs: 5 });
    await momento.use(get);
    world.rotate();
    while ((await momento.current()).versionId === 'version-1') await settled();
    await momento.close();
  });

  test('a process ends by itself, without close', () => {
    const program = `
      import { rotatingCredentials } from './client/node/index.ts';
      const answer = { $metadata: {}, SecretString: process.argv[1], VersionId: 'version-1' };
      const momento = rotatingCredentials({ secretId: 'a', secretsManager: { send: async () => answer } });
      console.log((await momento.current()).versionId);
    `;
    const args = ['--import', 'tsx', '--input-type=module', '-e', program, v1Key()];
    const { status, stdout } = spawnSync(process.execPath, args, {
      encoding: 'utf8',
      timeout: 20_000,
    });
    expect([status, stdout.trim()]).toEqual([0, 'version-1']);
  });
});

describe('options', () => {
  test.each([
    { checkEveryMs: 0 },
    { checkEveryMs: Number.NaN },
    { checkEveryMs: 2 ** 31 },
    { servesAtMostMs: -1 },
    { servesAtMostMs: Number.NaN },
  ])('%p is refused', (options) => {
    expect(() => world.credentials(options)).toThrow(RangeError);
  });

  test.each(['', ' ', undefined])('secretId %p is refused before anything is read', (secretId) => {
    expect(() => rotatingCredentials({ secretId: secretId as string })).toThrow(
      /secretId is empty.*ApiKeySecretArn.*environment variable/,
    );
  });

  test('servesAtMostMs 0: no call on a key that was not confirmed for it', async () => {
    const momento = world.credentials({ servesAtMostMs: 0 });
    await momento.use(get);
    world.rotate();
    await momento.use(get);
    expect(world.made[1]?.calls).toBe(1);
    // A failure is no news once the secret was read.
    world.fault = away;
    expect(await verdict(momento.use(get))).toBe('kept-too-long');
    world.fault = () => undefined;
    await momento.noticeRotation();
    expect(await verdict(momento.use(get))).toBe('ok');
    await momento.close();
  });
});
