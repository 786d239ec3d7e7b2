// A function of this repository: its bundle, a role with exact grants, and a log group of its own.
import { fileURLToPath } from 'node:url';
import { RemovalPolicy } from 'aws-cdk-lib/core';
import { PolicyStatement, Role, ServicePrincipal } from 'aws-cdk-lib/aws-iam';
import { Architecture, LoggingFormat, Runtime } from 'aws-cdk-lib/aws-lambda';
import {
  type BundlingOptions,
  LogLevel,
  NodejsFunction,
  type NodejsFunctionProps,
  OutputFormat,
} from 'aws-cdk-lib/aws-lambda-nodejs';
import { LogGroup, RetentionDays } from 'aws-cdk-lib/aws-logs';
import type { Construct } from 'constructs';

type AsyncInvocation = Pick<NodejsFunctionProps, 'retryAttempts' | 'maxEventAge' | 'onFailure'>;

export interface BundledFunctionProps extends AsyncInvocation {
  readonly description: string;
  readonly roleDescription: string;
  /** The handler's file, from the top of the repository, as `lambda/rotate-key/handler.ts`. */
  readonly entry: string;
  /** What the function may do, besides writing its logs. */
  readonly statements: readonly PolicyStatement[];
  readonly environment: Readonly<Record<string, string>>;
  readonly memorySize: number;
  readonly timeout: NonNullable<NodejsFunctionProps['timeout']>;

  /**
   * Packages to take from elsewhere: specifier to absolute path.
   *
   * @default - none
   */
  readonly alias?: Readonly<Record<string, string>>;
}

/** Adds `Logs`, `Role` and `Function` to the scope. */
export function addBundledFunction(
  scope: Construct,
  { entry, roleDescription, statements, environment, alias = {}, ...props }: BundledFunctionProps,
): NodejsFunction {
  const logGroup = new LogGroup(scope, 'Logs', {
    retention: RetentionDays.THREE_MONTHS,
    removalPolicy: RemovalPolicy.DESTROY,
  });
  const role = new Role(scope, 'Role', {
    description: roleDescription,
    assumedBy: new ServicePrincipal('lambda.amazonaws.com'),
  });
  const writeLogs = new PolicyStatement({
    actions: ['logs:CreateLogStream', 'logs:PutLogEvents'],
    resources: [logGroup.logGroupArn],
  });
  for (const statement of [...statements, writeLogs]) role.addToPolicy(statement);
  return new NodejsFunction(scope, 'Function', {
    ...props,
    environment: { ...environment },
    entry: inRepository(entry),
    projectRoot: inRepository('.'),
    depsLockFilePath: inRepository('package-lock.json'),
    runtime: Runtime.NODEJS_24_X,
    architecture: Architecture.ARM_64,
    role,
    logGroup,
    loggingFormat: LoggingFormat.JSON,
    awsSdkConnectionReuse: false,
    bundling: bundling(alias),
  });
}

function bundling(alias: Readonly<Record<string, string>>): BundlingOptions {
  return {
    logLevel: LogLevel.WARNING,
    format: OutputFormat.ESM,
    // Below the runtime's own version: the local stack runs the same bundle on Node 20.
    target: 'node20',
    minify: true,
    sourceMap: true,
    sourcesContent: false,
    mainFields: ['module', 'main'],
    // The SDK of the runtime changes under a function's feet; the bundle brings its own.
    bundleAwsSDK: true,
    externalModules: [],
    // The Momento SDK and grpc-js are CommonJS: in an ES module their `require` must be made.
    banner:
      'import{createRequire as makeRequire}from"node:module";const require=makeRequire(import.meta.url);',
    // No shell stands between CDK and esbuild: a path may have blanks in it.
    esbuildArgs: Object.fromEntries(
      Object.entries(alias).map(([specifier, path]) => [`--alias:${specifier}`, path]),
    ),
  };
}

function inRepository(path: string): string {
  return fileURLToPath(new URL(`../${path}`, import.meta.url));
}
