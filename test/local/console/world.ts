// A stack with its page, on ports that the system picks. No schedule runs: a test ticks when it wants to.

import type { Synthesized } from '../../../local/assembly/synthesize.ts';
import { Faults } from '../../../local/console/faults.ts';
import { buildPage } from '../../../local/console/page-files.ts';
import { type Console, startConsole } from '../../../local/console/server.ts';
import { readDemonstrationPolicies } from '../../../local/demonstration-policies.ts';
import { NewsLog } from '../../../local/scenario/news.ts';
import { CALENDAR, COLLABORATION } from '../../../local/scenario/tenants.ts';
import { type LocalStack, startLocalStack } from '../../../local/stack.ts';
import { assemblyForTest } from '../../assemblies/assembly-for-test.ts';

export const OUTAGE_MS = 1_500;

export interface World {
  readonly stack: LocalStack;
  readonly page: Console;
  readonly news: NewsLog;
  readonly secretArn: string;
  /** A key that a person puts in. @default a life of 60 seconds */
  importKey(lifetimeSeconds?: number): void;
  close(): Promise<void>;
}

export async function startWorld(): Promise<World> {
  const files = buildPage();
  const synthesized: Synthesized = await assemblyForTest();
  const faults = new Faults({ outageMs: OUTAGE_MS });
  const news = new NewsLog();
  let hear: Console['hear'] = () => {};
  const policies = readDemonstrationPolicies('.');
  const stack = await startLocalStack({
    assemblyDirectory: synthesized.directory,
    timeScale: 900,
    // Tests ask for tokens faster than people do.
    authOperationsPerSecond: 1_000,
    policies,
    onNews: (item) => {
      news.add(item);
      hear(item);
    },
    intercept: faults.intercept,
    interceptMomento: faults.interceptMomento,
  });
  const secretArn = stack.output('ApiKeySecretArn');
  const put = (lifetimeSeconds: number) => {
    const key = stack.momento.createKeyInConsole({ lifetimeSeconds, scope: 'super-user' });
    stack.secrets.putSecretValue({ SecretId: secretArn, SecretString: JSON.stringify(key) });
  };
  const page = await startConsole({
    stack,
    faults,
    files,
    timeScale: 900,
    importKey: () => put(60),
    groupsClaim: policies.roleClaim,
  });
  hear = page.hear;
  for (const cache of [CALENDAR, COLLABORATION]) {
    stack.momento.createCache(stack.momento.sessionToken, cache);
  }
  return {
    stack,
    page,
    news,
    secretArn,
    importKey: (lifetimeSeconds = 60) => {
      put(lifetimeSeconds);
      page.imported(secretArn);
    },
    close: async () => {
      await page.close();
      await stack.close();
      await synthesized.remove();
    },
  };
}
