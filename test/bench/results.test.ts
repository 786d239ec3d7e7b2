// What is promised, and how results are written down.

import { readFileSync } from 'node:fs';
import { describe, expect, test } from '@jest/globals';
import type { ContenderName } from '../../bench/contenders.ts';
import { putBetweenMarkers } from '../../bench/keep.ts';
import { type Results, verdicts } from '../../bench/results.ts';
import type { Figure } from '../../bench/statistics.ts';
import { tables } from '../../bench/table.ts';
import { sameCells } from './markdown-table.ts';

interface Measured {
  readonly cold?: number;
  readonly p99Ms?: number;
  readonly perSecond?: number;
  readonly minted?: number;
  readonly bundle?: number;
  readonly asked?: number;
  readonly load?: number;
}

const of = (figure: number): Figure => ({ figure, quartiles: [figure, figure], rounds: 15 });

function results(measured: Measured = {}): Results {
  const {
    cold = 0.4,
    p99Ms = 1,
    perSecond = 3_000,
    minted = 1.1,
    bundle = 1,
    asked = 0,
    load = 0.2,
  } = measured;
  const coldStart = (contender: ContenderName, ratio: number) => ({
    contender,
    tookMs: of(ratio * 300),
    toBaseline: of(ratio),
    cpuMs: of(ratio * 280),
    cpuToBaseline: of(ratio),
  });
  return {
    madeAt: '2026-11-22T12:00:00.000Z',
    machine: {
      processor: 'a processor',
      cores: 2,
      memoryGb: 24,
      system: 'linux',
      loadBefore: load,
    },
    rounds: 15,
    aws: 'tls',
    bundles: { vendToken: bundle, rotateKey: 1_500_000, baseline: 4_000_000 },
    nodes: [
      {
        version: 'v20.1.0',
        coldStarts: [coldStart('baseline', 1), coldStart('vend-token', cold)],
        steps: [{ contender: 'baseline', steps: [{ step: 'module loaded', atMs: 12.3 }] }],
        warmCalls: {
          paced: [
            {
              contender: 'vend-token',
              p50Ms: of(0.2),
              p99Ms: of(p99Ms),
              overallP99Ms: 3,
              slowestMs: 9,
            },
          ],
          saturated: [{ contender: 'vend-token', perSecond: of(perSecond) }],
          minted: [
            { contender: 'vend-token', tookMs: of(9), toBareRpc: of(9), toGrpcCall: of(9) },
            {
              contender: 'vend-token-unshared',
              tookMs: of(1),
              toBareRpc: of(9),
              toGrpcCall: of(minted),
            },
          ],
          askedForShared: asked,
        },
      },
    ],
    missing: ['Node 24 is not here.'],
  };
}

const broken = (measured: Measured): string[] =>
  verdicts(results(measured))
    .filter(({ isKept }) => !isKept)
    .map(({ what }) => what);

describe('a promise', () => {
  test.each([
    ['cold', 0.5, 0.501, 'cold start'],
    ['p99Ms', 2, 2.01, 'p99'],
    ['perSecond', 2_000, 1_999, 'saturation'],
    ['minted', 1.15, 1.151, 'minted'],
    ['bundle', 307_200, 307_201, 'bundle'],
  ] as const)('%s is kept at %d and broken at %d', (name, kept, notKept, what) => {
    expect(broken({ [name]: kept })).toEqual([]);
    expect(broken({ [name]: notKept })).toEqual([expect.stringContaining(what)]);
  });

  test('of what was not measured is not kept', () => {
    expect(broken({ cold: Number.NaN })).toHaveLength(1);
    const [node] = results().nodes;
    if (node === undefined) throw new Error('no node');
    const without = { ...results(), nodes: [{ ...node, coldStarts: [] }] };
    expect(verdicts(without).filter(({ isKept }) => !isKept)).toHaveLength(1);
  });
});

describe('tables', () => {
  test('every row has as many cells as its head', () => {
    expect(sameCells(tables(results()))).toBeGreaterThan(5);
  });

  test('a broken promise, and a version that could not be had, are seen', () => {
    const text = tables(results({ cold: 0.7 }));
    expect(text).toContain('| 0.70 × | **no** |');
    expect(text).toContain('Not measured: Node 24 is not here.');
  });

  test('a busy machine is seen', () => {
    expect(tables(results({ load: 1.1 }))).toContain('The machine was busy');
    expect(tables(results({ load: 1 }))).not.toContain('The machine was busy');
  });

  test('shared tokens that were not from memory are seen', () => {
    expect(tables(results({ asked: 3 }))).toContain('Not from memory');
    expect(tables(results())).not.toContain('Not from memory');
  });
});

describe('the page', () => {
  const page = (inside: string) =>
    `# Title\n\n<!-- bench: begin -->${inside}<!-- bench: end -->\n\nMore.\n`;

  test('has what is new between its markers, and the rest as it was', () => {
    expect(putBetweenMarkers(page('\n\nold\n\n'), 'new\n')).toBe(page('\n\nnew\n\n'));
  });

  test('text with a dollar sign comes as it is', () => {
    expect(putBetweenMarkers(page(''), "$& $'")).toBe(page("\n\n$& $'\n\n"));
  });

  test('has the tables of the results that are kept beside it', () => {
    const kept: Results = JSON.parse(readFileSync('bench/results.json', 'utf8'));
    const now = readFileSync('docs/performance.md', 'utf8');
    expect(putBetweenMarkers(now, tables(kept))).toBe(now);
    expect(kept.rounds).toBeGreaterThanOrEqual(15);
  });

  test.each(['# Title\n', '<!-- bench: end --><!-- bench: begin -->'])(
    'without both markers in order is not written: %j',
    (text) => {
      expect(() => putBetweenMarkers(text, 'new')).toThrow('begin');
    },
  );
});
