// `npm start`: synthesizes the app and runs it here. The one place that owns output and exit codes.

import pc from 'picocolors';
import { synthesize } from './assembly/synthesize.ts';
import { AssemblyError } from './assembly/template.ts';
import { UsageError } from './command-line.ts';
import { buildPage } from './console/page-files.ts';
import { HELP, type Options, readOptions } from './options.ts';

// It is about this machine's Node.js; deployed, the functions run on a newer one.
process.env.AWS_SDK_JS_NODE_VERSION_SUPPORT_WARNING_DISABLED ??= 'true';

// A terminal that is closed takes its end of the pipe along; what is being ended must still be ended well.
for (const stream of [process.stdout, process.stderr]) stream.on('error', () => {});

const colours = pc.createColors(pc.isColorSupported && process.stdout.isTTY === true);
const write = (text: string): void => {
  process.stdout.write(text);
};
const projectDirectory = new URL('..', import.meta.url).pathname;

const interrupted = interruption();
process.exitCode = await main().catch(explain);

async function main(): Promise<number> {
  const options = readOptions(process.argv.slice(2));
  if (options.help) {
    write(HELP);
    return 0;
  }
  const run = options.once ? once : demonstration;
  // Loaded while the app is synthesized in a process of its own: each takes a while.
  const running = run(options);
  running.catch(() => {});
  const synthesized = await withProgress('Synthesizing the stack', () =>
    synthesize({ projectDirectory, signal: interrupted.signal }),
  );
  try {
    return await (await running)(synthesized.directory);
  } finally {
    await synthesized.remove();
  }
}

/** What is done with the assembly in that folder, to an exit code. */
type Run = (assemblyDirectory: string) => Promise<number>;

async function once(): Promise<Run> {
  const { signal } = interrupted;
  const [{ prepareScenario }, { runChecklist }] = await Promise.all([
    import('./scenario/scenario.ts'),
    import('./scenario/checklist.ts'),
  ]);
  return async (assemblyDirectory) => {
    const scenario = await prepareScenario(assemblyDirectory, signal);
    try {
      return (await runChecklist(scenario, { colours, write, signal })) ? 0 : 1;
    } finally {
      await scenario.close();
    }
  };
}

async function demonstration(options: Options): Promise<Run> {
  const { signal } = interrupted;
  const files = buildPage();
  // Said to whoever asks for the page.
  files.catch(() => {});
  const { demonstrate } = await import('./demonstration.ts');
  return (assemblyDirectory) =>
    demonstrate({ assemblyDirectory, projectDirectory, options, files, colours, write, signal });
}

async function withProgress<T>(what: string, work: () => Promise<T>): Promise<T> {
  const startedAtMs = Date.now();
  if (process.stdout.isTTY) write(`${what} …`);
  const done = await work();
  const seconds = ((Date.now() - startedAtMs) / 1000).toFixed(1);
  write(`${process.stdout.isTTY ? '\r' : ''}${what}: ${seconds} s\n`);
  return done;
}

function interruption(): AbortController {
  const controller = new AbortController();
  for (const signal of ['SIGINT', 'SIGTERM', 'SIGHUP'] as const) {
    process.on(signal, () => controller.abort());
  }
  return controller;
}

function explain(error: unknown): number {
  if (interrupted.signal.aborted) {
    process.stderr.write('\nInterrupted.\n');
    return 130;
  }
  if (error instanceof UsageError) {
    process.stderr.write(`${error.message}\n\nnpm start -- --help lists the options.\n`);
    return 2;
  }
  const known = error instanceof AssemblyError;
  const text =
    error instanceof Error ? ((known ? error.message : error.stack) ?? '') : String(error);
  process.stderr.write(`${text}\n`);
  return 1;
}
