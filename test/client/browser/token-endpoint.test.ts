// The provider as a page of another origin, against the stack on this machine: gateway, JWT authorizer,
// the very bundle of vend-token, local Momento; and the web SDK with the token that comes of it.

import { afterAll, afterEach, beforeAll, expect, test } from '@jest/globals';
import { followTopic } from '../../../client/browser/follow-topic.ts';
import { movingClient } from '../../../client/browser/moving-client.ts';
import type { Surroundings } from '../../../client/browser/surroundings.ts';
import {
  type MomentoTokenProvider,
  type MomentoTokenProviderOptions,
  momentoTokenProvider,
} from '../../../client/browser/token-provider.ts';
import type { Synthesized } from '../../../local/assembly/synthesize.ts';
import type { Identity } from '../../../local/identity/identity.ts';
import type { Fault } from '../../../local/momento/calls.ts';
import { type LocalStack, startLocalStack } from '../../../local/stack.ts';
import { assemblyForTest } from '../../assemblies/assembly-for-test.ts';
import { browserGlobals, clientsOf, renewByItself, surroundingsWith } from './web-momento.ts';

browserGlobals();

const ORIGIN = 'https://app.example';
let synthesized: Synthesized;
let stack: LocalStack;
let url: string;
let users: Identity;
let mintFault: Fault | undefined;
let provider: MomentoTokenProvider | undefined;

beforeAll(async () => {
  synthesized = await assemblyForTest({
    momentoAuth: { tokenEndpoint: { allowedOrigins: [ORIGIN] } },
  });
  stack = await startLocalStack({
    assemblyDirectory: synthesized.directory,
    interceptMomento: ({ method }) =>
      method === 'token.Token/GenerateDisposableToken' ? mintFault : undefined,
  });
  const { tokenEndpoint, momento, secrets } = stack;
  if (tokenEndpoint?.identity === undefined) throw new Error('no token endpoint, or no login');
  ({ url, identity: users } = { url: tokenEndpoint.url, identity: tokenEndpoint.identity });
  const key = momento.createKeyInConsole({ lifetimeSeconds: 3_600, scope: 'super-user' });
  const SecretId = stack.output('ApiKeySecretArn');
  secrets.putSecretValue({ SecretId, SecretString: JSON.stringify(key) });
  for (const cache of ['calendar-events', 'collaboration']) {
    momento.createCache(momento.sessionToken, cache);
  }
}, 60_000);
afterEach(() => {
  provider?.close();
  mintFault = undefined;
});
afterAll(async () => {
  await stack?.close();
  await synthesized?.remove();
});

/** What a browser does with a request to another origin, and what it keeps from the page. */
const fetchOfPage =
  (origin: string): Surroundings['fetch'] =>
  async (target, { signal, method, headers }) => {
    const names = Object.keys(headers);
    const preflight = await fetch(target, {
      method: 'OPTIONS',
      headers: {
        origin,
        'access-control-request-method': method,
        'access-control-request-headers': names.join(),
      },
    });
    const listed = (response: Response, header: string) =>
      (response.headers.get(header) ?? '').toLowerCase().split(/, */);
    const allows = (response: Response) =>
      listed(response, 'access-control-allow-origin').includes(origin);
    const allowedHeaders = listed(preflight, 'access-control-allow-headers');
    if (
      !preflight.ok ||
      !allows(preflight) ||
      names.some((name) => !allowedHeaders.includes(name))
    ) {
      throw new TypeError('Failed to fetch');
    }
    const response = await fetch(target, { method, headers: { ...headers, origin }, signal });
    if (!allows(response)) throw new TypeError('Failed to fetch');
    const exposed = listed(response, 'access-control-expose-headers');
    return {
      status: response.status,
      headers: { get: (name) => (exposed.includes(name) ? response.headers.get(name) : null) },
      json: () => response.json(),
    };
  };

function provide(
  getIdToken: NonNullable<MomentoTokenProviderOptions['getIdToken']>,
  { origin = ORIGIN, maxAttempts = 2, clock = { aheadMs: 0 } } = {},
): MomentoTokenProvider {
  provider = momentoTokenProvider({
    url,
    getIdToken,
    maxAttempts,
    surroundings: surroundingsWith(fetchOfPage(origin), clock),
  });
  return provider;
}

test('a login becomes a token, the token reads a cache and follows a topic', async () => {
  const clock = { aheadMs: 0 };
  const tokens = provide(() => users.login('tenant-a-data-entry'), { clock });
  const { cacheClient, topicClient } = clientsOf(`http://${stack.momentoServer.endpoint}`);
  const cache = movingClient({ tokens, make: cacheClient });
  expect(String(await cache.use((client) => client.get('calendar-events', 'tenant-a:1')))).toBe(
    'Miss',
  );
  expect(String(await cache.use((client) => client.get('calendar-events', 'tenant-b:1')))).toMatch(
    /permission/i,
  );

  const topics = movingClient({ tokens, make: topicClient });
  const heard: string[] = [];
  const allHeard = new Promise<void>((resolve) => {
    const follower = followTopic(topics, 'collaboration', 'tenant-a-events', {
      onItem: (item) => {
        if (heard.push(item.valueString()) === 4) {
          follower.close();
          resolve();
        }
      },
    });
    const publish = (text: string) =>
      topics.use((client) => client.publish('collaboration', 'tenant-a-events', text));
    follower.subscribed.then(async () => {
      for (const text of ['one', 'two', 'three', 'four']) {
        expect(String(await publish(text))).toBe('Success');
        if (text !== 'four') await renewByItself(tokens, clock, 900);
      }
    });
  });
  await allHeard;
  expect(heard).toEqual(['one', 'two', 'three', 'four']);
  expect(tokens.lifeLeftMs()).toBeGreaterThan(14 * 60_000);
});

test('a user without a role: forbidden, as the new ID token has none either', async () => {
  const asked: boolean[] = [];
  const tokens = provide(({ refresh }) => {
    asked.push(refresh);
    return users.login('tenant-a-data-entry', { claims: { 'cognito:groups': [] } });
  });
  await expect(tokens.getToken()).rejects.toMatchObject({
    code: 'forbidden',
    status: 403,
    problem: 'forbidden',
    requestId: expect.stringMatching(/./),
  });
  expect(asked).toEqual([false, true]);
});

test('an ID token in its last seconds, which the endpoint forbids: the login is refreshed, and there is a token', async () => {
  const tokens = provide(({ refresh }) =>
    users.login('tenant-a-data-entry', { lifetimeSeconds: refresh ? 3_600 : 15 }),
  );
  expect(await tokens.getToken()).toMatchObject({ authToken: expect.any(String) });
  expect(tokens.lifeLeftMs()).toBeGreaterThan(14 * 60_000);
});

test('a login that is over: the page cannot read the 401, and hears login-needed all the same', async () => {
  const asked: boolean[] = [];
  const tokens = provide(({ refresh }) => {
    asked.push(refresh);
    return users.login('tenant-a-data-entry', { lifetimeSeconds: -600 });
  });
  await expect(tokens.getToken()).rejects.toMatchObject({ code: 'login-needed' });
  expect(asked).toEqual([false, true]);
});

test('a foreign origin: unreachable, as a browser has it', async () => {
  const tokens = provide(() => users.login('tenant-a-data-entry'), {
    origin: 'https://evil.example',
  });
  await expect(tokens.getToken()).rejects.toMatchObject({
    code: 'unreachable',
    cause: { message: 'Failed to fetch' },
  });
});

test('Momento refuses to mint for a while: the page may read Retry-After, and waits for it', async () => {
  mintFault = { refuse: 'RESOURCE_EXHAUSTED' };
  const tokens = provide(() => users.login('tenant-b-viewer'));
  const waiting = new Promise((resolve) => {
    tokens.subscribe((state) => {
      if (state.status !== 'waiting') return;
      mintFault = undefined;
      resolve(state);
    });
  });
  const token = tokens.getToken();
  expect(await waiting).toMatchObject({
    error: { code: 'unavailable', status: 429, problem: 'rate-limited', retryAfterMs: 1_000 },
  });
  expect(await token).toMatchObject({ authToken: expect.any(String) });
});
