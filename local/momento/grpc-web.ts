// The methods over gRPC-web in its text form (base64 over HTTP/1.1), as the SDK for browsers speaks it.
//
//   POST /auth.Auth/RefreshApiToken   content-type: application/grpc-web-text
//   ─► base64( 0x00, length, message )
//   ◄─ 200, then for each message base64( 0x00, length, message ), and at the end
//      base64( 0x80, length, "grpc-status:0\r\ngrpc-message:\r\n" )
//
// Each piece is base64 of its own, padded: a client decodes what has come so far, four characters at a time.

import { createServer, type IncomingMessage, type Server, type ServerResponse } from 'node:http';
import { status } from '@grpc/grpc-js';
import type { Carrier, Method } from './calls.ts';
import type { StatusName } from './refusal.ts';

const TEXT_FORM = 'application/grpc-web-text';
const MESSAGE = 0x00;
const TRAILERS = 0x80;
const PREFIX_BYTES = 5;
/** What gRPC takes as well: 4 MiB of message, a third more in base64. */
const LONGEST_BODY = ((4 * 1024 * 1024 + PREFIX_BYTES) * 4) / 3 + 4;

/** A server that is given its connections, and never listens itself. */
export function grpcWebServer(methods: readonly Method[]): Server {
  const byPath = new Map(methods.map((method) => [method.path, method]));
  return createServer((request, response) => {
    // Any page may call: what it may do is in the key that it must send along, never in a cookie.
    response.setHeader('access-control-allow-origin', '*');
    if (request.method === 'OPTIONS') return preflight(request, response);
    if (request.method !== 'POST' || !isTextForm(request)) {
      return explain(response, 415, `This is Momento: POST ${TEXT_FORM}, or speak gRPC`);
    }
    // The client looks for them in every answer, and a browser logs an error for one that is not exposed.
    response.setHeader('access-control-expose-headers', 'grpc-status, grpc-message');
    const carrier = carrierOn(response);
    const method = byPath.get(request.url ?? '');
    if (method === undefined) return carrier.end('UNIMPLEMENTED', 'There is no such method here');
    readBody(request, (body) => {
      const message = body === undefined ? undefined : messageIn(body);
      if (message === undefined) {
        return carrier.end('INVALID_ARGUMENT', 'The body is not one message in base64');
      }
      const leave = method.start(
        message,
        { callerKey: header(request, 'authorization'), cacheName: header(request, 'cache') },
        carrier,
      );
      response.once('close', leave);
    });
  });
}

function preflight(request: IncomingMessage, response: ServerResponse): void {
  response.writeHead(204, {
    'access-control-allow-methods': 'POST',
    'access-control-allow-headers': header(request, 'access-control-request-headers'),
    'access-control-max-age': '600',
    vary: 'access-control-request-headers',
  });
  response.end();
}

function explain(response: ServerResponse, statusCode: number, sentence: string): void {
  response.writeHead(statusCode, { 'content-type': 'text/plain', connection: 'close' });
  response.end(`${sentence}\n`);
}

function carrierOn(response: ServerResponse): Carrier {
  const frame = (kind: number, bytes: Buffer): string => {
    const prefix = Buffer.alloc(PREFIX_BYTES);
    prefix.writeUInt8(kind, 0);
    prefix.writeUInt32BE(bytes.length, 1);
    return Buffer.concat([prefix, bytes]).toString('base64');
  };
  response.setHeader('content-type', `${TEXT_FORM}+proto`);
  return {
    message: (bytes) => response.write(frame(MESSAGE, bytes)),
    end: (name: StatusName, details) => {
      const trailers = `grpc-status:${status[name]}\r\ngrpc-message:${encodeURIComponent(details)}\r\n`;
      response.end(frame(TRAILERS, Buffer.from(trailers)));
    },
  };
}

/** Undefined for a body over the limit; what is over it is not kept. */
function readBody(request: IncomingMessage, done: (body: string | undefined) => void): void {
  let body = '';
  let length = 0;
  request.setEncoding('latin1');
  request.on('data', (piece: string) => {
    length += piece.length;
    if (length <= LONGEST_BODY) body += piece;
  });
  request.on('end', () => done(length <= LONGEST_BODY ? body : undefined));
}

function messageIn(body: string): Buffer | undefined {
  const bytes = Buffer.from(body, 'base64');
  if (bytes.length < PREFIX_BYTES || bytes.readUInt8(0) !== MESSAGE) return undefined;
  const message = bytes.subarray(PREFIX_BYTES);
  return message.length === bytes.readUInt32BE(1) ? message : undefined;
}

function isTextForm(request: IncomingMessage): boolean {
  return header(request, 'content-type').toLowerCase().startsWith(TEXT_FORM);
}

function header(request: IncomingMessage, name: string): string {
  return request.headersDistinct[name]?.[0] ?? '';
}
