import { describe, expect, test } from '@jest/globals';
import { evenPacer } from '../../../lambda/rotate-key/pacer.ts';
import { SimulatedClock } from '../simulated-clock.ts';

/** When each operation begins, and when it ends, in milliseconds from the start. */
async function operations(
  count: number,
  ratePerSecond: number,
  tookMs: (index: number) => number = () => 0,
): Promise<Array<{ beganMs: number; endedMs: number }>> {
  const clock = new SimulatedClock();
  const startedMs = clock.now();
  const pacer = evenPacer(ratePerSecond, clock);
  const all = Array.from({ length: count }, async (_, index) => {
    const turn = await pacer.turn(Number.POSITIVE_INFINITY);
    const beganMs = clock.now() - startedMs;
    await clock.sleep(tookMs(index));
    const endedMs = clock.now() - startedMs;
    turn?.end();
    return { beganMs, endedMs };
  });
  return clock.run(Promise.all(all));
}

const began = async (...args: Parameters<typeof operations>): Promise<number[]> =>
  (await operations(...args)).map(({ beganMs }) => beganMs);

test('turns asked for at once come evenly spaced, the first at once', async () => {
  expect(await began(6, 5)).toEqual([0, 200, 400, 600, 800, 1_010]);
});

test('a slow rate spaces them by more than a second', async () => {
  expect(await began(3, 0.5)).toEqual([0, 2_010, 4_020]);
});

test('one a second waits for a second after the end of the one before', async () => {
  expect(await began(3, 1, () => 300)).toEqual([0, 1_310, 2_620]);
});

describe('in no sliding second are there more than the rate, wherever in its time Momento counts an operation', () => {
  test.each([1, 2, 2.5, 5, 50])('%d per second', async (rate) => {
    // The first takes long, as a cold connection does; the others vary.
    const all = await operations(200, rate, (index) => (index === 0 ? 900 : (index * 37) % 150));
    for (const { endedMs } of all) {
      // An operation may count at its latest moment, and all that follow at their earliest.
      const withinASecond = all.filter(
        (other) => other.endedMs >= endedMs && other.beganMs < endedMs + 1_000,
      );
      expect(withinASecond.length).toBeLessThanOrEqual(Math.max(1, rate));
    }
  });
});

test('the rate is nearly used up when operations are short', async () => {
  const times = await began(1_000, 5, () => 20);
  expect(times.at(-1)).toBeLessThan((1_000 / 5) * 1_000 * 1.05);
});

test('time that has passed is not saved up for a burst', async () => {
  const clock = new SimulatedClock();
  const pacer = evenPacer(2, clock);
  const operation = async () => (await pacer.turn(Number.POSITIVE_INFINITY))?.end();
  await clock.run(operation());
  clock.nowMs += 60_000;
  const startedMs = clock.now();
  await clock.run(operation());
  expect(clock.now() - startedMs).toBe(0);
  await clock.run(operation());
  expect(clock.now() - startedMs).toBe(500);
});

test('a turn that would come too late is not taken, and takes nobody else his', async () => {
  const clock = new SimulatedClock();
  const startedMs = clock.now();
  const pacer = evenPacer(1, clock);
  (await clock.run(pacer.turn(startedMs)))?.end();
  expect(await clock.run(pacer.turn(startedMs + 1_009))).toBeUndefined();
  expect(clock.now()).toBe(startedMs);
  expect(await clock.run(pacer.turn(startedMs + 1_010))).toBeDefined();
  expect(clock.now()).toBe(startedMs + 1_010);
});
