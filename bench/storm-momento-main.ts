// The Momento of a storm, in a process of its own: nothing else may make a call seem later than it came.
//   parent ─► rate ─► told: where it is ─► «calls» ─► told: those since the last time ─► parent leaves, it ends

import { randomBytes, randomUUID } from 'node:crypto';
import { MomentoAccount } from '../local/momento/account.ts';
import { startMomentoServer } from '../local/momento/server.ts';
import type { MomentoCall, MomentoDescribed } from './storm-stand-ins.ts';

const KEY_LIFE_SECONDS = 86_400;

process.once('message', async (ratePerSecond: number) => {
  const account = new MomentoAccount({
    now: Date.now,
    newId: randomUUID,
    signingKey: randomBytes(32),
    authOperationsPerSecond: ratePerSecond,
  });
  let calls = new Map<number, MomentoCall>();
  const server = await startMomentoServer({
    account,
    // Before anything is done with it: the time of its arrival.
    intercept: ({ sequence }) => {
      calls.set(sequence, { atMs: Date.now(), status: 'unanswered' });
      return undefined;
    },
    onCall: ({ sequence, status }) => {
      const call = calls.get(sequence);
      if (call !== undefined) calls.set(sequence, { ...call, status });
    },
  });
  const { apiKey, refreshToken, validUntil } = account.createKeyInConsole({
    lifetimeSeconds: KEY_LIFE_SECONDS,
    scope: 'super-user',
  });
  process.on('message', () => {
    process.send?.([...calls.values()]);
    calls = new Map();
  });
  process.once('disconnect', () => void server.close());
  const key = JSON.stringify({ apiKey, refreshToken, validUntil });
  process.send?.({ endpoint: server.endpoint, key } satisfies MomentoDescribed);
});
