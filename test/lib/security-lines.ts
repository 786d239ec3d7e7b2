// What of a template decides about security, a line for each fact: to be read, and compared.
import { type Statement, type Synthesis, statementsOf } from './synthesis.ts';

type Resource = Synthesis['resources'][string];
type Properties = Resource['Properties'];

/**
 * Sorted. A line says all that it means by itself, so that two templates differ by whole facts.
 * Logical ids are without their hash; assets, names for people and what costs money are not in it.
 */
export function securityLines({ resources }: Pick<Synthesis, 'resources'>): readonly string[] {
  const lines = Object.entries(resources).flatMap(([id, resource]) => {
    const name = shortId(id);
    // Alarms and dashboards look on. Any other new type is seen at least once, by a person.
    if (resource.Type.startsWith('AWS::CloudWatch::')) return [];
    const facts = [
      ...kept(resource),
      ...(factsOf[resource.Type]?.(resource.Properties) ?? []),
      ...(isStatementHolder(resource.Type) ? statementsOf(resource).map(statement) : []),
    ];
    const kind = resource.Type.replace('AWS::', '');
    return (facts.length > 0 ? facts : ['is there']).map((fact) => `${kind} ${name}: ${fact}`);
  });
  return [...new Set(lines)].sort();
}

/** The facts of one template that another has not, and the other way round. */
export function differences(
  before: readonly string[],
  after: readonly string[],
): readonly string[] {
  const missing = (from: readonly string[], others: readonly string[], sign: string) => {
    const known = new Set(others);
    const resources = new Set(others.map(resourceOf));
    const lines = from
      .filter((line) => !known.has(line))
      // Of what is not there at all one line says enough; of what is new every fact counts.
      .map((line) =>
        sign === '-' && !resources.has(resourceOf(line))
          ? `${resourceOf(line)} is not there`
          : line,
      );
    return [...new Set(lines)].map((line) => `${sign} ${line}`);
  };
  return [...missing(before, after, '-'), ...missing(after, before, '+')];
}

/** `Cognito::UserPool Users: …` → `Cognito::UserPool Users`. */
const resourceOf = (line: string): string => /^\S+ [^:]*/.exec(line)?.[0] ?? line;

/** `ApiKeydefaultSecret3F47B7D5` → `ApiKeydefaultSecret`. */
const shortId = (id: string): string => id.replace(/[0-9A-F]{8}$/, '');

/** What CDK leaves out is deleted with the stack; only where that loses something it is said. */
function kept({ Type, DeletionPolicy, UpdateReplacePolicy }: Resource): readonly string[] {
  if (!/SecretsManager|UserPool$|LogGroup|Queue$|KMS|DynamoDB/.test(Type)) return [];
  return [
    `when deleted ${DeletionPolicy ?? 'Delete'}, when replaced ${UpdateReplacePolicy ?? 'Delete'}`,
  ];
}

const isStatementHolder = (type: string): boolean =>
  /^AWS::IAM::|Policy$|^AWS::SNS::|^AWS::SQS::/.test(type);

/** A type without an entry has nothing to say but its statements. */
const factsOf: Readonly<Record<string, (properties: Properties) => readonly string[]>> = {
  'AWS::SecretsManager::Secret': (p) => [
    `encrypted with ${text(p.KmsKeyId ?? 'aws/secretsmanager')}`,
    `replicated to ${list(p.ReplicaRegions, 'nowhere')}`,
    `value in the template: ${text(p.SecretString ?? p.GenerateSecretString ?? 'none')}`,
  ],
  'AWS::SQS::Queue': (p) => [
    `encrypted by ${p.SqsManagedSseEnabled === true ? 'SQS' : text(p.KmsMasterKeyId ?? 'nobody')}`,
    `keeps for ${text(p.MessageRetentionPeriod)} s`,
  ],
  'AWS::DynamoDB::Table': (p) => [
    `named ${text(p.TableName ?? 'by CloudFormation')}`,
    `encrypted with ${text(p.SSESpecification ?? "DynamoDB's own key")}`,
    `items end by ${text(p.TimeToLiveSpecification ?? 'nothing')}`,
    `backups: ${text(p.PointInTimeRecoverySpecification ?? 'none')}`,
    `others are let in by ${text(p.ResourcePolicy ?? 'nothing')}, read it by ${text(p.StreamSpecification ?? 'nothing')}`,
  ],
  'AWS::SNS::Topic': (p) => [`encrypted with ${text(p.KmsMasterKeyId ?? 'no key of KMS')}`],
  'AWS::SNS::Subscription': (p) => [`${text(p.Protocol)} to ${text(p.Endpoint)}`],
  'AWS::Logs::LogGroup': (p) => [
    `keeps for ${text(p.RetentionInDays ?? 'ever')} days, encrypted with ${text(p.KmsKeyId ?? "CloudWatch's own key")}`,
  ],
  'AWS::IAM::Role': (p) => [
    `managed policies: ${list(p.ManagedPolicyArns, 'none')}`,
    `boundary: ${text(p.PermissionsBoundary ?? 'none')}`,
  ],
  'AWS::IAM::Policy': (p) => [`attached to ${list(p.Roles, 'nothing')}`],
  'AWS::IAM::ManagedPolicy': (p) => [
    `attached to ${list([p.Roles, p.Users, p.Groups].flat().filter(Boolean), 'nothing')}`,
  ],
  'AWS::SQS::QueuePolicy': (p) => [`of ${list(p.Queues, 'nothing')}`],
  'AWS::SNS::TopicPolicy': (p) => [`of ${list(p.Topics, 'nothing')}`],
  'AWS::Lambda::Permission': (p) => [
    `${text(p.Principal)} may ${text(p.Action)} on ${text(p.FunctionName)} from ${text(p.SourceArn ?? 'anywhere')}, account ${text(p.SourceAccount ?? 'of the source')}`,
  ],
  'AWS::Lambda::Function': (p) => [
    `role ${text(p.Role)}`,
    ...Object.entries(Object(Object(p.Environment).Variables)).map(
      ([name, value]) => `${name}=${text(value)}`,
    ),
  ],
  'AWS::Lambda::Url': (p) => [`open to ${text(p.AuthType)}`],
  'AWS::Lambda::EventInvokeConfig': (p) => [`retries ${text(p.MaximumRetryAttempts)}`],
  'AWS::Events::Rule': (p) => [
    `${text(p.State)} on ${text(p.ScheduleExpression ?? p.EventPattern)}`,
  ],
  'AWS::ApiGatewayV2::Api': (p) => [
    `execute-api address: ${p.DisableExecuteApiEndpoint === true ? 'shut' : 'open'}`,
    `CORS: ${text(p.CorsConfiguration ?? 'none')}`,
  ],
  'AWS::ApiGatewayV2::Route': (p) => [
    `${text(p.RouteKey)} authorized by ${text(p.AuthorizationType)} ${text(p.AuthorizerId ?? '')}`.trim(),
  ],
  'AWS::ApiGatewayV2::Authorizer': (p) => {
    const { ApiId: _api, Name: _name, ...rest } = p;
    return [text(rest)];
  },
  'AWS::ApiGatewayV2::Stage': (p) => {
    const { ThrottlingRateLimit, ThrottlingBurstLimit } = Object(p.DefaultRouteSettings);
    return [
      `throttled to ${text(ThrottlingRateLimit)} a second, ${text(ThrottlingBurstLimit)} at once`,
      `logged to ${text(Object(p.AccessLogSettings).DestinationArn)}`,
    ];
  },
  'AWS::ApiGatewayV2::DomainName': (p) => [
    `${text(p.DomainName)}: ${text(p.DomainNameConfigurations)}`,
  ],
  'AWS::Cognito::UserPool': (p) => [
    `deletion protection ${text(p.DeletionProtection)}`,
    `self sign-up: ${Object(p.AdminCreateUserConfig).AllowAdminCreateUserOnly === true ? 'no' : 'yes'}`,
    `names tell capitals apart: ${text(Object(p.UsernameConfiguration).CaseSensitive)}`,
    `password: ${text(Object(p.Policies).PasswordPolicy)}`,
    `second factor ${text(p.MfaConfiguration)}: ${list(p.EnabledMfas, 'none')}`,
    `recovery: ${text(p.AccountRecoverySetting)}`,
    `attributes: ${text(p.Schema)}`,
  ],
  'AWS::Cognito::UserPoolClient': (p) => [
    `flows: ${list(p.ExplicitAuthFlows, 'none')}`,
    `OAuth: ${text(p.AllowedOAuthFlowsUserPoolClient)}`,
    `has a secret: ${text(p.GenerateSecret)}`,
    `hides who exists: ${text(p.PreventUserExistenceErrors)}`,
    `users may write: ${list(p.WriteAttributes, 'EVERYTHING')}`,
    `ID tokens live ${text(p.IdTokenValidity)} ${text(Object(p.TokenValidityUnits).IdToken)}`,
  ],
  'AWS::Cognito::UserPoolGroup': (p) => [
    `${text(p.GroupName)}, AWS role ${text(p.RoleArn ?? 'none')}`,
  ],
};

function statement({ Effect, Action, Resource, Principal, Condition, ...rest }: Statement): string {
  return [
    Effect,
    Principal === undefined ? '' : text(Principal),
    list([Action].flat(), 'nothing'),
    Resource === undefined ? '' : `on ${list([Resource].flat(), 'nothing')}`,
    Condition === undefined ? '' : `if ${text(Condition)}`,
    // A NotAction would be all that a glance misses.
    ...Object.entries(rest).flatMap(([name, value]) =>
      name === 'Sid' ? [] : [`${name} ${text(value)}`],
    ),
  ]
    .filter(Boolean)
    .join(' ');
}

function list(values: unknown, whenEmpty: string): string {
  if (!Array.isArray(values) || values.length === 0) return whenEmpty;
  return values.map(text).join(', ');
}

/** References as `${Id}` and `${Id.Arn}`, joined text as one, all else as compact JSON. */
function text(value: unknown): string {
  if (typeof value === 'string') return value;
  if (typeof value !== 'object' || value === null) return String(value);
  if (Array.isArray(value)) return `[${value.map(text).join(', ')}]`;
  const [[key, inner] = ['', undefined], ...more] = Object.entries(value);
  if (more.length === 0) {
    if (key === 'Ref') return `\${${shortId(String(inner))}}`;
    if (key === 'Fn::GetAtt' && Array.isArray(inner)) {
      return `\${${shortId(String(inner[0]))}.${inner[1]}}`;
    }
    if (key === 'Fn::Join' && Array.isArray(inner) && Array.isArray(inner[1])) {
      return inner[1].map(text).join(String(inner[0]));
    }
    if (key === 'Fn::Select' && Array.isArray(inner))
      return `part ${inner[0]} of ${text(inner[1])}`;
    if (key === 'Fn::Split' && Array.isArray(inner)) return text(inner[1]);
  }
  return `{${Object.entries(value)
    .map(([name, it]) => `${name}: ${text(it)}`)
    .join(', ')}}`;
}
