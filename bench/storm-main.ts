// `npm run bench:storm -- SCENARIO`: one of the storms of `storm.ts`, in full.

import { writeFile } from 'node:fs/promises';
import { setTimeout as sleep } from 'node:timers/promises';
import { synthesize } from '../local/assembly/synthesize.ts';
import { number, readArguments, UsageError, wholeFrom } from '../local/command-line.ts';
import {
  overloadStorm,
  ownStorm,
  type Report,
  type Storm,
  sharedStorm,
  shortLivesStorm,
  stormConfig,
  WRONG_CLOCKS_MS,
} from './storm.ts';
import { atMost, isKept } from './storm-figures.ts';
import { startStandIns } from './storm-stand-ins.ts';
import { reportTable } from './storm-table.ts';

const HELP = `Lets a storm of logins loose on eight processes of vend-token, each serving one request at a time, and a Momento that
refuses whatever comes above vending's part of the account's rate in any sliding second.

  npm run bench:storm -- SCENARIO [--logins N] [--rate N] [--json FILE]

  shared     logins as fast as they come, over 100 tenants with shared scopes, from cold (N: 50000)
  own        users at once, each with a token id of his own                              (N: 500)
  overload   100 such logins per second, and nobody comes back                           (N: 6000)
  clocks     the processes' clocks up to a minute off: own, shared tokens that live 10 to 20 s, and overload for
             15 s                                                                        (N: 100, of the first)
  aftermath  overload for 15 s, and 8 s later logins with shared scopes: what was promised to those who never came
             back must not be in anybody's way                                           (N: 1000, of the second)

  --logins N   how many
  --rate N     vending's part of the account's auth operations per second  (default 4)
  --json FILE  every request and every call to Momento, to look into

Exit codes: 0 every target is kept, 1 not so, 2 the command line is wrong.
`;

const SCENARIOS: Readonly<
  Record<string, (storm: Storm, logins: number | undefined) => AsyncGenerator<Report>>
> = {
  shared: async function* (storm, logins = 50_000) {
    yield await sharedStorm(storm, { logins, tenants: 100 });
  },
  own: async function* (storm, logins = 500) {
    yield await ownStorm(storm, { logins });
  },
  overload: async function* (storm, logins = 6_000) {
    yield await overloadStorm(storm, { perSecond: 100, seconds: logins / 100 });
  },
  clocks: async function* (rightStorm, logins = 100) {
    const storm = { ...rightStorm, clockOffsetsMs: WRONG_CLOCKS_MS };
    yield await ownStorm(storm, { logins });
    yield await shortLivesStorm(storm, { perSecond: 40, seconds: 45, tenants: 8 });
    yield await overloadStorm(storm, { perSecond: 100, seconds: 15 });
  },
  aftermath: async function* (storm, logins = 1_000) {
    yield await overloadStorm(storm, { perSecond: 100, seconds: 15 });
    // Until then nobody can know that they stay away.
    await sleep(8_000);
    const after = await sharedStorm(storm, { logins, tenants: 10 });
    const soon = atMost('ms until the last one was logged in', after.figures.loggedIn.max, 15_000);
    yield { ...after, targets: [...after.targets, soon] };
  },
};

process.exitCode = await main().catch((error: unknown) => {
  const isUsage = error instanceof UsageError;
  const said = error instanceof Error ? (isUsage ? error.message : error.stack) : String(error);
  process.stderr.write(`${said}\n`);
  return isUsage ? 2 : 1;
});

async function main(): Promise<number> {
  const { values, positionals } = commandLine();
  if (values.help) {
    process.stdout.write(HELP);
    return 0;
  }
  const [name = '', ...more] = positionals;
  const scenario = Object.hasOwn(SCENARIOS, name) ? SCENARIOS[name] : undefined;
  if (scenario === undefined || more.length > 0) throw new UsageError(HELP);
  const ratePerSecond = number('rate', values.rate, 4, (value) => wholeFrom(value, 1));
  const logins =
    values.logins === undefined
      ? undefined
      : number('logins', values.logins, 1, (value) => wholeFrom(value, 1));
  const synthesized = await synthesize({
    projectDirectory: new URL('..', import.meta.url).pathname,
    context: { momentoAuth: stormConfig(ratePerSecond) },
  });
  const reports: Report[] = [];
  try {
    const standIns = await startStandIns(synthesized.directory, ratePerSecond);
    try {
      for await (const report of scenario({ standIns, onServed: progress }, logins)) {
        process.stdout.write(`${reportTable(report)}\n`);
        reports.push(report);
      }
    } finally {
      await standIns.close();
    }
  } finally {
    await synthesized.remove();
  }
  if (values.json !== undefined) await writeFile(values.json, JSON.stringify(reports));
  return reports.flatMap(({ targets }) => targets).every(isKept) ? 0 : 1;
}

function commandLine() {
  const text = { type: 'string' } as const;
  return readArguments({
    options: { logins: text, rate: text, json: text, help: { type: 'boolean' } },
    allowPositionals: true,
  });
}

function progress(served: number): void {
  if (process.stderr.isTTY) process.stderr.write(`\r${served} served `);
}
