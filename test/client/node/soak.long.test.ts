// Constant load through fifty rotations, over the real wire and the real SDKs: not one request fails. The rotations
// are edits of the local stores, because a secret takes 40 new versions in a day and rotate-key makes two for each
// rotation. With rotate-key itself: stack.test.ts, as many as a day allows.

import { setTimeout as sleep } from 'node:timers/promises';
import { CacheGet, CacheSet, TopicPublish } from '@gomomento/sdk';
import { afterEach, describe, expect, test } from '@jest/globals';
import {
  type CredentialsEvent,
  followTopic,
  type KeyOptions,
  type RotatingCredentials,
  rotatingCredentials,
} from '../../../client/node/index.ts';
import {
  CACHE,
  cacheClient,
  type LocalRotation,
  startLocalRotation,
  topicClient,
} from './local-rotation.ts';

const ROTATIONS = 50;
const CALLERS = 8;
const HOUR_MS = 3_600_000;

const afterwards: (() => Promise<unknown>)[] = [];
afterEach(async () => {
  for (const undo of afterwards.splice(0).reverse()) await undo();
});

async function start(oldKeys: 'live' | 'die'): Promise<LocalRotation> {
  const local = await startLocalRotation(oldKeys);
  afterwards.push(local.close);
  return local;
}

const common = (
  { secretArn, secretsManager }: LocalRotation,
  events: CredentialsEvent[],
): KeyOptions => ({
  secretId: secretArn,
  secretsManager,
  checkEveryMs: HOUR_MS,
  onEvent: (event) => events.push(event),
});

interface Load {
  isOver: boolean;
  calls: number;
  readonly failed: string[];
}

/** Writes and reads until it is over. */
async function call(
  momento: RotatingCredentials<ReturnType<typeof cacheClient>>,
  caller: number,
  load: Load,
) {
  for (let calls = 0; !load.isOver; calls += 1) {
    const key = `acme:${caller}`;
    const answer = await momento
      .use(
        (cache): Promise<CacheGet.Response | CacheSet.Response> =>
          calls % 2 === 0 ? cache.set(CACHE, key, `${calls}`) : cache.get(CACHE, key),
      )
      .catch((error: unknown) => error);
    const isRight =
      answer instanceof CacheSet.Success ||
      (answer instanceof CacheGet.Hit && answer.value() === `${calls - 1}`);
    if (!isRight) load.failed.push(String(answer));
    load.calls += 1;
    await sleep(5);
  }
}

/** A key that dies before anybody has used it would be refused twice: rotations are far apart. */
async function cameThrough(
  momento: Pick<RotatingCredentials<unknown>, 'current'>,
  versionId: string,
  load: Load,
): Promise<void> {
  while ((await momento.current()).versionId !== versionId) await sleep(2);
  const calls = load.calls + 2 * CALLERS;
  while (load.calls < calls) await sleep(2);
}

describe(`constant load through ${ROTATIONS} rotations, made by editing the stores: rotate-key could make 20 a day`, () => {
  test.each<[string, 'live' | 'die', 'poll' | 'event' | 'refusal']>([
    ['old keys live on, seen by the timer', 'live', 'poll'],
    ['old keys live on, seen by events', 'live', 'event'],
    ['old keys die at the refresh, seen by the timer', 'die', 'poll'],
    ['old keys die at the refresh, seen by events', 'die', 'event'],
    ['old keys die at the refresh, seen by refusals alone', 'die', 'refusal'],
  ])(
    '%s: not one failure',
    async (_, oldKeys, seenBy) => {
      const local = await start(oldKeys);
      const events: CredentialsEvent[] = [];
      let closed = 0;
      let made = 0;
      const momento = rotatingCredentials({
        ...common(local, events),
        ...(seenBy === 'poll' && { checkEveryMs: 40 }),
        makeClient: (key) => {
          made += 1;
          return cacheClient(key, local.endpoint);
        },
        closeClient: (client) => {
          closed += 1;
          client.close();
        },
      });
      await momento.current();
      const load: Load = { isOver: false, calls: 0, failed: [] };
      const callers = Array.from({ length: CALLERS }, (_, caller) => call(momento, caller, load));
      try {
        for (let turn = 0; turn < ROTATIONS; turn += 1) {
          const event = await local.rotate({ takesMs: turn % 10 === 0 ? 30 : 0 });
          if (seenBy === 'event') momento.noticeRotation(event);
          await cameThrough(momento, event.detail.versionId, load);
        }
      } finally {
        load.isOver = true;
        await Promise.all(callers);
        await momento.close();
      }
      expect(load.failed).toEqual([]);
      expect(load.calls).toBeGreaterThan(ROTATIONS * CALLERS);

      const count = (type: CredentialsEvent['type']) =>
        events.filter((event) => event.type === type).length;
      expect(count('check-failed') + count('close-failed')).toBe(0);
      expect(count('rotated')).toBe(ROTATIONS);
      if (oldKeys === 'live') expect(count('refused')).toBe(0);
      else expect(count('refused')).toBeGreaterThanOrEqual(ROTATIONS / 10);
      if (seenBy === 'refusal') expect(count('refused')).toBe(ROTATIONS);
      expect(closed).toBe(made);
    },
    60_000,
  );
});

describe('a subscription', () => {
  const TOPIC = 'acme-events';

  test('that is followed gets each item once and in order while old keys live on', async () => {
    const local = await start('live');
    const events: CredentialsEvent[] = [];
    const momento = rotatingCredentials({
      ...common(local, events),
      makeClient: (key) => topicClient(key, local.endpoint),
    });
    const seen: number[] = [];
    const gaps: unknown[] = [];
    const stop = await followTopic(momento, CACHE, TOPIC, {
      onItem: (item) => seen.push(item.sequenceNumber()),
      onGap: (gap) => gaps.push(gap),
    });
    let published = 0;
    const publish = async () => {
      const answer = await momento.use((topics) => topics.publish(CACHE, TOPIC, `${published}`));
      expect(answer).toBeInstanceOf(TopicPublish.Success);
      published += 1;
    };
    for (let turn = 0; turn < 20; turn += 1) {
      const noticed = local.rotate({ takesMs: 5 }).then((event) => momento.noticeRotation(event));
      for (let item = 0; item < 10; item += 1) await publish();
      await noticed;
    }
    while (seen.length < published) await sleep(10);
    // Each once, in order, and none left out.
    expect(seen).toEqual(Array.from({ length: published }, (_, index) => index + 1));
    expect(gaps).toEqual([]);
    expect(events.filter(({ type }) => type !== 'rotated')).toEqual([]);
    await stop();
    await momento.close();
  });

  test('that ended with its key is made again on the next one', async () => {
    const local = await start('die');
    const momento = rotatingCredentials({
      ...common(local, []),
      makeClient: (key) => topicClient(key, local.endpoint),
    });
    const seen: string[] = [];
    await followTopic(momento, CACHE, TOPIC, { onItem: (item) => seen.push(item.valueString()) });
    // Nobody tells of it, and nobody else calls: Momento's end of the stream is all that there is to see.
    await local.rotate({ takesMs: 0 });
    const publisher = rotatingCredentials({
      ...common(local, []),
      makeClient: (key) => topicClient(key, local.endpoint),
    });
    for (let item = 0; item < 100 && seen.length === 0; item += 1) {
      await publisher.use((topics) => topics.publish(CACHE, TOPIC, `${item}`));
      await sleep(20);
    }
    expect(seen).toHaveLength(1);
    await publisher.close();
    await momento.close();
  });
});
