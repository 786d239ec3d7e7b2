// What the time line says of an alarm.

import { expect, test } from '@jest/globals';
import type { AlarmState } from '../../../local/aws/alarm-state.ts';
import type { LocalNews } from '../../../local/stack.ts';
import { type Colours, timelineOf } from '../../../local/terminal/timeline.ts';

const plain = (text: string) => text;
const PLAIN: Colours = {
  bold: plain,
  dim: plain,
  green: plain,
  yellow: plain,
  red: plain,
  cyan: plain,
};

const newsOf = (
  from: AlarmState,
  to: AlarmState,
  more: Partial<Extract<LocalNews, { kind: 'alarm' }>> = {},
): LocalNews => ({
  kind: 'alarm',
  transition: {
    from,
    to,
    reason: '',
    atMs: 0,
    actions: ['arn:aws:sns:eu-west-1:111122223333:alarms'],
    alarm: {
      name: 'failing',
      arn: '',
      description: 'It fails. See docs/runbook.md#it-fails',
      namespace: 'App',
      metricName: 'Failures',
      dimensions: {},
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
      alarmActions: [],
      okActions: [],
      insufficientDataActions: [],
    },
  },
  notified: ['a@example.com', 'b@example.com'],
  undelivered: [],
  ...more,
});

/** Without the time. */
const linesOf = (news: LocalNews, colours: Partial<Colours> = {}) =>
  timelineOf(news, {
    colours: { ...PLAIN, ...colours },
    now: () => 0,
    keyNames: new Map(),
    bornAtMs: () => undefined,
  }).map((line) => line.replace(/^\S+ +/, ''));

test('it goes off and it is over: what happened, and who is told', () => {
  expect(linesOf(newsOf('OK', 'ALARM'))).toEqual([
    'ALARM      It fails. See docs/runbook.md#it-fails (mail to a@example.com, b@example.com)',
  ]);
  expect(linesOf(newsOf('ALARM', 'OK', { notified: [] }))).toEqual([
    'OK         It fails. See docs/runbook.md#it-fails (nobody has subscribed)',
  ]);
});

test('only ALARM is red, and only by the colours that it is given', () => {
  const red = (text: string) => `<red>${text}</red>`;
  expect(linesOf(newsOf('OK', 'ALARM'), { red })[0]).toMatch(/^<red>ALARM +<\/red> {2}It fails/);
  expect(linesOf(newsOf('ALARM', 'OK'), { red })[0]).not.toContain('red');
});

test('a new alarm that is fine is no news, one that goes off is', () => {
  expect(linesOf(newsOf('INSUFFICIENT_DATA', 'OK'))).toEqual([]);
  expect(linesOf(newsOf('INSUFFICIENT_DATA', 'ALARM'))).toHaveLength(1);
});

test('a topic that does not let the alarm in is named', () => {
  const undelivered = ['arn:aws:sns:eu-west-1:111122223333:alarms'];
  expect(linesOf(newsOf('OK', 'ALARM', { notified: [], undelivered }))).toEqual([
    'ALARM      It fails. See docs/runbook.md#it-fails (nobody is told)',
    'failed     failing may not publish to alarms',
  ]);
});
