// The explorer in CI: 2,000 schedules, and no violation.

import { afterAll, beforeAll, describe, expect, test } from '@jest/globals';
import { type Bundler, runExplorer, startBundler } from './bundle.ts';

describe('2,000 schedules', () => {
  let bundler: Bundler;
  beforeAll(async () => {
    bundler = await startBundler();
  });
  afterAll(() => bundler.close());

  test('violate no invariant', async () => {
    const file = await bundler.bundle();
    const { exitCode, stdout } = await runExplorer(file, ['--schedules', '2000', '--json']);
    const { counts, failures } = JSON.parse(stdout);
    expect(failures).toEqual([]);
    expect(exitCode).toBe(0);
    expect(counts.schedules).toBe(2_000);
    for (const number of [1, 2, 3, 4, 5, 6, 7])
      expect(counts.checks[number]).toBeGreaterThan(1_999);
    expect(counts.pairsLostInGap).toBeGreaterThan(0);
    expect(counts.mostVersionsInADay).toBeLessThanOrEqual(40);
    // What a key near its end may have besides stays far from the 100 that Secrets Manager keeps.
    expect(counts.mostVersionsInADayNearTheEnd).toBeLessThanOrEqual(50);
    expect(counts.longestUndetectedMs).toBeGreaterThan(0);
    expect(counts.longestUndetectedMs).toBeLessThanOrEqual(3 * 3_600_000);
  }, 180_000);

  test('the summary ends with how many schedules and violations; threads change nothing', async () => {
    const file = await bundler.bundle();
    const [one, two] = await Promise.all(
      ['0', '2'].map((threads) =>
        runExplorer(file, ['--schedules', '60', '--seed', '7', '--threads', threads]),
      ),
    );
    expect(one?.exitCode).toBe(0);
    expect(one?.stdout.trimEnd().split('\n').at(-1)).toBe('60 schedules, 0 violations');
    const withoutTime = (text = ''): string => text.replace(/^time .*$/m, '');
    expect(withoutTime(two?.stdout)).toBe(withoutTime(one?.stdout));
  }, 60_000);
});
