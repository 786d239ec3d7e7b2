// Files as people have them.

import { execFileSync } from 'node:child_process';
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, beforeAll, expect, test } from '@jest/globals';
import { fileAgain, readKeyText } from '../../operator/key-text.ts';
import { rememberingTerminal } from './world.ts';

let directory: string;
beforeAll(() => {
  directory = mkdtempSync(join(tmpdir(), 'momento-auth-key-text-'));
});
afterAll(() => rmSync(directory, { recursive: true }));

const TEXT = '{"apiKey": "a key"}';

function file(content: string | Buffer): string {
  const path = join(directory, 'key.json');
  writeFileSync(path, content);
  return path;
}

const read = (path: string) => readKeyText(path, rememberingTerminal());

const littleEndian = (text: string) => Buffer.from(`\ufeff${text}`, 'utf16le');

test.each<[string, string | Buffer]>([
  ['UTF-8', TEXT],
  ["UTF-8 with Windows' mark", `\ufeff${TEXT}`],
  ["PowerShell's UTF-16", littleEndian(TEXT)],
  ['the other UTF-16', littleEndian(TEXT).swap16()],
])('%s', async (_name, content) => expect(await read(file(content))).toBe(TEXT));

test('UTF-16 without its mark, or what is no text at all, is said', async () => {
  const bare = Buffer.from(TEXT, 'utf16le');
  await expect(read(file(bare))).rejects.toMatchObject({
    message: expect.stringMatching(/no text in UTF-8/),
    next: 'Save it as UTF-8.',
  });
});

test.each([
  ['65,536 bytes', 'x'.repeat(65_536), true],
  ['one more', 'x'.repeat(65_537), false],
  ['65,536 letters of UTF-16', littleEndian('x'.repeat(65_536)), true],
  ['2 MB', 'x'.repeat(2_000_000), false],
])('%s', async (_name, content, isTaken) => {
  const reading = read(file(content));
  if (isTaken) expect((await reading).length).toBe(65_536);
  else await expect(reading).rejects.toThrow(/too much to be a key/);
});

test('a file without an end is not read to it; a pipe is read; a directory is said', async () => {
  await expect(read('/dev/zero')).rejects.toThrow(/too much to be a key/);
  const pipe = join(directory, 'pipe');
  execFileSync('mkfifo', [pipe]);
  const reading = read(pipe);
  const [text] = await Promise.all([reading, writeFile(pipe, TEXT)]);
  expect(text).toBe(TEXT);
  await expect(read(directory)).rejects.toThrow(/cannot be read: EISDIR/);
  await expect(read(join(directory, 'none'))).rejects.toThrow(/There is no file/);
});

test.each([
  ['/dev/fd/63', '-'],
  ['/proc/self/fd/11', '-'],
  ['/proc/123/fd/11', '-'],
  ['/dev/stdin', '-'],
  ['-', '-'],
  ['/dev/fd/63/key.json', '/dev/fd/63/key.json'],
  ['key.json', 'key.json'],
])('%s is typed once more as %s', (path, again) => expect(fileAgain(path)).toBe(again));
