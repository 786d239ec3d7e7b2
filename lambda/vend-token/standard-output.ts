// Where Lambda reads the log. `process.stdout` would be made for the first line: 2 ms of each cold start
// (docs/performance.md).

import { writeSync } from 'node:fs';

const STANDARD_OUTPUT = 1;
/** A pipe that is full is tried again after so long. */
const FULL_MS = 1;
const never = new Int32Array(new SharedArrayBuffer(Int32Array.BYTES_PER_ELEMENT));

/** Returns when all of it is with the system: a line must not be lost when the process is frozen. */
export function writeOut(text: string): void {
  const bytes = Buffer.from(text);
  for (let written = 0; written < bytes.length; ) {
    try {
      written += writeSync(STANDARD_OUTPUT, bytes, written);
    } catch (error) {
      if (!isFull(error)) throw error;
      Atomics.wait(never, 0, 0, FULL_MS);
    }
  }
}

const isFull = (error: unknown): boolean =>
  error instanceof Error && 'code' in error && error.code === 'EAGAIN';
