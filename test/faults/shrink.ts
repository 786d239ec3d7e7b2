// Makes a failing schedule smaller, as long as it still fails likewise.

import type { Schedule, ScheduledRun, Tick } from './schedule.ts';

/** More plays than this are not worth the wait. */
const MOST_PLAYS = 400;

/** @param fails whether a schedule still violates what the first one did */
export async function shrink(
  schedule: Schedule,
  fails: (candidate: Schedule) => Promise<boolean>,
): Promise<Schedule> {
  let smallest = schedule;
  let plays = 0;
  for (let found = true; found && plays < MOST_PLAYS; ) {
    found = false;
    for (const candidate of smaller(smallest)) {
      if (plays >= MOST_PLAYS) break;
      plays += 1;
      if (!(await fails(candidate))) continue;
      smallest = candidate;
      found = true;
      break;
    }
  }
  return smallest;
}

/** One thing less each, the largest things first. */
function* smaller(schedule: Schedule): Generator<Schedule> {
  const { ticks, hosts, start } = schedule;
  const withTicks = (changed: Tick[]): Schedule => ({ ...schedule, ticks: changed });
  if (ticks.length > 2) {
    yield withTicks(ticks.slice(0, Math.ceil(ticks.length / 2)));
    yield withTicks(ticks.slice(Math.floor(ticks.length / 2)));
  }
  if (ticks.length > 1) {
    for (const index of ticks.keys()) yield withTicks(without(ticks, index));
  }
  if (start !== 'current-only') yield { ...schedule, start: 'current-only' };
  const { otherKeys = 0, ...alone } = schedule;
  if (otherKeys > 0) yield alone;
  for (const [index, tick] of ticks.entries()) {
    for (const changed of smallerTicks(tick)) yield withTicks(replaced(ticks, index, changed));
  }
  if (hosts.length > 1) yield { ...schedule, hosts: hosts.slice(0, 1) };
  for (const [index, { clockErrorMs }] of hosts.entries()) {
    if (clockErrorMs !== 0) {
      yield { ...schedule, hosts: replaced(hosts, index, { clockErrorMs: 0 }) };
    }
  }
}

function* smallerTicks(tick: Tick): Generator<Tick> {
  const { persons, recycled, ...rest } = tick;
  const bare = { ...rest, ...(persons && { persons }), ...(recycled && { recycled }) };
  if (tick.runs.length > 1) {
    for (const index of tick.runs.keys()) yield { ...bare, runs: without(tick.runs, index) };
  }
  if (persons !== undefined) yield { ...rest, ...(recycled && { recycled }) };
  if (recycled !== undefined) yield { ...rest, ...(persons && { persons }) };
  for (const [index, run] of tick.runs.entries()) {
    for (const changed of smallerRuns(run)) {
      yield { ...bare, runs: replaced(tick.runs, index, changed) };
    }
  }
}

function* smallerRuns(run: ScheduledRun): Generator<ScheduledRun> {
  const { forced, person, ...rest } = run;
  const bare = { ...rest, ...(forced && { forced }), ...(person && { person }) };
  for (const index of run.faults.keys()) yield { ...bare, faults: without(run.faults, index) };
  if (person !== undefined) yield { ...rest, ...(forced && { forced }) };
  if (forced !== undefined) yield { ...rest, ...(person && { person }) };
  for (const [index, fault] of run.faults.entries()) {
    const { times = 1, ...once } = fault;
    if (times > 1) yield { ...bare, faults: replaced(run.faults, index, once) };
  }
  if (run.afterMs > 0) yield { ...bare, afterMs: 0 };
  if (run.host > 0) yield { ...bare, host: 0 };
}

const without = <T>(list: readonly T[], index: number): T[] => list.filter((_, at) => at !== index);

const replaced = <T>(list: readonly T[], index: number, item: T): T[] =>
  list.map((old, at) => (at === index ? item : old));
