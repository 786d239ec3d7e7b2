// Time and chance, passed in so that every decision can be tested at a hand-computed instant.

export interface Clock {
  /** Epoch milliseconds. */
  now(): number;
  /** Resolves after `delayMs`, or as soon as `signal` aborts. Never rejects. */
  sleep(delayMs: number, signal?: AbortSignal): Promise<void>;
  /** Uniform in [0, 1). */
  random(): number;
}

export const systemClock: Clock = {
  now: () => Date.now(),
  random: () => Math.random(),
  sleep: (delayMs, signal) =>
    new Promise((resolve) => {
      if (signal?.aborted) return resolve();
      const done = () => {
        clearTimeout(timer);
        signal?.removeEventListener('abort', done);
        resolve();
      };
      const timer = setTimeout(done, Math.max(0, delayMs));
      signal?.addEventListener('abort', done);
    }),
};

/** Epoch seconds from here on (the year 5138) are surely milliseconds. */
export const MILLISECONDS_SUSPECTED = 1e11;
