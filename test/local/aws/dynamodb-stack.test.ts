// The table of the very template, by the vend-token role's own credentials: what the policy in it says is enforced.

import { execFile, spawnSync } from 'node:child_process';
import {
  DeleteItemCommand,
  DynamoDBClient,
  GetItemCommand,
  PutItemCommand,
  QueryCommand,
  ScanCommand,
  UpdateItemCommand,
} from '@aws-sdk/client-dynamodb';
import { afterAll, beforeAll, describe, expect, test } from '@jest/globals';
import { type Synthesized, synthesize } from '../../../local/assembly/synthesize.ts';
import type { AccessKey } from '../../../local/aws/principals.ts';
import { type LocalStack, startLocalStack } from '../../../local/stack.ts';
import { rejectionOf } from './builders.ts';

const withCli = spawnSync('aws', ['--version']).status === 0 ? test : test.skip;

const CONFIGURATIONS = { shared: {}, alone: { tokenEndpoint: { sharing: false } } };
const synthesized: Synthesized[] = [];
const stacks = new Map<keyof typeof CONFIGURATIONS, LocalStack>();
const clients: DynamoDBClient[] = [];

beforeAll(async () => {
  const starting = Object.entries(CONFIGURATIONS).map(async ([name, momentoAuth]) => {
    const made = await synthesize({
      projectDirectory: '.',
      // No function runs here.
      context: { momentoAuth, 'aws:cdk:bundling-stacks': [] },
    });
    synthesized.push(made);
    const started = await startLocalStack({ assemblyDirectory: made.directory });
    stacks.set(name as keyof typeof CONFIGURATIONS, started);
  });
  await Promise.all(starting);
}, 60_000);
afterAll(async () => {
  for (const client of clients) client.destroy();
  for (const stack of stacks.values()) await stack.close();
  for (const made of synthesized) await made.remove();
});

function stackOf(name: keyof typeof CONFIGURATIONS): LocalStack {
  const stack = stacks.get(name);
  if (stack === undefined) throw new Error(`${name} has not started`);
  return stack;
}

function functionOf(stack: LocalStack, output: string) {
  const name = stack.output(output);
  const found = stack.functions.find(({ definition }) => definition.name === name);
  if (found === undefined) throw new Error(`no function ${name}`);
  return found;
}

const vendToken = (stack: LocalStack) => functionOf(stack, 'VendTokenFunctionName');
const tableOf = (stack: LocalStack) => vendToken(stack).definition.environment.SHARING_TABLE ?? '';

function client({ aws }: LocalStack, credentials: AccessKey): DynamoDBClient {
  const made = new DynamoDBClient({
    endpoint: aws.url,
    region: 'us-east-1',
    credentials,
    maxAttempts: 1,
  });
  clients.push(made);
  return made;
}

/** As the same table of a stack of another name would be called. */
const tableOfAnother = (stack: LocalStack) => tableOf(stack).replace(/^MomentoAuth-/, 'Other-');

const id = { id: { S: 'a' } };

describe('the function’s role', () => {
  test('may get, put and update an item of the table that it is told', async () => {
    const stack = stackOf('shared');
    const TableName = tableOf(stack);
    const role = client(stack, vendToken(stack).credentials);
    await role.send(new PutItemCommand({ TableName, Item: { ...id, n: { N: '1' } } }));
    await role.send(
      new UpdateItemCommand({
        TableName,
        Key: id,
        UpdateExpression: 'SET n = n + :one',
        ConditionExpression: 'n = :one',
        ExpressionAttributeValues: { ':one': { N: '1' } },
      }),
    );
    const { Item } = await role.send(new GetItemCommand({ TableName, Key: id }));
    expect(Item).toEqual({ ...id, n: { N: '2' } });
  });

  test('may do nothing else with it, and nothing with any other', async () => {
    const stack = stackOf('shared');
    const TableName = tableOf(stack);
    const role = client(stack, vendToken(stack).credentials);
    const query = {
      TableName,
      KeyConditionExpression: 'id = :a',
      ExpressionAttributeValues: { ':a': id.id },
    };
    const elsewhere = { TableName: tableOfAnother(stack), Key: id };
    expect(elsewhere.TableName).toMatch(/^Other-/);
    for (const refused of [
      role.send(new ScanCommand({ TableName })),
      role.send(new QueryCommand(query)),
      role.send(new DeleteItemCommand({ TableName, Key: id })),
      role.send(new GetItemCommand(elsewhere)),
      role.send(new GetItemCommand({ ...elsewhere, TableName: `${TableName}2` })),
    ]) {
      expect((await rejectionOf(refused)).name).toBe('AccessDeniedException');
    }
  });

  test('of rotation may not touch it', async () => {
    const stack = stackOf('shared');
    const role = client(stack, functionOf(stack, 'RotateKeyFunctionName').credentials);
    const refused = role.send(new GetItemCommand({ TableName: tableOf(stack), Key: id }));
    expect((await rejectionOf(refused)).name).toBe('AccessDeniedException');
  });
});

test('another stack’s table is not there, not even for the operator', async () => {
  const stack = stackOf('shared');
  const everything = client(stack, stack.operator);
  const TableName = tableOfAnother(stack);
  const refused = everything.send(new GetItemCommand({ TableName, Key: id }));
  expect((await rejectionOf(refused)).name).toBe('ResourceNotFoundException');
});

test('without sharing there is no table, no variable, and no DynamoDB', async () => {
  const stack = stackOf('alone');
  expect(stack.assembly.tables).toEqual([]);
  const { environment } = vendToken(stack).definition;
  expect(environment).not.toHaveProperty('SHARING_TABLE');
  expect(environment).not.toHaveProperty('SHARE_WHILE_LIFE_LEFT');
  expect(environment).toHaveProperty('MINT_RATE_PER_SECOND', '4');
  const everything = client(stack, stack.operator);
  const refused = everything.send(new GetItemCommand({ TableName: 'any', Key: id }));
  expect((await rejectionOf(refused)).name).toBe('UnknownOperationException');
});

withCli('the operator looks into the table with the unmodified `aws`', async () => {
  const stack = stackOf('shared');
  const TableName = tableOf(stack);
  const Item = { id: { S: 'seen' }, sealed: { B: new Uint8Array([1, 2]) } };
  await client(stack, stack.operator).send(new PutItemCommand({ TableName, Item }));
  const out = await new Promise<string>((resolve, reject) => {
    execFile(
      'aws',
      [
        ...['dynamodb', 'scan', '--table-name', TableName, '--filter-expression', 'id = :id'],
        ...['--expression-attribute-values', '{":id":{"S":"seen"}}'],
        ...['--endpoint-url', stack.aws.url, '--output', 'json'],
      ],
      {
        env: {
          PATH: process.env.PATH ?? '',
          AWS_ACCESS_KEY_ID: stack.operator.accessKeyId,
          AWS_SECRET_ACCESS_KEY: stack.operator.secretAccessKey,
          AWS_DEFAULT_REGION: 'us-east-1',
          AWS_CONFIG_FILE: '/dev/null',
          AWS_SHARED_CREDENTIALS_FILE: '/dev/null',
          AWS_MAX_ATTEMPTS: '1',
          AWS_EC2_METADATA_DISABLED: 'true',
        },
      },
      (error, stdout) => (error === null ? resolve(stdout) : reject(error)),
    );
  });
  expect(JSON.parse(out)).toMatchObject({
    Items: [{ id: { S: 'seen' }, sealed: { B: 'AQI=' } }],
    Count: 1,
  });
});
