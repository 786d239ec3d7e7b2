// AWS's JSON protocol without the SDK's client: signatures that are accepted, and everything that may go wrong.

import { execFile } from 'node:child_process';
import { once } from 'node:events';
import type { IncomingHttpHeaders } from 'node:http';
import type { AddressInfo } from 'node:net';
import { createServer, type Server, type Socket } from 'node:net';
import { promisify } from 'node:util';
import { afterEach, describe, expect, test } from '@jest/globals';
import { systemClock } from '../../../lambda/shared/clock.ts';
import { credentialsSource } from '../../../lambda/vend-token/aws-credentials.ts';
import {
  type AwsJsonCall,
  type AwsJsonTools,
  awsEndpoint,
  awsJsonService,
} from '../../../lambda/vend-token/aws-json.ts';
import { TimeBounds } from '../../../lambda/vend-token/time-bounds.ts';
import { AwsError } from '../../../local/aws/aws-error.ts';
import { startDynamoDb } from '../../../local/aws/dynamodb.ts';
import type { AccessKey } from '../../../local/aws/principals.ts';
import type { AwsServerOptions, Fault } from '../../../local/aws/server.ts';
import { ACCOUNT_ID, REGION, type Stack, startStack } from '../../local/aws/builders.ts';

const CALL = { timeoutMs: 5_000, maxTries: 2 };
const MINUTE_MS = 60_000;

const afterwards: (() => unknown)[] = [];
afterEach(async () => {
  for (const undo of afterwards.splice(0).reverse()) await undo();
});

/** The system's time, moved by `offsetMs`; no wait between two tries. */
class Clock {
  offsetMs = 0;
  readonly now = () => Date.now() + this.offsetMs;
  readonly random = () => 0;
  readonly sleep = systemClock.sleep;
}

interface Client {
  readonly call: AwsJsonCall;
  readonly clock: Clock;
  readonly time: TimeBounds;
}

function clientOf(
  service: 'secretsmanager' | 'dynamodb',
  endpoint: string,
  credentials: AwsJsonTools['credentials'],
): Client {
  const clock = new Clock();
  const time = new TimeBounds(clock);
  const target = service === 'dynamodb' ? 'DynamoDB_20120810' : 'secretsmanager';
  const jsonVersion = service === 'dynamodb' ? '1.0' : '1.1';
  const call = awsJsonService(
    { service, region: REGION, endpoint, target, jsonVersion },
    { credentials, clock, time },
  );
  return { call, clock, time };
}

const failureOf = (answer: Promise<unknown>): Promise<unknown> =>
  answer.then(
    (value) => `answered: ${JSON.stringify(value)}`,
    (error: unknown) => error,
  );

describe('a service that checks signatures', () => {
  const arnOfTable = `arn:aws:dynamodb:${REGION}:${ACCOUNT_ID}:table/Shared`;
  const SECRET = 'the value of the secret';
  let stack: Stack;

  async function start(options: Partial<AwsServerOptions> = {}): Promise<void> {
    stack = await startStack(options);
    afterwards.push(() => stack.close());
    stack.secrets.createSecret({ Name: 'Key', SecretString: SECRET });
  }
  const role = (): Required<AccessKey> =>
    stack.role({
      Effect: 'Allow',
      Action: ['secretsmanager:GetSecretValue', 'dynamodb:PutItem', 'dynamodb:GetItem'],
      Resource: '*',
    }) as Required<AccessKey>;
  const read = (client: Client, options = CALL) =>
    client.call('GetSecretValue', { SecretId: 'Key' }, options);
  const secretsManager = (credentials: AccessKey = role()) =>
    clientOf('secretsmanager', stack.server.url, async () => credentials);

  test('Secrets Manager, with the session token of a role', async () => {
    await start();
    expect(await read(secretsManager())).toMatchObject({ SecretString: SECRET });
    const { sessionToken, ...without } = role();
    expect(sessionToken).not.toBe('');
    expect(await failureOf(read(secretsManager(without)))).toMatchObject({
      code: 'UnrecognizedClientException',
    });
  });

  test('DynamoDB, in names and values of any letters', async () => {
    const dynamoDb = await startDynamoDb({ region: REGION, accountId: ACCOUNT_ID }, [
      {
        name: 'Shared',
        keySchema: [{ AttributeName: 'id', KeyType: 'HASH' }],
        attributeDefinitions: [{ AttributeName: 'id', AttributeType: 'S' }],
        billingMode: 'PAY_PER_REQUEST',
        timeToLiveAttribute: null,
      },
    ]);
    afterwards.push(() => dynamoDb.close());
    await start({ relayed: [dynamoDb.service] });
    const { call } = clientOf('dynamodb', stack.server.url, async () => role());
    const Item = { id: { S: 'käse "≠" 🧀 %20\n' }, value: { B: 'AAEC' } };
    const at = { TableName: 'Shared' };
    await call('PutItem', { ...at, Item }, CALL);
    expect(await call('GetItem', { ...at, Key: { id: Item.id } }, CALL)).toEqual({ Item });
    expect(stack.calls.map(({ action, resource }) => [action, resource])).toEqual([
      ['dynamodb:PutItem', arnOfTable],
      ['dynamodb:GetItem', arnOfTable],
    ]);
  });

  test('credentials that change count at the next call', async () => {
    await start();
    const environmentOf = ({ accessKeyId, secretAccessKey, sessionToken }: AccessKey) => ({
      AWS_ACCESS_KEY_ID: accessKeyId,
      AWS_SECRET_ACCESS_KEY: secretAccessKey,
      AWS_SESSION_TOKEN: sessionToken,
    });
    const first = role();
    const environment: NodeJS.ProcessEnv = environmentOf(first);
    const client = clientOf(
      'secretsmanager',
      stack.server.url,
      credentialsSource(environment, Date),
    );
    await read(client);
    stack.principals.revoke(first.accessKeyId);
    Object.assign(environment, environmentOf(role()));
    await read(client);
    Object.assign(environment, environmentOf(stack.operator));
    delete environment.AWS_SESSION_TOKEN;
    await read(client);
    expect(stack.calls.map(({ principalArn }) => principalArn.split('/')[0])).toEqual([
      `arn:aws:sts::${ACCOUNT_ID}:assumed-role`,
      `arn:aws:sts::${ACCOUNT_ID}:assumed-role`,
      `arn:aws:iam::${ACCOUNT_ID}:user`,
    ]);
  });

  test.each<[string, AwsError | 'lost']>([
    ['is throttled', new AwsError('ThrottlingException', 'Rate exceeded.')],
    [
      'is throttled as DynamoDB says it',
      new AwsError('ProvisionedThroughputExceededException', ''),
    ],
    ['is throttled as an account', new AwsError('RequestLimitExceeded', '')],
    ['meets an outage', new AwsError('InternalServiceError', 'Oops.', { status: 500 })],
    ['meets another', new AwsError('ServiceUnavailable', '', { status: 503 })],
    ['gets no answer', 'lost'],
  ])('what %s is tried again, as often as it may be', async (_, fault) => {
    const faults: Fault[] = [];
    await start({ intercept: () => faults.shift() });
    const client = secretsManager();
    const befall = (count: number) =>
      faults.push(
        ...Array<Fault>(count).fill(fault === 'lost' ? { loseAnswer: true } : { error: fault }),
      );
    befall(1);
    expect(await read(client)).toMatchObject({ SecretString: SECRET });
    expect(stack.calls).toHaveLength(2);
    befall(3);
    expect(await failureOf(read(client, { ...CALL, maxTries: 3 }))).toMatchObject({
      code: fault === 'lost' ? 'unreachable' : fault.name,
      isTransient: true,
    });
    expect(stack.calls).toHaveLength(5);
    befall(1);
    expect(await failureOf(read(client, { ...CALL, maxTries: 1 }))).toMatchObject({
      isTransient: true,
    });
    expect(stack.calls).toHaveLength(6);
  });

  test.each(['AccessDeniedException', 'ValidationException', 'ConditionalCheckFailedException'])(
    '%s is not tried again',
    async (name) => {
      await start({ intercept: () => ({ error: new AwsError(name, 'said') }) });
      expect(await failureOf(read(secretsManager()))).toMatchObject({
        code: name,
        isTransient: false,
        message: `secretsmanager GetSecretValue: ${name}: said`,
      });
      expect(stack.calls).toHaveLength(1);
    },
  );

  test('a key that was made up is denied once, and a wrong signature is not repaired by a clock', async () => {
    await start();
    const wrong = { ...role(), secretAccessKey: 'not the one' };
    const client = secretsManager(wrong);
    expect(await failureOf(read(client))).toMatchObject({
      code: 'InvalidSignatureException',
      isTransient: false,
    });
    expect(
      await failureOf(read(secretsManager({ accessKeyId: 'AKIANOBODY', secretAccessKey: 'x' }))),
    ).toMatchObject({ code: 'AccessDeniedException' });
  });

  describe('a clock that is wrong', () => {
    test.each([-60, -16, 16, 60])('by %d minutes: corrected, and asked again', async (minutes) => {
      await start();
      const client = secretsManager();
      client.clock.offsetMs = minutes * MINUTE_MS;
      expect(await read(client)).toMatchObject({ SecretString: SECRET });
      // The next ones know it from the start.
      expect(await read(client, { ...CALL, maxTries: 1 })).toMatchObject({ SecretString: SECRET });
      expect(client.time.earliest()).toBeLessThanOrEqual(Date.now());
      expect(client.time.latest()).toBeGreaterThanOrEqual(Date.now());
    });

    test('that is set in the middle of its life', async () => {
      await start();
      const client = secretsManager();
      await read(client);
      for (const offsetMs of [60 * MINUTE_MS, -60 * MINUTE_MS, 0]) {
        client.clock.offsetMs = offsetMs;
        expect(await read(client)).toMatchObject({ SecretString: SECRET });
      }
    });

    test('whoever has one try alone fails once, and knows the time', async () => {
      await start();
      const client = secretsManager();
      client.clock.offsetMs = 60 * MINUTE_MS;
      const once = { ...CALL, maxTries: 1 };
      expect(await failureOf(read(client, once))).toMatchObject({
        code: 'InvalidSignatureException',
        isTransient: true,
      });
      expect(await read(client, once)).toMatchObject({ SecretString: SECRET });
    });
  });

  test('every answer tells the time, refusals too', async () => {
    const startMs = Date.UTC(2026, 5, 1);
    await start({ now: () => startMs, intercept: () => ({ error: new AwsError('No', '') }) });
    const client = secretsManager();
    client.clock.offsetMs = startMs - Date.now();
    await failureOf(read(client));
    expect(client.time.latest() - client.time.earliest()).toBeGreaterThan(0);
    expect(client.time.latest()).toBeGreaterThan(startMs);
  });

  test('no failure tells a secret', async () => {
    await start({ intercept: () => ({ error: new AwsError('ValidationException', 'no') }) });
    const key = role();
    for (const credentials of [key, { ...key, sessionToken: 'another' }]) {
      const failure = await failureOf(
        secretsManager(credentials).call('GetSecretValue', { SecretId: 'canary-input' }, CALL),
      );
      for (const secret of [key.secretAccessKey, key.sessionToken, 'another', 'canary-input']) {
        expect(spelledOut(failure)).not.toContain(secret);
      }
    }
  });
});

describe('a server that misbehaves', () => {
  let server: Server;
  let url: string;
  let connections = 0;
  let requests = 0;
  const open = new Set<Socket>();

  /** Over bare TCP: `answer` may write what it likes, or nothing. */
  async function start(
    answer: (
      socket: Socket,
      request: { turn: number; ofConnection: number; headers: IncomingHttpHeaders },
    ) => void,
  ): Promise<Client> {
    [connections, requests] = [0, 0];
    const made = createServer((socket) => {
      connections += 1;
      let ofConnection = 0;
      let unread = '';
      open.add(socket);
      socket.on('close', () => open.delete(socket)).on('error', () => {});
      socket.on('data', (bytes) => {
        unread += bytes;
        for (;;) {
          const end = unread.indexOf('\r\n\r\n');
          const length = Number(/content-length: (\d+)/i.exec(unread)?.[1] ?? 0);
          if (end < 0 || unread.length < end + 4 + length) return;
          const lines = unread.slice(0, end).split('\r\n').slice(1);
          const headers = Object.fromEntries(lines.map((line) => line.toLowerCase().split(': ')));
          unread = unread.slice(end + 4 + length);
          requests += 1;
          ofConnection += 1;
          answer(socket, { turn: requests, ofConnection, headers });
        }
      });
    }).listen(0, '127.0.0.1');
    await once(made, 'listening');
    server = made;
    afterwards.push(async () => {
      for (const socket of open) socket.destroy();
      if (!made.listening) return;
      made.close();
      await once(made, 'close');
    });
    url = `http://127.0.0.1:${(made.address() as AddressInfo).port}`;
    return clientOf('dynamodb', url, async () => ({
      accessKeyId: 'AKIA',
      secretAccessKey: 'canary-secret',
      sessionToken: 'canary-session',
    }));
  }
  const said = (body: string, { status = 200, length = Buffer.byteLength(body) } = {}) =>
    `HTTP/1.1 ${status} Said\r\nDate: ${new Date().toUTCString()}\r\nContent-Length: ${length}\r\n\r\n${body}`;
  const ask = ({ call }: Client, options = CALL) => call('GetItem', { TableName: 'T' }, options);

  test('a connection is kept, and not used any more after 20 s', async () => {
    const client = await start((socket) => socket.write(said('{}')));
    await ask(client);
    client.clock.offsetMs += 19_900;
    await ask(client);
    expect(connections).toBe(1);
    client.clock.offsetMs += 20_001;
    await ask(client);
    expect(connections).toBe(2);
  });

  test('a connection that died while it was idle costs a try', async () => {
    const client = await start((socket, { ofConnection }) => {
      if (ofConnection > 1) socket.destroy();
      else socket.write(said('{}'));
    });
    await ask(client);
    expect(await ask(client)).toEqual({});
    expect([connections, requests]).toEqual([2, 3]);
  });

  test('many that died cost a try, too: none of them is used after the first', async () => {
    const client = await start((socket, { ofConnection }) => {
      if (ofConnection > 1) socket.destroy();
      else setTimeout(() => socket.write(said('{}')), 30);
    });
    await Promise.all(Array.from({ length: 5 }, () => ask(client)));
    expect(connections).toBe(5);
    expect(await ask(client)).toEqual({});
  });

  test('one that was closed by the other side is not used again', async () => {
    const client = await start((socket) => socket.end(said('{}')));
    await ask(client);
    await new Promise((resolve) => setTimeout(resolve, 20));
    expect(await ask(client, { ...CALL, maxTries: 1 })).toEqual({});
    expect(requests).toBe(2);
  });

  test('silence is a timeout, and ends all the same', async () => {
    const client = await start(() => {});
    const beganMs = Date.now();
    expect(await failureOf(ask(client, { timeoutMs: 80, maxTries: 2 }))).toMatchObject({
      code: 'timeout',
      isTransient: true,
    });
    expect(requests).toBeGreaterThanOrEqual(1);
    expect(Date.now() - beganMs).toBeLessThan(5_000);
  });

  test('silence once costs a timeout, and the deaf connection is not used again', async () => {
    const client = await start((socket, { ofConnection, turn }) => {
      if (turn === 1 || ofConnection === 1) socket.write(said('{}'));
    });
    await ask(client);
    expect(await ask(client, { timeoutMs: 300, maxTries: 2 })).toEqual({});
    expect([connections, requests]).toEqual([2, 3]);
  });

  test.each<[string, (socket: Socket) => void]>([
    ['its head', (socket) => socket.write('HTTP/1.1 200 OK\r\nContent-Le')],
    ['its body', (socket) => socket.write(said('{"Item":', { length: 100 }))],
  ])('one that goes silent in the middle of %s is a timeout', async (_, begin) => {
    const client = await start(begin);
    expect(await failureOf(ask(client, { timeoutMs: 80, maxTries: 1 }))).toMatchObject({
      code: 'timeout',
    });
  });

  test.each<[string, (socket: Socket) => void]>([
    ['before it says a word', (socket) => socket.destroy()],
    ['in the middle of its head', (socket) => socket.end('HTTP/1.1 200 OK\r\nContent-Le')],
    ['in the middle of its body', (socket) => socket.end(said('{"Item":', { length: 100 }))],
    ['with a word that is not HTTP', (socket) => socket.end('go away\r\n\r\n')],
  ])('one that ends %s is asked again', async (_, end) => {
    const client = await start((socket, { turn }) => {
      if (turn === 1) end(socket);
      else socket.write(said('{"Item":{}}'));
    });
    expect(await ask(client)).toEqual({ Item: {} });
    expect(requests).toBe(2);
    const other = await start(end);
    expect(await failureOf(ask(other))).toMatchObject({ code: 'unreachable', isTransient: true });
    expect(requests).toBe(2);
  });

  test.each<[string, string, boolean]>([
    ['words', said('<html>proxy</html>'), false],
    ['nothing', said(''), false],
    ['half of an answer', said('{"Item":'), false],
    ['a refusal in words', said('no', { status: 400 }), false],
    ['a proxy without the service', said('<html>', { status: 502 }), true],
    ['a proxy that throttles', said('', { status: 429 }), true],
    ['a refusal without a name', said('{"message":"?"}', { status: 403 }), false],
  ])('%s instead of JSON: unreadable', async (_, answer, isTransient) => {
    const client = await start((socket) => socket.write(answer));
    expect(await failureOf(ask(client))).toMatchObject({ code: 'unreadable', isTransient });
    expect(requests).toBe(isTransient ? 2 : 1);
  });

  test('an answer as large as it may be is read, and a larger one not to its end', async () => {
    const MIB = 1024 * 1024;
    const client = await start((socket, { turn }) => {
      const body = `"${'x'.repeat(MIB - 2 + (turn === 1 ? 0 : 1))}"`;
      socket.write(said(body));
    });
    expect(await ask(client)).toHaveLength(MIB - 2);
    expect(await failureOf(ask(client))).toMatchObject({ code: 'unreadable', isTransient: false });
    expect(requests).toBe(2);
  });

  test('where nobody listens it is unreachable', async () => {
    const client = await start(() => {});
    server.close();
    await once(server, 'close');
    expect(await failureOf(ask(client))).toMatchObject({ code: 'unreachable' });
  });

  test('what the service quotes of our request is not repeated', async () => {
    const quoted =
      'The request signature we calculated does not match.\n\nThe Canonical String for this request ' +
      "should have been\n'POST\n/\n\nx-amz-security-token:canary-session\n";
    const body = JSON.stringify({ __type: 'com.amazon#SignatureDoesNotMatch', message: quoted });
    const client = await start((socket) => socket.write(said(body, { status: 403 })));
    const failure = await failureOf(ask(client));
    expect(failure).toMatchObject({
      code: 'SignatureDoesNotMatch',
      message:
        'dynamodb GetItem: SignatureDoesNotMatch: The request signature we calculated does not match.',
    });
    expect(spelledOut(failure)).not.toContain('canary');
  });

  test('an answer without a date is no news of the time', async () => {
    const client = await start((socket) =>
      socket.write('HTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\n{}'),
    );
    client.clock.offsetMs = 7 * MINUTE_MS;
    await ask(client);
    expect(client.time.latest() - Date.now()).toBeGreaterThan(6 * MINUTE_MS);
  });
});

describe('a process that has called', () => {
  test('ends by itself: neither a kept connection nor one that is silent holds it', async () => {
    const server = createServer((socket) => {
      let turn = 0;
      socket
        .on('error', () => {})
        .on('data', () => {
          turn += 1;
          const date = new Date().toUTCString();
          if (turn === 1)
            socket.write(`HTTP/1.1 200 OK\r\nDate: ${date}\r\nContent-Length: 2\r\n\r\n{}`);
        });
    }).listen(0, '127.0.0.1');
    await once(server, 'listening');
    afterwards.push(() => server.close());
    const { port } = server.address() as AddressInfo;
    const script = `
      import { systemClock as clock } from ${JSON.stringify(import.meta.resolve('../../../lambda/shared/clock.ts'))};
      import { awsJsonService } from ${JSON.stringify(import.meta.resolve('../../../lambda/vend-token/aws-json.ts'))};
      import { TimeBounds } from ${JSON.stringify(import.meta.resolve('../../../lambda/vend-token/time-bounds.ts'))};
      const call = awsJsonService(
        { service: 'dynamodb', region: 'r', endpoint: 'http://127.0.0.1:${port}', target: 'T', jsonVersion: '1.0' },
        { credentials: async () => ({ accessKeyId: 'A', secretAccessKey: 'S' }), clock, time: new TimeBounds(clock) },
      );
      await call('Get', {}, { timeoutMs: 5000, maxTries: 1 });
      await call('Get', {}, { timeoutMs: 50, maxTries: 1 }).catch((error) => console.log(error.code));
      await call('Get', {}, { timeoutMs: 5000, maxTries: 1 });
      console.log('done');`;
    const { stdout } = await promisify(execFile)(
      process.execPath,
      ['--import', 'tsx', '--input-type=module', '-e', script],
      { timeout: 20_000 },
    );
    expect(stdout).toBe('timeout\ndone\n');
  });
});

describe('where a service is', () => {
  const region = 'eu-central-1';
  test.each<[Record<string, string>, string]>([
    [{}, `https://dynamodb.${region}.amazonaws.com`],
    [{ URL_SUFFIX: 'amazonaws.com.cn' }, `https://dynamodb.${region}.amazonaws.com.cn`],
    [{ AWS_ENDPOINT_URL: 'http://127.0.0.1:1' }, 'http://127.0.0.1:1'],
    [
      { AWS_ENDPOINT_URL: 'http://127.0.0.1:1', AWS_ENDPOINT_URL_DYNAMODB: 'http://127.0.0.1:2' },
      'http://127.0.0.1:2',
    ],
    [
      { AWS_ENDPOINT_URL_SECRETS_MANAGER: 'http://127.0.0.1:3', AWS_ENDPOINT_URL: '' },
      `https://dynamodb.${region}.amazonaws.com`,
    ],
  ])('%j: %s', (environment, endpoint) => {
    expect(awsEndpoint('dynamodb', { AWS_REGION: region, ...environment })).toEqual({
      service: 'dynamodb',
      region,
      endpoint,
    });
  });

  test('Secrets Manager has a name of two words', () => {
    const environment = { AWS_REGION: region, AWS_ENDPOINT_URL_SECRETS_MANAGER: 'http://[::1]:3' };
    expect(awsEndpoint('secretsmanager', environment).endpoint).toBe('http://[::1]:3');
    expect(awsEndpoint('secretsmanager', { AWS_REGION: region }).endpoint).toBe(
      `https://secretsmanager.${region}.amazonaws.com`,
    );
  });
});

/** All that could be written of a failure: message, stack, code, and the causes'. */
function spelledOut(failure: unknown): string {
  if (typeof failure !== 'object' || failure === null) return String(failure);
  const texts = Object.getOwnPropertyNames(failure).map((name) => {
    const value: unknown = Reflect.get(failure, name);
    return typeof value === 'object' ? spelledOut(value) : String(value);
  });
  return texts.join('\n');
}
