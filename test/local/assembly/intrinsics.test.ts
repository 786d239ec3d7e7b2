// Each intrinsic function as CloudFormation documents it; whatever is not imitated says so.
// biome-ignore-all lint/suspicious/noTemplateCurlyInString: the placeholders are Fn::Sub's own

import { describe, expect, test } from '@jest/globals';
import { AssemblyError } from '../../../local/assembly/template.ts';
import { type TemplateSections, templateOf } from './template-of.ts';

const sections: TemplateSections = {
  Parameters: {
    Stage: { Type: 'String', Default: 'prod' },
    BootstrapVersion: { Type: 'AWS::SSM::Parameter::Value<String>' },
  },
  Mappings: { Regions: { 'eu-west-1': { zone: 'a' } } },
  Conditions: {
    IsProd: { 'Fn::Equals': [{ Ref: 'Stage' }, 'prod'] },
    IsTest: { 'Fn::Not': [{ Condition: 'IsProd' }] },
    Both: { 'Fn::And': [{ Condition: 'IsProd' }, { Condition: 'IsTest' }] },
    Either: { 'Fn::Or': [{ Condition: 'IsProd' }, { Condition: 'IsTest' }] },
    Odd: { 'Fn::Contains': [['a'], 'a'] },
  },
  Resources: {
    Queue: { Type: 'AWS::SQS::Queue', Properties: { QueueName: { Ref: 'Stage' } } },
    Strange: { Type: 'AWS::Strange::Thing' },
  },
};

const resolve = (value: unknown) =>
  templateOf(sections, { BootstrapVersion: '21' }).resolve(value, 'Here');

describe('resolves', () => {
  test.each<[string, unknown, unknown]>([
    ['what is no intrinsic', { a: [1, true, null, 'x'] }, { a: [1, true, null, 'x'] }],
    ['AWS::AccountId', { Ref: 'AWS::AccountId' }, '111122223333'],
    ['AWS::Region', { Ref: 'AWS::Region' }, 'eu-west-1'],
    ['AWS::Partition', { Ref: 'AWS::Partition' }, 'aws'],
    ['AWS::URLSuffix', { Ref: 'AWS::URLSuffix' }, 'amazonaws.com'],
    ['AWS::StackName', { Ref: 'AWS::StackName' }, 'MomentoAuth'],
    ['a parameter’s default', { Ref: 'Stage' }, 'prod'],
    ['a parameter’s value', { Ref: 'BootstrapVersion' }, '21'],
    ['Ref to a resource', { Ref: 'Queue' }, 'http://127.0.0.1:4566/111122223333/prod'],
    [
      'GetAtt as a list',
      { 'Fn::GetAtt': ['Queue', 'Arn'] },
      'arn:aws:sqs:eu-west-1:111122223333:prod',
    ],
    ['GetAtt as text', { 'Fn::GetAtt': 'Queue.QueueName' }, 'prod'],
    ['Join', { 'Fn::Join': ['-', ['a', { Ref: 'Stage' }, 1]] }, 'a-prod-1'],
    ['Split', { 'Fn::Split': [':', 'a:b:c'] }, ['a', 'b', 'c']],
    ['Select', { 'Fn::Select': ['1', ['a', 'b']] }, 'b'],
    [
      'Select of Split of GetAtt',
      { 'Fn::Select': [5, { 'Fn::Split': [':', { 'Fn::GetAtt': ['Queue', 'Arn'] }] }] },
      'prod',
    ],
    ['Join of Split', { 'Fn::Join': ['/', { 'Fn::Split': [':', 'a:b'] }] }, 'a/b'],
    [
      'Sub',
      { 'Fn::Sub': 'arn:${AWS::Partition}:${Stage}:${Queue.QueueName}:${!Literal}' },
      'arn:aws:prod:prod:${Literal}',
    ],
    [
      'Sub with variables of its own',
      { 'Fn::Sub': ['${Name}/${Stage}', { Name: { Ref: 'AWS::Region' }, Stage: 'mine' }] },
      'eu-west-1/mine',
    ],
    ['If, condition true', { 'Fn::If': ['IsProd', 'yes', 'no'] }, 'yes'],
    ['If, condition false', { 'Fn::If': ['IsTest', 'yes', 'no'] }, 'no'],
    ['And', { 'Fn::If': ['Both', 1, 2] }, 2],
    ['Or', { 'Fn::If': ['Either', 1, 2] }, 1],
    ['FindInMap', { 'Fn::FindInMap': ['Regions', { Ref: 'AWS::Region' }, 'zone'] }, 'a'],
    [
      'NoValue in an object and in a list',
      { a: { Ref: 'AWS::NoValue' }, b: [1, { 'Fn::If': ['IsTest', 2, { Ref: 'AWS::NoValue' }] }] },
      { b: [1] },
    ],
    ['only the branch that is taken', { 'Fn::If': ['IsProd', 1, { 'Fn::Cidr': [] }] }, 1],
  ])('%s', (_what, value, expected) => {
    expect(resolve(value)).toEqual(expected);
  });

  test('AWS::StackId to an ARN of the stack', () => {
    expect(resolve({ Ref: 'AWS::StackId' })).toMatch(
      /^arn:aws:cloudformation:eu-west-1:111122223333:stack\/MomentoAuth\/[0-9a-f]{8}(-[0-9a-f]{4}){3}-[0-9a-f]{12}$/,
    );
  });
});

describe('fails loudly, naming intrinsic and logical id', () => {
  test.each<[unknown, string, RegExp]>([
    [{ 'Fn::ImportValue': 'x' }, 'unsupported-intrinsic', /^Here: Fn::ImportValue/],
    [{ 'Fn::Transform': {} }, 'unsupported-intrinsic', /^Here: Fn::Transform/],
    [{ a: [{ 'Fn::GetAZs': '' }] }, 'unsupported-intrinsic', /^Here: Fn::GetAZs/],
    [{ Ref: 'AWS::NotificationARNs' }, 'unsupported-intrinsic', /^Here: Ref AWS::NotificationARNs/],
    ['{{resolve:ssm:x}}', 'unsupported-intrinsic', /^Here: dynamic reference/],
    [{ 'Fn::If': ['Odd', 1, 2] }, 'unsupported-intrinsic', /^Odd: Fn::Contains/],
    [
      { 'Fn::GetAtt': ['Strange', 'Arn'] },
      'unsupported-intrinsic',
      /^Here: Fn::GetAtt Strange\.Arn/,
    ],
    [{ 'Fn::GetAtt': ['Queue', 'Odd'] }, 'unsupported-intrinsic', /^Here: Fn::GetAtt Queue\.Odd/],
    [{ 'Fn::Sub': '${Queue.Odd}' }, 'unsupported-intrinsic', /^Here: Fn::GetAtt Queue\.Odd/],
    [{ Ref: 'Nobody' }, 'unknown-reference', /^Here: Ref: the template has no Nobody/],
    [{ 'Fn::Sub': '${toString}' }, 'unknown-reference', /^Here: Ref: the template has no toString/],
    [
      { 'Fn::If': ['Nobody', 1, 2] },
      'unknown-reference',
      /^Here: Condition: the template has no Nobody/,
    ],
    [{ 'Fn::FindInMap': ['Regions', 'x', 'zone'] }, 'unknown-reference', /Regions\.x\.zone/],
    [{ 'Fn::Select': [2, ['a', 'b']] }, 'malformed', /^Here: Fn::Select: no element 2/],
    [{ 'Fn::Join': ['-', 'text'] }, 'malformed', /^Here: Fn::Join: takes a list/],
    [{ 'Fn::Join': ['-', [{ a: 1 }]] }, 'malformed', /^Here: Fn::Join: needs text/],
    [{ Ref: 'Stage', more: 1 }, 'malformed', /^Here: Ref: stands beside other keys/],
    [{ Ref: 'AWS::NoValue' }, 'malformed', /^Here: Ref AWS::NoValue/],
  ])('%j', (value, code, message) => {
    let caught: unknown;
    try {
      resolve(value);
    } catch (error) {
      caught = error;
    }
    expect(caught).toBeInstanceOf(AssemblyError);
    expect(caught).toMatchObject({ code, message: expect.stringMatching(message) });
  });

  test('a parameter without a value', () => {
    expect(() => templateOf(sections).resolve({ Ref: 'BootstrapVersion' }, 'Here')).toThrow(
      'Here: Ref BootstrapVersion: parameter has no value',
    );
  });
});

test('resources and outputs whose condition does not hold are not there', () => {
  const template = templateOf({
    ...sections,
    Resources: {
      A: { Type: 'T', Condition: 'IsProd', Properties: { a: { Ref: 'Stage' } } },
      B: { Type: 'T', Condition: 'IsTest' },
    },
    Outputs: {
      OutA: { Value: 'a', Condition: 'IsProd' },
      OutB: { Value: 'b', Condition: 'IsTest' },
    },
  });
  expect(template.resources('T')).toMatchObject([{ logicalId: 'A', properties: { a: 'prod' } }]);
  expect(template.outputs().map(({ logicalId }) => logicalId)).toEqual(['OutA']);
});
