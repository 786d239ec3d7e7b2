// The baseline's bundle: `esbuild --bundle --platform=node`, and nothing else.

import { fileURLToPath } from 'node:url';
import { build } from 'esbuild';

/** Writes `baseline.js`, CommonJS, into the directory, and returns its path. */
export async function bundleBaseline(directory: string): Promise<string> {
  const outfile = `${directory}/baseline.js`;
  await build({
    entryPoints: [fileURLToPath(new URL('./handler.ts', import.meta.url))],
    outfile,
    bundle: true,
    platform: 'node',
    logLevel: 'error',
  });
  return outfile;
}
