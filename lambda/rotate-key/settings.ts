// What the stack tells the function, by environment variables. Checked when the function starts.

import * as v from 'valibot';
import type { SecretTag } from '../shared/secret-versions.ts';

const PositiveNumber = v.pipe(v.string(), v.transform(Number), v.finite(), v.gtValue(0));

const Environment = v.object({
  SECRET_ARN_PREFIX: v.string(),
  KEY_SECRETS: v.string(),
  SCHEDULE_INTERVAL_SECONDS: PositiveNumber,
  REFRESH_AT_FRACTION: v.pipe(PositiveNumber, v.ltValue(1)),
  AUTH_RATE_PER_SECOND: PositiveNumber,
  EVENT_BUS: v.pipe(v.string(), v.nonEmpty()),
  DISCOVER_TAG_KEY: v.optional(v.pipe(v.string(), v.nonEmpty())),
  DISCOVER_TAG_VALUE: v.optional(v.string(), ''),
});

export interface Settings {
  /** The secrets of all configured keys, by ARN, in the configured order. */
  readonly secretIds: readonly string[];
  readonly scheduleIntervalSeconds: number;
  /** A key is renewed when this part of its life is left. */
  readonly refreshAtFraction: number;
  /** Rotation's part of the account's auth operations per second. */
  readonly authRatePerSecond: number;
  /** Name or ARN of the event bus. */
  readonly eventBus: string;
  /** Secrets with exactly this tag hold keys too. Undefined: none are looked for. */
  readonly discoverTag?: SecretTag;
}

/** Throws with the variable's name: a function that is set up wrongly must not start. */
export function readSettings(environment: NodeJS.ProcessEnv): Settings {
  const parsed = v.safeParse(Environment, environment);
  if (!parsed.success) {
    const [issue] = parsed.issues;
    throw new Error(
      `The environment variable ${v.getDotPath(issue) ?? '?'} is wrong: ${issue.message}. Redeploy the stack.`,
    );
  }
  const { SECRET_ARN_PREFIX, KEY_SECRETS, DISCOVER_TAG_KEY, DISCOVER_TAG_VALUE, ...numbers } =
    parsed.output;
  return {
    // Created secrets come without their common prefix: Lambda allows 4 KB of environment in all.
    secretIds: KEY_SECRETS.split(' ')
      .filter((entry) => entry !== '')
      .map((entry) => (entry.startsWith('arn:') ? entry : SECRET_ARN_PREFIX + entry)),
    scheduleIntervalSeconds: numbers.SCHEDULE_INTERVAL_SECONDS,
    refreshAtFraction: numbers.REFRESH_AT_FRACTION,
    authRatePerSecond: numbers.AUTH_RATE_PER_SECOND,
    eventBus: numbers.EVENT_BUS,
    ...(DISCOVER_TAG_KEY !== undefined && {
      discoverTag: { key: DISCOVER_TAG_KEY, value: DISCOVER_TAG_VALUE },
    }),
  };
}
