// One start of a contender: from before its process is made to its answer.

import { spawn } from 'node:child_process';
import { fileURLToPath } from 'node:url';
import type { Contender } from './contenders.ts';
import { systemTimeMs } from './system-time.ts';

export interface Start {
  /** From just before the process is made until its answer has arrived here. */
  readonly tookMs: number;
  /** From then until the handler's module was loaded, and until the handler had answered. */
  readonly loadedMs: number;
  readonly answeredMs: number;
  /** Of the process, all its threads together, until it had answered. */
  readonly cpuMs: number;
  /** By the system's clock, for comparison with what the servers saw. */
  readonly beganAtMs: number;
}

/** The arguments before a contender's own: the preload that all have, and the runner. */
export const runnerArguments = (runner: 'run-handler' | 'serve-handler'): string[] => [
  '--require',
  inside('stand-in-names.cjs'),
  inside(`${runner}.cjs`),
];

const inside = (name: string): string =>
  fileURLToPath(new URL(`./process/${name}`, import.meta.url));

/** @throws Error with what the process printed, if it gave no answer or not a good one. */
export async function start(
  { name, file, environment, event }: Contender,
  node: string,
): Promise<Start> {
  const payload = JSON.stringify(event());
  const beganAtMs = systemTimeMs();
  const child = spawn(node, [...runnerArguments('run-handler'), file, payload], {
    env: environment,
    stdio: ['ignore', 'pipe', 'pipe', 'pipe'],
  });
  let printed = '';
  for (const stream of [child.stdout, child.stderr]) {
    stream?.setEncoding('utf8').on('data', (chunk: string) => {
      printed += chunk;
    });
  }
  const closed = new Promise((resolve, reject) => {
    child.once('error', reject);
    child.once('close', resolve);
  });
  let report = '';
  const answeredAtMs = await new Promise<number>((resolve, reject) => {
    (child.stdio[3] as NodeJS.ReadableStream).setEncoding('utf8').on('data', (chunk: string) => {
      report += chunk;
      if (report.endsWith('\n')) resolve(systemTimeMs());
    });
    closed.then(() => reject(new Error(`${name} gave no answer:\n${printed}`)), reject);
  });
  // Connections that it keeps would keep it alive.
  child.kill('SIGKILL');
  await closed;
  const { error, answer, startedAtMs, loadedMs, answeredMs, cpuMs } = JSON.parse(report);
  const isGood = answer?.statusCode === 200 || Array.isArray(answer?.keys);
  if (!isGood) throw new Error(`${name}: ${error ?? JSON.stringify(answer)}\n${printed}`);
  const offsetMs = startedAtMs - beganAtMs;
  return {
    tookMs: answeredAtMs - beganAtMs,
    loadedMs: offsetMs + loadedMs,
    answeredMs: offsetMs + answeredMs,
    cpuMs,
    beganAtMs,
  };
}
