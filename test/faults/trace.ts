// A trace that a person can read: when, which run, which call, what befell it, and how the labels stand then.

import type { TraceRow } from './play.ts';

const COLUMNS = ['time', 'run', 'call', 'fault', 'labels after'] as const;
const SENTENCE_COLUMN = COLUMNS.indexOf('fault');

/** A row that ends in column `sentence` may be longer there than the column is wide. */
export function table(
  rows: readonly (readonly string[])[],
  head: readonly string[],
  sentence = -1,
): string {
  const all = [head, ...rows];
  const widths = head.map((_, column) =>
    Math.max(
      ...all
        .filter((row) => column !== sentence || row.length > sentence + 1)
        .map((row) => (row[column] ?? '').length),
    ),
  );
  return all
    .map((row) =>
      row
        .map((cell, column) => cell.padEnd(widths[column] ?? 0))
        .join('  ')
        .trimEnd(),
    )
    .join('\n');
}

/** Up to the first violation; after it only how each run begins and ends. */
export function traceTable(trace: readonly TraceRow[]): string {
  const found = trace.findIndex(isViolation);
  const rows = trace.filter(
    (row, index) =>
      found < 0 || index < found || isViolation(row) || /^(begins|ends|a person)/.test(row.what),
  );
  return table(
    rows.map(({ atMs, run, what, fault, labels }) =>
      what.startsWith(VIOLATION)
        ? [time(atMs), run, '', what]
        : [time(atMs), run, what, fault, labels],
    ),
    COLUMNS,
    SENTENCE_COLUMN,
  );
}

export const VIOLATION = 'VIOLATION';

const isViolation = ({ what }: TraceRow): boolean => what.startsWith(VIOLATION);

/** "+0:00:03.120" from the first tick. */
function time(ms: number): string {
  const pad = (value: number, digits: number): string => String(value).padStart(digits, '0');
  const seconds = Math.floor(ms / 1000);
  return `+${Math.floor(seconds / 3_600)}:${pad(Math.floor(seconds / 60) % 60, 2)}:${pad(seconds % 60, 2)}.${pad(ms % 1000, 3)}`;
}
