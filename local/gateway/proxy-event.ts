// What a function receives of a request: payload format 2.0.
// https://docs.aws.amazon.com/apigateway/latest/developerguide/http-api-develop-integrations-lambda.html

import type { GatewayRequest } from './request.ts';

export interface EventPlace {
  readonly accountId: string;
  readonly region: string;
  readonly apiId: string;
  readonly stageName: string;
  readonly routeKey: string;
  readonly pathParameters: Readonly<Record<string, string>>;
}

/** As `requestContext.authorizer`. */
export type AuthorizerContext =
  | {
      readonly jwt: {
        readonly claims: Readonly<Record<string, string>>;
        readonly scopes: readonly string[] | null;
      };
    }
  | { readonly lambda: unknown };

/** @param authorizer absent for a route that lets everyone in */
export function proxyEvent(
  request: GatewayRequest,
  place: EventPlace,
  authorizer?: AuthorizerContext,
): Record<string, unknown> {
  const { requestContext, ...common } = eventWithoutBody(request, place);
  const isBase64Encoded = request.body.byteLength > 0 && !isText(request);
  return {
    ...common,
    requestContext: { ...requestContext, ...(authorizer !== undefined && { authorizer }) },
    ...(request.body.byteLength > 0 && {
      body: request.body.toString(isBase64Encoded ? 'base64' : 'utf8'),
    }),
    isBase64Encoded,
  };
}

/** What an authorizing function receives: never the body. */
export function authorizerEvent(
  request: GatewayRequest,
  place: EventPlace,
  { routeArn, identitySource }: { routeArn: string; identitySource: readonly string[] },
): Record<string, unknown> {
  return { ...eventWithoutBody(request, place), type: 'REQUEST', routeArn, identitySource };
}

/** 22/Nov/2026:11:12:08 +0000 */
export function commonLogTime(timeMs: number): string {
  const [, day, month, year, time] = new Date(timeMs).toUTCString().split(' ');
  return `${day}/${month}/${year}:${time} +0000`;
}

function eventWithoutBody(request: GatewayRequest, place: EventPlace) {
  const { headers, cookies, query, sourceIp } = request;
  const { apiId, accountId, region, stageName, routeKey, pathParameters } = place;
  const forwardedFor = headers['x-forwarded-for'];
  return {
    version: '2.0',
    routeKey,
    rawPath: request.path,
    rawQueryString: request.rawQueryString,
    ...(cookies.length > 0 && { cookies }),
    headers: {
      ...headers,
      'x-forwarded-for': forwardedFor === undefined ? sourceIp : `${forwardedFor}, ${sourceIp}`,
      'x-forwarded-port': '443',
      'x-forwarded-proto': 'https',
    },
    ...(Object.keys(query).length > 0 && { queryStringParameters: query }),
    ...(Object.keys(pathParameters).length > 0 && { pathParameters }),
    requestContext: {
      accountId,
      apiId,
      domainName: `${apiId}.execute-api.${region}.amazonaws.com`,
      domainPrefix: apiId,
      http: {
        method: request.method,
        path: request.path,
        protocol: request.protocol,
        sourceIp,
        userAgent: headers['user-agent'] ?? '',
      },
      requestId: request.requestId,
      routeKey,
      stage: stageName,
      time: commonLogTime(request.timeMs),
      timeEpoch: request.timeMs,
    },
  };
}

function isText({ headers, body }: GatewayRequest): boolean {
  if (headers['content-encoding'] !== undefined) return false;
  const type = headers['content-type'] ?? 'text/plain';
  if (!/^(text\/|application\/(json|javascript|xml|[^;]*\+(json|xml)))/i.test(type)) return false;
  // Text that is not UTF-8 would arrive mangled.
  return Buffer.from(body.toString('utf8')).equals(body);
}
