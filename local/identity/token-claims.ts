// What stands in a user's token: Cognito's claims for a Cognito issuer, OpenID Connect's for any other.
// https://docs.aws.amazon.com/cognito/latest/developerguide/amazon-cognito-user-pools-using-the-id-token.html

import { createHash, randomUUID } from 'node:crypto';
import type { DemonstrationUser } from './demonstration-users.ts';

export type TokenUse = 'id' | 'access';

export interface TokenClaimsOptions {
  readonly issuer: string;
  /** The client's id. */
  readonly audience: string;
  readonly groupsClaim: string;
  readonly tokenUse: TokenUse;
  /** Negative for a token that has expired. */
  readonly lifetimeSeconds: number;
  readonly nowMs: number;
}

/** Only an ID token has `aud` and the user's attributes; an access token has `client_id` and `scope`. */
export function tokenClaims(
  user: DemonstrationUser,
  { issuer, audience, groupsClaim, tokenUse, lifetimeSeconds, nowMs }: TokenClaimsOptions,
): Record<string, unknown> {
  const isCognito = /^https:\/\/cognito-idp\./.test(issuer);
  const issuedAt = Math.floor(nowMs / 1000);
  const common = {
    sub: subjectOf(issuer, user.name),
    iss: issuer,
    auth_time: issuedAt,
    iat: issuedAt,
    exp: issuedAt + lifetimeSeconds,
    jti: randomUUID(),
    ...(user.groups.length > 0 && { [groupsClaim]: [...user.groups] }),
    ...(isCognito && { token_use: tokenUse, event_id: randomUUID(), origin_jti: randomUUID() }),
  };
  if (tokenUse === 'access') {
    const scope = isCognito ? 'aws.cognito.signin.user.admin' : 'openid';
    return { ...common, client_id: audience, scope, username: user.name };
  }
  const name = isCognito ? 'cognito:username' : 'preferred_username';
  return { ...common, aud: audience, [name]: user.name, ...user.attributes };
}

/** The same at every start, so that what one run stores is the same user's in the next. */
function subjectOf(issuer: string, name: string): string {
  const hex = createHash('sha256').update(`${issuer}\n${name}`).digest('hex');
  return hex.slice(0, 32).replace(/^(.{8})(.{4})(.{4})(.{4})(.{12})$/, '$1-$2-$3-$4-$5');
}
