// The invariants of a rotation, numbered as in the specification. Each is a question to what was seen: undefined
// is well, a sentence is a violation. Exceptions stand next to the rule that they belong to.

import type { KeyResult } from '../../lambda/rotate-key/outcome.ts';
import type { Invocation } from '../lambda/rotate-key/world.ts';
import { type Credentials, isLost, type Ledger, type Pair } from './ledger.ts';
import { claimIn, type Held, type Sight } from './sight.ts';

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

/** A run as the explorer saw it, of the secret that faults meet. */
export interface RunSeen {
  readonly name: string;
  readonly claimant: string;
  readonly startedAtMs: number;
  endedAtMs: number;
  readonly timeoutMs: number;
  readonly forced: boolean;
  /** `cut-off`: it ran into its function's timeout. */
  ended: Invocation | 'killed' | 'cut-off' | undefined;
  /** Calls that a fault met. */
  faults: number;
  /** Of these, what said in Momento's name that a key is none. */
  refusalsInjected: number;
  /** By `nameOfEvent`: the PutEvents that carried it. */
  readonly tellings: Map<string, Telling>;
  /** What the bus took from it. */
  readonly events: Announced[];
  /** How it counted itself: failed keys. */
  readonly failuresMeasured: number[];
  /** No other run, and no person, did anything meanwhile. */
  undisturbed: boolean;
  /** A claim of its own was in the store. */
  claimed: boolean;
  refreshCalls: number;
  /** Labels that it tried to move without hearing whether it did. */
  movesUnanswered: number;
  /** Momento has refused a key, truly or by a fault. */
  wasRefused: boolean;
  /** A fault has met its look at the secret after that, or what it saw of the secret was not so any more. */
  couldNotLook: boolean;
  /** A key that it asked for may have been refreshed to a pair that is not in the store. */
  mayBeSpentUnseen: boolean;
  /** Versions that it made AWSCURRENT. */
  readonly promoted: string[];
  /** Somebody made another version AWSCURRENT meanwhile. */
  currentMoved: boolean;
  /** As it was when the run began. */
  readonly before: Before;
}

export interface Telling {
  readonly fromMs: number;
  calls: number;
  faults: number;
}

export interface Before {
  readonly claim: Held | undefined;
  /** A pair that was lost, or given up with its refresh token spent, made from AWSCURRENT. */
  readonly loss: Pair | undefined;
  /** Rotation's own, in the last 24 hours. */
  readonly newVersions: number;
  /** Alive, and with so little life left that any margin is reached. */
  readonly isDue: boolean;
  /** Its process has the pair in memory that AWSCURRENT was renewed to. */
  readonly holdsSuccessor: boolean;
  /** The schedule's own, for a key near its end: no budget holds it back. */
  readonly isPressing: boolean;
}

export interface Announced {
  readonly type: string;
  readonly detail: Readonly<Record<string, unknown>>;
}

/** The same for each attempt to tell the same. */
export const nameOfEvent = ({ type, detail }: Announced): string =>
  [type, detail.secretArn, detail.code ?? detail.versionId].join(' ');

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

/** What a person has written beside the key is nobody's to change. */
export const personsFieldsStay = ({ current }: Sight, written: string): Problem =>
  current?.value === undefined || current.value.otherFields === written
    ? undefined
    : `a person wrote ${written} beside the key, and AWSCURRENT says ${current.value.otherFields}`;

/** Of the function's time: Secrets Manager must have some for the pair that Momento answers with, and people for hearing. */
const LEAST_LEFT_AT_MOMENTO_MS = 25_000;

/** Asked when a run is about to call Momento. */
export function refreshHasTime({ startedAtMs, timeoutMs }: RunSeen, nowMs: number): Problem {
  const leftMs = startedAtMs + timeoutMs - nowMs;
  return leftMs >= LEAST_LEFT_AT_MOMENTO_MS
    ? undefined
    : `Momento is asked with ${leftMs} ms of the run left: too little to store its answer`;
}

/** A pair that the store does not take is offered to it until the time for it is out, whatever the store says. */
export function stagingIsNotGivenUp({
  ended,
  startedAtMs,
  endedAtMs,
  timeoutMs,
}: RunSeen): Problem {
  if (typeof ended !== 'object' || ended.keys[0]?.reason !== 'stage-failed') return undefined;
  const leftMs = startedAtMs + timeoutMs - endedAtMs;
  return leftMs <= 20_000
    ? undefined
    : `the run gave up storing the pair with ${leftMs} ms of its time left`;
}

/**
 * The first run that begins after the claim of the interrupted one has lapsed, unless a fault meets that run too, or
 * the secret's versions of the day are used up.
 */
export function lossIsDetected(run: RunSeen, { current }: Sight): Problem {
  const { ended, before } = run;
  const { loss } = before;
  if (loss === undefined || isHeldBack(run)) return undefined;
  if (!isLost(loss) && loss.place !== 'discarded') return undefined;
  if (run.faults > 0 || !run.undisturbed || typeof ended !== 'object') return undefined;
  const [key] = ended.keys;
  if (key?.reason === 'version-budget-spent' && budgetIsSpent(run)) return undefined;
  if (key?.reason === 'key-expired' && hasEnded(current, run.endedAtMs)) return undefined;
  if (key?.outcome !== 'failed' || key.reason !== 'refresh-token-spent') {
    return `a pair was lost in the gap, and the next run said ${key?.outcome}, ${key?.reason}`;
  }
  return saysTheTimeLeft(key.message, run, current?.endsAt)
    ? undefined
    : `the loss was told with a wrong time: ${key.message} (the key ends at ${current?.endsAt})`;
}

/** Until its run must be over; and where its failure was reported, until its back-off is. No longer than it may. */
export function isHeldBack(run: RunSeen): boolean {
  const { startedAtMs, forced } = run;
  const { claim, isPressing } = run.before;
  if (claim === undefined) return false;
  const { createdAtMs, runEndsAtMs, lapsesAtMs, hasEnded: isOver, hasFailed } = claim;
  const isUnderWay =
    !isOver && startedAtMs < Math.min(runEndsAtMs, createdAtMs + LONGEST_RUN_MS) + CLOCK_MS;
  const backsOff =
    hasFailed &&
    !forced &&
    !isPressing &&
    startedAtMs < Math.min(lapsesAtMs, createdAtMs + LONGEST_BACK_OFF_MS) + CLOCK_MS;
  return isUnderWay || backsOff;
}

/** What hosts may take AWS's time for. */
const CLOCK_MS = 2_000;
const LONGEST_RUN_MS = 310_000;
/** The last of the back-offs, 1, 2, 4 … 64, 110 minutes. */
export const LONGEST_BACK_OFF_MS = 110 * 60_000;

const UNIT_SECONDS = { day: 86_400, hour: 3_600, minute: 60, second: 1 } as const;

/** "for 9 days 4 hours, until 2026-01-31 00:00:00 UTC", to the second; "now" for a key that is dead. */
function saysTheTimeLeft(message: string, run: RunSeen, endsAt: number | undefined): boolean {
  if (endsAt === undefined) return /\bnow\b/.test(message);
  const [, until = ''] = /, until (\S+ \S+) UTC/.exec(message) ?? [];
  const [, said = ''] = /\bfor ((?:\d+ [a-z]+ ?)+), until/.exec(message) ?? [];
  let seconds = 0;
  let unitSeconds = 0;
  for (const [, count, unit = ''] of said.matchAll(/(\d+) (day|hour|minute|second)/g)) {
    unitSeconds = UNIT_SECONDS[unit as keyof typeof UNIT_SECONDS];
    seconds += Number(count) * unitSeconds;
  }
  const leftAtMost = endsAt - run.startedAtMs / 1000 + CLOCK_MS / 1000;
  const leftAtLeast = endsAt - run.endedAtMs / 1000 - CLOCK_MS / 1000;
  return (
    Date.parse(`${until.replace(' ', 'T')}Z`) === endsAt * 1000 &&
    seconds <= leftAtMost &&
    seconds + unitSeconds >= leftAtLeast
  );
}

const hasEnded = (current: Sight['current'], nowMs: number): boolean =>
  typeof current?.value?.validUntil === 'number' && current.value.validUntil * 1000 <= nowMs;

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
  'key-expired',
  'pending-refused',
  'momento-rate-limited',
]);

/**
 * A refresh token is spent, or a key refused, only where a refresh of it has given a pair that is not in the store:
 * to a run that was lost, or whose answer did not come; or where the run's own first call may have done it.
 * Otherwise a run has asked for a key that another one had renewed already, or that a person has replaced; it looks
 * whether that is so before it says a word, and where it could not look it says what Momento said.
 */
export function refusalHasACause(run: RunSeen): Problem {
  const { ended } = run;
  if (typeof ended !== 'object') return undefined;
  const [key] = ended.keys;
  if (key?.reason !== 'refresh-token-spent' && key?.reason !== 'key-refused') return undefined;
  const mayBeTrue = run.mayBeSpentUnseen || run.refreshCalls > 1 || run.refusalsInjected > 0;
  return mayBeTrue || run.couldNotLook
    ? undefined
    : `${key.reason}, and no pair is missing: another run had renewed the key`;
}

// ── 4 ───────────────────────────────────────────────────────────────────────────────────────────

/** The labels, the key, and that the secret says of the key's end what Momento says. */
export function isWell({ labels, current }: Sight): Problem {
  const stray = [...labels.keys()].filter((label) => !/^AWS(CURRENT|PREVIOUS)$/.test(label));
  if (stray.length > 0) return `stray labels: ${stray.join(', ')}`;
  if (current === undefined) return 'no AWSCURRENT';
  if (!current.alive) return 'AWSCURRENT does not authenticate';
  return current.value?.validUntil === current.endsAt
    ? undefined
    : `the secret says that the key ends at ${current.value?.validUntil}, and it ends at ${current.endsAt}`;
}

export function isHealthy(sight: Sight, last: RunSeen): Problem {
  const problem = isWell(sight);
  if (problem !== undefined) return `${problem} (${sayEnd(last)})`;
  return SETTLED.has(outcomeOf(last)) ? undefined : `the last tick said ${sayEnd(last)}`;
}

const SETTLED: ReadonlySet<string> = new Set(['not-due', 'rotated', 'resumed', 'healed']);

/** Otherwise it would go on renewing for ever. */
export const comesToRest = (last: RunSeen): Problem =>
  outcomeOf(last) === 'not-due' ? undefined : `one tick after all was well: ${sayEnd(last)}`;

/** What befalls one secret does nothing to the others of the same run, of the same process. */
export function othersAreWell(name: string, sight: Sight, isDue: boolean): Problem {
  const problem = isWell(sight) ?? (isDue ? 'it is due, and has not been renewed' : undefined);
  return problem && `${name}, which no fault has met: ${problem}`;
}

export const outcomeOf = ({ ended }: RunSeen): string =>
  typeof ended === 'object' ? (ended.keys[0]?.outcome ?? 'no key') : String(ended);

export const sayEnd = (run: RunSeen): string => {
  const { ended } = run;
  return typeof ended === 'object'
    ? `${ended.keys[0]?.outcome}, ${ended.keys[0]?.reason}`
    : String(ended);
};

// ── 5 ───────────────────────────────────────────────────────────────────────────────────────────

/**
 * Where old keys die at the refresh, AWSCURRENT is dead from then until its successor is promoted.
 * A key whose every renewal was hit by a fault comes to its own end: that no well run lets it come so far is
 * invariant 6's (`givingUpIsLoud`), and nobody can help it in an outage that outlives the key.
 */
export function readerSeesLivingKey(
  { current, nowMs }: Sight,
  oldKeys: 'live' | 'die',
  ledger: Ledger,
  faultsSoFar: number,
): Problem {
  if (current?.value === undefined || current.alive) return undefined;
  if (faultsSoFar > 0 && hasEnded(current, nowMs)) return undefined;
  if (oldKeys === 'die' && ledger.hasBeenRefreshed(current.value.wireKey)) return undefined;
  return oldKeys === 'live'
    ? 'the reader saw a key that does not authenticate'
    : 'the reader saw a dead key that no refresh has ended';
}

// ── 6 ───────────────────────────────────────────────────────────────────────────────────────────

export function failureIsLoud(run: RunSeen): Problem {
  const { ended } = run;
  if (ended === 'cut-off') return 'the run ran into its timeout: nothing was reported';
  if (typeof ended !== 'object') return undefined;
  const failed = ended.keys.filter(hasFailed);
  if (ended.error === undefined && failed.length > 0) return 'a key failed and nothing was thrown';
  if (ended.error !== undefined && failed.length === 0) return 'thrown, and no key has failed';
  if (run.failuresMeasured.join() !== String(failed.length)) {
    return `${failed.length} keys failed, and the run's metric says ${run.failuresMeasured.join(', ') || 'nothing'}`;
  }
  for (const { reason, secretId } of failed) {
    if (!ended.error?.message.includes(reason)) return `the error does not name ${reason}`;
    const type = 'Momento API Key Rotation Failed';
    const event = nameOfEvent({ type, detail: { secretArn: secretId, code: reason } });
    const told = run.events.some((announced) => nameOfEvent(announced) === event);
    if (!told && couldTell(event, run)) return `no event tells of ${reason}`;
  }
  return undefined;
}

const hasFailed = ({ outcome }: KeyResult): boolean => outcome === 'failed';

/** Not when a fault met every PutEvents of it, of at least four, or of most of ten seconds, or to the end of the time. */
function couldTell(event: string, run: RunSeen): boolean {
  const { tellings, endedAtMs, startedAtMs, timeoutMs } = run;
  const telling = tellings.get(event);
  if (telling === undefined || telling.faults < telling.calls) return true;
  const triedForMs = endedAtMs - telling.fromMs;
  return telling.calls < 4 && triedForMs < 7_000 && endedAtMs - startedAtMs < timeoutMs - 8_000;
}

/**
 * Judged without the code's own word for it: a run that had begun (a claim, a call to Momento), or that had a due key
 * before it and nothing in its way, has either renewed the key, or thrown, or one of the excuses below is true.
 */
export function givingUpIsLoud(run: RunSeen): Problem {
  const { ended } = run;
  if (typeof ended !== 'object' || ended.error !== undefined) return undefined;
  // Renewed by this run, or by another one, or a person was faster.
  if (run.promoted.length > 0 || run.currentMoved) return undefined;
  const { isDue, holdsSuccessor } = run.before;
  const ought = (isDue || holdsSuccessor || run.forced) && run.undisturbed && !isHeldBack(run);
  if (!hasBegun(run) && !ought) return undefined;
  const [key] = ended.keys;
  if (key === undefined) return 'the run says nothing of its key';
  return QUIET_ENDS[key.reason]?.(run) === true
    ? undefined
    : `the run ${hasBegun(run) ? 'had begun to renew the key' : 'had a key to renew before it'}, did not renew it, and threw nothing: ${sayEnd(run)}`;
}

const budgetIsSpent = ({ before }: RunSeen): boolean =>
  !before.isPressing && before.newVersions > MOST_VERSIONS - 2;

const hasBegun = ({ claimed, refreshCalls }: RunSeen): boolean => claimed || refreshCalls > 0;

/** The reasons for which a run may end quietly all the same, and what must be so. */
const QUIET_ENDS: Readonly<Record<string, (run: RunSeen) => boolean>> = {
  // A rotation is not begun with less than 25 s of work left, and 10 s are for telling.
  'out-of-time': (run) => run.endedAtMs - run.startedAtMs >= run.timeoutMs - 35_500,
  'version-budget-spent': (run) =>
    !hasBegun(run) && budgetIsSpent(run) && !run.before.holdsSuccessor,
  // Another run has the claim, or a pair that waits to be promoted; or had, by what this one saw.
  'claimed-by-another-run': (run) => !run.undisturbed || run.couldNotLook,
  'current-moved': (run) => !run.undisturbed || run.couldNotLook,
  // The answer was lost and the look at the labels failed.
  'promotion-unconfirmed': (run) => run.movesUnanswered > 0 && run.faults > 1,
};

export function successIsTrue(run: RunSeen): Problem {
  const outcome = outcomeOf(run);
  if (run.promoted.length > 0 && outcome === 'failed') {
    return `the run rotated the key and reported a failure (${sayEnd(run)})`;
  }
  if (outcome !== 'rotated' && outcome !== 'resumed') return undefined;
  // Another run may have promoted, meanwhile, the very pair that this one resumed.
  // Also before this one began, where it went by what was not so any more.
  const byAnother = (run.currentMoved && !run.undisturbed) || run.couldNotLook;
  return run.promoted.length > 0 || byAnother
    ? undefined
    : `${outcome}, and no new pair has become AWSCURRENT`;
}

/** By the run itself, unless every PutEvents of it was hit, the time was out, or a person has replaced it since. */
export function successIsTold(
  run: RunSeen,
  secretArn: string,
  isReplaced: (versionId: string) => boolean,
): Problem {
  const outcome = outcomeOf(run);
  if (outcome !== 'rotated' && outcome !== 'resumed') return undefined;
  if (run.endedAtMs - run.startedAtMs >= run.timeoutMs - 15_000) return undefined;
  const untold = run.promoted.find((versionId) => {
    const event = nameOfEvent({
      type: 'Momento API Key Rotated',
      detail: { secretArn, versionId },
    });
    const told = run.events.some((announced) => nameOfEvent(announced) === event);
    return !told && couldTell(event, run) && !isReplaced(versionId);
  });
  return untold && 'the run rotated the key and did not tell, though it could';
}

/** Once all is healthy: a promotion of which nobody has heard is a swallowed one. */
export const promotionIsAnnounced = (versionId: string, events: readonly Announced[]): Problem =>
  events.some(
    ({ type, detail }) => type === 'Momento API Key Rotated' && detail.versionId === versionId,
  )
    ? undefined
    : 'a key was rotated and nobody was told';

// ── 7 ───────────────────────────────────────────────────────────────────────────────────────────

/** As many characters in a row of a secret are a part of it. */
const PART = 16;
/** Any of them that is this much longer holds one that is looked for. */
const STRIDE = 4;

/** Every part of every form in which a credential may travel. */
export function partsOf(all: Iterable<Credentials>): Set<string> {
  const parts = new Set<string>();
  for (const { apiKey, wireKey, refreshToken } of all) {
    const forms = [apiKey, wireKey, refreshToken].flatMap((text) => [
      text,
      Buffer.from(text).toString('base64'),
    ]);
    for (const form of forms) {
      for (let at = 0; at + PART <= form.length; at += STRIDE) parts.add(form.slice(at, at + PART));
    }
  }
  return parts;
}

export function holdsNoSecret(outputs: Iterable<string>, parts: ReadonlySet<string>): Problem {
  for (const output of outputs) {
    // No credential has other characters, in any form.
    for (const [word] of output.matchAll(/[A-Za-z0-9._+/=-]{16,}/g)) {
      for (let at = 0; at + PART <= word.length; at += 1) {
        if (parts.has(word.slice(at, at + PART)))
          return 'a secret, or a part of one, is in the output';
      }
    }
  }
  return undefined;
}

const DAY_MS = 86_400_000;
const MOST_VERSIONS = 40;

/** Within three intervals of its end, and at least 15 minutes. */
export const isPressing = (leftSeconds: number, intervalSeconds: number): boolean =>
  leftSeconds <= Math.max(3 * intervalSeconds, 15 * 60);

/**
 * Rotation's own, in any 24 hours: what people import is theirs.
 * `pressing` are not counted: the schedule wrote them for a key that was within three intervals, or 15 minutes, of its
 * end. "That is never held back" (docs/architecture.md): Secrets Manager keeps about 100 versions, and a key that
 * ends is worse than a version too many.
 */
export const countedVersions = ({ versions }: Sight, pressing: ReadonlySet<string>): number[] =>
  versions
    .filter(({ versionId }) => /^[0-9a-f]{64}$/.test(versionId) && !pressing.has(versionId))
    .map(({ createdAtMs }) => createdAtMs)
    .sort((a, b) => a - b);

/** Of ascending times. */
export function versionsStayFew(times: readonly number[]): Problem {
  for (let index = MOST_VERSIONS; index < times.length; index += 1) {
    const since = times[index - MOST_VERSIONS] ?? 0;
    if ((times[index] ?? 0) - since < DAY_MS) {
      return `more than ${MOST_VERSIONS} versions in 24 hours`;
    }
  }
  return undefined;
}
