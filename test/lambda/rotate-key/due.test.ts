import { describe, expect, test } from '@jest/globals';
import {
  dueAtMs,
  endWarning,
  leastLifeSeconds,
  marginSeconds,
  shortLifeWarning,
} from '../../../lambda/rotate-key/due.ts';

const HOUR = 3_600;
const DAY = 86_400;
const HOURLY = { scheduleIntervalSeconds: HOUR, refreshAtFraction: 0.3333 };
/** 2026-01-01T00:00:00Z */
const ISSUED_SECONDS = 1_767_225_600;
const lifeOf = (seconds: number) => ({
  createdAtMs: ISSUED_SECONDS * 1000,
  validUntil: ISSUED_SECONDS + seconds,
  isEdited: false,
});

describe('the margin', () => {
  test.each([
    ['a third of 30 days', 30 * DAY, HOURLY, 863_913.6],
    ['three intervals, when the fraction is less', 8 * HOUR, HOURLY, 3 * HOUR],
    ['half the life, when three intervals are more', 4 * HOUR, HOURLY, 2 * HOUR],
    [
      'half the life, when the fraction is more',
      30 * DAY,
      { ...HOURLY, refreshAtFraction: 0.9 },
      15 * DAY,
    ],
  ])('%s', (_, lifeSeconds, pace, expected) => {
    expect(marginSeconds(lifeOf(lifeSeconds), pace)).toBeCloseTo(expected, 3);
  });

  test('a key that is edited is due three intervals before its end at the latest, however late that was', () => {
    for (const hours of [1, 2, 4, 5]) {
      const edited = { ...lifeOf(hours * HOUR), isEdited: true };
      expect(marginSeconds(edited, HOURLY)).toBe(3 * HOUR);
    }
  });

  test('a key of 90 days is due 60 days and 13 minutes after its issue', () => {
    // 90 d × 0.3333 = 2,591,740.8 s; 7,776,000 s − 2,591,740.8 s = 5,184,259.2 s
    expect(dueAtMs(lifeOf(90 * DAY), HOURLY)).toBe((ISSUED_SECONDS + 5_184_259.2) * 1000);
  });
});

describe('the warning', () => {
  const at = (
    key: ReturnType<typeof lifeOf> & { rotatable: boolean; imported: boolean },
    leftSeconds: number,
  ) => endWarning(key, (key.validUntil - leftSeconds) * 1000, HOURLY);
  const shortAt: typeof at = (key, leftSeconds) =>
    shortLifeWarning(key, (key.validUntil - leftSeconds) * 1000, HOURLY);

  test('a key that nothing renews: from its margin on, once a day', () => {
    const key = { ...lifeOf(30 * DAY), rotatable: false, imported: true };
    expect(at(key, 10 * DAY - 1)).toBeUndefined(); // margin is 9 d 23 h 58 min
    expect(at(key, 9 * DAY + 23 * HOUR + 1)).toMatch(/nothing can renew it: import a new key/);
    expect(at(key, 9 * DAY + 23 * HOUR - 1)).toMatch(/nothing can renew it/);
    expect(at(key, 9 * DAY + 22 * HOUR - 1)).toBeUndefined();
    // A lost tick does not silence the day: two of them speak.
    expect(at(key, 9 * DAY)).toBeUndefined();
    expect(at(key, 9 * DAY - 1)).toMatch(/in 8 days 23 hours/);
    expect(at(key, 9 * DAY - 1 - HOUR)).toBeDefined();
    expect(at(key, 9 * DAY - 1 - 2 * HOUR)).toBeUndefined();
  });

  test('on its last day: every hour', () => {
    const key = { ...lifeOf(30 * DAY), rotatable: false, imported: true };
    for (const hours of [23, 12, 1]) expect(at(key, hours * HOUR - 1)).toBeDefined();
  });

  test('a key that should have been renewed: two intervals after it was due', () => {
    const key = { ...lifeOf(3 * DAY), rotatable: true, imported: true }; // margin 23 h 59 min 44 s
    const late = marginSeconds(key, HOURLY) - 2 * HOUR;
    expect(at(key, late + 1)).toBeUndefined();
    expect(at(key, late)).toMatch(/has not been renewed although it has been due for 2 hours/);
  });

  test('a life that is too short for three tries: on the first two ticks', () => {
    const short = { ...lifeOf(6 * HOUR - 2), rotatable: true, imported: true };
    const enough = { ...lifeOf(6 * HOUR), rotatable: true, imported: true };
    expect(shortAt(short, 6 * HOUR - 3)).toMatch(
      /^5 hours 59 minutes is too short a life.*lives at least 6 hours, or configure/,
    );
    expect(shortAt(short, 4 * HOUR - 1)).toMatch(/too short a life/);
    expect(shortAt(short, 4 * HOUR - 3)).toBeUndefined();
    expect(shortAt(enough, 6 * HOUR - 1)).toBeUndefined();
    expect(shortAt({ ...short, rotatable: false }, 6 * HOUR - 3)).toBeUndefined();
    const ended = { ...lifeOf(HOUR), rotatable: true, imported: true };
    expect(shortAt(ended, 0)).toBeUndefined();
    expect(shortAt(ended, 1)).toBeDefined();
  });

  test.each([
    [59, 6 * 59],
    [60, 88 * 60],
    [HOUR, 6 * HOUR],
    [DAY, 6 * DAY],
  ])('at one tick every %d s the shortest life for ever is %d s', (interval, seconds) => {
    const pace = { scheduleIntervalSeconds: interval, refreshAtFraction: 0.3333 };
    expect(leastLifeSeconds(pace)).toBe(seconds);
  });

  test('a life that is too short, renewed or adopted long after: on two ticks a day, at midnight UTC', () => {
    for (const imported of [false, true]) {
      const key = { ...lifeOf(5 * HOUR), imported, rotatable: true };
      // The key came into being at 22:30.
      const at22h30 = { ...key, createdAtMs: key.createdAtMs - 1.5 * HOUR * 1000 };
      at22h30.validUntil -= 1.5 * HOUR;
      const told = [1, 2, 3, 4].map(
        (hours) =>
          shortLifeWarning(at22h30, at22h30.createdAtMs + hours * HOUR * 1000, HOURLY) !==
          undefined,
      );
      expect(told).toEqual([imported, true, true, false]);
    }
  });

  test('a life that is too short, on a daily schedule: every day', () => {
    const pace = { scheduleIntervalSeconds: DAY, refreshAtFraction: 0.3333 };
    const key = { ...lifeOf(4 * DAY), imported: true, rotatable: true };
    for (const days of [1, 2.1, 3]) {
      expect(shortLifeWarning(key, key.createdAtMs + days * DAY * 1000, pace)).toMatch(
        /^4 days is too short a life.*at least 6 days, or configure a shorter schedule/,
      );
    }
  });

  test('nothing after the end: that is a failure, not a warning', () => {
    expect(at({ ...lifeOf(DAY), rotatable: false, imported: true }, 0)).toBeUndefined();
  });
});
