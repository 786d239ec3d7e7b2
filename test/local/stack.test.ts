// The stack on this machine: the very bundle, role, rule and queues of the synthesized template.

import { execFile } from 'node:child_process';
import { cpSync, readdirSync, readFileSync, writeFileSync } from 'node:fs';
import { createServer } from 'node:net';
import { join } from 'node:path';
import { promisify } from 'node:util';
import {
  DisableRuleCommand,
  EnableRuleCommand,
  EventBridgeClient,
} from '@aws-sdk/client-eventbridge';
import { InvokeCommand, LambdaClient } from '@aws-sdk/client-lambda';
import { ReceiveMessageCommand, SQSClient } from '@aws-sdk/client-sqs';
import { afterAll, afterEach, beforeAll, describe, expect, test } from '@jest/globals';
import type { Synthesized } from '../../local/assembly/synthesize.ts';
import { runChecklist } from '../../local/scenario/checklist.ts';
import { NewsLog } from '../../local/scenario/news.ts';
import { prepareScenario } from '../../local/scenario/scenario.ts';
import { type LocalStack, type LocalStackOptions, startLocalStack } from '../../local/stack.ts';
import { commands } from '../../local/terminal/banner.ts';
import { type KeyResult, readKeyResults, readRunError } from '../../local/terminal/key-results.ts';
import { assemblyForTest } from '../assemblies/assembly-for-test.ts';

const PLAIN = {
  bold: (text: string) => text,
  dim: (text: string) => text,
  green: (text: string) => text,
  yellow: (text: string) => text,
  red: (text: string) => text,
  cyan: (text: string) => text,
};

let synthesized: Synthesized;
let stack: LocalStack;
let news: NewsLog;

beforeAll(async () => {
  synthesized = await assemblyForTest();
}, 60_000);
afterAll(() => synthesized.remove());
afterEach(() => stack?.close());

async function start(options: Partial<LocalStackOptions> = {}): Promise<void> {
  news = new NewsLog();
  stack = await startLocalStack({
    assemblyDirectory: synthesized.directory,
    onNews: news.add,
    ...options,
  });
}

const secretArn = () => stack.output('ApiKeySecretArn');
const rotateKey = () => {
  const [first] = stack.functions;
  if (first === undefined) throw new Error('The template has no function.');
  return first;
};

/** One invocation: the key's result, or what the error's line says of it. */
async function run(
  event: unknown = { secretId: secretArn() },
): Promise<Pick<KeyResult, 'outcome' | 'reason' | 'message'>> {
  const result = await rotateKey().invoke(event);
  if (result.functionError === undefined) {
    const [key] = readKeyResults(result.payload);
    if (key === undefined) throw new Error('no result');
    return key;
  }
  const { type, message } = readRunError(result.payload);
  const [, reason = type, text = message] = /^arn:\S+: ([a-z-]+): (.*)$/s.exec(message) ?? [];
  return { outcome: 'failed', reason, message: text };
}

const put = (text: string) =>
  stack.secrets.putSecretValue({ SecretId: secretArn(), SecretString: text });

const DAY_SECONDS = 86_400;

function importKey(lifetimeSeconds: number | 'never' = 3_600) {
  const key = stack.momento.createKeyInConsole({ lifetimeSeconds, scope: 'super-user' });
  put(JSON.stringify(key));
  return key;
}

const callsToMomento = () => news.all.filter(({ kind }) => kind === 'momento-call').length;

describe('the scenario of npm start -- --once', () => {
  test('every step holds, and its evidence is written', async () => {
    const scenario = await prepareScenario(synthesized.directory);
    let written = '';
    try {
      const held = await runChecklist(scenario, {
        colours: PLAIN,
        write: (text) => {
          written += text;
        },
      });
      expect([written, held]).toEqual([written, true]);
    } finally {
      await scenario.close();
    }
    expect(written).toContain('14 of 14 steps held');
  }, 60_000);

  test('a step that does not hold is shown, ends it, and makes it fail', async () => {
    let written = '';
    const held = await runChecklist(
      {
        steps: [
          { title: 'one', run: async () => 'seen' },
          { title: 'two', run: () => Promise.reject(new Error('not seen')) },
          { title: 'three', run: async () => 'never' },
        ],
      },
      {
        colours: PLAIN,
        write: (text) => {
          written += text;
        },
      },
    );
    expect(held).toBe(false);
    expect(written).toBe(
      '✓ one\n  seen\n✗ two\n  not seen\n– three (not run)\n\n1 of 3 steps held\n',
    );
  });
});

describe('bad input: its own reason, no call to Momento, nothing overwritten', () => {
  const CANARY = 'canary-in-the-secret-0123456789';

  test.each<[string, () => void, string, string, RegExp]>([
    ['a value that is no key', () => put(CANARY), 'failed', 'unparsable-value', /Import the file/],
    [
      'broken JSON',
      () => put(`{"apiKey": "${CANARY}`),
      'failed',
      'unparsable-value',
      /not valid JSON/,
    ],
    [
      'a key without refresh token',
      () => put(JSON.stringify({ ...importKey(DAY_SECONDS), refreshToken: undefined })),
      'not-rotatable',
      'no-refresh-token',
      /nothing can renew it/,
    ],
    [
      'a bare key',
      () => put(importKey(DAY_SECONDS).apiKey),
      'not-rotatable',
      'no-refresh-token',
      /no refresh token/,
    ],
    [
      'an expired key',
      () => put(JSON.stringify({ ...importKey(), validUntil: 1_700_000_000 })),
      'failed',
      'key-expired',
      /ended at 2023-11-14 22:13:20 UTC.*Make a new one/,
    ],
    [
      'a key that never expires',
      () => void importKey('never'),
      'never-expires',
      'never-expires',
      /nothing to renew/,
    ],
    [
      'a secret scheduled for deletion',
      () => {
        importKey();
        stack.secrets.deleteSecret({ SecretId: secretArn() });
      },
      'failed',
      'secret-scheduled-for-deletion',
      /restore-secret/,
    ],
    [
      'a KMS key that the role may not use',
      () => {
        importKey();
        stack.secrets.updateSecret({
          SecretId: secretArn(),
          KmsKeyId: 'arn:aws:kms:us-east-1:123456789012:key/somebody-elses',
        });
      },
      'failed',
      'kms-unusable',
      /Access to KMS is not allowed/,
    ],
    [
      'a KMS key that is disabled',
      () => {
        importKey();
        const KmsKeyId = 'arn:aws:kms:us-east-1:123456789012:key/disabled';
        stack.secrets.updateSecret({ SecretId: secretArn(), KmsKeyId });
        stack.secrets.keys.disableKey(KmsKeyId);
      },
      'failed',
      'kms-unusable',
      /KMS/,
    ],
    ['no value at all', () => {}, 'no-key', 'no-value', /put-secret-value/],
  ])('%s', async (_, prepare, outcome, reason, message) => {
    await start();
    prepare();
    const before = stack.secrets.inspect(secretArn());
    const result = await run({ secretId: secretArn(), force: true });
    expect(result).toMatchObject({ outcome, reason, message: expect.stringMatching(message) });
    expect(callsToMomento()).toBe(0);
    expect(stack.secrets.inspect(secretArn())).toEqual(before);

    const failed = outcome === 'failed';
    expect(stack.bus.accepted.map(({ event }) => [event['detail-type'], event.detail])).toEqual(
      failed
        ? [
            [
              'Momento API Key Rotation Failed',
              expect.objectContaining({ secretArn: secretArn(), code: reason }),
            ],
          ]
        : [],
    );
    const said = JSON.stringify([news.all, result, stack.bus.accepted]);
    expect(said).not.toContain(CANARY);
    expect(said).toContain(reason);
  });

  test('an event that is neither the schedule nor one key: unsupported-event', async () => {
    await start();
    for (const event of [
      null,
      {},
      { secretId: ' ' },
      { secretId: 'x', step: CANARY },
      { secretId: 'x', force: 'yes' },
      { SecretId: 'x', ClientRequestToken: 'y', Step: 'createSecret' },
      { source: 'aws.ec2', 'detail-type': 'EC2 Instance State-change Notification' },
    ]) {
      const { payload, functionError } = await rotateKey().invoke(event);
      expect(functionError).toBe('Unhandled');
      expect(payload).toMatchObject({
        errorType: 'UnsupportedEvent',
        errorMessage: expect.stringMatching(/^unsupported-event: /),
      });
    }
    expect(JSON.stringify(news.all)).not.toContain(CANARY);
  });
});

describe('no secret leaves the function', () => {
  test('through a whole rotation, a refusal, and the errors of Momento and of Secrets Manager', async () => {
    let refuse = false;
    // Of the promotion, and of all that follows it.
    let isPromoted = false;
    await start({
      intercept: ({ action, input }) => {
        if (!refuse || action !== 'secretsmanager:UpdateSecretVersionStage') return undefined;
        isPromoted ||= (input as { VersionStage?: string }).VersionStage === 'AWSCURRENT';
        return isPromoted ? { loseAnswer: true } : undefined;
      },
    });
    const imported = importKey();
    const secrets = new Set([imported.apiKey, imported.refreshToken]);
    const remember = () => {
      for (const { secretString = '{}' } of stack.secrets.inspect(secretArn())) {
        const { apiKey, refreshToken } = JSON.parse(secretString);
        if (apiKey) secrets.add(apiKey).add(refreshToken);
      }
    };
    expect(await run({ secretId: secretArn(), force: true })).toMatchObject({ outcome: 'rotated' });
    refuse = true;
    expect(await run({ secretId: secretArn(), force: true })).toMatchObject({ outcome: 'rotated' });
    remember();
    refuse = false;
    put(JSON.stringify({ ...imported, refreshToken: 'canary-wrong-refresh-token' }));
    secrets.add('canary-wrong-refresh-token');
    expect(await run({ secretId: secretArn(), force: true })).toMatchObject({
      reason: 'refresh-token-spent',
    });
    remember();

    for (const secret of [...secrets]) {
      const inner = JSON.stringify(Buffer.from(secret, 'base64').toString('utf8'));
      const wireKey = /api_key\\":\\"([^"\\]+)/.exec(inner)?.[1];
      if (wireKey !== undefined) secrets.add(wireKey);
    }
    expect(secrets.size).toBeGreaterThanOrEqual(8);
    const said = JSON.stringify([news.all, stack.bus.accepted]);
    for (const secret of secrets) expect(said).not.toContain(secret);
    expect(news.all.some(({ kind }) => kind === 'log')).toBe(true);
  });
});

describe('failures end up where the template says', () => {
  test('a failed run of the schedule: in the queue of failed runs, once', async () => {
    await start();
    put('no key');
    const given = news.next('given up', 20_000, (item) =>
      item.kind === 'invocation' && item.news.kind === 'given-up' ? item.news : undefined,
    );
    stack.tick();
    expect(await given).toMatchObject({ condition: 'RetriesExhausted' });
    const messages = await receive(/FailedRuns/);
    expect(messages).toHaveLength(1);
    expect(messages[0]).toMatchObject({
      requestContext: { approximateInvokeCount: 1 },
      responsePayload: {
        errorType: 'RotationFailed',
        errorMessage: expect.stringContaining('unparsable-value'),
      },
    });
  });

  test('a tick that may not be delivered: in the queue of undelivered ticks', async () => {
    await start({ assemblyDirectory: without('AWS::Lambda::Permission') });
    stack.tick();
    expect(await receive(/UndeliveredTicks/)).toMatchObject([{ source: 'aws.events' }]);
    expect(news.all).toContainEqual(
      expect.objectContaining({
        kind: 'tick',
        delivered: { to: 'dead-letter-queue', errorCode: 'NO_PERMISSIONS' },
      }),
    );
  });

  async function receive(name: RegExp): Promise<unknown[]> {
    const queue = stack.assembly.queues.find((candidate) => name.test(candidate.name));
    const sqs = new SQSClient({ ...client(), useQueueUrlAsEndpoint: false });
    const { Messages = [] } = await sqs.send(
      new ReceiveMessageCommand({ QueueUrl: queue?.url, MaxNumberOfMessages: 10 }),
    );
    sqs.destroy();
    return Messages.map(({ Body = '' }) => JSON.parse(Body));
  }
});

test('a schedule that is turned off does not tick, and does when it is on again', async () => {
  // A tick every 200 ms.
  await start({ timeScale: 18_000 });
  const events = new EventBridgeClient(client());
  const [{ name: Name } = { name: '' }] = stack.assembly.rules;
  const ticks = () => news.all.filter(({ kind }) => kind === 'tick').length;
  await events.send(new DisableRuleCommand({ Name }));
  stack.startSchedules();
  stack.tick();
  await new Promise((go) => setTimeout(go, 700));
  expect(ticks()).toBe(0);
  await events.send(new EnableRuleCommand({ Name }));
  await news.next('a tick', 5_000, ({ kind }) => (kind === 'tick' ? true : undefined));
  await events.send(new DisableRuleCommand({ Name }));
  const before = ticks();
  await new Promise((go) => setTimeout(go, 700));
  expect(ticks()).toBe(before);
  events.destroy();
});

describe("the role's own policy decides", () => {
  test.each([
    ['secretsmanager:PutSecretValue', 'access-denied'],
    ['secretsmanager:DescribeSecret', 'access-denied'],
    ['secretsmanager:GetSecretValue', 'access-denied'],
  ])('without %s: %s, and Momento is not asked', async (action, reason) => {
    await start({ assemblyDirectory: withoutAction(action) });
    importKey();
    expect(await run({ secretId: secretArn(), force: true })).toMatchObject({ reason });
    expect(callsToMomento()).toBe(0);
  });

  test('another secret than its own: denied', async () => {
    await start();
    const other = stack.secrets.createSecret({ Name: 'somebody-elses', SecretString: 'x' });
    expect(await run({ secretId: other.ARN })).toMatchObject({
      outcome: 'failed',
      reason: 'access-denied',
      message: expect.stringMatching(
        /is not authorized to perform: secretsmanager:DescribeSecret on resource: arn:/,
      ),
    });
  });
});

describe('for the person at the terminal', () => {
  test('the AWS SDK invokes the function by its name', async () => {
    await start();
    importKey();
    const lambda = new LambdaClient(client());
    const { Payload, FunctionError } = await lambda.send(
      new InvokeCommand({
        FunctionName: stack.output('RotateKeyFunctionName'),
        Payload: JSON.stringify({ secretId: secretArn() }),
      }),
    );
    lambda.destroy();
    expect(FunctionError).toBeUndefined();
    expect(JSON.parse(Buffer.from(Payload ?? []).toString())).toMatchObject({
      keys: [{ secretId: secretArn(), outcome: 'not-due' }],
    });
  });

  const aws = promisify(execFile);
  (commandExists('aws') ? test : test.skip)(
    'the aws CLI reads and describes the secret',
    async () => {
      await start();
      const { apiKey } = importKey();
      await run({ secretId: secretArn(), force: true });
      const cli = async (...args: string[]) => {
        const { stdout } = await aws('aws', [...args, '--output', 'json'], {
          env: {
            PATH: process.env.PATH,
            HOME: synthesized.directory,
            AWS_ENDPOINT_URL: stack.aws.url,
            AWS_PAGER: '',
            AWS_REGION: 'us-east-1',
            AWS_DEFAULT_REGION: 'us-east-1',
            AWS_ACCESS_KEY_ID: stack.operator.accessKeyId,
            AWS_SECRET_ACCESS_KEY: stack.operator.secretAccessKey,
          },
        });
        return JSON.parse(stdout);
      };
      const described = await cli('secretsmanager', 'describe-secret', '--secret-id', secretArn());
      expect(Object.values(described.VersionIdsToStages).flat().sort()).toEqual([
        'AWSCURRENT',
        'AWSPREVIOUS',
      ]);
      const value = await cli('secretsmanager', 'get-secret-value', '--secret-id', secretArn());
      expect(JSON.parse(value.SecretString).apiKey).not.toBe(apiKey);
    },
    60_000,
  );

  (commandExists('aws') ? test : test.skip)(
    'the commands of the banner work as they are printed',
    async () => {
      await start();
      importKey();
      const { stdout } = await aws('sh', ['-e', '-c', `{ ${commands(stack).join('\n')}\n} | cat`], {
        cwd: synthesized.directory,
        env: {
          PATH: process.env.PATH,
          HOME: synthesized.directory,
          AWS_SESSION_TOKEN: 'of-a-login',
        },
      });
      expect(stdout).toMatch(/"SecretString"/);
      expect(stdout).toMatch(/"outcome": *"rotated"/);
      const { url } = stack.tokenEndpoint ?? {};
      expect(commands(stack)).toContain(`export LOCAL_TOKEN_ENDPOINT=${url}`);
    },
    60_000,
  );

  test('a busy port: another one is taken, and it is said which', async () => {
    const squatter = createServer().listen(0, '127.0.0.1');
    await new Promise((resolve) => squatter.once('listening', resolve));
    const { port } = squatter.address() as { port: number };
    await start({ awsPort: port, momentoPort: port });
    expect(stack.busyPorts).toEqual([port, port]);
    expect(stack.aws.port).not.toBe(port);
    squatter.close();
  });
});

const client = () => ({
  endpoint: stack.aws.url,
  region: 'us-east-1',
  credentials: stack.operator,
});

function commandExists(command: string): boolean {
  return (process.env.PATH ?? '').split(':').some((directory) => {
    try {
      return readdirSync(directory).includes(command);
    } catch {
      return false;
    }
  });
}

interface Template {
  Resources: Record<
    string,
    { Type: string; DependsOn?: unknown; Properties: Record<string, unknown> }
  >;
}

/** A copy of the assembly with a change: what the stack does then shows that the template decides. */
function changed(name: string, change: (template: Template) => void): string {
  const directory = `${synthesized.directory}-${name.replace(/\W/g, '-')}`;
  cpSync(synthesized.directory, directory, { recursive: true });
  const path = join(directory, 'MomentoAuth.template.json');
  const template: Template = JSON.parse(readFileSync(path, 'utf8'));
  change(template);
  writeFileSync(path, JSON.stringify(template));
  copies.push(directory);
  return directory;
}

const copies: string[] = [];
afterAll(async () => {
  const { rm } = await import('node:fs/promises');
  await Promise.all(copies.map((copy) => rm(copy, { recursive: true, force: true })));
});

const without = (type: string): string =>
  changed(type, ({ Resources }) => {
    for (const [id, { Type }] of Object.entries(Resources)) if (Type === type) delete Resources[id];
    for (const resource of Object.values(Resources)) delete resource.DependsOn;
  });

const withoutAction = (action: string): string =>
  changed(action, (template) => {
    for (const resource of Object.values(template.Resources)) {
      if (resource.Type !== 'AWS::IAM::Policy') continue;
      resource.Properties = JSON.parse(
        JSON.stringify(resource.Properties).replaceAll(
          `"${action}"`,
          '"secretsmanager:ListSecrets"',
        ),
      );
    }
  });
