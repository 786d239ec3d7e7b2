// The configuration of the token endpoint: what is accepted, and every way to get it wrong.
import { describe, expect, test } from '@jest/globals';
import { parseConfig } from '../../lib/config.ts';
import { issuesOf } from './issues-of.ts';

const issuer = 'https://login.example.com/';
const functionArn = 'arn:aws:lambda:eu-west-1:123456789012:function:login';
const certificateArn = 'arn:aws:acm:eu-west-1:123456789012:certificate/11111111-2222-3333';
const pool = {
  type: 'cognito',
  userPoolId: 'eu-west-1_AbCdEfGhI',
  clientIds: ['1h57kf5cpq17m0eml'],
};
const domain = { name: 'tokens.example.com', certificateArn };

describe('accepted', () => {
  test.each<[string, Record<string, unknown>]>([
    ['other attributes', { auth: { type: 'cognito', customAttributes: ['tenantId', 'site-1'] } }],
    ['a user pool to adopt', { auth: pool }],
    ['an issuer', { auth: { type: 'jwt', issuer, audience: ['a', 'b'], tokenUse: 'access' } }],
    ['an authorizer', { auth: { type: 'lambda', functionArn } }],
    ['an alias of an authorizer', { auth: { type: 'lambda', functionArn: `${functionArn}:live` } }],
    ['an origin', { allowedOrigins: ['https://app.example.com'] }],
    ['an origin on a port', { allowedOrigins: ['http://localhost:5173', 'http://[::1]:8080'] }],
    ['the origin of an app', { allowedOrigins: ['capacitor://localhost'] }],
    ['every origin', { allowedOrigins: ['*'] }],
    ['the longest life', { maxLifeSeconds: 90_000 }],
    ['twenty permissions', { maxPermissions: 20 }],
    ['no sharing', { sharing: false }],
    ['sharing nearly to the end', { sharing: { whileLifeLeft: 0.1 } }],
    ['sharing at the beginning alone', { sharing: { whileLifeLeft: 0.9 } }],
    ['a slow throttle', { throttle: { ratePerSecond: 0.5, burst: 1 } }],
    ['a domain', { domain }],
    ['a domain and its zone', { domain: { ...domain, hostedZoneId: 'Z0123456789ABC' } }],
  ])('%s', (_what, tokenEndpoint) => {
    expect(parseConfig({ tokenEndpoint }).tokenEndpoint).toMatchObject(tokenEndpoint);
  });

  test('one audience as a list of one', () => {
    const { tokenEndpoint } = parseConfig({
      tokenEndpoint: { auth: { type: 'jwt', issuer, audience: 'web' } },
    });
    expect(tokenEndpoint).toMatchObject({ auth: { audience: ['web'] } });
  });

  test.each([[true], [{}], [{ whileLifeLeft: 0.5 }]])(
    'sharing as %j: while half its life is left',
    (sharing) => {
      expect(parseConfig({ tokenEndpoint: { sharing } })).toEqual(parseConfig({}));
      expect(parseConfig({}).tokenEndpoint).toMatchObject({ sharing: { whileLifeLeft: 0.5 } });
    },
  );

  test('part of the throttle: the rest is its default', () => {
    const { tokenEndpoint } = parseConfig({ tokenEndpoint: { throttle: { burst: 7 } } });
    expect(tokenEndpoint).toMatchObject({ throttle: { ratePerSecond: 100, burst: 7 } });
  });

  test('none at all', () => {
    expect(parseConfig({ tokenEndpoint: false }).tokenEndpoint).toBe(false);
  });
});

const stranger = 'a property that does not exist';
const endpoint = 'write false to leave the token endpoint out, or an object';
const authType = 'write one of "cognito", "jwt", "lambda", "none"';
const attribute =
  'write names without "custom:", of 1 to 20 letters, digits, "-" and "_", as ["tenantId"]';
const bothOrNeither =
  'to adopt a user pool write both "userPoolId" and "clientIds"; for a new one neither';
const clients = 'write an array with the ids of app clients of the pool';
const issuerRemedy =
  'write the issuer exactly as its tokens have "iss", an https URL, as "https://login.example.com/"';
const audience = 'write the audience, or an array of 1 to 50, as the issuer writes "aud"';
const lambdaArn = 'write the ARN of a function, as "arn:aws:lambda:REGION:ACCOUNT:function:NAME"';
const isPublic = 'write true once it is meant: everyone who knows the address gets a Momento token';
const roleRemedy = 'write the name of a role of the policies';
const origin =
  'write scheme and host alone, in small letters and without a default port or a path, as "https://app.example.com"; or "*" for every origin';
const life = 'write a whole number from 1 to 90000, as 3600';
const permissions = 'write a whole number from 1 to 20, as 10';
const sharingRemedy = 'write true, false, or {"whileLifeLeft": 0.5}';
const domainRemedy =
  'write a host name in small letters, as "tokens.example.com", and the ARN of its certificate';

const wrong: readonly [what: string, input: unknown, path: string, got: string, remedy: string][] =
  [
    ['true', true, '', 'true', endpoint],
    ['null', null, '', 'null', endpoint],
    [
      'text',
      'on',
      '',
      '"on"',
      'write an object with any of auth, allowedOrigins, policies, maxLifeSeconds, maxPermissions, sharing, throttle, domain',
    ],
    [
      'a mistyped property',
      { alowedOrigins: [] },
      '.alowedOrigins',
      stranger,
      'write "allowedOrigins", or take it out',
    ],

    [
      'a type alone',
      { auth: 'jwt' },
      '.auth',
      '"jwt"',
      'write an object with "type" and what that needs',
    ],
    ['no type', { auth: {} }, '.auth.type', 'nothing', authType],
    ['an unknown type', { auth: { type: 'saml' } }, '.auth.type', '"saml"', authType],

    [
      'an attribute with its prefix',
      { auth: { type: 'cognito', customAttributes: ['custom:tenantId'] } },
      '.auth.customAttributes[0]',
      '"custom:tenantId"',
      attribute,
    ],
    [
      'an attribute of 21 letters',
      { auth: { type: 'cognito', customAttributes: ['tenantId', 'a'.repeat(21)] } },
      '.auth.customAttributes[1]',
      `"${'a'.repeat(21)}"`,
      attribute,
    ],
    [
      'an attribute that is no list',
      { auth: { type: 'cognito', customAttributes: 'tenantId' } },
      '.auth.customAttributes',
      '"tenantId"',
      attribute,
    ],
    [
      'an attribute twice',
      { auth: { type: 'cognito', customAttributes: ['tenantId', 'tenantId'] } },
      '.auth.customAttributes',
      '["tenantId","tenantId"]',
      'name each attribute once',
    ],
    [
      'a pool without clients',
      { auth: { type: 'cognito', userPoolId: 'eu-west-1_AbC' } },
      '.auth.clientIds',
      'nothing',
      bothOrNeither,
    ],
    [
      'clients without a pool',
      { auth: { type: 'cognito', clientIds: ['abc'] } },
      '.auth.userPoolId',
      'nothing',
      bothOrNeither,
    ],
    [
      'the ARN of a pool',
      {
        auth: {
          ...pool,
          userPoolId: 'arn:aws:cognito-idp:eu-west-1:123456789012:userpool/eu-west-1_AbC',
        },
      },
      '.auth.userPoolId',
      '"arn:aws:cognito-idp:eu-west-1:123456789012:userpool/eu-west-1_AbC"',
      'write the id of a user pool, as "eu-west-1_AbCdEfGhI"',
    ],
    ['no clients', { auth: { ...pool, clientIds: [] } }, '.auth.clientIds', '[]', clients],
    [
      'a property of another type',
      { auth: { type: 'cognito', issuer } },
      '.auth.issuer',
      stranger,
      'take it out; there are type, customAttributes, userPoolId, clientIds',
    ],

    [
      'an issuer over http',
      { auth: { type: 'jwt', issuer: 'http://login.example.com', audience: 'web' } },
      '.auth.issuer',
      '"http://login.example.com"',
      issuerRemedy,
    ],
    [
      'an issuer without a scheme',
      { auth: { type: 'jwt', issuer: 'login.example.com', audience: 'web' } },
      '.auth.issuer',
      '"login.example.com"',
      issuerRemedy,
    ],
    [
      'an issuer with a query',
      { auth: { type: 'jwt', issuer: 'https://a.b/?c=d', audience: 'web' } },
      '.auth.issuer',
      '"https://a.b/?c=d"',
      issuerRemedy,
    ],
    [
      'no issuer',
      { auth: { type: 'jwt', audience: 'web' } },
      '.auth.issuer',
      'nothing',
      'write both "issuer" and "audience"',
    ],
    [
      'no audience',
      { auth: { type: 'jwt', issuer } },
      '.auth.audience',
      'nothing',
      'write both "issuer" and "audience"',
    ],
    [
      'an empty audience',
      { auth: { type: 'jwt', issuer, audience: '' } },
      '.auth.audience',
      '[""]',
      audience,
    ],
    [
      'no audience in the list',
      { auth: { type: 'jwt', issuer, audience: [] } },
      '.auth.audience',
      '[]',
      audience,
    ],
    [
      'an audience in numbers',
      { auth: { type: 'jwt', issuer, audience: 7 } },
      '.auth.audience',
      '7',
      audience,
    ],
    [
      'an empty token use',
      { auth: { type: 'jwt', issuer, audience: 'web', tokenUse: '' } },
      '.auth.tokenUse',
      '""',
      'write "id" or "access", as the issuer does',
    ],

    [
      'the name of an authorizer',
      { auth: { type: 'lambda', functionArn: 'login' } },
      '.auth.functionArn',
      '"login"',
      lambdaArn,
    ],
    [
      'no authorizer',
      { auth: { type: 'lambda' } },
      '.auth.functionArn',
      'nothing',
      'write the ARN of the authorizer',
    ],

    [
      'no login, not acknowledged',
      { auth: { type: 'none', role: 'viewer' } },
      '.auth.acknowledgePublic',
      'nothing',
      `write "role" and "acknowledgePublic": ${isPublic}`,
    ],
    [
      'no login, acknowledged as false',
      { auth: { type: 'none', role: 'viewer', acknowledgePublic: false } },
      '.auth.acknowledgePublic',
      'false',
      isPublic,
    ],
    [
      'no login, acknowledged in words',
      { auth: { type: 'none', role: 'viewer', acknowledgePublic: 'true' } },
      '.auth.acknowledgePublic',
      '"true"',
      isPublic,
    ],
    [
      'no login and an empty role',
      { auth: { type: 'none', role: '', acknowledgePublic: true } },
      '.auth.role',
      '""',
      roleRemedy,
    ],

    [
      'an origin that is no list',
      { allowedOrigins: '*' },
      '.allowedOrigins',
      '"*"',
      'write an array of origins, as ["https://app.example.com"]',
    ],
    [
      'an origin with a path',
      { allowedOrigins: ['https://a.example/app'] },
      '.allowedOrigins[0]',
      '"https://a.example/app"',
      origin,
    ],
    [
      'an origin with a slash',
      { allowedOrigins: ['https://a.example/'] },
      '.allowedOrigins[0]',
      '"https://a.example/"',
      origin,
    ],
    [
      'an origin with its default port',
      { allowedOrigins: ['https://a.example:443'] },
      '.allowedOrigins[0]',
      '"https://a.example:443"',
      origin,
    ],
    [
      'an origin in capitals',
      { allowedOrigins: ['https://A.example'] },
      '.allowedOrigins[0]',
      '"https://A.example"',
      origin,
    ],
    [
      'an origin without a scheme',
      { allowedOrigins: ['a.example'] },
      '.allowedOrigins[0]',
      '"a.example"',
      origin,
    ],
    [
      'an origin with a wildcard',
      { allowedOrigins: ['https://*.a.example'] },
      '.allowedOrigins[0]',
      '"https://*.a.example"',
      origin,
    ],
    ['the origin "null"', { allowedOrigins: ['null'] }, '.allowedOrigins[0]', '"null"', origin],
    [
      'every origin and one',
      { allowedOrigins: ['https://a.example', '*'] },
      '.allowedOrigins',
      '["https://a.example","*"]',
      'write "*" alone, or take it out',
    ],
    [
      'an origin twice',
      { allowedOrigins: ['https://a.example', 'https://a.example'] },
      '.allowedOrigins',
      '["https://a.example","https://a.example"]',
      'name each origin once',
    ],

    [
      'policies in place',
      { policies: { roles: {} } },
      '.policies',
      '{"roles":{}}',
      'write the path of a JSON file',
    ],
    ['no policies', { policies: ' ' }, '.policies', '" "', 'write the path of a JSON file'],
    [
      'policies that are not there',
      { policies: 'nowhere.json' },
      '.policies',
      '"nowhere.json"',
      'write the path of a file that can be read, relative to cdk.json',
    ],

    ['a life of 0', { maxLifeSeconds: 0 }, '.maxLifeSeconds', '0', life],
    ['a life of 90001', { maxLifeSeconds: 90_001 }, '.maxLifeSeconds', '90001', life],
    ['half a second', { maxLifeSeconds: 900.5 }, '.maxLifeSeconds', '900.5', life],
    ['a life in words', { maxLifeSeconds: '1h' }, '.maxLifeSeconds', '"1h"', life],
    ['0 permissions', { maxPermissions: 0 }, '.maxPermissions', '0', permissions],
    ['21 permissions', { maxPermissions: 21 }, '.maxPermissions', '21', permissions],

    ['sharing in words', { sharing: 'yes' }, '.sharing', '"yes"', sharingRemedy],
    ['sharing as null', { sharing: null }, '.sharing', 'null', sharingRemedy],
    ['sharing as a number', { sharing: 0.5 }, '.sharing', '0.5', sharingRemedy],
    ['sharing as a list', { sharing: [0.5] }, '.sharing', '[0.5]', sharingRemedy],
    ...[0.09, 0.91, 0, 1, -0.5, '0.5', true, null].map((whileLifeLeft): (typeof wrong)[number] => [
      `sharing while ${JSON.stringify(whileLifeLeft)} of the life is left`,
      { sharing: { whileLifeLeft } },
      '.sharing.whileLifeLeft',
      JSON.stringify(whileLifeLeft),
      'write a number from 0.1 to 0.9, as 0.5',
    ]),
    [
      'sharing with a mistyped property',
      { sharing: { whileLifeleft: 0.5 } },
      '.sharing.whileLifeleft',
      stranger,
      'write "whileLifeLeft", or take it out',
    ],

    [
      'a throttle that is a number',
      { throttle: 100 },
      '.throttle',
      '100',
      'write an object with any of ratePerSecond, burst',
    ],
    [
      'a throttle of 0',
      { throttle: { ratePerSecond: 0 } },
      '.throttle.ratePerSecond',
      '0',
      'write a number above 0, at most 10000',
    ],
    [
      'a burst of 0',
      { throttle: { burst: 0 } },
      '.throttle.burst',
      '0',
      'write a whole number from 1 to 5000, as 200',
    ],

    [
      'a domain that is a name',
      { domain: 'tokens.example.com' },
      '.domain',
      '"tokens.example.com"',
      'write an object with any of name, certificateArn, hostedZoneId',
    ],
    [
      'a domain without a certificate',
      { domain: { name: 'tokens.example.com' } },
      '.domain.certificateArn',
      'nothing',
      domainRemedy,
    ],
    [
      'a URL as domain',
      { domain: { name: 'https://tokens.example.com', certificateArn } },
      '.domain.name',
      '"https://tokens.example.com"',
      domainRemedy,
    ],
    [
      'a path of a zone',
      { domain: { ...domain, hostedZoneId: '/hostedzone/Z1' } },
      '.domain.hostedZoneId',
      '"/hostedzone/Z1"',
      'write the id of a zone, as "Z0123456789ABC"',
    ],
  ];

describe('refused, with one issue that says where, what and what instead', () => {
  test.each(wrong)('%s', (_what, tokenEndpoint, path, got, remedy) => {
    expect(issuesOf({ tokenEndpoint })).toEqual([
      { path: `momentoAuth.tokenEndpoint${path}`, got, remedy },
    ]);
  });
});
