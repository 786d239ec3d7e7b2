// The login for demonstrations: tokens that anyone can check against its published keys.

import { afterAll, beforeAll, describe, expect, test } from '@jest/globals';
import { createRemoteJWKSet, decodeJwt, decodeProtectedHeader, jwtVerify } from 'jose';
import * as v from 'valibot';
import { demonstrationUsers } from '../../../local/identity/demonstration-users.ts';
import { type Identity, startIdentity, UnknownUser } from '../../../local/identity/identity.ts';

const NOW_MS = Date.parse('2026-11-22T11:12:08.500Z');
const nowSeconds = Math.floor(NOW_MS / 1000);
const issuer = 'https://cognito-idp.eu-west-1.amazonaws.com/eu-west-1_AbCdEfGhI';
const audience = '57cbishk4j24pabc1234567890';
const users = demonstrationUsers({ roles: ['data-entry', 'viewer'] });
const [first = ''] = users.map(({ name }) => name);

let identity: Identity;
beforeAll(async () => {
  identity = await startIdentity({ issuer, audience, users, now: () => NOW_MS });
});
afterAll(() => identity.close());

test('two users, of different tenants and roles', () => {
  expect(users).toEqual([
    {
      name: 'tenant-a-data-entry',
      groups: ['data-entry'],
      attributes: { 'custom:tenantId': 'tenant-a' },
    },
    { name: 'tenant-b-viewer', groups: ['viewer'], attributes: { 'custom:tenantId': 'tenant-b' } },
  ]);
  expect(demonstrationUsers({ roles: ['one'] }).map(({ groups }) => groups)).toEqual([
    ['one'],
    ['one'],
  ]);
  expect(demonstrationUsers({ roles: [] }).map(({ name }) => name)).toEqual([
    'tenant-a',
    'tenant-b',
  ]);
});

describe('a token', () => {
  test('is signed with a key of the published set, under the issuer that the template names', async () => {
    const token = await identity.login(first);
    const keys = createRemoteJWKSet(new URL(identity.jwksUrl));
    const { protectedHeader } = await jwtVerify(token, keys, {
      issuer,
      audience,
      algorithms: ['RS256'],
      currentDate: new Date(NOW_MS),
    });
    expect(protectedHeader).toEqual({ alg: 'RS256', typ: 'JWT', kid: expect.any(String) });
  });

  test('of Cognito for its ID has the attributes, and times of the clock passed in', async () => {
    const claims = decodeJwt(await identity.login(first, { lifetimeSeconds: 60 }));
    expect(claims).toEqual({
      iss: issuer,
      aud: audience,
      sub: expect.stringMatching(/^[0-9a-f]{8}(-[0-9a-f]{4}){3}-[0-9a-f]{12}$/),
      token_use: 'id',
      'cognito:username': first,
      'cognito:groups': ['data-entry'],
      'custom:tenantId': 'tenant-a',
      auth_time: nowSeconds,
      iat: nowSeconds,
      exp: nowSeconds + 60,
      jti: expect.any(String),
      origin_jti: expect.any(String),
      event_id: expect.any(String),
    });
  });

  test('of Cognito for access has client_id, and no audience or attribute', async () => {
    const claims = decodeJwt(await identity.login(first, { tokenUse: 'access' }));
    expect(claims).toMatchObject({
      token_use: 'access',
      client_id: audience,
      username: first,
      scope: 'aws.cognito.signin.user.admin',
      'cognito:groups': ['data-entry'],
      exp: nowSeconds + 3600,
    });
    expect(claims).not.toHaveProperty('aud');
    expect(claims).not.toHaveProperty('custom:tenantId');
  });

  test('of another issuer has none of Cognito’s own claims, and its groups where they are wanted', async () => {
    const other = await startIdentity({
      issuer: 'https://login.example',
      audience: 'api',
      users,
      groupsClaim: 'roles',
    });
    const claims = decodeJwt(await other.login(first));
    expect(claims).toMatchObject({
      iss: 'https://login.example',
      aud: 'api',
      roles: ['data-entry'],
    });
    for (const absent of ['token_use', 'cognito:groups', 'cognito:username']) {
      expect(claims).not.toHaveProperty([absent]);
    }
    await other.close();
  });

  test('has the claims that are asked for, over the user’s own', async () => {
    const claims = { 'custom:tenantId': 'x', aud: undefined, nbf: 1 };
    const token = decodeJwt(await identity.login(first, { claims }));
    expect(token).toMatchObject({ 'custom:tenantId': 'x', nbf: 1 });
    expect(token).not.toHaveProperty('aud');
  });

  test('names the same subject every time, and another for another user', async () => {
    const subjects = await Promise.all(
      [first, first, users[1]?.name ?? ''].map(
        async (name) => decodeJwt(await identity.login(name)).sub,
      ),
    );
    expect(subjects[0]).toBe(subjects[1]);
    expect(subjects[0]).not.toBe(subjects[2]);
  });

  test('is not for strangers', async () => {
    await expect(identity.login('stranger')).rejects.toThrow(UnknownUser);
  });
});

describe('over HTTP', () => {
  const post = (body: unknown, init: RequestInit = {}) =>
    fetch(identity.loginUrl, {
      method: 'POST',
      headers: { 'content-type': 'application/json' },
      body: JSON.stringify(body),
      ...init,
    });

  test('a user gets both tokens', async () => {
    const response = await post({ user: first, lifetimeSeconds: 120 });
    expect(response.status).toBe(200);
    expect(response.headers.get('cache-control')).toBe('no-store');
    const { idToken, accessToken, expiresIn } = v.parse(
      v.object({ idToken: v.string(), accessToken: v.string(), expiresIn: v.number() }),
      await response.json(),
    );
    expect(decodeJwt(idToken)).toMatchObject({ token_use: 'id', exp: nowSeconds + 120 });
    expect(decodeJwt(accessToken)).toMatchObject({ token_use: 'access' });
    expect(expiresIn).toBe(120);
  });

  test.each([{}, { user: 7 }, { user: 'stranger' }, null, { user: first, lifetimeSeconds: 'x' }])(
    'nobody else does: %j',
    async (body) => {
      expect((await post(body)).status).toBe(400);
    },
  );

  test.each<[RequestInit, number]>([
    [{ method: 'GET', body: null }, 405],
    [{ method: 'OPTIONS', body: null }, 405],
    [{ headers: { 'content-type': 'text/plain' } }, 405],
    [{ body: 'not JSON' }, 400],
    [{ body: JSON.stringify({ user: first, filler: 'x'.repeat(20_000) }) }, 400],
  ])('nor does a request of another form: %.80j', async (init, status) => {
    const response = await post({ user: first }, init);
    expect(response.status).toBe(status);
    expect(response.headers.get('access-control-allow-origin')).toBeNull();
  });

  test('a name that only points at this machine gets none', async () => {
    const { request } = await import('node:http');
    const status = await new Promise((resolve, reject) => {
      request(
        identity.loginUrl,
        { method: 'POST', headers: { host: 'evil.example', 'content-type': 'application/json' } },
        (response) => resolve(response.resume().statusCode),
      )
        .on('error', reject)
        .end(JSON.stringify({ user: first }));
    });
    expect(status).toBe(403);
  });

  test.each(['/token', '/authorize', '/userinfo', '/'])(
    'the test server’s own %s is shut: it would give tokens to any page',
    async (path) => {
      for (const method of ['GET', 'POST']) {
        expect((await fetch(identity.baseUrl + path, { method })).status).toBe(404);
      }
    },
  );

  test('discovery speaks of the issuer’s own address', async () => {
    const response = await fetch(`${identity.baseUrl}/.well-known/openid-configuration`);
    expect(await response.json()).toMatchObject({
      issuer,
      jwks_uri: `${issuer}/.well-known/jwks.json`,
    });
  });

  test('the published keys hold nothing private', async () => {
    const { keys } = v.parse(
      v.object({ keys: v.array(v.record(v.string(), v.unknown())) }),
      await (await fetch(identity.jwksUrl)).json(),
    );
    const { kid } = decodeProtectedHeader(await identity.login(first));
    expect(keys).toMatchObject([{ kty: 'RSA', alg: 'RS256', kid }]);
    for (const part of ['d', 'p', 'q', 'dp', 'dq', 'qi']) expect(keys[0]).not.toHaveProperty(part);
  });
});
