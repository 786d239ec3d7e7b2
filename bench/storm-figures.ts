// What a storm is told by. Pure.

import { quantile } from './statistics.ts';
import type { Login, Try } from './storm-callers.ts';
import type { MomentoCall } from './storm-stand-ins.ts';

/** Milliseconds. */
export interface Spread {
  readonly p50: number;
  readonly p99: number;
  readonly max: number;
}

export interface StormFigures {
  readonly ratePerSecond: number;
  readonly asked: number;
  readonly served: number;
  readonly mostTries: number;
  readonly requests: number;
  readonly rateLimited: number;
  /** Answers that are neither a token nor 429. */
  readonly failed: number;
  /** The function's own time, of all requests. */
  readonly answered: Spread;
  /** What of it the function slept. */
  readonly waited: Spread;
  /** Of those that were answered 429. */
  readonly turnedAway: Spread;
  /** From the asking until a process was free. */
  readonly queued: Spread;
  /** From a caller's first request until he had his token. */
  readonly loggedIn: Spread;
  readonly minted: number;
  readonly refusedByMomento: number;
  /** The most calls that came to Momento in one sliding second, refused or not. */
  readonly mostInASecond: number;
  /** From the first request to the last answer. */
  readonly tookSeconds: number;
  /** What was minted, by what the rate would have allowed in that time. */
  readonly partOfRate: number;
  /** Tokens that had ended when they came. */
  readonly expired: number;
  /** `expiresIn` against the truth: how many seconds too much and too little at most. */
  readonly saidTooMuchSeconds: number;
  readonly saidTooLittleSeconds: number;
  /** Tokens that belonged to somebody else. */
  readonly crossed: number;
}

export function figuresOf(
  logins: readonly Login[],
  calls: readonly MomentoCall[],
  ratePerSecond: number,
): StormFigures {
  const tries = logins.flatMap((login) => login.tries);
  const served = logins.filter(({ token }) => token !== undefined);
  const tokens = logins.flatMap(({ token }) => token ?? []);
  const minted = calls.filter(({ status }) => status === 'OK').length;
  const beganMs = least(tries.map(({ askedAtMs }) => askedAtMs));
  const tookSeconds = (most(logins.map(({ endedAtMs }) => endedAtMs)) - beganMs) / 1_000;
  const said = tokens.map(({ saidTooMuchSeconds }) => saidTooMuchSeconds);
  return {
    ratePerSecond,
    asked: logins.length,
    served: served.length,
    mostTries: most(logins.map((login) => login.tries.length)),
    requests: tries.length,
    rateLimited: tries.filter(isRateLimited).length,
    failed: tries.filter((one) => one.status !== 200 && !isRateLimited(one)).length,
    answered: spread(tries.map(({ tookMs }) => tookMs)),
    waited: spread(tries.map(({ waitedMs }) => waitedMs)),
    turnedAway: spread(tries.filter(isRateLimited).map(({ tookMs }) => tookMs)),
    queued: spread(tries.map(({ askedAtMs, begunAtMs }) => begunAtMs - askedAtMs)),
    loggedIn: spread(served.map(({ tries: [first], endedAtMs }) => endedAtMs - askedAt(first))),
    minted,
    refusedByMomento: calls.length - minted,
    mostInASecond: mostInASecond(calls.map(({ atMs }) => atMs)),
    tookSeconds,
    partOfRate: minted / (ratePerSecond * tookSeconds),
    expired: tokens.filter(({ lifeLeftSeconds }) => lifeLeftSeconds <= 0).length,
    saidTooMuchSeconds: Math.max(0, most(said)),
    saidTooLittleSeconds: Math.max(0, -least(said)),
    crossed: tokens.filter(({ isSomebodyElses }) => isSomebodyElses).length,
  };
}

/** One that does not say when to come back is an error like any other. */
const isRateLimited = ({ status, retryAfterSeconds = 0 }: Try): boolean =>
  status === 429 && retryAfterSeconds >= 1;
const askedAt = (one: Try | undefined): number => one?.askedAtMs ?? Number.NaN;

/** The window is half open: who comes a whole second after another is not in the same one. */
export function mostInASecond(timesMs: readonly number[]): number {
  const sorted = timesMs.toSorted((a, b) => a - b);
  let from = 0;
  let found = 0;
  for (const [index, timeMs] of sorted.entries()) {
    while (timeMs - (sorted[from] ?? timeMs) >= 1_000) from += 1;
    found = Math.max(found, index - from + 1);
  }
  return found;
}

const spread = (values: readonly number[]): Spread => ({
  p50: quantile(values, 0.5),
  p99: quantile(values, 0.99),
  max: most(values),
});

// `Math.max(...values)` takes no more than some ten thousand. NaN of none.
const most = (values: readonly number[]): number =>
  values.reduce((a, b) => Math.max(a, b), values[0] ?? Number.NaN);
const least = (values: readonly number[]): number =>
  values.reduce((a, b) => Math.min(a, b), values[0] ?? Number.NaN);

/**
 * Of the requests that were handed to the function so long after the first one was asked: how many had to wait. That is whoever was
 * told to come back, and whoever the function slept for.
 */
export function waitsFrom(
  logins: readonly Login[],
  afterMs: number,
): { readonly requests: number; readonly waits: number } {
  const tries = logins.flatMap((login) => login.tries);
  const fromMs = least(tries.map(({ askedAtMs }) => askedAtMs)) + afterMs;
  const later = tries.filter(({ begunAtMs }) => begunAtMs >= fromMs);
  const waits = later.filter((one) => isRateLimited(one) || one.waitedMs > 0);
  return { requests: later.length, waits: waits.length };
}

/** One target, and what came of it. */
export interface Target {
  readonly what: string;
  readonly value: number;
  readonly bound: 'most' | 'least';
  readonly limit: number;
}

export const atMost = (what: string, value: number, limit: number): Target => ({
  what,
  value,
  bound: 'most',
  limit,
});
export const atLeast = (what: string, value: number, limit: number): Target => ({
  what,
  value,
  bound: 'least',
  limit,
});

/** Nothing that was not measured is kept. */
export const isKept = ({ value, bound, limit }: Target): boolean =>
  bound === 'most' ? value <= limit : value >= limit;

/** What must hold in every storm, whatever else. */
export const always = (figures: StormFigures): Target[] => [
  atMost('calls to Momento in a sliding second', figures.mostInASecond, figures.ratePerSecond),
  atMost('calls that Momento refused', figures.refusedByMomento, 0),
  atMost('answers that are neither a token nor 429', figures.failed, 0),
  atMost('tokens that had ended', figures.expired, 0),
  atMost("tokens that were somebody else's", figures.crossed, 0),
  atMost('seconds that expiresIn says too much', figures.saidTooMuchSeconds, 2),
  atMost('seconds that expiresIn says too little', figures.saidTooLittleSeconds, 2),
];
