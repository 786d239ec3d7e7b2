// From claims to a scope: exactly what the policy says of this very caller, and never more.

import { describe, expect, test } from '@jest/globals';
import fc from 'fast-check';
import { CLAIM_VALUE } from '../../../lambda/shared/claim-template.ts';
import {
  PolicyError,
  parsePolicies,
  type TokenPolicies,
} from '../../../lambda/shared/token-policies.ts';
import { type Claims, readClaims, rolesIn, timeIn } from '../../../lambda/vend-token/claims.ts';
import { lifeSeconds, MINT_TAKES_AT_MOST_SECONDS } from '../../../lambda/vend-token/life.ts';
import { type RenderSettings, render } from '../../../lambda/vend-token/render.ts';
import { permissionText } from '../../../lambda/vend-token/scope.ts';

const NOW = 1_800_000_000;
const CAPS = { maxLifeSeconds: 3_600, maxPermissions: 10, claims: 'any' as const };

const EXAMPLE = {
  roles: {
    'data-entry': {
      expiresInMinutes: 15,
      tokenId: '${sub}',
      permissions: [
        { role: 'readonly', cache: 'calendar-events', item: { keyPrefix: '${custom:tenantId}:' } },
        { role: 'publishsubscribe', cache: 'collaboration', topic: '${custom:tenantId}-events' },
      ],
    },
    viewer: {
      expiresInMinutes: 5,
      tokenId: '${sub}',
      permissions: [
        { role: 'readonly', cache: 'calendar-events', item: { keyPrefix: '${custom:tenantId}:' } },
      ],
    },
  },
};

const settings = (
  policies: unknown = EXAMPLE,
  more: Partial<RenderSettings> = {},
): RenderSettings => ({
  policies: parsePolicies(policies, CAPS),
  authType: 'cognito',
  tokenUse: 'id',
  publicRole: undefined,
  maxLifeSeconds: 3_600,
  maxPermissions: 10,
  ...more,
});

const caller = (claims: Record<string, string> = {}): Claims =>
  new Map(
    Object.entries({
      sub: 'user-1',
      token_use: 'id',
      exp: `${NOW + 3_600}`,
      'cognito:groups': '[data-entry]',
      'custom:tenantId': 'acme',
      ...claims,
    }),
  );

describe("the design's example", () => {
  test('for a caller of tenant acme', () => {
    expect(render(caller(), NOW, settings())).toEqual({
      kind: 'scope',
      roles: ['data-entry'],
      lifeSeconds: 900,
      callerUntilSeconds: NOW + 3_600,
      tenant: { 'custom:tenantId': 'acme', sub: 'user-1' },
      scope: {
        tokenId: 'user-1',
        permissions: [
          {
            kind: 'item',
            role: 'readonly',
            cache: { name: 'calendar-events' },
            target: { prefix: 'acme:' },
          },
          {
            kind: 'topic',
            role: 'publishsubscribe',
            cache: { name: 'collaboration' },
            target: { name: 'acme-events' },
          },
        ],
      },
    });
  });

  test('several roles: the union without duplicates, the shortest life; the order changes nothing', () => {
    const one = render(caller({ 'cognito:groups': '[viewer data-entry]' }), NOW, settings());
    const other = render(
      caller({ 'cognito:groups': '[data-entry viewer nobody]' }),
      NOW,
      settings(),
    );
    expect(one).toEqual(other);
    expect(one).toMatchObject({ lifeSeconds: 300, scope: { permissions: { length: 2 } } });
  });
});

describe('refused, each with its reason, and the reason never reaches the caller', () => {
  test.each<[string, Claims | undefined, string]>([
    ['nobody', undefined, 'not-authenticated'],
    ['an access token', caller({ token_use: 'access' }), 'wrong-token-use'],
    [
      'no token use',
      new Map([...caller()].filter(([name]) => name !== 'token_use')),
      'wrong-token-use',
    ],
    ['no groups', new Map([...caller()].filter(([name]) => name !== 'cognito:groups')), 'no-role'],
    ['no group that is a role', caller({ 'cognito:groups': '[everyone]' }), 'no-role'],
    ['empty groups', caller({ 'cognito:groups': '[]' }), 'no-role'],
    ['injected brackets', caller({ 'cognito:groups': '[x] [data-entry]' }), 'no-role'],
    [
      'a name of every object',
      caller({ 'cognito:groups': '[constructor toString __proto__]' }),
      'no-role',
    ],
    ['no end', caller({ exp: 'never' }), 'not-authenticated'],
    ['an end that is too near', caller({ exp: `${NOW + 19}` }), 'caller-token-ends'],
    ['an end in the past', caller({ exp: `${NOW - 1}` }), 'caller-token-ends'],
    ...[
      '',
      ' ',
      '*',
      'a b',
      'a:b',
      'a/',
      'ａcme',
      'acme\n',
      '${sub}',
      'a'.repeat(129),
      '\u0000',
    ].map((tenant): [string, Claims, string] => [
      `tenant ${JSON.stringify(tenant).slice(0, 20)}`,
      caller({ 'custom:tenantId': tenant }),
      'claim-missing-or-not-allowed',
    ]),
    [
      'no tenant',
      new Map([...caller()].filter(([name]) => name !== 'custom:tenantId')),
      'claim-missing-or-not-allowed',
    ],
  ])('%s', (_, claims, reason) => {
    expect(render(claims, NOW, settings())).toMatchObject({ kind: 'refused', reason });
  });
});

test('differing token ids, and a union above the cap, are mistakes of the policy', () => {
  const two = structuredClone(EXAMPLE);
  two.roles.viewer.tokenId = 'fixed';
  const both = caller({ 'cognito:groups': '[viewer data-entry]' });
  expect(render(both, NOW, settings(two))).toMatchObject({ kind: 'bad-policy' });
  expect(render(both, NOW, settings(EXAMPLE, { maxPermissions: 1 }))).toMatchObject({
    kind: 'bad-policy',
  });
  const long = caller({ sub: 'x'.repeat(65) });
  // A claim made it too long: that is the caller's, not the policy's.
  expect(render(long, NOW, settings())).toMatchObject({ kind: 'refused' });
  expect(render(caller({ sub: 'x'.repeat(64) }), NOW, settings())).toMatchObject({ kind: 'scope' });
});

describe('tenants', () => {
  const value = fc.stringMatching(CLAIM_VALUE);

  test('10,000 pairs of tenants: neither prefix reaches into the other, no name is shared', () => {
    const policies = settings({
      roles: {
        all: {
          expiresInMinutes: 15,
          permissions: [
            { role: 'readwrite', cache: 'c', item: { keyPrefix: '${custom:tenantId}:' } },
            { role: 'readonly', cache: 'c', item: { keyPrefix: 'x/${custom:tenantId}/${sub}#' } },
            { role: 'publishonly', cache: 'c', topic: '${custom:tenantId}-events' },
            { role: 'subscribeonly', cache: 'c', topic: { namePrefix: '${custom:tenantId}/' } },
          ],
        },
      },
    });
    const targets = (tenant: string, sub: string) => {
      const rendered = render(
        caller({ 'cognito:groups': '[all]', 'custom:tenantId': tenant, sub }),
        NOW,
        policies,
      );
      if (rendered.kind !== 'scope') throw new Error(`${tenant} was refused`);
      return rendered.scope.permissions.map(({ kind, role, target }) => ({ kind, role, target }));
    };
    const reaches = (a: object, b: object): boolean => {
      if ('prefix' in a) {
        const text = 'prefix' in b ? b.prefix : 'name' in b ? b.name : '';
        return String(text).startsWith(String(a.prefix));
      }
      return 'name' in a && 'name' in b && a.name === b.name;
    };
    fc.assert(
      fc.property(value, value, value, (one, other, sub) => {
        fc.pre(one !== other);
        const mine = targets(one, sub);
        const theirs = targets(other, sub);
        return mine.every((a, index) => {
          const b = theirs[index];
          return b !== undefined && !reaches(a.target, b.target) && !reaches(b.target, a.target);
        });
      }),
      {
        numRuns: 10_000,
        examples: [
          ['1', '10', 's'],
          ['a', 'a-b', 's'],
        ],
      },
    );
  }, 60_000);

  test('10,000 random texts as a claim: a scope without it, or with exactly it', () => {
    fc.assert(
      fc.property(fc.oneof(fc.string({ unit: 'binary' }), value), (tenant) => {
        const rendered = render(caller({ 'custom:tenantId': tenant }), NOW, settings());
        if (!CLAIM_VALUE.test(tenant)) return rendered.kind === 'refused';
        return (
          rendered.kind === 'scope' &&
          rendered.scope.permissions.every(({ target }) =>
            [
              'prefix' in target && target.prefix === `${tenant}:`,
              'name' in target && target.name === `${tenant}-events`,
            ].includes(true),
          )
        );
      }),
      { numRuns: 10_000 },
    );
  }, 60_000);

  test('the same text as a key and as a prefix are two permissions', () => {
    const permission = { kind: 'item', role: 'readonly', cache: { name: 'c' } } as const;
    expect(permissionText({ ...permission, target: { name: 'x' } })).not.toBe(
      permissionText({ ...permission, target: { prefix: 'x' } }),
    );
  });

  test('two permissions with one text are one permission', () => {
    const text = (name: string, prefix: string) =>
      permissionText({ kind: 'item', role: 'readonly', cache: { name }, target: { prefix } });
    fc.assert(
      fc.property(
        fc.string(),
        fc.string(),
        fc.string(),
        fc.string(),
        (a, b, c, d) => (a === c && b === d) === (text(a, b) === text(c, d)),
      ),
      { numRuns: 5_000 },
    );
  });
});

describe('the life of a token', () => {
  test.each([
    ['the whole of it', 3_600, 3_600 + MINT_TAKES_AT_MOST_SECONDS, 3_600],
    ['half of it, one second less', 3_600, 3_599 + MINT_TAKES_AT_MOST_SECONDS, 1_800],
    ['a quarter', 3_600, 1_000, 900],
    ['no end of the caller', 3_600, undefined, 3_600],
    ['the cap', 7_200, undefined, 3_600],
    ['nothing worth it', 900, MINT_TAKES_AT_MOST_SECONDS + 9, undefined],
  ])('%s', (_, wantedSeconds, left, expected) => {
    expect(
      lifeSeconds({
        wantedSeconds,
        maxLifeSeconds: 3_600,
        callerUntilSeconds: left === undefined ? undefined : NOW + left,
        nowSeconds: NOW,
      }),
    ).toBe(expected);
  });

  test('no input makes it longer than the cap or than what the caller has left, NaN included', () => {
    const any = fc.double();
    fc.assert(
      fc.property(
        any,
        fc.integer({ min: 1, max: 90_000 }),
        any,
        (wanted, maxLifeSeconds, until) => {
          const life = lifeSeconds({
            wantedSeconds: wanted,
            maxLifeSeconds,
            callerUntilSeconds: until,
            nowSeconds: NOW,
          });
          return (
            life === undefined || (life <= maxLifeSeconds && life <= until - NOW && life <= wanted)
          );
        },
      ),
      { numRuns: 10_000 },
    );
  });
});

describe("claims in API Gateway's own form", () => {
  const isRole = (name: string) => ['admin', 'editor', 'data entry'].includes(name);
  test.each([
    ['[admin editor]', ['admin', 'editor']],
    ['[admin]', ['admin']],
    ['admin', ['admin']],
    ['[admin admin]', ['admin']],
    ['[data entry]', ['data entry']],
    ['[x] [admin]', []],
    ['x] [admin', []],
    ['[[admin]]', []],
    ['[admin,editor]', []],
    ['admin editor', []],
    ['[]', []],
    ['[ ]', []],
    ['', []],
    ['[Admin]', []],
    ['["admin"]', []],
  ])('%s', (claim, roles) => {
    expect(rolesIn(claim, isRole, 'cognito')).toEqual(roles);
  });

  test.each([
    ['[admin editor]', ['admin', 'editor']],
    ['[data entry]', ['data entry']],
    ['[Sales admin]', []],
    ['[admin everyone]', []],
    ['[admin]', ['admin']],
  ])("another issuer's %s: nobody can tell one group with a blank from two", (claim, roles) => {
    expect(rolesIn(claim, isRole, 'jwt')).toEqual(roles);
  });

  test('a Lambda authorizer has real lists, so its brackets are part of a name', () => {
    expect(rolesIn('[admin]', isRole, 'lambda')).toEqual([]);
    expect(rolesIn('admin', isRole, 'lambda')).toEqual(['admin']);
    expect(rolesIn(['admin', 'x'], isRole, 'lambda')).toEqual(['admin']);
  });

  /** A viewer whom a Lambda authorizer let in, with this for his end. */
  const renderAuthorized = (exp: unknown) => {
    const lambda = { 'cognito:groups': ['viewer'], exp, 'custom:tenantId': 'a', sub: 's' };
    const event = { requestContext: { authorizer: { lambda } } };
    const authorized = settings(EXAMPLE, { authType: 'lambda', tokenUse: undefined });
    return render(readClaims(event, 'lambda'), NOW, authorized);
  };

  test.each([NOW + 30.5, `${NOW + 30}`])(
    'an end that an authorizer states (%p) bounds the life',
    (exp) => {
      expect(renderAuthorized(exp)).toMatchObject({ kind: 'scope', lifeSeconds: 18 });
    },
  );

  test.each(['soon', null, '2027-01-01T00:00:00Z', NOW * 1000, -1, 0, Number.NaN, [NOW], {}, true])(
    'an end that cannot be read (%p) is no licence to live on',
    (exp) => {
      expect(renderAuthorized(exp)).toMatchObject({ kind: 'refused', reason: 'not-authenticated' });
    },
  );

  test.each([
    ['1800000000', 1_800_000_000],
    ['1.8E9', 1_800_000_000],
    ['1.8E+9', undefined],
    ['-5', undefined],
    ['0', undefined],
    ['NaN', undefined],
    ['Infinity', undefined],
    ['0x10', undefined],
    ['', undefined],
  ])('the time %s', (text, seconds) => {
    expect(timeIn(text)).toBe(seconds);
  });

  test('a Lambda authorizer hands on real types', () => {
    const event = {
      requestContext: {
        authorizer: {
          lambda: {
            roles: ['admin', 'x y'],
            tenant: 7,
            big: 1e300,
            ok: true,
            no: null,
            o: {},
            mixed: ['a', 1],
          },
        },
      },
    };
    expect(readClaims(event, 'lambda')).toEqual(
      new Map<string, unknown>([
        ['roles', ['admin', 'x y']],
        ['tenant', '7'],
        ['ok', 'true'],
      ]),
    );
    expect(readClaims(event, 'jwt')).toBeUndefined();
  });

  test.each([
    null,
    {},
    { requestContext: {} },
    { requestContext: { authorizer: { jwt: {} } } },
    'x',
    5,
  ])('an event without claims: %j', (event) => {
    expect(readClaims(event, 'cognito')).toBeUndefined();
    expect(readClaims(event, 'lambda')).toBeUndefined();
  });
});

describe('policies that could do harm are refused before anybody calls', () => {
  const withPermission = (permission: unknown): unknown => ({
    roles: { r: { expiresInMinutes: 15, permissions: [permission] } },
  });
  test.each([
    [
      'a prefix that ends in a claim',
      { role: 'readonly', cache: 'c', item: { keyPrefix: '${t}' } },
      'roles.r.permissions[0].item.keyPrefix',
      /tenant 1 would reach/,
    ],
    [
      'no delimiter behind the claim',
      { role: 'readonly', cache: 'c', item: { keyPrefix: '${t}-' } },
      'roles.r.permissions[0].item.keyPrefix',
      /tenant 1/,
    ],
    [
      'two claims side by side',
      { role: 'readonly', cache: 'c', item: { key: '${a}${b}' } },
      'roles.r.permissions[0].item.key',
      /after \$\{a\}/,
    ],
    [
      'two claims with a dash',
      { role: 'publishonly', cache: '${a}-${b}', topic: 't' },
      'roles.r.permissions[0].cache',
      /after \$\{a\}/,
    ],
    [
      'a topic prefix',
      { role: 'publishonly', cache: 'c', topic: { namePrefix: '${t}.' } },
      'roles.r.permissions[0].topic.namePrefix',
      /tenant 1/,
    ],
    [
      'an empty key',
      { role: 'readonly', cache: 'c', item: { key: '' } },
      'roles.r.permissions[0].item',
      /./,
    ],
    [
      'an empty prefix',
      { role: 'readonly', cache: 'c', item: { keyPrefix: '' } },
      'roles.r.permissions[0].item',
      /./,
    ],
    ['an empty cache', { role: 'readonly', cache: '' }, 'roles.r.permissions[0].cache', /./],
    ['an unknown role', { role: 'admin', cache: 'c' }, 'roles.r.permissions[0].role', /./],
    [
      'a topic role on items',
      { role: 'publishonly', cache: 'c', item: { key: 'k' } },
      'roles.r.permissions[0]',
      /./,
    ],
    [
      'all that is not true',
      { role: 'readonly', cache: { all: false } },
      'roles.r.permissions[0].cache',
      /./,
    ],
    [
      'a placeholder that is none',
      { role: 'readonly', cache: '${a b}' },
      'roles.r.permissions[0].cache',
      /placeholder/,
    ],
    [
      'a field that nobody knows',
      { role: 'readonly', cache: 'c', items: { key: 'k' } },
      'roles.r.permissions[0].items',
      /./,
    ],
  ])('%s', (_, permission, path, problem) => {
    const error = refusal(() => parsePolicies(withPermission(permission), CAPS));
    expect(error.issues.map((issue) => issue.path).join(' ')).toContain(path);
    expect(error.message).toMatch(problem);
  });

  test.each([
    [{ roles: {} }, 'roles'],
    [
      { roles: { r: { expiresInMinutes: 61, permissions: [{ role: 'readonly', cache: 'c' }] } } },
      'roles.r.expiresInMinutes',
    ],
    [
      { roles: { r: { expiresInMinutes: 0, permissions: [{ role: 'readonly', cache: 'c' }] } } },
      'roles.r.expiresInMinutes',
    ],
    [{ roles: { r: { expiresInMinutes: 1, permissions: [] } } }, 'roles.r.permissions'],
    [
      {
        roles: {
          r: {
            expiresInMinutes: 1,
            tokenId: 'x'.repeat(65),
            permissions: [{ role: 'readonly', cache: 'c' }],
          },
        },
      },
      'roles.r.tokenId',
    ],
    [null, 'the policies'],
  ])('%j', (policies, path) => {
    expect(refusal(() => parsePolicies(policies, CAPS)).issues[0]?.path).toBe(path);
  });

  test('undeclared attributes, and any claim where callers have none', () => {
    const policies = withPermission({ role: 'readonly', cache: '${custom:tenant}' });
    const declared = { ...CAPS, claims: ['sub', 'custom:tenantId'] };
    expect(refusal(() => parsePolicies(policies, declared)).message).toMatch(
      /declare it in customAttributes/,
    );
    expect(refusal(() => parsePolicies(policies, { ...CAPS, claims: 'none' })).message).toMatch(
      /no claims/,
    );
  });

  function refusal(parse: () => TokenPolicies): PolicyError {
    try {
      parse();
    } catch (error) {
      if (error instanceof PolicyError) return error;
      throw error;
    }
    throw new Error('It was accepted.');
  }
});
