import { describe, expect, test } from '@jest/globals';
import type { Login, Try } from '../../bench/storm-callers.ts';
import {
  always,
  atLeast,
  atMost,
  figuresOf,
  isKept,
  mostInASecond,
  waitsFrom,
} from '../../bench/storm-figures.ts';

const T = 1_767_225_600_000;

const oneTry = (changes: Partial<Try> = {}): Try => ({
  askedAtMs: T,
  begunAtMs: T,
  tookMs: 10,
  waitedMs: 0,
  status: 200,
  source: 'memory',
  ...changes,
});

const login = (tries: readonly Try[], changes: Partial<Login> = {}): Login => ({
  tries,
  endedAtMs: Math.max(...tries.map(({ begunAtMs, tookMs }) => begunAtMs + tookMs)),
  token: { lifeLeftSeconds: 600, saidTooMuchSeconds: -0.5, isSomebodyElses: false },
  ...changes,
});

describe('the most calls in a sliding second', () => {
  test.each([
    ['none', [], 0],
    ['one', [T], 1],
    ['a whole second apart', [T, T + 1_000], 1],
    ['a millisecond less', [T, T + 999], 2],
    ['in any order', [T + 2_000, T, T + 500, T + 1_400, T + 1_499], 3],
    ['at the end', [T, T + 5_000, T + 5_001, T + 5_002], 3],
  ])('%s', (_, timesMs, most) => {
    expect(mostInASecond(timesMs)).toBe(most);
  });

  test('is what counting for every window gives', () => {
    const timesMs = Array.from({ length: 300 }, (_, index) => T + ((index * 7_919) % 20_000));
    const counted = timesMs.map(
      (from) => timesMs.filter((time) => time >= from && time < from + 1_000).length,
    );
    expect(mostInASecond(timesMs)).toBe(Math.max(...counted));
  });
});

describe('figures', () => {
  const logins = [
    login([
      oneTry({ status: 429, retryAfterSeconds: 2, tookMs: 1_050, waitedMs: 900 }),
      oneTry({ askedAtMs: T + 3_000, begunAtMs: T + 3_200, source: 'minted' }),
    ]),
    login([oneTry({ askedAtMs: T + 100, begunAtMs: T + 150 })]),
    login([oneTry({ status: 503 })], { token: undefined }),
  ];
  const calls = [
    { atMs: T + 3_205, status: 'OK' },
    { atMs: T + 3_900, status: 'RESOURCE_EXHAUSTED' },
  ];
  const figures = figuresOf(logins, calls, 4);

  test('of logins and of requests', () => {
    expect(figures).toMatchObject({
      asked: 3,
      served: 2,
      mostTries: 2,
      requests: 4,
      rateLimited: 1,
      failed: 1,
      turnedAway: { p50: 1_050, max: 1_050 },
      queued: { max: 200 },
      waited: { max: 900 },
      loggedIn: { max: 3_210 },
    });
  });

  test('of Momento', () => {
    expect(figures).toMatchObject({ minted: 1, refusedByMomento: 1, mostInASecond: 2 });
    expect(figures.tookSeconds).toBeCloseTo(3.21);
    expect(figures.partOfRate).toBeCloseTo(1 / (4 * 3.21));
  });

  test('an answer that was no token and no 429, and a refusal, are missed targets', () => {
    const missed = always(figures).filter((target) => !isKept(target));
    expect(missed.map(({ what }) => what)).toEqual([
      'calls that Momento refused',
      'answers that are neither a token nor 429',
    ]);
  });

  test.each([
    ['one that has ended', { lifeLeftSeconds: 0 }, 'tokens that had ended'],
    ["somebody else's", { isSomebodyElses: true }, "tokens that were somebody else's"],
    [
      'one of which too much is said',
      { saidTooMuchSeconds: 2.1 },
      'seconds that expiresIn says too much',
    ],
    [
      'one of which too little is said',
      { saidTooMuchSeconds: -2.1 },
      'seconds that expiresIn says too little',
    ],
  ])('a token that was wrong is a missed target: %s', (_, wrong, what) => {
    const token = { lifeLeftSeconds: 600, saidTooMuchSeconds: 0, isSomebodyElses: false, ...wrong };
    const all = [login([oneTry()]), login([oneTry()], { token })];
    const missed = always(figuresOf(all, [], 4)).filter((target) => !isKept(target));
    expect(missed.map((target) => target.what)).toEqual([what]);
  });
});

describe('waits', () => {
  test('are those that were told to come back, and those that the function slept for', () => {
    const tries = [
      oneTry(),
      oneTry({ begunAtMs: T + 30_000, tookMs: 400 }),
      oneTry({ begunAtMs: T + 30_000, status: 429, retryAfterSeconds: 1 }),
      oneTry({ begunAtMs: T + 30_000, waitedMs: 100 }),
      oneTry({ begunAtMs: T + 29_999, waitedMs: 100 }),
    ];
    expect(waitsFrom([login(tries)], 30_000)).toEqual({ requests: 3, waits: 2 });
  });
});

describe('a target', () => {
  test.each([
    [atMost('', 4, 4), true],
    [atMost('', 4.001, 4), false],
    [atLeast('', 0.85, 0.85), true],
    [atLeast('', 0.849, 0.85), false],
    [atMost('', Number.NaN, 4), false],
    [atLeast('', Number.NaN, 4), false],
  ])('%j is kept: %s', (target, kept) => {
    expect(isKept(target)).toBe(kept);
  });
});
