// How Momento's credentials look: a signed JWT, and the base64 form that people and SDKs handle.

import { createHmac, timingSafeEqual } from 'node:crypto';

/**
 * The claims of a v1 key. Deliberately without `t`: the SDK takes `t: "g"` for a v2 key.
 * `p` is the wire form of the permissions in base64; `exp` (epoch seconds) is absent if the key never expires.
 */
export interface KeyClaims {
  readonly sub: string;
  readonly ver: 1;
  readonly p: string;
  readonly jti: string;
  readonly exp?: number;
}

export type SigningKey = string | Uint8Array;

const HEADER = encodeJson({ alg: 'HS256' });

export function signJwt(claims: KeyClaims, signingKey: SigningKey): string {
  const signed = `${HEADER}.${encodeJson(claims)}`;
  return `${signed}.${hmac(signed, signingKey)}`;
}

/** The `jti` of a JWT that this key signed, or undefined for any other text. Says nothing about expiry. */
export function idOfJwt(jwt: string, signingKey: SigningKey): string | undefined {
  const [header, payload, signature, ...rest] = jwt.split('.');
  if (header === undefined || payload === undefined || signature === undefined || rest.length > 0) {
    return undefined;
  }
  const given = Buffer.from(signature);
  const expected = Buffer.from(hmac(`${header}.${payload}`, signingKey));
  if (given.length !== expected.length || !timingSafeEqual(given, expected)) return undefined;
  const claims: unknown = JSON.parse(Buffer.from(payload, 'base64url').toString('utf8'));
  return typeof claims === 'object' &&
    claims !== null &&
    'jti' in claims &&
    typeof claims.jti === 'string'
    ? claims.jti
    : undefined;
}

/** An opaque token that cannot be guessed even if ids can be (a simulator counts). */
export function refreshTokenFor(id: string, signingKey: SigningKey): string {
  return hmac(`refresh-token:${id}`, signingKey);
}

/** The form in the console's download, byte for byte what the SDK makes of the wire's two fields. */
export function encodeApiKey(key: { endpoint: string; jwt: string }): string {
  return Buffer.from(JSON.stringify({ endpoint: key.endpoint, api_key: key.jwt })).toString(
    'base64',
  );
}

/** The JWT inside a base64 key; any other text as it is. */
export function bareKey(apiKey: string): string {
  try {
    const decoded: unknown = JSON.parse(Buffer.from(apiKey, 'base64').toString('utf8'));
    if (
      typeof decoded === 'object' &&
      decoded !== null &&
      'api_key' in decoded &&
      typeof decoded.api_key === 'string'
    ) {
      return decoded.api_key;
    }
  } catch {
    // A bare JWT is not base64 of JSON.
  }
  return apiKey;
}

function hmac(text: string, signingKey: SigningKey): string {
  return createHmac('sha256', signingKey).update(text).digest('base64url');
}

function encodeJson(value: unknown): string {
  return Buffer.from(JSON.stringify(value)).toString('base64url');
}
