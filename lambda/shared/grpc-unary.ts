// One unary gRPC call over node:http2. A full gRPC client costs more start-up time than all the rest of the
// function (docs/performance.md); a unary call is small: a five-byte frame each way, and trailers.
// Source: gRPC over HTTP/2 (github.com/grpc/grpc, doc/PROTOCOL-HTTP2.md).
//
//   no session ─► connect ─► session ─► call … call ─► idle too long, GOAWAY, or an error ─► no session
//
// A session is never used after it was idle for long: a frozen Lambda function thaws with connections that
// are dead and do not know it.

import type { ClientHttp2Session, ClientHttp2Stream } from 'node:http2';
import type { Socket } from 'node:net';
import { Failure } from './failure.ts';

/** gRPC's status codes by their numbers. Source: doc/statuscodes.md of gRPC. */
const STATUS_NAMES = [
  'OK',
  'CANCELLED',
  'UNKNOWN',
  'INVALID_ARGUMENT',
  'DEADLINE_EXCEEDED',
  'NOT_FOUND',
  'ALREADY_EXISTS',
  'PERMISSION_DENIED',
  'RESOURCE_EXHAUSTED',
  'FAILED_PRECONDITION',
  'ABORTED',
  'OUT_OF_RANGE',
  'UNIMPLEMENTED',
  'INTERNAL',
  'UNAVAILABLE',
  'DATA_LOSS',
  'UNAUTHENTICATED',
] as const;

export type GrpcStatus = (typeof STATUS_NAMES)[number];

export class GrpcFailure extends Failure<Exclude<GrpcStatus, 'OK'>> {
  /** The server cannot have seen the call: repeating it is safe whatever it does. */
  readonly unseen: boolean;

  constructor(
    code: Exclude<GrpcStatus, 'OK'>,
    message: string,
    options: ErrorOptions & { readonly unseen?: boolean } = {},
  ) {
    super(code, message, options);
    this.unseen = options.unseen ?? false;
  }
}

export interface GrpcUnaryOptions {
  /** `https://host[:port]`, or `http://` for a plaintext server on this machine. */
  readonly origin: string;
  /** A session that was idle for longer is not used again. @default 20000 */
  readonly maxIdleMs?: number;
  /** Epoch milliseconds. @default Date.now */
  readonly now?: () => number;
}

/** Loaded where it is used: a start that finds a shared token does without. */
const http2 = () => process.getBuiltinModule('node:http2');

const MAX_RESPONSE_BYTES = 1024 * 1024;
const FRAME_HEADER_BYTES = 5;

export class GrpcUnary {
  readonly #options: GrpcUnaryOptions;
  readonly #now: () => number;
  #connection: Connection | undefined;
  #lastUsedMs = 0;

  constructor(options: GrpcUnaryOptions) {
    this.#options = options;
    this.#now = options.now ?? Date.now;
  }

  /** The response message. Throws `GrpcFailure` and nothing else, at the latest after `timeoutMs`. */
  async call(path: string, request: Uint8Array, timeoutMs: number): Promise<Uint8Array> {
    let connection: Connection;
    try {
      connection = this.#usableConnection();
    } catch (error) {
      throw lostConnection(error, false);
    }
    return new Promise((resolve, reject) => {
      let settled = false;
      const settle = <T>(act: (value: T) => void, value: T) => {
        if (settled) return;
        settled = true;
        clearTimeout(timer);
        this.#lastUsedMs = this.#now();
        leave(connection, onLost);
        act(value);
      };
      const fail = (failure: GrpcFailure) => settle(reject, failure);
      const timer = setTimeout(() => {
        fail(new GrpcFailure('DEADLINE_EXCEEDED', `No answer within ${timeoutMs} ms.`));
        stream?.close(http2().constants.NGHTTP2_CANCEL);
        // Whatever made it hang may be the connection.
        this.#forget(connection);
      }, timeoutMs);
      const isConnected = () => connection.socket !== undefined;
      const onLost = (error?: Error) => fail(lostConnection(error, isConnected()));
      enter(connection, onLost);

      let stream: ClientHttp2Stream | undefined;
      try {
        stream = connection.session.request({
          ':method': 'POST',
          ':path': path,
          'content-type': 'application/grpc+proto',
          te: 'trailers',
          'grpc-timeout': `${Math.max(1, Math.ceil(timeoutMs))}m`,
          'user-agent': 'momento-auth-stack',
        });
      } catch (error) {
        // It was closed between our look at it and now.
        return fail(lostConnection(error, false));
      }
      const answer = new Answer();
      const opened = stream;
      stream.on('response', (headers) => answer.headers(headers));
      stream.on('trailers', (trailers) => answer.trailers(trailers));
      stream.on('data', (chunk: Buffer) => {
        if (answer.data(chunk)) return;
        fail(new GrpcFailure('INTERNAL', 'The answer is too large.'));
        opened.close(http2().constants.NGHTTP2_CANCEL);
      });
      const lost = (error?: Error) =>
        fail(
          isConnected()
            ? lostStream(error, opened.rstCode)
            : lostConnection(error?.cause ?? error, false),
        );
      stream.on('error', lost);
      // What is whole need not wait until the stream is taken down.
      stream.on('end', () => {
        const result = answer.result();
        if (!(result instanceof GrpcFailure)) settle(resolve, result);
      });
      stream.on('close', () => {
        if (settled) return;
        if (opened.rstCode !== http2().constants.NGHTTP2_NO_ERROR) return lost();
        const result = answer.result();
        if (result instanceof GrpcFailure) fail(result);
        else settle(resolve, result);
      });
      stream.end(framed(request));
    });
  }

  /** Connects, so that a call that comes then is on its way at once. Throws `GrpcFailure` where that cannot be. */
  async ready(timeoutMs: number): Promise<void> {
    let connection: Connection;
    try {
      connection = this.#usableConnection();
    } catch (error) {
      throw lostConnection(error, false);
    }
    if (connection.socket !== undefined) return;
    await new Promise<void>((resolve, reject) => {
      const settle = () => {
        clearTimeout(timer);
        leave(connection, onLost);
      };
      const fail = (failure: GrpcFailure) => {
        settle();
        reject(failure);
      };
      const onLost = (error?: Error) => fail(lostConnection(error, false));
      const timer = setTimeout(() => {
        const said = `No connection within ${timeoutMs} ms.`;
        fail(new GrpcFailure('DEADLINE_EXCEEDED', said, { unseen: true }));
        this.#forget(connection);
      }, timeoutMs);
      enter(connection, onLost);
      void connection.made.then(() => {
        settle();
        resolve();
      });
    });
  }

  close(): void {
    this.#connection?.session.destroy();
    this.#connection = undefined;
  }

  #usableConnection(): Connection {
    const { origin, maxIdleMs = 20_000 } = this.#options;
    const idleMs = this.#now() - this.#lastUsedMs;
    const known = this.#connection;
    if (known !== undefined) {
      const { closed, destroyed } = known.session;
      if (!closed && !destroyed && idleMs <= maxIdleMs) return known;
      this.#forget(known);
    }
    const session = http2().connect(origin);
    const connection: Connection = {
      session,
      calls: new Set(),
      socket: undefined,
      made: new Promise((resolve) => {
        session.on('connect', (_, socket) => {
          connection.socket = socket;
          resolve();
        });
      }),
    };
    const lost = (error?: Error) => {
      for (const onLost of connection.calls) onLost(error);
      this.#forget(connection);
    };
    session.on('goaway', () => this.#forget(connection));
    session.on('error', lost);
    session.on('close', lost);
    this.#connection = connection;
    this.#lastUsedMs = this.#now();
    return connection;
  }

  /** Calls under way on it may finish; no new one begins. */
  #forget(connection: Connection): void {
    if (this.#connection === connection) this.#connection = undefined;
    const { session, calls } = connection;
    if (session.destroyed) return;
    // `close` waits for calls under way, and for ever where the other side never said a word.
    if (calls.size === 0) session.destroy();
    else if (!session.closed) session.close();
  }
}

interface Connection {
  readonly session: ClientHttp2Session;
  /** What is under way on it, and how to tell it that the session has failed. */
  readonly calls: Set<(error?: Error) => void>;
  /** Undefined until it came to be: before that nothing can have been seen. */
  socket: Socket | undefined;
  /** Resolves when it has come to be. */
  readonly made: Promise<void>;
}

/** A connection keeps the process alive only while a call is under way on it. */
function enter({ session, calls, socket }: Connection, onLost: (error?: Error) => void): void {
  if (calls.size === 0) (socket ?? session).ref();
  calls.add(onLost);
}

function leave({ session, calls, socket }: Connection, onLost: (error?: Error) => void): void {
  calls.delete(onLost);
  // The session of a socket whose other end does not close it may be closed already.
  if (calls.size === 0) (socket ?? session).unref();
}

/** Collects one answer; a trailers-only answer has its status among the headers. */
class Answer {
  #httpStatus = 0;
  #status: string | undefined;
  #message = '';
  #chunks: Buffer[] = [];
  #bytes = 0;

  headers(headers: Readonly<Record<string, unknown>>): void {
    this.#httpStatus = Number(headers[':status']);
    this.trailers(headers);
  }

  trailers(trailers: Readonly<Record<string, unknown>>): void {
    const { 'grpc-status': status, 'grpc-message': message } = trailers;
    if (status !== undefined) this.#status = String(status);
    if (message !== undefined) this.#message = decodeMessage(String(message));
  }

  /** False when it is more than an answer may have. */
  data(chunk: Buffer): boolean {
    this.#chunks.push(chunk);
    this.#bytes += chunk.length;
    return this.#bytes <= MAX_RESPONSE_BYTES;
  }

  result(): Uint8Array | GrpcFailure {
    if (this.#status === undefined) return withoutStatus(this.#httpStatus);
    // An empty status would read as the number 0, which is OK.
    const code = /^\d+$/.test(this.#status)
      ? (STATUS_NAMES[Number(this.#status)] ?? 'UNKNOWN')
      : 'UNKNOWN';
    if (code !== 'OK') return new GrpcFailure(code, this.#message || code);
    const body = Buffer.concat(this.#chunks);
    const isWhole =
      body.length >= FRAME_HEADER_BYTES &&
      body.length === FRAME_HEADER_BYTES + body.readUInt32BE(1);
    if (!isWhole) return new GrpcFailure('INTERNAL', 'The answer is not one whole message.');
    if (body[0] !== 0) return new GrpcFailure('INTERNAL', 'The answer is compressed.');
    return body.subarray(FRAME_HEADER_BYTES);
  }
}

function framed(message: Uint8Array): Buffer {
  const frame = Buffer.alloc(FRAME_HEADER_BYTES + message.length);
  frame.writeUInt32BE(message.length, 1);
  frame.set(message, FRAME_HEADER_BYTES);
  return frame;
}

/** What an answer without a gRPC status means: a proxy spoke. Source: gRPC, doc/http-grpc-status-mapping.md. */
function withoutStatus(httpStatus: number): GrpcFailure {
  const code = ((): Exclude<GrpcStatus, 'OK'> => {
    switch (httpStatus) {
      case 400:
        return 'INTERNAL';
      case 401:
        return 'UNAUTHENTICATED';
      case 403:
        return 'PERMISSION_DENIED';
      case 404:
        return 'UNIMPLEMENTED';
      case 429:
      case 502:
      case 503:
      case 504:
        return 'UNAVAILABLE';
      default:
        return 'UNKNOWN';
    }
  })();
  return new GrpcFailure(code, `The answer has no gRPC status (HTTP ${httpStatus || 'none'}).`);
}

const lostConnection = (cause: unknown, connected: boolean): GrpcFailure =>
  new GrpcFailure(
    'UNAVAILABLE',
    `The connection was lost (${cause instanceof Error ? cause.message : 'closed'}).`,
    {
      cause,
      unseen: !connected,
    },
  );

function lostStream(cause: Error | undefined, rstCode: number): GrpcFailure {
  const refused = rstCode === http2().constants.NGHTTP2_REFUSED_STREAM;
  return new GrpcFailure('UNAVAILABLE', `The call was broken off (HTTP/2 code ${rstCode}).`, {
    cause,
    unseen: refused,
  });
}

function decodeMessage(message: string): string {
  try {
    return decodeURIComponent(message);
  } catch {
    return message;
  }
}
