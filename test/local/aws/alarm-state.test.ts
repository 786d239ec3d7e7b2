// The tables of CloudWatch's documentation on missing data, row by row, and the four comparisons.

import { describe, expect, test } from '@jest/globals';
import {
  type AlarmRule,
  type AlarmState,
  evaluateAlarm,
  evaluationRange,
  type TreatMissingData,
} from '../../../local/aws/alarm-state.ts';

const START_MS = Date.UTC(2026, 10, 22, 13);

const rule = (overrides: Partial<AlarmRule> = {}): AlarmRule => ({
  comparisonOperator: 'GreaterThanOrEqualToThreshold',
  threshold: 1,
  evaluationPeriods: 3,
  datapointsToAlarm: 3,
  treatMissingData: 'missing',
  ...overrides,
});

/** `0` within the threshold, `X` beyond it, `-` missing; oldest first, a minute each. */
const range = (row: string) =>
  row
    .split(' ')
    .map((mark, index) =>
      mark === '-'
        ? undefined
        : { value: mark === 'X' ? 2 : 0, startMs: START_MS + index * 60_000 },
    );

const MODES: readonly TreatMissingData[] = ['missing', 'ignore', 'breaching', 'notBreaching'];
const RETAINED = 'the present state';
type Expected = AlarmState | typeof RETAINED;

const everyMode = (state: Expected): Expected[] => MODES.map(() => state);

// https://docs.aws.amazon.com/AmazonCloudWatch/latest/monitoring/alarms-and-missing-data.html
describe.each<[number, string, Expected[]]>([
  [3, '0 - X - X', everyMode('OK')],
  [3, '0 - - - -', everyMode('OK')],
  [3, '- - - - -', ['INSUFFICIENT_DATA', RETAINED, 'ALARM', 'OK']],
  [3, '0 X X - X', everyMode('ALARM')],
  [3, '- - X - -', ['ALARM', RETAINED, 'ALARM', 'OK']],
  [2, '0 - X - X', everyMode('ALARM')],
  [2, '0 0 X 0 X', everyMode('ALARM')],
  [2, '0 - X - -', ['OK', 'OK', 'ALARM', 'OK']],
  [2, '- - - - 0', ['OK', 'OK', 'ALARM', 'OK']],
  [2, '- - - X -', ['ALARM', RETAINED, 'ALARM', 'OK']],
])('%i of 3: %s', (datapointsToAlarm, row, expected) => {
  test.each(MODES.map((mode, index) => [mode, expected[index]] as const))(
    '%s: %s',
    (mode, state) => {
      const found = evaluateAlarm(rule({ datapointsToAlarm, treatMissingData: mode }), range(row));
      expect(found?.state ?? RETAINED).toBe(state);
    },
  );
});

test('a breach in the very last period does not stand for the silence before it', () => {
  expect(evaluateAlarm(rule(), range('- - - - X'))).toBeUndefined();
});

test('the range is two periods wider than the evaluation periods, as in the documentation', () => {
  expect([1, 3].map(evaluationRange)).toEqual([3, 5]);
});

test.each([
  ['GreaterThanOrEqualToThreshold', [0.9, 1, 1.1], [false, true, true]],
  ['GreaterThanThreshold', [0.9, 1, 1.1], [false, false, true]],
  ['LessThanThreshold', [0.9, 1, 1.1], [true, false, false]],
  ['LessThanOrEqualToThreshold', [0.9, 1, 1.1], [true, true, false]],
] as const)('%s: %j is %j', (comparisonOperator, values, expected) => {
  const one = rule({ comparisonOperator, evaluationPeriods: 1, datapointsToAlarm: 1 });
  expect(
    values.map((value) => evaluateAlarm(one, [{ value, startMs: START_MS }])?.state === 'ALARM'),
  ).toEqual(expected);
});

describe('the reason, in CloudWatch’s words', () => {
  const one = rule({ evaluationPeriods: 1, datapointsToAlarm: 1 });

  test.each<[AlarmRule, string, string]>([
    [
      one,
      'X',
      'Threshold Crossed: 1 out of the last 1 datapoints [2.0 (22/11/26 13:00:00)] was greater than or equal to the threshold (1.0) (minimum 1 datapoint for OK -> ALARM transition).',
    ],
    [
      one,
      '0',
      'Threshold Crossed: 1 out of the last 1 datapoints [0.0 (22/11/26 13:00:00)] was not greater than or equal to the threshold (1.0) (minimum 1 datapoint for ALARM -> OK transition).',
    ],
    [
      rule({ evaluationPeriods: 2, datapointsToAlarm: 2, treatMissingData: 'breaching' }),
      '- - - -',
      'Threshold Crossed: no datapoints were received for 2 periods and 2 missing datapoints were treated as [Breaching].',
    ],
    [one, '- - -', 'Insufficient Data: 1 datapoint was unknown.'],
  ])('%#', (of, row, reason) => {
    expect(evaluateAlarm(of, range(row))?.reason).toBe(reason);
  });
});
