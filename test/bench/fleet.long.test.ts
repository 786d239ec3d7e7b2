// The short form of `npm run bench:fleet`: 100 keys at 50 per second, the bundle against the local servers.

import { afterAll, beforeAll, expect, test } from '@jest/globals';
import { fleetConfig, runFleet } from '../../bench/fleet.ts';
import { type Synthesized, synthesize } from '../../local/assembly/synthesize.ts';

const RATE = 50;
let synthesized: Synthesized;

beforeAll(async () => {
  synthesized = await synthesize({
    projectDirectory: process.cwd(),
    context: { momentoAuth: fleetConfig(RATE) },
  });
}, 60_000);
afterAll(() => synthesized?.remove());

test('100 keys that are due, found by their tag: all renewed, none refused', async () => {
  const assemblyDirectory = synthesized.directory;
  const figures = await runFleet({ assemblyDirectory, keys: 100, ratePerSecond: RATE });
  // Figures of time and memory are for reading: how busy this machine is says nothing of the function.
  process.stdout.write(`${JSON.stringify(figures)}\n`);
  expect(figures).toMatchObject({ renewed: 100, refused: 0, runs: 1 });
  expect(figures.mostInASecond).toBeLessThanOrEqual(RATE);
  expect(figures.peakMemoryMb).toBeGreaterThan(0);
}, 60_000);
