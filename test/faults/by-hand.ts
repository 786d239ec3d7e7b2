// The parts of a schedule that is written by hand; what is not said is as it is where all is well.

import {
  ALL_TERMS,
  type CallName,
  DAY_SECONDS,
  type FaultKind,
  INTERVAL_SECONDS,
  type Schedule,
  type ScheduledFault,
  type ScheduledRun,
  type Terms,
  type Tick,
} from './schedule.ts';

/** So many times that it never ends. */
export const ALWAYS = 1_000;

export const [SINGLE_LIVE, SINGLE_DIE, MULTI_LIVE, MULTI_DIE] = ALL_TERMS as readonly [
  Terms,
  Terms,
  Terms,
  Terms,
];

/** The first calls of this kind. */
export const at = (
  call: CallName,
  kind: FaultKind,
  times = 1,
  rest: Partial<ScheduledFault> = {},
): ScheduledFault => ({ kind, call, nth: 0, ...(times > 1 && { times }), ...rest });

export const run = (
  faults: readonly ScheduledFault[] = [],
  rest: Partial<ScheduledRun> = {},
): ScheduledRun => ({ afterMs: 0, host: 0, faults: [...faults], ...rest });

export const tick = (runs: ScheduledRun[], rest: Partial<Tick> = {}): Tick => ({
  afterSeconds: INTERVAL_SECONDS,
  runs,
  ...rest,
});

/** With clocks that are right. */
export const hosts = (count: number): Schedule['hosts'] =>
  Array.from({ length: count }, () => ({ clockErrorMs: 0 }));

/** Of a key that is due. */
export const schedule = (terms: Terms, ticks: Tick[], rest: Partial<Schedule> = {}): Schedule => ({
  terms,
  start: 'current-only',
  ageSeconds: 21 * DAY_SECONDS,
  timeoutSeconds: 60,
  hosts: hosts(1),
  ticks,
  ...rest,
});
