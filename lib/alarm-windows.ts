// How long an alarm looks back: windows that hear of a fault at once and do not flap between two attempts.

/** What CloudWatch looks at: the most recent periods, in a window that slides on every minute. */
export interface AlarmWindow {
  readonly periodSeconds: number;
  readonly evaluationPeriods: number;
}

const HOUR_SECONDS = 3_600;
const DAY_SECONDS = 24 * HOUR_SECONDS;

/**
 * Short periods that together last at least this long.
 *
 * Never one period as long as the window: where data are missing CloudWatch also looks at a few
 * periods *before* the window, so that one of a day would make a missing tick known days late. With
 * periods under an hour a window ends at a day, with others at 7.
 */
export function alarmWindow(seconds: number): AlarmWindow {
  const periodSeconds = seconds < HOUR_SECONDS ? 60 : seconds <= DAY_SECONDS ? 300 : HOUR_SECONDS;
  return { periodSeconds, evaluationPeriods: Math.ceil(seconds / periodSeconds) };
}

/** The longest back-off of rotate-key after failed attempts; a test compares the two. */
export const LONGEST_BACK_OFF_SECONDS = 110 * 60;
/** EventBridge keeps its schedules to the minute. */
const TICK_JITTER_SECONDS = 60;

/**
 * The longest time between two failures of a key that goes on failing: a key that backs off is
 * looked at by every tick and fails in none of them, until the first tick after the back-off. Never
 * reckoned in whole intervals: the ticks of a cron come at uneven ones, and the longest of them may
 * begin just before a back-off ends.
 *
 * @param intervalSeconds the longest time between two ticks
 * @param timeoutSeconds the longest run: the failure of one may come at its beginning, that of the next at its end
 */
export function longestTimeBetweenFailuresSeconds(
  intervalSeconds: number,
  timeoutSeconds: number,
): number {
  const untilNextMayBegin = LONGEST_BACK_OFF_SECONDS + timeoutSeconds;
  return untilNextMayBegin + intervalSeconds + timeoutSeconds + TICK_JITTER_SECONDS;
}
