// What the stack tells the function, by environment variables. Checked when the function starts.

import * as v from 'valibot';
import { parsePolicies } from '../shared/token-policies.ts';
import type { RenderSettings } from './render.ts';

const wholeUpTo = (most: number) =>
  v.pipe(v.string(), v.digits(), v.transform(Number), v.minValue(1), v.maxValue(most));

const Environment = v.object({
  VENDING_SECRET_ARN: v.pipe(v.string(), v.startsWith('arn:')),
  AUTH_TYPE: v.picklist(['cognito', 'jwt', 'lambda', 'none']),
  TOKEN_USE: v.optional(v.string()),
  PUBLIC_ROLE: v.optional(v.string()),
  // Momento's own limits (2026).
  MAX_LIFE_SECONDS: wholeUpTo(90_000),
  MAX_PERMISSIONS: wholeUpTo(20),
  MINT_RATE_PER_SECOND: v.pipe(v.string(), v.transform(Number), v.finite(), v.gtValue(0)),
  SHARING_TABLE: v.optional(v.pipe(v.string(), v.nonEmpty())),
  SHARE_WHILE_LIFE_LEFT: v.optional(
    v.pipe(v.string(), v.transform(Number), v.minValue(0.1), v.maxValue(0.9)),
    '0.5',
  ),
});

export interface Settings extends RenderSettings {
  readonly vendingSecretArn: string;
  /** Vending's part of the account's auth operations. */
  readonly mintRatePerSecond: number;
  /** Undefined: every caller gets a token of his own. */
  readonly sharing:
    | {
        readonly tableName: string;
        /** The part of its life that a token must have left to be handed to one more. */
        readonly whileLifeLeft: number;
      }
    | undefined;
}

/** Throws with the variable's name, or what is wrong with the policies: such a function must not start. */
export function readSettings(environment: NodeJS.ProcessEnv, policies: unknown): Settings {
  const parsed = v.safeParse(Environment, environment);
  if (!parsed.success) {
    const [issue] = parsed.issues;
    throw new Error(
      `The environment variable ${v.getDotPath(issue) ?? '?'} is wrong: ${issue.message}. Redeploy the stack.`,
    );
  }
  const { AUTH_TYPE, TOKEN_USE, PUBLIC_ROLE, MAX_LIFE_SECONDS, MAX_PERMISSIONS } = parsed.output;
  // Fail closed: a role for everybody belongs to one mode only, and a mode without one to none.
  if ((AUTH_TYPE === 'none') !== (PUBLIC_ROLE !== undefined)) {
    throw new Error('PUBLIC_ROLE and AUTH_TYPE=none belong together. Redeploy the stack.');
  }
  if (AUTH_TYPE === 'cognito' && TOKEN_USE !== 'id') {
    throw new Error('AUTH_TYPE=cognito takes ID tokens only: TOKEN_USE must be id. Redeploy.');
  }
  const checked = parsePolicies(policies, {
    maxLifeSeconds: MAX_LIFE_SECONDS,
    maxPermissions: MAX_PERMISSIONS,
    // Which attributes are declared was checked at synthesis; a missing one is refused at each call.
    claims: AUTH_TYPE === 'none' ? 'none' : 'any',
  });
  if (PUBLIC_ROLE !== undefined && !Object.hasOwn(checked.roles, PUBLIC_ROLE)) {
    throw new Error('PUBLIC_ROLE names no role of the policies. Redeploy the stack.');
  }
  const { SHARING_TABLE: tableName, SHARE_WHILE_LIFE_LEFT: whileLifeLeft } = parsed.output;
  return {
    vendingSecretArn: parsed.output.VENDING_SECRET_ARN,
    mintRatePerSecond: parsed.output.MINT_RATE_PER_SECOND,
    sharing: tableName === undefined ? undefined : { tableName, whileLifeLeft },
    policies: checked,
    authType: AUTH_TYPE,
    tokenUse: TOKEN_USE,
    publicRole: PUBLIC_ROLE,
    maxLifeSeconds: MAX_LIFE_SECONDS,
    maxPermissions: MAX_PERMISSIONS,
  };
}
