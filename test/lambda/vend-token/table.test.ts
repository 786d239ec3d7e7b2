// The table as the function uses it: what it is asked, and that whatever it answers is a failure of the table.

import { describe, expect, test } from '@jest/globals';
import * as v from 'valibot';
import { CredentialsFailure } from '../../../lambda/vend-token/aws-credentials.ts';
import { AwsFailure, type CallOptions } from '../../../lambda/vend-token/aws-json.ts';
import {
  DynamoDbTable,
  OptionalBytes,
  OptionalNumber,
  TableFailure,
} from '../../../lambda/vend-token/table.ts';

function tableThat(answer: () => Promise<unknown>) {
  const asked: [string, unknown, CallOptions][] = [];
  const table = new DynamoDbTable((...call) => {
    asked.push(call);
    return answer();
  }, 'Shared');
  return { table, asked };
}
const UPDATE = { update: 'SET a = :a', condition: 'a < :a', values: { a: 1.23456, b: 'text' } };

test('what is asked', async () => {
  const { table, asked } = tableThat(async () => ({}));
  await table.get('x');
  await table.get('x', { consistent: true });
  await table.put('x', { a: { S: 'b' } });
  await table.update('x', UPDATE);
  await table.update('x', { ...UPDATE, returnOld: true });
  const base = { TableName: 'Shared' };
  const key = { Key: { id: { S: 'x' } } };
  const update = {
    ...base,
    ...key,
    UpdateExpression: 'SET a = :a',
    ConditionExpression: 'a < :a',
    // To a thousandth.
    ExpressionAttributeValues: { ':a': { N: '1.235' }, ':b': { S: 'text' } },
  };
  expect(asked.map(([operation, input]) => [operation, input])).toEqual([
    ['GetItem', { ...base, ...key, ConsistentRead: false }],
    ['GetItem', { ...base, ...key, ConsistentRead: true }],
    ['PutItem', { ...base, Item: { id: { S: 'x' }, a: { S: 'b' } } }],
    ['UpdateItem', { ...update, ReturnValues: 'NONE' }],
    ['UpdateItem', { ...update, ReturnValues: 'UPDATED_OLD' }],
  ]);
  // No login waits longer for a table than this.
  for (const [, , { timeoutMs, maxTries }] of asked) {
    expect(timeoutMs * maxTries).toBeLessThanOrEqual(1_000);
  }
});

describe('what it answers', () => {
  test('an item, or that there is none', async () => {
    expect(await tableThat(async () => ({ Item: { id: { S: 'x' } } })).table.get('x')).toEqual({
      id: { S: 'x' },
    });
    expect(await tableThat(async () => ({})).table.get('x')).toBeUndefined();
  });

  test('a condition that does not hold is an answer', async () => {
    const refused = new AwsFailure('ConditionalCheckFailedException', 'no');
    const { table } = tableThat(() => Promise.reject(refused));
    expect(await table.update('x', UPDATE)).toBeUndefined();
    await expect(table.get('x')).rejects.toMatchObject({ code: refused.code });
  });

  test('what was there before, or nothing', async () => {
    const old = { Attributes: { a: { N: '1' } } };
    expect(await tableThat(async () => old).table.update('x', UPDATE)).toEqual(old.Attributes);
    expect(await tableThat(async () => ({})).table.update('x', UPDATE)).toEqual({});
  });

  test.each<[string, () => Promise<unknown>, string]>([
    ['a failure of AWS', () => Promise.reject(new AwsFailure('timeout', 'late')), 'timeout'],
    [
      'no credentials',
      () => Promise.reject(new CredentialsFailure('no-credentials', 'none')),
      'no-credentials',
    ],
    ['a bug', () => Promise.reject(new TypeError('x is not a function')), 'unusable'],
    ['a thing that is none', () => Promise.reject('text'), 'unusable'],
    ['null', async () => null, 'unusable'],
    ['a word', async () => 'word', 'unusable'],
  ])('%s is a failure of the table', async (_, answer, code) => {
    const { table } = tableThat(answer);
    for (const work of [() => table.get('x'), () => table.update('x', UPDATE)]) {
      const failure = await work().catch((error: unknown) => error);
      expect(failure).toBeInstanceOf(TableFailure);
      expect(failure).toMatchObject({ code });
    }
  });
});

describe('attributes', () => {
  const number = (value: unknown) => v.parse(OptionalNumber, value);
  const bytes = (value: unknown) => v.parse(OptionalBytes, value);

  test('a number, whatever it may be written like', () => {
    expect(number({ N: '12.5' })).toBe(12.5);
    expect(number({ N: '-1e3' })).toBe(-1_000);
    for (const other of [
      undefined,
      null,
      {},
      12,
      '12',
      { S: '12' },
      { N: 12 },
      { N: 'x' },
      { N: '1e999' },
      { N: 'NaN' },
      [],
    ]) {
      expect(number(other)).toBeUndefined();
    }
  });

  test('bytes', () => {
    expect(bytes({ B: 'AQL6' })).toEqual(Buffer.from([1, 2, 250]));
    expect(bytes(undefined)).toBeUndefined();
    for (const other of [null, {}, 'AQL6', { S: 'AQL6' }, { B: 5 }, []]) {
      expect(bytes(other)).toEqual(new Uint8Array());
    }
  });
});
