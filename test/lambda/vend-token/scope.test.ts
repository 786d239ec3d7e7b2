// The share key: who has the same one may have the same token, so two that differ must never have it.

import { describe, expect, test } from '@jest/globals';
import fc from 'fast-check';
import { type Scope, scopeHash, shareKey } from '../../../lambda/vend-token/scope.ts';
import { permissionArbitrary } from './arbitraries.ts';

const awkward = fc.constantFrom(
  'null',
  '',
  'undefined',
  '["all"]',
  '","',
  '"',
  ',',
  '\ud800',
  '\udfff',
  '�',
);
const tokenId = fc.option(fc.oneof(awkward, fc.string({ unit: 'binary' })), { nil: undefined });
const permissions = fc.array(permissionArbitrary, { maxLength: 4 });
const lifeSeconds = fc.integer({ min: 10, max: 90_000 });
const wanted = fc.record({ permissions, tokenId, lifeSeconds }, { noNullPrototype: true });
type Wanted = Scope & { readonly lifeSeconds: number };

const keyOf = ({ lifeSeconds: life, ...scope }: Wanted) => shareKey(scope, life);
/** Told apart by a way of its own: every part with its length before it. */
function spelled(value: unknown): string {
  if (typeof value === 'string') {
    const units = Array.from({ length: value.length }, (_, index) => value.charCodeAt(index));
    return `s${units.length}:${units.join('.')};`;
  }
  if (Array.isArray(value)) return `a${value.length}:${value.map(spelled).join('')};`;
  if (typeof value !== 'object' || value === null) return `${typeof value}:${String(value)};`;
  return spelled(Object.entries(value).sort(([a], [b]) => (a < b ? -1 : 1)));
}

test('two that differ in anything have different ones, and equal ones the same', () => {
  const seen = new Map<string, string>();
  fc.assert(
    fc.property(wanted, (one) => {
      const [key, text] = [keyOf(one), spelled(one)];
      const before = seen.get(key);
      if (before !== undefined && before !== text) throw new Error(`${before} and ${text} share`);
      seen.set(key, text);
      expect(keyOf(structuredClone(one))).toBe(key);
    }),
    { numRuns: 800 },
  );
  expect(new Set(seen.values()).size).toBe(seen.size);
});

test('a change of one part alone changes it', () => {
  fc.assert(
    fc.property(wanted, wanted, (one, other) => {
      for (const changed of [
        { ...one, permissions: other.permissions },
        { ...one, tokenId: other.tokenId },
        { ...one, lifeSeconds: other.lifeSeconds },
      ]) {
        expect(keyOf(one) === keyOf(changed)).toBe(spelled(one) === spelled(changed));
      }
    }),
    { numRuns: 300 },
  );
});

describe('look-alikes', () => {
  const read = (name: string) =>
    ({ kind: 'item', role: 'readonly', cache: { name: 'c' }, target: { name } }) as const;
  const base: Wanted = { permissions: [read('a')], tokenId: undefined, lifeSeconds: 900 };
  test.each<[string, Partial<Wanted>, Partial<Wanted>]>([
    ['no token id and the word null', {}, { tokenId: 'null' }],
    ['no token id and an empty one', {}, { tokenId: '' }],
    ['an empty one and the word null', { tokenId: '' }, { tokenId: 'null' }],
    ['two lives', {}, { lifeSeconds: 901 }],
    [
      'a digit that moves from the token id to the life',
      { tokenId: '1' },
      { tokenId: '', lifeSeconds: 1_900 },
    ],
    [
      'all, and a thing of that name',
      { permissions: [{ ...read('a'), target: { all: true } }] },
      { permissions: [read('all')] },
    ],
    [
      'a name and a prefix',
      { permissions: [read('t:')] },
      { permissions: [{ ...read('a'), target: { prefix: 't:' } }] },
    ],
    [
      'two names, and one that reads like two',
      { permissions: [read('a'), read('b')] },
      { permissions: [read('a"],["b')] },
    ],
    [
      'a tenant and one that begins like it',
      { permissions: [read('1')] },
      { permissions: [read('10')] },
    ],
    [
      'a lone surrogate and what UTF-8 makes of it',
      { permissions: [read('\ud800')] },
      { permissions: [read('�')] },
    ],
    ['a permission and none', {}, { permissions: [] }],
  ])('%s', (_, one, other) => {
    expect(keyOf({ ...base, ...one })).not.toBe(keyOf({ ...base, ...other }));
  });

  test('it can be no name of another item of the table', () => {
    expect(keyOf(base)).toMatch(/^[0-9a-f]{64}$/);
  });

  test('what the audit line says is not the share key, and not a part of it', () => {
    expect(keyOf(base)).not.toContain(scopeHash(base));
  });
});
