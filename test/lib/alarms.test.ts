// The alarms: what each looks at and for how long, for fast schedules and slow ones, and who may speak to the topic.
import { describe, expect, test } from '@jest/globals';
import { claimBackOffMs } from '../../lambda/rotate-key/claim-value.ts';
import {
  alarmWindow,
  LONGEST_BACK_OFF_SECONDS,
  longestTimeBetweenFailuresSeconds,
} from '../../lib/alarm-windows.ts';
import { readSchedule } from '../../lib/schedule.ts';
import {
  arn,
  inside,
  ofType,
  only,
  type Synthesis,
  statementsOf,
  synthesize,
} from './synthesis.ts';

/** The alarms of a template by their ids in `Alarms`. */
function alarmsOf(
  synthesis: Synthesis,
): Readonly<Record<string, Readonly<Record<string, unknown>>>> {
  return Object.fromEntries(
    ofType(synthesis, 'AWS::CloudWatch::Alarm').map(([id, { Properties }]) => [
      id.replace(/^Alarms(.*)[0-9A-F]{8}$/, '$1'),
      Properties,
    ]),
  );
}

const rotationAlone = (config: object = {}) => synthesize({ tokenEndpoint: false, ...config });

const ofRotation = [
  'FailedRuns',
  'KeyOverdue',
  'KeyRefused',
  'NoSweep',
  'RotateKeyErrors',
  'RotateKeyThrottles',
  'RotationFailed',
  'UndeliveredTicks',
];
const ofTheTokenEndpoint = [
  'TokenEndpoint5xx',
  'VendTokenErrors',
  'VendTokenThrottles',
  'VendingKeyRefused',
];

/** Seconds of a period, how many are looked at, and how many of them must be bad. */
type Expected = readonly [period: number, periods: number, breaching: number];

describe('what each alarm looks at', () => {
  const own = (service: string, metric: string, statistic: string) => ({
    Namespace: 'MomentoAuth',
    MetricName: metric,
    Dimensions: [{ Name: 'service', Value: service }],
    Statistic: statistic,
  });
  const queue = (id: string) => ({
    Namespace: 'AWS/SQS',
    MetricName: 'ApproximateNumberOfMessagesVisible',
    Dimensions: [{ Name: 'QueueName', Value: { 'Fn::GetAtt': [id, 'QueueName'] } }],
    Statistic: 'Maximum',
  });
  const lambda = (id: string, metric: string) => ({
    Namespace: 'AWS/Lambda',
    MetricName: metric,
    Dimensions: [{ Name: 'FunctionName', Value: { Ref: id } }],
    Statistic: 'Sum',
  });
  const oneOrMore = {
    Threshold: 1,
    ComparisonOperator: 'GreaterThanOrEqualToThreshold',
    TreatMissingData: 'notBreaching',
  };
  const rotateKey = 'RotateKeyFunction6B2FC8E1';
  const vendToken = 'TokenEndpointVendTokenFunction8D708DE8';

  test.each([
    ['RotationFailed', { ...own('rotate-key', 'KeysFailed', 'Sum'), ...oneOrMore }],
    ['KeyRefused', { ...own('rotate-key', 'KeysRefused', 'Maximum'), ...oneOrMore }],
    ['KeyOverdue', { ...own('rotate-key', 'KeysOverdue', 'Maximum'), ...oneOrMore }],
    [
      'NoSweep',
      {
        ...own('rotate-key', 'Sweeps', 'Sum'),
        Threshold: 1,
        ComparisonOperator: 'LessThanThreshold',
        TreatMissingData: 'breaching',
      },
    ],
    [
      'UndeliveredTicks',
      {
        ...queue('RotateKeyUndeliveredTicks67848B99'),
        ...oneOrMore,
        TreatMissingData: 'ignore',
      },
    ],
    [
      'FailedRuns',
      { ...queue('RotateKeyFailedRunsD9081C15'), ...oneOrMore, TreatMissingData: 'ignore' },
    ],
    ['RotateKeyErrors', { ...lambda(rotateKey, 'Errors'), ...oneOrMore }],
    ['RotateKeyThrottles', { ...lambda(rotateKey, 'Throttles'), ...oneOrMore }],
    ['VendTokenErrors', { ...lambda(vendToken, 'Errors'), ...oneOrMore }],
    ['VendTokenThrottles', { ...lambda(vendToken, 'Throttles'), ...oneOrMore }],
    [
      'TokenEndpoint5xx',
      {
        Namespace: 'AWS/ApiGateway',
        MetricName: '5xx',
        Dimensions: [
          { Name: 'ApiId', Value: { Ref: 'TokenEndpointApi14BCE87D' } },
          { Name: 'Stage', Value: '$default' },
        ],
        Statistic: 'Sum',
        ...oneOrMore,
      },
    ],
    ['VendingKeyRefused', { ...own('vend-token', 'KeyRefused', 'Sum'), ...oneOrMore }],
  ])('%s', (id, expected) => {
    expect(alarmsOf(synthesize())[id]).toMatchObject(expected);
  });

  test('of another stack in the same account is its own', () => {
    const { NoSweep, VendingKeyRefused } = alarmsOf(synthesize({ stackName: 'Another' }));
    expect(NoSweep?.Namespace).toBe('Another');
    expect(VendingKeyRefused?.Namespace).toBe('Another');
  });
});

describe('for how long', () => {
  // Held: from a failure at the beginning of a run over that run's time-out and the back-off (6600 s),
  // the interval to the next tick, that tick's time-out, and a minute. Twice the interval: exactly.
  test.each<[string, { readonly held: Expected; readonly noSweep: Expected }]>([
    // 6600 + 60 + 60 + 60 + 60 = 6840 s.
    ['rate(1 minute)', { held: [300, 23, 1], noSweep: [60, 2, 2] }],
    // 6600 + 300 + 420 + 300 + 60 = 7680 s.
    ['rate(7 minutes)', { held: [300, 26, 1], noSweep: [60, 14, 14] }],
    // 6600 + 300 + 3600 + 300 + 60 = 10860 s.
    ['rate(1 hour)', { held: [300, 37, 1], noSweep: [300, 24, 24] }],
    // 6600 + 300 + 50400 + 300 + 60 = 57660 s; twice 50400 s is more than the day that short periods may last.
    ['cron(0 8-18 * * ? *)', { held: [300, 193, 1], noSweep: [3_600, 28, 28] }],
    // 6600 + 300 + 86400 + 300 + 60 = 93660 s.
    ['rate(1 day)', { held: [3_600, 27, 1], noSweep: [3_600, 48, 48] }],
  ])('%s', (schedule, { held, noSweep }) => {
    const alarms = alarmsOf(synthesize({ schedule }));
    const expected: Readonly<Record<string, Expected>> = {
      RotationFailed: held,
      KeyRefused: held,
      KeyOverdue: held,
      RotateKeyErrors: held,
      RotateKeyThrottles: held,
      NoSweep: noSweep,
      UndeliveredTicks: [300, 1, 1],
      FailedRuns: [300, 1, 1],
      VendTokenErrors: [300, 12, 1],
      VendTokenThrottles: [300, 12, 1],
      TokenEndpoint5xx: [300, 12, 2],
      VendingKeyRefused: [300, 12, 1],
    };
    const windows = Object.entries(alarms).map(([id, it]) => [
      id,
      [it.Period, it.EvaluationPeriods, it.DatapointsToAlarm],
    ]);
    expect(Object.fromEntries(windows)).toEqual(expected);
  });

  test('a function that finds keys by tag may run longer, and be silent longer', () => {
    const { RotationFailed } = alarmsOf(
      rotationAlone({ discoverKeysByTag: { key: 'k', value: 'v' } }),
    );
    // 6600 + 900 + 3600 + 900 + 60 = 12060 s.
    expect(RotationFailed).toMatchObject({ Period: 300, EvaluationPeriods: 41 });
  });

  test('no longer than CloudWatch takes, whatever the schedule', () => {
    for (const minutes of [1, 2, 7, 59, 60, 61, 110, 719, 720, 721, 840, 1_300, 1_439, 1_440]) {
      for (const timeoutSeconds of [60, 300, 900]) {
        const intervalSeconds = minutes * 60;
        const seconds = longestTimeBetweenFailuresSeconds(intervalSeconds, timeoutSeconds);
        for (const needed of [seconds, 2 * intervalSeconds]) {
          const { periodSeconds, evaluationPeriods } = alarmWindow(needed);
          const window = periodSeconds * evaluationPeriods;
          expect(window).toBeGreaterThanOrEqual(needed);
          expect(window).toBeLessThan(needed + periodSeconds);
          expect(window).toBeLessThanOrEqual(periodSeconds < 3_600 ? 86_400 : 604_800);
          expect(periodSeconds % 60).toBe(0);
        }
      }
    }
  });

  test('windows that CloudWatch counts differently on both sides of an hour and of a day', () => {
    expect([3_599, 3_600, 86_400, 86_401].map(alarmWindow)).toEqual([
      { periodSeconds: 60, evaluationPeriods: 60 },
      { periodSeconds: 300, evaluationPeriods: 12 },
      { periodSeconds: 300, evaluationPeriods: 288 },
      { periodSeconds: 3_600, evaluationPeriods: 25 },
    ]);
  });

  test('the longest back-off is the one that rotate-key has', () => {
    const backOffs = Array.from({ length: 100 }, (_, attempt) => claimBackOffMs(attempt) / 1_000);
    expect(Math.max(...backOffs)).toBe(LONGEST_BACK_OFF_SECONDS);
  });

  const HOUR = 3_600;
  const hours = (from: number, to: number, step = 1) =>
    Array.from({ length: (to - from) / step + 1 }, (_, index) => (from + index * step) * HOUR);

  /** When the ticks of a schedule come, in seconds of a day. Written down here: what reads schedules is tested too. */
  test.each<[string, readonly number[]]>([
    ['rate(1 minute)', hours(0, 24 - 1 / 60, 1 / 60)],
    ['rate(7 minutes)', hours(0, 23.9, 7 / 60)],
    ['rate(1 hour)', hours(0, 23)],
    ['rate(1 day)', [0]],
    ['cron(0 8-18 * * ? *)', hours(8, 18)],
    ['cron(0/30 6-20 * * ? *)', hours(6, 20.5, 0.5)],
    ['cron(0 0-12 * * ? *)', hours(0, 12)],
  ])(
    '%s: a key that fails at every attempt keeps its alarm, whenever it begins',
    (schedule, ticks) => {
      const read = readSchedule(schedule);
      if (!read.ok) throw new Error(read.problem);
      const { intervalSeconds } = read;
      const timeoutSeconds = Math.min(Math.max(intervalSeconds, 60), 300);
      const longest = longestTimeBetweenFailuresSeconds(intervalSeconds, timeoutSeconds);
      for (const startSeconds of hours(0, 23.25, 0.75)) {
        for (const firstAttempt of [0, 5, 6, 7]) {
          const gaps = gapsBetweenFailures({ ticks, startSeconds, firstAttempt, timeoutSeconds });
          expect(gaps.length).toBeGreaterThan(10);
          expect(Math.max(...gaps)).toBeLessThanOrEqual(longest);
        }
      }
    },
  );

  interface Failing {
    readonly ticks: readonly number[];
    /** When the key begins to fail. */
    readonly startSeconds: number;
    /** How often it has failed before: the back-off grows with it. */
    readonly firstAttempt: number;
    readonly timeoutSeconds: number;
  }

  /** Seconds from each failure to the next, over 16 days. */
  function gapsBetweenFailures(of: Failing): readonly number[] {
    const { ticks, startSeconds, firstAttempt, timeoutSeconds } = of;
    const failures: number[] = [];
    let triesFrom = startSeconds;
    for (const tick of hours(0, 15 * 24, 24).flatMap((day) => ticks.map((at) => day + at))) {
      // A tick may be a minute late; a run claims at once or late, and fails with its time-out, or at once.
      const attempt = failures.length;
      const begins = tick + (attempt % 2 === 0 ? 0 : 59);
      if (begins < triesFrom) continue;
      const claims = begins + (attempt % 5 === 0 ? timeoutSeconds - 2 : 0);
      const backOff = claimBackOffMs(firstAttempt + attempt) / 1_000;
      triesFrom = claims + Math.max(backOff, begins + timeoutSeconds - claims);
      failures.push(attempt % 3 === 0 ? begins + timeoutSeconds : claims + 1);
    }
    return failures.slice(1).map((at, index) => at - (failures[index] ?? 0));
  }
});

describe('a new stack', () => {
  test.each([
    ['rate(1 minute)', 15],
    ['rate(7 minutes)', 15],
    ['rate(8 minutes)', 16],
    ['rate(1 hour)', 120],
    // As many as CloudWatch takes.
    ['rate(1 day)', 2_880],
  ])('%s: nobody misses its first runs for %d minutes', (schedule, minutes) => {
    const alarms = alarmsOf(rotationAlone({ schedule }));
    expect(alarms.NoSweep?.WarmUpConfiguration).toEqual({ WarmUpPeriodDurationInMinutes: minutes });
    const others = Object.entries(alarms).filter(([id]) => id !== 'NoSweep');
    expect(others.filter(([, it]) => 'WarmUpConfiguration' in it)).toEqual([]);
  });

  test('that time begins when the schedule is there', () => {
    const synthesis = rotationAlone();
    const [rule] = only(synthesis, 'AWS::Events::Rule');
    const waiting = ofType(synthesis, 'AWS::CloudWatch::Alarm').filter(([, it]) =>
      it.DependsOn?.includes(rule),
    );
    expect(waiting.map(([id]) => id)).toEqual([expect.stringMatching(/^AlarmsNoSweep/)]);
  });
});

describe('every alarm', () => {
  test('tells the topic of its beginning and of its end, and says what happened and where to read on', () => {
    const synthesis = synthesize();
    const [topicId] = only(synthesis, 'AWS::SNS::Topic');
    for (const it of Object.values(alarmsOf(synthesis))) {
      expect(it.AlarmActions).toEqual([{ Ref: topicId }]);
      expect(it.OKActions).toEqual([{ Ref: topicId }]);
      expect(it).not.toHaveProperty('ActionsEnabled');
      expect(it).not.toHaveProperty('InsufficientDataActions');
      expect(it.AlarmDescription).toMatch(/^[A-Z][ -~]+\. See docs\/runbook\.md#[a-z0-9-]+$/);
    }
  });

  test('is there: those of the token endpoint where there is one', () => {
    expect(Object.keys(alarmsOf(synthesize())).sort()).toEqual(
      [...ofRotation, ...ofTheTokenEndpoint].sort(),
    );
    expect(Object.keys(alarmsOf(rotationAlone())).sort()).toEqual(ofRotation);
  });

  test('keeps its id, whatever keys and addresses there are', () => {
    const idsOf = (config: object) =>
      ofType(rotationAlone(config), 'AWS::CloudWatch::Alarm').map(([id]) => id);
    const ids = idsOf({});
    expect(ids).toHaveLength(ofRotation.length);
    const keys = Array.from({ length: 30 }, (_, index) => ({ name: `key-${index}` }));
    expect(idsOf({ keys })).toEqual(ids);
    expect(idsOf({ alarmEmails: ['a@example.com', 'b@example.com'] })).toEqual(ids);
    expect(idsOf({ discoverKeysByTag: { key: 'k', value: 'v' } })).toEqual(ids);
  });
});

describe('the topic', () => {
  test('takes nothing but alarms of this stack, and nothing without TLS', () => {
    const synthesis = synthesize();
    const [topicId] = only(synthesis, 'AWS::SNS::Topic');
    const [, policy] = only(synthesis, 'AWS::SNS::TopicPolicy');
    expect(policy.Properties.Topics).toEqual([{ Ref: topicId }]);
    expect(statementsOf(policy)).toEqual([
      {
        Sid: 'AllowPublishThroughSSLOnly',
        Effect: 'Deny',
        Principal: '*',
        Action: 'sns:Publish',
        Resource: { Ref: topicId },
        Condition: { Bool: { 'aws:SecureTransport': 'false' } },
      },
      {
        Sid: 'AlarmsOfThisStack',
        Effect: 'Allow',
        Principal: { Service: 'cloudwatch.amazonaws.com' },
        Action: 'sns:Publish',
        Resource: { Ref: topicId },
        Condition: {
          StringEquals: { 'aws:SourceAccount': { Ref: 'AWS::AccountId' } },
          ArnLike: {
            'aws:SourceArn': arn('cloudwatch', [':alarm:', { Ref: 'AWS::StackName' }, '-*']),
          },
        },
      },
    ]);
  });

  test("has no KMS key: with SNS's own, CloudWatch could say nothing", () => {
    const [, topic] = only(synthesize(), 'AWS::SNS::Topic');
    expect(topic.Properties).toEqual({ DisplayName: 'MomentoAuth' });
  });

  test('is heard by the configured addresses', () => {
    expect(ofType(rotationAlone(), 'AWS::SNS::Subscription')).toEqual([]);
    const synthesis = rotationAlone({ alarmEmails: ['a@example.com', 'b@example.com'] });
    const [topicId] = only(synthesis, 'AWS::SNS::Topic');
    expect(
      ofType(synthesis, 'AWS::SNS::Subscription').map(([, { Properties }]) => Properties),
    ).toEqual(
      ['a@example.com', 'b@example.com'].map((Endpoint) => ({
        TopicArn: { Ref: topicId },
        Protocol: 'email',
        Endpoint,
      })),
    );
  });

  test('keeps the subscription of an address when others come and go', () => {
    const idsOf = (...alarmEmails: string[]) =>
      new Map(
        ofType(rotationAlone({ alarmEmails }), 'AWS::SNS::Subscription').map(([id, it]) => [
          inside(it.Properties, 'Endpoint'),
          id,
        ]),
      );
    const both = idsOf('a@example.com', 'b@example.com');
    expect(idsOf('b@example.com').get('b@example.com')).toBe(both.get('b@example.com'));
    expect(new Set(both.values()).size).toBe(2);
  });
});
