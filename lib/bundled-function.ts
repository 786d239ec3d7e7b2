// A function of this repository: its bundle, a role with exact grants, and a log group of its own.
import { fileURLToPath } from 'node:url';
import { PolicyStatement, Role, ServicePrincipal } from 'aws-cdk-lib/aws-iam';
import {
  Architecture,
  Code,
  type FunctionOptions,
  Function as LambdaFunction,
  LoggingFormat,
  Runtime,
} from 'aws-cdk-lib/aws-lambda';
import { LogGroup, RetentionDays } from 'aws-cdk-lib/aws-logs';
import { AssetHashType, DockerImage, RemovalPolicy } from 'aws-cdk-lib/core';
import type { Construct } from 'constructs';
import { buildSync } from 'esbuild';

type AsyncInvocation = Pick<FunctionOptions, 'retryAttempts' | 'maxEventAge' | 'onFailure'>;

export interface BundledFunctionProps extends AsyncInvocation {
  readonly description: string;
  readonly roleDescription: string;
  /** The handler's file, from the top of the repository, as `lambda/rotate-key/handler.ts`. */
  readonly entry: string;
  /** What the function may do, besides writing its logs. */
  readonly statements: readonly PolicyStatement[];
  readonly environment: Readonly<Record<string, string>>;
  readonly memorySize: number;
  readonly timeout: NonNullable<FunctionOptions['timeout']>;

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
): LambdaFunction {
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
  return new LambdaFunction(scope, 'Function', {
    ...props,
    environment: { ...environment },
    code: bundled(entry, alias),
    handler: 'index.handler',
    runtime: Runtime.NODEJS_24_X,
    architecture: Architecture.ARM_64,
    role,
    logGroup,
    loggingFormat: LoggingFormat.JSON,
  });
}

/** By esbuild itself: what CDK has for this starts npm for each function, which takes longer than to bundle it. */
function bundled(entry: string, alias: Readonly<Record<string, string>>): Code {
  return Code.fromAsset(inRepository('.'), {
    assetHashType: AssetHashType.OUTPUT,
    bundling: {
      // CDK takes two bundles for one where this is the same.
      command: [entry, JSON.stringify(alias)],
      // Not asked for: `local` does it.
      image: DockerImage.fromRegistry('none'),
      local: {
        tryBundle: (directory) => {
          bundle(entry, alias, `${directory}/index.mjs`);
          return true;
        },
      },
    },
  });
}

function bundle(entry: string, alias: Readonly<Record<string, string>>, outfile: string): void {
  buildSync({
    absWorkingDir: inRepository('.'),
    entryPoints: [inRepository(entry)],
    outfile,
    alias: { ...alias },
    // All of it, the AWS SDK too: that of the runtime changes under a function's feet.
    bundle: true,
    platform: 'node',
    format: 'esm',
    // Below the runtime's own version: the local stack runs the same bundle on Node 20.
    target: 'node20',
    minify: true,
    sourcemap: true,
    sourcesContent: false,
    mainFields: ['module', 'main'],
    // The Momento SDK and grpc-js are CommonJS: in an ES module their `require` must be made.
    banner: {
      js: 'import{createRequire as makeRequire}from"node:module";const require=makeRequire(import.meta.url);',
    },
    logLevel: 'warning',
  });
}

function inRepository(path: string): string {
  return fileURLToPath(new URL(`../${path}`, import.meta.url));
}
