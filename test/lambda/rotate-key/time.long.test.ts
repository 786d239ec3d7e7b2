// No run may end later than its function: Lambda would cut it off, with nothing reported and nothing told.
// Whatever hangs or crawls, from whichever call on, on the simulated clock.

import { describe, expect, test } from '@jest/globals';
import { DAY_SECONDS, type Fault, HOUR_SECONDS, type Invocation, TICK, World } from './world.ts';

type Trouble = (from: number) => World['fault'];

const counted = (troubled: (index: number, call: string) => Fault | undefined): World['fault'] => {
  let index = 0;
  return (call) => troubled(index++, call);
};

// Just below the deadline of each call, so that all of it counts as an answer.
const CRAWL_MS: Readonly<Record<string, number>> = {
  RefreshApiKey: 7_900,
  ListCaches: 4_900,
  PutEvents: 2_900,
};
const crawl = (call: string) => ({ takesMs: CRAWL_MS[call] ?? 3_900 });

const TROUBLES: Readonly<Record<string, Trouble>> = {
  'every call is silent': (from) => counted((index) => (index >= from ? 'silence' : undefined)),
  'one kind of call is silent': (from) => {
    let silent: string | undefined;
    return counted((index, call) => {
      if (index === from) silent = call;
      return call === silent ? 'silence' : undefined;
    });
  },
  'every call crawls': (from) =>
    counted((index, call) => (index >= from ? crawl(call) : undefined)),
  'every call fails': (from) =>
    counted((index) => (index >= from ? new Error('no route to host') : undefined)),
  'every call crawls and its answer is lost': (from) =>
    counted((index, call) => (index >= from ? { ...crawl(call), answerIsLost: true } : undefined)),
};

/** One rotation makes 13 calls. */
const CALLS = 13;
const range = (from: number, to: number, step = 1): number[] =>
  Array.from({ length: Math.ceil((to - from) / step) }, (_, index) => from + index * step);

/** With many keys the trouble may also begin far into the run. */
const startsFor = (keys: number): number[] =>
  keys === 1 ? range(0, CALLS) : keys === 5 ? range(0, 5 * CALLS, 7) : range(3, 30 * CALLS, 119);

async function expectInTime(
  world: World,
  secretIds: readonly string[],
  timeoutSeconds: number,
): Promise<void> {
  const { keys, tookMs } = (await world.invoke(TICK, { timeoutSeconds, secretIds })) as Invocation;
  expect(tookMs).toBeLessThan(timeoutSeconds * 1000);
  expect(keys).toHaveLength(secretIds.length);
}

describe.each([60, 300])('a function with %d s ends in time', (timeoutSeconds) => {
  describe.each([1, 5, 30])('with %d keys that are due', (keys) => {
    test.each(Object.entries(TROUBLES))('when, from any call on, %s', async (_, trouble) => {
      for (const from of startsFor(keys)) {
        const world = new World();
        const secretIds = world.importMany(keys);
        world.wait(21 * DAY_SECONDS);
        world.fault = trouble(from);
        await expectInTime(world, secretIds, timeoutSeconds);
      }
    });
  });

  // To read such a secret takes four calls, and to finish it five more.
  test.each(Object.entries(TROUBLES))(
    'with 6 keys that have a pending pair and a claim, when, from any call on, %s',
    async (_, trouble) => {
      for (const from of range(0, 24, 4)) {
        const world = new World();
        const secretIds = world.importMany(6);
        world.wait(21 * DAY_SECONDS);
        world.fault = (call) => (call === 'ListCaches' ? 'kill' : undefined);
        for (const secretId of secretIds) await world.invoke({ secretId });
        world.wait(HOUR_SECONDS);
        world.fault = trouble(from);
        await expectInTime(world, secretIds, timeoutSeconds);
      }
    },
  );
});
