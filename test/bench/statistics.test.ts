import { describe, expect, test } from '@jest/globals';
import { median, medianOf, quantile, ratioOf } from '../../bench/statistics.ts';
import { turns } from '../../bench/turns.ts';

describe('median', () => {
  test.each([
    [[3], 3],
    [[9, 1, 5], 5],
    [[4, 1, 3, 2], 2.5],
    // By their size, not by their text.
    [[100, 9, 10], 10],
  ])('%j: %d', (values, expected) => {
    expect(median(values)).toBe(expected);
  });

  test('of nothing there is none', () => {
    expect(median([])).toBeNaN();
  });

  test('what it is given stays as it is', () => {
    const values = [3, 1, 2];
    median(values);
    expect(values).toEqual([3, 1, 2]);
  });
});

describe('quantile', () => {
  const hundred = Array.from({ length: 100 }, (_, index) => 100 - index);

  test.each([
    [0.01, 1],
    [0.5, 50],
    [0.99, 99],
    [0.991, 100],
    [1, 100],
  ])('%d of 1 … 100 are no greater than %d', (part, expected) => {
    expect(quantile(hundred, part)).toBe(expected);
  });

  test('one slow call of a hundred is not in p99, two are', () => {
    const calls = (slow: number) => [...Array(100 - slow).fill(1), ...Array(slow).fill(50)];
    expect(quantile(calls(1), 0.99)).toBe(1);
    expect(quantile(calls(2), 0.99)).toBe(50);
  });
});

test('a ratio is that of the medians, its quartiles those of the rounds', () => {
  const ratio = ratioOf([10, 20, 30, 400], [20, 20, 20, 100]);
  expect(ratio).toEqual({ figure: 1.25, quartiles: [0.5, 1.5], rounds: 4 });
  expect(medianOf([1, 2, 3, 4])).toEqual({ figure: 2.5, quartiles: [1, 3], rounds: 4 });
});

describe('turns', () => {
  const rounds = turns(['a', 'b', 'c'], 6);

  test('everyone comes once a round', () => {
    expect(rounds).toHaveLength(6);
    for (const round of rounds) expect(round.toSorted()).toEqual(['a', 'b', 'c']);
  });

  test('everyone is first as often as anybody', () => {
    expect(rounds.map(([first]) => first)).toEqual(['a', 'b', 'c', 'a', 'b', 'c']);
  });
});
