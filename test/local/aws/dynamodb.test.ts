// DynamoDB of the local stack through the real SDK client: what is allowed, what it does, and what befalls it.

import {
  BatchGetItemCommand,
  BatchWriteItemCommand,
  ConditionalCheckFailedException,
  CreateTableCommand,
  DeleteItemCommand,
  DescribeTableCommand,
  DescribeTimeToLiveCommand,
  DynamoDBClient,
  GetItemCommand,
  ListTablesCommand,
  ProvisionedThroughputExceededException,
  PutItemCommand,
  QueryCommand,
  ResourceNotFoundException,
  ScanCommand,
  UpdateItemCommand,
} from '@aws-sdk/client-dynamodb';
import { ListSecretsCommand } from '@aws-sdk/client-secrets-manager';
import { afterEach, beforeEach, describe, expect, test } from '@jest/globals';
import { AwsError } from '../../../local/aws/aws-error.ts';
import { type DynamoDb, startDynamoDb, type Table } from '../../../local/aws/dynamodb.ts';
import type { AccessKey } from '../../../local/aws/principals.ts';
import type { AwsServerOptions } from '../../../local/aws/server.ts';
import {
  ACCOUNT_ID,
  Clock,
  REGION,
  rejectionOf,
  type Stack,
  secretsClient,
  startStack,
} from './builders.ts';

const table = (name: string, overrides: Partial<Table> = {}): Table => ({
  name,
  keySchema: [{ AttributeName: 'id', KeyType: 'HASH' }],
  attributeDefinitions: [{ AttributeName: 'id', AttributeType: 'S' }],
  billingMode: 'PAY_PER_REQUEST',
  timeToLiveAttribute: 'expiresAt',
  ...overrides,
});
const arnOf = (name: string) => `arn:aws:dynamodb:${REGION}:${ACCOUNT_ID}:table/${name}`;
const VENDING = {
  Effect: 'Allow',
  Action: ['dynamodb:GetItem', 'dynamodb:PutItem', 'dynamodb:UpdateItem'],
  Resource: arnOf('Shared'),
} as const;

let dynamoDb: DynamoDb;
let stack: Stack;
let started = false;
const clients: DynamoDBClient[] = [];
beforeEach(async () => {
  dynamoDb = await startDynamoDb({ region: REGION, accountId: ACCOUNT_ID }, [
    table('Shared'),
    table('Other', { timeToLiveAttribute: null }),
  ]);
});
afterEach(async () => {
  for (const client of clients.splice(0)) client.destroy();
  if (started) await stack.close();
  started = false;
  await dynamoDb.close();
});

async function start(overrides: Partial<AwsServerOptions> = {}): Promise<void> {
  stack = await startStack({ relayed: [dynamoDb.service], ...overrides });
  started = true;
}

function client(credentials: AccessKey = stack.operator): DynamoDBClient {
  const made = new DynamoDBClient({
    endpoint: stack.server.url,
    region: REGION,
    credentials,
    maxAttempts: 1,
  });
  clients.push(made);
  return made;
}

const item = (id: string, more: Record<string, { S: string } | { N: string }> = {}) => ({
  id: { S: id },
  ...more,
});
const put = (id: string, more = {}, TableName = 'Shared') =>
  new PutItemCommand({ TableName, Item: item(id, more) });
const get = (id: string, TableName = 'Shared') =>
  new GetItemCommand({ TableName, Key: item(id), ConsistentRead: true });
const read = async (id: string) => (await client().send(get(id))).Item;

describe('what it does', () => {
  test('items come back as they went, bytes too', async () => {
    await start();
    const Item = {
      ...item('a', { expiresAt: { N: '1795363200' } }),
      sealed: { B: new Uint8Array([0, 255, 1]) },
    };
    await client().send(new PutItemCommand({ TableName: 'Shared', Item }));
    expect(await read('a')).toEqual(Item);
    expect(await read('b')).toBeUndefined();
  });

  test('one of many conditional writes at once wins', async () => {
    await start();
    const shared = client();
    const outcomes = await Promise.all(
      Array.from({ length: 20 }, (_, n) =>
        shared
          .send(
            new UpdateItemCommand({
              TableName: 'Shared',
              Key: item('lease'),
              UpdateExpression: 'SET holder = :me',
              ConditionExpression: 'attribute_not_exists(holder)',
              ExpressionAttributeValues: { ':me': { N: String(n) } },
              ReturnValues: 'ALL_NEW',
            }),
          )
          .then(
            ({ Attributes }) => Attributes?.holder?.N,
            (error: unknown) => (error instanceof ConditionalCheckFailedException ? 'lost' : error),
          ),
      ),
    );
    const [winner, ...others] = outcomes.filter((outcome) => outcome !== 'lost');
    expect(others).toEqual([]);
    expect(await read('lease')).toEqual(item('lease', { holder: { N: String(winner) } }));
  });

  test('sums of many updates at once lose nothing; old values are told', async () => {
    await start();
    const shared = client();
    const add = new UpdateItemCommand({
      TableName: 'Shared',
      Key: item('n'),
      UpdateExpression: 'SET turns = if_not_exists(turns, :zero) + :one',
      ExpressionAttributeValues: { ':zero': { N: '0' }, ':one': { N: '1' } },
      ReturnValues: 'UPDATED_OLD',
    });
    expect((await shared.send(add)).Attributes).toBeUndefined();
    await Promise.all(Array.from({ length: 29 }, () => shared.send(add)));
    expect((await shared.send(add)).Attributes).toEqual({ turns: { N: '30' } });
  });

  // dynalite 4.0.0 ignores the parameter (https://github.com/architect/dynalite/issues/182). When this fails because the
  // item is there, code that runs here may rely on it.
  test.each(['PutItem', 'UpdateItem'])(
    '%s: a failed condition is told by its class, and without the item, though it was asked for',
    async (operation) => {
      await start();
      await client().send(put('a'));
      const condition = {
        TableName: 'Shared',
        ConditionExpression: 'attribute_not_exists(id)',
        ReturnValuesOnConditionCheckFailure: 'ALL_OLD',
      } as const;
      const refused = await rejectionOf(
        operation === 'PutItem'
          ? client().send(new PutItemCommand({ ...condition, Item: item('a') }))
          : client().send(new UpdateItemCommand({ ...condition, Key: item('a') })),
      );
      expect(refused).toBeInstanceOf(ConditionalCheckFailedException);
      expect(refused).toMatchObject({
        message: 'The conditional request failed',
        $metadata: { httpStatusCode: 400, requestId: expect.stringMatching(/^[0-9a-f-]{36}$/) },
      });
      expect(refused).toHaveProperty('Item', undefined);
      expect(stack.calls.at(-1)).toEqual({
        principalArn: `arn:aws:iam::${ACCOUNT_ID}:user/operator`,
        action: `dynamodb:${operation}`,
        resource: arnOf('Shared'),
        outcome: 'refused',
        error: 'ConditionalCheckFailedException',
      });
    },
  );

  test('tables are described as they would be in AWS', async () => {
    await start();
    const { Table: described } = await client().send(
      new DescribeTableCommand({ TableName: 'Shared' }),
    );
    expect(described).toMatchObject({
      TableArn: arnOf('Shared'),
      TableStatus: 'ACTIVE',
      KeySchema: [{ AttributeName: 'id', KeyType: 'HASH' }],
      BillingModeSummary: { BillingMode: 'PAY_PER_REQUEST' },
    });
    const timeToLive = async (TableName: string) =>
      (await client().send(new DescribeTimeToLiveCommand({ TableName }))).TimeToLiveDescription;
    expect(await timeToLive('Shared')).toEqual({
      TimeToLiveStatus: 'ENABLED',
      AttributeName: 'expiresAt',
    });
    expect(await timeToLive('Other')).toEqual({ TimeToLiveStatus: 'DISABLED' });
    expect((await client().send(new ListTablesCommand())).TableNames).toEqual(['Other', 'Shared']);
  });

  test('what is not in this account and Region is not there', async () => {
    await start();
    const missing = await rejectionOf(client().send(get('a', 'OtherStack-Shared')));
    expect(missing).toBeInstanceOf(ResourceNotFoundException);
  });

  test('two of them know nothing of each other', async () => {
    await start();
    await client().send(put('a'));
    const other = await startDynamoDb({ region: REGION, accountId: ACCOUNT_ID }, [table('Shared')]);
    const input = { TableName: 'Shared', Key: item('a') };
    const { body } = await other.service.relay(
      'GetItem',
      Buffer.from(JSON.stringify(input)),
      input,
    );
    expect(Buffer.from(body).toString()).toBe('{}');
    await other.close();
  });

  test('answers go out byte for byte, under this server’s clock', async () => {
    const clock = new Clock();
    clock.nowMs = Date.now() + 60_000;
    await start({ now: clock.now });
    const answers: Array<Record<string, string>> = [];
    const shared = client();
    shared.middlewareStack.add(
      (next) => async (args) => {
        const result = await next(args);
        const { headers, statusCode } = result.response as {
          headers: Record<string, string>;
          statusCode: number;
        };
        answers.push({ ...headers, status: String(statusCode) });
        return result;
      },
      { step: 'deserialize', priority: 'low' },
    );
    await shared.send(put('a'));
    await rejectionOf(shared.send(get('a', 'Nowhere')));
    expect(answers).toEqual([
      {
        status: '200',
        'content-type': 'application/x-amz-json-1.0',
        'content-length': '2',
        // Of "{}", by zlib.
        'x-amz-crc32': '2745614147',
        date: new Date(clock.nowMs).toUTCString(),
        'x-amzn-requestid': expect.any(String),
        connection: expect.any(String),
        'keep-alive': expect.any(String),
      },
      expect.objectContaining({ status: '400', 'x-amz-crc32': expect.stringMatching(/^\d+$/) }),
    ]);
  });
});

describe('who may call', () => {
  test('a role does what its policy says, on that table, and nothing else', async () => {
    await start();
    const role = client(stack.role(VENDING));
    await role.send(put('a'));
    await role.send(
      new UpdateItemCommand({
        TableName: 'Shared',
        Key: item('a'),
        UpdateExpression: 'SET n = :n',
        ExpressionAttributeValues: { ':n': { N: '1' } },
      }),
    );
    expect((await role.send(get('a'))).Item).toEqual(item('a', { n: { N: '1' } }));
    expect(stack.calls.map(({ action, resource, outcome }) => [action, resource, outcome])).toEqual(
      [
        ['dynamodb:PutItem', arnOf('Shared'), 'ok'],
        ['dynamodb:UpdateItem', arnOf('Shared'), 'ok'],
        ['dynamodb:GetItem', arnOf('Shared'), 'ok'],
      ],
    );

    const query = {
      TableName: 'Shared',
      KeyConditionExpression: 'id = :a',
      ExpressionAttributeValues: { ':a': { S: 'a' } },
    };
    const denied: ReadonlyArray<readonly [string, string, () => Promise<unknown>]> = [
      ['Scan', arnOf('Shared'), () => role.send(new ScanCommand({ TableName: 'Shared' }))],
      ['Query', arnOf('Shared'), () => role.send(new QueryCommand(query))],
      [
        'Query',
        `${arnOf('Shared')}/index/by`,
        () => role.send(new QueryCommand({ ...query, IndexName: 'by' })),
      ],
      [
        'DeleteItem',
        arnOf('Shared'),
        () => role.send(new DeleteItemCommand({ TableName: 'Shared', Key: item('a') })),
      ],
      [
        'DescribeTable',
        arnOf('Shared'),
        () => role.send(new DescribeTableCommand({ TableName: 'Shared' })),
      ],
      ['ListTables', '*', () => role.send(new ListTablesCommand())],
      ['GetItem', arnOf('Other'), () => role.send(get('a', 'Other'))],
      ['PutItem', arnOf('Other'), () => role.send(put('a', {}, 'Other'))],
      ['GetItem', arnOf('Shared2'), () => role.send(get('a', 'Shared2'))],
      ['GetItem', arnOf('Other'), () => role.send(get('a', arnOf('Other')))],
      [
        'BatchGetItem',
        arnOf('Shared'),
        () =>
          role.send(new BatchGetItemCommand({ RequestItems: { Shared: { Keys: [item('a')] } } })),
      ],
      ['BatchGetItem', arnOf(''), () => role.send(new BatchGetItemCommand({ RequestItems: {} }))],
    ];
    for (const [operation, resource, send] of denied) {
      expect(await rejectionOf(send())).toMatchObject({
        name: 'AccessDeniedException',
        message: expect.stringContaining(
          `perform: dynamodb:${operation} on resource: ${resource} because`,
        ),
      });
      expect(stack.calls.at(-1)).toMatchObject({
        action: `dynamodb:${operation}`,
        resource,
        outcome: 'denied',
      });
    }
    expect(await read('a')).toEqual(item('a', { n: { N: '1' } }));
  });

  test('a batch needs the permission on each of its tables', async () => {
    await start();
    const both = {
      RequestItems: {
        Shared: [{ PutRequest: { Item: item('a') } }],
        Other: [{ PutRequest: { Item: item('a') } }],
      },
    };
    const on = (...Resource: string[]) =>
      client(stack.role({ Effect: 'Allow', Action: 'dynamodb:BatchWriteItem', Resource }));
    const denied = await rejectionOf(on(arnOf('Shared')).send(new BatchWriteItemCommand(both)));
    expect(denied.message).toContain(arnOf('Other'));
    expect(await read('a')).toBeUndefined();
    await on(arnOf('Shared'), arnOf('Other')).send(new BatchWriteItemCommand(both));
    expect(await read('a')).toEqual(item('a'));
  });

  test('nobody by a key that was not given out, a wrong secret, or another service’s signature', async () => {
    await start();
    const { accessKeyId, secretAccessKey } = stack.operator;
    const unknown = await rejectionOf(
      client({ accessKeyId: 'AKIAUNKNOWN', secretAccessKey }).send(get('a')),
    );
    expect(unknown.name).toBe('AccessDeniedException');
    const wrong = await rejectionOf(
      client({ accessKeyId, secretAccessKey: 'wrong' }).send(get('a')),
    );
    expect(wrong.name).toBe('InvalidSignatureException');
    const elsewhere = secretsClient(stack.server, stack.operator);
    elsewhere.middlewareStack.add(
      (next) => (args) => {
        const { headers } = args.request as { headers: Record<string, string> };
        headers['x-amz-target'] = 'DynamoDB_20120810.ListTables';
        return next(args);
      },
      { step: 'build' },
    );
    const misplaced = await rejectionOf(elsewhere.send(new ListSecretsCommand({})));
    expect([misplaced.name, misplaced.message]).toEqual([
      'InvalidSignatureException',
      "Credential should be scoped to correct service: 'dynamodb'.",
    ]);
    elsewhere.destroy();
  });

  test('tables are the template’s: not even the operator makes one', async () => {
    await start();
    const refused = await rejectionOf(
      client().send(
        new CreateTableCommand({
          TableName: 'Mine',
          KeySchema: [{ AttributeName: 'id', KeyType: 'HASH' }],
          AttributeDefinitions: [{ AttributeName: 'id', AttributeType: 'S' }],
          BillingMode: 'PAY_PER_REQUEST',
        }),
      ),
    );
    expect(refused.name).toBe('UnknownOperationException');
  });
});

describe('faults', () => {
  test('an error comes before any effect, as the SDK’s own class', async () => {
    let refusing = true;
    await start({
      intercept: ({ action, resource, input }) => {
        expect([resource, input]).toEqual([
          arnOf('Shared'),
          { TableName: 'Shared', Item: item('a') },
        ]);
        const name = 'ProvisionedThroughputExceededException';
        return refusing && action === 'dynamodb:PutItem'
          ? { error: new AwsError(name, 'The level of throughput was exceeded.') }
          : undefined;
      },
    });
    const refused = await rejectionOf(client().send(put('a')));
    expect(refused).toBeInstanceOf(ProvisionedThroughputExceededException);
    expect(stack.calls.at(-1)).toMatchObject({
      outcome: 'refused',
      error: 'ProvisionedThroughputExceededException',
    });
    refusing = false;
    await client().send(new PutItemCommand({ TableName: 'Shared', Item: item('a') }));
  });

  test('a lost answer comes after the effect', async () => {
    await start({
      intercept: ({ action }) => (action === 'dynamodb:PutItem' ? { loseAnswer: true } : undefined),
    });
    expect((await rejectionOf(client().send(put('a')))).message).toMatch(
      /socket hang up|ECONNRESET/,
    );
    expect(stack.calls.at(-1)?.outcome).toBe('lost');
    expect(await read('a')).toEqual(item('a'));
  });

  test.each([
    ['answer', item('a')],
    ['effect', undefined],
  ] as const)('a delay holds the %s back', async (before, soFar) => {
    await start({
      intercept: ({ action }) =>
        action === 'dynamodb:PutItem' ? { delayMs: 60_000, before } : undefined,
    });
    const given = await rejectionOf(
      client().send(put('a'), { abortSignal: AbortSignal.timeout(150) }),
    );
    expect(given.name).toBe('AbortError');
    expect(await read('a')).toEqual(soFar);
  });
});

describe('the relay itself', () => {
  test.each<[string, unknown, string]>([
    ['null', null, 'SerializationException'],
    ['text', 'x', 'SerializationException'],
    ['a number as name', { TableName: 5 }, 'SerializationException'],
    // dynalite throws where nobody can catch it.
    ['a null in the key', { TableName: 'Shared', Key: { id: null } }, 'ValidationException'],
  ])('takes no %s', (_what, input, name) => {
    const demands = () => dynamoDb.service.operations.GetItem?.(input);
    expect(demands).toThrow(expect.objectContaining({ name }));
  });

  test('an unsigned call is refused, in the protocol’s own form', async () => {
    await start();
    const bare = await fetch(stack.server.url, {
      method: 'POST',
      headers: { 'x-amz-target': 'DynamoDB_20120810.GetItem' },
      body: '{}',
    });
    expect([bare.status, bare.headers.get('content-type')]).toEqual([
      400,
      'application/x-amz-json-1.0',
    ]);
    expect(await bare.text()).toContain('MissingAuthenticationTokenException');
  });

  test('close waits for what is under way; then nothing is taken any more', async () => {
    const input = { TableName: 'Shared', Item: item('a') };
    const body = Buffer.from(JSON.stringify(input));
    let answered = false;
    const call = dynamoDb.service.relay('PutItem', body, input).then(() => {
      answered = true;
    });
    await dynamoDb.close();
    expect(answered).toBe(true);
    await call;
    expect(() => dynamoDb.service.relay('PutItem', body, input)).toThrow('Closed');
  });

  test('leaves the environment as it was', async () => {
    const before = { ...process.env };
    process.env.AWS_REGION = 'mars-1';
    try {
      const other = await startDynamoDb({ region: REGION, accountId: ACCOUNT_ID }, [table('T-1')]);
      expect(process.env.AWS_REGION).toBe('mars-1');
      expect(process.env.AWS_ACCOUNT_ID).toBe(before.AWS_ACCOUNT_ID);
      await other.close();
    } finally {
      if (before.AWS_REGION === undefined) delete process.env.AWS_REGION;
      else process.env.AWS_REGION = before.AWS_REGION;
    }
  });

  test('a table that cannot be made stops the start, with the reason', async () => {
    const wrong = table('Wrong', { attributeDefinitions: [] });
    await expect(startDynamoDb({ region: REGION, accountId: ACCOUNT_ID }, [wrong])).rejects.toThrow(
      /^Wrong: CreateTable: .*ValidationException/,
    );
  });
});
