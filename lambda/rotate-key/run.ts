// One invocation: every key in turn, then the result, or one error that names every key that failed.

import { parseEvent } from './event.ts';
import type { KeyResult } from './outcome.ts';
import { outOfTime, renewKey } from './renew-key.ts';
import { tell } from './tell.ts';
import type { Run, Tools } from './tools.ts';

export interface RunResult {
  readonly keys: readonly KeyResult[];
}

/** Thrown after every key was tried. Its message has a line per failed key: `<secret>: <code>: <sentence>`. */
export class RotationFailed extends Error {
  /** All keys of the run, those that did not fail included. */
  readonly keys: readonly KeyResult[];

  constructor(keys: readonly KeyResult[]) {
    super(
      keys
        .filter(hasFailed)
        .map((key) => `${key.secretId}: ${key.reason}: ${key.message}`)
        .join('\n'),
    );
    this.name = 'RotationFailed';
    this.keys = keys;
  }
}

const hasFailed = ({ outcome }: KeyResult): boolean => outcome === 'failed';

/** Kept for telling what happened, after the work has to stop. */
const RESERVED_FOR_TELLING_MS = 10_000;

/** Throws `UnsupportedEvent`, or `RotationFailed` after every key was tried; nothing else. */
export async function runOnce(
  event: unknown,
  tools: Tools,
  { claimant, remainingMs }: { readonly claimant: string; readonly remainingMs: number },
): Promise<RunResult> {
  const request = parseEvent(event);
  const endsAtMs = tools.clock.now() + remainingMs;
  const run: Run = {
    ...tools,
    claimant,
    endsAtMs,
    workUntilMs: endsAtMs - RESERVED_FOR_TELLING_MS,
  };
  const secretIds = request.kind === 'all-keys' ? tools.settings.secretIds : [request.secretId];
  const force = request.kind === 'one-key' && request.force;

  const keys: KeyResult[] = [];
  for (const secretId of secretIds) {
    const { result, events } =
      run.clock.now() < run.workUntilMs
        ? await renewKey(secretId, force, run)
        : outOfTime(secretId, run);
    keys.push(result);
    const { message, ...fields } = result;
    run.log[result.outcome === 'failed' ? 'error' : 'info'](message, fields);
    // At once: an application should hear of its new key before the next key's turn.
    await tell(events, run);
  }
  if (keys.some(hasFailed)) throw new RotationFailed(keys);
  return { keys };
}
