// Preloaded into a process: its Date runs as a file says, and its timers in proportion. So a function of a minute
// takes seconds, and an hour between two ticks takes none. Plain JavaScript: it comes before any compiler.

import { readFileSync } from 'node:fs';

const { HURRIED_TIME_FILE: file = '', HURRIED_TIMERS: timers } = process.env;
const RealDate = Date;

/** @returns {{ simulatedMs: number, realMs: number, speed: number }} */
const pace = () => JSON.parse(readFileSync(file, 'utf8'));

function now() {
  const { simulatedMs, realMs, speed } = pace();
  return Math.floor(simulatedMs + (RealDate.now() - realMs) * speed);
}

class HurriedDate extends RealDate {
  /** @param {any[]} parts */
  constructor(...parts) {
    // @ts-expect-error: Date takes whatever Date takes
    super(...(parts.length === 0 ? [now()] : parts));
  }

  static now() {
    return now();
  }
}
globalThis.Date = /** @type {DateConstructor} */ (/** @type {unknown} */ (HurriedDate));

if (timers === 'yes') {
  const { speed } = pace();
  const realSetTimeout = globalThis.setTimeout;
  globalThis.setTimeout = /** @type {typeof setTimeout} */ (
    Object.assign(
      (
        /** @type {() => void} */ run,
        /** @type {number} */ delayMs,
        /** @type {any[]} */ ...rest
      ) => realSetTimeout(run, (delayMs ?? 0) / speed, ...rest),
      realSetTimeout,
    )
  );
  // As in the simulated clock.
  Math.random = () => 0.5;
}
