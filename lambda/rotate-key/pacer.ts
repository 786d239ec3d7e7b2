// Keeps this process within its part of the account's auth operations per second.

import type { Clock } from '../shared/clock.ts';

export interface Pacer {
  /** Resolves when the next auth operation may begin. */
  turn(): Promise<void>;
}

/** Evenly spaced turns: in no sliding second do more than `ratePerSecond` begin. */
export function evenPacer(ratePerSecond: number, clock: Clock): Pacer {
  let nextAtMs = 0;
  return {
    async turn() {
      const atMs = Math.max(clock.now(), nextAtMs);
      nextAtMs = atMs + 1000 / ratePerSecond;
      await clock.sleep(atMs - clock.now());
    },
  };
}
