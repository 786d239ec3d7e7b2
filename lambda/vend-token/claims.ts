// Who is calling: the claims that API Gateway verified, in whichever form its authorizer hands them on.
// Nothing else of the request is ever read: the caller chooses none of it.

import * as v from 'valibot';

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
    if (typeof value === 'string') read.set(name, value);
    else if (typeof value === 'boolean' || Number.isSafeInteger(value)) read.set(name, `${value}`);
    else if (Array.isArray(value) && value.every((item) => typeof item === 'string')) {
      read.set(name, value);
    }
  }
  return read;
}

/**
 * The names in a role claim: a list; a list as API Gateway writes it, `[admin editor]`; or one name.
 * Cognito's groups have no blanks in their names. Elsewhere `[x y]` may be one name with a blank, which
 * counts only when just that is configured. One pair of brackets is taken off, never more.
 */
export function rolesIn(
  value: ClaimValue | undefined,
  isRole: (name: string) => boolean,
): string[] {
  if (value === undefined) return [];
  if (typeof value !== 'string') return unique(value.filter(isRole));
  const list = /^\[(.*)\]$/s.exec(value)?.[1];
  if (list === undefined) return isRole(value) ? [value] : [];
  return isRole(list) ? [list] : unique(list.split(' ').filter(isRole));
}

const unique = (names: readonly string[]): string[] => [...new Set(names)];

/** Epoch seconds, from a claim such as `exp`: text, also in API Gateway's `1.7E9`. */
export function timeIn(value: ClaimValue | undefined): number | undefined {
  if (typeof value !== 'string' || !/^\d+(\.\d+)?(E\d+)?$/i.test(value)) return undefined;
  const seconds = Number(value);
  return Number.isFinite(seconds) && seconds > 0 ? seconds : undefined;
}
