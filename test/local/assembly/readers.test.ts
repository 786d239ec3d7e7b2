// What each reader takes from a template, and what it refuses to guess at.

import { describe, expect, test } from '@jest/globals';
import { readFunctions } from '../../../local/assembly/functions.ts';
import { arnLike, mayInvoke, readPermissions } from '../../../local/assembly/permissions.ts';
import { readPolicyDocument } from '../../../local/assembly/policy-documents.ts';
import { readQueuePolicies } from '../../../local/assembly/resource-policies.ts';
import { readManagedPolicies, readRoles } from '../../../local/assembly/roles.ts';
import { readRules } from '../../../local/assembly/rules.ts';
import { readSecrets } from '../../../local/assembly/secrets.ts';
import { readTables } from '../../../local/assembly/tables.ts';
import { resourcesOf, templateOf } from './template-of.ts';

const allow = (Action: string, Resource = '*') => ({
  Version: '2012-10-17',
  Statement: [{ Effect: 'Allow', Action, Resource }],
});
const trust = {
  Statement: {
    Effect: 'Allow',
    Action: 'sts:AssumeRole',
    Principal: { Service: 'lambda.amazonaws.com' },
  },
};

describe('roles', () => {
  test('gather inline, attached and managed policies; an unknown managed one is listed', () => {
    const template = resourcesOf({
      Role: [
        'AWS::IAM::Role',
        {
          AssumeRolePolicyDocument: trust,
          Policies: [{ PolicyName: 'Inline', PolicyDocument: allow('a:Inline') }],
          ManagedPolicyArns: [
            { Ref: 'Managed' },
            {
              'Fn::Join': [
                '',
                [
                  'arn:',
                  { Ref: 'AWS::Partition' },
                  ':iam::aws:policy/service-role/AWSLambdaBasicExecutionRole',
                ],
              ],
            },
            'arn:aws:iam::aws:policy/AdministratorAccess',
          ],
        },
      ],
      Attached: [
        'AWS::IAM::Policy',
        { PolicyDocument: allow('a:Attached'), Roles: [{ Ref: 'Role' }] },
      ],
      Own: ['AWS::IAM::RolePolicy', { PolicyDocument: allow('a:Own'), RoleName: { Ref: 'Role' } }],
      Managed: ['AWS::IAM::ManagedPolicy', { PolicyDocument: allow('a:Managed') }],
      FromPolicy: [
        'AWS::IAM::ManagedPolicy',
        { PolicyDocument: allow('a:From'), Roles: [{ Ref: 'Role' }] },
      ],
      Elsewhere: ['AWS::IAM::Policy', { PolicyDocument: allow('a:Elsewhere'), Roles: ['other'] }],
    });
    const [role] = readRoles(template);
    expect(role?.statements.flatMap(({ Action }) => Action)).toEqual([
      'a:Inline',
      'a:Attached',
      'a:Own',
      'a:From',
      'a:Managed',
      'logs:CreateLogGroup',
      'logs:CreateLogStream',
      'logs:PutLogEvents',
    ]);
    expect(role?.unresolved).toEqual(['arn:aws:iam::aws:policy/AdministratorAccess']);
    expect(role?.trust[0]?.Principal).toEqual({ Service: ['lambda.amazonaws.com'] });
    expect(readManagedPolicies(template)).toHaveLength(2);
  });

  test('a permissions boundary is refused: the role would be allowed too much', () => {
    const template = resourcesOf({
      Role: ['AWS::IAM::Role', { AssumeRolePolicyDocument: trust, PermissionsBoundary: 'arn:x' }],
    });
    expect(() => readRoles(template)).toThrow(/^Role: PermissionsBoundary/);
  });
});

describe('a statement', () => {
  test('has lists everywhere, conditions as text', () => {
    const read = readPolicyDocument(
      {
        Statement: {
          Sid: 'S',
          Effect: 'Deny',
          NotAction: 'a:B',
          Resource: ['r1', 'r2'],
          Principal: '*',
          Condition: { Bool: { 'aws:SecureTransport': false }, NumericLessThan: { n: [1, 2] } },
        },
      },
      'Here',
    );
    expect(read).toEqual([
      {
        Sid: 'S',
        Effect: 'Deny',
        NotAction: ['a:B'],
        Resource: ['r1', 'r2'],
        Principal: { '*': ['*'] },
        Condition: {
          Bool: { 'aws:SecureTransport': ['false'] },
          NumericLessThan: { n: ['1', '2'] },
        },
      },
    ]);
  });

  test.each([
    [{ Effect: 'allow', Action: 'a:B', Resource: '*' }],
    [{ Effect: 'Allow', Resource: '*' }],
    [{ Effect: 'Allow', Action: 'a:B', NotAction: 'a:C', Resource: '*' }],
    [{ Effect: 'Allow', Action: 'a:B', Resource: '*', NotPrincipal: '*' }],
  ])('that is not understood is refused: %j', (statement) => {
    expect(() => readPolicyDocument({ Statement: [statement] }, 'Here')).toThrow(
      /^Here: Statement 0/,
    );
  });
});

describe('functions', () => {
  const code = { S3Bucket: 'b', S3Key: 'hash.zip' };
  const minimal = { Code: code, Handler: 'index.handler', Runtime: 'nodejs24.x', Role: 'arn:role' };
  const assets = {
    directory: '/asm',
    assetPathByObjectKey: new Map([['hash.zip', '/asm/asset.hash']]),
  };

  test('have Lambda’s defaults for what the template leaves out', () => {
    const [read] = readFunctions(resourcesOf({ F: ['AWS::Lambda::Function', minimal] }), assets);
    expect(read).toMatchObject({
      architecture: 'x86_64',
      timeoutSeconds: 3,
      memoryMb: 128,
      environment: {},
      codeDir: '/asm/asset.hash',
      logGroupName: `/aws/lambda/${read?.name}`,
      logFormat: 'Text',
      asyncInvoke: { maximumRetryAttempts: 2, maximumEventAgeSeconds: 21_600, onFailureArn: null },
    });
  });

  test('find their code by the asset manifest, else by their metadata, else not at all', () => {
    const withCode = (Code: unknown, Metadata = {}) =>
      readFunctions(
        templateOf({
          Resources: {
            F: { Type: 'AWS::Lambda::Function', Properties: { ...minimal, Code }, Metadata },
          },
        }),
        assets,
      )[0]?.codeDir;
    expect(withCode(code, { 'aws:asset:path': 'other' })).toBe('/asm/asset.hash');
    expect(withCode({ S3Key: 'x.zip' }, { 'aws:asset:path': 'asset.x' })).toBe('/asm/asset.x');
    expect(withCode({ S3Key: 'x.zip' }, { 'aws:asset:path': '/abs/asset.x' })).toBe('/abs/asset.x');
    expect(withCode({ S3Key: 'x.zip' }, { 'aws:asset:path': 'asset.x.zip' })).toBeNull();
    expect(withCode({ ZipFile: 'exports.handler = 1' })).toBeNull();
    expect(() => withCode({ S3Key: 'x.zip' })).toThrow(/^F: the assembly has no asset for x\.zip/);
  });

  test('take their asynchronous settings by name or by ARN, and refuse a qualifier', () => {
    const settings = (FunctionName: unknown, Qualifier = '$LATEST') =>
      readFunctions(
        resourcesOf({
          F: ['AWS::Lambda::Function', minimal],
          Config: [
            'AWS::Lambda::EventInvokeConfig',
            { FunctionName, Qualifier, MaximumRetryAttempts: 0 },
          ],
        }),
        assets,
      )[0]?.asyncInvoke.maximumRetryAttempts;
    expect(settings({ Ref: 'F' })).toBe(0);
    expect(settings({ 'Fn::GetAtt': ['F', 'Arn'] })).toBe(0);
    expect(settings('another')).toBe(2);
    expect(() => settings({ Ref: 'F' }, 'live')).toThrow(/^Config: Qualifier live/);
  });

  test('with a wrong property name it', () => {
    const template = resourcesOf({ F: ['AWS::Lambda::Function', { ...minimal, Timeout: 'soon' }] });
    expect(() => readFunctions(template, assets)).toThrow(/^F: Timeout: /);
  });
});

describe('rules', () => {
  test('have EventBridge’s delivery defaults, and the default bus', () => {
    const template = resourcesOf({
      Rule: [
        'AWS::Events::Rule',
        { EventPattern: { source: ['s'] }, Targets: [{ Id: 't', Arn: 'arn:t' }] },
      ],
    });
    expect(readRules(template)).toMatchObject([
      {
        busName: 'default',
        busArn: 'arn:aws:events:eu-west-1:111122223333:event-bus/default',
        scheduleExpression: null,
        eventPattern: { source: ['s'] },
        enabled: true,
        targets: [
          {
            input: null,
            retryPolicy: { maximumRetryAttempts: 185, maximumEventAgeSeconds: 86_400 },
            deadLetterArn: null,
          },
        ],
      },
    ]);
  });

  test.each(['InputPath', 'InputTransformer'])(
    'with %s are refused: the input would be another',
    (property) => {
      const template = resourcesOf({
        Rule: ['AWS::Events::Rule', { Targets: [{ Id: 't', Arn: 'arn:t', [property]: {} }] }],
      });
      expect(() => readRules(template)).toThrow(`Rule: ${property} of target t`);
    },
  );
});

describe('secrets', () => {
  test.each([
    { SecretString: '' },
    { GenerateSecretString: {} },
    { SecretString: { 'Fn::Join': ['', []] } },
  ])('with a value in the template are refused: %j', (properties) => {
    const template = resourcesOf({ S: ['AWS::SecretsManager::Secret', properties] });
    expect(() => readSecrets(template)).toThrow(/^S: (SecretString|GenerateSecretString) is in/);
  });

  test('without one are read, an absent deletion policy as CloudFormation’s own', () => {
    const template = resourcesOf({ S: ['AWS::SecretsManager::Secret', { Name: 'n' }] });
    expect(readSecrets(template)).toMatchObject([
      {
        name: 'n',
        description: '',
        kmsKeyArn: null,
        tags: {},
        replicaRegions: [],
        deletionPolicy: 'Delete',
      },
    ]);
  });
});

describe('permissions', () => {
  const target = { name: 'f', arn: 'arn:aws:lambda:eu-west-1:111122223333:function:f' };
  const ruleArn = 'arn:aws:events:eu-west-1:111122223333:rule/MomentoAuth-Schedule';
  const permission = (overrides: Record<string, unknown> = {}) =>
    readPermissions(
      resourcesOf({
        P: [
          'AWS::Lambda::Permission',
          {
            FunctionName: target.arn,
            Action: 'lambda:InvokeFunction',
            Principal: 'events.amazonaws.com',
            SourceArn: 'arn:aws:events:eu-west-1:111122223333:rule/MomentoAuth-*',
            ...overrides,
          },
        ],
      }),
    );
  const asked = { principal: 'events.amazonaws.com', sourceArn: ruleArn };

  test.each<[string, Record<string, unknown>, boolean]>([
    ['as it is', {}, true],
    ['by function name', { FunctionName: 'f' }, true],
    ['for another function', { FunctionName: 'g' }, false],
    ['for another service', { Principal: 'apigateway.amazonaws.com' }, false],
    ['for another action', { Action: 'lambda:GetFunction' }, false],
    [
      'for another rule',
      { SourceArn: 'arn:aws:events:eu-west-1:111122223333:rule/Other-*' },
      false,
    ],
    ['for any rule', { SourceArn: { Ref: 'AWS::NoValue' } }, true],
    ['for this account', { SourceAccount: '111122223333' }, true],
    ['for another account', { SourceAccount: '999999999999' }, false],
  ])('%s', (_what, overrides, expected) => {
    expect(mayInvoke(permission(overrides), target, asked)).toBe(expected);
  });

  test('none, and nobody may', () => {
    expect(mayInvoke([], target, asked)).toBe(false);
  });

  test.each([
    ['arn:aws:events:*:*:rule/*', true],
    ['arn:aws:events:eu-west-?:111122223333:rule/MomentoAuth-Schedule', true],
    ['arn:aws:events:eu-west-1:*:rule/MomentoAuth-Schedul?', true],
    ['arn:aws:events:*:rule/*', false],
    ['arn:aws:events:eu-west-1:111122223333:rule/MomentoAuth', false],
    ['arn:aws:events:eu.west.1:111122223333:rule/*', false],
    ['*', false],
  ])('ArnLike %s', (pattern, expected) => {
    expect(arnLike(pattern, ruleArn)).toBe(expected);
  });
});

test('policies of one queue add up, by queue ARN', () => {
  const send = (Service: string) => ({
    Queues: [{ Ref: 'Q' }],
    PolicyDocument: {
      Statement: [
        { Effect: 'Allow', Action: 'sqs:SendMessage', Resource: '*', Principal: { Service } },
      ],
    },
  });
  const template = resourcesOf({
    Q: ['AWS::SQS::Queue', { QueueName: 'q' }],
    P1: ['AWS::SQS::QueuePolicy', send('events.amazonaws.com')],
    P2: ['AWS::SQS::QueuePolicy', send('lambda.amazonaws.com')],
  });
  const [policy, ...others] = readQueuePolicies(template);
  expect(others).toEqual([]);
  expect(policy?.queueArn).toBe('arn:aws:sqs:eu-west-1:111122223333:q');
  expect(policy?.statements.map(({ Principal }) => Principal)).toEqual([
    { Service: ['events.amazonaws.com'] },
    { Service: ['lambda.amazonaws.com'] },
  ]);
});

describe('tables', () => {
  const properties = {
    KeySchema: [
      { AttributeName: 'id', KeyType: 'HASH' },
      { AttributeName: 'at', KeyType: 'RANGE' },
    ],
    AttributeDefinitions: [
      { AttributeName: 'id', AttributeType: 'S' },
      { AttributeName: 'at', AttributeType: 'N' },
    ],
    BillingMode: 'PAY_PER_REQUEST',
  };
  const tablesOf = (more: object = {}) =>
    readTables(resourcesOf({ Table: ['AWS::DynamoDB::Table', { ...properties, ...more }] }));

  test('are read with their keys, by the name and ARN that Ref and GetAtt give', () => {
    const template = resourcesOf({
      Table: ['AWS::DynamoDB::Table', properties],
      Named: ['AWS::DynamoDB::Table', { ...properties, TableName: 'mine' }],
    });
    const [table, named] = readTables(template);
    expect(table).toEqual({
      logicalId: 'Table',
      name: template.resolve({ Ref: 'Table' }, 'Table'),
      arn: template.resolve({ 'Fn::GetAtt': ['Table', 'Arn'] }, 'Table'),
      keySchema: properties.KeySchema,
      attributeDefinitions: properties.AttributeDefinitions,
      billingMode: 'PAY_PER_REQUEST',
      timeToLiveAttribute: null,
    });
    expect(table?.name).toMatch(/^MomentoAuth-Table-[A-Za-z0-9]{12}$/);
    expect(table?.arn).toBe(`arn:aws:dynamodb:eu-west-1:111122223333:table/${table?.name}`);
    expect(named).toMatchObject({
      name: 'mine',
      arn: 'arn:aws:dynamodb:eu-west-1:111122223333:table/mine',
    });
  });

  test('with the attribute that ends items, while that is switched on', () => {
    const ended = (Enabled: boolean) =>
      tablesOf({ TimeToLiveSpecification: { AttributeName: 'expiresAt', Enabled } })[0]
        ?.timeToLiveAttribute;
    expect([ended(true), ended(false)]).toEqual(['expiresAt', null]);
  });

  test('what is of no matter here is let pass', () => {
    const more = {
      Tags: [{ Key: 'a', Value: 'b' }],
      PointInTimeRecoverySpecification: { PointInTimeRecoveryEnabled: true },
      SSESpecification: { SSEEnabled: true },
    };
    expect(tablesOf(more)).toEqual(tablesOf());
  });

  test.each([
    [{ BillingMode: 'PROVISIONED' }, 'BillingMode PROVISIONED'],
    [{ BillingMode: undefined }, 'BillingMode PROVISIONED'],
    [{ SSESpecification: { KMSMasterKeyId: 'k' } }, 'SSESpecification.KMSMasterKeyId'],
    [{ GlobalSecondaryIndexes: [] }, 'GlobalSecondaryIndexes'],
    [{ StreamSpecification: {} }, 'StreamSpecification'],
    [{ ResourcePolicy: {} }, 'ResourcePolicy'],
    [{ OnDemandThroughput: {} }, 'OnDemandThroughput'],
  ])('%j is refused', (more, what) => {
    expect(() => tablesOf(more)).toThrow(
      expect.objectContaining({
        code: 'unsupported-property',
        message: `Table: ${what} is not imitated`,
      }),
    );
  });

  test('global tables are refused, and keys of an unknown type', () => {
    const global = resourcesOf({ Table: ['AWS::DynamoDB::GlobalTable', properties] });
    expect(() => readTables(global)).toThrow(/^Table: AWS::DynamoDB::GlobalTable/);
    const AttributeDefinitions = [{ AttributeName: 'id', AttributeType: 'BOOL' }];
    expect(() => tablesOf({ AttributeDefinitions })).toThrow(/AttributeDefinitions\.0/);
  });
});
