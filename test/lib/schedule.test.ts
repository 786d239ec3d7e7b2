// Schedules: what EventBridge accepts, from one minute to one day, and the longest gap of a cron.
import { describe, expect, test } from '@jest/globals';
import { readSchedule } from '../../lib/schedule.ts';

describe('accepted, with the longest time between two ticks', () => {
  test.each([
    ['rate(1 minute)', 60],
    ['rate(2 minutes)', 120],
    ['rate(1 hour)', 3_600],
    ['rate(24 hours)', 86_400],
    ['rate(1440 minutes)', 86_400],
    ['rate(1 day)', 86_400],
    ['cron(* * * * ? *)', 60],
    ['cron(* * ? * * *)', 60],
    ['cron(0 * * * ? *)', 3_600],
    ['cron(0/15 * * * ? *)', 900],
    ['cron(*/20 * * * ? *)', 1_200],
    // 0, 25, 50, and then 0 again after ten minutes: the longest counts.
    ['cron(0/25 * * * ? *)', 1_500],
    ['cron(30 4 * * ? *)', 86_400],
    ['cron(0 6,18 * * ? *)', 43_200],
    // From 17:30 to 9:00.
    ['cron(0,30 9-17 * * ? *)', 15.5 * 3_600],
    ['cron(0 8-20/6 * * ? *)', 12 * 3_600],
  ])('%s', (expression, intervalSeconds) => {
    expect(readSchedule(expression)).toEqual({ ok: true, intervalSeconds });
  });
});

describe('refused', () => {
  test.each([
    ['rate(0 minutes)'],
    ['rate(1 minutes)'],
    ['rate(5 minute)'],
    ['rate(30 seconds)'],
    ['rate(1441 minutes)'],
    ['rate(25 hours)'],
    ['rate(2 days)'],
    ['rate(01 hour)'],
    ['rate(1.5 hours)'],
    ['rate(1 hour) '],
    ['Rate(1 hour)'],
    ['1 hour'],
    ['at(2030-01-01T00:00:00)'],
    ['cron(0 * * * *)'],
    ['cron(0 * * * * *)'],
    ['cron(0 * ? * ? *)'],
    ['cron(0 12 ? * MON-FRI *)'],
    ['cron(0 12 1 * ? *)'],
    ['cron(0 12 * 1-6 ? *)'],
    ['cron(0 12 * * ? 2030)'],
    ['cron(60 * * * ? *)'],
    ['cron(0 24 * * ? *)'],
    ['cron(10-5 * * * ? *)'],
    ['cron(0/0 * * * ? *)'],
    ['cron(,5 * * * ? *)'],
    ['cron(x * * * ? *)'],
  ])('%s', (expression) => {
    expect(readSchedule(expression)).toEqual({ ok: false, problem: expect.any(String) });
  });
});
