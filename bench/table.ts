// The results as tables of Markdown.

import { CONTENDERS, type ContenderName } from './contenders.ts';
import type { NodeResults, Results, Verdict } from './results.ts';
import { verdicts } from './results.ts';
import type { Figure } from './statistics.ts';

/** Synthesis alone makes about this much. */
const QUIET_LOAD = 1;

/** What is printed, and kept in docs/performance.md. Ends with a line break. */
export function tables(results: Results): string {
  const { nodes } = results;
  return [
    about(results),
    promiseTable(verdicts(results)),
    '### Cold start',
    ...(nodes.length === 0 ? [] : [coldTable(nodes)]),
    '### Where a cold start goes',
    ...nodes.map(stepTable),
    '### Warm',
    ...nodes.flatMap((node) => [sharedTable(node), mintedTable(node)]),
    bundleTable(results),
  ]
    .map((part) => `${part.trimEnd()}\n`)
    .join('\n');
}

function about({ madeAt, machine, rounds, aws, missing }: Results): string {
  const { processor, cores, memoryGb, system, loadBefore } = machine;
  return [
    `${madeAt.slice(0, 10)}, ${rounds} rounds, ${cores} cores (${processor}), ${memoryGb} GB, ${system}, load ${loadBefore.toFixed(1)} before; AWS by ${aws === 'tls' ? 'TLS' : 'plaintext'}, Momento by TLS.`,
    ...(loadBefore > QUIET_LOAD
      ? ['**The machine was busy with something else**: times, and their ratios, say little.']
      : []),
    ...missing.map((reason) => `Not measured: ${reason}`),
  ].join(' ');
}

const promiseTable = (all: readonly Verdict[]): string =>
  table(
    ['promised', 'limit', 'measured', 'kept'],
    all.map(({ what, value, limit, bound, unit, isKept }) => [
      what,
      `at ${bound} ${quantity(limit, unit)}`,
      quantity(value, unit),
      isKept ? 'yes' : '**no**',
    ]),
  );

function coldTable(nodes: readonly NodeResults[]): string {
  const names = nodes[0]?.coldStarts.map(({ contender }) => contender) ?? [];
  return table(
    [
      'process start → answer',
      ...nodes.flatMap(({ version }) => [
        `${version}: × baseline`,
        `${version}: processor time × baseline`,
        `${version}: ms`,
      ]),
    ],
    names.map((name) => [
      CONTENDERS[name],
      ...nodes.flatMap(({ coldStarts }) => {
        const cold = coldStarts.find(({ contender }) => contender === name);
        if (cold === undefined) return ['–', '–', '–'];
        return [spread(cold.toBaseline, 2), spread(cold.cpuToBaseline, 2), round(cold.tookMs, 0)];
      }),
    ]),
  );
}

const stepTable = ({ version, steps }: NodeResults): string =>
  table(
    [`${version}: ms since the process was begun`, 'in order'],
    steps.map((one) => [
      CONTENDERS[one.contender],
      one.steps.map(({ step, atMs }) => `${step} ${atMs.toFixed(0)}`).join(' → '),
    ]),
  );

function sharedTable({ version, warmCalls }: NodeResults): string {
  const { paced, saturated, askedForShared } = warmCalls;
  const warning =
    askedForShared === 0
      ? ''
      : `\n**Not from memory**: Momento or the table were asked ${askedForShared} times meanwhile.\n`;
  const rows = paced.map(({ contender, p50Ms, p99Ms, overallP99Ms, slowestMs }) => {
    const atMost = saturated.find((one) => one.contender === contender);
    return [
      sharedName(contender),
      round(p50Ms, 2),
      spread(p99Ms, 2),
      overallP99Ms.toFixed(2),
      slowestMs.toFixed(1),
      atMost === undefined ? '–' : round(atMost.perSecond, 0),
    ];
  });
  return (
    table(
      [
        `${version}: a shared token from memory, 500 per second`,
        'p50 ms',
        'p99 ms',
        'p99 of all rounds',
        'slowest',
        'per second at saturation',
      ],
      rows,
    ) + warning
  );
}

const sharedName = (name: ContenderName): string =>
  name === 'vend-token' ? 'vend-token' : CONTENDERS[name];

const mintedTable = ({ version, warmCalls }: NodeResults): string =>
  table(
    [`${version}: a new token, warm`, '× bare call', "× gRPC's own client", 'ms'],
    warmCalls.minted.map(({ contender, toBareRpc, toGrpcCall, tookMs }) => [
      CONTENDERS[contender],
      spread(toBareRpc, 2),
      spread(toGrpcCall, 2),
      round(tookMs, 2),
    ]),
  );

const bundleTable = ({ bundles }: Results): string =>
  table(
    ['bundle, without its map', 'KiB', '× baseline'],
    [
      ['vend-token', bundles.vendToken],
      ['rotate-key', bundles.rotateKey],
      ['baseline', bundles.baseline],
    ].map(([name, bytes]) => [
      String(name),
      (Number(bytes) / 1024).toFixed(0),
      (Number(bytes) / bundles.baseline).toFixed(2),
    ]),
  );

const round = ({ figure }: Figure, digits: number): string => figure.toFixed(digits);

/** The figure, with its quartiles. */
const spread = ({ figure, quartiles: [lower, upper] }: Figure, digits: number): string =>
  `${figure.toFixed(digits)} (${lower.toFixed(digits)}–${upper.toFixed(digits)})`;

function quantity(value: number, unit: Verdict['unit']): string {
  switch (unit) {
    case 'times':
      return `${value.toFixed(2)} ×`;
    case 'ms':
      return `${value.toFixed(2)} ms`;
    case 'per second':
      return `${Math.round(value)} per second`;
    case 'bytes':
      return `${(value / 1024).toFixed(0)} KiB`;
  }
}

function table(head: readonly string[], rows: ReadonlyArray<readonly string[]>): string {
  const line = (cells: readonly string[]) => `| ${cells.join(' | ')} |\n`;
  const rule = head.map((_, column) => (column === 0 ? '---' : '---:'));
  return [head, rule, ...rows].map(line).join('');
}
