// Our gRPC client against the servers of others: grpc-js where it can be had to do it, else a bare HTTP/2 server.

import { execFile } from 'node:child_process';
import { generateKeyPairSync, sign } from 'node:crypto';
import { once } from 'node:events';
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import {
  constants,
  createSecureServer,
  createServer,
  type Http2Server,
  type IncomingHttpHeaders,
  type OutgoingHttpHeaders,
  type ServerHttp2Session,
  type ServerHttp2Stream,
} from 'node:http2';
import { type AddressInfo, createServer as createTcpServer, type Socket } from 'node:net';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { promisify } from 'node:util';
import {
  Metadata,
  Server,
  ServerCredentials,
  type ServerUnaryCall,
  type sendUnaryData,
  status,
} from '@grpc/grpc-js';
import { afterEach, describe, expect, test } from '@jest/globals';
import {
  GrpcFailure,
  GrpcUnary,
  type GrpcUnaryOptions,
} from '../../../lambda/shared/grpc-unary.ts';

const PATH = '/test.Test/Call';
const TIMEOUT_MS = 5_000;
const KIB = 1024;
const HELLO = Buffer.from('hello');

const afterwards: (() => unknown)[] = [];
afterEach(async () => {
  for (const undo of afterwards.splice(0).reverse()) await undo();
});

function clientOf(port: number, options: Partial<GrpcUnaryOptions> = {}): GrpcUnary {
  const client = new GrpcUnary({ origin: `http://127.0.0.1:${port}`, ...options });
  afterwards.push(() => client.close());
  return client;
}

const ask = (client: GrpcUnary, request: Uint8Array = HELLO, timeoutMs = TIMEOUT_MS) =>
  client.call(PATH, request, timeoutMs);

/** The failure, or what came instead. */
const failureOf = (answer: Promise<unknown>): Promise<unknown> =>
  answer.then(
    (bytes) => `answered: ${String(bytes)}`,
    (error: unknown) => error,
  );

type Bytes = Buffer;
type Effect = (call: ServerUnaryCall<Bytes, Bytes>, done: sendUnaryData<Bytes>) => void;

/** A real gRPC server; `effect` answers the one method that it has. */
async function grpcServer(effect: Effect) {
  const server = new Server({
    'grpc.max_send_message_length': -1,
    'grpc.max_receive_message_length': -1,
  });
  const asItIs = (bytes: Bytes) => bytes;
  server.register(PATH, effect, asItIs, asItIs, 'unary');
  const port = await promisify(server.bindAsync.bind(server))(
    '127.0.0.1:0',
    ServerCredentials.createInsecure(),
  );
  afterwards.push(() => server.forceShutdown());
  return { port, server };
}

type OnStream = (stream: ServerHttp2Stream, headers: IncomingHttpHeaders, turn: number) => void;

/** HTTP/2 and nothing more. `turn` is 1 for the first call, over all connections. */
async function bareServer(onStream: OnStream, { port = 0, settings = {} } = {}) {
  const server = createServer({ settings });
  const sessions = new Set<ServerHttp2Session>();
  let connections = 0;
  let turn = 0;
  watch(server, sessions, () => {
    connections += 1;
  });
  server.on('stream', (stream: ServerHttp2Stream, headers: IncomingHttpHeaders) => {
    stream.on('error', () => {});
    turn += 1;
    onStream(stream, headers, turn);
  });
  await listening(server, port);
  const close = async () => {
    if (!server.listening) return;
    const closed = once(server, 'close');
    server.close();
    for (const session of sessions) session.destroy();
    await closed;
  };
  afterwards.push(close);
  return {
    port: (server.address() as AddressInfo).port,
    sessions,
    close,
    connections: () => connections,
    calls: () => turn,
  };
}

function watch(server: Http2Server, sessions: Set<ServerHttp2Session>, onSession: () => void) {
  server.on('session', (session: ServerHttp2Session) => {
    onSession();
    sessions.add(session);
    session.on('error', () => {});
    session.once('close', () => sessions.delete(session));
  });
  server.on('sessionError', () => {});
}

async function listening(server: Pick<Http2Server, 'listen' | 'once'>, port: number) {
  server.listen(port, '127.0.0.1');
  await new Promise<void>((resolve, reject) => {
    server.once('listening', resolve);
    server.once('error', reject);
  });
}

function frame(message: Uint8Array, { flag = 0, length = message.length } = {}): Buffer {
  const header = Buffer.alloc(5);
  header.writeUInt8(flag, 0);
  header.writeUInt32BE(length, 1);
  return Buffer.concat([header, message]);
}

const HEADERS: OutgoingHttpHeaders = { ':status': 200, 'content-type': 'application/grpc+proto' };

/** One whole answer; a piece each in a DATA frame of its own. */
function answer(
  stream: ServerHttp2Stream,
  pieces: readonly Uint8Array[],
  trailers: OutgoingHttpHeaders | undefined = { 'grpc-status': '0' },
  headers = HEADERS,
): void {
  stream.respond(headers, { waitForTrailers: true });
  stream.on('wantTrailers', () => {
    if (Object.keys(trailers).length === 0) stream.close();
    else stream.sendTrailers(trailers);
  });
  for (const piece of pieces) stream.write(piece);
  stream.end();
}

const sayHello: OnStream = (stream) => answer(stream, [frame(HELLO)]);
const never: OnStream = () => {};

describe('a real gRPC server', () => {
  test('gets the message with what gRPC wants to see beside it, and its answer comes back', async () => {
    let seen:
      | { request: Bytes; deadlineInMs: number; headers: Record<string, unknown> }
      | undefined;
    const { port } = await grpcServer((call, done) => {
      seen = {
        request: call.request,
        deadlineInMs: Number(call.getDeadline()) - Date.now(),
        headers: call.metadata.getMap(),
      };
      done(null, Buffer.from('and good-bye'));
    });
    expect(Buffer.from(await ask(clientOf(port))).toString()).toBe('and good-bye');
    expect(seen?.request.toString()).toBe('hello');
    expect(seen?.headers).toMatchObject({ 'user-agent': 'momento-auth-stack' });
    expect(seen?.deadlineInMs).toBeGreaterThan(TIMEOUT_MS - 2_000);
    expect(seen?.deadlineInMs).toBeLessThanOrEqual(TIMEOUT_MS);
  });

  const refusals = Object.entries(status).filter(
    (entry): entry is [keyof typeof status, status] =>
      typeof entry[1] === 'number' && entry[1] !== status.OK,
  );
  test('there are sixteen ways to refuse', () => expect(refusals).toHaveLength(16));

  test.each(refusals)('%s is read from an answer of trailers alone', async (name, code) => {
    const { port } = await grpcServer((_, done) => done({ code, details: `no: ${name}` }));
    const failure = await failureOf(ask(clientOf(port)));
    expect(failure).toBeInstanceOf(GrpcFailure);
    expect(failure).toMatchObject({ code: name, message: `no: ${name}`, unseen: false });
  });

  test('a message in other letters travels percent-encoded', async () => {
    const details = 'Schlüssel „abgelaufen“ 🔑\n100%';
    const { port } = await grpcServer((_, done) => done({ code: status.NOT_FOUND, details }));
    expect(await failureOf(ask(clientOf(port)))).toMatchObject({
      code: 'NOT_FOUND',
      message: details,
    });
  });

  test('headers before and trailers after the message are no part of it', async () => {
    const { port } = await grpcServer((call, done) => {
      const more = new Metadata();
      more.set('x-more', 'yes');
      call.sendMetadata(more);
      done(null, HELLO, more);
    });
    expect(await ask(clientOf(port))).toEqual(HELLO);
  });

  test('a method that it does not have', async () => {
    const { port } = await grpcServer((_, done) => done(null, HELLO));
    const failure = await failureOf(clientOf(port).call('/test.Test/Other', HELLO, TIMEOUT_MS));
    expect(failure).toMatchObject({ code: 'UNIMPLEMENTED' });
  });

  test.each([
    ['nothing', 0],
    ['a byte', 1],
    ['900 KiB', 900 * KIB],
    ['1 MiB less the five bytes around it', KIB * KIB - 5],
  ])('%s there and back', async (_, length) => {
    const { port } = await grpcServer((call, done) => done(null, call.request));
    const message = Buffer.alloc(length, 'momento ');
    expect(message.equals(await ask(clientOf(port), message))).toBe(true);
  });

  test('a byte more than 1 MiB is not taken, and the connection lives on', async () => {
    const { port } = await grpcServer((call, done) =>
      done(null, call.request.length > 0 ? Buffer.alloc(KIB * KIB - 4) : HELLO),
    );
    const client = clientOf(port);
    expect(await failureOf(ask(client))).toMatchObject({
      code: expect.stringMatching(/RESOURCE_EXHAUSTED|INTERNAL/),
      message: 'The answer is too large.',
    });
    expect(await ask(client, Buffer.alloc(0))).toEqual(HELLO);
  });

  test('two hundred calls at once on one connection, each with its own answer', async () => {
    const peers = new Set<string>();
    const { port } = await grpcServer((call, done) => {
      peers.add(call.getPeer());
      setTimeout(() => done(null, call.request), 50 - (call.request[0] ?? 0) / 5);
    });
    const client = clientOf(port);
    const requests = Array.from({ length: 200 }, (_, index) => Buffer.from([index]));
    const answers = await Promise.all(requests.map((request) => ask(client, request)));
    expect(answers.map(([first]) => first)).toEqual(requests.map(([first]) => first));
    expect(peers.size).toBe(1);
  });
});

describe('answers that a gRPC server does not give', () => {
  const whole = frame(HELLO);

  test('in pieces of one byte: it is put together', async () => {
    const { port } = await bareServer((stream) =>
      answer(
        stream,
        [...whole].map((byte) => Buffer.from([byte])),
      ),
    );
    expect(await ask(clientOf(port))).toEqual(HELLO);
  });

  test.each<[string, Buffer[], string]>([
    ['no message at all', [], 'The answer is not one whole message.'],
    ['a cut-off header', [whole.subarray(0, 4)], 'The answer is not one whole message.'],
    ['a cut-off message', [whole.subarray(0, -1)], 'The answer is not one whole message.'],
    ['a byte too many', [whole, Buffer.from([0])], 'The answer is not one whole message.'],
    ['two messages', [whole, whole], 'The answer is not one whole message.'],
    [
      'a length beyond all bounds',
      [frame(HELLO, { length: 0xffffffff })],
      'The answer is not one whole message.',
    ],
    ['the flag for compressed', [frame(HELLO, { flag: 1 })], 'The answer is compressed.'],
  ])('%s: INTERNAL', async (_, pieces, message) => {
    const { port } = await bareServer((stream) => answer(stream, pieces));
    expect(await failureOf(ask(clientOf(port)))).toMatchObject({ code: 'INTERNAL', message });
  });

  test('a refusal counts, whatever body came before it', async () => {
    const { port } = await bareServer((stream) =>
      answer(stream, [whole], { 'grpc-status': '16', 'grpc-message': 'no%20such%20key' }),
    );
    expect(await failureOf(ask(clientOf(port)))).toMatchObject({
      code: 'UNAUTHENTICATED',
      message: 'no such key',
    });
  });

  test.each([
    ['a number that is none of gRPC', { 'grpc-status': '17' }, 'UNKNOWN'],
    ['below zero', { 'grpc-status': '-1' }, 'UNKNOWN'],
    ['a word', { 'grpc-status': 'OK' }, 'UNKNOWN'],
    ['the name of what every array has', { 'grpc-status': 'length' }, 'UNKNOWN'],
    ['two at once', { 'grpc-status': ['0', '0'] }, 'UNKNOWN'],
    ['nothing in it', { 'grpc-status': '' }, 'UNKNOWN'],
    ['nothing said about it', { 'grpc-status': '5' }, 'NOT_FOUND'],
  ])('status %s is no success', async (_, trailers, code) => {
    const { port } = await bareServer((stream) => answer(stream, [whole], trailers));
    // Never without a word: where the server has none, the code is one.
    expect(await failureOf(ask(clientOf(port)))).toMatchObject({ code, message: /./ });
  });

  test('a message that is not percent-encoding is told as it came', async () => {
    const { port } = await bareServer((stream) =>
      answer(stream, [], { 'grpc-status': '5', 'grpc-message': '100%' }),
    );
    expect(await failureOf(ask(clientOf(port)))).toMatchObject({ message: '100%' });
  });

  test('a body and no status is no success', async () => {
    const { port } = await bareServer((stream) => answer(stream, [whole], {}));
    expect(await failureOf(ask(clientOf(port)))).toMatchObject({
      code: 'UNKNOWN',
      message: 'The answer has no gRPC status (HTTP 200).',
    });
  });

  test.each([
    [400, 'INTERNAL'],
    [401, 'UNAUTHENTICATED'],
    [403, 'PERMISSION_DENIED'],
    [404, 'UNIMPLEMENTED'],
    [429, 'UNAVAILABLE'],
    [500, 'UNKNOWN'],
    [502, 'UNAVAILABLE'],
    [503, 'UNAVAILABLE'],
    [504, 'UNAVAILABLE'],
  ])('HTTP %d of a proxy: %s', async (httpStatus, code) => {
    const { port } = await bareServer((stream) => {
      stream.respond({ ':status': httpStatus, 'content-type': 'text/html' });
      stream.end('<h1>proxy</h1>');
    });
    expect(await failureOf(ask(clientOf(port)))).toMatchObject({
      code,
      message: `The answer has no gRPC status (HTTP ${httpStatus}).`,
    });
  });

  test('what travels is what gRPC wants', async () => {
    let seen: IncomingHttpHeaders = {};
    let body: Buffer = Buffer.alloc(0);
    const { port } = await bareServer((stream, headers) => {
      seen = headers;
      stream.on('data', (chunk: Buffer) => {
        body = Buffer.concat([body, chunk]);
      });
      stream.on('end', () => answer(stream, [whole]));
    });
    await ask(clientOf(port), HELLO, 1_234.5);
    expect(seen).toMatchObject({
      ':method': 'POST',
      ':path': PATH,
      'content-type': 'application/grpc+proto',
      te: 'trailers',
      'grpc-timeout': '1235m',
    });
    expect(body).toEqual(whole);
  });
});

describe('the deadline', () => {
  test('ends a call that nobody answers; the next one takes a new connection', async () => {
    const { port, connections } = await bareServer((stream, headers, turn) =>
      turn === 1 ? undefined : sayHello(stream, headers, turn),
    );
    const client = clientOf(port);
    const startedMs = performance.now();
    expect(await failureOf(ask(client, HELLO, 100))).toMatchObject({
      code: 'DEADLINE_EXCEEDED',
      unseen: false,
    });
    const tookMs = performance.now() - startedMs;
    expect(tookMs).toBeGreaterThanOrEqual(95);
    expect(tookMs).toBeLessThan(1_000);
    expect(await ask(client)).toEqual(HELLO);
    expect(connections()).toBe(2);
  });

  test('ends one whose answer stays half', async () => {
    const { port } = await bareServer((stream) => {
      stream.respond(HEADERS);
      stream.write(frame(HELLO).subarray(0, 7));
    });
    expect(await failureOf(ask(clientOf(port), HELLO, 100))).toMatchObject({
      code: 'DEADLINE_EXCEEDED',
    });
  });

  test.each(['http', 'https'])(
    'ends one to a listener that never says a word (%s)',
    async (scheme) => {
      const sockets: Socket[] = [];
      const listener = createTcpServer((socket) => {
        socket.on('error', () => {});
        socket.resume();
        sockets.push(socket);
      });
      listener.listen(0, '127.0.0.1');
      await once(listener, 'listening');
      afterwards.push(() => {
        for (const socket of sockets) socket.destroy();
        listener.close();
      });
      const { port } = listener.address() as AddressInfo;
      const client = clientOf(port, { origin: `${scheme}://127.0.0.1:${port}` });
      const failure = await failureOf(ask(client, HELLO, 100));
      expect(failure).toMatchObject({ code: 'DEADLINE_EXCEEDED' });
      // It leaves no connection behind that hangs for ever.
      const [socket] = sockets;
      if (socket !== undefined && !socket.destroyed) await once(socket, 'close');
      expect(sockets).toHaveLength(1);
    },
    5_000,
  );

  test('leaves the others on the same connection their own time', async () => {
    const { port } = await bareServer((stream, headers, turn) => {
      if (turn > 1) setTimeout(() => sayHello(stream, headers, turn), 200);
    });
    const client = clientOf(port);
    const [hung, other] = await Promise.all([failureOf(ask(client, HELLO, 100)), ask(client)]);
    expect(hung).toMatchObject({ code: 'DEADLINE_EXCEEDED' });
    expect(other).toEqual(HELLO);
  });
});

describe('the connection', () => {
  test('is kept from call to call', async () => {
    const { port, connections } = await bareServer(sayHello);
    const client = clientOf(port);
    for (let turn = 0; turn < 5; turn += 1) await ask(client);
    expect(connections()).toBe(1);
  });

  test.each([
    [20_000, 1],
    [20_001, 2],
  ])('idle for %d ms: after two calls there were %d', async (idleMs, expected) => {
    let nowMs = 1_000_000;
    const { port, connections } = await bareServer(sayHello);
    const client = clientOf(port, { now: () => nowMs });
    await ask(client);
    nowMs += idleMs;
    await ask(client);
    expect(connections()).toBe(expected);
  });

  test('is idle from the end of the last call, for as long as was asked for', async () => {
    let nowMs = 1_000_000;
    const { port, connections } = await bareServer((stream, headers, turn) => {
      nowMs += 100;
      sayHello(stream, headers, turn);
    });
    const client = clientOf(port, { now: () => nowMs, maxIdleMs: 50 });
    await ask(client);
    nowMs += 50;
    await ask(client);
    expect(connections()).toBe(1);
    nowMs += 51;
    await ask(client);
    expect(connections()).toBe(2);
  });

  test('an idle one that is given up is closed', async () => {
    let nowMs = 1_000_000;
    const { port, sessions } = await bareServer(sayHello);
    const client = clientOf(port, { now: () => nowMs });
    await ask(client);
    const [idle] = sessions;
    nowMs += 20_001;
    const closed = idle && once(idle, 'close');
    await ask(client);
    await closed;
    expect(sessions.size).toBe(1);
  });

  test('GOAWAY between calls: the next call takes a new one', async () => {
    const { port, sessions, connections } = await bareServer(sayHello);
    const client = clientOf(port);
    for (let turn = 1; turn <= 3; turn += 1) {
      expect(await ask(client)).toEqual(HELLO);
      const [session] = sessions;
      if (session === undefined) throw new Error('there is a session');
      const gone = once(session, 'close');
      session.close();
      await gone;
    }
    expect(connections()).toBe(3);
  });

  test('GOAWAY during a call: the call ends well, the next one goes elsewhere', async () => {
    let answerFirst = () => {};
    const { port, connections } = await bareServer((stream, headers, turn) => {
      if (turn > 1) return sayHello(stream, headers, turn);
      answerFirst = () => sayHello(stream, headers, turn);
      stream.session?.goaway(constants.NGHTTP2_NO_ERROR, 2 ** 31 - 1);
    });
    const client = clientOf(port);
    const first = ask(client);
    // Until it has heard of it.
    while (connections() < 2) expect(await ask(client)).toEqual(HELLO);
    answerFirst();
    expect(await first).toEqual(HELLO);
    expect(connections()).toBe(2);
  });

  test('GOAWAY that says which of two calls was not seen', async () => {
    const seen: ServerHttp2Stream[] = [];
    const { port, connections } = await bareServer((stream, headers, turn) => {
      if (turn > 2) return sayHello(stream, headers, turn);
      seen.push(stream);
      if (turn === 2) stream.session?.goaway(constants.NGHTTP2_NO_ERROR, seen[0]?.id);
    });
    const client = clientOf(port);
    const first = ask(client);
    expect(await failureOf(ask(client))).toMatchObject({ code: 'UNAVAILABLE', unseen: true });
    expect(await ask(client)).toEqual(HELLO);
    expect(connections()).toBe(2);
    for (const stream of seen.slice(0, 1)) answer(stream, [frame(HELLO)]);
    expect(await first).toEqual(HELLO);
  });

  test.each([
    ['REFUSED_STREAM', constants.NGHTTP2_REFUSED_STREAM, true],
    ['CANCEL', constants.NGHTTP2_CANCEL, false],
    ['INTERNAL_ERROR', constants.NGHTTP2_INTERNAL_ERROR, false],
  ])('RST_STREAM %s: UNAVAILABLE, and whether it was seen', async (_, code, unseen) => {
    const { port, connections } = await bareServer((stream, headers, turn) =>
      turn === 1 ? stream.close(code) : sayHello(stream, headers, turn),
    );
    const client = clientOf(port);
    expect(await failureOf(ask(client))).toMatchObject({ code: 'UNAVAILABLE', unseen });
    expect(await ask(client)).toEqual(HELLO);
    // It was the call that was refused, not the connection.
    expect(connections()).toBe(1);
  });

  test.each<[string, (stream: ServerHttp2Stream) => unknown]>([
    ['of the call', (stream) => stream.destroy(new Error('scripted'))],
    ['of the connection', (stream) => stream.session?.destroy()],
  ])('the end %s in the middle of an answer is no answer', async (_, end) => {
    const { port } = await bareServer((stream) => {
      stream.respond(HEADERS);
      stream.write(frame(HELLO), () => setImmediate(end, stream));
    });
    expect(await failureOf(ask(clientOf(port)))).toMatchObject({
      code: 'UNAVAILABLE',
      unseen: false,
    });
  });

  test('nobody listens: UNAVAILABLE, and nobody can have seen it', async () => {
    const { port, close } = await bareServer(sayHello);
    await close();
    const client = clientOf(port);
    for (let turn = 1; turn <= 2; turn += 1) {
      expect(await failureOf(ask(client))).toMatchObject({ code: 'UNAVAILABLE', unseen: true });
    }
    await bareServer(sayHello, { port });
    expect(await ask(client)).toEqual(HELLO);
  });

  test('a host that no name server knows: the same', async () => {
    const client = clientOf(1, { origin: 'http://nobody.invalid:1' });
    expect(await failureOf(ask(client))).toMatchObject({ code: 'UNAVAILABLE', unseen: true });
  });

  test('an address that is none: a GrpcFailure as well', async () => {
    const client = clientOf(1, { origin: 'https://not a host' });
    const asked = (async () => ask(client))();
    expect(await failureOf(asked)).toMatchObject({ code: 'UNAVAILABLE', unseen: true });
  });

  test('the server is killed in the middle of a call, and comes back on the same port', async () => {
    const first = await bareServer(never);
    const client = clientOf(first.port);
    const asked = failureOf(ask(client));
    while (first.calls() === 0) await new Promise((resolve) => setImmediate(resolve));
    await first.close();
    expect(await asked).toMatchObject({ code: 'UNAVAILABLE', unseen: false });
    await bareServer(sayHello, { port: first.port });
    expect(await ask(client)).toEqual(HELLO);
  });

  test('the server restarts between two calls', async () => {
    const first = await bareServer(sayHello);
    const client = clientOf(first.port);
    expect(await ask(client)).toEqual(HELLO);
    await first.close();
    await bareServer(sayHello, { port: first.port });
    // The end of the old connection may not have been heard of yet: then once more.
    const second = await failureOf(ask(client));
    if (second instanceof GrpcFailure) expect(second.code).toBe('UNAVAILABLE');
    expect(await ask(client)).toEqual(HELLO);
  });

  test('more calls at once than the server allows wait for their turn', async () => {
    let open = 0;
    let most = 0;
    const { port } = await bareServer(
      (stream, headers, turn) => {
        open += 1;
        most = Math.max(most, open);
        stream.once('close', () => {
          open -= 1;
        });
        setTimeout(() => sayHello(stream, headers, turn), 5);
      },
      { settings: { maxConcurrentStreams: 10 } },
    );
    const client = clientOf(port);
    // The server's settings have to have come.
    await ask(client);
    const answers = await Promise.all(Array.from({ length: 50 }, () => ask(client)));
    expect(answers).toHaveLength(50);
    expect(most).toBeLessThanOrEqual(10);
  });

  test('close() ends what is under way, with a failure of ours', async () => {
    const { port, calls } = await bareServer(never);
    const client = clientOf(port);
    const asked = failureOf(ask(client));
    while (calls() === 0) await new Promise((resolve) => setImmediate(resolve));
    client.close();
    expect(await asked).toBeInstanceOf(GrpcFailure);
  });

  test('a listener that speaks HTTP/1.1', async () => {
    const listener = createTcpServer((socket) => {
      socket.on('error', () => {});
      socket.on('data', () => socket.end('HTTP/1.1 400 Bad Request\r\n\r\n'));
    });
    listener.listen(0, '127.0.0.1');
    await once(listener, 'listening');
    afterwards.push(() => listener.close());
    const client = clientOf((listener.address() as AddressInfo).port);
    expect(await failureOf(ask(client))).toMatchObject({ code: 'UNAVAILABLE' });
  });
});

describe('by TLS', () => {
  async function secureServer() {
    const { cert, key } = selfSigned('localhost');
    const server = createSecureServer({ cert, key });
    const sessions = new Set<ServerHttp2Session>();
    let calls = 0;
    watch(server, sessions, () => {});
    server.on('stream', (stream: ServerHttp2Stream) => {
      calls += 1;
      answer(stream, [frame(HELLO)]);
    });
    await listening(server, 0);
    afterwards.push(() => {
      server.close();
      for (const session of sessions) session.destroy();
    });
    return { port: (server.address() as AddressInfo).port, cert, calls: () => calls };
  }

  /** In a process of its own, which nothing but its own work keeps alive. */
  async function callsInAProcess(port: number, environment: NodeJS.ProcessEnv) {
    const client = new URL('../../../lambda/shared/grpc-unary.ts', import.meta.url).href;
    const program = `
      const { GrpcUnary } = await import(${JSON.stringify(client)});
      const client = new GrpcUnary({ origin: 'https://localhost:${port}' });
      const calls = Array.from({ length: 50 }, () => client.call('${PATH}', Buffer.of(1), 5_000));
      console.log(await Promise.all(calls).then((all) => Buffer.concat(all).toString(),
        ({ code, message, unseen }) => JSON.stringify({ code, message, unseen })));`;
    const { stdout, stderr } = await promisify(execFile)(
      process.execPath,
      ['--import', 'tsx', '--input-type=module', '--eval', program],
      { env: { ...process.env, NODE_OPTIONS: '', ...environment }, timeout: 10_000 },
    );
    return { stdout: stdout.trim(), stderr };
  }

  test('a certificate that nobody vouches for is refused before a word is said, and the failure says why', async () => {
    const { port, calls } = await secureServer();
    const { stdout } = await callsInAProcess(port, {});
    expect(JSON.parse(stdout)).toEqual({
      code: 'UNAVAILABLE',
      message: 'The connection was lost (self-signed certificate).',
      unseen: true,
    });
    expect(calls()).toBe(0);
  });

  test('one that is trusted is taken; fifty calls at once, no warning, and the process ends by itself', async () => {
    const { port, cert, calls } = await secureServer();
    const folder = mkdtempSync(join(tmpdir(), 'grpc-unary-'));
    afterwards.push(() => rmSync(folder, { recursive: true }));
    const trusted = join(folder, 'trusted.pem');
    writeFileSync(trusted, cert);
    expect(await callsInAProcess(port, { NODE_EXTRA_CA_CERTS: trusted })).toEqual({
      stdout: 'hello'.repeat(50),
      stderr: '',
    });
    expect(calls()).toBe(50);
  });
});

/** A certificate that signed itself, for a day. X.509 in DER, as far as a test needs it (RFC 5280). */
function selfSigned(host: string): { cert: string; key: string } {
  const { publicKey, privateKey } = generateKeyPairSync('ec', { namedCurve: 'P-256' });
  const der = (tag: number, ...content: Uint8Array[]): Buffer => {
    const body = Buffer.concat(content);
    const length = body.length < 128 ? [body.length] : [0x82, body.length >> 8, body.length & 0xff];
    return Buffer.concat([Buffer.from([tag, ...length]), body]);
  };
  const sequence = (...content: Uint8Array[]) => der(0x30, ...content);
  const utcTime = (epochMs: number) =>
    der(0x17, Buffer.from(`${new Date(epochMs).toISOString().replace(/\D/g, '').slice(2, 14)}Z`));
  const ecdsaWithSha256 = sequence(Buffer.from('06082a8648ce3d040302', 'hex'));
  const commonName = Buffer.from('0603550403', 'hex');
  const name = sequence(der(0x31, sequence(commonName, der(0x0c, Buffer.from(host)))));
  const dayMs = 86_400_000;
  const toBeSigned = sequence(
    der(0xa0, der(0x02, Buffer.from([2]))),
    der(0x02, Buffer.from([1])),
    ecdsaWithSha256,
    name,
    sequence(utcTime(Date.now() - dayMs), utcTime(Date.now() + dayMs)),
    name,
    publicKey.export({ type: 'spki', format: 'der' }),
  );
  const signature = sign('sha256', toBeSigned, privateKey);
  const cert = sequence(toBeSigned, ecdsaWithSha256, der(0x03, Buffer.from([0]), signature));
  return {
    cert: `-----BEGIN CERTIFICATE-----\n${cert.toString('base64').replace(/.{64}/g, '$&\n')}\n-----END CERTIFICATE-----\n`,
    key: privateKey.export({ type: 'pkcs8', format: 'pem' }).toString(),
  };
}
