// The token bucket at its boundaries, under a clock held by hand.

import { expect, test } from '@jest/globals';
import { Throttle, TokenBucket } from '../../../local/gateway/throttle.ts';

function bucketOf(ratePerSecond: number, burst: number) {
  const clock = { ms: 1_000_000 };
  const bucket = new TokenBucket({ ratePerSecond, burst }, () => clock.ms);
  const takeAll = () => {
    let taken = 0;
    while (taken < 1000 && bucket.take()) taken += 1;
    return taken;
  };
  return { clock, bucket, takeAll };
}

test('a burst, then one token per interval and not a millisecond earlier', () => {
  const { clock, bucket, takeAll } = bucketOf(10, 3);
  expect(takeAll()).toBe(3);
  clock.ms += 99;
  expect(bucket.take()).toBe(false);
  clock.ms += 1;
  expect(bucket.take()).toBe(true);
  expect(bucket.take()).toBe(false);
});

test('never holds more than its burst, however long it rests', () => {
  const { clock, takeAll } = bucketOf(10, 3);
  clock.ms += 3_600_000;
  expect(takeAll()).toBe(3);
});

test('a clock that goes back gives nothing and takes nothing', () => {
  const { clock, bucket, takeAll } = bucketOf(10, 1);
  expect(takeAll()).toBe(1);
  clock.ms -= 10_000;
  expect(bucket.take()).toBe(false);
  clock.ms += 10_100;
  expect(bucket.take()).toBe(true);
});

test('no rate never fills, no limit never empties', () => {
  const none = bucketOf(0, 0);
  none.clock.ms += 10_000;
  expect(none.takeAll()).toBe(0);
  expect(bucketOf(Number.POSITIVE_INFINITY, Number.POSITIVE_INFINITY).takeAll()).toBe(1000);
});

test('a route with settings of its own does not draw on its stage', () => {
  const throttle = new Throttle(() => 0);
  const stage = {
    name: '$default',
    throttle: { ratePerSecond: 1, burst: 1 },
    throttleByRouteKey: { 'POST /token': { ratePerSecond: 1, burst: 2 } },
    detailedMetrics: false,
    accessLogFormat: null,
  };
  const admitted = (routeKey: string) => throttle.admits(stage, routeKey);
  expect([admitted('POST /token'), admitted('POST /token'), admitted('POST /token')]).toEqual([
    true,
    true,
    false,
  ]);
  expect([admitted('GET /a'), admitted('GET /b')]).toEqual([true, false]);
  expect(throttle.admits({ ...stage, name: 'other', throttle: null }, 'GET /a')).toBe(true);
});
