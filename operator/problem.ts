// What went wrong, for a person: a sentence, and the next thing to type.

import type { ExitCode } from './exit-code.ts';
import { WRONG_USAGE } from './exit-code.ts';

export interface ProblemOptions extends ErrorOptions {
  /** A command, or what to do. @default the sentence says it */
  readonly next?: string | undefined;
  /** @default 1 */
  readonly exitCode?: ExitCode;
}

export class Problem extends Error {
  readonly next: string | undefined;
  readonly exitCode: ExitCode;

  constructor(sentence: string, { next, exitCode = 1, ...options }: ProblemOptions = {}) {
    super(sentence, options);
    this.name = 'Problem';
    this.next = next;
    this.exitCode = exitCode;
  }
}

/** The command line asks for something that does not exist. */
export const wrongUsage = (sentence: string, next?: string): Problem =>
  new Problem(sentence, { next, exitCode: WRONG_USAGE });
