// A fleet of keys that are all due, at a Momento that refuses above its rate: how close the function comes to the
// time that the rate alone dictates. The very bundle, in its own process, against local AWS and local Momento.

import { type LocalNews, startLocalStack } from '../local/stack.ts';

export interface FleetOptions {
  /** Synthesized with `fleetConfig`. */
  readonly assemblyDirectory: string;
  readonly keys: number;
  readonly ratePerSecond: number;
  /** Told of every renewal at Momento. */
  readonly onRenewed?: (renewed: number) => void;
  readonly signal?: AbortSignal;
}

export interface FleetFigures {
  readonly keys: number;
  readonly ratePerSecond: number;
  readonly renewed: number;
  /** Auth operations that Momento refused. */
  readonly refused: number;
  /** All runs together, from the first call of the function to its last answer. */
  readonly tookSeconds: number;
  /** What the rate dictates for as many. */
  readonly dictatedSeconds: number;
  readonly runs: number;
  /** Of the function's process, in all runs. */
  readonly peakMemoryMb: number | null;
  /** The most operations that began in one sliding second. */
  readonly mostInASecond: number;
}

const TAG = { key: 'momento-auth-fleet', value: 'bench' };
const DAY_MS = 86_400_000;

/** The configuration that finds the fleet, and leaves rotation the whole of the account's rate. */
export const fleetConfig = (ratePerSecond: number) => ({
  tokenEndpoint: false,
  authRatePerSecond: ratePerSecond,
  discoverKeysByTag: TAG,
});

export async function runFleet(options: FleetOptions): Promise<FleetFigures> {
  const { keys, ratePerSecond, signal } = options;
  const operationTimesMs: number[] = [];
  let refused = 0;
  const onNews = (news: LocalNews): void => {
    if (news.kind !== 'momento-call' || !news.call.method.endsWith('RefreshApiToken')) return;
    operationTimesMs.push(Date.now());
    if (news.call.status === 'OK') options.onRenewed?.(operationTimesMs.length - refused);
    else refused += 1;
  };
  // Three weeks ago the keys were made: now they are due.
  let agoMs = 21 * DAY_MS;
  const stack = await startLocalStack({
    assemblyDirectory: options.assemblyDirectory,
    authOperationsPerSecond: ratePerSecond,
    now: () => Date.now() - agoMs,
    onNews,
  });
  try {
    const rotateKey = stack.functions.find(
      ({ definition }) => definition.name === stack.output('RotateKeyFunctionName'),
    );
    if (rotateKey === undefined) throw new Error('The template has no rotate-key function.');
    for (let index = 0; index < keys; index += 1) {
      const { momento, secrets } = stack;
      const key = momento.createKeyInConsole({
        lifetimeSeconds: (30 * DAY_MS) / 1000 + index,
        scope: 'all-data-read-write',
      });
      secrets.createSecret({
        Name: `Fleet${index}`,
        SecretString: JSON.stringify(key),
        Tags: [{ Key: TAG.key, Value: TAG.value }],
      });
    }
    agoMs = 0;

    const memoryMb: Array<number | null> = [];
    const beganMs = Date.now();
    let renewed = 0;
    while (renewed < keys && !signal?.aborted) {
      const { payload, functionError, maxMemoryMb } = await rotateKey.invoke({
        source: 'aws.events',
        'detail-type': 'Scheduled Event',
      });
      memoryMb.push(maxMemoryMb);
      if (functionError !== undefined) throw new Error(JSON.stringify(payload).slice(0, 2_000));
      const before = renewed;
      renewed = operationTimesMs.length - refused;
      if (renewed === before) throw new Error(`A run renewed none of the ${keys - renewed} left.`);
    }
    return {
      keys,
      ratePerSecond,
      renewed,
      refused,
      tookSeconds: (Date.now() - beganMs) / 1000,
      dictatedSeconds: keys / ratePerSecond,
      runs: memoryMb.length,
      peakMemoryMb: memoryMb.includes(null) ? null : Math.max(...memoryMb.map(Number)),
      mostInASecond: mostInASecond(operationTimesMs),
    };
  } finally {
    await stack.close();
  }
}

const mostInASecond = (timesMs: readonly number[]): number =>
  Math.max(
    ...timesMs.map((from) => timesMs.filter((time) => time >= from && time < from + 1_000).length),
  );
