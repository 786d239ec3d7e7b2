// What an exploration says in the end.

import type { Explored } from './explore.ts';
import { numbers } from './explore.ts';
import { INVARIANTS } from './invariants.ts';
import { FAULT_KINDS } from './schedule.ts';
import { table } from './trace.ts';

export interface Told extends Explored {
  readonly seed: number;
  readonly tookMs: number;
}

export function summary({ counts, failures, seed, tookMs }: Told): string {
  const figure = (value: number): string => value.toLocaleString('en-US');
  const violations = failures.flatMap((failure) => failure.violations);
  const names = failures.map(({ name }) => name);
  return [
    table(
      FAULT_KINDS.map((kind) => [kind, figure(counts.faults[kind] ?? 0)]),
      ['fault injected', 'times'],
    ),
    table(
      numbers().map((number) => [
        `${number} ${INVARIANTS[number]}`,
        figure(counts.checks[number]),
        figure(violations.filter(({ invariant }) => invariant === number).length),
      ]),
      ['invariant', 'checked', 'violated'],
    ),
    table(
      [
        ['schedules', figure(counts.schedules)],
        ['runs', figure(counts.runs)],
        ['calls', figure(counts.calls)],
        ['pairs that Momento issued', figure(counts.pairsIssued)],
        ['of these lost in the irreducible gap, and reported', figure(counts.pairsLostInGap)],
        ['longest time from a loss to its report', hours(counts.longestUndetectedMs)],
        ['the same, with faults meanwhile', hours(counts.longestUndetectedInFaultsMs)],
        ['old keys die: longest time from refresh to promotion', seconds(counts.longestDeadMs)],
        ['the same, with faults meanwhile', seconds(counts.longestDeadInFaultsMs)],
        ['most new versions of a secret in 24 hours', figure(counts.mostVersionsInADay)],
        [
          'the same, with those for keys that were about to end',
          figure(counts.mostVersionsInADayNearTheEnd),
        ],
        ['seed', String(seed)],
        ['time', `${(tookMs / 1000).toFixed(1)} s`],
        ...(names.length === 0
          ? []
          : [
              [
                'schedules that failed',
                names.slice(0, 10).join(' ') + (names.length > 10 ? ' …' : ''),
              ],
            ]),
      ],
      ['', ''],
    ).trimStart(),
    `${figure(counts.schedules)} schedules, ${figure(violations.length)} violations`,
  ].join('\n\n');
}

const seconds = (ms: number): string => `${(ms / 1000).toFixed(2)} s`;

const hours = (ms: number): string => `${(ms / 3_600_000).toFixed(2)} h`;
