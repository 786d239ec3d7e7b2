// A line of the access log, in the stage's format: `$context` variables, and `-` for what there is none of.
// https://docs.aws.amazon.com/apigateway/latest/developerguide/http-api-logging-variables.html

import type { Answer } from './answer.ts';
import type { Authorization } from './authorization.ts';
import { commonLogTime, type EventPlace } from './proxy-event.ts';
import type { GatewayRequest } from './request.ts';

/** One request and what became of it. */
export interface Exchange {
  readonly request: GatewayRequest;
  readonly answer: Answer;
  /** From the request's arrival to its answer. */
  readonly latencyMs: number;
  /** Absent where no route was found. */
  readonly place?: EventPlace;
  readonly authorization?: Authorization;
  /** Absent where the function was not called. */
  readonly integration?: IntegrationTrace;
  /** Why the gateway answered by itself. */
  readonly refusal?: string;
}

export interface IntegrationTrace {
  /** What Lambda answered: 200 for a failed function too. */
  readonly status: number;
  readonly latencyMs: number;
  readonly error?: string;
}

export function accessLogLine(format: string, exchange: Exchange): string {
  return format.replace(/\$context\.([A-Za-z0-9_.:-]*[A-Za-z0-9_])/g, (_whole, name: string) => {
    const value = variable(name, exchange) ?? '-';
    // Escaped as JSON text: a user agent must not be able to add a field to the line.
    const escaped = JSON.stringify(value).slice(1, -1);
    return name === 'error.messageString' && value !== '-' ? `"${escaped}"` : escaped;
  });
}

function variable(name: string, exchange: Exchange): string | undefined {
  const property = /^authorizer\.(?:claims\.)?(.+)$/.exec(name)?.[1];
  if (property !== undefined) return authorizerValue(name, property, exchange.authorization);
  const value = Object.hasOwn(variables, name) ? variables[name]?.(exchange) : undefined;
  return value === undefined ? undefined : `${value}`;
}

function authorizerValue(
  name: string,
  property: string,
  authorization: Authorization | undefined,
): string | undefined {
  if (authorization === undefined) return undefined;
  if (!authorization.allowed) return property === 'error' ? authorization.error : undefined;
  if (name === 'authorizer.principalId') return authorization.principalId;
  const { context } = authorization;
  const isClaim = name.startsWith('authorizer.claims.');
  if ('jwt' in context) return isClaim ? ownText(context.jwt.claims, property) : undefined;
  return isClaim ? undefined : ownText(context.lambda, property);
}

function ownText(values: unknown, name: string): string | undefined {
  if (typeof values !== 'object' || values === null || !Object.hasOwn(values, name)) return;
  const value: unknown = Reflect.get(values, name);
  return typeof value === 'object' ? undefined : String(value);
}

type Variable = (exchange: Exchange) => string | number | undefined;

const errorMessage: Variable = ({ integration, answer }) =>
  integration !== undefined && integration.error === undefined ? undefined : messageOf(answer);
const integrationError: Variable = ({ integration }) => integration?.error;
const integrationLatency: Variable = ({ integration }) => integration?.latencyMs;
const integrationStatus: Variable = ({ integration }) => integration?.status;
const requestId: Variable = ({ request }) => request.requestId;

const variables: Readonly<Record<string, Variable>> = {
  accountId: ({ place }) => place?.accountId,
  apiId: ({ place }) => place?.apiId,
  domainName: ({ place }) => place && `${place.apiId}.execute-api.${place.region}.amazonaws.com`,
  domainPrefix: ({ place }) => place?.apiId,
  'error.message': errorMessage,
  'error.messageString': errorMessage,
  'error.responseType': (exchange) =>
    errorMessage(exchange) === undefined ? undefined : responseTypes.get(exchange.answer.status),
  extendedRequestId: requestId,
  httpMethod: ({ request }) => request.method,
  'identity.sourceIp': ({ request }) => request.sourceIp,
  'identity.userAgent': ({ request }) => request.headers['user-agent'],
  'integration.error': integrationError,
  'integration.integrationStatus': integrationStatus,
  'integration.latency': integrationLatency,
  'integration.status': integrationStatus,
  integrationErrorMessage: integrationError,
  integrationLatency,
  integrationStatus,
  path: ({ request }) => request.path,
  protocol: ({ request }) => request.protocol,
  requestId,
  requestTime: ({ request }) => commonLogTime(request.timeMs),
  requestTimeEpoch: ({ request }) => request.timeMs,
  responseLatency: ({ latencyMs }) => latencyMs,
  responseLength: ({ answer }) => Buffer.byteLength(answer.body),
  routeKey: ({ place }) => place?.routeKey,
  stage: ({ place }) => place?.stageName,
  status: ({ answer }) => answer.status,
};

const responseTypes = new Map([
  [401, 'UNAUTHORIZED'],
  [403, 'ACCESS_DENIED'],
  [413, 'REQUEST_TOO_LARGE'],
  [429, 'THROTTLED'],
  [500, 'INTEGRATION_FAILURE'],
  [503, 'INTEGRATION_TIMEOUT'],
]);

function messageOf({ status, body }: Answer): string | undefined {
  if (status < 400 || typeof body !== 'string') return undefined;
  return /^\{"message":"([A-Za-z ]+)"\}$/.exec(body)?.[1];
}
