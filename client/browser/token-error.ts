// Why there is no token: a stable code for the program, a sentence with the remedy for a person.

export type TokenErrorCode =
  /** Nobody is logged in, or the endpoint refuses the login: log in, then `renew()`. */
  | 'login-needed'
  /** This user may not have a token, not even with a new ID token. Nothing is tried again until `renew()`. */
  | 'forbidden'
  /** No answer that a page may read: no network, or a refusal of the gateway, which has no CORS headers. */
  | 'unreachable'
  /** 408, 429 or 5xx: the endpoint cannot give a token now. */
  | 'unavailable'
  /** An answer that a retry does not change: 404 for a wrong `url`, or the problem `bad-policy`. */
  | 'refused'
  /** 200, and no token in it that lives. */
  | 'bad-answer'
  /** `getIdToken` threw, or did not answer in time. */
  | 'login-unknown'
  /** The provider was closed. */
  | 'closed';

const REMEDIES: Readonly<Record<TokenErrorCode, string>> = {
  'login-needed': 'log in, then renew()',
  forbidden: 'ask for access',
  unreachable: 'check network and allowedOrigins',
  unavailable: 'try again later',
  refused: 'check url',
  'bad-answer': 'check url',
  'login-unknown': 'see cause',
  closed: 'make another',
};

export interface TokenErrorDetails {
  readonly status?: number;
  readonly problem?: string | undefined;
  readonly requestId?: string | null;
  readonly retryAfterMs?: number | undefined;
  readonly cause?: unknown;
}

export class MomentoTokenError extends Error {
  override readonly name = 'MomentoTokenError';
  readonly code: TokenErrorCode;
  /** Of the answer, if there was one. */
  declare readonly status: number | undefined;
  /** The endpoint's own `code`, such as `no-key` or `bad-policy`. */
  declare readonly problem: string | undefined;
  /** API Gateway's id of the request, for whoever runs the endpoint. */
  declare readonly requestId: string | null | undefined;
  /** What `Retry-After` asked for. */
  declare readonly retryAfterMs: number | undefined;

  constructor(code: TokenErrorCode, details?: TokenErrorDetails) {
    super(`No Momento token (${code}): ${REMEDIES[code]}`);
    this.code = code;
    Object.assign(this, details);
  }
}
