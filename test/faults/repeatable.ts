// Which schedules can be repeated outside of the simulation: one run at a time, and faults that the servers can
// make. Two processes at once would not interleave the same way twice.

import { seedAt } from './chance.ts';
import { serviceOf } from './fault-kinds.ts';
import { EXHAUSTIVE, scheduleNamed, singlesAt } from './generate.ts';
import { type HappenedRun, type Played, play } from './play.ts';
import { CALLS, type Schedule } from './schedule.ts';

export interface Sample {
  readonly name: string;
  readonly schedule: Schedule;
  readonly played: Played;
}

/** All runs of one schedule together, on the simulated clock: in the end somebody waits for it. */
const LONGEST_MS = 20_000;

/** As many as wanted, the same ones for the same seed. */
export async function sample(count: number, seed: number): Promise<Sample[]> {
  const samples: Sample[] = [];
  const seen = new Set<string>();
  for (let index = 0; samples.length < count; index += 1) {
    const number = seedAt(seed, index);
    const singles = singlesAt(CALLS[(index / 2) % CALLS.length] ?? 'PutEvents');
    const name = [
      singles[number % singles.length] ?? '',
      [`state-${number % EXHAUSTIVE.states}`, `pair-${number}`, `random-${number}`][
        (index >> 1) % 3
      ] ?? '',
    ][index % 2] as string;
    const schedule = scheduleNamed(name);
    if (schedule === undefined || seen.has(name) || !isPlain(schedule)) continue;
    const played = await play(schedule);
    if (!runsOf(played).every(canBeMade) || lengthMs(played) > LONGEST_MS) continue;
    seen.add(name);
    samples.push({ name, schedule, played });
  }
  return samples;
}

export const runsOf = ({ history }: Played): HappenedRun[] =>
  history.filter((happening) => happening.kind === 'run');

const lengthMs = (played: Played): number =>
  runsOf(played).reduce((sum, { atMs, endedAtMs }) => sum + endedAtMs - atMs, 0);

const isPlain = ({ ticks, hosts, otherKeys, lifeSeconds, intervalSeconds }: Schedule): boolean =>
  otherKeys === undefined &&
  lifeSeconds === undefined &&
  intervalSeconds === undefined &&
  hosts.every(({ clockErrorMs }) => clockErrorMs === 0) &&
  ticks.every(
    ({ runs, persons = [] }) =>
      persons.length === 0 &&
      runs.length === 1 &&
      runs.every(
        ({ faults, person }) =>
          person === undefined &&
          // The SDK repeats once by itself: that is a fault's end only where it comes once.
          faults.every(({ times = 1 }) => times === 1),
      ),
  );

const canBeMade = ({ faults }: HappenedRun): boolean =>
  faults.every(
    ({ call, kind }, index) =>
      kind !== 'stale-read' &&
      !(serviceOf(call) === 'momento' && (kind === 'late-effect' || kind === 'silence')) &&
      // Two in a row at one call would be one for the SDK.
      (index === 0 || faults[index - 1]?.call !== call),
  );
