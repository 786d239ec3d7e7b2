// What is let in: requests to a loopback name, and changes only from the page itself.
//
// Whoever reaches this page is logged in as anyone and may break the stack. A name that was made to point at this
// machine, and a page of another origin, are the two ways to it from outside: both end here.

import type { IncomingMessage, ServerResponse } from 'node:http';

const MOST_BYTES = 20_000;
const LOOPBACK = /^(127\.0\.0\.1|localhost|\[::1\])(:\d+)?$/;

export interface Refused {
  readonly status: number;
  readonly sentence: string;
}

/** Undefined for a request that may go on. Every browser sends the origin along with a POST. */
export function refusalOf({
  method,
  headers,
}: Pick<IncomingMessage, 'method' | 'headers'>): Refused | undefined {
  const { host = '', origin } = headers;
  if (!LOOPBACK.test(host))
    return { status: 403, sentence: 'This page is on a loopback address only.' };
  if (method === 'GET') return undefined;
  if (method !== 'POST') return { status: 405, sentence: 'GET or POST.' };
  if (origin !== `http://${host}`) return { status: 403, sentence: 'From the page itself only.' };
  return undefined;
}

/** Undefined for anything that is not JSON, or too much of it. */
export async function readJson(request: IncomingMessage): Promise<unknown> {
  const pieces: Buffer[] = [];
  let length = 0;
  for await (const piece of request as AsyncIterable<Buffer>) {
    length += piece.length;
    if (length <= MOST_BYTES) pieces.push(piece);
  }
  if (length > MOST_BYTES) return undefined;
  try {
    return JSON.parse(Buffer.concat(pieces).toString('utf8'));
  } catch {
    return undefined;
  }
}

export function reply(response: ServerResponse, status: number, body: unknown): void {
  response.writeHead(status, { 'content-type': 'application/json' });
  response.end(JSON.stringify(body));
}
