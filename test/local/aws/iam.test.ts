import { describe, expect, test } from '@jest/globals';
import {
  assertSupported,
  type ConditionBlock,
  evaluate,
  type PolicyStatement,
  type RequestContext,
  UnsupportedPolicy,
} from '../../../local/aws/iam.ts';
import { Principals, principalArnKey } from '../../../local/aws/principals.ts';

const SECRET = 'arn:aws:secretsmanager:eu-central-1:111122223333:secret:key-AbCdEf';

function allow(over: Partial<PolicyStatement> = {}): PolicyStatement {
  return { Effect: 'Allow', Action: 'secretsmanager:GetSecretValue', Resource: SECRET, ...over };
}

function decide(statements: readonly PolicyStatement[], over: Record<string, string> = {}) {
  return evaluate(statements, {
    action: 'secretsmanager:GetSecretValue',
    resource: SECRET,
    ...over,
  }).decision;
}

function holds(Condition: ConditionBlock, context: RequestContext): boolean {
  const request = { action: 'secretsmanager:GetSecretValue', resource: SECRET, context };
  return evaluate([allow({ Condition })], request).decision === 'allow';
}

describe('effects', () => {
  test('nothing is allowed by default; a deny beats any allow, in either order', () => {
    expect(decide([])).toBe('implicit-deny');
    expect(decide([allow()])).toBe('allow');
    const deny = allow({ Effect: 'Deny', Action: '*', Resource: '*' });
    expect(decide([allow(), deny])).toBe('explicit-deny');
    expect(decide([deny, allow()])).toBe('explicit-deny');
  });
});

describe('actions and resources', () => {
  test.each([
    ['secretsmanager:GetSecretValue', true],
    ['SecretsManager:getsecretvalue', true],
    ['secretsmanager:Get*', true],
    ['secretsmanager:?etSecretValue', true],
    ['*', true],
    ['secretsmanager:Get', false],
    ['secretsmanager:Put*', false],
    ['kms:*', false],
  ])('Action %s', (Action, expected) => {
    expect(decide([allow({ Action })]) === 'allow').toBe(expected);
    expect(decide([allow({ Action: ['kms:Decrypt', Action] })]) === 'allow').toBe(expected);
  });

  test.each([
    [SECRET, true],
    [SECRET.replace('AbCdEf', '??????'), true],
    [SECRET.replace('AbCdEf', '?????'), false],
    [SECRET.replace('AbCdEf', '*'), true],
    [SECRET.replace('key-AbCdEf', 'KEY-AbCdEf'), false],
    ['arn:aws:secretsmanager:*:secret:key-*', true],
    [SECRET.replace('key', 'other'), false],
    [SECRET.slice(0, -1), false],
    [`${SECRET}*`, true],
    ['*', true],
  ])('Resource %s', (Resource, expected) => {
    expect(decide([allow({ Resource })]) === 'allow').toBe(expected);
  });

  test('NotAction and NotResource allow all but what they name', () => {
    const { Action: _a, ...noAction } = allow();
    expect(decide([{ ...noAction, NotAction: 'secretsmanager:Put*' }])).toBe('allow');
    expect(decide([{ ...noAction, NotAction: 'secretsmanager:Get*' }])).toBe('implicit-deny');
    const { Resource: _r, ...noResource } = allow();
    expect(decide([{ ...noResource, NotResource: 'arn:aws:s3:::*' }])).toBe('allow');
    expect(decide([{ ...noResource, NotResource: SECRET }])).toBe('implicit-deny');
  });

  test('a pattern with many stars is no trap', () => {
    const Resource = `${'*a'.repeat(30)}b`;
    expect(decide([allow({ Resource })], { resource: 'a'.repeat(5000) })).toBe('implicit-deny');
  });
});

/** `${aws:username}`, spelled so that no linter takes it for a forgotten template. */
const VARIABLE = ['$', '{aws:username}'].join('');
const TAG = 'aws:ResourceTag/team';
const ARN = 'aws:PrincipalArn';

describe('conditions', () => {
  test.each<[string, ConditionBlock, RequestContext, boolean]>([
    ['StringEquals', { StringEquals: { [TAG]: 'red' } }, { [TAG]: 'red' }, true],
    ['StringEquals', { StringEquals: { [TAG]: 'red' } }, { [TAG]: 'Red' }, false],
    ['StringEquals, absent', { StringEquals: { [TAG]: 'red' } }, {}, false],
    [
      'StringEquals, several',
      { StringEquals: { [TAG]: ['red', 'blue'] } },
      { [TAG]: 'blue' },
      true,
    ],
    ['StringEquals takes * literally', { StringEquals: { [TAG]: 'r*' } }, { [TAG]: 'red' }, false],
    [
      'keys ignore case',
      { StringEquals: { 'AWS:resourcetag/TEAM': 'red' } },
      { [TAG]: 'red' },
      true,
    ],
    ['StringEqualsIfExists', { StringEqualsIfExists: { [TAG]: 'red' } }, {}, true],
    ['StringEqualsIfExists', { StringEqualsIfExists: { [TAG]: 'red' } }, { [TAG]: 'blue' }, false],
    ['StringNotEquals', { StringNotEquals: { [TAG]: 'red' } }, { [TAG]: 'blue' }, true],
    ['StringNotEquals', { StringNotEquals: { [TAG]: 'red' } }, { [TAG]: 'red' }, false],
    [
      'StringNotEquals, several',
      { StringNotEquals: { [TAG]: ['red', 'blue'] } },
      { [TAG]: 'blue' },
      false,
    ],
    ['StringNotEquals, absent', { StringNotEquals: { [TAG]: 'red' } }, {}, true],
    [
      'StringEqualsIgnoreCase',
      { StringEqualsIgnoreCase: { [TAG]: 'RED' } },
      { [TAG]: 'red' },
      true,
    ],
    [
      'StringEqualsIgnoreCase',
      { StringEqualsIgnoreCase: { [TAG]: 'RED' } },
      { [TAG]: 'blue' },
      false,
    ],
    ['StringLike', { StringLike: { [TAG]: 'r?d*' } }, { [TAG]: 'redder' }, true],
    ['StringLike', { StringLike: { [TAG]: 'r?d' } }, { [TAG]: 'redder' }, false],
    ['StringNotLike', { StringNotLike: { [TAG]: 'r*' } }, { [TAG]: 'blue' }, true],
    ['StringNotLike', { StringNotLike: { [TAG]: 'r*' } }, { [TAG]: 'red' }, false],
    [
      'ArnLike',
      { ArnLike: { [ARN]: 'arn:aws:iam::*:role/Rotate*' } },
      { [ARN]: 'arn:aws:iam::1:role/RotateKey' },
      true,
    ],
    [
      'ArnLike',
      { ArnLike: { [ARN]: 'arn:aws:iam::*:role/Rotate*' } },
      { [ARN]: 'arn:aws:iam::1:role/Vend' },
      false,
    ],
    [
      'ArnLike holds parts apart',
      { ArnLike: { [ARN]: 'arn:*:role/x' } },
      { [ARN]: 'arn:aws:iam::1:role/x' },
      false,
    ],
    [
      'ArnEquals',
      { ArnEquals: { [ARN]: 'arn:aws:iam::1:role/x' } },
      { [ARN]: 'arn:aws:iam::1:role/x' },
      true,
    ],
    [
      'ArnEquals',
      { ArnEquals: { [ARN]: 'arn:aws:iam::1:role/x' } },
      { [ARN]: 'arn:aws:iam::2:role/x' },
      false,
    ],
    ['Bool', { Bool: { 'aws:SecureTransport': 'true' } }, { 'aws:SecureTransport': 'true' }, true],
    ['Bool', { Bool: { 'aws:SecureTransport': true } }, { 'aws:SecureTransport': 'false' }, false],
    ['Null true', { Null: { [TAG]: 'true' } }, {}, true],
    ['Null true', { Null: { [TAG]: 'true' } }, { [TAG]: 'red' }, false],
    ['Null false', { Null: { [TAG]: false } }, { [TAG]: 'red' }, true],
    [
      'ForAnyValue',
      { 'ForAnyValue:StringEquals': { 'aws:TagKeys': 'a' } },
      { 'aws:TagKeys': ['a', 'b'] },
      true,
    ],
    [
      'ForAnyValue',
      { 'ForAnyValue:StringEquals': { 'aws:TagKeys': 'c' } },
      { 'aws:TagKeys': ['a', 'b'] },
      false,
    ],
    ['ForAnyValue, absent', { 'ForAnyValue:StringEquals': { 'aws:TagKeys': 'a' } }, {}, false],
    [
      'ForAllValues',
      { 'ForAllValues:StringLike': { 'aws:TagKeys': ['a*', 'b*'] } },
      { 'aws:TagKeys': ['a1', 'b1'] },
      true,
    ],
    [
      'ForAllValues',
      { 'ForAllValues:StringLike': { 'aws:TagKeys': 'a*' } },
      { 'aws:TagKeys': ['a1', 'b1'] },
      false,
    ],
    ['ForAllValues, absent', { 'ForAllValues:StringLike': { 'aws:TagKeys': 'a*' } }, {}, true],
    [
      'all operators and keys must hold',
      { StringEquals: { [TAG]: 'red' }, Bool: { x: 'true' } },
      { [TAG]: 'red' },
      false,
    ],
  ])('%s %j over %j: %s', (_name, condition, context, expected) => {
    expect(holds(condition, context)).toBe(expected);
  });
});

describe('what is not known stops everything', () => {
  test.each<[string, object]>([
    ['operator', allow({ Condition: { NumericLessThan: { x: '1' } } })],
    [
      'operator with a quantifier',
      allow({ Condition: { 'ForSomeValues:StringEquals': { x: '1' } } }),
    ],
    ['operator of the prototype', allow({ Condition: { constructor: { x: '1' } } })],
    ['policy variable', allow({ Resource: `arn:aws:s3:::${VARIABLE}` })],
    ['variable in a condition', allow({ Condition: { StringEquals: { x: VARIABLE } } })],
    ['principal', { ...allow(), Principal: '*' }],
    ['no action', { Effect: 'Allow', Resource: '*' }],
    ['both actions', allow({ NotAction: 'x' })],
    ['an unresolved template function', { ...allow(), Resource: { Ref: 'Secret' } }],
    ['effect', { ...allow(), Effect: 'allow' }],
  ])('%s, even where it would not have mattered', (_what, statement) => {
    const statements = [allow(), statement as PolicyStatement];
    expect(() => decide(statements, { action: 'sqs:SendMessage' })).toThrow(UnsupportedPolicy);
    expect(() => assertSupported(statements)).toThrow(UnsupportedPolicy);
    const principals = new Principals({ accountId: '111122223333' });
    expect(() => principals.issue({ arn: 'arn:x', statements })).toThrow(UnsupportedPolicy);
  });
});

test('aws:PrincipalArn of an assumed role is the role', () => {
  expect(principalArnKey('arn:aws:sts::1:assumed-role/Rotate/session')).toBe(
    'arn:aws:iam::1:role/Rotate',
  );
  expect(principalArnKey('arn:aws:iam::1:user/operator')).toBe('arn:aws:iam::1:user/operator');
});
