// What the client gets of a function's result: payload format 2.0.

import { validateHeaderName, validateHeaderValue } from 'node:http';
import * as v from 'valibot';
import { type Answer, internalServerError } from './answer.ts';

const headerValue = v.pipe(v.union([v.string(), v.number(), v.boolean()]), v.transform(String));

const resultSchema = v.looseObject({
  statusCode: v.pipe(
    v.union([v.number(), v.pipe(v.string(), v.transform(Number))]),
    v.integer(),
    v.minValue(200),
    v.maxValue(599),
  ),
  headers: v.optional(v.nullable(v.record(v.string(), headerValue))),
  cookies: v.optional(v.nullable(v.array(v.string()))),
  body: v.optional(v.nullable(v.string())),
  isBase64Encoded: v.optional(v.nullable(v.boolean())),
});

/** They describe the connection to the function, not the one to the client. */
const dropped = new Set([
  'connection',
  'content-length',
  'date',
  'keep-alive',
  'transfer-encoding',
  'upgrade',
]);

/** A result without `statusCode` is itself the body of a 200; a malformed one is a 500. */
export function proxyAnswer(result: unknown): Answer {
  if (typeof result !== 'object' || result === null || !('statusCode' in result)) {
    const body = typeof result === 'string' ? result : JSON.stringify(result);
    return { status: 200, headers: { 'content-type': 'application/json' }, body };
  }
  const read = v.safeParse(resultSchema, result);
  if (!read.success) return internalServerError;
  const { statusCode, headers, cookies, body, isBase64Encoded } = read.output;
  const given = Object.entries(headers ?? {}).map(
    ([name, value]) => [name.toLowerCase(), value] as const,
  );
  if (
    !given.every(isValid) ||
    !(cookies ?? []).every((cookie) => isValid(['set-cookie', cookie]))
  ) {
    return internalServerError;
  }
  const text = body ?? '';
  return {
    status: statusCode,
    headers: {
      'content-type': 'text/plain;charset=utf-8',
      ...Object.fromEntries(given.filter(([name]) => !dropped.has(name))),
    },
    cookies: cookies ?? [],
    body: isBase64Encoded ? Buffer.from(text, 'base64') : text,
  };
}

function isValid([name, value]: readonly [string, string]): boolean {
  try {
    validateHeaderName(name);
    validateHeaderValue(name, value);
    return true;
  } catch {
    return false;
  }
}
