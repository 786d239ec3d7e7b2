// The package of the clients as others get it: packed, linted, installed in a folder of its own, and used.

import { execFile } from 'node:child_process';
import {
  mkdirSync,
  mkdtempSync,
  readdirSync,
  readFileSync,
  rmSync,
  symlinkSync,
  writeFileSync,
} from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { promisify } from 'node:util';
import { afterAll, beforeAll, expect, test } from '@jest/globals';
import { v1Key } from '../lambda/momento-key.ts';

const run = promisify(execFile);
const project = process.cwd();
const bin = (name: string): string => join(project, 'node_modules', '.bin', name);

let folder: string;
let tarball: string;

const at = (path: string): string => join(folder, path);
const node = (...args: string[]) => run(process.execPath, args, { cwd: folder });

beforeAll(async () => {
  folder = mkdtempSync(join(tmpdir(), 'momento-auth-client-'));
  // `prepack` builds it.
  await run('npm', ['pack', '--workspace', 'client', '--pack-destination', folder], {
    cwd: project,
  });
  tarball = at(readdirSync(folder).find((name) => name.endsWith('.tgz')) ?? 'no tarball');
  writeFileSync(at('package.json'), JSON.stringify({ name: 'consumer', type: 'module' }));
  await run('npm', ['install', '--offline', '--no-audit', '--no-fund', tarball], { cwd: folder });
  // What an application has besides: its own SDKs.
  for (const scope of ['@aws-sdk', '@smithy', '@gomomento', '@types']) {
    mkdirSync(at('node_modules'), { recursive: true });
    symlinkSync(join(project, 'node_modules', scope), at(`node_modules/${scope}`));
  }
}, 120_000);
afterAll(() => rmSync(folder, { recursive: true, force: true }));

test('nothing comes with it but what it is', async () => {
  const { stdout } = await run('tar', ['-tzf', tarball]);
  const files = stdout.trim().split('\n');
  expect(files).toContain('package/dist/node.js');
  expect(files).toContain('package/dist/browser.js');
  const others = files.filter(
    (file) => !/^package\/(package\.json|README\.md|LICENSE|dist\/)/.test(file),
  );
  expect(others).toEqual([]);
  expect(readdirSync(at('node_modules')).filter((name) => !/^[@.]/.test(name))).toEqual([
    'momento-auth-client',
  ]);
});

const installed = (path: string): string =>
  readFileSync(at(`node_modules/momento-auth-client/${path}`), 'utf8');

test('its own licence comes with it, and that of all that is bundled', () => {
  expect(installed('LICENSE')).toBe(readFileSync('LICENSE', 'utf8'));
  const sources = ['node', 'browser'].flatMap((entry): string[] => {
    const { sources } = JSON.parse(installed(`dist/${entry}.js.map`));
    return sources;
  });
  const bundled = sources
    .map((source) => /node_modules\/((?:@[^/]+\/)?[^/]+)/.exec(source)?.[1])
    .filter((name) => name !== undefined);
  expect(bundled).toContain('valibot');
  const licences = installed('dist/LICENSES.md');
  for (const name of new Set(bundled)) {
    const text = readFileSync(`node_modules/${name}/LICENSE.md`, 'utf8').trim();
    expect(licences).toContain(`## ${name} `);
    expect(licences).toContain(text);
  }
});

test('its types import nothing that a reader does not have, and each is led to by an entry', () => {
  const folder = 'node_modules/momento-auth-client/dist/types';
  const names = readdirSync(at(folder), { recursive: true, encoding: 'utf8' }).filter((name) =>
    name.endsWith('.d.ts'),
  );
  const texts = names.map((name) => readFileSync(at(`${folder}/${name}`), 'utf8'));
  const imported = texts.flatMap((text) =>
    [...text.matchAll(/(?:from |import\()'([^']+)'/g)].map(([, target = '']) => target),
  );
  expect([...new Set(imported.filter((target) => !target.startsWith('.')))]).toEqual([
    '@aws-sdk/client-secrets-manager',
  ]);
  const targets = imported.map((target) => target.split('/').at(-1)?.replace(/\.js$/, '.d.ts'));
  const unreached = names.filter(
    (name) => !name.endsWith('index.d.ts') && !targets.includes(name.split('/').at(-1)),
  );
  expect(unreached).toEqual([]);
});

test('the linters of published packages find nothing', async () => {
  await run(bin('publint'), [
    '--strict',
    '--types',
    'node',
    '--pack',
    'npm',
    join(project, 'client'),
  ]);
  const { stdout } = await run(bin('attw'), [
    tarball,
    '--profile',
    'esm-only',
    '--format',
    'ascii',
  ]);
  // It fails by its exit code; what it looked at must be there.
  expect(stdout.match(/node16 \(from ESM\): 🟢 \(ESM\)/g)).toHaveLength(2);
  expect(stdout.match(/bundler: 🟢/g)?.length).toBeGreaterThanOrEqual(2);
}, 120_000);

test('both entries load', async () => {
  const names = `console.log(Object.keys(all).sort().join(' '))`;
  const modules = ['node', 'browser'].map((entry) =>
    node(
      '--input-type=module',
      '-e',
      `import * as all from 'momento-auth-client/${entry}'; ${names}`,
    ),
  );
  const [forNode, forBrowser] = await Promise.all(modules);
  expect(forNode?.stdout).toMatch(/\brotatingCredentials\b/);
  expect(forBrowser?.stdout).toMatch(/\bmomentoTokenProvider\b/);
});

test('what is installed hands out a client, and replays a call on the key of the next version', async () => {
  writeFileSync(
    at('application.mjs'),
    `import { rotatingCredentials } from 'momento-auth-client/node';
const keys = JSON.parse(process.argv[2]);
let version = 0;
const secretsManager = {
  async send(command) {
    if (command.input.SecretId !== 'MomentoKey') throw new Error('another secret');
    return { $metadata: {}, SecretString: JSON.stringify({ apiKey: keys[version] }), VersionId: 'v' + version };
  },
};
const log = [];
const momento = rotatingCredentials({
  secretId: 'MomentoKey',
  secretsManager,
  makeClient: ({ apiKey, versionId }) => ({
    get: async () => (apiKey === keys[version] ? versionId : { errorCode: () => 'AUTHENTICATION_ERROR' }),
    close: () => log.push('closed ' + versionId),
  }),
});
log.push(await momento.use((client) => client.get()));
version = 1;
log.push(await momento.use((client) => client.get()));
await momento.close();
console.log(log.join(', '));
`,
  );
  const keys = JSON.stringify([v1Key({ jti: 'one' }), v1Key({ jti: 'two' })]);
  const { stdout } = await node('application.mjs', keys);
  expect(stdout.trim()).toBe('v0, closed v0, v1, closed v1');
});

test('their types hold in a strict program of somebody else', async () => {
  writeFileSync(
    at('program.ts'),
    `import { rotatingCredentials } from 'momento-auth-client/node';
import { momentoTokenProvider } from 'momento-auth-client/browser';

const keys = rotatingCredentials({ secretId: 'MomentoKey', makeClient: (key) => ({ key: key.apiKey }) });
const used: Promise<number> = keys.use((client) => client.key.length);
const tokens = momentoTokenProvider({ url: 'https://example.com/token', getIdToken: () => 'a login' });
const status: string = tokens.getState().status;
// @ts-expect-error a secret is needed
rotatingCredentials({});
export { status, used };
`,
  );
  for (const moduleKind of ['NodeNext', 'Preserve']) {
    await run(
      bin('tsc'),
      [
        '--noEmit',
        '--strict',
        '--types',
        'node',
        '--target',
        'es2022',
        '--module',
        moduleKind,
        'program.ts',
      ],
      { cwd: folder },
    );
  }
}, 60_000);
