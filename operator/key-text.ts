// The text of a key, from a file or from stdin. Never from the command line, which others can read.

import { readFile } from 'node:fs/promises';
import { readApiKey } from '../lambda/shared/api-key.ts';
import { named } from './explain.ts';
import { Problem, wrongUsage } from './problem.ts';
import type { Terminal } from './terminal.ts';

/** What Secrets Manager takes. */
const MOST_BYTES = 65_536;

/** Throws `Problem`. */
export async function readKeyText(file: string, terminal: Terminal): Promise<string> {
  if (file.trimStart().startsWith('{') || readApiKey(file.trim()) !== undefined) {
    throw wrongUsage(
      'That is a key itself. It is in the history of your shell now: take it out there.',
      'Write the name of its file, or - and give it by stdin.',
    );
  }
  const text = file === '-' ? await fromStdin(terminal) : await fromFile(file);
  if (Buffer.byteLength(text) > MOST_BYTES) {
    throw new Problem('That is too much to be a key: Secrets Manager takes 65,536 bytes.');
  }
  return text;
}

async function fromFile(file: string): Promise<string> {
  try {
    return await readFile(file, 'utf8');
  } catch (cause) {
    const code = typeof cause === 'object' && cause !== null ? Reflect.get(cause, 'code') : '';
    throw new Problem(
      code === 'ENOENT'
        ? `There is no file ${file}.`
        : `${file} cannot be read: ${named(cause).message}`,
      { next: "Write the path of the file that Momento's console downloaded.", cause },
    );
  }
}

async function fromStdin(terminal: Terminal): Promise<string> {
  // What is typed or pasted here is not shown.
  if (process.stdin.isTTY) return terminal.askForSecret('Paste the key (one line)');
  const chunks: Buffer[] = [];
  let size = 0;
  for await (const chunk of process.stdin as AsyncIterable<Buffer>) {
    size += chunk.byteLength;
    if (size <= MOST_BYTES + 1) chunks.push(chunk);
  }
  return size > MOST_BYTES ? ' '.repeat(MOST_BYTES + 1) : Buffer.concat(chunks).toString('utf8');
}
