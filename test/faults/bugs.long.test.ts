// Bugs sown into the rotation code on purpose: what the explorer would not find, it does not prove.

import { afterAll, beforeAll, describe, expect, test } from '@jest/globals';
import { BUGS, type Bug } from './bugs.ts';
import { type Bundler, runExplorer, sow, startBundler } from './bundle.ts';
import { atMost } from './together.ts';

/** Enough for each, by far; and half of what CI explores. */
const SCHEDULES = 1_000;
const TIMEOUT_MS = 180_000;

interface Found {
  readonly exitCode: number;
  readonly failures: readonly { readonly violations: readonly { readonly invariant: number }[] }[];
}

let bundler: Bundler;
let found: Map<string, Promise<Found>>;

beforeAll(async () => {
  bundler = await startBundler();
  found = atMost(2, BUGS, ({ name }) => name, find);
});
afterAll(async () => {
  await Promise.allSettled(found.values());
  await bundler.close();
});

async function find(bug: Bug): Promise<Found> {
  const file = await bundler.bundle(bug);
  const options = ['--threads', '0', '--schedules', String(SCHEDULES), '--first', '--json'];
  const { exitCode, stdout, stderr } = await runExplorer(file, options);
  if (stdout === '') throw new Error(stderr.slice(0, 2_000));
  return { exitCode, ...(JSON.parse(stdout) as Pick<Found, 'failures'>) };
}

test.each(BUGS.map((bug): [string, Bug] => [bug.name, bug]))(
  'found: %s',
  async (name, { violates }) => {
    const { exitCode, failures } = (await found.get(name)) ?? { exitCode: -1, failures: [] };
    expect(exitCode).toBe(1);
    expect(violates).toContain(failures[0]?.violations[0]?.invariant);
  },
  TIMEOUT_MS,
);

test(
  'a violation is told with its name, its smallest form, a trace, and the command that plays it again',
  async () => {
    const bug = BUGS.find(({ name }) => name === 'a pair that the store did not take is forgotten');
    const file = await bundler.bundle(bug);
    const told = await runExplorer(file, ['--threads', '0', '--schedules', '400', '--first']);
    expect(told.exitCode).toBe(1);
    expect(told.stdout).toContain('violates invariant 2: a pair that had arrived');
    expect(told.stdout).toMatch(/^time +run +call +fault +labels after$/m);
    expect(told.stdout.trimEnd().split('\n').at(-1)).toMatch(/^\d+ schedules, 1 violations$/);
    expect(told.stdout).not.toContain('\x1b[');
    const [, name = ''] = /--replay ([a-z]+-\d+)/.exec(told.stdout) ?? [];
    const again = await runExplorer(file, ['--replay', name]);
    expect(again.exitCode).toBe(1);
    expect(again.stdout).toContain('VIOLATION of 2: a pair that had arrived');
  },
  TIMEOUT_MS,
);

describe('a bug that is not in the code any more', () => {
  const bug: Bug = { name: 'a bug', file: 'lambda/x.ts', find: 'a', put: 'b', violates: [1] };
  test.each(['', 'aa'])('%p is an error that says so', (source) => {
    expect(() => sow(bug, source)).toThrow(/a bug: lambda\/x.ts has the text .* times, not once/);
  });
});
