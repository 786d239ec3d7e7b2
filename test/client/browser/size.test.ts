// What a page downloads, "compressed" meaning minified and then Brotli: the provider less than 3,000 bytes,
// all of it less than 4,400; and no package in it. The sizes with gzip are reported, in docs/front-ends.md.

import { readFileSync } from 'node:fs';
import { brotliCompressSync, gzipSync } from 'node:zlib';
import { expect, test } from '@jest/globals';
import { build } from 'esbuild';

const text = readFileSync('docs/front-ends.md', 'utf8');

test.each([
  ['the provider alone, taken from the whole', '{ momentoTokenProvider }', 3_000],
  ['all of it', '*', 4_400],
])('%s', async (_name, exported, limit) => {
  const { outputFiles, metafile } = await build({
    stdin: {
      contents: `export ${exported} from './index.ts';`,
      resolveDir: 'client/browser',
      loader: 'ts',
    },
    bundle: true,
    minify: true,
    format: 'esm',
    platform: 'browser',
    target: 'es2022',
    write: false,
    metafile: true,
  });
  const code = outputFiles[0]?.contents ?? new Uint8Array();
  expect(brotliCompressSync(code).length).toBeLessThan(limit);
  expect(text).toContain(limit.toLocaleString('en'));
  const gzip = gzipSync(code, { level: 9 }).length;
  expect(text).toContain(`${(Math.ceil(gzip / 100) / 10).toFixed(1)} KB with gzip`);
  const inputs = Object.keys(metafile.inputs).filter((path) => path !== '<stdin>');
  expect(inputs.filter((path) => !path.startsWith('client/browser/'))).toEqual([]);
});
