// Every link of the pages leads somewhere, and every command that they name exists.
import { execFile } from 'node:child_process';
import { existsSync, readdirSync, statSync } from 'node:fs';
import { dirname, join, normalize } from 'node:path';
import { describe, expect, test } from '@jest/globals';
import { anchorsOf, blocksOf, linksOf, pages, read } from './markdown.ts';

const links = pages.flatMap((page) =>
  linksOf(page)
    .filter((target) => !/^[a-z]+:/.test(target))
    .map((target) => ({ page, target })),
);

test('there are pages and links to look at', () => {
  expect(pages.length).toBeGreaterThan(8);
  expect(links.length).toBeGreaterThan(60);
});

test.each(pages)('%s: every relative link and its anchor resolves', (page) => {
  const broken = links
    .filter((link) => link.page === page)
    .flatMap(({ target }) => {
      const [path = '', anchor] = target.split('#');
      const file = path === '' ? page : normalize(join(dirname(page), path));
      if (!existsSync(file)) return [`${target}: there is no ${file}`];
      if (anchor === undefined) return [];
      if (statSync(file).isDirectory() || !file.endsWith('.md')) return [`${target}: no headings`];
      return anchorsOf(file).includes(anchor) ? [] : [`${target}: ${file} has no such heading`];
    });
  expect(broken).toEqual([]);
});

/** Where a stranger begins. */
const DOORS = ['README.md', 'docs/deploy.md'];

test('every page of docs/ can be reached', () => {
  const reached = new Set(DOORS);
  for (const page of reached) {
    for (const link of links) {
      const [path = ''] = link.target.split('#');
      const file = normalize(join(dirname(page), path));
      if (link.page === page && pages.includes(file)) reached.add(file);
    }
  }
  expect(pages.filter((page) => !reached.has(page))).toEqual([]);
});

describe('commands', () => {
  const everything = pages.map((page) => ({ page, text: read(page) }));
  const named = (pattern: RegExp) =>
    everything.flatMap(({ page, text }) =>
      [...text.matchAll(pattern)].map(([, name = '']) => ({ page, name })),
    );

  test('every npm script exists', () => {
    const { scripts } = JSON.parse(read('package.json'));
    const used = named(/npm run ([a-z][\w:-]*)/g);
    expect(used.length).toBeGreaterThan(1);
    expect(used.filter(({ name }) => !(name in scripts))).toEqual([]);
  });

  test('every verb and option of momento-auth exists', async () => {
    const used = everything.flatMap(({ page, text }) =>
      [...text.matchAll(/npx momento-auth ([a-z]+)([^\n`]*)/g)].map(([, verb = '', rest = '']) => ({
        page,
        verb,
        options: rest.match(/(?<=\s)--[a-z-]+/g) ?? [],
      })),
    );
    const verbs = [...new Set(used.map(({ verb }) => verb))];
    expect(verbs.length).toBeGreaterThan(3);
    const helpOf = new Map(
      await Promise.all(verbs.map(async (verb) => [verb, await help(verb)] as const)),
    );
    const unknown = used.flatMap(({ page, verb, options }) => {
      const text = helpOf.get(verb) ?? '';
      if (!text.includes(`momento-auth ${verb}`)) return [`${page}: no verb ${verb}`];
      return options
        .filter((option) => !text.includes(option))
        .map((option) => `${page}: ${verb} has no ${option}`);
    });
    expect(unknown).toEqual([]);
  }, 60_000);
});

test.each(
  pages.flatMap((page) =>
    blocksOf(page, 'json').map((block) => [page, block.line, block] as const),
  ),
)('%s:%d is JSON', (_page, _line, { text }) => {
  expect(() => JSON.parse(text)).not.toThrow();
});

test('code in docs/deploy.md is a file that is compiled', () => {
  const blocks = blocksOf('docs/deploy.md', 'ts');
  expect(blocks.length).toBeGreaterThan(0);
  const files = readdirSync('docs/snippets/deploy').map((name) =>
    read(`docs/snippets/deploy/${name}`),
  );
  for (const { text } of blocks) expect(files).toContain(text);
});

test('where a link’s text quotes a test, the test is called so', () => {
  const quoted = pages.flatMap((page) =>
    [...read(page).matchAll(/\["([^"\]]+)"\]\(([^)]+\.ts)\)/g)].map(
      ([, title = '', path = '']) => ({
        title,
        file: normalize(join(dirname(page), path)),
      }),
    ),
  );
  expect(quoted.length).toBeGreaterThan(20);
  const isIn = ({ title, file }: { title: string; file: string }) => {
    const code = read(file).replaceAll("\\'", "'");
    return [`'${title}`, `"${title}`, `\`${title}`, `${title}'`, `${title}"`, `${title}\``].some(
      (text) => code.includes(text),
    );
  };
  expect(quoted.filter((it) => !isIn(it))).toEqual([]);
});

/** What the verb says of itself; empty where there is no such verb. */
function help(verb: string): Promise<string> {
  return new Promise((resolve) => {
    execFile(process.execPath, ['bin/momento-auth.mjs', verb, '--help'], (_error, out) =>
      resolve(out),
    );
  });
}
