// Physical names, ARNs and attributes as CloudFormation would give them, but the same at every start.

import { createHash } from 'node:crypto';
import { AssemblyError } from './template.ts';

/** Where the template is pretended to be deployed. */
export interface Deployment {
  readonly accountId: string;
  readonly region: string;
  readonly stackName: string;
  /** Queue URLs are `<queueBaseUrl>/<account>/<queue name>`; no slash at the end. */
  readonly queueBaseUrl: string;
}

/** A resource of the template; `property` gives a property that holds text, resolved. */
export interface NamedResource {
  readonly logicalId: string;
  readonly type: string;
  readonly property: (name: string) => string | undefined;
}

export interface PhysicalResource {
  readonly name: string;
  readonly ref: string;
  /** Undefined for a type that this file does not know. */
  readonly arn?: string;
  readonly attributes: Readonly<Record<string, string>>;
}

interface Kind {
  /** The property that sets the name; without it, or when it is absent, the name is generated. */
  readonly nameProperty?: string;
  readonly maxNameLength?: number;
  readonly generatedName?: (names: NameSource) => string;
  readonly describe: (
    name: string,
    resource: NamedResource,
    arn: (service: string, resourcePart: string) => string,
    deployment: Deployment,
  ) => Omit<PhysicalResource, 'name'>;
}

const kinds: Readonly<Record<string, Kind>> = {
  'AWS::SecretsManager::Secret': {
    nameProperty: 'Name',
    generatedName: ({ logicalId, hash }) => `${logicalId}-${hash(12)}`,
    describe: (name, _resource, arn, deployment) => {
      const suffix = base62(`secret-arn:${identity(deployment)}:${name}`, 6);
      const secretArn = arn('secretsmanager', `secret:${name}-${suffix}`);
      return { ref: secretArn, arn: secretArn, attributes: { Id: secretArn } };
    },
  },
  'AWS::Lambda::Function': {
    nameProperty: 'FunctionName',
    maxNameLength: 64,
    describe: (name, _resource, arn) => withArn(name, arn('lambda', `function:${name}`)),
  },
  'AWS::IAM::Role': {
    nameProperty: 'RoleName',
    maxNameLength: 64,
    describe: (name, resource, _arn, deployment) => {
      const roleId = `AROA${base32(`role-id:${identity(deployment)}:${name}`, 17)}`;
      return withArn(name, iamArn('role', name, resource, deployment), { RoleId: roleId });
    },
  },
  'AWS::IAM::ManagedPolicy': {
    nameProperty: 'ManagedPolicyName',
    maxNameLength: 128,
    describe: (name, resource, _arn, deployment) => {
      const policyArn = iamArn('policy', name, resource, deployment);
      return { ref: policyArn, arn: policyArn, attributes: { PolicyArn: policyArn } };
    },
  },
  'AWS::SQS::Queue': {
    nameProperty: 'QueueName',
    maxNameLength: 80,
    describe: (name, _resource, arn, { queueBaseUrl, accountId }) => {
      const queueUrl = `${queueBaseUrl}/${accountId}/${name}`;
      return withArn(queueUrl, arn('sqs', name), { QueueName: name, QueueUrl: queueUrl });
    },
  },
  'AWS::Events::Rule': {
    nameProperty: 'Name',
    maxNameLength: 64,
    describe: (name, resource, arn) => {
      const bus = busNameOf(resource.property('EventBusName'));
      return bus === 'default'
        ? withArn(name, arn('events', `rule/${name}`))
        : withArn(`${bus}|${name}`, arn('events', `rule/${bus}/${name}`));
    },
  },
  'AWS::Events::EventBus': {
    nameProperty: 'Name',
    describe: (name, _resource, arn) =>
      withArn(name, arn('events', `event-bus/${name}`), { Name: name }),
  },
  'AWS::Logs::LogGroup': {
    nameProperty: 'LogGroupName',
    maxNameLength: 512,
    describe: (name, _resource, arn) => withArn(name, arn('logs', `log-group:${name}:*`)),
  },
  'AWS::KMS::Key': {
    generatedName: ({ hash }) => uuidFrom(hash),
    describe: (name, _resource, arn) => withArn(name, arn('kms', `key/${name}`), { KeyId: name }),
  },
  'AWS::SNS::Topic': {
    nameProperty: 'TopicName',
    maxNameLength: 256,
    describe: (name, _resource, arn) => {
      const topicArn = arn('sns', name);
      return { ref: topicArn, arn: topicArn, attributes: { TopicArn: topicArn, TopicName: name } };
    },
  },
  'AWS::CloudWatch::Alarm': {
    nameProperty: 'AlarmName',
    maxNameLength: 255,
    describe: (name, _resource, arn) => withArn(name, arn('cloudwatch', `alarm:${name}`)),
  },
  'AWS::DynamoDB::Table': {
    nameProperty: 'TableName',
    describe: (name, _resource, arn) => withArn(name, arn('dynamodb', `table/${name}`)),
  },
  'AWS::ApiGatewayV2::Api': {
    generatedName: ({ lowerCaseHash }) => lowerCaseHash(10),
    describe: (name, _resource, _arn, { region }) => ({
      ref: name,
      attributes: {
        ApiId: name,
        ApiEndpoint: `https://${name}.execute-api.${region}.amazonaws.com`,
      },
    }),
  },
  'AWS::ApiGatewayV2::Route': {
    generatedName: ({ lowerCaseHash }) => lowerCaseHash(7),
    describe: (name) => ({ ref: name, attributes: { RouteId: name } }),
  },
  'AWS::ApiGatewayV2::Integration': {
    generatedName: ({ lowerCaseHash }) => lowerCaseHash(7),
    describe: (name) => ({ ref: name, attributes: { IntegrationId: name } }),
  },
  'AWS::ApiGatewayV2::Authorizer': {
    generatedName: ({ lowerCaseHash }) => lowerCaseHash(6),
    describe: (name) => ({ ref: name, attributes: { AuthorizerId: name } }),
  },
  'AWS::ApiGatewayV2::Stage': {
    nameProperty: 'StageName',
    describe: (name) => ({ ref: name, attributes: {} }),
  },
  'AWS::ApiGatewayV2::DomainName': {
    nameProperty: 'DomainName',
    describe: (name, { logicalId }, _arn, deployment) => {
      const id = base62(`domain:${identity(deployment)}:${logicalId}`, 10).toLowerCase();
      return {
        ref: name,
        attributes: {
          RegionalDomainName: `d-${id}.execute-api.${deployment.region}.amazonaws.com`,
          RegionalHostedZoneId: `Z${id.toUpperCase()}`,
        },
      };
    },
  },
  'AWS::Cognito::UserPool': {
    generatedName: ({ hash }) => hash(9),
    describe: (name, _resource, arn, { region }) => {
      const poolId = `${region}_${name}`;
      const provider = `cognito-idp.${region}.amazonaws.com/${poolId}`;
      return withArn(poolId, arn('cognito-idp', `userpool/${poolId}`), {
        UserPoolId: poolId,
        ProviderName: provider,
        ProviderURL: `https://${provider}`,
      });
    },
  },
  'AWS::Cognito::UserPoolClient': {
    generatedName: ({ lowerCaseHash }) => lowerCaseHash(26),
    describe: (name) => ({ ref: name, attributes: { ClientId: name } }),
  },
  'AWS::Cognito::UserPoolGroup': {
    nameProperty: 'GroupName',
    describe: (name) => ({ ref: name, attributes: {} }),
  },
};

/** The physical side of one resource. Never throws: an unknown type has a name and no attributes. */
export function physicalResource(
  resource: NamedResource,
  deployment: Deployment,
): PhysicalResource {
  const kind = kinds[resource.type];
  const hash = (length: number) =>
    base62(`name:${identity(deployment)}:${resource.logicalId}`, length);
  const names: NameSource = {
    stackName: deployment.stackName,
    logicalId: resource.logicalId,
    hash,
    lowerCaseHash: (length) => hash(length).toLowerCase(),
  };
  const given = kind?.nameProperty === undefined ? undefined : resource.property(kind.nameProperty);
  const name = given ?? kind?.generatedName?.(names) ?? generatedName(names, kind?.maxNameLength);
  if (kind === undefined) return { name, ref: name, attributes: {} };
  const arn = (service: string, part: string) =>
    `arn:aws:${service}:${deployment.region}:${deployment.accountId}:${part}`;
  return { name, ...kind.describe(name, resource, arn, deployment) };
}

/** Fn::GetAtt. Throws `unsupported-intrinsic` for an attribute or a type that is not known here. */
export function attributeOf(
  resource: NamedResource,
  attribute: string,
  deployment: Deployment,
): string {
  const value = physicalResource(resource, deployment).attributes[attribute];
  if (value !== undefined) return value;
  throw new AssemblyError(
    'unsupported-intrinsic',
    `Fn::GetAtt ${resource.logicalId}.${attribute}: the local stack does not know this attribute of ${resource.type}`,
  );
}

export function stackIdOf(deployment: Deployment): string {
  const hash = (length: number) => base62(`stack-id:${identity(deployment)}`, length);
  return `arn:aws:cloudformation:${deployment.region}:${deployment.accountId}:stack/${deployment.stackName}/${uuidFrom(hash)}`;
}

/** A bus is written as a name or as an ARN; absent is `default`. */
export function busNameOf(nameOrArn: string | undefined): string {
  return nameOrArn?.split('/').at(-1) ?? 'default';
}

export function busArnOf(nameOrArn: string | undefined, deployment: Deployment): string {
  return nameOrArn?.startsWith('arn:')
    ? nameOrArn
    : `arn:aws:events:${deployment.region}:${deployment.accountId}:event-bus/${busNameOf(nameOrArn)}`;
}

interface NameSource {
  readonly stackName: string;
  readonly logicalId: string;
  readonly hash: (length: number) => string;
  readonly lowerCaseHash: (length: number) => string;
}

/** `Stack-LogicalId-HASH`; where that is too long, CloudFormation shortens stack and logical id. */
function generatedName({ stackName, logicalId, hash }: NameSource, maxLength = 255): string {
  const suffix = hash(12);
  const room = maxLength - suffix.length - 2;
  if (stackName.length + logicalId.length <= room) return `${stackName}-${logicalId}-${suffix}`;
  const stack = stackName.slice(0, Math.max(Math.floor(room / 2), room - logicalId.length));
  return `${stack}-${logicalId.slice(0, room - stack.length)}-${suffix}`;
}

function withArn(
  ref: string,
  arn: string,
  others: Record<string, string> = {},
): Omit<PhysicalResource, 'name'> {
  return { ref, arn, attributes: { Arn: arn, ...others } };
}

function iamArn(
  noun: 'role' | 'policy',
  name: string,
  resource: NamedResource,
  { accountId }: Deployment,
): string {
  return `arn:aws:iam::${accountId}:${noun}${resource.property('Path') ?? '/'}${name}`;
}

function identity({ accountId, region, stackName }: Deployment): string {
  return `${accountId}:${region}:${stackName}`;
}

function base62(seed: string, length: number): string {
  return digits('ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789', seed, length);
}

function base32(seed: string, length: number): string {
  return digits('ABCDEFGHIJKLMNOPQRSTUVWXYZ234567', seed, length);
}

function digits(alphabet: string, seed: string, length: number): string {
  const bytes = createHash('sha512').update(seed).digest().subarray(0, length);
  return Array.from(bytes, (byte) => alphabet[byte % alphabet.length]).join('');
}

function uuidFrom(hash: (length: number) => string): string {
  const hex = createHash('sha256').update(hash(32)).digest('hex');
  return hex.slice(0, 32).replace(/^(.{8})(.{4})(.{4})(.{4})(.{12})$/, '$1-$2-$3-$4-$5');
}
