// What was typed and must not be said again.

import { expect, test } from '@jest/globals';
import { run } from '../../operator/command.ts';
import { withoutLongWords } from '../../operator/long-words.ts';
import { PROJECT, rememberingTerminal } from './world.ts';

const TOKEN = `${'R3fr/sh+T0k'.repeat(12)}==`;

test('64 letters are quoted, 65 are not, and a file is', () => {
  const [short, long, file] = ['a'.repeat(64), 'b'.repeat(65), 'c'.repeat(65)];
  const clean = withoutLongWords([short, long, file], (word) => word === file);
  expect(clean(`${short} "${long}" ${file}`)).toBe(`${short} "(a word of 65 letters)" ${file}`);
});

test('the value of a claim is asked about; what is no claim is not', () => {
  const value = 'v'.repeat(65);
  const clean = withoutLongWords(['token', '--claim', `sub=${value}`, `--claim=tenant=${value}x`]);
  expect(clean(value)).toBe(value);
  expect(withoutLongWords(['--claim', TOKEN])(TOKEN)).toBe(`(a word of ${TOKEN.length} letters)`);
});

test.each<[string, string[], number]>([
  ['for a file', ['import', TOKEN, '--local=1'], 1],
  ['for a key', ['status', '--key', TOKEN, '--local=1'], 1],
  ['for a claim', ['token', '--as', 'viewer', '--claim', TOKEN.slice(0, -2)], 2],
  ['for a claim, with its signs', ['token', '--as', 'viewer', `--claim=${TOKEN}`], 1],
  ['for a role', ['token', '--as', TOKEN], 1],
  ['for a verb', [TOKEN], 2],
  ['for an option', [`--${TOKEN}`], 2],
  ['for a port', ['status', `--local=${TOKEN}`], 2],
  ['for a port, of doctor', ['doctor', `--local=${TOKEN}`], 2],
  ['for a stack', ['status', `--stack=${TOKEN}`, '--local=1'], 1],
])('a refresh token typed %s is not said again', async (_name, words, code) => {
  const terminal = rememberingTerminal();
  expect(await run(words, { projectDirectory: PROJECT, terminal: () => terminal })).toBe(code);
  const said = [...terminal.noted, ...terminal.printed].join('\n');
  expect(said).not.toBe('');
  expect(said).not.toContain(TOKEN.slice(0, 30));
});

test.each(['stack', 'region', 'profile', 'key'])('an empty --%s is wrong usage', async (option) => {
  const terminal = rememberingTerminal();
  const words = ['status', `--${option}`, '', '--local=1'];
  expect(await run(words, { projectDirectory: PROJECT, terminal: () => terminal })).toBe(2);
  expect(terminal.noted.join('\n')).toMatch(/It is empty\./);
});
