// Where a request carries what an authorizer looks at.

import type { GatewayRequest } from './request.ts';

/** Undefined where it is absent or empty. */
export function identityOf(
  source: string,
  request: GatewayRequest,
  routeKey: string,
): string | undefined {
  return read(source, request, routeKey) || undefined;
}

function read(
  source: string,
  { headers, query }: GatewayRequest,
  routeKey: string,
): string | undefined {
  if (source === '$context.routeKey') return routeKey;
  const [, kind, name = ''] = /^\$request\.(header|querystring)\.(.+)$/.exec(source) ?? [];
  if (kind === 'header') return own(headers, name.toLowerCase());
  return kind === 'querystring' ? own(query, name) : undefined;
}

const own = (values: Readonly<Record<string, string>>, name: string): string | undefined =>
  Object.hasOwn(values, name) ? values[name] : undefined;
