// Doing something later, so that a test can hold the clock.

/** Runs something once `delayMs` have passed. Returns how to call it off, which may come too late. */
export type After = (delayMs: number, run: () => void) => () => void;

// A longer one fires at once.
const LONGEST_TIMER_MS = 2 ** 31 - 1;

/** Real time. A delay of more than 24 days is cut to that: whoever waits for an instant looks at the clock again. */
export const afterRealTime: After = (delayMs, run) => {
  const timer = setTimeout(run, Math.min(delayMs, LONGEST_TIMER_MS));
  return () => clearTimeout(timer);
};
