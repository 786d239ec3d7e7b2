// Lambda's Invoke REST API, described as one route for whoever owns the HTTP server.
// Source: https://docs.aws.amazon.com/lambda/latest/api/API_Invoke.html

import { randomUUID } from 'node:crypto';
import type { FunctionDefinition } from '../assembly/functions.ts';
import { type InvocationResult, type InvokeOptions, TooManyRequests } from './function.ts';

export interface InvokeApiOptions {
  readonly accountId: string;
  readonly region: string;
  readonly functions: readonly InvocableFunction[];
}

export interface InvocableFunction {
  readonly definition: Pick<FunctionDefinition, 'name' | 'arn'>;
  readonly invoke: (payload: unknown, options: InvokeOptions) => Promise<InvocationResult>;
  /** Takes the event for asynchronous invocation. */
  readonly submit: (payload: unknown, options: InvokeOptions) => { requestId: string };
}

export interface HttpAnswer {
  readonly status: number;
  readonly headers: Readonly<Record<string, string>>;
  readonly body: string;
}

export interface InvokeRoute {
  readonly method: 'POST';
  /** Of the path alone, without the query. */
  readonly pattern: RegExp;
  /** What the caller's policy must allow; also for a function that is not there. */
  readonly authorize: (match: RegExpMatchArray) => { action: string; resource: string };
  /** @param headers by lower-case name, as Node gives them */
  readonly handle: (
    match: RegExpMatchArray,
    body: string | Uint8Array,
    headers: Readonly<Record<string, string | string[] | undefined>>,
  ) => Promise<HttpAnswer>;
}

export function invokeRoute(options: InvokeApiOptions): InvokeRoute {
  const arnOf = (match: RegExpMatchArray) => functionArn(match[1] ?? '', options);
  return {
    method: 'POST',
    pattern: /^\/2015-03-31\/functions\/([^/]+)\/invocations$/,
    authorize: (match) => ({ action: 'lambda:InvokeFunction', resource: arnOf(match) }),
    handle: async (match, body, headers) => {
      const arn = arnOf(match);
      const target = options.functions.find(({ definition }) => definition.arn === arn);
      if (target === undefined) {
        return errorAnswer(404, 'ResourceNotFoundException', `Function not found: ${arn}`);
      }
      let payload: unknown;
      let clientContext: unknown;
      try {
        payload = parsePayload(body);
        clientContext = parseClientContext(headers['x-amz-client-context']);
      } catch (cause) {
        return errorAnswer(
          400,
          'InvalidRequestContentException',
          `Could not parse request body into json: ${cause instanceof Error ? cause.message : cause}`,
        );
      }
      const invokeOptions = clientContext === undefined ? {} : { clientContext };
      switch (headers['x-amz-invocation-type'] ?? 'RequestResponse') {
        case 'RequestResponse':
          return respond(target, payload, invokeOptions, headers['x-amz-log-type'] === 'Tail');
        case 'Event':
          return accepted(202, target.submit(payload, invokeOptions).requestId);
        case 'DryRun':
          return accepted(204, randomUUID());
        default:
          return errorAnswer(
            400,
            'InvalidParameterValueException',
            'X-Amz-Invocation-Type must be RequestResponse, Event or DryRun',
          );
      }
    },
  };
}

async function respond(
  target: InvocableFunction,
  payload: unknown,
  options: InvokeOptions,
  withLogTail: boolean,
): Promise<HttpAnswer> {
  try {
    const result = await target.invoke(payload, options);
    return {
      status: 200,
      headers: {
        'content-type': 'application/json',
        'x-amzn-requestid': result.requestId,
        'x-amz-executed-version': '$LATEST',
        ...(result.functionError === undefined
          ? {}
          : { 'x-amz-function-error': result.functionError }),
        ...(withLogTail
          ? { 'x-amz-log-result': Buffer.from(result.logTail).toString('base64') }
          : {}),
      },
      body: JSON.stringify(result.payload),
    };
  } catch (error) {
    if (!(error instanceof TooManyRequests)) throw error;
    return errorAnswer(429, 'TooManyRequestsException', 'Rate Exceeded.', {
      Reason: 'ReservedFunctionConcurrentInvocationLimitExceeded',
    });
  }
}

function accepted(status: 202 | 204, requestId: string): HttpAnswer {
  return { status, headers: { 'x-amzn-requestid': requestId }, body: '' };
}

function errorAnswer(
  status: number,
  type: string,
  message: string,
  more: Readonly<Record<string, string>> = {},
): HttpAnswer {
  return {
    status,
    headers: {
      'content-type': 'application/json',
      'x-amzn-errortype': type,
      'x-amzn-requestid': randomUUID(),
    },
    body: JSON.stringify({ Type: 'User', Message: message, message, ...more }),
  };
}

/** An empty body is an empty event, as it is for Lambda. */
function parsePayload(body: string | Uint8Array): unknown {
  const text = typeof body === 'string' ? body : Buffer.from(body).toString();
  return text === '' ? {} : JSON.parse(text);
}

function parseClientContext(header: string | string[] | undefined): unknown {
  return typeof header === 'string'
    ? JSON.parse(Buffer.from(header, 'base64').toString())
    : undefined;
}

/**
 * A function is written as a name, a partial ARN (`account:function:name`) or an ARN, each perhaps with
 * `:$LATEST`. Any other qualifier stays in the ARN, where it names no function: there are no versions here.
 */
export function functionArn(
  segment: string,
  { accountId, region }: Pick<InvokeApiOptions, 'accountId' | 'region'>,
): string {
  const given = decodeSegment(segment).replace(/:\$LATEST$/, '');
  if (given.startsWith('arn:')) return given;
  const [, account = accountId, name] = /^(?:(\d{12}):)?(?:function:)?(.+)$/.exec(given) ?? [];
  return `arn:aws:lambda:${region}:${account}:function:${name}`;
}

function decodeSegment(segment: string): string {
  try {
    return decodeURIComponent(segment);
  } catch {
    return segment;
  }
}
