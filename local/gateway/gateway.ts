// An HTTP API of the template on loopback: what API Gateway does before and after the function.
//
//   head within limits? ─► stage, route ─► preflight? ─► throttle ─► authorizer ─► permission ─► function
//
// A refusal at any step is API Gateway's own answer, and nothing behind that step is reached.

import { randomBytes } from 'node:crypto';
import { createServer, type IncomingMessage, type ServerResponse } from 'node:http';
import type { Socket } from 'node:net';
import type { AuthorizerDefinition } from '../assembly/http-api-authorizers.ts';
import type { HttpApiDefinition, RouteDefinition, StageDefinition } from '../assembly/http-apis.ts';
import { type InvokePermission, mayInvoke } from '../assembly/permissions.ts';
import { closeServer, listenOnLoopback } from '../ports.ts';
import { accessLogLine, type Exchange, type IntegrationTrace } from './access-log.ts';
import {
  type Answer,
  badRequest,
  bodyTooLarge,
  headersTooLarge,
  internalServerError,
  notFound,
  serviceUnavailable,
  tooManyRequests,
} from './answer.ts';
import type { Authorization } from './authorization.ts';
import { isPreflightForGateway, preflightAnswer, withCors } from './cors.ts';
import { identityOf } from './identity-source.ts';
import { JwtAuthorizer } from './jwt-authorizer.ts';
import { LambdaAuthorizer } from './lambda-authorizer.ts';
import { proxyAnswer } from './proxy-answer.ts';
import { authorizerEvent, type EventPlace, proxyEvent } from './proxy-event.ts';
import { type GatewayRequest, headBytes, MAX_HEAD_BYTES, readBody, readHead } from './request.ts';
import { matchRoute, stageOf } from './routes.ts';
import { Throttle } from './throttle.ts';

export interface GatewayOptions {
  readonly api: HttpApiDefinition;
  readonly deployment: { readonly accountId: string; readonly region: string };
  /** Those of the template: without a fitting one no function is called. */
  readonly permissions: readonly InvokePermission[];
  /** Synchronously. Rejects when Lambda itself refuses. */
  readonly invoke: (functionArn: string, event: unknown) => Promise<Invoked>;
  /** Issuer → the URL that serves its discovery document and keys here. @default the issuer's own URL */
  readonly issuerBaseUrls?: Readonly<Record<string, string>>;
  /** @default 0, a port that the system picks */
  readonly port?: number;
  /** One record per answered request. @default nobody listens */
  readonly onCall?: (record: GatewayCall) => void;
  /** One line per answered request, where the stage has a format. @default nobody listens */
  readonly onAccessLog?: (line: string) => void;
  /** Told of a bug of the gateway; the client gets a 500. @default written to stderr */
  readonly onBug?: (error: unknown) => void;
  /** Epoch milliseconds: for tokens, throttle, events and logs. @default Date.now */
  readonly now?: () => number;
}

/** As `LocalFunction.invoke` resolves. */
export interface Invoked {
  readonly payload: unknown;
  readonly functionError?: string;
}

/** Never holds a header, a query, a body or a claim. */
export interface GatewayCall {
  readonly requestId: string;
  readonly method: string;
  readonly path: string;
  /** Null where no route was found. */
  readonly routeKey: string | null;
  /** Null where the path leads to none. */
  readonly stage: string | null;
  readonly status: number;
  readonly latencyMs: number;
  /** Whether the route's function was called. */
  readonly invoked: boolean;
  /** Why the gateway answered by itself; null where it did not. */
  readonly refusal: string | null;
}

export interface Gateway {
  /** `http://127.0.0.1:PORT` */
  readonly url: string;
  readonly port: number;
  /** An address under the API's deployed endpoint, as it is reached here. Others come back unchanged. */
  localUrl(deployedUrl: string): string;
  /** Ends every connection, waiting ones included. */
  close(): Promise<void>;
}

/** Rejects with the system's error (`EADDRINUSE` …) when it cannot listen. */
export async function startGateway(options: GatewayOptions): Promise<Gateway> {
  const front = new Front(options);
  // Node's own limit stands behind the gateway's, which is counted exactly.
  const server = createServer({ maxHeaderSize: 4 * MAX_HEAD_BYTES }, (incoming, response) => {
    front.serve(incoming, response).catch((error: unknown) => {
      // A client that went away is no bug.
      if (!incoming.destroyed && !response.destroyed) front.reportBug(error);
      response.destroy();
    });
  });
  server.on('clientError', refuseUnreadable);
  const port = await listenOnLoopback(server, options.port ?? 0);
  const url = `http://127.0.0.1:${port}`;
  const { endpoint } = options.api;
  return {
    url,
    port,
    localUrl: (deployedUrl) =>
      deployedUrl === endpoint || deployedUrl.startsWith(`${endpoint}/`)
        ? url + deployedUrl.slice(endpoint.length)
        : deployedUrl,
    close: () => closeServer(server),
  };
}

type Outcome = Omit<Exchange, 'request' | 'latencyMs'>;

class Front {
  readonly #options: GatewayOptions;
  readonly #now: () => number;
  readonly #throttle: Throttle;
  readonly #authorizers = new Map<string, JwtAuthorizer | LambdaAuthorizer>();

  constructor(options: GatewayOptions) {
    this.#options = options;
    this.#now = options.now ?? Date.now;
    this.#throttle = new Throttle(this.#now);
    for (const { authorizer } of options.api.routes) {
      if (authorizer === null || this.#authorizers.has(authorizer.id)) continue;
      this.#authorizers.set(authorizer.id, this.#authorizerFor(authorizer));
    }
  }

  async serve(incoming: IncomingMessage, response: ServerResponse): Promise<void> {
    const requestId = randomBytes(11).toString('base64');
    const head = readHead(incoming, { requestId, timeMs: this.#now() });
    const body = await readBody(incoming);
    const request = { ...head, body: body ?? head.body };
    const outcome = await this.#outcome(request, {
      headTooLarge: headBytes(incoming) > MAX_HEAD_BYTES,
      bodyTooLarge: body === undefined,
    });
    const { answer } = outcome;
    response.writeHead(answer.status, {
      ...answer.headers,
      ...(answer.cookies?.length ? { 'set-cookie': [...answer.cookies] } : {}),
      ...(answer.status !== 204 && { 'content-length': Buffer.byteLength(answer.body) }),
      'apigw-requestid': requestId,
    });
    response.end(answer.body);
    this.#tell({ ...outcome, request, latencyMs: this.#now() - request.timeMs });
  }

  reportBug(error: unknown): void {
    if (this.#options.onBug) this.#options.onBug(error);
    else console.error('local gateway:', error);
  }

  async #outcome(
    request: GatewayRequest,
    too: { readonly headTooLarge: boolean; readonly bodyTooLarge: boolean },
  ): Promise<Outcome> {
    try {
      if (too.headTooLarge) return { answer: headersTooLarge, refusal: 'headers too large' };
      if (too.bodyTooLarge) return { answer: bodyTooLarge, refusal: 'body too large' };
      return await this.#route(request);
    } catch (error) {
      this.reportBug(error);
      return { answer: internalServerError, refusal: 'a bug of the local gateway' };
    }
  }

  async #route(request: GatewayRequest): Promise<Outcome> {
    const { api, deployment } = this.#options;
    const staged = stageOf(api.stages, request.path);
    const match = staged && matchRoute(api.routes, request.method, staged.path);
    if (api.cors !== null && isPreflightForGateway(api.cors, request, match?.route)) {
      return { answer: preflightAnswer(api.cors, request.headers.origin), refusal: 'preflight' };
    }
    if (staged === undefined || match === undefined) {
      return { answer: notFound, refusal: 'no such route' };
    }
    const { stage } = staged;
    const { route, pathParameters } = match;
    const { accountId, region } = deployment;
    const place: EventPlace = {
      accountId,
      region,
      apiId: api.id,
      stageName: stage.name,
      routeKey: route.routeKey,
      pathParameters,
    };
    if (!this.#throttle.admits(stage, route.routeKey)) {
      return { place, answer: tooManyRequests, refusal: 'throttled' };
    }
    const routeArn = this.#routeArn(stage, route, request.method);
    const authorization = await this.#authorize(request, route, place, routeArn);
    if (authorization !== undefined && !authorization.allowed) {
      const { answer, error } = authorization;
      return { place, authorization, answer, refusal: error };
    }
    const called = { place, ...(authorization !== undefined && { authorization }) };
    const { functionArn, timeoutMs } = route.integration;
    if (!this.#mayInvoke(functionArn, routeArn)) {
      const refusal = 'no permission to invoke the function';
      return { ...called, answer: internalServerError, refusal };
    }
    const event = proxyEvent(request, place, authorization?.context);
    const { answer, integration } = await this.#integrate(functionArn, event, timeoutMs);
    return { ...called, integration, answer: withCors(answer, api.cors, request.headers.origin) };
  }

  /** Undefined for a route that lets everyone in. */
  async #authorize(
    request: GatewayRequest,
    { authorizer: definition, routeKey, scopes }: RouteDefinition,
    place: EventPlace,
    routeArn: string,
  ): Promise<Authorization | undefined> {
    const authorizer = definition && this.#authorizers.get(definition.id);
    if (definition?.kind === 'jwt' && authorizer instanceof JwtAuthorizer) {
      const identity = identityOf(definition.identitySource, request, routeKey);
      return authorizer.authorize(identity, scopes);
    }
    if (definition?.kind === 'lambda' && authorizer instanceof LambdaAuthorizer) {
      return authorizer.authorize({
        identities: definition.identitySources.map((source) =>
          identityOf(source, request, routeKey),
        ),
        routeArn,
        event: (identitySource) => authorizerEvent(request, place, { routeArn, identitySource }),
      });
    }
    return undefined;
  }

  async #integrate(
    functionArn: string,
    event: unknown,
    timeoutMs: number,
  ): Promise<{ readonly answer: Answer; readonly integration: IntegrationTrace }> {
    const startMs = this.#now();
    const traced = (answer: Answer, status: number, error?: string) => ({
      answer,
      integration: {
        status,
        latencyMs: this.#now() - startMs,
        ...(error !== undefined && { error }),
      },
    });
    try {
      const result = await within(timeoutMs, this.#options.invoke(functionArn, event));
      if (result === TIMED_OUT) {
        return traced(serviceUnavailable, 504, `no answer within ${timeoutMs} ms`);
      }
      if (result.functionError !== undefined) {
        return traced(internalServerError, 200, `the function failed: ${result.functionError}`);
      }
      const answer = proxyAnswer(result.payload);
      return answer === internalServerError
        ? traced(answer, 200, 'the function’s result is malformed')
        : traced(answer, 200);
    } catch (error) {
      const throttled = codeOf(error) === 'too-many-requests';
      return throttled
        ? traced(serviceUnavailable, 429, 'every environment of the function is busy')
        : traced(internalServerError, 500, 'the function could not be invoked');
    }
  }

  #authorizerFor(definition: AuthorizerDefinition): JwtAuthorizer | LambdaAuthorizer {
    const now = this.#now;
    if (definition.kind === 'jwt') {
      const issuerBaseUrl = this.#options.issuerBaseUrls?.[definition.issuer];
      return new JwtAuthorizer({
        definition,
        now,
        ...(issuerBaseUrl !== undefined && { issuerBaseUrl }),
      });
    }
    const { functionArn, id } = definition;
    return new LambdaAuthorizer({
      definition,
      now,
      ask: async (event) => {
        if (!this.#mayInvoke(functionArn, this.#arn(`authorizers/${id}`))) {
          throw new Error('no permission to invoke the authorizer');
        }
        const result = await within(
          AUTHORIZER_TIMEOUT_MS,
          this.#options.invoke(functionArn, event),
        );
        if (result === TIMED_OUT) throw new Error('the authorizer gave no answer in time');
        if (result.functionError !== undefined) throw new Error('the authorizer failed');
        return result.payload;
      },
    });
  }

  #mayInvoke(functionArn: string, sourceArn: string): boolean {
    const target = { arn: functionArn, name: functionArn.split(':').at(-1) ?? '' };
    const invoker = { principal: 'apigateway.amazonaws.com', sourceArn };
    return mayInvoke(this.#options.permissions, target, invoker);
  }

  #routeArn(stage: StageDefinition, { routeKey }: RouteDefinition, method: string): string {
    const [, path] = routeKey.split(' ');
    return this.#arn(`${stage.name}/${path === undefined ? routeKey : `${method}${path}`}`);
  }

  #arn(resource: string): string {
    const { api, deployment } = this.#options;
    return `arn:aws:execute-api:${deployment.region}:${deployment.accountId}:${api.id}/${resource}`;
  }

  #tell(exchange: Exchange): void {
    const { request, answer, place, latencyMs, integration, refusal } = exchange;
    const stage = stageOf(this.#options.api.stages, request.path)?.stage;
    this.#options.onCall?.({
      requestId: request.requestId,
      method: request.method,
      path: request.path,
      routeKey: place?.routeKey ?? null,
      stage: stage?.name ?? null,
      status: answer.status,
      latencyMs,
      invoked: integration !== undefined,
      refusal: refusal ?? integration?.error ?? null,
    });
    const format = stage?.accessLogFormat ?? null;
    if (format !== null) this.#options.onAccessLog?.(accessLogLine(format, exchange));
  }
}

const AUTHORIZER_TIMEOUT_MS = 10_000;
const TIMED_OUT = Symbol('timed out');

async function within<Result>(
  timeoutMs: number,
  result: Promise<Result>,
): Promise<Result | typeof TIMED_OUT> {
  let timer: NodeJS.Timeout | undefined;
  const late = new Promise<typeof TIMED_OUT>((resolve) => {
    timer = setTimeout(() => resolve(TIMED_OUT), timeoutMs);
  });
  try {
    return await Promise.race([result, late]);
  } finally {
    clearTimeout(timer);
  }
}

/** What Node.js could not read as HTTP never becomes a request. */
function refuseUnreadable(error: Error, socket: Socket): void {
  if (!socket.writable || codeOf(error) === 'ECONNRESET') return void socket.destroy();
  const { status, body } = codeOf(error) === 'HPE_HEADER_OVERFLOW' ? headersTooLarge : badRequest;
  socket.end(
    `HTTP/1.1 ${status} ${status === 431 ? 'Request Header Fields Too Large' : 'Bad Request'}\r\n` +
      `content-type: application/json\r\ncontent-length: ${body.length}\r\nconnection: close\r\n\r\n${body}`,
  );
}

const codeOf = (error: unknown): unknown =>
  typeof error === 'object' && error !== null && 'code' in error ? error.code : undefined;
