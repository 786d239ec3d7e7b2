// The bundles of the functions, made for real, and the app as the CDK CLI runs it.
import { spawnSync } from 'node:child_process';
import { existsSync, mkdtempSync, readFileSync, rmSync, statSync, writeFileSync } from 'node:fs';
import { isBuiltin } from 'node:module';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { fileURLToPath, pathToFileURL } from 'node:url';
import { SourceTextModule } from 'node:vm';
import { afterAll, beforeAll, describe, expect, test } from '@jest/globals';
import { parseConfig } from '../../lib/config.ts';
import { MomentoAuthStack } from '../../lib/momento-auth-stack.ts';
import { appForTest } from './synthesis.ts';

const repository = fileURLToPath(new URL('../..', import.meta.url));

interface Bundle {
  readonly path: string;
  readonly code: string;
}

const bundles: readonly [name: string, logicalId: string, environment: Record<string, string>][] = [
  [
    'rotate-key',
    'RotateKeyFunction6B2FC8E1',
    {
      SECRET_ARN_PREFIX: 'arn:aws:secretsmanager:eu-west-1:123456789012:secret:',
      KEY_SECRETS: 'a-AbCdEf',
      SCHEDULE_INTERVAL_SECONDS: '3600',
      REFRESH_AT_FRACTION: '0.3333',
      AUTH_RATE_PER_SECOND: '5',
      EVENT_BUS: 'default',
    },
  ],
  [
    'vend-token',
    'TokenEndpointVendTokenFunction8D708DE8',
    {
      VENDING_SECRET_ARN: 'arn:aws:secretsmanager:eu-west-1:123456789012:secret:a-AbCdEf',
      AUTH_TYPE: 'cognito',
      TOKEN_USE: 'id',
      MAX_LIFE_SECONDS: '3600',
      MAX_PERMISSIONS: '10',
      MINT_RATE_PER_SECOND: '4',
      SHARING_TABLE: 'table',
      SHARE_WHILE_LIFE_LEFT: '0.5',
    },
  ],
];

/** Bundled by the stack itself, with policies whose path has blanks in it. */
const made = new Map<string, Bundle>();
const directory = mkdtempSync(join(tmpdir(), 'momento auth test '));
afterAll(() => rmSync(directory, { recursive: true, force: true }));

beforeAll(() => {
  writeFileSync(join(directory, 'our policies.json'), JSON.stringify(policiesOfOurOwn));
  const config = parseConfig({ tokenEndpoint: { policies: 'our policies.json' } }, directory);
  const app = appForTest({ bundle: true });
  const stack = new MomentoAuthStack(app, 'MomentoAuth', { config });
  const { template, assembly } = app.synth().getStackArtifact(stack.artifactId);
  for (const [name, logicalId] of bundles) {
    const key: string = template.Resources[logicalId].Properties.Code.S3Key;
    const path = join(assembly.directory, `asset.${key.replace('.zip', '')}`, 'index.mjs');
    made.set(name, { path, code: readFileSync(path, 'utf8') });
  }
}, 60_000);

const policiesOfOurOwn = {
  roles: {
    'role-of-our-own': {
      expiresInMinutes: 5,
      permissions: [{ role: 'readonly', cache: 'cache-of-our-own', item: { key: '${sub}' } }],
    },
  },
};

function bundleOf(name: string): Bundle {
  const bundle = made.get(name);
  if (bundle === undefined) throw new Error(`${name} was not bundled`);
  return bundle;
}

/** Starts a bundle as Lambda would, in a process of its own. */
function load(name: string, environment: Record<string, string>) {
  const url = JSON.stringify(pathToFileURL(bundleOf(name).path));
  const script = `const { handler } = await import(${url}); console.log(typeof handler)`;
  return spawnSync(process.execPath, ['--input-type=module', '-e', script], {
    encoding: 'utf8',
    env: { AWS_REGION: 'eu-west-1', ...environment },
  });
}

describe.each(bundles)('the bundle of %s', (name, _logicalId, environment) => {
  test('is one ES module that imports nothing but what Node itself has', () => {
    // Not a search of the text: the SDK's error messages quote import statements.
    const imported = new SourceTextModule(bundleOf(name).code).dependencySpecifiers;
    expect(imported.length).toBeGreaterThan(0);
    for (const module of imported) expect(isBuiltin(module)).toBe(true);
  });

  test('has its source map beside it, without the sources', () => {
    const { path, code } = bundleOf(name);
    expect(code.trimEnd()).toMatch(/\n\/\/# sourceMappingURL=index\.mjs\.map$/);
    const map = JSON.parse(readFileSync(`${path}.map`, 'utf8'));
    expect(map.sources.join('\n')).toContain(`lambda/${name}/handler.ts`);
    expect(map).not.toHaveProperty('sourcesContent');
  });

  test('is loaded by this Node, CommonJS parts included', () => {
    const { status, stdout } = load(name, environment);
    expect({ status, stdout }).toEqual({ status: 0, stdout: 'function\n' });
  });

  test('is minified', () => {
    const { path, code } = bundleOf(name);
    console.info(`${name}: index.mjs has ${Math.ceil(statSync(path).size / 1024)} KiB`);
    expect(code.split('\n').length).toBeLessThan(2_000);
  });
});

describe('the bundle of vend-token', () => {
  test('has the configured policies, and not those that are shipped', () => {
    const { code } = bundleOf('vend-token');
    expect(code).toContain('role-of-our-own');
    expect(code).toContain('cache-of-our-own');
    expect(code).not.toContain('data-entry');
    expect(code).not.toContain('calendar-events');
  });

  test('checks them again when it starts', () => {
    const environment = bundles.find(([name]) => name === 'vend-token')?.[2] ?? {};
    const { status, stderr } = load('vend-token', { ...environment, MAX_LIFE_SECONDS: '299' });
    expect(status).not.toBe(0);
    expect(stderr).toContain('roles.role-of-our-own.expiresInMinutes');
  });
});

describe('bin/app.ts', () => {
  const outdir = mkdtempSync(join(tmpdir(), 'momento-auth-test-'));
  afterAll(() => rmSync(outdir, { recursive: true, force: true }));

  function runApp(momentoAuth: unknown) {
    return spawnSync(process.execPath, ['--import', 'tsx', 'bin/app.ts'], {
      cwd: repository,
      encoding: 'utf8',
      env: {
        PATH: process.env.PATH,
        CDK_OUTDIR: outdir,
        CDK_CONTEXT_JSON: JSON.stringify({ momentoAuth, 'aws:cdk:bundling-stacks': [] }),
      },
    });
  }

  test('says in a sentence what is wrong with the configuration, and writes no assembly', () => {
    const { status, stdout, stderr } = runApp('{"keys":[{"name":"default"},{"name":"a b"}]}');
    expect(status).toBe(1);
    expect(stdout).toBe('');
    expect(stderr).toMatch(
      /^The configuration has a problem:\n\n {2}momentoAuth\.keys\[1\]\.name\n/,
    );
    expect(stderr).not.toMatch(/^\s+at /m);
    expect(existsSync(join(outdir, 'manifest.json'))).toBe(false);
  });

  test('says what is wrong with the policies, where, and what to write instead', () => {
    const policies = 'test/lib/leaking-policies.json';
    const { status, stdout, stderr } = runApp({ tokenEndpoint: { policies } });
    expect({ status, stdout }).toEqual({ status: 1, stdout: '' });
    expect(stderr).toContain(
      `  ${policies}: roles.data-entry.permissions[0].item.keyPrefix\n    remedy: `,
    );
    expect(stderr).toMatch(/must stand a character that no claim can hold, such as ":" or "\/"/);
    expect(stderr).not.toMatch(/^\s+at /m);
    expect(existsSync(join(outdir, 'manifest.json'))).toBe(false);
  });

  test('warns of an endpoint that is open to everyone', () => {
    const auth = { type: 'none', role: 'reader', acknowledgePublic: true };
    const policies = 'test/lib/public-policies.json';
    const { status } = runApp({ stackName: 'Open', tokenEndpoint: { auth, policies } });
    expect(status).toBe(0);
    // From here the CDK CLI has what it prints.
    expect(readFileSync(join(outdir, 'Open.metadata.json'), 'utf8')).toMatch(
      /"aws:cdk:warning".*The token endpoint is open/s,
    );
  });

  test('synthesizes one stack, silently, without account, network and Docker', () => {
    const { status, stdout, stderr } = runApp({ stackName: 'Other', keys: [{ name: 'default' }] });
    expect({ status, stdout, stderr }).toEqual({ status: 0, stdout: '', stderr: '' });
    expect(existsSync(join(outdir, 'Other.template.json'))).toBe(true);
  });
});
