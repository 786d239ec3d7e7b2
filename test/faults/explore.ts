// Plays many schedules and adds up what was seen. Where it runs, and on how many threads, changes no result: every
// schedule is a world of its own.

import { nameAt, scheduleNamed } from './generate.ts';
import type { InvariantNumber } from './invariants.ts';
import { INVARIANTS } from './invariants.ts';
import { type Counts, noCounts, play, type Violation } from './play.ts';
import type { FaultKind } from './schedule.ts';

export interface Range {
  readonly from: number;
  readonly to: number;
  readonly baseSeed: number;
}

export interface Failure {
  readonly index: number;
  readonly name: string;
  readonly violations: readonly Violation[];
}

export interface Explored {
  readonly counts: Counts;
  readonly failures: readonly Failure[];
}

/** @param onPlayed told after each schedule; false ends the exploration early */
export async function explore(
  { from, to, baseSeed }: Range,
  onPlayed: (played: number, failures: readonly Failure[]) => boolean = () => true,
): Promise<Explored> {
  const counts = noCounts();
  const failures: Failure[] = [];
  for (let index = from; index < to; index += 1) {
    const name = nameAt(index, baseSeed);
    const schedule = scheduleNamed(name);
    if (schedule === undefined) throw new Error(`There is no schedule ${name}.`);
    const played = await play(schedule);
    add(counts, played.counts);
    if (played.violations.length > 0) {
      failures.push({ index, name, violations: played.violations });
    }
    if (!onPlayed(index - from + 1, failures)) break;
  }
  return { counts, failures };
}

/** Independent of the order of its parts, but for the order of the failures. */
export function merge(parts: readonly Explored[]): Explored {
  const counts = noCounts();
  for (const part of parts) add(counts, part.counts);
  const failures = parts.flatMap((part) => part.failures).sort((a, b) => a.index - b.index);
  return { counts, failures };
}

function add(sum: Counts, one: Counts): void {
  sum.schedules += one.schedules;
  sum.runs += one.runs;
  sum.calls += one.calls;
  sum.pairsIssued += one.pairsIssued;
  sum.pairsLostInGap += one.pairsLostInGap;
  sum.longestDeadMs = Math.max(sum.longestDeadMs, one.longestDeadMs);
  sum.longestDeadInFaultsMs = Math.max(sum.longestDeadInFaultsMs, one.longestDeadInFaultsMs);
  sum.mostVersionsInADay = Math.max(sum.mostVersionsInADay, one.mostVersionsInADay);
  sum.mostVersionsInADayNearTheEnd = Math.max(
    sum.mostVersionsInADayNearTheEnd,
    one.mostVersionsInADayNearTheEnd,
  );
  sum.longestUndetectedMs = Math.max(sum.longestUndetectedMs, one.longestUndetectedMs);
  sum.longestUndetectedInFaultsMs = Math.max(
    sum.longestUndetectedInFaultsMs,
    one.longestUndetectedInFaultsMs,
  );
  for (const [kind, times] of Object.entries(one.faults) as [FaultKind, number][]) {
    sum.faults[kind] = (sum.faults[kind] ?? 0) + times;
  }
  for (const number of numbers()) sum.checks[number] += one.checks[number];
}

export const numbers = (): InvariantNumber[] =>
  Object.keys(INVARIANTS).map((number) => Number(number) as InvariantNumber);
