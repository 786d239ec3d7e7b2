// Which route a request meets: the most specific one, as API Gateway decides it.

import type { RouteDefinition, StageDefinition } from '../assembly/http-apis.ts';

export interface RouteMatch {
  readonly route: RouteDefinition;
  readonly pathParameters: Readonly<Record<string, string>>;
}

/** A stage other than `$default` stands as the first segment of the path, which routes do not see. */
export function stageOf(
  stages: readonly StageDefinition[],
  path: string,
): { readonly stage: StageDefinition; readonly path: string } | undefined {
  const [, first] = path.split('/');
  const named = stages.find(({ name }) => name !== '$default' && name === first);
  if (named !== undefined) return { stage: named, path: path.slice(named.name.length + 1) || '/' };
  const fallback = stages.find(({ name }) => name === '$default');
  return fallback === undefined ? undefined : { stage: fallback, path };
}

/** A whole path wins over `{proxy+}`, a named method over ANY, and `$default` comes last. */
export function matchRoute(
  routes: readonly RouteDefinition[],
  method: string,
  path: string,
): RouteMatch | undefined {
  const [best] = routes
    .flatMap((route) => {
      const found = rank(route.routeKey, method, path);
      return found === undefined ? [] : [{ route, ...found }];
    })
    .sort((a, b) => b.rank - a.rank);
  return best && { route: best.route, pathParameters: best.pathParameters };
}

function rank(
  routeKey: string,
  method: string,
  path: string,
): { rank: number; pathParameters: Record<string, string> } | undefined {
  if (routeKey === '$default') return { rank: -1, pathParameters: {} };
  const [routeMethod, routePath = ''] = routeKey.split(' ');
  if (routeMethod !== method && routeMethod !== 'ANY') return undefined;
  const names: string[] = [];
  const pattern = routePath.replace(
    /\{([^}+]+)(\+?)\}|[.*+?^${}()|[\]\\]/g,
    (text, name, greedy) => {
      if (name === undefined) return `\\${text}`;
      names.push(name);
      return greedy === '+' ? '(.+)' : '([^/]+)';
    },
  );
  const match = new RegExp(`^${pattern}$`).exec(path);
  if (match === null) return undefined;
  const fixed = names.length === 0 ? 4 : 0;
  const whole = routePath.includes('+}') ? 0 : 2;
  const exactMethod = routeMethod === method ? 1 : 0;
  return {
    rank: fixed + whole + exactMethod,
    pathParameters: Object.fromEntries(names.map((name, index) => [name, match[index + 1] ?? ''])),
  };
}
