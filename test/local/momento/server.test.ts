import { once } from 'node:events';
import { connect } from 'node:net';
import { auth } from '@gomomento/generated-types/dist/auth.js';
import { control_client as control } from '@gomomento/generated-types/dist/controlclient.js';
import { permission_messages } from '@gomomento/generated-types/dist/permissionmessages.js';
import { token } from '@gomomento/generated-types/dist/token.js';
import {
  AllCaches,
  AllDataReadWrite,
  CacheRole,
  ExpiresIn,
  GenerateApiKey,
  GenerateDisposableToken,
  ListCaches,
  MomentoErrorCode,
  RefreshApiKey,
  TopicRole,
} from '@gomomento/sdk';
import { status } from '@grpc/grpc-js';
import { describe, expect, test } from '@jest/globals';
import { MomentoAccount } from '../../../local/momento/account.ts';
import { bareKey } from '../../../local/momento/keys.ts';
import { superUser } from '../../../local/momento/permissions.ts';
import { startMomentoServer } from '../../../local/momento/server.ts';
import { momentoAccount, START_SECONDS } from './account-builder.ts';
import {
  afterwards,
  answerOf,
  errorCodeOf,
  expectInstance,
  localMomento,
  rawClient,
} from './local-momento.ts';

describe('the unmodified SDK', () => {
  test('refreshes a key: base64 again, the endpoint of the account, the same duration', async () => {
    const { account, clock, superUserKey, authClient, listCaches } = await localMomento();
    clock.nowMs += 100_000;
    const client = authClient(superUserKey.apiKey);
    const renewed = expectInstance(
      await client.refreshApiKey(superUserKey.refreshToken),
      RefreshApiKey.Success,
    );
    expect(renewed.expiresAt.epoch()).toBe(START_SECONDS + 700);
    expect(renewed.endpoint).toBe('cell.example.com');
    expect(account.authenticate(bareKey(renewed.apiKey)).lifetimeSeconds).toBe(600);
    expectInstance(await listCaches(renewed.apiKey), ListCaches.Success);
    expectInstance(await listCaches(superUserKey.apiKey), ListCaches.Success);

    const again = await client.refreshApiKey(superUserKey.refreshToken);
    expect(errorCodeOf(again)).toBe(MomentoErrorCode.AUTHENTICATION_ERROR);
    expect(
      errorCodeOf(await authClient(renewed.apiKey).refreshApiKey(superUserKey.refreshToken)),
    ).toBe(MomentoErrorCode.AUTHENTICATION_ERROR);
    expectInstance(
      await authClient(renewed.apiKey).refreshApiKey(renewed.refreshToken),
      RefreshApiKey.Success,
    );
  });

  test('cannot refresh an expired key', async () => {
    const { clock, superUserKey, authClient, listCaches } = await localMomento();
    clock.nowMs = superUserKey.validUntil * 1000;
    expect(
      errorCodeOf(await authClient(superUserKey.apiKey).refreshApiKey(superUserKey.refreshToken)),
    ).toBe(MomentoErrorCode.AUTHENTICATION_ERROR);
    expect(errorCodeOf(await listCaches(superUserKey.apiKey))).toBe(
      MomentoErrorCode.AUTHENTICATION_ERROR,
    );
  });

  test('generates a key that authenticates, is refused as narrow, and refreshes', async () => {
    const { account, superUserKey, authClient, listCaches } = await localMomento();
    const made = expectInstance(
      await authClient(superUserKey.apiKey).generateApiKey(AllDataReadWrite, ExpiresIn.minutes(1)),
      GenerateApiKey.Success,
    );
    expect(made.expiresAt.epoch()).toBe(START_SECONDS + 60);
    expect(errorCodeOf(await listCaches(made.apiKey))).toBe(MomentoErrorCode.PERMISSION_ERROR);
    const renewed = expectInstance(
      await authClient(made.apiKey).refreshApiKey(made.refreshToken),
      RefreshApiKey.Success,
    );
    const ofConsole = account.createKeyInConsole({
      lifetimeSeconds: 60,
      scope: 'all-data-read-write',
    });
    // What the console makes is byte for byte what the SDK asks for.
    expect(account.authenticate(bareKey(renewed.apiKey)).permissions.serialize()).toEqual(
      account.authenticate(bareKey(ofConsole.apiKey)).permissions.serialize(),
    );
    expect(
      errorCodeOf(
        await authClient(made.apiKey).generateApiKey(AllDataReadWrite, ExpiresIn.minutes(1)),
      ),
    ).toBe(MomentoErrorCode.PERMISSION_ERROR);
  });

  test('generates with a session token, for ever; not with an empty or doubled scope', async () => {
    const { account, authClient } = await localMomento();
    const client = authClient(account.sessionToken);
    const made = expectInstance(
      await client.generateApiKey(AllDataReadWrite, ExpiresIn.never()),
      GenerateApiKey.Success,
    );
    expect(made.expiresAt.doesExpire()).toBe(false);
    const readOnly = { role: CacheRole.ReadOnly, cache: 'a' };
    const readWrite = { role: CacheRole.ReadWrite, cache: { name: 'a' } };
    for (const permissions of [[], [readOnly, readOnly], [readOnly, readWrite]]) {
      expect(errorCodeOf(await client.generateApiKey({ permissions }, ExpiresIn.minutes(1)))).toBe(
        MomentoErrorCode.INVALID_ARGUMENT_ERROR,
      );
    }
    expectInstance(
      await client.generateApiKey(
        { permissions: [readOnly, { ...readWrite, cache: AllCaches }] },
        ExpiresIn.minutes(1),
      ),
      GenerateApiKey.Success,
    );
  });

  test('generates a disposable token with its id and life', async () => {
    const { account, superUserKey, authClient, listCaches } = await localMomento();
    const client = authClient(superUserKey.apiKey);
    const scope = {
      permissions: [{ role: CacheRole.ReadOnly, cache: 'a', item: { keyPrefix: 't1:' } }],
    };
    const made = expectInstance(
      await client.generateDisposableToken(scope, ExpiresIn.minutes(15), { tokenId: 'user-1' }),
      GenerateDisposableToken.Success,
    );
    expect(made.expiresAt.epoch()).toBe(START_SECONDS + 900);
    expect(made.endpoint).toBe('cell.example.com');
    expect(account.authenticate(bareKey(made.authToken))).toMatchObject({
      kind: 'disposable-token',
      tokenId: 'user-1',
    });
    expect(errorCodeOf(await listCaches(made.authToken))).toBe(MomentoErrorCode.PERMISSION_ERROR);

    // What the SDK lets through, the server refuses. (0.5 and NaN never leave the SDK.)
    for (const expiresIn of [0, 3601, 90_001]) {
      expect([
        expiresIn,
        errorCodeOf(await client.generateDisposableToken(scope, ExpiresIn.seconds(expiresIn))),
      ]).toEqual([expiresIn, MomentoErrorCode.INVALID_ARGUMENT_ERROR]);
    }
  });

  test('loses the item of a mixed scope, and the account records just that', async () => {
    const { account, superUserKey, authClient } = await localMomento();
    const item = { role: CacheRole.ReadOnly, cache: 'calendar-events', item: { keyPrefix: 't1:' } };
    const topic = { role: TopicRole.PublishSubscribe, cache: 'collaboration', topic: 't1-events' };
    const recorded = async (...permissions: (typeof item | typeof topic)[]) => {
      const made = expectInstance(
        await authClient(superUserKey.apiKey).generateDisposableToken(
          { permissions },
          ExpiresIn.minutes(15),
        ),
        GenerateDisposableToken.Success,
      );
      const { explicit } = account.authenticate(bareKey(made.authToken)).permissions;
      return explicit.permissions.map((p) =>
        p.kind === 'cache_permissions' ? [p.kind, p.cache_permissions.cache_item] : [p.kind],
      );
    };
    expect(await recorded(item)).toEqual([['cache_permissions', 'item_selector']]);
    expect(await recorded(item, topic)).toEqual([
      ['cache_permissions', 'none'],
      ['topic_permissions'],
    ]);
  });

  test('meets the sixth auth operation of a second', async () => {
    const { clock, superUserKey, authClient } = await localMomento({ authOperationsPerSecond: 5 });
    const client = authClient(superUserKey.apiKey);
    const generate = async () =>
      errorCodeOf(await client.generateApiKey(AllDataReadWrite, ExpiresIn.minutes(1)));
    const answers = await Promise.all([1, 2, 3, 4, 5, 6].map(generate));
    expect(answers.filter((code) => code === 'Success')).toHaveLength(5);
    expect(answers.filter((code) => code === MomentoErrorCode.LIMIT_EXCEEDED_ERROR)).toHaveLength(
      1,
    );
    clock.nowMs += 999;
    expect(await generate()).toBe(MomentoErrorCode.LIMIT_EXCEEDED_ERROR);
    clock.nowMs += 1;
    expect(await generate()).toBe('Success');
  });
});

describe('on the wire', () => {
  test('a mixed scope of items and topic prefixes arrives whole', async () => {
    const { account, server, superUserKey } = await localMomento();
    const { PermissionsType, CacheRole: Cache, TopicRole: Topic } = permission_messages;
    const inCache = (cache_name: string) => new PermissionsType.CacheSelector({ cache_name });
    const permissions = new permission_messages.Permissions({
      explicit: new permission_messages.ExplicitPermissions({
        permissions: [
          new PermissionsType({
            cache_permissions: new PermissionsType.CachePermissions({
              role: Cache.CacheReadOnly,
              cache_selector: inCache('calendar-events'),
              item_selector: new PermissionsType.CacheItemSelector({
                key_prefix: Uint8Array.of(0x74, 0x31, 0x3a, 0xff, 0x00),
              }),
            }),
          }),
          new PermissionsType({
            topic_permissions: new PermissionsType.TopicPermissions({
              role: Topic.TopicReadWrite,
              cache_selector: inCache('collaboration'),
              topic_selector: new PermissionsType.TopicSelector({ topic_name_prefix: 't1-' }),
            }),
          }),
        ],
      }),
    });
    const client = rawClient(token.TokenClient, server.endpoint);
    const { response } = await answerOf<token._GenerateDisposableTokenResponse>((done) =>
      client.GenerateDisposableToken(
        new token._GenerateDisposableTokenRequest({
          auth_token: bareKey(superUserKey.apiKey),
          expires: new token._GenerateDisposableTokenRequest.Expires({ valid_for_seconds: 60 }),
          permissions,
        }),
        done,
      ),
    );
    const recorded = account.authenticate(response?.api_key ?? '').permissions;
    expect(recorded.serialize()).toEqual(permissions.serialize());
    const [items, topics] = recorded.explicit.permissions;
    expect([...(items?.cache_permissions.item_selector.key_prefix ?? [])]).toEqual([
      0x74, 0x31, 0x3a, 0xff, 0x00,
    ]);
    expect(topics?.topic_permissions.topic_selector.topic_name_prefix).toBe('t1-');
  });

  test('65 UTF-16 units of token id are too many, 64 are not', async () => {
    const { account, server, superUserKey } = await localMomento();
    const client = rawClient(token.TokenClient, server.endpoint);
    const { permissions } = account.authenticate(
      bareKey(
        account.createKeyInConsole({ lifetimeSeconds: 60, scope: 'all-data-read-write' }).apiKey,
      ),
    );
    const mint = (token_id: string) =>
      answerOf<token._GenerateDisposableTokenResponse>((done) =>
        client.GenerateDisposableToken(
          new token._GenerateDisposableTokenRequest({
            auth_token: bareKey(superUserKey.apiKey),
            expires: new token._GenerateDisposableTokenRequest.Expires({ valid_for_seconds: 60 }),
            permissions,
            token_id,
          }),
          done,
        ),
      );
    const longest = '🦊'.repeat(32);
    const { response } = await mint(longest);
    expect(account.authenticate(response?.api_key ?? '').tokenId).toBe(longest);
    expect((await mint(`${longest}x`)).code).toBe(status.INVALID_ARGUMENT);
  });

  test('only a session token makes a super-user; no expiry at all is refused', async () => {
    const { account, server, superUserKey } = await localMomento();
    const client = rawClient(auth.AuthClient, server.endpoint);
    const generate = (auth_token: string, message: auth._GenerateApiTokenRequest) => {
      message.auth_token = auth_token;
      return answerOf<auth._GenerateApiTokenResponse>((done) =>
        client.GenerateApiToken(message, done),
      );
    };
    const superUserRequest = () =>
      new auth._GenerateApiTokenRequest({
        permissions: superUser(),
        never: new auth._GenerateApiTokenRequest.Never(),
      });
    expect((await generate(bareKey(superUserKey.apiKey), superUserRequest())).code).toBe(
      status.PERMISSION_DENIED,
    );
    const { response } = await generate(account.sessionToken, superUserRequest());
    expect(response?.valid_until).toBe(0);
    expect(account.listCaches(response?.api_key ?? '')).toEqual([]);

    const withoutExpiry = new auth._GenerateApiTokenRequest({ permissions: superUser() });
    expect((await generate(account.sessionToken, withoutExpiry)).code).toBe(
      status.INVALID_ARGUMENT,
    );
    expect((await generate('unknown', withoutExpiry)).code).toBe(status.UNAUTHENTICATED);
    expect((await generate(account.sessionToken, new auth._GenerateApiTokenRequest())).code).toBe(
      status.INVALID_ARGUMENT,
    );
  });

  test('a control call without authorization is unauthenticated; what is not there is unimplemented', async () => {
    const { server } = await localMomento();
    const client = rawClient(control.ScsControlClient, server.endpoint);
    const list = await answerOf<control._ListCachesResponse>((done) =>
      client.ListCaches(new control._ListCachesRequest(), done),
    );
    expect(list.code).toBe(status.UNAUTHENTICATED);
    const flush = await answerOf<control._FlushCacheResponse>((done) =>
      client.FlushCache(new control._FlushCacheRequest(), done),
    );
    expect(flush.code).toBe(status.UNIMPLEMENTED);
  });
});

describe('faults', () => {
  test('a refused call has no effect', async () => {
    const { superUserKey, authClient, outcomes } = await localMomento(
      {},
      {
        intercept: ({ sequence }) =>
          sequence === 1 ? { refuse: 'RESOURCE_EXHAUSTED' } : undefined,
      },
    );
    const client = authClient(superUserKey.apiKey);
    const refresh = () => client.refreshApiKey(superUserKey.refreshToken);
    expect(errorCodeOf(await refresh())).toBe(MomentoErrorCode.LIMIT_EXCEEDED_ERROR);
    expectInstance(await refresh(), RefreshApiKey.Success);
    expect(outcomes).toEqual([
      {
        method: 'auth.Auth/RefreshApiToken',
        sequence: 1,
        status: 'RESOURCE_EXHAUSTED',
        fault: { refuse: 'RESOURCE_EXHAUSTED' },
      },
      { method: 'auth.Auth/RefreshApiToken', sequence: 2, status: 'OK' },
    ]);
  });

  test('a lost answer had its effect', async () => {
    const { superUserKey, authClient } = await localMomento(
      {},
      { intercept: ({ sequence }) => (sequence === 1 ? { loseAnswer: true } : undefined) },
    );
    const client = authClient(superUserKey.apiKey);
    const refresh = () => client.refreshApiKey(superUserKey.refreshToken);
    expect(errorCodeOf(await refresh())).toBe(MomentoErrorCode.SERVER_UNAVAILABLE);
    expect(errorCodeOf(await refresh())).toBe(MomentoErrorCode.AUTHENTICATION_ERROR);
  });

  test('a late answer comes after those of later calls, its effect before theirs', async () => {
    const { superUserKey, authClient, outcomes } = await localMomento(
      {},
      { intercept: ({ sequence }) => (sequence === 1 ? { delayMs: 50 } : undefined) },
    );
    const client = authClient(superUserKey.apiKey);
    const late = client.refreshApiKey(superUserKey.refreshToken);
    const early = await client.refreshApiKey(superUserKey.refreshToken);
    expect(errorCodeOf(early)).toBe(MomentoErrorCode.AUTHENTICATION_ERROR);
    expectInstance(await late, RefreshApiKey.Success);
    expect(outcomes.map(({ sequence }) => sequence)).toEqual([2, 1]);
  });
});

test('nothing that a hook is told holds a credential', async () => {
  const told: unknown[] = [];
  const { account, superUserKey, authClient, listCaches } = await localMomento(
    {},
    {
      onCall: (outcome) => told.push(outcome),
      intercept: (call) => {
        told.push(call);
        return undefined;
      },
    },
  );
  const client = authClient(superUserKey.apiKey);
  await client.refreshApiKey('a-refresh-token-as-canary');
  await client.refreshApiKey(superUserKey.refreshToken);
  await listCaches(superUserKey.apiKey);
  await listCaches(account.sessionToken);
  expect(told).toHaveLength(8);
  const text = JSON.stringify(told);
  for (const secret of [
    'canary',
    superUserKey.refreshToken,
    bareKey(superUserKey.apiKey),
    account.sessionToken,
  ]) {
    expect(text).not.toContain(secret);
  }
});

describe('the server', () => {
  test('puts its own endpoint into keys unless the account has one', async () => {
    const { account } = momentoAccount();
    const homeless = new MomentoAccount({ now: Date.now, newId: () => 'session', signingKey: 'k' });
    const servers = [
      await startMomentoServer({ account }),
      await startMomentoServer({ account: homeless }),
    ];
    for (const server of servers) afterwards.push(() => server.close());
    expect(account.endpoint).toBe('cell.example.com');
    expect(homeless.endpoint).toBe(servers[1]?.endpoint);
    expect(homeless.endpoint).toBe(`127.0.0.1:${servers[1]?.port}`);
  });

  test('tells a taken port by its code', async () => {
    const { server, account } = await localMomento();
    await expect(startMomentoServer({ account, port: server.port })).rejects.toMatchObject({
      code: 'EADDRINUSE',
    });
  });

  test('ends every connection and held answer when closed, twice if asked', async () => {
    const timers = () =>
      process.getActiveResourcesInfo().filter((name) => name === 'Timeout').length;
    const timersBefore = timers();
    let arrived = () => {};
    const callArrived = new Promise<void>((resolve) => {
      arrived = resolve;
    });
    const { server, superUserKey, authClient, outcomes } = await localMomento(
      {},
      {
        intercept: () => {
          arrived();
          return { delayMs: 3_600_000 };
        },
      },
    );
    const waiting = authClient(superUserKey.apiKey).refreshApiKey(superUserKey.refreshToken);
    const idle = connect(server.port, '127.0.0.1');
    const idleEnded = once(idle.resume(), 'close');
    await Promise.all([once(idle, 'connect'), callArrived]);
    await Promise.all([server.close(), server.close()]);
    await idleEnded;
    expect(errorCodeOf(await waiting)).toBe(MomentoErrorCode.SERVER_UNAVAILABLE);
    expect(outcomes).toEqual([]);
    expect(timers()).toBeLessThanOrEqual(timersBefore);
    await expect(once(connect(server.port, '127.0.0.1'), 'connect')).rejects.toMatchObject({
      code: 'ECONNREFUSED',
    });
  });
});
