// Repeats a call with full jitter until it works, may not be repeated, or the deadline comes.

import type { Clock } from './clock.ts';
import { Failure } from './failure.ts';

export interface RetryOptions {
  readonly clock: Clock;
  /** Epoch milliseconds; no try begins, and no wait ends, after it. */
  readonly deadlineAtMs: number;
  readonly isRetryable: (error: unknown) => boolean;
  /** @default unlimited: the deadline alone ends it */
  readonly maxTries?: number;
  /** The first wait is uniform in [0, baseDelayMs]; it doubles from try to try. @default 200 */
  readonly baseDelayMs?: number;
  /** @default 5000 */
  readonly maxDelayMs?: number;
}

/** The wait before try number `failedTries` + 1: "full jitter", so that many callers never align. */
export function backOffMs(
  failedTries: number,
  clock: Clock,
  { baseDelayMs = 200, maxDelayMs = 5_000 }: Pick<RetryOptions, 'baseDelayMs' | 'maxDelayMs'> = {},
): number {
  return clock.random() * Math.min(maxDelayMs, baseDelayMs * 2 ** (failedTries - 1));
}

/** Throws the last error when it gives up; a `Failure<'out-of-time'>` when it may not even begin. */
export async function retry<T>(call: () => Promise<T>, options: RetryOptions): Promise<T> {
  const { clock, deadlineAtMs, isRetryable, maxTries = Number.POSITIVE_INFINITY } = options;
  if (clock.now() >= deadlineAtMs) {
    throw new Failure('out-of-time', 'There was no time left to begin.');
  }
  for (let tries = 1; ; tries += 1) {
    try {
      return await call();
    } catch (error) {
      const delayMs = backOffMs(tries, clock, options);
      const outOfTime = clock.now() + delayMs >= deadlineAtMs;
      if (tries >= maxTries || outOfTime || !isRetryable(error)) throw error;
      await clock.sleep(delayMs);
    }
  }
}
