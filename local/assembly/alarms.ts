// CloudWatch alarms of the template. What is not imitated is an error: an alarm that is watched otherwise than
// the template says would be worse than none.

import * as v from 'valibot';
import type { ResolvedResource, ResolvedTemplate } from './intrinsics.ts';
import { AssemblyError, narrow } from './template.ts';

const STATISTICS = ['SampleCount', 'Sum', 'Minimum', 'Maximum', 'Average'] as const;
const COMPARISONS = [
  'GreaterThanOrEqualToThreshold',
  'GreaterThanThreshold',
  'LessThanThreshold',
  'LessThanOrEqualToThreshold',
] as const;

/** An alarm on one metric, with everything that CloudWatch defaults. */
export interface AlarmDefinition {
  readonly logicalId: string;
  readonly name: string;
  readonly arn: string;
  readonly description: string;
  readonly namespace: string;
  readonly metricName: string;
  readonly dimensions: Readonly<Record<string, string>>;
  readonly statistic: (typeof STATISTICS)[number];
  /** Only samples of this unit; null takes all. */
  readonly unit: string | null;
  readonly periodSeconds: number;
  /** The value of a period without samples, from metric math's FILL; null leaves it missing. */
  readonly fillWith: number | null;
  readonly evaluationPeriods: number;
  readonly datapointsToAlarm: number;
  readonly threshold: number;
  readonly comparisonOperator: (typeof COMPARISONS)[number];
  readonly treatMissingData: 'breaching' | 'notBreaching' | 'ignore' | 'missing';
  /** For how long a new alarm judges nothing; null judges at once. */
  readonly warmUp: {
    readonly seconds: number;
    /** Also when datapoints enough are there before. */
    readonly isWhole: boolean;
  } | null;
  readonly actionsEnabled: boolean;
  /** ARNs. */
  readonly alarmActions: readonly string[];
  readonly okActions: readonly string[];
  readonly insufficientDataActions: readonly string[];
}

const arns = v.optional(v.array(v.string()), []);
const dimensions = v.pipe(
  v.optional(v.array(v.strictObject({ Name: v.string(), Value: v.string() })), []),
  v.transform((list) => Object.fromEntries(list.map(({ Name, Value }) => [Name, Value]))),
);
/** High-resolution periods (10, 20, 30 seconds) are evaluated at another pace. */
const period = v.pipe(v.number(), v.integer(), v.minValue(60), v.multipleOf(60));
const statistic = v.picklist(STATISTICS);

const metricSchema = v.strictObject({
  Namespace: v.string(),
  MetricName: v.string(),
  Dimensions: dimensions,
});

const metricStatSchema = v.strictObject({
  Metric: metricSchema,
  Period: period,
  Stat: statistic,
  Unit: v.optional(v.string()),
});

const queriesSchema = v.array(
  v.looseObject({
    Id: v.string(),
    Expression: v.optional(v.string()),
    MetricStat: v.optional(v.unknown()),
    ReturnData: v.optional(v.boolean(), true),
  }),
);

// Strict: a property that is not read here changes what the alarm watches.
const alarmSchema = v.strictObject({
  AlarmName: v.optional(v.string()),
  AlarmDescription: v.optional(v.string(), ''),
  Namespace: v.optional(v.string()),
  MetricName: v.optional(v.string()),
  Dimensions: dimensions,
  Statistic: v.optional(statistic),
  Unit: v.optional(v.string()),
  Period: v.optional(period),
  Metrics: v.optional(queriesSchema),
  EvaluationPeriods: v.pipe(v.number(), v.integer(), v.minValue(1)),
  DatapointsToAlarm: v.optional(v.pipe(v.number(), v.integer(), v.minValue(1))),
  Threshold: v.number(),
  ComparisonOperator: v.picklist(COMPARISONS),
  TreatMissingData: v.optional(
    v.picklist(['breaching', 'notBreaching', 'ignore', 'missing']),
    'missing',
  ),
  WarmUpConfiguration: v.optional(
    v.strictObject({
      WarmUpPeriodDurationInMinutes: v.pipe(
        v.number(),
        v.integer(),
        v.minValue(1),
        v.maxValue(2_880),
      ),
      OnlyStartEvaluatingAfterWarmUpPeriodEnds: v.optional(v.boolean(), false),
    }),
  ),
  ActionsEnabled: v.optional(v.boolean(), true),
  AlarmActions: arns,
  OKActions: arns,
  InsufficientDataActions: arns,
  Tags: v.optional(v.unknown()),
});

type AlarmProperties = v.InferOutput<typeof alarmSchema>;
type Watched = Pick<
  AlarmDefinition,
  'namespace' | 'metricName' | 'dimensions' | 'statistic' | 'unit' | 'periodSeconds' | 'fillWith'
>;

export function readAlarms(template: ResolvedTemplate): AlarmDefinition[] {
  refuseCompositeAlarms(template);
  return template.resources('AWS::CloudWatch::Alarm').map(readAlarm);
}

function readAlarm({ logicalId, name, arn, properties }: ResolvedResource): AlarmDefinition {
  const read = narrow(alarmSchema, properties, logicalId);
  const { EvaluationPeriods, DatapointsToAlarm = EvaluationPeriods } = read;
  const watched =
    read.Metrics === undefined ? plainMetric(logicalId, read) : filled(logicalId, read.Metrics);
  if (DatapointsToAlarm > EvaluationPeriods) {
    throw malformed(logicalId, 'DatapointsToAlarm is more than EvaluationPeriods');
  }
  assertRange(logicalId, watched.periodSeconds * EvaluationPeriods, watched.periodSeconds);
  return {
    logicalId,
    name,
    arn: arn ?? name,
    description: read.AlarmDescription,
    ...watched,
    evaluationPeriods: EvaluationPeriods,
    datapointsToAlarm: DatapointsToAlarm,
    threshold: read.Threshold,
    comparisonOperator: read.ComparisonOperator,
    treatMissingData: read.TreatMissingData,
    warmUp: warmUpOf(read),
    actionsEnabled: read.ActionsEnabled,
    alarmActions: read.AlarmActions,
    okActions: read.OKActions,
    insufficientDataActions: read.InsufficientDataActions,
  };
}

function warmUpOf({ WarmUpConfiguration }: AlarmProperties): AlarmDefinition['warmUp'] {
  if (WarmUpConfiguration === undefined) return null;
  return {
    seconds: WarmUpConfiguration.WarmUpPeriodDurationInMinutes * 60,
    isWhole: WarmUpConfiguration.OnlyStartEvaluatingAfterWarmUpPeriodEnds,
  };
}

function plainMetric(logicalId: string, read: AlarmProperties): Watched {
  const { Namespace, MetricName, Statistic, Period } = read;
  if (
    Namespace === undefined ||
    MetricName === undefined ||
    Statistic === undefined ||
    Period === undefined
  ) {
    throw malformed(logicalId, 'needs Namespace, MetricName, Statistic and Period, or Metrics');
  }
  return {
    namespace: Namespace,
    metricName: MetricName,
    dimensions: read.Dimensions,
    statistic: Statistic,
    unit: read.Unit ?? null,
    periodSeconds: Period,
    fillWith: null,
  };
}

/** Of metric math only `FILL(metric, number)`: it says that no sample means a value. */
function filled(logicalId: string, queries: v.InferOutput<typeof queriesSchema>): Watched {
  const returned = queries.filter(({ ReturnData }) => ReturnData);
  const [, metricId, value] =
    /^FILL\(\s*(\w+)\s*,\s*(-?\d+(?:\.\d+)?)\s*\)$/.exec(returned[0]?.Expression ?? '') ?? [];
  const metric = queries.find(({ Id, MetricStat }) => Id === metricId && MetricStat !== undefined);
  if (queries.length !== 2 || returned.length !== 1 || metric === undefined) {
    throw new AssemblyError(
      'unsupported-property',
      `${logicalId}: of metric math the local stack imitates only FILL(metric, number), over one metric`,
    );
  }
  const { Metric, Period, Stat, Unit } = narrow(
    metricStatSchema,
    metric.MetricStat,
    `${logicalId}: MetricStat`,
  );
  return {
    namespace: Metric.Namespace,
    metricName: Metric.MetricName,
    dimensions: Metric.Dimensions,
    statistic: Stat,
    unit: Unit ?? null,
    periodSeconds: Period,
    fillWith: Number(value),
  };
}

const DAY_SECONDS = 86_400;

/** CloudWatch's own limit: the deployment would fail. */
function assertRange(logicalId: string, rangeSeconds: number, periodSeconds: number): void {
  const limitSeconds = periodSeconds >= 3_600 ? 7 * DAY_SECONDS : DAY_SECONDS;
  if (rangeSeconds <= limitSeconds) return;
  throw malformed(
    logicalId,
    `Period x EvaluationPeriods is ${rangeSeconds} s; CloudWatch allows ${limitSeconds} s for this period`,
  );
}

function refuseCompositeAlarms(template: ResolvedTemplate): void {
  for (const type of ['AWS::CloudWatch::CompositeAlarm', 'AWS::CloudWatch::AnomalyDetector']) {
    const [found] = template.resources(type);
    if (found === undefined) continue;
    throw new AssemblyError(
      'unsupported-property',
      `${found.logicalId}: ${type} is not imitated by the local stack`,
    );
  }
}

const malformed = (logicalId: string, what: string): AssemblyError =>
  new AssemblyError('malformed', `${logicalId}: ${what}`);
