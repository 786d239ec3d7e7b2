// The unmodified web SDK, in Node.js with the two things of a browser that it asks for.

import { CacheRole, TopicRole } from '@gomomento/sdk';
import {
  AuthClient,
  CacheClient,
  CacheGet,
  Configurations,
  CredentialProvider,
  ExpiresIn,
  GenerateDisposableToken,
  MomentoErrorCode,
  TopicClient,
  TopicConfigurations,
  TopicSubscribe,
} from '@gomomento/sdk-web';
import { afterAll, beforeAll, expect, jest, test } from '@jest/globals';
import { cachePermission, explicit, topicPermission } from './account-builder.ts';
import { afterwards, errorCodeOf, expectInstance, localMomento, logger } from './local-momento.ts';
import { XMLHttpRequestOfNode } from './xml-http-request.ts';

const browser = { XMLHttpRequest: XMLHttpRequestOfNode, navigator: { userAgent: 'a test' } };
const before = Object.getOwnPropertyDescriptors(globalThis);

beforeAll(() => {
  for (const [name, value] of Object.entries(browser)) {
    Object.defineProperty(globalThis, name, { value, configurable: true, writable: true });
  }
});

afterAll(() => {
  for (const name of Object.keys(browser)) {
    const descriptor = Object.entries(before).find(([known]) => known === name)?.[1];
    if (descriptor === undefined) Reflect.deleteProperty(globalThis, name);
    else Object.defineProperty(globalThis, name, descriptor);
  }
});

async function webMomento() {
  const served = await localMomento();
  const endpoint = `http://${served.server.endpoint}`;
  const credentials = (apiKey: string) => ({
    credentialProvider: CredentialProvider.fromString({
      apiKey,
      endpointOverrides: {
        controlEndpoint: endpoint,
        cacheEndpoint: endpoint,
        tokenEndpoint: endpoint,
      },
    }),
  });
  const cacheClient = (apiKey: string) =>
    new CacheClient({
      ...credentials(apiKey),
      configuration: Configurations.Laptop.v1(logger),
      defaultTtlSeconds: 60,
    });
  return {
    ...served,
    cacheClient,
    authClient: (apiKey: string) => new AuthClient(credentials(apiKey)),
    topicClient: (apiKey: string) =>
      new TopicClient({
        ...credentials(apiKey),
        configuration: TopicConfigurations.Default.latest(logger),
      }),
  };
}

test('control, cache and auth', async () => {
  const { authClient, cacheClient, superUserKey } = await webMomento();
  const owner = cacheClient(superUserKey.apiKey);
  expect(errorCodeOf(await owner.get('mine', 'k'))).toBe(MomentoErrorCode.CACHE_NOT_FOUND_ERROR);
  expect(String(await owner.createCache('mine'))).toBe('Success');
  expect(String(await owner.createCache('mine'))).toBe('AlreadyExists');
  expect(String(await owner.set('mine', 't1:k', 'ü'))).toBe('Success');
  expect(String(await owner.increment('mine', 'n', 2))).toBe('Success: value: 2');
  expect(String(await owner.setIfAbsent('mine', 't1:k', 'v'))).toBe('NotStored');

  const made = await authClient(superUserKey.apiKey).generateDisposableToken(
    { permissions: [{ role: CacheRole.ReadOnly, cache: 'mine', item: { keyPrefix: 't1:' } }] },
    ExpiresIn.minutes(1),
  );
  const client = cacheClient(expectInstance(made, GenerateDisposableToken.Success).authToken);
  const got = expectInstance(await client.get('mine', 't1:k'), CacheGet.Hit);
  expect(got.valueString()).toBe('ü');
  for (const refused of [
    await client.get('mine', 't10:k'),
    await client.set('mine', 't1:k', 'v'),
    await client.listCaches(),
  ]) {
    expect(errorCodeOf(refused)).toBe(MomentoErrorCode.PERMISSION_ERROR);
  }
});

test('a mixed scope, and a subscription that ends with its token', async () => {
  const { cacheClient, clock, createCache, disposable, superUserKey, topicClient } =
    await webMomento();
  createCache('calendar-events');
  createCache('collaboration');
  const token = disposable(
    explicit(
      cachePermission('calendar-events', { keyPrefix: 't1:' }),
      topicPermission('collaboration', { name: 't1-events' }),
    ),
    { tokenId: 'user-1', lifetimeSeconds: 60 },
  );
  const reader = cacheClient(token);
  expect(String(await reader.get('calendar-events', 't1:monday'))).toBe('Miss');
  expect(errorCodeOf(await reader.get('calendar-events', 't10:monday'))).toBe(
    MomentoErrorCode.PERMISSION_ERROR,
  );

  const client = topicClient(token);
  const told: unknown[] = [];
  const onItem = jest.fn((item: { value(): unknown; tokenId(): unknown }) => {
    told.push([item.value(), item.tokenId()]);
  });
  const ended = new Promise<string>((resolve) => {
    const onError = (error: TopicSubscribe.Error) => resolve(error.errorCode());
    client.subscribe('collaboration', 't1-events', { onItem, onError }).then((subscription) => {
      const subscribed = expectInstance(subscription, TopicSubscribe.Subscription);
      afterwards.push(() => subscribed.unsubscribe());
      return publishAll();
    }, resolve);
  });
  const publishAll = async () => {
    expect(String(await client.publish('collaboration', 't1-events', 'one'))).toBe('Success');
    expect(errorCodeOf(await client.publish('collaboration', 't10-events', 'x'))).toBe(
      MomentoErrorCode.PERMISSION_ERROR,
    );
    const owner = topicClient(superUserKey.apiKey);
    await owner.publish('collaboration', 't1-events', 'two');
    clock.nowMs += 60_000;
    await owner.publish('collaboration', 't1-events', 'too late');
  };
  expect(await ended).toBe(MomentoErrorCode.AUTHENTICATION_ERROR);
  expect(told).toEqual([
    ['one', 'user-1'],
    ['two', ''],
  ]);
});

test('who may only subscribe cannot publish', async () => {
  const { authClient, createCache, superUserKey, topicClient } = await webMomento();
  createCache('mine');
  const made = await authClient(superUserKey.apiKey).generateDisposableToken(
    { permissions: [{ role: TopicRole.SubscribeOnly, cache: 'mine', topic: 'news' }] },
    ExpiresIn.minutes(1),
  );
  const client = topicClient(expectInstance(made, GenerateDisposableToken.Success).authToken);
  expect(errorCodeOf(await client.publish('mine', 'news', 'x'))).toBe(
    MomentoErrorCode.PERMISSION_ERROR,
  );
});
