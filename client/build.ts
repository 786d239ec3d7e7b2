// Builds the package of the clients into dist/: one file for applications, one for browsers, and the types.

import { execFileSync } from 'node:child_process';
import { readdirSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { fileURLToPath } from 'node:url';
import { build } from 'esbuild';

const here = (path: string): string => fileURLToPath(new URL(path, import.meta.url));

rmSync(here('dist'), { recursive: true, force: true });
const common = { bundle: true, format: 'esm', sourcemap: true, legalComments: 'none' } as const;
await build({
  ...common,
  entryPoints: [here('node/index.ts')],
  outfile: here('dist/node.js'),
  platform: 'node',
  target: 'node20',
  // The application's own.
  external: ['@aws-sdk/*', '@gomomento/*'],
});
await build({
  ...common,
  entryPoints: [here('browser/index.ts')],
  outfile: here('dist/browser.js'),
  platform: 'browser',
  target: 'es2022',
});
execFileSync(
  process.execPath,
  [here('../node_modules/typescript/bin/tsc'), '-p', here('tsconfig.json')],
  { stdio: 'inherit' },
);

// TypeScript leaves the extensions of the sources in declarations, and a reader has no such files.
for (const name of readdirSync(here('dist/types'), { recursive: true, encoding: 'utf8' })) {
  if (!name.endsWith('.d.ts')) continue;
  const path = here(`dist/types/${name}`);
  writeFileSync(path, readFileSync(path, 'utf8').replaceAll(/(from '\.[^']*)\.ts'/g, "$1.js'"));
}
