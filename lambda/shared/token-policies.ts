// The policies of the token endpoint: which role may touch what. One schema, which is also the documentation;
// checked when the stack is synthesized and again when the function starts.

import * as v from 'valibot';
import {
  type ClaimTemplate,
  claimsOf,
  delimiterProblem,
  parseClaimTemplate,
} from './claim-template.ts';
import { Failure } from './failure.ts';

/** A name with `${claim}` in it; 1 to 512 characters. */
const Name = v.pipe(
  v.string(),
  v.nonEmpty('write a name; an empty one would select everything'),
  v.check((text) => text.trim() !== '', 'write more than blanks'),
  v.maxLength(512),
  v.description('A name. ${claim} stands for the value of a claim of the caller.'),
);
const All = v.strictObject({ all: v.literal(true) });

const Cache = v.pipe(v.union([Name, All]), v.description('The cache: its name, or {"all": true}.'));

const CachePermission = v.strictObject({
  role: v.picklist(['readonly', 'readwrite', 'writeonly']),
  cache: Cache,
  item: v.optional(
    v.pipe(
      v.union([v.strictObject({ key: Name }), v.strictObject({ keyPrefix: Name }), All]),
      v.description('The items: {"key"}, {"keyPrefix"}, or {"all": true}. Default: all.'),
    ),
  ),
});

const TopicPermission = v.strictObject({
  role: v.picklist(['subscribeonly', 'publishonly', 'publishsubscribe']),
  cache: Cache,
  topic: v.pipe(
    v.union([Name, v.strictObject({ namePrefix: Name }), All]),
    v.description('The topics: a name, {"namePrefix"}, or {"all": true}.'),
  ),
});

const FunctionPermission = v.strictObject({
  role: v.literal('invoke'),
  cache: Cache,
  func: v.pipe(
    v.union([v.strictObject({ name: Name }), v.strictObject({ namePrefix: Name }), All]),
    v.description('The functions: {"name"}, {"namePrefix"}, or {"all": true}.'),
  ),
});

const Permission = v.variant('role', [CachePermission, TopicPermission, FunctionPermission]);

const Role = v.strictObject({
  expiresInMinutes: v.pipe(
    v.number(),
    v.gtValue(0),
    v.finite(),
    v.description('The life of a token, in minutes; at most maxLifeSeconds of the configuration.'),
  ),
  tokenId: v.optional(
    v.pipe(
      Name,
      v.description(
        'What topic subscribers see of the publisher; at most 64 UTF-16 units. Default: none.',
      ),
    ),
  ),
  permissions: v.pipe(
    v.array(Permission),
    v.nonEmpty('write at least one permission'),
    v.description('What the role may do; any one that matches grants.'),
  ),
});

export const TokenPoliciesSchema = v.strictObject({
  $schema: v.optional(v.string()),
  roleClaim: v.optional(
    v.pipe(v.string(), v.nonEmpty(), v.description("The claim that names the caller's roles.")),
    'cognito:groups',
  ),
  roles: v.pipe(
    v.record(v.pipe(v.string(), v.nonEmpty(), v.maxLength(128)), Role),
    v.description('What each role may do, by its name.'),
  ),
});

export type PermissionPolicy = v.InferOutput<typeof Permission>;
export type RolePolicy = v.InferOutput<typeof Role>;
export type TokenPolicies = v.InferOutput<typeof TokenPoliciesSchema>;

/** What surrounds the policies: the caps of the configuration, and which claims there are. */
export interface PolicyCircumstances {
  readonly maxLifeSeconds: number;
  readonly maxPermissions: number;
  /**
   * `any`: another issuer's claims are not known. `none`: no caller has claims. Otherwise the claims that a
   * caller's token can hold.
   */
  readonly claims: 'any' | 'none' | readonly string[];
}

export interface PolicyIssue {
  /** `roles.data-entry.permissions[0].item.keyPrefix` */
  readonly path: string;
  readonly problem: string;
}

export class PolicyError extends Failure<'bad-policy'> {
  readonly issues: readonly PolicyIssue[];

  constructor(issues: readonly PolicyIssue[]) {
    super('bad-policy', issues.map(({ path, problem }) => `${path}: ${problem}`).join('\n'));
    this.name = 'PolicyError';
    this.issues = issues;
  }
}

/** A shorter life is of no use to anybody: the token would end while it travels. */
export const SHORTEST_LIFE_SECONDS = 10;

/** 2.05 minutes are 123 seconds, whatever binary fractions make of it. */
export const lifeSecondsOf = ({ expiresInMinutes }: RolePolicy): number =>
  Math.round(expiresInMinutes * 60);

/** Momento counts a token id in UTF-16 units. */
export const MAX_TOKEN_ID_UNITS = 64;

/** Throws `PolicyError` with all that is wrong. */
export function parsePolicies(input: unknown, circumstances: PolicyCircumstances): TokenPolicies {
  // A record never has these keys, so they would be left out in silence.
  const impossible = IMPOSSIBLE_NAMES.filter((name) => Object.hasOwn(Object(rolesOf(input)), name));
  if (impossible.length > 0) {
    throw new PolicyError(
      impossible.map((name) => ({ path: `roles.${name}`, problem: 'take another name' })),
    );
  }
  const parsed = v.safeParse(TokenPoliciesSchema, input);
  if (!parsed.success) {
    throw new PolicyError(
      parsed.issues.map((issue) => ({ path: pathOf(issue), problem: issue.message })),
    );
  }
  const policies = parsed.output;
  const issues = [
    ...(Object.keys(policies.roles).length === 0
      ? [{ path: 'roles', problem: 'write at least one role' }]
      : []),
    ...Object.entries(policies.roles).flatMap(([name, role]) =>
      roleIssues(`roles.${name}`, role, policies.roleClaim, circumstances),
    ),
  ];
  if (issues.length > 0) throw new PolicyError(issues);
  return policies;
}

const IMPOSSIBLE_NAMES = ['__proto__', 'constructor', 'prototype'];

const rolesOf = (input: unknown): unknown =>
  typeof input === 'object' && input !== null && 'roles' in input ? input.roles : undefined;

function roleIssues(
  path: string,
  role: RolePolicy,
  roleClaim: string,
  { maxLifeSeconds, maxPermissions, claims }: PolicyCircumstances,
): PolicyIssue[] {
  const issues: PolicyIssue[] = [];
  const lifeSeconds = lifeSecondsOf(role);
  const isWhole = Math.abs(lifeSeconds - role.expiresInMinutes * 60) < 1e-6;
  if (!isWhole || lifeSeconds < SHORTEST_LIFE_SECONDS || lifeSeconds > maxLifeSeconds) {
    const problem = `got ${role.expiresInMinutes}; write minutes that are whole seconds, at least ${SHORTEST_LIFE_SECONDS} of them and at most ${maxLifeSeconds} (maxLifeSeconds)`;
    issues.push({ path: `${path}.expiresInMinutes`, problem });
  }
  if (role.permissions.length > maxPermissions) {
    const problem = `${role.permissions.length} permissions are more than maxPermissions, ${maxPermissions}`;
    issues.push({ path: `${path}.permissions`, problem });
  }
  for (const { path: at, text, kind } of templatesOf(path, role)) {
    const template = parseClaimTemplate(text);
    const problem =
      typeof template === 'string'
        ? template
        : (delimiterProblem(template, kind) ??
          listClaim(template, roleClaim) ??
          unknownClaim(template, claims));
    if (problem !== undefined)
      issues.push({ path: at, problem: `got ${JSON.stringify(text)}; ${problem}` });
  }
  const literals = (role.tokenId ?? '').replace(/\$\{[^}]*\}/g, '');
  if (literals.length > MAX_TOKEN_ID_UNITS) {
    issues.push({
      path: `${path}.tokenId`,
      problem: `write at most ${MAX_TOKEN_ID_UNITS} UTF-16 units`,
    });
  }
  return issues;
}

/** A list of roles is no name: nobody would ever be let in. */
const listClaim = (template: ClaimTemplate, roleClaim: string): string | undefined =>
  claimsOf(template).includes(roleClaim)
    ? `the role claim ${roleClaim} is a list, which cannot stand in a name: use another claim`
    : undefined;

function unknownClaim(
  template: ClaimTemplate,
  claims: PolicyCircumstances['claims'],
): string | undefined {
  if (claims === 'any') return undefined;
  const unknown = claimsOf(template).find((claim) => claims === 'none' || !claims.includes(claim));
  if (unknown === undefined) return undefined;
  return claims === 'none'
    ? `callers have no claims here: take \${${unknown}} out`
    : `no token has the claim ${unknown}: declare it in customAttributes, or use one of ${claims.join(', ')}`;
}

interface TemplateAt {
  readonly path: string;
  readonly text: string;
  readonly kind: 'name' | 'prefix';
}

/** Every text of a role in which a claim may stand. */
export function templatesOf(path: string, { tokenId, permissions }: RolePolicy): TemplateAt[] {
  const found: TemplateAt[] = [];
  const add = (at: string, kind: TemplateAt['kind'], text: unknown) => {
    if (typeof text === 'string') found.push({ path: at, text, kind });
  };
  add(`${path}.tokenId`, 'name', tokenId);
  for (const [index, permission] of permissions.entries()) {
    const at = `${path}.permissions[${index}]`;
    add(`${at}.cache`, 'name', permission.cache);
    for (const [field, selector] of Object.entries(permission)) {
      if (field === 'cache' || field === 'role') continue;
      add(`${at}.${field}`, 'name', selector);
      if (typeof selector !== 'object' || selector === null) continue;
      for (const [name, text] of Object.entries(selector)) {
        add(`${at}.${field}.${name}`, /prefix$/i.test(name) ? 'prefix' : 'name', text);
      }
    }
  }
  return found;
}

/** The claims that the policies read, the role claim included: no user may write one of them himself. */
export function claimsReadBy(policies: TokenPolicies): string[] {
  const claims = Object.entries(policies.roles)
    .flatMap(([name, role]) => templatesOf(name, role))
    .flatMap(({ text }) => {
      const template = parseClaimTemplate(text);
      return typeof template === 'string' ? [] : claimsOf(template);
    });
  return [...new Set([policies.roleClaim, ...claims])];
}

function pathOf(issue: v.BaseIssue<unknown>): string {
  const path = (issue.path ?? []).map(({ key }) =>
    typeof key === 'number' ? `[${key}]` : `.${String(key)}`,
  );
  return path.join('').replace(/^\./, '') || 'the policies';
}
