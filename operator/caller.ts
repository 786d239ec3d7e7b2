// A user as the token endpoint would see him: the event that API Gateway makes of his login token. Pure.

import { CLAIM_VALUE, claimsOf, parseClaimTemplate } from '../lambda/shared/claim-template.ts';
import { templatesOf } from '../lambda/shared/token-policies.ts';
import type { RenderSettings } from '../lambda/vend-token/render.ts';
import type { TokenEndpointConfig } from '../lib/config.ts';
import { wrongUsage } from './problem.ts';

/** What the stack tells the function of this configuration. */
export function renderSettings({
  auth,
  policies,
  maxLifeSeconds,
  maxPermissions,
}: TokenEndpointConfig): RenderSettings {
  return {
    policies: policies.content,
    authType: auth.type,
    tokenUse: auth.type === 'cognito' ? 'id' : auth.type === 'jwt' ? auth.tokenUse : undefined,
    publicRole: auth.type === 'none' ? auth.role : undefined,
    maxLifeSeconds,
    maxPermissions,
  };
}

export interface Described {
  readonly roles: readonly string[];
  /** `name=value` */
  readonly claims: readonly string[];
}

/** A login token that was just given out ends in an hour. */
const LOGIN_SECONDS = 3_600;

/** Throws `Problem` for a wrong command line. */
export function callerEvent(
  { roles, claims }: Described,
  { authType, tokenUse, policies, publicRole }: RenderSettings,
  nowSeconds: number,
): unknown {
  if (publicRole !== undefined) {
    const other = roles.find((role) => role !== publicRole);
    if (other === undefined && claims.length === 0) return {};
    throw wrongUsage(
      `The endpoint asks nobody who he is: everybody gets the role ${publicRole}, and has no claims.`,
      `npx momento-auth token --as ${publicRole}`,
    );
  }
  if (roles.length === 0) {
    throw wrongUsage(
      'Which role?',
      `npx momento-auth token --as ${Object.keys(policies.roles)[0] ?? 'ROLE'} --claim name=value`,
    );
  }
  const pairs = claims.map(readClaim);
  const twice = pairs.find(
    ([name], index) => pairs.findIndex((other) => other[0] === name) < index,
  );
  if (twice !== undefined) {
    throw wrongUsage(
      `--claim ${twice[0]} is given twice, and a login token has each claim once.`,
      'Give one of them.',
    );
  }
  const given = Object.fromEntries(pairs);
  if (Object.hasOwn(given, policies.roleClaim)) {
    throw wrongUsage(`The claim ${policies.roleClaim} holds the roles.`, 'Give them with --as.');
  }
  if (authType === 'lambda') {
    return {
      requestContext: { authorizer: { lambda: { ...given, [policies.roleClaim]: roles } } },
    };
  }
  const login = {
    exp: `${nowSeconds + LOGIN_SECONDS}`,
    ...(tokenUse !== undefined && { token_use: tokenUse }),
    ...given,
    [policies.roleClaim]: `[${roles.join(' ')}]`,
  };
  return { requestContext: { authorizer: { jwt: { claims: login } } } };
}

function readClaim(word: string): [string, string] {
  const at = word.indexOf('=');
  if (at > 0) return [word.slice(0, at), word.slice(at + 1)];
  throw wrongUsage(
    `--claim ${JSON.stringify(word)} is no name=value.`,
    'Write it as --claim custom:tenantId=acme',
  );
}

export interface ClaimFault {
  readonly claim: string;
  readonly fault: 'missing' | 'not-allowed';
}

/** The claims that these roles need and that are not there, or hold what no name may. */
export function claimFaults(
  { roles, claims }: Described,
  { policies }: RenderSettings,
): readonly ClaimFault[] {
  const given = new Map(claims.map(readClaim));
  const needed = roles
    .flatMap((name) => {
      const role = Object.hasOwn(policies.roles, name) ? policies.roles[name] : undefined;
      return role === undefined ? [] : templatesOf(name, role);
    })
    .flatMap(({ text }) => {
      const template = parseClaimTemplate(text);
      return typeof template === 'string' ? [] : claimsOf(template);
    });
  return [...new Set(needed)].flatMap((claim): ClaimFault[] => {
    const value = given.get(claim);
    if (value === undefined) return [{ claim, fault: 'missing' }];
    return CLAIM_VALUE.test(value) ? [] : [{ claim, fault: 'not-allowed' }];
  });
}
