// From verified claims to a scope: which roles, then what they allow this very caller. Pure.

import { CLAIM_VALUE, parseClaimTemplate, renderClaimTemplate } from '../shared/claim-template.ts';
import {
  lifeSecondsOf,
  MAX_TOKEN_ID_UNITS,
  type PermissionPolicy,
  type TokenPolicies,
} from '../shared/token-policies.ts';
import { type AuthType, type Claims, rolesIn, timeIn } from './claims.ts';
import { lifeSeconds } from './life.ts';
import {
  type CacheSelector,
  type Permission,
  permissionText,
  type Scope,
  type TargetSelector,
} from './scope.ts';

/** Why the policy refuses; for the audit line, never for the caller. */
export type Refusal =
  | 'not-authenticated'
  | 'wrong-token-use'
  | 'no-role'
  | 'claim-missing-or-not-allowed'
  | 'caller-token-ends';

export type Rendered =
  | {
      readonly kind: 'scope';
      readonly scope: Scope;
      readonly lifeSeconds: number;
      /** Epoch seconds when the caller's own token ends; undefined when he has none that ends. */
      readonly callerUntilSeconds: number | undefined;
      readonly roles: readonly string[];
      /** The claims that went into names, by their names. */
      readonly tenant: Readonly<Record<string, string>>;
    }
  | { readonly kind: 'refused'; readonly reason: Refusal; readonly roles: readonly string[] }
  | { readonly kind: 'bad-policy'; readonly problem: string; readonly roles: readonly string[] };

export interface RenderSettings {
  readonly policies: TokenPolicies;
  readonly authType: AuthType;
  /** What the claim `token_use` must say; undefined: not asked. */
  readonly tokenUse: string | undefined;
  /** The one role of an endpoint without authentication. */
  readonly publicRole: string | undefined;
  readonly maxLifeSeconds: number;
  readonly maxPermissions: number;
}

export function render(
  claims: Claims | undefined,
  nowSeconds: number,
  settings: RenderSettings,
): Rendered {
  const { policies, authType, tokenUse, publicRole } = settings;
  const refused = (reason: Refusal, roles: readonly string[] = []): Rendered => ({
    kind: 'refused',
    reason,
    roles,
  });
  if (claims === undefined) return refused('not-authenticated');
  if (tokenUse !== undefined && claims.get('token_use') !== tokenUse) {
    return refused('wrong-token-use');
  }
  const isRole = (name: string) => Object.hasOwn(policies.roles, name);
  const roles = (
    publicRole === undefined
      ? rolesIn(claims.get(policies.roleClaim), isRole, authType)
      : [publicRole]
  ).sort();
  const chosen = roles.flatMap((name) => policies.roles[name] ?? []);
  if (chosen.length === 0) return refused('no-role', roles);

  const callerUntilSeconds = timeIn(claims.get('exp'));
  // A JWT always ends, and what a Lambda authorizer says of an end must be readable: otherwise a token could
  // outlive its caller's. An authorizer that says nothing of an end leaves it to the policy's life.
  const mustEnd = authType === 'cognito' || authType === 'jwt' || claims.has('exp');
  if (mustEnd && callerUntilSeconds === undefined) return refused('not-authenticated', roles);
  const life = lifeSeconds({
    wantedSeconds: Math.min(...chosen.map(lifeSecondsOf)),
    maxLifeSeconds: settings.maxLifeSeconds,
    callerUntilSeconds,
    nowSeconds,
  });
  if (life === undefined) return refused('caller-token-ends', roles);

  const tenant: Record<string, string> = {};
  const claimValue = (claim: string): string | undefined => {
    const value = claims.get(claim);
    if (typeof value !== 'string' || !CLAIM_VALUE.test(value)) return undefined;
    tenant[claim] = value;
    return value;
  };
  const text = (template: string): string => {
    const parsed = parsedTemplate(template);
    if (typeof parsed === 'string') throw new UnrenderablePolicy(parsed);
    const rendered = renderClaimTemplate(parsed, claimValue);
    if (rendered === undefined) throw new MissingClaim();
    return rendered;
  };
  try {
    const permissions = unionOf(
      chosen.flatMap((role) => role.permissions),
      text,
    );
    const tokenIds = unique(chosen.map(({ tokenId }) => tokenId && text(tokenId)));
    // A claim made it too long, not the policy: that was checked without one.
    if (tokenIds.some((tokenId) => tokenId !== undefined && tokenId.length > MAX_TOKEN_ID_UNITS)) {
      return refused('claim-missing-or-not-allowed', roles);
    }
    const problem = problemOf(permissions, tokenIds, settings);
    if (problem !== undefined) return { kind: 'bad-policy', problem, roles };
    return {
      kind: 'scope',
      scope: { permissions, tokenId: tokenIds[0] },
      lifeSeconds: life,
      callerUntilSeconds,
      roles,
      tenant,
    };
  } catch (error) {
    if (error instanceof MissingClaim) return refused('claim-missing-or-not-allowed', roles);
    if (error instanceof UnrenderablePolicy) {
      return { kind: 'bad-policy', problem: error.message, roles };
    }
    throw error;
  }
}

/** Templates come from the policies alone: there are no more of them than are written there. */
const parsedTemplates = new Map<string, ReturnType<typeof parseClaimTemplate>>();

function parsedTemplate(template: string): ReturnType<typeof parseClaimTemplate> {
  const known = parsedTemplates.get(template) ?? parseClaimTemplate(template);
  parsedTemplates.set(template, known);
  return known;
}

class MissingClaim extends Error {}
class UnrenderablePolicy extends Error {}

function unionOf(
  policies: readonly PermissionPolicy[],
  text: (template: string) => string,
): Permission[] {
  const byText = new Map<string, Permission>();
  for (const policy of policies) {
    const permission = permissionOf(policy, text);
    byText.set(permissionText(permission), permission);
  }
  return [...byText].sort(([a], [b]) => (a < b ? -1 : 1)).map(([, permission]) => permission);
}

function permissionOf(policy: PermissionPolicy, text: (template: string) => string): Permission {
  const cache: CacheSelector =
    typeof policy.cache === 'string' ? { name: text(policy.cache) } : { all: true };
  switch (policy.role) {
    case 'readonly':
    case 'readwrite':
    case 'writeonly':
      return { kind: 'item', role: policy.role, cache, target: targetOf(policy.item, text) };
    case 'subscribeonly':
    case 'publishonly':
    case 'publishsubscribe':
      return { kind: 'topic', role: policy.role, cache, target: targetOf(policy.topic, text) };
    case 'invoke':
      return { kind: 'function', role: policy.role, cache, target: targetOf(policy.func, text) };
  }
}

type WrittenTarget =
  | string
  | { readonly key: string }
  | { readonly keyPrefix: string }
  | { readonly name: string }
  | { readonly namePrefix: string }
  | { readonly all: true }
  | undefined;

function targetOf(written: WrittenTarget, text: (template: string) => string): TargetSelector {
  if (written === undefined) return { all: true };
  if (typeof written === 'string') return { name: text(written) };
  if ('key' in written) return { name: text(written.key) };
  if ('name' in written) return { name: text(written.name) };
  if ('keyPrefix' in written) return { prefix: text(written.keyPrefix) };
  if ('namePrefix' in written) return { prefix: text(written.namePrefix) };
  return { all: true };
}

function problemOf(
  permissions: readonly Permission[],
  tokenIds: ReadonlyArray<string | undefined>,
  { maxPermissions }: RenderSettings,
): string | undefined {
  if (permissions.length > maxPermissions) {
    return `The roles together have ${permissions.length} permissions; at most ${maxPermissions} are allowed (maxPermissions).`;
  }
  if (tokenIds.length > 1)
    return 'The roles have different tokenIds: write the same for all of them.';
  return undefined;
}

const unique = <T>(values: readonly T[]): T[] => [...new Set(values)];
