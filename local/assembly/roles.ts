// Roles and managed policies: what each role may do, in statements.

import * as v from 'valibot';
import type { ResolvedTemplate } from './intrinsics.ts';
import { type PolicyStatement, readPolicyDocument } from './policy-documents.ts';
import { AssemblyError, narrow } from './template.ts';

export interface RoleDefinition {
  readonly logicalId: string;
  readonly name: string;
  readonly arn: string;
  /** From inline policies, attached policies and managed policies alike. */
  readonly statements: readonly PolicyStatement[];
  /** Who may assume the role. */
  readonly trust: readonly PolicyStatement[];
  /** ARNs of attached managed policies whose content is not known here: they allow nothing locally. */
  readonly unresolved: readonly string[];
}

export interface ManagedPolicyDefinition {
  readonly logicalId: string;
  readonly name: string;
  readonly arn: string;
  readonly description: string;
  readonly statements: readonly PolicyStatement[];
}

// https://docs.aws.amazon.com/aws-managed-policy/latest/reference/AWSLambdaBasicExecutionRole.html
const awsManagedPolicies: Readonly<Record<string, readonly PolicyStatement[]>> = {
  'arn:aws:iam::aws:policy/service-role/AWSLambdaBasicExecutionRole': [
    {
      Effect: 'Allow',
      Action: ['logs:CreateLogGroup', 'logs:CreateLogStream', 'logs:PutLogEvents'],
      Resource: ['*'],
    },
  ],
};

const roleSchema = v.looseObject({
  AssumeRolePolicyDocument: v.unknown(),
  Policies: v.optional(
    v.array(v.looseObject({ PolicyName: v.string(), PolicyDocument: v.unknown() })),
    [],
  ),
  ManagedPolicyArns: v.optional(v.array(v.string()), []),
});

const policySchema = v.looseObject({
  PolicyDocument: v.unknown(),
  RoleName: v.optional(v.string()),
  Roles: v.optional(v.array(v.string()), []),
});

const managedPolicySchema = v.looseObject({
  PolicyDocument: v.unknown(),
  Description: v.optional(v.string(), ''),
});

export function readManagedPolicies(template: ResolvedTemplate): ManagedPolicyDefinition[] {
  return template
    .resources('AWS::IAM::ManagedPolicy')
    .map(({ logicalId, name, arn, properties }) => {
      const read = narrow(managedPolicySchema, properties, logicalId);
      return {
        logicalId,
        name,
        arn: arn ?? name,
        description: read.Description,
        statements: readPolicyDocument(read.PolicyDocument, logicalId),
      };
    });
}

export function readRoles(template: ResolvedTemplate): RoleDefinition[] {
  const attached = ['AWS::IAM::Policy', 'AWS::IAM::RolePolicy', 'AWS::IAM::ManagedPolicy']
    .flatMap((type) => template.resources(type))
    .flatMap(({ logicalId, properties }) => {
      const { PolicyDocument, RoleName, Roles } = narrow(policySchema, properties, logicalId);
      const statements = readPolicyDocument(PolicyDocument, logicalId);
      return [RoleName ?? [], Roles].flat().map((roleName) => ({ roleName, statements }));
    });
  const managed: Readonly<Record<string, readonly PolicyStatement[]>> = {
    ...awsManagedPolicies,
    ...Object.fromEntries(
      readManagedPolicies(template).map(({ arn, statements }) => [arn, statements]),
    ),
  };

  return template.resources('AWS::IAM::Role').map(({ logicalId, name, arn, properties }) => {
    if (properties.PermissionsBoundary !== undefined) {
      throw new AssemblyError(
        'unsupported-property',
        `${logicalId}: PermissionsBoundary is not imitated; the role would be allowed too much`,
      );
    }
    const read = narrow(roleSchema, properties, logicalId);
    return {
      logicalId,
      name,
      arn: arn ?? name,
      statements: [
        ...read.Policies.flatMap(({ PolicyDocument, PolicyName }) =>
          readPolicyDocument(PolicyDocument, `${logicalId}: ${PolicyName}`),
        ),
        ...attached
          .filter(({ roleName }) => roleName === name)
          .flatMap(({ statements }) => statements),
        ...read.ManagedPolicyArns.flatMap((policyArn) => managed[policyArn] ?? []),
      ],
      trust: readPolicyDocument(read.AssumeRolePolicyDocument, logicalId),
      unresolved: read.ManagedPolicyArns.filter((policyArn) => managed[policyArn] === undefined),
    };
  });
}
