// docs/applications.md shows the very snippets that are compiled, and what the code says of itself.

import { readdirSync, readFileSync } from 'node:fs';
import { afterEach, expect, test } from '@jest/globals';

const SNIPPETS = 'docs/snippets/node';
const text = readFileSync('docs/applications.md', 'utf8');
const shown = new Map(
  [...text.matchAll(/<!-- snippet: (\S+) -->\n```ts\n([^`]*(?:`(?!``)[^`]*)*)```/g)].map(
    ([, file = '', code = '']) => [file, code],
  ),
);

const { name } = JSON.parse(readFileSync('client/package.json', 'utf8'));

/** As a reader of the package writes it. */
const published = (file: string): string =>
  readFileSync(`${SNIPPETS}/${file}`, 'utf8').replace(
    "'../../../client/node/index.ts'",
    `'${name}/node'`,
  );

test.each(readdirSync(SNIPPETS))('%s is shown as it stands', (file) => {
  expect(shown.get(file)).toBe(published(file));
});

test('the README begins the same snippet', () => {
  const [, begun = 'no snippet'] =
    /```ts\n(export const momento [^`]*)```/.exec(readFileSync('README.md', 'utf8')) ?? [];
  expect(published('cache.ts')).toContain(begun);
});

test('no snippet is shown that is not there', () => {
  expect([...shown.keys()].sort()).toEqual(readdirSync(SNIPPETS).sort());
});

test('every code of a failure and every option has its line', () => {
  const source = readFileSync('client/node/credentials-failure.ts', 'utf8');
  const codes = [...source.matchAll(/^ {2}\| '([a-z-]+)'/gm)].map(([, code]) => code);
  expect(codes).toHaveLength(10);
  const listed = [...text.matchAll(/^\| `([a-z-]+)` \|/gm)].map(([, code]) => code);
  expect(listed).toEqual(expect.arrayContaining(codes));
  const options = readFileSync('client/node/rotating-credentials.ts', 'utf8');
  for (const [, option] of options.matchAll(/^ {2}readonly (\w+)\??: (?!'|Lea|num|unk)/gm)) {
    expect(text).toContain(`\`${option}\``);
  }
});

const VARIABLE = 'MOMENTO_SECRET_ARN';
afterEach(() => {
  delete process.env[VARIABLE];
});

test('without the variable a program says so when it starts', async () => {
  await expect(import('../../../docs/snippets/node/cache.ts')).rejects.toThrow(/secretId is empty/);
});

test('they can be loaded: nothing is read before the first use', async () => {
  process.env[VARIABLE] = 'a secret';
  expect(Object.keys(await import('../../../docs/snippets/node/lambda.ts'))).toEqual(['handler']);
  const { momento: forString } = await import('../../../docs/snippets/node/string.ts');
  const { momento: forTwo } = await import('../../../docs/snippets/node/two-clients.ts');
  await Promise.all([forString.close(), forTwo.close()]);
});
