// The environment of a function's process: what Lambda sets, what the template says, and nothing else.

export interface Credentials {
  readonly accessKeyId: string;
  readonly secretAccessKey: string;
  readonly sessionToken?: string;
}

export interface EnvironmentSource {
  readonly definition: {
    readonly name: string;
    readonly handler: string;
    readonly runtime: string;
    readonly memoryMb: number;
    readonly codeDir: string | null;
    readonly logGroupName: string;
    readonly logFormat: 'JSON' | 'Text';
    readonly applicationLogLevel: string | null;
    readonly environment: Readonly<Record<string, string>>;
  };
  readonly region: string;
  readonly credentials: Credentials;
  /** What only the local stack sets, such as AWS_ENDPOINT_URL. */
  readonly extraEnvironment: Readonly<Record<string, string>>;
}

/**
 * Lambda's defined variables, of which it reserves most.
 * Source: https://docs.aws.amazon.com/lambda/latest/dg/configuration-envvars.html
 *
 * @throws Error where the template sets a reserved one, as Lambda refuses the deployment then.
 */
export function environmentVariables(source: EnvironmentSource): Record<string, string> {
  const { definition, region, credentials } = source;
  const reserved: Record<string, string> = {
    _HANDLER: definition.handler,
    AWS_REGION: region,
    AWS_DEFAULT_REGION: region,
    AWS_EXECUTION_ENV: `AWS_Lambda_${definition.runtime}`,
    AWS_LAMBDA_FUNCTION_NAME: definition.name,
    AWS_LAMBDA_FUNCTION_MEMORY_SIZE: String(definition.memoryMb),
    AWS_LAMBDA_FUNCTION_VERSION: '$LATEST',
    AWS_LAMBDA_INITIALIZATION_TYPE: 'on-demand',
    AWS_LAMBDA_LOG_GROUP_NAME: definition.logGroupName,
    AWS_ACCESS_KEY_ID: credentials.accessKeyId,
    AWS_SECRET_ACCESS_KEY: credentials.secretAccessKey,
    ...(credentials.sessionToken === undefined
      ? {}
      : { AWS_SESSION_TOKEN: credentials.sessionToken }),
    LAMBDA_TASK_ROOT: definition.codeDir ?? '',
  };
  const taken = Object.keys(definition.environment).filter((key) => key in reserved);
  if (taken.length > 0) {
    throw new Error(
      `${definition.name}: the template sets ${taken.join(', ')}, which Lambda reserves and refuses`,
    );
  }
  return {
    TZ: ':UTC',
    LANG: 'en_US.UTF-8',
    PATH: '/usr/local/bin:/usr/bin:/bin',
    ...(definition.logFormat === 'JSON' ? { AWS_LAMBDA_LOG_FORMAT: 'JSON' } : {}),
    ...(definition.applicationLogLevel === null
      ? {}
      : { AWS_LAMBDA_LOG_LEVEL: definition.applicationLogLevel }),
    ...definition.environment,
    ...reserved,
    ...source.extraEnvironment,
  };
}
