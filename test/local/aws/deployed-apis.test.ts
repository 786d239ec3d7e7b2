// What a person's tools ask of a deployment, through real SDK clients: the stack, its functions; and the page that
// tells a command on this machine where everything is.

import { request } from 'node:http';
import { CloudFormationClient, DescribeStacksCommand } from '@aws-sdk/client-cloudformation';
import {
  DescribeRuleCommand,
  DisableRuleCommand,
  EnableRuleCommand,
  EventBridgeClient,
  ListRuleNamesByTargetCommand,
} from '@aws-sdk/client-eventbridge';
import { GetFunctionConfigurationCommand, LambdaClient } from '@aws-sdk/client-lambda';
import { afterAll, beforeAll, describe, expect, test } from '@jest/globals';
import type { FunctionDefinition } from '../../../local/assembly/functions.ts';
import { cloudFormationService } from '../../../local/aws/cloudformation-api.ts';
import { type AccessKey, Principals } from '../../../local/aws/principals.ts';
import { Rules } from '../../../local/aws/rules.ts';
import { rulesService } from '../../../local/aws/rules-api.ts';
import { type AwsServer, startAwsServer } from '../../../local/aws/server.ts';
import { introduction } from '../../../local/introduction.ts';
import { configurationRoute } from '../../../local/lambda/configuration-api.ts';

const PLACE = { region: 'us-east-1', accountId: '123456789012' };
const CREATED_AT_MS = Date.UTC(2026, 10, 22);
const FUNCTION: FunctionDefinition = {
  logicalId: 'F',
  name: 'rotate',
  arn: `arn:aws:lambda:${PLACE.region}:${PLACE.accountId}:function:rotate`,
  handler: 'index.handler',
  runtime: 'nodejs24.x',
  architecture: 'arm64',
  timeoutSeconds: 300,
  memoryMb: 256,
  environment: { A: 'template' },
  roleArn: `arn:aws:iam::${PLACE.accountId}:role/r`,
  codeDir: null,
  logGroupName: 'logs',
  logFormat: 'JSON',
  applicationLogLevel: null,
  asyncInvoke: { maximumRetryAttempts: 0, maximumEventAgeSeconds: 60, onFailureArn: null },
};

const RULE = {
  arn: `arn:aws:events:${PLACE.region}:${PLACE.accountId}:rule/r`,
  busName: 'default',
  enabled: true,
  scheduleExpression: 'rate(1 hour)',
  targets: [{ arn: FUNCTION.arn }],
};

let server: AwsServer;
let operator: AccessKey;
let nobody: AccessKey;
/** May turn one rule off, and see all. */
let switcher: AccessKey;
const switched: string[] = [];
beforeAll(async () => {
  const principals = new Principals(PLACE);
  operator = principals.issueOperator();
  nobody = principals.issue({ arn: `arn:aws:iam::${PLACE.accountId}:user/nobody`, statements: [] });
  switcher = principals.issue({
    arn: `arn:aws:iam::${PLACE.accountId}:user/switcher`,
    statements: [
      { Effect: 'Allow', Action: 'events:DisableRule', Resource: `${RULE.arn}/hourly` },
      { Effect: 'Allow', Action: 'events:DescribeRule', Resource: '*' },
    ],
  });
  server = await startAwsServer({
    ...PLACE,
    principals,
    services: [
      rulesService(
        new Rules(
          [
            { ...RULE, name: 'hourly', arn: `${RULE.arn}/hourly` },
            { ...RULE, name: 'off', enabled: false },
            { ...RULE, name: 'elsewhere', targets: [] },
          ],
          ({ name }, isEnabled) => switched.push(`${name} ${isEnabled ? 'on' : 'off'}`),
        ),
      ),
    ],
    queries: [
      cloudFormationService(() => ({
        name: 'Stack',
        arn: `arn:aws:cloudformation:${PLACE.region}:${PLACE.accountId}:stack/Stack/1`,
        createdAtMs: CREATED_AT_MS,
        outputs: [{ name: 'Url', value: 'https://a?b=1&c=<d>', description: 'Go & see' }],
      })),
    ],
    rest: [
      configurationRoute({
        ...PLACE,
        modifiedAtMs: CREATED_AT_MS,
        functions: [{ definition: FUNCTION, environment: { A: 'here' } }],
      }),
    ],
    pages: introduction({
      ...PLACE,
      stackName: 'Stack',
      credentials: operator,
      momentoEndpoint: '127.0.0.1:8580',
      tokenEndpointUrl: null,
      timeScale: 900,
    }),
  });
});
afterAll(() => server.close());

const client = (credentials: AccessKey) => ({
  region: PLACE.region,
  endpoint: server.url,
  credentials,
  maxAttempts: 1,
});

describe('CloudFormation', () => {
  const describeStack = (StackName: string, credentials = operator) =>
    new CloudFormationClient(client(credentials)).send(new DescribeStacksCommand({ StackName }));

  test('the stack with its outputs, by its name and by its ARN', async () => {
    const { Stacks: [stack] = [] } = await describeStack('Stack');
    expect(stack).toMatchObject({
      StackName: 'Stack',
      StackStatus: 'CREATE_COMPLETE',
      CreationTime: new Date(CREATED_AT_MS),
      Outputs: [{ OutputKey: 'Url', OutputValue: 'https://a?b=1&c=<d>', Description: 'Go & see' }],
    });
    expect((await describeStack(stack?.StackId ?? '')).Stacks).toEqual([stack]);
  });

  test('another name does not exist; without a permission nothing does', async () => {
    await expect(describeStack('Other')).rejects.toThrow('Stack with id Other does not exist');
    await expect(describeStack('Stack', nobody)).rejects.toThrow(
      /not authorized to perform: cloudformation:DescribeStacks/,
    );
  });
});

describe('Lambda', () => {
  const configurationOf = (FunctionName: string, credentials = operator) =>
    new LambdaClient(client(credentials)).send(
      new GetFunctionConfigurationCommand({ FunctionName }),
    );

  test('the configuration, with the environment as the function sees it', async () => {
    expect(await configurationOf('rotate')).toMatchObject({
      FunctionName: 'rotate',
      State: 'Active',
      LastUpdateStatus: 'Successful',
      Timeout: 300,
      Environment: { Variables: { A: 'here' } },
      LoggingConfig: { LogGroup: 'logs', LogFormat: 'JSON' },
    });
    expect((await configurationOf(FUNCTION.arn)).FunctionArn).toBe(FUNCTION.arn);
  });

  test('of no such function, and without a permission', async () => {
    await expect(configurationOf('other')).rejects.toMatchObject({
      name: 'ResourceNotFoundException',
    });
    await expect(configurationOf('rotate', nobody)).rejects.toMatchObject({
      name: 'AccessDeniedException',
    });
  });
});

describe('EventBridge', () => {
  test('the rules that call a function, and whether they are on', async () => {
    const events = new EventBridgeClient(client(operator));
    const { RuleNames } = await events.send(
      new ListRuleNamesByTargetCommand({ TargetArn: FUNCTION.arn }),
    );
    expect(RuleNames).toEqual(['hourly', 'off']);
    const states = await Promise.all(
      ['hourly', 'off'].map(
        async (Name) => (await events.send(new DescribeRuleCommand({ Name }))).State,
      ),
    );
    expect(states).toEqual(['ENABLED', 'DISABLED']);
    await expect(events.send(new DescribeRuleCommand({ Name: 'other' }))).rejects.toMatchObject({
      name: 'ResourceNotFoundException',
    });
  });

  test('a rule is turned off and on again: told once each, and seen by all', async () => {
    const events = new EventBridgeClient(client(operator));
    const seen = async () => (await events.send(new DescribeRuleCommand({ Name: 'hourly' }))).State;
    switched.length = 0;
    await events.send(new EnableRuleCommand({ Name: 'hourly' }));
    expect([await seen(), switched]).toEqual(['ENABLED', []]);
    for (const again of [1, 2]) {
      await events.send(new DisableRuleCommand({ Name: 'hourly' }));
      expect([again, await seen(), switched]).toEqual([again, 'DISABLED', ['hourly off']]);
    }
    await events.send(new EnableRuleCommand({ Name: 'hourly' }));
    expect([await seen(), switched]).toEqual(['ENABLED', ['hourly off', 'hourly on']]);
  });

  test('only by who may, and only what is there', async () => {
    const events = new EventBridgeClient(client(switcher));
    switched.length = 0;
    await events.send(new DisableRuleCommand({ Name: 'hourly' }));
    await expect(events.send(new EnableRuleCommand({ Name: 'hourly' }))).rejects.toThrow(
      /not authorized to perform: events:EnableRule on resource: \S+rule\/r\/hourly/,
    );
    await expect(events.send(new DisableRuleCommand({ Name: 'off' }))).rejects.toMatchObject({
      name: 'AccessDeniedException',
    });
    expect(switched).toEqual(['hourly off']);
    const all = new EventBridgeClient(client(operator));
    for (const command of [EnableRuleCommand, DisableRuleCommand]) {
      await expect(all.send(new command({ Name: 'other' }))).rejects.toMatchObject({
        name: 'ResourceNotFoundException',
      });
    }
  });
});

describe('GET /_local', () => {
  const get = (path: string, host: string | undefined, method = 'GET') =>
    new Promise<{ status: number | undefined; body: string }>((resolve, reject) => {
      const headers = host === undefined ? {} : { host };
      request(`${server.url}${path}`, { method, headers }, (answer) => {
        let body = '';
        answer.on('data', (chunk) => {
          body += chunk;
        });
        answer.on('end', () => resolve({ status: answer.statusCode, body }));
      })
        .on('error', reject)
        .end();
    });

  test('tells where everything is', async () => {
    const { status, body } = await get('/_local', undefined);
    expect([status, JSON.parse(body)]).toEqual([
      200,
      expect.objectContaining({ stackName: 'Stack', credentials: operator, timeScale: 900 }),
    ]);
  });

  test.each([
    ['a name that was made to mean this machine', '/_local', 'evil.example.com', 'GET'],
    ['such a name that begins like ours', '/_local', '127.0.0.1.example.com', 'GET'],
    ['another method', '/_local', undefined, 'POST'],
    ['another path', '/_local/more', undefined, 'GET'],
    ['what every object has', '/constructor', undefined, 'GET'],
  ])('%s gets nothing', async (_name, path, host, method) => {
    const { status, body } = await get(path, host, method);
    expect(status).toBeGreaterThanOrEqual(400);
    expect(body).not.toContain(operator.secretAccessKey);
  });
});
