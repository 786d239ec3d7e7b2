// Signature Version 4, verified: recompute what the caller must have signed, compare in constant time.

import { createHash, timingSafeEqual } from 'node:crypto';
import { Sha256 } from '@aws-crypto/sha256-js';
import { SignatureV4 } from '@smithy/signature-v4';
import { AwsError } from './aws-error.ts';
import type { AccessKey, KnownKey, Principal } from './principals.ts';

/** A request as it came in, before anything in it is believed. */
export interface SignedRequest {
  readonly method: string;
  /** The path as it stood on the wire, still encoded. */
  readonly path: string;
  readonly query: Readonly<Record<string, string | string[]>>;
  /** Lower-case names. */
  readonly headers: Readonly<Record<string, string>>;
  readonly body: Uint8Array;
}

export interface VerifyOptions {
  readonly find: (accessKeyId: string) => KnownKey | undefined;
  readonly region: string;
  /** The signing name of the service asked for: `secretsmanager`, `events`, `sqs`, `sts`, `lambda` … */
  readonly service: string;
  /** Epoch milliseconds. */
  readonly nowMs: number;
}

/** AWS's own allowance, either way. */
const ALLOWED_SKEW_MS = 15 * 60 * 1000;

/**
 * The principal that signed, or undefined for an access key that nobody was given: whoever asks
 * then answers with a denial.
 * @throws AwsError MissingAuthenticationTokenException, IncompleteSignatureException,
 * InvalidSignatureException or UnrecognizedClientException (a session token that is not the key's).
 */
export async function verifySignature(
  request: SignedRequest,
  options: VerifyOptions,
): Promise<Principal | undefined> {
  const claim = parseAuthorization(request.headers);
  const known = options.find(claim.accessKeyId);
  if (known === undefined) return undefined;

  assertScope(claim, options);
  assertFresh(claim.signedAtMs, options.nowMs);
  assertSessionToken(known.key, request.headers);
  assertCovered(claim, request);

  const expected = await sign(request, claim, known.key);
  if (!equal(expected, claim.signature)) throw mismatch();
  return known.principal;
}

interface Claim {
  readonly accessKeyId: string;
  readonly day: string;
  readonly region: string;
  readonly service: string;
  readonly signedHeaders: ReadonlySet<string>;
  readonly signature: string;
  readonly signedAtMs: number;
}

function parseAuthorization(headers: Readonly<Record<string, string>>): Claim {
  const authorization = headers.authorization;
  if (authorization === undefined) {
    throw new AwsError(
      'MissingAuthenticationTokenException',
      'Request is missing Authentication Token',
    );
  }
  if (!authorization.startsWith('AWS4-HMAC-SHA256 ')) {
    throw incomplete('Only requests signed with AWS4-HMAC-SHA256 are accepted.');
  }
  const parts = new Map<string, string>();
  for (const part of authorization.slice('AWS4-HMAC-SHA256 '.length).split(',')) {
    const [name = '', ...value] = part.trim().split('=');
    parts.set(name, value.join('='));
  }
  for (const name of ['Credential', 'SignedHeaders', 'Signature']) {
    if (!parts.get(name)) {
      throw incomplete(`Authorization header requires '${name}' parameter.`);
    }
  }
  const scope = (parts.get('Credential') ?? '').split('/');
  const [accessKeyId, day, region, service, terminator] = scope;
  if (
    scope.length !== 5 ||
    accessKeyId === undefined ||
    day === undefined ||
    region === undefined ||
    service === undefined ||
    terminator !== 'aws4_request'
  ) {
    throw incomplete('Credential must have exactly 5 slash-delimited elements.');
  }
  return {
    accessKeyId,
    day,
    region,
    service,
    signedHeaders: new Set((parts.get('SignedHeaders') ?? '').toLowerCase().split(';')),
    signature: parts.get('Signature') ?? '',
    signedAtMs: parseAmzDate(headers['x-amz-date']),
  };
}

function parseAmzDate(text: string | undefined): number {
  const match = /^(\d{4})(\d\d)(\d\d)T(\d\d)(\d\d)(\d\d)Z$/.exec(text ?? '');
  const epochMs = match
    ? Date.parse(`${match[1]}-${match[2]}-${match[3]}T${match[4]}:${match[5]}:${match[6]}Z`)
    : Number.NaN;
  if (Number.isNaN(epochMs)) {
    throw incomplete("Authorization header requires existence of a valid 'X-Amz-Date' header.");
  }
  return epochMs;
}

function assertScope(claim: Claim, options: VerifyOptions): void {
  const complaints = [];
  if (claim.region !== options.region) {
    complaints.push(
      `Credential should be scoped to a valid region, not '${claim.region}' (this stack is in '${options.region}').`,
    );
  }
  if (claim.service !== options.service) {
    complaints.push(`Credential should be scoped to correct service: '${options.service}'.`);
  }
  if (claim.day !== amzDate(claim.signedAtMs).slice(0, 8)) {
    complaints.push('Date in Credential scope does not match YYYYMMDD from ISO-8601 version.');
  }
  if (complaints.length > 0) throw invalidSignature(complaints.join(' '));
}

function assertFresh(signedAtMs: number, nowMs: number): void {
  const [signed, now] = [amzDate(signedAtMs), amzDate(nowMs)];
  // Clients correct their clock from these words and the Date header, and try again: keep both right.
  if (signedAtMs < nowMs - ALLOWED_SKEW_MS) {
    const edge = amzDate(nowMs - ALLOWED_SKEW_MS);
    throw invalidSignature(
      `Signature expired: ${signed} is now earlier than ${edge} (${now} - 15 min.)`,
    );
  }
  if (signedAtMs > nowMs + ALLOWED_SKEW_MS) {
    const edge = amzDate(nowMs + ALLOWED_SKEW_MS);
    throw invalidSignature(
      `Signature not yet current: ${signed} is still later than ${edge} (${now} + 15 min.)`,
    );
  }
}

function assertSessionToken(key: AccessKey, headers: Readonly<Record<string, string>>): void {
  const given = headers['x-amz-security-token'];
  if (key.sessionToken === undefined && given === undefined) return;
  if (key.sessionToken === undefined || given === undefined || !equal(key.sessionToken, given)) {
    throw new AwsError(
      'UnrecognizedClientException',
      'The security token included in the request is invalid.',
    );
  }
}

/** What decides the meaning of the request must be under the signature: host, target, and the body. */
function assertCovered(claim: Claim, request: SignedRequest): void {
  for (const name of ['host', 'x-amz-date', 'x-amz-target', 'x-amz-security-token']) {
    if (request.headers[name] !== undefined && !claim.signedHeaders.has(name)) {
      throw invalidSignature(`'${name}' must be a 'SignedHeader' in the AWS Authorization.`);
    }
  }
  // The signer takes this header's word for the body's hash, so its word is checked first.
  const declared = request.headers['x-amz-content-sha256'];
  if (declared !== undefined) {
    const actual = createHash('sha256').update(request.body).digest('hex');
    if (!equal(actual, declared)) throw mismatch();
  }
}

async function sign(request: SignedRequest, claim: Claim, key: AccessKey): Promise<string> {
  const headers: Record<string, string> = {};
  for (const [name, value] of Object.entries(request.headers)) {
    if (claim.signedHeaders.has(name)) headers[name] = value;
  }
  const signer = new SignatureV4({
    credentials: key,
    region: claim.region,
    service: claim.service,
    sha256: Sha256,
    applyChecksum: false,
  });
  const signed = await signer.sign(
    {
      method: request.method,
      protocol: 'http:',
      hostname: 'localhost',
      path: request.path,
      query: { ...request.query },
      headers,
      body: request.body,
    },
    {
      signingDate: new Date(claim.signedAtMs),
      signableHeaders: new Set(claim.signedHeaders),
    },
  );
  return /Signature=([0-9a-f]+)$/.exec(signed.headers.authorization ?? '')?.[1] ?? '';
}

function equal(a: string, b: string): boolean {
  const [left, right] = [Buffer.from(a), Buffer.from(b)];
  return left.length === right.length && timingSafeEqual(left, right);
}

function amzDate(epochMs: number): string {
  return new Date(epochMs).toISOString().replace(/[-:]|\.\d{3}/g, '');
}

function incomplete(message: string): AwsError {
  return new AwsError('IncompleteSignatureException', message);
}

function invalidSignature(message: string): AwsError {
  return new AwsError('InvalidSignatureException', message);
}

function mismatch(): AwsError {
  return invalidSignature(
    'The request signature we calculated does not match the signature you provided. Check your AWS Secret Access Key and signing method. Consult the service documentation for details.',
  );
}
