// docs/front-ends.md shows the very snippets that are compiled, and what the code says of itself.

/// <reference path="../../../docs/snippets/browser/packages.d.ts" />

import { readdirSync, readFileSync } from 'node:fs';
import { expect, test } from '@jest/globals';
import { build } from 'esbuild';
import * as calendar from '../../../docs/snippets/browser/calendar.ts';
import type * as cognito from '../../../docs/snippets/browser/cognito.ts';
import * as momento from '../../../docs/snippets/browser/momento.ts';
import type * as react from '../../../docs/snippets/browser/use-token-state.ts';

/** Compiled: their packages are not here to be run. */
export type Compiled = [typeof cognito, typeof react];

const SNIPPETS = 'docs/snippets/browser';
const snippets = readdirSync(SNIPPETS).filter((name) => !name.endsWith('.d.ts'));
const text = readFileSync('docs/front-ends.md', 'utf8');
const shown = new Map(
  [...text.matchAll(/<!-- snippet: (\S+) -->\n```ts\n([\s\S]*?)```\n/g)].map(
    ([, file = '', code = '']) => [file, code],
  ),
);
const { name } = JSON.parse(readFileSync('client/package.json', 'utf8'));

/** As a reader of the package writes it. */
const published = (file: string): string =>
  readFileSync(`${SNIPPETS}/${file}`, 'utf8').replace(
    "'../../../client/browser/index.ts'",
    `'${name}/browser'`,
  );

test.each(snippets)('%s is shown as it stands', (file) => {
  expect(shown.get(file)).toBe(published(file));
});

test('no snippet is shown that is not there, and the package has its name', () => {
  expect([...shown.keys()].sort()).toEqual(snippets.sort());
  expect(text).toContain(`npm install ${name} `);
});

test('every status, every code and every option has its line', () => {
  const wordsOf = (path: string, from: string) => {
    const [, rest = ''] = readFileSync(path, 'utf8').split(from);
    return [...(rest.split(';\n')[0] ?? '').matchAll(/^ {2}\| '([a-z-]+)'/gm)].map(
      ([, word]) => word,
    );
  };
  const codes = wordsOf('client/browser/token-error.ts', 'type TokenErrorCode =');
  const statuses = wordsOf('client/browser/token-provider.ts', 'type TokenStatus =');
  expect([codes.length, statuses.length]).toEqual([8, 8]);
  for (const code of codes) expect(text).toMatch(new RegExp(`^\\|.*\`${code}\``, 'm'));
  for (const status of statuses) expect(text).toContain(status);
  for (const option of ['shareBetweenTabs', 'timeoutMs', 'maxAttempts', 'overlapMs']) {
    expect(text).toContain(`\`${option}`);
  }
});

test('the snippets can be loaded: nothing is asked before the first use', () => {
  const { tokens } = momento.momentoOf('https://tokens.example/token', async () => null);
  expect(tokens.getState().status).toBe('idle');
  tokens.close();
  expect(Object.keys(calendar)).toEqual(['showCalendar']);
});

test('the React hook tells nothing on a server, and in a browser what is wrong', async () => {
  const { outputFiles } = await build({
    entryPoints: [`${SNIPPETS}/use-token-state.ts`],
    bundle: true,
    external: ['react'],
    format: 'cjs',
    write: false,
  });
  const module = { exports: {} as { useTokenNotice: (tokens: unknown) => unknown } };
  const stub = {
    useSyncExternalStore: (_subscribe: unknown, ...snapshots: Array<() => unknown>) =>
      snapshots.map((snapshot) => snapshot()),
  };
  new Function('require', 'module', outputFiles[0]?.text ?? '')(() => stub, module);
  const { tokens } = momento.momentoOf('https://tokens.example/token', async () => null);
  expect(module.exports.useTokenNotice(tokens)).toEqual([undefined, undefined]);
  await expect(tokens.getToken()).rejects.toMatchObject({ code: 'login-needed' });
  expect(module.exports.useTokenNotice(tokens)).toEqual(['Please log in again.', undefined]);
  tokens.close();
});
