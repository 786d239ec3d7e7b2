// Who may spend how much of the account's auth operations.
import { describe, expect, test } from '@jest/globals';
import fc from 'fast-check';
import { authRates } from '../../lib/auth-rates.ts';

describe('with a token endpoint', () => {
  test.each([
    [5, 1, 4],
    [2, 1, 1],
    [1.5, 0.75, 0.75],
    [1, 0.5, 0.5],
    [0.5, 0.25, 0.25],
  ])('of %d, rotation has %d and vending %d', (rate, rotation, vending) => {
    expect(authRates(rate, true)).toEqual({ rotation, vending });
  });

  test('neither is ever left without any, and together they have what there is', () => {
    fc.assert(
      fc.property(fc.double({ min: 1e-3, max: 1e6, noNaN: true }), (rate) => {
        const { rotation, vending } = authRates(rate, true);
        expect(rotation).toBeGreaterThan(0);
        expect(rotation).toBeLessThanOrEqual(1);
        expect(vending).toBeGreaterThan(0);
        expect(rotation + vending).toBeCloseTo(rate, 9);
      }),
    );
  });
});

test.each([5, 1, 0.5])('without one, all %d are rotation’s', (rate) => {
  expect(authRates(rate, false)).toEqual({ rotation: rate, vending: 0 });
});
