// The rotation function as it is deployed: bundled with the options of lib/bundled-function.ts.

import { join, resolve } from 'node:path';
import { fileURLToPath } from 'node:url';
import { build } from 'esbuild';

const REPOSITORY = fileURLToPath(new URL('../..', import.meta.url));

/** Writes `index.mjs` into the directory. */
export async function bundleFunction(directory: string): Promise<void> {
  await build({
    entryPoints: [resolve(REPOSITORY, 'lambda/rotate-key/handler.ts')],
    outfile: join(directory, 'index.mjs'),
    bundle: true,
    platform: 'node',
    format: 'esm',
    target: 'node20',
    minify: true,
    sourcemap: true,
    sourcesContent: false,
    mainFields: ['module', 'main'],
    banner: {
      js: 'import{createRequire as makeRequire}from"node:module";const require=makeRequire(import.meta.url);',
    },
    logLevel: 'silent',
  });
}
