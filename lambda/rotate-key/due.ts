// When a key is due, and when people should hear that it is about to end. Pure arithmetic.

import {
  DAY_SECONDS,
  LEAST_SPACING_SECONDS,
  MOST_VERSIONS_PER_DAY,
  VERSIONS_PER_RENEWAL,
} from './version-budget.ts';
import { duration, instant } from './wording.ts';

export interface Life {
  /** Epoch milliseconds: when the version came into being, the best known time of issue. */
  readonly createdAtMs: number;
  /** Epoch seconds. */
  readonly validUntil: number;
  /** A person has edited other fields: the key's life began before its version came into being. */
  readonly isEdited: boolean;
}

export interface Pace {
  readonly scheduleIntervalSeconds: number;
  readonly refreshAtFraction: number;
}

/** How many tries the schedule should leave before a key ends. */
const ATTEMPTS_WANTED = 3;
/** Time for four attempts with their back-off (1, 2, 4 minutes). */
const LEAST_MARGIN_SECONDS = 15 * 60;

/** A key is already younger than its version by what the renewal took. */
const RENEWAL_SECONDS = 60;

/** What must be left of a life for it to be renewed reliably. */
const leastMarginSeconds = ({ scheduleIntervalSeconds }: Pace): number =>
  Math.max(ATTEMPTS_WANTED * scheduleIntervalSeconds, LEAST_MARGIN_SECONDS);

/**
 * The remaining life, in seconds, at which a key is due: the configured fraction of its life, but at least
 * three intervals, so that two lost ticks never matter; and never more than half the life, or a key would be
 * renewed as soon as it is new. But each edit makes the version, and so the life, begin anew, and a key that is
 * edited again and again must not be put off to its end. A short life is used up further, as long as it leaves a safe rest, so that
 * renewals do not use up the versions of the secret.
 */
export function marginSeconds(life: Life, pace: Pace): number {
  const lifeSeconds = life.validUntil - life.createdAtMs / 1000;
  const wanted = Math.max(
    lifeSeconds * pace.refreshAtFraction,
    ATTEMPTS_WANTED * pace.scheduleIntervalSeconds,
  );
  const margin = life.isEdited ? wanted : Math.min(wanted, lifeSeconds / 2);
  const spacedMargin = lifeSeconds - LEAST_SPACING_SECONDS;
  return spacedMargin >= leastMarginSeconds(pace) ? Math.min(margin, spacedMargin) : margin;
}

/** EventBridge has no shorter interval: with less, a stack runs faster than it would on AWS, days and all. */
const SHORTEST_INTERVAL_SECONDS = 60;

/** The shortest life, in seconds, that can be renewed at this pace for ever. */
export function leastLifeSeconds(pace: Pace): number {
  const forAttempts = 2 * ATTEMPTS_WANTED * pace.scheduleIntervalSeconds;
  if (pace.scheduleIntervalSeconds < SHORTEST_INTERVAL_SECONDS) return forAttempts;
  const forVersions = LEAST_SPACING_SECONDS + leastMarginSeconds(pace) + RENEWAL_SECONDS;
  return Math.max(forAttempts, forVersions);
}

/** So near to its end that nothing may hold its renewal back. */
export const isNearEnd = (life: Pick<Life, 'validUntil'>, nowMs: number, pace: Pace): boolean =>
  remainingSeconds(life.validUntil, nowMs) <= leastMarginSeconds(pace);

/** Two ticks have passed since it was due, and it has not been renewed; or it has ended. */
export const isOverdue = (life: Life, nowMs: number, pace: Pace): boolean =>
  remainingSeconds(life.validUntil, nowMs) <=
  Math.max(0, marginSeconds(life, pace) - 2 * pace.scheduleIntervalSeconds);

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
 * The sentence for the event "Expiring", or undefined while nobody needs to hear of it: a key that nothing renews,
 * once it is due; a key that should have been renewed two intervals ago. It comes on two ticks a day (so that a lost
 * one does not silence it), and on two an hour on the last day: people stop reading what repeats.
 */
export function endWarning(key: Warnable, nowMs: number, pace: Pace): string | undefined {
  const left = remainingSeconds(key.validUntil, nowMs);
  if (left <= 0) return undefined;
  const margin = marginSeconds(key, pace);
  const ends = `The key ends at ${instant(key.validUntil * 1000)}, in ${duration(left)}`;
  const period = left <= DAY_SECONDS ? 3_600 : DAY_SECONDS;
  const laterLeft = left + 2 * pace.scheduleIntervalSeconds;
  if (!crosses(left, laterLeft, period)) return undefined;

  if (!key.rotatable) {
    if (left > margin) return undefined;
    return `${ends}, and nothing can renew it: import a new key with its refresh token.`;
  }
  if (!isOverdue(key, nowMs, pace)) return undefined;
  return `${ends}, and has not been renewed although it has been due for ${duration(margin - left)}: see the failures of rotate-key.`;
}

/** Whether the two lie in different periods. */
const crosses = (one: number, other: number, period: number): boolean =>
  Math.floor(one / period) !== Math.floor(other / period);

/**
 * Of a key whose life is too short for the schedule, or for its secret: on the two ticks after its import, and on two
 * ticks a day, because it may have been adopted, or the schedule have been changed, long after.
 */
export function shortLifeWarning(key: Warnable, nowMs: number, pace: Pace): string | undefined {
  const interval = pace.scheduleIntervalSeconds;
  // A key that has ended is a failure, and no warning.
  if (remainingSeconds(key.validUntil, nowMs) <= 0) return undefined;
  const isNew = key.imported && nowMs - key.createdAtMs < 2 * interval * 1000;
  const isNewDay = crosses(nowMs / 1000, nowMs / 1000 - 2 * interval, DAY_SECONDS);
  const lifeSeconds = key.validUntil - key.createdAtMs / 1000;
  const leastSeconds = leastLifeSeconds(pace);
  const isOfInterest = key.rotatable && !key.isEdited && (isNew || isNewDay);
  if (!isOfInterest || lifeSeconds >= leastSeconds) return undefined;
  const shorter =
    ATTEMPTS_WANTED * interval > LEAST_MARGIN_SECONDS ? ', or configure a shorter schedule' : '';
  const versionsPerDay =
    (VERSIONS_PER_RENEWAL * DAY_SECONDS) / (lifeSeconds - marginSeconds(key, pace));
  const ends =
    versionsPerDay > MOST_VERSIONS_PER_DAY
      ? ' Within a day it will end: its renewals use up the versions that Secrets Manager keeps.'
      : '';
  return `${duration(lifeSeconds)} is too short a life to be renewed reliably at one try every ${duration(interval)}.${ends} Import a key that lives at least ${duration(leastSeconds)}${shorter}.`;
}
