// What a run is counted by: the alarms of the stack (lib/alarms.ts) watch these numbers. Pure.

import type { KeyResult, Reason } from './outcome.ts';

export interface Measured {
  readonly result: KeyResult;
  /** Two ticks past due, or ended. */
  readonly isOverdue: boolean;
}

export interface Measures {
  /** 1 for a run over all keys; absent for one key that an operator asked for, which is no proof of a schedule. */
  readonly Sweeps?: 1;
  readonly KeysRenewed: number;
  readonly KeysFailed: number;
  readonly KeysDeferred: number;
  readonly KeysOverdue: number;
  readonly KeysRefused: number;
  /** Seconds, of the key that ends first; absent when none ends. */
  readonly LeastLifeLeft?: number;
}

const REFUSED_BY_MOMENTO: ReadonlySet<Reason> = new Set([
  'key-refused',
  'refresh-token-spent',
  'pending-refused',
]);

export function measuresOf(
  keys: readonly Measured[],
  { isSweep, nowMs }: { readonly isSweep: boolean; readonly nowMs: number },
): Measures {
  const count = (matches: (key: Measured) => boolean): number => keys.filter(matches).length;
  const ends = keys.flatMap(({ result: { validUntil } }) => validUntil || []);
  return {
    ...(isSweep && { Sweeps: 1 }),
    KeysRenewed: count(({ result }) => ['rotated', 'resumed'].includes(result.outcome)),
    KeysFailed: count(({ result }) => result.outcome === 'failed'),
    KeysDeferred: count(({ result }) => result.outcome === 'deferred'),
    KeysOverdue: count(({ isOverdue }) => isOverdue),
    KeysRefused: count(({ result }) => REFUSED_BY_MOMENTO.has(result.reason)),
    ...(ends.length > 0 && {
      LeastLifeLeft: Math.max(0, ends.reduce((least, end) => Math.min(least, end)) - nowMs / 1000),
    }),
  };
}
