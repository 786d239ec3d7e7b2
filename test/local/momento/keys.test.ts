import { CredentialProvider } from '@gomomento/sdk';
import { describe, expect, test } from '@jest/globals';
import {
  bareKey,
  encodeApiKey,
  idOfJwt,
  type KeyClaims,
  refreshTokenFor,
  signJwt,
} from '../../../local/momento/keys.ts';

const claims: KeyClaims = { sub: 'someone', ver: 1, p: 'CAA=', jti: 'id-1', exp: 1_700_000_000 };
const jwt = signJwt(claims, 'right');

describe('the JWT', () => {
  test('carries the claims in the clear', () => {
    const [header, payload] = jwt
      .split('.')
      .slice(0, 2)
      .map((part) => JSON.parse(Buffer.from(part, 'base64url').toString()));
    expect(header).toEqual({ alg: 'HS256' });
    expect(payload).toEqual(claims);
  });

  test('gives its id to the signing key alone', () => {
    expect(idOfJwt(jwt, 'right')).toBe('id-1');
    expect(idOfJwt(jwt, 'wrong')).toBeUndefined();
  });

  test.each([
    ['nothing', ''],
    ['no JWT', 'key'],
    ['a part missing', jwt.split('.').slice(0, 2).join('.')],
    ['a part too many', `${jwt}.`],
    ['no signature', `${jwt.split('.').slice(0, 2).join('.')}.`],
    [
      'another payload',
      jwt.replace(/\.[^.]+\./, `.${Buffer.from('{"jti":"id-2"}').toString('base64url')}.`),
    ],
    ['another header', jwt.replace(/^[^.]+/, Buffer.from('{"alg":"none"}').toString('base64url'))],
    ['a changed last character', jwt.slice(0, -1) + (jwt.endsWith('A') ? 'B' : 'A')],
    ['its base64 form', encodeApiKey({ endpoint: 'e', jwt })],
  ])('is refused with %s', (_what, text) => {
    expect(idOfJwt(text, 'right')).toBeUndefined();
  });

  test('is a v1 key to the SDK, in both forms', () => {
    const endpointOverrides = {
      controlEndpoint: 'localhost:1',
      cacheEndpoint: 'localhost:1',
      tokenEndpoint: 'localhost:1',
      secureConnection: false,
    };
    for (const apiKey of [jwt, encodeApiKey({ endpoint: 'cell.example.com', jwt })]) {
      expect(CredentialProvider.fromString({ apiKey, endpointOverrides }).getAuthToken()).toBe(jwt);
    }
    const inside = CredentialProvider.fromString({
      apiKey: encodeApiKey({ endpoint: 'cell.example.com', jwt }),
    });
    expect(inside.getControlEndpoint()).toBe('control.cell.example.com');
  });
});

test('bareKey unwraps the base64 form and leaves all else alone', () => {
  expect(bareKey(encodeApiKey({ endpoint: 'cell.example.com', jwt }))).toBe(jwt);
  for (const text of [jwt, '', 'key', Buffer.from('{"api_key":1}').toString('base64')]) {
    expect(bareKey(text)).toBe(text);
  }
});

test('a refresh token is long and does not show its id', () => {
  expect(refreshTokenFor('1', 'right')).toMatch(/^[\w-]{43}$/);
  expect(refreshTokenFor('1', 'right')).not.toBe(refreshTokenFor('2', 'right'));
  expect(refreshTokenFor('1', 'right')).not.toBe(refreshTokenFor('1', 'wrong'));
});
