// Keeps this process within its part of the account's auth operations per second.

import type { Clock } from '../shared/clock.ts';

export interface Pacer {
  /**
   * Resolves when the next auth operation may begin. Undefined when that would be later than `latestMs`, in
   * epoch milliseconds of the host's clock.
   */
  turn(latestMs: number): Promise<Turn | undefined>;
}

export interface Turn {
  /** To be called when the operation was answered, or is not waited for any more. */
  end(): void;
}

/** Timers may wake a little early, and clocks tick in whole milliseconds. */
const SLACK_MS = 10;

/**
 * In no sliding second does Momento see more than `ratePerSecond` operations, however long each of them takes to
 * get there: an operation begins only when a second has passed since the *end* of the one that many before it.
 * Beginnings are spaced evenly as well, because an account's other callers want their turns too.
 */
export function evenPacer(ratePerSecond: number, clock: Clock): Pacer {
  const atOnce = Math.max(1, Math.floor(ratePerSecond));
  const windowMs = Math.max(1_000, (1_000 * atOnce) / ratePerSecond) + SLACK_MS;
  /** From when on each place may be taken, the earliest first. */
  const places: number[] = Array.from({ length: atOnce }, () => Number.NEGATIVE_INFINITY);
  let evenAtMs = Number.NEGATIVE_INFINITY;
  let line: Promise<unknown> = Promise.resolve();
  let whenFreed: ((freeAtMs: number) => void) | undefined;

  const free = (fromMs: number): void => {
    if (whenFreed === undefined) places.push(fromMs);
    else whenFreed(fromMs);
    whenFreed = undefined;
  };
  const takePlace = (): number | Promise<number> =>
    places.shift() ??
    new Promise<number>((resolve) => {
      whenFreed = resolve;
    });

  const turn: Pacer['turn'] = async (latestMs) => {
    const freeAtMs = await takePlace();
    const atMs = Math.max(freeAtMs, evenAtMs, clock.now());
    if (atMs > latestMs) {
      places.unshift(freeAtMs);
      return undefined;
    }
    evenAtMs = atMs + 1_000 / ratePerSecond;
    await clock.sleep(atMs - clock.now());
    return { end: () => free(clock.now() + windowMs) };
  };
  return {
    turn(latestMs) {
      const mine = line.then(() => turn(latestMs));
      line = mine;
      return mine;
    },
  };
}
