// Time and chance, passed in so that every state can be tested at a hand-computed instant.

export interface Clock {
  /** Epoch milliseconds. */
  now(): number;
  /** Uniform in [0, 1). */
  random(): number;
  /** Calls back once, and returns what cancels it. In the `background`, it alone keeps no process alive. */
  after(delayMs: number, callback: () => void, background?: 'background'): () => void;
}

export const systemClock: Clock = {
  now: () => Date.now(),
  random: () => Math.random(),
  after: (delayMs, callback, background) => {
    const timer = setTimeout(callback, delayMs);
    if (background !== undefined) timer.unref();
    return () => clearTimeout(timer);
  },
};

/** Rejects with `late()` when `work` has not settled after `limitMs`. */
export async function within<T>(
  limitMs: number,
  work: Promise<T>,
  clock: Clock,
  late: () => Error,
): Promise<T> {
  let cancel = () => {};
  const tooLate = new Promise<never>((_, reject) => {
    cancel = clock.after(limitMs, () => reject(late()));
  });
  try {
    return await Promise.race([work, tooLate]);
  } finally {
    cancel();
  }
}
