// The bundle of rotate-key, made for real, and the app as the CDK CLI runs it.
import { spawnSync } from 'node:child_process';
import { existsSync, mkdtempSync, readFileSync, rmSync, statSync } from 'node:fs';
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

describe('the bundle', () => {
  let path: string;
  let code: string;

  beforeAll(() => {
    const app = appForTest({ bundle: true });
    const stack = new MomentoAuthStack(app, 'MomentoAuth', { config: parseConfig({}) });
    const { template, assembly } = app.synth().getStackArtifact(stack.artifactId);
    const key: string = template.Resources.RotateKeyFunction6B2FC8E1.Properties.Code.S3Key;
    path = join(assembly.directory, `asset.${key.replace('.zip', '')}`, 'index.mjs');
    code = readFileSync(path, 'utf8');
  });

  test('is one ES module that imports nothing but what Node itself has', () => {
    // Not a search of the text: the SDK's error messages quote import statements.
    const imported = new SourceTextModule(code).dependencySpecifiers;
    expect(imported.length).toBeGreaterThan(0);
    for (const module of imported) expect(isBuiltin(module)).toBe(true);
  });

  test('has its source map beside it, without the sources', () => {
    expect(code.trimEnd()).toMatch(/\n\/\/# sourceMappingURL=index\.mjs\.map$/);
    const map = JSON.parse(readFileSync(`${path}.map`, 'utf8'));
    expect(map.sources).toEqual(
      expect.arrayContaining([expect.stringMatching(/lambda\/rotate-key\/handler\.ts$/)]),
    );
    expect(map).not.toHaveProperty('sourcesContent');
  });

  test('is loaded by this Node, CommonJS parts included', () => {
    const { status, stdout } = spawnSync(
      process.execPath,
      [
        '--input-type=module',
        '-e',
        `const { handler } = await import(${JSON.stringify(pathToFileURL(path))}); console.log(typeof handler)`,
      ],
      {
        encoding: 'utf8',
        env: {
          AWS_REGION: 'eu-west-1',
          SECRET_ARN_PREFIX: 'arn:aws:secretsmanager:eu-west-1:123456789012:secret:',
          KEY_SECRETS: 'a-AbCdEf',
          SCHEDULE_INTERVAL_SECONDS: '3600',
          REFRESH_AT_FRACTION: '0.3333',
          AUTH_RATE_PER_SECOND: '5',
          EVENT_BUS: 'default',
        },
      },
    );
    expect({ status, stdout }).toEqual({ status: 0, stdout: 'function\n' });
  });

  test('is minified', () => {
    const { size } = statSync(path);
    console.info(`rotate-key: index.mjs has ${Math.ceil(size / 1024)} KiB`);
    expect(code.split('\n').length).toBeLessThan(2_000);
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
    const { status, stdout, stderr } = runApp('{"keys":[{"name":"a b"}]}');
    expect(status).toBe(1);
    expect(stdout).toBe('');
    expect(stderr).toMatch(
      /^The configuration has a problem:\n\n {2}momentoAuth\.keys\[0\]\.name\n/,
    );
    expect(stderr).not.toMatch(/^\s+at /m);
    expect(existsSync(join(outdir, 'manifest.json'))).toBe(false);
  });

  test('synthesizes one stack, silently, without account, network and Docker', () => {
    const { status, stdout, stderr } = runApp({ stackName: 'Other', keys: [{ name: 'default' }] });
    expect({ status, stdout, stderr }).toEqual({ status: 0, stdout: '', stderr: '' });
    expect(existsSync(join(outdir, 'Other.template.json'))).toBe(true);
  });
});
