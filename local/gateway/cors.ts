// CORS as the API's own setting: preflights are answered here, and what the function says of it is dropped.
//
// The gateway's own refusals carry no CORS headers: a page sees a 401 of the gateway as an opaque failure.

import type { CorsSettings, RouteDefinition } from '../assembly/http-apis.ts';
import type { Answer } from './answer.ts';
import type { GatewayRequest } from './request.ts';

/**
 * Whether the gateway answers by itself: for any path, unless a route for OPTIONS is there, or one for
 * every method that asks for authorization.
 */
export function isPreflightForGateway(
  cors: CorsSettings | null,
  { method, headers }: GatewayRequest,
  route: RouteDefinition | undefined,
): boolean {
  if (cors === null || method !== 'OPTIONS') return false;
  if (headers.origin === undefined || headers['access-control-request-method'] === undefined) {
    return false;
  }
  if (route === undefined) return true;
  return !route.routeKey.startsWith('OPTIONS ') && route.authorizer === null;
}

export function preflightAnswer(cors: CorsSettings, origin: string | undefined): Answer {
  const allowed = allowedOrigin(cors, origin);
  const headers = allowed === undefined ? {} : { ...allowed, ...preflightHeaders(cors) };
  return { status: 204, headers, body: '' };
}

/** For an answer of the function: the API's headers instead of the function's. */
export function withCors(
  answer: Answer,
  cors: CorsSettings | null,
  origin: string | undefined,
): Answer {
  if (cors === null) return answer;
  const others = Object.entries(answer.headers).filter(
    ([name]) => !name.startsWith('access-control-'),
  );
  const exposed =
    cors.exposeHeaders.length === 0
      ? {}
      : { 'access-control-expose-headers': cors.exposeHeaders.join(',') };
  const allowed = allowedOrigin(cors, origin);
  return {
    ...answer,
    headers: {
      ...Object.fromEntries(others),
      ...(allowed && { ...allowed, ...exposed }),
    },
  };
}

/** Undefined where the origin is foreign, or absent. */
function allowedOrigin(
  { allowOrigins, allowCredentials }: CorsSettings,
  origin: string | undefined,
): Record<string, string> | undefined {
  if (origin === undefined) return undefined;
  const scheme = /^https?:\/\//.exec(origin)?.[0];
  const named =
    allowOrigins.includes(origin) || (scheme !== undefined && allowOrigins.includes(`${scheme}*`));
  if (!named && !allowOrigins.includes('*')) return undefined;
  return {
    'access-control-allow-origin': named ? origin : '*',
    ...(allowCredentials && { 'access-control-allow-credentials': 'true' }),
  };
}

function preflightHeaders(cors: CorsSettings): Record<string, string> {
  return {
    ...(cors.allowMethods.length > 0 && {
      'access-control-allow-methods': cors.allowMethods.join(','),
    }),
    ...(cors.allowHeaders.length > 0 && {
      'access-control-allow-headers': cors.allowHeaders.join(','),
    }),
    ...(cors.maxAgeSeconds !== null && { 'access-control-max-age': `${cors.maxAgeSeconds}` }),
  };
}
