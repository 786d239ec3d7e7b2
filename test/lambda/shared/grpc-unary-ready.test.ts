// Connecting beforehand: so that a call that comes then is on its way at once, and nothing hangs on it.

import { execFile } from 'node:child_process';
import { once } from 'node:events';
import { createServer, type Http2Server, type ServerHttp2Session } from 'node:http2';
import { type AddressInfo, createServer as createTcpServer, type Server } from 'node:net';
import { promisify } from 'node:util';
import { afterEach, expect, test } from '@jest/globals';
import { GrpcUnary } from '../../../lambda/shared/grpc-unary.ts';

const PATH = '/test.Test/Call';

const afterwards: (() => unknown)[] = [];
afterEach(async () => {
  for (const undo of afterwards.splice(0).reverse()) await undo();
});

const portOf = (server: Http2Server | Server) => (server.address() as AddressInfo).port;

/** Echoes. */
async function startEcho() {
  const sessions = new Set<ServerHttp2Session>();
  let made = 0;
  const server = createServer();
  server.on('session', (session) => {
    made += 1;
    sessions.add(session);
    session.on('close', () => sessions.delete(session));
  });
  server.on('stream', (stream) => {
    const chunks: Buffer[] = [];
    stream.on('data', (chunk: Buffer) => chunks.push(chunk));
    stream.on('end', () => {
      stream.respond({ ':status': 200 }, { waitForTrailers: true });
      stream.on('wantTrailers', () => stream.sendTrailers({ 'grpc-status': '0' }));
      stream.end(Buffer.concat(chunks));
    });
  });
  server.listen(0, '127.0.0.1');
  await once(server, 'listening');
  const close = async () => {
    for (const session of sessions) session.destroy();
    if (!server.listening) return;
    server.close();
    await once(server, 'close');
  };
  afterwards.push(close);
  return { port: portOf(server), sessions, close, made: () => made };
}

/** Takes connections, and never says a word. */
async function startSilence(): Promise<number> {
  const server = createTcpServer((socket) => {
    socket.on('error', () => {});
    afterwards.push(() => socket.destroy());
  }).listen(0, '127.0.0.1');
  await once(server, 'listening');
  afterwards.push(() => server.close());
  return portOf(server);
}

function clientOf(origin: string, options = {}): GrpcUnary {
  const client = new GrpcUnary({ origin, ...options });
  afterwards.push(() => client.close());
  return client;
}
const call = (client: GrpcUnary) => client.call(PATH, Buffer.from('hello'), 5_000);

test('one connection: made by it, used by the call, and by those that wait for it together', async () => {
  const server = await startEcho();
  const client = clientOf(`http://127.0.0.1:${server.port}`);
  await Promise.all(Array.from({ length: 20 }, () => client.ready(5_000)));
  expect(server.made()).toBe(1);
  expect(String(await call(client))).toBe('hello');
  await client.ready(5_000);
  expect(String(await call(client))).toBe('hello');
  expect(server.made()).toBe(1);
});

test('a call that does not wait for it goes the same way', async () => {
  const server = await startEcho();
  const client = clientOf(`http://127.0.0.1:${server.port}`);
  const [, answer] = await Promise.all([client.ready(5_000), call(client)]);
  expect(String(answer)).toBe('hello');
  expect(server.made()).toBe(1);
});

test('a connection that was idle too long, or died, is made anew', async () => {
  const server = await startEcho();
  let nowMs = 0;
  const client = clientOf(`http://127.0.0.1:${server.port}`, { now: () => nowMs });
  await client.ready(5_000);
  nowMs += 20_000;
  await client.ready(5_000);
  expect(server.made()).toBe(1);
  nowMs += 20_001;
  await client.ready(5_000);
  expect(server.made()).toBe(2);
  for (const session of server.sessions) session.destroy();
  // Until the client has heard of it.
  while (server.made() < 3) {
    await client.ready(5_000);
    await new Promise((resolve) => setTimeout(resolve, 5));
  }
  expect(server.made()).toBe(3);
  expect(String(await call(client))).toBe('hello');
});

test('where nobody listens, or what is asked for is no place, it ends without a word: the call tells', async () => {
  const server = await startEcho();
  await server.close();
  const client = clientOf(`http://127.0.0.1:${server.port}`);
  await client.ready(5_000);
  await expect(call(client)).rejects.toMatchObject({ code: 'UNAVAILABLE', unseen: true });
  const nowhere = clientOf('no place');
  await nowhere.ready(5_000);
  await expect(call(nowhere)).rejects.toMatchObject({ code: 'UNAVAILABLE' });
});

test('silence ends with its time, and the call has all of its own', async () => {
  const client = clientOf(`https://127.0.0.1:${await startSilence()}`);
  const beganMs = performance.now();
  await client.ready(60);
  expect(performance.now() - beganMs).toBeGreaterThanOrEqual(55);
  await expect(client.call(PATH, Buffer.from('x'), 60)).rejects.toMatchObject({
    code: 'DEADLINE_EXCEEDED',
  });
});

test('a process ends by itself afterwards', async () => {
  const { port } = await startEcho();
  const silentPort = await startSilence();
  const script = `
    import { GrpcUnary } from ${JSON.stringify(import.meta.resolve('../../../lambda/shared/grpc-unary.ts'))};
    await new GrpcUnary({ origin: 'http://127.0.0.1:${port}' }).ready(5000);
    await new GrpcUnary({ origin: 'https://127.0.0.1:${silentPort}' }).ready(50);
    console.log('done');`;
  const { stdout } = await promisify(execFile)(
    process.execPath,
    ['--import', 'tsx', '--input-type=module', '-e', script],
    { timeout: 20_000 },
  );
  expect(stdout).toBe('done\n');
});
