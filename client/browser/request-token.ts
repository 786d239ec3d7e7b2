// One question to the token endpoint, and what its answer means.

import { stopwatch, timeLimit } from './alarms.ts';
import type { Surroundings, TokenAnswer } from './surroundings.ts';
import { MomentoTokenError, type TokenErrorCode } from './token-error.ts';

export interface MomentoToken {
  /** For `CredentialProvider.fromDisposableToken`. */
  readonly authToken: string;
  readonly endpoint: string;
  /** What subscribers of a topic see of its publisher. */
  readonly tokenId?: string;
}

/** A token and its age. */
export interface LivingToken {
  readonly token: MomentoToken;
  /** From its birth to its end. */
  readonly lifeMs: number;
  /** Milliseconds since its birth. */
  ageMs(): number;
  /** Of which login it is. Undefined: never given to another tab. */
  readonly login?: string | undefined;
}

// A token is handed out until this long before its end, or a tenth of its life: a call needs time to arrive.
const MARGIN_MS = 10_000;

/** Milliseconds for which it may still be handed out; 0 or less if it may not. */
export const leftMs = ({ lifeMs, ageMs }: LivingToken): number =>
  lifeMs - Math.min(MARGIN_MS, lifeMs / 10) - ageMs();

export interface TokenQuestion {
  readonly url: string;
  /** None for an endpoint that lets everyone in. */
  readonly idToken: string | null | undefined;
  /** The ID token was asked for anew after a failure: if it is over all the same, so is the login. */
  readonly refresh: boolean;
  readonly timeoutMs: number;
  readonly signal: AbortSignal;
}

/** @throws MomentoTokenError `login-needed`, `forbidden`, `unreachable`, `unavailable`, `refused`, `bad-answer` */
export async function requestToken(
  surroundings: Surroundings,
  { url, idToken, timeoutMs, signal, refresh }: TokenQuestion,
): Promise<LivingToken> {
  // Before the question and not after the answer: the token ends too early rather than too late. The
  // endpoint's `expiresAt` is of no use, because the clock of this device may be hours off.
  const ageMs = stopwatch(surroundings);
  const limit = timeLimit(surroundings, timeoutMs, signal);
  try {
    const answer = await surroundings
      .fetch(url, {
        method: 'POST',
        headers: idToken ? { authorization: `Bearer ${idToken}` } : {},
        credentials: 'omit',
        redirect: 'error',
        signal: limit.signal,
      })
      .catch((cause: unknown) => {
        // The gateway's 401 has no CORS headers, and is no answer to a page: the ID token itself tells.
        const isLogin = refresh && looksExpired(idToken, surroundings.Date.now());
        throw new MomentoTokenError(isLogin ? 'login-needed' : 'unreachable', { cause });
      });
    // Something on the way may have answered with anything. Not kept as a cause: it would quote the body.
    const body = await answer.json().catch(() => {});
    if (answer.status !== 200) throw errorOf(answer, body, surroundings.Date.now());
    const living = tokenIn(body, ageMs);
    if (!living || !(leftMs(living) > 0)) throw new MomentoTokenError('bad-answer');
    return living;
  } finally {
    limit.done();
  }
}

/** Undefined for anything that is not a token. Takes what the endpoint says, and other tabs. */
export function tokenIn(body: unknown, ageMs: () => number): LivingToken | undefined {
  const { authToken, endpoint, expiresIn, tokenId } = fieldsOf(body);
  return isText(authToken) && isText(endpoint) && typeof expiresIn === 'number'
    ? {
        token: { authToken, endpoint, ...(isText(tokenId) && { tokenId }) },
        lifeMs: expiresIn * 1000,
        ageMs,
      }
    : undefined;
}

const isText = (value: unknown): value is string => typeof value === 'string' && value !== '';

export const fieldsOf = (value: unknown): Readonly<Record<string, unknown>> => Object(value);

function errorOf({ status, headers }: TokenAnswer, body: unknown, nowMs: number) {
  const { code: problem } = fieldsOf(body);
  const passing = status === 408 || status === 429 || (status >= 500 && problem !== 'bad-policy');
  const code = ENDINGS[status] ?? (passing ? 'unavailable' : 'refused');
  return new MomentoTokenError(code, {
    status,
    problem: isText(problem) ? problem : undefined,
    requestId: headers.get('apigw-requestid'),
    retryAfterMs: retryAfterMs(headers, nowMs),
  });
}

const ENDINGS: Readonly<Record<number, TokenErrorCode>> = { 401: 'login-needed', 403: 'forbidden' };
const LONGEST_RETRY_AFTER_MS = 3_600_000;
const LONGEST_BY_DATE_MS = 300_000;

/** At most an hour. A date is reckoned from the answer's own, where a page may read that one. */
export function retryAfterMs(headers: TokenAnswer['headers'], nowMs: number): number | undefined {
  const text = headers.get('retry-after') ?? '';
  if (/^\d+$/.test(text)) return Math.min(Number(text) * 1000, LONGEST_RETRY_AFTER_MS);
  const delayMs = Date.parse(text) - (Date.parse(headers.get('date') ?? '') || nowMs);
  // A clock that is an hour behind must not make a page wait for an hour.
  return delayMs > 0 ? Math.min(delayMs, LONGEST_BY_DATE_MS) : undefined;
}

/** By this device's clock: a hint, for when the endpoint's refusal cannot be read. */
export function looksExpired(idToken: string | null | undefined, nowMs: number): boolean {
  try {
    const payload = `${idToken}`.split('.')[1] ?? '';
    const { exp } = fieldsOf(JSON.parse(atob(payload.replace(/-/g, '+').replace(/_/g, '/'))));
    return Number(exp) * 1000 < nowMs;
  } catch {
    return false;
  }
}
