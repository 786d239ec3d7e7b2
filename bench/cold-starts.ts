// Cold starts: a process for every call.

import type { Contender, ContenderName, Contenders } from './contenders.ts';
import type { ServerEvent } from './servers.ts';
import { type Start, start } from './start.ts';
import { type Figure, median, medianOf, ratioOf } from './statistics.ts';
import { turns } from './turns.ts';

export interface ColdStart {
  readonly contender: ContenderName;
  readonly tookMs: Figure;
  readonly toBaseline: Figure;
  /** Processor time says the same with less noise, where the machine is busy with something else. */
  readonly cpuMs: Figure;
  readonly cpuToBaseline: Figure;
}

export interface ColdStartOptions {
  readonly contenders: Contenders;
  readonly node: string;
  readonly rounds: number;
  /** Told after each round. */
  readonly onRound?: (round: number) => void;
}

export async function measureColdStarts(options: ColdStartOptions): Promise<ColdStart[]> {
  const { contenders, node, rounds, onRound } = options;
  const starts = new Map<ContenderName, Start[]>();
  // The first round fills the system's caches, and the table with the token that is found later.
  for (const [round, inTurn] of turns([...contenders.values()], rounds + 1).entries()) {
    for (const contender of inTurn) {
      const measured = await start(contender, node);
      if (round > 0) starts.set(contender.name, [...(starts.get(contender.name) ?? []), measured]);
    }
    onRound?.(round);
  }
  const values = (name: ContenderName, what: 'tookMs' | 'cpuMs') =>
    (starts.get(name) ?? []).map((one) => one[what]);
  return [...contenders.keys()].map((contender) => ({
    contender,
    tookMs: medianOf(values(contender, 'tookMs')),
    toBaseline: ratioOf(values(contender, 'tookMs'), values('baseline', 'tookMs')),
    cpuMs: medianOf(values(contender, 'cpuMs')),
    cpuToBaseline: ratioOf(values(contender, 'cpuMs'), values('baseline', 'cpuMs')),
  }));
}

/** What happened on the way to an answer, in order: its median time from the beginning. */
export interface Steps {
  readonly contender: ContenderName;
  readonly steps: ReadonlyArray<{ readonly step: string; readonly atMs: number }>;
}

/** From runs of their own, with the servers' eyes; none of them is in any other figure. */
export async function observeSteps(
  contender: Contender,
  node: string,
  runs: number,
  takeEvents: () => Promise<ServerEvent[]>,
): Promise<Steps> {
  const times = new Map<string, number[]>();
  const note = (step: string, atMs: number) => times.set(step, [...(times.get(step) ?? []), atMs]);
  await takeEvents();
  for (let run = 0; run < runs; run += 1) {
    const { beganAtMs, loadedMs, answeredMs } = await start(contender, node);
    note('module loaded', loadedMs);
    const seen = new Map<string, number>();
    for (const { what, atMs } of await takeEvents()) {
      const before = seen.get(what) ?? 0;
      seen.set(what, before + 1);
      note(before === 0 ? what : `${what}, ${before + 1}.`, atMs - beganAtMs);
    }
    note('answered', answeredMs);
  }
  const steps = [...times].map(([step, atMs]) => ({ step, atMs: median(atMs) }));
  return { contender: contender.name, steps: steps.toSorted((a, b) => a.atMs - b.atMs) };
}
