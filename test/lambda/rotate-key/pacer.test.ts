import { describe, expect, test } from '@jest/globals';
import { evenPacer, type Turn } from '../../../lambda/rotate-key/pacer.ts';
import { SimulatedClock } from '../simulated-clock.ts';
import { coldAtFirst, constant, paced, uniform, type Way, withOutliers } from './round-trips.ts';

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
    turn?.end('answered');
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

test('one a second waits for a second after the end of the one before, as long as little is known', async () => {
  expect(await began(3, 1, () => 300)).toEqual([0, 1_310, 2_620]);
});

test('what is known of round trips is taken off that second, but for a margin', async () => {
  const times = await began(22, 1, () => 300);
  // Twenty are enough; of 300 ms 30 are the margin.
  expect(times.slice(18).map((time) => time - 18 * 1_310)).toEqual([0, 1_310, 2_350, 3_390]);
});

test('the more round trips differ, the less is taken off', async () => {
  const times = await began(22, 1, (index) => (index === 0 ? 300 : 360));
  // The shortest is 300, the usual one 360: 30 less, and the margin.
  expect(times.slice(20).map((time) => time - (times[19] ?? 0))).toEqual([1_130, 2_260]);
});

test('a way to Momento that gets shorter is noticed with the first answer', async () => {
  const times = await began(24, 1, (index) => (index < 22 ? 500 : 100));
  // 500 - 30 are taken off; then nothing, because nobody knows what is usual now.
  expect(times.slice(21).map((time) => time - (times[20] ?? 0))).toEqual([1_040, 2_080, 3_190]);
});

test('also by who has his turn already, and waits for it', async () => {
  const times = await began(24, 2, (index) => (index < 22 ? 400 : 100));
  const gaps = times.slice(22).map((time, index) => time - (times[index + 21] ?? 0));
  // 1,010 after the end of one that took 400: nothing is taken off any more.
  expect(gaps).toEqual([540, 870]);
});

describe('not known any more, or never learned', () => {
  /** A pacer of one a second that has seen `count` round trips of 300 ms. */
  async function warm(count = 30) {
    const clock = new SimulatedClock();
    const pacer = evenPacer(1, clock);
    const operation = async (
      how: Parameters<Turn['end']>[0] = 'answered',
      tookMs = 300,
    ): Promise<number> => {
      const turn = await pacer.turn(Number.POSITIVE_INFINITY);
      const beganMs = clock.now();
      await clock.sleep(tookMs);
      turn?.end(how);
      return beganMs;
    };
    const next = (...how: Parameters<typeof operation>) => clock.run(operation(...how));
    for (let made = 0; made < count; made += 1) await next();
    return { clock, next };
  }

  test('round trips of a minute ago: a process that was frozen begins anew', async () => {
    const { clock, next } = await warm();
    expect((await next()) - (await next())).toBe(-1_040);
    clock.nowMs += 3_600_000;
    const thawedMs = await next();
    expect((await next()) - thawedMs).toBe(1_310);
  });

  test('an operation that nobody waits for any more: Momento may have counted it until then', async () => {
    const { next } = await warm();
    const beganMs = await next('unanswered', 8_000);
    const followedMs = await next();
    expect(followedMs - beganMs).toBe(9_010);
    expect((await next()) - followedMs).toBe(1_040);
  });

  test('a connection that was never made: what is known stays known', async () => {
    const { next } = await warm();
    await next('unanswered', 0);
    const beganMs = await next();
    expect((await next()) - beganMs).toBe(1_040);
  });

  test('after a refusal nothing is taken off for ten minutes', async () => {
    const { clock, next } = await warm();
    const refusedMs = await next('refused');
    expect((await next()) - refusedMs).toBe(1_310);
    expect((await next()) - refusedMs).toBe(2_620);
    for (let beganMs = 0; beganMs < refusedMs + 601_000; ) beganMs = await next();
    const beganMs = clock.now() - 300;
    expect((await next()) - beganMs).toBe(1_040);
  });

  test('a turn that was not used: its place is as free as it was', async () => {
    const { next } = await warm();
    const unusedMs = await next('unused', 0);
    // Evenly spaced all the same.
    const beganMs = await next();
    expect(beganMs - unusedMs).toBe(1_000);
    expect((await next()) - beganMs).toBe(1_040);
  });
});

test('a turn that was not used goes to who waits for a place', async () => {
  const clock = new SimulatedClock();
  const pacer = evenPacer(1, clock);
  const unused = await clock.run(pacer.turn(Number.POSITIVE_INFINITY));
  const beganMs = clock.now();
  const next = pacer.turn(Number.POSITIVE_INFINITY);
  unused?.end('unused');
  await clock.run(next);
  expect(clock.now() - beganMs).toBe(1_000);
});

// Of which some take no time: nothing can be taken off the second.
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

// With many seeds: `fleet.long.test.ts`.
describe('a thousand operations at a Momento that counts each of them somewhere on its way', () => {
  test.each([20, 100, 250, 500])(
    '%d ms: none refused, within 1.1 × what the rate dictates',
    async (latencyMs) => {
      const way = (share: number) => coldAtFirst(1, uniform(latencyMs, share, 0.05));
      const { refused, ratio } = await paced(way, { seed: 1 });
      expect(refused).toBe(0);
      expect(ratio).toBeLessThanOrEqual(1.1);
    },
  );

  test.each([1, 2, 2.5, 5, 50])(
    '%d per second, and nothing goes well: none refused',
    async (rate) => {
      const way = (share: number) => coldAtFirst(rate, withOutliers(uniform(250, share, 0.5)));
      const trial = { stallsAtMs: [3_300, 20_300], stallsBefore: [100], silent: [3, 150] };
      const { refused } = await paced(way, { ...trial, seed: 1, ratePerSecond: rate, count: 300 });
      expect(refused).toBe(0);
    },
  );

  test('a connection that is cold in every place at once misleads nobody', async () => {
    const way = (share: number) => coldAtFirst(50, constant(100, share));
    expect((await paced(way, { seed: 1, ratePerSecond: 50 })).refused).toBe(0);
  });

  // Otherwise "none refused" would be true of any pacer.
  test('where Momento counts at any instant of round trips that take the same, a few calls are refused', async () => {
    const way = (): Way => (random) => constant(500, random())(random, 0, 0);
    const { refused } = await paced(way, { seed: 1 });
    expect(refused).toBeGreaterThan(0);
    expect(refused).toBeLessThanOrEqual(5);
  });
});

test('time that has passed is not saved up for a burst', async () => {
  const clock = new SimulatedClock();
  const pacer = evenPacer(2, clock);
  const operation = async () => (await pacer.turn(Number.POSITIVE_INFINITY))?.end('answered');
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
  (await clock.run(pacer.turn(startedMs)))?.end('answered');
  expect(await clock.run(pacer.turn(startedMs + 1_009))).toBeUndefined();
  expect(clock.now()).toBe(startedMs);
  expect(await clock.run(pacer.turn(startedMs + 1_010))).toBeDefined();
  expect(clock.now()).toBe(startedMs + 1_010);
});
