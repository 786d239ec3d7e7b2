// A function that is set up wrongly must not start.

import { describe, expect, test } from '@jest/globals';
import { readSettings } from '../../../lambda/vend-token/settings.ts';

const POLICIES = {
  roles: { viewer: { expiresInMinutes: 2.05, permissions: [{ role: 'readonly', cache: 'c' }] } },
};
const ENVIRONMENT = {
  VENDING_SECRET_ARN: 'arn:aws:secretsmanager:eu-west-1:123456789012:secret:key-AbCdEf',
  AUTH_TYPE: 'cognito',
  TOKEN_USE: 'id',
  MAX_LIFE_SECONDS: '3600',
  MAX_PERMISSIONS: '10',
  MINT_RATE_PER_SECOND: '4',
};

test('what the stack says is taken', () => {
  expect(readSettings(ENVIRONMENT, POLICIES)).toMatchObject({
    authType: 'cognito',
    tokenUse: 'id',
    maxLifeSeconds: 3_600,
    maxPermissions: 10,
    publicRole: undefined,
    mintRatePerSecond: 4,
    sharing: undefined,
  });
});

test('with a table tokens are shared while half their life is left, or as long as it says', () => {
  const sharing = { ...ENVIRONMENT, SHARING_TABLE: 'shared' };
  expect(readSettings(sharing, POLICIES).sharing).toEqual({
    tableName: 'shared',
    whileLifeLeft: 0.5,
  });
  expect(
    readSettings({ ...sharing, SHARE_WHILE_LIFE_LEFT: '0.25' }, POLICIES).sharing,
  ).toMatchObject({ whileLifeLeft: 0.25 });
});

describe('refused', () => {
  test.each<[string, Record<string, string | undefined>, RegExp]>([
    ['no secret', { VENDING_SECRET_ARN: undefined }, /VENDING_SECRET_ARN/],
    ['an unknown kind of login', { AUTH_TYPE: 'basic' }, /AUTH_TYPE/],
    ['access tokens of Cognito', { TOKEN_USE: undefined }, /ID tokens only/],
    ['a role for everybody beside a login', { PUBLIC_ROLE: 'viewer' }, /belong together/],
    ['no login and no role', { AUTH_TYPE: 'none', TOKEN_USE: undefined }, /belong together/],
    [
      'no login and a role that is none',
      { AUTH_TYPE: 'none', TOKEN_USE: undefined, PUBLIC_ROLE: 'root' },
      /names no role/,
    ],
    ['a life beyond Momento', { MAX_LIFE_SECONDS: '90001' }, /MAX_LIFE_SECONDS/],
    ['a life in another notation', { MAX_LIFE_SECONDS: '1e3' }, /MAX_LIFE_SECONDS/],
    ['no rate', { MINT_RATE_PER_SECOND: undefined }, /MINT_RATE_PER_SECOND/],
    ['a rate of nothing', { MINT_RATE_PER_SECOND: '0' }, /MINT_RATE_PER_SECOND/],
    ['a rate in words', { MINT_RATE_PER_SECOND: 'four' }, /MINT_RATE_PER_SECOND/],
    ['a table without a name', { SHARING_TABLE: '' }, /SHARING_TABLE/],
    [
      'sharing to the end',
      { SHARING_TABLE: 't', SHARE_WHILE_LIFE_LEFT: '0' },
      /SHARE_WHILE_LIFE_LEFT/,
    ],
    ['permissions beyond Momento', { MAX_PERMISSIONS: '21' }, /MAX_PERMISSIONS/],
    ['permissions in another notation', { MAX_PERMISSIONS: '0x10' }, /MAX_PERMISSIONS/],
  ])('%s', (_, change, problem) => {
    expect(() => readSettings({ ...ENVIRONMENT, ...change }, POLICIES)).toThrow(problem);
  });

  test.each<[string, unknown, RegExp]>([
    [
      'a life above the cap',
      { viewer: { ...POLICIES.roles.viewer, expiresInMinutes: 61 } },
      /expiresInMinutes/,
    ],
    [
      'a life of no use',
      { viewer: { ...POLICIES.roles.viewer, expiresInMinutes: 0.15 } },
      /at least 10/,
    ],
    [
      'a part of a second',
      { viewer: { ...POLICIES.roles.viewer, expiresInMinutes: 2.051 } },
      /whole seconds/,
    ],
    [
      'a role that a record never has',
      JSON.parse('{"__proto__": {"bad": 1}}'),
      /roles.__proto__: take another name/,
    ],
    [
      'the list of roles in a name',
      {
        viewer: {
          expiresInMinutes: 5,
          permissions: [{ role: 'readonly', cache: '${cognito:groups}' }],
        },
      },
      /is a list/,
    ],
    [
      'a name of blanks',
      { viewer: { expiresInMinutes: 5, permissions: [{ role: 'readonly', cache: ' ' }] } },
      /more than blanks/,
    ],
    [
      'a token id that no claim makes short enough',
      {
        viewer: {
          expiresInMinutes: 5,
          tokenId: `${'x'.repeat(65)}\${sub}`,
          permissions: [{ role: 'readonly', cache: 'c' }],
        },
      },
      /64 UTF-16/,
    ],
  ])('policies with %s', (_, roles, problem) => {
    expect(() => readSettings(ENVIRONMENT, { roles })).toThrow(problem);
  });
});
