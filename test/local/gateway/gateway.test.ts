// The whole way of a request, over real HTTP: what the function receives, and what the client gets.

import { connect } from 'node:net';
import { afterEach, describe, expect, test } from '@jest/globals';
import type { Identity } from '../../../local/identity/identity.ts';
import {
  type ApiOverrides,
  apiOf,
  bearer,
  FUNCTION_ARN,
  NOW_MS,
  ORIGIN,
  permissionFor,
  rawPost,
  type SeenEvent,
  startTestIdentity,
  startWorld,
  type World,
} from './world.ts';

const opened: { close(): Promise<void> }[] = [];
afterEach(async () => {
  for (const each of opened.splice(0).reverse()) await each.close();
});

async function worldOf(options: Parameters<typeof startWorld>[0] = {}): Promise<World> {
  const world = await startWorld(options);
  opened.push(world);
  return world;
}

/** Lets everyone in, unless overridden. */
const openTo = (overrides: ApiOverrides = {}): ApiOverrides => ({
  ...overrides,
  route: { AuthorizationType: 'NONE', ...overrides.route },
});

async function identityHere(): Promise<Identity> {
  const identity = await startTestIdentity();
  opened.push(identity);
  return identity;
}

function theEvent(world: World): SeenEvent {
  const [seen] = world.events;
  if (seen === undefined) throw new Error('the function was not called');
  return seen.event;
}

describe('what the function receives', () => {
  test('payload 2.0, complete', async () => {
    const identity = await identityHere();
    const world = await worldOf({ identity });
    const token = await identity.login('u', { claims: { nested: { a: 1 }, none: null, n: 1e9 } });
    const response = await world.post({
      ...bearer(token),
      path: '/token?a=1&b=x%20y&a=2&empty',
      headers: {
        authorization: `Bearer ${token}`,
        cookie: 'one=1; two=2',
        'user-agent': 'agent/1',
        'x-forwarded-for': '203.0.113.7',
        'Content-Type': 'application/json',
      },
      body: '{"role":"owner"}',
    });
    expect(response.status).toBe(200);
    expect(world.events[0]?.functionArn).toBe(FUNCTION_ARN);
    const { headers, requestContext, ...others } = theEvent(world);
    expect(others).toEqual({
      version: '2.0',
      routeKey: 'POST /token',
      rawPath: '/token',
      rawQueryString: 'a=1&b=x%20y&a=2&empty',
      cookies: ['one=1', 'two=2'],
      queryStringParameters: { a: '1,2', b: 'x y', empty: '' },
      body: '{"role":"owner"}',
      isBase64Encoded: false,
    });
    expect(headers).toMatchObject({
      authorization: `Bearer ${token}`,
      'content-type': 'application/json',
      'content-length': '16',
      'x-forwarded-for': '203.0.113.7, 127.0.0.1',
    });
    expect(headers).not.toHaveProperty('cookie');
    expect(requestContext).toEqual({
      accountId: '111122223333',
      apiId: expect.stringMatching(/^[a-z0-9]{10}$/),
      domainName: expect.stringMatching(/^[a-z0-9]{10}\.execute-api\.eu-west-1\.amazonaws\.com$/),
      domainPrefix: expect.stringMatching(/^[a-z0-9]{10}$/),
      http: {
        method: 'POST',
        path: '/token',
        protocol: 'HTTP/1.1',
        sourceIp: '127.0.0.1',
        userAgent: 'agent/1',
      },
      requestId: response.headers.get('apigw-requestid'),
      routeKey: 'POST /token',
      stage: '$default',
      time: '22/Nov/2026:11:12:08 +0000',
      timeEpoch: NOW_MS,
      authorizer: {
        jwt: {
          claims: expect.objectContaining({
            'cognito:groups': '[admin editor]',
            'cognito:username': 'u',
            'custom:tenantId': 'tenant-a',
            token_use: 'id',
            exp: `${Math.floor(NOW_MS / 1000) + 3600}`,
            nested: '{"a":1}',
            n: '1000000000',
          }),
          scopes: null,
        },
      },
    });
    expect(requestContext).not.toHaveProperty('authorizer.jwt.claims.none');
  });

  test('nothing that is not there', async () => {
    const world = await worldOf({ overrides: openTo() });
    expect((await world.post()).status).toBe(200);
    const event = world.events[0]?.event;
    for (const absent of ['cookies', 'queryStringParameters', 'pathParameters', 'body']) {
      expect(event).not.toHaveProperty(absent);
    }
    expect(event?.requestContext).not.toHaveProperty('authorizer');
    expect(event?.isBase64Encoded).toBe(false);
  });

  test.each<[string, string | undefined, Uint8Array<ArrayBuffer>, boolean]>([
    ['text', 'text/plain', Buffer.from('é'), false],
    ['no type', undefined, Buffer.from('x'), false],
    ['problem+json', 'application/problem+json; charset=utf-8', Buffer.from('{}'), false],
    ['a form', 'application/x-www-form-urlencoded', Buffer.from('a=b'), true],
    ['bytes', 'application/octet-stream', Buffer.from([0, 255]), true],
    ['text that is none', 'application/json', Buffer.from([0xff, 0xfe]), true],
  ])('a body of %s', async (_what, type, body, encoded) => {
    const world = await worldOf({ overrides: openTo() });
    await world.post({ body, headers: type === undefined ? {} : { 'content-type': type } });
    const event = world.events[0]?.event;
    expect(event?.isBase64Encoded).toBe(encoded);
    const bytes = Buffer.from(`${event?.body}`, encoded ? 'base64' : 'utf8');
    expect(bytes).toEqual(Buffer.from(body));
  });

  test('headers of one name, joined; names that objects have', async () => {
    const world = await worldOf({ overrides: openTo() });
    const sent = ['X-Many', 'a', 'x-many', 'b', '__proto__', 'p', 'constructor', 'c'];
    await rawPost(`${world.gateway.url}/token?__proto__=q`, sent);
    const { headers, queryStringParameters } = theEvent(world);
    expect(headers).toMatchObject({ 'x-many': 'a,b', constructor: 'c' });
    expect(Object.getOwnPropertyDescriptor(headers, '__proto__')?.value).toBe('p');
    expect(Object.getOwnPropertyDescriptor(queryStringParameters, '__proto__')?.value).toBe('q');
  });
});

describe('what the client gets', () => {
  const answerOf = async (payload: unknown) => {
    const world = await worldOf({ overrides: openTo(), respond: () => ({ payload }) });
    const response = await world.post();
    const { status, headers } = response;
    return { status, headers, body: await response.text() };
  };

  test('status, headers and cookies as the function says', async () => {
    const { status, headers, body } = await answerOf({
      statusCode: 403,
      headers: {
        'Content-Type': 'application/problem+json',
        'Cache-Control': 'no-store',
        'X-Number': 7,
        'Content-Length': '999',
      },
      cookies: ['a=1; HttpOnly', 'b=2'],
      body: '{"code":"forbidden"}',
    });
    expect(status).toBe(403);
    expect(body).toBe('{"code":"forbidden"}');
    expect(headers.get('content-type')).toBe('application/problem+json');
    expect(headers.get('cache-control')).toBe('no-store');
    expect(headers.get('x-number')).toBe('7');
    expect(headers.get('content-length')).toBe('20');
    expect(headers.getSetCookie()).toEqual(['a=1; HttpOnly', 'b=2']);
  });

  test.each<[unknown, number, string, string]>([
    [{ message: 'hi' }, 200, 'application/json', '{"message":"hi"}'],
    ['hi', 200, 'application/json', 'hi'],
    [[1], 200, 'application/json', '[1]'],
    [{ statusCode: '201', body: 'x' }, 201, 'text/plain;charset=utf-8', 'x'],
    [
      { statusCode: 200, body: 'eA==', isBase64Encoded: true },
      200,
      'text/plain;charset=utf-8',
      'x',
    ],
    [{ statusCode: 200 }, 200, 'text/plain;charset=utf-8', ''],
  ])('%j', async (payload, status, type, body) => {
    const answer = await answerOf(payload);
    expect(answer).toMatchObject({ status, body });
    expect(answer.headers.get('content-type')).toBe(type);
  });

  test.each([
    { statusCode: 'x' },
    { statusCode: 99 },
    { statusCode: 600 },
    { statusCode: 200.5 },
    { statusCode: null },
    { statusCode: 200, body: { a: 1 } },
    { statusCode: 200, headers: { 'bad name': 'x' } },
    { statusCode: 200, headers: { good: 'a\r\nset-cookie: b' } },
    { statusCode: 200, cookies: ['a\nb'] },
  ])('malformed %j is a 500', async (payload) => {
    const { status, body } = await answerOf(payload);
    expect([status, body]).toEqual([500, '{"message":"Internal Server Error"}']);
  });

  test('a function that fails, or cannot be invoked, is a 500 without its words', async () => {
    const secret = { errorMessage: 'canary' };
    for (const respond of [
      () => ({ payload: secret, functionError: 'Unhandled' }),
      () => Promise.reject(new Error('canary')),
    ]) {
      const world = await worldOf({ overrides: openTo(), respond });
      const response = await world.post();
      expect(response.status).toBe(500);
      expect(await response.text()).toBe('{"message":"Internal Server Error"}');
      expect(JSON.stringify(world.calls)).not.toContain('canary');
    }
  });

  test('a late function is a 503 after the integration’s time, and an early one is not', async () => {
    let late = true;
    const waiting: (() => void)[] = [];
    const world = await worldOf({
      overrides: openTo({ integration: { TimeoutInMillis: 50 } }),
      respond: () =>
        new Promise((resolve) => {
          const answer = () => resolve({ payload: { statusCode: 200 } });
          if (late) waiting.push(answer);
          else answer();
        }),
    });
    const response = await world.post();
    expect(response.status).toBe(503);
    expect(await response.text()).toBe('{"message":"Service Unavailable"}');
    expect(world.calls).toMatchObject([{ status: 503, refusal: 'no answer within 50 ms' }]);
    for (const answer of waiting) answer();
    late = false;
    expect((await world.post()).status).toBe(200);
  });

  test('a function without a free environment is a 503', async () => {
    const respond = () => Promise.reject(Object.assign(new Error(), { code: 'too-many-requests' }));
    const world = await worldOf({ overrides: openTo(), respond });
    expect((await world.post()).status).toBe(503);
  });

  test.each([
    ['/', 'POST'],
    ['/token/x', 'POST'],
    ['/token', 'GET'],
    ['/token', 'OPTIONS'],
  ])('%s %s: 404, and the function is not called', async (path, method) => {
    const world = await worldOf({ overrides: openTo() });
    const response = await world.post({ path, method });
    expect(response.status).toBe(404);
    expect(await response.text()).toBe('{"message":"Not Found"}');
    expect(world.events).toEqual([]);
    expect(world.calls).toMatchObject([{ routeKey: null, status: 404, invoked: false }]);
  });
});

describe('permission to invoke', () => {
  test.each<[string, ApiOverrides['others'], number]>([
    ['of the route', { Permission: permissionFor(FUNCTION_ARN, '*/*/token') }, 200],
    ['of the stage', { Permission: permissionFor(FUNCTION_ARN, '$default/POST/token') }, 200],
    ['of another stage', { Permission: permissionFor(FUNCTION_ARN, 'prod/POST/token') }, 500],
    ['of another route', { Permission: permissionFor(FUNCTION_ARN, '*/*/other') }, 500],
    ['of another function', { Permission: permissionFor(`${FUNCTION_ARN}2`, '*/*/token') }, 500],
  ])('%s', async (_what, others, status) => {
    const world = await worldOf({ overrides: openTo({ ...(others && { others }) }) });
    expect((await world.post()).status).toBe(status);
    expect(world.events).toHaveLength(status === 200 ? 1 : 0);
  });

  test('none', async () => {
    const world = await worldOf({ overrides: openTo(), permissions: [] });
    expect((await world.post()).status).toBe(500);
    expect(world.events).toEqual([]);
  });
});

describe('CORS', () => {
  const cors = {
    AllowOrigins: [ORIGIN, 'http://localhost:5173'],
    AllowMethods: ['POST'],
    AllowHeaders: ['Authorization', 'content-type'],
    ExposeHeaders: ['Retry-After', 'apigw-requestid'],
    MaxAge: 600,
  };
  const corsHeaders = (response: Response) =>
    Object.fromEntries([...response.headers].filter(([name]) => name.startsWith('access-control')));
  const preflight = (world: World, origin: string, path = '/token') =>
    world.post({
      path,
      method: 'OPTIONS',
      headers: {
        origin,
        'access-control-request-method': 'POST',
        'access-control-request-headers': 'authorization',
      },
    });
  const respond = () => ({
    payload: {
      statusCode: 200,
      headers: { 'Access-Control-Allow-Origin': '*', 'access-control-allow-methods': 'DELETE' },
    },
  });

  test('a preflight is answered without the function, though the route asks for a token', async () => {
    const world = await worldOf({ overrides: { api: { CorsConfiguration: cors } } });
    const response = await preflight(world, ORIGIN);
    expect(response.status).toBe(204);
    expect(corsHeaders(response)).toEqual({
      'access-control-allow-origin': ORIGIN,
      'access-control-allow-methods': 'POST',
      'access-control-allow-headers': 'authorization,content-type',
      'access-control-max-age': '600',
    });
    expect(world.events).toEqual([]);
  });

  test.each([
    'https://evil.example',
    'https://app.example.evil.example',
    'http://app.example',
    'https://APP.example',
    'null',
    '',
  ])('a foreign origin gets no header: %j', async (origin) => {
    const overrides = openTo({ api: { CorsConfiguration: cors } });
    const world = await worldOf({ overrides, respond });
    expect(corsHeaders(await preflight(world, origin))).toEqual({});
    expect(corsHeaders(await world.post({ headers: { origin } }))).toEqual({});
  });

  test('the API’s headers stand instead of the function’s', async () => {
    const overrides = openTo({ api: { CorsConfiguration: cors } });
    const world = await worldOf({ overrides, respond });
    expect(corsHeaders(await world.post({ headers: { origin: ORIGIN } }))).toEqual({
      'access-control-allow-origin': ORIGIN,
      'access-control-expose-headers': 'retry-after,apigw-requestid',
    });
    expect(corsHeaders(await world.post())).toEqual({});
  });

  test('the gateway’s own 401 has none: a page sees it as an opaque failure', async () => {
    const world = await worldOf({ overrides: { api: { CorsConfiguration: cors } } });
    const response = await world.post({ headers: { origin: ORIGIN } });
    expect(response.status).toBe(401);
    expect(corsHeaders(response)).toEqual({});
  });

  test('without a setting, no preflight is answered and the function’s headers pass', async () => {
    const world = await worldOf({ overrides: openTo(), respond });
    expect((await preflight(world, ORIGIN)).status).toBe(404);
    const response = await world.post({ headers: { origin: ORIGIN } });
    expect(corsHeaders(response)).toMatchObject({ 'access-control-allow-origin': '*' });
  });

  test.each([
    [['*'], 'https://any.example', '*'],
    [['https://*'], 'https://any.example', 'https://any.example'],
    [['https://*'], 'http://any.example', null],
  ])('%j for %s', async (AllowOrigins, origin, expected) => {
    const world = await worldOf({
      overrides: openTo({ api: { CorsConfiguration: { ...cors, AllowOrigins } } }),
    });
    const response = await world.post({ headers: { origin } });
    expect(response.headers.get('access-control-allow-origin')).toBe(expected);
  });

  test('a route for every method that asks for a token gets the preflight, too', async () => {
    const api = { CorsConfiguration: cors };
    const guarded = await worldOf({ overrides: { api, route: { RouteKey: 'ANY /token' } } });
    expect((await preflight(guarded, ORIGIN)).status).toBe(401);
    const open = await worldOf({ overrides: openTo({ api, route: { RouteKey: 'ANY /token' } }) });
    expect((await preflight(open, ORIGIN)).status).toBe(204);
    expect(open.events).toEqual([]);
  });
});

describe('throttle', () => {
  test('the request after the burst is a 429, until the clock has moved on', async () => {
    let nowMs = NOW_MS;
    const world = await worldOf({
      overrides: openTo({
        stage: { DefaultRouteSettings: { ThrottlingRateLimit: 10, ThrottlingBurstLimit: 2 } },
      }),
      now: () => nowMs,
    });
    const statuses = async (count: number) => {
      const seen: number[] = [];
      for (let index = 0; index < count; index += 1) seen.push((await world.post()).status);
      return seen;
    };
    expect(await statuses(3)).toEqual([200, 200, 429]);
    nowMs += 99;
    const refused = await world.post();
    expect([refused.status, await refused.text()]).toEqual([
      429,
      '{"message":"Too Many Requests"}',
    ]);
    nowMs += 1;
    expect(await statuses(2)).toEqual([200, 429]);
    expect(world.events).toHaveLength(3);
  });
});

describe('limits', () => {
  const sized = async (world: World, bytes: number) => {
    const { host } = new URL(world.gateway.url);
    const head = [
      'POST /token HTTP/1.1',
      `host: ${host}`,
      'connection: close',
      'content-length: 0',
    ];
    const filler = 'a'.repeat(bytes - `${head.join('\r\n')}\r\nx: \r\n`.length);
    return rawPost(`${world.gateway.url}/token`, ['x', filler]);
  };

  test('a head of 10,240 bytes is taken, one more is a 431', async () => {
    const world = await worldOf({ overrides: openTo() });
    expect((await sized(world, 10_240)).status).toBe(200);
    const over = await sized(world, 10_241);
    expect(over).toEqual({ status: 431, body: '{"message":"Request Header Fields Too Large"}' });
    expect((await sized(world, 100_000)).status).toBe(431);
    expect(world.events).toHaveLength(1);
  });

  test('an oversized token is a 4xx', async () => {
    const world = await worldOf();
    const response = await world.post(bearer(`e30.${'A'.repeat(12_000)}.x`));
    expect(response.status).toBe(431);
    expect(world.events).toEqual([]);
  });

  test('a body of 10 MiB is taken, one byte more is a 413', async () => {
    const world = await worldOf({ overrides: openTo() });
    const body = new Uint8Array(10 * 1024 * 1024 + 1);
    expect((await world.post({ body: body.subarray(1) })).status).toBe(200);
    const over = await world.post({ body });
    expect(over.status).toBe(413);
    expect(world.events).toHaveLength(1);
  });

  test.each([
    'GET\r\n\r\n',
    'POST /token HTTP/1.1\r\nbad header: x\r\n\r\n',
    '\u0016\u0003\u0001x',
  ])('what is not HTTP is a 400: %j', async (bytes) => {
    const world = await worldOf({ overrides: openTo() });
    const answer = await new Promise<string>((resolve, reject) => {
      const socket = connect(world.gateway.port, '127.0.0.1', () => socket.write(bytes));
      let text = '';
      socket.on('data', (chunk) => {
        text += chunk.toString();
      });
      socket.on('end', () => resolve(text)).on('error', reject);
    });
    expect(answer).toMatch(/^HTTP\/1\.1 400 /);
    expect(world.events).toEqual([]);
  });
});

describe('records', () => {
  const Format = JSON.stringify({
    requestId: '$context.requestId',
    ip: '$context.identity.sourceIp',
    agent: '$context.identity.userAgent',
    time: '$context.requestTime',
    routeKey: '$context.routeKey',
    status: '$context.status',
    length: '$context.responseLength',
    sub: '$context.authorizer.claims.custom:tenantId',
    authorizerError: '$context.authorizer.error',
    integrationStatus: '$context.integrationStatus',
    error: '$context.error.message',
    type: '$context.error.responseType',
    unknown: '$context.constructor',
  });

  test('an access-log line in the stage’s format; no token, no claim that it does not name', async () => {
    const identity = await identityHere();
    const world = await worldOf({
      identity,
      overrides: { stage: { AccessLogSettings: { DestinationArn: 'arn', Format } } },
    });
    const token = await identity.login('u');
    const headers = { authorization: `Bearer ${token}`, 'user-agent': 'a"},{"status":"200' };
    const response = await world.post({ headers, path: '/token?canary' });
    await world.post({ headers: { authorization: 'Bearer canary' } });
    await world.post({ path: '/elsewhere' });
    const [taken, refused, lost] = world.accessLog.map((line): unknown => JSON.parse(line));
    expect(taken).toEqual({
      requestId: response.headers.get('apigw-requestid'),
      ip: '127.0.0.1',
      agent: 'a"},{"status":"200',
      time: '22/Nov/2026:11:12:08 +0000',
      routeKey: 'POST /token',
      status: '200',
      length: '2',
      sub: 'tenant-a',
      authorizerError: '-',
      integrationStatus: '200',
      error: '-',
      type: '-',
      unknown: '-',
    });
    expect(refused).toMatchObject({
      status: '401',
      authorizerError: 'the token cannot be parsed',
      integrationStatus: '-',
      error: 'Unauthorized',
      type: 'UNAUTHORIZED',
    });
    expect(lost).toMatchObject({ status: '404', routeKey: '-', error: 'Not Found' });
    expect(world.calls).toMatchObject([
      { method: 'POST', path: '/token', status: 200, invoked: true, refusal: null },
      { status: 401, invoked: false, refusal: 'the token cannot be parsed' },
      { status: 404, invoked: false, refusal: 'no such route' },
    ]);
    const everything = JSON.stringify([world.accessLog, world.calls]);
    expect(everything).not.toContain(token);
    expect(everything).not.toContain('canary');
  });

  test('a deployed address as it is reached here', async () => {
    const world = await worldOf();
    const { gateway } = world;
    const deployed = 'https://abcdefghij.execute-api.eu-west-1.amazonaws.com/token';
    expect(gateway.localUrl(deployed)).toBe(deployed);
    const domain = 'execute-api.eu-west-1.amazonaws.com';
    const { id } = apiOf();
    expect(gateway.localUrl(`https://${id}.${domain}/token`)).toBe(`${gateway.url}/token`);
    expect(gateway.localUrl(`https://${id}.${domain}`)).toBe(gateway.url);
    expect(gateway.localUrl(`https://${id}.${domain}.evil`)).toBe(`https://${id}.${domain}.evil`);
  });
});
