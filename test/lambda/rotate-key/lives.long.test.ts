// Key lives from ten minutes to ten years, schedules from one minute to one day, and hosts whose clocks are five
// minutes off: no key is renewed in a loop, none ends that its schedule could have renewed, and whoever imports a
// key that cannot be renewed reliably hears so.

import { describe, expect, test } from '@jest/globals';
import { leastLifeSeconds, marginSeconds } from '../../../lambda/rotate-key/due.ts';
import {
  MOST_VERSIONS_PER_DAY,
  VERSIONS_PER_DAY,
} from '../../../lambda/rotate-key/version-budget.ts';
import { DAY_SECONDS, HOUR_SECONDS, TICK, World } from './world.ts';

const MINUTE_SECONDS = 60;
const LIVES = [
  10 * MINUTE_SECONDS,
  30 * MINUTE_SECONDS,
  HOUR_SECONDS,
  90 * MINUTE_SECONDS,
  3 * HOUR_SECONDS,
  8 * HOUR_SECONDS,
  DAY_SECONDS,
  3 * DAY_SECONDS,
  7 * DAY_SECONDS,
  30 * DAY_SECONDS,
  365 * DAY_SECONDS,
  3_653 * DAY_SECONDS,
];
const INTERVALS = [
  MINUTE_SECONDS,
  5 * MINUTE_SECONDS,
  15 * MINUTE_SECONDS,
  HOUR_SECONDS,
  6 * HOUR_SECONDS,
  DAY_SECONDS,
];
const CLOCK_ERRORS = [-5 * MINUTE_SECONDS, 0, 5 * MINUTE_SECONDS];

interface Lived {
  /** The part of its life, from 0 to 1, at which each key was renewed. */
  readonly renewedAt: readonly number[];
  readonly warnings: readonly string[];
  readonly reasons: ReadonlySet<string>;
  /** When each version of the secret came into being, in epoch milliseconds. */
  readonly versionTimesMs: readonly number[];
  /** How often Momento was asked for a new pair. */
  readonly refreshes: number;
}

/** Every tick that can matter: those right after an act, and those from shortly before the next one on. */
async function live(
  lifeSeconds: number,
  intervalSeconds: number,
  clockErrorSeconds: number,
  untilSeconds: number,
): Promise<Lived> {
  const world = new World();
  world.scheduleIntervalSeconds = intervalSeconds;
  world.newProcess(clockErrorSeconds * 1000);
  world.wait(intervalSeconds / 3);
  world.import(lifeSeconds);
  const startMs = world.clock.now();
  const currentVersion = () =>
    world.secrets.inspect(world.arn).find(({ stages }) => stages.includes('AWSCURRENT'));
  const renewedAt: number[] = [];
  const reasons = new Set<string>();
  let ticksInARow = 0;
  for (let tickMs = startMs + intervalSeconds * 1000; ; ticksInARow += 1) {
    world.clock.nowMs = Math.max(tickMs, world.clock.nowMs);
    const { createdAtMs = 0 } = currentVersion() ?? {};
    const result = await world.tick(TICK, {
      timeoutSeconds: Math.min(300, Math.max(60, intervalSeconds)),
    });
    reasons.add(result.reason);
    if (result.outcome === 'rotated') {
      renewedAt.push((tickMs - createdAtMs) / (lifeSeconds * 1000));
      ticksInARow = 0;
    }
    const next = 'nextAttemptAt' in result ? (result.nextAttemptAt ?? 0) * 1000 : 0;
    tickMs += intervalSeconds * 1000;
    if (ticksInARow >= 3 && next > tickMs) {
      const skipped = Math.floor((next - tickMs) / (intervalSeconds * 1000)) - 1;
      if (skipped > 0) tickMs += skipped * intervalSeconds * 1000;
      ticksInARow = 0;
    }
    if (tickMs - startMs > untilSeconds * 1000 || reasons.has('key-expired')) break;
  }
  return {
    renewedAt,
    reasons,
    warnings: world.events
      .filter(({ type }) => type === 'Momento API Key Expiring')
      .map(({ detail }) => String(detail.message)),
    versionTimesMs: world.secrets.inspect(world.arn).map(({ createdAtMs }) => createdAtMs),
    refreshes: world.calls.filter((call) => call === 'RefreshApiKey').length,
  };
}

const mostInADay = (timesMs: readonly number[]): number =>
  Math.max(
    ...timesMs.map(
      (fromMs) =>
        timesMs.filter((timeMs) => timeMs >= fromMs && timeMs < fromMs + DAY_SECONDS * 1000).length,
    ),
  );

describe.each(INTERVALS)('a schedule of one tick every %d s', (intervalSeconds) => {
  const pace = { scheduleIntervalSeconds: intervalSeconds, refreshAtFraction: 0.3333 };

  describe.each(CLOCK_ERRORS)('on a host whose clock is %d s off', (clockErrorSeconds) => {
    test.each(LIVES)('a key that lives %d s', async (lifeSeconds) => {
      const lived = await live(lifeSeconds, intervalSeconds, clockErrorSeconds, 4.5 * lifeSeconds);

      // No loop: half of its life passes before a key is renewed, but for the second that AWS's time is known to.
      for (const part of lived.renewedAt) {
        expect(part * lifeSeconds).toBeGreaterThanOrEqual(lifeSeconds / 2 - 1);
      }
      const life = { createdAtMs: 0, validUntil: lifeSeconds, isEdited: false };
      // No more than half of a life is margin, so that three tries need six intervals; and without room there are none.
      const allowsThreeAttempts = lifeSeconds >= 6 * intervalSeconds;
      expect(marginSeconds(life, pace) >= 3 * intervalSeconds).toBe(allowsThreeAttempts);
      if (allowsThreeAttempts) {
        expect(lived.reasons).not.toContain('key-expired');
        expect(lived.renewedAt.length).toBeGreaterThanOrEqual(3);
      }
      const isWarned = lived.warnings.some((warning) => warning.includes('too short a life'));
      if (lifeSeconds < leastLifeSeconds(pace)) {
        // A life that ends before the first tick is a failure and no warning.
        expect(isWarned || lived.reasons.has('key-expired')).toBe(true);
      } else {
        expect(allowsThreeAttempts).toBe(true);
        expect(lived.warnings).toEqual([]);
      }
    });
  });
});

describe.each([MINUTE_SECONDS, HOUR_SECONDS, DAY_SECONDS])(
  'a key that is edited before every tick, one every %d s',
  (intervalSeconds) => {
    test('is renewed while three tries are left', async () => {
      const world = new World();
      world.scheduleIntervalSeconds = intervalSeconds;
      const lifeSeconds = Math.max(12 * intervalSeconds, 30 * MINUTE_SECONDS);
      world.import(lifeSeconds);
      const { validUntil } = world.current();
      for (let edits = 0; ; edits += 1) {
        world.wait(intervalSeconds);
        world.put(JSON.stringify({ ...world.current(), edits }));
        if ((await world.tick()).outcome === 'rotated') break;
      }
      const leftSeconds = validUntil - world.clock.now() / 1000;
      expect(leftSeconds).toBeGreaterThan(2 * intervalSeconds - 1);
    });
  },
);

describe('three days of short lives, looked at every minute', () => {
  const pace = { scheduleIntervalSeconds: MINUTE_SECONDS, refreshAtFraction: 0.3333 };
  const least = leastLifeSeconds(pace);

  test('the shortest life that can be renewed for ever is 88 minutes', () => {
    expect(least).toBe(88 * MINUTE_SECONDS);
  });

  test.each([88, 90, 100, 107, 108, 109, 120, 144])(
    '%d minutes: never more than 40 versions in a day, and no end',
    async (minutes) => {
      const lived = await live(minutes * MINUTE_SECONDS, MINUTE_SECONDS, 0, 3 * DAY_SECONDS);
      expect(mostInADay(lived.versionTimesMs)).toBeLessThanOrEqual(VERSIONS_PER_DAY);
      expect(lived.reasons).not.toContain('key-expired');
      expect(lived.reasons).not.toContain('version-budget-spent');
    },
  );

  test.each([10, 15, 20, 30, 40])(
    '%d minutes: warned of its end, and at no time is Momento asked for what could not be stored',
    async (minutes) => {
      const lived = await live(minutes * MINUTE_SECONDS, MINUTE_SECONDS, 0, 3 * DAY_SECONDS);
      expect(lived.warnings[0]).toMatch(/Within a day it will end: .* Import a key that lives/);
      expect(lived.refreshes).toBe(lived.renewedAt.length);
      expect(lived.reasons).toContain('version-limit-reached');
      expect(lived.reasons).not.toContain('stage-failed');
      expect(mostInADay(lived.versionTimesMs)).toBeLessThanOrEqual(MOST_VERSIONS_PER_DAY);
    },
  );

  test.each([45, 60, 75, 87])(
    '%d minutes: warned of, and kept alive although it takes more versions',
    async (minutes) => {
      const lived = await live(minutes * MINUTE_SECONDS, MINUTE_SECONDS, 0, 3 * DAY_SECONDS);
      expect(lived.reasons).not.toContain('key-expired');
      expect(mostInADay(lived.versionTimesMs)).toBeGreaterThan(VERSIONS_PER_DAY);
      expect(mostInADay(lived.versionTimesMs)).toBeLessThanOrEqual(MOST_VERSIONS_PER_DAY);
      expect(lived.warnings[0]).toMatch(
        /at one try every 1 minute\. Import a key that lives at least 1 hour 28 minutes\.$/,
      );
      // Two ticks a day, and two after the import, but for those that are skipped here.
      expect(lived.warnings.length).toBeLessThanOrEqual(2 * 4 + 2);
    },
  );
});
