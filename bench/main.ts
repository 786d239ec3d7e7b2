// `npm run bench`: cold starts and warm calls, against the baseline and the floor.

import { synthesize } from '../local/assembly/synthesize.ts';
import { number, oneOf, readArguments, UsageError, wholeFrom } from '../local/command-line.ts';
import { benchConfig, runBench } from './bench.ts';
import { keep } from './keep.ts';
import { MAJORS, NodeUnavailable, type NodeVersion, nodeVersion } from './node-versions.ts';
import { verdicts } from './results.ts';
import { tables } from './table.ts';

const KEPT_FROM_ROUNDS = 15;
const HELP = `Measures cold starts and warm calls of the functions, as they are synthesized, against local AWS and local
Momento by TLS; compares them with a plain use of both SDKs and with the floor. docs/performance.md says how.

  npm run bench -- [--rounds N] [--node 20|24] [--aws tls|plaintext]

  --rounds N            how often each contender comes             (default ${KEPT_FROM_ROUNDS})
  --node 20|24          this version alone                         (default both; npm brings the one that is not here)
  --aws tls|plaintext   how AWS is spoken to                       (default tls)

A whole run of at least ${KEPT_FROM_ROUNDS} rounds, by TLS, is kept: bench/results.json and the tables of docs/performance.md.
Exit codes: 0 every promise kept; 1 not so; 2 the command line is wrong.
`;

process.env.AWS_SDK_JS_NODE_VERSION_SUPPORT_WARNING_DISABLED ??= 'true';
process.exitCode = await main().catch((error: unknown) => {
  process.stderr.write(`${error instanceof Error ? error.message : String(error)}\n`);
  return error instanceof UsageError ? 2 : 1;
});

async function main(): Promise<number> {
  const { help, ...values } = options();
  if (help) {
    process.stdout.write(HELP);
    return 0;
  }
  const rounds = number('rounds', values.rounds, KEPT_FROM_ROUNDS, (value) => wholeFrom(value, 1));
  const aws = oneOf('aws', values.aws, ['tls', 'plaintext']);
  const only = values.node === undefined ? undefined : oneOf('node', values.node, ['20', '24']);
  const { nodes, missing } = await nodeVersions(
    MAJORS.filter((major) => only === undefined || `${major}` === only),
  );
  const synthesized = await synthesize({
    projectDirectory: new URL('..', import.meta.url).pathname,
    context: { momentoAuth: benchConfig },
  });
  try {
    const results = await runBench({
      assemblyDirectory: synthesized.directory,
      nodes,
      missing,
      rounds,
      aws,
      onProgress: progress(rounds),
    });
    process.stdout.write(tables(results));
    // What was not measured is not kept.
    const isComplete = missing.length === 0;
    const isWhole = rounds >= KEPT_FROM_ROUNDS && aws === 'tls' && only === undefined;
    if (isWhole && isComplete) await keep(results);
    return isComplete && verdicts(results).every(({ isKept }) => isKept) ? 0 : 1;
  } finally {
    await synthesized.remove();
  }
}

function options() {
  const text = { type: 'string' } as const;
  return readArguments({
    options: { rounds: text, node: text, aws: text, help: { type: 'boolean' } },
  }).values;
}

/** Goes on without a version that cannot be had. */
async function nodeVersions(majors: readonly (typeof MAJORS)[number][]) {
  const nodes: NodeVersion[] = [];
  const missing: string[] = [];
  for (const major of majors) {
    try {
      nodes.push(await nodeVersion(major));
    } catch (error) {
      if (!(error instanceof NodeUnavailable)) throw error;
      missing.push(`Node ${major}: ${error.message}.`);
    }
  }
  return { nodes, missing };
}

function progress(rounds: number): (what: string, round: number) => void {
  if (!process.stderr.isTTY) return () => {};
  return (what, round) => {
    process.stderr.write(`\r${what}: ${round} of ${rounds}${round === rounds ? '\n' : ''}`);
  };
}
