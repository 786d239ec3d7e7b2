// `status --watch`: looks again and again, until Ctrl-C, or until nobody reads it any more.

import { stripVTControlCharacters } from 'node:util';
import type { Clock } from '../lambda/shared/clock.ts';
import { type ExitCode, WELL } from './exit-code.ts';
import { exitCodeOf, type Status } from './status.ts';
import { statusJson } from './status-json.ts';
import { watchLines } from './status-table.ts';
import type { Terminal } from './terminal.ts';

export interface Watch {
  readonly look: () => Promise<Status>;
  readonly everyMs: number;
  /** As without --watch. */
  readonly inFull: (seen: Status) => string;
  readonly json: boolean;
  readonly terminal: Terminal;
  readonly clock: Clock;
}

// A terminal's second screen: what the person had typed and read comes back afterwards.
const ENTER = '\u001b[?1049h';
const LEAVE = '\u001b[?1049l';
const HOME = '\u001b[H';
const CLEAR_LINE = '\u001b[K';
const CLEAR_BELOW = '\u001b[J';

/** The exit code is that of the last look. */
export async function watch({
  look,
  everyMs,
  inFull,
  json,
  terminal,
  clock,
}: Watch): Promise<ExitCode> {
  const isDrawn = terminal.isScreen && !json;
  const over = AbortSignal.any([terminal.interrupted, terminal.unread]);
  let seen: Status | undefined;
  try {
    if (isDrawn) terminal.print(ENTER);
    while (!over.aborted) {
      const now = await unlessAborted(look(), over);
      if (now === undefined) break;
      seen = now;
      if (json) terminal.print(JSON.stringify(statusJson(seen)));
      else if (isDrawn) {
        terminal.print(drawn(inFull(seen), terminal));
      } else for (const line of watchLines(seen)) terminal.print(line);
      await clock.sleep(everyMs, over);
    }
  } finally {
    if (isDrawn) terminal.print(LEAVE + (seen === undefined ? '' : inFull(seen)));
  }
  return seen === undefined ? WELL : exitCodeOf(seen);
}

/** Over what was there before, however wide the terminal has become meanwhile. */
function drawn(
  text: string,
  { colours, columns, rows }: Pick<Terminal, 'colours' | 'columns' | 'rows'>,
): string {
  const hint = colours.dim('Ctrl-C ends it.');
  // Below the hint the cursor needs a line of its own.
  const lines = fitted(text.split('\n'), columns(), rows() - 3);
  return HOME + [...lines, '', hint].map((line) => line + CLEAR_LINE).join('\n') + CLEAR_BELOW;
}

/** The sentence and what to type. */
const LAST_LINES = 2;

/** What is in the middle goes first: a screen without its first lines would have no table. Pure. */
export function fitted(lines: readonly string[], columns: number, rows: number): readonly string[] {
  const height = (some: readonly string[]) =>
    some.reduce((sum, line) => {
      const { length } = stripVTControlCharacters(line);
      return sum + Math.max(1, Math.ceil(length / columns));
    }, 0);
  if (height(lines) <= rows) return lines;
  const last = lines.slice(-LAST_LINES).filter((line) => line !== '');
  const room = rows - height(last) - 1;
  const first = lines.filter((_line, index) => height(lines.slice(0, index + 1)) <= room);
  return [...first, '…', ...last];
}

/** Leaves no listener behind: a watch goes on for days. */
async function unlessAborted<T>(work: Promise<T>, signal: AbortSignal): Promise<T | undefined> {
  if (signal.aborted) return undefined;
  let stop = () => {};
  const aborted = new Promise<undefined>((resolve) => {
    stop = () => resolve(undefined);
    signal.addEventListener('abort', stop, { once: true });
  });
  try {
    return await Promise.race([work, aborted]);
  } finally {
    signal.removeEventListener('abort', stop);
  }
}
