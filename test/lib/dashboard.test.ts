// The dashboard: one, with everything that the functions count and every alarm on it.
import { describe, expect, test } from '@jest/globals';
import * as v from 'valibot';
import { inside, ofType, only, type Synthesis, synthesize } from './synthesis.ts';

const Widget = v.object({
  type: v.string(),
  properties: v.looseObject({
    alarms: v.optional(v.array(v.string())),
    metrics: v.optional(v.array(v.array(v.unknown()))),
    query: v.optional(v.string()),
  }),
});

/** The widgets, with the logical id in place of every value that deployment fills in. */
function widgetsOf(synthesis: Synthesis) {
  const [, { Properties }] = only(synthesis, 'AWS::CloudWatch::Dashboard');
  expect(Object.keys(Properties)).toEqual(['DashboardBody']);
  const parts = inside(Properties, 'DashboardBody', 'Fn::Join', 1);
  if (!Array.isArray(parts)) throw new Error('the body is not joined');
  const text = parts
    .map((part: unknown) =>
      typeof part === 'string'
        ? part
        : String(inside(part, 'Ref') ?? inside(part, 'Fn::GetAtt', 0)),
    )
    .join('');
  return v.parse(v.object({ widgets: v.array(Widget) }), JSON.parse(text)).widgets;
}

/** `namespace metric` of everything that is drawn. */
const drawn = (synthesis: Synthesis) =>
  widgetsOf(synthesis).flatMap(({ properties }) =>
    (properties.metrics ?? [])
      .filter(([namespace]) => typeof namespace === 'string')
      .map(([namespace, metric]) => `${namespace} ${metric}`),
  );

const ofRotation = [
  ...['LeastLifeLeft', 'KeysRenewed', 'KeysFailed', 'KeysDeferred', 'KeysOverdue', 'KeysRefused'],
  'Sweeps',
].map((metric) => `MomentoAuth ${metric}`);
const ofFunctions = ['AWS/Lambda Errors', 'AWS/Lambda Throttles', 'AWS/Lambda Duration'];
const ofTokens = ['Vended', 'Refused', 'UpstreamErrors', 'KeyRefused'];
const ofGateway = ['Count', '4xx', '5xx', 'Latency', 'Latency'];

describe('the dashboard', () => {
  test('begins with the states of all alarms', () => {
    const synthesis = synthesize();
    const alarms = ofType(synthesis, 'AWS::CloudWatch::Alarm').map(([id]) => id);
    const [first] = widgetsOf(synthesis);
    expect(first?.type).toBe('alarm');
    expect(first?.properties.alarms?.toSorted()).toEqual(alarms.toSorted());
  });

  test('shows rotation, and tokens where there are any', () => {
    const queues = Array(2).fill('AWS/SQS ApproximateNumberOfMessagesVisible');
    const rotation = [...ofRotation, ...ofFunctions, ...queues];
    expect(drawn(synthesize({ tokenEndpoint: false })).toSorted()).toEqual(rotation.toSorted());
    expect(drawn(synthesize()).toSorted()).toEqual(
      [
        ...rotation,
        ...ofFunctions,
        ...ofTokens.map((metric) => `MomentoAuth ${metric}`),
        ...ofGateway.map((metric) => `AWS/ApiGateway ${metric}`),
      ].toSorted(),
    );
  });

  test('stays within the 50 metrics that are free of charge', () => {
    const alarms = ofType(synthesize(), 'AWS::CloudWatch::Alarm').length;
    expect(drawn(synthesize()).length + alarms).toBeLessThanOrEqual(50);
  });

  test('counts keys per interval of the schedule', () => {
    const [, life, keys] = widgetsOf(synthesize({ schedule: 'rate(7 minutes)' }));
    for (const metric of [
      ...(life?.properties.metrics ?? []),
      ...(keys?.properties.metrics ?? []),
    ]) {
      expect(metric.at(-1)).toMatchObject({ period: 420 });
    }
  });

  test('ends with the last failures of rotate-key, from its own log', () => {
    const synthesis = synthesize();
    const last = widgetsOf(synthesis).at(-1);
    expect(last?.type).toBe('log');
    expect(last?.properties.query).toMatch(
      /^SOURCE 'RotateKeyLogs7E017520' \| filter level = "ERROR"/,
    );
    for (const field of ['secretId', 'reason', 'message']) {
      expect(last?.properties.query).toContain(field);
    }
  });
});
