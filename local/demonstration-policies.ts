// Which roles there are to log in with, where the template does not name them: another issuer's groups, or an
// adopted pool's, stand in the policies alone.

import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import * as v from 'valibot';

const CdkJson = v.looseObject({ context: v.optional(v.record(v.string(), v.unknown()), {}) });
const Configuration = v.looseObject({
  tokenEndpoint: v.optional(v.looseObject({ policies: v.optional(v.string()) })),
});
const Policies = v.looseObject({
  roleClaim: v.optional(v.string(), 'cognito:groups'),
  roles: v.record(v.string(), v.unknown()),
});

export interface DemonstrationPolicies {
  readonly roles: readonly string[];
  readonly roleClaim: string;
}

/** Empty where there is nothing to read: the synthesis has said so by then. */
export function readDemonstrationPolicies(projectDirectory: string): DemonstrationPolicies {
  try {
    const read = (path: string): unknown =>
      JSON.parse(readFileSync(join(projectDirectory, path), 'utf8'));
    const { context } = v.parse(CdkJson, read('cdk.json'));
    const configured = v.safeParse(Configuration, context.momentoAuth);
    const path = configured.success ? configured.output.tokenEndpoint?.policies : undefined;
    const { roles, roleClaim } = v.parse(Policies, read(path ?? 'token-policies.json'));
    return { roles: Object.keys(roles), roleClaim };
  } catch {
    return { roles: [], roleClaim: 'cognito:groups' };
  }
}
