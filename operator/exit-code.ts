// How the command ends. Published (docs/operator.md, --help): never give one another meaning.

export const WELL = 0;
/** A problem was found, or the verb failed. */
export const PROBLEM = 1;
export const WRONG_USAGE = 2;
/** By Ctrl-C. */
export const INTERRUPTED = 130;

export type ExitCode = typeof WELL | typeof PROBLEM | typeof WRONG_USAGE | typeof INTERRUPTED;
