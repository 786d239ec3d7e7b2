// The whole bench: the servers, every contender on every Node.js version, and what came of it.

import { mkdtemp, rm, stat, writeFile } from 'node:fs/promises';
import { arch, cpus, loadavg, platform, tmpdir, totalmem } from 'node:os';
import { join } from 'node:path';
import { bundleBaseline } from './baseline/bundle.ts';
import { measureColdStarts, observeSteps } from './cold-starts.ts';
import { type ContenderName, type Contenders, contenders } from './contenders.ts';
import type { NodeVersion } from './node-versions.ts';
import type { Machine, NodeResults, Results } from './results.ts';
import type { Servers } from './servers.ts';
import { type ServersProcess, startServersProcess } from './servers-process.ts';
import { measureWarmCalls, type WarmCallsOptions } from './warm-calls.ts';

export interface BenchOptions {
  /** Synthesized with `benchConfig`. */
  readonly assemblyDirectory: string;
  readonly nodes: readonly NodeVersion[];
  /** Why others are not among them. */
  readonly missing: readonly string[];
  readonly rounds: number;
  /** How many calls a warm contender makes in a round. @default 500 paced, 1000 saturated, 300 minted */
  readonly sizes?: WarmCallsOptions['sizes'];
  /** @default 'tls' */
  readonly aws?: keyof Servers['awsUrl'];
  /** Told what is under way. */
  readonly onProgress?: (what: string, round: number) => void;
}

/** A rate that no contender reaches: waiting for one's turn is no part of any figure. */
export const benchConfig = { authRatePerSecond: 100_000 };

const SIZES = { paced: 500, saturated: 1_000, minted: 300 } as const;
/** Whose steps are observed. */
const OBSERVED: readonly ContenderName[] = [
  'secret-and-rpc',
  'baseline',
  'vend-token',
  'vend-token-found',
  'rotate-key',
];

export async function runBench(options: BenchOptions): Promise<Results> {
  const { assemblyDirectory, nodes, missing, rounds, aws = 'tls' } = options;
  const machine = machineNow();
  const directory = await mkdtemp(join(tmpdir(), 'momento-auth-bench-'));
  let running: ServersProcess | undefined;
  try {
    const baselineFile = await bundleBaseline(directory);
    running = await startServersProcess(assemblyDirectory);
    const { servers } = running;
    const certificateFile = join(directory, 'authority.pem');
    await writeFile(certificateFile, servers.certPem);
    const all = contenders({ servers, baselineFile, certificateFile, aws });
    const measured: NodeResults[] = [];
    for (const node of nodes) measured.push(await measure(node, all, running, options));
    const bytes = async (name: ContenderName) => (await stat(all.get(name)?.file ?? '')).size;
    return {
      madeAt: new Date().toISOString(),
      machine,
      rounds,
      aws,
      bundles: {
        vendToken: await bytes('vend-token'),
        rotateKey: await bytes('rotate-key'),
        baseline: await bytes('baseline'),
      },
      nodes: measured,
      missing,
    };
  } finally {
    await running?.close();
    await rm(directory, { recursive: true, force: true });
  }
}

async function measure(
  { path: node, version }: NodeVersion,
  all: Contenders,
  { takeEvents }: ServersProcess,
  { rounds, sizes = SIZES, onProgress = () => {} }: BenchOptions,
): Promise<NodeResults> {
  const onRound = (what: string) => (round: number) => onProgress(`${version}, ${what}`, round);
  const coldStarts = await measureColdStarts({
    contenders: all,
    node,
    rounds,
    onRound: onRound('cold starts'),
  });
  const steps = [];
  for (const name of OBSERVED) {
    const contender = all.get(name);
    if (contender === undefined) continue;
    // A median of less than fifteen does: nothing is compared with it.
    steps.push(await observeSteps(contender, node, Math.ceil(rounds / 2), takeEvents));
  }
  const warmCalls = await measureWarmCalls({
    contenders: all,
    node,
    rounds,
    sizes,
    takeEvents,
    onRound: onRound('warm calls'),
  });
  return { version, coldStarts, steps, warmCalls };
}

const machineNow = (): Machine => ({
  processor: cpus()[0]?.model.trim() ?? arch(),
  cores: cpus().length,
  memoryGb: Math.round(totalmem() / 2 ** 30),
  system: `${platform()} ${arch()}`,
  loadBefore: loadavg()[0] ?? Number.NaN,
});
