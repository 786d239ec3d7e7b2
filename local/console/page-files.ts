// The page as files in memory: HTML and CSS as they are, the modules bundled by esbuild. Nothing is written to disk.

import { readFile } from 'node:fs/promises';
import { join } from 'node:path';

export interface PageFile {
  readonly contentType: string;
  readonly body: Uint8Array;
}

/** By path, `/` among them. */
export type PageFiles = ReadonlyMap<string, PageFile>;

const AS_THEY_ARE = [
  ['/', 'index.html', 'text/html; charset=utf-8'],
  ['/style.css', 'style.css', 'text/css; charset=utf-8'],
  ['/icon.svg', 'icon.svg', 'image/svg+xml'],
] as const;
const DIRECTORY = new URL('page/', import.meta.url).pathname;

/** About half a second, off the main thread. Rejects with esbuild's own words for a module that is wrong. */
export async function buildPage(): Promise<PageFiles> {
  const { build } = await import('esbuild');
  const [{ outputFiles }, ...files] = await Promise.all([
    build({
      entryPoints: { page: join(DIRECTORY, 'main.ts') },
      bundle: true,
      // The web SDK is a chunk of its own: the page is there before it.
      splitting: true,
      format: 'esm',
      platform: 'browser',
      target: 'es2022',
      minify: true,
      outdir: DIRECTORY,
      write: false,
      logLevel: 'silent',
    }),
    ...AS_THEY_ARE.map(
      async ([path, name, contentType]) =>
        [path, { contentType, body: await readFile(join(DIRECTORY, name)) }] as const,
    ),
  ]);
  const modules = outputFiles.map(
    ({ path, contents }) =>
      [
        `/${path.slice(DIRECTORY.length)}`,
        { contentType: 'text/javascript; charset=utf-8', body: contents },
      ] as const,
  );
  return new Map<string, PageFile>([...files, ...modules]);
}
