// The dashboard: one, with everything that the functions count and every alarm on it.
import { describe, expect, test } from '@jest/globals';
import * as v from 'valibot';
import { inside, ofType, only, type Synthesis, synthesize } from './synthesis.ts';

const Widget = v.object({
  type: v.string(),
  properties: v.looseObject({
    title: v.string(),
    alarms: v.optional(v.array(v.string())),
    metrics: v.optional(v.array(v.array(v.unknown()))),
    query: v.optional(v.string()),
  }),
});
const Drawing = v.looseObject({
  label: v.string(),
  // As CloudWatch takes them where the CDK leaves them out.
  stat: v.optional(v.string(), 'Average'),
  period: v.optional(v.number(), 300),
  expression: v.optional(v.string()),
});

/** The dashboard, with the logical id in place of every value that deployment fills in. */
function bodyOf(synthesis: Synthesis) {
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
  return v.parse(
    v.object({ periodOverride: v.optional(v.string()), widgets: v.array(Widget) }),
    JSON.parse(text),
  );
}

const widgetsOf = (synthesis: Synthesis) => bodyOf(synthesis).widgets;

/** A line for each thing that is drawn: what stands below the title of the widget. */
function linesOf({ properties: { title, metrics = [], query } }: v.InferOutput<typeof Widget>) {
  const drawings = metrics.map((metric) => {
    const { label, stat, period, expression, ...rest } = v.parse(Drawing, metric.at(-1));
    const what = expression ?? `${stat} of ${metric.slice(0, -1).join(' ')}`;
    const more = Object.entries(rest).map(([name, value]) => `, ${name} ${value}`);
    return `  ${label} = ${what}, every ${period} s${more.join('')}`;
  });
  return [title, ...drawings, ...(query?.split('\n').map((line) => `  ${line}`) ?? [])];
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
const ofTokens = [
  'Vended',
  'Minted',
  'Refused',
  'RateLimited',
  'UpstreamErrors',
  'KeyRefused',
  'SharingUnavailable',
  'SharedTokenIgnored',
];
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

  test('draws what it draws: a line that changes here is to be read by a person', () => {
    const lines = widgetsOf(synthesize({ schedule: 'rate(7 minutes)' }))
      .filter(({ type }) => type !== 'alarm')
      .flatMap(linesOf);
    expect(`\n${lines.join('\n')}\n`).toMatchSnapshot();
  });

  test('in these periods, whatever time somebody looks at', () => {
    expect(bodyOf(synthesize()).periodOverride).toBe('inherit');
  });
});
