// Who is calling: the claims that API Gateway verified, in whichever form its authorizer hands them on.
// Nothing else of the request is ever read: the caller chooses none of it.

import * as v from 'valibot';
import { MILLISECONDS_SUSPECTED } from '../shared/clock.ts';

/** A claim's value by its name; anything but text, numbers, booleans and lists of text is left out. */
export type Claims = ReadonlyMap<string, ClaimValue>;
export type ClaimValue = string | readonly string[];

const Authorizer = v.object({
  requestContext: v.object({
    authorizer: v.optional(
      v.object({
        jwt: v.optional(v.object({ claims: v.record(v.string(), v.unknown()) })),
        lambda: v.optional(v.nullable(v.record(v.string(), v.unknown()))),
      }),
    ),
  }),
});

export type AuthType = 'cognito' | 'jwt' | 'lambda' | 'none';

/** Undefined when the request did not come through the authorizer that the stack configured. */
export function readClaims(event: unknown, authType: AuthType): Claims | undefined {
  if (authType === 'none') return new Map();
  const parsed = v.safeParse(Authorizer, event);
  const authorizer = parsed.success ? parsed.output.requestContext.authorizer : undefined;
  if (authType === 'lambda') {
    return authorizer?.lambda ? claimsOfContext(authorizer.lambda) : undefined;
  }
  return authorizer?.jwt && claimsOfJwt(authorizer.jwt.claims);
}

/** API Gateway hands on every claim of a JWT as text: a list as `[admin editor]`. */
function claimsOfJwt(claims: Readonly<Record<string, unknown>>): Claims {
  const read = new Map<string, ClaimValue>();
  for (const [name, value] of Object.entries(claims)) {
    if (typeof value === 'string') read.set(name, value);
  }
  return read;
}

/** A Lambda authorizer hands on real types. */
function claimsOfContext(context: Readonly<Record<string, unknown>>): Claims {
  const read = new Map<string, ClaimValue>();
  for (const [name, value] of Object.entries(context)) {
    if (name === 'exp') {
      // Kept even where it says nothing: an end that cannot be read must not pass for no end.
      read.set(name, typeof value === 'string' || typeof value === 'number' ? `${value}` : '');
    } else if (typeof value === 'string') read.set(name, value);
    else if (typeof value === 'boolean' || Number.isSafeInteger(value)) read.set(name, `${value}`);
    else if (Array.isArray(value) && value.every((item) => typeof item === 'string')) {
      read.set(name, value);
    }
  }
  return read;
}

/**
 * The names in a role claim: a list, or one name, or (from a JWT) a list as API Gateway writes it, `[a b]`.
 * One pair of brackets is taken off, never more. Groups that name no role are ignored.
 *
 * Of another issuer's `[a b]` nobody can tell whether it is two groups or one with a blank in its name, and
 * users may be free to name groups: it counts only when the whole of it, or each of its words, is a role.
 * Cognito's groups have no blanks.
 */
export function rolesIn(
  value: ClaimValue | undefined,
  isRole: (name: string) => boolean,
  authType: AuthType,
): string[] {
  if (value === undefined) return [];
  if (typeof value !== 'string') return unique(value.filter(isRole));
  const list = authType === 'lambda' ? undefined : /^\[(.*)\]$/s.exec(value)?.[1];
  if (list === undefined) return isRole(value) ? [value] : [];
  if (isRole(list)) return [list];
  const words = list.split(' ');
  if (authType === 'jwt' && !words.every(isRole)) return [];
  return unique(words.filter(isRole));
}

const unique = (names: readonly string[]): string[] => [...new Set(names)];

/** Epoch seconds, from a claim such as `exp`: text, also in API Gateway's `1.7E9`. */
export function timeIn(value: ClaimValue | undefined): number | undefined {
  if (typeof value !== 'string' || !/^\d+(\.\d+)?(E\d+)?$/i.test(value)) return undefined;
  const seconds = Number(value);
  return seconds > 0 && seconds < MILLISECONDS_SUSPECTED ? seconds : undefined;
}
