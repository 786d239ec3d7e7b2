// The environment of the rotate-key function: what the stack tells it, within Lambda's 4 KB.

/** Lambda's limit for all environment variables of a function together, measured as JSON. */
export const environmentLimitBytes = 4_096;

export interface RotateKeyEnvironment {
  /** `arn:PARTITION:secretsmanager:REGION:ACCOUNT:secret:`, before every entry that is no full ARN. */
  readonly secretArnPrefix: string;
  /** In the configured order: a full ARN (adopted), or what comes after the prefix (created). */
  readonly keySecrets: readonly string[];
  readonly scheduleIntervalSeconds: number;
  readonly refreshAtFraction: number;
  /** Rotation's share of the account's auth operations, per second. */
  readonly authRatePerSecond: number;
  /** ARN of the bus, or `default`. */
  readonly eventBus: string;
  readonly metricsNamespace: string;

  /** The tag of the keys to find. @default - none are looked for */
  readonly discoverTag?: { readonly key: string; readonly value: string } | undefined;
}

export function rotateKeyEnvironment(settings: RotateKeyEnvironment): Record<string, string> {
  return {
    SECRET_ARN_PREFIX: settings.secretArnPrefix,
    KEY_SECRETS: settings.keySecrets.join(' '),
    SCHEDULE_INTERVAL_SECONDS: String(settings.scheduleIntervalSeconds),
    REFRESH_AT_FRACTION: String(settings.refreshAtFraction),
    AUTH_RATE_PER_SECOND: String(settings.authRatePerSecond),
    EVENT_BUS: settings.eventBus,
    ...(settings.discoverTag && {
      DISCOVER_TAG_KEY: settings.discoverTag.key,
      DISCOVER_TAG_VALUE: settings.discoverTag.value,
    }),
    POWERTOOLS_SERVICE_NAME: 'rotate-key',
    POWERTOOLS_METRICS_NAMESPACE: settings.metricsNamespace,
    NODE_OPTIONS: '--enable-source-maps',
  };
}

/** The size that Lambda holds against its limit. */
export function environmentBytes(environment: Readonly<Record<string, string>>): number {
  return Buffer.byteLength(JSON.stringify(environment));
}

/** The longest prefix that any Region has: the estimate must hold wherever the stack is deployed. */
export const longestSecretArnPrefix =
  'arn:aws-us-gov:secretsmanager:ap-northeast-99:123456789012:secret:';

/**
 * As many characters as CloudFormation's name for a created secret has, with Secrets Manager's
 * suffix: the logical id (see `KeySecret`), 12 random characters, and 6 more.
 */
export function longestCreatedSecretName(keyName: string): string {
  const logicalId = `ApiKey${keyName}Secret12345678`;
  return `${logicalId}-123456789012-123456`;
}
