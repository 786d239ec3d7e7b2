// Taking a turn: not before it, not long after it, and what a process does that has no table.

import { describe, expect, test } from '@jest/globals';
import { LATE_MS } from '../../../lambda/vend-token/pace.ts';
import { TimeBounds } from '../../../lambda/vend-token/time-bounds.ts';
import {
  type GivenTurn,
  NotYourTurn,
  OwnTurns,
  type Turns,
  takeTurn,
} from '../../../lambda/vend-token/turns.ts';
import { SimulatedClock } from '../simulated-clock.ts';

const NEW = { sentAway: 0, waitedMs: 0 };
const rejectionOf = (work: Promise<unknown>) =>
  work.then(
    () => 'not rejected',
    (error: unknown) => error,
  );

describe('taking a turn', () => {
  const clock = () => new SimulatedClock();
  const taken = async (given: (nowMs: number, times: number) => GivenTurn) => {
    const time = clock();
    const startMs = time.now();
    let times = 0;
    const give = async () => {
      times += 1;
      return given(time.now(), times);
    };
    const result = await time.run(
      rejectionOf(takeTurn({ give }, { sentAway: 0 }, new TimeBounds(time), time)),
    );
    return { result, times, tookMs: time.now() - startMs };
  };

  test('it is awaited to the millisecond, and one that is here is taken at once', async () => {
    const at = (inMs: number) => taken((now) => ({ atMs: now + inMs, untilMs: now + inMs + 40 }));
    expect(await at(700)).toEqual({ result: 'not rejected', times: 1, tookMs: 700 });
    expect(await at(1)).toEqual({ result: 'not rejected', times: 1, tookMs: 1 });
    // The clock ticks in whole milliseconds.
    expect(await at(0.99)).toEqual({ result: 'not rejected', times: 1, tookMs: 0 });
    expect(await at(0)).toEqual({ result: 'not rejected', times: 1, tookMs: 0 });
    expect(await at(-40)).toEqual({ result: 'not rejected', times: 1, tookMs: 0 });
  });

  test('one that is over is given up for another; after four he is told to come back', async () => {
    const late = (now: number) => ({ atMs: now - 41, untilMs: now - 1 });
    expect(
      await taken((now, times) => (times < 4 ? late(now) : { atMs: now, untilMs: now })),
    ).toEqual({ result: 'not rejected', times: 4, tookMs: 0 });
    const { result, times } = await taken(late);
    expect(result).toBeInstanceOf(NotYourTurn);
    expect(result).toMatchObject({ code: 'rate-limited', untilMs: clock().now() + 1_000 });
    expect(times).toBe(4);
  });

  test('the time that went by with lost turns is part of the question', async () => {
    const time = clock();
    const waited: number[] = [];
    const give = async ({ waitedMs }: { waitedMs: number }) => {
      waited.push(waitedMs);
      await time.sleep(300);
      return { atMs: time.now() - 100, untilMs: time.now() - (waited.length < 3 ? 60 : 0) };
    };
    await time.run(takeTurn({ give }, { sentAway: 0 }, new TimeBounds(time), time));
    expect(waited).toEqual([0, 300, 600]);
  });

  test('where it is known to a second, it is not before the last moment that it may be', async () => {
    const time = clock();
    const bounds = new TimeBounds(time);
    bounds.hear(time.now() - 400, time.now());
    const atMs = time.now() + 200;
    await time.run(
      takeTurn({ give: async () => ({ atMs, untilMs: atMs + 40 }) }, { sentAway: 0 }, bounds, time),
    );
    expect(bounds.earliest()).toBeGreaterThan(atMs - 1);
    expect(Math.abs(time.now() - atMs - 405)).toBeLessThanOrEqual(1);
  });

  test('what the giver says is passed on', async () => {
    const time = clock();
    const gone = new NotYourTurn(5);
    const give = () => Promise.reject(gone);
    expect(await rejectionOf(takeTurn({ give }, { sentAway: 0 }, new TimeBounds(time), time))).toBe(
      gone,
    );
  });
});

describe('the turns of this process alone', () => {
  const SLOT_MS = 275;
  function own(longestWaitMs = 1_000) {
    const clock = new SimulatedClock();
    const time = new TimeBounds(clock);
    const turns: Turns = new OwnTurns(time, SLOT_MS, longestWaitMs);
    return { clock, time, turns };
  }
  const many = async ({ turns, clock }: ReturnType<typeof own>, count: number) => {
    const nowMs = clock.now();
    const given = await Promise.all(
      Array.from({ length: count }, () => turns.give(NEW).catch((error: NotYourTurn) => error)),
    );
    return given.map((turn) =>
      turn instanceof NotYourTurn ? `until ${turn.untilMs - nowMs}` : turn.atMs - nowMs,
    );
  };

  test('one slot after another, and nobody waits longer than he may', async () => {
    const process = own();
    expect(await many(process, 6)).toEqual([0, 275, 550, 825, 'until 1100', 'until 1100']);
    process.clock.nowMs += 100;
    expect(await many(process, 2)).toEqual([1_000, 'until 1275']);
    process.clock.nowMs += 60_000;
    expect(await many(process, 2)).toEqual([0, 275]);
  });

  test('whoever has waited already waits so much less', async () => {
    const process = own();
    await many(process, 3);
    await expect(process.turns.give({ ...NEW, waitedMs: 176 })).rejects.toThrow(NotYourTurn);
    await expect(process.turns.give({ ...NEW, waitedMs: 175 })).resolves.toMatchObject({
      atMs: process.clock.now() + 825,
    });
  });

  test('a turn is good for as long as elsewhere', async () => {
    const { turns, clock } = own();
    expect(await turns.give(NEW)).toEqual({ atMs: clock.now(), untilMs: clock.now() + LATE_MS });
  });

  test.each([-3_600_000, 3_600_000])(
    'a clock that is put right by %d ms does not stop them, nor let them all through',
    async (byMs) => {
      const process = own();
      expect(await many(process, 2)).toEqual([0, 275]);
      // As when a host's clock was set, and AWS has not been heard since.
      process.clock.nowMs += byMs;
      const given = await many(process, 3);
      expect(given[0]).toBe(0);
      expect(given.slice(1)).toEqual([275, 550]);
    },
  );
});
