// When the next token may be asked for at Momento, so that all instances together stay within vending's part of the
// account's rate. Pure: what to do is decided here, what is done is in table-turns.ts and turns.ts.
//
//   lane        one for each call that the rate allows in a second: from when on the next turn in it may be taken.
//               A turn moves its own lane on, by a second and what is not known exactly; the others are not held up.
//   `promised`  up to when those who were sent away have been promised a turn (Retry-After)
//   `claimed`   when somebody last came for what he was promised, or the first of them is to come

/** A turn that was waited for is used no later than this after its time, or it is lost and another one is taken. */
export const LATE_MS = 40;
/** One that is taken at once may be used as long as this: so long may the answer of the table take. */
export const PATIENCE_MS = 150;
/** How exactly the time at AWS must be known for a slot of the normal width. */
export const KNOWN_TO_MS = 60;
/**
 * Whoever has no promise waits for a turn no longer than this: as long as the slot of an instance that has heard one
 * answer, and knows the time to a second.
 */
export const LONGEST_WAIT_MS = 2_250;
/**
 * Whoever comes back as he was told may wait longer, because those who come in the same second queue; and longer still
 * each time that he was sent away again: so he goes before those who were not, or it could happen to him for ever.
 */
const LONGER_EACH_TIME_MS = 1_000;
/** With what comes before and after it, an answer takes less than ten seconds. */
const LONGEST_WAIT_OF_ALL_MS = 7_250;
/** So many promises, and so long besides, may pass without anybody coming for his; then the rest are nobody's either. */
const UNCLAIMED_PROMISES = 8;
const UNCLAIMED_MS = 3_000;
/** Nobody is sent away for longer. */
export const LONGEST_PROMISE_MS = 180_000;
/** Further ahead than this nothing honest is ever written. */
export const ABSURD_MS = LONGEST_PROMISE_MS + 60_000;
/** All lanes are in one item, which is read and written as a whole. */
const MOST_LANES = 50;

export interface Lanes {
  readonly count: number;
  /** From one turn to the next of the same lane, in milliseconds, for whoever knows the time to KNOWN_TO_MS. */
  readonly slotMs: number;
}

/** Epoch milliseconds, by AWS's time; undefined where nothing (or nothing of sense) is known. */
export interface PaceState {
  readonly lanes: readonly (number | undefined)[];
  readonly promised: number | undefined;
  readonly claimed: number | undefined;
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
  /** Which of several lanes that are as good as each other, so that not all take the same: from 0 up to 1. */
  readonly draw: number;
}

export type PaceStep =
  /**
   * The turn is his if the lane is moved on to `nextMs` while it is not beyond `atMs`. Nobody is waiting: then it may
   * be used as soon as it is known.
   */
  | {
      readonly kind: 'turn';
      readonly lane: number;
      readonly atMs: number;
      readonly untilMs: number;
      readonly nextMs: number;
      readonly isNow: boolean;
      /** He has been promised it. */
      readonly isClaimed: boolean;
    }
  /**
   * Too many are waiting. The promise is for `promised` as it is when it is moved on, or for `fromMs` if that is later,
   * or if nobody has come for his since `unclaimedSinceMs`; never for a time after `latestPromiseMs`.
   */
  | {
      readonly kind: 'promise';
      readonly fromMs: number;
      readonly byMs: number;
      readonly unclaimedSinceMs: number;
      readonly latestPromiseMs: number;
    }
  /**
   * Come back then; nothing is written. `isKept`: as one who comes when he was told. Otherwise the line is so long that
   * nobody knows when it will be his turn, and he comes as one of those who come anew.
   */
  | { readonly kind: 'away'; readonly untilMs: number; readonly isKept: boolean };

/**
 * In any sliding second no more turns begin than the rate allows, although each may be taken up to LATE_MS late, by a
 * clock that knows the time to KNOWN_TO_MS: a lane's next turn is a second plus both away. Beyond MOST_LANES a lane
 * takes several turns in that time.
 */
export function lanesFor(ratePerSecond: number): Lanes {
  const perSecond = Math.max(1, Math.floor(ratePerSecond));
  const turnsOfLane = Math.ceil(perSecond / MOST_LANES);
  const windowMs = Math.max(1_000, 1_000 / ratePerSecond) + LATE_MS + KNOWN_TO_MS;
  return { count: Math.floor(perSecond / turnsOfLane), slotMs: windowMs / turnsOfLane };
}

export function nextStep(state: PaceState, question: PaceQuestion): PaceStep {
  const { earliestMs, latestMs, sentAway, leadMs = 0 } = question;
  const wasPromised = sentAway > 0;
  const { count, slotMs } = lanesFor(question.ratePerSecond);
  const honest = (atMs: number | undefined): number =>
    atMs !== undefined && atMs <= latestMs + ABSURD_MS ? atMs : Number.NEGATIVE_INFINITY;
  const lanes = Array.from({ length: count }, (_, lane) => honest(state.lanes[lane]));
  const next = Math.min(...lanes);
  // What was promised before the turns that are taken by now has been kept, or was not claimed.
  const promised = Math.max(honest(state.promised), next);
  const soonestMs = earliestMs + leadMs;
  const isNow = next <= soonestMs;
  const latestTurnMs = earliestMs + longestWaitMs(sentAway) - question.waitedMs;
  // A turn that is as near as this is left to him by those who were promised one: they wait no longer for it than
  // if he had come when nobody was waiting.
  const mayQueue = wasPromised || promised <= next || next <= earliestMs + PATIENCE_MS;
  if (isNow || (mayQueue && next <= latestTurnMs)) {
    const asGoodMs = isNow ? soonestMs : Math.min(next + PATIENCE_MS, latestTurnMs);
    const lane = laneUpTo(asGoodMs, lanes, question.draw);
    const atMs = Math.max(lanes[lane] ?? soonestMs, soonestMs);
    const usableMs = isNow ? PATIENCE_MS : LATE_MS;
    // Who knows the time less exactly takes a wider slot.
    const widthMs = Math.max(0, latestMs - earliestMs - KNOWN_TO_MS);
    const nextMs = atMs + slotMs + widthMs + usableMs - LATE_MS;
    const untilMs = atMs + usableMs;
    return { kind: 'turn', lane, atMs, untilMs, nextMs, isNow, isClaimed: wasPromised };
  }
  const latestPromiseMs = earliestMs + LONGEST_PROMISE_MS;
  // He has had his promise: not to the end of the line again.
  if (wasPromised) {
    return { kind: 'away', untilMs: Math.min(next, latestPromiseMs), isKept: true };
  }
  // A promise is the latest time, not the earliest: those before him may never come back. But one is enough.
  if (question.promisedAtMs !== undefined) {
    return { kind: 'away', untilMs: question.promisedAtMs, isKept: true };
  }
  const byMs = slotMs / count;
  const unclaimedSinceMs = earliestMs - UNCLAIMED_MS - UNCLAIMED_PROMISES * byMs;
  // Nobody comes for his: the line begins anew. But it is one, and nobody waits here as if there were none.
  const fromMs = honest(state.claimed) < unclaimedSinceMs ? next : promised;
  if (fromMs > latestPromiseMs) {
    // Not all at the same time.
    const untilMs = earliestMs + (LONGEST_PROMISE_MS * (1 + question.draw)) / 2;
    return { kind: 'away', untilMs, isKept: false };
  }
  return { kind: 'promise', fromMs, byMs, unclaimedSinceMs, latestPromiseMs };
}

function laneUpTo(latestMs: number, lanes: readonly number[], draw: number): number {
  const near = [...lanes.keys()].filter((lane) => (lanes[lane] ?? latestMs) <= latestMs);
  return near[Math.floor(draw * near.length)] ?? 0;
}

/** So long may he wait who was sent away so often, for all his turns together. */
export const longestWaitMs = (sentAway: number): number =>
  Math.min(LONGEST_WAIT_MS + sentAway * LONGER_EACH_TIME_MS, LONGEST_WAIT_OF_ALL_MS);
