// Where a key's versions stand on the time line, and what is said of it: by times that are worked out by hand.

import { describe, expect, test } from '@jest/globals';
import {
  axisStepMs,
  barsOf,
  pastMs,
  ROWS,
  stretchesOf,
} from '../../../local/console/page/lanes.ts';
import { lifeInWords } from '../../../local/console/page/life-in-words.ts';
import { duration } from '../../../local/console/page/times.ts';
import type { Key, Version } from '../../../local/console/told.ts';

const version = (more: Partial<Version> = {}): Version => ({
  id: 'aaaaaaaa',
  origin: 'rotated',
  createdAtMs: 1_000,
  endsAtMs: 29_000,
  dueAtMs: 17_000,
  currentFromMs: 2_000,
  replacedAtMs: null,
  revokedAtMs: null,
  labels: ['AWSCURRENT'],
  ...more,
});

const phases = (more: Partial<Version>, untilMs = 29_000) =>
  stretchesOf(version(more), untilMs).map(
    ({ phase, fromMs, untilMs: end }) => `${phase} ${fromMs}-${end}`,
  );

describe('what becomes of a version', () => {
  test('it waits, serves, is due, and lives on after it was replaced', () => {
    expect(phases({ replacedAtMs: 18_000 })).toEqual([
      'waits 1000-2000',
      'serves 2000-17000',
      'due 17000-18000',
      'old 18000-29000',
    ]);
  });

  test('the present one is due until its end', () => {
    expect(phases({ currentFromMs: 1_000 })).toEqual(['serves 1000-17000', 'due 17000-29000']);
  });

  test('nobody has said yet when it is due', () => {
    expect(phases({ currentFromMs: 1_000, dueAtMs: null })).toEqual(['serves 1000-29000']);
  });

  test('replaced before it was due', () => {
    expect(phases({ currentFromMs: 1_000, replacedAtMs: 5_000 })).toEqual([
      'serves 1000-5000',
      'old 5000-29000',
    ]);
  });

  test('stored, and never current', () => {
    expect(phases({ currentFromMs: null, dueAtMs: null })).toEqual(['waits 1000-29000']);
  });

  test.each([
    [3_000, ['serves 1000-3000', 'revoked 3000-29000']],
    [20_000, ['serves 1000-17000', 'due 17000-20000', 'revoked 20000-29000']],
  ])('revoked at %d', (revokedAtMs, expected) => {
    expect(phases({ currentFromMs: 1_000, revokedAtMs })).toEqual(expected);
  });

  test('a key that never ends reaches the edge', () => {
    expect(phases({ currentFromMs: 1_000, endsAtMs: null, dueAtMs: null }, 99_000)).toEqual([
      'serves 1000-99000',
    ]);
  });
});

describe('rows', () => {
  const rowsOf = (...spans: readonly (readonly [number, number])[]) =>
    barsOf(
      {
        name: 'default',
        lastResult: null,
        versions: spans.map(([createdAtMs, endsAtMs]) => version({ createdAtMs, endsAtMs })),
      },
      0,
    ).map(({ row }) => row);

  test('one below the other while they overlap, and up again', () => {
    expect(rowsOf([0, 28], [14, 42], [28, 56], [42, 70])).toEqual([0, 1, 0, 1]);
    expect(rowsOf([0, 28], [28, 56])).toEqual([0, 0]);
    expect(rowsOf([0, 29], [28, 56])).toEqual([0, 1]);
  });

  test('more than there are rows: over the one that ends first', () => {
    expect(ROWS).toBe(3);
    expect(rowsOf([0, 30], [1, 20], [2, 40], [3, 50])).toEqual([0, 1, 2, 1]);
  });
});

test('the axis has round steps', () => {
  expect([1, 999, 1_000, 1_001, 61_000, 86_400_001].map(axisStepMs)).toEqual([
    1_000, 1_000, 1_000, 2_000, 120_000, 604_800_000,
  ]);
});

test('a few lives are past; fewer on a narrow page; no key at all', () => {
  const key: Key = { name: 'default', lastResult: null, versions: [version()] };
  expect(pastMs([key], 1_600)).toBe(3 * 28_000);
  expect(pastMs([key], 300)).toBeCloseTo(1.3 * 28_000);
  expect(pastMs([], 1_600)).toBe(60_000);
});

describe('in words', () => {
  const said = (nowMs: number, more: Partial<Version> = {}) =>
    lifeInWords({ name: 'default', lastResult: null, versions: [version(more)] }, nowMs);

  test.each([
    [16_999, 'good', 'lives 13 s more', 'Due in 1 s.'],
    [17_000, 'due', 'lives 12 s more', 'Due now.'],
    [28_999, 'due', 'lives 1 s more', 'Due now.'],
    [29_000, 'bad', 'has ended', 'Import a new key.'],
  ])('at %d', (nowMs, health, state, words) => {
    expect(said(nowMs)).toMatchObject({ health, state, words: expect.stringContaining(words) });
  });

  test('revoked, without a value, without an end', () => {
    expect(said(5_000, { revokedAtMs: 4_000 })).toMatchObject({
      health: 'bad',
      state: 'was revoked',
      share: 0,
    });
    expect(said(5_000, { labels: ['AWSPENDING'] })).toMatchObject({
      state: 'has no value',
      share: 0,
    });
    expect(said(5_000, { endsAtMs: null })).toMatchObject({ state: 'never ends', share: 1 });
  });

  test('what is left of a life, as a share', () => {
    expect(said(1_000).share).toBe(1);
    expect(said(15_000).share).toBe(0.5);
  });

  test('durations', () => {
    expect(
      [0, 1, 119_000, 120_000, 7_199_000, 7_200_000, 86_400_000, 172_800_000].map(duration),
    ).toEqual([
      '0 s',
      '1 s',
      '119 s',
      '2 min 0 s',
      '119 min 59 s',
      '2 h 0 min',
      '24 h 0 min',
      '2 days',
    ]);
  });
});
