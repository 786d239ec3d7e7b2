// The answers of the token endpoint: a token, or a problem (RFC 9457) with a stable code.

import type { DisposableToken } from './wire.ts';

export interface HttpAnswer {
  readonly statusCode: number;
  readonly headers: Readonly<Record<string, string>>;
  readonly body: string;
}

export type ProblemCode =
  | 'forbidden'
  | 'rate-limited'
  | 'no-key'
  | 'upstream-unavailable'
  | 'upstream-timeout'
  | 'upstream-key-refused'
  | 'bad-policy';

interface Problem {
  readonly status: number;
  readonly title: string;
  readonly detail: string;
  /** @default a retry does not help */
  readonly retryAfterSeconds?: number;
}

// The detail never says why a policy refused: an unknown tenant must look like a missing role.
const PROBLEMS: Readonly<Record<ProblemCode, Problem>> = {
  forbidden: {
    status: 403,
    title: 'Forbidden',
    detail: 'You may not have a token here. Ask whoever manages your access.',
  },
  'rate-limited': {
    status: 429,
    title: 'Too many tokens are being asked for',
    detail: 'Try again after the time in Retry-After.',
    retryAfterSeconds: 1,
  },
  'no-key': {
    status: 503,
    title: 'The service has no key yet',
    detail: 'The operator has to import a Momento key.',
    retryAfterSeconds: 60,
  },
  'upstream-unavailable': {
    status: 503,
    title: 'Momento cannot be reached',
    detail: 'Try again after the time in Retry-After.',
    retryAfterSeconds: 2,
  },
  'upstream-timeout': {
    status: 504,
    title: 'Momento did not answer in time',
    detail: 'Try again after the time in Retry-After.',
    retryAfterSeconds: 2,
  },
  'upstream-key-refused': {
    status: 502,
    title: "Momento does not accept the service's key",
    detail: 'The operator has to import a key that may mint tokens.',
    retryAfterSeconds: 60,
  },
  'bad-policy': {
    status: 500,
    title: 'The policy of the service is wrong',
    detail: 'The operator has to correct the policies.',
  },
};

const NO_STORE = { 'cache-control': 'no-store' };

export function problem(code: ProblemCode, retryAfterSeconds?: number): HttpAnswer {
  const { status, title, detail, ...rest } = PROBLEMS[code];
  const retryAfter = retryAfterSeconds ?? rest.retryAfterSeconds;
  return {
    statusCode: status,
    headers: {
      ...NO_STORE,
      'content-type': 'application/problem+json',
      ...(retryAfter !== undefined && { 'retry-after': `${retryAfter}` }),
    },
    body: JSON.stringify({ type: 'about:blank', title, status, detail, code }),
  };
}

export function tokenAnswer(
  { apiKey, endpoint, validUntil }: DisposableToken,
  tokenId: string | undefined,
  nowMs: number,
): HttpAnswer {
  // The SDK's base64 form, ready for CredentialProvider.fromDisposableToken.
  const authToken = Buffer.from(JSON.stringify({ endpoint, api_key: apiKey })).toString('base64');
  return {
    statusCode: 200,
    headers: { ...NO_STORE, 'content-type': 'application/json' },
    body: JSON.stringify({
      authToken,
      endpoint,
      expiresAt: validUntil,
      expiresIn: Math.max(0, Math.floor(validUntil - nowMs / 1000)),
      ...(tokenId !== undefined && { tokenId }),
    }),
  };
}
