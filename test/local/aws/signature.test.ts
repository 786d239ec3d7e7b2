import { createHash } from 'node:crypto';
import { Sha256 } from '@aws-crypto/sha256-js';
import { GetSecretValueCommand } from '@aws-sdk/client-secrets-manager';
import { afterEach, beforeEach, describe, expect, test } from '@jest/globals';
import { SignatureV4 } from '@smithy/signature-v4';
import type { AccessKey } from '../../../local/aws/principals.ts';
import { Clock, REGION, rejectionOf, type Stack, secretsClient, startStack } from './builders.ts';

const MINUTE_MS = 60_000;

let stack: Stack;
let clock: Clock;
beforeEach(async () => {
  clock = new Clock();
  stack = await startStack({ now: clock.now });
  stack.secrets.createSecret({ Name: 'key', SecretString: 'value' });
});
afterEach(() => stack.close());

interface Signing {
  credentials?: AccessKey;
  region?: string;
  service?: string;
  atMs?: number;
  body?: string;
  /** Whether the body's hash is declared in a header. The SDK does, `aws` does not. @default true */
  applyChecksum?: boolean;
  /** What is sent; what is signed is the above. */
  sent?: { body?: string; headers?: Record<string, string>; without?: string; query?: string };
}

/** Signs with the library that AWS's clients use, then spoils what it is told to. */
async function send(over: Signing = {}) {
  const { credentials = stack.operator, atMs = clock.nowMs, sent = {} } = over;
  const body = over.body ?? '{"SecretId":"key"}';
  const signer = new SignatureV4({
    credentials,
    region: over.region ?? REGION,
    service: over.service ?? 'secretsmanager',
    sha256: Sha256,
    applyChecksum: over.applyChecksum ?? true,
  });
  const signed = await signer.sign(
    {
      method: 'POST',
      protocol: 'http:',
      hostname: '127.0.0.1',
      path: '/',
      query: {},
      headers: {
        host: `127.0.0.1:${stack.server.port}`,
        'content-type': 'application/x-amz-json-1.1',
        'x-amz-target': 'secretsmanager.GetSecretValue',
      },
      body,
    },
    { signingDate: new Date(atMs) },
  );
  const headers: Record<string, string> = { ...signed.headers, ...sent.headers };
  if (sent.without !== undefined) delete headers[sent.without];
  const answer = await fetch(`${stack.server.url}/${sent.query ?? ''}`, {
    method: 'POST',
    headers,
    body: sent.body ?? body,
  });
  const text = await answer.text();
  return {
    status: answer.status,
    error: answer.headers.get('x-amzn-errortype'),
    date: answer.headers.get('date'),
    body: JSON.parse(text) as Record<string, string>,
  };
}

const MISMATCH =
  'The request signature we calculated does not match the signature you provided. Check your AWS Secret Access Key and signing method. Consult the service documentation for details.';

test('a good signature is taken', async () => {
  const answer = await send();
  expect([answer.status, answer.body.SecretString]).toEqual([200, 'value']);
  const withToken = await send({
    credentials: stack.role({ Effect: 'Allow', Action: '*', Resource: '*' }),
  });
  expect(withToken.status).toBe(200);
  expect((await send({ applyChecksum: false })).status).toBe(200);
});

describe('refused', () => {
  test('no signature at all', async () => {
    const answer = await send({ sent: { without: 'authorization' } });
    expect([answer.status, answer.error]).toEqual([400, 'MissingAuthenticationTokenException']);
    expect(answer.body.Message).toBe('Request is missing Authentication Token');
  });

  test('the wrong secret, in AWS’s words', async () => {
    const wrong = { ...stack.operator, secretAccessKey: 'wrong' };
    const answer = await send({ credentials: wrong });
    expect([answer.status, answer.error]).toEqual([400, 'InvalidSignatureException']);
    expect(answer.body).toEqual({ __type: 'InvalidSignatureException', Message: MISMATCH });

    const bySdk = await rejectionOf(
      secretsClient(stack.server, wrong).send(new GetSecretValueCommand({ SecretId: 'key' })),
    );
    expect(bySdk.name).toBe('InvalidSignatureException');
  });

  test('an access key that nobody was given is a denial', async () => {
    const stranger = { accessKeyId: 'AKIASTRANGER', secretAccessKey: 'x' };
    const answer = await send({ credentials: stranger });
    expect([answer.status, answer.error]).toEqual([400, 'AccessDeniedException']);
    expect(answer.body.Message).toMatch(
      /^User: anonymous is not authorized to perform: secretsmanager:GetSecretValue on resource: .* because no identity-based policy allows the secretsmanager:GetSecretValue action$/,
    );
    expect(stack.calls).toMatchObject([{ principalArn: 'anonymous', outcome: 'denied' }]);
  });

  test('a revoked access key', async () => {
    stack.principals.revoke(stack.operator.accessKeyId);
    expect((await send()).error).toBe('AccessDeniedException');
  });

  test.each([
    ['another body', { body: '{"SecretId":"kex"}' }],
    [
      'another body that declares its own hash',
      {
        body: '{"SecretId":"kex"}',
        headers: {
          'x-amz-content-sha256': createHash('sha256').update('{"SecretId":"kex"}').digest('hex'),
        },
      },
    ],
    ['a body whose hash is withheld', { headers: { 'x-amz-content-sha256': 'UNSIGNED-PAYLOAD' } }],
    ['another target', { headers: { 'x-amz-target': 'secretsmanager.DescribeSecret' } }],
    ['another query', { query: '?x=1' }],
    ['a shifted date', { headers: { 'x-amz-date': '20260115T100001Z' } }],
  ])('%s', async (_what, sent) => {
    for (const applyChecksum of [true, false]) {
      const answer = await send({ sent, applyChecksum });
      expect([answer.status, answer.error]).toEqual([400, 'InvalidSignatureException']);
      expect(stack.calls).toEqual([]);
    }
  });

  test.each([
    [
      'region',
      { region: 'us-east-1' },
      "Credential should be scoped to a valid region, not 'us-east-1'",
    ],
    [
      'service',
      { service: 'sqs' },
      "Credential should be scoped to correct service: 'secretsmanager'.",
    ],
  ])('another %s', async (_what, over, words) => {
    const answer = await send(over);
    expect(answer.error).toBe('InvalidSignatureException');
    expect(answer.body.Message).toContain(words);
  });

  test.each([
    ['absent', { without: 'x-amz-security-token' }],
    ['another’s', { headers: { 'x-amz-security-token': 'stolen' } }],
  ])('a session token that is %s', async (_what, sent) => {
    const credentials = stack.role({ Effect: 'Allow', Action: '*', Resource: '*' });
    const answer = await send({ credentials, sent });
    expect([answer.status, answer.error]).toEqual([400, 'UnrecognizedClientException']);
    expect(answer.body.Message).toBe('The security token included in the request is invalid.');
  });

  test('a session token for a key that has none', async () => {
    const answer = await send({ credentials: { ...stack.operator, sessionToken: 'made up' } });
    expect(answer.error).toBe('UnrecognizedClientException');
  });

  test.each([
    'Basic abc',
    'AWS4-HMAC-SHA256 Credential=a/b',
    'AWS4-HMAC-SHA256 Credential=a/b/c, SignedHeaders=host, Signature=00',
    `AWS4-HMAC-SHA256 Credential=a/20260115/${REGION}/secretsmanager/aws4_request, SignedHeaders=host`,
  ])('%s', async (authorization) => {
    const answer = await send({ sent: { headers: { authorization } } });
    expect(answer.error).toBe('IncompleteSignatureException');
  });

  test.each(['x', '20261315T100000Z'])('the date %s', async (date) => {
    const answer = await send({ sent: { headers: { 'x-amz-date': date } } });
    expect(answer.error).toBe('IncompleteSignatureException');
  });

  test('a target that is not under the signature', async () => {
    const { authorization, ...rest } = await signedHeadersOf();
    const answer = await send({
      sent: {
        headers: { ...rest, authorization: authorization?.replace(';x-amz-target', '') ?? '' },
      },
    });
    expect(answer.error).toBe('InvalidSignatureException');
    expect(answer.body.Message).toContain("'x-amz-target' must be a 'SignedHeader'");
  });
});

/** A full set of headers, as `send` makes it. */
async function signedHeadersOf(): Promise<Record<string, string>> {
  const signer = new SignatureV4({
    credentials: stack.operator,
    region: REGION,
    service: 'secretsmanager',
    sha256: Sha256,
  });
  const { headers } = await signer.sign(
    {
      method: 'POST',
      protocol: 'http:',
      hostname: '127.0.0.1',
      path: '/',
      headers: {
        host: `127.0.0.1:${stack.server.port}`,
        'x-amz-target': 'secretsmanager.GetSecretValue',
      },
      body: '{"SecretId":"key"}',
    },
    { signingDate: new Date(clock.nowMs) },
  );
  return headers;
}

describe('the age of a signature', () => {
  test.each([
    [-15 * MINUTE_MS, 200],
    [-15 * MINUTE_MS - 1000, 400],
    [15 * MINUTE_MS, 200],
    [15 * MINUTE_MS + 1000, 400],
  ])('%d ms off', async (offMs, status) => {
    expect((await send({ atMs: clock.nowMs + offMs })).status).toBe(status);
  });

  test('the words by which clients correct their clock', async () => {
    const old = await send({ atMs: clock.nowMs - 16 * MINUTE_MS });
    expect(old.body.Message).toBe(
      'Signature expired: 20260115T094400Z is now earlier than 20260115T094500Z (20260115T100000Z - 15 min.)',
    );
    const early = await send({ atMs: clock.nowMs + 16 * MINUTE_MS });
    expect(early.body.Message).toBe(
      'Signature not yet current: 20260115T101600Z is still later than 20260115T101500Z (20260115T100000Z + 15 min.)',
    );
    expect(early.date).toBe('Thu, 15 Jan 2026 10:00:00 GMT');
  });

  test('the SDK does correct its clock, and gets through at the second attempt', async () => {
    const client = secretsClient(stack.server, stack.operator);
    client.config.maxAttempts = async () => 2;
    const read = new GetSecretValueCommand({ SecretId: 'key' });
    expect((await rejectionOf(client.send(read))).name).toBe('InvalidSignatureException');
    expect((await client.send(read)).SecretString).toBe('value');
  });
});
