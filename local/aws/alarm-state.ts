// What state an alarm is in, from the datapoints of its evaluation range: CloudWatch's published rules, pure.
//
//   no gap, or datapoints enough in spite of gaps ─► the latest of them decide
//   too few ─► the gaps are filled, as few as it takes, or left open: treatMissingData says
//
// Source: https://docs.aws.amazon.com/AmazonCloudWatch/latest/monitoring/alarms-and-missing-data.html

export type AlarmState = 'OK' | 'ALARM' | 'INSUFFICIENT_DATA';

export type ComparisonOperator =
  | 'GreaterThanOrEqualToThreshold'
  | 'GreaterThanThreshold'
  | 'LessThanThreshold'
  | 'LessThanOrEqualToThreshold';

export type TreatMissingData = 'breaching' | 'notBreaching' | 'ignore' | 'missing';

export interface AlarmRule {
  readonly comparisonOperator: ComparisonOperator;
  readonly threshold: number;
  readonly evaluationPeriods: number;
  readonly datapointsToAlarm: number;
  readonly treatMissingData: TreatMissingData;
}

export interface Datapoint {
  readonly value: number;
  /** Where its period begins, epoch milliseconds. */
  readonly startMs: number;
}

/**
 * How many periods CloudWatch looks at, to have datapoints enough in spite of gaps. Its documentation has
 * tables for three evaluation periods only, with a range of five; it does not say what others get.
 */
export const evaluationRange = (evaluationPeriods: number): number => evaluationPeriods + 2;

/**
 * @param range a datapoint per period, oldest first; undefined where the metric has no sample
 * @returns the state that follows, with the reason; undefined where the present one stays, whichever it is
 */
export function evaluateAlarm(
  rule: AlarmRule,
  range: readonly (Datapoint | undefined)[],
): { readonly state: AlarmState; readonly reason: string } | undefined {
  const { evaluationPeriods, datapointsToAlarm, treatMissingData } = rule;
  const isBreaching = ({ value }: Datapoint) => COMPARISONS[rule.comparisonOperator](value, rule);
  const real = range.filter((datapoint) => datapoint !== undefined);
  const missing = evaluationPeriods - real.length;
  const decided = (datapoints: readonly Datapoint[], filled: number) => {
    const breaching =
      datapoints.filter(isBreaching).length + (treatMissingData === 'breaching' ? filled : 0);
    const state = breaching >= datapointsToAlarm ? 'ALARM' : 'OK';
    return { state, reason: reasonOf(rule, state, datapoints, filled) } as const;
  };

  if (missing <= 0) return decided(real.slice(-evaluationPeriods), 0);
  switch (treatMissingData) {
    case 'breaching':
    case 'notBreaching':
      return decided(real, missing);
    case 'missing':
      if (real.length === 0) {
        return { state: 'INSUFFICIENT_DATA', reason: insufficient(missing) };
      }
      // A breach that is old enough stands for all the silence after it.
      if (real.every(isBreaching) && ageOfOldest(range) >= datapointsToAlarm) {
        return { state: 'ALARM', reason: reasonOf(rule, 'ALARM', real, missing) };
      }
      break;
    case 'ignore':
      break;
  }
  const open = decided(real, 0);
  return open.state === 'ALARM' || !real.every(isBreaching) ? open : undefined;
}

const COMPARISONS: Readonly<
  Record<ComparisonOperator, (value: number, rule: Pick<AlarmRule, 'threshold'>) => boolean>
> = {
  GreaterThanOrEqualToThreshold: (value, { threshold }) => value >= threshold,
  GreaterThanThreshold: (value, { threshold }) => value > threshold,
  LessThanThreshold: (value, { threshold }) => value < threshold,
  LessThanOrEqualToThreshold: (value, { threshold }) => value <= threshold,
};

const WORDS: Readonly<Record<ComparisonOperator, string>> = {
  GreaterThanOrEqualToThreshold: 'greater than or equal to',
  GreaterThanThreshold: 'greater than',
  LessThanThreshold: 'less than',
  LessThanOrEqualToThreshold: 'less than or equal to',
};

/** In periods: 1 for a datapoint of the latest. */
function ageOfOldest(range: readonly (Datapoint | undefined)[]): number {
  return range.length - range.findIndex((datapoint) => datapoint !== undefined);
}

/** As CloudWatch words it. */
function reasonOf(
  rule: AlarmRule,
  state: 'OK' | 'ALARM',
  datapoints: readonly Datapoint[],
  filled: number,
): string {
  const treated =
    filled === 0
      ? ''
      : `${filled} missing datapoint${filled === 1 ? ' was' : 's were'} treated as [${TREATED[rule.treatMissingData]}]`;
  if (datapoints.length === 0) {
    const periods = `${filled} period${filled === 1 ? '' : 's'}`;
    return `Threshold Crossed: no datapoints were received for ${periods} and ${treated}.`;
  }
  const isBreaching = ({ value }: Datapoint) => COMPARISONS[rule.comparisonOperator](value, rule);
  const counted = datapoints.filter((datapoint) => isBreaching(datapoint) === (state === 'ALARM'));
  const shown = counted.map(({ value, startMs }) => `${decimal(value)} (${day(startMs)})`);
  const [was, were] = state === 'ALARM' ? ['was', 'were'] : ['was not', 'were not'];
  const verb = counted.length === 1 ? was : were;
  const least =
    state === 'ALARM'
      ? rule.datapointsToAlarm
      : rule.evaluationPeriods - rule.datapointsToAlarm + 1;
  const transition = state === 'ALARM' ? 'OK -> ALARM' : 'ALARM -> OK';
  return (
    `Threshold Crossed: ${counted.length} out of the last ${datapoints.length} datapoints ` +
    `[${shown.join(', ')}] ${verb} ${WORDS[rule.comparisonOperator]} the threshold ` +
    `(${decimal(rule.threshold)}) (minimum ${least} datapoint${least === 1 ? '' : 's'} for ${transition} transition)` +
    `${treated === '' ? '' : `; ${treated}`}.`
  );
}

const TREATED: Readonly<Record<TreatMissingData, string>> = {
  breaching: 'Breaching',
  notBreaching: 'NonBreaching',
  ignore: 'Ignore',
  missing: 'Missing',
};

const insufficient = (missing: number): string =>
  `Insufficient Data: ${missing} datapoint${missing === 1 ? ' was' : 's were'} unknown.`;

const decimal = (value: number): string => (Number.isInteger(value) ? `${value}.0` : `${value}`);

/** `22/11/26 13:04:00` */
function day(epochMs: number): string {
  const [, year, month, date, time] =
    /^\d\d(\d\d)-(\d\d)-(\d\d)T([\d:]{8})/.exec(new Date(epochMs).toISOString()) ?? [];
  return `${date}/${month}/${year} ${time}`;
}
