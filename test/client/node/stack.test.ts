// The application beside the very function that is deployed: its rotations, its events, its read policy.

import { setTimeout as sleep } from 'node:timers/promises';
import { SecretsManagerClient } from '@aws-sdk/client-secrets-manager';
import { CacheGet } from '@gomomento/sdk';
import { afterAll, afterEach, beforeAll, expect, test } from '@jest/globals';
import { type CredentialsEvent, rotatingCredentials } from '../../../client/node/index.ts';
import type { Synthesized } from '../../../local/assembly/synthesize.ts';
import { assumedRoleArn } from '../../../local/aws/principals.ts';
import { type LocalStack, startLocalStack } from '../../../local/stack.ts';
import { readKeyResults } from '../../../local/terminal/key-results.ts';
import { assemblyForTest } from '../../assemblies/assembly-for-test.ts';
import { CACHE, cacheClient } from './local-rotation.ts';

/** A secret gets two versions in each, and takes 40 in a day; one is the imported key. */
const ROTATIONS = 18;

let synthesized: Synthesized;
let stack: LocalStack;
beforeAll(async () => {
  synthesized = await assemblyForTest({ momentoAuth: { tokenEndpoint: false } });
}, 60_000);
afterEach(() => stack?.close());
afterAll(() => synthesized.remove());

test.each<[string, 'live' | 'die']>([
  ['living on', 'live'],
  ['dying at the refresh', 'die'],
])(
  `${ROTATIONS} rotations by rotate-key itself, old keys %s: not one failure`,
  async (_, oldKeys) => {
    stack = await startLocalStack({ assemblyDirectory: synthesized.directory, oldKeys });
    const secretId = stack.output('ApiKeySecretArn');
    const { momento: account, momentoServer, assembly } = stack;
    account.createCache(account.sessionToken, CACHE);
    const imported = account.createKeyInConsole({ lifetimeSeconds: 86_400, scope: 'super-user' });
    stack.secrets.putSecretValue({ SecretId: secretId, SecretString: JSON.stringify(imported) });
    const readPolicy = assembly.managedPolicies.find(
      ({ arn }) => arn === stack.output('ApiKeyReadPolicyArn'),
    );
    const { accountId, region } = assembly.deployment;
    const secretsManager = new SecretsManagerClient({
      endpoint: stack.aws.url,
      region,
      credentials: stack.principals.issue({
        arn: assumedRoleArn({ accountId, roleName: 'application', sessionName: 'test' }),
        statements: readPolicy?.statements ?? [],
      }),
    });
    const events: CredentialsEvent[] = [];
    const momento = rotatingCredentials({
      secretId,
      secretsManager,
      onEvent: (event) => events.push(event),
      makeClient: (key) => cacheClient(key, momentoServer.endpoint),
    });
    stack.bus.subscribe(({ event }) => momento.noticeRotation(event));

    let isOver = false;
    const failed: unknown[] = [];
    let calls = 0;
    const callers = Array.from({ length: 4 }, async () => {
      while (!isOver) {
        const answer = await momento.use((cache) => cache.get(CACHE, 'acme:next')).catch(String);
        if (!(answer instanceof CacheGet.Miss)) failed.push(String(answer));
        calls += 1;
        await sleep(5);
      }
    });
    try {
      await momento.current();
      const outcomes: unknown[] = [];
      for (let turn = 0; turn < ROTATIONS; turn += 1) {
        const result = await stack.functions[0]?.invoke({ secretId, force: true });
        outcomes.push(...readKeyResults(result?.payload).map(({ outcome }) => outcome));
        const wanted = calls + 8;
        while (calls < wanted) await sleep(5);
      }
      expect(outcomes).toEqual(Array(ROTATIONS).fill('rotated'));
    } finally {
      isOver = true;
      await Promise.all(callers);
      await momento.close();
      secretsManager.destroy();
    }
    expect(failed).toEqual([]);
    const count = (type: CredentialsEvent['type']) =>
      events.filter((event) => event.type === type).length;
    expect([count('rotated'), count('check-failed')]).toEqual([ROTATIONS, 0]);
    if (oldKeys === 'live') expect(count('refused')).toBe(0);
    else expect(count('refused')).toBeGreaterThan(0);
  },
  60_000,
);
