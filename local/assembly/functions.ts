// The Lambda functions of the template, and how each is invoked asynchronously.

import { isAbsolute, join } from 'node:path';
import * as v from 'valibot';
import type { ResolvedResource, ResolvedTemplate } from './intrinsics.ts';
import { AssemblyError, narrow } from './template.ts';

export interface FunctionDefinition {
  readonly logicalId: string;
  readonly name: string;
  readonly arn: string;
  readonly handler: string;
  readonly runtime: string;
  readonly architecture: 'arm64' | 'x86_64';
  /** @default 3, Lambda's own */
  readonly timeoutSeconds: number;
  /** MiB. @default 128, Lambda's own */
  readonly memoryMb: number;
  readonly environment: Readonly<Record<string, string>>;
  readonly roleArn: string;
  /** The unpacked bundle. Null for code that has none: inline code, or a single packed file. */
  readonly codeDir: string | null;
  readonly logGroupName: string;
  readonly logFormat: 'JSON' | 'Text';
  /** Null where the template leaves it to Lambda (INFO in JSON, everything in text). */
  readonly applicationLogLevel: string | null;
  readonly asyncInvoke: AsyncInvokeSettings;
}

export interface AsyncInvokeSettings {
  /** @default 2, Lambda's own */
  readonly maximumRetryAttempts: number;
  /** @default 21600 (6 hours), Lambda's own */
  readonly maximumEventAgeSeconds: number;
  readonly onFailureArn: string | null;
}

export interface AssetSource {
  readonly directory: string;
  readonly assetPathByObjectKey: ReadonlyMap<string, string>;
}

const functionSchema = v.looseObject({
  Code: v.looseObject({ S3Key: v.optional(v.string()) }),
  Handler: v.string(),
  Runtime: v.string(),
  Architectures: v.optional(v.tuple([v.picklist(['arm64', 'x86_64'])]), ['x86_64']),
  Timeout: v.optional(v.number(), 3),
  MemorySize: v.optional(v.number(), 128),
  Environment: v.optional(
    v.looseObject({ Variables: v.optional(v.record(v.string(), v.string()), {}) }),
    {},
  ),
  Role: v.string(),
  LoggingConfig: v.optional(
    v.looseObject({
      LogGroup: v.optional(v.string()),
      LogFormat: v.optional(v.picklist(['JSON', 'Text']), 'Text'),
      ApplicationLogLevel: v.optional(v.string()),
    }),
    {},
  ),
});

const invokeConfigSchema = v.looseObject({
  FunctionName: v.string(),
  Qualifier: v.string(),
  MaximumRetryAttempts: v.optional(v.number(), 2),
  MaximumEventAgeInSeconds: v.optional(v.number(), 21_600),
  DestinationConfig: v.optional(
    v.looseObject({ OnFailure: v.optional(v.looseObject({ Destination: v.string() })) }),
    {},
  ),
});

export function readFunctions(
  template: ResolvedTemplate,
  assets: AssetSource,
): FunctionDefinition[] {
  const settings = readAsyncInvokeSettings(template);
  return template.resources('AWS::Lambda::Function').map((resource) => {
    const { logicalId, name, arn, properties } = resource;
    const read = narrow(functionSchema, properties, logicalId);
    return {
      logicalId,
      name,
      arn: arn ?? name,
      handler: read.Handler,
      runtime: read.Runtime,
      architecture: read.Architectures[0],
      timeoutSeconds: read.Timeout,
      memoryMb: read.MemorySize,
      environment: read.Environment.Variables,
      roleArn: read.Role,
      codeDir: codeDirectory(resource, read.Code.S3Key, assets),
      logGroupName: read.LoggingConfig.LogGroup ?? `/aws/lambda/${name}`,
      logFormat: read.LoggingConfig.LogFormat,
      applicationLogLevel: read.LoggingConfig.ApplicationLogLevel ?? null,
      asyncInvoke: settings.get(name) ??
        settings.get(arn ?? name) ?? {
          maximumRetryAttempts: 2,
          maximumEventAgeSeconds: 21_600,
          onFailureArn: null,
        },
    };
  });
}

function readAsyncInvokeSettings(template: ResolvedTemplate): Map<string, AsyncInvokeSettings> {
  return new Map(
    template.resources('AWS::Lambda::EventInvokeConfig').map(({ logicalId, properties }) => {
      const read = narrow(invokeConfigSchema, properties, logicalId);
      if (read.Qualifier !== '$LATEST') {
        throw new AssemblyError(
          'unsupported-property',
          `${logicalId}: Qualifier ${read.Qualifier}: versions and aliases are not imitated`,
        );
      }
      return [
        read.FunctionName,
        {
          maximumRetryAttempts: read.MaximumRetryAttempts,
          maximumEventAgeSeconds: read.MaximumEventAgeInSeconds,
          onFailureArn: read.DestinationConfig.OnFailure?.Destination ?? null,
        },
      ];
    }),
  );
}

function codeDirectory(
  { logicalId, metadata }: ResolvedResource,
  objectKey: string | undefined,
  { directory, assetPathByObjectKey }: AssetSource,
): string | null {
  if (objectKey === undefined) return null;
  const staged = metadata['aws:asset:path'];
  const path =
    assetPathByObjectKey.get(objectKey) ??
    (typeof staged === 'string'
      ? isAbsolute(staged)
        ? staged
        : join(directory, staged)
      : undefined);
  if (path === undefined) {
    throw new AssemblyError(
      'malformed',
      `${logicalId}: the assembly has no asset for ${objectKey}`,
    );
  }
  return /\.(zip|jar)$/.test(path) ? null : path;
}
