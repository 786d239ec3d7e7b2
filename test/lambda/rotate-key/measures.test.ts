// What the alarms watch, from runs as they happen.

import { describe, expect, test } from '@jest/globals';
import { measuresOf } from '../../../lambda/rotate-key/measures.ts';
import type { KeyResult } from '../../../lambda/rotate-key/outcome.ts';
import { DAY_SECONDS, HOUR_SECONDS, World } from './world.ts';

const NOW_MS = 1_000_000_000;
const key = (overrides: Partial<KeyResult>, isOverdue = false) => ({
  isOverdue,
  result: {
    secretId: 'key',
    outcome: 'not-due',
    reason: 'not-due',
    message: '',
    validUntil: null,
    nextAttemptAt: null,
    ...overrides,
  } as KeyResult,
});
const measured = (...keys: ReturnType<typeof key>[]) =>
  measuresOf(keys, { isSweep: true, nowMs: NOW_MS });

test('a run over no keys at all is a run', () => {
  expect(measured()).toEqual({
    Sweeps: 1,
    KeysRenewed: 0,
    KeysFailed: 0,
    KeysDeferred: 0,
    KeysOverdue: 0,
    KeysRefused: 0,
  });
});

test('each key counts for what became of it', () => {
  expect(
    measured(
      key({ outcome: 'rotated', reason: 'due' }),
      key({ outcome: 'resumed', reason: 'pending-resumed' }),
      key({ outcome: 'failed', reason: 'momento-unreachable' }, true),
      key({ outcome: 'failed', reason: 'key-refused' }),
      key({ outcome: 'failed', reason: 'refresh-token-spent' }),
      key({ outcome: 'failed', reason: 'pending-refused' }),
      key({ outcome: 'deferred', reason: 'out-of-time' }, true),
      key({ outcome: 'healed', reason: 'superseded' }),
    ),
  ).toMatchObject({
    KeysRenewed: 2,
    KeysFailed: 4,
    KeysDeferred: 1,
    KeysOverdue: 2,
    KeysRefused: 3,
  });
});

describe('the least life left', () => {
  test('is that of the key that ends first', () => {
    const ends = [2_000_000, 1_000_060, 3_000_000].map((validUntil) => key({ validUntil }));
    expect(measured(...ends).LeastLifeLeft).toBe(60);
  });

  test('is 0 once a key has ended, and unknown where none ends', () => {
    expect(measured(key({ validUntil: 999_999 })).LeastLifeLeft).toBe(0);
    expect(measured(key({ validUntil: 0 }), key({}))).not.toHaveProperty('LeastLifeLeft');
  });
});

describe('a key that nothing renews is overdue', () => {
  test.each([
    ['two intervals after it was due', 0, 1],
    ['not a second before', -1, 0],
    ['when it has ended', 30 * DAY_SECONDS, 1],
  ])('%s', async (_, afterSeconds, overdue) => {
    const world = new World();
    const { apiKey } = world.momento.createKeyInConsole({
      lifetimeSeconds: 30 * DAY_SECONDS,
      scope: 'super-user',
    });
    world.put(JSON.stringify({ apiKey }));
    // The margin is 30 d × 0.3333 = 863,913.6 s, and a run looks at the key 40 ms after it began.
    const overdueAtSeconds = 30 * DAY_SECONDS - 863_913.6 + 2 * HOUR_SECONDS;
    world.wait(overdueAtSeconds + afterSeconds);
    await world.tick();
    expect(world.measured.at(-1)).toMatchObject({ KeysOverdue: overdue });
  });

  test('a key that is renewed in time is not', async () => {
    const world = new World();
    world.import();
    world.wait(29 * DAY_SECONDS);
    expect(await world.tick()).toMatchObject({ outcome: 'rotated' });
    expect(world.measured.at(-1)).toMatchObject({ KeysOverdue: 0, KeysRenewed: 1 });
  });
});
