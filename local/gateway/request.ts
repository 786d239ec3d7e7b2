// A request as API Gateway takes it in: within its limits, header names in lower case.

import type { IncomingMessage } from 'node:http';

export interface GatewayRequest {
  readonly requestId: string;
  readonly timeMs: number;
  readonly method: string;
  /** As it stands on the wire, without the query. */
  readonly path: string;
  readonly rawQueryString: string;
  /** Decoded; values of one name are joined by a comma. */
  readonly query: Readonly<Record<string, string>>;
  /** Names in lower case, values of one name joined by a comma, without the cookies. */
  readonly headers: Readonly<Record<string, string>>;
  readonly cookies: readonly string[];
  readonly protocol: string;
  readonly sourceIp: string;
  readonly body: Buffer;
}

// https://docs.aws.amazon.com/apigateway/latest/developerguide/http-api-quotas.html
export const MAX_HEAD_BYTES = 10_240;
export const MAX_BODY_BYTES = 10 * 1024 * 1024;

/** Bytes of the request line and the headers, as they stood on the wire. */
export function headBytes({ method, url, httpVersion, rawHeaders }: IncomingMessage): number {
  const line = `${method} ${url} HTTP/${httpVersion}\r\n`.length;
  // Two for ": " after a name, two for the line's end after a value.
  return rawHeaders.reduce((bytes, text) => bytes + text.length + 2, line);
}

/** Undefined for a body over the limit, which is read to its end: only then does the client see the answer. */
export async function readBody(incoming: IncomingMessage): Promise<Buffer | undefined> {
  const chunks: Buffer[] = [];
  let size = 0;
  for await (const chunk of incoming as AsyncIterable<Buffer>) {
    size += chunk.byteLength;
    if (size <= MAX_BODY_BYTES) chunks.push(chunk);
    else chunks.length = 0;
  }
  return size <= MAX_BODY_BYTES ? Buffer.concat(chunks) : undefined;
}

/** Without its body, which is read only when the head is within the limit. */
export function readHead(
  incoming: IncomingMessage,
  { requestId, timeMs }: { readonly requestId: string; readonly timeMs: number },
): GatewayRequest {
  const [path = '/', rawQueryString = ''] = (incoming.url ?? '/').split(/\?(.*)/s);
  const { cookie, ...headers } = joined(pairs(incoming.rawHeaders));
  return {
    requestId,
    timeMs,
    method: incoming.method ?? 'GET',
    path,
    rawQueryString,
    query: joined(new URLSearchParams(rawQueryString)),
    headers,
    cookies: cookie === undefined ? [] : cookie.split(/[;,]\s*/).filter((each) => each !== ''),
    protocol: `HTTP/${incoming.httpVersion}`,
    sourceIp: incoming.socket.remoteAddress ?? '',
    body: Buffer.alloc(0),
  };
}

function* pairs(rawHeaders: readonly string[]): Generator<[string, string]> {
  for (let index = 0; index < rawHeaders.length; index += 2) {
    yield [(rawHeaders[index] ?? '').toLowerCase(), rawHeaders[index + 1] ?? ''];
  }
}

function joined(entries: Iterable<[string, string]>): Record<string, string> {
  const values = new Map<string, string>();
  for (const [name, value] of entries) {
    const before = values.get(name);
    values.set(name, before === undefined ? value : `${before},${value}`);
  }
  // Not built by assignment: a name such as `__proto__` must be an ordinary name.
  return Object.fromEntries(values);
}
