// What the code needs of a logger, and the part of an error that may be logged.

import type { Failure } from './failure.ts';

export interface Log {
  info(message: string, fields: Record<string, unknown>): void;
  warn(message: string, fields: Record<string, unknown>): void;
  error(message: string, fields: Record<string, unknown>): void;
}

/** The part of an error that may be logged; the redactor cleans it on its way out. */
export const describeError = (error: unknown): Record<string, unknown> =>
  error instanceof Error
    ? { error: error.message, code: (error as Partial<Failure<string>>).code, stack: error.stack }
    : { error: String(error) };
