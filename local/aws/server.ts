// One loopback HTTP server for all AWS APIs of the stack.
//
//   request ─► which operation? ─► whose signature? ─► read the input ─► may it? ─► intercept ─► effect ─► answer
//
// Everything from "may it?" to the effect happens in one synchronous step, so that no two calls
// interleave, unless an interceptor asks for a delay. Where somebody else works (REST routes, relayed services), the
// effect is that one's affair from there on.

import { randomUUID } from 'node:crypto';
import { once } from 'node:events';
import { createServer, type IncomingMessage, type ServerResponse } from 'node:http';
import { setTimeout as sleep } from 'node:timers/promises';
import { closeServer, listenOnLoopback } from '../ports.ts';
import { AwsError } from './aws-error.ts';
import { type Decision, evaluate } from './iam.ts';
import { type Principal, type Principals, principalArnKey } from './principals.ts';
import { type QueryService, readForm, xmlAnswer, xmlFailure } from './query-protocol.ts';
import { type Call, type Demand, encodeJson, type Service } from './service.ts';
import { type SignedRequest, verifySignature } from './signature.ts';
import { answerSts, xmlError } from './sts.ts';

/** An API of the REST kind, such as Lambda's Invoke. Its signing name is what stands before its action's colon. */
export interface RestRoute {
  readonly method: string;
  /** Matched against the path as it stands on the wire, without the query: anchor it with `^` and `$`. */
  readonly pattern: RegExp;
  authorize(match: RegExpMatchArray): Demand;
  handle(
    match: RegExpMatchArray,
    body: Buffer,
    headers: Readonly<Record<string, string>>,
  ): Promise<RestAnswer>;
}

export interface RestAnswer {
  readonly status: number;
  readonly headers?: Readonly<Record<string, string>>;
  readonly body?: string | Uint8Array;
}

/**
 * A service of the JSON protocol whose work somebody else does: the bytes of a call are handed on, and the text of the
 * answer passed back. Whose call it is and whether it may be made is decided here, as for every other.
 */
export interface RelayedService extends Pick<Service, 'target' | 'signingName' | 'jsonVersion'> {
  /**
   * By operation, the permissions that a call needs: all of these. None is for everyone.
   * @throws AwsError SerializationException when the input is not of the operation's shape.
   */
  readonly operations: Readonly<Record<string, (input: unknown) => readonly Demand[]>>;
  relay(operation: string, body: Uint8Array, input: unknown): Promise<RelayedAnswer>;
}

export interface RelayedAnswer {
  readonly status: number;
  readonly headers: Readonly<Record<string, string>>;
  readonly body: string;
  /** The name of the error that it tells, if it does. */
  readonly error?: string;
}

/** A call that was allowed and is about to take effect. */
export interface InterceptedCall {
  readonly principalArn: string;
  /** `service:Operation` */
  readonly action: string;
  readonly resource: string;
  /** The input as read. May hold a secret value: never print it. */
  readonly input: unknown;
}

/**
 * What befalls an intercepted call.
 * - `error`: refused, no effect.
 * - `loseAnswer`: it takes effect, then the connection breaks.
 * - `delayMs`: late. By default the effect is on time and the answer late; with `before: 'effect'`
 *   the effect is late too, and comes even if the caller has given up.
 */
export type Fault =
  | { readonly error: AwsError }
  | { readonly loseAnswer: true }
  | { readonly delayMs: number; readonly before?: 'effect' | 'answer' };

/** One finished call, for the terminal and for tests. Never holds an input or an output. */
export interface CallRecord {
  readonly principalArn: string;
  readonly action: string;
  readonly resource: string;
  /** `denied`: by policy, or nobody's key. `refused`: any other error. `lost`: effect, but no answer. */
  readonly outcome: 'ok' | 'denied' | 'refused' | 'lost';
  /** The error's name. */
  readonly error?: string;
}

export interface AwsServerOptions {
  /** @default 0, a free port that the system picks */
  readonly port?: number;
  readonly region: string;
  readonly accountId: string;
  readonly services: readonly Service[];
  /** @default none */
  readonly relayed?: readonly RelayedService[];
  /** Services of the query protocol. @default none; `sts get-caller-identity` is always there */
  readonly queries?: readonly QueryService[];
  readonly principals: Pick<Principals, 'find'>;
  /** @default none */
  readonly rest?: readonly RestRoute[];
  /**
   * Pages of the stand-in itself, by path: JSON for whoever can reach this machine's loopback interface, asked for
   * by GET and without a signature. @default none
   */
  readonly pages?: Readonly<Record<string, () => unknown>>;
  readonly onCall?: (record: CallRecord) => void;
  readonly intercept?: (call: InterceptedCall) => Fault | undefined;
  /** Told of a bug of the stand-in; the caller gets InternalFailure. @default written to stderr */
  readonly onBug?: (error: unknown) => void;
  /** Epoch milliseconds, for the age of signatures and the `Date` header. @default Date.now */
  readonly now?: () => number;
  /** @default 6 MiB, what Lambda takes */
  readonly maxBodyBytes?: number;
}

export interface AwsServer {
  /** `http://127.0.0.1:PORT` */
  readonly url: string;
  readonly port: number;
  /** Ends every connection, waiting ones included. */
  close(): Promise<void>;
}

/** Rejects with the system's error (`EADDRINUSE` …) when it cannot listen. */
export async function startAwsServer(options: AwsServerOptions): Promise<AwsServer> {
  const closing = new AbortController();
  const server = createServer((request, response) => {
    serve(request, response, options, closing.signal).catch((error: unknown) => {
      reportBug(error, options);
      response.destroy();
    });
  });
  const port = await listenOnLoopback(server, options.port ?? 0);
  return {
    url: `http://127.0.0.1:${port}`,
    port,
    close: () => {
      closing.abort();
      return closeServer(server);
    },
  };
}

interface Reply {
  readonly status: number;
  readonly headers: Readonly<Record<string, string>>;
  readonly body: string | Uint8Array;
  /** Of an answer that was passed back: the name of the error that it tells. */
  readonly error?: string;
}

/** How one request is understood: what it asks for, and in what form it wants the answer. */
interface Target {
  readonly signingName: string;
  /** Reads the input. After the signature, before any permission. */
  begin(body: Buffer): PreparedCall;
  failure(error: AwsError): Reply;
}

interface PreparedCall {
  readonly input: unknown;
  readonly demands: readonly Demand[];
  perform(principal: Principal, allows: (demand: Demand) => boolean): Reply | Promise<Reply>;
}

/** How AWS names a caller that it does not know. */
const ANONYMOUS = 'anonymous';

const DROPPED = Symbol('connection broken on purpose');

async function serve(
  request: IncomingMessage,
  response: ServerResponse,
  options: AwsServerOptions,
  closing: AbortSignal,
): Promise<void> {
  const requestId = randomUUID();
  const now = options.now ?? Date.now;
  let failure = (error: AwsError): Reply => jsonFailure(error, '1.1');
  let reply: Reply | typeof DROPPED;
  try {
    const signed = await readRequest(request, options.maxBodyBytes ?? 6 * 1024 * 1024);
    const page = pageOf(signed, options);
    if (page !== undefined) reply = page;
    else {
      const target = resolve(signed, options, requestId);
      failure = target.failure;
      reply = await answer(target, signed, options, now, closing);
    }
  } catch (error) {
    // Not `request.destroyed`: that is so for every request that was read to its end.
    if (closing.aborted || response.destroyed) return void response.destroy();
    reply = failure(asAwsError(error, options));
  }
  if (reply === DROPPED || closing.aborted) return void response.destroy();
  response.writeHead(reply.status, {
    ...reply.headers,
    'content-length': Buffer.byteLength(reply.body),
    // Clients correct their clock by this header: it must agree with the clock that judged them.
    date: new Date(now()).toUTCString(),
    'x-amzn-requestid': requestId,
  });
  response.end(reply.body);
}

/** A page names this host by its address: a web site whose name was made to mean this machine gets nothing. */
function pageOf({ method, path, headers }: SignedRequest, options: AwsServerOptions) {
  const pages = options.pages ?? {};
  if (method !== 'GET' || !Object.hasOwn(pages, path)) return undefined;
  if (!/^(127\.0\.0\.1|localhost)(:\d+)?$/.test(headers.host ?? '')) return undefined;
  return {
    status: 200,
    headers: { 'content-type': 'application/json', 'cache-control': 'no-store' },
    body: JSON.stringify(pages[path]?.()),
  };
}

async function answer(
  target: Target,
  signed: SignedRequest,
  options: AwsServerOptions,
  now: () => number,
  closing: AbortSignal,
): Promise<Reply | typeof DROPPED> {
  const principal = await verifySignature(signed, {
    find: (accessKeyId) => options.principals.find(accessKeyId),
    region: options.region,
    service: target.signingName,
    nowMs: now(),
  });
  const call = target.begin(Buffer.from(signed.body));
  const [first] = call.demands;
  const record = (outcome: CallRecord['outcome'], error?: string, demand = first) => {
    if (demand === undefined) return;
    options.onCall?.({
      principalArn: principal?.arn ?? ANONYMOUS,
      action: demand.action,
      resource: demand.resource,
      outcome,
      ...(error === undefined ? {} : { error }),
    });
  };

  if (principal === undefined) {
    record('denied', 'AccessDeniedException');
    throw accessDenied(ANONYMOUS, first, 'implicit-deny');
  }
  for (const demand of call.demands) {
    const decision = decide(principal, demand);
    if (decision === 'allow') continue;
    record('denied', 'AccessDeniedException', demand);
    throw accessDenied(principal.arn, demand, decision);
  }

  const fault = intercept(options, principal, call);
  if (fault !== undefined && 'error' in fault) {
    record('refused', fault.error.name);
    throw fault.error;
  }
  const delay = fault !== undefined && 'delayMs' in fault ? fault : undefined;
  if (delay?.before === 'effect') await sleep(delay.delayMs, undefined, { signal: closing });

  let reply: Reply;
  try {
    reply = await call.perform(principal, (demand) => decide(principal, demand) === 'allow');
  } catch (error) {
    const known = error instanceof AwsError ? error.name : 'InternalFailure';
    record(known === 'AccessDeniedException' ? 'denied' : 'refused', known);
    throw error;
  }
  if (fault !== undefined && 'loseAnswer' in fault) {
    record('lost');
    return DROPPED;
  }
  if (reply.error === undefined) record('ok');
  else record('refused', reply.error);
  if (delay !== undefined && delay.before !== 'effect') {
    await sleep(delay.delayMs, undefined, { signal: closing });
  }
  return reply;
}

function intercept(
  options: AwsServerOptions,
  principal: Principal,
  call: PreparedCall,
): Fault | undefined {
  const [demand] = call.demands;
  if (demand === undefined) return undefined;
  return options.intercept?.({
    principalArn: principal.arn,
    action: demand.action,
    resource: demand.resource,
    input: call.input,
  });
}

function decide(principal: Principal, demand: Demand): Decision {
  return evaluate(principal.statements, {
    action: demand.action,
    resource: demand.resource,
    context: { ...demand.context, 'aws:PrincipalArn': principalArnKey(principal.arn) },
  }).decision;
}

function accessDenied(
  principalArn: string,
  demand: Demand | undefined,
  decision: Exclude<Decision, 'allow'>,
): AwsError {
  const { action = 'sts:GetCallerIdentity', resource = '*', shownAs = resource } = demand ?? {};
  const reason =
    decision === 'explicit-deny'
      ? 'with an explicit deny in an identity-based policy'
      : `because no identity-based policy allows the ${action} action`;
  return new AwsError(
    'AccessDeniedException',
    `User: ${principalArn} is not authorized to perform: ${action} on resource: ${shownAs} ${reason}`,
  );
}

// ── what a request asks for ─────────────────────────────────────────────────────────────────────

function resolve(signed: SignedRequest, options: AwsServerOptions, requestId: string): Target {
  const target = signed.headers['x-amz-target'];
  if (target !== undefined && signed.method === 'POST') return jsonTarget(target, signed, options);
  for (const route of options.rest ?? []) {
    const match = signed.method === route.method ? signed.path.match(route.pattern) : null;
    if (match !== null) return restTarget(route, match, signed);
  }
  const type = signed.headers['content-type'] ?? '';
  if (signed.method === 'POST' && type.startsWith('application/x-www-form-urlencoded')) {
    return queryTarget(signed, options, requestId);
  }
  throw new AwsError('UnknownOperationException', 'The local stack has no such API.', {
    status: 404,
  });
}

function jsonTarget(target: string, signed: SignedRequest, options: AwsServerOptions): Target {
  const [prefix = '', name = ''] = target.split('.');
  // Two services may share a prefix, as the parts of EventBridge do.
  const has = ({
    target: own,
    operations,
  }: Pick<Service | RelayedService, 'target' | 'operations'>) =>
    own === prefix && Object.hasOwn(operations, name);
  const relayed = options.relayed?.find(has);
  const demandsOf = relayed?.operations[name];
  if (relayed !== undefined && demandsOf !== undefined) {
    return relayedTarget(relayed, name, demandsOf);
  }
  const service = options.services.find(has);
  const operation = service?.operations[name];
  if (service === undefined || operation === undefined) {
    throw new AwsError(
      'UnknownOperationException',
      `The local stack does not have the operation ${JSON.stringify(target.slice(0, 100))}.`,
    );
  }
  const { jsonVersion } = service;
  return {
    signingName: service.signingName,
    begin: (body) =>
      prepared(operation.begin(parseJson(body)), signed, (output) => ({
        status: 200,
        headers: { 'content-type': `application/x-amz-json-${jsonVersion}` },
        body: encodeJson(output),
      })),
    failure: (error) => jsonFailure(error, jsonVersion),
  };
}

function relayedTarget(
  service: RelayedService,
  operation: string,
  demandsOf: RelayedService['operations'][string],
): Target {
  return {
    signingName: service.signingName,
    begin: (body) => {
      const input = parseJson(body);
      return {
        input,
        demands: demandsOf(input),
        perform: () => service.relay(operation, body, input),
      };
    },
    failure: (error) => jsonFailure(error, service.jsonVersion),
  };
}

/** The form says by its version whose it is; the signature says the same again. */
function queryTarget(signed: SignedRequest, options: AwsServerOptions, requestId: string): Target {
  const form = new URLSearchParams(Buffer.from(signed.body).toString());
  const service = options.queries?.find(({ version }) => version === form.get('Version'));
  if (service === undefined) return stsTarget(signed, options, requestId);
  const action = form.get('Action') ?? '';
  const operation = Object.hasOwn(service.operations, action)
    ? service.operations[action]
    : undefined;
  const headers = { 'content-type': 'text/xml' };
  return {
    signingName: service.signingName,
    begin: () => {
      if (operation === undefined) {
        throw new AwsError(
          'InvalidAction',
          `Could not find operation ${action.slice(0, 100)} for version ${service.version}`,
        );
      }
      return prepared(operation.begin(readForm(form)), signed, (output) => ({
        status: 200,
        headers,
        body: xmlAnswer(service, action, output, requestId),
      }));
    },
    failure: (error) => ({
      status: error.status,
      headers: { ...headers, 'x-amzn-errortype': error.name },
      body: xmlFailure(service, error, requestId),
    }),
  };
}

function prepared(
  call: Call,
  signed: SignedRequest,
  encode: (output: unknown) => Reply,
): PreparedCall {
  const endpoint = `http://${signed.headers.host ?? '127.0.0.1'}`;
  return {
    input: call.input,
    demands: call.demands,
    perform: (principal, allows) =>
      encode(call.perform({ principalArn: principal.arn, allows, endpoint })),
  };
}

function restTarget(route: RestRoute, match: RegExpMatchArray, signed: SignedRequest): Target {
  const demand = route.authorize(match);
  return {
    signingName: demand.action.split(':')[0] ?? '',
    begin: (body) => ({
      input: undefined,
      demands: [demand],
      perform: async () => {
        const { status, headers, body: answered } = await route.handle(match, body, signed.headers);
        return { status, headers: headers ?? {}, body: answered ?? '' };
      },
    }),
    failure: (error) =>
      jsonFailure(
        error.name === 'AccessDeniedException'
          ? new AwsError(error.name, error.message, { status: 403, cause: error })
          : error,
        undefined,
      ),
  };
}

function stsTarget(signed: SignedRequest, options: AwsServerOptions, requestId: string): Target {
  return {
    signingName: 'sts',
    begin: (body) => ({
      input: undefined,
      // Everyone may ask who they are.
      demands: [],
      perform: (principal) => ({
        status: 200,
        headers: { 'content-type': 'text/xml' },
        body: answerSts(new URLSearchParams(body.toString()), {
          principalArn: principal.arn,
          accountId: options.accountId,
          accessKeyId: /Credential=([^/]*)/.exec(signed.headers.authorization ?? '')?.[1] ?? '',
          requestId,
        }),
      }),
    }),
    failure: (error) => ({
      status: error.status,
      headers: { 'content-type': 'text/xml', 'x-amzn-errortype': error.name },
      body: xmlError(error, requestId),
    }),
  };
}

// ── bytes in, bytes out ─────────────────────────────────────────────────────────────────────────

async function readRequest(request: IncomingMessage, maxBytes: number): Promise<SignedRequest> {
  const chunks: Buffer[] = [];
  let size = 0;
  request.on('data', (chunk: Buffer) => {
    size += chunk.byteLength;
    // Read on to the end, keeping nothing: a client that is cut off while it writes never sees the answer.
    if (size <= maxBytes) chunks.push(chunk);
    else chunks.length = 0;
  });
  await once(request, 'end');
  if (size > maxBytes) {
    throw new AwsError(
      'RequestEntityTooLargeException',
      `The request body has ${size} bytes; at most ${maxBytes} are taken.`,
      { status: 413 },
    );
  }
  const [path = '/', search = ''] = (request.url ?? '/').split(/\?(.*)/s);
  const query: Record<string, string | string[]> = {};
  const parameters = new URLSearchParams(search);
  for (const name of new Set(parameters.keys())) {
    const values = parameters.getAll(name);
    query[name] = values.length === 1 ? (values[0] ?? '') : values;
  }
  const headers: Record<string, string> = {};
  for (const [name, value] of Object.entries(request.headers)) {
    if (value !== undefined) headers[name] = Array.isArray(value) ? value.join(',') : value;
  }
  return { method: request.method ?? 'GET', path, query, headers, body: Buffer.concat(chunks) };
}

function parseJson(body: Buffer): unknown {
  try {
    return body.byteLength === 0 ? {} : JSON.parse(body.toString('utf8'));
  } catch {
    // Without the cause: its message quotes the body, and the body may be a secret.
    throw new AwsError('SerializationException', 'The request body is not JSON.');
  }
}

function jsonFailure(error: AwsError, jsonVersion: Service['jsonVersion'] | undefined): Reply {
  return {
    status: error.status,
    headers: {
      'content-type':
        jsonVersion === undefined ? 'application/json' : `application/x-amz-json-${jsonVersion}`,
      'x-amzn-errortype': error.name,
      ...(error.queryCode === undefined
        ? {}
        : { 'x-amzn-query-error': `${error.queryCode};Sender` }),
    },
    body: JSON.stringify({ __type: error.name, Message: error.message }),
  };
}

function asAwsError(error: unknown, options: AwsServerOptions): AwsError {
  if (error instanceof AwsError) return error;
  reportBug(error, options);
  return new AwsError('InternalFailure', 'The local stack failed; see its terminal.', {
    status: 500,
    cause: error,
  });
}

function reportBug(error: unknown, options: AwsServerOptions): void {
  if (options.onBug) options.onBug(error);
  else console.error('local AWS:', error);
}
