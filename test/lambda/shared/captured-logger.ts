// The functions' own logger, writing into memory instead of to stdout: what it writes is what would be kept.

import { Console } from 'node:console';
import { Writable } from 'node:stream';
import type { Logger } from '@aws-lambda-powertools/logger';
import { createLogger } from '../../../lambda/shared/logging.ts';
import type { Redactor } from '../../../lambda/shared/redaction.ts';

export interface CapturedLogger {
  readonly log: Logger;
  /** One line of JSON each, as it would leave the process. */
  readonly lines: string[];
}

export function capturedLogger(redactor: Redactor): CapturedLogger {
  const lines: string[] = [];
  const sink = new Writable({
    write(chunk, _encoding, done) {
      lines.push(String(chunk).trimEnd());
      done();
    },
  });
  const log = createLogger(redactor);
  // The library makes a Console over process.stdout; everything before the last write stays its own.
  Object.assign(log, { console: new Console({ stdout: sink, stderr: sink }) });
  return { log, lines };
}
