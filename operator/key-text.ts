// The text of a key, from a file or from stdin. Never from the command line, which others can read.

import { createReadStream } from 'node:fs';
import { readApiKey } from '../lambda/shared/api-key.ts';
import { field } from '../lambda/shared/field.ts';
import { named } from './explain.ts';
import { Problem, wrongUsage } from './problem.ts';
import type { Terminal } from './terminal.ts';

/** What Secrets Manager takes. */
const MOST_BYTES = 65_536;

/** Nothing is read beyond it: it may be without an end. Twice as many bytes as letters are UTF-16. */
const MOST_READ_BYTES = 1_000_000;

const TOO_MUCH = 'That is too much to be a key: Secrets Manager takes 65,536 bytes.';

/** Throws `Problem`. */
export async function readKeyText(file: string, terminal: Terminal): Promise<string> {
  if (file === '') throw wrongUsage('The name of the file is empty.');
  if (file.trimStart().startsWith('{') || readApiKey(file.trim()) !== undefined) {
    throw wrongUsage(
      'That is a key itself. It is in the history of your shell now: take it out there.',
      'Write the name of its file, or - and give it by stdin.',
    );
  }
  // What is typed or pasted here is not shown.
  const text =
    file === '-' && process.stdin.isTTY
      ? await terminal.askForSecret('Paste the key, and press Enter')
      : decoded(file === '-' ? await beginning(process.stdin) : await fromFile(file));
  if (Buffer.byteLength(text) > MOST_BYTES) throw new Problem(TOO_MUCH);
  return text;
}

/** As it is typed once more: a process substitution (`<(pass show momento)`) is gone by then. */
export const fileAgain = (file: string): string =>
  /^\/(dev\/(fd\/\d+|stdin)|proc\/(self|\d+)\/fd\/\d+)$/.test(file) ? '-' : file;

async function fromFile(file: string): Promise<Buffer> {
  try {
    return await beginning(createReadStream(file));
  } catch (cause) {
    if (cause instanceof Problem) throw cause;
    throw new Problem(
      field(cause, 'code') === 'ENOENT'
        ? `There is no file ${file}.`
        : `${file} cannot be read: ${named(cause).message}`,
      { next: "Write the path of the file that Momento's console downloaded.", cause },
    );
  }
}

async function beginning(stream: AsyncIterable<Buffer>): Promise<Buffer> {
  const chunks: Buffer[] = [];
  let size = 0;
  for await (const chunk of stream) {
    size += chunk.byteLength;
    if (size > MOST_READ_BYTES) throw new Problem(TOO_MUCH);
    chunks.push(chunk);
  }
  return Buffer.concat(chunks);
}

/** UTF-8, or what PowerShell writes: UTF-16 with its mark at the beginning. Throws `Problem` for what is no text. */
function decoded(bytes: Buffer): string {
  const mark = bytes.subarray(0, 2).toString('hex');
  const encoding = mark === 'fffe' ? 'utf-16le' : mark === 'feff' ? 'utf-16be' : 'utf-8';
  const text = new TextDecoder(encoding).decode(bytes);
  if (!text.includes('\0')) return text;
  throw new Problem('This is no text in UTF-8, nor in UTF-16 with its mark at the beginning.', {
    next: 'Save it as UTF-8.',
  });
}
