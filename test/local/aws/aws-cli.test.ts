// The unmodified `aws` CLI as an operator's client. Skipped, visibly, where it is not installed.

import { execFile, spawnSync } from 'node:child_process';
import { afterEach, beforeEach, expect, test } from '@jest/globals';
import type { AccessKey } from '../../../local/aws/principals.ts';
import { ACCOUNT_ID, REGION, type Stack, startStack } from './builders.ts';

const hasCli = spawnSync('aws', ['--version']).status === 0;
const withCli = hasCli ? test : test.skip;

let stack: Stack;
beforeEach(async () => {
  stack = await startStack();
});
afterEach(() => stack.close());

function aws(credentials: AccessKey, ...words: string[]) {
  return new Promise<{ code: number; out: string; err: string }>((resolve) => {
    execFile(
      'aws',
      [...words, '--endpoint-url', stack.server.url, '--output', 'json'],
      {
        env: {
          PATH: process.env.PATH ?? '',
          AWS_ACCESS_KEY_ID: credentials.accessKeyId,
          AWS_SECRET_ACCESS_KEY: credentials.secretAccessKey,
          ...(credentials.sessionToken && { AWS_SESSION_TOKEN: credentials.sessionToken }),
          AWS_DEFAULT_REGION: REGION,
          AWS_CONFIG_FILE: '/dev/null',
          AWS_SHARED_CREDENTIALS_FILE: '/dev/null',
          AWS_MAX_ATTEMPTS: '1',
          AWS_EC2_METADATA_DISABLED: 'true',
        },
      },
      (error, out, err) =>
        resolve({ code: typeof error?.code === 'number' ? error.code : 0, out, err }),
    );
  });
}

withCli('puts, reads and describes a secret', async () => {
  stack.secrets.createSecret({ Name: 'key' });
  const put = await aws(
    stack.operator,
    ...['secretsmanager', 'put-secret-value', '--secret-id', 'key', '--secret-string', '{"a":1}'],
  );
  expect(put.err).toBe('');
  const [read, described] = await Promise.all([
    aws(stack.operator, 'secretsmanager', 'get-secret-value', '--secret-id', 'key'),
    aws(stack.operator, 'secretsmanager', 'describe-secret', '--secret-id', 'key'),
  ]);
  expect(JSON.parse(read.out)).toMatchObject({ SecretString: '{"a":1}', Name: 'key' });
  const { VersionIdsToStages } = JSON.parse(described.out) as {
    VersionIdsToStages: Record<string, string[]>;
  };
  expect(Object.values(VersionIdsToStages)).toEqual([['AWSCURRENT']]);
});

withCli('shows a denial by its name and in AWS’s words', async () => {
  const { ARN } = stack.secrets.createSecret({ Name: 'key', SecretString: 'x' });
  const denied = await aws(
    stack.role(),
    ...['secretsmanager', 'get-secret-value', '--secret-id', 'key'],
  );
  expect(denied.code).not.toBe(0);
  expect(denied.err).toContain(
    `An error occurred (AccessDeniedException) when calling the GetSecretValue operation: User: arn:aws:sts::${ACCOUNT_ID}:assumed-role/RotateKeyRole/rotate-key is not authorized to perform: secretsmanager:GetSecretValue on resource: ${ARN} because`,
  );
});

withCli('tells who one is', async () => {
  const role = stack.role();
  const answer = await aws(role, 'sts', 'get-caller-identity');
  expect(JSON.parse(answer.out)).toEqual({
    Account: ACCOUNT_ID,
    Arn: `arn:aws:sts::${ACCOUNT_ID}:assumed-role/RotateKeyRole/rotate-key`,
    UserId: `AROA${role.accessKeyId.slice(4)}:rotate-key`,
  });
});

withCli('puts events and looks into queues', async () => {
  stack.queues.create('dead-letters');
  stack.queues.send('dead-letters', { body: 'lost event' });
  const queueUrl = `${stack.server.url}/${ACCOUNT_ID}/dead-letters`;
  const [events, message, missing] = await Promise.all([
    aws(
      stack.operator,
      ...['events', 'put-events', '--entries', 'Source=a,DetailType=b,Detail="{}"'],
    ),
    aws(stack.operator, 'sqs', 'receive-message', '--queue-url', queueUrl),
    aws(stack.operator, 'sqs', 'get-queue-url', '--queue-name', 'nowhere'),
  ]);
  expect(JSON.parse(events.out)).toMatchObject({ FailedEntryCount: 0 });
  expect(message.out).toContain('lost event');
  expect(missing.err).toContain('NonExistentQueue');
});
