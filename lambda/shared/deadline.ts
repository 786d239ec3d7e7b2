// A call that hangs must not take the time of what comes after it.

import type { Clock } from './clock.ts';

/** One for all: an abort without a reason makes one with a stack, which takes longer than the rest of a wait. */
const OVER = new Error('nobody waits any more');

/**
 * Rejects with `onTimeout()` when `call` has not settled after `timeoutMs`; its signal then aborts, so that the
 * call lets go of its connection. What it may still bring is dropped.
 */
export async function withTimeout<T>(
  call: (signal: AbortSignal) => Promise<T>,
  timeoutMs: number,
  clock: Clock,
  onTimeout: () => Error,
): Promise<T> {
  const over = new AbortController();
  try {
    return await Promise.race([
      call(over.signal),
      clock.sleep(timeoutMs, over.signal).then(() => {
        if (over.signal.aborted) return new Promise<never>(() => {});
        throw onTimeout();
      }),
    ]);
  } finally {
    over.abort(OVER);
  }
}
