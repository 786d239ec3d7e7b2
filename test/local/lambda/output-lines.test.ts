// Lines and end marks, wherever the stream is cut.

import { PassThrough } from 'node:stream';
import { finished } from 'node:stream/promises';
import { expect, test } from '@jest/globals';
import { readOutputLines } from '../../../local/lambda/output-lines.ts';

async function read(chunks: readonly (string | Buffer)[]): Promise<string[]> {
  const stream = new PassThrough();
  const seen: string[] = [];
  readOutputLines(stream, {
    onLine: (line) => seen.push(line),
    onEnd: (requestId) => seen.push(`<end ${requestId}>`),
  });
  for (const chunk of chunks) stream.write(chunk);
  stream.end();
  await finished(stream);
  return seen;
}

test.each([
  ['lines, empty ones left out', ['a\n\nb\n'], ['a', 'b']],
  ['a last line without an end', ['a\nb'], ['a', 'b']],
  ['a mark after whole lines', ['a\n\0END 1\nb\n'], ['a', '<end 1>', 'b']],
  ['a mark after an unfinished line', ['half\0END 1\n'], ['half', '<end 1>']],
  ['a mark alone', ['\0END 1\n'], ['<end 1>']],
  ['a line that only looks like a mark', ['END 1\n'], ['END 1']],
])('%s', async (_what, chunks, expected) => {
  expect(await read(chunks)).toEqual(expected);
});

test('cut at every byte, also within a character', async () => {
  const whole = Buffer.from('ключ\nhalf\0END id-1\nnext\n');
  const expected = ['ключ', 'half', '<end id-1>', 'next'];
  for (let cut = 0; cut <= whole.length; cut += 1) {
    expect(await read([whole.subarray(0, cut), whole.subarray(cut)])).toEqual(expected);
  }
});
