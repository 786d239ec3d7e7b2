// Where things stand on the time line: pure, from what was told to stretches of time and rows.

import type { Key, Version } from '../told.ts';

export type Phase = 'waits' | 'serves' | 'due' | 'old' | 'revoked';

export interface Stretch {
  readonly phase: Phase;
  readonly fromMs: number;
  readonly untilMs: number;
}

export interface Bar {
  readonly version: Version;
  readonly row: number;
  readonly fromMs: number;
  readonly untilMs: number;
  readonly stretches: readonly Stretch[];
}

/** As many as are alive at the same time when each lives on after its renewal. */
export const ROWS = 3;

/** @param foreverMs where a key ends that never does */
export function barsOf(key: Key, foreverMs: number): Bar[] {
  const freeFrom = Array.from({ length: ROWS }, () => Number.NEGATIVE_INFINITY);
  return key.versions.map((version) => {
    const fromMs = version.createdAtMs;
    const untilMs = Math.max(fromMs, version.endsAtMs ?? foreverMs);
    const free = freeFrom.findIndex((ms) => ms <= fromMs);
    const row = free === -1 ? freeFrom.indexOf(Math.min(...freeFrom)) : free;
    freeFrom[row] = untilMs;
    return { version, row, fromMs, untilMs, stretches: stretchesOf(version, untilMs) };
  });
}

/** What became of a version, one stretch after the other; none of them empty. */
export function stretchesOf(version: Version, untilMs: number): Stretch[] {
  const { createdAtMs, currentFromMs, replacedAtMs, dueAtMs, revokedAtMs } = version;
  const within = (ms: number | null) => Math.min(ms ?? untilMs, untilMs);
  const isOver = within(revokedAtMs);
  const current = Math.min(within(currentFromMs), isOver);
  const due = Math.max(current, Math.min(within(dueAtMs), isOver));
  const replaced = Math.max(current, Math.min(within(replacedAtMs), isOver));
  const all: Stretch[] = [
    { phase: 'waits', fromMs: createdAtMs, untilMs: current },
    { phase: 'serves', fromMs: current, untilMs: Math.min(due, replaced) },
    { phase: 'due', fromMs: Math.min(due, replaced), untilMs: replaced },
    { phase: 'old', fromMs: replaced, untilMs: isOver },
    { phase: 'revoked', fromMs: isOver, untilMs },
  ];
  return all.filter((stretch) => stretch.untilMs > stretch.fromMs);
}

export const currentOf = ({ versions }: Key): Version | undefined =>
  versions.find(({ labels }) => labels.includes('AWSCURRENT'));

const STEPS_MS = [
  1, 2, 5, 10, 15, 30, 60, 120, 300, 600, 900, 1_800, 3_600, 7_200, 14_400, 28_800, 86_400, 604_800,
].map((seconds) => seconds * 1000);

/** The distance between the axis's times, for about one in every `wantedMs`. */
export const axisStepMs = (wantedMs: number): number =>
  STEPS_MS.find((step) => step >= wantedMs) ?? Math.ceil(wantedMs / 604_800_000) * 604_800_000;

/** How far back the line goes: a few lives of the keys, fewer where there is little room. */
export function pastMs(keys: readonly Key[], widthPx: number): number {
  const lives = keys.flatMap((key) => {
    const version = currentOf(key) ?? key.versions.at(-1);
    return version?.endsAtMs == null ? [] : [version.endsAtMs - version.createdAtMs];
  });
  const life = Math.max(20_000, ...lives);
  return life * Math.min(3, Math.max(1.3, widthPx / 420));
}
