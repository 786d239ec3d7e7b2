// Runs the CDK app as the CDK CLI would, without the CLI: that is slow, and looks things up on the network.

import { spawn } from 'node:child_process';
import { mkdir, mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import * as v from 'valibot';
import { readJson, readStacks, type StackArtifact } from './cloud-assembly.ts';
import { AssemblyError, narrow } from './template.ts';

export interface SynthesizeOptions {
  /** The folder that holds cdk.json; the app runs there. */
  readonly projectDirectory: string;
  /** Context over that of cdk.json. @default none */
  readonly context?: Readonly<Record<string, unknown>>;
  /** Variables over those of this process, for the app. @default none */
  readonly environment?: Readonly<Record<string, string>>;
  /** Where the assembly is written. @default a new folder under the system's temporary folder */
  readonly outputDirectory?: string;
  /** Ends the app; the promise then rejects. @default never */
  readonly signal?: AbortSignal;
}

export interface Synthesized {
  readonly directory: string;
  readonly stacks: readonly StackArtifact[];
  /** Removes the directory: functions run from it, so only after they are closed. */
  readonly remove: () => Promise<void>;
}

const cdkJsonSchema = v.looseObject({
  app: v.string(),
  context: v.optional(v.record(v.string(), v.unknown()), {}),
});

/** @throws AssemblyError `synthesis-failed`, whose message is what the app wrote to stderr. */
export async function synthesize(options: SynthesizeOptions): Promise<Synthesized> {
  const cdkJsonPath = join(options.projectDirectory, 'cdk.json');
  const { app, context } = narrow(cdkJsonSchema, readJson(cdkJsonPath), 'cdk.json');
  const directory = options.outputDirectory ?? (await mkdtemp(join(tmpdir(), 'momento-auth-')));
  const remove = () => rm(directory, { recursive: true, force: true });
  try {
    await mkdir(directory, { recursive: true });
    await runApp(app, options, {
      CDK_OUTDIR: directory,
      CDK_CONTEXT_JSON: JSON.stringify({
        'aws:cdk:enable-path-metadata': true,
        'aws:cdk:enable-asset-metadata': true,
        ...context,
        ...options.context,
      }),
    });
    return { directory, stacks: readStacks(directory), remove };
  } catch (error) {
    if (options.outputDirectory === undefined) await remove();
    throw error;
  }
}

async function runApp(
  app: string,
  { projectDirectory, environment, signal }: SynthesizeOptions,
  cdkEnvironment: Record<string, string>,
): Promise<void> {
  // A group of its own, because the shell hides the app: a signal to the shell alone would leave it running.
  const child = spawn(app, {
    cwd: projectDirectory,
    env: { ...process.env, ...environment, ...cdkEnvironment },
    shell: true,
    stdio: ['ignore', 'ignore', 'pipe'],
    detached: true,
  });
  let stderr = '';
  child.stderr.setEncoding('utf8').on('data', (chunk: string) => {
    stderr += chunk;
  });
  const kill = () => {
    if (child.pid !== undefined && child.exitCode === null) process.kill(-child.pid, 'SIGKILL');
  };
  signal?.addEventListener('abort', kill);
  process.once('exit', kill);
  try {
    if (signal?.aborted) kill();
    const [exitCode, exitSignal] = await new Promise<[number | null, string | null]>(
      (resolve, reject) => {
        child.once('error', reject);
        child.once('close', (...how) => resolve(how));
      },
    );
    if (exitCode === 0) return;
    const how = exitCode === null ? `was ended by ${exitSignal}` : `exited with ${exitCode}`;
    throw new AssemblyError('synthesis-failed', stderr.trim() || `${app} ${how} without a message`);
  } finally {
    signal?.removeEventListener('abort', kill);
    process.removeListener('exit', kill);
  }
}
