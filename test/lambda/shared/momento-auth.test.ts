// The SDK against Momento on loopback: every answer that Momento can give, and none at all.

import { promises as dns } from 'node:dns';
import { once } from 'node:events';
import { type AddressInfo, createServer, type Socket } from 'node:net';
import { afterEach, beforeEach, describe, expect, jest, test } from '@jest/globals';
import { systemClock } from '../../../lambda/shared/clock.ts';
import { describeError } from '../../../lambda/shared/log.ts';
import { MomentoGrpcAuth } from '../../../lambda/shared/momento-auth.ts';
import { Redactor } from '../../../lambda/shared/redaction.ts';
import { type KeyPair, parseSecretValue } from '../../../lambda/shared/secret-value.ts';
import { type IssuedKey, MomentoAccount } from '../../../local/momento/account.ts';
import type { Fault } from '../../../local/momento/calls.ts';
import { MomentoRefusal, type RefusalStatus } from '../../../local/momento/refusal.ts';
import { type MomentoServer, startMomentoServer } from '../../../local/momento/server.ts';
import { v1Key } from '../momento-key.ts';
import { capturedLogger } from './captured-logger.ts';

const DAY_SECONDS = 86_400;
const TIMEOUT_MS = 3_000;

const pairOf = (fields: Record<string, unknown>): KeyPair => {
  const content = parseSecretValue(JSON.stringify(fields));
  if (content.kind !== 'pair') throw new Error(`This is no pair: ${content.kind}`);
  return content.pair;
};

/** An account that a test makes say anything. */
class ScriptedAccount extends MomentoAccount {
  answer: ((request: { apiKey: string; refreshToken: string }) => IssuedKey) | undefined;

  override refreshApiToken(request: { apiKey: string; refreshToken: string }): IssuedKey {
    return this.answer === undefined ? super.refreshApiToken(request) : this.answer(request);
  }
}

let account: ScriptedAccount;
let server: MomentoServer;
let fault: Fault | undefined;
let methods: string[];
let redactor: Redactor;
let momento: MomentoGrpcAuth;

beforeEach(async () => {
  let ids = 0;
  account = new ScriptedAccount({
    now: Date.now,
    newId: () => `id-${++ids}`,
    signingKey: 'test',
    authOperationsPerSecond: 1_000,
  });
  fault = undefined;
  methods = [];
  server = await startMomentoServer({
    account,
    intercept: ({ method }) => {
      methods.push(method);
      return fault;
    },
  });
  redactor = new Redactor();
  momento = new MomentoGrpcAuth({ redactor, clock: systemClock, localEndpoint: server.endpoint });
});
afterEach(() => server.close());

const imported = (scope: 'super-user' | 'all-data-read-write' = 'super-user'): KeyPair =>
  pairOf({ ...account.createKeyInConsole({ lifetimeSeconds: DAY_SECONDS, scope }) });

describe('renewing', () => {
  test('brings the new pair, in the form that the console downloads', async () => {
    const pair = imported();
    const refreshed = await momento.refresh(pair);
    expect(refreshed.endpoint).toBe(server.endpoint);
    expect(refreshed.validUntil).toBeGreaterThanOrEqual(pair.validUntil ?? 0);
    expect(refreshed.refreshToken).not.toBe(pair.refreshToken);
    const next = pairOf({ ...refreshed });
    expect(next.key.form).toBe('v1');
    expect(() => account.authenticate(next.key.wireKey)).not.toThrow();
    expect(methods).toEqual(['auth.Auth/RefreshApiToken']);
  });

  test('on this machine goes past every proxy, which would get the key in plain text', async () => {
    // Nobody listens there.
    process.env.grpc_proxy = 'http://127.0.0.1:9';
    try {
      const pair = imported();
      expect(await momento.authenticates(pair, 3_000)).toBe(true);
      expect(await momento.refresh(pair)).toMatchObject({ endpoint: server.endpoint });
    } finally {
      delete process.env.grpc_proxy;
    }
  });

  test('a key that never ends has no end', async () => {
    const pair = pairOf({
      ...account.createKeyInConsole({ lifetimeSeconds: 'never', scope: 'super-user' }),
    });
    expect(await momento.refresh(pair)).toMatchObject({ validUntil: 0 });
  });

  test('an end that is no time is looked up in the key: the pair is too dear to drop', async () => {
    const pair = imported();
    account.answer = () => ({
      ...wireForm(v1Key({ exp: 1_800_000_000 })),
      validUntil: 1_800_000_000_000,
      refreshToken: 'new-refresh-token',
    });
    expect(await momento.refresh(pair)).toMatchObject({ validUntil: 1_800_000_000 });
  });

  test('the new pair is learned, in each form, before anything else can happen to it', async () => {
    const { apiKey, refreshToken } = await momento.refresh(imported());
    const wireKey = pairOf({ apiKey, refreshToken }).key.wireKey;
    expect(redactor.text(`a ${refreshToken} b ${apiKey} c ${wireKey} d`)).toBe(
      'a [redacted] b [redacted] c [redacted] d',
    );
    // Not by its looks alone.
    expect(redactor.text(encodeURIComponent(apiKey))).toBe('[redacted]');
    expect(redactor.text(Buffer.from(wireKey).toString('base64'))).toBe('[redacted]');
  });

  test('even of an answer that is no good, what came is learned', async () => {
    account.answer = () => ({
      apiKey: '',
      endpoint: 'cell.example',
      refreshToken: 'canary-of-a-bad-answer',
      validUntil: 0,
    });
    await expect(momento.refresh(imported())).rejects.toMatchObject({ code: 'momento-bad-answer' });
    expect(redactor.text('canary-of-a-bad-answer')).toBe('[redacted]');
  });

  test.each<[string, Partial<IssuedKey>]>([
    ['no key', { apiKey: '' }],
    ['a key that cannot stand in a header', { apiKey: 'line\nbreak' }],
    ['no refresh token', { refreshToken: '' }],
    ['no endpoint', { endpoint: '' }],
    ['no end, neither in the answer nor in the key', { validUntil: 1e15 }],
  ])('an answer with %s is a bad one', async (_, part) => {
    account.answer = () => ({
      apiKey: 'header.payload.signature',
      endpoint: 'cell.example',
      refreshToken: 'new-refresh-token',
      validUntil: 1_800_000_000,
      ...part,
    });
    await expect(momento.refresh(imported())).rejects.toMatchObject({
      code: 'momento-bad-answer',
      message: expect.not.stringContaining('new-refresh-token'),
    });
  });

  test.each<[RefusalStatus, string]>([
    ['UNAUTHENTICATED', 'momento-refused'],
    ['PERMISSION_DENIED', 'momento-refused'],
    ['INVALID_ARGUMENT', 'momento-refused'],
    ['NOT_FOUND', 'momento-refused'],
    ['FAILED_PRECONDITION', 'momento-refused'],
    ['RESOURCE_EXHAUSTED', 'momento-rate-limited'],
    ['UNAVAILABLE', 'momento-unreachable'],
    ['DEADLINE_EXCEEDED', 'momento-unreachable'],
    ['INTERNAL', 'momento-unreachable'],
    ['UNKNOWN', 'momento-unreachable'],
    ['CANCELLED', 'momento-unreachable'],
    ['ABORTED', 'momento-unreachable'],
  ])('%s means %s, after one call', async (refuse, code) => {
    fault = { refuse };
    await expect(momento.refresh(imported())).rejects.toMatchObject({
      code,
      name: 'Failure',
      message: expect.stringContaining(`Injected fault: ${refuse}`),
      cause: expect.anything(),
    });
    expect(methods).toHaveLength(1);
  });

  test('a spent refresh token is refused', async () => {
    const pair = imported();
    await momento.refresh(pair);
    await expect(momento.refresh(pair)).rejects.toMatchObject({ code: 'momento-refused' });
  });

  test('nobody listens: unreachable', async () => {
    const pair = imported();
    await server.close();
    await expect(momento.refresh(pair)).rejects.toMatchObject({ code: 'momento-unreachable' });
  });
});

describe('asking whether a key authenticates', () => {
  test('a super-user key does', async () => {
    expect(await momento.authenticates(imported(), TIMEOUT_MS)).toBe(true);
    expect(methods).toEqual(['control_client.ScsControl/ListCaches']);
  });

  test('a narrow key does, though it may not list caches', async () => {
    const pair = imported('all-data-read-write');
    expect(() => account.listCaches(pair.key.wireKey)).toThrow('permissions');
    expect(await momento.authenticates(pair, TIMEOUT_MS)).toBe(true);
  });

  test('a revoked one does not', async () => {
    const pair = imported();
    account.revoke(pair.apiKey);
    expect(await momento.authenticates(pair, TIMEOUT_MS)).toBe(false);
  });

  test.each<[RefusalStatus, string]>([
    ['RESOURCE_EXHAUSTED', 'momento-rate-limited'],
    ['UNAVAILABLE', 'momento-unreachable'],
    ['INTERNAL', 'momento-unreachable'],
    ['INVALID_ARGUMENT', 'momento-unreachable'],
  ])('%s decides nothing: %s', async (refuse, code) => {
    fault = { refuse };
    await expect(momento.authenticates(imported(), TIMEOUT_MS)).rejects.toMatchObject({
      code,
      message: expect.stringContaining(`Injected fault: ${refuse}`),
      cause: expect.anything(),
    });
  });

  test('nobody listens: unreachable, soon', async () => {
    const pair = imported();
    await server.close();
    await expect(momento.authenticates(pair, TIMEOUT_MS)).rejects.toMatchObject({
      code: 'momento-unreachable',
    });
  });

  test('an answer beyond the deadline: unreachable, at the deadline', async () => {
    const pair = imported();
    fault = { delayMs: 10_000 };
    const startedMs = performance.now();
    await expect(momento.authenticates(pair, 150)).rejects.toMatchObject({
      code: 'momento-unreachable',
      message: expect.stringContaining('DEADLINE_EXCEEDED'),
    });
    expect(performance.now() - startedMs).toBeLessThan(2_000);
  });
});

describe('nothing leaks', () => {
  const quote = (text: string, status: RefusalStatus): never => {
    throw new MomentoRefusal(status, `Who is ${text}?`);
  };

  test.each<RefusalStatus>(['UNAUTHENTICATED', 'RESOURCE_EXHAUSTED', 'INTERNAL'])(
    'an error (%s) that quotes the pair comes out of the log clean, and readable',
    async (status) => {
      const pair = imported();
      // What gathering does with whatever it reads.
      redactor.learn(pair.apiKey, pair.refreshToken, pair.key.wireKey);
      account.answer = ({ apiKey, refreshToken }) =>
        quote(`${apiKey}, ${refreshToken}, ${pair.apiKey} at ${server.endpoint}`, status);
      const error = await momento.refresh(pair).catch((thrown: unknown) => thrown);
      expect(error).toMatchObject({ name: 'Failure' });

      const { log, lines } = capturedLogger(redactor);
      const { cause, ...own } = error as Error & { cause: Error };
      log.error('failed', describeError(error));
      log.error('failed', describeError(cause));
      log.error('failed', { own, metadata: Object.entries(cause), nested: { error, cause } });
      log.error('failed', error as Error);
      const text = lines.join('\n');
      for (const secret of [pair.apiKey, pair.refreshToken, pair.key.wireKey]) {
        expect(text.includes(secret)).toBe(false);
      }
      expect(lines).toHaveLength(4);
      expect(text).toContain(`Who is [redacted], [redacted], [redacted] at ${server.endpoint}?`);
    },
  );
});

describe('without a local endpoint', () => {
  let greetings: Buffer[];
  let listener: ReturnType<typeof createServer>;
  let port: number;
  let asked: string[];

  // Whatever connects is noted and sent away.
  beforeEach(async () => {
    greetings = [];
    asked = [];
    listener = createServer((socket: Socket) => {
      socket.on('error', () => {});
      socket.once('data', (bytes: Buffer) => {
        greetings.push(bytes);
        socket.destroy();
      });
    });
    listener.listen(0, '127.0.0.1');
    await once(listener, 'listening');
    ({ port } = listener.address() as AddressInfo);
    // Not every machine resolves names below localhost.
    jest.spyOn(dns, 'lookup').mockImplementation((async (host: string) => {
      asked.push(host);
      return [{ address: '127.0.0.1', family: 4 }];
    }) as unknown as typeof dns.lookup);
  });
  afterEach(async () => {
    jest.restoreAllMocks();
    await new Promise((resolve) => listener.close(resolve));
  });

  test.each<[string, (auth: MomentoGrpcAuth, pair: KeyPair) => Promise<unknown>]>([
    ['renewing', (auth, pair) => auth.refresh(pair)],
    ['asking', (auth, pair) => auth.authenticates(pair, TIMEOUT_MS)],
  ])(
    '%s: a key whose endpoint carries a port is taken there, by TLS all the same',
    async (_, call) => {
      const auth = new MomentoGrpcAuth({ redactor, clock: systemClock });
      const pair = pairOf({
        apiKey: v1Key({}, `cell.localhost:${port}`),
        refreshToken: 'canary-refresh-token',
        validUntil: 1_800_000_000,
      });
      await expect(call(auth, pair)).rejects.toMatchObject({ code: 'momento-unreachable' });
      expect(new Set(asked)).toEqual(new Set(['control.cell.localhost']));
      const [hello] = greetings;
      // A handshake record of TLS, which asks for that name in the open; nothing else is in the open.
      expect([...(hello ?? []).slice(0, 2)]).toEqual([0x16, 0x03]);
      const text = Buffer.concat(greetings).toString('latin1');
      expect(text).toContain('control.cell.localhost');
      expect(text).not.toMatch(/canary|eyJ|authorization|PRI \* HTTP/);
    },
  );
});

function wireForm(apiKey: string): { apiKey: string; endpoint: string } {
  const { endpoint, api_key } = JSON.parse(Buffer.from(apiKey, 'base64').toString('utf8'));
  return { endpoint, apiKey: api_key };
}
