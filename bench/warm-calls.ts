// Warm calls: in a process that stays, one call at a time, as Lambda's runtime makes them.

import type { Contender, ContenderName, Contenders } from './contenders.ts';
import type { ServerEvent } from './servers.ts';
import { type Figure, medianOf, quantile, ratioOf } from './statistics.ts';
import { turns } from './turns.ts';
import { type Outcome, startWarmProcess, type Task, type WarmProcess } from './warm-process.ts';

export interface WarmCalls {
  /** A shared token from memory, at 500 logins per second: from when a login is due to its answer. */
  readonly paced: readonly PacedCalls[];
  /** The same, each as soon as the one before it has its answer. */
  readonly saturated: readonly SaturatedCalls[];
  /** A new token for each. */
  readonly minted: readonly MintedCalls[];
  /** What Momento and the table were asked while all should have come from memory: with any, those figures say nothing. */
  readonly askedForShared: number;
}

export interface PacedCalls {
  readonly contender: ContenderName;
  /** Of each round, the least time that so many of its calls did not exceed. */
  readonly p50Ms: Figure;
  readonly p99Ms: Figure;
  /** Of all rounds together. */
  readonly overallP99Ms: number;
  readonly slowestMs: number;
}

export interface SaturatedCalls {
  readonly contender: ContenderName;
  readonly perSecond: Figure;
}

export interface MintedCalls {
  readonly contender: ContenderName;
  /** The median of each round. */
  readonly tookMs: Figure;
  readonly toBareRpc: Figure;
  readonly toGrpcCall: Figure;
}

export interface WarmCallsOptions {
  readonly contenders: Contenders;
  readonly node: string;
  readonly rounds: number;
  /** How many calls a contender makes in a round. */
  readonly sizes: Readonly<Record<'paced' | 'saturated' | 'minted', number>>;
  readonly takeEvents: () => Promise<ServerEvent[]>;
  /** Told after each round. */
  readonly onRound?: (round: number) => void;
}

const LOGINS_PER_SECOND = 500;
/** Each has one token. No more of them, because they are minted at the pace of Momento's turns. */
const TENANTS = 10;
const FROM_MEMORY: readonly ContenderName[] = ['empty', 'vend-token'];
const MINTING: readonly ContenderName[] = [
  'bare-rpc',
  'grpc-call',
  'baseline',
  'vend-token',
  'vend-token-unshared',
];

export async function measureWarmCalls(options: WarmCallsOptions): Promise<WarmCalls> {
  const { contenders, node } = options;
  const opened: WarmProcess[] = [];
  const open = async (names: readonly ContenderName[]): Promise<WarmContender[]> => {
    const there = names.flatMap((name) => contenders.get(name) ?? []);
    const started: WarmContender[] = [];
    for (const contender of there) {
      const process = await startWarmProcess(contender, node);
      opened.push(process);
      started.push({ contender, process });
    }
    return started;
  };
  try {
    // Of their own: what is minted only once would push what is shared out of the memory.
    return await measure(await open(FROM_MEMORY), await open(MINTING), options);
  } finally {
    for (const one of opened) await one.close();
  }
}

interface WarmContender {
  readonly contender: Contender;
  readonly process: WarmProcess;
}

/** A token that somebody else had made would be a figure of something else. */
function assertAllMinted(calls: number, events: readonly ServerEvent[]): void {
  const minted = events.filter(({ what }) => what === 'Momento answered').length;
  if (minted < calls) throw new Error(`Of ${calls} new tokens Momento made ${minted}.`);
}

async function measure(
  fromMemory: readonly WarmContender[],
  minting: readonly WarmContender[],
  { rounds, sizes, takeEvents, onRound }: WarmCallsOptions,
): Promise<WarmCalls> {
  const series = {
    paced: { of: fromMemory, tenants: TENANTS, perSecond: LOGINS_PER_SECOND },
    saturated: { of: fromMemory, tenants: TENANTS },
    minted: { of: minting, tenants: 'fresh' },
  } as const;
  type Kind = keyof typeof series;
  const outcomes = new Map<string, Outcome[]>();
  let askedForShared = 0;

  // The first round compiles what is hot, connects, and fills the memory.
  for (let round = 0; round <= rounds; round += 1) {
    for (const kind of Object.keys(series) as Kind[]) {
      const { of, ...how } = series[kind];
      let calls = 0;
      await takeEvents();
      for (const { contender, process } of turns(of, rounds + 1)[round] ?? []) {
        const count = Math.max(sizes[kind], round === 0 ? TENANTS : 1);
        const task: Task = { ...how, count, patient: round === 0 };
        const outcome = await process.run(task);
        calls += outcome.tookMs.length;
        if (round === 0) continue;
        const key = `${kind} ${contender.name}`;
        outcomes.set(key, [...(outcomes.get(key) ?? []), outcome]);
      }
      const events = await takeEvents();
      if (kind === 'minted') assertAllMinted(calls, events);
      if (round === 0 || kind === 'minted') continue;
      askedForShared += events.filter(({ what }) => /^(Momento|dynamodb)/.test(what)).length;
    }
    onRound?.(round);
  }

  const of = (kind: Kind, name: ContenderName) => outcomes.get(`${kind} ${name}`) ?? [];
  const part = (kind: Kind, name: ContenderName, p: number) =>
    of(kind, name).map(({ tookMs }) => quantile(tookMs, p));
  return {
    paced: fromMemory.map(({ contender: { name: contender } }) => {
      const all = of('paced', contender).flatMap(({ tookMs }) => tookMs);
      return {
        contender,
        p50Ms: medianOf(part('paced', contender, 0.5)),
        p99Ms: medianOf(part('paced', contender, 0.99)),
        overallP99Ms: quantile(all, 0.99),
        slowestMs: quantile(all, 1),
      };
    }),
    saturated: fromMemory.map(({ contender: { name: contender } }) => ({
      contender,
      perSecond: medianOf(
        of('saturated', contender).map(({ tookMs, totalMs }) => (tookMs.length * 1000) / totalMs),
      ),
    })),
    minted: minting.map(({ contender: { name: contender } }) => ({
      contender,
      tookMs: medianOf(part('minted', contender, 0.5)),
      toBareRpc: ratioOf(part('minted', contender, 0.5), part('minted', 'bare-rpc', 0.5)),
      toGrpcCall: ratioOf(part('minted', contender, 0.5), part('minted', 'grpc-call', 0.5)),
    })),
    askedForShared,
  };
}
