// `npm run bench:fleet`: the fleet of `fleet.ts`, by default 1,000 keys at Momento's 5 per second.

import { synthesize } from '../local/assembly/synthesize.ts';
import { number, readArguments, UsageError, wholeFrom } from '../local/command-line.ts';
import { type FleetFigures, fleetConfig, runFleet } from './fleet.ts';

const HELP = `Rotates a fleet of keys that are all due, against local AWS and local Momento, and reports how close it
comes to what the account's rate dictates.

  npm run bench:fleet -- [--keys N] [--rate N]

  --keys N   how many keys                                 (default 1000)
  --rate N   auth operations per second that Momento takes (default 5)

Exit codes: 0 all renewed, none refused, within 1.1 times what the rate dictates; 1 not so; 2 the command line is wrong.
`;
const LONGEST_RATIO = 1.1;

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
  const keys = number('keys', values.keys, 1_000, (value) => wholeFrom(value, 1));
  const ratePerSecond = number('rate', values.rate, 5, (value) => wholeFrom(value, 1));
  const synthesized = await synthesize({
    projectDirectory: new URL('..', import.meta.url).pathname,
    context: { momentoAuth: fleetConfig(ratePerSecond) },
  });
  try {
    const assemblyDirectory = synthesized.directory;
    const figures = await runFleet({
      assemblyDirectory,
      keys,
      ratePerSecond,
      onRenewed: progress(keys),
    });
    process.stdout.write(table(figures));
    const { renewed, refused, tookSeconds, dictatedSeconds } = figures;
    const isGood = renewed === keys && refused === 0;
    return isGood && tookSeconds <= LONGEST_RATIO * dictatedSeconds ? 0 : 1;
  } finally {
    await synthesized.remove();
  }
}

function options() {
  const text = { type: 'string' } as const;
  return readArguments({ options: { keys: text, rate: text, help: { type: 'boolean' } } }).values;
}

function progress(keys: number): (renewed: number) => void {
  if (!process.stdout.isTTY) return () => {};
  return (renewed) => {
    process.stdout.write(`\r${renewed} of ${keys} renewed${renewed === keys ? '\n' : ''}`);
  };
}

function table(figures: FleetFigures): string {
  const { tookSeconds, dictatedSeconds, peakMemoryMb } = figures;
  const rows: Array<[string, string]> = [
    ['keys renewed', `${figures.renewed} of ${figures.keys}`],
    ['calls that Momento refused', `${figures.refused}`],
    [
      'most calls in a sliding second',
      `${figures.mostInASecond} (allowed: ${figures.ratePerSecond})`,
    ],
    ['time of all runs', `${tookSeconds.toFixed(1)} s`],
    ['what the rate dictates', `${dictatedSeconds.toFixed(1)} s`],
    ['ratio', (tookSeconds / dictatedSeconds).toFixed(3)],
    ['runs of the function', `${figures.runs}`],
    ['its peak memory', peakMemoryMb === null ? 'not known' : `${peakMemoryMb} MB`],
  ];
  return rows.map(([what, figure]) => `${what.padEnd(38)}${figure}\n`).join('');
}
