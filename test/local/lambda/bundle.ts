// A function made of a few lines, as a bundle in a temporary folder.

import { existsSync, readFileSync } from 'node:fs';
import { mkdtemp, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import type { FunctionDefinition } from '../../../local/assembly/functions.ts';
import { LocalFunction, type LocalFunctionOptions } from '../../../local/lambda/function.ts';

export const credentials = {
  accessKeyId: 'ASIALOCALROTATEKEY00',
  secretAccessKey: 'local-secret-access-key',
  sessionToken: 'local-session-token',
};

export function definitionOf(overrides: Partial<FunctionDefinition> = {}): FunctionDefinition {
  return {
    logicalId: 'RotateKey',
    name: 'MomentoAuth-RotateKey-abc',
    arn: 'arn:aws:lambda:eu-west-1:111122223333:function:MomentoAuth-RotateKey-abc',
    handler: 'index.handler',
    runtime: 'nodejs24.x',
    architecture: 'arm64',
    timeoutSeconds: 10,
    memoryMb: 256,
    environment: {},
    roleArn: 'arn:aws:iam::111122223333:role/MomentoAuth-RotateKeyRole-abc',
    codeDir: null,
    logGroupName: 'MomentoAuth-RotateKeyLogs-abc',
    logFormat: 'Text',
    applicationLogLevel: null,
    asyncInvoke: { maximumRetryAttempts: 0, maximumEventAgeSeconds: 3600, onFailureArn: null },
    ...overrides,
  };
}

export interface FunctionUnderTest {
  /** Source of the bundle by file name; a string alone is index.mjs. */
  readonly code: string | Readonly<Record<string, string>>;
  readonly definition?: Partial<FunctionDefinition>;
  readonly options?: Partial<LocalFunctionOptions>;
}

/** Runs `use` with the function, and leaves neither process nor folder behind. */
export async function withFunction(
  { code, definition, options }: FunctionUnderTest,
  use: (local: LocalFunction) => Promise<void>,
): Promise<void> {
  const codeDir = await mkdtemp(join(tmpdir(), 'bundle-'));
  const files = typeof code === 'string' ? { 'index.mjs': code } : code;
  for (const [name, source] of Object.entries(files)) await writeFile(join(codeDir, name), source);
  const local = new LocalFunction({
    definition: definitionOf({ codeDir, ...definition }),
    region: 'eu-west-1',
    credentials,
    ...options,
  });
  try {
    await use(local);
  } finally {
    await local.close();
    await rm(codeDir, { recursive: true });
  }
}

/** A zombie counts as gone: it runs nothing, and whoever inherited it may be slow to reap it. */
export function isAlive(pid: number): boolean {
  try {
    process.kill(pid, 0);
  } catch {
    return false;
  }
  try {
    return !/\) Z /.test(readFileSync(`/proc/${pid}/stat`, 'utf8'));
  } catch {
    // Not Linux, or gone in between.
    return !existsSync('/proc/self/stat');
  }
}
