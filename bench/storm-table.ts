// A storm's report as text.

import type { Report } from './storm.ts';
import { isKept, type Spread, type Target } from './storm-figures.ts';

/** Ends with a line break. */
export function reportTable({ title, figures, targets, troubles }: Report): string {
  const { ratePerSecond, minted, tookSeconds } = figures;
  const dictatedSeconds = minted / ratePerSecond;
  const rows: Array<[string, string]> = [
    ['logins asked for', count(figures.asked)],
    ['served', count(figures.served)],
    ['tries of one caller, at most', count(figures.mostTries)],
    ['requests', count(figures.requests)],
    ['  answered 429', count(figures.rateLimited)],
    ['  answered with any other error', count(figures.failed)],
    ['  the function waited', ms(figures.waited)],
    ['  the function took', ms(figures.answered)],
    ['  until a 429', ms(figures.turnedAway)],
    ['  waited for a free process', ms(figures.queued)],
    ['login, from the first request', ms(figures.loggedIn)],
    ['calls to Momento', count(minted + figures.refusedByMomento)],
    ['  refused', count(figures.refusedByMomento)],
    ['  most in a sliding second', `${figures.mostInASecond} (allowed: ${ratePerSecond})`],
    ['time', `${tookSeconds.toFixed(1)} s`],
    [
      'what the rate dictates for these calls',
      `${dictatedSeconds.toFixed(1)} s: the storm took ${(tookSeconds / dictatedSeconds).toFixed(3)} times that`,
    ],
    ['part of the rate that was used', figures.partOfRate.toFixed(3)],
    ['tokens that had ended when they came', count(figures.expired)],
    [
      'expiresIn against the truth',
      `at most ${figures.saidTooMuchSeconds.toFixed(2)} s too much, ${figures.saidTooLittleSeconds.toFixed(2)} s too little`,
    ],
    ["tokens that were somebody else's", count(figures.crossed)],
    ...[...troubles].map(([trouble, times]): [string, string] => [
      `logged: ${trouble}`,
      count(times),
    ]),
  ];
  const lines = rows.map(([what, figure]) => `  ${what.padEnd(42)}${figure}`);
  return [title, ...lines, '  targets', ...targets.map(targetLine), ''].join('\n');
}

const targetLine = (target: Target): string => {
  const { what, value, bound, limit } = target;
  const verdict = isKept(target) ? 'kept  ' : 'MISSED';
  return `    ${verdict} ${what}: ${rounded(value)}, at ${bound} ${rounded(limit)}`;
};

const rounded = (value: number): string => `${Math.round(value * 1_000) / 1_000}`;
const count = (value: number): string => value.toLocaleString('en-US');
const ms = ({ p50, p99, max }: Spread): string =>
  `p50 ${Math.round(p50)}, p99 ${Math.round(p99)}, max ${Math.round(max)} ms`;
