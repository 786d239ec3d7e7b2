// The shortcut is honest: what the simulation says of a schedule is what the built bundle does, in a process of its
// own, over real sockets.

import { execFile } from 'node:child_process';
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { afterAll, beforeAll, expect, test } from '@jest/globals';
import { bundleFunction } from './bundled-function.ts';
import type { Repeated } from './repeat.ts';

const SCHEDULES = 50;
/** Four seconds pass in one. More, and a busy machine would miss deadlines that the simulation meets. */
const SPEED = 4;

const here = (file: string): string => fileURLToPath(new URL(file, import.meta.url));
const directory = mkdtempSync(join(tmpdir(), 'faults-bundle-'));
afterAll(() => rmSync(directory, { recursive: true, force: true }));
beforeAll(() => bundleFunction(directory));

test(`${SCHEDULES} schedules end alike in the simulation and in the bundle`, async () => {
  const timeFile = join(directory, 'time.json');
  writeFileSync(
    timeFile,
    JSON.stringify({ simulatedMs: Date.now(), realMs: Date.now(), speed: 1 }),
  );
  const lines = await new Promise<string[]>((done, failed) => {
    execFile(
      process.execPath,
      ['--import', 'tsx', '--import', here('hurried-time.mjs'), here('repeat.ts'), `${SCHEDULES}`],
      {
        env: { ...process.env, HURRIED_TIME_FILE: timeFile, BUNDLE: directory, SPEED: `${SPEED}` },
        maxBuffer: 64 * 1024 * 1024,
      },
      (error, stdout, stderr) => {
        if (error === null) done(stdout.trimEnd().split('\n'));
        else failed(new Error(`${error.message}\n${stderr}`));
      },
    );
  });
  const repeated = lines.map((line): Repeated => JSON.parse(line));
  expect(repeated).toHaveLength(SCHEDULES);
  const ends = new Set(repeated.flatMap(({ simulated }) => simulated.runs.map(({ end }) => end)));
  for (const end of ['rotated, due', 'killed']) {
    expect(ends).toContain(end);
  }
  for (const { name, simulated, repeated: seen } of repeated) {
    expect({ name, ...seen }).toEqual({ name, ...simulated });
  }
}, 300_000);
