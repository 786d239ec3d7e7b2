import { describe, expect, test } from '@jest/globals';
import fc from 'fast-check';
import { SlidingWindow } from '../../../local/momento/sliding-window.ts';

describe('SlidingWindow', () => {
  test('turns the sixth away until the first of five is exactly a second old', () => {
    const window = new SlidingWindow(5, 1000);
    expect([0, 100, 200, 300, 400].map((atMs) => window.admit(atMs))).toEqual(Array(5).fill(true));
    expect(window.admit(400)).toBe(false);
    expect(window.admit(999)).toBe(false);
    expect(window.admit(1000)).toBe(true);
    expect(window.admit(1099)).toBe(false);
    expect(window.admit(1100)).toBe(true);
  });

  test('is no bucket that starts afresh at a full second', () => {
    const window = new SlidingWindow(2, 1000);
    expect([990, 995, 1000, 1989, 1990].map((atMs) => window.admit(atMs))).toEqual([
      true,
      true,
      false,
      false,
      true,
    ]);
  });

  test('never admits more than the limit in any second, and turns away only when it is full', () => {
    const gapsMs = fc.array(fc.integer({ min: 0, max: 700 }), { maxLength: 60 });
    fc.assert(
      fc.property(fc.integer({ min: 1, max: 6 }), gapsMs, (limit, gaps) => {
        const window = new SlidingWindow(limit, 1000);
        const admitted: number[] = [];
        let nowMs = 0;
        for (const gapMs of gaps) {
          nowMs += gapMs;
          const inWindow = admitted.filter((atMs) => nowMs - atMs < 1000).length;
          expect(window.admit(nowMs)).toBe(inWindow < limit);
          if (inWindow < limit) admitted.push(nowMs);
        }
      }),
    );
  });
});
