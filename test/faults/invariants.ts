// The invariants of a rotation, numbered as in the specification. Each is a question to what was seen: undefined
// is well, a sentence is a violation. Exceptions stand next to the rule that they belong to.

import type { Invocation } from '../lambda/rotate-key/world.ts';
import { isLost, type Ledger, type Pair } from './ledger.ts';
import { claimIn, type Sight } from './sight.ts';

export type InvariantNumber = 1 | 2 | 3 | 4 | 5 | 6 | 7;

export const INVARIANTS: Readonly<Record<InvariantNumber, string>> = {
  1: 'AWSCURRENT exists and parses at all times',
  2: 'outside the gap no pair is lost; inside it, the next tick says so',
  3: 'at most one claim holder refreshes; losers exit cleanly',
  4: 'once faults stop, two ticks after the last claim lapses all is healthy',
  5: 'the reader never sees a key that fails to authenticate',
  6: 'a failed run is an error, an event and a metric; a rotated one is none',
  7: 'no secret in any output; at most 40 new versions in 24 hours',
};

export type Problem = string | undefined;

/** A run as the explorer saw it. */
export interface RunSeen {
  readonly name: string;
  readonly claimant: string;
  readonly startedAtMs: number;
  /** `cut-off`: it ran into its function's timeout. */
  ended: Invocation | 'killed' | 'cut-off' | undefined;
  /** Calls that a fault met. */
  faults: number;
  eventFaults: number;
  /** Another run, or a person, did something meanwhile. */
  undisturbed: boolean;
  /** Versions that it made AWSCURRENT. */
  readonly promoted: string[];
  /** At its start: the live claim's lapse. */
  readonly claimLapsesAtMs: number | undefined;
  /** At its start: a pair that was lost, made from AWSCURRENT. */
  readonly lossAtStart: Pair | undefined;
}

export interface Announced {
  readonly type: string;
  readonly detail: Readonly<Record<string, unknown>>;
}

// ── 1 ───────────────────────────────────────────────────────────────────────────────────────────

export function currentIsReadable({ current }: Sight): Problem {
  if (current === undefined) return 'the secret has no AWSCURRENT';
  return current.value === undefined ? 'AWSCURRENT does not parse as a pair' : undefined;
}

// ── 2 ───────────────────────────────────────────────────────────────────────────────────────────

/**
 * The irreducible gap: Momento has committed the refresh, the store has not committed Stage, and the memory that
 * held the pair is gone (its process ended, or the answer never came). Only where the refresh token is good for
 * one call or the old key dies: otherwise another refresh replaces the pair, and nothing is lost.
 */
export function pairIsNotLost(pair: Pair): Problem {
  if (pair.place !== 'lost') return undefined;
  return pair.stored
    ? 'a stored pair has lost its label while AWSCURRENT is still the key that it was made from'
    : 'a pair that had arrived in a living process was forgotten, and is stored nowhere';
}

/** A person's import is a pair too: AWSCURRENT moves only to what was made from it. */
export function currentMovedToItsOwn(
  before: string | undefined,
  after: string | undefined,
  ledger: Ledger,
): Problem {
  if (before === undefined || after === undefined || before === after) return undefined;
  return ledger.parentOf(after) === before
    ? undefined
    : 'AWSCURRENT moved to a pair that was not made from the key that was there: that one is lost';
}

/** The run that no fault met and nothing held back, after a loss. */
export function lossIsDetected(run: RunSeen, keyIsAlive: boolean): Problem {
  const { ended, lossAtStart } = run;
  const heldBack = run.claimLapsesAtMs !== undefined && run.startedAtMs < run.claimLapsesAtMs;
  if (lossAtStart === undefined || !isLost(lossAtStart)) return undefined;
  if (run.faults > 0 || !run.undisturbed || heldBack || typeof ended !== 'object') return undefined;
  const [key] = ended.keys;
  if (key?.reason === 'version-budget-spent') return undefined;
  if (key?.outcome !== 'failed' || key.reason !== 'refresh-token-spent') {
    return `a pair was lost in the gap, and the next run said ${key?.outcome}, ${key?.reason}`;
  }
  return saysTheTimeLeft(key.message, keyIsAlive)
    ? undefined
    : `the loss was told without the time left: ${key.message}`;
}

const saysTheTimeLeft = (message: string, keyIsAlive: boolean): boolean =>
  keyIsAlive ? /\b\d+ (day|hour|minute|second)/.test(message) : /\bnow\b/.test(message);

// ── 3 ───────────────────────────────────────────────────────────────────────────────────────────

/** Asked when a run is about to call Momento. */
export function refreshIsUnderItsClaim(claimant: string, { versions }: Sight): Problem {
  return versions.some((version) => claimIn(version)?.claimant === claimant)
    ? undefined
    : 'a run refreshes without a claim of its own in the store';
}

/** `others`: runs that are not over and have called Momento for the same key. */
export const refreshesAlone = (others: readonly string[]): Problem =>
  others.length === 0 ? undefined : `it refreshes the same key beside ${others.join(', ')}`;

/**
 * A run that met no fault fails only for what is wrong with the key itself, never for another run's sake.
 * `momento-rate-limited` is the account's, and shared.
 */
export function losersExitCleanly(run: RunSeen): Problem {
  const { ended } = run;
  if (run.faults > 0 || run.undisturbed || typeof ended !== 'object') return undefined;
  const [key] = ended.keys;
  if (key?.outcome !== 'failed' || ABOUT_THE_KEY.has(key.reason)) return undefined;
  return `a run that met no fault beside others failed: ${key.reason}: ${key.message}`;
}

const ABOUT_THE_KEY: ReadonlySet<string> = new Set([
  'refresh-token-spent',
  'key-refused',
  'pending-refused',
  'momento-rate-limited',
]);

// ── 4 ───────────────────────────────────────────────────────────────────────────────────────────

export function isHealthy({ labels, current }: Sight, last: RunSeen): Problem {
  const stray = [...labels.keys()].filter((label) => !/^AWS(CURRENT|PREVIOUS)$/.test(label));
  if (stray.length > 0) return `stray labels: ${stray.join(', ')} (${sayEnd(last)})`;
  if (current === undefined) return 'no AWSCURRENT';
  if (!current.alive) return `AWSCURRENT does not authenticate (${sayEnd(last)})`;
  return SETTLED.has(outcomeOf(last)) ? undefined : `the last tick said ${sayEnd(last)}`;
}

const SETTLED: ReadonlySet<string> = new Set(['not-due', 'rotated', 'resumed', 'healed']);

export const outcomeOf = ({ ended }: RunSeen): string =>
  typeof ended === 'object' ? (ended.keys[0]?.outcome ?? 'no key') : String(ended);

export const sayEnd = (run: RunSeen): string => {
  const { ended } = run;
  return typeof ended === 'object'
    ? `${ended.keys[0]?.outcome}, ${ended.keys[0]?.reason}`
    : String(ended);
};

// ── 5 ───────────────────────────────────────────────────────────────────────────────────────────

/** Where old keys die at the refresh, AWSCURRENT is dead from then until its successor is promoted. */
export function readerSeesLivingKey(
  { current }: Sight,
  oldKeys: 'live' | 'die',
  ledger: Ledger,
): Problem {
  if (current?.value === undefined || current.alive) return undefined;
  if (oldKeys === 'die' && ledger.hasBeenRefreshed(current.value.wireKey)) return undefined;
  return oldKeys === 'live'
    ? 'the reader saw a key that does not authenticate'
    : 'the reader saw a dead key that no refresh has ended';
}

// ── 6 ───────────────────────────────────────────────────────────────────────────────────────────

/** `events` and `failuresMeasured`: what came while it ran. */
export function failureIsLoud(
  run: RunSeen,
  events: readonly Announced[],
  failuresMeasured: readonly number[],
): Problem {
  const { ended } = run;
  if (ended === 'cut-off') return 'the run ran into its timeout: nothing was reported';
  if (typeof ended !== 'object') return undefined;
  const failed = ended.keys.filter(({ outcome }) => outcome === 'failed');
  if (ended.error === undefined && failed.length > 0) return 'a key failed and nothing was thrown';
  if (ended.error !== undefined && failed.length === 0) return 'thrown, and no key has failed';
  if (!failuresMeasured.includes(failed.length)) {
    return `${failed.length} keys failed, and the metric says ${failuresMeasured.join(', ') || 'nothing'}`;
  }
  for (const { reason, secretId } of failed) {
    if (!ended.error?.message.includes(reason)) return `the error does not name ${reason}`;
    const told = events.some(
      ({ type, detail }) =>
        type === 'Momento API Key Rotation Failed' &&
        detail.code === reason &&
        detail.secretArn === secretId,
    );
    if (!told && run.eventFaults === 0) return `no event tells of ${reason}`;
  }
  return undefined;
}

export function successIsTrue(run: RunSeen, wasCurrent: ReadonlySet<string>): Problem {
  const outcome = outcomeOf(run);
  if (run.promoted.length > 0 && outcome === 'failed') {
    return `the run rotated the key and reported a failure (${sayEnd(run)})`;
  }
  if (outcome !== 'rotated' && outcome !== 'resumed') return undefined;
  // Another run may have promoted the very pair that this one resumed.
  return run.promoted.length > 0 || wasCurrent.size > 0
    ? undefined
    : `${outcome}, and no new pair has become AWSCURRENT`;
}

/** Once all is healthy: a promotion of which nobody has heard is a swallowed one. */
export const promotionIsAnnounced = (versionId: string, events: readonly Announced[]): Problem =>
  events.some(
    ({ type, detail }) => type === 'Momento API Key Rotated' && detail.versionId === versionId,
  )
    ? undefined
    : 'a key was rotated and nobody was told';

// ── 7 ───────────────────────────────────────────────────────────────────────────────────────────

export function holdsNoSecret(outputs: string, secrets: Iterable<string>): Problem {
  for (const secret of secrets) {
    if (outputs.includes(secret)) return 'a secret, or half of one, is in the output';
  }
  return undefined;
}

/** What identifies a credential, whole and in the parts in which it may travel. */
export function formsOf({
  apiKey,
  refreshToken,
}: {
  readonly apiKey: string;
  readonly refreshToken: string;
}): string[] {
  const { api_key: wireKey } = JSON.parse(Buffer.from(apiKey, 'base64').toString('utf8'));
  const [, payload = '', signature = ''] = String(wireKey).split('.');
  const halves = [refreshToken, signature].flatMap((text) => {
    const middle = Math.floor(text.length / 2);
    return [text.slice(0, middle), text.slice(middle)];
  });
  // The first half of a payload says who the account is, the second which key.
  return [
    ...halves,
    payload.slice(Math.floor(payload.length / 2)),
    apiKey.slice(Math.floor(apiKey.length / 2)),
    Buffer.from(refreshToken).toString('base64').slice(0, -4),
  ];
}

const DAY_MS = 86_400_000;
const MOST_VERSIONS = 40;

/** Rotation's own, in any 24 hours: what people import is theirs. */
export function versionsStayFew({ versions }: Sight): Problem {
  const times = versions
    .filter(({ versionId }) => /^[0-9a-f]{64}$/.test(versionId))
    .map(({ createdAtMs }) => createdAtMs)
    .sort((a, b) => a - b);
  for (let index = MOST_VERSIONS; index < times.length; index += 1) {
    const since = times[index - MOST_VERSIONS] ?? 0;
    if ((times[index] ?? 0) - since < DAY_MS) {
      return `more than ${MOST_VERSIONS} versions in 24 hours`;
    }
  }
  return undefined;
}
