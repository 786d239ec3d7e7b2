// Turns taken from a real table: each conditional write in all its branches, many at once, and whatever may be in it.

import { afterAll, beforeAll, beforeEach, describe, expect, test } from '@jest/globals';
import {
  KNOWN_TO_MS,
  LATE_MS,
  LONGEST_PROMISE_MS,
  PATIENCE_MS,
} from '../../../lambda/vend-token/pace.ts';
import { DynamoDbTable } from '../../../lambda/vend-token/table.ts';
import { TableTurns } from '../../../lambda/vend-token/table-turns.ts';
import { TimeBounds } from '../../../lambda/vend-token/time-bounds.ts';
import { NotYourTurn } from '../../../lambda/vend-token/turns.ts';
import { AwsError } from '../../../local/aws/aws-error.ts';
import { HostClock, SharedTable, TABLE, TrueClock } from './fleet.ts';
import { START } from './world.ts';

const NEW = { sentAway: 0, waitedMs: 0 };
const BACK = { sentAway: 1, waitedMs: 0 };
const SLOT_MS = 275;
/** What the bounds of `knowing` are apart, in milliseconds, at most. */
const EXACTLY_MS = 15;

let clock: TrueClock;
let table: SharedTable;
let startMs: number;
beforeAll(async () => {
  clock = new TrueClock(START);
  table = await SharedTable.start(clock);
});
afterAll(() => table.close());
beforeEach(async () => {
  clock.nowMs = Math.ceil(clock.nowMs / 1_000) * 1_000 + 60_000;
  startMs = clock.nowMs;
  table.fault = () => undefined;
  await table.write('pace', {});
  table.calls.length = 0;
});

/** Knows the time as exactly as answers around a full second tell it, whatever its host's clock says. */
function knowing(offsetMs = 0): TimeBounds {
  const host = new HostClock(clock, offsetMs);
  const time = new TimeBounds(host);
  const nowMs = clock.nowMs;
  clock.nowMs = Math.ceil(nowMs / 1_000) * 1_000 - 1;
  time.hear(Math.floor(clock.nowMs / 1_000) * 1_000, host.now());
  clock.nowMs += 1;
  time.hear(clock.nowMs, host.now());
  clock.nowMs = nowMs;
  return time;
}

function turnsOf(ratePerSecond = 4, time = knowing()): TableTurns {
  const service = table.service('dynamodb', new HostClock(clock), time);
  return new TableTurns(new DynamoDbTable(service, TABLE), time, ratePerSecond);
}

/** `now`, `at 425`, `until 1250`: milliseconds from the start of the test, to the exactness of the bounds. */
async function told(turns: TableTurns, options = NEW): Promise<string> {
  try {
    const { atMs, untilMs } = await clock.run(turns.give(options));
    const word = untilMs - atMs === PATIENCE_MS ? 'now' : 'at';
    expect([PATIENCE_MS, LATE_MS]).toContain(Math.round(untilMs - atMs));
    return `${word} ${near(atMs)}`;
  } catch (error) {
    if (!(error instanceof NotYourTurn)) throw error;
    return `until ${near(error.untilMs)}`;
  }
}
/** Bounds lie a few milliseconds before the truth: told to the next 25. */
const near = (atMs: number) => Math.ceil((atMs - startMs) / 25) * 25;
const written = async () => {
  const { nextAt, promisedTo } = (await table.item('pace')) ?? {};
  return {
    next: nextAt && near(Number(nextAt.N)),
    promised: promisedTo && near(Number(promisedTo.N)),
  };
};
const N = (inMs: number) => ({ N: `${startMs + inMs}` });

describe('one after another', () => {
  test('now, then a slot each, then promises, each a slot later', async () => {
    const turns = turnsOf();
    const all: string[] = [];
    for (let count = 0; count < 9; count += 1) all.push(await told(turns));
    expect(all).toEqual([
      'now 0',
      'at 425',
      'at 700',
      'at 975',
      'at 1250',
      'at 1525',
      'at 1800',
      'until 2075',
      'until 2350',
    ]);
    expect(await written()).toEqual({ next: 2_075, promised: 2_625 });
  });

  test('who comes back queues before those who come anew, up to 3 s', async () => {
    const turns = turnsOf();
    for (let count = 0; count < 10; count += 1) await told(turns);
    clock.nowMs += 2_100;
    expect(await told(turns, BACK)).toBe('now 2100');
    expect(await told(turns, BACK)).toBe('at 2525');
    expect(await told(turns, NEW)).toBe('until 2900');
    const more: string[] = [];
    for (let count = 0; count < 11; count += 1) more.push(await told(turns, BACK));
    expect(more).toEqual([
      'at 2800',
      'at 3075',
      'at 3350',
      'at 3625',
      'at 3900',
      'at 4175',
      'at 4450',
      'at 4725',
      'at 5000',
      'until 5275',
      'until 5275',
    ]);
  });

  test('after a pause it is as if nothing had been', async () => {
    const turns = turnsOf();
    for (let count = 0; count < 7; count += 1) await told(turns);
    clock.nowMs += 10_000;
    expect(await told(turns)).toBe('now 10000');
    expect(await told(turns)).toBe('at 10425');
  });

  test.each([7, 49, 120])('%d per second: slots are not rounded away', async (rate) => {
    await table.write('pace', { nextAt: N(100) });
    const turns = turnsOf(rate);
    for (let count = 0; count < 7; count += 1) await told(turns, BACK);
    const { nextAt } = (await table.item('pace')) ?? {};
    expect(Number(nextAt?.N) - startMs - 100).toBeCloseTo((7 * 1_100) / rate, 1);
  });

  test('whoever knows the time to a second only leaves so much more room', async () => {
    const time = new TimeBounds(new HostClock(clock));
    time.hear(startMs, startMs);
    await told(turnsOf(4, time));
    const { nextAt } = (await table.item('pace')) ?? {};
    const widthMs = time.latest() - time.earliest();
    expect(widthMs).toBeGreaterThan(900);
    const plainMs = startMs + SLOT_MS + PATIENCE_MS;
    expect(Number(nextAt?.N) - plainMs).toBeGreaterThan(widthMs - KNOWN_TO_MS - EXACTLY_MS);
  });
});

describe('many at once', () => {
  const instances = () =>
    Array.from({ length: 8 }, (_, index) => turnsOf(4, knowing(index * 7_000)));

  test('whoever gets a turn has it alone, and turns are a slot apart', async () => {
    const fleet = instances();
    const given = await clock.run(
      Promise.all(
        Array.from({ length: 40 }, async (_, index) => {
          try {
            return (await fleet[index % fleet.length]?.give(BACK))?.atMs;
          } catch (error) {
            if (error instanceof NotYourTurn) return undefined;
            throw error;
          }
        }),
      ),
    );
    const turns = given.filter((atMs) => atMs !== undefined).sort((a, b) => a - b);
    expect(turns.length).toBeGreaterThanOrEqual(9);
    expect(turns.length).toBeLessThanOrEqual(12);
    for (const [index, atMs] of turns.entries()) {
      const before = turns[index - 1];
      if (before !== undefined) expect(atMs - before).toBeGreaterThanOrEqual(SLOT_MS - 0.01);
    }
  });

  test('promises are distinct as well, and none is further ahead than three minutes', async () => {
    await table.write('pace', { nextAt: N(1_500), promisedTo: N(LONGEST_PROMISE_MS - 2_000) });
    const fleet = instances();
    const promised = await clock.run(
      Promise.all(
        Array.from({ length: 24 }, async (_, index) => {
          const failure = await fleet[index % fleet.length]
            ?.give(NEW)
            .catch((error: unknown) => error);
          if (!(failure instanceof NotYourTurn))
            throw new Error('none has a turn', { cause: failure });
          return failure.untilMs - startMs;
        }),
      ),
    );
    expect(Math.max(...promised)).toBeLessThanOrEqual(LONGEST_PROMISE_MS);
    const { promisedTo } = (await table.item('pace')) ?? {};
    expect(Number(promisedTo?.N) - startMs).toBeLessThanOrEqual(LONGEST_PROMISE_MS + SLOT_MS);
    const reserved = promised.filter((atMs) => atMs < LONGEST_PROMISE_MS - EXACTLY_MS - SLOT_MS);
    expect(reserved.length).toBeGreaterThanOrEqual(5);
    expect(new Set(reserved.map(Math.round)).size).toBe(reserved.length);
  });
});

describe('the answer to a write is lost', () => {
  /** The write is done, and then once more. */
  const losing = (operation: string, which = 1) => {
    let times = 0;
    table.fault = (called) => {
      if (called !== operation) return undefined;
      times += 1;
      return times === which ? { loseAnswer: true } : undefined;
    };
  };
  /** Before it looks it takes it for granted that nobody waits: that write is refused. */
  const AFTER_A_LOOK = 2;

  test('of a turn now: it is another one, and the first is nobody’s', async () => {
    losing('UpdateItem');
    expect(await told(turnsOf())).toBe('at 425');
    expect(await told(turnsOf())).toBe('at 700');
  });

  test('of a turn in the line: the same', async () => {
    await table.write('pace', { nextAt: N(100) });
    losing('UpdateItem', AFTER_A_LOOK);
    expect(await told(turnsOf())).toBe('at 375');
    expect(await written()).toMatchObject({ next: 650 });
  });

  test('of a promise: it is for a later time, or another is asked for', async () => {
    await table.write('pace', { nextAt: N(2_500), promisedTo: N(2_500) });
    losing('UpdateItem', AFTER_A_LOOK);
    expect(await told(turnsOf())).toBe('until 2775');
    await table.write('pace', { nextAt: N(2_500) });
    losing('UpdateItem', AFTER_A_LOOK);
    expect(await told(turnsOf())).toBe('until 2775');
  });

  test('of a look: nothing happened', async () => {
    await table.write('pace', { nextAt: N(100) });
    losing('GetItem');
    expect(await told(turnsOf())).toBe('at 100');
  });
});

describe('whatever is in it', () => {
  const absurd = LONGEST_PROMISE_MS + 70_000;
  test.each<[string, () => object]>([
    ['texts', () => ({ nextAt: { S: 'soon' }, promisedTo: { S: 'later' } })],
    ['bytes', () => ({ nextAt: { B: 'AAEC' }, promisedTo: { B: 'AAEC' } })],
    ['lists and maps', () => ({ nextAt: { L: [] }, promisedTo: { M: { N: { N: '1' } } } })],
    ['nothing', () => ({ nextAt: { NULL: true }, promisedTo: { BOOL: true } })],
    ['sets of numbers', () => ({ nextAt: { NS: ['1'] }, promisedTo: { NS: ['1'] } })],
    [
      'the largest number',
      () => ({ nextAt: { N: '9.9999e125' }, promisedTo: { N: '9.9999e125' } }),
    ],
    ['the smallest number', () => ({ nextAt: { N: '-9.9999e125' }, promisedTo: { N: '-1' } })],
    ['a time beyond all promises', () => ({ nextAt: N(absurd), promisedTo: N(absurd) })],
    ['a fraction', () => ({ nextAt: { N: '0.1234567890123456789' }, promisedTo: { N: '1e-100' } })],
    ['attributes of others', () => ({ sealed: { B: 'AAEC' }, leaseUntil: N(1_000) })],
  ])('%s: vending goes on, at its pace, and the item becomes honest', async (_, attributes) => {
    await table.write('pace', attributes());
    const turns = turnsOf();
    const all: string[] = [];
    for (let count = 0; count < 9; count += 1) all.push(await told(turns));
    expect(all.slice(0, 4)).toEqual(['now 0', 'at 425', 'at 700', 'at 975']);
    expect(all.slice(6)).toEqual(['at 1800', 'until 2075', 'until 2350']);
    expect(await written()).toEqual({ next: 2_075, promised: 2_625 });
  });

  test('an honest turn and a promise that is none', async () => {
    await table.write('pace', { nextAt: N(2_200), promisedTo: { S: 'later' } });
    expect(await told(turnsOf())).toBe('until 2200');
    await table.write('pace', { nextAt: N(2_200), promisedTo: N(absurd) });
    expect(await told(turnsOf())).toBe('until 2200');
    expect(await written()).toEqual({ next: 2_200, promised: 2_475 });
  });

  test('a promise of long ago is nobody’s', async () => {
    await table.write('pace', { nextAt: N(2_200), promisedTo: N(-500_000) });
    expect(await told(turnsOf())).toBe('until 2200');
    expect(await written()).toEqual({ next: 2_200, promised: 2_475 });
  });
});

describe('who writes in between', () => {
  test('the turn that was seen is gone: he looks again', async () => {
    const [mine, other] = [turnsOf(), turnsOf()];
    await told(mine);
    clock.nowMs += 430;
    await told(other);
    // He takes it for granted that nobody waits.
    expect(await told(mine)).toBe('at 850');
  });

  test('one who is always too late is told to come back, and asks no more', async () => {
    table.fault = (operation) =>
      operation === 'UpdateItem'
        ? { error: new AwsError('ConditionalCheckFailedException', 'scripted') }
        : undefined;
    expect(await told(turnsOf())).toBe('until 1000');
    expect(table.calls.length).toBeLessThanOrEqual(10);
  });

  test('a table that is away says so', async () => {
    table.fault = () => ({ error: new AwsError('AccessDeniedException', 'scripted') });
    await expect(turnsOf().give(NEW)).rejects.toMatchObject({ code: 'AccessDeniedException' });
  });
});
