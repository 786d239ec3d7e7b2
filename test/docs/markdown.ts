// Reads the pages that people read: their code blocks, links and headings.
import { readdirSync, readFileSync } from 'node:fs';

/** Every page, by its path from the top of the repository. */
export const pages: readonly string[] = [
  'README.md',
  ...readdirSync('docs', { recursive: true, encoding: 'utf8' })
    .filter((name) => name.endsWith('.md'))
    .map((name) => `docs/${name}`)
    .sort(),
];

export const read = (path: string): string => readFileSync(path, 'utf8');

export interface Block {
  readonly page: string;
  readonly line: number;
  readonly language: string;
  readonly text: string;
}

/** Those in lists are indented. */
const FENCED = /^( *)```(\S*)\n([\s\S]*?)^ *```$/gm;

/** The fenced blocks of a page, in their order. */
export function blocksOf(page: string, ...languages: readonly string[]): readonly Block[] {
  const text = read(page);
  return [...text.matchAll(FENCED)]
    .map(({ index, 1: indent = '', 2: language = '', 3: body = '' }) => ({
      page,
      line: text.slice(0, index).split('\n').length + 1,
      language,
      text: body.replaceAll(`\n${indent}`, '\n').slice(indent.length),
    }))
    .filter(({ language }) => languages.length === 0 || languages.includes(language));
}

/** The page without its fenced blocks: what is in them is no link and no heading. */
export const proseOf = (page: string): string => read(page).replace(FENCED, '');

/** The anchors of a page's headings, as GitHub makes them. */
export function anchorsOf(page: string): readonly string[] {
  const seen = new Map<string, number>();
  return [...proseOf(page).matchAll(/^#+ (.*)$/gm)].map(([, heading = '']) => {
    const anchor = heading
      .replace(/\[([^\]]*)\]\([^)]*\)/g, '$1')
      .toLowerCase()
      .replace(/[^\p{L}\p{N} _-]/gu, '')
      .replaceAll(' ', '-');
    const times = seen.get(anchor) ?? 0;
    seen.set(anchor, times + 1);
    return times === 0 ? anchor : `${anchor}-${times}`;
  });
}

/** The targets of a page's links, images too. */
export const linksOf = (page: string): readonly string[] =>
  [...proseOf(page).matchAll(/\]\(([^)\s]+)\)/g)].map(([, target = '']) => target);
