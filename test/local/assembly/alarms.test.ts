// Alarms and topics of a template: what is read, and what is refused because it would be watched otherwise.

import { describe, expect, test } from '@jest/globals';
import { readAlarms } from '../../../local/assembly/alarms.ts';
import { readTopicPolicies } from '../../../local/assembly/resource-policies.ts';
import { readTopics } from '../../../local/assembly/topics.ts';
import { resourcesOf } from './template-of.ts';

const PLAIN = {
  Namespace: 'AWS/SQS',
  MetricName: 'ApproximateNumberOfMessagesVisible',
  Dimensions: [{ Name: 'QueueName', Value: { 'Fn::GetAtt': ['Queue', 'QueueName'] } }],
  Statistic: 'Maximum',
  Period: 300,
  EvaluationPeriods: 3,
  Threshold: 1,
  ComparisonOperator: 'GreaterThanOrEqualToThreshold',
};

const { Namespace, MetricName, Dimensions, Statistic, Period, ...RULE } = PLAIN;
const METRIC_STAT = {
  Id: 'm1',
  MetricStat: { Metric: { Namespace, MetricName, Dimensions }, Period, Stat: Statistic },
  ReturnData: false,
};

const alarmsOf = (properties: unknown) =>
  readAlarms(
    resourcesOf({
      Alarm: ['AWS::CloudWatch::Alarm', properties],
      Topic: ['AWS::SNS::Topic', {}],
      Queue: ['AWS::SQS::Queue', { QueueName: 'failed' }],
    }),
  );

describe('an alarm', () => {
  test('with CloudWatch’s defaults for what the template leaves out', () => {
    expect(alarmsOf(PLAIN)).toEqual([
      {
        logicalId: 'Alarm',
        name: expect.stringMatching(/^MomentoAuth-Alarm-/),
        arn: expect.stringMatching(
          /^arn:aws:cloudwatch:eu-west-1:111122223333:alarm:MomentoAuth-Alarm-/,
        ),
        description: '',
        namespace: 'AWS/SQS',
        metricName: 'ApproximateNumberOfMessagesVisible',
        dimensions: { QueueName: 'failed' },
        statistic: 'Maximum',
        unit: null,
        periodSeconds: 300,
        fillWith: null,
        evaluationPeriods: 3,
        datapointsToAlarm: 3,
        threshold: 1,
        comparisonOperator: 'GreaterThanOrEqualToThreshold',
        treatMissingData: 'missing',
        warmUp: null,
        actionsEnabled: true,
        alarmActions: [],
        okActions: [],
        insufficientDataActions: [],
      },
    ]);
  });

  test('with everything that a template may say', () => {
    const topic = 'arn:aws:sns:eu-west-1:111122223333:alarms';
    const [alarm] = alarmsOf({
      ...PLAIN,
      AlarmName: 'lost',
      AlarmDescription: 'A run was lost.',
      DatapointsToAlarm: 2,
      TreatMissingData: 'breaching',
      Unit: 'Count',
      WarmUpConfiguration: { WarmUpPeriodDurationInMinutes: 120 },
      ActionsEnabled: false,
      AlarmActions: [topic],
      OKActions: [topic],
      InsufficientDataActions: [topic],
      Tags: [{ Key: 'a', Value: 'b' }],
    });
    expect(alarm).toMatchObject({
      name: 'lost',
      description: 'A run was lost.',
      datapointsToAlarm: 2,
      treatMissingData: 'breaching',
      unit: 'Count',
      warmUp: { seconds: 7_200, isWhole: false },
      actionsEnabled: false,
      alarmActions: [topic],
      okActions: [topic],
      insufficientDataActions: [topic],
    });
  });

  test('on a metric whose gaps are filled', () => {
    const filled = { Id: 'e1', Expression: 'FILL(m1, 0)' };
    expect(alarmsOf({ ...RULE, Metrics: [filled, METRIC_STAT] })).toMatchObject([
      {
        dimensions: { QueueName: 'failed' },
        statistic: 'Maximum',
        periodSeconds: 300,
        fillWith: 0,
      },
    ]);
  });

  test.each<[string, Record<string, unknown>, string, RegExp]>([
    ['no metric', { ...RULE }, 'malformed', /needs Namespace/],
    [
      'other metric math',
      { ...RULE, Metrics: [{ Id: 'e1', Expression: 'm1 / 2' }, METRIC_STAT] },
      'unsupported-property',
      /only FILL/,
    ],
    [
      'filling with something else than a number',
      { ...RULE, Metrics: [{ Id: 'e1', Expression: 'FILL(m1, REPEAT)' }, METRIC_STAT] },
      'unsupported-property',
      /only FILL/,
    ],
    ['a percentile', { ...PLAIN, ExtendedStatistic: 'p99' }, 'malformed', /ExtendedStatistic/],
    ['an anomaly band', { ...PLAIN, ThresholdMetricId: 'x' }, 'malformed', /ThresholdMetricId/],
    ['a high resolution', { ...PLAIN, Period: 10 }, 'malformed', /Period/],
    ['a broken period', { ...PLAIN, Period: 90 }, 'malformed', /Period/],
    ['more datapoints than periods', { ...PLAIN, DatapointsToAlarm: 4 }, 'malformed', /more than/],
    [
      'a range beyond CloudWatch’s limit',
      { ...PLAIN, EvaluationPeriods: 289 },
      'malformed',
      /86700 s; CloudWatch allows 86400 s/,
    ],
    [
      'a longer range beyond its longer limit',
      { ...PLAIN, Period: 3_600, EvaluationPeriods: 169 },
      'malformed',
      /608400 s; CloudWatch allows 604800 s/,
    ],
    [
      'a warm-up beyond two days',
      { ...PLAIN, WarmUpConfiguration: { WarmUpPeriodDurationInMinutes: 2_881 } },
      'malformed',
      /WarmUpConfiguration/,
    ],
  ])('with %s is refused, by its name', (_, properties, code, message) => {
    expect(() => alarmsOf(properties)).toThrow(
      expect.objectContaining({ code, message: expect.stringMatching(/^Alarm\b/) }),
    );
    expect(() => alarmsOf(properties)).toThrow(message);
  });

  test.each([
    { ...PLAIN, EvaluationPeriods: 288 },
    { ...PLAIN, Period: 3_600, EvaluationPeriods: 168 },
    { ...PLAIN, WarmUpConfiguration: { WarmUpPeriodDurationInMinutes: 2_880 } },
  ])('at the limit is read: %#', (properties) => {
    expect(alarmsOf(properties)).toHaveLength(1);
  });

  test('made of other alarms is refused', () => {
    const composite = resourcesOf({
      Either: ['AWS::CloudWatch::CompositeAlarm', { AlarmRule: 'ALARM(a) OR ALARM(b)' }],
    });
    expect(() => readAlarms(composite)).toThrow(/^Either: AWS::CloudWatch::CompositeAlarm/);
  });
});

describe('a topic', () => {
  const topicsOf = (topic: unknown, others: Record<string, [string, unknown]> = {}) =>
    readTopics(resourcesOf({ Topic: ['AWS::SNS::Topic', topic], ...others }));
  const subscription = (properties: Record<string, unknown>): [string, unknown] => [
    'AWS::SNS::Subscription',
    { TopicArn: { Ref: 'Topic' }, Protocol: 'email', Endpoint: 'a@example.com', ...properties },
  ];

  test('with its subscribers, inside and apart', () => {
    expect(
      topicsOf(
        { DisplayName: 'Alarms', Subscription: [{ Protocol: 'email', Endpoint: 'b@example.com' }] },
        { Mail: subscription({}), Elsewhere: subscription({ TopicArn: 'another' }) },
      ),
    ).toEqual([
      {
        logicalId: 'Topic',
        arn: expect.stringMatching(/^arn:aws:sns:eu-west-1:111122223333:MomentoAuth-Topic-/),
        displayName: 'Alarms',
        emails: ['b@example.com', 'a@example.com'],
      },
    ]);
  });

  test.each<[string, unknown, Record<string, [string, unknown]>]>([
    ['encryption', { KmsMasterKeyId: 'alias/aws/sns' }, {}],
    ['first in, first out', { FifoTopic: true }, {}],
    ['another protocol', {}, { Mail: subscription({ Protocol: 'https' }) }],
    ['a filter', {}, { Mail: subscription({ FilterPolicy: {} }) }],
    ['a policy inside', {}, { Policy: ['AWS::SNS::TopicInlinePolicy', {}] }],
  ])('with %s is refused', (_, topic, others) => {
    expect(() => topicsOf(topic, others)).toThrow(
      expect.objectContaining({ name: 'AssemblyError' }),
    );
  });

  test('has one policy', () => {
    const policy: [string, unknown] = [
      'AWS::SNS::TopicPolicy',
      {
        Topics: [{ Ref: 'Topic' }],
        PolicyDocument: {
          Statement: [
            { Effect: 'Allow', Action: 'sns:Publish', Principal: '*', Resource: { Ref: 'Topic' } },
          ],
        },
      },
    ];
    const topic: [string, unknown] = ['AWS::SNS::Topic', { TopicName: 'alarms' }];
    const topicArn = 'arn:aws:sns:eu-west-1:111122223333:alarms';
    expect(readTopicPolicies(resourcesOf({ Topic: topic, Policy: policy }))).toEqual([
      {
        topicArn,
        statements: [
          {
            Effect: 'Allow',
            Action: ['sns:Publish'],
            Principal: { '*': ['*'] },
            Resource: [topicArn],
          },
        ],
      },
    ]);
    expect(() =>
      readTopicPolicies(resourcesOf({ Topic: topic, Policy: policy, Another: policy })),
    ).toThrow('Another: its topic has the policy Policy already');
  });
});
