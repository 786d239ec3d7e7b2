// The package of the clients as others get it: packed, linted, installed in a folder of its own, and used.

import { execFile } from 'node:child_process';
import { mkdirSync, mkdtempSync, readdirSync, rmSync, symlinkSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { promisify } from 'node:util';
import { afterAll, beforeAll, expect, test } from '@jest/globals';

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
  expect(files.filter((file) => !/^package\/(package\.json|README\.md|dist\/)/.test(file))).toEqual(
    [],
  );
  expect(readdirSync(at('node_modules')).filter((name) => !/^[@.]/.test(name))).toEqual([
    'momento-auth-client',
  ]);
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
