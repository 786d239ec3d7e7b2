// The Invoke route under the real SDK client, over a bare HTTP server.

import { createServer, type Server } from 'node:http';
import type { AddressInfo } from 'node:net';
import { buffer } from 'node:stream/consumers';
import {
  InvalidRequestContentException,
  InvokeCommand,
  LambdaClient,
  ResourceNotFoundException,
  TooManyRequestsException,
} from '@aws-sdk/client-lambda';
import { afterAll, beforeAll, describe, expect, test } from '@jest/globals';
import type { LocalFunction } from '../../../local/lambda/function.ts';
import { type InvokeRoute, invokeRoute } from '../../../local/lambda/invoke-api.ts';
import { credentials, withFunction } from './bundle.ts';

const code = `
  export const handler = async (event, context) => {
    console.log('handling');
    if (event.fail) throw new Error('RotationFailed');
    if (event.wait) await new Promise((resolve) => setTimeout(resolve, event.wait));
    return { event, custom: context.clientContext?.custom };
  };
`;

let local: LocalFunction;
let server: Server;
let route: InvokeRoute;
let client: LambdaClient;
let finished: () => void;
let used: Promise<void>;
const submitted: unknown[] = [];

beforeAll(async () => {
  await new Promise<void>((ready) => {
    used = withFunction({ code, options: { concurrencyLimit: 1 } }, async (started) => {
      local = started;
      const done = new Promise<void>((resolve) => {
        finished = resolve;
      });
      ready();
      await done;
    });
  });
  route = invokeRoute({
    accountId: '111122223333',
    region: 'eu-west-1',
    functions: [
      {
        definition: local.definition,
        invoke: (payload, options) => local.invoke(payload, options),
        submit: (payload) => {
          submitted.push(payload);
          return { requestId: 'async-request-id' };
        },
      },
    ],
  });
  server = createServer(async (request, response) => {
    const match = new URL(request.url ?? '/', 'http://local').pathname.match(route.pattern);
    if (match === null || request.method !== route.method) {
      response.writeHead(400).end();
      return;
    }
    const answer = await route.handle(match, await buffer(request), request.headers);
    response.writeHead(answer.status, answer.headers).end(answer.body);
  });
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve));
  const { port } = server.address() as AddressInfo;
  client = new LambdaClient({
    endpoint: `http://127.0.0.1:${port}`,
    region: 'eu-west-1',
    credentials,
    maxAttempts: 1,
  });
});

afterAll(async () => {
  client.destroy();
  server.closeAllConnections();
  await new Promise((resolve) => server.close(resolve));
  finished();
  await used;
});

const name = 'MomentoAuth-RotateKey-abc';
const arn = `arn:aws:lambda:eu-west-1:111122223333:function:${name}`;

describe('the SDK client', () => {
  test.each([name, arn, `${arn}:$LATEST`, `111122223333:function:${name}`, `${name}:$LATEST`])(
    'invokes %s',
    async (FunctionName) => {
      const answer = await client.send(
        new InvokeCommand({
          FunctionName,
          Payload: '{"force":true}',
          ClientContext: Buffer.from('{"custom":"ключ"}').toString('base64'),
        }),
      );
      expect(answer).toMatchObject({ StatusCode: 200, ExecutedVersion: '$LATEST' });
      expect(answer.FunctionError).toBeUndefined();
      expect(answer.LogResult).toBeUndefined();
      expect(answer.$metadata.requestId).toMatch(/^[0-9a-f-]{36}$/);
      expect(JSON.parse(answer.Payload?.transformToString() ?? '')).toEqual({
        event: { force: true },
        custom: 'ключ',
      });
    },
  );

  test('gets a function’s error and the tail of its log', async () => {
    const answer = await client.send(
      new InvokeCommand({ FunctionName: name, Payload: '{"fail":true}', LogType: 'Tail' }),
    );
    expect(answer).toMatchObject({ StatusCode: 200, FunctionError: 'Unhandled' });
    expect(JSON.parse(answer.Payload?.transformToString() ?? '')).toMatchObject({
      errorType: 'Error',
      errorMessage: 'RotationFailed',
    });
    const log = Buffer.from(answer.LogResult ?? '', 'base64').toString();
    expect(log).toContain(`START RequestId: ${answer.$metadata.requestId}`);
    expect(log).toContain('handling\n');
  });

  test('hands over an event without waiting', async () => {
    const answer = await client.send(
      new InvokeCommand({ FunctionName: name, InvocationType: 'Event', Payload: '{"later":1}' }),
    );
    expect(answer.StatusCode).toBe(202);
    expect(answer.$metadata.requestId).toBe('async-request-id');
    expect(submitted).toEqual([{ later: 1 }]);
  });

  test('tries dry, and nothing runs', async () => {
    const { pids } = local;
    const answer = await client.send(
      new InvokeCommand({ FunctionName: name, InvocationType: 'DryRun' }),
    );
    expect(answer.StatusCode).toBe(204);
    expect(local.pids).toEqual(pids);
    expect(submitted).toHaveLength(1);
  });

  test('without a payload sends an empty event', async () => {
    const answer = await client.send(new InvokeCommand({ FunctionName: name }));
    expect(JSON.parse(answer.Payload?.transformToString() ?? '')).toEqual({ event: {} });
  });

  test.each([
    'unknown',
    `${name}:1`,
    `arn:aws:lambda:us-east-1:111122223333:function:${name}`,
    `999999999999:function:${name}`,
  ])('is told that %s is not there', async (FunctionName) => {
    const sent = client.send(new InvokeCommand({ FunctionName }));
    await expect(sent).rejects.toThrow(ResourceNotFoundException);
    await expect(sent).rejects.toThrow(/^Function not found: arn:aws:lambda:.*:function:/);
  });

  test('is told that its payload is not JSON', async () => {
    await expect(
      client.send(new InvokeCommand({ FunctionName: name, Payload: '{"force":' })),
    ).rejects.toThrow(InvalidRequestContentException);
  });

  test('is throttled at the concurrency limit', async () => {
    const running = local.invoke({ wait: 60_000 });
    await expect(client.send(new InvokeCommand({ FunctionName: name }))).rejects.toThrow(
      TooManyRequestsException,
    );
    expect(local.killCurrent()).toBe(1);
    await running;
  });
});

test('authorization asks for lambda:InvokeFunction on the function’s ARN, whatever form names it', () => {
  for (const segment of [name, encodeURIComponent(arn), encodeURIComponent(`${arn}:$LATEST`)]) {
    const match = `/2015-03-31/functions/${segment}/invocations`.match(route.pattern);
    expect(match && route.authorize(match)).toEqual({
      action: 'lambda:InvokeFunction',
      resource: arn,
    });
  }
  const unknown = '/2015-03-31/functions/other/invocations'.match(route.pattern);
  expect(unknown && route.authorize(unknown).resource).toBe(
    'arn:aws:lambda:eu-west-1:111122223333:function:other',
  );
});
