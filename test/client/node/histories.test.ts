// Calls, followers, rotations, faults and set clocks in any order: whatever happened, it heals, and nothing is left.

import { afterAll, beforeAll, expect, test } from '@jest/globals';
import { awsError, type FakeClient, settled, World } from './world.ts';

const HISTORIES = 150;
const STEPS = 60;
const HOUR_MS = 3_600_000;

const unhandled: unknown[] = [];
const note = (reason: unknown) => unhandled.push(reason);
beforeAll(() => {
  process.on('unhandledRejection', note);
});
afterAll(() => {
  process.off('unhandledRejection', note);
});

/** mulberry32: the same numbers for the same seed. */
function chances(seed: number): () => number {
  let state = seed;
  return () => {
    state = (state + 0x6d2b79f5) | 0;
    let mixed = Math.imul(state ^ (state >>> 15), 1 | state);
    mixed = (mixed + Math.imul(mixed ^ (mixed >>> 7), 61 | mixed)) ^ mixed;
    return ((mixed ^ (mixed >>> 14)) >>> 0) / 2 ** 32;
  };
}

test.each(Array.from({ length: HISTORIES }, (_, seed) => [seed]))('history %d', async (seed) => {
  const random = chances(seed);
  const world = new World();
  const { clock } = world;
  clock.random = random;
  const wait = (longestMs: number) =>
    new Promise<void>((resolve) => clock.after(random() * longestMs, resolve));
  const atTimes = (longestMs: number) => (random() < 0.5 ? Promise.resolve() : wait(longestMs));
  const momento = world.credentials({
    background: random() < 0.7,
    servesAtMostMs: HOUR_MS,
  });

  const bugs: string[] = [];
  let begun = 0;
  let ended = 0;
  const call = () => {
    begun += 1;
    const takes = atTimes(30_000);
    momento
      .use((client) => client.get(takes))
      .catch((error: unknown) => {
        if (/closed client|under a call/.test(`${error}`)) bugs.push(`${error}`);
      })
      .finally(() => {
        ended += 1;
      });
  };

  const running = new Set<FakeClient[]>();
  const stops: (() => Promise<void>)[] = [];
  // Below the 10 s that `close()` has for a start: one that is given up cannot be stopped in time.
  const start = async (client: FakeClient, lost: (error: unknown) => void) => {
    await atTimes(9_000);
    if (random() < 0.1) throw new Error('not started');
    const place = [client];
    running.add(place);
    if (random() < 0.2) {
      clock.after(random() * 100_000, () => {
        if (running.delete(place)) lost(new Error('lost'));
      });
    }
    return async () => {
      if (client.closed > 0) bugs.push('stopped on a closed client');
      running.delete(place);
      await atTimes(20_000);
    };
  };

  const setClock = (byMs: number) => {
    clock.nowMs += byMs;
    // What was to come in a minute comes in a minute.
    const timers = [...clock.timers];
    clock.timers.clear();
    for (const timer of timers) Object.assign(timer, { atMs: timer.atMs + byMs });
    for (const timer of timers) clock.timers.add(timer);
  };

  const steps: readonly (readonly [weight: number, step: () => void | Promise<void>])[] = [
    [35, call],
    [
      15,
      () => {
        if (random() < 0.5) world.kill();
        world.rotate();
        if (random() < 0.5) void momento.noticeRotation();
      },
    ],
    [
      8,
      () => {
        const isAway = random() < 0.5;
        world.fault = () => (isAway ? awsError('ThrottlingException') : undefined);
      },
    ],
    [
      6,
      () => {
        const isSlow = random() < 0.5;
        world.answerTakes = () => (isSlow ? wait(6_000) : Promise.resolve());
      },
    ],
    [
      6,
      () => {
        const isSlow = random() < 0.5;
        world.makingTakes = () => (isSlow ? wait(50_000) : Promise.resolve());
      },
    ],
    [
      6,
      () =>
        void momento.follow(start).then(
          (stop) => stops.push(stop),
          () => {},
        ),
    ],
    [2, () => void stops.pop()?.()],
    [2, () => setClock((random() - 0.4) * 2 * HOUR_MS)],
    [20, () => clock.pass(random() ** 2 * 120_000)],
  ];
  const bag = steps.flatMap(([weight, step]) => Array.from({ length: weight }, () => step));
  for (let count = 0; count < STEPS; count += 1) {
    const step = bag[Math.floor(random() * bag.length)] ?? call;
    await step();
    await settled();
  }

  world.fault = () => undefined;
  world.answerTakes = () => Promise.resolve();
  world.makingTakes = () => Promise.resolve();
  await clock.pass(400_000);
  let healed = '';
  void momento
    .use((client) => client.get())
    .then((answer) => {
      healed = answer.constructor.name;
    });
  await clock.pass(1_000);
  expect(healed).toBe('Miss');
  expect(ended).toBe(begun);

  let isClosed = false;
  void momento.close().then(() => {
    isClosed = true;
  });
  await clock.pass(100_000);
  expect(isClosed).toBe(true);
  await clock.pass(100_000);
  expect(bugs).toEqual([]);
  expect(world.made.map(({ closed }) => closed)).toEqual(world.made.map(() => 1));
  expect(running.size).toBe(0);
  expect(clock.timers.size).toBe(0);
  expect(unhandled).toEqual([]);
});
