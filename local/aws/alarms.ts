// CloudWatch alarms: evaluated every minute, each change of state told once, with the actions that it runs.

import {
  type AlarmRule,
  type AlarmState,
  type Datapoint,
  evaluateAlarm,
  evaluationRange,
} from './alarm-state.ts';
import { AwsError } from './aws-error.ts';
import type { MetricId, Metrics, Statistic } from './metrics.ts';

/** An alarm on one metric. */
export interface MetricAlarm extends AlarmRule, MetricId {
  readonly name: string;
  readonly arn: string;
  readonly description: string;
  readonly statistic: Statistic;
  /** Only samples of this unit; null takes all. */
  readonly unit: string | null;
  readonly periodSeconds: number;
  /** The value of a period without samples, as metric math's FILL gives it; null leaves it missing. */
  readonly fillWith: number | null;
  /** For how long a new alarm judges nothing, unless `isWhole` is false and datapoints enough are there before. */
  readonly warmUp: { readonly seconds: number; readonly isWhole: boolean } | null;
  readonly actionsEnabled: boolean;
  /** ARNs of what hears of a change to ALARM, to OK, to INSUFFICIENT_DATA. */
  readonly alarmActions: readonly string[];
  readonly okActions: readonly string[];
  readonly insufficientDataActions: readonly string[];
}

export interface AlarmStatus {
  readonly alarm: MetricAlarm;
  readonly state: AlarmState;
  readonly reason: string;
  /** Of the state or its reason, epoch milliseconds. */
  readonly updatedAtMs: number;
  /** Of the state itself, epoch milliseconds. */
  readonly transitionedAtMs: number;
}

/** One change of state. */
export interface Transition {
  readonly alarm: MetricAlarm;
  readonly from: AlarmState;
  readonly to: AlarmState;
  readonly reason: string;
  /** Epoch milliseconds. */
  readonly atMs: number;
  /** ARNs of what hears of it: none where the alarm's actions are disabled. */
  readonly actions: readonly string[];
}

export interface AlarmFilter {
  readonly names?: readonly string[] | undefined;
  readonly namePrefix?: string | undefined;
  readonly state?: AlarmState | undefined;
  readonly actionPrefix?: string | undefined;
}

const MINUTE_MS = 60_000;
/**
 * The first start of a function takes the world's time, however fast the stack's time runs: with 3,600, a second is an
 * hour in which nothing was heard. As long as Lambda itself gives to a start.
 */
const FIRST_START_MS = 10_000;

export class Alarms {
  readonly #metrics: Pick<Metrics, 'statistics'>;
  readonly #now: () => number;
  readonly #timeScale: number;
  readonly #onTransition: (transition: Transition) => void;
  #warmsUpFromMs: number;
  readonly #statuses = new Map<string, AlarmStatus>();
  /** Names of the alarms that are past their warm-up. */
  readonly #warm = new Set<string>();

  constructor(options: {
    metrics: Pick<Metrics, 'statistics'>;
    alarms: readonly MetricAlarm[];
    /** Epoch milliseconds. */
    now: () => number;
    /** Divides every period: with 60, a minute takes a second. @default 1 */
    timeScale?: number;
    onTransition: (transition: Transition) => void;
  }) {
    this.#metrics = options.metrics;
    this.#now = options.now;
    this.#timeScale = options.timeScale ?? 1;
    this.#onTransition = options.onTransition;
    const createdAtMs = options.now();
    this.#warmsUpFromMs = createdAtMs;
    for (const alarm of options.alarms) {
      this.#statuses.set(alarm.name, {
        alarm,
        state: 'INSUFFICIENT_DATA',
        reason: 'Unchecked: Initial alarm creation',
        updatedAtMs: createdAtMs,
        transitionedAtMs: createdAtMs,
      });
    }
  }

  /** Warm-ups count from here: an alarm that waits for a schedule's runs is made after that schedule. */
  begin(): void {
    this.#warmsUpFromMs = this.#now();
  }

  /** How often to evaluate, and the grid on which periods end. */
  get minuteMs(): number {
    return MINUTE_MS / this.#timeScale;
  }

  /** Sorted by name. */
  list({ names, namePrefix = '', state, actionPrefix = '' }: AlarmFilter = {}): AlarmStatus[] {
    return [...this.#statuses.values()]
      .filter(
        ({ alarm, state: present }) =>
          (names === undefined || names.includes(alarm.name)) &&
          alarm.name.startsWith(namePrefix) &&
          (state === undefined || present === state) &&
          (actionPrefix === '' ||
            [...alarm.alarmActions, ...alarm.okActions, ...alarm.insufficientDataActions].some(
              (action) => action.startsWith(actionPrefix),
            )),
      )
      .sort((left, right) => (left.alarm.name < right.alarm.name ? -1 : 1));
  }

  /** Looks at all alarms. Periods end with the minute that ended last, so calling it more often changes nothing. */
  evaluate(): void {
    const minuteMs = this.minuteMs;
    const endMs = Math.floor(this.#now() / minuteMs) * minuteMs;
    for (const { alarm } of this.list()) {
      const range = this.#range(alarm, endMs);
      if (this.#isWarmingUp(alarm, range)) continue;
      const next = evaluateAlarm(alarm, range);
      if (next !== undefined) this.#become(alarm.name, next.state, next.reason);
    }
  }

  /**
   * Until the next evaluation, as an operator tries out where an alarm goes to.
   * @throws AwsError ResourceNotFound
   */
  setState(name: string, state: AlarmState, reason: string): void {
    this.#become(name, state, reason);
  }

  #isWarmingUp(alarm: MetricAlarm, range: readonly (Datapoint | undefined)[]): boolean {
    const { name, warmUp, evaluationPeriods } = alarm;
    if (warmUp === null || this.#warm.has(name)) return false;
    const nowMs = this.#now();
    const endsAtMs = this.#warmsUpFromMs + (warmUp.seconds * 1000) / this.#timeScale;
    const real = range.filter((datapoint) => datapoint !== undefined).length;
    if (nowMs < endsAtMs && (warmUp.isWhole || real < evaluationPeriods)) return true;
    if (this.#timeScale > 1 && real === 0 && nowMs < endsAtMs + FIRST_START_MS) return true;
    this.#warm.add(name);
    return false;
  }

  #become(name: string, state: AlarmState, reason: string): void {
    const status = this.#statuses.get(name);
    if (status === undefined) {
      throw new AwsError('ResourceNotFound', `Unknown alarm: ${name}`, { status: 404 });
    }
    const atMs = this.#now();
    const { alarm, state: from } = status;
    if (from === state) return;
    this.#statuses.set(name, { alarm, state, reason, updatedAtMs: atMs, transitionedAtMs: atMs });
    const actions = alarm.actionsEnabled ? actionsOf(alarm, state) : [];
    this.#onTransition({ alarm, from, to: state, reason, atMs, actions });
  }

  #range(alarm: MetricAlarm, endMs: number): (Datapoint | undefined)[] {
    const periodMs = (alarm.periodSeconds * 1000) / this.#timeScale;
    const periods = evaluationRange(alarm.evaluationPeriods);
    // One value for the end of a period and the beginning of the next: divided by a time scale they are no whole
    // numbers, and rounded twice they would leave a gap in which a sample is lost.
    const boundaryMs = (index: number) => endMs - (periods - index) * periodMs;
    return Array.from({ length: periods }, (_, index) => {
      const span = { fromMs: boundaryMs(index), toMs: boundaryMs(index + 1) };
      const statistics = this.#metrics.statistics(alarm, span, alarm.unit ?? undefined);
      const value = statistics?.[alarm.statistic] ?? alarm.fillWith;
      return value === null ? undefined : { value, startMs: span.fromMs };
    });
  }
}

function actionsOf(alarm: MetricAlarm, state: AlarmState): readonly string[] {
  switch (state) {
    case 'ALARM':
      return alarm.alarmActions;
    case 'OK':
      return alarm.okActions;
    case 'INSUFFICIENT_DATA':
      return alarm.insufficientDataActions;
  }
}

/** For how long samples are needed, in the template's own time. */
export function longestRangeSeconds(alarms: readonly MetricAlarm[]): number {
  return Math.max(
    0,
    ...alarms.map(
      ({ periodSeconds, evaluationPeriods }) => periodSeconds * evaluationRange(evaluationPeriods),
    ),
  );
}
