// The explorer as one file, with the rotation code in it as it stands, or with a bug sown into it.

import { execFile } from 'node:child_process';
import { copyFile, mkdtemp, readFile, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join, relative, resolve } from 'node:path';
import { fileURLToPath } from 'node:url';
import { context, type Plugin } from 'esbuild';
import type { Bug } from './bugs.ts';

const REPOSITORY = fileURLToPath(new URL('../..', import.meta.url));

/** Throws when the text that a bug replaces is not there exactly once: then the code has moved on. */
export function sow({ name, file, find, put }: Bug, source: string): string {
  const times = source.split(find).length - 1;
  if (times === 1) return source.replace(find, () => put);
  throw new Error(
    `${name}: ${file} has the text to be replaced ${times} times, not once:\n${find}`,
  );
}

export interface Bundler {
  /** The path of the bundled explorer. */
  bundle(bug?: Bug): Promise<string>;
  /** No file stays. */
  close(): Promise<void>;
}

export async function startBundler(): Promise<Bundler> {
  const directory = await mkdtemp(join(tmpdir(), 'faults-'));
  const outfile = join(directory, 'explorer.mjs');
  let bug: Bug | undefined;
  let sown: string | undefined;
  const sowing: Plugin = {
    name: 'sown-bug',
    setup({ onLoad }) {
      onLoad({ filter: /\/lambda\/.*\.ts$/ }, async ({ path }) => {
        if (bug === undefined || relative(REPOSITORY, path) !== bug.file) return undefined;
        const contents = sow(bug, await readFile(path, 'utf8'));
        sown = bug.name;
        return { contents, loader: 'ts' };
      });
    },
  };
  // Kept for all bugs: what has not changed is not read again.
  const building = await context({
    entryPoints: [resolve(REPOSITORY, 'test/faults/main.ts')],
    outfile,
    bundle: true,
    platform: 'node',
    format: 'esm',
    target: 'node20',
    logLevel: 'silent',
    mainFields: ['module', 'main'],
    banner: {
      js: 'import{createRequire as makeRequire}from"node:module";const require=makeRequire(import.meta.url);',
    },
    plugins: [sowing],
  });
  let bundles = 0;
  let last: Promise<unknown> = Promise.resolve();
  const bundleNow = async (wanted: Bug | undefined): Promise<string> => {
    bug = wanted;
    sown = undefined;
    await building.rebuild();
    if (sown !== wanted?.name) throw new Error(`${wanted?.file} is not part of the explorer`);
    bundles += 1;
    const copy = join(directory, `explorer-${bundles}.mjs`);
    await copyFile(outfile, copy);
    return copy;
  };
  return {
    bundle: (wanted) => {
      const bundled = last.then(() => bundleNow(wanted));
      last = bundled.catch(() => {});
      return bundled;
    },
    close: async () => {
      await last;
      await building.dispose();
      await rm(directory, { recursive: true });
    },
  };
}

export interface Ended {
  readonly exitCode: number;
  readonly stdout: string;
  readonly stderr: string;
}

/** The explorer in its own process. */
export const runExplorer = (file: string, options: readonly string[]): Promise<Ended> =>
  new Promise((done) => {
    execFile(
      process.execPath,
      [file, ...options],
      { maxBuffer: 64 * 1024 * 1024 },
      (error, stdout, stderr) => {
        const exitCode = error === null ? 0 : typeof error.code === 'number' ? error.code : -1;
        done({ exitCode, stdout, stderr });
      },
    );
  });
