// On a server that renders pages: a provider that nobody closed, in a process of its own.

import { execFile } from 'node:child_process';
import { promisify } from 'node:util';
import { expect, test } from '@jest/globals';

/** Until the process ends by itself. */
async function run(program: string): Promise<string> {
  const before = `
    import { momentoTokenProvider } from './client/browser/index.ts';
    const answers = [];
    globalThis.fetch = async () => {
      const status = answers.shift() ?? 200;
      return { status, headers: new Headers(), json: async () => ({ authToken: 't', endpoint: 'e', expiresIn: 900 }) };
    };
    // As newer versions have it.
    const locks = { request: (_name, _options, work) => work() };
    Object.defineProperty(globalThis, 'navigator', { value: { locks } });
    const tokens = momentoTokenProvider({ url: 'https://tokens.example/token', getIdToken: () => 'id' });
  `;
  const { stdout } = await promisify(execFile)(
    process.execPath,
    ['--import', 'tsx', '--input-type=module', '-e', before + program],
    { timeout: 60_000 },
  );
  return stdout.trim();
}

test('ends although the provider holds a token, a timer and a channel', async () => {
  expect(await run(`console.log((await tokens.getToken()).authToken);`)).toBe('t');
}, 70_000);

test('waits for a pause to be over, if somebody waits for the token', async () => {
  const program = `answers.push(503); console.log((await tokens.getToken()).authToken);`;
  expect(await run(program)).toBe('t');
}, 70_000);
