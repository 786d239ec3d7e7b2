// What --help says, and that docs/operator.md says the same.

import { readFileSync } from 'node:fs';
import { describe, expect, test } from '@jest/globals';
import { program, run } from '../../operator/command.ts';
import { PROJECT, rememberingTerminal } from './world.ts';

async function printed(words: readonly string[], columns = 80): Promise<string> {
  const terminal = { ...rememberingTerminal(), columns: () => columns };
  const code = await run(words, { projectDirectory: PROJECT, terminal: () => terminal });
  expect([code, terminal.noted]).toEqual([0, []]);
  return terminal.printed.join('\n');
}

const docs = readFileSync(new URL('../../docs/operator.md', import.meta.url), 'utf8');
const verbs = program(rememberingTerminal(), PROJECT, async () => {}).commands.map((verb) =>
  verb.name(),
);

test('the verbs', () => expect(verbs).toEqual(['import', 'status', 'rotate', 'token', 'doctor']));

test('momento-auth --help', async () => {
  expect(await printed(['--help'])).toMatchSnapshot();
});

describe.each(verbs)('momento-auth %s', (verb) => {
  test('--help', async () => {
    const text = await printed([verb, '--help']);
    expect(text).toMatchSnapshot();
    expect(await printed(['help', verb])).toBe(text);
  });

  test.each([48, 60, 80, 200])(
    '--help in %d columns: only examples are longer',
    async (columns) => {
      for (const line of (await printed([verb, '--help'], columns)).split('\n')) {
        const isExample = /^ {2}(npx|pass) /.test(line);
        expect([line, isExample || line.length <= Math.min(columns, 100)]).toEqual([line, true]);
      }
    },
  );

  test('docs/operator.md has its section, with each of its options', async () => {
    const [, section] = docs.split(`\n## ${verb}\n`);
    const own = section?.split('\n## ')[0] ?? '';
    const options = [...(await printed([verb, '--help'])).matchAll(/^ +(--[a-z-]+)/gm)].flatMap(
      ([, option = '']) => (/--(stack|region|profile|local|help)$/.test(option) ? [] : [option]),
    );
    for (const option of options)
      expect([option, own.includes(`\`${option}`)]).toEqual([option, true]);
    for (const named of own.matchAll(/`(--[a-z-]+)/g)) {
      expect([...options, '--local']).toContain(named[1]);
    }
  });
});

test('docs/operator.md has the exit codes as --help has them', async () => {
  const codes = [...(await printed(['--help'])).matchAll(/^ {2}(\d+) +(.*)$/gm)];
  expect(codes).toHaveLength(4);
  for (const [, code, meaning] of codes) expect(docs).toContain(`| ${code} | ${meaning} |`);
});
