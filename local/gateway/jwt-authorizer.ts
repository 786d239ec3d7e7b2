// API Gateway's JWT authorizer: the signature against the issuer's published keys, then the claims.
// https://docs.aws.amazon.com/apigateway/latest/developerguide/http-api-jwt-authorizer.html
//
// It does not tell an ID token from an access token: that is left to the function, as it is when deployed.

import {
  createRemoteJWKSet,
  decodeProtectedHeader,
  errors,
  type JWTPayload,
  type JWTVerifyGetKey,
  jwtVerify,
} from 'jose';
import * as v from 'valibot';
import type { JwtAuthorizerDefinition } from '../assembly/http-api-authorizers.ts';
import { forbidden, gatewayAnswer } from './answer.ts';
import type { Authorization } from './authorization.ts';
import { claimsAsText } from './claims-text.ts';

export interface JwtAuthorizerOptions {
  readonly definition: JwtAuthorizerDefinition;
  /** Where the issuer can be reached, without a slash at the end. @default the issuer itself */
  readonly issuerBaseUrl?: string;
  /** Epoch milliseconds. */
  readonly now: () => number;
}

/** RSA only; above all never `none`, nor an HMAC whose secret would be the public key. */
const ALGORITHMS = ['RS256', 'RS384', 'RS512', 'PS256', 'PS384', 'PS512'];
const KEYS_MAX_AGE_MS = 2 * 60 * 60 * 1000;
const DISCOVERY_TIMEOUT_MS = 5_000;

const discoverySchema = v.looseObject({ issuer: v.string(), jwks_uri: v.string() });

/** Why a token is refused, in words for the `www-authenticate` header. Never holds anything of the token. */
class Refusal extends Error {}

export class JwtAuthorizer {
  readonly #options: JwtAuthorizerOptions;
  #keys: Promise<JWTVerifyGetKey> | undefined;

  constructor(options: JwtAuthorizerOptions) {
    this.#options = options;
  }

  /**
   * @param identity the value of the identity source: the token, with or without `Bearer`
   * @param scopes of the route; the token must have one of them, unless there are none
   */
  async authorize(
    identity: string | undefined,
    scopes: readonly string[] = [],
  ): Promise<Authorization> {
    if (identity === undefined) return refused('the identity source is missing', 'Bearer');
    let claims: JWTPayload;
    try {
      claims = await this.#verify(identity.replace(/^bearer\s+/i, ''));
    } catch (error) {
      const reason = reasonOf(error);
      const challenge = `Bearer scope="${scopes.join(' ')}" error="invalid_token" error_description="${reason}"`;
      return refused(reason, challenge);
    }
    if (scopes.length > 0 && !scopesOf(claims).some((scope) => scopes.includes(scope))) {
      const error = 'the token has none of the scopes of the route';
      const challenge = `Bearer scope="${scopes.join(' ')}" error="insufficient_scope" error_description="${error}"`;
      const headers = { ...forbidden.headers, 'www-authenticate': challenge };
      return { allowed: false, error, answer: { ...forbidden, headers } };
    }
    return {
      allowed: true,
      context: { jwt: { claims: claimsAsText(claims), scopes: scopes.length > 0 ? scopes : null } },
    };
  }

  async #verify(token: string): Promise<JWTPayload> {
    const { definition, now } = this.#options;
    const { kid } = decodeProtectedHeader(token);
    if (kid === undefined) throw new Refusal('the token names no key');
    const { payload } = await jwtVerify(token, await this.#issuerKeys(), {
      algorithms: ALGORITHMS,
      issuer: definition.issuer,
      requiredClaims: ['exp'],
      currentDate: new Date(now()),
    });
    if (typeof payload.iat === 'number' && payload.iat * 1000 > now()) {
      throw new Refusal('the token was issued in the future');
    }
    // `client_id` stands in for an absent `aud` alone.
    const intended = [payload.aud ?? payload.client_id].flat();
    if (!intended.some((each) => typeof each === 'string' && definition.audience.includes(each))) {
      throw new Refusal('the token does not have a valid audience');
    }
    return payload;
  }

  /** Concurrent requests share one discovery; a failed one is tried again by the next request. */
  #issuerKeys(): Promise<JWTVerifyGetKey> {
    this.#keys ??= this.#discover().catch((cause: unknown) => {
      this.#keys = undefined;
      throw new Refusal('OIDC discovery endpoint communication error', { cause });
    });
    return this.#keys;
  }

  async #discover(): Promise<JWTVerifyGetKey> {
    const { issuer } = this.#options.definition;
    const baseUrl = this.#options.issuerBaseUrl ?? withoutSlash(issuer);
    const response = await fetch(`${baseUrl}/.well-known/openid-configuration`, {
      signal: AbortSignal.timeout(DISCOVERY_TIMEOUT_MS),
    });
    if (!response.ok) throw new Error(`discovery answered ${response.status}`);
    const found = v.parse(discoverySchema, await response.json());
    if (found.issuer !== issuer) throw new Error(`discovery names the issuer ${found.issuer}`);
    // The document speaks of the issuer's own address, which may not be reachable from here.
    const jwksUrl = found.jwks_uri.startsWith(withoutSlash(issuer))
      ? baseUrl + found.jwks_uri.slice(withoutSlash(issuer).length)
      : found.jwks_uri;
    return createRemoteJWKSet(new URL(jwksUrl), { cacheMaxAge: KEYS_MAX_AGE_MS });
  }
}

function scopesOf({ scope, scp }: JWTPayload): string[] {
  return [scope ?? scp]
    .flat()
    .flatMap((text) => (typeof text === 'string' ? text.split(' ') : []))
    .filter((text) => text !== '');
}

function refused(error: string, challenge: string): Authorization {
  const answer = gatewayAnswer(401, 'Unauthorized', { 'www-authenticate': challenge });
  return { allowed: false, error, answer };
}

function reasonOf(error: unknown): string {
  if (error instanceof Refusal) return error.message;
  if (error instanceof errors.JWTExpired) return 'the token has expired';
  if (error instanceof errors.JWTClaimValidationFailed) {
    if (error.claim === 'iss') return 'the token does not have a valid issuer';
    return error.claim === 'nbf' ? 'the token is not valid yet' : 'the token has an invalid claim';
  }
  if (error instanceof errors.JOSEAlgNotAllowed) return 'the signing method is invalid';
  if (error instanceof errors.JWSSignatureVerificationFailed) return 'the signature is invalid';
  if (error instanceof errors.JWKSNoMatchingKey) return 'the issuer has no such key';
  return 'the token cannot be parsed';
}

const withoutSlash = (url: string): string => url.replace(/\/$/, '');
