// One invocation: all keys, the one that ends first before the others, as many at once as the account's auth rate
// can use; then the result, or one error that names every key that failed.

import { retry } from '../shared/retry.ts';
import { isTransient, SecretFailure } from '../shared/secret-versions.ts';
import { atMost } from './at-most.ts';
import { validUntilOf } from './decide.ts';
import { parseEvent } from './event.ts';
import { measuresOf } from './measures.ts';
import type { KeyResult } from './outcome.ts';
import {
  type Looked,
  look,
  notDiscovered,
  type Renewed,
  renewKey,
  type Wish,
} from './renew-key.ts';
import { tell } from './tell.ts';
import type { Run, Tools } from './tools.ts';

export interface RunResult {
  readonly keys: readonly KeyResult[];
}

/** A message of all that is known must still fit into the record of the failed run (256 KB). */
const MOST_SENTENCES = 50;

/** Thrown after every key was tried. Its message has a line per failed key: `<secret>: <code>: <sentence>`. */
export class RotationFailed extends Error {
  /** All keys of the run, those that did not fail included. */
  readonly keys: readonly KeyResult[];

  constructor(keys: readonly KeyResult[]) {
    super(
      keys
        .filter(hasFailed)
        .map(({ secretId, reason, message }, index) =>
          index < MOST_SENTENCES ? `${secretId}: ${reason}: ${message}` : `${secretId}: ${reason}`,
        )
        .join('\n'),
    );
    this.name = 'RotationFailed';
    this.keys = keys;
    // It would say the message once more.
    this.stack = `${this.name}: ${keys.filter(hasFailed).length} keys`;
  }
}

const hasFailed = ({ outcome }: KeyResult): boolean => outcome === 'failed';

/** Kept for telling what happened, after the work has to stop. */
const RESERVED_FOR_TELLING_MS = 10_000;
/** Secrets Manager answers thousands of reads a second. */
const LOOKS_AT_ONCE = 20;
const MOST_RENEWALS_AT_ONCE = 32;
const SECONDS_PER_RENEWAL = 4;
const DISCOVERY_TIMEOUT_MS = 20_000;

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
  const isSweep = request.kind === 'all-keys';
  const wish: Wish = isSweep ? {} : request;
  const { secretIds, found, failures } = isSweep
    ? await allKeys(run)
    : { secretIds: [request.secretId], found: new Set<string>(), failures: [] };

  const looked = await atMost(LOOKS_AT_ONCE, secretIds, (secretId) => look(secretId, run));
  const firstEndFirst = looked
    .filter((one) => !(found.has(one.secretId) && hasLeft(one)))
    .sort((one, other) => endsAt(one) - endsAt(other));
  const renewed = await atMost(renewalsAtOnce(run), firstEndFirst, async (found) => {
    const key = await renewKey(found, wish, run);
    // At once: an application should hear of its new key before the next key's turn.
    await logAndTell(wish.dryRun ? { ...key, events: [] } : key, run);
    return key;
  });

  const all = [...renewed, ...failures];
  if (!wish.dryRun) run.measure(measuresOf(all, { isSweep, nowMs: run.awsTime.now() }));
  const keys = inOrderOf(secretIds, all);
  if (keys.some(hasFailed)) throw new RotationFailed(keys);
  return { keys };
}

/** The configured keys, and those that have the tag. That these cannot be found must not stop the others. */
async function allKeys(run: Run): Promise<AllKeys> {
  const { secretIds, discoverTag } = run.settings;
  if (discoverTag === undefined) return { secretIds, found: new Set(), failures: [] };
  try {
    const found = await retry(() => run.versions.listTagged(discoverTag), {
      clock: run.clock,
      deadlineAtMs: Math.min(run.clock.now() + DISCOVERY_TIMEOUT_MS, run.workUntilMs),
      isRetryable: isTransient,
    });
    const configured = new Set(secretIds);
    const others = new Set(found.filter((secretId) => !configured.has(secretId)));
    return { secretIds: [...secretIds, ...others], found: others, failures: [] };
  } catch (error) {
    const failure = notDiscovered(discoverTag, error, run);
    await logAndTell(failure, run);
    return { secretIds, found: new Set(), failures: [failure] };
  }
}

interface AllKeys {
  readonly secretIds: readonly string[];
  /** Those of them that are here by their tag alone. */
  readonly found: ReadonlySet<string>;
  readonly failures: readonly Renewed[];
}

/** Deleted since it was listed: who deletes a secret that nobody has configured need not tell anybody. */
const hasLeft = ({ gathered, error }: Looked): boolean =>
  gathered?.deletedAtMs !== undefined ||
  (error instanceof SecretFailure && error.code === 'secret-not-found');

/** Enough to use up the auth rate while each renewal waits for Secrets Manager and Momento in turn. */
const renewalsAtOnce = ({ settings }: Run): number =>
  Math.min(MOST_RENEWALS_AT_ONCE, Math.ceil(settings.authRatePerSecond * SECONDS_PER_RENEWAL));

/** Epoch seconds. What never ends, or cannot be read, comes last: it costs no time. */
const endsAt = ({ gathered }: Looked): number =>
  validUntilOf(gathered?.current) || Number.MAX_SAFE_INTEGER;

async function logAndTell({ result, events }: Renewed, run: Run): Promise<void> {
  const { message, ...fields } = result;
  run.log[hasFailed(result) ? 'error' : 'info'](message, fields);
  await tell(events, run);
}

/** As configured, and not as they were tried: people look for their key where they have put it. */
function inOrderOf(secretIds: readonly string[], renewed: readonly Renewed[]): KeyResult[] {
  const places = new Map(secretIds.map((secretId, index) => [secretId, index]));
  const place = ({ secretId }: KeyResult) => places.get(secretId) ?? secretIds.length;
  return renewed.map(({ result }) => result).toSorted((one, other) => place(one) - place(other));
}
