// The short form of `npm run bench`: every contender once, in its own process, against the servers' process.

import { afterAll, beforeAll, expect, test } from '@jest/globals';
import { benchConfig, runBench } from '../../bench/bench.ts';
import type { Results } from '../../bench/results.ts';
import { tables } from '../../bench/table.ts';
import { type Synthesized, synthesize } from '../../local/assembly/synthesize.ts';
import { sameCells } from './markdown-table.ts';

let synthesized: Synthesized;
let results: Results;

beforeAll(async () => {
  synthesized = await synthesize({
    projectDirectory: process.cwd(),
    context: { momentoAuth: benchConfig },
  });
  results = await runBench({
    assemblyDirectory: synthesized.directory,
    nodes: [{ version: process.version, path: process.execPath }],
    missing: [],
    rounds: 1,
    sizes: { paced: 100, saturated: 100, minted: 2 },
  });
  // How busy this machine is says nothing of the functions: figures are for reading.
  process.stdout.write(`${JSON.stringify(results)}\n`);
}, 120_000);
afterAll(() => synthesized?.remove());

test('every contender has started, and has answered', () => {
  const [node] = results.nodes;
  expect(node?.version).toBe(process.version);
  expect(node?.coldStarts.map(({ contender }) => contender)).toEqual([
    'empty',
    'bare-rpc',
    'grpc-call',
    'secret-and-rpc',
    'baseline',
    'vend-token',
    'vend-token-found',
    'vend-token-unshared',
    'rotate-key',
  ]);
  for (const { tookMs, cpuMs, toBaseline } of node?.coldStarts ?? []) {
    for (const { figure, rounds } of [tookMs, cpuMs, toBaseline]) {
      expect(figure).toBeGreaterThan(0);
      expect(rounds).toBe(1);
    }
  }
});

const stepsOf = (contender: string): string[] =>
  results.nodes[0]?.steps
    .find((one) => one.contender === contender)
    ?.steps.map(({ step }) => step) ?? [];

test('the baseline reads the secret, and then has a token made', () => {
  expect(stepsOf('baseline')).toEqual([
    'module loaded',
    'AWS connected',
    'secretsmanager:GetSecretValue answered',
    'Momento answered',
    'answered',
  ]);
});

test('a new token is minted; one from the table is not', () => {
  expect(stepsOf('vend-token')).toEqual(
    expect.arrayContaining(['secretsmanager:GetSecretValue answered', 'Momento answered']),
  );
  expect(stepsOf('vend-token-found')).toContain('dynamodb:GetItem answered');
  expect(stepsOf('vend-token-found')).not.toContain('Momento answered');
});

test('warm, shared tokens come from memory, and every call is counted', () => {
  const warm = results.nodes[0]?.warmCalls;
  expect(warm?.askedForShared).toBe(0);
  expect(warm?.paced.map(({ contender }) => contender)).toEqual(['empty', 'vend-token']);
  expect(warm?.saturated.every(({ perSecond }) => perSecond.figure > 0)).toBe(true);
  expect(warm?.minted.map(({ contender }) => contender)).toEqual([
    'bare-rpc',
    'grpc-call',
    'baseline',
    'vend-token',
    'vend-token-unshared',
  ]);
});

test('the report is well formed', () => {
  expect(JSON.parse(JSON.stringify(results))).toEqual(results);
  expect(sameCells(tables(results))).toBeGreaterThan(15);
});
