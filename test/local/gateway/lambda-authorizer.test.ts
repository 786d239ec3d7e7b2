// A function as the authorizer: what it is asked, what its answers mean, and for how long.

import { afterEach, beforeEach, describe, expect, test } from '@jest/globals';
import {
  type ApiOverrides,
  AUTHORIZER_ARN,
  apiOf,
  FUNCTION_ARN,
  NOW_MS,
  permissionFor,
  startWorld,
  type World,
} from './world.ts';

let answer: unknown;
let functionError: string | undefined;
let nowMs: number;
let world: World | undefined;

beforeEach(() => {
  answer = { isAuthorized: true, context: {} };
  functionError = undefined;
  nowMs = NOW_MS;
});
afterEach(() => world?.close());

const overridesWith = (authorizer: Record<string, unknown> = {}): ApiOverrides => ({
  route: { AuthorizationType: 'CUSTOM' },
  authorizer: {
    AuthorizerType: 'REQUEST',
    IdentitySource: ['$request.header.Authorization'],
    AuthorizerUri: `arn:aws:apigateway:eu-west-1:lambda:path/2015-03-31/functions/${AUTHORIZER_ARN}/invocations`,
    AuthorizerPayloadFormatVersion: '2.0',
    EnableSimpleResponses: true,
    ...authorizer,
  },
  others: { MayAuthorize: permissionFor(AUTHORIZER_ARN, 'authorizers/*') },
});

async function post(
  authorizer: Record<string, unknown> = {},
  init: Parameters<World['post']>[0] = { headers: { authorization: 'anything' } },
): Promise<{ status: number; body: string }> {
  world ??= await startWorld({
    overrides: overridesWith(authorizer),
    now: () => nowMs,
    respond: (functionArn) =>
      functionArn === AUTHORIZER_ARN
        ? { payload: answer, ...(functionError !== undefined && { functionError }) }
        : { payload: { statusCode: 200 } },
  });
  const response = await world.post(init);
  return { status: response.status, body: await response.text() };
}
afterEach(() => {
  world = undefined;
});

const called = () => world?.events.map(({ functionArn }) => functionArn);
const seenContext = () => world?.events.at(-1)?.event.requestContext.authorizer;

test('is asked with the request but without its body', async () => {
  const init = {
    path: '/token?a=1',
    headers: { authorization: 'x', cookie: 'c=1' },
    body: 'canary',
  };
  expect((await post({}, init)).status).toBe(200);
  expect(called()).toEqual([AUTHORIZER_ARN, FUNCTION_ARN]);
  const event = world?.events[0]?.event;
  expect(event).toMatchObject({
    version: '2.0',
    type: 'REQUEST',
    routeArn: `arn:aws:execute-api:eu-west-1:111122223333:${apiOf().id}/$default/POST/token`,
    identitySource: ['x'],
    routeKey: 'POST /token',
    rawPath: '/token',
    rawQueryString: 'a=1',
    queryStringParameters: { a: '1' },
    cookies: ['c=1'],
    headers: { authorization: 'x' },
    requestContext: { http: { method: 'POST' }, stage: '$default' },
  });
  expect(event).not.toHaveProperty('body');
});

test('its context reaches the function with its own types', async () => {
  const context = {
    tenant: 't',
    level: 3,
    admin: true,
    groups: ['a', 'b c'],
    none: null,
    of: { a: 1 },
  };
  answer = { isAuthorized: true, context };
  await post();
  expect(seenContext()).toEqual({ lambda: context });
});

test('without a context there is none', async () => {
  answer = { isAuthorized: true };
  await post();
  expect(seenContext()).toEqual({ lambda: null });
});

test('denied: 403, and the function is not called', async () => {
  answer = { isAuthorized: false, context: { a: 1 } };
  expect(await post()).toEqual({ status: 403, body: '{"message":"Forbidden"}' });
  expect(called()).toEqual([AUTHORIZER_ARN]);
});

test.each([{}, { headers: { authorization: '' } }, { path: '/token?Authorization=x' }])(
  'an identity source that is missing: 401, and nobody is asked: %j',
  async (init) => {
    expect(await post({}, init)).toEqual({ status: 401, body: '{"message":"Unauthorized"}' });
    expect(called()).toEqual([]);
  },
);

test.each([{}, null, 'yes', { isAuthorized: 'true' }, { isAuthorized: 1 }])(
  'an answer that is malformed: 500: %j',
  async (given) => {
    answer = given;
    expect((await post()).status).toBe(500);
    expect(called()).toEqual([AUTHORIZER_ARN]);
  },
);

test('one that fails: 500', async () => {
  functionError = 'Unhandled';
  expect((await post()).status).toBe(500);
});

test('without a permission of its own it is not asked: 500', async () => {
  world = await startWorld({ overrides: { ...overridesWith(), others: {} } });
  expect((await post()).status).toBe(500);
  expect(called()).toEqual([]);
});

describe('with an IAM policy', () => {
  const policy = (Effect: string, Resource: string, Action = 'execute-api:Invoke') => ({
    principalId: 'p',
    policyDocument: { Version: '2012-10-17', Statement: [{ Effect, Action, Resource }] },
    context: { n: 1 },
  });

  test.each([
    [policy('Allow', '*'), 200],
    [policy('Allow', 'arn:aws:execute-api:*:*:*/*/POST/token'), 200],
    [policy('Allow', 'arn:aws:execute-api:*:*:*/*/GET/token'), 403],
    [policy('Deny', '*'), 403],
    [policy('Allow', '*', 'lambda:InvokeFunction'), 403],
    [{ isAuthorized: true }, 500],
    [{ ...policy('Allow', '*'), policyDocument: { Statement: [{ Effect: 'allow' }] } }, 500],
  ])('%j → %d', async (given, status) => {
    answer = given;
    expect((await post({ EnableSimpleResponses: false })).status).toBe(status);
    if (status === 200) expect(seenContext()).toEqual({ lambda: { n: 1 } });
  });
});

describe('an answer is kept', () => {
  const keep = { AuthorizerResultTtlInSeconds: 60 };
  const asked = () => called()?.filter((arn) => arn === AUTHORIZER_ARN).length;

  test('for the same identity and for its time, to the millisecond', async () => {
    await post(keep);
    nowMs += 59_999;
    await post(keep);
    expect(asked()).toBe(1);
    nowMs += 1;
    await post(keep);
    expect(asked()).toBe(2);
  });

  test('never for another identity', async () => {
    await post(keep);
    answer = { isAuthorized: false };
    expect((await post(keep, { headers: { authorization: 'other' } })).status).toBe(403);
    expect((await post(keep)).status).toBe(200);
    expect(asked()).toBe(2);
  });

  test('not without a time, and not without an identity source', async () => {
    await post();
    await post();
    expect(asked()).toBe(2);
  });

  test('not when the function failed', async () => {
    functionError = 'Unhandled';
    await post(keep);
    functionError = undefined;
    expect((await post(keep)).status).toBe(200);
  });
});
