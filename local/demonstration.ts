// The running stack that `npm start` shows: caches, keys, schedules, the page, and what happens line by line.

import type { Colors } from 'picocolors/types.js';
import { Faults } from './console/faults.ts';
import type { PageFiles } from './console/page-files.ts';
import { startConsole } from './console/server.ts';
import { readDemonstrationPolicies } from './demonstration-policies.ts';
import type { Options } from './options.ts';
import { CALENDAR, COLLABORATION } from './scenario/tenants.ts';
import { type LocalNews, type LocalStack, startLocalStack } from './stack.ts';
import { banner } from './terminal/banner.ts';
import { keyNamesOf, line, type TimelineOptions, timelineOf } from './terminal/timeline.ts';

const DAY_MS = 86_400_000;

export interface DemonstrateOptions {
  readonly assemblyDirectory: string;
  readonly projectDirectory: string;
  readonly options: Options;
  /** Of the page, as soon as they are built. */
  readonly files: Promise<PageFiles>;
  readonly colours: Colors;
  readonly write: (text: string) => void;
  readonly signal: AbortSignal;
}

/** Until it is interrupted. Resolves with the exit code. */
export async function demonstrate({
  assemblyDirectory,
  projectDirectory,
  options: { timeScale, keyLifeSeconds, consolePort, ...options },
  files,
  colours,
  write,
  signal,
}: DemonstrateOptions): Promise<number> {
  let show: (news: LocalNews) => void = () => {};
  const faults = new Faults();
  const policies = readDemonstrationPolicies(projectDirectory);
  const stack = await startLocalStack({
    ...options,
    policies,
    assemblyDirectory,
    timeScale,
    onNews: (news) => show(news),
    intercept: faults.intercept,
    interceptMomento: faults.interceptMomento,
  });
  const closing = [() => stack.close()];
  try {
    const timeline = timelineOptions(stack, colours);
    const importKey = keyImporter(stack, keyLifeSeconds, timeline, write);
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
  write: (text: string) => void,
): (secretArn: string) => void {
  return (secretArn) => {
    const key = momento.createKeyInConsole({ lifetimeSeconds, scope: 'super-user' });
    secrets.putSecretValue({ SecretId: secretArn, SecretString: JSON.stringify(key) });
    const name = (timeline.keyNames.get(secretArn) ?? secretArn).padEnd(8);
    write(`${line('imported', `${name} a key that lives ${lifetimeSeconds} s`, timeline)}\n`);
  };
}

function timelineOptions(stack: LocalStack, colours: Colors): TimelineOptions {
  return {
    colours,
    now: Date.now,
    keyNames: keyNamesOf(stack),
    bornAtMs: (secretArn) =>
      stack.secrets.inspect(secretArn).find(({ stages }) => stages.includes('AWSCURRENT'))
        ?.createdAtMs,
  };
}

function aborted(signal: AbortSignal): Promise<void> {
  return new Promise((resolve) => {
    if (signal.aborted) resolve();
    else signal.addEventListener('abort', () => resolve(), { once: true });
  });
}
