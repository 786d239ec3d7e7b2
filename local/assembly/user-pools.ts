// The Cognito user pools of the template, with the clients and groups of each.

import * as v from 'valibot';
import type { ResolvedTemplate } from './intrinsics.ts';
import { narrow } from './template.ts';

export interface UserPoolDefinition {
  readonly logicalId: string;
  /** `us-east-1_AbCdEfGhI` */
  readonly id: string;
  readonly arn: string;
  /** What its tokens carry as `iss`. */
  readonly issuer: string;
  /** As claims name them: `custom:tenantId`. */
  readonly customAttributes: readonly string[];
  /** Whether strangers may make an account. @default true, Cognito's own */
  readonly selfSignUp: boolean;
  readonly deletionProtection: boolean;
  /** Delete, Retain … @default Delete, CloudFormation's own */
  readonly deletionPolicy: string;
  readonly clients: readonly UserPoolClientDefinition[];
  readonly groups: readonly string[];
}

export interface UserPoolClientDefinition {
  readonly logicalId: string;
  readonly id: string;
  /** What a user may write about himself. Null, as an empty list, is every attribute: Cognito's own. */
  readonly writeAttributes: readonly string[] | null;
  /** Null is every attribute. */
  readonly readAttributes: readonly string[] | null;
  readonly explicitAuthFlows: readonly string[];
}

const poolSchema = v.looseObject({
  Schema: v.optional(v.array(v.looseObject({ Name: v.optional(v.string()) })), []),
  AdminCreateUserConfig: v.optional(
    v.looseObject({ AllowAdminCreateUserOnly: v.optional(v.boolean(), false) }),
    {},
  ),
  DeletionProtection: v.optional(v.string(), 'INACTIVE'),
});

const clientSchema = v.looseObject({
  UserPoolId: v.string(),
  WriteAttributes: v.optional(v.array(v.string()), []),
  ReadAttributes: v.optional(v.array(v.string()), []),
  ExplicitAuthFlows: v.optional(v.array(v.string()), []),
});

const groupSchema = v.looseObject({ UserPoolId: v.string() });

// https://docs.aws.amazon.com/cognito/latest/developerguide/user-pool-settings-attributes.html
const standardAttributes = new Set(
  (
    'address birthdate email email_verified family_name gender given_name locale middle_name name ' +
    'nickname phone_number phone_number_verified picture preferred_username profile sub updated_at ' +
    'website zoneinfo'
  ).split(' '),
);

export function readUserPools(template: ResolvedTemplate): UserPoolDefinition[] {
  const clients = template.resources('AWS::Cognito::UserPoolClient').map((resource) => {
    const { logicalId, ref, properties } = resource;
    const read = narrow(clientSchema, properties, logicalId);
    const client: UserPoolClientDefinition = {
      logicalId,
      id: ref,
      writeAttributes: nullWhenEmpty(read.WriteAttributes),
      readAttributes: nullWhenEmpty(read.ReadAttributes),
      explicitAuthFlows: read.ExplicitAuthFlows,
    };
    return { poolId: read.UserPoolId, client };
  });
  const groups = template
    .resources('AWS::Cognito::UserPoolGroup')
    .map(({ logicalId, name, properties }) => ({
      poolId: narrow(groupSchema, properties, logicalId).UserPoolId,
      name,
    }));

  return template.resources('AWS::Cognito::UserPool').map((resource) => {
    const { logicalId, ref, arn, attributes, properties, deletionPolicy } = resource;
    const read = narrow(poolSchema, properties, logicalId);
    return {
      logicalId,
      id: ref,
      arn: arn ?? ref,
      issuer: attributes.ProviderURL ?? '',
      customAttributes: read.Schema.flatMap(({ Name }) =>
        Name === undefined || standardAttributes.has(Name) ? [] : `custom:${Name}`,
      ),
      selfSignUp: !read.AdminCreateUserConfig.AllowAdminCreateUserOnly,
      deletionProtection: read.DeletionProtection === 'ACTIVE',
      deletionPolicy: deletionPolicy ?? 'Delete',
      clients: clients.filter(({ poolId }) => poolId === ref).map(({ client }) => client),
      groups: groups.filter(({ poolId }) => poolId === ref).map(({ name }) => name),
    };
  });
}

const nullWhenEmpty = (names: readonly string[]): readonly string[] | null =>
  names.length === 0 ? null : names;
