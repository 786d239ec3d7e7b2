import { describe, expect, test } from '@jest/globals';
import { parseSchedule, Scheduler, scheduledEvent } from '../../../local/aws/schedule.ts';
import { errorOf } from './builders.ts';

const MINUTE_MS = 60_000;
const at = (iso: string) => Date.parse(iso);
const next = (expression: string, after: string, anchor = after) => {
  const ms = parseSchedule(expression).next(at(after), at(anchor));
  return ms === undefined ? undefined : new Date(ms).toISOString().replace(':00.000Z', '');
};

describe('rate', () => {
  test.each([
    ['rate(1 minute)', '2026-01-15T10:00:30Z', '2026-01-15T10:00:00Z', '2026-01-15T10:01'],
    ['rate(5 minutes)', '2026-01-15T10:05:00Z', '2026-01-15T10:00:00Z', '2026-01-15T10:10'],
    ['rate(5 minutes)', '2026-01-15T10:04:59Z', '2026-01-15T10:00:00Z', '2026-01-15T10:05'],
    ['rate(1 hour)', '2026-01-15T10:00:00Z', '2026-01-15T10:00:00Z', '2026-01-15T11:00'],
    ['rate(2 days)', '2026-01-15T10:00:00Z', '2026-01-15T10:00:00Z', '2026-01-17T10:00'],
  ])('%s after %s from %s', (expression, after, anchor, expected) => {
    expect(next(expression, after, anchor)).toBe(expected);
  });

  test.each([
    'rate(1 minutes)',
    'rate(5 minute)',
    'rate(0 minutes)',
    'rate(-1 minutes)',
    'rate(1.5 hours)',
    'rate(5 seconds)',
    'rate(1 week)',
    'rate(1  hour)',
    'Rate(1 hour)',
    '1 hour',
    '',
  ])('%s is refused', (expression) => {
    const error = errorOf(() => parseSchedule(expression));
    expect(error.name).toBe('ValidationException');
    expect(error.message).toContain('Parameter ScheduleExpression is not valid.');
  });
});

describe('cron', () => {
  // 15 January 2026 is a Thursday.
  test.each([
    ['cron(0 12 * * ? *)', '2026-01-15T11:59:59Z', '2026-01-15T12:00'],
    ['cron(0 12 * * ? *)', '2026-01-15T12:00:00Z', '2026-01-16T12:00'],
    ['cron(0/15 * * * ? *)', '2026-01-15T10:01:00Z', '2026-01-15T10:15'],
    ['cron(5,10 8-9 * * ? *)', '2026-01-15T09:10:00Z', '2026-01-16T08:05'],
    ['cron(0 18 ? * MON-FRI *)', '2026-01-16T18:00:00Z', '2026-01-19T18:00'],
    ['cron(0 18 ? * 1 *)', '2026-01-15T00:00:00Z', '2026-01-18T18:00'],
    ['cron(0 8 1 * ? *)', '2026-01-15T00:00:00Z', '2026-02-01T08:00'],
    ['cron(0 0 L * ? *)', '2026-02-01T00:00:00Z', '2026-02-28T00:00'],
    ['cron(0 0 ? * L *)', '2026-01-15T00:00:00Z', '2026-01-17T00:00'],
    ['cron(0 0 ? * 5L *)', '2026-01-15T00:00:00Z', '2026-01-29T00:00'],
    ['cron(0 0 ? * THUL *)', '2026-01-29T00:00:00Z', '2026-02-26T00:00'],
    ['cron(0 0 ? * 3#2 *)', '2026-01-15T00:00:00Z', '2026-02-10T00:00'],
    // The 15th is a Thursday; the 17th a Saturday, so the 16th; the 18th a Sunday, so the 19th.
    ['cron(0 0 15W 1 ? *)', '2026-01-01T00:00:00Z', '2026-01-15T00:00'],
    ['cron(0 0 17W 1 ? *)', '2026-01-01T00:00:00Z', '2026-01-16T00:00'],
    ['cron(0 0 18W 1 ? *)', '2026-01-01T00:00:00Z', '2026-01-19T00:00'],
    // The 1st of August is a Saturday, the 31st of May a Sunday: neither leaves its month.
    ['cron(0 0 1W 8 ? *)', '2026-01-01T00:00:00Z', '2026-08-03T00:00'],
    ['cron(0 0 31W 5 ? *)', '2026-01-01T00:00:00Z', '2026-05-29T00:00'],
    ['cron(0 0 29 2 ? *)', '2026-01-15T00:00:00Z', '2028-02-29T00:00'],
    ['cron(0 0 1 JAN ? 2030)', '2026-01-15T00:00:00Z', '2030-01-01T00:00'],
    ['cron(0 0 1 1 ? 2026)', '2026-01-15T00:00:00Z', undefined],
    ['cron(0 0 30 2 ? *)', '2026-01-15T00:00:00Z', undefined],
  ])('%s after %s is %s', (expression, after, expected) => {
    expect(next(expression, after)).toBe(expected);
  });

  test.each([
    'cron(0 12 * * *)',
    'cron(0 12 * * * *)',
    'cron(0 12 ? * ? *)',
    'cron(60 12 * * ? *)',
    'cron(0 24 * * ? *)',
    'cron(0 12 0 * ? *)',
    'cron(0 12 32W * ? *)',
    'cron(0 12 * 13 ? *)',
    'cron(0 12 ? * 8 *)',
    'cron(0 12 ? * 3#6 *)',
    'cron(0 12 * * ? 2200)',
    'cron(10-5 12 * * ? *)',
    'cron(1/2/3 12 * * ? *)',
    'cron(x 12 * * ? *)',
  ])('%s is refused', (expression) => {
    expect(errorOf(() => parseSchedule(expression)).name).toBe('ValidationException');
  });
});

test('the payload is EventBridge’s own', () => {
  expect(
    scheduledEvent({
      id: 'id-1',
      accountId: '111122223333',
      region: 'eu-central-1',
      ruleArn: 'arn:aws:events:eu-central-1:111122223333:rule/hourly',
      timeMs: at('2026-01-15T10:00:00.789Z'),
    }),
  ).toEqual({
    version: '0',
    id: 'id-1',
    'detail-type': 'Scheduled Event',
    source: 'aws.events',
    account: '111122223333',
    time: '2026-01-15T10:00:00Z',
    region: 'eu-central-1',
    resources: ['arn:aws:events:eu-central-1:111122223333:rule/hourly'],
    detail: {},
  });
});

/** A world whose time passes only by `advance`, firing what is due on the way. */
class World {
  nowMs = at('2026-01-15T10:00:00Z');
  #timers: { dueMs: number; callback: () => void }[] = [];
  readonly delaysMs: number[] = [];

  readonly now = () => this.nowMs;
  readonly startTimer = (callback: () => void, delayMs: number) => {
    const timer = { dueMs: this.nowMs + delayMs, callback };
    this.delaysMs.push(delayMs);
    this.#timers.push(timer);
    return () => {
      this.#timers = this.#timers.filter((other) => other !== timer);
    };
  };

  get waiting(): number {
    return this.#timers.length;
  }

  advance(ms: number): void {
    const endMs = this.nowMs + ms;
    for (;;) {
      const [first] = this.#timers.sort((a, b) => a.dueMs - b.dueMs);
      if (first === undefined || first.dueMs > endMs) break;
      this.#timers = this.#timers.filter((other) => other !== first);
      this.nowMs = Math.max(this.nowMs, first.dueMs);
      first.callback();
    }
    this.nowMs = endMs;
  }

  /** The event loop was busy: time passed, and no timer ran. */
  freeze(ms: number): void {
    this.nowMs += ms;
  }
}

describe('Scheduler', () => {
  function scheduled(expression: string, timeScale?: number) {
    const world = new World();
    const scheduler = new Scheduler({
      now: world.now,
      startTimer: world.startTimer,
      ...(timeScale === undefined ? {} : { timeScale }),
    });
    let fired = 0;
    scheduler.add('rule', parseSchedule(expression), () => {
      fired += 1;
    });
    return { world, scheduler, fired: () => fired };
  }

  test('fires one interval after the start, then at every interval', () => {
    const { world, scheduler, fired } = scheduled('rate(1 minute)');
    world.advance(MINUTE_MS);
    expect(fired()).toBe(0);
    scheduler.start();
    world.advance(MINUTE_MS - 1);
    expect(fired()).toBe(0);
    world.advance(1);
    expect(fired()).toBe(1);
    world.advance(9 * MINUTE_MS);
    expect(fired()).toBe(10);
  });

  test('a time scale shortens the intervals, of a cron too', () => {
    for (const expression of ['rate(1 hour)', 'cron(0 * * * ? *)']) {
      const { world, scheduler, fired } = scheduled(expression, 360);
      scheduler.start();
      expect(scheduler.nextFiringMs('rule')).toBe(world.nowMs + 10_000);
      world.advance(9_999);
      expect(fired()).toBe(0);
      world.advance(1);
      expect(fired()).toBe(1);
      world.advance(50_000);
      expect(fired()).toBe(6);
    }
  });

  test('what was missed is skipped, not made up for', () => {
    const { world, scheduler, fired } = scheduled('rate(1 minute)');
    scheduler.start();
    world.freeze(10 * MINUTE_MS + 30_000);
    world.advance(0);
    expect(fired()).toBe(1);
    world.advance(30_000);
    expect(fired()).toBe(2);
  });

  test('nothing fires after stop, and no timer is left', () => {
    const { world, scheduler, fired } = scheduled('rate(1 minute)');
    scheduler.start();
    scheduler.stop();
    expect(world.waiting).toBe(0);
    world.advance(10 * MINUTE_MS);
    expect(fired()).toBe(0);
    scheduler.start();
    world.advance(MINUTE_MS);
    expect(fired()).toBe(1);
  });

  test('a rule that is removed does not fire, and does again when it is added', () => {
    const { world, scheduler, fired } = scheduled('rate(1 minute)');
    scheduler.start();
    world.advance(MINUTE_MS);
    scheduler.remove('rule');
    scheduler.remove('nobody');
    expect(world.waiting).toBe(0);
    world.advance(10 * MINUTE_MS);
    expect(fired()).toBe(1);
    let again = 0;
    scheduler.add('rule', parseSchedule('rate(1 minute)'), () => {
      again += 1;
    });
    world.advance(2 * MINUTE_MS);
    expect([fired(), again]).toEqual([1, 2]);
  });

  test('a wait that no timer can hold is made of several', () => {
    const { world, scheduler, fired } = scheduled('rate(60 days)');
    scheduler.start();
    expect(Math.max(...world.delaysMs)).toBeLessThan(2 ** 31);
    world.advance(60 * 24 * 60 * MINUTE_MS - 1);
    expect(fired()).toBe(0);
    world.advance(1);
    expect(fired()).toBe(1);
  });
});
