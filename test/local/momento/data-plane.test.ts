// Each operation of the SDK against each role, over the wire: what is refused is refused, and has no effect.

import { cache_client } from '@gomomento/generated-types/dist/cacheclient.js';
import { cache_client as pubsub_client } from '@gomomento/generated-types/dist/cachepubsub.js';
import { permission_messages } from '@gomomento/generated-types/dist/permissionmessages.js';
import {
  type CacheClient,
  CacheDictionaryFetch,
  CacheDictionaryGetFields,
  CacheGet,
  CacheListFetch,
  CollectionTtl,
  ExpiresIn,
  GenerateDisposableToken,
  MomentoErrorCode,
  type TopicClient,
  TopicSubscribe,
} from '@gomomento/sdk';
import { Metadata, status } from '@grpc/grpc-js';
import { describe, expect, jest, test } from '@jest/globals';
import type { Cache } from '../../../local/momento/cache.ts';
import { bareKey } from '../../../local/momento/keys.ts';
import { allDataReadWrite } from '../../../local/momento/permissions.ts';
import { bytes, cachePermission, explicit, topicPermission } from './account-builder.ts';
import {
  afterwards,
  answerOf,
  errorCodeOf,
  expectInstance,
  localMomento,
  localMomentoInHandHeldTime,
  rawClient,
} from './local-momento.ts';

const { pubsub } = pubsub_client;
const { CacheRole, TopicRole } = permission_messages;
const ttl = CollectionTtl.of(60);

/** `allowed`, or the code of the error. */
const verdictOn = (response: unknown) =>
  typeof response === 'object' && response !== null && 'errorCode' in response
    ? errorCodeOf(response)
    : 'allowed';
const REFUSED = MomentoErrorCode.PERMISSION_ERROR;

type Operation = (client: CacheClient, key: string) => Promise<unknown>;

/** As Momento documents it: write-only is without conditions and without answers that tell of a collection. */
const OPERATIONS: readonly [string, readOnly: boolean, writeOnly: boolean, Operation][] = [
  ['get', true, false, (c, k) => c.get('mine', k)],
  ['getBatch', true, false, (c, k) => c.getBatch('mine', [k])],
  ['keyExists', true, false, (c, k) => c.keyExists('mine', k)],
  ['keysExist', true, false, (c, k) => c.keysExist('mine', [k])],
  ['itemGetTtl', true, false, (c, k) => c.itemGetTtl('mine', k)],
  ['dictionaryFetch', true, false, (c, k) => c.dictionaryFetch('mine', `${k}-dictionary`)],
  [
    'dictionaryGetField',
    true,
    false,
    (c, k) => c.dictionaryGetField('mine', `${k}-dictionary`, 'f'),
  ],
  ['dictionaryLength', true, false, (c, k) => c.dictionaryLength('mine', `${k}-dictionary`)],
  ['listFetch', true, false, (c, k) => c.listFetch('mine', `${k}-list`)],
  ['listLength', true, false, (c, k) => c.listLength('mine', `${k}-list`)],
  ['set', false, true, (c, k) => c.set('mine', k, '2')],
  ['setBatch', false, true, (c, k) => c.setBatch('mine', { [k]: '2' })],
  ['delete', false, true, (c, k) => c.delete('mine', k)],
  [
    'dictionarySetField',
    false,
    true,
    (c, k) => c.dictionarySetField('mine', `${k}-dictionary`, 'f', 'v', { ttl }),
  ],
  [
    'dictionarySetFields',
    false,
    true,
    (c, k) => c.dictionarySetFields('mine', `${k}-dictionary`, { g: 'v' }, { ttl }),
  ],
  [
    'dictionaryRemoveField',
    false,
    true,
    (c, k) => c.dictionaryRemoveField('mine', `${k}-dictionary`, 'f'),
  ],
  ['increment', false, false, (c, k) => c.increment('mine', k, 1)],
  ['setIfNotExists', false, false, (c, k) => c.setIfNotExists('mine', k, '2')],
  ['setIfAbsent', false, false, (c, k) => c.setIfAbsent('mine', k, '2')],
  ['setIfPresent', false, false, (c, k) => c.setIfPresent('mine', k, '2')],
  ['setIfEqual', false, false, (c, k) => c.setIfEqual('mine', k, '2', '1')],
  ['setIfNotEqual', false, false, (c, k) => c.setIfNotEqual('mine', k, '2', '3')],
  ['setIfAbsentOrEqual', false, false, (c, k) => c.setIfAbsentOrEqual('mine', k, '2', '1')],
  [
    'setIfPresentAndNotEqual',
    false,
    false,
    (c, k) => c.setIfPresentAndNotEqual('mine', k, '2', '3'),
  ],
  [
    'dictionaryIncrement',
    false,
    false,
    (c, k) => c.dictionaryIncrement('mine', `${k}-counters`, 'n', 1, { ttl }),
  ],
  ['listPushFront', false, false, (c, k) => c.listPushFront('mine', `${k}-list`, 'v', { ttl })],
  ['listPushBack', false, false, (c, k) => c.listPushBack('mine', `${k}-list`, 'v', { ttl })],
  ['listPopFront', false, false, (c, k) => c.listPopFront('mine', `${k}-list`)],
  ['listPopBack', false, false, (c, k) => c.listPopBack('mine', `${k}-list`)],
];

/** What `fill` leaves under a key. */
const FILLED = { value: '1', dictionary: { f: 'v' }, counters: { n: '1' }, list: ['v'] };

function fill(cache: Cache, key: string) {
  const life = { ttlMs: 60_000, refresh: false };
  cache.set(bytes(key), bytes('1'), life.ttlMs);
  const field = { name: bytes('f'), value: bytes('v') };
  cache.dictionarySet(bytes(`${key}-dictionary`), [field], life);
  cache.dictionaryIncrement(bytes(`${key}-counters`), bytes('n'), 1, life);
  cache.listPush(bytes(`${key}-list`), 'back', bytes('v'), 0, life);
}

/** All that is in the cache under that key. */
function contentOf(cache: Cache, key: string) {
  const text = (value: Uint8Array | undefined) => value && Buffer.from(value).toString();
  const dictionary = (name: string) =>
    Object.fromEntries(
      (cache.dictionary(bytes(name)) ?? []).map(({ name, value }) => [text(name), text(value)]),
    );
  return {
    value: text(cache.get(bytes(key))),
    dictionary: dictionary(`${key}-dictionary`),
    counters: dictionary(`${key}-counters`),
    list: cache.list(bytes(`${key}-list`))?.map(text),
  };
}

describe('with the prefix t1: in the cache mine', () => {
  test.each<
    [
      'CacheReadOnly' | 'CacheWriteOnly' | 'CacheReadWrite',
      (row: (typeof OPERATIONS)[number]) => boolean,
    ]
  >([
    ['CacheReadOnly', ([, readOnly]) => readOnly],
    ['CacheWriteOnly', ([, , writeOnly]) => writeOnly],
    ['CacheReadWrite', () => true],
  ])('%s may do just what it says, to just those items', async (role, isAllowed) => {
    const { account, cacheClient, createCache, disposable } = await localMomento();
    createCache('mine');
    const cache = account.openCache(account.sessionToken, {
      operation: 'read',
      cacheName: 'mine',
      keys: [],
    });
    const client = cacheClient(
      disposable(explicit(cachePermission('mine', { role: CacheRole[role], keyPrefix: 't1:' }))),
    );
    const seen = await Promise.all(
      OPERATIONS.map(async ([name, , , operation]) => {
        const [ownKey, foreignKey] = [`t1:${name}`, `t10:${name}`];
        fill(cache, ownKey);
        fill(cache, foreignKey);
        const own = verdictOn(await operation(client, ownKey));
        const foreign = verdictOn(await operation(client, foreignKey));
        return {
          name,
          own,
          foreign,
          ownContent: own === REFUSED ? contentOf(cache, ownKey) : 'as it may be',
          foreignContent: contentOf(cache, foreignKey),
        };
      }),
    );
    expect(seen).toEqual(
      OPERATIONS.map((row) => ({
        name: row[0],
        own: isAllowed(row) ? 'allowed' : REFUSED,
        foreign: REFUSED,
        ownContent: isAllowed(row) ? 'as it may be' : FILLED,
        foreignContent: FILLED,
      })),
    );
  });

  test('several keys at once need the permission for each', async () => {
    const { cacheClient, createCache, disposable } = await localMomento();
    createCache('mine');
    const permissions = explicit(
      cachePermission('mine', { role: CacheRole.CacheReadWrite, keyPrefix: 't1:' }),
    );
    const client = cacheClient(disposable(permissions));
    expect(verdictOn(await client.setBatch('mine', { 't1:a': '1', 't1:b': '1' }))).toBe('allowed');
    expect(verdictOn(await client.setBatch('mine', { 't1:a': '2', 't2:a': '2' }))).toBe(REFUSED);
    expect(verdictOn(await client.getBatch('mine', ['t1:a', 't1:b']))).toBe('allowed');
    expect(verdictOn(await client.getBatch('mine', ['t1:a', 't2:a']))).toBe(REFUSED);
    expect(verdictOn(await client.keysExist('mine', ['t1:a', 't2:a']))).toBe(REFUSED);
    // Neither half of a refused batch took effect.
    expect(expectInstance(await client.get('mine', 't1:a'), CacheGet.Hit).valueString()).toBe('1');
  });
});

describe('the cache service', () => {
  test.each([
    ['a super-user', undefined],
    ['AllDataReadWrite', 'all-data-read-write'],
  ] as const)('answers %s everything as the SDK expects it', async (_name, scope) => {
    const { account, cacheClient, createCache, clock, superUserKey } = await localMomento();
    createCache('mine');
    const key =
      scope === undefined
        ? superUserKey
        : account.createKeyInConsole({ lifetimeSeconds: 600, scope });
    const client = cacheClient(key.apiKey);
    const told = async (answer: Promise<unknown>) => String(await answer);

    expect(await told(client.get('mine', 'k'))).toBe('Miss');
    expect(await told(client.set('mine', 'k', 'ü', { ttl: 2 }))).toBe('Success');
    expect(await told(client.get('mine', 'k'))).toBe('Hit: ü');
    expect(await told(client.setIfAbsent('mine', 'k', 'w'))).toBe('NotStored');
    expect(await told(client.setIfEqual('mine', 'k', 'w', 'ü', { ttl: 2 }))).toBe('Stored');
    expect(await told(client.setIfNotEqual('mine', 'k', 'x', 'w'))).toBe('NotStored');
    expect(await told(client.setIfNotEqual('mine', 'new', 'x', 'w'))).toBe('Stored');
    expect(await told(client.setIfAbsentOrEqual('mine', 'k', 'x', 'y'))).toBe('NotStored');
    expect(await told(client.setIfPresentAndNotEqual('mine', 'newer', 'x', 'w'))).toBe('NotStored');
    expect(await told(client.setIfPresent('mine', 'newer', 'x'))).toBe('NotStored');
    expect(await told(client.setIfNotExists('mine', 'newer', 'x'))).toBe('Stored');
    clock.nowMs += 1999;
    expect(await told(client.get('mine', 'k'))).toBe('Hit: w');
    clock.nowMs += 1;
    expect(await told(client.get('mine', 'k'))).toBe('Miss');
    expect(await told(client.increment('mine', 'n', 5))).toBe('Success: value: 5');
    expect(await told(client.increment('mine', 'n', -7))).toBe('Success: value: -2');
    expect(await told(client.get('mine', 'n'))).toBe('Hit: -2');
    expect(errorCodeOf(await client.increment('mine', 'new', 1))).toBe(
      MomentoErrorCode.FAILED_PRECONDITION_ERROR,
    );
    expect(await told(client.delete('mine', 'n'))).toBe('Success');
    expect(await told(client.keysExist('mine', ['n', 'new']))).toContain('false, true');

    expect(await told(client.dictionaryGetField('mine', 'd', 'f'))).toBe('Miss');
    await client.dictionarySetFields('mine', 'd', { f: '1', g: '2' }, { ttl });
    expect(await told(client.dictionaryGetField('mine', 'd', 'f'))).toBe('Hit: 1');
    expect(await told(client.dictionaryGetField('mine', 'd', 'h'))).toBe('Miss');
    const some = expectInstance(
      await client.dictionaryGetFields('mine', 'd', ['g', 'h']),
      CacheDictionaryGetFields.Hit,
    );
    expect(some.value()).toEqual({ g: '2' });
    await client.dictionaryIncrement('mine', 'd', 'f', 41, { ttl });
    await client.dictionaryRemoveField('mine', 'd', 'g');
    const all = expectInstance(await client.dictionaryFetch('mine', 'd'), CacheDictionaryFetch.Hit);
    expect(all.value()).toEqual({ f: '42' });
    expect(errorCodeOf(await client.get('mine', 'd'))).toBe(
      MomentoErrorCode.FAILED_PRECONDITION_ERROR,
    );

    for (const value of ['b', 'c', 'd']) await client.listPushBack('mine', 'l', value, { ttl });
    await client.listPushFront('mine', 'l', 'a', { ttl });
    const list = async (range = {}) => {
      const answer = await client.listFetch('mine', 'l', range);
      return expectInstance(answer, CacheListFetch.Hit).valueListString();
    };
    expect(await list()).toEqual(['a', 'b', 'c', 'd']);
    expect(await list({ startIndex: 1, endIndex: 3 })).toEqual(['b', 'c']);
    expect(await list({ startIndex: -1 })).toEqual(['d']);
    expect(await told(client.listPopFront('mine', 'l'))).toBe('Hit: a');
    expect(await told(client.listPopBack('mine', 'l'))).toBe('Hit: d');
    await client.listPushBack('mine', 'l', 'e', { ttl, truncateFrontToSize: 2 });
    expect(await list()).toEqual(['c', 'e']);
    expect(await told(client.listLength('mine', 'l'))).toBe('Hit: length 2');
  });

  test('a cache that is not there: not found for who may touch it, refused for who may not', async () => {
    const { cacheClient, disposable, superUserKey } = await localMomento();
    const get = async (apiKey: string) => verdictOn(await cacheClient(apiKey).get('nowhere', 'k'));
    expect(await get(superUserKey.apiKey)).toBe(MomentoErrorCode.CACHE_NOT_FOUND_ERROR);
    expect(await get(disposable(explicit(cachePermission('nowhere'))))).toBe(
      MomentoErrorCode.CACHE_NOT_FOUND_ERROR,
    );
    expect(await get(disposable(explicit(cachePermission('elsewhere'))))).toBe(REFUSED);
  });

  test('an expired token, and one of another account, is unauthenticated', async () => {
    const { cacheClient, clock, createCache, disposable } = await localMomento();
    createCache('mine');
    const permissions = explicit(cachePermission('mine'));
    const client = cacheClient(disposable(permissions, { lifetimeSeconds: 60 }));
    // The account's clock stands a quarter second past a full one.
    clock.nowMs += 59_749;
    expect(verdictOn(await client.get('mine', 'k'))).toBe('allowed');
    clock.nowMs += 1;
    expect(verdictOn(await client.get('mine', 'k'))).toBe(MomentoErrorCode.AUTHENTICATION_ERROR);
    const other = await localMomento({ signingKey: 'of another account' });
    const stranger = cacheClient(other.disposable(permissions));
    expect(verdictOn(await stranger.get('mine', 'k'))).toBe(MomentoErrorCode.AUTHENTICATION_ERROR);
  });

  test('a data token never reaches the control plane', async () => {
    const { account, cacheClient, disposable } = await localMomento();
    const keys = [
      disposable(allDataReadWrite()),
      account.createKeyInConsole({ lifetimeSeconds: 60, scope: 'all-data-read-write' }).apiKey,
    ];
    for (const key of keys) {
      const client = cacheClient(key);
      expect(verdictOn(await client.listCaches())).toBe(REFUSED);
      expect(verdictOn(await client.createCache('mine'))).toBe(REFUSED);
      expect(verdictOn(await client.deleteCache('mine'))).toBe(REFUSED);
    }
    expect(account.listCaches(account.sessionToken)).toEqual([]);
  });

  test('what the SDK does not send: no cache, no condition, no life, the old SetIfNotExists', async () => {
    const { createCache, server, superUserKey } = await localMomento();
    createCache('mine');
    const client = rawClient(cache_client.ScsClient, server.endpoint);
    const metadata = (headers: Record<string, string>) => {
      const made = new Metadata();
      for (const [name, value] of Object.entries(headers)) made.set(name, value);
      return made;
    };
    const authorization = bareKey(superUserKey.apiKey);
    const whole = metadata({ authorization, cache: 'mine' });
    const item = { cache_key: Buffer.from('k'), cache_body: Buffer.from('v') };
    const get = (headers: Metadata) =>
      answerOf((done) => client.Get(new cache_client._GetRequest(item), headers, done));
    expect((await get(whole)).code).toBe(status.OK);
    expect((await get(metadata({ authorization }))).code).toBe(status.INVALID_ARGUMENT);
    expect((await get(metadata({ cache: 'mine' }))).code).toBe(status.UNAUTHENTICATED);
    const setIf = new cache_client._SetIfRequest({ ...item, ttl_milliseconds: 1000 });
    expect((await answerOf((done) => client.SetIf(setIf, whole, done))).code).toBe(
      status.INVALID_ARGUMENT,
    );
    const set = new cache_client._SetRequest(item);
    expect((await answerOf((done) => client.Set(set, whole, done))).code).toBe(
      status.INVALID_ARGUMENT,
    );
    const once = new cache_client._SetIfNotExistsRequest({ ...item, ttl_milliseconds: 1000 });
    const setIfNotExists = async () => {
      const answer = await answerOf<cache_client._SetIfNotExistsResponse>((done) =>
        client.SetIfNotExists(once, whole, done),
      );
      return answer.response?.result;
    };
    expect(await setIfNotExists()).toBe('stored');
    expect(await setIfNotExists()).toBe('not_stored');
  });
});

/** A subscription, and all that it is told, in order. */
async function listen(client: TopicClient, cacheName: string, topicName: string) {
  const told: unknown[] = [];
  let wake = () => {};
  const tell = (what: unknown) => {
    told.push(what);
    wake();
  };
  const subscription = await client.subscribe(cacheName, topicName, {
    onItem: (item) => tell([item.value(), item.tokenId(), item.sequenceNumber()]),
    onDiscontinuity: () => tell('discontinuity'),
    onError: (error) => tell(error.errorCode()),
  });
  if (subscription instanceof TopicSubscribe.Subscription) {
    afterwards.push(() => subscription.unsubscribe());
  }
  const until = async (length: number) => {
    while (told.length < length) {
      await new Promise<void>((resolve) => {
        wake = resolve;
      });
    }
    return told;
  };
  return { subscription, told, until };
}

describe('topics', () => {
  test('carry text and bytes, numbered, with the id of the publisher’s token', async () => {
    const { createCache, disposable, superUserKey, topicClient } = await localMomento();
    createCache('mine');
    const scope = explicit(topicPermission('mine', { name: 'news' }));
    const alice = topicClient(disposable(scope, { tokenId: 'alice' }));
    const owner = topicClient(superUserKey.apiKey);
    const { until } = await listen(alice, 'mine', 'news');
    await owner.publish('mine', 'other', 'not for alice');
    await alice.publish('mine', 'news', 'ü');
    await owner.publish('mine', 'news', Uint8Array.of(0xff, 0));
    expect(await until(2)).toEqual([
      ['ü', 'alice', 1],
      [Uint8Array.of(0xff, 0), '', 2],
    ]);
  });

  test.each<[keyof typeof TopicRole, boolean, boolean]>([
    ['TopicReadOnly', false, true],
    ['TopicReadWrite', true, true],
    ['TopicWriteOnly', true, false],
  ])('%s: publish %s, subscribe %s, and only with its prefix', async (role, publish, subscribe) => {
    const { createCache, disposable, superUserKey, topicClient } = await localMomento();
    createCache('mine');
    createCache('other');
    const scope = explicit(topicPermission('mine', { namePrefix: 't1-' }, TopicRole[role]));
    const client = topicClient(disposable(scope));
    const watch = await listen(topicClient(superUserKey.apiKey), 'mine', 't10-events');
    const allowed = (yes: boolean) => (yes ? 'allowed' : REFUSED);
    const tried = async (cacheName: string, topicName: string) => ({
      publish: verdictOn(await client.publish(cacheName, topicName, 'x')),
      subscribe: verdictOn((await listen(client, cacheName, topicName)).subscription),
    });
    expect(await tried('mine', 't1-events')).toEqual({
      publish: allowed(publish),
      subscribe: allowed(subscribe),
    });
    const nothing = { publish: REFUSED, subscribe: REFUSED };
    expect(await tried('mine', 't10-events')).toEqual(nothing);
    expect(await tried('other', 't1-events')).toEqual(nothing);
    expect(watch.told).toEqual([]);
  });

  test('a cache that is not there, or goes away, ends the subscription', async () => {
    const { account, createCache, superUserKey, topicClient } = await localMomento();
    const client = topicClient(superUserKey.apiKey);
    const { subscription } = await listen(client, 'mine', 'news');
    expect(verdictOn(subscription)).toBe(MomentoErrorCode.CACHE_NOT_FOUND_ERROR);
    expect(verdictOn(await client.publish('mine', 'news', 'x'))).toBe(
      MomentoErrorCode.CACHE_NOT_FOUND_ERROR,
    );
    createCache('mine');
    const { until } = await listen(client, 'mine', 'news');
    account.deleteCache(account.sessionToken, 'mine');
    expect(await until(1)).toEqual([MomentoErrorCode.CACHE_NOT_FOUND_ERROR]);
  });

  test('a subscription ends with the life of its token, at the very instant', async () => {
    const { createCache, disposable, outcomes, superUserKey, timers, topicClient } =
      await localMomentoInHandHeldTime();
    createCache('mine');
    const scope = explicit(topicPermission('mine', 'all'));
    const owner = topicClient(superUserKey.apiKey);
    const { told, until } = await listen(
      topicClient(disposable(scope, { lifetimeSeconds: 60 })),
      'mine',
      'news',
    );
    timers.pass(59_749);
    await owner.publish('mine', 'news', 'in time');
    await until(1);
    timers.pass(1);
    expect(await until(2)).toEqual([['in time', '', 1], MomentoErrorCode.AUTHENTICATION_ERROR]);
    await owner.publish('mine', 'news', 'too late');
    expect(told).toHaveLength(2);
    expect(outcomes.filter(({ method }) => method.endsWith('/Subscribe'))).toMatchObject([
      { status: 'UNAUTHENTICATED' },
    ]);
    expect(timers.waiting()).toBe(0);
  });

  test('an item that comes in the instant of expiry, before any timer, is not told', async () => {
    const { clock, createCache, disposable, superUserKey, topicClient } =
      await localMomentoInHandHeldTime();
    createCache('mine');
    const scope = explicit(topicPermission('mine', 'all'));
    const { until } = await listen(topicClient(disposable(scope)), 'mine', 'news');
    clock.nowMs += 60_000;
    await topicClient(superUserKey.apiKey).publish('mine', 'news', 'too late');
    expect(await until(1)).toEqual([MomentoErrorCode.AUTHENTICATION_ERROR]);
  });

  test('a key that is revoked ends its subscription by the next heartbeat', async () => {
    const { account, createCache, timers, topicClient } = await localMomentoInHandHeldTime({
      heartbeatMs: 5000,
    });
    createCache('mine');
    const { apiKey } = account.createKeyInConsole({
      lifetimeSeconds: 'never',
      scope: 'all-data-read-write',
    });
    const { told, until } = await listen(topicClient(apiKey), 'mine', 'news');
    timers.pass(5000);
    account.revoke(apiKey);
    timers.pass(4999);
    expect(told).toEqual([]);
    timers.pass(1);
    expect(await until(1)).toEqual([MomentoErrorCode.AUTHENTICATION_ERROR]);
  });

  test('who unsubscribes leaves nothing behind', async () => {
    const { account, createCache, outcomes, superUserKey, timers, topicClient } =
      await localMomentoInHandHeldTime();
    createCache('mine');
    const { subscription } = await listen(topicClient(superUserKey.apiKey), 'mine', 'news');
    expect(timers.waiting()).toBe(2);
    expectInstance(subscription, TopicSubscribe.Subscription).unsubscribe();
    while (outcomes.length === 0) await new Promise((resolve) => setImmediate(resolve));
    expect(outcomes).toMatchObject([{ status: 'CANCELLED' }]);
    expect(timers.waiting()).toBe(0);
    // A subscriber looks up whether he may be told: this one is asked no more.
    const asked = jest.spyOn(account, 'openTopic');
    const access = { operation: 'publish', cacheName: 'mine', topicName: 'news' } as const;
    account.openTopic(account.sessionToken, access).topics.publish('news', 'x', '');
    expect(asked).toHaveBeenCalledTimes(1);
  });

  test('a stream that is cut goes on where it was', async () => {
    const { createCache, server, superUserKey } = await localMomento();
    createCache('mine');
    const client = rawClient(pubsub.PubsubClient, server.endpoint);
    const metadata = new Metadata();
    metadata.set('authorization', bareKey(superUserKey.apiKey));
    for (const text of ['a', 'b', 'c']) {
      const request = new pubsub._PublishRequest({
        cache_name: 'mine',
        topic: 'news',
        value: new pubsub._TopicValue({ text }),
      });
      await answerOf((done) => client.Publish(request, metadata, done));
    }
    const from = async (position: {
      resume_at_topic_sequence_number: number;
      sequence_page: number;
    }) => {
      const told: unknown[] = [];
      const call = client.Subscribe(
        new pubsub._SubscriptionRequest({
          cache_name: 'mine',
          topic: 'news',
          ...position,
        }),
        metadata,
      );
      call.on('error', () => {});
      for await (const message of call) {
        const { kind, item, discontinuity } = expectInstance(message, pubsub._SubscriptionItem);
        told.push(
          kind === 'item'
            ? [item.topic_sequence_number, item.sequence_page, item.value.text]
            : kind === 'discontinuity'
              ? discontinuity.toObject()
              : kind,
        );
        if (kind === 'item' && item.topic_sequence_number === 3) break;
      }
      return told;
    };
    const page = 1;
    expect(await from({ resume_at_topic_sequence_number: 2, sequence_page: page })).toEqual([
      'heartbeat',
      [2, page, 'b'],
      [3, page, 'c'],
    ]);
    expect(await from({ resume_at_topic_sequence_number: 9, sequence_page: 7 })).toEqual([
      'heartbeat',
      { last_topic_sequence: 8, new_topic_sequence: 0, new_sequence_page: page },
      [1, page, 'a'],
      [2, page, 'b'],
      [3, page, 'c'],
    ]);
  });
});

test('the mixed scope of the documentation, minted whole, is enforced whole', async () => {
  const { cacheClient, createCache, disposable, superUserKey, topicClient } = await localMomento();
  createCache('calendar-events');
  createCache('collaboration');
  const token = disposable(
    explicit(
      cachePermission('calendar-events', { keyPrefix: 't1:' }),
      topicPermission('collaboration', { name: 't1-events' }),
    ),
    { tokenId: 'user-1' },
  );
  const owner = cacheClient(superUserKey.apiKey);
  await owner.set('calendar-events', 't1:monday', 'ours');
  await owner.set('calendar-events', 't10:monday', 'theirs');

  const client = cacheClient(token);
  const ours = await client.get('calendar-events', 't1:monday');
  expect(expectInstance(ours, CacheGet.Hit).valueString()).toBe('ours');
  expect(verdictOn(await client.get('calendar-events', 't10:monday'))).toBe(REFUSED);
  expect(verdictOn(await client.get('calendar-events', 't1'))).toBe(REFUSED);
  expect(verdictOn(await client.set('calendar-events', 't1:monday', 'x'))).toBe(REFUSED);
  expect(verdictOn(await client.get('collaboration', 't1:monday'))).toBe(REFUSED);

  const topics = topicClient(token);
  const { until } = await listen(topics, 'collaboration', 't1-events');
  await topics.publish('collaboration', 't1-events', 'hello');
  expect(await until(1)).toEqual([['hello', 'user-1', 1]]);
  expect(verdictOn(await topics.publish('collaboration', 't10-events', 'x'))).toBe(REFUSED);
  expect(verdictOn(await topics.publish('calendar-events', 't1-events', 'x'))).toBe(REFUSED);
  expect(verdictOn((await listen(topics, 'collaboration', 't10-events')).subscription)).toBe(
    REFUSED,
  );
});

test('what the SDK makes of the same scope lets a stranger in: its item is lost', async () => {
  const { authClient, cacheClient, createCache, superUserKey } = await localMomento();
  createCache('calendar-events');
  const widened = expectInstance(
    await authClient(superUserKey.apiKey).generateDisposableToken(
      {
        permissions: [
          { role: 'readonly', cache: 'calendar-events', item: { keyPrefix: 't1:' } },
          { role: 'publishsubscribe', cache: 'collaboration', topic: 't1-events' },
        ],
      },
      ExpiresIn.minutes(15),
    ),
    GenerateDisposableToken.Success,
  );
  const client = cacheClient(widened.authToken);
  expect(verdictOn(await client.get('calendar-events', 't10:monday'))).toBe('allowed');
});
