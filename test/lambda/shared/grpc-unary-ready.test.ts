// Connecting beforehand: so that a call that comes then is on its way at once, and nothing hangs on it.

import { execFile } from 'node:child_process';
import { once } from 'node:events';
import { createServer, type Http2Server, type ServerHttp2Session } from 'node:http2';
import {
  type AddressInfo,
  connect,
  createServer as createTcpServer,
  type Server,
  type Socket,
} from 'node:net';
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

test('where nobody listens, or what is asked for is no place, it says so, as the call does', async () => {
  const server = await startEcho();
  await server.close();
  const client = clientOf(`http://127.0.0.1:${server.port}`);
  const unseen = { code: 'UNAVAILABLE', unseen: true };
  await expect(client.ready(5_000)).rejects.toMatchObject(unseen);
  await expect(call(client)).rejects.toMatchObject(unseen);
  const nowhere = clientOf('no place');
  await expect(nowhere.ready(5_000)).rejects.toMatchObject(unseen);
  await expect(call(nowhere)).rejects.toMatchObject(unseen);
});

test('silence ends with its time, and the call has all of its own', async () => {
  const client = clientOf(`https://127.0.0.1:${await startSilence()}`);
  const beganMs = performance.now();
  await expect(client.ready(60)).rejects.toMatchObject({ code: 'DEADLINE_EXCEEDED', unseen: true });
  expect(performance.now() - beganMs).toBeGreaterThanOrEqual(55);
  await expect(client.call(PATH, Buffer.from('x'), 60)).rejects.toMatchObject({
    code: 'DEADLINE_EXCEEDED',
  });
});

/** Hands everything on but the end, and nothing more to the connections that it has silenced. */
async function startFront(port: number) {
  const nears: Socket[] = [];
  const front = createTcpServer({ allowHalfOpen: true }, (near) => {
    const far = connect({ port, host: '127.0.0.1', allowHalfOpen: true });
    for (const socket of [near, far]) {
      socket.on('error', () => {});
      afterwards.push(() => socket.destroy());
    }
    near.pipe(far, { end: false });
    far.pipe(near, { end: false });
    nears.push(near);
  }).listen(0, '127.0.0.1');
  await once(front, 'listening');
  afterwards.push(() => front.close());
  const silence = () => {
    for (const near of nears) near.unpipe().resume();
  };
  return { port: portOf(front), nears, silence };
}

test('of what was idle too long nothing is left, though the other side has fallen silent', async () => {
  const front = await startFront((await startEcho()).port);
  let nowMs = 0;
  const client = clientOf(`http://127.0.0.1:${front.port}`, { now: () => nowMs });
  for (let count = 0; count < 3; count += 1) {
    await call(client);
    front.silence();
    nowMs += 20_001;
  }
  expect(front.nears).toHaveLength(3);
  // Whoever writes to a socket that is gone learns it; one that waits for the other side takes everything.
  for (const near of front.nears.slice(0, 2)) {
    while (!near.destroyed) {
      near.write('x');
      await new Promise((resolve) => setTimeout(resolve, 5));
    }
  }
});

/** A process that does this, and then nothing more. */
async function expectToEnd(work: string): Promise<void> {
  const module = JSON.stringify(import.meta.resolve('../../../lambda/shared/grpc-unary.ts'));
  const script = `import { GrpcUnary } from ${module};\n${work}\nconsole.log('done');`;
  const { stdout } = await promisify(execFile)(
    process.execPath,
    ['--import', 'tsx', '--input-type=module', '-e', script],
    { timeout: 20_000 },
  );
  expect(stdout).toBe('done\n');
}

test('a process ends by itself, though the other side has gone away and keeps its end open', async () => {
  const server = createServer();
  server.on('stream', (stream) => {
    stream.session?.goaway();
    stream.respond({ ':status': 200 }, { waitForTrailers: true });
    stream.on('wantTrailers', () => stream.sendTrailers({ 'grpc-status': '0' }));
    stream.end(Buffer.from([0, 0, 0, 0, 0]));
  });
  server.listen(0, '127.0.0.1');
  await once(server, 'listening');
  afterwards.push(() => server.close());
  const front = await startFront(portOf(server));
  await expectToEnd(
    `await new GrpcUnary({ origin: 'http://127.0.0.1:${front.port}' }).call('/a', Buffer.from(''), 5000);`,
  );
});

test('a process ends by itself afterwards', async () => {
  const { port } = await startEcho();
  const silentPort = await startSilence();
  await expectToEnd(`
    await new GrpcUnary({ origin: 'http://127.0.0.1:${port}' }).ready(5000);
    await new GrpcUnary({ origin: 'https://127.0.0.1:${silentPort}' }).ready(50).catch(() => {});`);
});
