// The few statistics that figures are told by.

/** Of an even number of values the mean of the two in the middle. NaN of none. */
export function median(values: readonly number[]): number {
  const sorted = values.toSorted((a, b) => a - b);
  const lower = sorted[Math.ceil(sorted.length / 2) - 1] ?? Number.NaN;
  const upper = sorted[Math.floor(sorted.length / 2)] ?? Number.NaN;
  return (lower + upper) / 2;
}

/** The least value that at least this part (above 0, up to 1) of all values are no greater than. NaN of none. */
export function quantile(values: readonly number[], part: number): number {
  const sorted = values.toSorted((a, b) => a - b);
  return sorted[Math.ceil(part * sorted.length) - 1] ?? Number.NaN;
}

/** A figure, and how far it can be trusted. */
export interface Figure {
  readonly figure: number;
  /** A quarter of the rounds were no greater than this one, and a quarter no less than that one. */
  readonly quartiles: readonly [number, number];
  readonly rounds: number;
}

export const medianOf = (values: readonly number[]): Figure => ({
  figure: median(values),
  quartiles: quartilesOf(values),
  rounds: values.length,
});

/** The medians' ratio; its quartiles are those of the ratio in each round. Both lists are in the order of rounds. */
export const ratioOf = (values: readonly number[], to: readonly number[]): Figure => ({
  figure: median(values) / median(to),
  quartiles: quartilesOf(values.map((value, round) => value / (to[round] ?? Number.NaN))),
  rounds: values.length,
});

const quartilesOf = (values: readonly number[]): [number, number] => [
  quantile(values, 0.25),
  quantile(values, 0.75),
];
