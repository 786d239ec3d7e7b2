// Builds the package of the clients into dist/: one file for applications, one for browsers, the types that
// they lead to, and the licences of what is bundled.

import { execFileSync } from 'node:child_process';
import { readdirSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { dirname, join, normalize } from 'node:path';
import { fileURLToPath } from 'node:url';
import { build, type Metafile } from 'esbuild';

const here = (path: string): string => fileURLToPath(new URL(path, import.meta.url));
const read = (path: string): string => readFileSync(path, 'utf8');

rmSync(here('dist'), { recursive: true, force: true });
const common = {
  bundle: true,
  format: 'esm',
  sourcemap: true,
  // Whole texts stand in LICENSES.md.
  legalComments: 'none',
  absWorkingDir: here('..'),
  metafile: true,
} as const;
const forNode = await build({
  ...common,
  entryPoints: [here('node/index.ts')],
  outfile: here('dist/node.js'),
  platform: 'node',
  target: 'node20',
  // The application's own.
  external: ['@aws-sdk/*', '@gomomento/*'],
});
const forBrowser = await build({
  ...common,
  entryPoints: [here('browser/index.ts')],
  outfile: here('dist/browser.js'),
  platform: 'browser',
  target: 'es2022',
});
writeFileSync(here('dist/LICENSES.md'), licences([forNode.metafile, forBrowser.metafile]));

execFileSync(
  process.execPath,
  [here('../node_modules/typescript/bin/tsc'), '-p', here('tsconfig.json')],
  { stdio: 'inherit' },
);
keepReachable(here('dist/types'), ['client/node/index.d.ts', 'client/browser/index.d.ts']);

/** Of every package that is in the bundles. One without a text must not be bundled. */
function licences(bundles: readonly Metafile[]): string {
  const folders = bundles
    .flatMap(({ inputs }) => Object.keys(inputs))
    .map((path) => /^(.*node_modules\/(?:@[^/]+\/)?[^/]+)\//.exec(path)?.[1])
    .filter((folder) => folder !== undefined);
  const texts = [...new Set(folders)].sort().map((folder) => {
    const { name, version, license } = JSON.parse(read(here(`../${folder}/package.json`)));
    const file = readdirSync(here(`../${folder}`)).find((entry) => /^licen[cs]e/i.test(entry));
    if (file === undefined) throw new Error(`${name} has no text of its licence: do not bundle it`);
    return `## ${name} ${version} (${license})\n\n${read(here(`../${folder}/${file}`)).trim()}\n`;
  });
  return ['# What is bundled, and its licences\n', ...texts].join('\n');
}

/**
 * Declarations that no entry leads to are of no use to a reader, and may import what he does not have.
 * TypeScript leaves the extensions of the sources in them, and he has no such files.
 */
function keepReachable(folder: string, entries: readonly string[]): void {
  const reached = new Set<string>();
  const reach = (name: string) => {
    if (reached.has(name)) return;
    reached.add(name);
    const path = join(folder, name);
    const text = read(path).replaceAll(/((?:from |import\()'\.[^']*)\.ts'/g, "$1.js'");
    writeFileSync(path, text);
    for (const [, target = ''] of text.matchAll(/(?:from |import\()'(\.[^']*)\.js'/g)) {
      reach(`${normalize(join(dirname(name), target))}.d.ts`);
    }
  };
  for (const entry of entries) reach(entry);
  for (const name of readdirSync(folder, { recursive: true, encoding: 'utf8' })) {
    if (name.endsWith('.d.ts') && !reached.has(name)) rmSync(join(folder, name));
  }
  removeEmpty(folder);
}

function removeEmpty(folder: string): void {
  for (const entry of readdirSync(folder, { withFileTypes: true })) {
    if (entry.isDirectory()) removeEmpty(join(folder, entry.name));
  }
  if (readdirSync(folder).length === 0) rmSync(folder, { recursive: true });
}
