// Which of several routes a request meets.

import { describe, expect, test } from '@jest/globals';
import type { RouteDefinition } from '../../../local/assembly/http-apis.ts';
import { matchRoute, stageOf } from '../../../local/gateway/routes.ts';

const route = (routeKey: string): RouteDefinition => ({
  routeKey,
  authorizer: null,
  scopes: [],
  integration: { functionArn: 'arn', timeoutMs: 30_000 },
});
const routes = [
  '$default',
  'ANY /{proxy+}',
  'GET /{proxy+}',
  'GET /a/{id}',
  'ANY /a/b',
  'GET /a/b',
  'POST /token',
  'GET /v1.0/x',
].map(route);

describe('the most specific route', () => {
  test.each([
    ['POST', '/token', 'POST /token', {}],
    ['GET', '/a/b', 'GET /a/b', {}],
    ['PUT', '/a/b', 'ANY /a/b', {}],
    ['GET', '/a/c', 'GET /a/{id}', { id: 'c' }],
    ['GET', '/a/c/d', 'GET /{proxy+}', { proxy: 'a/c/d' }],
    ['POST', '/a/c', 'ANY /{proxy+}', { proxy: 'a/c' }],
    ['GET', '/v1.0/x', 'GET /v1.0/x', {}],
    ['GET', '/v1-0/x', 'GET /{proxy+}', { proxy: 'v1-0/x' }],
    ['GET', '/', '$default', {}],
  ])('%s %s → %s', (method, path, routeKey, pathParameters) => {
    expect(matchRoute(routes, method, path)).toMatchObject({ route: { routeKey }, pathParameters });
  });

  test.each([
    ['GET', '/token'],
    ['POST', '/token/'],
    ['POST', '/TOKEN'],
    ['POST', '//token'],
    ['post', '/token'],
  ])('none: %s %s', (method, path) => {
    expect(matchRoute([route('POST /token')], method, path)).toBeUndefined();
  });
});

test('a stage with a name is the first segment of the path', () => {
  const stage = (name: string) => ({
    name,
    throttle: null,
    throttleByRouteKey: {},
    detailedMetrics: false,
    accessLogFormat: null,
  });
  const both = [stage('$default'), stage('prod')];
  expect(stageOf(both, '/prod/token')).toMatchObject({ stage: { name: 'prod' }, path: '/token' });
  expect(stageOf(both, '/prod')).toMatchObject({ stage: { name: 'prod' }, path: '/' });
  expect(stageOf(both, '/product')).toMatchObject({
    stage: { name: '$default' },
    path: '/product',
  });
  expect(stageOf([stage('prod')], '/token')).toBeUndefined();
});
