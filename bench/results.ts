// What a run of the bench has found, as it is kept, and what was promised of it.

import type { ColdStart, Steps } from './cold-starts.ts';
import type { Servers } from './servers.ts';
import type { WarmCalls } from './warm-calls.ts';

export interface Results {
  /** ISO 8601 */
  readonly madeAt: string;
  readonly machine: Machine;
  readonly rounds: number;
  /** How AWS was spoken to. To Momento it was TLS. */
  readonly aws: keyof Servers['awsUrl'];
  readonly bundles: Bundles;
  readonly nodes: readonly NodeResults[];
  /** Versions that could not be had, each with the reason. */
  readonly missing: readonly string[];
}

export interface Machine {
  readonly processor: string;
  readonly cores: number;
  readonly memoryGb: number;
  readonly system: string;
  /** Processes that wanted a processor in the minute before: above a half, something else was going on. */
  readonly loadBefore: number;
}

/** Bytes; maps are not counted. */
export interface Bundles {
  readonly vendToken: number;
  readonly rotateKey: number;
  readonly baseline: number;
}

export interface NodeResults {
  /** Such as `v24.1.0`. */
  readonly version: string;
  readonly coldStarts: readonly ColdStart[];
  readonly steps: readonly Steps[];
  readonly warmCalls: WarmCalls;
}

/** One promise, and what came of it. */
export interface Verdict {
  readonly what: string;
  readonly value: number;
  readonly limit: number;
  /** What the limit is: the most that the value may be, or the least. */
  readonly bound: 'most' | 'least';
  readonly unit: 'times' | 'ms' | 'per second' | 'bytes';
  readonly isKept: boolean;
}

const BUNDLE_LIMIT_BYTES = 300 * 1024;

export function verdicts({ bundles, nodes }: Results): Verdict[] {
  return [
    most('bundle of vend-token', bundles.vendToken, BUNDLE_LIMIT_BYTES, 'bytes'),
    ...nodes.flatMap(({ version, coldStarts, warmCalls }) => {
      const cold = coldStarts.find(({ contender }) => contender === 'vend-token');
      const paced = warmCalls.paced.find(({ contender }) => contender === 'vend-token');
      const saturated = warmCalls.saturated.find(({ contender }) => contender === 'vend-token');
      // Without a table in the way, where there is such a contender.
      const minted =
        warmCalls.minted.find(({ contender }) => contender === 'vend-token-unshared') ??
        warmCalls.minted.find(({ contender }) => contender === 'vend-token');
      const on = `on Node ${version.slice(1)}`;
      return [
        most(`cold start, of the baseline's, ${on}`, cold?.toBaseline.figure, 0.5, 'times'),
        most(`shared token, p99 at 500 per second, ${on}`, paced?.p99Ms.figure, 2, 'ms'),
        least(
          `shared tokens at saturation, ${on}`,
          saturated?.perSecond.figure,
          2_000,
          'per second',
        ),
        most(
          `minted token, with \`sharing: false\`, of the call's by gRPC's own client, ${on}`,
          minted?.toGrpcCall.figure,
          1.15,
          'times',
        ),
      ];
    }),
  ];
}

const most = (what: string, value = Number.NaN, limit: number, unit: Verdict['unit']): Verdict => ({
  what,
  value,
  limit,
  bound: 'most',
  unit,
  isKept: value <= limit,
});

const least = (
  what: string,
  value = Number.NaN,
  limit: number,
  unit: Verdict['unit'],
): Verdict => ({
  ...most(what, value, limit, unit),
  bound: 'least',
  isKept: value >= limit,
});
