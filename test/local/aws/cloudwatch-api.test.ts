// CloudWatch and SNS on the wire: the `aws` CLI where it is installed, and signed requests as any client sends them.

import { execFile, spawnSync } from 'node:child_process';
import { Sha256 } from '@aws-crypto/sha256-js';
import { afterEach, beforeEach, describe, expect, test } from '@jest/globals';
import { SignatureV4 } from '@smithy/signature-v4';
import { Alarms, type Transition } from '../../../local/aws/alarms.ts';
import { cloudWatchQueryService, cloudWatchService } from '../../../local/aws/cloudwatch-api.ts';
import { Metrics } from '../../../local/aws/metrics.ts';
import type { AccessKey } from '../../../local/aws/principals.ts';
import { readForm } from '../../../local/aws/query-protocol.ts';
import { Topics } from '../../../local/aws/topics.ts';
import { topicsService } from '../../../local/aws/topics-api.ts';
import { ACCOUNT_ID, Clock, counter, REGION, type Stack, startStack } from './builders.ts';

const TOPIC_ARN = `arn:aws:sns:${REGION}:${ACCOUNT_ID}:alarms`;
const QUEUE_LENGTH = {
  namespace: 'AWS/SQS',
  metricName: 'ApproximateNumberOfMessagesVisible',
  dimensions: { QueueName: 'failed & <lost>' },
};
const MINUTE_MS = 60_000;

let clock: Clock;
let metrics: Metrics;
let alarms: Alarms;
let topics: Topics;
let transitions: Transition[];
let stack: Stack;
beforeEach(async () => {
  clock = new Clock();
  metrics = new Metrics({ now: clock.now, keepMs: 3_600_000 });
  topics = new Topics({ accountId: ACCOUNT_ID, now: clock.now, newId: counter() });
  topics.create({ arn: TOPIC_ARN, displayName: '' });
  topics.subscribe(TOPIC_ARN, { protocol: 'email', endpoint: 'operator@example.com' });
  transitions = [];
  const alarmOf = (name: string, fillWith: number | null) => ({
    ...QUEUE_LENGTH,
    name,
    arn: `arn:aws:cloudwatch:${REGION}:${ACCOUNT_ID}:alarm:${name}`,
    description: 'Runs wait & <nobody> looks.',
    statistic: 'Maximum' as const,
    unit: null,
    periodSeconds: 300,
    fillWith,
    evaluationPeriods: 2,
    datapointsToAlarm: 1,
    threshold: 1,
    comparisonOperator: 'GreaterThanOrEqualToThreshold' as const,
    treatMissingData: 'notBreaching' as const,
    warmUp: null,
    actionsEnabled: true,
    alarmActions: [TOPIC_ARN],
    okActions: [],
    insufficientDataActions: [],
  });
  alarms = new Alarms({
    metrics,
    alarms: [alarmOf('app-failed', null), alarmOf('app-filled', 0), alarmOf('other', null)],
    now: clock.now,
    onTransition: (transition) => transitions.push(transition),
  });
  stack = await startStack({
    services: [cloudWatchService({ alarms, metrics })],
    queries: [cloudWatchQueryService({ alarms, metrics }), topicsService(topics)],
  });
});
afterEach(() => stack.close());

/** A request of the query protocol, as older clients send it to CloudWatch, and all clients to SNS. */
async function query(
  service: string,
  fields: Record<string, string>,
  credentials: AccessKey = stack.operator,
): Promise<{ status: number; body: string }> {
  const { hostname, port, protocol } = new URL(stack.server.url);
  const request = {
    method: 'POST',
    protocol,
    hostname,
    port: Number(port),
    path: '/',
    query: {},
    headers: {
      host: `${hostname}:${port}`,
      'content-type': 'application/x-www-form-urlencoded; charset=utf-8',
    },
    body: new URLSearchParams(fields).toString(),
  };
  const signer = new SignatureV4({ service, region: REGION, credentials, sha256: Sha256 });
  const signed = await signer.sign(request);
  const answer = await fetch(stack.server.url, {
    method: 'POST',
    headers: signed.headers,
    body: request.body,
  });
  return { status: answer.status, body: await answer.text() };
}

const CLOUDWATCH = { Version: '2010-08-01' };
const SNS = { Version: '2010-03-31' };

describe('the query protocol', () => {
  test('a form’s lists are lists, in the order of their indices', () => {
    const form = new URLSearchParams(
      'A=x&Names.member.2=b&Names.member.1=a&D.member.1.Name=n&D.member.1.Value=v&__proto__.x=1',
    );
    expect(readForm(form)).toEqual({
      A: 'x',
      Names: ['a', 'b'],
      D: [{ Name: 'n', Value: 'v' }],
      ['__proto__']: { x: '1' },
    });
    expect(Object.hasOwn(Object.prototype, 'x')).toBe(false);
  });

  test('DescribeAlarms filters by name, and its XML is escaped', async () => {
    const { status, body } = await query('monitoring', {
      ...CLOUDWATCH,
      Action: 'DescribeAlarms',
      'AlarmNames.member.1': 'app-failed',
    });
    expect(status).toBe(200);
    expect(body.match(/<AlarmName>[^<]*/g)).toEqual(['<AlarmName>app-failed']);
    expect(body).toContain('Runs wait &#38; &#60;nobody&#62; looks.');
    expect(body).toMatch(/<StateUpdatedTimestamp>2026-01-15T10:00:00.000Z</);
  });

  test('numbers and instants come as text', async () => {
    metrics.put(QUEUE_LENGTH, 3, 'Count');
    const { body } = await query('monitoring', {
      ...CLOUDWATCH,
      Action: 'GetMetricStatistics',
      Namespace: QUEUE_LENGTH.namespace,
      MetricName: QUEUE_LENGTH.metricName,
      'Dimensions.member.1.Name': 'QueueName',
      'Dimensions.member.1.Value': QUEUE_LENGTH.dimensions.QueueName,
      StartTime: new Date(clock.nowMs - MINUTE_MS).toISOString(),
      EndTime: new Date(clock.nowMs + MINUTE_MS).toISOString(),
      Period: '60',
      'Statistics.member.1': 'Sum',
      'Statistics.member.2': 'SampleCount',
    });
    expect(body).toContain(
      `<Timestamp>${new Date(clock.nowMs).toISOString()}</Timestamp><Sum>3</Sum><SampleCount>1</SampleCount><Unit>Count</Unit>`,
    );
    expect(body.match(/<Timestamp>/g)).toHaveLength(1);
  });

  test('a topic’s subscribers, and a message to them', async () => {
    const listed = await query('sns', {
      ...SNS,
      Action: 'ListSubscriptionsByTopic',
      TopicArn: TOPIC_ARN,
    });
    expect(listed.body).toContain('<Protocol>email</Protocol><Endpoint>operator@example.com<');
    const sent = await query('sns', {
      ...SNS,
      Action: 'Publish',
      TopicArn: TOPIC_ARN,
      Subject: 'a try',
      Message: 'does anybody hear?',
    });
    expect(sent.body).toMatch(/<PublishResult><MessageId>[0-9a-f-]{36}</);
    expect(topics.sent).toMatchObject([
      { subject: 'a try', message: 'does anybody hear?', recipients: ['operator@example.com'] },
    ]);
  });

  test.each([
    [
      'another topic',
      'sns',
      { ...SNS, Action: 'Publish', TopicArn: 'x', Message: 'y' },
      404,
      'NotFound',
    ],
    [
      'an empty message',
      'sns',
      { ...SNS, Action: 'Publish', TopicArn: TOPIC_ARN, Message: '' },
      400,
      'InvalidParameter',
    ],
    ['another operation', 'sns', { ...SNS, Action: 'DeleteTopic' }, 400, 'InvalidAction'],
    [
      'an operation of every object',
      'sns',
      { ...SNS, Action: 'constructor' },
      400,
      'InvalidAction',
    ],
    [
      'another service’s signature',
      'sqs',
      { ...SNS, Action: 'ListTopics' },
      400,
      'InvalidSignatureException',
    ],
    [
      'a state that there is not',
      'monitoring',
      { ...CLOUDWATCH, Action: 'DescribeAlarms', StateValue: 'FINE' },
      400,
      'SerializationException',
    ],
  ])('%s is refused', async (_, service, fields, status, code) => {
    const answer = await query(service, fields);
    expect([answer.status, /<Code>(.*?)</.exec(answer.body)?.[1]]).toEqual([status, code]);
  });

  test('only for whom it is allowed', async () => {
    const role = stack.role({ Effect: 'Allow', Action: 'sns:ListTopics', Resource: '*' });
    expect(await query('sns', { ...SNS, Action: 'ListTopics' }, role)).toMatchObject({
      status: 200,
    });
    const publish = { ...SNS, Action: 'Publish', TopicArn: TOPIC_ARN, Message: 'x' };
    expect((await query('sns', publish, role)).body).toContain(
      `is not authorized to perform: sns:Publish on resource: ${TOPIC_ARN}`,
    );
    expect(topics.sent).toEqual([]);
  });
});

const withCli = spawnSync('aws', ['--version']).status === 0 ? describe : describe.skip;

withCli('the aws CLI', () => {
  const aws = (...words: string[]) =>
    new Promise<{ out: string; err: string }>((resolve) => {
      execFile(
        'aws',
        [...words, '--endpoint-url', stack.server.url, '--output', 'json'],
        {
          env: {
            PATH: process.env.PATH ?? '',
            AWS_ACCESS_KEY_ID: stack.operator.accessKeyId,
            AWS_SECRET_ACCESS_KEY: stack.operator.secretAccessKey,
            AWS_DEFAULT_REGION: REGION,
            AWS_CONFIG_FILE: '/dev/null',
            AWS_SHARED_CREDENTIALS_FILE: '/dev/null',
            AWS_MAX_ATTEMPTS: '1',
            AWS_EC2_METADATA_DISABLED: 'true',
          },
        },
        (_, out, err) => resolve({ out, err }),
      );
    });
  const names = (out: string): string[] =>
    JSON.parse(out).MetricAlarms.map(({ AlarmName }: { AlarmName: string }) => AlarmName);

  test('describes alarms by state and by prefix, sets one, and is told of one that is not there', async () => {
    metrics.put(QUEUE_LENGTH, 1, 'Count');
    clock.advance(MINUTE_MS);
    alarms.evaluate();
    alarms.setState('other', 'OK', 'looked at');
    const [inAlarm, byPrefix, set, missing] = await Promise.all([
      aws('cloudwatch', 'describe-alarms', '--state-value', 'ALARM'),
      aws('cloudwatch', 'describe-alarms', '--alarm-name-prefix', 'oth'),
      aws(
        ...['cloudwatch', 'set-alarm-state', '--alarm-name', 'app-failed'],
        ...['--state-value', 'INSUFFICIENT_DATA', '--state-reason', 'a try'],
      ),
      aws(
        ...['cloudwatch', 'set-alarm-state', '--alarm-name', 'nobody'],
        ...['--state-value', 'OK', '--state-reason', 'a try'],
      ),
    ]);
    expect(names(inAlarm.out)).toContain('app-filled');
    expect(JSON.parse(inAlarm.out).MetricAlarms.at(-1)).toMatchObject({
      Metrics: [{ Expression: 'FILL(metric, 0)' }, { MetricStat: { Period: 300 } }],
    });
    expect(names(byPrefix.out)).toEqual(['other']);
    expect(JSON.parse(byPrefix.out).MetricAlarms[0]).toMatchObject({
      Namespace: 'AWS/SQS',
      Dimensions: [{ Name: 'QueueName', Value: 'failed & <lost>' }],
      StateValue: 'OK',
      StateReason: 'looked at',
    });
    expect(set).toEqual({ out: '', err: '' });
    expect(transitions.at(-1)).toMatchObject({ to: 'INSUFFICIENT_DATA', reason: 'a try' });
    expect(missing.err).toContain('(ResourceNotFound)');
  }, 60_000);

  test('lists metrics, reads one, and lists subscribers', async () => {
    metrics.put(QUEUE_LENGTH, 3, 'Count');
    const [listed, read, subscribers] = await Promise.all([
      aws('cloudwatch', 'list-metrics', '--namespace', 'AWS/SQS'),
      aws(
        ...['cloudwatch', 'get-metric-statistics', '--namespace', 'AWS/SQS', '--period', '60'],
        ...['--metric-name', QUEUE_LENGTH.metricName, '--statistics', 'Maximum'],
        ...['--dimensions', 'Name=QueueName,Value=failed & <lost>'],
        ...['--start-time', '2026-01-15T09:59:00Z', '--end-time', '2026-01-15T10:01:00Z'],
      ),
      aws('sns', 'list-subscriptions-by-topic', '--topic-arn', TOPIC_ARN),
    ]);
    expect(JSON.parse(listed.out).Metrics).toHaveLength(1);
    expect(JSON.parse(read.out).Datapoints).toMatchObject([{ Maximum: 3, Unit: 'Count' }]);
    expect(JSON.parse(subscribers.out).Subscriptions).toMatchObject([
      { Endpoint: 'operator@example.com' },
    ]);
  }, 60_000);
});
