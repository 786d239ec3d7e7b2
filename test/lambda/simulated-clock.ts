// A clock that stands still while code runs, and jumps to the next sleeper when nothing else is left to do.

import type { Clock } from '../../lambda/shared/clock.ts';

interface Sleeper {
  readonly atMs: number;
  readonly wake: () => void;
}

export class SimulatedClock implements Clock {
  nowMs: number;
  /** What `random` answers. @default 0.5 */
  chance = 0.5;
  #sleepers: Sleeper[] = [];

  constructor(startAt: string | number = '2026-01-01T00:00:00Z') {
    this.nowMs = typeof startAt === 'number' ? startAt : Date.parse(startAt);
  }

  now(): number {
    return this.nowMs;
  }

  random(): number {
    return this.chance;
  }

  sleep(delayMs: number, signal?: AbortSignal): Promise<void> {
    if (delayMs <= 0 || signal?.aborted) return Promise.resolve();
    return new Promise((resolve) => {
      const sleeper: Sleeper = { atMs: this.nowMs + delayMs, wake: resolve };
      this.#sleepers.push(sleeper);
      signal?.addEventListener('abort', () => {
        this.#sleepers = this.#sleepers.filter((other) => other !== sleeper);
        resolve();
      });
    });
  }

  /** Whether time stands still now, whoever sleeps. */
  protected isBusy(): boolean {
    return false;
  }

  /** Runs `work` to its end, moving time whenever all of it waits. */
  async run<T>(work: Promise<T>): Promise<T> {
    let settled = false;
    const done = () => {
      settled = true;
    };
    work.then(done, done);
    for (;;) {
      await new Promise<void>((resolve) => setImmediate(resolve));
      if (settled) return work;
      const next = this.#sleepers.reduce<Sleeper | undefined>(
        (first, other) => (first === undefined || other.atMs < first.atMs ? other : first),
        undefined,
      );
      // Nobody sleeps, or not for the sake of time: it waits for real I/O.
      if (next === undefined || this.isBusy()) continue;
      this.#sleepers = this.#sleepers.filter((other) => other !== next);
      this.nowMs = Math.max(this.nowMs, next.atMs);
      next.wake();
    }
  }
}
