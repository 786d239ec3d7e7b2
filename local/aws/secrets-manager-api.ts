// Secrets Manager on the wire: shapes of the inputs, and the permissions that each call needs.

import * as v from 'valibot';
import { invalidRequest } from './aws-error.ts';
import type { RequestContext } from './iam.ts';
import type { KeyAccess } from './kms.ts';
import type { SecretsManager } from './secrets-manager.ts';
import { blob, type Caller, type Demand, operation, type Service } from './service.ts';

const text = v.optional(v.string());
const secretId = v.string();
const tags = v.array(v.object({ Key: v.string(), Value: text }));
const page = { MaxResults: v.optional(v.number()), NextToken: text };
const value = { SecretString: text, SecretBinary: v.optional(blob), ClientRequestToken: text };

export function secretsManagerService(secrets: SecretsManager): Service {
  const on =
    (name: string) =>
    (input: { SecretId: string }, context: RequestContext = {}): readonly Demand[] => [
      demandOn(secrets, name, input.SecretId, context),
    ];
  const keyAccess = (caller: Caller): KeyAccess => ({
    mayUseKey: (action, keyArn) =>
      caller.allows({
        action,
        resource: keyArn,
        context: { 'kms:ViaService': `secretsmanager.${secrets.region}.amazonaws.com` },
      }),
  });

  return {
    target: 'secretsmanager',
    signingName: 'secretsmanager',
    jsonVersion: '1.1',
    operations: {
      CreateSecret: operation(
        v.object({
          Name: v.string(),
          ...value,
          Description: text,
          KmsKeyId: text,
          Tags: v.optional(tags),
        }),
        {
          demands: (input) => [
            {
              action: 'secretsmanager:CreateSecret',
              resource: secrets.arnOf(input.Name),
              shownAs: input.Name,
              context: { 'secretsmanager:Name': input.Name, ...requestTags(input.Tags) },
            },
          ],
          perform: (input, caller) => {
            requireToken(input);
            return secrets.createSecret(input, keyAccess(caller));
          },
        },
      ),
      GetSecretValue: operation(
        v.object({ SecretId: secretId, VersionId: text, VersionStage: text }),
        {
          demands: (input) =>
            on('GetSecretValue')(input, {
              'secretsmanager:VersionId': input.VersionId,
              'secretsmanager:VersionStage': input.VersionStage,
            }),
          perform: (input, caller) => secrets.getSecretValue(input, keyAccess(caller)),
        },
      ),
      PutSecretValue: operation(
        v.object({ SecretId: secretId, ...value, VersionStages: v.optional(v.array(v.string())) }),
        {
          demands: (input) => on('PutSecretValue')(input),
          perform: (input, caller) => {
            requireToken(input);
            return secrets.putSecretValue(input, keyAccess(caller));
          },
        },
      ),
      UpdateSecretVersionStage: operation(
        v.object({
          SecretId: secretId,
          VersionStage: v.string(),
          MoveToVersionId: text,
          RemoveFromVersionId: text,
        }),
        {
          demands: (input) =>
            on('UpdateSecretVersionStage')(input, {
              'secretsmanager:VersionStage': input.VersionStage,
            }),
          perform: (input) => secrets.updateSecretVersionStage(input),
        },
      ),
      UpdateSecret: operation(
        v.object({ SecretId: secretId, ...value, Description: text, KmsKeyId: text }),
        {
          demands: (input) => on('UpdateSecret')(input),
          perform: (input, caller) => {
            requireToken(input);
            return secrets.updateSecret(input, keyAccess(caller));
          },
        },
      ),
      DescribeSecret: operation(v.object({ SecretId: secretId }), {
        demands: (input) => on('DescribeSecret')(input),
        perform: (input) => secrets.describeSecret(input),
      }),
      ListSecretVersionIds: operation(
        v.object({ SecretId: secretId, IncludeDeprecated: v.optional(v.boolean()), ...page }),
        {
          demands: (input) => on('ListSecretVersionIds')(input),
          perform: (input) => secrets.listSecretVersionIds(input),
        },
      ),
      ListSecrets: operation(
        v.object({
          ...page,
          IncludePlannedDeletion: v.optional(v.boolean()),
          SortOrder: v.optional(v.picklist(['asc', 'desc'])),
          Filters: v.optional(
            v.array(
              v.object({
                Key: v.picklist([
                  'name',
                  'description',
                  'tag-key',
                  'tag-value',
                  'primary-region',
                  'owning-service',
                  'all',
                ]),
                Values: v.array(v.string()),
              }),
            ),
          ),
        }),
        {
          // No resource: only a policy on `*` allows it.
          demands: () => [{ action: 'secretsmanager:ListSecrets', resource: '*' }],
          perform: (input) => secrets.listSecrets(input),
        },
      ),
      DeleteSecret: operation(
        v.object({
          SecretId: secretId,
          RecoveryWindowInDays: v.optional(v.pipe(v.number(), v.integer())),
          ForceDeleteWithoutRecovery: v.optional(v.boolean()),
        }),
        {
          demands: (input) =>
            on('DeleteSecret')(input, {
              'secretsmanager:RecoveryWindowInDays': input.RecoveryWindowInDays?.toString(),
              'secretsmanager:ForceDeleteWithoutRecovery':
                input.ForceDeleteWithoutRecovery?.toString(),
            }),
          perform: (input) => secrets.deleteSecret(input),
        },
      ),
      RestoreSecret: operation(v.object({ SecretId: secretId }), {
        demands: (input) => on('RestoreSecret')(input),
        perform: (input) => secrets.restoreSecret(input),
      }),
      TagResource: operation(v.object({ SecretId: secretId, Tags: tags }), {
        demands: (input) => on('TagResource')(input, requestTags(input.Tags)),
        perform: (input) => secrets.tagResource(input),
      }),
      UntagResource: operation(v.object({ SecretId: secretId, TagKeys: v.array(v.string()) }), {
        demands: (input) => on('UntagResource')(input, { 'aws:TagKeys': input.TagKeys }),
        perform: (input) => secrets.untagResource(input),
      }),
    },
  };
}

function demandOn(
  secrets: SecretsManager,
  operationName: string,
  secretId: string,
  context: RequestContext,
): Demand {
  const secret = secrets.resource(secretId);
  const resourceTags: Record<string, string> = {};
  for (const [key, value] of secret?.tags ?? []) {
    resourceTags[`aws:ResourceTag/${key}`] = value;
    resourceTags[`secretsmanager:ResourceTag/${key}`] = value;
  }
  return {
    action: `secretsmanager:${operationName}`,
    resource: secret?.arn ?? secrets.arnOf(secretId),
    shownAs: secret?.arn ?? secretId,
    context: { ...context, ...resourceTags, 'secretsmanager:SecretId': secret?.arn ?? secretId },
  };
}

function requestTags(
  given: readonly { Key: string; Value?: string | undefined }[] = [],
): RequestContext {
  return {
    ...Object.fromEntries(given.map(({ Key, Value }) => [`aws:RequestTag/${Key}`, Value ?? ''])),
    'aws:TagKeys': given.length === 0 ? undefined : given.map(({ Key }) => Key),
  };
}

/** The SDK and `aws` always send one; on the bare API it is not optional once there is a value. */
function requireToken(input: {
  ClientRequestToken?: string | undefined;
  SecretString?: string | undefined;
  SecretBinary?: Uint8Array | undefined;
}): void {
  const hasValue = input.SecretString !== undefined || input.SecretBinary !== undefined;
  if (hasValue && input.ClientRequestToken === undefined) {
    throw invalidRequest(
      'You must provide a ClientRequestToken value. We recommend a UUID-type value.',
    );
  }
}
