// `doctor`: everything a rotation and a token need, looked at in the order in which it must be right.

import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import * as v from 'valibot';
import { AwsTime } from '../lambda/shared/aws-time.ts';
import { systemClock } from '../lambda/shared/clock.ts';
import type { Config } from '../lib/config.ts';
import { configuredContext } from './configured.ts';
import { findStack } from './deployment.ts';
import { EXAMINATIONS } from './examinations.ts';
import { type ExitCode, WRONG_USAGE } from './exit-code.ts';
import { explain, named } from './explain.ts';
import { type Finding, findingLines, note, verdict, well, wrong } from './finding.ts';
import type { Patient } from './patient.ts';
import { findPlace, type Place, type PlaceOptions } from './place.ts';
import { Problem } from './problem.ts';
import type { Terminal } from './terminal.ts';

export async function doctor(
  options: PlaceOptions,
  terminal: Terminal,
  projectDirectory: string,
): Promise<ExitCode> {
  const all: Finding[] = [];
  const show = (title: string, findings: readonly Finding[]) => {
    all.push(...findings);
    terminal.print(terminal.colours.bold(title));
    for (const { text, hang } of findings.flatMap((each) => findingLines(each, terminal.colours))) {
      terminal.print(text, hang);
    }
  };

  const { config, findings } = await terminal.progress('Reading the configuration', () =>
    readConfiguration(projectDirectory),
  );
  show('This checkout', [
    nodeFinding(process.versions.node, wantedNode(projectDirectory)),
    ...findings,
  ]);

  try {
    const place = await findPlace(options, projectDirectory);
    const { findings: credentials, identified } = await terminal.progress(
      'Asking AWS who you are',
      () => whoAmI(place),
    );
    show(place.isLocal ? 'Local AWS' : 'AWS', credentials);
    if (identified) await examine(place, config, terminal, projectDirectory, show);
  } catch (error) {
    if (error instanceof Problem && error.exitCode === WRONG_USAGE) throw error;
    const { message, next } = explain(error, { options: '', isLocal: options.local !== undefined });
    show('The stack', [wrong(message, next ?? 'docs/operator.md')]);
  }

  const { sentence, code } = verdict(all);
  const { green, red, bold } = terminal.colours;
  terminal.print(`\n${code === 0 ? green('✓') : red('✗')} ${bold(sentence)}`);
  return code;
}

async function examine(
  place: Place,
  config: Config | undefined,
  terminal: Terminal,
  projectDirectory: string,
  show: (title: string, findings: readonly Finding[]) => void,
): Promise<void> {
  const stack = await terminal
    .progress('Looking for the stack', () => findStack(place, projectDirectory))
    .catch((error: unknown) => {
      throw explain(error, place);
    });
  const awsTime = new AwsTime(systemClock);
  awsTime.listenTo(stack.secretsManager);
  const patient: Patient = { ...stack, config, terminal, now: () => awsTime.now() };
  // The slow ones need not wait for one another; what they found is shown in order.
  const underWay = EXAMINATIONS.map((examination) => ({
    ...examination,
    found: examination.examine(patient).catch((error: unknown): readonly Finding[] => {
      const { message, next } = explain(error, place);
      return [wrong(`This could not be looked at: ${message}`, next ?? 'docs/operator.md')];
    }),
  }));
  for (const { title, doing, found } of underWay) {
    show(title, await terminal.progress(doing, () => found));
  }
}

async function whoAmI(
  place: Place,
): Promise<{ readonly findings: readonly Finding[]; readonly identified: boolean }> {
  try {
    const { GetCallerIdentityCommand, STSClient } = await import('@aws-sdk/client-sts');
    const client = new STSClient(place.client);
    const [{ Arn, Account }, region] = [
      await client.send(new GetCallerIdentityCommand({})),
      await client.config.region(),
    ];
    return {
      findings: [well(`You are ${Arn}, in the account ${Account}, Region ${region}.`)],
      identified: true,
    };
  } catch (error) {
    const { message, next } = explain(error, place);
    return { findings: [wrong(message, next ?? 'aws configure')], identified: false };
  }
}

async function readConfiguration(
  projectDirectory: string,
): Promise<{ readonly config: Config | undefined; readonly findings: readonly Finding[] }> {
  try {
    const context = configuredContext(projectDirectory);
    const { parseConfig } = await import('../lib/config.ts');
    const config = parseConfig(context, projectDirectory);
    const endpoint = config.tokenEndpoint;
    return {
      config,
      findings: [
        well(`cdk.json is right: ${plural(config.keys.length, 'key')}, ${config.schedule}.`),
        endpoint === false
          ? well('No token endpoint.')
          : well(
              `The policies are right: the roles ${Object.keys(endpoint.policies.content.roles).join(', ')}.`,
            ),
        ...(endpoint !== false && endpoint.allowedOrigins.length === 0
          ? [
              note(
                'No browser may use the token endpoint.',
                'Write "allowedOrigins" into cdk.json, under tokenEndpoint',
              ),
            ]
          : []),
      ],
    };
  } catch (error) {
    const { message } = named(error);
    return {
      config: undefined,
      findings: [wrong(message.trim(), 'Mend it; npx cdk synth says the same.')],
    };
  }
}

const plural = (count: number, what: string): string => `${count} ${what}${count === 1 ? '' : 's'}`;

const Engines = v.looseObject({ engines: v.looseObject({ node: v.string() }) });

function wantedNode(projectDirectory: string): string {
  const text = readFileSync(join(projectDirectory, 'package.json'), 'utf8');
  return /\d+\.\d+/.exec(v.parse(Engines, JSON.parse(text)).engines.node)?.[0] ?? '0.0';
}

/** Pure. */
export function nodeFinding(version: string, wanted: string): Finding {
  const [major = 0, minor = 0] = version.split('.').map(Number);
  const [leastMajor = 0, leastMinor = 0] = wanted.split('.').map(Number);
  const isEnough = major > leastMajor || (major === leastMajor && minor >= leastMinor);
  return isEnough
    ? well(`Node.js ${version}.`)
    : wrong(`Node.js ${version} is too old: ${wanted} is the least.`, 'https://nodejs.org');
}
