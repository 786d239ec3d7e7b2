// The embedded metric format: metrics that a function prints, taken out of its log line.
// Source: https://docs.aws.amazon.com/AmazonCloudWatch/latest/monitoring/CloudWatch_Embedded_Metric_Format_Specification.html

import * as v from 'valibot';
import type { MetricId } from './metrics.ts';

export interface EmbeddedSample extends MetricId {
  readonly value: number;
  readonly unit: string;
}

const lineSchema = v.looseObject({
  _aws: v.looseObject({
    Timestamp: v.number(),
    CloudWatchMetrics: v.array(
      v.looseObject({
        Namespace: v.string(),
        Dimensions: v.array(v.array(v.string())),
        Metrics: v.array(v.looseObject({ Name: v.string(), Unit: v.optional(v.string(), 'None') })),
      }),
    ),
  }),
});

const valuesSchema = v.union([v.number(), v.array(v.number())]);

/**
 * One sample per metric, set of dimensions and value; none for any other line. As CloudWatch does, a line
 * that is not of the format is a log line and no more.
 */
export function embeddedSamples(line: string): EmbeddedSample[] {
  if (!line.includes('"_aws"')) return [];
  let parsed: unknown;
  try {
    parsed = JSON.parse(line);
  } catch {
    return [];
  }
  const read = v.safeParse(lineSchema, parsed);
  if (!read.success) return [];
  const members: Readonly<Record<string, unknown>> = read.output;
  return read.output._aws.CloudWatchMetrics.flatMap(({ Namespace, Dimensions, Metrics }) =>
    Dimensions.flatMap((names) => {
      const dimensions = dimensionsOf(names, members);
      if (dimensions === undefined) return [];
      return Metrics.flatMap(({ Name, Unit }) => {
        const values = v.safeParse(valuesSchema, own(members, Name));
        if (!values.success) return [];
        return [values.output].flat().map((value) => ({
          namespace: Namespace,
          metricName: Name,
          dimensions,
          value,
          unit: Unit,
        }));
      });
    }),
  );
}

/** Undefined where the line does not have one of them. */
function dimensionsOf(
  names: readonly string[],
  members: Readonly<Record<string, unknown>>,
): Record<string, string> | undefined {
  const entries = names.map((name) => [name, own(members, name)] as const);
  return entries.every((entry): entry is readonly [string, string] => typeof entry[1] === 'string')
    ? Object.fromEntries(entries)
    : undefined;
}

const own = (members: Readonly<Record<string, unknown>>, name: string): unknown =>
  Object.hasOwn(members, name) ? members[name] : undefined;
