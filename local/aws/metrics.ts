// CloudWatch metrics: samples as they come, and their statistics over any span of time.

export type Dimensions = Readonly<Record<string, string>>;

/** What makes a metric: another value of a dimension, or another set of them, is another metric. */
export interface MetricId {
  readonly namespace: string;
  readonly metricName: string;
  readonly dimensions: Dimensions;
}

export interface Sample {
  readonly value: number;
  /** One of CloudWatch's standard units: `Count`, `Seconds`, `Milliseconds` … or `None`. */
  readonly unit: string;
  /** Epoch milliseconds. */
  readonly timeMs: number;
}

export interface Statistics {
  readonly SampleCount: number;
  readonly Sum: number;
  readonly Minimum: number;
  readonly Maximum: number;
  readonly Average: number;
}

export type Statistic = keyof Statistics;

export const STATISTICS: readonly Statistic[] = [
  'SampleCount',
  'Sum',
  'Minimum',
  'Maximum',
  'Average',
];

export interface Span {
  readonly fromMs: number;
  /** Exclusive. */
  readonly toMs: number;
}

export interface MetricFilter {
  readonly namespace?: string | undefined;
  readonly metricName?: string | undefined;
  /** Each must be there; without a value, any value will do. */
  readonly dimensions?: readonly { readonly name: string; readonly value?: string | undefined }[];
}

interface Series {
  readonly id: MetricId;
  /** Oldest first. */
  samples: Sample[];
}

export class Metrics {
  readonly #now: () => number;
  readonly #keepMs: number;
  readonly #series = new Map<string, Series>();

  /** @param options.keepMs samples older than this are forgotten */
  constructor(options: { now: () => number; keepMs: number }) {
    this.#now = options.now;
    this.#keepMs = options.keepMs;
  }

  /** Takes a sample, of this moment. */
  put(id: MetricId, value: number, unit: string): void {
    const key = keyOf(id);
    const series = this.#series.get(key) ?? { id, samples: [] };
    this.#series.set(key, series);
    const timeMs = this.#now();
    series.samples.push({ value, unit, timeMs });
    const [oldest] = series.samples;
    // With slack, so that not every sample moves all the others.
    if (oldest !== undefined && oldest.timeMs < timeMs - 2 * this.#keepMs) {
      series.samples = series.samples.slice(firstFrom(series.samples, timeMs - this.#keepMs));
    }
  }

  /**
   * Undefined where there is no sample: that is not zero.
   * @param unit only samples of this unit. @default all
   */
  statistics(id: MetricId, { fromMs, toMs }: Span, unit?: string): Statistics | undefined {
    const samples = this.#series.get(keyOf(id))?.samples ?? [];
    let [count, sum, least, most] = [0, 0, Number.POSITIVE_INFINITY, Number.NEGATIVE_INFINITY];
    for (let at = firstFrom(samples, fromMs); at < samples.length; at++) {
      const sample = samples[at];
      if (sample === undefined || sample.timeMs >= toMs) break;
      if (unit !== undefined && sample.unit !== unit) continue;
      count += 1;
      sum += sample.value;
      least = Math.min(least, sample.value);
      most = Math.max(most, sample.value);
    }
    if (count === 0) return undefined;
    return { SampleCount: count, Sum: sum, Minimum: least, Maximum: most, Average: sum / count };
  }

  /** The unit of the latest sample; undefined for a metric without any. */
  unitOf(id: MetricId): string | undefined {
    return this.#series.get(keyOf(id))?.samples.at(-1)?.unit;
  }

  list({ namespace, metricName, dimensions = [] }: MetricFilter = {}): readonly MetricId[] {
    return [...this.#series.values()]
      .map(({ id }) => id)
      .filter(
        (id) =>
          (namespace === undefined || id.namespace === namespace) &&
          (metricName === undefined || id.metricName === metricName) &&
          dimensions.every(
            ({ name, value }) =>
              Object.hasOwn(id.dimensions, name) &&
              (value === undefined || id.dimensions[name] === value),
          ),
      );
  }
}

/** Alarms ask for the same few metrics in every period of every minute. */
const keys = new WeakMap<MetricId, string>();

function keyOf(id: MetricId): string {
  const { namespace, metricName, dimensions } = id;
  const key =
    keys.get(id) ??
    JSON.stringify([namespace, metricName, Object.entries(dimensions).sort(byName)]);
  keys.set(id, key);
  return key;
}

function byName([left]: [string, string], [right]: [string, string]): number {
  return left < right ? -1 : 1;
}

/** The index of the first sample that is not before `fromMs`. */
function firstFrom(samples: readonly Sample[], fromMs: number): number {
  let [low, high] = [0, samples.length];
  while (low < high) {
    const middle = (low + high) >> 1;
    if ((samples[middle]?.timeMs ?? 0) < fromMs) low = middle + 1;
    else high = middle;
  }
  return low;
}
