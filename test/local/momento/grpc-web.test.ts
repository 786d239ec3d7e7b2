// gRPC-web in its text form, byte by byte, without any SDK.

import { once } from 'node:events';
import { connect } from 'node:net';
import { setTimeout as sleep } from 'node:timers/promises';
import { cache_client } from '@gomomento/generated-types/dist/cacheclient.js';
import { cache_client as pubsub_client } from '@gomomento/generated-types/dist/cachepubsub.js';
import { control_client as control } from '@gomomento/generated-types/dist/controlclient.js';
import { describe, expect, test } from '@jest/globals';
import { bareKey } from '../../../local/momento/keys.ts';
import { bytes, cachePermission, explicit } from './account-builder.ts';
import { localMomento } from './local-momento.ts';

const { pubsub } = pubsub_client;

/** One message as a browser sends it. */
function bodyOf(message: { serialize(): Uint8Array }): string {
  const payload = message.serialize();
  const prefix = Buffer.alloc(5);
  prefix.writeUInt32BE(payload.length, 1);
  return Buffer.concat([prefix, payload]).toString('base64');
}

/** The frames of an answer: messages as bytes, trailers as text. */
function framesOf(body: string): (Buffer | string)[] {
  const pieces = body.match(/[^=]+={0,2}/g) ?? [];
  let rest = Buffer.concat(pieces.map((piece) => Buffer.from(piece, 'base64')));
  const frames: (Buffer | string)[] = [];
  while (rest.length > 0) {
    const end = 5 + rest.readUInt32BE(1);
    const payload = rest.subarray(5, end);
    frames.push(rest.readUInt8(0) === 0x80 ? payload.toString() : payload);
    rest = rest.subarray(end);
  }
  return frames;
}

async function webMomento() {
  const served = await localMomento();
  const url = `http://${served.server.endpoint}`;
  const post = (
    method: string,
    body: string,
    headers: Record<string, string> = {},
    signal?: AbortSignal,
  ) =>
    fetch(`${url}/${method}`, {
      method: 'POST',
      headers: {
        'content-type': 'application/grpc-web-text',
        authorization: bareKey(served.superUserKey.apiKey),
        ...headers,
      },
      body,
      signal: signal ?? null,
    });
  const answer = async (method: string, body: string, headers?: Record<string, string>) =>
    framesOf(await (await post(method, body, headers)).text());
  return { ...served, url, post, answer };
}

const OK = 'grpc-status:0\r\ngrpc-message:\r\n';
const LIST = 'control_client.ScsControl/ListCaches';
const nothing = bodyOf(new control._ListCachesRequest());

describe('an answer', () => {
  test('is each message, then the trailers, all in base64', async () => {
    const { answer, createCache, post } = await webMomento();
    createCache('mine');
    const response = await post(LIST, nothing);
    expect(response.status).toBe(200);
    expect(response.headers.get('content-type')).toBe('application/grpc-web-text+proto');
    const [message, ...trailers] = framesOf(await response.text());
    expect(trailers).toEqual([OK]);
    expect(
      control._ListCachesResponse.deserialize(message as Buffer).cache.map((c) => c.cache_name),
    ).toEqual(['mine']);

    const item = { cache_key: bytes('k'), cache_body: bytes('v'), ttl_milliseconds: 1000 };
    const set = bodyOf(new cache_client._SetRequest(item));
    const get = bodyOf(new cache_client._GetRequest(item));
    expect((await answer('cache_client.Scs/Set', set, { cache: 'mine' })).at(-1)).toBe(OK);
    const [got] = await answer('cache_client.Scs/Get', get, { cache: 'mine' });
    expect(cache_client._GetResponse.deserialize(got as Buffer).cache_body).toEqual(bytes('v'));
  });

  test('of no message tells why, in letters that a trailer can carry', async () => {
    const { answer, disposable } = await webMomento();
    const get = bodyOf(new cache_client._GetRequest({ cache_key: bytes('k') }));
    const refused = async (headers: Record<string, string>) =>
      (await answer('cache_client.Scs/Get', get, headers)).join();
    expect(await refused({ cache: 'c%\u00e9' })).toBe(
      'grpc-status:5\r\ngrpc-message:Cache%20not%20found%3A%20c%25%C3%A9\r\n',
    );
    expect(await refused({ authorization: '' })).toMatch(/^grpc-status:16\r\n/);
    const narrow = bareKey(disposable(explicit(cachePermission('other'))));
    expect(await refused({ authorization: narrow, cache: 'mine' })).toMatch(/^grpc-status:7\r\n/);
    expect(await answer('cache_client.Scs/SortedSetPut', get)).toEqual([
      expect.stringMatching(/^grpc-status:12\r\n/),
    ]);
  });

  test.each([
    ['empty', ''],
    ['not base64', '{"a":1}'],
    ['shorter than it says', Buffer.from([0, 0, 0, 0, 9, 1]).toString('base64')],
    ['longer than it says', Buffer.from([0, 0, 0, 0, 0, 1]).toString('base64')],
    ['trailers', Buffer.from([0x80, 0, 0, 0, 0]).toString('base64')],
    ['too long', 'A'.repeat(6_000_000)],
  ])('to a body that is %s is a refusal, and no call', async (_name, body) => {
    const { answer, outcomes } = await webMomento();
    expect(await answer(LIST, body)).toEqual([expect.stringMatching(/^grpc-status:3\r\n/)]);
    expect(outcomes).toEqual([]);
  });

  test('to bytes that are no message is an error that quotes none of them', async () => {
    const { answer } = await webMomento();
    const body = bodyOf({ serialize: () => Buffer.from('canary-canary') });
    const [trailers] = await answer('cache_client.Scs/Get', body, { cache: 'mine' });
    expect(trailers).toMatch(/^grpc-status:13\r\n/);
    expect(trailers).not.toContain('canary');
  });
});

describe('a subscription', () => {
  const subscribe = bodyOf(new pubsub._SubscriptionRequest({ cache_name: 'mine', topic: 'news' }));

  test('comes piece by piece, each whole base64, until its token ends', async () => {
    const { account, clock, createCache, post } = await webMomento();
    createCache('mine');
    const response = await post('cache_client.pubsub.Pubsub/Subscribe', subscribe);
    const publish = (text: string) =>
      account
        .openTopic(account.sessionToken, {
          operation: 'publish',
          cacheName: 'mine',
          topicName: 'news',
        })
        .topics.publish('news', text, 'alice');
    const told: unknown[] = [];
    for await (const piece of response.body ?? []) {
      for (const frame of framesOf(Buffer.from(piece).toString())) {
        if (typeof frame === 'string') told.push(frame);
        else {
          const message = pubsub._SubscriptionItem.deserialize(frame);
          told.push(message.kind === 'item' ? message.item.value.text : message.kind);
        }
        if (told.length === 1) publish('one');
        if (told.length === 2) publish('three');
        if (told.length === 3) {
          clock.nowMs += 600_000;
          publish('too late');
        }
      }
    }
    expect(told).toEqual([
      'heartbeat',
      'one',
      'three',
      'grpc-status:16\r\ngrpc-message:The%20credential%20has%20expired\r\n',
    ]);
  });

  test('is over when the page leaves', async () => {
    const { createCache, outcomes, post } = await webMomento();
    createCache('mine');
    const page = new AbortController();
    await post('cache_client.pubsub.Pubsub/Subscribe', subscribe, {}, page.signal);
    page.abort();
    while (outcomes.length === 0) await sleep(1);
    expect(outcomes).toMatchObject([{ status: 'CANCELLED' }]);
  });

  test('is over when the server closes', async () => {
    const { createCache, post, server } = await webMomento();
    createCache('mine');
    const response = await post('cache_client.pubsub.Pubsub/Subscribe', subscribe);
    await server.close();
    await expect(response.text()).rejects.toThrow();
  });
});

describe('a browser', () => {
  test('is told that any page may send what the SDK sends', async () => {
    const { url } = await webMomento();
    const response = await fetch(`${url}/${LIST}`, {
      method: 'OPTIONS',
      headers: {
        origin: 'https://app.example.com',
        'access-control-request-method': 'POST',
        'access-control-request-headers': 'authorization,cache,content-type,x-grpc-web',
      },
    });
    expect(response.status).toBe(204);
    const header = (name: string) => response.headers.get(`access-control-${name}`);
    expect(header('allow-origin')).toBe('*');
    expect(header('allow-methods')).toBe('POST');
    expect(header('allow-headers')).toBe('authorization,cache,content-type,x-grpc-web');
    // A cookie would let any page act for whoever has it.
    expect(header('allow-credentials')).toBeNull();
  });

  test('may read the status', async () => {
    const { post } = await webMomento();
    const { headers } = await post(LIST, nothing);
    expect(headers.get('access-control-allow-origin')).toBe('*');
    expect(headers.get('access-control-expose-headers')).toBe('grpc-status, grpc-message');
  });

  test.each([
    ['a page that is asked for', { method: 'GET' }],
    ['JSON', { method: 'POST', headers: { 'content-type': 'application/json' }, body: '{}' }],
    ['the binary form', { method: 'POST', headers: { 'content-type': 'application/grpc-web' } }],
  ])('is not served %s', async (_name, request) => {
    const { outcomes, url } = await webMomento();
    const response = await fetch(`${url}/${LIST}`, request);
    expect(response.status).toBe(415);
    expect(await response.text()).toContain('application/grpc-web-text');
    expect(outcomes).toEqual([]);
  });
});

describe('one port', () => {
  const PREFACE = 'PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n';
  const HTTP1 = 'GET / HTTP/1.1\r\nhost: a\r\n\r\n';

  test.each([
    ['HTTP/1.1', HTTP1, /^HTTP\/1\.1 415/],
    // The SETTINGS frame that an HTTP/2 server begins with: its type is the fourth byte.
    // biome-ignore lint/suspicious/noControlCharactersInRegex: bytes, not text
    ['HTTP/2', PREFACE, /^\x00\x00.\x04/],
    ['another method that begins with P', 'PATCH / HTTP/1.1\r\nhost: a\r\n\r\n', /^HTTP\/1\.1 415/],
  ])('speaks %s, even if it comes byte by byte', async (_name, greeting, answer) => {
    const { server } = await localMomento();
    const socket = connect({ port: server.port, host: '127.0.0.1', noDelay: true });
    await once(socket, 'connect');
    for (const letter of greeting) {
      socket.write(letter);
      await sleep(1);
    }
    const [data] = (await once(socket, 'data')) as [Buffer];
    expect(data.toString('latin1')).toMatch(answer);
    socket.destroy();
  });

  test('outlives a caller who leaves before he says anything', async () => {
    const { listCaches, server, superUserKey } = await localMomento();
    for (const start of ['', 'P', 'PR']) {
      const socket = connect(server.port, '127.0.0.1');
      await once(socket, 'connect');
      if (start !== '') socket.write(start);
      socket.resetAndDestroy();
      await once(socket, 'close');
    }
    expect(String(await listCaches(superUserKey.apiKey))).toContain('Success');
  });
});
