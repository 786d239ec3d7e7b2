// Every way in which a JWT can be wrong: 401 of the gateway, and the function is not called.

import { createHash, generateKeyPairSync } from 'node:crypto';
import { afterAll, beforeAll, beforeEach, describe, expect, test } from '@jest/globals';
import { createLocalJWKSet, decodeJwt, decodeProtectedHeader, exportSPKI, SignJWT } from 'jose';
import * as v from 'valibot';
import {
  type Identity,
  type LoginOptions,
  startIdentity,
} from '../../../local/identity/identity.ts';
import {
  AUDIENCE,
  bearer,
  ISSUER,
  NOW_MS,
  rawPost,
  startTestIdentity,
  startWorld,
  users,
  type World,
} from './world.ts';

let identity: Identity;
let stranger: Identity;
let world: World;
let nowMs = NOW_MS;

beforeAll(async () => {
  identity = await startTestIdentity();
  stranger = await startIdentity({
    issuer: 'https://elsewhere.example',
    audience: AUDIENCE,
    users,
    now: () => NOW_MS,
  });
  world = await startWorld({ identity, now: () => nowMs });
});
afterAll(async () => {
  await world.close();
  await Promise.all([identity.close(), stranger.close()]);
});
beforeEach(() => {
  world.events.length = 0;
  nowMs = NOW_MS;
});

const SECOND_MS = 1000;
const nowSeconds = Math.floor(NOW_MS / 1000);
const login = (options: LoginOptions = {}) => identity.login('u', options);
const withClaims = (claims: Record<string, unknown>) => login({ claims });

async function expectRefused(token: string, description: string) {
  const response = await world.post(bearer(token));
  expect(response.status).toBe(401);
  expect(await response.text()).toBe('{"message":"Unauthorized"}');
  expect(response.headers.get('www-authenticate')).toBe(
    `Bearer scope="" error="invalid_token" error_description="${description}"`,
  );
  expect(response.headers.get('apigw-requestid')).toMatch(/^[A-Za-z0-9+/]{15}=$/);
  expect(world.events).toEqual([]);
}

async function expectTaken(token: string) {
  const response = await world.post(bearer(token));
  expect(response.status).toBe(200);
  expect(world.events).toHaveLength(1);
}

test('an ID token of the issuer is taken, with and without Bearer', async () => {
  const token = await login();
  await expectTaken(token);
  expect((await world.post({ headers: { authorization: token } })).status).toBe(200);
  expect((await world.post({ headers: { authorization: `bearer ${token}` } })).status).toBe(200);
});

test('absent: 401 with the bare challenge', async () => {
  const response = await world.post();
  expect(response.status).toBe(401);
  expect(response.headers.get('www-authenticate')).toBe('Bearer');
  expect(await response.text()).toBe('{"message":"Unauthorized"}');
  expect(world.events).toEqual([]);
});

test('in a cookie, in the query or in the body alone: 401', async () => {
  const token = await login();
  const tries = [
    { headers: { cookie: `authorization=${token}; token=Bearer ${token}` } },
    { path: `/token?authorization=${token}&Authorization=Bearer%20${token}` },
    { body: JSON.stringify({ authorization: `Bearer ${token}` }) },
  ];
  for (const init of tries) expect((await world.post(init)).status).toBe(401);
  expect(world.events).toEqual([]);
});

test.each([
  'x',
  'a.b.c',
  'Bearer',
  '....',
  'eyJhbGciOiJSUzI1NiJ9',
  'eyJhbGciOiJSUzI1NiJ9.e30.',
  `${'A'.repeat(3000)}.${'B'.repeat(3000)}.${'C'.repeat(3000)}`,
  'null',
  '%00',
])('malformed: %.40j', async (token) => {
  const response = await world.post(bearer(token));
  expect(response.status).toBe(401);
  expect(world.events).toEqual([]);
});

test('twice in one request: 401, whichever comes first', async () => {
  const values = [`Bearer ${await login()}`, 'Bearer x'];
  for (const order of [values, values.toReversed()]) {
    const headers = order.flatMap((value) => ['authorization', value]);
    expect((await rawPost(`${world.gateway.url}/token`, headers)).status).toBe(401);
  }
  expect(world.events).toEqual([]);
});

describe('time, on both sides of each boundary', () => {
  test('expired', async () => {
    const token = await login({ lifetimeSeconds: 60 });
    const expiresMs = (nowSeconds + 60) * SECOND_MS;
    nowMs = expiresMs - 1;
    await expectTaken(token);
    world.events.length = 0;
    nowMs = expiresMs;
    await expectRefused(token, 'the token has expired');
    await expectRefused(await login({ lifetimeSeconds: -1 }), 'the token has expired');
  });

  test('not yet valid', async () => {
    const token = await withClaims({ nbf: nowSeconds + 30 });
    await expectRefused(token, 'the token is not valid yet');
    nowMs += 30 * SECOND_MS;
    await expectTaken(token);
  });

  test('issued in the future', async () => {
    const token = await withClaims({ iat: nowSeconds + 30 });
    await expectRefused(token, 'the token was issued in the future');
    nowMs += 30 * SECOND_MS;
    await expectTaken(token);
  });

  test.each([undefined, null, 'soon'])('no expiry: %s', async (exp) => {
    await expectRefused(await withClaims({ exp }), 'the token has an invalid claim');
  });
});

describe('issuer and audience', () => {
  test.each([`${ISSUER}/`, ISSUER.toUpperCase(), 'https://elsewhere.example', '', undefined])(
    'foreign issuer %j, signed with the right key',
    async (iss) => {
      const response = await world.post(bearer(await withClaims({ iss })));
      expect(response.status).toBe(401);
      expect(world.events).toEqual([]);
    },
  );

  test('a foreign issuer’s own token', async () => {
    await expectRefused(await stranger.login('u'), 'the issuer has no such key');
  });

  const description = 'the token does not have a valid audience';
  test.each([
    { aud: 'another' },
    { aud: '' },
    { aud: [] },
    { aud: undefined },
    { aud: 'another', client_id: AUDIENCE },
    { aud: undefined, client_id: 'another' },
    { aud: undefined, client_id: [AUDIENCE.slice(1)] },
  ])('foreign: %j', async (claims) => {
    await expectRefused(await withClaims(claims), description);
  });

  test.each([{ aud: ['another', AUDIENCE] }, { aud: AUDIENCE, client_id: 'another' }])(
    'ours: %j',
    async (claims) => expectTaken(await withClaims(claims)),
  );

  test('an access token passes by its client_id: telling it apart is the function’s part', async () => {
    await expectTaken(await login({ tokenUse: 'access' }));
    const claims = world.events[0]?.event.requestContext.authorizer?.jwt?.claims;
    expect(claims).toMatchObject({ token_use: 'access', client_id: AUDIENCE });
    expect(claims).not.toHaveProperty('aud');
    expect(claims).not.toHaveProperty('custom:tenantId');
  });
});

describe('signature', () => {
  const reSigned = async (header: Record<string, unknown>, key: Parameters<SignJWT['sign']>[0]) => {
    const token = await login();
    const given = { alg: 'RS256', kid: decodeProtectedHeader(token).kid, ...header };
    const named = given.kid === undefined ? { alg: given.alg } : { ...given, kid: given.kid };
    return new SignJWT(decodeJwt(token)).setProtectedHeader(named).sign(key);
  };
  const rsa = generateKeyPairSync('rsa', { modulusLength: 2048 });
  const publicKeyPem = async () => {
    const keySet = v.parse(
      v.object({ keys: v.array(v.looseObject({ kty: v.string() })) }),
      await (await fetch(identity.jwksUrl)).json(),
    );
    const key = await createLocalJWKSet(keySet)({ alg: 'RS256' });
    return exportSPKI(key);
  };

  test('of another key under the same kid', async () => {
    await expectRefused(await reSigned({}, rsa.privateKey), 'the signature is invalid');
  });

  test('of an unknown kid, and of none', async () => {
    await expectRefused(await reSigned({ kid: 'x' }, rsa.privateKey), 'the issuer has no such key');
    await expectRefused(
      await reSigned({ kid: undefined }, rsa.privateKey),
      'the token names no key',
    );
  });

  test('of changed claims', async () => {
    const [header, , signature] = (await login()).split('.');
    const claims = { ...decodeJwt(await login()), 'cognito:groups': ['owner'] };
    const payload = Buffer.from(JSON.stringify(claims)).toString('base64url');
    await expectRefused(`${header}.${payload}.${signature}`, 'the signature is invalid');
  });

  test('taken off', async () => {
    const [header, payload] = (await login()).split('.');
    await expectRefused(`${header}.${payload}.`, 'the signature is invalid');
  });

  test.each(['none', 'None', 'NONE'])('alg %s', async (alg) => {
    const token = await login();
    const { kid } = decodeProtectedHeader(token);
    const header = Buffer.from(JSON.stringify({ alg, kid })).toString('base64url');
    for (const end of ['', token.split('.')[2]]) {
      await expectRefused(
        `${header}.${token.split('.')[1]}.${end}`,
        'the signing method is invalid',
      );
    }
  });

  test('HS256 with the public key as its secret', async () => {
    const pem = await publicKeyPem();
    for (const secret of [pem, pem.trimEnd(), createHash('sha256').update(pem).digest('hex')]) {
      const token = await reSigned({ alg: 'HS256' }, Buffer.from(secret));
      await expectRefused(token, 'the signing method is invalid');
    }
  });

  test('not RSA', async () => {
    const { privateKey } = generateKeyPairSync('ec', { namedCurve: 'P-256' });
    const token = await reSigned({ alg: 'ES256' }, privateKey);
    await expectRefused(token, 'the signing method is invalid');
  });

  test('with a key that the token brings along', async () => {
    const jwk = rsa.publicKey.export({ format: 'jwk' });
    const token = await reSigned({ jwk, jku: stranger.jwksUrl }, rsa.privateKey);
    await expectRefused(token, 'the signature is invalid');
  });
});

test('the issuer cannot be reached: 401, and the next request asks again', async () => {
  const gone = await startTestIdentity();
  await gone.close();
  const issuerBaseUrls: Record<string, string> = { [ISSUER]: gone.baseUrl };
  const other = await startWorld({ issuerBaseUrls });
  const response = await other.post(bearer(await login()));
  expect(response.status).toBe(401);
  expect(response.headers.get('www-authenticate')).toMatch(/OIDC discovery endpoint/);
  const back = await startIdentity({
    issuer: ISSUER,
    audience: AUDIENCE,
    users,
    port: gone.port,
    now: () => NOW_MS,
  });
  expect((await other.post(bearer(await back.login('u')))).status).toBe(200);
  await Promise.all([back.close(), other.close()]);
});

describe('scopes of the route', () => {
  let scoped: World;
  beforeAll(async () => {
    const route = { AuthorizationScopes: ['tokens/vend', 'tokens/all'] };
    scoped = await startWorld({ identity, overrides: { route } });
  });
  afterAll(() => scoped.close());

  test.each([{ scope: 'openid tokens/vend' }, { scp: ['tokens/all'] }, { scp: 'tokens/all x' }])(
    'one of them is enough: %j',
    async (claims) => {
      expect((await scoped.post(bearer(await withClaims(claims)))).status).toBe(200);
      expect(scoped.events.at(-1)?.event.requestContext.authorizer?.jwt?.scopes).toEqual([
        'tokens/vend',
        'tokens/all',
      ]);
    },
  );

  test.each([{}, { scope: '' }, { scope: 'tokens' }, { scope: 'tokens/vend2' }, { scope: 7 }])(
    'none of them: %j',
    async (claims) => {
      scoped.events.length = 0;
      const response = await scoped.post(bearer(await withClaims(claims)));
      expect(response.status).toBe(403);
      expect(await response.text()).toBe('{"message":"Forbidden"}');
      expect(response.headers.get('www-authenticate')).toMatch(/error="insufficient_scope"/);
      expect(scoped.events).toEqual([]);
    },
  );

  test('without any, jwt.scopes is null', async () => {
    await expectTaken(await login());
    expect(world.events[0]?.event.requestContext.authorizer?.jwt?.scopes).toBeNull();
  });
});
