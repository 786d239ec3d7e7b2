// What time it is at AWS: the truth never leaves the bounds, and they become narrow.

import { describe, expect, test } from '@jest/globals';
import fc from 'fast-check';
import { TimeBounds } from '../../../lambda/vend-token/time-bounds.ts';

const START = Date.UTC(2026, 0, 15, 10);
const MINUTE_MS = 60_000;
const HOUR_MS = 60 * MINUTE_MS;

/** A host whose clock is off, and gains or loses. Time is true time; the clock shows whole milliseconds. */
class Host {
  trueMs = START;
  offsetMs: number;
  readonly #drift: number;
  readonly time = new TimeBounds({ now: () => this.now() });

  constructor(offsetMs = 0, drift = 0) {
    this.offsetMs = offsetMs;
    this.#drift = drift;
  }

  now(): number {
    return Math.floor(this.trueMs + this.offsetMs + this.#drift * (this.trueMs - START));
  }

  /** A call that is answered by a host of AWS whose clock is off by `serverOffMs`. */
  call({ onItsWayMs = 10, backMs = 10, serverOffMs = 0 } = {}): void {
    const sentAtMs = this.now();
    this.trueMs += onItsWayMs;
    const dateMs = Math.floor((this.trueMs + serverOffMs) / 1_000) * 1_000;
    this.trueMs += backMs;
    this.time.hear(dateMs, sentAtMs);
  }

  /** How far the bounds are from the truth, both ways. */
  get around(): { readonly before: number; readonly after: number } {
    return {
      before: this.trueMs - this.time.earliest(),
      after: this.time.latest() - this.trueMs,
    };
  }
}

const answer = fc.record({
  kind: fc.constant('answer' as const),
  pauseMs: fc.oneof(fc.integer({ min: 0, max: 2_000 }), fc.integer({ min: 0, max: 3 * HOUR_MS })),
  onItsWayMs: fc.integer({ min: 0, max: 500 }),
  backMs: fc.integer({ min: 0, max: 500 }),
  serverOffMs: fc.integer({ min: -3, max: 3 }),
});
const request = fc.record({
  kind: fc.constant('request' as const),
  pauseMs: fc.integer({ min: 0, max: 10_000 }),
  takenBeforeMs: fc.integer({ min: 0, max: 3_000 }),
});
const offset = fc.integer({ min: -MINUTE_MS, max: MINUTE_MS });
const drift = fc.double({ min: -95e-6, max: 95e-6, noNaN: true });

test('the truth is always within the bounds, whatever is heard and however the clock goes', () => {
  fc.assert(
    fc.property(
      offset,
      drift,
      fc.array(fc.oneof(answer, request), { minLength: 1, maxLength: 40 }),
      (offsetMs, driftOf, heard) => {
        const host = new Host(offsetMs, driftOf);
        let answers = 0;
        let requests = 0;
        for (const one of heard) {
          host.trueMs += one.pauseMs;
          if (answers > 0) {
            expect(host.around.before).toBeGreaterThanOrEqual(0);
            expect(host.around.after).toBeGreaterThanOrEqual(0);
          }
          if (one.kind === 'answer') {
            host.call(one);
            answers += 1;
          } else {
            host.time.hearPast(host.trueMs - one.takenBeforeMs);
            requests += 1;
          }
          // A request alone says that it is no earlier, and nothing else.
          if (answers + requests > 0) expect(host.around.before).toBeGreaterThanOrEqual(0);
          if (answers > 0) expect(host.around.after).toBeGreaterThanOrEqual(0);
        }
      },
    ),
    { numRuns: 250 },
  );
});

describe('how exactly it is known', () => {
  test('before anything was heard: the host is believed', () => {
    const host = new Host(1_234);
    expect([host.time.earliest(), host.time.latest()]).toEqual([START + 1_234, START + 1_234]);
  });

  test('after one answer: to a second and what the answer took', () => {
    const host = new Host(-45_000);
    host.trueMs += 300;
    host.call({ onItsWayMs: 20, backMs: 20 });
    expect(host.around).toEqual({ before: 345, after: 1_000 - 300 + 5 });
  });

  test('after answers from before and after a full second: to the round trip', () => {
    const host = new Host(-45_000);
    host.trueMs = START + 990;
    host.call({ onItsWayMs: 9, backMs: 10 });
    host.trueMs = START + 1_992;
    host.call({ onItsWayMs: 9, backMs: 10 });
    const { before, after } = host.around;
    // Answered a millisecond after the full second, and heard 10 ms later; asked 10 ms before the other.
    expect(before).toBeCloseTo(16, 0);
    expect(after).toBeCloseTo(15, 0);
  });

  test('a day of silence widens them by what a clock may gain, and no more', () => {
    const host = new Host();
    host.trueMs = START + 999;
    host.call({ onItsWayMs: 0, backMs: 0 });
    host.trueMs += 1;
    host.call({ onItsWayMs: 0, backMs: 0 });
    const known = host.around.before + host.around.after;
    expect(known).toBeLessThan(12);
    host.trueMs += 24 * HOUR_MS;
    expect(host.around.before + host.around.after - known).toBeCloseTo(2 * 8_640, 0);
  });

  test('a request that waited long at the gateway takes nothing away', () => {
    const host = new Host(-45_000);
    host.call();
    const { before, after } = host.around;
    host.time.hearPast(host.trueMs - 10_000);
    expect(host.around).toEqual({ before, after });
  });

  test('an answer and a request without a time are no news', () => {
    const host = new Host(-45_000);
    host.time.hear(Number.NaN, START);
    host.time.hearPast(Number.NaN);
    host.time.hearPast(Number.POSITIVE_INFINITY);
    expect(host.around).toEqual({ before: 45_000, after: -45_000 });
  });
});

describe('a clock that is set', () => {
  test('by more than is known: the next answer puts it right', () => {
    fc.assert(
      fc.property(
        offset,
        fc.integer({ min: 2_200, max: HOUR_MS }),
        fc.boolean(),
        fc.array(answer, { minLength: 1, maxLength: 5 }),
        (offsetMs, byMs, forward, before) => {
          const host = new Host(offsetMs);
          for (const one of before) host.call(one);
          host.offsetMs += forward ? byMs : -byMs;
          host.call();
          expect(host.around.before).toBeGreaterThanOrEqual(0);
          expect(host.around.after).toBeGreaterThanOrEqual(0);
          expect(host.around.before + host.around.after).toBeLessThan(1_031);
        },
      ),
    );
  });

  test('by less: answers around full seconds show it', () => {
    fc.assert(
      fc.property(offset, fc.integer({ min: -2_000, max: 2_000 }), (offsetMs, byMs) => {
        const host = new Host(offsetMs);
        for (let turn = 0; turn < 60; turn += 1) {
          host.trueMs += 1_017;
          if (turn === 20) host.offsetMs += byMs;
          host.call();
        }
        // To within the round trip: what is smaller shows itself nowhere.
        expect(host.around.before).toBeGreaterThanOrEqual(-40);
        expect(host.around.after).toBeGreaterThanOrEqual(-40);
      }),
    );
  });

  test.each([-HOUR_MS, -MINUTE_MS, -3_000, 3_000, MINUTE_MS, HOUR_MS])(
    'by %d ms between a question and its answer: the bounds stay in order, the next one is right',
    (byMs) => {
      const host = new Host();
      host.call();
      const sentAtMs = host.now();
      host.offsetMs += byMs;
      host.trueMs += 20;
      host.time.hear(Math.floor(host.trueMs / 1_000) * 1_000, sentAtMs);
      expect(host.time.earliest()).toBeLessThanOrEqual(host.time.latest());
      // Set forward, it looks like a call that took long; the next one shows it.
      if (byMs < 0) expect(host.around.before).toBeGreaterThanOrEqual(0);
      host.call();
      expect(host.around.before).toBeGreaterThanOrEqual(0);
      expect(host.around.after).toBeGreaterThanOrEqual(0);
    },
  );

  test('the gateway shows that it was set back', () => {
    const host = new Host();
    host.call();
    host.offsetMs -= HOUR_MS;
    host.time.hearPast(host.trueMs - 10);
    expect(host.around.before).toBeGreaterThanOrEqual(0);
    expect(host.around.before).toBeLessThan(20);
    expect(host.time.latest()).toBeGreaterThanOrEqual(host.time.earliest());
  });
});
