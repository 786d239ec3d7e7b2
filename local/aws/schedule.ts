// EventBridge schedules: when a rule fires next, what its target gets, and a clock that fires it.

import { AwsError } from './aws-error.ts';
import { parseCron } from './cron.ts';
import { type BusEvent, isoSeconds } from './event-bus.ts';

export interface Schedule {
  /**
   * The first instant strictly after `afterMs`, or undefined when there is none.
   * @param anchorMs where a rate counts from: when its rule began. Of no matter to a cron.
   */
  next(afterMs: number, anchorMs: number): number | undefined;
}

const UNIT_MS = { minute: 60_000, hour: 3_600_000, day: 86_400_000 } as const;

/**
 * `rate(1 minute)`, `rate(5 minutes)`, `cron(0 12 * * ? *)`. As AWS insists: singular for one,
 * plural for more.
 * @throws AwsError ValidationException
 */
export function parseSchedule(expression: string): Schedule {
  const rate = /^rate\(([1-9]\d*) (minute|hour|day)(s?)\)$/.exec(expression);
  if (rate) {
    const count = Number(rate[1]);
    if ((count === 1) !== (rate[3] === '')) {
      throw invalidSchedule(expression, 'one takes the singular, more take the plural');
    }
    const intervalMs = count * UNIT_MS[rate[2] as keyof typeof UNIT_MS];
    return {
      next: (afterMs, anchorMs) => {
        const elapsed = Math.max(0, Math.floor((afterMs - anchorMs) / intervalMs));
        return anchorMs + (elapsed + 1) * intervalMs;
      },
    };
  }
  const cron = /^cron\((.*)\)$/.exec(expression);
  if (!cron) throw invalidSchedule(expression, 'write rate(5 minutes) or cron(0 12 * * ? *)');
  try {
    return parseCron(cron[1] ?? '');
  } catch (error) {
    if (!(error instanceof RangeError)) throw error;
    throw invalidSchedule(expression, error.message, error);
  }
}

/** What the target of a scheduled rule gets. */
export function scheduledEvent(options: {
  id: string;
  accountId: string;
  region: string;
  ruleArn: string;
  timeMs: number;
}): BusEvent {
  return {
    version: '0',
    id: options.id,
    'detail-type': 'Scheduled Event',
    source: 'aws.events',
    account: options.accountId,
    time: isoSeconds(options.timeMs),
    region: options.region,
    resources: [options.ruleArn],
    detail: {},
  };
}

/** Starts a timer. @returns how to stop it */
export type StartTimer = (callback: () => void, delayMs: number) => () => void;

const systemTimer: StartTimer = (callback, delayMs) => {
  const timer = setTimeout(callback, delayMs);
  return () => clearTimeout(timer);
};

/** Node fires a longer timer at once. */
const LONGEST_TIMER_MS = 2 ** 31 - 1;

/**
 * Fires what was added, each on its own schedule, on a clock that may run faster than the world's.
 * A firing that is late skips what it missed, as it would be pointless to make up for ticks.
 */
export class Scheduler {
  readonly #now: () => number;
  readonly #timeScale: number;
  readonly #startTimer: StartTimer;
  readonly #rules = new Map<string, { schedule: Schedule; fire: () => void }>();
  readonly #stopTimer = new Map<string, () => void>();
  #startedAtMs: number | undefined;

  constructor(
    options: {
      /** Epoch milliseconds. @default Date.now */
      now?: () => number;
      /** With 60, a minute of the schedule takes a second. @default 1 */
      timeScale?: number;
      /** @default setTimeout */
      startTimer?: StartTimer;
    } = {},
  ) {
    this.#now = options.now ?? Date.now;
    this.#timeScale = options.timeScale ?? 1;
    this.#startTimer = options.startTimer ?? systemTimer;
    if (!(this.#timeScale > 0)) throw new RangeError('timeScale must be above zero');
  }

  /** @param fire called at each firing; it must not throw, and whatever it starts is its own affair */
  add(name: string, schedule: Schedule, fire: () => void): void {
    this.#rules.set(name, { schedule, fire });
    if (this.#startedAtMs !== undefined) this.#arm(name, this.#clockMs());
  }

  /** No firing of it after this, until it is added again. */
  remove(name: string): void {
    this.#rules.delete(name);
    this.#stopTimer.get(name)?.();
    this.#stopTimer.delete(name);
  }

  /** The first firing of a rate comes one interval from here. */
  start(): void {
    if (this.#startedAtMs !== undefined) return;
    this.#startedAtMs = this.#now();
    for (const name of this.#rules.keys()) this.#arm(name, this.#startedAtMs);
  }

  /** No firing after this; the timers are gone. */
  stop(): void {
    for (const stopTimer of this.#stopTimer.values()) stopTimer();
    this.#stopTimer.clear();
    this.#startedAtMs = undefined;
  }

  /** When that rule fires next, in the world's own time, epoch milliseconds. */
  nextFiringMs(name: string): number | undefined {
    const rule = this.#rules.get(name);
    if (rule === undefined || this.#startedAtMs === undefined) return undefined;
    const dueMs = rule.schedule.next(this.#clockMs(), this.#startedAtMs);
    return dueMs === undefined ? undefined : this.#now() + this.#untilMs(dueMs);
  }

  #arm(name: string, afterMs: number): void {
    const rule = this.#rules.get(name);
    const dueMs = rule?.schedule.next(afterMs, this.#startedAtMs ?? afterMs);
    this.#stopTimer.get(name)?.();
    this.#stopTimer.delete(name);
    if (rule === undefined || dueMs === undefined) return;
    const tick = () => {
      const leftMs = this.#untilMs(dueMs);
      // A timer can come early, and a long wait is made of several.
      if (leftMs > 0) return wait(leftMs);
      this.#arm(name, Math.max(dueMs, this.#clockMs()));
      rule.fire();
    };
    const wait = (leftMs: number) => {
      const delayMs = Math.min(Math.ceil(leftMs), LONGEST_TIMER_MS);
      this.#stopTimer.set(name, this.#startTimer(tick, delayMs));
    };
    wait(this.#untilMs(dueMs));
  }

  /** The scheduler's own, faster clock: at the start it agrees with the world's. */
  #clockMs(): number {
    const startedAtMs = this.#startedAtMs ?? this.#now();
    return startedAtMs + (this.#now() - startedAtMs) * this.#timeScale;
  }

  /** How long the world waits until an instant of that clock. */
  #untilMs(dueMs: number): number {
    return Math.max(0, (dueMs - this.#clockMs()) / this.#timeScale);
  }
}

function invalidSchedule(expression: string, why: string, cause?: unknown): AwsError {
  return new AwsError(
    'ValidationException',
    `Parameter ScheduleExpression is not valid. (${expression}: ${why})`,
    { cause },
  );
}
