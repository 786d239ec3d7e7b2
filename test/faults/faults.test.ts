// What makes the explorer's findings worth something. What it finds: explored.long.test.ts.

import { readFileSync } from 'node:fs';
import { describe, expect, test } from '@jest/globals';
import { UsageError } from '../../local/command-line.ts';
import { BUGS, type Bug } from './bugs.ts';
import { sow } from './bundle.ts';
import { EXHAUSTIVE, nameAt, ROTATION, scheduleNamed } from './generate.ts';
import { readOptions } from './options.ts';
import { play } from './play.ts';
import { ALL_TERMS, type Schedule } from './schedule.ts';
import { shrink } from './shrink.ts';

const named = (name: string): Schedule => {
  const schedule = scheduleNamed(name);
  if (schedule === undefined) throw new Error(`There is no ${name}.`);
  return schedule;
};

test('a rotation makes the calls that single faults are injected into', async () => {
  const { trace } = await play(
    {
      ...named('single-0'),
      ticks: [{ afterSeconds: 0, runs: [{ afterMs: 0, host: 0, faults: [] }] }],
    },
    { traced: true },
  );
  const calls = trace.filter(({ run, what }) => run === '1.1' && !/^(begins|ends)/.test(what));
  expect(calls.map(({ what }) => what)).toEqual(ROTATION);
});

describe('a schedule', () => {
  test.each(['single-3', 'state-70', 'pair-12', 'crafted-9', 'random-1225805713'])(
    '%s played twice leaves the same trace',
    async (name) => {
      const first = await play(named(name), { traced: true });
      const second = await play(JSON.parse(JSON.stringify(named(name))), { traced: true });
      expect(second).toEqual(first);
      expect(first.trace.length).toBeGreaterThan(10);
    },
  );

  test('has the same name and content for the same seed, and others for another', () => {
    const names = (seed: number) => Array.from({ length: 3_000 }, (_, at) => nameAt(at, seed));
    expect(names(1)).toEqual(names(1));
    const random = (seed: number) => names(seed).filter((name) => name.startsWith('random'));
    expect(random(1)).not.toEqual(random(2));
    expect(named('random-5')).toEqual(named('5'));
    for (const name of names(1)) expect(scheduleNamed(name)).toBeDefined();
  });

  test('every single fault is played once, whatever the seed', () => {
    const singles = Array.from({ length: 2_000 }, (_, at) => nameAt(at, 9)).filter((name) =>
      name.startsWith('single'),
    );
    expect(new Set(singles).size).toBe(EXHAUSTIVE.singles);
    expect(singles).toHaveLength(EXHAUSTIVE.singles);
    const faultless = ALL_TERMS.length * ROTATION.length;
    expect(EXHAUSTIVE.singles).toBeGreaterThan(8 * faultless);
  });

  test('every label state is among the first 2,000, and states with a fault are as many as there is room for', () => {
    const states = (count: number, seed: number) =>
      Array.from({ length: count }, (_, at) => nameAt(at, seed)).filter((name) =>
        name.startsWith('state'),
      );
    const few = new Set(states(2_000, 9));
    for (let at = 0; at < EXHAUSTIVE.labelStates; at += 1) expect(few).toContain(`state-${at}`);
    expect(few).not.toEqual(new Set(states(2_000, 8)));
    const many = states(20_000, 9);
    expect(new Set(many).size).toBe(many.length);
    expect(new Set(states(100_000, 9)).size).toBe(EXHAUSTIVE.states);
  });

  test('every one that was made by hand is among the first 2,000, some of them among the first 1,000', () => {
    const crafted = (count: number) =>
      new Set(
        Array.from({ length: count }, (_, at) => nameAt(at, 9)).filter((name) =>
          name.startsWith('crafted'),
        ),
      ).size;
    expect(crafted(2_000)).toBe(EXHAUSTIVE.crafted);
    expect(crafted(1_000)).toBeGreaterThan(EXHAUSTIVE.crafted / 2);
    expect(scheduleNamed(`crafted-${EXHAUSTIVE.crafted}`)).toBeUndefined();
  });

  test('shrinks to what still fails, and to nothing less', async () => {
    const large = named('random-1225805713');
    const kill = { kind: 'kill', call: 'PutSecretValue', nth: 1, times: 3 } as const;
    const error = { kind: 'error', nth: 0 } as const;
    const run = { afterMs: 200, host: 1, forced: true, faults: [error, kill, error] };
    const schedule: Schedule = {
      ...large,
      hosts: [{ clockErrorMs: 5 }, { clockErrorMs: -5 }],
      ticks: [
        ...large.ticks,
        { afterSeconds: 60, runs: [run, run], recycled: [1] },
        ...large.ticks,
      ],
    };
    const smallest = await shrink(schedule, async ({ ticks }) =>
      ticks.some(({ runs }) =>
        runs.some(({ faults }) => faults.some(({ kind }) => kind === 'kill')),
      ),
    );
    expect(smallest).toMatchObject({
      start: 'current-only',
      hosts: [{ clockErrorMs: 0 }],
      ticks: [{ runs: [{ afterMs: 0, host: 0 }] }],
    });
    expect(smallest.ticks[0]?.runs).toEqual([
      { afterMs: 0, host: 0, faults: [{ kind: 'kill', call: 'PutSecretValue', nth: 1 }] },
    ]);
    expect(smallest.ticks[0]).not.toHaveProperty('recycled');
  });
});

// What they do to the explorer: bugs.long.test.ts.
test.each(BUGS.map((bug): [string, Bug] => [bug.name, bug]))(
  'a bug that could still be sown: %s',
  (_, bug) => {
    const source = readFileSync(new URL(`../../${bug.file}`, import.meta.url), 'utf8');
    expect(sow(bug, source)).not.toBe(source);
  },
);

describe('the command line', () => {
  test('defaults', () => {
    expect(readOptions([])).toMatchObject({ schedules: 20_000, seed: 1, json: false, threads: 2 });
  });
  test.each([
    ['--schedules', '0'],
    ['--schedules', 'many'],
    ['--seed', '-1'],
    ['--nonsense'],
    ['x'],
  ])('%s %s is refused', (...argv) => {
    expect(() => readOptions(argv.filter((word) => word !== undefined))).toThrow(UsageError);
  });
});
