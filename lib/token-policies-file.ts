// The file with the policies, held against the configuration: what deployment would only show as refusals.
import { readFileSync } from 'node:fs';
import { resolve } from 'node:path';
import { PolicyError, parsePolicies, type TokenPolicies } from '../lambda/shared/token-policies.ts';
import { ConfigError, type ConfigIssue } from './config-error.ts';
import { show } from './config-fields.ts';
import type { TokenAuth, TokenEndpointOptions } from './token-endpoint-config.ts';
import { attributesUsersMayWrite, cognitoClaims, writableAttributes } from './user-attributes.ts';

export interface TokenPoliciesFile {
  /** Absolute. */
  readonly path: string;
  readonly content: TokenPolicies;
}

/**
 * Reads and checks the policies.
 *
 * @param endpoint the configuration of the endpoint that they are for
 * @param directory what its path is relative to
 * @throws {ConfigError} with every problem at once
 */
export function readTokenPolicies(
  endpoint: TokenEndpointOptions,
  directory: string,
): TokenPoliciesFile {
  const path = resolve(directory, endpoint.policies);
  const { auth, maxLifeSeconds, maxPermissions } = endpoint;
  const input = readJson(path, endpoint.policies);
  const circumstances = { maxLifeSeconds, maxPermissions, claims: claimsOf(auth) };
  let content: TokenPolicies;
  try {
    content = parsePolicies(input, circumstances);
  } catch (cause) {
    if (!(cause instanceof PolicyError)) throw cause;
    const issues = cause.issues.map(({ path, problem }) => ({
      path: `${endpoint.policies}: ${path}`,
      remedy: problem,
    }));
    throw new ConfigError(issues, { cause });
  }
  const issues = issuesBetween(content, auth, endpoint.policies);
  if (issues.length > 0) throw new ConfigError(issues);
  return { path, content };
}

function readJson(path: string, shown: string): unknown {
  let json: string;
  try {
    json = readFileSync(path, 'utf8');
  } catch (cause) {
    const issue = {
      path: 'momentoAuth.tokenEndpoint.policies',
      got: show(shown),
      remedy: 'write the path of a file that can be read, relative to cdk.json',
    };
    throw new ConfigError([issue], { cause });
  }
  try {
    return JSON.parse(json);
  } catch (cause) {
    const problem = cause instanceof Error ? cause.message : String(cause);
    throw new ConfigError([{ path: shown, remedy: `write JSON: ${problem}` }], { cause });
  }
}

/** The claims that policies may use. */
function claimsOf(auth: TokenAuth): 'any' | 'none' | readonly string[] {
  switch (auth.type) {
    case 'cognito':
      return cognitoClaims(auth.customAttributes);
    case 'none':
      return 'none';
    default:
      return 'any';
  }
}

function issuesBetween(
  policies: TokenPolicies,
  auth: TokenAuth,
  shown: string,
): readonly ConfigIssue[] {
  const issues: ConfigIssue[] = [];
  const roles = Object.keys(policies.roles);
  const claims = claimsOf(auth);

  for (const role of roles) {
    const remedy = roleNameRemedy(role, auth);
    if (remedy !== undefined) issues.push({ path: `${shown}: roles`, got: show(role), remedy });
  }
  if (Array.isArray(claims) && !claims.includes(policies.roleClaim)) {
    issues.push({
      path: `${shown}: roleClaim`,
      got: show(policies.roleClaim),
      remedy: `declare it in customAttributes, or write one of ${claims.join(', ')}`,
    });
  }
  if (auth.type === 'none' && !roles.includes(auth.role)) {
    issues.push({
      path: 'momentoAuth.tokenEndpoint.auth.role',
      got: show(auth.role),
      remedy: `write the name of a role of the policies: ${roles.map(show).join(', ')}`,
    });
  }
  const makesPool = auth.type === 'cognito' && auth.userPoolId === undefined;
  if (makesPool && attributesUsersMayWrite(policies).length === 0) {
    const all = writableAttributes.join(' and ');
    issues.push({
      path: shown,
      got: `policies that use both ${all}`,
      remedy:
        'use one of them at most: users may write them, an app client that may write nothing does ' +
        'not exist, and nobody may write what a policy uses. Use a custom attribute instead',
    });
  }
  return issues;
}

/** Undefined for a name that cannot be taken for another one. */
function roleNameRemedy(role: string, { type }: TokenAuth): string | undefined {
  // Its context has real lists.
  if (type === 'lambda') return undefined;
  if (type === 'cognito' && !/^[\p{L}\p{M}\p{S}\p{N}\p{P}]{1,128}$/u.test(role)) {
    return 'write a name that a Cognito group can have: up to 128 letters, digits and signs, without white space';
  }
  if (!/[\s[\]]/u.test(role)) return undefined;
  return (
    'write a name without white space, "[" and "]": API Gateway hands the roles of a JWT over as ' +
    '"[a b]", where such a name looks like others. Only behind a "lambda" authorizer it may be used'
  );
}
