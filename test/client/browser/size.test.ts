// What a page downloads: the provider under 3 KB (3,072 bytes), with gzip as with brotli; no package in it.

import { brotliCompressSync, gzipSync } from 'node:zlib';
import { expect, test } from '@jest/globals';
import { build } from 'esbuild';

async function bundled(contents: string) {
  const { outputFiles, metafile } = await build({
    stdin: { contents, resolveDir: 'client/browser', loader: 'ts' },
    bundle: true,
    minify: true,
    format: 'esm',
    platform: 'browser',
    target: 'es2022',
    write: false,
    metafile: true,
  });
  const code = outputFiles[0]?.contents ?? new Uint8Array();
  return {
    inputs: Object.keys(metafile.inputs).filter((path) => path !== '<stdin>'),
    gzip: gzipSync(code, { level: 9 }).length,
    brotli: brotliCompressSync(code).length,
  };
}

test('the provider alone, taken from the whole', async () => {
  const { inputs, gzip, brotli } = await bundled(
    `export { momentoTokenProvider } from './index.ts';`,
  );
  expect(gzip).toBeLessThan(3_072);
  expect(brotli).toBeLessThan(3_000);
  expect(inputs.filter((path) => !path.startsWith('client/browser/'))).toEqual([]);
});

test('all of it', async () => {
  const { inputs, gzip } = await bundled(`export * from './index.ts';`);
  expect(gzip).toBeLessThan(4_608);
  expect(inputs.filter((path) => !path.startsWith('client/browser/'))).toEqual([]);
});
