// Reading the words of a command line: each is checked, and a wrong one says what to write instead.

import { type ParseArgsConfig, parseArgs } from 'node:util';

/** The command line is wrong; the message says how to put it right. Ends in exit code 2. */
export class UsageError extends Error {
  override readonly name = 'UsageError';
}

/** What `parseArgs` of node:util makes of the command line. @throws UsageError for what is not among the options */
export function readArguments<const Config extends ParseArgsConfig>(config: Config) {
  try {
    return parseArgs(config);
  } catch (error) {
    throw new UsageError(error instanceof Error ? error.message : String(error), { cause: error });
  }
}

export const wholeFrom = (value: number, least: number): boolean =>
  Number.isInteger(value) && value >= least;

export const isPort = (value: number): boolean => wholeFrom(value, 0) && value <= 65_535;

/** @throws UsageError */
export function number(
  name: string,
  given: string | undefined,
  otherwise: number,
  isGood: (value: number) => boolean,
): number {
  if (given === undefined) return otherwise;
  const value = given.trim() === '' ? Number.NaN : Number(given);
  if (Number.isFinite(value) && isGood(value)) return value;
  throw new UsageError(
    `--${name} is ${JSON.stringify(given)}: give a number, such as ${otherwise}.`,
  );
}

/** The first choice is the default. @throws UsageError */
export function oneOf<const Choice extends string>(
  name: string,
  given: string | undefined,
  choices: readonly [Choice, ...Choice[]],
): Choice {
  if (given === undefined) return choices[0];
  const found = choices.find((choice) => choice === given);
  if (found !== undefined) return found;
  throw new UsageError(`--${name} is ${JSON.stringify(given)}: give ${choices.join(' or ')}.`);
}
