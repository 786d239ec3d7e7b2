// CloudWatch on the wire, in the forms that its clients use: JSON 1.0, and the query protocol, in which every
// scalar comes as text.

import * as v from 'valibot';
import type { AlarmStatus, Alarms } from './alarms.ts';
import { AwsError } from './aws-error.ts';
import { type MetricId, type Metrics, STATISTICS, type Statistic } from './metrics.ts';
import type { QueryService } from './query-protocol.ts';
import { type Operation, operation, type Service } from './service.ts';

const text = v.optional(v.string());
const texts = v.optional(v.array(v.string()));
const count = v.pipe(v.union([v.number(), v.string()]), v.transform(Number), v.integer());
/** Epoch seconds, or ISO 8601. */
const instant = v.pipe(
  v.union([v.number(), v.string()]),
  v.transform((given) => (typeof given === 'number' ? given * 1000 : Date.parse(given))),
  v.finite(),
);
const stateValue = v.picklist(['OK', 'ALARM', 'INSUFFICIENT_DATA']);
const dimension = v.object({ Name: v.string(), Value: v.string() });
const MAX_DATAPOINTS = 1_440;

export interface CloudWatch {
  readonly alarms: Alarms;
  readonly metrics: Metrics;
}

export function cloudWatchService(cloudWatch: CloudWatch): Service {
  return {
    target: 'GraniteServiceVersion20100801',
    signingName: 'monitoring',
    jsonVersion: '1.0',
    operations: operations(cloudWatch),
  };
}

/** For older clients, such as the `aws` CLI of 2024. */
export function cloudWatchQueryService(cloudWatch: CloudWatch): QueryService {
  return {
    version: '2010-08-01',
    xmlNamespace: 'http://monitoring.amazonaws.com/doc/2010-08-01/',
    signingName: 'monitoring',
    operations: operations(cloudWatch),
  };
}

function operations({ alarms, metrics }: CloudWatch): Record<string, Operation> {
  return {
    DescribeAlarms: operation(
      v.object({
        AlarmNames: texts,
        AlarmNamePrefix: text,
        AlarmTypes: texts,
        StateValue: v.optional(stateValue),
        ActionPrefix: text,
      }),
      {
        demands: () => [{ action: 'cloudwatch:DescribeAlarms', resource: '*' }],
        perform: ({ AlarmNames, AlarmNamePrefix, AlarmTypes, StateValue, ActionPrefix }) => {
          const wanted = AlarmTypes === undefined || AlarmTypes.includes('MetricAlarm');
          const found = alarms.list({
            names: AlarmNames,
            namePrefix: AlarmNamePrefix,
            state: StateValue,
            actionPrefix: ActionPrefix,
          });
          return { MetricAlarms: wanted ? found.map(shownAlarm) : [], CompositeAlarms: [] };
        },
      },
    ),
    SetAlarmState: operation(
      v.object({ AlarmName: v.string(), StateValue: stateValue, StateReason: v.string() }),
      {
        demands: ({ AlarmName }) => [
          {
            action: 'cloudwatch:SetAlarmState',
            resource: alarms.list({ names: [AlarmName] })[0]?.alarm.arn ?? '*',
          },
        ],
        perform: ({ AlarmName, StateValue, StateReason }) => {
          alarms.setState(AlarmName, StateValue, StateReason);
          return {};
        },
      },
    ),
    ListMetrics: operation(
      v.object({
        Namespace: text,
        MetricName: text,
        Dimensions: v.optional(v.array(v.object({ Name: v.string(), Value: text }))),
      }),
      {
        demands: () => [{ action: 'cloudwatch:ListMetrics', resource: '*' }],
        perform: ({ Namespace, MetricName, Dimensions = [] }) => ({
          Metrics: metrics
            .list({
              namespace: Namespace,
              metricName: MetricName,
              dimensions: Dimensions.map(({ Name, Value }) => ({ name: Name, value: Value })),
            })
            .map((id) => ({
              Namespace: id.namespace,
              MetricName: id.metricName,
              Dimensions: shownDimensions(id),
            })),
        }),
      },
    ),
    GetMetricStatistics: operation(
      v.object({
        Namespace: v.string(),
        MetricName: v.string(),
        Dimensions: v.optional(v.array(dimension), []),
        StartTime: instant,
        EndTime: instant,
        Period: count,
        Statistics: v.optional(v.array(v.picklist(STATISTICS)), []),
        Unit: text,
      }),
      {
        demands: () => [{ action: 'cloudwatch:GetMetricStatistics', resource: '*' }],
        perform: (input) => ({
          Label: input.MetricName,
          Datapoints: datapoints(metrics, {
            id: {
              namespace: input.Namespace,
              metricName: input.MetricName,
              dimensions: Object.fromEntries(
                input.Dimensions.map(({ Name, Value }) => [Name, Value]),
              ),
            },
            fromMs: input.StartTime,
            toMs: input.EndTime,
            periodMs: input.Period * 1000,
            statistics: input.Statistics,
            unit: input.Unit,
          }),
        }),
      },
    ),
  };
}

/** In the world's own time: periods are not divided here. */
function datapoints(
  metrics: Metrics,
  asked: {
    readonly id: MetricId;
    readonly fromMs: number;
    readonly toMs: number;
    readonly periodMs: number;
    readonly statistics: readonly Statistic[];
    readonly unit: string | undefined;
  },
) {
  const { id, fromMs, toMs, periodMs, statistics, unit } = asked;
  if (!(periodMs >= 1_000 && fromMs < toMs) || statistics.length === 0) {
    throw new AwsError(
      'InvalidParameterCombination',
      'Give a Period of a second or more, a StartTime before the EndTime, and Statistics.',
    );
  }
  const periods = Math.ceil((toMs - fromMs) / periodMs);
  if (periods > MAX_DATAPOINTS) {
    throw new AwsError(
      'InvalidParameterCombination',
      `You have requested up to ${periods} datapoints, which exceeds the limit of ${MAX_DATAPOINTS}.`,
    );
  }
  return Array.from({ length: periods }, (_, index) => fromMs + index * periodMs).flatMap(
    (startMs) => {
      const span = { fromMs: startMs, toMs: Math.min(startMs + periodMs, toMs) };
      const values = metrics.statistics(id, span, unit);
      if (values === undefined) return [];
      return [
        {
          Timestamp: new Date(startMs),
          ...Object.fromEntries(statistics.map((name) => [name, values[name]])),
          Unit: unit ?? metrics.unitOf(id),
        },
      ];
    },
  );
}

function shownAlarm({ alarm, state, reason, updatedAtMs, transitionedAtMs }: AlarmStatus) {
  const metric = {
    Namespace: alarm.namespace,
    MetricName: alarm.metricName,
    Dimensions: shownDimensions(alarm),
  };
  return {
    AlarmName: alarm.name,
    AlarmArn: alarm.arn,
    AlarmDescription: alarm.description,
    ActionsEnabled: alarm.actionsEnabled,
    OKActions: alarm.okActions,
    AlarmActions: alarm.alarmActions,
    InsufficientDataActions: alarm.insufficientDataActions,
    StateValue: state,
    StateReason: reason,
    StateUpdatedTimestamp: new Date(updatedAtMs),
    StateTransitionedTimestamp: new Date(transitionedAtMs),
    ...(alarm.fillWith === null
      ? {
          ...metric,
          Statistic: alarm.statistic,
          Period: alarm.periodSeconds,
          ...(alarm.unit !== null && { Unit: alarm.unit }),
        }
      : {
          Metrics: [
            {
              Id: 'filled',
              Expression: `FILL(metric, ${alarm.fillWith})`,
              ReturnData: true,
            },
            {
              Id: 'metric',
              MetricStat: { Metric: metric, Period: alarm.periodSeconds, Stat: alarm.statistic },
              ReturnData: false,
            },
          ],
        }),
    EvaluationPeriods: alarm.evaluationPeriods,
    DatapointsToAlarm: alarm.datapointsToAlarm,
    Threshold: alarm.threshold,
    ComparisonOperator: alarm.comparisonOperator,
    TreatMissingData: alarm.treatMissingData,
  };
}

const shownDimensions = ({ dimensions }: MetricId) =>
  Object.entries(dimensions).map(([Name, Value]) => ({ Name, Value }));
