// The secrets of the template: everything about them but a value, which must not be there.

import * as v from 'valibot';
import type { ResolvedTemplate } from './intrinsics.ts';
import { AssemblyError, narrow } from './template.ts';

export interface SecretDefinition {
  readonly logicalId: string;
  readonly name: string;
  readonly arn: string;
  readonly description: string;
  /** As the template writes it: ARN, id or alias. Null for the key that AWS manages. */
  readonly kmsKeyArn: string | null;
  readonly tags: Readonly<Record<string, string>>;
  readonly replicaRegions: readonly {
    readonly region: string;
    readonly kmsKeyArn: string | null;
  }[];
  /** Delete, Retain … @default Delete, CloudFormation's own */
  readonly deletionPolicy: string;
}

const secretSchema = v.looseObject({
  Description: v.optional(v.string(), ''),
  KmsKeyId: v.optional(v.string()),
  Tags: v.optional(v.array(v.looseObject({ Key: v.string(), Value: v.string() })), []),
  ReplicaRegions: v.optional(
    v.array(v.looseObject({ Region: v.string(), KmsKeyId: v.optional(v.string()) })),
    [],
  ),
});

/** @throws AssemblyError `value-in-template`: a deployment would write over the live key. */
export function readSecrets(template: ResolvedTemplate): SecretDefinition[] {
  return template.resources('AWS::SecretsManager::Secret').map((resource) => {
    const { logicalId, name, arn, properties, deletionPolicy } = resource;
    for (const property of ['SecretString', 'GenerateSecretString']) {
      if (property in properties) {
        throw new AssemblyError(
          'value-in-template',
          `${logicalId}: ${property} is in the template, and a deployment would write over the live key; remove it`,
        );
      }
    }
    const read = narrow(secretSchema, properties, logicalId);
    return {
      logicalId,
      name,
      arn: arn ?? name,
      description: read.Description,
      kmsKeyArn: read.KmsKeyId ?? null,
      tags: Object.fromEntries(read.Tags.map(({ Key, Value }) => [Key, Value])),
      replicaRegions: read.ReplicaRegions.map(({ Region, KmsKeyId }) => ({
        region: Region,
        kmsKeyArn: KmsKeyId ?? null,
      })),
      deletionPolicy: deletionPolicy ?? 'Delete',
    };
  });
}
