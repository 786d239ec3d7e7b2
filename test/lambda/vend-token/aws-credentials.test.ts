// Where the function's credentials come from: its environment, or an endpoint beside it.

import { once } from 'node:events';
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { createServer, type IncomingHttpHeaders, type Server } from 'node:http';
import type { AddressInfo } from 'node:net';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterEach, beforeEach, describe, expect, test } from '@jest/globals';
import {
  CredentialsFailure,
  credentialsSource,
} from '../../../lambda/vend-token/aws-credentials.ts';
import { SimulatedClock } from '../simulated-clock.ts';

const MINUTE_MS = 60_000;
const FROM_ENVIRONMENT = {
  AWS_ACCESS_KEY_ID: 'ASIAENVIRONMENT',
  AWS_SECRET_ACCESS_KEY: 'secret of the environment',
  AWS_SESSION_TOKEN: 'session of the environment',
};

describe('from the environment', () => {
  test('with its session token', async () => {
    expect(await credentialsSource(FROM_ENVIRONMENT, new SimulatedClock())()).toEqual({
      accessKeyId: 'ASIAENVIRONMENT',
      secretAccessKey: 'secret of the environment',
      sessionToken: 'session of the environment',
    });
  });

  test('without one', async () => {
    const environment = { ...FROM_ENVIRONMENT, AWS_SESSION_TOKEN: '' };
    expect(await credentialsSource(environment, new SimulatedClock())()).toEqual({
      accessKeyId: 'ASIAENVIRONMENT',
      secretAccessKey: 'secret of the environment',
    });
  });

  test('what changes there counts at once', async () => {
    const environment: NodeJS.ProcessEnv = { ...FROM_ENVIRONMENT };
    const source = credentialsSource(environment, new SimulatedClock());
    await source();
    environment.AWS_ACCESS_KEY_ID = 'ASIANEW';
    environment.AWS_SESSION_TOKEN = 'new';
    expect(await source()).toMatchObject({ accessKeyId: 'ASIANEW', sessionToken: 'new' });
  });

  test.each([
    ['nothing', {}],
    ['half of it', { AWS_ACCESS_KEY_ID: 'ASIAENVIRONMENT' }],
    ['the other half', { AWS_SECRET_ACCESS_KEY: 'secret of the environment' }],
    ['empty words', { AWS_ACCESS_KEY_ID: '', AWS_SECRET_ACCESS_KEY: '' }],
  ])('%s is no credentials', async (_, environment) => {
    await expect(credentialsSource(environment, new SimulatedClock())()).rejects.toMatchObject({
      code: 'no-credentials',
      message: 'The environment has no AWS credentials.',
    });
  });
});

describe('from the endpoint', () => {
  let server: Server;
  let clock: SimulatedClock;
  let folder: string;
  let environment: NodeJS.ProcessEnv;
  let answer: () => { status: number; body: string } | 'silent';
  const asked: IncomingHttpHeaders[] = [];
  beforeEach(async () => {
    clock = new SimulatedClock();
    folder = mkdtempSync(join(tmpdir(), 'credentials-'));
    asked.length = 0;
    answer = () => given();
    server = createServer((request, response) => {
      asked.push(request.headers);
      const said = answer();
      if (said === 'silent') return;
      response.writeHead(said.status, { 'content-type': 'application/json' }).end(said.body);
    }).listen(0, '127.0.0.1');
    await once(server, 'listening');
    const { port } = server.address() as AddressInfo;
    environment = { AWS_CONTAINER_CREDENTIALS_FULL_URI: `http://127.0.0.1:${port}/v1/credentials` };
  });
  afterEach(async () => {
    rmSync(folder, { recursive: true });
    server.closeAllConnections();
    server.close();
    await once(server, 'close');
  });

  function given(lifeMs: number | 'for ever' = 60 * MINUTE_MS, more: object = {}) {
    const expiration =
      lifeMs === 'for ever' ? {} : { Expiration: new Date(clock.now() + lifeMs).toISOString() };
    return {
      status: 200,
      body: JSON.stringify({
        AccessKeyId: `ASIA${asked.length}`,
        SecretAccessKey: `secret ${asked.length}`,
        Token: `session ${asked.length}`,
        ...expiration,
        ...more,
      }),
    };
  }
  const source = () => credentialsSource(environment, clock);

  test('with the token that it wants, asked once', async () => {
    environment.AWS_CONTAINER_AUTHORIZATION_TOKEN = 'let me in';
    const take = source();
    const first = { accessKeyId: 'ASIA1', secretAccessKey: 'secret 1', sessionToken: 'session 1' };
    expect(await take()).toEqual(first);
    expect(await take()).toEqual(first);
    expect(asked).toMatchObject([{ authorization: 'let me in' }]);
  });

  test('with the token of a file, as it is there when it is asked', async () => {
    const file = join(folder, 'token');
    environment.AWS_CONTAINER_AUTHORIZATION_TOKEN_FILE = file;
    environment.AWS_CONTAINER_AUTHORIZATION_TOKEN = 'not this one';
    const take = source();
    writeFileSync(file, 'first\n');
    await take();
    writeFileSync(file, 'second\n');
    clock.nowMs += 56 * MINUTE_MS;
    await take();
    expect(asked.map(({ authorization }) => authorization)).toEqual(['first', 'second']);
  });

  test('without a token none is sent', async () => {
    await source()();
    expect(asked).toHaveLength(1);
    expect(asked[0]).not.toHaveProperty('authorization');
  });

  test('new ones are asked for five minutes before they end', async () => {
    const take = source();
    await take();
    clock.nowMs += 55 * MINUTE_MS - 1;
    expect(await take()).toMatchObject({ accessKeyId: 'ASIA1' });
    clock.nowMs += 1;
    expect(await take()).toMatchObject({ accessKeyId: 'ASIA2' });
  });

  test('those that never end are asked for once, and those of an unreadable end each time', async () => {
    answer = () => given('for ever');
    const take = source();
    await take();
    clock.nowMs += 24 * 60 * MINUTE_MS;
    await take();
    expect(asked).toHaveLength(1);

    answer = () => given('for ever', { Expiration: 'soon' });
    const unreadable = source();
    await unreadable();
    await unreadable();
    expect(asked).toHaveLength(3);
  });

  test('that stumbles while the old ones live: they serve on, to their end', async () => {
    const take = source();
    await take();
    answer = () => ({ status: 500, body: '' });
    clock.nowMs += 57 * MINUTE_MS;
    expect(await take()).toMatchObject({ accessKeyId: 'ASIA1' });
    clock.nowMs += 3 * MINUTE_MS;
    await expect(take()).rejects.toMatchObject({ code: 'no-credentials' });
    answer = () => given();
    expect(await take()).toMatchObject({ accessKeyId: `ASIA${asked.length}` });
  });

  test('the environment comes first, as soon as it has any', async () => {
    const take = source();
    await take();
    Object.assign(environment, FROM_ENVIRONMENT);
    expect(await take()).toMatchObject({ accessKeyId: 'ASIAENVIRONMENT' });
  });

  test.each<[string, { status: number; body: string } | 'silent']>([
    ['refuses', { status: 403, body: '{"message":"canary-of-the-endpoint"}' }],
    ['says no JSON', { status: 200, body: '<canary-of-the-endpoint>' }],
    ['has half of them', { status: 200, body: '{"AccessKeyId":"canary-of-the-endpoint"}' }],
    ['does not answer', 'silent'],
  ])('that %s gives none, and says nothing of what it knows', async (_, said) => {
    environment.AWS_CONTAINER_AUTHORIZATION_TOKEN = 'canary-of-the-environment';
    answer = () => said;
    const failure: unknown = await source()().catch((error: unknown) => error);
    expect(failure).toBeInstanceOf(CredentialsFailure);
    expect(failure).toMatchObject({ code: 'no-credentials' });
    expect(String(failure)).not.toContain('canary');
  });

  test('that is gone gives none', async () => {
    environment.AWS_CONTAINER_AUTHORIZATION_TOKEN_FILE = join(folder, 'is not there');
    await expect(source()()).rejects.toBeInstanceOf(CredentialsFailure);
    expect(asked).toEqual([]);
  });
});
