import { permission_messages } from '@gomomento/generated-types/dist/permissionmessages.js';
import { describe, expect, test } from '@jest/globals';
import {
  type CacheOperation,
  mayAccess,
  type TopicOperation,
} from '../../../local/momento/access.ts';
import type { Credential } from '../../../local/momento/account.ts';
import {
  allDataReadWrite,
  noPermissions,
  type Permissions,
  superUser,
} from '../../../local/momento/permissions.ts';
import { bytes, cachePermission, explicit, topicPermission } from './account-builder.ts';

const { CacheRole, TopicRole, PermissionsType } = permission_messages;

const kinds: readonly Credential['kind'][] = ['session-token', 'api-key', 'disposable-token'];

function mayTouch(
  permissions: Permissions,
  operation: CacheOperation,
  cacheName: string,
  ...keys: (string | Uint8Array)[]
) {
  return mayAccess(
    { kind: 'disposable-token', permissions },
    { operation, cacheName, keys: keys.map(bytes) },
  );
}

function maySpeak(
  permissions: Permissions,
  operation: TopicOperation,
  cacheName: string,
  topicName: string,
) {
  return mayAccess({ kind: 'disposable-token', permissions }, { operation, cacheName, topicName });
}

/** A permission of that role, and whether it covers the item `t1:a` of the cache `mine`. */
const ITEM_SELECTORS: readonly [
  string,
  boolean,
  (role: permission_messages.CacheRole) => permission_messages.PermissionsType,
][] = [
  ['the cache, no item selector', true, (role) => cachePermission('mine', { role })],
  ['the cache, all items', true, (role) => allItems(cachePermission('mine', { role }))],
  ['all caches', true, (role) => cachePermission('all', { role })],
  ['the key', true, (role) => cachePermission('mine', { role, key: 't1:a' })],
  ['the key in all caches', true, (role) => cachePermission('all', { role, key: 't1:a' })],
  ['the prefix', true, (role) => cachePermission('mine', { role, keyPrefix: 't1:' })],
  [
    'the whole key as a prefix',
    true,
    (role) => cachePermission('mine', { role, keyPrefix: 't1:a' }),
  ],
  ['an empty prefix', true, (role) => cachePermission('mine', { role, keyPrefix: '' })],
  ['another cache', false, (role) => cachePermission('other', { role })],
  ['a cache whose name begins so', false, (role) => cachePermission('min', { role })],
  ['a cache in other letters', false, (role) => cachePermission('Mine', { role })],
  ['a shorter key', false, (role) => cachePermission('mine', { role, key: 't1:' })],
  ['a longer key', false, (role) => cachePermission('mine', { role, key: 't1:ab' })],
  ['an empty key', false, (role) => cachePermission('mine', { role, key: '' })],
  ['the key in another cache', false, (role) => cachePermission('other', { role, key: 't1:a' })],
  ['another prefix', false, (role) => cachePermission('mine', { role, keyPrefix: 't10:' })],
  ['a longer prefix', false, (role) => cachePermission('mine', { role, keyPrefix: 't1:ab' })],
  ['the end of the key', false, (role) => cachePermission('mine', { role, keyPrefix: '1:' })],
  ['a topic', false, (_role) => topicPermission('all', 'all')],
];

function allItems(permission: permission_messages.PermissionsType) {
  permission.cache_permissions.all_items = new PermissionsType.All();
  return permission;
}

describe.each(ITEM_SELECTORS)('a permission for %s', (_name, covers, permission) => {
  test.each<[keyof typeof CacheRole, boolean, boolean, boolean]>([
    //                  read   write  read-and-write
    ['CacheReadOnly', true, false, false],
    ['CacheReadWrite', true, true, true],
    ['CacheWriteOnly', false, true, false],
    ['CachePermitNone', false, false, false],
  ])('%s', (role, read, write, both) => {
    const permissions = explicit(permission(CacheRole[role]));
    expect({
      read: mayTouch(permissions, 'read', 'mine', 't1:a'),
      write: mayTouch(permissions, 'write', 'mine', 't1:a'),
      both: mayTouch(permissions, 'read-and-write', 'mine', 't1:a'),
    }).toEqual({ read: covers && read, write: covers && write, both: covers && both });
  });
});

/** A permission of that role, and whether it covers the topic `t1-events` of the cache `mine`. */
const TOPIC_SELECTORS: readonly [
  string,
  boolean,
  (role: permission_messages.TopicRole) => permission_messages.PermissionsType,
][] = [
  ['all topics of all caches', true, (role) => topicPermission('all', 'all', role)],
  ['all topics', true, (role) => topicPermission('mine', 'all', role)],
  ['the topic', true, (role) => topicPermission('mine', { name: 't1-events' }, role)],
  ['the topic in all caches', true, (role) => topicPermission('all', { name: 't1-events' }, role)],
  ['the prefix', true, (role) => topicPermission('mine', { namePrefix: 't1-' }, role)],
  [
    'the name as a prefix',
    true,
    (role) => topicPermission('mine', { namePrefix: 't1-events' }, role),
  ],
  ['an empty prefix', true, (role) => topicPermission('mine', { namePrefix: '' }, role)],
  ['another cache', false, (role) => topicPermission('other', 'all', role)],
  [
    'the topic in another cache',
    false,
    (role) => topicPermission('other', { name: 't1-events' }, role),
  ],
  ['a shorter name', false, (role) => topicPermission('mine', { name: 't1-' }, role)],
  ['a longer name', false, (role) => topicPermission('mine', { name: 't1-events2' }, role)],
  ['an empty name', false, (role) => topicPermission('mine', { name: '' }, role)],
  ['another prefix', false, (role) => topicPermission('mine', { namePrefix: 't10-' }, role)],
  ['a longer prefix', false, (role) => topicPermission('mine', { namePrefix: 't1-events2' }, role)],
  ['a cache', false, (_role) => cachePermission('all', { role: CacheRole.CacheReadWrite })],
];

describe.each(TOPIC_SELECTORS)('a permission for %s', (_name, covers, permission) => {
  test.each<[keyof typeof TopicRole, boolean, boolean]>([
    //                  publish subscribe
    ['TopicReadOnly', false, true],
    ['TopicReadWrite', true, true],
    ['TopicWriteOnly', true, false],
    ['TopicPermitNone', false, false],
  ])('%s', (role, publish, subscribe) => {
    const permissions = explicit(permission(TopicRole[role]));
    expect({
      publish: maySpeak(permissions, 'publish', 'mine', 't1-events'),
      subscribe: maySpeak(permissions, 'subscribe', 'mine', 't1-events'),
    }).toEqual({ publish: covers && publish, subscribe: covers && subscribe });
  });
});

describe('several permissions', () => {
  const readOnly = cachePermission('foo');
  const writeOnly = cachePermission('foo', { role: CacheRole.CacheWriteOnly });
  const everything = cachePermission('all', { role: CacheRole.CacheReadWrite });

  test('the widest one that matches decides, in any order', () => {
    for (const permissions of [explicit(everything, readOnly), explicit(readOnly, everything)]) {
      expect(mayTouch(permissions, 'read-and-write', 'foo', 'k')).toBe(true);
    }
  });

  test('two halves are each a half', () => {
    const halves = explicit(readOnly, writeOnly);
    expect(mayTouch(halves, 'read', 'foo', 'k')).toBe(true);
    expect(mayTouch(halves, 'write', 'foo', 'k')).toBe(true);
    expect(mayTouch(halves, 'read-and-write', 'foo', 'k')).toBe(false);
  });

  test('none at all grants nothing', () => {
    for (const permissions of [noPermissions(), explicit()]) {
      expect(mayTouch(permissions, 'read', 'foo', 'k')).toBe(false);
      expect(maySpeak(permissions, 'subscribe', 'foo', 't')).toBe(false);
    }
  });
});

describe('an operation on', () => {
  const ofTenant = explicit(
    cachePermission('mine', { keyPrefix: 't1:' }),
    cachePermission('mine', { key: 'shared' }),
  );

  test('several keys needs each of them, by whichever permission', () => {
    expect(mayTouch(ofTenant, 'read', 'mine', 't1:a', 'shared', 't1:b')).toBe(true);
    expect(mayTouch(ofTenant, 'read', 'mine', 't1:a', 't2:a')).toBe(false);
    expect(mayTouch(ofTenant, 'read', 'mine', 't2:a', 't1:a')).toBe(false);
  });

  test('no key in particular needs the whole cache', () => {
    expect(mayTouch(ofTenant, 'read', 'mine')).toBe(false);
    expect(mayTouch(explicit(), 'read', 'mine')).toBe(false);
    expect(mayTouch(explicit(cachePermission('mine')), 'read', 'mine')).toBe(true);
    expect(mayTouch(explicit(cachePermission('other')), 'read', 'mine')).toBe(false);
  });
});

test('keys are compared by their bytes, not as text', () => {
  const start = explicit(cachePermission('mine', { keyPrefix: Uint8Array.of(0xc3) }));
  expect(mayTouch(start, 'read', 'mine', 'ü')).toBe(true);
  expect(mayTouch(start, 'read', 'mine', 'u')).toBe(false);
  // Both are the replacement character once they are read as text.
  const invalid = explicit(cachePermission('mine', { key: Uint8Array.of(0xff) }));
  expect(mayTouch(invalid, 'read', 'mine', Uint8Array.of(0xff))).toBe(true);
  expect(mayTouch(invalid, 'read', 'mine', Uint8Array.of(0xfe))).toBe(false);
  // One letter, composed and decomposed.
  const composed = explicit(cachePermission('mine', { key: '\u00fc' }));
  expect(mayTouch(composed, 'read', 'mine', 'u\u0308')).toBe(false);
});

describe('the control plane is', () => {
  const control = { operation: 'control' } as const;

  test.each(kinds)("a super-user's unless it is a disposable token: %s", (kind) => {
    expect(mayAccess({ kind, permissions: superUser() }, control)).toBe(
      kind !== 'disposable-token',
    );
  });

  test.each(kinds)("nobody else's: %s", (kind) => {
    expect(mayAccess({ kind, permissions: allDataReadWrite() }, control)).toBe(false);
    expect(mayAccess({ kind, permissions: noPermissions() }, control)).toBe(false);
  });
});

describe.each([
  ['a super-user', superUser()],
  ['AllDataReadWrite', allDataReadWrite()],
])('%s', (_name, permissions) => {
  test('may do everything with data', () => {
    for (const operation of ['read', 'write', 'read-and-write'] as const) {
      expect(mayTouch(permissions, operation, 'any', 'k')).toBe(true);
      expect(mayTouch(permissions, operation, 'any')).toBe(true);
    }
    for (const operation of ['publish', 'subscribe'] as const) {
      expect(maySpeak(permissions, operation, 'any', 't')).toBe(true);
    }
  });
});

test('a permission to invoke functions grants nothing else', () => {
  const invoke = new PermissionsType({
    function_permissions: new PermissionsType.FunctionPermissions({
      role: permission_messages.FunctionRole.FunctionInvoke,
      all_caches: new PermissionsType.All(),
      all_functions: new PermissionsType.All(),
    }),
  });
  expect(mayTouch(explicit(invoke), 'read', 'any', 'k')).toBe(false);
  expect(maySpeak(explicit(invoke), 'subscribe', 'any', 't')).toBe(false);
});
