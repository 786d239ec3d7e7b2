// A real CDK app, run as the CDK CLI would run it, and read whole.

import { existsSync } from 'node:fs';
import { mkdir, mkdtemp, readdir, readFile, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { afterAll, beforeAll, describe, expect, test } from '@jest/globals';
import { type Assembly, readAssembly } from '../../../local/assembly/assembly.ts';
import { mayInvoke } from '../../../local/assembly/permissions.ts';
import { type Synthesized, synthesize } from '../../../local/assembly/synthesize.ts';
import { LocalFunction } from '../../../local/lambda/function.ts';
import { isAlive } from '../lambda/bundle.ts';

const projectDirectory = fileURLToPath(new URL('./fixture', import.meta.url));
const options = {
  accountId: '111122223333',
  region: 'eu-west-1',
  queueBaseUrl: 'http://127.0.0.1:4566',
};

let synthesized: Synthesized;
let assembly: Assembly;
let annotated: PromiseSettledResult<unknown>;

beforeAll(async () => {
  // The CDK's own validation of the template takes longer than all else, and is not tested here.
  const environment = { CDK_VALIDATION: 'false' };
  const context = { fixture: { description: '', fail: 'annotate' } };
  const [plain, failed] = await Promise.allSettled([
    synthesize({ projectDirectory, environment }),
    synthesize({ projectDirectory, environment, context }),
  ]);
  if (plain.status === 'rejected') throw plain.reason;
  synthesized = plain.value;
  annotated = failed;
  assembly = readAssembly(synthesized.directory, options);
});

afterAll(() => synthesized.remove());

/** The one element whose logical id begins so. */
function only<T extends { logicalId: string }>(all: readonly T[], start: string): T {
  const [found, ...others] = all.filter(({ logicalId }) => logicalId.startsWith(start));
  if (found === undefined || others.length > 0) throw new Error(`not exactly one ${start}`);
  return found;
}

describe('the assembly of a CDK app', () => {
  test('has the stack with its account and region', () => {
    expect(synthesized.stacks.map(({ stackName }) => stackName)).toEqual(['Fixture']);
    expect(assembly.deployment).toEqual({ ...options, stackName: 'Fixture' });
  });

  test('has the function with its bundle, environment and asynchronous settings', () => {
    const rotateKey = only(assembly.functions, 'RotateKey');
    expect(rotateKey).toMatchObject({
      name: expect.stringMatching(/^Fixture-RotateKey/),
      arn: `arn:aws:lambda:eu-west-1:111122223333:function:${rotateKey.name}`,
      handler: 'index.handler',
      runtime: 'nodejs24.x',
      architecture: 'arm64',
      timeoutSeconds: 120,
      memoryMb: 256,
      environment: {
        SECRET_ARN: only(assembly.secrets, 'KeySecret').arn,
        BUS_NAME: only(assembly.rules, 'Rotated').busName,
        WHERE: 'eu-west-1/111122223333',
      },
      roleArn: only(assembly.roles, 'RotateKeyServiceRole').arn,
      logGroupName: expect.stringMatching(/^Fixture-RotateKeyLogs/),
      logFormat: 'JSON',
      asyncInvoke: {
        maximumRetryAttempts: 0,
        maximumEventAgeSeconds: 3600,
        onFailureArn: only(assembly.queues, 'Failures').arn,
      },
    });
    expect(existsSync(join(rotateKey.codeDir ?? '', 'index.mjs'))).toBe(true);
  });

  test('runs from there as it is', async () => {
    const definition = only(assembly.functions, 'RotateKey');
    const credentials = { accessKeyId: 'a', secretAccessKey: 'b' };
    const local = new LocalFunction({ definition, region: 'eu-west-1', credentials });
    expect((await local.invoke({})).payload).toBe(only(assembly.secrets, 'KeySecret').arn);
    await local.close();
  });

  test('has the role with exactly its statements', () => {
    const { statements, unresolved } = only(assembly.roles, 'RotateKeyServiceRole');
    expect(unresolved).toEqual([]);
    expect(statements).toContainEqual({
      Effect: 'Allow',
      Action: ['secretsmanager:GetSecretValue', 'secretsmanager:PutSecretValue'],
      Resource: [only(assembly.secrets, 'KeySecret').arn],
      Condition: { Bool: { 'aws:SecureTransport': ['true'] } },
    });
    expect(statements.flatMap(({ Action = [] }) => Action)).toEqual(
      expect.arrayContaining(['sqs:SendMessage', 'events:PutEvents', 'logs:PutLogEvents']),
    );
    expect(statements).toHaveLength(4);
    expect(only(assembly.managedPolicies, 'ReadKey').statements).toEqual([
      {
        Effect: 'Allow',
        Action: ['secretsmanager:GetSecretValue'],
        Resource: [only(assembly.secrets, 'KeySecret').arn],
      },
    ]);
  });

  test('has the schedule, its target, and the permission for exactly that', () => {
    const schedule = only(assembly.rules, 'Schedule');
    const rotateKey = only(assembly.functions, 'RotateKey');
    expect(schedule).toMatchObject({
      scheduleExpression: 'rate(1 hour)',
      enabled: true,
      busName: 'default',
    });
    expect(schedule.targets).toEqual([
      {
        id: 'Target0',
        arn: rotateKey.arn,
        input: JSON.stringify({ secretId: only(assembly.secrets, 'KeySecret').arn }),
        retryPolicy: { maximumRetryAttempts: 3, maximumEventAgeSeconds: 1800 },
        deadLetterArn: only(assembly.queues, 'DeadLetters').arn,
      },
    ]);
    const principal = 'events.amazonaws.com';
    const { permissions, rules } = assembly;
    expect(mayInvoke(permissions, rotateKey, { principal, sourceArn: schedule.arn })).toBe(true);
    expect(
      mayInvoke(permissions, rotateKey, { principal, sourceArn: only(rules, 'Rotated').arn }),
    ).toBe(false);
  });

  test('has the rule of another bus, switched off', () => {
    expect(only(assembly.rules, 'Rotated')).toMatchObject({
      enabled: false,
      scheduleExpression: null,
      eventPattern: {
        source: ['momento.auth'],
        detail: { secretArn: [only(assembly.secrets, 'KeySecret').arn] },
      },
      targets: [],
    });
  });

  test('has the secret, with context from cdk.json, and no value', () => {
    expect(assembly.secrets).toEqual([
      {
        logicalId: 'KeySecret',
        name: expect.stringMatching(/^KeySecret-/),
        arn: expect.stringMatching(/:secret:KeySecret-.{12}-.{6}$/),
        description: 'from cdk.json',
        kmsKeyArn: expect.stringMatching(/^arn:aws:kms:eu-west-1:111122223333:key\//),
        tags: { 'momento:key': 'default' },
        replicaRegions: [{ region: 'eu-central-1', kmsKeyArn: null }],
        deletionPolicy: 'Retain',
      },
    ]);
  });

  test('has the queues, and who may send to them', () => {
    const deadLetters = only(assembly.queues, 'DeadLetters');
    expect(deadLetters).toMatchObject({
      url: `http://127.0.0.1:4566/111122223333/${deadLetters.name}`,
      messageRetentionSeconds: 14 * 24 * 3600,
      visibilityTimeoutSeconds: 30,
    });
    expect(assembly.queuePolicies).toHaveLength(1);
    expect(assembly.queuePolicies[0]?.queueArn).toBe(deadLetters.arn);
    expect(assembly.queuePolicies[0]?.statements).toContainEqual(
      expect.objectContaining({
        Effect: 'Allow',
        Action: ['sqs:SendMessage'],
        Principal: { Service: ['events.amazonaws.com'] },
        Condition: { ArnEquals: { 'aws:SourceArn': [only(assembly.rules, 'Schedule').arn] } },
      }),
    );
  });

  test('has the outputs', () => {
    expect(assembly.outputs).toEqual([
      {
        name: 'ApiKeySecretArn',
        value: only(assembly.secrets, 'KeySecret').arn,
        description: 'the secret',
      },
      {
        name: 'RotateKeyFunctionName',
        value: only(assembly.functions, 'RotateKey').name,
        description: '',
      },
    ]);
  });

  test('refuses an app that annotated an error, as the CDK CLI does', () => {
    expect(annotated).toMatchObject({
      status: 'rejected',
      reason: { code: 'synthesis-failed', message: '/Fixture: this must not be deployed' },
    });
  });

  test('needs a name where the app has no stack of it', () => {
    expect(() => readAssembly(synthesized.directory, { ...options, stackName: 'Other' })).toThrow(
      'one stack is needed; the assembly has: Fixture',
    );
  });
});

describe('synthesize', () => {
  let project: string;
  beforeAll(async () => {
    project = await mkdtemp(join(tmpdir(), 'project-'));
    await mkdir(join(project, 'out'));
  });
  afterAll(() => rm(project, { recursive: true }));

  /** An app of one line; `fs`, `context` and `out` are at hand. */
  async function withApp(source: string, more: Partial<Parameters<typeof synthesize>[0]> = {}) {
    const preamble =
      'const fs = require("fs"), out = process.env.CDK_OUTDIR, context = JSON.parse(process.env.CDK_CONTEXT_JSON);';
    await writeFile(join(project, 'app.cjs'), preamble + source);
    await writeFile(
      join(project, 'cdk.json'),
      JSON.stringify({ app: 'node app.cjs', context: { a: 'cdk.json', b: 'cdk.json' } }),
    );
    return synthesize({ projectDirectory: project, ...more });
  }

  test('throws what the app wrote to stderr, and leaves no folder behind', async () => {
    const seen = join(project, 'seen');
    const failing = withApp(
      'fs.writeFileSync(process.env.SEEN, out); console.error("keys[0].name: got 7"); process.exit(1)',
      { environment: { SEEN: seen } },
    );
    await expect(failing).rejects.toMatchObject({
      code: 'synthesis-failed',
      message: 'keys[0].name: got 7',
    });
    expect(existsSync(await readFile(seen, 'utf8'))).toBe(false);
  });

  test('says how a silent app ended', async () => {
    await expect(withApp('process.exit(3)')).rejects.toThrow(
      'node app.cjs exited with 3 without a message',
    );
  });

  test('gives context over that of cdk.json, asset metadata, and the folder asked for', async () => {
    const outputDirectory = join(project, 'out');
    await withApp(
      'fs.writeFileSync(out + "/manifest.json", "{}"); fs.writeFileSync(out + "/context.json", JSON.stringify(context))',
      { context: { b: 'given', c: 'given' }, outputDirectory },
    );
    const context = await readFile(join(outputDirectory, 'context.json'), 'utf8');
    expect(JSON.parse(context)).toEqual({
      'aws:cdk:enable-path-metadata': true,
      'aws:cdk:enable-asset-metadata': true,
      a: 'cdk.json',
      b: 'given',
      c: 'given',
    });
    expect(await readdir(outputDirectory)).toContain('manifest.json');
  });

  test('refuses an app that needs look-ups, and one that writes no assembly', async () => {
    const missing = '{"missing":[{"key":"vpc-provider:1"}]}';
    await expect(
      withApp(`fs.writeFileSync(out + "/manifest.json", '${missing}')`),
    ).rejects.toMatchObject({
      code: 'synthesis-failed',
      message: expect.stringMatching(/look-ups.*vpc-provider:1/),
    });
    await expect(withApp('')).rejects.toMatchObject({ code: 'malformed' });
  });

  test('ends with its signal, and the app ends, too', async () => {
    const abort = new AbortController();
    const pidFile = join(project, 'pid');
    const running = withApp(
      `fs.writeFileSync('${pidFile}', String(process.pid)); setTimeout(() => {}, 600000)`,
      { signal: abort.signal },
    );
    while (!existsSync(pidFile)) await new Promise((resolve) => setTimeout(resolve, 5));
    abort.abort();
    await expect(running).rejects.toMatchObject({ code: 'synthesis-failed' });
    const pid = Number(await readFile(pidFile, 'utf8'));
    while (isAlive(pid)) await new Promise((resolve) => setTimeout(resolve, 5));
  });
});
