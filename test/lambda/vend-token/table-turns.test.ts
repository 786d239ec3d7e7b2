// Turns taken from a real table: each conditional write in all its branches, many at once, and whatever may be in it.

import { afterAll, beforeAll, beforeEach, describe, expect, test } from '@jest/globals';
import {
  KNOWN_TO_MS,
  LATE_MS,
  LONGEST_PROMISE_MS,
  LONGEST_WAIT_MS,
  lanesFor,
  PATIENCE_MS,
} from '../../../lambda/vend-token/pace.ts';
import { DynamoDbTable } from '../../../lambda/vend-token/table.ts';
import { TableTurns } from '../../../lambda/vend-token/table-turns.ts';
import { TimeBounds } from '../../../lambda/vend-token/time-bounds.ts';
import { NotYourTurn } from '../../../lambda/vend-token/turns.ts';
import { AwsError } from '../../../local/aws/aws-error.ts';
import { HostClock, mostPerSecond, SharedTable, TABLE, TrueClock, takenUntil } from './fleet.ts';
import { START } from './world.ts';

const NEW = { sentAway: 0, waitedMs: 0 };
const BACK = { sentAway: 1, waitedMs: 0 };
/** From one turn to the next of the same lane; what is promised is a quarter of it apart. */
const SLOT_MS = 1_100;
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
  table.takesMs = () => 0;
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
  const pace = new DynamoDbTable(service, TABLE);
  // The first of lanes that are as good as each other, so that what comes when is known.
  return new TableTurns({ table: pace, time, clock, ratePerSecond, random: () => 0 });
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
  const { promisedTo, ...item } = (await table.item('pace')) ?? {};
  const lanes = [0, 1, 2, 3].map((lane) => item[`lane${lane}`]?.N);
  return {
    lanes: lanes.map((atMs) => atMs && near(Number(atMs))),
    promised: promisedTo && near(Number(promisedTo.N)),
  };
};
const N = (inMs: number) => ({ N: `${startMs + inMs}` });
const taken = (inMs: number) => takenUntil(startMs + inMs);
const inAllLanes = (value: object) =>
  Object.fromEntries(Object.keys(taken(0)).map((lane) => [lane, value]));

/** As many now as the rate allows, as many a slot later, then promises. */
async function expectAsFromIdle(): Promise<void> {
  const turns = turnsOf();
  const all: string[] = [];
  for (let count = 0; count < 10; count += 1) all.push(await told(turns));
  expect(all).toEqual([
    ...Array(4).fill('now 0'),
    ...Array(4).fill('at 1225'),
    'until 2325',
    'until 2600',
  ]);
  expect(await written()).toEqual({ lanes: Array(4).fill(2_325), promised: 2_875 });
}

describe('one after another', () => {
  test('as many now as the rate allows, as many a slot later, then promises', async () => {
    await expectAsFromIdle();
  });

  test('who comes back queues before those who come anew, up to 3 s', async () => {
    const turns = turnsOf();
    for (let count = 0; count < 11; count += 1) await told(turns);
    clock.nowMs += 2_350;
    expect(await told(turns, BACK)).toBe('now 2350');
    for (let count = 0; count < 3; count += 1) expect(await told(turns, BACK)).toBe('now 2350');
    expect(await told(turns, BACK)).toBe('at 3575');
    await table.write('pace', { ...taken(3_575), promisedTo: N(9_000), claimedAt: N(0) });
    expect(await told(turns, NEW)).toBe('until 9000');
    const more: string[] = [];
    for (let count = 0; count < 10; count += 1) more.push(await told(turns, BACK));
    expect(more).toEqual([
      ...Array(4).fill('at 3575'),
      ...Array(4).fill('at 4675'),
      'until 5775',
      'until 5775',
    ]);
  });

  test('a line that nobody comes to is nobody’s; as long as one comes it is', async () => {
    const full = { ...taken(2_500), promisedTo: N(90_000) };
    await table.write('pace', { ...full, claimedAt: N(-5_000) });
    expect(await told(turnsOf(), NEW)).toBe('until 90000');
    for (const claimedAt of [N(-5_500), { S: 'now' }, undefined]) {
      await table.write('pace', { ...full, ...(claimedAt && { claimedAt }) });
      const turns = turnsOf();
      expect(await told(turns, NEW)).toBe('until 2500');
      expect(await told(turns, NEW)).toBe('until 2775');
      expect((await table.item('pace'))?.claimedAt).toBeDefined();
    }
    await table.write('pace', { ...full, lane3: N(-1_000), claimedAt: N(-5_500) });
    const turns = turnsOf();
    expect(await told(turns, BACK)).toBe('now 0');
    expect(await told(turns, NEW)).toBe('until 90000');
  });

  test('after a pause it is as if nothing had been', async () => {
    const turns = turnsOf();
    for (let count = 0; count < 9; count += 1) await told(turns);
    clock.nowMs += 10_000;
    for (let count = 0; count < 4; count += 1) expect(await told(turns)).toBe('now 10000');
    expect(await told(turns)).toBe('at 11225');
  });

  test.each([7, 49, 120])('%d per second: slots are not rounded away', async (rate) => {
    const turns = turnsOf(rate);
    await table.write('pace', { lane0: N(100) });
    for (let lane = 1; lane < lanesFor(rate).count; lane += 1) await told(turns, BACK);
    await told(turns, BACK);
    const { lane0 } = (await table.item('pace')) ?? {};
    expect(Number(lane0?.N) - startMs - 100).toBeCloseTo(lanesFor(rate).slotMs, 1);
  });

  test('whoever knows the time to a second only leaves so much more room, in his own lane', async () => {
    const time = new TimeBounds(new HostClock(clock));
    time.hear(startMs, startMs);
    const turns = turnsOf(4, time);
    for (let count = 0; count < 4; count += 1) expect(await told(turns)).toBe('now 0');
    const { lane0, lane3 } = (await table.item('pace')) ?? {};
    const widthMs = time.latest() - time.earliest();
    expect(widthMs).toBeGreaterThan(900);
    const plainMs = startMs + SLOT_MS + PATIENCE_MS - LATE_MS;
    for (const lane of [lane0, lane3]) {
      const widerMs = Number(lane?.N) - plainMs - (widthMs - KNOWN_TO_MS);
      expect(Math.abs(widerMs)).toBeLessThan(EXACTLY_MS);
    }
  });
});

describe('many at once', () => {
  const instances = () =>
    Array.from({ length: 8 }, (_, index) => turnsOf(4, knowing(index * 7_000)));

  test('whoever gets a turn has it alone, and no more have one in a second than the rate allows', async () => {
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
    expect(mostPerSecond(turns)).toBeLessThanOrEqual(4);
  });

  test('promises are distinct as well, and none is further ahead than three minutes', async () => {
    await table.write('pace', {
      ...taken(1_500),
      promisedTo: N(LONGEST_PROMISE_MS - 2_000),
      claimedAt: N(0),
    });
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
    // The others are told to come back anew, after half of that time at the earliest.
    const reserved = promised.filter((atMs) => atMs > LONGEST_PROMISE_MS / 2 + EXACTLY_MS);
    expect(reserved.length).toBeGreaterThanOrEqual(4);
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
    expect(await told(turnsOf())).toBe('now 0');
    expect(await written()).toMatchObject({ lanes: [1_225, 1_225, undefined, undefined] });
  });

  test('of a turn in the line: the same', async () => {
    await table.write('pace', { ...taken(100) });
    losing('UpdateItem', AFTER_A_LOOK);
    expect(await told(turnsOf())).toBe('at 100');
    expect(await written()).toMatchObject({ lanes: [1_200, 1_200, 100, 100] });
  });

  test('of a promise: it is for a later time, or another is asked for', async () => {
    await table.write('pace', { ...taken(2_500), promisedTo: N(2_500), claimedAt: N(0) });
    losing('UpdateItem', AFTER_A_LOOK);
    expect(await told(turnsOf())).toBe('until 2775');
    await table.write('pace', { ...taken(2_500) });
    losing('UpdateItem', AFTER_A_LOOK);
    expect(await told(turnsOf())).toBe('until 2775');
  });

  test('of a look: nothing happened', async () => {
    await table.write('pace', { ...taken(100) });
    losing('GetItem');
    expect(await told(turnsOf())).toBe('at 100');
  });
});

describe('whatever is in it', () => {
  const absurd = LONGEST_PROMISE_MS + 70_000;
  test.each<[string, () => object]>([
    ['texts', () => ({ ...inAllLanes({ S: 'soon' }), promisedTo: { S: 'later' } })],
    ['bytes', () => ({ ...inAllLanes({ B: 'AAEC' }), promisedTo: { B: 'AAEC' } })],
    ['lists and maps', () => ({ ...inAllLanes({ L: [] }), promisedTo: { M: { N: { N: '1' } } } })],
    ['nothing', () => ({ ...inAllLanes({ NULL: true }), promisedTo: { BOOL: true } })],
    ['sets of numbers', () => ({ ...inAllLanes({ NS: ['1'] }), promisedTo: { NS: ['1'] } })],
    [
      'the largest number',
      () => ({ ...inAllLanes({ N: '9.9999e125' }), promisedTo: { N: '9.9999e125' } }),
    ],
    [
      'the smallest number',
      () => ({ ...inAllLanes({ N: '-9.9999e125' }), promisedTo: { N: '-1' } }),
    ],
    ['a time beyond all promises', () => ({ ...taken(absurd), promisedTo: N(absurd) })],
    [
      'a fraction',
      () => ({ ...inAllLanes({ N: '0.1234567890123456789' }), promisedTo: { N: '1e-100' } }),
    ],
    ['attributes of others', () => ({ sealed: { B: 'AAEC' }, leaseUntil: N(1_000) })],
  ])('%s: vending goes on, at its pace, and the item becomes honest', async (_, attributes) => {
    await table.write('pace', attributes());
    await expectAsFromIdle();
  });

  test('as much as an item can hold: it is replaced, and the next one has his turn', async () => {
    await table.write('pace', { filler: { S: 'x'.repeat(400 * 1024 - 20) } });
    await expect(clock.run(turnsOf().give(NEW))).rejects.toMatchObject({
      code: 'ValidationException',
    });
    expect(await told(turnsOf())).toBe('now 0');
  });

  test('an honest turn and a promise that is none', async () => {
    await table.write('pace', { ...taken(2_300), promisedTo: { S: 'later' } });
    expect(await told(turnsOf())).toBe('until 2300');
    await table.write('pace', { ...taken(2_300), promisedTo: N(absurd) });
    expect(await told(turnsOf())).toBe('until 2300');
    expect(await written()).toEqual({ lanes: Array(4).fill(2_300), promised: 2_575 });
  });

  test('a promise of long ago is nobody’s', async () => {
    await table.write('pace', { ...taken(2_300), promisedTo: N(-500_000) });
    expect(await told(turnsOf())).toBe('until 2300');
    expect(await written()).toEqual({ lanes: Array(4).fill(2_300), promised: 2_575 });
  });
});

describe('who writes in between', () => {
  test('the turn that was seen is gone: he looks again', async () => {
    const [mine, other] = [turnsOf(), turnsOf()];
    await told(mine);
    clock.nowMs += 1_300;
    await table.write('pace', { ...taken(2_000), lane2: N(1_300) });
    await told(other);
    // He takes it for granted that nobody waits.
    expect(await told(mine)).toBe('at 2000');
  });

  test('one who is always too late is told to come back, and asks no more', async () => {
    table.fault = (operation) =>
      operation === 'UpdateItem'
        ? { error: new AwsError('ConditionalCheckFailedException', 'scripted') }
        : undefined;
    expect(await told(turnsOf())).toBe('until 1000');
    expect(table.calls.length).toBeLessThanOrEqual(16);
  });

  test('… and sooner where the table is slow as well: no longer than one may wait', async () => {
    table.takesMs = () => 400;
    table.fault = (operation) =>
      operation === 'UpdateItem'
        ? { error: new AwsError('ConditionalCheckFailedException', 'scripted') }
        : undefined;
    expect(await told(turnsOf())).toMatch(/^until/);
    expect(clock.nowMs - startMs).toBeLessThanOrEqual(LONGEST_WAIT_MS + 800);
    expect(clock.nowMs - startMs).toBeGreaterThan(LONGEST_WAIT_MS);
  });

  test('a table that is away says so', async () => {
    table.fault = () => ({ error: new AwsError('AccessDeniedException', 'scripted') });
    await expect(turnsOf().give(NEW)).rejects.toMatchObject({ code: 'AccessDeniedException' });
  });
});
