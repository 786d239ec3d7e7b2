// The template: exact grants, no value in any secret, stable ids, and what survives the stack.

import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import { isDeepStrictEqual } from 'node:util';
import { describe, expect, test } from '@jest/globals';
import { Queue } from 'aws-cdk-lib/aws-sqs';
import { CfnResource, Stack } from 'aws-cdk-lib/core';
import { AwsSolutionsChecks } from 'cdk-nag';
import { parseConfig } from '../../lib/config.ts';
import { MomentoAuthStack } from '../../lib/momento-auth-stack.ts';
import {
  environmentBytes,
  environmentLimitBytes,
  longestCreatedSecretName,
} from '../../lib/rotate-key-environment.ts';
import {
  appForTest,
  arn,
  discoveryStatements,
  inside,
  ofType,
  only,
  roleStatements,
  secretActions,
  statementsOf,
  synthesize,
  variants,
} from './synthesis.ts';

/** The template of rotation alone; that of the token endpoint has a test of its own. */
const rotationOf = (config: unknown = {}) =>
  synthesize({ tokenEndpoint: false, ...Object(config) });

const everyVariant = Object.entries(variants);
const viaSecretsManager = {
  StringEquals: {
    'kms:ViaService': {
      'Fn::Join': ['', ['secretsmanager.', { Ref: 'AWS::Region' }, '.amazonaws.com']],
    },
  },
};

describe('secrets', () => {
  test.each(everyVariant)('%s: no value is in the template, in no form', (_what, config) => {
    const synthesis = synthesize(config);
    for (const [, { Properties }] of ofType(synthesis, 'AWS::SecretsManager::Secret')) {
      const properties = ['Description', 'KmsKeyId', 'ReplicaRegions', 'Tags'];
      expect(properties).toEqual(expect.arrayContaining(Object.keys(Properties)));
    }
    const text = JSON.stringify(synthesis.template.toJSON());
    expect(text).not.toContain('GenerateSecretString');
    expect(text).not.toContain('SecretString');
  });

  test('outlive the stack, carry the name of their key, and say how a value gets in', () => {
    const [, secret] = only(rotationOf(), 'AWS::SecretsManager::Secret');
    expect(secret.DeletionPolicy).toBe('Retain');
    expect(secret.UpdateReplacePolicy).toBe('Retain');
    expect(secret.Properties.Tags).toEqual([{ Key: 'momento-auth:key', Value: 'default' }]);
    expect(secret.Properties.Description).toMatch(
      /Momento API key "default".* store the JSON file/,
    );
  });

  test('have their KMS key and their replicas', () => {
    const synthesis = rotationOf(variants['KMS keys and replicas']);
    const secrets = ofType(synthesis, 'AWS::SecretsManager::Secret').map(([, it]) => it.Properties);
    expect(secrets).toMatchObject([
      {
        KmsKeyId: 'arn:aws:kms:eu-west-1:123456789012:key/11111111-2222-3333-4444-555555555555',
        ReplicaRegions: [{ Region: 'eu-central-1' }, { Region: 'us-east-1' }],
      },
      { KmsKeyId: 'arn:aws:kms:eu-west-1:123456789012:key/11111111-2222-3333-4444-555555555555' },
    ]);
  });

  test('that are adopted are not in the template', () => {
    const synthesis = rotationOf(variants['an adopted secret']);
    expect(ofType(synthesis, 'AWS::SecretsManager::Secret')).toEqual([]);
    expect(synthesis.json.Outputs.ApiKeySecretArn?.Value).toBe(
      'arn:aws:secretsmanager:eu-west-1:123456789012:secret:momento/key-AbCdEf',
    );
  });
});

describe('grants', () => {
  test.each(everyVariant)('%s: none has a wildcard, but for keys of a tag', (_what, config) => {
    const allowed = statementsOf(synthesize(config).resources).filter(
      ({ Effect }) => Effect === 'Allow',
    );
    expect(allowed.length).toBeGreaterThan(5);
    const { discoverKeysByTag } = parseConfig(config);
    const open = discoverKeysByTag === null ? [] : discoveryStatements(discoverKeysByTag);
    expect(allowed).toEqual(expect.arrayContaining(open));
    const closed = allowed.filter((it) => !open.some((other) => isDeepStrictEqual(it, other)));
    expect(closed).toHaveLength(allowed.length - open.length);
    for (const statement of closed) {
      expect(statement).not.toHaveProperty('NotAction');
      expect(statement).not.toHaveProperty('NotResource');
      expect(
        JSON.stringify([statement.Action, statement.Resource, statement.Principal]),
      ).not.toContain('*');
    }
  });

  test.each(everyVariant)("%s: no policy of AWS's own is attached", (_what, config) => {
    expect(JSON.stringify(synthesize(config).resources)).not.toContain('ManagedPolicyArns');
  });

  test('of the function: exactly these', () => {
    const synthesis = rotationOf();
    const [secretId] = only(synthesis, 'AWS::SecretsManager::Secret');
    const [logsId] = only(synthesis, 'AWS::Logs::LogGroup');
    expect(roleStatements(synthesis)).toEqual([
      { Effect: 'Allow', Action: secretActions, Resource: { Ref: secretId } },
      {
        Effect: 'Allow',
        Action: 'events:PutEvents',
        Resource: arn('events', [':event-bus/default']),
        Condition: { StringEquals: { 'events:source': 'momento.auth' } },
      },
      {
        Effect: 'Allow',
        Action: 'sqs:SendMessage',
        Resource: { 'Fn::GetAtt': ['RotateKeyFailedRunsD9081C15', 'Arn'] },
      },
      {
        Effect: 'Allow',
        Action: ['logs:CreateLogStream', 'logs:PutLogEvents'],
        Resource: { 'Fn::GetAtt': [logsId, 'Arn'] },
      },
    ]);
    const [, role] = only(synthesis, 'AWS::IAM::Role');
    expect(Object.keys(role.Properties).sort()).toEqual([
      'AssumeRolePolicyDocument',
      'Description',
    ]);
    expect(statementsOf(role)).toEqual([
      {
        Effect: 'Allow',
        Action: 'sts:AssumeRole',
        Principal: { Service: 'lambda.amazonaws.com' },
      },
    ]);
  });

  test('of the function: every secret in one statement, each KMS key once', () => {
    const synthesis = rotationOf(variants['KMS keys and replicas']);
    const ids = ofType(synthesis, 'AWS::SecretsManager::Secret').map(([id]) => id);
    expect(roleStatements(synthesis).slice(0, 2)).toEqual([
      {
        Effect: 'Allow',
        Action: secretActions,
        Resource: expect.arrayContaining([
          { Ref: ids[0] },
          'arn:aws:secretsmanager:eu-west-1:123456789012:secret:other-AbCdEf',
          { Ref: ids[1] },
        ]),
      },
      {
        Effect: 'Allow',
        Action: ['kms:Decrypt', 'kms:GenerateDataKey'],
        Resource: [
          'arn:aws:kms:eu-west-1:123456789012:key/11111111-2222-3333-4444-555555555555',
          'arn:aws:kms:eu-west-1:123456789012:key/99999999-2222-3333-4444-555555555555',
        ],
        Condition: viaSecretsManager,
      },
    ]);
    expect(roleStatements(synthesis)[0]?.Resource).toHaveLength(3);
  });

  test('of the function: its own bus and no other', () => {
    expect(roleStatements(rotationOf(variants['a bus of its own']))).toContainEqual({
      Effect: 'Allow',
      Action: 'events:PutEvents',
      Resource: 'arn:aws:events:eu-west-1:123456789012:event-bus/momento',
      Condition: { StringEquals: { 'events:source': 'momento.auth' } },
    });
  });

  test('of the function: keys of a tag, by it alone', () => {
    const discoverKeysByTag = { key: 'team/momento key', value: 'rotate: yes' };
    const statements = roleStatements(rotationOf({ discoverKeysByTag }));
    expect(statements.slice(1, 3)).toEqual(discoveryStatements(discoverKeysByTag));
    expect(statements.toSpliced(1, 2)).toEqual(roleStatements(rotationOf()));
  });

  test('of the function: KMS keys of secrets with the tag stand with the others', () => {
    const { keys } = Object(variants['KMS keys and replicas']);
    const kmsKeyArn = (id: string) =>
      `arn:aws:kms:eu-west-1:123456789012:key/${id}-2222-3333-4444-555555555555`;
    const discoverKeysByTag = {
      key: 'k',
      value: 'v',
      kmsKeyArns: [kmsKeyArn('99999999'), kmsKeyArn('77777777')],
    };
    expect(
      roleStatements(rotationOf({ keys, discoverKeysByTag })).filter(({ Action }) =>
        JSON.stringify(Action).includes('kms:'),
      ),
    ).toEqual([
      {
        Effect: 'Allow',
        Action: ['kms:Decrypt', 'kms:GenerateDataKey'],
        Resource: ['11111111', '77777777', '99999999'].map(kmsKeyArn),
        Condition: viaSecretsManager,
      },
    ]);
  });

  test('of applications: each reads its own secret, by its own KMS key', () => {
    const synthesis = rotationOf(variants['KMS keys and replicas']);
    const [created] = ofType(synthesis, 'AWS::SecretsManager::Secret');
    const policies = ofType(synthesis, 'AWS::IAM::ManagedPolicy').map(([, it]) => statementsOf(it));
    /** In another Region, and the name of the primary to the last character. */
    const replicaIn = (region: string) => ({
      'Fn::Join': [
        '',
        [
          'arn:',
          { Ref: 'AWS::Partition' },
          `:secretsmanager:${region}:`,
          { Ref: 'AWS::AccountId' },
          ':secret:',
          { 'Fn::Select': [6, { 'Fn::Split': [':', { Ref: created?.[0] }] }] },
        ],
      ],
    });
    const read = (Resource: unknown, kmsKeyArn: string) => [
      {
        Effect: 'Allow',
        Action: ['secretsmanager:DescribeSecret', 'secretsmanager:GetSecretValue'],
        Resource,
      },
      {
        Effect: 'Allow',
        Action: 'kms:Decrypt',
        Resource: kmsKeyArn,
        Condition: viaSecretsManager,
      },
    ];
    expect(policies.slice(0, 2)).toEqual([
      read(
        [replicaIn('eu-central-1'), replicaIn('us-east-1'), { Ref: created?.[0] }],
        'arn:aws:kms:eu-west-1:123456789012:key/11111111-2222-3333-4444-555555555555',
      ),
      read(
        'arn:aws:secretsmanager:eu-west-1:123456789012:secret:other-AbCdEf',
        'arn:aws:kms:eu-west-1:123456789012:key/99999999-2222-3333-4444-555555555555',
      ),
    ]);
    expect(policies).toHaveLength(3);
  });

  test('of applications: without a KMS key of its own a secret needs no grant on one', () => {
    const [, policy] = only(rotationOf(), 'AWS::IAM::ManagedPolicy');
    expect(statementsOf(policy)).toHaveLength(1);
  });
});

describe('the function', () => {
  test('is what the design says', () => {
    const synthesis = rotationOf();
    const [, { Properties }] = only(synthesis, 'AWS::Lambda::Function');
    const [logsId, logs] = only(synthesis, 'AWS::Logs::LogGroup');
    const [secretId] = only(synthesis, 'AWS::SecretsManager::Secret');
    expect(Properties).toMatchObject({
      Architectures: ['arm64'],
      Runtime: 'nodejs24.x',
      Handler: 'index.handler',
      MemorySize: 256,
      Timeout: 300,
      LoggingConfig: { LogFormat: 'JSON', LogGroup: { Ref: logsId } },
    });
    expect(Properties).not.toHaveProperty('ReservedConcurrentExecutions');
    expect(logs.Properties).toEqual({ RetentionInDays: 90 });
    expect(logs.DeletionPolicy).toBe('Delete');
    expect(Properties.Environment).toEqual({
      Variables: {
        SECRET_ARN_PREFIX: arn('secretsmanager', [':secret:']),
        KEY_SECRETS: { 'Fn::Select': [6, { 'Fn::Split': [':', { Ref: secretId }] }] },
        SCHEDULE_INTERVAL_SECONDS: '3600',
        REFRESH_AT_FRACTION: '0.3333',
        AUTH_RATE_PER_SECOND: '5',
        EVENT_BUS: 'default',
        POWERTOOLS_SERVICE_NAME: 'rotate-key',
        POWERTOOLS_METRICS_NAMESPACE: 'MomentoAuth',
        NODE_OPTIONS: '--enable-source-maps',
      },
    });
  });

  test('hears of its keys in the configured order, adopted ones by their full ARN', () => {
    const synthesis = rotationOf(variants['KMS keys and replicas']);
    const [, { Properties }] = only(synthesis, 'AWS::Lambda::Function');
    const [first, third] = ofType(synthesis, 'AWS::SecretsManager::Secret').map(([id]) => ({
      'Fn::Select': [6, { 'Fn::Split': [':', { Ref: id }] }],
    }));
    expect(inside(Properties, 'Environment', 'Variables', 'KEY_SECRETS')).toEqual({
      'Fn::Join': [
        '',
        [first, ' arn:aws:secretsmanager:eu-west-1:123456789012:secret:other-AbCdEf ', third],
      ],
    });
  });

  test('hears of its bus', () => {
    const [, { Properties }] = only(
      rotationOf(variants['a bus of its own']),
      'AWS::Lambda::Function',
    );
    expect(inside(Properties, 'Environment', 'Variables', 'EVENT_BUS')).toBe(
      'arn:aws:events:eu-west-1:123456789012:event-bus/momento',
    );
  });

  test('hears of the tag of its keys, and takes more time for them', () => {
    const [, { Properties }] = only(
      rotationOf(variants['keys found by tag']),
      'AWS::Lambda::Function',
    );
    expect(inside(Properties, 'Environment', 'Variables')).toMatchObject({
      DISCOVER_TAG_KEY: 'team/momento key',
      DISCOVER_TAG_VALUE: 'rotate: yes',
    });
    expect(Properties.Timeout).toBe(900);
  });

  test.each([
    ['rate(1 minute)', 60],
    ['rate(14 minutes)', 840],
    ['rate(15 minutes)', 900],
    ['rate(16 minutes)', 900],
  ])('%s: times out after %d s where it finds keys by tag', (schedule, timeout) => {
    const discoverKeysByTag = { key: 'k', value: 'v' };
    const [, lambda] = only(rotationOf({ schedule, discoverKeysByTag }), 'AWS::Lambda::Function');
    expect(lambda.Properties.Timeout).toBe(timeout);
  });

  test.each(['MomentoAuth', 'Another'])('counts under the name of its stack: %s', (stackName) => {
    const functions = ofType(synthesize({ stackName }), 'AWS::Lambda::Function');
    expect(functions).toHaveLength(2);
    for (const [, { Properties }] of functions) {
      expect(inside(Properties, 'Environment', 'Variables', 'POWERTOOLS_METRICS_NAMESPACE')).toBe(
        stackName,
      );
    }
  });

  // Each bound from both sides: 60 and 300 s for the time-out, 6 h for an event, 24 h for a tick.
  test.each([
    ['rate(1 minute)', 60, 60, 60],
    ['rate(4 minutes)', 240, 240, 240],
    ['rate(5 minutes)', 300, 300, 300],
    ['rate(6 minutes)', 300, 360, 360],
    ['rate(359 minutes)', 300, 21_540, 21_540],
    ['rate(6 hours)', 300, 21_600, 21_600],
    ['rate(361 minutes)', 300, 21_600, 21_660],
    ['rate(1 day)', 300, 21_600, 86_400],
    ['cron(0 6,18 * * ? *)', 300, 21_600, 43_200],
  ])(
    '%s: times out after %d s, takes events of %d s, ticks of %d s',
    (schedule, timeout, event, tick) => {
      const synthesis = rotationOf({ schedule });
      const [, lambda] = only(synthesis, 'AWS::Lambda::Function');
      const [, invoke] = only(synthesis, 'AWS::Lambda::EventInvokeConfig');
      const [, rule] = only(synthesis, 'AWS::Events::Rule');
      expect(lambda.Properties.Timeout).toBe(timeout);
      expect(invoke.Properties.MaximumEventAgeInSeconds).toBe(event);
      expect(rule.Properties.ScheduleExpression).toBe(schedule);
      expect(inside(rule.Properties, 'Targets', 0, 'RetryPolicy', 'MaximumEventAgeInSeconds')).toBe(
        tick,
      );
    },
  );

  test('is not retried, and its failures are kept', () => {
    const synthesis = rotationOf();
    const [functionId] = only(synthesis, 'AWS::Lambda::Function');
    const [, invoke] = only(synthesis, 'AWS::Lambda::EventInvokeConfig');
    expect(invoke.Properties).toEqual({
      FunctionName: { Ref: functionId },
      Qualifier: '$LATEST',
      MaximumRetryAttempts: 0,
      MaximumEventAgeInSeconds: 3_600,
      DestinationConfig: {
        OnFailure: { Destination: { 'Fn::GetAtt': ['RotateKeyFailedRunsD9081C15', 'Arn'] } },
      },
    });
  });
});

describe('the schedule', () => {
  test('has a target with retries and a dead-letter queue', () => {
    const synthesis = rotationOf();
    const [functionId] = only(synthesis, 'AWS::Lambda::Function');
    const [, rule] = only(synthesis, 'AWS::Events::Rule');
    expect(rule.Properties).toMatchObject({ ScheduleExpression: 'rate(1 hour)', State: 'ENABLED' });
    expect(rule.Properties.Targets).toEqual([
      {
        Id: 'Target0',
        Arn: { 'Fn::GetAtt': [functionId, 'Arn'] },
        DeadLetterConfig: {
          Arn: { 'Fn::GetAtt': ['RotateKeyUndeliveredTicks67848B99', 'Arn'] },
        },
        RetryPolicy: { MaximumEventAgeInSeconds: 3_600, MaximumRetryAttempts: 3 },
      },
    ]);
  });

  test('comes after the permission, which therefore does not refer to it', () => {
    const synthesis = rotationOf();
    const [permissionId, permission] = only(synthesis, 'AWS::Lambda::Permission');
    const [ruleId, rule] = only(synthesis, 'AWS::Events::Rule');
    expect(rule.DependsOn).toEqual([permissionId]);
    expect(JSON.stringify(permission)).not.toContain(ruleId);
    expect(permission.Properties).toEqual({
      Action: 'lambda:InvokeFunction',
      FunctionName: { 'Fn::GetAtt': [expect.any(String), 'Arn'] },
      Principal: 'events.amazonaws.com',
      SourceAccount: { Ref: 'AWS::AccountId' },
      SourceArn: arn('events', [':rule/', { Ref: 'AWS::StackName' }, '-*']),
    });
  });

  test('starts a rotation, as a direct invocation does; no event on a bus and no message in a queue', () => {
    const synthesis = rotationOf();
    const [, rule] = only(synthesis, 'AWS::Events::Rule');
    expect(Object.keys(rule.Properties)).not.toContain('EventPattern');
    expect(ofType(synthesis, 'AWS::Lambda::EventSourceMapping')).toEqual([]);
    const [, permission] = only(synthesis, 'AWS::Lambda::Permission');
    expect(permission.Properties).toMatchObject({
      Principal: 'events.amazonaws.com',
      SourceArn: arn('events', [':rule/', { Ref: 'AWS::StackName' }, '-*']),
    });
  });

  test.each([
    ['a'.repeat(24), [':rule/', { Ref: 'AWS::StackName' }, '-*']],
    ['b'.repeat(25), [`:rule/${'b'.repeat(24)}*`]],
  ])(
    'may invoke from a stack named %s too, whose name CloudFormation may cut',
    (stackName, rule) => {
      const [, permission] = only(rotationOf({ stackName }), 'AWS::Lambda::Permission');
      expect(permission.Properties.SourceArn).toEqual(arn('events', rule));
    },
  );
});

describe('the queues', () => {
  test('keep for 14 days, encrypted, and take nothing without TLS', () => {
    const synthesis = rotationOf();
    const queues = ofType(synthesis, 'AWS::SQS::Queue');
    expect(queues).toHaveLength(2);
    for (const [id, queue] of queues) {
      expect(queue.Properties).toEqual({
        MessageRetentionPeriod: 14 * 86_400,
        SqsManagedSseEnabled: true,
      });
      const policies = ofType(synthesis, 'AWS::SQS::QueuePolicy').filter(([, policy]) =>
        JSON.stringify(policy.Properties.Queues).includes(id),
      );
      expect(statementsOf(policies)).toContainEqual({
        Effect: 'Deny',
        Action: 'sqs:*',
        Principal: { AWS: '*' },
        Resource: { 'Fn::GetAtt': [id, 'Arn'] },
        Condition: { Bool: { 'aws:SecureTransport': 'false' } },
      });
    }
  });

  test('take undelivered ticks of this rule alone', () => {
    const synthesis = rotationOf();
    const [ruleId] = only(synthesis, 'AWS::Events::Rule');
    const allowed = statementsOf(ofType(synthesis, 'AWS::SQS::QueuePolicy')).filter(
      ({ Effect }) => Effect === 'Allow',
    );
    expect(allowed).toEqual([
      {
        Effect: 'Allow',
        Action: 'sqs:SendMessage',
        Principal: { Service: 'events.amazonaws.com' },
        Resource: { 'Fn::GetAtt': ['RotateKeyUndeliveredTicks67848B99', 'Arn'] },
        Condition: { ArnEquals: { 'aws:SourceArn': { 'Fn::GetAtt': [ruleId, 'Arn'] } } },
      },
    ]);
  });
});

describe('outputs', () => {
  test('of the key "default" have no suffix, those of others have letters and digits', () => {
    const { json } = rotationOf(variants['three keys']);
    expect(Object.keys(json.Outputs).sort()).toEqual([
      'AlarmTopicArn',
      'ApiKeyReadPolicyArn',
      'ApiKeyReadPolicyArneuwest2',
      'ApiKeyReadPolicyArnorders',
      'ApiKeySecretArn',
      'ApiKeySecretArneuwest2',
      'ApiKeySecretArnorders',
      'DashboardName',
      'FailedRunsQueueUrl',
      'RotateKeyFunctionName',
      'UndeliveredTicksQueueUrl',
    ]);
  });

  test('are what they are called', () => {
    const synthesis = rotationOf();
    expect(synthesis.json.Outputs).toMatchObject({
      ApiKeySecretArn: { Value: { Ref: only(synthesis, 'AWS::SecretsManager::Secret')[0] } },
      ApiKeyReadPolicyArn: { Value: { Ref: only(synthesis, 'AWS::IAM::ManagedPolicy')[0] } },
      RotateKeyFunctionName: { Value: { Ref: only(synthesis, 'AWS::Lambda::Function')[0] } },
      AlarmTopicArn: { Value: { Ref: only(synthesis, 'AWS::SNS::Topic')[0] } },
      DashboardName: { Value: { Ref: only(synthesis, 'AWS::CloudWatch::Dashboard')[0] } },
      FailedRunsQueueUrl: { Value: { Ref: 'RotateKeyFailedRunsD9081C15' } },
      UndeliveredTicksQueueUrl: { Value: { Ref: 'RotateKeyUndeliveredTicks67848B99' } },
    });
  });
});

describe('logical ids', () => {
  test('are these: another one would leave a living secret behind, or stop the schedule', () => {
    expect(Object.keys(rotationOf().resources).sort()).toEqual([
      'AlarmsFailedRuns41880A9B',
      'AlarmsKeyOverdue984CB1D4',
      'AlarmsKeyRefusedA48066DD',
      'AlarmsNoSweepF45943AB',
      'AlarmsRotateKeyErrorsA25A2B8C',
      'AlarmsRotateKeyThrottles6F64DDD3',
      'AlarmsRotationFailed170B770E',
      'AlarmsTopic3A2DFEBA',
      'AlarmsTopicPolicyED3A875E',
      'AlarmsUndeliveredTicks39FF312C',
      'ApiKeydefaultReadPolicy1D40BFC0',
      'ApiKeydefaultSecret3F47B7D5',
      'OperatorDashboard6603A63B',
      'RotateKeyAllowScheduleAB44329B',
      'RotateKeyFailedRunsD9081C15',
      'RotateKeyFailedRunsPolicyDB02B328',
      'RotateKeyFunction6B2FC8E1',
      'RotateKeyFunctionEventInvokeConfigED0EDEFC',
      'RotateKeyLogs7E017520',
      'RotateKeyRoleC39F7894',
      'RotateKeyRoleDefaultPolicy32A0E57F',
      'RotateKeySchedule5775A8FB',
      'RotateKeyUndeliveredTicks67848B99',
      'RotateKeyUndeliveredTicksPolicyBEEE3E60',
    ]);
  });

  test('of a key stay when others come, go, or change places', () => {
    const idsWith = (...names: string[]) => {
      const synthesis = rotationOf({ keys: names.map((name) => ({ name })) });
      return new Map(
        names.map((name) => [
          name,
          Object.entries(synthesis.resources)
            .filter(([, { Properties }]) =>
              JSON.stringify(Properties).includes(`key \\"${name}\\"`),
            )
            .map(([id]) => id),
        ]),
      );
    };
    const all = idsWith('default', 'orders', 'a-b');
    expect([...all.values()].flat()).toHaveLength(6);
    for (const others of [idsWith('default'), idsWith('a-b', 'new', 'orders', 'default')]) {
      for (const [name, ids] of others) if (name !== 'new') expect(ids).toEqual(all.get(name));
    }
  });

  test('keep apart names that differ by a letter’s case', () => {
    const { resources } = rotationOf({ keys: [{ name: 'default' }, { name: 'Default' }] });
    expect(Object.keys(resources)).toHaveLength(Object.keys(rotationOf().resources).length + 2);
  });
});

describe('more than one', () => {
  test('two stacks fit into one account: nothing has a name of its own', () => {
    const app = appForTest();
    const [one, two] = ['MomentoAuth', 'MomentoAuth-2'].map(
      (stackName) => new MomentoAuthStack(app, stackName, { config: parseConfig({ stackName }) }),
    );
    expect(app.synth().stacks.map(({ stackName }) => stackName)).toEqual([
      'MomentoAuth',
      'MomentoAuth-2',
    ]);
    expect(one).not.toBe(two);
    const names = [
      ...['Name', 'QueueName', 'RoleName', 'LogGroupName', 'ManagedPolicyName', 'Id'],
      ...['AlarmName', 'TopicName', 'DashboardName'],
    ];
    for (const [, { Type, Properties }] of Object.entries(rotationOf().resources)) {
      expect(names.filter((name) => name in Properties)).toEqual([]);
      if (Type === 'AWS::Lambda::Function') expect(Properties).not.toHaveProperty('FunctionName');
    }
  });

  test('thirty keys with the longest names fit into the environment of the function', () => {
    const keys = Array.from({ length: 30 }, (_, i) => ({ name: `key${i}-`.padEnd(32, 'x') }));
    const synthesis = rotationOf({ keys });
    const [, { Properties }] = only(synthesis, 'AWS::Lambda::Function');
    const ids = ofType(synthesis, 'AWS::SecretsManager::Secret').map(([id]) => id);
    const physicalNames = ids.map((id) => `${id}-123456789012-AbCdEf`);
    expect(physicalNames.map((name) => name.length)).toEqual(
      keys.map(({ name }) => longestCreatedSecretName(name).length - 1),
    );
    const bytes = environmentBytes({
      ...Object(inside(Properties, 'Environment', 'Variables')),
      SECRET_ARN_PREFIX: 'arn:aws-us-gov:secretsmanager:ap-southeast-2:123456789012:secret:',
      KEY_SECRETS: physicalNames.join(' '),
    });
    expect(bytes).toBeLessThan(environmentLimitBytes - 1_000);
  });
});

describe('the checks of every synthesis', () => {
  test.each(everyVariant)('%s: AwsSolutions finds nothing', (_what, config) => {
    const app = appForTest();
    new MomentoAuthStack(app, 'MomentoAuth', { config: parseConfig(config) });
    expect(new AwsSolutionsChecks(app).validateScope(app).violations).toEqual([]);
  });

  test('AwsSolutions does look', () => {
    const app = appForTest();
    const stack = new MomentoAuthStack(app, 'MomentoAuth', { config: parseConfig({}) });
    new Queue(stack, 'Careless');
    const { violations } = new AwsSolutionsChecks(app).validateScope(app);
    expect(violations.map(({ ruleName }) => ruleName)).toEqual([
      'AwsSolutions-SQS3',
      'AwsSolutions-SQS4',
    ]);
    expect(Stack.of(stack)).toBe(stack);
  });

  test("CDK's own check of templates does look", () => {
    const app = appForTest({ builtinCloudFormationValidation: true });
    const stack = new Stack(app, 'Careless');
    new CfnResource(stack, 'Wrong', {
      type: 'AWS::SQS::Queue',
      properties: { NoSuchProperty: 1 },
    });
    expect(() => app.synth()).toThrow(/NoSuchProperty/);
  });

  test("CDK's own check of templates, left out of synthesis because it is slow, finds nothing", () => {
    const app = appForTest({ builtinCloudFormationValidation: true });
    for (const [index, [, config]] of everyVariant.entries()) {
      new MomentoAuthStack(app, `Variant${index}`, { config: parseConfig(config) });
    }
    const { directory } = app.synth();
    const report = JSON.parse(readFileSync(join(directory, 'validation-report.json'), 'utf8'));
    // The warnings that two of the variants give on purpose, and nothing of the check itself.
    expect(report.pluginReports).toMatchObject([
      {
        pluginName: 'Construct Annotations',
        violations: [
          { ruleName: 'Annotation::momento-auth:adopted-user-pool' },
          { ruleName: 'Annotation::momento-auth:public-token-endpoint' },
        ],
      },
    ]);
  }, 60_000);
});
