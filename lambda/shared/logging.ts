// Structured logs. Every string of every line passes through the redactor on its way out.

import { Logger } from '@aws-lambda-powertools/logger';
import type { Failure } from './failure.ts';
import type { Redactor } from './redaction.ts';

/** Service name and level come from POWERTOOLS_SERVICE_NAME and POWERTOOLS_LOG_LEVEL. */
export const createLogger = (redactor: Redactor): Logger =>
  new Logger({
    jsonReplacerFn: (_key, value) => (typeof value === 'string' ? redactor.text(value) : value),
  });

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
