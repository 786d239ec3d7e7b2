// Where results are kept: as JSON, and as tables between two markers of docs/performance.md.

import { execFile } from 'node:child_process';
import { readFile, writeFile } from 'node:fs/promises';
import { fileURLToPath } from 'node:url';
import { promisify } from 'node:util';
import type { Results } from './results.ts';
import { tables } from './table.ts';

const BEGIN = '<!-- bench: begin -->';
const END = '<!-- bench: end -->';

/** @throws Error where the page does not have both markers, in this order */
export function putBetweenMarkers(page: string, text: string): string {
  const from = page.indexOf(BEGIN);
  const to = page.indexOf(END);
  if (from === -1 || to < from) throw new Error(`The page needs ${BEGIN} and, after it, ${END}.`);
  return `${page.slice(0, from + BEGIN.length)}\n\n${text.trim()}\n\n${page.slice(to)}`;
}

export async function keep(results: Results): Promise<void> {
  const json = inRepository('bench/results.json');
  await writeFile(json, `${JSON.stringify(results, undefined, 2)}\n`);
  const biome = inRepository('node_modules/@biomejs/biome/bin/biome');
  await promisify(execFile)(process.execPath, [biome, 'format', '--write', json]);
  const page = inRepository('docs/performance.md');
  await writeFile(page, putBetweenMarkers(await readFile(page, 'utf8'), tables(results)));
}

const inRepository = (path: string): string =>
  fileURLToPath(new URL(`../${path}`, import.meta.url));
