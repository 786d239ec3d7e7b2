import { describe, expect, test } from '@jest/globals';
import { Cache } from '../../../local/momento/cache.ts';
import { bytes, START_MS, statusOf } from './account-builder.ts';

const key = bytes('k');
const life = { ttlMs: 1000, refresh: false };

function cacheAtStart() {
  const clock = { nowMs: START_MS };
  return { clock, cache: new Cache(() => clock.nowMs) };
}

const asText = (value: Uint8Array | undefined) =>
  value === undefined ? undefined : Buffer.from(value).toString();

describe('a life', () => {
  test('lasts to the millisecond before its end', () => {
    const { cache, clock } = cacheAtStart();
    cache.set(key, bytes('v'), 1000);
    clock.nowMs += 999;
    expect([asText(cache.get(key)), cache.exists(key), cache.remainingMs(key)]).toEqual([
      'v',
      true,
      1,
    ]);
    clock.nowMs += 1;
    expect([cache.get(key), cache.exists(key), cache.remainingMs(key)]).toEqual([
      undefined,
      false,
      undefined,
    ]);
  });

  test.each([0, -1, Number.NaN])('of %p milliseconds is refused', (ttlMs) => {
    const { cache } = cacheAtStart();
    const fields = [{ name: key, value: key }];
    expect(statusOf(() => cache.set(key, key, ttlMs))).toBe('INVALID_ARGUMENT');
    expect(statusOf(() => cache.dictionarySet(key, fields, { ...life, ttlMs }))).toBe(
      'INVALID_ARGUMENT',
    );
    expect(statusOf(() => cache.listPush(key, 'back', key, 0, { ...life, ttlMs }))).toBe(
      'INVALID_ARGUMENT',
    );
    expect(cache.exists(key)).toBe(false);
  });

  test('of a collection goes on as it is unless it is refreshed', () => {
    const { cache, clock } = cacheAtStart();
    cache.listPush(key, 'back', bytes('a'), 0, life);
    clock.nowMs += 400;
    cache.listPush(key, 'back', bytes('b'), 0, life);
    expect(cache.remainingMs(key)).toBe(600);
    cache.listPush(key, 'back', bytes('c'), 0, { ...life, refresh: true });
    expect(cache.remainingMs(key)).toBe(1000);
    clock.nowMs += 1000;
    expect(cache.list(key)).toBeUndefined();
    expect(cache.listPush(key, 'back', bytes('d'), 0, life)).toBe(1);
  });
});

test('keys are told apart by their bytes', () => {
  const { cache } = cacheAtStart();
  cache.set(Uint8Array.of(0xff), bytes('ff'), 1000);
  cache.set(Uint8Array.of(0xfe), bytes('fe'), 1000);
  expect(asText(cache.get(Uint8Array.of(0xff)))).toBe('ff');
});

test('a value is incremented from nothing, or from a whole number', () => {
  const { cache } = cacheAtStart();
  expect(cache.increment(key, 5, 1000)).toBe(5);
  expect(cache.increment(key, -6, 1000)).toBe(-1);
  expect(asText(cache.get(key))).toBe('-1');
  for (const wrong of ['', ' 1', '1.5', '1e3', 'x', `${Number.MAX_SAFE_INTEGER}`]) {
    cache.set(key, bytes(wrong), 1000);
    expect([wrong, statusOf(() => cache.increment(key, 1, 1000))]).toEqual([
      wrong,
      'FAILED_PRECONDITION',
    ]);
  }
});

test('an item of another kind is refused, not replaced, but by set and delete', () => {
  const { cache } = cacheAtStart();
  cache.listPush(key, 'back', bytes('a'), 0, life);
  for (const operation of [
    () => cache.get(key),
    () => cache.increment(key, 1, 1000),
    () => cache.setIf(key, key, 1000, () => true),
    () => cache.dictionary(key),
    () => cache.dictionarySet(key, [{ name: key, value: key }], life),
  ]) {
    expect(statusOf(operation)).toBe('FAILED_PRECONDITION');
  }
  expect(cache.list(key)?.map(asText)).toEqual(['a']);
  cache.set(key, bytes('v'), 1000);
  expect(statusOf(() => cache.list(key))).toBe('FAILED_PRECONDITION');
  cache.delete(key);
  expect(cache.list(key)).toBeUndefined();
});

test('a collection is gone with the last of it', () => {
  const { cache } = cacheAtStart();
  cache.dictionarySet(key, [{ name: bytes('f'), value: bytes('v') }], life);
  cache.dictionaryRemove(key, [bytes('other')]);
  expect(cache.exists(key)).toBe(true);
  cache.dictionaryRemove(key, [bytes('f')]);
  expect(cache.exists(key)).toBe(false);
  cache.dictionarySet(key, [], life);
  expect(cache.exists(key)).toBe(false);
  cache.listPush(key, 'front', bytes('a'), 0, life);
  expect(cache.listPop(key, 'back')).toEqual({ value: bytes('a'), length: 0 });
  expect(cache.exists(key)).toBe(false);
  expect(cache.listPop(key, 'back')).toBeUndefined();
});

test('a list is cut at the other end', () => {
  const { cache } = cacheAtStart();
  for (const value of ['a', 'b', 'c']) cache.listPush(key, 'back', bytes(value), 2, life);
  expect(cache.list(key)?.map(asText)).toEqual(['b', 'c']);
  expect(cache.listPush(key, 'front', bytes('d'), 2, life)).toBe(2);
  expect(cache.list(key)?.map(asText)).toEqual(['d', 'b']);
});
