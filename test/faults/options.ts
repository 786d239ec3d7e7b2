// The command line of the explorer.

import { readArguments, UsageError } from '../../local/command-line.ts';
import { EXHAUSTIVE } from './generate.ts';

export interface Options {
  readonly help: boolean;
  readonly schedules: number;
  readonly seed: number;
  readonly replay: string | undefined;
  readonly json: boolean;
  readonly threads: number;
  /** Stop at the first schedule that fails. */
  readonly first: boolean;
}

/** Every other schedule is one, until there are no more. */
const ENOUGH_FOR_SINGLES = 2 * EXHAUSTIVE.singles - 1;

export const HELP = `Looks for a fault, or a coincidence of faults, at which a rotation loses a key.

  npm run faults                          20,000 schedules
  npm run faults -- --schedules 2000      as many as wanted (from ${ENOUGH_FOR_SINGLES.toLocaleString('en-US')} on every single fault of a rotation is among them)
  npm run faults -- --seed 7              others of the random ones
  npm run faults -- --replay NAME         one schedule by its name (random-123, single-17 …) or from a file of JSON

Options (after --)
  --schedules N    how many                                          (default 20000)
  --seed N         from which the random ones are made               (default 1)
  --replay WHAT    plays one schedule and prints its trace
  --threads N      0: on the main thread alone                       (default 2)
  --first          stops at the first violation
  --json           one line of JSON instead of text
  --help           this text

Exit codes: 0 no violation, 1 a violation, 2 the command line is wrong.
`;

/** @throws UsageError with what to write instead */
export function readOptions(argv: readonly string[]): Options {
  const { replay, ...values } = parsed(argv);
  return {
    help: values.help ?? false,
    json: values.json ?? false,
    first: values.first ?? false,
    replay,
    schedules: whole('schedules', values.schedules, 20_000, 1, 10_000_000),
    seed: whole('seed', values.seed, 1, 0, 2 ** 32 - 1),
    threads: whole('threads', values.threads, 2, 0, 64),
  };
}

function whole(
  name: string,
  text: string | undefined,
  otherwise: number,
  least: number,
  most: number,
): number {
  if (text === undefined) return otherwise;
  const value = Number(text);
  if (text.trim() === '' || !Number.isInteger(value) || value < least || value > most) {
    throw new UsageError(`--${name} is ${text}: give a whole number from ${least} to ${most}`);
  }
  return value;
}

function parsed(argv: readonly string[]) {
  const text = { type: 'string' } as const;
  const flag = { type: 'boolean' } as const;
  return readArguments({
    args: [...argv],
    options: {
      help: flag,
      json: flag,
      first: flag,
      schedules: text,
      seed: text,
      replay: text,
      threads: text,
    },
  }).values;
}
