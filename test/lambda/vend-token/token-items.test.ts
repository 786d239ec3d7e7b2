// The items of shared tokens in a real table: lease, release and store in all their branches, and many at once.

import { afterAll, beforeAll, beforeEach, describe, expect, test } from '@jest/globals';
import { DynamoDbTable } from '../../../lambda/vend-token/table.ts';
import { LEASE_MS, TokenItems } from '../../../lambda/vend-token/token-items.ts';
import { AwsError } from '../../../local/aws/aws-error.ts';
import { ExactTime, HostClock, SharedTable, TABLE, TrueClock } from './fleet.ts';
import { START } from './world.ts';

const SEALED = new Uint8Array([1, 2, 250]);

let clock: TrueClock;
let table: SharedTable;
let id: string;
let ids = 0;
beforeAll(async () => {
  clock = new TrueClock(START);
  table = await SharedTable.start(clock);
});
afterAll(() => table.close());
beforeEach(() => {
  ids += 1;
  id = `share-key-${ids}`;
  table.fault = () => undefined;
});

/** Those of an instance that knows the time to `widthMs`. */
function itemsOf(widthMs = 0): TokenItems {
  const time = new ExactTime(clock, widthMs);
  const service = table.service('dynamodb', new HostClock(clock), time);
  return new TokenItems(new DynamoDbTable(service, TABLE), time);
}
const N = (inMs: number) => ({ N: `${clock.now() + inMs}` });

describe('a lease', () => {
  test('where nothing is: it is his, and nobody else’s until it ends', async () => {
    const items = itemsOf();
    expect(await items.lease(id, 'a')).toBe(true);
    expect(await items.lease(id, 'b')).toBe(false);
    expect(items.isLeased(await items.read(id))).toBe(true);
    clock.nowMs += LEASE_MS;
    expect(items.isLeased(await items.read(id))).toBe(true);
    expect(await items.lease(id, 'b')).toBe(false);
    clock.nowMs += 1;
    expect(items.isLeased(await items.read(id))).toBe(false);
    expect(await items.lease(id, 'b')).toBe(true);
    expect(await items.lease(id, 'a')).toBe(false);
  });

  test('with the same name once more: the answer to the first was lost', async () => {
    let lost = 0;
    table.fault = () => (++lost === 1 ? { loseAnswer: true } : undefined);
    expect(await itemsOf().lease(id, 'a')).toBe(true);
    expect(lost).toBe(2);
    expect(await itemsOf().lease(id, 'b')).toBe(false);
  });

  test.each([2, 20])('of %d at once: exactly one has it', async (count) => {
    const all = Array.from({ length: count }, (_, index) => itemsOf().lease(id, `lease-${index}`));
    expect((await Promise.all(all)).filter((isLeased) => isLeased)).toHaveLength(1);
  });

  test('clocks that are known to a second only: nobody takes it before it has ended for all', async () => {
    const vague = itemsOf(1_000);
    expect(await vague.lease(id, 'a')).toBe(true);
    clock.nowMs += LEASE_MS + 500;
    expect(await itemsOf().lease(id, 'b')).toBe(false);
    clock.nowMs += 1;
    expect(await vague.lease(id, 'b')).toBe(false);
    expect(await itemsOf().lease(id, 'b')).toBe(true);
  });

  test.each<[string, () => object, boolean]>([
    ['of long ago', () => ({ leaseUntil: { N: '-1e100' } }), true],
    ['that ended a millisecond ago', () => ({ leaseUntil: N(-1) }), true],
    ['that ends now', () => ({ leaseUntil: N(0) }), false],
    ['as long as an honest one', () => ({ leaseUntil: N(10 * LEASE_MS) }), false],
    ['longer than any honest one', () => ({ leaseUntil: N(10 * LEASE_MS + 1) }), true],
    ['for ever', () => ({ leaseUntil: { N: '9e125' } }), true],
    ['without an end', () => ({ leaseId: { S: 'x' } }), true],
  ])('%s is there', async (_, attributes, isFree) => {
    const items = itemsOf();
    await table.write(id, attributes());
    expect(items.isLeased(await items.read(id))).toBe(!isFree);
    expect(await items.lease(id, 'mine')).toBe(isFree);
  });

  test('in words is never ended: it counts as none, and a token takes its place', async () => {
    const items = itemsOf();
    await table.write(id, { leaseUntil: { S: 'for ever' }, leaseId: { S: 'x' } });
    expect(items.isLeased(await items.read(id))).toBe(false);
    expect(await items.lease(id, 'mine')).toBe(false);
    await items.store(id, SEALED, 1);
    expect(await items.lease(id, 'mine')).toBe(true);
  });

  test('leaves what is there, and says when an empty item is of no use any more', async () => {
    const items = itemsOf();
    await items.lease(id, 'a');
    const kept = Math.ceil((clock.now() + LEASE_MS) / 1_000) + 3_600;
    expect((await table.item(id))?.expiresAt).toEqual({ N: `${kept}` });
    await items.store(id, SEALED, 1_900_000_000.4);
    expect(await table.item(id)).toEqual({
      id: { S: id },
      sealed: { B: Buffer.from(SEALED).toString('base64') },
      expiresAt: { N: '1900003601' },
    });
    await items.lease(id, 'a');
    expect(await items.read(id)).toMatchObject({ sealed: Buffer.from(SEALED) });
    expect((await table.item(id))?.expiresAt).toEqual({ N: '1900003601' });
  });
});

describe('given back', () => {
  test('it is free at once; by a stranger it is not given back', async () => {
    const items = itemsOf();
    await items.lease(id, 'a');
    await items.release(id, 'b', { atMs: clock.now() + 5_000, sentAway: 1 });
    expect(await items.read(id)).toMatchObject({ promisedAtMs: undefined, sentAway: 0 });
    expect(await items.lease(id, 'b')).toBe(false);
    await items.release(id, 'a');
    const item = await items.read(id);
    expect(items.isLeased(item)).toBe(false);
    expect(item.promisedAtMs).toBeUndefined();
    expect(await items.lease(id, 'b')).toBe(true);
  });

  test('with a promise: it stays until a token comes', async () => {
    const items = itemsOf();
    await items.lease(id, 'a');
    const promise = { atMs: clock.now() + 5_000, sentAway: 2 };
    await items.release(id, 'a', promise);
    expect(await items.read(id)).toEqual({
      sealed: undefined,
      leaseUntilMs: undefined,
      promisedAtMs: promise.atMs,
      sentAway: 2,
    });
    await items.lease(id, 'b');
    await items.release(id, 'b');
    expect(await items.read(id)).toMatchObject({ promisedAtMs: promise.atMs });
    await items.store(id, SEALED, 1);
    expect(await items.read(id)).toMatchObject({ promisedAtMs: undefined, sentAway: 0 });
  });

  test('of an item that is gone makes none', async () => {
    await itemsOf().release(id, 'a', { atMs: 1, sentAway: 1 });
    expect(await table.item(id)).toBeUndefined();
  });

  test('twice, as when the answer was lost: nothing happens to the next one’s', async () => {
    const items = itemsOf();
    await items.lease(id, 'a');
    await items.release(id, 'a');
    await items.lease(id, 'b');
    await items.release(id, 'a', { atMs: clock.now(), sentAway: 1 });
    expect(items.isLeased(await items.read(id))).toBe(true);
    expect(await items.read(id)).toMatchObject({ promisedAtMs: undefined });
  });
});

test.each<[string, object]>([
  [
    'texts',
    { sealed: { S: 'x' }, leaseUntil: { S: 'x' }, promisedAt: { S: 'x' }, sentAway: { S: 'x' } },
  ],
  [
    'lists',
    { sealed: { L: [] }, leaseUntil: { L: [] }, promisedAt: { L: [] }, sentAway: { L: [] } },
  ],
  ['nothing', { sealed: { NULL: true }, leaseUntil: { NULL: true }, promisedAt: { NULL: true } }],
])('%s are read as if they were not there', async (_, attributes) => {
  await table.write(id, attributes);
  expect(await itemsOf().read(id)).toEqual({
    // It is there, and opens as nothing: that is counted.
    sealed: new Uint8Array(),
    leaseUntilMs: undefined,
    promisedAtMs: undefined,
    sentAway: 0,
  });
});

test('what is wrong in one place takes nothing from the others', async () => {
  await table.write(id, {
    sealed: { B: Buffer.from(SEALED).toString('base64') },
    leaseUntil: { S: 'x' },
    promisedAt: { N: '5' },
  });
  expect(await itemsOf().read(id)).toMatchObject({ sealed: Buffer.from(SEALED), promisedAtMs: 5 });
});

test('a table that is away says so, by AWS’s name', async () => {
  table.fault = () => ({ error: new AwsError('ProvisionedThroughputExceededException', 'no') });
  const items = itemsOf();
  for (const work of [
    items.read(id),
    items.lease(id, 'a'),
    items.release(id, 'a'),
    items.store(id, SEALED, 1),
  ]) {
    await expect(work).rejects.toMatchObject({ code: 'ProvisionedThroughputExceededException' });
  }
});
