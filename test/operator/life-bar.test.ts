import { describe, expect, test } from '@jest/globals';
import { folded } from '../../operator/folded.ts';
import { lifeBar } from '../../operator/life-bar.ts';
import { roughly, short } from '../../operator/short-duration.ts';
import { PLAIN } from './world.ts';

describe('the bar', () => {
  test.each([
    [1, '██████████'],
    [0.999, '█████████░'],
    [0.5, '█████░░░░░'],
    [0.001, '█░░░░░░░░░'],
    [0, '░░░░░░░░░░'],
    [-3, '░░░░░░░░░░'],
    [7, '██████████'],
  ])('%d', (fraction, bar) => expect(lifeBar(fraction, 10, PLAIN)).toBe(bar));

  test.each([
    [0.51, 'green'],
    [0.5, 'yellow'],
    [0.21, 'yellow'],
    [0.2, 'red'],
  ])('%d is %s', (fraction, colour) => {
    const named = (name: string) => (text: string | number | null | undefined) =>
      `<${name}>${text}`;
    const bar = lifeBar(fraction, 4, {
      green: named('green'),
      yellow: named('yellow'),
      red: named('red'),
      dim: named('dim'),
    });
    expect(bar).toMatch(new RegExp(`^<${colour}>`));
  });
});

test.each([
  [-5, '0 s'],
  [0.9, '0 s'],
  [59, '59 s'],
  [60, '1 min'],
  [61, '1 min 1 s'],
  [3_599, '59 min 59 s'],
  [3_600, '1 h'],
  [3_660, '1 h 1 min'],
  [3_601, '1 h'],
  [86_399, '23 h 59 min'],
  [86_400, '1 d'],
  [90_000, '1 d 1 h'],
  [30 * 86_400 - 1, '29 d 23 h'],
])('%d seconds are %s', (seconds, text) => expect(short(seconds)).toBe(text));

test('roughly: one unit', () => {
  expect([roughly(61), roughly(90_000), roughly(5)]).toEqual(['1 min', '1 d', '5 s']);
});

describe('a folded sentence', () => {
  test.each([
    ['one two three', 7, 'one two\n  three'],
    ['one two three', 6, 'one\n  two\n  three'],
    ['one two', 7, 'one two'],
    ['  ✓ one two', 9, '  ✓ one\n  two'],
    ['overlong x', 3, 'overlong\n  x'],
    ['one two three', Number.POSITIVE_INFINITY, 'one two three'],
    ['\u001b[31mone\u001b[39m two', 7, '\u001b[31mone\u001b[39m two'],
    ['', 5, ''],
  ])('%j at %d', (text, columns, expected) => expect(folded(text, columns, 2)).toBe(expected));
});
