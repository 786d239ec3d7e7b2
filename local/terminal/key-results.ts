// What rotate-key answers, read at the edge: the contract's result, not the function's code.

import * as v from 'valibot';

const KeyResult = v.object({
  secretId: v.string(),
  outcome: v.string(),
  reason: v.string(),
  message: v.string(),
  /** Epoch seconds; 0 never; null unknown. */
  validUntil: v.nullable(v.number()),
  /** Epoch seconds. */
  nextAttemptAt: v.nullable(v.number()),
});

export type KeyResult = v.InferOutput<typeof KeyResult>;

const RunResult = v.object({ keys: v.array(KeyResult) });
const RunError = v.looseObject({ errorType: v.string(), errorMessage: v.string() });

/** Empty for an answer that is no result. */
export function readKeyResults(payload: unknown): readonly KeyResult[] {
  const read = v.safeParse(RunResult, payload);
  return read.success ? read.output.keys : [];
}

/** What a failed invocation says: the error's type and its message. */
export function readRunError(payload: unknown): { type: string; message: string } {
  const read = v.safeParse(RunError, payload);
  return read.success
    ? { type: read.output.errorType, message: read.output.errorMessage }
    : { type: 'Error', message: JSON.stringify(payload) };
}
