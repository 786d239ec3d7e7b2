// Structured logs. Every string of every line passes through the redactor on its way out.

import { Logger } from '@aws-lambda-powertools/logger';
import type { Redactor } from './redaction.ts';

/** Service name and level come from POWERTOOLS_SERVICE_NAME and POWERTOOLS_LOG_LEVEL. */
export const createLogger = (redactor: Redactor): Logger =>
  new Logger({
    jsonReplacerFn: (_key, value) => (typeof value === 'string' ? redactor.text(value) : value),
  });
