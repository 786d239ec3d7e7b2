// Lambda's GetFunctionConfiguration, described as one route for whoever owns the HTTP server.
// Source: https://docs.aws.amazon.com/lambda/latest/api/API_GetFunctionConfiguration.html

import type { FunctionDefinition } from '../assembly/functions.ts';
import { functionArn, type InvokeRoute } from './invoke-api.ts';

export interface ConfigurationApiOptions {
  readonly accountId: string;
  readonly region: string;
  readonly functions: readonly ConfiguredFunction[];
  /** Epoch milliseconds: the deployment. */
  readonly modifiedAtMs: number;
}

export interface ConfiguredFunction {
  readonly definition: FunctionDefinition;
  /** As the function sees it, without what is this machine's alone. */
  readonly environment: Readonly<Record<string, string>>;
}

export type ConfigurationRoute = Omit<InvokeRoute, 'method'> & { readonly method: 'GET' };

export function configurationRoute(options: ConfigurationApiOptions): ConfigurationRoute {
  const arnOf = (match: RegExpMatchArray) => functionArn(match[1] ?? '', options);
  return {
    method: 'GET',
    pattern: /^\/2015-03-31\/functions\/([^/]+)\/configuration$/,
    authorize: (match) => ({ action: 'lambda:GetFunctionConfiguration', resource: arnOf(match) }),
    handle: async (match) => {
      const arn = arnOf(match);
      const found = options.functions.find(({ definition }) => definition.arn === arn);
      const headers = { 'content-type': 'application/json' };
      if (found === undefined) {
        const message = `Function not found: ${arn}`;
        return {
          status: 404,
          headers: { ...headers, 'x-amzn-errortype': 'ResourceNotFoundException' },
          body: JSON.stringify({ Type: 'User', Message: message, message }),
        };
      }
      return { status: 200, headers, body: JSON.stringify(shown(found, options.modifiedAtMs)) };
    },
  };
}

function shown({ definition, environment }: ConfiguredFunction, modifiedAtMs: number) {
  return {
    FunctionName: definition.name,
    FunctionArn: definition.arn,
    Runtime: definition.runtime,
    Role: definition.roleArn,
    Handler: definition.handler,
    Timeout: definition.timeoutSeconds,
    MemorySize: definition.memoryMb,
    Architectures: [definition.architecture],
    LastModified: new Date(modifiedAtMs).toISOString().replace('Z', '+0000'),
    Version: '$LATEST',
    State: 'Active',
    LastUpdateStatus: 'Successful',
    PackageType: 'Zip',
    Environment: { Variables: environment },
    LoggingConfig: {
      LogGroup: definition.logGroupName,
      LogFormat: definition.logFormat,
      ...(definition.applicationLogLevel !== null && {
        ApplicationLogLevel: definition.applicationLogLevel,
      }),
    },
  };
}
