// What Momento's SDK and gRPC would say past the redaction, on the console: nothing, however loud they are asked to be.

import { expect, test } from '@jest/globals';
import { systemClock } from '../../../lambda/shared/clock.ts';
import { Redactor } from '../../../lambda/shared/redaction.ts';
import { parseSecretValue } from '../../../lambda/shared/secret-value.ts';
import type { Fault } from '../../../local/momento/calls.ts';
import { printedBy } from './printed.ts';

test('neither the SDK nor gRPC prints a word', async () => {
  // Read when grpc-js is loaded: so everything that loads it comes later than this.
  process.env.GRPC_TRACE = 'all';
  process.env.GRPC_VERBOSITY = 'DEBUG';
  const { MomentoGrpcAuth } = await import('../../../lambda/shared/momento-auth.ts');
  const { MomentoAccount } = await import('../../../local/momento/account.ts');
  const { startMomentoServer } = await import('../../../local/momento/server.ts');

  let ids = 0;
  let fault: Fault | undefined;
  const account = new MomentoAccount({
    now: Date.now,
    newId: () => `id-${++ids}`,
    signingKey: 'test',
    authOperationsPerSecond: 1_000,
  });
  const printed = await printedBy(async () => {
    const server = await startMomentoServer({ account, intercept: () => fault });
    const momento = new MomentoGrpcAuth({
      redactor: new Redactor(),
      clock: systemClock,
      localEndpoint: server.endpoint,
    });
    const key = account.createKeyInConsole({ lifetimeSeconds: 86_400, scope: 'super-user' });
    const content = parseSecretValue(JSON.stringify(key));
    if (content.kind !== 'pair') throw new Error('The console downloads pairs.');
    const { pair } = content;
    await momento.refresh(pair);
    await momento.authenticates(pair, 3_000);
    for (const refuse of ['UNAUTHENTICATED', 'UNAVAILABLE', 'RESOURCE_EXHAUSTED'] as const) {
      fault = { refuse };
      await momento.refresh(pair).catch(() => {});
      await momento.authenticates(pair, 3_000).catch(() => {});
    }
    await server.close();
    await momento.refresh(pair).catch(() => {});
    await momento.authenticates(pair, 3_000).catch(() => {});
  });
  expect(printed).toEqual([]);
});
