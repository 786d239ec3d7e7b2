// Metrics and the alarms on them, by a clock that the test holds.

import { beforeEach, describe, expect, test } from '@jest/globals';
import { Alarms, type MetricAlarm, type Transition } from '../../../local/aws/alarms.ts';
import { embeddedSamples } from '../../../local/aws/embedded-metrics.ts';
import { type MetricId, Metrics } from '../../../local/aws/metrics.ts';
import { Clock, errorOf, HOUR_MS } from './builders.ts';

const MINUTE_MS = 60_000;
const FAILURES: MetricId = {
  namespace: 'App',
  metricName: 'Failures',
  dimensions: { service: 'worker' },
};

const alarmOf = (overrides: Partial<MetricAlarm> = {}): MetricAlarm => ({
  ...FAILURES,
  name: 'failing',
  arn: 'arn:aws:cloudwatch:eu-central-1:111122223333:alarm:failing',
  description: 'It fails.',
  statistic: 'Sum',
  unit: null,
  periodSeconds: 300,
  fillWith: null,
  evaluationPeriods: 1,
  datapointsToAlarm: 1,
  threshold: 1,
  comparisonOperator: 'GreaterThanOrEqualToThreshold',
  treatMissingData: 'notBreaching',
  warmUp: null,
  actionsEnabled: true,
  alarmActions: ['on-alarm'],
  okActions: ['on-ok'],
  insufficientDataActions: ['on-silence'],
  ...overrides,
});

let clock: Clock;
let metrics: Metrics;
let transitions: Transition[];
beforeEach(() => {
  clock = new Clock();
  metrics = new Metrics({ now: clock.now, keepMs: HOUR_MS });
  transitions = [];
});

function alarmsOf(overrides: Partial<MetricAlarm> = {}, timeScale = 1): Alarms {
  return new Alarms({
    metrics,
    alarms: [alarmOf(overrides)],
    now: clock.now,
    timeScale,
    onTransition: (transition) => transitions.push(transition),
  });
}

const stateOf = (alarms: Alarms) => alarms.list()[0]?.state;
const history = () => transitions.map(({ from, to, actions }) => `${from} ${to} ${actions}`);

function pass(alarms: Alarms, minutes: number): void {
  for (let minute = 0; minute < minutes; minute++) {
    clock.advance(MINUTE_MS);
    alarms.evaluate();
  }
}

describe('an alarm', () => {
  test('changes its state once for a fault and once for its end, and runs the actions of each', () => {
    const alarms = alarmsOf();
    expect(stateOf(alarms)).toBe('INSUFFICIENT_DATA');
    pass(alarms, 1);
    metrics.put(FAILURES, 1, 'Count');
    const failedAtMs = clock.now();
    pass(alarms, 1);
    expect(alarms.list()[0]).toMatchObject({
      state: 'ALARM',
      transitionedAtMs: failedAtMs + MINUTE_MS,
      reason: expect.stringMatching(/^Threshold Crossed: 1 out of the last 1 datapoints/),
    });
    metrics.put(FAILURES, 1, 'Count');
    pass(alarms, 60);
    expect(stateOf(alarms)).toBe('OK');
    pass(alarms, 60);
    expect(history()).toEqual([
      'INSUFFICIENT_DATA OK on-ok',
      'OK ALARM on-alarm',
      'ALARM OK on-ok',
    ]);
  });

  test('holds while datapoints enough are in its range, which is wider than its evaluation periods', () => {
    const alarms = alarmsOf();
    metrics.put(FAILURES, 1, 'Count');
    pass(alarms, 15);
    expect(stateOf(alarms)).toBe('ALARM');
    pass(alarms, 1);
    expect(stateOf(alarms)).toBe('OK');
  });

  test('a datapoint within the threshold ends it at once', () => {
    const alarms = alarmsOf({ statistic: 'Maximum', periodSeconds: 60 });
    metrics.put(FAILURES, 1, 'Count');
    pass(alarms, 1);
    expect(stateOf(alarms)).toBe('ALARM');
    metrics.put(FAILURES, 0, 'Count');
    pass(alarms, 1);
    expect(stateOf(alarms)).toBe('OK');
  });

  test('periods run faster by the time scale, and timestamps stay the world’s', () => {
    const alarms = alarmsOf({}, 300);
    expect(alarms.minuteMs).toBe(200);
    metrics.put(FAILURES, 1, 'Count');
    clock.advance(200);
    alarms.evaluate();
    expect(stateOf(alarms)).toBe('ALARM');
    // The range is three periods of five minutes, a second each here.
    clock.advance(2_800);
    alarms.evaluate();
    expect(stateOf(alarms)).toBe('ALARM');
    clock.advance(200);
    alarms.evaluate();
    expect(alarms.list()[0]).toMatchObject({ state: 'OK', transitionedAtMs: clock.now() });
  });

  test.each([7, 333, 900, 1_800])(
    'no sample is lost between two periods, wherever a time scale of %i puts their ends',
    (timeScale) => {
      // A tick an hour, and at least one in two: as the alarm on missing ticks has it.
      const alarms = alarmsOf(
        {
          comparisonOperator: 'LessThanThreshold',
          treatMissingData: 'breaching',
          evaluationPeriods: 24,
          datapointsToAlarm: 24,
          warmUp: { seconds: 7_200, isWhole: true },
        },
        timeScale,
      );
      const startMs = clock.nowMs;
      const at = (minutes: number) => Math.floor(startMs + (minutes * MINUTE_MS) / timeScale);
      for (let minutes = 0; minutes < 50 * 60; minutes++) {
        clock.nowMs = at(minutes);
        if (minutes % 60 === 0) metrics.put(FAILURES, 1, 'Count');
        clock.nowMs += 1;
        alarms.evaluate();
      }
      expect(history()).toEqual(['INSUFFICIENT_DATA OK on-ok']);
    },
  );

  test.each([
    ['a whole one: not before its end', true, 10, 'INSUFFICIENT_DATA'],
    ['a whole one: at its end', true, 11, 'ALARM'],
    ['data enough end another early', false, 2, 'ALARM'],
  ])('warms up; %s', (_, isWhole, minutes, state) => {
    const alarms = alarmsOf({ warmUp: { seconds: 660, isWhole } });
    metrics.put(FAILURES, 1, 'Count');
    pass(alarms, minutes);
    expect(stateOf(alarms)).toBe(state);
  });

  test('does not judge silence while it warms up', () => {
    const silent = {
      treatMissingData: 'breaching',
      warmUp: { seconds: 600, isWhole: false },
    } as const;
    const alarms = alarmsOf(silent);
    pass(alarms, 9);
    expect(transitions).toEqual([]);
    pass(alarms, 1);
    expect(stateOf(alarms)).toBe('ALARM');
  });

  test('begins to warm up when what it waits for begins', () => {
    const alarms = alarmsOf({
      treatMissingData: 'breaching',
      warmUp: { seconds: 600, isWhole: false },
    });
    clock.advance(5 * MINUTE_MS);
    alarms.begin();
    pass(alarms, 9);
    expect(transitions).toEqual([]);
    pass(alarms, 1);
    expect(stateOf(alarms)).toBe('ALARM');
  });

  describe('where an hour takes a second', () => {
    const onTicks = {
      comparisonOperator: 'LessThanThreshold',
      treatMissingData: 'breaching',
      evaluationPeriods: 24,
      datapointsToAlarm: 24,
      warmUp: { seconds: 7_200, isWhole: false },
    } as const;
    const passMs = (alarms: Alarms, ms: number) => {
      for (let passed = 0; passed < ms; passed += 20) {
        clock.advance(20);
        alarms.evaluate();
      }
    };

    test('the first start of a function may take its time; then no silence may', () => {
      const alarms = alarmsOf(onTicks, 3_600);
      passMs(alarms, 6_000);
      expect(transitions).toEqual([]);
      metrics.put(FAILURES, 1, 'Count');
      passMs(alarms, 1_000);
      expect(history()).toEqual(['INSUFFICIENT_DATA OK on-ok']);
      passMs(alarms, 2_000);
      expect(stateOf(alarms)).toBe('ALARM');
    });

    test('what does not come at all is told', () => {
      const alarms = alarmsOf(onTicks, 3_600);
      passMs(alarms, 11_900);
      expect(transitions).toEqual([]);
      passMs(alarms, 200);
      expect(stateOf(alarms)).toBe('ALARM');
    });
  });

  test('fills silence with a value where metric math says so', () => {
    const alarms = alarmsOf({
      comparisonOperator: 'LessThanThreshold',
      fillWith: 0,
      evaluationPeriods: 2,
      datapointsToAlarm: 2,
    });
    metrics.put(FAILURES, 1, 'Count');
    pass(alarms, 10);
    expect(stateOf(alarms)).toBe('OK');
    pass(alarms, 1);
    expect(stateOf(alarms)).toBe('ALARM');
  });

  test('whose actions are disabled changes its state without a word', () => {
    const alarms = alarmsOf({ actionsEnabled: false });
    metrics.put(FAILURES, 1, 'Count');
    pass(alarms, 1);
    expect(history()).toEqual(['INSUFFICIENT_DATA ALARM ']);
  });

  test('that an operator sets runs its actions, and the next evaluation takes it back', () => {
    const alarms = alarmsOf();
    pass(alarms, 1);
    alarms.setState('failing', 'ALARM', 'a try');
    expect(alarms.list()[0]).toMatchObject({ state: 'ALARM', reason: 'a try' });
    pass(alarms, 1);
    expect(history().slice(1)).toEqual(['OK ALARM on-alarm', 'ALARM OK on-ok']);
    expect(errorOf(() => alarms.setState('nobody', 'OK', ''))).toMatchObject({
      name: 'ResourceNotFound',
    });
  });
});

describe('metrics', () => {
  const span = () => ({ fromMs: clock.now() - MINUTE_MS, toMs: clock.now() });

  test('have the five statistics, over a span that includes its beginning and not its end', () => {
    metrics.put(FAILURES, 3, 'Count');
    clock.advance(MINUTE_MS - 1);
    metrics.put(FAILURES, 1, 'Count');
    clock.advance(1);
    metrics.put(FAILURES, 100, 'Count');
    expect(metrics.statistics(FAILURES, span())).toEqual({
      SampleCount: 2,
      Sum: 4,
      Minimum: 1,
      Maximum: 3,
      Average: 2,
    });
    clock.advance(1);
    expect(metrics.statistics(FAILURES, span())).toMatchObject({ Sum: 101 });
  });

  test('no sample is not zero', () => {
    expect(metrics.statistics(FAILURES, span())).toBeUndefined();
  });

  test('another value, another set of dimensions, another unit: not counted', () => {
    metrics.put({ ...FAILURES, dimensions: { service: 'other' } }, 1, 'Count');
    metrics.put({ ...FAILURES, dimensions: {} }, 1, 'Count');
    metrics.put({ ...FAILURES, dimensions: { service: 'worker', more: 'x' } }, 1, 'Count');
    clock.advance(1);
    expect(metrics.statistics(FAILURES, span())).toBeUndefined();
    metrics.put(FAILURES, 1, 'Seconds');
    clock.advance(1);
    expect(metrics.statistics(FAILURES, span(), 'Count')).toBeUndefined();
    expect(metrics.statistics(FAILURES, span(), 'Seconds')).toMatchObject({ Sum: 1 });
  });

  test('are the same whatever the order of their dimensions', () => {
    metrics.put({ ...FAILURES, dimensions: { a: '1', b: '2' } }, 1, 'Count');
    clock.advance(1);
    const turned = { ...FAILURES, dimensions: { b: '2', a: '1' } };
    expect(metrics.statistics(turned, span())).toMatchObject({ Sum: 1 });
    expect(metrics.list()).toHaveLength(1);
  });

  test('are kept for as long as they are needed, and not for ever', () => {
    metrics.put(FAILURES, 1, 'Count');
    clock.advance(HOUR_MS);
    metrics.put(FAILURES, 1, 'Count');
    const all = () => metrics.statistics(FAILURES, { fromMs: 0, toMs: Number.MAX_VALUE })?.Sum;
    expect(all()).toBe(2);
    clock.advance(1.5 * HOUR_MS);
    metrics.put(FAILURES, 1, 'Count');
    expect(all()).toBe(1);
  });
});

describe('the embedded metric format', () => {
  const line = (overrides: Record<string, unknown> = {}, metadata: unknown = undefined) =>
    JSON.stringify({
      _aws: metadata ?? {
        Timestamp: 1_795_352_400_000,
        CloudWatchMetrics: [
          {
            Namespace: 'App',
            Dimensions: [['service']],
            Metrics: [{ Name: 'Failures', Unit: 'Count' }],
          },
        ],
      },
      service: 'worker',
      Failures: 2,
      ...overrides,
    });
  const sample = { ...FAILURES, value: 2, unit: 'Count' };

  test('a value, and a list of values', () => {
    expect(embeddedSamples(line())).toEqual([sample]);
    expect(embeddedSamples(line({ Failures: [1, 2] }))).toEqual([{ ...sample, value: 1 }, sample]);
  });

  test('every set of dimensions is a metric, the empty one too; a missing unit is None', () => {
    const metadata = {
      Timestamp: 0,
      CloudWatchMetrics: [
        {
          Namespace: 'App',
          Dimensions: [[], ['service', 'reason'], ['absent']],
          Metrics: [{ Name: 'Failures' }],
        },
      ],
    };
    expect(embeddedSamples(line({ reason: 'x' }, metadata))).toEqual([
      { ...sample, dimensions: {}, unit: 'None' },
      { ...sample, dimensions: { service: 'worker', reason: 'x' }, unit: 'None' },
    ]);
  });

  test.each([
    ['text', 'hello "_aws"'],
    ['other JSON', '{"level":"INFO","message":"_aws"}'],
    ['an array', '["_aws"]'],
    ['a value that is no number', line({ Failures: 'many' })],
    ['a metric that is not in the line', line({ Failures: undefined })],
    ['no directive', line({}, { Timestamp: 0 })],
  ])('%s: none', (_, text) => {
    expect(embeddedSamples(text)).toEqual([]);
  });
});
