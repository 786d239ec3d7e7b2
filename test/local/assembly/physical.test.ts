// Names, ARNs and attributes in the forms that AWS documents for each resource type.

import { describe, expect, test } from '@jest/globals';
import { attributeOf, physicalResource } from '../../../local/assembly/physical.ts';
import { deployment } from './template-of.ts';

function resource(type: string, properties: Record<string, string> = {}, logicalId = 'LogicalId') {
  return { logicalId, type, property: (name: string) => properties[name] };
}

const arn = (service: string, rest: string) => `arn:aws:${service}:eu-west-1:111122223333:${rest}`;

describe('a named resource', () => {
  test.each([
    ['AWS::Lambda::Function', { FunctionName: 'n' }, 'n', arn('lambda', 'function:n')],
    ['AWS::IAM::Role', { RoleName: 'n' }, 'n', 'arn:aws:iam::111122223333:role/n'],
    [
      'AWS::IAM::Role',
      { RoleName: 'n', Path: '/a/b/' },
      'n',
      'arn:aws:iam::111122223333:role/a/b/n',
    ],
    [
      'AWS::SQS::Queue',
      { QueueName: 'n' },
      'http://127.0.0.1:4566/111122223333/n',
      arn('sqs', 'n'),
    ],
    ['AWS::Events::Rule', { Name: 'n' }, 'n', arn('events', 'rule/n')],
    ['AWS::Events::Rule', { Name: 'n', EventBusName: 'default' }, 'n', arn('events', 'rule/n')],
    ['AWS::Events::Rule', { Name: 'n', EventBusName: 'bus' }, 'bus|n', arn('events', 'rule/bus/n')],
    [
      'AWS::Events::Rule',
      { Name: 'n', EventBusName: arn('events', 'event-bus/bus') },
      'bus|n',
      arn('events', 'rule/bus/n'),
    ],
    ['AWS::Events::EventBus', { Name: 'n' }, 'n', arn('events', 'event-bus/n')],
    ['AWS::Logs::LogGroup', { LogGroupName: '/a/n' }, '/a/n', arn('logs', 'log-group:/a/n:*')],
    ['AWS::CloudWatch::Alarm', { AlarmName: 'n' }, 'n', arn('cloudwatch', 'alarm:n')],
  ])('%s %j', (type, properties, ref, expectedArn) => {
    const named = resource(type, properties);
    expect(physicalResource(named, deployment)).toMatchObject({ ref, arn: expectedArn });
    expect(attributeOf(named, 'Arn', deployment)).toBe(expectedArn);
  });

  test('a topic and a managed policy are referred to by their ARNs', () => {
    const topic = resource('AWS::SNS::Topic', { TopicName: 'n' });
    expect(physicalResource(topic, deployment).ref).toBe(arn('sns', 'n'));
    expect(attributeOf(topic, 'TopicName', deployment)).toBe('n');
    const policy = resource('AWS::IAM::ManagedPolicy', { ManagedPolicyName: 'n' });
    expect(physicalResource(policy, deployment).ref).toBe('arn:aws:iam::111122223333:policy/n');
  });

  test('a secret’s ARN ends in six characters more than its name', () => {
    const secret = resource('AWS::SecretsManager::Secret', { Name: 'momento/key' });
    expect(physicalResource(secret, deployment)).toMatchObject({
      name: 'momento/key',
      ref: expect.stringMatching(
        /^arn:aws:secretsmanager:eu-west-1:111122223333:secret:momento\/key-[A-Za-z0-9]{6}$/,
      ),
    });
  });
});

describe('a generated name', () => {
  test('is stack, logical id and a hash; a secret’s is without the stack', () => {
    expect(physicalResource(resource('AWS::SQS::Queue'), deployment).name).toMatch(
      /^MomentoAuth-LogicalId-[A-Za-z0-9]{12}$/,
    );
    expect(physicalResource(resource('AWS::SecretsManager::Secret'), deployment).name).toMatch(
      /^LogicalId-[A-Za-z0-9]{12}$/,
    );
    expect(physicalResource(resource('AWS::KMS::Key'), deployment).ref).toMatch(/^[0-9a-f-]{36}$/);
  });

  test('is the same at every start, and another for another stack, account or logical id', () => {
    const name = (changes = {}, logicalId = 'LogicalId') =>
      physicalResource(resource('AWS::SQS::Queue', {}, logicalId), { ...deployment, ...changes })
        .name;
    expect(name()).toBe(name());
    const names = [
      name(),
      name({ stackName: 'Other' }),
      name({ accountId: '999999999999' }),
      name({}, 'Other'),
    ];
    expect(new Set(names.map((each) => each.slice(-12))).size).toBe(4);
  });

  test.each([
    ['AWS::Lambda::Function', 64],
    ['AWS::IAM::Role', 64],
    ['AWS::SQS::Queue', 80],
  ])('of %s is at most %d long', (type, maxLength) => {
    const long = 'RotateKeyFunctionServiceRoleDefaultPolicy'.repeat(2);
    const { name } = physicalResource(resource(type, {}, long), { ...deployment, stackName: long });
    expect(name).toHaveLength(maxLength);
    expect(name).toMatch(/^RotateKey[A-Za-z]*-RotateKey[A-Za-z]*-[A-Za-z0-9]{12}$/);
    const shortened = physicalResource(resource(type), { ...deployment, stackName: long }).name;
    expect(shortened).toHaveLength(maxLength);
    expect(shortened).toContain('-LogicalId-');
    const fits = 'L'.repeat(maxLength - 'MomentoAuth--'.length - 12);
    expect(physicalResource(resource(type, {}, fits), deployment).name).toContain(`-${fits}-`);
  });
});

test('an unknown type has a name to refer to, and no attributes', () => {
  const strange = resource('AWS::Strange::Thing');
  const { name, ref, arn: itsArn } = physicalResource(strange, deployment);
  expect(ref).toBe(name);
  expect(itsArn).toBeUndefined();
  expect(() => attributeOf(strange, 'Arn', deployment)).toThrow(
    /Fn::GetAtt LogicalId\.Arn: .* AWS::Strange::Thing/,
  );
});
