import { connect } from 'node:net';
import { PutEventsCommand } from '@aws-sdk/client-eventbridge';
import {
  CreateSecretCommand,
  DeleteSecretCommand,
  DescribeSecretCommand,
  GetSecretValueCommand,
  ListSecretsCommand,
  ListSecretVersionIdsCommand,
  PutSecretValueCommand,
  ResourceExistsException,
  ResourceNotFoundException,
  UpdateSecretVersionStageCommand,
} from '@aws-sdk/client-secrets-manager';
import {
  DeleteMessageCommand,
  GetQueueAttributesCommand,
  GetQueueUrlCommand,
  ListQueuesCommand,
  QueueDoesNotExist,
  ReceiveMessageCommand,
  SendMessageCommand,
} from '@aws-sdk/client-sqs';
import { afterEach, describe, expect, test } from '@jest/globals';
import { AwsError } from '../../../local/aws/aws-error.ts';
import type { Fault, InterceptedCall } from '../../../local/aws/server.ts';
import {
  ACCOUNT_ID,
  eventsClient,
  queuesClient,
  REGION,
  rejectionOf,
  type Stack,
  secretsClient,
  startStack,
  token,
} from './builders.ts';

let stack: Stack;
afterEach(() => stack.close());

const SECRET_ARN = new RegExp(
  `^arn:aws:secretsmanager:${REGION}:${ACCOUNT_ID}:secret:key-[A-Za-z0-9]{6}$`,
);
const ROLE_ARN = `arn:aws:sts::${ACCOUNT_ID}:assumed-role/RotateKeyRole/rotate-key`;

describe('the unmodified SDK', () => {
  test('a whole rotation of labels over the wire', async () => {
    stack = await startStack();
    const client = secretsClient(stack.server, stack.operator);
    const before = Date.now();
    const created = await client.send(
      new CreateSecretCommand({ Name: 'key', Tags: [{ Key: 'app', Value: 'demo' }] }),
    );
    expect(created.ARN).toMatch(SECRET_ARN);
    expect(created.VersionId).toBeUndefined();

    const empty = await client.send(new DescribeSecretCommand({ SecretId: 'key' }));
    expect(empty.VersionIdsToStages).toBeUndefined();
    expect(empty.Tags).toEqual([{ Key: 'app', Value: 'demo' }]);
    expect(empty.CreatedDate?.getTime()).toBeGreaterThanOrEqual(before);

    await client.send(
      new PutSecretValueCommand({
        SecretId: 'key',
        SecretString: 'one',
        ClientRequestToken: token('v1'),
      }),
    );
    const staged = await client.send(
      new PutSecretValueCommand({
        SecretId: 'key',
        SecretString: 'two',
        ClientRequestToken: token('v2'),
        VersionStages: ['AWSPENDING'],
      }),
    );
    expect(staged.VersionStages).toEqual(['AWSPENDING']);
    await client.send(
      new UpdateSecretVersionStageCommand({
        SecretId: 'key',
        VersionStage: 'AWSCURRENT',
        MoveToVersionId: token('v2'),
        RemoveFromVersionId: token('v1'),
      }),
    );
    const current = await client.send(new GetSecretValueCommand({ SecretId: 'key' }));
    expect(current).toMatchObject({
      Name: 'key',
      SecretString: 'two',
      VersionId: token('v2'),
      VersionStages: ['AWSCURRENT', 'AWSPENDING'],
    });
    expect(current.CreatedDate).toBeInstanceOf(Date);
    expect(current.CreatedDate?.getTime()).toBeGreaterThanOrEqual(before);
    const described = await client.send(new DescribeSecretCommand({ SecretId: created.ARN }));
    expect(described.VersionIdsToStages).toEqual({
      [token('v1')]: ['AWSPREVIOUS'],
      [token('v2')]: ['AWSCURRENT', 'AWSPENDING'],
    });
    const listed = await client.send(new ListSecretVersionIdsCommand({ SecretId: 'key' }));
    expect(listed.Versions).toHaveLength(2);
    const found = await client.send(
      new ListSecretsCommand({ Filters: [{ Key: 'tag-key', Values: ['app'] }] }),
    );
    expect(found.SecretList?.map((entry) => entry.Name)).toEqual(['key']);
    const deleted = await client.send(new DeleteSecretCommand({ SecretId: 'key' }));
    expect(deleted.DeletionDate).toBeInstanceOf(Date);
  });

  test('binary values come back as they went', async () => {
    stack = await startStack();
    const client = secretsClient(stack.server, stack.operator);
    const bytes = Uint8Array.from([0, 255, 1, 254]);
    await client.send(new CreateSecretCommand({ Name: 'key', SecretBinary: bytes }));
    const read = await client.send(new GetSecretValueCommand({ SecretId: 'key' }));
    expect(Buffer.from(read.SecretBinary ?? [])).toEqual(Buffer.from(bytes));
    expect(read.SecretString).toBeUndefined();
  });

  test('errors arrive as the SDK’s own classes, with AWS’s words and a request id', async () => {
    stack = await startStack();
    const client = secretsClient(stack.server, stack.operator);
    const missing = await rejectionOf(client.send(new GetSecretValueCommand({ SecretId: 'no' })));
    expect(missing).toBeInstanceOf(ResourceNotFoundException);
    expect(missing.message).toBe("Secrets Manager can't find the specified secret.");
    expect(missing.$metadata).toMatchObject({
      httpStatusCode: 400,
      requestId: expect.stringMatching(/^[0-9a-f-]{36}$/),
    });
    await client.send(new CreateSecretCommand({ Name: 'key' }));
    const twice = await rejectionOf(client.send(new CreateSecretCommand({ Name: 'key' })));
    expect(twice).toBeInstanceOf(ResourceExistsException);
    expect(twice.message).toBe('The operation failed because the secret key already exists.');
  });

  test('PutEvents: accepted, listened to, and failed entries inside a success', async () => {
    stack = await startStack();
    const heard: string[] = [];
    stack.bus.subscribe(({ event }) => heard.push(event['detail-type']));
    const answer = await eventsClient(stack.server, stack.operator).send(
      new PutEventsCommand({
        Entries: [
          { Source: 'momento.auth', DetailType: 'Rotated', Detail: '{"secretArn":"x"}' },
          { Source: 'momento.auth', DetailType: 'Broken', Detail: '{' },
        ],
      }),
    );
    expect(answer.FailedEntryCount).toBe(1);
    expect(answer.Entries?.[0]?.EventId).toBeDefined();
    expect(answer.Entries?.[1]).toEqual({
      ErrorCode: 'MalformedDetail',
      ErrorMessage: 'Detail is malformed.',
    });
    expect(heard).toEqual(['Rotated']);
    expect(stack.bus.accepted[0]?.event.detail).toEqual({ secretArn: 'x' });
  });

  test('SQS: send, receive, delete, look', async () => {
    stack = await startStack();
    const { arn } = stack.queues.create('dead-letters');
    const client = queuesClient(stack.server, stack.operator);
    const { QueueUrl } = await client.send(new GetQueueUrlCommand({ QueueName: 'dead-letters' }));
    expect(QueueUrl).toBe(`${stack.server.url}/${ACCOUNT_ID}/dead-letters`);
    const all = await client.send(new ListQueuesCommand({ QueueNamePrefix: 'dead' }));
    expect(all.QueueUrls).toEqual([QueueUrl]);
    await client.send(
      new SendMessageCommand({
        QueueUrl,
        MessageBody: 'hällo',
        MessageAttributes: { code: { DataType: 'String', StringValue: 'x' } },
      }),
    );
    const { Messages } = await client.send(
      new ReceiveMessageCommand({ QueueUrl, MessageAttributeNames: ['All'] }),
    );
    expect(Messages?.[0]).toMatchObject({
      Body: 'hällo',
      MessageAttributes: { code: { StringValue: 'x' } },
    });
    const again = await client.send(new ReceiveMessageCommand({ QueueUrl }));
    expect(again.Messages).toBeUndefined();
    await client.send(
      new DeleteMessageCommand({ QueueUrl, ReceiptHandle: Messages?.[0]?.ReceiptHandle }),
    );
    const { Attributes } = await client.send(
      new GetQueueAttributesCommand({ QueueUrl, AttributeNames: ['All'] }),
    );
    expect(Attributes).toMatchObject({
      QueueArn: arn,
      ApproximateNumberOfMessages: '0',
      ApproximateNumberOfMessagesNotVisible: '0',
    });
    const missing = await rejectionOf(
      client.send(new GetQueueUrlCommand({ QueueName: 'nowhere' })),
    );
    expect(missing).toBeInstanceOf(QueueDoesNotExist);
  });
});

describe('permissions', () => {
  test('a role does what its policy says and nothing else, in AWS’s words', async () => {
    stack = await startStack();
    const { ARN: mine = '' } = stack.secrets.createSecret({ Name: 'mine', SecretString: 'a' });
    const { ARN: other = '' } = stack.secrets.createSecret({ Name: 'other', SecretString: 'b' });
    const client = secretsClient(
      stack.server,
      stack.role(
        { Effect: 'Allow', Action: 'secretsmanager:GetSecretValue', Resource: mine },
        { Effect: 'Deny', Action: 'secretsmanager:Put*', Resource: '*' },
      ),
    );
    const read = await client.send(new GetSecretValueCommand({ SecretId: 'mine' }));
    expect(read.SecretString).toBe('a');

    const denied = await rejectionOf(client.send(new GetSecretValueCommand({ SecretId: 'other' })));
    expect(denied.name).toBe('AccessDeniedException');
    expect(denied.$metadata?.httpStatusCode).toBe(400);
    expect(denied.message).toBe(
      `User: ${ROLE_ARN} is not authorized to perform: secretsmanager:GetSecretValue on resource: ${other} because no identity-based policy allows the secretsmanager:GetSecretValue action`,
    );
    const explicit = await rejectionOf(
      client.send(new PutSecretValueCommand({ SecretId: 'mine', SecretString: 'c' })),
    );
    expect(explicit.message).toBe(
      `User: ${ROLE_ARN} is not authorized to perform: secretsmanager:PutSecretValue on resource: ${mine} with an explicit deny in an identity-based policy`,
    );
    expect(stack.secrets.inspect('mine')).toHaveLength(1);
    expect(stack.calls.map(({ action, outcome }) => `${action} ${outcome}`)).toEqual([
      'secretsmanager:GetSecretValue ok',
      'secretsmanager:GetSecretValue denied',
      'secretsmanager:PutSecretValue denied',
    ]);
  });

  test('a role that may read nothing is not told what exists', async () => {
    stack = await startStack();
    const client = secretsClient(stack.server, stack.role());
    const denied = await rejectionOf(client.send(new GetSecretValueCommand({ SecretId: 'ghost' })));
    expect(denied.name).toBe('AccessDeniedException');
    expect(denied.message).toContain('on resource: ghost because');
  });

  test('conditions see tags and labels', async () => {
    stack = await startStack();
    stack.secrets.createSecret({
      Name: 'tagged',
      SecretString: 'a',
      Tags: [{ Key: 'momento', Value: 'yes' }],
    });
    stack.secrets.createSecret({ Name: 'bare', SecretString: 'b' });
    const client = secretsClient(
      stack.server,
      stack.role({
        Effect: 'Allow',
        Action: 'secretsmanager:GetSecretValue',
        Resource: '*',
        Condition: {
          StringEquals: { 'secretsmanager:ResourceTag/momento': 'yes' },
          StringEqualsIfExists: { 'secretsmanager:VersionStage': 'AWSCURRENT' },
        },
      }),
    );
    await client.send(new GetSecretValueCommand({ SecretId: 'tagged' }));
    await client.send(
      new GetSecretValueCommand({ SecretId: 'tagged', VersionStage: 'AWSCURRENT' }),
    );
    for (const refused of [
      new GetSecretValueCommand({ SecretId: 'bare' }),
      new GetSecretValueCommand({ SecretId: 'tagged', VersionStage: 'AWSPREVIOUS' }),
    ]) {
      expect((await rejectionOf(client.send(refused))).name).toBe('AccessDeniedException');
    }
  });

  test('PutEvents is allowed by bus, source and detail type, for every entry', async () => {
    stack = await startStack();
    const client = eventsClient(
      stack.server,
      stack.role({
        Effect: 'Allow',
        Action: 'events:PutEvents',
        Resource: stack.bus.arnOf(),
        Condition: { StringEquals: { 'events:source': 'momento.auth' } },
      }),
    );
    const mine = { Source: 'momento.auth', DetailType: 'x', Detail: '{}' };
    await client.send(new PutEventsCommand({ Entries: [mine] }));
    for (const Entries of [
      [mine, { ...mine, Source: 'someone.else' }],
      [{ ...mine, EventBusName: 'other' }],
    ]) {
      const denied = await rejectionOf(client.send(new PutEventsCommand({ Entries })));
      expect(denied.name).toBe('AccessDeniedException');
    }
    expect(stack.bus.accepted).toHaveLength(1);
  });

  test('a customer key asks its own permissions of the caller, through Secrets Manager only', async () => {
    stack = await startStack();
    const keyArn = `arn:aws:kms:${REGION}:${ACCOUNT_ID}:key/0001`;
    stack.secrets.createSecret({ Name: 'key', SecretString: 'a', KmsKeyId: keyArn });
    const secretsOnly = {
      Effect: 'Allow',
      Action: 'secretsmanager:*',
      Resource: '*',
    } as const;
    const decrypt = (viaService: string) =>
      ({
        Effect: 'Allow',
        Action: 'kms:Decrypt',
        Resource: keyArn,
        Condition: { StringEquals: { 'kms:ViaService': viaService } },
      }) as const;
    const via = `secretsmanager.${REGION}.amazonaws.com`;
    const read = new GetSecretValueCommand({ SecretId: 'key' });
    const write = new PutSecretValueCommand({ SecretId: 'key', SecretString: 'b' });

    for (const [role, command] of [
      [stack.role(secretsOnly), read],
      [stack.role(secretsOnly, decrypt('sqs.eu-central-1.amazonaws.com')), read],
      [stack.role(secretsOnly, decrypt(via)), write],
    ] as const) {
      const client = secretsClient(stack.server, role);
      const denied = await rejectionOf(command === read ? client.send(read) : client.send(write));
      expect(denied.name).toBe('AccessDeniedException');
      expect(denied.message).toBe('Access to KMS is not allowed');
    }
    const reader = secretsClient(stack.server, stack.role(secretsOnly, decrypt(via)));
    expect((await reader.send(read)).SecretString).toBe('a');
    const writer = secretsClient(
      stack.server,
      stack.role(secretsOnly, decrypt(via), {
        Effect: 'Allow',
        Action: 'kms:GenerateDataKey*',
        Resource: keyArn,
      }),
    );
    await writer.send(write);

    stack.secrets.keys.disableKey(keyArn);
    expect((await rejectionOf(writer.send(read))).name).toBe('DecryptionFailure');
    expect((await rejectionOf(writer.send(write))).name).toBe('EncryptionFailure');
  });
});

describe('faults', () => {
  async function faulty(fault: (call: InterceptedCall) => Fault | undefined) {
    stack = await startStack({ intercept: fault });
    stack.secrets.createSecret({ Name: 'key', SecretString: 'one' });
    return secretsClient(stack.server, stack.operator);
  }
  const put = new PutSecretValueCommand({ SecretId: 'key', SecretString: 'two' });

  test('an error comes before any effect', async () => {
    const client = await faulty(({ action }) =>
      action === 'secretsmanager:PutSecretValue'
        ? { error: new AwsError('ThrottlingException', 'Rate exceeded') }
        : undefined,
    );
    const refused = await rejectionOf(client.send(put));
    expect([refused.name, refused.message]).toEqual(['ThrottlingException', 'Rate exceeded']);
    expect(stack.secrets.inspect('key')).toHaveLength(1);
    await client.send(new GetSecretValueCommand({ SecretId: 'key' }));
  });

  test('a lost answer comes after the effect', async () => {
    const client = await faulty(() => ({ loseAnswer: true }));
    const lost = await rejectionOf(client.send(put));
    expect(lost.message).toMatch(/socket hang up|ECONNRESET/);
    expect(stack.secrets.inspect('key')).toHaveLength(2);
    expect(stack.calls.at(-1)?.outcome).toBe('lost');
  });

  test('a delay holds the answer back, or the effect', async () => {
    for (const [before, versionsSoFar] of [
      ['answer', 2],
      ['effect', 1],
    ] as const) {
      const leaving = new AbortController();
      const client = await faulty(() => {
        setTimeout(() => leaving.abort(), 150);
        return { delayMs: 60_000, before };
      });
      const given = await rejectionOf(client.send(put, { abortSignal: leaving.signal }));
      expect(given.name).toBe('AbortError');
      expect(stack.secrets.inspect('key')).toHaveLength(versionsSoFar);
      if (before === 'answer') await stack.close();
    }
  });
});

describe('the server itself', () => {
  async function post(headers: Record<string, string>, body = '{}') {
    const answer = await fetch(stack.server.url, { method: 'POST', headers, body });
    return { status: answer.status, headers: answer.headers, body: await answer.text() };
  }

  test('an operation or service that it does not have', async () => {
    stack = await startStack();
    for (const target of ['secretsmanager.RotateSecret', 'DynamoDB_20120810.PutItem', 'x']) {
      const answer = await post({ 'x-amz-target': target });
      expect(answer.status).toBe(400);
      expect(answer.headers.get('x-amzn-errortype')).toBe('UnknownOperationException');
    }
    const rest = await fetch(`${stack.server.url}/2015-03-31/functions`);
    expect(rest.status).toBe(404);
    await rest.text();
  });

  test('a body over the limit is refused whole', async () => {
    stack = await startStack({ maxBodyBytes: 1000 });
    const target = { 'x-amz-target': 'secretsmanager.GetSecretValue' };
    expect((await post(target, 'x'.repeat(1001))).status).toBe(413);
    expect((await post(target, 'x'.repeat(1000))).body).toContain('MissingAuthenticationToken');
  });

  test('close ends open connections and waiting answers', async () => {
    let intercepted = () => {};
    const arrived = new Promise<void>((resolve) => {
      intercepted = resolve;
    });
    stack = await startStack({
      intercept: () => {
        intercepted();
        return { delayMs: 60_000 };
      },
    });
    const idle = connect(stack.server.port, '127.0.0.1');
    const idleClosed = new Promise((resolve) => idle.once('close', resolve));
    idle.on('error', () => {});
    await new Promise((resolve) => idle.once('connect', resolve));
    const waiting = rejectionOf(
      secretsClient(stack.server, stack.operator).send(new ListSecretsCommand({})),
    );
    await arrived;
    await stack.server.close();
    await idleClosed;
    expect((await waiting).message).toMatch(/socket hang up|ECONNRESET/);
    stack = await startStack();
  });

  test('a busy port is an error that names itself', async () => {
    stack = await startStack();
    const busy = await rejectionOf(startStack({ port: stack.server.port }));
    expect(busy).toMatchObject({ code: 'EADDRINUSE' });
  });
});

describe('REST routes of other rooms', () => {
  test('are signed, authorized and answered as given', async () => {
    stack = await startStack({
      rest: [
        {
          method: 'POST',
          pattern: /^\/2015-03-31\/functions\/([^/]+)\/invocations$/,
          authorize: (match) => ({
            action: 'lambda:InvokeFunction',
            resource: `arn:aws:lambda:${REGION}:${ACCOUNT_ID}:function:${match[1]}`,
          }),
          handle: async (match, body) => ({
            status: 200,
            headers: { 'x-amz-executed-version': '$LATEST' },
            body: JSON.stringify({ name: match[1], got: JSON.parse(body.toString()) }),
          }),
        },
      ],
    });
    const { InvokeCommand, LambdaClient } = await import('@aws-sdk/client-lambda');
    const client = (credentials: Stack['operator']) =>
      new LambdaClient({ endpoint: stack.server.url, region: REGION, credentials, maxAttempts: 1 });
    const invoke = new InvokeCommand({ FunctionName: 'rotate-key', Payload: '{"force":true}' });

    const answer = await client(stack.operator).send(invoke);
    expect(answer.ExecutedVersion).toBe('$LATEST');
    expect(JSON.parse(Buffer.from(answer.Payload ?? []).toString())).toEqual({
      name: 'rotate-key',
      got: { force: true },
    });
    const denied = await rejectionOf(client(stack.role()).send(invoke));
    expect(denied.name).toBe('AccessDeniedException');
    expect(denied.$metadata?.httpStatusCode).toBe(403);
    expect(denied.message).toContain('lambda:InvokeFunction on resource: arn:aws:lambda');
  });
});

describe('no secret in any error', () => {
  test('whatever is wrong with the request', async () => {
    stack = await startStack({ onBug: () => {} });
    const canary = 'canary-7f3a';
    stack.secrets.createSecret({ Name: 'key', SecretString: canary });
    const client = secretsClient(stack.server, stack.operator);
    const put = (over: Partial<ConstructorParameters<typeof PutSecretValueCommand>[0]>) =>
      client.send(new PutSecretValueCommand({ SecretId: 'key', SecretString: canary, ...over }));
    await put({ ClientRequestToken: token('v1') });
    const failures = [
      put({ ClientRequestToken: token('v1'), SecretString: `${canary}-other` }),
      put({ SecretString: canary.repeat(6000) }),
      put({ SecretBinary: Buffer.from(canary) }),
      put({ VersionStages: Array.from({ length: 21 }, (_, n) => `s${n}`) }),
      put({ ClientRequestToken: 'short' }),
      put({ SecretId: 'nowhere' }),
      client.send(new CreateSecretCommand({ Name: 'key', SecretString: canary })),
      client.send(new CreateSecretCommand({ Name: 'bad name', SecretString: canary })),
      secretsClient(stack.server, stack.role()).send(
        new PutSecretValueCommand({ SecretId: 'key', SecretString: canary }),
      ),
    ];
    for (const failure of failures) {
      const error = await rejectionOf(failure);
      expect(error.name).not.toBe('Error');
      expect(JSON.stringify({ ...error, message: error.message })).not.toContain(canary);
    }
    expect(JSON.stringify(stack.calls)).not.toContain(canary);
  });
});
