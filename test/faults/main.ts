// npm run faults: explores, tells, and shows the smallest schedule for what it finds.

import { existsSync, readFileSync } from 'node:fs';
import { isMainThread, parentPort, Worker, workerData } from 'node:worker_threads';
import picocolors from 'picocolors';
import * as v from 'valibot';
import { UsageError } from '../../local/command-line.ts';
import { type Explored, explore, merge, type Range } from './explore.ts';
import { scheduleNamed } from './generate.ts';
import { HELP, type Options, readOptions } from './options.ts';
import { play } from './play.ts';
import { Schedule } from './schedule.ts';
import { shrink } from './shrink.ts';
import { summary } from './summary.ts';
import { traceTable } from './trace.ts';

// The stacks of made-up errors are looked up in source maps otherwise: that takes longer than all the rest.
process.setSourceMapsEnabled(false);
Error.stackTraceLimit = 4;

const colours = picocolors.createColors(process.stdout.isTTY === true);
const say = (text: string): void => {
  process.stdout.write(`${text}\n`);
};

if (isMainThread) process.exitCode = await main(process.argv.slice(2));
else await work(workerData as Work);

async function main(argv: readonly string[]): Promise<number> {
  let options: Options;
  try {
    options = readOptions(argv);
  } catch (error) {
    if (!(error instanceof UsageError)) throw error;
    process.stderr.write(`${error.message}\n\n${HELP}`);
    return 2;
  }
  if (options.help) {
    say(HELP.trimEnd());
    return 0;
  }
  return options.replay === undefined ? search(options) : replay(options.replay, options);
}

async function search(options: Options): Promise<number> {
  const { schedules, seed, json } = options;
  const startedAtMs = performance.now();
  const explored = await exploreAll(options);
  const told = { ...explored, seed, tookMs: Math.round(performance.now() - startedAtMs) };
  const failed = explored.failures.length > 0;
  if (json) {
    say(JSON.stringify({ schedules, ...told }));
    return failed ? 1 : 0;
  }
  const [first] = explored.failures;
  if (first !== undefined) await explain(first.name);
  const text = summary(told);
  const last = text.lastIndexOf('\n') + 1;
  say(text.slice(0, last) + (failed ? colours.red : colours.green)(text.slice(last)));
  return failed ? 1 : 0;
}

/** The smallest schedule that fails likewise, its trace, and how to play it again. */
async function explain(name: string): Promise<void> {
  const schedule = scheduleNamed(name);
  if (schedule === undefined) return;
  const [found] = (await play(schedule)).violations;
  if (found === undefined) return;
  const smallest = await shrink(schedule, async (candidate) => {
    const { violations } = await play(candidate);
    return violations.some(({ invariant }) => invariant === found.invariant);
  });
  const { trace } = await play(smallest, { traced: true });
  say(colours.red(`${name} violates invariant ${found.invariant}: ${found.problem}`));
  say(`\nIts smallest form:\n${JSON.stringify(smallest)}\n`);
  say(traceTable(trace));
  say(`\nAgain: npm run faults -- --replay ${name}`);
  say('Or write the smallest form to a file: npm run faults -- --replay FILE\n');
}

async function replay(what: string, { json }: Options): Promise<number> {
  const schedule = scheduleNamed(what) ?? scheduleIn(what);
  if (schedule === undefined) {
    process.stderr.write(
      `--replay ${what}: neither the name of a schedule (random-123, single-17 …) nor a file with one\n`,
    );
    return 2;
  }
  const { trace, violations } = await play(schedule, { traced: true });
  if (json) {
    say(JSON.stringify({ schedule, violations, trace }));
  } else {
    say(`${JSON.stringify(schedule)}\n`);
    say(traceTable(trace));
    for (const { invariant, problem } of violations) {
      say(colours.red(`\nviolates invariant ${invariant}: ${problem}`));
    }
    say(`\n1 schedule, ${violations.length} violations`);
  }
  return violations.length > 0 ? 1 : 0;
}

/** A schedule, or what `--replay --json` says of one. */
const InFile = v.union([
  Schedule,
  v.pipe(
    v.object({ schedule: Schedule }),
    v.transform(({ schedule }) => schedule),
  ),
]);

function scheduleIn(file: string): Schedule | undefined {
  if (!existsSync(file)) return undefined;
  try {
    const parsed = v.safeParse(InFile, JSON.parse(readFileSync(file, 'utf8')));
    return parsed.success ? parsed.output : undefined;
  } catch {
    return undefined;
  }
}

// ── on several threads ──────────────────────────────────────────────────────────────────────────

async function exploreAll(options: Options): Promise<Explored> {
  const { schedules: count, seed: baseSeed, threads, first } = options;
  const progress = progressOf(count, options);
  if (threads === 0) {
    let told = 0;
    const explored = await explore({ from: 0, to: count, baseSeed }, (played, failures) => {
      progress.add(played - told);
      told = played;
      return !(first && failures.length > 0);
    });
    progress.end();
    return explored;
  }
  const each = Math.ceil(count / threads);
  const ranges = Array.from(
    { length: threads },
    (_, thread): Range => ({
      from: Math.min(count, thread * each),
      to: Math.min(count, (thread + 1) * each),
      baseSeed,
    }),
  );
  const parts = await Promise.all(ranges.map((range) => inThread(range, first, progress.add)));
  progress.end();
  return merge(parts);
}

interface Work {
  readonly range: Range;
  readonly first: boolean;
}

interface News {
  readonly played: number;
  readonly explored?: Explored;
}

function inThread(
  range: Range,
  first: boolean,
  onPlayed: (schedules: number) => void,
): Promise<Explored> {
  return new Promise((resolve, reject) => {
    const workerData: Work = { range, first };
    const file = new URL(import.meta.url);
    // A thread does not inherit what --import tsx has set up.
    const worker = file.pathname.endsWith('.ts')
      ? new Worker(
          `import('tsx/esm/api').then(({ register }) => { register(); return import(${JSON.stringify(file.href)}); })`,
          { eval: true, workerData },
        )
      : new Worker(file, { workerData });
    worker.on('error', reject);
    worker.on('message', ({ played, explored }: News) => {
      onPlayed(played);
      if (explored !== undefined) resolve(explored);
    });
  });
}

/** The inside of a thread. */
async function work({ range, first }: Work): Promise<void> {
  const every = 20;
  let told = 0;
  const tell = (news: News): void => parentPort?.postMessage(news);
  const explored = await explore(range, (played, failures) => {
    if (played - told >= every) {
      tell({ played: played - told });
      told = played;
    }
    return !(first && failures.length > 0);
  });
  tell({ played: explored.counts.schedules - told, explored });
}

/** A line that is written over, on a terminal alone. */
function progressOf(count: number, { json }: Options) {
  const shown = process.stderr.isTTY === true && !json;
  const startedAtMs = performance.now();
  let played = 0;
  let shownAtMs = 0;
  const clear = (): void => {
    if (shown) process.stderr.write('\r\x1b[K');
  };
  process.once('SIGINT', () => {
    clear();
    process.exit(130);
  });
  return {
    add(schedules: number): void {
      played += schedules;
      const nowMs = performance.now();
      if (!shown || nowMs - shownAtMs < 200) return;
      shownAtMs = nowMs;
      const perSecond = (played / (nowMs - startedAtMs)) * 1000;
      const left = Math.ceil((count - played) / Math.max(1, perSecond));
      process.stderr.write(
        `\r${played} of ${count} schedules, ${Math.round(perSecond)} per second, ${left} s left \x1b[K`,
      );
    },
    end: clear,
  };
}
