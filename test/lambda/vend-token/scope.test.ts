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

/** Made of what could be taken for a border between two parts. */
const hostile = fc.string({
  unit: fc.constantFrom('a', ':', '"', ',', '[', ']', '\\', ' ', 'name', 'all', 'prefix'),
  maxLength: 4,
});
const hostileSelector = fc.oneof(
  fc.constant({ all: true } as const),
  hostile.map((name) => ({ name })),
);
const hostileItem = fc.record(
  {
    kind: fc.constant('item' as const),
    role: fc.constantFrom('readonly' as const, 'readwrite' as const, 'writeonly' as const),
    cache: hostileSelector,
    target: fc.oneof(
      hostileSelector,
      hostile.map((prefix) => ({ prefix })),
    ),
  },
  { noNullPrototype: true },
);

test('nor does a change of one word of one permission, or of the border between two, go unseen', () => {
  fc.assert(
    fc.property(
      fc.array(hostileItem, { minLength: 1, maxLength: 3 }),
      hostileItem,
      fc.nat(),
      (permissions, other, which) => {
        const index = which % permissions.length;
        const one = permissions[index] ?? other;
        const base: Wanted = { permissions, tokenId: undefined, lifeSeconds: 900 };
        for (const changed of [
          { ...one, role: other.role },
          { ...one, cache: other.cache },
          { ...one, target: other.target },
          { ...one, cache: { name: 'a:name' }, target: { name: 'a' } },
          { ...one, cache: { name: 'a' }, target: { name: 'name:a' } },
        ]) {
          const next = { ...base, permissions: permissions.with(index, changed) };
          expect(keyOf(base) === keyOf(next)).toBe(spelled(base) === spelled(next));
        }
      },
    ),
    { numRuns: 500 },
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
    ['two roles', {}, { permissions: [{ ...read('a'), role: 'readwrite' }] }],
    ['two caches', {}, { permissions: [{ ...read('a'), cache: { name: 'd' } }] }],
    ['a cache, and all', {}, { permissions: [{ ...read('a'), cache: { all: true } }] }],
    [
      'a part of the cache that moves to the item',
      { permissions: [{ ...read('name:e'), cache: { name: 'c:name:d' } }] },
      { permissions: [{ ...read('d:name:name:e'), cache: { name: 'c' } }] },
    ],
    ...(['A', 'a ', ' a', 'é', 'e\u0301'] as const).flatMap(
      (name) =>
        [
          [`an item a and ${name}`, {}, { permissions: [read(name)] }],
          [
            `a cache c and ${name}`,
            {},
            { permissions: [{ ...read('a'), cache: { name: name.replace('a', 'c') } }] },
          ],
          [`a token id a and ${name}`, { tokenId: 'a' }, { tokenId: name }],
        ] as [string, Partial<Wanted>, Partial<Wanted>][],
    ),
    ['é in one and in two', { permissions: [read('é')] }, { permissions: [read('e\u0301')] }],
    ['é in one and in two, of a token id', { tokenId: 'é' }, { tokenId: 'e\u0301' }],
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
