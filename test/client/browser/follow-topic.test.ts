// A topic followed through many tokens: the unmodified web SDK against local Momento, over gRPC-web.

import { setTimeout as sleep } from 'node:timers/promises';
import { CacheGet, type TopicClient, type TopicItem } from '@gomomento/sdk-web';
import { expect, test } from '@jest/globals';
import { followTopic } from '../../../client/browser/follow-topic.ts';
import { errorCodeOf } from '../../../client/browser/momento-error.ts';
import { movingClient } from '../../../client/browser/moving-client.ts';
import type { TopicGap } from '../../../client/browser/splice.ts';
import { bareKey } from '../../../local/momento/keys.ts';
import { startMomentoServer } from '../../../local/momento/server.ts';
import { explicit, topicPermission } from '../../local/momento/account-builder.ts';
import { afterwards } from '../../local/momento/local-momento.ts';
import { browserGlobals, CACHE, TOPIC, webMomento } from './web-momento.ts';

browserGlobals();

async function followed({ overlapMs = 5_000 } = {}) {
  const world = await webMomento();
  const made: TopicClient[] = [];
  const dropped: TopicClient[] = [];
  const topics = movingClient({
    tokens: world.tokens,
    make: (token) => {
      const client = world.topicClient(token);
      made.push(client);
      return client;
    },
    drop: (client) => dropped.push(client),
  });
  const heard: string[] = [];
  const gaps: TopicGap[] = [];
  const errors: unknown[] = [];
  const follower = followTopic(
    topics,
    CACHE,
    TOPIC,
    {
      onItem: (item: TopicItem) => heard.push(item.valueString()),
      onGap: (gap) => gaps.push(gap),
      onError: (error) => errors.push(errorCodeOf(error)),
    },
    { overlapMs },
  );
  afterwards.push(() => follower.close());
  const publish = (text: string) => world.owner.publish(CACHE, TOPIC, text);
  return { ...world, topics, made, dropped, heard, gaps, errors, follower, publish };
}

/** What has to come true soon. */
async function until(holds: () => boolean, timeoutMs = 5_000): Promise<void> {
  const start = performance.now();
  while (!holds() && performance.now() - start < timeoutMs) await sleep(2);
}

test('20 tokens, and messages all the while: none is lost, none comes twice', async () => {
  const world = await followed();
  const { clock, dropped, endpoint, errors, follower, gaps, heard, made, publish } = world;
  const { account, outcomes, renewed, superUserKey, topics } = world;
  await follower.subscribed;

  const { topics: topicsHere } = account.openTopic(bareKey(superUserKey.apiKey), {
    operation: 'publish',
    cacheName: CACHE,
    topicName: TOPIC,
  });
  let over = false;
  const sent: string[] = [];
  const failed: unknown[] = [];
  const send = async (from: string, how: (text: string) => Promise<unknown>) => {
    for (let number = 1; !over; number += 1) {
      const text = `${from} ${number}`;
      const answer = String(await how(text));
      if (answer === 'Success') sent.push(text);
      else failed.push(answer);
      await sleep(1);
    }
  };
  const publishers = [
    send('another', publish),
    // Through the clients that change, too.
    send('this page', (text) => topics.use((client) => client.publish(CACHE, TOPIC, text))),
  ];
  const burst = () => {
    for (let count = 0; count < 5; count += 1) {
      const text = `within ${sent.length}`;
      sent.push(text);
      topicsHere.publish(TOPIC, text, '');
    }
  };
  const renew = async () => {
    burst();
    const next = renewed();
    burst();
    await next;
    burst();
    await sleep(1);
    burst();
  };
  for (let change = 1; change <= 10; change += 1) {
    await renew();
    await until(() => dropped.length === change);
    // A token lives for 60 seconds: the one before the last is dead now.
    clock.nowMs += 25_000;
  }
  // Faster than the subscriptions can follow.
  for (let change = 11; change <= 20; change += 1) {
    await sleep(2 * (change - 11));
    await renew();
  }
  await sleep(50);
  over = true;
  await Promise.all(publishers);
  await until(() => heard.length >= sent.length);

  expect({ errors, failed, gaps }).toEqual({ errors: [], failed: [], gaps: [] });
  expect(endpoint.minted).toBe(21);
  expect(made).toHaveLength(21);
  // At the latest when the time of the last overlap is up.
  await until(() => dropped.length === 20, 15_000);
  const inOrder = dropped.map((client) => made.indexOf(client)).sort((a, b) => a - b);
  expect(inOrder).toEqual(Array.from({ length: 20 }, (_, index) => index));
  expect(sent.length).toBeGreaterThan(20 * 20);
  // Each publisher's own order is Momento's order.
  for (const from of ['another', 'this page', 'within']) {
    expect(heard.filter((text) => text.startsWith(from))).toEqual(
      sent.filter((text) => text.startsWith(from)),
    );
  }
  expect(heard).toHaveLength(sent.length);

  // No subscription is left at Momento, not even one that was overtaken while it was being made.
  const ended = () => outcomes.filter(({ method }) => method.endsWith('/Subscribe')).length;
  await until(() => ended() >= 20);
  expect(ended()).toBe(20);
  follower.close();
  await until(() => ended() > 20);
  expect(ended()).toBe(21);
});

test('a quiet topic: the old subscription goes when its time is up, and the next message comes once', async () => {
  const { dropped, follower, heard, made, publish, renewed } = await followed({ overlapMs: 20 });
  await follower.subscribed;
  await publish('before');
  await until(() => heard.length === 1);
  await renewed();
  await until(() => dropped.length === 1);
  expect(dropped[0] === made[0]).toBe(true);
  await publish('after');
  await until(() => heard.length === 2);
  await sleep(20);
  expect(heard).toEqual(['before', 'after']);
});

test('a token that dies under the subscription, as after a sleep: a new one, and what was missed is told', async () => {
  const { clock, endpoint, errors, follower, gaps, heard, publish } = await followed();
  await follower.subscribed;
  await publish('one');
  await until(() => heard.length === 1);
  clock.nowMs += 60_000;
  await publish('two: nobody may hear it');
  await until(() => endpoint.minted === 2);
  await sleep(50);
  await publish('three');
  await until(() => heard.length === 2);
  expect({ heard, gaps, errors }).toEqual({
    heard: ['one', 'three'],
    gaps: [{ after: 1, next: 3 }],
    errors: [],
  });
});

test('a scope without the topic: told, tried again, and well with the next token that has it', async () => {
  const { endpoint, errors, follower, heard, publish, renewed } = await followed();
  const allowed = endpoint.permissions;
  await follower.subscribed;
  endpoint.permissions = explicit(topicPermission(CACHE, { name: 'another' }));
  await renewed();
  await until(() => errors.length === 1);
  expect(errors).toEqual(['PERMISSION_ERROR']);
  // The old token may still hear.
  await publish('one');
  await until(() => heard.length === 1);
  endpoint.permissions = allowed;
  await renewed();
  await publish('two');
  await until(() => heard.length === 2);
  expect(heard).toEqual(['one', 'two']);
});

test('another user’s login: the first one’s subscription and client are gone at once, whatever the second may', async () => {
  const { dropped, endpoint, errors, follower, heard, made, outcomes, publish, tokens } =
    await followed();
  await follower.subscribed;
  await publish('for the first');
  await until(() => heard.length === 1);
  endpoint.permissions = explicit(topicPermission(CACHE, { name: 'another' }));
  const renewed = tokens.renew();
  // Before the second has a token, or hears that he has none.
  await Promise.resolve();
  expect([dropped.length, dropped[0] === made[0]]).toEqual([1, true]);
  await renewed;
  await publish('a secret of the first');
  await until(() => errors.length === 1);
  await until(() => outcomes.some(({ method }) => method.endsWith('/Subscribe')));
  await sleep(50);
  expect({ heard, errors }).toEqual({ heard: ['for the first'], errors: ['PERMISSION_ERROR'] });
});

test('nobody may have a token any more: nothing is heard, and after a login it goes on', async () => {
  const { endpoint, follower, gaps, heard, publish, tokens } = await followed();
  await follower.subscribed;
  await publish('one');
  await until(() => heard.length === 1);
  endpoint.status = 403;
  await expect(tokens.renew()).rejects.toMatchObject({ code: 'forbidden' });
  await publish('two');
  await sleep(50);
  expect(heard).toEqual(['one']);
  endpoint.status = 200;
  await tokens.renew();
  await sleep(50);
  await publish('three');
  await until(() => heard.length === 2);
  expect([heard, gaps]).toEqual([['one', 'three'], [{ after: 1, next: 3 }]]);
});

test('closed: nothing is heard, and every client is dropped', async () => {
  const { dropped, follower, heard, made, publish, tokens } = await followed();
  await follower.subscribed;
  follower.close();
  await publish('one');
  await sleep(50);
  expect(heard).toEqual([]);
  tokens.close();
  await until(() => dropped.length === made.length);
  expect(dropped[0] === made[0]).toBe(true);
});

test('a quiet topic that loses the network for longer than the SDK bears: subscribed again', async () => {
  const { account, errors, follower, heard, owner, server } = await followed();
  await follower.subscribed;
  await server.close();
  // The SDK tries again after half a second, and then no more.
  await until(() => errors.length >= 2);
  const again = await startMomentoServer({ account, port: server.port });
  afterwards.push(() => again.close());
  const start = performance.now();
  while (heard.length === 0 && performance.now() - start < 8_000) {
    await owner.publish(CACHE, TOPIC, 'hello');
    await sleep(100);
  }
  expect(heard[0]).toBe('hello');
});

test('an empty message, which the SDK cannot hand over, is told as an error and as a gap', async () => {
  const { errors, follower, gaps, heard, publish } = await followed();
  await follower.subscribed;
  for (const text of ['one', '', 'three']) await publish(text);
  await until(() => heard.length === 2);
  expect([heard, gaps]).toEqual([['one', 'three'], [{ after: 1, next: 3 }]]);
  expect(errors).toEqual(['UNKNOWN_ERROR']);
});

test('a cache client: a call that meets a dead token is made once more, and nobody notices', async () => {
  const world = await webMomento();
  const made: unknown[] = [];
  const cache = movingClient({
    tokens: world.tokens,
    make: (token) => {
      made.push(token);
      return world.cacheClient(token);
    },
  });
  const get = () => cache.use((client) => client.get(CACHE, 't1:k'));
  expect(String(await get())).toBe('Miss');
  // As after a sleep on a device whose clocks both stood still: nobody here knows yet.
  world.clock.nowMs += 60_000;
  const answers = await Promise.all(Array.from({ length: 50 }, get));
  expect(answers.every((answer) => answer instanceof CacheGet.Miss)).toBe(true);
  expect([made.length, world.endpoint.minted]).toEqual([2, 2]);
  // An error of another kind is the caller's.
  const refused = await cache.use((client) => client.get(CACHE, 'somebody-elses'));
  expect(errorCodeOf(refused)).toBe('PERMISSION_ERROR');
  expect(world.endpoint.minted).toBe(2);
});
