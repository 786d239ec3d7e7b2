// When the next token may be asked for at Momento, so that all instances together stay within vending's part of the
// account's rate. Pure: what to do is decided here, what is done is in table-turns.ts and turns.ts.
//
//   `next`      from when on the next turn may be taken; a turn moves it on by one slot
//   `promised`  up to when those who were sent away have been promised a turn (Retry-After)

/** A turn is used no later than this after its time, or it is lost and another one is taken. */
export const LATE_MS = 40;
/** The answer of the table may take so long where a turn is taken at once. */
export const PATIENCE_MS = 150;
/** How exactly the time at AWS must be known for a slot of the normal width. */
export const KNOWN_TO_MS = 60;
/**
 * Whoever has no promise waits for a turn no longer than this: as long as the slot of an instance that has heard one
 * answer, and knows the time to a second, so that the first two logins of a quiet hour are both served.
 */
export const LONGEST_WAIT_MS = 2_000;
/** Whoever comes back as he was told may wait longer: those who come in the same second queue. */
export const LONGEST_WAIT_OF_PROMISED_MS = 3_000;
/** Whoever was then sent away once more goes before those who were not: or it could happen to him again and again. */
export const LONGEST_WAIT_OF_OVERDUE_MS = 4_000;
/** Nobody is sent away for longer. */
export const LONGEST_PROMISE_MS = 180_000;
/** Further ahead than this nothing honest is ever written. */
export const ABSURD_MS = LONGEST_PROMISE_MS + 60_000;

/** Epoch milliseconds, by AWS's time. */
export interface PaceState {
  readonly next: number | undefined;
  readonly promised: number | undefined;
}

export interface PaceQuestion {
  /** By AWS's time it is no earlier, and no later. */
  readonly earliestMs: number;
  readonly latestMs: number;
  readonly ratePerSecond: number;
  /** So often he was sent away, and has come back when he was told. */
  readonly sentAway: number;
  /** He has been promised a turn then, and comes before his time. @default he has not */
  readonly promisedAtMs?: number | undefined;
  /** Milliseconds that he has waited already, for a turn that was lost. */
  readonly waitedMs: number;
  /** So late the turn was known that was lost: the table is slow, and a turn that is nearer would be lost as well. @default 0 */
  readonly leadMs?: number;
}

export type PaceStep =
  /** Nobody is waiting: the turn is now, or as soon as it is known, until `turnAtMs` + PATIENCE_MS. */
  | { readonly kind: 'now'; readonly turnAtMs: number; readonly nextMs: number }
  /** The turn is at `next` as it is when it is moved on by `byMs`, if that is not after `latestTurnMs`. */
  | {
      readonly kind: 'queue';
      readonly byMs: number;
      readonly afterMs: number;
      readonly latestTurnMs: number;
    }
  /**
   * Too many are waiting. The promise is for `promised` as it is when it is moved on, or for `fromMs` if that is later;
   * never for a time after `latestPromiseMs`.
   */
  | {
      readonly kind: 'promise';
      readonly fromMs: number;
      readonly byMs: number;
      readonly latestPromiseMs: number;
    }
  /** Come back then; nothing is written. */
  | { readonly kind: 'away'; readonly untilMs: number };

/**
 * How far one turn is from the next. In any sliding second at most `ratePerSecond` turns begin, although each may
 * be taken up to LATE_MS late, by a clock that knows the time to KNOWN_TO_MS: the turn that many later is a second
 * plus both away. Who knows the time less exactly takes a wider slot.
 */
export function slotMs({
  ratePerSecond,
  earliestMs,
  latestMs,
}: Pick<PaceQuestion, 'ratePerSecond' | 'earliestMs' | 'latestMs'>): number {
  const perSecond = Math.max(1, Math.floor(ratePerSecond));
  const windowMs = Math.max(1_000, 1_000 / ratePerSecond) + LATE_MS + KNOWN_TO_MS;
  return windowMs / perSecond + Math.max(0, latestMs - earliestMs - KNOWN_TO_MS);
}

export function nextStep(state: PaceState, question: PaceQuestion): PaceStep {
  const { earliestMs, latestMs, sentAway, leadMs = 0 } = question;
  const wasPromised = sentAway > 0;
  const byMs = slotMs(question);
  const honest = (atMs: number | undefined): number =>
    atMs !== undefined && atMs <= latestMs + ABSURD_MS ? atMs : Number.NEGATIVE_INFINITY;
  const next = honest(state.next);
  // What was promised before the turns that are taken by now has been kept, or was not claimed.
  const promised = Math.max(honest(state.promised), next);
  const soonestMs = earliestMs + leadMs;
  if (next <= soonestMs) {
    return { kind: 'now', turnAtMs: soonestMs, nextMs: soonestMs + byMs + PATIENCE_MS };
  }
  const longestWaitMs = longestWait(sentAway) - question.waitedMs;
  // A turn that is as near as this is left to him by those who were promised one: they wait no longer for it than
  // if he had come when nobody was waiting.
  const mayQueue = wasPromised || promised <= next || next <= earliestMs + PATIENCE_MS;
  const latestTurnMs = earliestMs + longestWaitMs;
  if (mayQueue && next <= latestTurnMs) {
    return { kind: 'queue', byMs, afterMs: soonestMs, latestTurnMs };
  }
  // He has had his promise: not to the end of the line again.
  if (wasPromised) return { kind: 'away', untilMs: next };
  // A promise is the latest time, not the earliest: those before him may never come back. But one is enough.
  if (question.promisedAtMs !== undefined) return { kind: 'away', untilMs: question.promisedAtMs };
  const latestPromiseMs = earliestMs + LONGEST_PROMISE_MS;
  if (promised > latestPromiseMs) return { kind: 'away', untilMs: latestPromiseMs };
  // How well he knows the time is of no matter here: a promise is no turn.
  const promisedByMs = slotMs({ ...question, latestMs: earliestMs });
  return { kind: 'promise', fromMs: promised, byMs: promisedByMs, latestPromiseMs };
}

function longestWait(sentAway: number): number {
  if (sentAway === 0) return LONGEST_WAIT_MS;
  return sentAway === 1 ? LONGEST_WAIT_OF_PROMISED_MS : LONGEST_WAIT_OF_OVERDUE_MS;
}
