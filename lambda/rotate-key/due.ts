// When a key is due, and when people should hear that it is about to end. Pure arithmetic.

import { duration, instant } from './wording.ts';

export interface Life {
  /** Epoch milliseconds: when the version came into being, the best known time of issue. */
  readonly createdAtMs: number;
  /** Epoch seconds. */
  readonly validUntil: number;
}

export interface Pace {
  readonly scheduleIntervalSeconds: number;
  readonly refreshAtFraction: number;
}

/** How many tries the schedule should leave before a key ends. */
const ATTEMPTS_WANTED = 3;

/**
 * The remaining life, in seconds, at which a key is due: the configured fraction of its life, but at least
 * three intervals, so that two lost ticks never matter; and never more than half the life, or a key would
 * be renewed as soon as it is new.
 */
export function marginSeconds(life: Life, pace: Pace): number {
  const lifeSeconds = life.validUntil - life.createdAtMs / 1000;
  return Math.min(
    Math.max(lifeSeconds * pace.refreshAtFraction, ATTEMPTS_WANTED * pace.scheduleIntervalSeconds),
    lifeSeconds / 2,
  );
}

export const dueAtMs = (life: Life, pace: Pace): number =>
  (life.validUntil - marginSeconds(life, pace)) * 1000;

export const remainingSeconds = (validUntil: number, nowMs: number): number =>
  validUntil - nowMs / 1000;

export interface Warnable extends Life {
  readonly rotatable: boolean;
  /** A person put it there, not a rotation. */
  readonly imported: boolean;
}

/**
 * The sentence for the event "Expiring", or undefined while nobody needs to hear of it:
 * a key that nothing renews, once it is due; a key that should have been renewed two intervals ago; a key
 * whose life leaves the schedule fewer than three tries. It comes on two ticks a day (so that a lost one
 * does not silence it), on two an hour on the last day, and for a life that is too short once after the
 * import: people stop reading what repeats.
 */
export function expiryWarning(key: Warnable, nowMs: number, pace: Pace): string | undefined {
  const left = remainingSeconds(key.validUntil, nowMs);
  if (left <= 0) return undefined;
  const margin = marginSeconds(key, pace);
  const ends = `The key ends at ${instant(key.validUntil * 1000)}, in ${duration(left)}`;
  const interval = pace.scheduleIntervalSeconds;
  const period = left <= 86_400 ? 3_600 : 86_400;
  const periodBegins = Math.floor(left / period) !== Math.floor((left + 2 * interval) / period);

  if (!key.rotatable) {
    if (left > margin || !periodBegins) return undefined;
    return `${ends}, and nothing can renew it: import a new key with its refresh token.`;
  }
  const isNew = nowMs - key.createdAtMs < interval * 1000;
  if (key.imported && isNew && margin < ATTEMPTS_WANTED * interval) {
    return `${ends}: its life leaves fewer than ${ATTEMPTS_WANTED} tries at one every ${duration(interval)}. Import a key with a longer life, or configure a shorter schedule.`;
  }
  if (left <= margin - 2 * interval && periodBegins) {
    return `${ends}, and has not been renewed although it has been due for ${duration(margin - left)}: see the failures of rotate-key.`;
  }
  return undefined;
}
