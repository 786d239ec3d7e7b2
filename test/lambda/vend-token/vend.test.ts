// One request to its answer, against local Momento over real gRPC: the answers as contracted, one audit line
// and one count each, and nothing in any of them that should not be there.

import {
  CacheClient,
  CacheGet,
  Configurations,
  CredentialProvider,
  NoopMomentoLoggerFactory,
} from '@gomomento/sdk';
import { afterEach, beforeEach, describe, expect, test } from '@jest/globals';
import fc from 'fast-check';
import type { AuthType } from '../../../lambda/vend-token/claims.ts';
import { AwsError } from '../../../local/aws/aws-error.ts';
import { bareKey } from '../../../local/momento/keys.ts';
import type { RefusalStatus } from '../../../local/momento/refusal.ts';
import { jwt } from '../momento-key.ts';
import { codeOf, grantsOf, START, tokenOf, World, type WorldOptions } from './world.ts';

let world: World;
const worlds: World[] = [];
async function worldWith(options: WorldOptions & { imported?: boolean }): Promise<World> {
  const made = await World.start(options);
  worlds.push(made);
  return made;
}

beforeEach(async () => {
  world = await worldWith({});
});

afterEach(async () => {
  const ended = worlds.splice(0);
  for (const each of ended) await each.close();
  for (const each of ended) {
    for (const { statusCode, headers, body } of each.answers) {
      expect(headers['cache-control']).toBe('no-store');
      if (statusCode === 200) expect(headers['content-type']).toBe('application/json');
      else {
        expect(headers['content-type']).toBe('application/problem+json');
        expect(JSON.parse(body)).toMatchObject({ type: 'about:blank', status: statusCode });
        // Never 401: that is the gateway's word about the caller's own token.
        expect([403, 429, 500, 502, 503, 504]).toContain(statusCode);
      }
    }
    // One line and one count for each, whatever became of it.
    expect(each.lines).toHaveLength(each.answers.length);
    const outcomes = each.counted.filter((count) => count !== 'KeyRefused' && count !== 'Minted');
    expect(outcomes).toHaveLength(each.answers.length);
    const keys = each.secrets
      .inspect(each.arn)
      .flatMap(({ secretString = '' }) => [...secretString.matchAll(/"(eyJ[^"]+)"/g)])
      .map(([, key = '']) => key);
    const vended = each.answers.filter(({ statusCode }) => statusCode === 200).map(tokenOf);
    const told = `${each.logged.join('\n')}\n${each.counted.join('\n')}`;
    for (const secret of [...keys, ...vended.map(({ authToken }) => authToken)]) {
      expect(told.includes(secret)).toBe(false);
      expect(told.includes(bareKey(secret))).toBe(false);
    }
    for (const key of keys) {
      expect(each.answers.some(({ body }) => body.includes(bareKey(key)))).toBe(false);
    }
  }
});

describe('200', () => {
  test('in exactly the contracted shape', async () => {
    const answer = await world.vend();
    expect(answer).toEqual({
      statusCode: 200,
      headers: { 'cache-control': 'no-store', 'content-type': 'application/json' },
      body: expect.any(String),
    });
    const token = tokenOf(answer);
    expect(token).toEqual({
      authToken: expect.any(String),
      endpoint: world.endpoint,
      expiresAt: world.nowSeconds + 900,
      expiresIn: 900,
      tokenId: 'user-1',
    });
    expect(JSON.parse(Buffer.from(token.authToken, 'base64').toString('utf8'))).toEqual({
      endpoint: world.endpoint,
      api_key: bareKey(token.authToken),
    });
  });

  test('Momento has on record exactly what the policy says', async () => {
    const recorded = world.recorded(await world.vend());
    expect(grantsOf(recorded)).toEqual([
      'items 2 calendar-events prefix acme:',
      'topics 1 collaboration acme-events',
    ]);
    expect(recorded).toMatchObject({
      kind: 'disposable-token',
      lifetimeSeconds: 900,
      tokenId: 'user-1',
    });
  });

  test('a role without a tokenId: none in the answer, none at Momento', async () => {
    const answer = await world.vend(world.event({ 'cognito:groups': '[viewer]' }));
    expect(Object.keys(tokenOf(answer)).sort()).toEqual([
      'authToken',
      'endpoint',
      'expiresAt',
      'expiresIn',
    ]);
    expect(world.recorded(answer).tokenId).toBe('');
  });

  test("the SDK takes it as a disposable token, and Momento denies a read outside of the tenant's prefix", async () => {
    const superUser = bareKey(world.current().apiKey);
    world.account.createCache(superUser, 'calendar-events');
    const { authToken } = tokenOf(await world.vend());
    expect(CredentialProvider.fromDisposableToken({ authToken }).getAuthToken()).toBe(
      bareKey(authToken),
    );
    const client = new CacheClient({
      credentialProvider: CredentialProvider.fromDisposableToken({
        authToken,
        endpointOverrides: {
          controlEndpoint: world.endpoint,
          cacheEndpoint: world.endpoint,
          tokenEndpoint: world.endpoint,
          secureConnection: false,
        },
      }),
      configuration: Configurations.Laptop.v1(new NoopMomentoLoggerFactory()),
      defaultTtlSeconds: 60,
    });
    try {
      const read = async (key: string) => {
        const answer = await client.get('calendar-events', key);
        return answer instanceof CacheGet.Error ? answer.errorCode() : answer.type;
      };
      expect(await read('acme:monday')).toBe('Miss');
      expect(await read('acme')).toBe('PERMISSION_ERROR');
      expect(await read('acme2:monday')).toBe('PERMISSION_ERROR');
    } finally {
      client.close();
    }
  });

  test('expiresIn counts from the answer, expiresAt is what Momento says', async () => {
    world.clock.nowMs += 999;
    const token = tokenOf(await world.vend());
    expect(token.expiresAt).toBe(world.nowSeconds + 900);
    // 899.001 seconds are left.
    expect(token.expiresIn).toBe(899);
  });

  test("no token outlives the caller's own, nor the cap, whatever his token says", async () => {
    await fc.assert(
      fc.asyncProperty(
        fc.oneof(
          fc.integer({ min: -10, max: 5_000 }).map((left) => `${world.nowSeconds + left}`),
          fc.constantFrom('NaN', 'Infinity', '-1', '0', '', '9e99', '1.7E9', `${2 ** 53}`),
        ),
        async (exp) => {
          const answer = await world.vend(world.event({ exp }));
          if (answer.statusCode === 403) return true;
          const { expiresAt, expiresIn } = tokenOf(answer);
          const left = Math.min(900, Number(exp) - world.nowSeconds);
          return expiresAt - world.nowSeconds <= left && expiresIn <= left && expiresIn > 0;
        },
      ),
      { numRuns: 100 },
    );
  });

  test('the audit line: who, which roles, which tenant, which scope, how long; nothing else', async () => {
    await world.vend();
    expect(world.lines).toEqual([
      {
        level: 'INFO',
        message: 'vended',
        function_request_id: expect.any(String),
        service: expect.any(String),
        timestamp: expect.any(String),
        subject: 'user-1',
        roles: ['data-entry'],
        tenant: { 'custom:tenantId': 'acme', sub: 'user-1' },
        scopeHash: expect.stringMatching(/^[0-9a-f]{32}$/),
        lifeSeconds: 900,
        tokenId: 'user-1',
        source: 'minted',
      },
    ]);
    expect(world.counted).toEqual(['Vended', 'Minted']);
  });

  test('the scope hash is equal where the scopes are, and only there', async () => {
    const hashOf = async (claims: Record<string, string>) => {
      await world.vend(world.event(claims));
      return world.lines.at(-1)?.scopeHash;
    };
    const viewer = { 'cognito:groups': '[viewer]' };
    const hash = await hashOf({ ...viewer, sub: 'one' });
    expect(await hashOf({ ...viewer, sub: 'two' })).toBe(hash);
    expect(await hashOf({ ...viewer, 'custom:tenantId': 'other' })).not.toBe(hash);
    // Their tokens carry who they are.
    expect(await hashOf({ sub: 'one' })).not.toBe(await hashOf({ sub: 'two' }));
  });

  test.each<[AuthType, object]>([
    ['lambda', { authorizer: { lambda: { tenant: 7, roles: ['member'], sub: 'someone' } } }],
    [
      'jwt',
      {
        authorizer: {
          jwt: { claims: { tenant: '7', roles: '[member]', exp: '2e9', sub: 'someone' } },
        },
      },
    ],
  ])('claims of the variant %s', async (authType, requestContext) => {
    const other = await worldWith({
      settings: { authType, tokenUse: undefined },
      policies: {
        roleClaim: 'roles',
        roles: {
          member: {
            expiresInMinutes: 5,
            permissions: [{ role: 'readwrite', cache: 'c', item: { key: 'of-${tenant}' } }],
          },
        },
      },
    });
    const answer = await other.vend({ requestContext });
    expect(grantsOf(other.recorded(answer))).toEqual(['items 1 c key of-7']);
    expect(other.lines).toMatchObject([{ subject: 'someone' }]);
    expect(other.lines[0]).not.toHaveProperty('tokenId');
  });

  test('the one role of an endpoint without authentication, whoever he says he is', async () => {
    const other = await worldWith({
      settings: { authType: 'none', tokenUse: undefined, publicRole: 'visitor' },
      policies: {
        roles: {
          visitor: { expiresInMinutes: 5, permissions: [{ role: 'readonly', cache: 'news' }] },
          'data-entry': {
            expiresInMinutes: 5,
            permissions: [{ role: 'readwrite', cache: 'news' }],
          },
        },
      },
    });
    for (const event of [undefined, {}, other.event()]) {
      expect(grantsOf(other.recorded(await other.vend(event)))).toEqual(['items 2 news all']);
    }
    expect(other.lines[2]).toMatchObject({ roles: ['visitor'], tenant: {} });
    expect(other.lines[2]).not.toHaveProperty('subject');
  });
});

describe('403', () => {
  const without = (claim: string) => world.event({ [claim]: undefined });
  const FORBIDDEN = {
    statusCode: 403,
    headers: { 'cache-control': 'no-store', 'content-type': 'application/problem+json' },
    body: JSON.stringify({
      type: 'about:blank',
      title: 'Forbidden',
      status: 403,
      detail: 'You may not have a token here. Ask whoever manages your access.',
      code: 'forbidden',
    }),
  };

  const refusals: [string, () => unknown, string][] = [
    ['no event', () => null, 'not-authenticated'],
    ['an event that is text', () => 'event', 'not-authenticated'],
    ['no authorizer', () => ({ requestContext: {} }), 'not-authenticated'],
    [
      "another authorizer's claims",
      () => ({ requestContext: { authorizer: { lambda: { 'cognito:groups': ['data-entry'] } } } }),
      'not-authenticated',
    ],
    ['no end', () => without('exp'), 'not-authenticated'],
    ['an access token', () => world.event({ token_use: 'access' }), 'wrong-token-use'],
    ['no use', () => without('token_use'), 'wrong-token-use'],
    ['no groups', () => without('cognito:groups'), 'no-role'],
    ['an unknown group', () => world.event({ 'cognito:groups': '[admin]' }), 'no-role'],
    ['injected brackets', () => world.event({ 'cognito:groups': '[x] [data-entry]' }), 'no-role'],
    [
      'a group of every object',
      () => world.event({ 'cognito:groups': '[__proto__ toString]' }),
      'no-role',
    ],
    ['no tenant', () => without('custom:tenantId'), 'claim-missing-or-not-allowed'],
    [
      'an empty tenant',
      () => world.event({ 'custom:tenantId': '' }),
      'claim-missing-or-not-allowed',
    ],
    [
      'a blank tenant',
      () => world.event({ 'custom:tenantId': ' ' }),
      'claim-missing-or-not-allowed',
    ],
    ['a wildcard', () => world.event({ 'custom:tenantId': '*' }), 'claim-missing-or-not-allowed'],
    [
      'a delimiter',
      () => world.event({ 'custom:tenantId': 'acme:' }),
      'claim-missing-or-not-allowed',
    ],
    [
      'a placeholder',
      () => world.event({ 'custom:tenantId': '${sub}' }),
      'claim-missing-or-not-allowed',
    ],
    ['no subject', () => without('sub'), 'claim-missing-or-not-allowed'],
    [
      'a token that ends',
      () => world.event({ exp: `${world.nowSeconds + 5}` }),
      'caller-token-ends',
    ],
  ];

  test.each(refusals)('%s: to the byte the same, and nobody is asked', async (_, event, reason) => {
    expect(await world.vend(event())).toEqual(FORBIDDEN);
    expect(world.minted).toEqual([]);
    expect(world.secretReads).toBe(0);
    expect(world.clock.now()).toBe(Date.parse(START));
    expect(world.lines).toMatchObject([{ level: 'WARN', message: 'refused', reason }]);
    expect(world.counted).toEqual([`Refused ${reason}`]);
  });

  test('a tenant in any other letters gets no token, and nobody is asked', async () => {
    await fc.assert(
      fc.asyncProperty(
        fc
          .oneof(fc.string({ unit: 'binary' }), fc.string({ unit: 'grapheme' }))
          .filter((text) => !/^[A-Za-z0-9._@+=-]{1,128}$/.test(text)),
        async (tenant) => {
          const { statusCode } = await world.vendInstantly(
            world.event({ 'custom:tenantId': tenant }),
          );
          return statusCode === 403;
        },
      ),
      { numRuns: 200 },
    );
    expect(world.minted).toEqual([]);
  });
});

describe('what Momento says, in the terms of the caller', () => {
  test.each<[RefusalStatus, number, string, string | undefined, number]>([
    ['RESOURCE_EXHAUSTED', 429, 'rate-limited', '1', 1],
    ['UNAVAILABLE', 503, 'upstream-unavailable', '2', 3],
    ['INTERNAL', 503, 'upstream-unavailable', '2', 3],
    ['CANCELLED', 503, 'upstream-unavailable', '2', 3],
    ['UNKNOWN', 503, 'upstream-unavailable', '2', 3],
    ['UNIMPLEMENTED', 503, 'upstream-unavailable', '2', 1],
    ['NOT_FOUND', 503, 'upstream-unavailable', '2', 1],
    // A call may have met a dead connection: it is repeated, within the time of all of them.
    ['DEADLINE_EXCEEDED', 504, 'upstream-timeout', '2', 3],
    ['UNAUTHENTICATED', 502, 'upstream-key-refused', '60', 1],
    ['PERMISSION_DENIED', 502, 'upstream-key-refused', '60', 1],
    ['INVALID_ARGUMENT', 500, 'bad-policy', undefined, 1],
  ])('%s: %d %s', async (refuse, statusCode, code, retryAfter, calls) => {
    world.momentoFault = () => ({ refuse });
    const answer = await world.vend();
    expect(answer.statusCode).toBe(statusCode);
    expect(codeOf(answer)).toBe(code);
    expect(answer.headers['retry-after']).toBe(retryAfter);
    expect(world.minted).toHaveLength(calls);
    const isKeyRefused = code === 'upstream-key-refused';
    expect(world.counted).toEqual([
      `UpstreamErrors ${code}`,
      ...(isKeyRefused ? ['KeyRefused'] : []),
    ]);
    expect(world.lines).toMatchObject([
      {
        level: 'ERROR',
        message: 'not vended',
        problem: code,
        code: refuse,
        subject: 'user-1',
        roles: ['data-entry'],
        tenant: { 'custom:tenantId': 'acme' },
        error: `Injected fault: ${refuse}`,
      },
    ]);
    // The caller learns nothing of what Momento said.
    expect(answer.body).not.toContain('Injected');
  });

  test('no answer in time: 504, within the time that was given', async () => {
    world.patienceOf = () => 50;
    world.momentoFault = () => ({ delayMs: 60_000 });
    expect(codeOf(await world.vend())).toBe('upstream-timeout');
    expect(world.begun).toHaveLength(3);
    for (const { timeoutMs } of world.begun) expect(timeoutMs).toBe(3_000);
  });

  test('a connection that has gone deaf: the next try is answered', async () => {
    world.patienceOf = (turn) => (turn === 1 ? 50 : 20_000);
    world.momentoFault = (turn) => (turn === 1 ? { delayMs: 60_000 } : undefined);
    expect((await world.vend()).statusCode).toBe(200);
    expect(world.begun).toHaveLength(2);
  });

  test.each([
    [60, 200],
    [62, 503],
  ])('a life that is %d s longer than what was asked for: %d', async (moreSeconds, statusCode) => {
    const issue = world.account.generateDisposableToken.bind(world.account);
    world.account.generateDisposableToken = (request) => {
      const issued = issue(request);
      return { ...issued, validUntil: issued.validUntil + moreSeconds };
    };
    expect((await world.vend()).statusCode).toBe(statusCode);
  });

  test('nobody listens: 503, after three tries', async () => {
    await world.stopMomento();
    const answer = await world.vend();
    expect(answer).toMatchObject({ statusCode: 503, headers: { 'retry-after': '2' } });
    expect(codeOf(answer)).toBe('upstream-unavailable');
    expect(world.begun).toHaveLength(3);
  });

  test.each([
    [0, [0, 0]],
    [0.5, [50, 100]],
    [0.999, [100, 200]],
  ])('UNAVAILABLE twice: a third try, after waits by chance (%d)', async (chance, waits) => {
    world.clock.chance = chance;
    world.momentoFault = (turn) => (turn <= 2 ? { refuse: 'UNAVAILABLE' } : undefined);
    expect((await world.vend()).statusCode).toBe(200);
    expect(world.minted.map(({ status }) => status)).toEqual(['UNAVAILABLE', 'UNAVAILABLE', 'OK']);
    const [first = 0, second = 0, third = 0] = world.begun.map(({ atMs }) => atMs);
    expect([second - first, third - second].map(Math.round)).toEqual(waits);
    expect(world.lines).toMatchObject([{ message: 'vended' }]);
    expect(world.counted).toEqual(['Vended', 'Minted']);
  });

  test('an answer that was lost is asked for again', async () => {
    world.momentoFault = (turn) => (turn === 1 ? { loseAnswer: true } : undefined);
    expect((await world.vend()).statusCode).toBe(200);
    expect(world.minted).toHaveLength(2);
  });

  test("above the account's rate: 429 with Retry-After, and not a call more", async () => {
    const slow = await worldWith({ momento: { authOperationsPerSecond: 2 } });
    const codes = [];
    for (let turn = 0; turn < 4; turn += 1) codes.push((await slow.vend()).statusCode);
    expect(codes).toEqual([200, 200, 429, 429]);
    expect(slow.minted).toHaveLength(4);
    slow.clock.nowMs += 1_000;
    expect((await slow.vend()).statusCode).toBe(200);
  });

  test('what Momento takes for a mistake is the mistake of a policy', async () => {
    const strict = await worldWith({ momento: { maxDisposableLifeSeconds: 600 } });
    expect(codeOf(await strict.vend())).toBe('bad-policy');
    expect(strict.minted).toMatchObject([{ status: 'INVALID_ARGUMENT' }]);
  });

  test('roles that cannot be united: 500 bad-policy, and nobody is asked', async () => {
    const answer = await world.vend(world.event({ 'cognito:groups': '[data-entry viewer]' }));
    expect(answer.statusCode).toBe(500);
    expect(codeOf(answer)).toBe('bad-policy');
    expect(answer.headers['retry-after']).toBeUndefined();
    expect(world.minted).toEqual([]);
    expect(world.secretReads).toBe(0);
    expect(world.lines).toMatchObject([
      { level: 'ERROR', problem: 'bad-policy', detail: expect.stringContaining('tokenId') },
    ]);
    expect(world.counted).toEqual(['UpstreamErrors bad-policy']);
  });
});

describe('our key', () => {
  const empty = () => worldWith({ imported: false });

  test.each<[string, string | undefined]>([
    ['none was imported', undefined],
    ['a word', 'hunter2-hunter2'],
    ['broken JSON', '{"apiKey": "hunter2-hunter2'],
    ['a key that names no endpoint', jwt({ sub: 'someone' })],
  ])('%s: 503 no-key, without a word of it', async (_, text) => {
    const other = await empty();
    if (text !== undefined) other.put(text);
    const answer = await other.vend();
    expect(answer).toMatchObject({ statusCode: 503, headers: { 'retry-after': '60' } });
    expect(codeOf(answer)).toBe('no-key');
    expect(other.minted).toEqual([]);
    expect(other.counted).toEqual(['UpstreamErrors no-key']);
    expect(other.logged.join()).not.toMatch(/hunter2|eyJ/);
    // As soon as there is one, it works.
    other.import();
    expect((await other.vend()).statusCode).toBe(200);
  });

  test('a secret that cannot be read: 503 upstream-unavailable', async () => {
    world.secretFault = () => new AwsError('AccessDeniedException', 'scripted');
    const answer = await world.vend();
    expect(answer.statusCode).toBe(503);
    expect(codeOf(answer)).toBe('upstream-unavailable');
    expect(world.minted).toEqual([]);
  });

  test('a key that may not mint: 502 after the secret was read again', async () => {
    world.import('all-data-read-write');
    const answer = await world.vend();
    expect(answer.statusCode).toBe(502);
    expect(codeOf(answer)).toBe('upstream-key-refused');
    expect(world.minted).toMatchObject([{ status: 'PERMISSION_DENIED' }]);
    expect(world.secretReads).toBeGreaterThan(1);
    world.import('super-user');
    expect((await world.vend()).statusCode).toBe(200);
  });

  test('a revoked key: 502, and not one call to Momento more', async () => {
    world.account.revoke(world.current().apiKey);
    expect(codeOf(await world.vend())).toBe('upstream-key-refused');
    expect(world.minted).toMatchObject([{ status: 'UNAUTHENTICATED' }]);
  });
});

describe('what the caller sends beside his token changes nothing', () => {
  const hostile = fc.record({
    body: fc.oneof(
      fc.string(),
      fc.constantFrom(
        '{"role":"admin","roles":["viewer"],"tenantId":"other","cache":"*","expiresInMinutes":99999}',
        '{"__proto__":{"custom:tenantId":"other"}}',
        '{"requestContext":{"authorizer":{"jwt":{"claims":{"cognito:groups":"[viewer]"}}}}}',
      ),
      fc.json(),
      fc.constant('x'.repeat(100_000)),
      fc.anything(),
    ),
    isBase64Encoded: fc.anything(),
    rawQueryString: fc.string(),
    queryStringParameters: fc.oneof(
      fc.dictionary(fc.string(), fc.anything()),
      fc.constant({ tenantId: 'other', role: 'viewer', 'custom:tenantId': 'other' }),
    ),
    headers: fc.oneof(
      fc.dictionary(fc.string(), fc.string()),
      fc.constant({
        'x-tenant-id': 'other',
        'x-amzn-oidc-data': 'eyJhbGciOiJub25lIn0.e30.',
        cookie: 'token=other',
        'x-forwarded-for': '::1',
      }),
      fc.anything(),
    ),
    cookies: fc.anything(),
    pathParameters: fc.anything(),
    stageVariables: fc.anything(),
  });

  test('not the scope, not the life, not the status, not the headers', async () => {
    const plain = await world.vend();
    const shape = (answer: typeof plain) => ({
      ...answer,
      body: { ...tokenOf(answer), authToken: grantsOf(world.recorded(answer)) },
    });
    const expected = shape(plain);
    await fc.assert(
      fc.asyncProperty(hostile, async (more) => {
        expect(shape(await world.vend(world.event({}, more)))).toEqual(expected);
      }),
      { numRuns: 100 },
    );
  });

  test('nor does it make a refusal anything else', async () => {
    const refused = (more: object) =>
      world.vend(world.event({ 'cognito:groups': '[nobody]' }, more));
    const expected = await refused({});
    await fc.assert(
      fc.asyncProperty(hostile, async (more) => {
        expect(await refused(more)).toEqual(expected);
      }),
      { numRuns: 100 },
    );
    expect(world.minted).toEqual([]);
  });

  test('random claims: a token or a refusal, never anything else', async () => {
    const claim = fc.oneof(fc.anything(), fc.string(), fc.constantFrom('[viewer]', 'acme'));
    await fc.assert(
      fc.asyncProperty(
        fc.dictionary(
          fc.oneof(
            fc.constantFrom('sub', 'exp', 'cognito:groups', 'custom:tenantId', 'token_use'),
            fc.constantFrom('__proto__', 'constructor'),
            fc.string(),
          ),
          claim,
        ),
        async (claims) => [200, 403].includes((await world.vend(world.event(claims))).statusCode),
      ),
      { numRuns: 200 },
    );
  });
});

describe('canaries', () => {
  test('in body, headers, query and claims: none is logged, counted or answered', async () => {
    const theirs = jwt({ sub: 'canary-in-a-token', iss: 'https://canary.example' });
    const event = (claims: Record<string, unknown>) =>
      world.event(
        {
          jti: 'canary-jti',
          email: 'canary@example.com',
          'custom:secret': 'canary-claim',
          ...claims,
        },
        {
          body: '{"password":"canary-body"}',
          headers: {
            authorization: `Bearer ${theirs}`,
            cookie: 'canary-cookie=1',
            'x-canary': 'canary-header',
          },
          cookies: ['canary-cookie=1'],
          rawQueryString: 'token=canary-query',
          queryStringParameters: { token: 'canary-query' },
        },
      );
    const everyOutcome: [string, Record<string, unknown>][] = [
      ['vended', {}],
      ['forbidden', { 'cognito:groups': '[canary-group]' }],
      ['forbidden', { 'custom:tenantId': 'canary tenant' }],
      ['bad-policy', { 'cognito:groups': '[viewer data-entry]' }],
    ];
    for (const [, claims] of everyOutcome) await world.vend(event(claims));
    for (const refuse of [
      'UNAVAILABLE',
      'UNAUTHENTICATED',
      'INTERNAL',
      'INVALID_ARGUMENT',
    ] as const) {
      world.momentoFault = () => ({ refuse });
      await world.vend(event({}));
    }
    const told = [...world.logged, ...world.counted, ...world.answers.map(({ body }) => body)].join(
      '\n',
    );
    expect(told).not.toMatch(/canary/i);
    expect(told.includes(theirs)).toBe(false);
    expect(world.answers.map(({ statusCode }) => statusCode)).toEqual([
      200, 403, 403, 500, 503, 502, 503, 500,
    ]);
  });

  test('a subject that is a credential, by mistake of the issuer, is not written down', async () => {
    const credential = jwt({ sub: 'someone' });
    await world.vend(world.event({ sub: credential, 'cognito:groups': '[viewer]' }));
    expect(world.lines).toMatchObject([{ message: 'vended', subject: '[redacted]' }]);
  });

  test('our key, quoted by whoever answers, does not reach the log', async () => {
    const { apiKey, refreshToken } = world.current();
    const quoted = `Who is ${bareKey(apiKey)}? ${apiKey} ${refreshToken} ${encodeURIComponent(apiKey)}`;
    world.secretFault = () => (world.secretReads > 1 ? new Error(quoted) : undefined);
    await world.vend();
    world.clock.nowMs += 16 * 60_000;
    expect(codeOf(await world.vend())).toBe('upstream-unavailable');
    const [, line = ''] = world.logged;
    expect(line).toContain('Who is [redacted]? [redacted] [redacted] [redacted]');
    for (const secret of [apiKey, bareKey(apiKey), refreshToken])
      expect(line.includes(secret)).toBe(false);
  });
});
