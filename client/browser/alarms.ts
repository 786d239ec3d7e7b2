// Time that a sleeping computer and a person who sets the clock cannot hide.
//
// Two clocks: the steady one may stand still during sleep, the wall's may be set. What has passed is
// what the one says that says more: a token is thrown away too early at worst, never handed out dead.

import type { Surroundings } from './surroundings.ts';

/** @returns how many milliseconds have passed since, on top of those that had `alreadyMs` */
export function stopwatch(
  { performance, Date: wall }: Pick<Surroundings, 'performance' | 'Date'>,
  alreadyMs = 0,
): () => number {
  const steadyMs = performance.now();
  const wallMs = wall.now();
  return () => alreadyMs + Math.max(performance.now() - steadyMs, wall.now() - wallMs);
}

// A timer goes on from where it stood when the computer fell asleep, and one of more than 24 days goes
// off at once: none is set for longer than this.
const LONGEST_TIMER_MS = 30_000;

export interface Alarms {
  /**
   * Runs once, when `leftMs()` is 0 or less. Returns how to call it off. If somebody waits for it, it
   * keeps a process of Node.js alive.
   */
  when(leftMs: () => number, run: () => void, awaited?: boolean): () => void;
  /** Runs at once what is due: timers may be late. */
  look(): void;
}

export function alarmsOn(surroundings: Pick<Surroundings, 'setTimeout' | 'clearTimeout'>): Alarms {
  const looks = new Set<() => void>();
  return {
    when(leftMs, run, awaited) {
      let timer: unknown;
      const cancel = () => {
        surroundings.clearTimeout(timer);
        looks.delete(look);
      };
      const look = () => {
        cancel();
        const left = leftMs();
        if (left > 0) {
          looks.add(look);
          timer = surroundings.setTimeout(look, Math.min(left, LONGEST_TIMER_MS));
          if (!awaited) (timer as { unref?(): void }).unref?.();
        } else run();
      };
      look();
      return cancel;
    },
    look() {
      // One may call off another that is due as well.
      for (const look of [...looks]) if (looks.has(look)) look();
    },
  };
}

/** A signal that aborts with another one, or after a time. `done` has to be called in the end. */
export function timeLimit(
  surroundings: Pick<Surroundings, 'setTimeout' | 'clearTimeout'>,
  timeoutMs: number,
  signal: AbortSignal,
): { readonly signal: AbortSignal; done(): void } {
  const controller = new AbortController();
  const abort = () => controller.abort();
  const timer = surroundings.setTimeout(abort, timeoutMs);
  signal.addEventListener('abort', abort);
  return {
    signal: controller.signal,
    done() {
      surroundings.clearTimeout(timer);
      signal.removeEventListener('abort', abort);
    },
  };
}

/** What comes of it; or, if the signal is aborted first, the signal's reason is thrown. */
export function orAborted<Result>(promise: Promise<Result>, signal: AbortSignal): Promise<Result> {
  return new Promise((resolve, reject) => {
    const abort = () => reject(signal.reason);
    signal.addEventListener('abort', abort);
    promise.then(resolve, reject).then(() => signal.removeEventListener('abort', abort));
  });
}
