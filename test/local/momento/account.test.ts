import { permission_messages } from '@gomomento/generated-types/dist/permissionmessages.js';
import { describe, expect, test } from '@jest/globals';
import { MomentoAccount } from '../../../local/momento/account.ts';
import { bareKey } from '../../../local/momento/keys.ts';
import {
  allDataReadWrite,
  noPermissions,
  type Permissions,
  superUser,
} from '../../../local/momento/permissions.ts';
import { MomentoRefusal } from '../../../local/momento/refusal.ts';
import {
  cachePermission,
  explicit,
  momentoAccount,
  START_MS,
  START_SECONDS,
  statusOf,
  topicPermission,
} from './account-builder.ts';

const { PermissionsType, CacheRole } = permission_messages;

/** A key as it goes over the wire, with its refresh token. */
function consoleKey(
  account: MomentoAccount,
  {
    lifetimeSeconds = 60,
    scope = 'super-user',
  }: Partial<Parameters<MomentoAccount['createKeyInConsole']>[0]> = {},
) {
  const { apiKey, refreshToken, validUntil } = account.createKeyInConsole({
    lifetimeSeconds,
    scope,
  });
  return { apiKey: bareKey(apiKey), refreshToken, validUntil };
}

function disposable(account: MomentoAccount, callerKey: string, overrides = {}) {
  return account.generateDisposableToken({
    callerKey,
    permissions: explicit(cachePermission('a')),
    lifetimeSeconds: 60,
    ...overrides,
  });
}

function generate(account: MomentoAccount, callerKey: string, permissions: Permissions) {
  return account.generateApiToken({ callerKey, permissions, lifetimeSeconds: 60 });
}

describe('a key of the console', () => {
  test('is in the form of its download', () => {
    const { account } = momentoAccount();
    const downloaded = account.createKeyInConsole({ lifetimeSeconds: 60, scope: 'super-user' });
    expect(Object.keys(downloaded)).toEqual(['apiKey', 'refreshToken', 'validUntil']);
    expect(downloaded.validUntil).toBe(START_SECONDS + 60);
    const decoded = JSON.parse(Buffer.from(downloaded.apiKey, 'base64').toString());
    expect(decoded).toEqual({ endpoint: 'cell.example.com', api_key: bareKey(downloaded.apiKey) });
  });

  test('carries its permissions and expiry in its claims', () => {
    const { account } = momentoAccount();
    const { apiKey } = consoleKey(account);
    const claims = JSON.parse(Buffer.from(apiKey.split('.')[1] ?? '', 'base64url').toString());
    expect(claims).toMatchObject({ ver: 1, p: 'CAA=', exp: START_SECONDS + 60 });
  });

  test('that never expires says 0 and has no exp', () => {
    const { account, clock } = momentoAccount();
    const { apiKey, validUntil } = consoleKey(account, { lifetimeSeconds: 'never' });
    expect(validUntil).toBe(0);
    expect(Buffer.from(apiKey.split('.')[1] ?? '', 'base64url').toString()).not.toContain('exp');
    clock.nowMs = Number.MAX_SAFE_INTEGER;
    expect(statusOf(() => account.authenticate(apiKey))).toBe('OK');
  });

  test.each([0, -1, 0.5, Number.NaN, Number.POSITIVE_INFINITY])(
    'cannot live %p seconds',
    (lifetimeSeconds) => {
      const { account } = momentoAccount();
      expect(statusOf(() => consoleKey(account, { lifetimeSeconds }))).toBe('INVALID_ARGUMENT');
    },
  );

  test('counts as no auth operation', () => {
    const { account } = momentoAccount({ authOperationsPerSecond: 1 });
    const { apiKey } = [1, 2, 3].map(() => consoleKey(account))[0] ?? { apiKey: '' };
    expect(statusOf(() => disposable(account, apiKey))).toBe('OK');
  });

  test('needs an endpoint from the account or its server', () => {
    const { account } = momentoAccount();
    expect(account.endpoint).toBe('cell.example.com');
    account.servedAt('127.0.0.1:1');
    expect(account.endpoint).toBe('cell.example.com');

    const homeless = new MomentoAccount({
      now: () => START_MS,
      newId: () => 'session',
      signingKey: 'k',
    });
    expect(() => homeless.createKeyInConsole({ lifetimeSeconds: 1, scope: 'super-user' })).toThrow(
      'no endpoint',
    );
    homeless.servedAt('127.0.0.1:1');
    expect(homeless.endpoint).toBe('127.0.0.1:1');
  });
});

describe('authentication', () => {
  test('lasts to the millisecond before validUntil, on every call', () => {
    const { account, clock } = momentoAccount();
    const { apiKey, refreshToken } = consoleKey(account, { lifetimeSeconds: 60 });
    const calls = {
      list: () => account.listCaches(apiKey),
      generate: () => generate(account, apiKey, allDataReadWrite()),
      disposable: () => disposable(account, apiKey),
      refresh: () => account.refreshApiToken({ apiKey, refreshToken }),
    };
    clock.nowMs = 1_700_000_059_999;
    for (const call of [calls.list, calls.generate, calls.disposable]) {
      expect(statusOf(call)).toBe('OK');
    }
    clock.nowMs = 1_700_000_060_000;
    for (const call of Object.values(calls)) expect(statusOf(call)).toBe('UNAUTHENTICATED');
  });

  test('refuses the unknown, the foreign and the base64 form', () => {
    const { account } = momentoAccount();
    const other = momentoAccount({ signingKey: 'another' }).account;
    const twin = momentoAccount().account;
    consoleKey(twin);
    expect(statusOf(() => account.authenticate(''))).toBe('UNAUTHENTICATED');
    expect(statusOf(() => account.authenticate(consoleKey(other).apiKey))).toBe('UNAUTHENTICATED');
    // Signed by the right key, but not issued here.
    expect(statusOf(() => account.authenticate(consoleKey(twin).apiKey))).toBe('UNAUTHENTICATED');
    const { apiKey } = account.createKeyInConsole({ lifetimeSeconds: 60, scope: 'super-user' });
    expect(statusOf(() => account.authenticate(apiKey))).toBe('UNAUTHENTICATED');
    expect(statusOf(() => account.authenticate(bareKey(apiKey)))).toBe('OK');
  });

  test('tells what the credential may do, and neither the key nor its refresh token', () => {
    const { account } = momentoAccount();
    const key = consoleKey(account);
    const told = account.authenticate(key.apiKey);
    expect(Object.keys(told).sort()).toEqual([
      'id',
      'issuedAtMs',
      'kind',
      'lifetimeSeconds',
      'permissions',
      'tokenId',
      'validUntil',
    ]);
  });

  test('ends with revocation, of that key alone', () => {
    const { account } = momentoAccount();
    const revoked = account.createKeyInConsole({ lifetimeSeconds: 'never', scope: 'super-user' });
    const { apiKey: other } = consoleKey(account);
    account.revoke(revoked.apiKey);
    expect(statusOf(() => account.authenticate(bareKey(revoked.apiKey)))).toBe('UNAUTHENTICATED');
    expect(
      statusOf(() =>
        account.refreshApiToken({
          apiKey: bareKey(revoked.apiKey),
          refreshToken: revoked.refreshToken,
        }),
      ),
    ).toBe('UNAUTHENTICATED');
    expect(statusOf(() => account.authenticate(other))).toBe('OK');
    account.revoke(other);
    expect(statusOf(() => account.authenticate(other))).toBe('UNAUTHENTICATED');
    expect(statusOf(() => account.revoke('nothing'))).toBe('NOT_FOUND');
  });
});

describe('refresh', () => {
  test('gives the same permissions and the same duration, counted from now', () => {
    const { account, clock } = momentoAccount();
    const permissions = explicit(cachePermission('a'), topicPermission('a', { name: 't' }));
    const made = account.generateApiToken({
      callerKey: consoleKey(account).apiKey,
      permissions,
      lifetimeSeconds: 60,
      tokenId: 'who',
    });
    clock.nowMs = START_MS + 40_000;
    const renewed = account.refreshApiToken(made);
    expect(renewed.validUntil).toBe(START_SECONDS + 40 + 60);
    expect(renewed.endpoint).toBe('cell.example.com');
    expect(renewed.apiKey).not.toBe(made.apiKey);
    expect(renewed.refreshToken).not.toBe(made.refreshToken);
    expect(account.authenticate(renewed.apiKey)).toMatchObject({
      kind: 'api-key',
      lifetimeSeconds: 60,
      tokenId: 'who',
      issuedAtMs: START_MS + 40_000,
    });
    expect(account.authenticate(renewed.apiKey).permissions.serialize()).toEqual(
      permissions.serialize(),
    );
    clock.nowMs = START_MS + 80_000;
    expect(account.refreshApiToken(renewed).validUntil).toBe(START_SECONDS + 80 + 60);
  });

  test('of a key that never expires gives another that never expires', () => {
    const { account } = momentoAccount();
    const key = consoleKey(account, { lifetimeSeconds: 'never' });
    expect(account.refreshApiToken(key).validUntil).toBe(0);
  });

  test('spends a single-use refresh token, and not the new one', () => {
    const { account } = momentoAccount();
    const key = consoleKey(account);
    const renewed = account.refreshApiToken(key);
    expect(() => account.refreshApiToken(key)).toThrow(
      new MomentoRefusal('UNAUTHENTICATED', 'Invalid refresh token'),
    );
    expect(statusOf(() => account.refreshApiToken(renewed))).toBe('OK');
  });

  test('works again with a multi-use refresh token, to a key of its own each time', () => {
    const { account, clock } = momentoAccount({ refreshTokens: 'multi-use' });
    const key = consoleKey(account, { lifetimeSeconds: 60 });
    const renewed = [1, 2, 3].map(() => account.refreshApiToken(key));
    expect(new Set(renewed.map(({ apiKey }) => apiKey)).size).toBe(3);
    clock.nowMs = (START_SECONDS + 60) * 1000;
    expect(statusOf(() => account.refreshApiToken(key))).toBe('UNAUTHENTICATED');
  });

  test('lets the old key live to its own expiry, or ends it at once', () => {
    const living = momentoAccount({ oldKeys: 'live' });
    const old = consoleKey(living.account, { lifetimeSeconds: 60 });
    living.clock.nowMs += 1000;
    living.account.refreshApiToken(old);
    living.clock.nowMs = 1_700_000_059_999;
    expect(statusOf(() => living.account.authenticate(old.apiKey))).toBe('OK');
    living.clock.nowMs = 1_700_000_060_000;
    expect(statusOf(() => living.account.authenticate(old.apiKey))).toBe('UNAUTHENTICATED');

    const { account } = momentoAccount({ oldKeys: 'die' });
    const dying = consoleKey(account);
    const renewed = account.refreshApiToken(dying);
    expect(statusOf(() => account.authenticate(dying.apiKey))).toBe('UNAUTHENTICATED');
    expect(statusOf(() => account.authenticate(renewed.apiKey))).toBe('OK');
  });

  test.each([
    ['multi-use', 'live', 'OK', 'OK'],
    ['multi-use', 'die', 'UNAUTHENTICATED', 'UNAUTHENTICATED'],
    ['single-use', 'live', 'PERMISSION_DENIED', 'OK'],
    ['single-use', 'die', 'UNAUTHENTICATED', 'UNAUTHENTICATED'],
  ] as const)('%s and %s: again %s, the old key %s', (refreshTokens, oldKeys, again, oldKey) => {
    const { account } = momentoAccount({
      refreshTokens,
      oldKeys,
      spentRefreshTokenStatus: 'PERMISSION_DENIED',
    });
    const key = consoleKey(account);
    account.refreshApiToken(key);
    expect(statusOf(() => account.refreshApiToken(key))).toBe(again);
    expect(statusOf(() => account.authenticate(key.apiKey))).toBe(oldKey);
  });

  test('refuses the refresh token of another key, and spends nothing', () => {
    const { account } = momentoAccount({ oldKeys: 'die' });
    const [one, two] = [consoleKey(account), consoleKey(account)];
    const crossed = { apiKey: one.apiKey, refreshToken: two.refreshToken };
    expect(statusOf(() => account.refreshApiToken(crossed))).toBe('UNAUTHENTICATED');
    expect(statusOf(() => account.refreshApiToken({ ...one, refreshToken: '' }))).toBe(
      'UNAUTHENTICATED',
    );
    expect(statusOf(() => account.refreshApiToken(one))).toBe('OK');
    expect(statusOf(() => account.refreshApiToken(two))).toBe('OK');
  });

  test('is not for session tokens and disposable tokens', () => {
    const { account } = momentoAccount();
    const token = disposable(account, consoleKey(account).apiKey);
    for (const apiKey of [account.sessionToken, token.apiKey]) {
      for (const refreshToken of ['', 'undefined', consoleKey(account).refreshToken]) {
        expect(statusOf(() => account.refreshApiToken({ apiKey, refreshToken }))).toBe(
          'UNAUTHENTICATED',
        );
      }
    }
  });
});

describe('who may make what with GenerateApiToken', () => {
  const narrower = explicit(cachePermission('a'));
  const { account } = momentoAccount();
  const superUserKey = consoleKey(account).apiKey;
  const makers = {
    'a session token': account.sessionToken,
    'a super-user key of the console': superUserKey,
    'a super-user key of a session token': generate(account, account.sessionToken, superUser())
      .apiKey,
    'an all-data key of the console': consoleKey(account, { scope: 'all-data-read-write' }).apiKey,
    'an all-data key of a super-user': generate(account, superUserKey, allDataReadWrite()).apiKey,
    'a narrow key': generate(account, superUserKey, narrower).apiKey,
    'a disposable token': disposable(account, superUserKey).apiKey,
  };
  test.each([
    ['a session token', 'OK', 'OK', 'OK'],
    ['a super-user key of the console', 'PERMISSION_DENIED', 'OK', 'OK'],
    ['a super-user key of a session token', 'PERMISSION_DENIED', 'OK', 'OK'],
    [
      'an all-data key of the console',
      'PERMISSION_DENIED',
      'PERMISSION_DENIED',
      'PERMISSION_DENIED',
    ],
    [
      'an all-data key of a super-user',
      'PERMISSION_DENIED',
      'PERMISSION_DENIED',
      'PERMISSION_DENIED',
    ],
    ['a narrow key', 'PERMISSION_DENIED', 'PERMISSION_DENIED', 'PERMISSION_DENIED'],
    ['a disposable token', 'PERMISSION_DENIED', 'PERMISSION_DENIED', 'PERMISSION_DENIED'],
  ] as const)('%s: super-user %s, all data %s, narrower %s', (maker, ...expected) => {
    expect(
      [superUser(), allDataReadWrite(), narrower].map((permissions) =>
        statusOf(() => generate(account, makers[maker], permissions)),
      ),
    ).toEqual(expected);
  });

  test('says so in the words of Momento', () => {
    expect(() => generate(account, superUserKey, superUser())).toThrow(
      new MomentoRefusal('PERMISSION_DENIED', 'Insufficient permissions'),
    );
  });

  test.each([
    ['a session token', 'PERMISSION_DENIED'],
    ['a super-user key of the console', 'OK'],
    ['a super-user key of a session token', 'OK'],
    ['an all-data key of the console', 'PERMISSION_DENIED'],
    ['a narrow key', 'PERMISSION_DENIED'],
    ['a disposable token', 'PERMISSION_DENIED'],
  ] as const)('%s and disposable tokens: %s', (maker, expected) => {
    expect(statusOf(() => disposable(account, makers[maker]))).toBe(expected);
  });

  test.each([
    ['a session token', 'OK'],
    ['a super-user key of the console', 'OK'],
    ['an all-data key of the console', 'PERMISSION_DENIED'],
    ['a narrow key', 'PERMISSION_DENIED'],
    ['a disposable token', 'PERMISSION_DENIED'],
  ] as const)('%s and the control plane: %s', (maker, expected) => {
    const key = makers[maker];
    expect(statusOf(() => account.listCaches(key))).toBe(expected);
    expect(statusOf(() => account.createCache(key, `of ${maker}`))).toBe(expected);
    expect(statusOf(() => account.deleteCache(key, `of ${maker}`))).toBe(expected);
  });
});

describe('the permissions of GenerateApiToken', () => {
  const { account } = momentoAccount();
  const { apiKey } = consoleKey(account);
  const incomplete = (build: (p: permission_messages.PermissionsType) => void) => {
    const permission = new PermissionsType();
    build(permission);
    return explicit(cachePermission('whole'), permission);
  };
  const roleFromTheFuture: number = 99;
  const func = (name: string) =>
    new PermissionsType({
      function_permissions: new PermissionsType.FunctionPermissions({
        role: permission_messages.FunctionRole.FunctionInvoke,
        cache_selector: new PermissionsType.CacheSelector({ cache_name: 'a' }),
        function_selector: new PermissionsType.FunctionSelector({ function_name: name }),
      }),
    });

  test.each<[string, Permissions, string]>([
    ['none named', noPermissions(), 'INVALID_ARGUMENT'],
    ['an empty list', explicit(), 'INVALID_ARGUMENT'],
    ['one cache', explicit(cachePermission('a')), 'OK'],
    ['two caches', explicit(cachePermission('a'), cachePermission('b')), 'OK'],
    ['a cache twice', explicit(cachePermission('a'), cachePermission('a')), 'INVALID_ARGUMENT'],
    [
      'a cache twice in different roles',
      explicit(cachePermission('a'), cachePermission('a', { role: CacheRole.CacheReadWrite })),
      'INVALID_ARGUMENT',
    ],
    ['all caches and one of them', explicit(cachePermission('all'), cachePermission('a')), 'OK'],
    [
      'all caches twice',
      explicit(cachePermission('all'), cachePermission('all')),
      'INVALID_ARGUMENT',
    ],
    [
      'a cache and its topic',
      explicit(cachePermission('a'), topicPermission('a', { name: 't' })),
      'OK',
    ],
    [
      'two topics of a cache',
      explicit(topicPermission('a', { name: 't' }), topicPermission('a', { name: 'u' })),
      'OK',
    ],
    [
      'a topic of two caches',
      explicit(topicPermission('a', { name: 't' }), topicPermission('b', { name: 't' })),
      'OK',
    ],
    [
      'a topic twice',
      explicit(topicPermission('a', { name: 't' }), topicPermission('a', { name: 't' })),
      'INVALID_ARGUMENT',
    ],
    [
      'all topics and one of them',
      explicit(topicPermission('a', 'all'), topicPermission('a', { name: 't' })),
      'OK',
    ],
    [
      'a topic and the same prefix',
      explicit(topicPermission('a', { name: 't' }), topicPermission('a', { namePrefix: 't' })),
      'OK',
    ],
    [
      'two prefixes of one cache',
      explicit(cachePermission('a', { keyPrefix: 'x' }), cachePermission('a', { keyPrefix: 'y' })),
      'INVALID_ARGUMENT',
    ],
    ['two functions', explicit(func('f'), func('g')), 'OK'],
    ['a function twice', explicit(func('f'), func('f')), 'INVALID_ARGUMENT'],
    ['a permission of no kind', incomplete(() => {}), 'INVALID_ARGUMENT'],
    [
      'no cache selector',
      incomplete((p) => {
        p.cache_permissions = new PermissionsType.CachePermissions({
          role: CacheRole.CacheReadOnly,
        });
      }),
      'INVALID_ARGUMENT',
    ],
    [
      'an empty cache selector',
      incomplete((p) => {
        p.cache_permissions = new PermissionsType.CachePermissions({
          role: CacheRole.CacheReadOnly,
          cache_selector: new PermissionsType.CacheSelector(),
        });
      }),
      'INVALID_ARGUMENT',
    ],
    [
      'an empty item selector',
      incomplete((p) => {
        p.cache_permissions = new PermissionsType.CachePermissions({
          role: CacheRole.CacheReadOnly,
          all_caches: new PermissionsType.All(),
          item_selector: new PermissionsType.CacheItemSelector(),
        });
      }),
      'INVALID_ARGUMENT',
    ],
    [
      'no topic selector',
      incomplete((p) => {
        p.topic_permissions = new PermissionsType.TopicPermissions({
          role: permission_messages.TopicRole.TopicReadOnly,
          all_caches: new PermissionsType.All(),
        });
      }),
      'INVALID_ARGUMENT',
    ],
    [
      'a role from the future',
      explicit(cachePermission('a', { role: roleFromTheFuture })),
      'INVALID_ARGUMENT',
    ],
  ])('%s', (_what, permissions, expected) => {
    // Through the bytes, as over the wire: what a message holds there is what counts.
    const received = permission_messages.Permissions.deserialize(permissions.serialize());
    expect(statusOf(() => generate(account, apiKey, received))).toBe(expected);
  });

  test.each([
    ['never', 'OK', 0],
    [1, 'OK', START_SECONDS + 1],
    [0, 'INVALID_ARGUMENT', undefined],
  ] as const)('a life of %s', (lifetimeSeconds, expected, validUntil) => {
    const make = () =>
      account.generateApiToken({
        callerKey: apiKey,
        permissions: allDataReadWrite(),
        lifetimeSeconds,
      });
    expect(statusOf(make)).toBe(expected);
    if (expected === 'OK') expect(make().validUntil).toBe(validUntil);
  });
});

describe('a disposable token', () => {
  test.each([
    [undefined, 0, 'INVALID_ARGUMENT'],
    [undefined, 1, 'OK'],
    [undefined, 3600, 'OK'],
    [undefined, 3601, 'INVALID_ARGUMENT'],
    [undefined, 0.5, 'INVALID_ARGUMENT'],
    [undefined, Number.NaN, 'INVALID_ARGUMENT'],
    [90_000, 90_000, 'OK'],
    [90_000, 90_001, 'INVALID_ARGUMENT'],
    [60, 61, 'INVALID_ARGUMENT'],
  ])('with a cap of %p may live %p seconds: %s', (cap, lifetimeSeconds, expected) => {
    const { account } = momentoAccount(cap === undefined ? {} : { maxDisposableLifeSeconds: cap });
    const { apiKey } = consoleKey(account);
    expect(statusOf(() => disposable(account, apiKey, { lifetimeSeconds }))).toBe(expected);
  });

  test('dies at its own second', () => {
    const { account, clock } = momentoAccount();
    const key = consoleKey(account, { lifetimeSeconds: 'never' });
    const token = disposable(account, key.apiKey, { lifetimeSeconds: 900 });
    expect(token).toMatchObject({ endpoint: 'cell.example.com', validUntil: START_SECONDS + 900 });
    expect(token).not.toHaveProperty('refreshToken');
    clock.nowMs = 1_700_000_899_999;
    expect(account.authenticate(token.apiKey).kind).toBe('disposable-token');
    clock.nowMs = 1_700_000_900_000;
    expect(statusOf(() => account.authenticate(token.apiKey))).toBe('UNAUTHENTICATED');
  });

  test.each([
    ['nothing', '', 'OK'],
    ['64 letters', 'x'.repeat(64), 'OK'],
    ['65 letters', 'x'.repeat(65), 'INVALID_ARGUMENT'],
    ['32 surrogate pairs', '🦊'.repeat(32), 'OK'],
    ['32 surrogate pairs and a letter', `${'🦊'.repeat(32)}x`, 'INVALID_ARGUMENT'],
    ['33 surrogate pairs', '🦊'.repeat(33), 'INVALID_ARGUMENT'],
    ['64 letters of three bytes', '語'.repeat(64), 'OK'],
  ])('takes a token id of %s: %#', (_what, tokenId, expected) => {
    const { account } = momentoAccount();
    const make = () => disposable(account, consoleKey(account).apiKey, { tokenId });
    expect(statusOf(make)).toBe(expected);
    if (expected === 'OK') expect(account.authenticate(make().apiKey).tokenId).toBe(tokenId);
  });

  test('is never a super-user, and never without permissions', () => {
    const { account } = momentoAccount();
    const { apiKey } = consoleKey(account);
    for (const permissions of [superUser(), explicit(), noPermissions()]) {
      expect(statusOf(() => disposable(account, apiKey, { permissions }))).toBe('INVALID_ARGUMENT');
    }
  });

  test('may have two prefixes of one cache', () => {
    const { account } = momentoAccount();
    const permissions = explicit(
      cachePermission('a', { keyPrefix: 'x:' }),
      cachePermission('a', { keyPrefix: 'y:' }),
    );
    const token = disposable(account, consoleKey(account).apiKey, { permissions });
    expect(account.authenticate(token.apiKey).permissions).toBe(permissions);
  });
});

describe('five auth operations a second', () => {
  test('the sixth is refused, a thousand milliseconds after the first is not', () => {
    const { account, clock } = momentoAccount({ authOperationsPerSecond: 5 });
    const key = consoleKey(account, { lifetimeSeconds: 'never' });
    const mint = (afterMs: number) => {
      clock.nowMs = START_MS + afterMs;
      return statusOf(() => disposable(account, key.apiKey));
    };
    expect([0, 1, 2, 3, 4].map(mint)).toEqual(Array(5).fill('OK'));
    expect(mint(5)).toBe('RESOURCE_EXHAUSTED');
    expect(mint(999)).toBe('RESOURCE_EXHAUSTED');
    expect(mint(1000)).toBe('OK');
  });

  test('all three operations count, the refused ones as well; control calls do not', () => {
    const { account } = momentoAccount({ authOperationsPerSecond: 5 });
    const key = consoleKey(account);
    for (let i = 0; i < 10; i += 1) account.listCaches(key.apiKey);
    expect(statusOf(() => disposable(account, 'unknown'))).toBe('UNAUTHENTICATED');
    expect(statusOf(() => generate(account, key.apiKey, superUser()))).toBe('PERMISSION_DENIED');
    expect(statusOf(() => disposable(account, key.apiKey, { lifetimeSeconds: 0 }))).toBe(
      'INVALID_ARGUMENT',
    );
    expect(statusOf(() => generate(account, key.apiKey, allDataReadWrite()))).toBe('OK');
    expect(statusOf(() => disposable(account, key.apiKey))).toBe('OK');
    expect(statusOf(() => account.refreshApiToken(key))).toBe('RESOURCE_EXHAUSTED');
    expect(statusOf(() => account.listCaches(key.apiKey))).toBe('OK');
  });

  test('a refresh counts before its key is looked at', () => {
    const { account } = momentoAccount({ authOperationsPerSecond: 1 });
    const key = consoleKey(account);
    const unknown = { apiKey: 'unknown', refreshToken: key.refreshToken };
    expect(statusOf(() => account.refreshApiToken(unknown))).toBe('UNAUTHENTICATED');
    expect(statusOf(() => account.refreshApiToken(key))).toBe('RESOURCE_EXHAUSTED');
  });

  test('a refresh turned away spends nothing', () => {
    const { account, clock } = momentoAccount({ authOperationsPerSecond: 1, oldKeys: 'die' });
    const key = consoleKey(account);
    disposable(account, key.apiKey);
    expect(statusOf(() => account.refreshApiToken(key))).toBe('RESOURCE_EXHAUSTED');
    clock.nowMs += 1000;
    expect(statusOf(() => account.refreshApiToken(key))).toBe('OK');
  });
});

test('caches are created once, listed in order, deleted once', () => {
  const { account } = momentoAccount();
  const { apiKey } = consoleKey(account);
  for (const name of ['b', 'a']) account.createCache(apiKey, name);
  expect(statusOf(() => account.createCache(apiKey, 'a'))).toBe('ALREADY_EXISTS');
  expect(statusOf(() => account.createCache(apiKey, ' '))).toBe('INVALID_ARGUMENT');
  expect(account.listCaches(apiKey)).toEqual(['b', 'a']);
  account.deleteCache(apiKey, 'b');
  expect(statusOf(() => account.deleteCache(apiKey, 'b'))).toBe('NOT_FOUND');
  expect(account.listCaches(apiKey)).toEqual(['a']);
});

test('the same clock and ids give the same account: a schedule can be replayed', () => {
  const run = () => {
    const { account, clock } = momentoAccount();
    const key = consoleKey(account);
    clock.nowMs += 1234;
    return [key, account.refreshApiToken(key), account.sessionToken];
  };
  expect(run()).toEqual(run());
});

test.each([
  { authOperationsPerSecond: 0 },
  { authOperationsPerSecond: 1.5 },
  { maxDisposableLifeSeconds: 0 },
  { maxDisposableLifeSeconds: 90_001 },
  { maxDisposableLifeSeconds: Number.NaN },
])('an account cannot be made with %p', (options) => {
  expect(() => momentoAccount(options)).toThrow(RangeError);
});
