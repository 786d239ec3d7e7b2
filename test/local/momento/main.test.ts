// `npm run local:momento` as a process of its own.

import { type ChildProcess, spawn } from 'node:child_process';
import { once } from 'node:events';
import { createServer } from 'node:net';
import {
  AuthClient,
  AuthClientConfigurations,
  CacheClient,
  Configurations,
  CredentialProvider,
  NoopMomentoLoggerFactory,
} from '@gomomento/sdk';
import { afterEach, expect, test } from '@jest/globals';
import { HELP, readOptions } from '../../../local/momento/options.ts';

const logger = new NoopMomentoLoggerFactory();
const running = new Set<ChildProcess>();
afterEach(async () => {
  for (const child of running) {
    child.kill('SIGKILL');
    await once(child, 'close');
  }
});

function run(...words: string[]) {
  const child = spawn(process.execPath, ['--import', 'tsx', 'local/momento/main.ts', ...words], {
    stdio: ['ignore', 'pipe', 'pipe'],
  });
  running.add(child);
  const said = { stdout: '', stderr: '' };
  for (const stream of ['stdout', 'stderr'] as const) {
    child[stream].setEncoding('utf8').on('data', (text: string) => {
      said[stream] += text;
    });
  }
  const ended = once(child, 'close').then(([code]: unknown[]) => {
    running.delete(child);
    return code;
  });
  const line = async () => {
    while (!said.stdout.includes('\n')) await once(child.stdout, 'data');
    return said.stdout;
  };
  return { child, said, ended, line };
}

test('--json: one line that the SDK can use; Ctrl-C ends it; a busy port is no matter', async () => {
  const other = createServer().listen(0, '127.0.0.1');
  await once(other, 'listening');
  const address = other.address();
  const port = typeof address === 'object' ? address?.port : undefined;
  const { child, said, ended, line } = run('--port', `${port}`, '--json', '--key-life', '60');
  const told = JSON.parse(await line());
  expect(Object.keys(told)).toEqual([
    'endpoint',
    'sessionToken',
    'apiKey',
    'refreshToken',
    'validUntil',
  ]);
  const { endpoint, sessionToken, apiKey, refreshToken, validUntil } = told;
  expect(validUntil - Date.now() / 1000).toBeGreaterThan(30);
  expect(validUntil - Date.now() / 1000).toBeLessThanOrEqual(60);

  const credentials = (key: string) => ({
    credentialProvider: CredentialProvider.fromString({
      apiKey: key,
      endpointOverrides: {
        controlEndpoint: endpoint,
        cacheEndpoint: endpoint,
        tokenEndpoint: endpoint,
        secureConnection: false,
      },
    }),
  });
  const client = new CacheClient({
    ...credentials(apiKey),
    configuration: Configurations.Laptop.v1(logger),
    defaultTtlSeconds: 60,
  });
  expect(String(await client.createCache('mine'))).toBe('Success');
  expect(String(await client.set('mine', 'k', 'v'))).toBe('Success');
  client.close();
  const auth = new AuthClient({
    ...credentials(apiKey),
    configuration: AuthClientConfigurations.Default.latest(logger),
  });
  expect(String(await auth.refreshApiKey(refreshToken))).toContain('Success');
  expect(sessionToken.split('.')).toHaveLength(3);

  child.kill('SIGINT');
  expect(await ended).toBe(0);
  expect(said.stdout.trimEnd().split('\n')).toHaveLength(1);
  expect(said.stderr).toContain(`${port} is somebody else's`);
  other.close();
});

test('for people: where, the session token, the key as the console downloads it', async () => {
  const { child, said, ended, line } = run('--port', '0');
  const port = /127\.0\.0\.1:(\d+)/.exec(await line())?.[1];
  child.kill('SIGTERM');
  expect(await ended).toBe(0);
  expect(said.stdout).toContain(`http://127.0.0.1:${port}`);
  const download = said.stdout.split('\n').find((text) => text.startsWith('{"apiKey"'));
  expect(Object.keys(JSON.parse(download ?? '{}'))).toEqual([
    'apiKey',
    'refreshToken',
    'validUntil',
  ]);
  expect(said.stderr).toBe('');
});

test('a wrong word: a sentence, and exit code 2', async () => {
  const { said, ended } = run('--port', 'http');
  expect(await ended).toBe(2);
  expect(said).toEqual({
    stdout: '',
    stderr: expect.stringMatching(/^--port is "http": give a number, such as 8580\.\n/),
  });
});

test('the words have defaults, which the help names', () => {
  expect(readOptions([])).toEqual({
    help: false,
    json: false,
    port: 8580,
    keyLifeSeconds: 2_592_000,
    refreshTokens: 'single-use',
    oldKeys: 'live',
  });
  for (const word of ['8580', '2592000', 'single-use', 'live']) expect(HELP).toContain(word);
});

test.each([
  [['--port', '65536'], /--port is "65536"/],
  [['--port', '-1'], /port/],
  [['--port', ''], /--port is ""/],
  [['--key-life', '0'], /--key-life is "0"/],
  [['--key-life', '1.5'], /--key-life is "1.5"/],
  [['--key-life', '1e12'], /--key-life is "1e12"/],
  [['--refresh-tokens', 'never'], /give single-use or multi-use/],
  [['--old-keys', 'Live'], /give live or die/],
  [['--nonsense'], /nonsense/],
  [['8580'], /8580/],
])('%j is refused', (words, sentence) => {
  expect(() => readOptions(words)).toThrow(sentence);
});
