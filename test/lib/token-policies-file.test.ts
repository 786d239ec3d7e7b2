// The policies' file, held against the configuration: every refusal names the file, the place and the remedy.
import { mkdirSync, mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, describe, expect, test } from '@jest/globals';
import { parseConfig } from '../../lib/config.ts';
import { issuesOf } from './issues-of.ts';

const directory = mkdtempSync(join(tmpdir(), 'momento-auth-test-'));
afterAll(() => rmSync(directory, { recursive: true, force: true }));

const permission = { role: 'readonly', cache: 'c', item: { keyPrefix: '${custom:tenantId}:' } };
const role = { expiresInMinutes: 15, permissions: [permission] };
const cognito = { type: 'cognito' };
const jwt = { type: 'jwt', issuer: 'https://login.example.com', audience: 'web' };
const lambda = {
  type: 'lambda',
  functionArn: 'arn:aws:lambda:eu-west-1:123456789012:function:login',
};
const none = { type: 'none', role: 'viewer', acknowledgePublic: true };

/** Issues with policies in `p.json`. */
function issuesWith(policies: unknown, tokenEndpoint: object = {}) {
  return issuesOf({ tokenEndpoint: written(policies, tokenEndpoint) }, directory);
}

function accepted(policies: unknown, tokenEndpoint: object = {}) {
  return parseConfig({ tokenEndpoint: written(policies, tokenEndpoint) }, directory).tokenEndpoint;
}

function written(policies: unknown, tokenEndpoint: object): object {
  const text = typeof policies === 'string' ? policies : JSON.stringify(policies);
  writeFileSync(join(directory, 'p.json'), text);
  return { policies: 'p.json', ...tokenEndpoint };
}

/** One role whose one cache item has this template. */
const withPrefix = (keyPrefix: string) => ({
  roles: { 'data-entry': { ...role, permissions: [{ ...permission, item: { keyPrefix } }] } },
});
const ofRoles = (...names: string[]) => ({
  roles: Object.fromEntries(names.map((name) => [name, role])),
});
const forEveryone = {
  roles: { viewer: { expiresInMinutes: 5, permissions: [{ role: 'readonly', cache: 'news' }] } },
};

describe('the file', () => {
  test('is found from where cdk.json is, blanks in its path or not', () => {
    mkdirSync(join(directory, 'my policies'));
    writeFileSync(join(directory, 'my policies', 'a.json'), JSON.stringify(ofRoles('r')));
    const { tokenEndpoint } = parseConfig(
      { tokenEndpoint: { policies: 'my policies/a.json' } },
      directory,
    );
    expect(tokenEndpoint).toMatchObject({
      policies: { path: join(directory, 'my policies', 'a.json'), content: ofRoles('r') },
    });
  });

  test('that is not JSON is refused with the reason', () => {
    expect(issuesWith('{"roles": }')).toEqual([
      { path: 'p.json', remedy: expect.stringMatching(/^write JSON: /) },
    ]);
  });

  test('is not read when the endpoint is left out', () => {
    expect(parseConfig({ tokenEndpoint: false }, '/nowhere').tokenEndpoint).toBe(false);
  });
});

describe('policies', () => {
  test('whose prefix would let tenant 1 reach tenant 10 are refused', () => {
    expect(issuesWith(withPrefix('${custom:tenantId}'))).toEqual([
      {
        path: 'p.json: roles.data-entry.permissions[0].item.keyPrefix',
        remedy: expect.stringMatching(/such as ":".*tenant 1 would reach what is tenant 10's$/),
      },
    ]);
    // A character that a tenant's name may have is no delimiter.
    expect(issuesWith(withPrefix('${custom:tenantId}-'))).toHaveLength(1);
    expect(accepted(withPrefix('${custom:tenantId}-:'))).toBeTruthy();
  });

  test('of another shape are refused, all places at once', () => {
    const policies = {
      roles: {
        a: { ...role, permissions: [{ role: 'readonly', cache: 'c', items: { key: 'k' } }] },
        b: { ...role, expiresInMinutes: 0 },
      },
    };
    expect(issuesWith(policies).map(({ path }) => path)).toEqual([
      'p.json: roles.a.permissions[0].items',
      'p.json: roles.b.expiresInMinutes',
    ]);
  });

  test('are held to maxLifeSeconds, on both sides', () => {
    expect(accepted(ofRoles('r'), { maxLifeSeconds: 900 })).toBeTruthy();
    expect(issuesWith(ofRoles('r'), { maxLifeSeconds: 899 })).toEqual([
      {
        path: 'p.json: roles.r.expiresInMinutes',
        remedy: expect.stringContaining('maxLifeSeconds'),
      },
    ]);
  });

  test('are held to maxPermissions, on both sides', () => {
    const policies = { roles: { r: { ...role, permissions: [permission, permission] } } };
    expect(accepted(policies, { maxPermissions: 2 })).toBeTruthy();
    expect(issuesWith(policies, { maxPermissions: 1 })).toEqual([
      { path: 'p.json: roles.r.permissions', remedy: expect.stringContaining('maxPermissions') },
    ]);
  });
});

describe('claims', () => {
  const undeclared = withPrefix('${custom:site}:');

  test('of Cognito must be declared, or be a standard one of ID tokens', () => {
    expect(issuesWith(undeclared, { auth: cognito })).toEqual([
      {
        path: 'p.json: roles.data-entry.permissions[0].item.keyPrefix',
        remedy: expect.stringContaining('declare it in customAttributes'),
      },
    ]);
    const declared = { auth: { type: 'cognito', customAttributes: ['tenantId', 'site'] } };
    expect(accepted(undeclared, declared)).toBeTruthy();
    for (const claim of ['sub', 'email', 'cognito:username', 'name']) {
      expect(accepted(withPrefix(`\${${claim}}:`), { auth: cognito })).toBeTruthy();
    }
    for (const claim of ['tenantId', 'custom:tenantid', 'scope', 'website', 'email_verified']) {
      expect(issuesWith(withPrefix(`\${${claim}}:`), { auth: cognito })).toHaveLength(1);
    }
  });

  test('of an adopted pool must be declared too', () => {
    const adopted = { type: 'cognito', userPoolId: 'eu-west-1_AbC', clientIds: ['abc'] };
    expect(issuesWith(undeclared, { auth: adopted })).toHaveLength(1);
  });

  test.each([jwt, lambda])('of other issuers are not known: %j', (auth) => {
    expect(accepted(undeclared, { auth })).toBeTruthy();
  });

  test('do not exist without a login', () => {
    expect(accepted(forEveryone, { auth: none })).toBeTruthy();
    expect(issuesWith(ofRoles('viewer'), { auth: none })).toEqual([
      {
        path: 'p.json: roles.viewer.permissions[0].item.keyPrefix',
        remedy: expect.stringContaining('take ${custom:tenantId} out'),
      },
    ]);
  });

  test('that name the roles are claims as well', () => {
    const policies = { ...ofRoles('r'), roleClaim: 'custom:role' };
    expect(issuesWith(policies, { auth: cognito })).toEqual([
      {
        path: 'p.json: roleClaim',
        got: '"custom:role"',
        remedy: expect.stringMatching(/^declare it in customAttributes, or write one of custom:te/),
      },
    ]);
    const declared = { auth: { type: 'cognito', customAttributes: ['tenantId', 'role'] } };
    expect(accepted(policies, declared)).toBeTruthy();
    expect(accepted(policies, { auth: jwt })).toBeTruthy();
  });

  test('that every user could write leave nothing for users to write: refused', () => {
    const one = withPrefix('${given_name}:');
    const both = withPrefix('${given_name}:${family_name}:');
    expect(accepted(one, { auth: cognito })).toBeTruthy();
    expect(issuesWith(both, { auth: cognito })).toEqual([
      {
        path: 'p.json',
        got: 'policies that use both given_name and family_name',
        remedy: expect.stringMatching(/^use one of them at most.*Use a custom attribute instead$/),
      },
    ]);
    const adopted = { type: 'cognito', userPoolId: 'eu-west-1_AbC', clientIds: ['abc'] };
    expect(accepted(both, { auth: adopted })).toBeTruthy();
  });
});

describe('roles', () => {
  test('must be possible names of Cognito groups', () => {
    expect(accepted(ofRoles('Größe/1,2', 'data-entry'), { auth: cognito })).toBeTruthy();
    for (const name of ['data entry', 'tab\there', 'x\u00a0y', 'bell\u0007']) {
      expect(issuesWith(ofRoles('ok', name), { auth: cognito })).toEqual([
        {
          path: 'p.json: roles',
          got: JSON.stringify(name),
          remedy: expect.stringContaining('a name that a Cognito group can have'),
        },
      ]);
    }
  });

  test.each([
    ['jwt', jwt, 'a b'],
    ['jwt', jwt, '[a]'],
    ['jwt', jwt, 'x]'],
    ['cognito', cognito, '[a]'],
  ])('that API Gateway would write like others are refused: %s', (_what, auth, name) => {
    expect(issuesWith(ofRoles(name), { auth })).toEqual([
      {
        path: 'p.json: roles',
        got: JSON.stringify(name),
        remedy: expect.stringContaining('API Gateway hands the roles of a JWT over as "[a b]"'),
      },
    ]);
  });

  test('may have blanks behind a Lambda authorizer, whose context has real lists', () => {
    expect(accepted(ofRoles('data entry', '[a]'), { auth: lambda })).toBeTruthy();
  });

  test('must have the one that everyone gets without a login', () => {
    expect(issuesWith(forEveryone, { auth: { ...none, role: 'Viewer' } })).toEqual([
      {
        path: 'momentoAuth.tokenEndpoint.auth.role',
        got: '"Viewer"',
        remedy: 'write the name of a role of the policies: "viewer"',
      },
    ]);
  });
});
