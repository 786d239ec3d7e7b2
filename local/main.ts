// `npm start`: synthesizes the app and runs it here. The one place that owns output and exit codes.

import pc from 'picocolors';
import { type Synthesized, synthesize } from './assembly/synthesize.ts';
import { AssemblyError } from './assembly/template.ts';
import { UsageError } from './command-line.ts';
import { Faults } from './console/faults.ts';
import { buildPage, type PageFiles } from './console/page-files.ts';
import { startConsole } from './console/server.ts';
import { readDemonstrationPolicies } from './demonstration-policies.ts';
import { HELP, type Options, readOptions } from './options.ts';
import { runChecklist } from './scenario/checklist.ts';
import { prepareScenario } from './scenario/scenario.ts';
import { CALENDAR, COLLABORATION } from './scenario/tenants.ts';
import { type LocalNews, type LocalStack, startLocalStack } from './stack.ts';
import { banner } from './terminal/banner.ts';
import { keyNamesOf, line, type TimelineOptions, timelineOf } from './terminal/timeline.ts';

// It is about this machine's Node.js; deployed, the functions run on a newer one.
process.env.AWS_SDK_JS_NODE_VERSION_SUPPORT_WARNING_DISABLED ??= 'true';

// A terminal that is closed takes its end of the pipe along; what is being ended must still be ended well.
for (const stream of [process.stdout, process.stderr]) stream.on('error', () => {});

const colours = pc.createColors(pc.isColorSupported && process.stdout.isTTY === true);
const write = (text: string): void => {
  process.stdout.write(text);
};
const DAY_MS = 86_400_000;
const projectDirectory = new URL('..', import.meta.url).pathname;

const interrupted = interruption();
process.exitCode = await main().catch(explain);

async function main(): Promise<number> {
  const options = readOptions(process.argv.slice(2));
  if (options.help) {
    write(HELP);
    return 0;
  }
  const page = options.once ? undefined : buildPage();
  // Said to whoever asks for the page.
  page?.catch(() => {});
  const synthesized = await withProgress('Synthesizing the stack', () =>
    synthesize({ projectDirectory, signal: interrupted.signal }),
  );
  try {
    return page === undefined
      ? await once(synthesized, interrupted.signal)
      : await untilInterrupted(synthesized, options, page, interrupted.signal);
  } finally {
    await synthesized.remove();
  }
}

async function once({ directory }: Synthesized, signal: AbortSignal): Promise<number> {
  const scenario = await prepareScenario(directory, signal);
  try {
    return (await runChecklist(scenario, { colours, write, signal })) ? 0 : 1;
  } finally {
    await scenario.close();
  }
}

async function untilInterrupted(
  { directory }: Synthesized,
  { timeScale, keyLifeSeconds, consolePort, ...options }: Options,
  files: Promise<PageFiles>,
  signal: AbortSignal,
): Promise<number> {
  let show: (news: LocalNews) => void = () => {};
  const faults = new Faults();
  const policies = readDemonstrationPolicies(projectDirectory);
  const stack = await startLocalStack({
    ...options,
    policies,
    assemblyDirectory: directory,
    timeScale,
    onNews: (news) => show(news),
    intercept: faults.intercept,
    interceptMomento: faults.interceptMomento,
  });
  const closing = [() => stack.close()];
  try {
    const timeline = timelineOptions(stack);
    const importKey = keyImporter(stack, keyLifeSeconds, timeline);
    const page = await startConsole({
      stack,
      faults,
      files,
      timeScale,
      importKey,
      groupsClaim: policies.roleClaim,
      port: consolePort,
    });
    // Before the stack: no page is told that things fail while everything is being ended.
    closing.unshift(() => page.close());
    write(banner(stack, { colours, timeScale, page }));
    show = (news) => {
      for (const text of timelineOf(news, timeline)) write(`${text}\n`);
      page.hear(news);
    };
    makeCaches(stack);
    for (const secretArn of timeline.keyNames.keys()) {
      importKey(secretArn);
      page.imported(secretArn);
    }
    stack.startSchedules();
    await aborted(signal);
    write(`\n${line('end', 'Everything is being ended.', timeline)}\n`);
    show = () => {};
    return 0;
  } finally {
    for (const close of closing) await close();
  }
}

/** Those of the policies as they are shipped, so that the demonstration users have something to touch. */
function makeCaches({ momento, tokenEndpoint }: LocalStack): void {
  const { sessionToken } = momento;
  for (const cache of [CALENDAR, COLLABORATION]) momento.createCache(sessionToken, cache);
  const users = tokenEndpoint?.identity?.users ?? [];
  const text = new TextEncoder();
  for (const tenant of new Set(users.flatMap(({ attributes }) => Object.values(attributes)))) {
    const key = text.encode(`${tenant}:monday`);
    const access = { operation: 'write', cacheName: CALENDAR, keys: [key] } as const;
    momento
      .openCache(sessionToken, access)
      .set(key, text.encode(`09:00 what ${tenant} does on Monday`), DAY_MS);
  }
}

/** What a person does after the deployment, and whenever a key has died: with the console's download. */
function keyImporter(
  { momento, secrets }: LocalStack,
  lifetimeSeconds: number,
  timeline: TimelineOptions,
): (secretArn: string) => void {
  return (secretArn) => {
    const key = momento.createKeyInConsole({ lifetimeSeconds, scope: 'super-user' });
    secrets.putSecretValue({ SecretId: secretArn, SecretString: JSON.stringify(key) });
    const name = (timeline.keyNames.get(secretArn) ?? secretArn).padEnd(8);
    write(`${line('imported', `${name} a key that lives ${lifetimeSeconds} s`, timeline)}\n`);
  };
}

function timelineOptions(stack: LocalStack): TimelineOptions {
  return {
    colours,
    now: Date.now,
    keyNames: keyNamesOf(stack),
    bornAtMs: (secretArn) =>
      stack.secrets.inspect(secretArn).find(({ stages }) => stages.includes('AWSCURRENT'))
        ?.createdAtMs,
  };
}

async function withProgress<T>(what: string, work: () => Promise<T>): Promise<T> {
  const startedAtMs = Date.now();
  if (process.stdout.isTTY) write(`${what} …`);
  const done = await work();
  const seconds = ((Date.now() - startedAtMs) / 1000).toFixed(1);
  write(`${process.stdout.isTTY ? '\r' : ''}${what}: ${seconds} s\n`);
  return done;
}

function interruption(): AbortController {
  const controller = new AbortController();
  for (const signal of ['SIGINT', 'SIGTERM', 'SIGHUP'] as const) {
    process.on(signal, () => controller.abort());
  }
  return controller;
}

function aborted(signal: AbortSignal): Promise<void> {
  return new Promise((resolve) => {
    if (signal.aborted) resolve();
    else signal.addEventListener('abort', () => resolve(), { once: true });
  });
}

function explain(error: unknown): number {
  if (interrupted.signal.aborted) {
    process.stderr.write('\nInterrupted.\n');
    return 130;
  }
  if (error instanceof UsageError) {
    process.stderr.write(`${error.message}\n\nnpm start -- --help lists the options.\n`);
    return 2;
  }
  const known = error instanceof AssemblyError;
  const text =
    error instanceof Error ? ((known ? error.message : error.stack) ?? '') : String(error);
  process.stderr.write(`${text}\n`);
  return 1;
}
