// The short form of `npm run bench:storm`: fewer logins, at a rate at which it takes seconds. What is asserted holds on
// any machine, however slow: times are for reading.

import { afterAll, afterEach, beforeAll, expect, test } from '@jest/globals';
import {
  overloadStorm,
  ownStorm,
  type Report,
  sharedStorm,
  shortLivesStorm,
  stormConfig,
  WRONG_CLOCKS_MS,
} from '../../bench/storm.ts';
import { always, isKept } from '../../bench/storm-figures.ts';
import { type StandIns, startStandIns } from '../../bench/storm-stand-ins.ts';
import { reportTable } from '../../bench/storm-table.ts';
import { type Synthesized, synthesize } from '../../local/assembly/synthesize.ts';

const RATE = 40;
/** Of tokens that live 10 s a second is enough to be due again. */
const WHILE_LIFE_LEFT = 0.9;
let synthesized: Synthesized;
let standIns: StandIns;
let report: Report | undefined;

beforeAll(async () => {
  synthesized = await synthesize({
    projectDirectory: process.cwd(),
    context: { momentoAuth: stormConfig(RATE, WHILE_LIFE_LEFT) },
  });
  standIns = await startStandIns(synthesized.directory, RATE);
}, 60_000);

afterEach(() => {
  if (report !== undefined) process.stdout.write(reportTable(report));
  report = undefined;
});

afterAll(async () => {
  await standIns?.close();
  await synthesized?.remove();
});

const missed = ({ figures }: Report) => always(figures).filter((target) => !isKept(target));

test('shared scopes: all are served, with one token for each tenant', async () => {
  report = await sharedStorm({ standIns }, { logins: 600, tenants: 30 });
  expect(missed(report)).toEqual([]);
  expect(report.figures).toMatchObject({ asked: 600, served: 600, minted: 30 });
});

test('a token for each: all are served, and nobody has to come often', async () => {
  report = await ownStorm({ standIns }, { logins: 60 });
  expect(missed(report)).toEqual([]);
  expect(report.figures).toMatchObject({ asked: 60, served: 60, minted: 60 });
  expect(report.figures.mostTries).toBeLessThanOrEqual(4);
});

test('more than can be served, and nobody comes back: a token or 429', async () => {
  report = await overloadStorm({ standIns }, { perSecond: 100, seconds: 2 });
  expect(missed(report)).toEqual([]);
  const { served, rateLimited, minted } = report.figures;
  expect(served).toBeGreaterThan(0);
  expect(served).toBe(minted);
  expect(served + rateLimited).toBe(200);
});

test("clocks a minute off, and tokens that are due again and again: all are served, with nobody's dead token", async () => {
  const storm = { standIns, clockOffsetsMs: WRONG_CLOCKS_MS };
  report = await shortLivesStorm(storm, { perSecond: 40, seconds: 4, tenants: 8 });
  expect(missed(report)).toEqual([]);
  const { asked, served, minted } = report.figures;
  expect(served).toBe(asked);
  // Each tenant's first one, and some a second time.
  expect(minted).toBeGreaterThan(8);
});
