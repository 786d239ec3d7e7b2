import { expect, test } from '@jest/globals';
import { evenPacer } from '../../../lambda/rotate-key/pacer.ts';
import { SimulatedClock } from '../simulated-clock.ts';

async function turns(count: number, ratePerSecond: number): Promise<number[]> {
  const clock = new SimulatedClock();
  const startedMs = clock.now();
  const pacer = evenPacer(ratePerSecond, clock);
  const times: number[] = [];
  const taken = Array.from({ length: count }, async () => {
    await pacer.turn();
    times.push(clock.now() - startedMs);
  });
  await clock.run(Promise.all(taken));
  return times;
}

test('turns asked for at once come evenly spaced, the first at once', async () => {
  expect(await turns(6, 5)).toEqual([0, 200, 400, 600, 800, 1_000]);
});

test('a slow rate spaces them by more than a second', async () => {
  expect(await turns(3, 0.5)).toEqual([0, 2_000, 4_000]);
});

test('time that has passed is not saved up for a burst', async () => {
  const clock = new SimulatedClock();
  const pacer = evenPacer(2, clock);
  await clock.run(pacer.turn());
  clock.nowMs += 60_000;
  const startedMs = clock.now();
  await clock.run(pacer.turn());
  expect(clock.now() - startedMs).toBe(0);
  await clock.run(pacer.turn());
  expect(clock.now() - startedMs).toBe(500);
});
