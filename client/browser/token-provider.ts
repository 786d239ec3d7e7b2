// Hands out a Momento token that lives, and keeps one at hand.
//
//              getToken()                 200
//     idle ───────────────► renewing ───────────► token ──┐
//                            ▲  │  ▲                │     │ 80 % of its life
//            Retry-After,    │  │  └────────────────┘◄────┘
//            or a back-off   │  │ 429, 5xx, no answer
//                            │  ▼
//                           waiting ──► failed          tries used up; getToken(), online or shown: again
//     renewing ── 401, and again with a new ID token ──► login-needed   renew(): again
//     renewing ── 403, and with a new ID token too ────► forbidden      renew(): again
//     any ── close() ──────────────────────────────────► closed
//
// A token that lives is handed out in `renewing`, `waiting` and `failed` too; in `login-needed` and
// `forbidden` there is none.

import { alarmsOn, orAborted, stopwatch, timeLimit } from './alarms.ts';
import { type LivingToken, leftMs, type MomentoToken, requestToken } from './request-token.ts';
import { siblingTabs } from './sibling-tabs.ts';
import type { Surroundings } from './surroundings.ts';
import { MomentoTokenError } from './token-error.ts';

export interface LoginQuestion {
  /** The last ID token did not do: get a new one from the login provider, not from a cache. */
  readonly refresh: boolean;
  /** Aborted when the answer is of no use any more. */
  readonly signal: AbortSignal;
}

type IdToken = string | null | undefined;

export interface MomentoTokenProviderOptions {
  /** The stack's output `TokenEndpointUrl`. */
  readonly url: string;
  /**
   * The ID token of whoever is logged in now; null or undefined if nobody is. Asked before each request,
   * and then once more, with `refresh`, if the token has not much life left. May come from a cache.
   *
   * @default - no `Authorization`, for an endpoint that lets everyone in
   */
  readonly getIdToken?: (question: LoginQuestion) => IdToken | Promise<IdToken>;
  /**
   * Whether tabs with the same ID token use one Momento token.
   *
   * @default true
   */
  readonly shareBetweenTabs?: boolean;
  /**
   * How long one request may take, or one answer of `getIdToken`, in milliseconds.
   *
   * @default 10,000
   */
  readonly timeoutMs?: number;
  /**
   * Requests in a row before `failed`.
   *
   * @default 6, with pauses of 8 to 16 seconds in all
   */
  readonly maxAttempts?: number;
  /**
   * For tests.
   *
   * @default - the browser's own
   */
  readonly surroundings?: Surroundings;
}

export type TokenStatus =
  /** Nobody has asked for a token yet. */
  | 'idle'
  /** There is a token, and nothing to do. */
  | 'token'
  /** A request is under way. */
  | 'renewing'
  /** A request failed; the next one comes by itself. */
  | 'waiting'
  | 'login-needed'
  | 'forbidden'
  /** The tries are used up. */
  | 'failed'
  | 'closed';

/** A new object with each change, and the same one until then: fit for `useSyncExternalStore`. */
export interface TokenState {
  readonly status: TokenStatus;
  /**
   * The calls of `renew()` so far that told of a login. Clients and subscriptions of an earlier number
   * may be somebody else's.
   */
  readonly login: number;
  /** While it lives. To call Momento, take the one of `getToken()`: this one may be as old as the last event. */
  readonly token?: MomentoToken | undefined;
  /** In `waiting`, `login-needed`, `forbidden`, `failed` and `closed`. */
  readonly error?: MomentoTokenError | undefined;
  /** In `waiting`: from this event to the next request. */
  readonly retryInMs?: number | undefined;
}

export interface MomentoTokenProvider {
  /**
   * A token with life left: the present one, or the next if there is none. Ask before each use.
   * `signal` ends this waiting alone.
   *
   * @throws MomentoTokenError; or the signal's reason
   */
  getToken(options?: { readonly signal?: AbortSignal }): Promise<MomentoToken>;
  /**
   * Drops the present token and asks for another, whatever the state.
   *
   * Without an argument it tells of a login, perhaps another user's: clients and subscriptions end at
   * once, and no earlier `Retry-After` counts. With the token that Momento refused, it does something only
   * if that is the present one, and they move to the next token.
   *
   * @throws MomentoTokenError
   */
  renew(refused?: MomentoToken): Promise<MomentoToken>;
  /** What it is doing. */
  getState(): TokenState;
  /** Calls back after each change of state. Returns how to stop. */
  subscribe(listener: (state: TokenState) => void): () => void;
  /** Milliseconds that the present token will still be handed out; 0 if there is none. */
  lifeLeftMs(): number;
  /** At logout: forgets the token and stops for good. */
  close(): void;
}

const BACKOFF_MS = 500;
const LONGEST_BACKOFF_MS = 30_000;
/** After `failed` the next request is no sooner than this, however often a page asks. */
const REST_MS = 5_000;
/** Another tab's token is taken if it lives this much longer than one's own, or than none. */
const WORTH_MS = 10_000;
const WAKING = ['visibilitychange', 'pageshow', 'online'];
/** A token that Momento refuses sooner than this was never any good. */
const QUICK_REFUSAL_MS = 60_000;
/**
 * A life that is shorter than this share of the one before: the ID token's end is near, since the endpoint gives
 * half as much, and half of that. Not much more than half: a token that many share has at least half its life left.
 */
const SHRUNK = 0.55;
/** Younger than this share of its life, a token is given to other tabs. */
const YOUNG = 0.75;

export function momentoTokenProvider(options: MomentoTokenProviderOptions): MomentoTokenProvider {
  const { url, getIdToken, timeoutMs = 10_000, maxAttempts = 6 } = options;
  const surroundings = options.surroundings ?? (globalThis as unknown as Surroundings);
  const random = () => surroundings.Math.random();
  const alarms = alarmsOn(surroundings);
  const listeners = new Set<(state: TokenState) => void>();

  let state: TokenState = { status: 'idle', login: 0 };
  let held: LivingToken | undefined;
  /** What everybody waits for who asked while there was no token. */
  let pending: Promise<MomentoToken> | undefined;
  let resolve = (_: MomentoToken) => {};
  let reject = (_: MomentoTokenError) => {};
  /** The present round of requests. What an earlier one still brings is dropped. */
  let round = new AbortController();
  let cancelNext = () => {};
  let cancelEnd = () => {};
  /** 0 or less when a request may be made. */
  let restMs = () => 0;
  /** The endpoint told to wait: not even the return of the network shortens that. */
  let ordered = false;
  let refused: string | undefined;
  let refusals = 0;
  let login = 0;
  /** The ID token of the last request. */
  let usedIdToken: IdToken;
  /** The endpoint gives shorter and shorter lives as an ID token ends: time for a new one. */
  let ending = false;
  let lastLifeMs = 0;

  const restFor = (ms: number, byOrder = false) => {
    const passedMs = stopwatch(surroundings);
    restMs = () => ms - passedMs();
    ordered = byOrder;
  };
  const backoffMs = (attempt: number) =>
    Math.min(LONGEST_BACKOFF_MS, BACKOFF_MS * 2 ** attempt) * (0.5 + 0.5 * random());
  const heldMs = () => (held ? Math.max(0, leftMs(held)) : 0);
  const isYoung = ({ ageMs, lifeMs }: LivingToken) => ageMs() < lifeMs * YOUNG;

  const tabs =
    options.shareBetweenTabs === false
      ? undefined
      : siblingTabs(
          surroundings,
          () => (held && isYoung(held) ? held : undefined),
          (living) => {
            const longer = leftMs(living) > heldMs() + WORTH_MS;
            if (longer && isYoung(living) && living.token.authToken !== refused) adopt(living);
          },
        );

  const become = (status: TokenStatus, more?: Partial<TokenState>) => {
    const next = { status, login, token: held?.token, ...more };
    state = next;
    // Each on its own: a listener that throws is reported, and the others hear all the same.
    for (const listener of listeners) {
      queueMicrotask(() => {
        if (listeners.has(listener)) listener(next);
      });
    }
  };

  const stopRound = () => {
    cancelNext();
    round.abort();
    round = new AbortController();
  };

  const drop = () => {
    cancelEnd();
    held = undefined;
    tabs?.leave();
  };

  const settle = () => {
    stopRound();
    // Before anybody is told: who hears of it may ask again at once.
    pending = undefined;
  };

  const adopt = (living: LivingToken) => {
    cancelEnd();
    held = living;
    ending = living.lifeMs < lastLifeMs * SHRUNK;
    lastLifeMs = living.lifeMs;
    restFor(0);
    settle();
    resolve(living.token);
    // The end before the renewal: after a long sleep both are due, and no event may carry a dead token.
    cancelEnd = alarms.when(
      () => leftMs(living),
      () => {
        held = undefined;
        if (state.status === 'token') void begin();
        else become(state.status, { ...state, token: undefined });
      },
    );
    const renewAtMs = living.lifeMs * (YOUNG + 0.1 * random());
    cancelNext = alarms.when(() => renewAtMs - living.ageMs(), begin);
    become('token');
  };

  const end = (status: TokenStatus, error: MomentoTokenError) => {
    if (status !== 'failed') drop();
    settle();
    reject(error);
    become(status, { error });
  };

  const begin = (): Promise<MomentoToken> => {
    stopRound();
    pending ??= quietly(
      new Promise((yes, no) => {
        resolve = yes;
        reject = no;
      }),
    );
    void run(round.signal);
    return pending;
  };

  const askLogin = async (refresh: boolean, signal: AbortSignal): Promise<IdToken> => {
    const limit = timeLimit(surroundings, timeoutMs, signal);
    try {
      const answer = Promise.resolve(getIdToken?.({ refresh, signal: limit.signal }));
      return await orAborted(answer, limit.signal);
    } catch (cause) {
      throw new MomentoTokenError('login-unknown', { cause });
    } finally {
      limit.done();
    }
  };

  /** @param forbidden the 403 that made it ask for a new ID token */
  const ask = async (
    refresh: boolean,
    signal: AbortSignal,
    forbidden: MomentoTokenError | false | undefined,
  ): Promise<LivingToken | undefined> => {
    let idToken = await askLogin(refresh, signal);
    if (idToken === usedIdToken) {
      if (forbidden) throw forbidden;
      // Not at once: another tab may have refreshed the login already. Without a new one the old one has to do.
      if (ending && !refresh) idToken = await askLogin(true, signal).catch(() => idToken);
    }
    if (getIdToken && !idToken) throw new MomentoTokenError('login-needed');
    if (signal.aborted) return undefined;
    usedIdToken = idToken;
    const request = () => requestToken(surroundings, { url, idToken, timeoutMs, signal, refresh });
    return tabs ? tabs.ask(`${url}\n${idToken}`, signal, timeoutMs, request) : request();
  };

  /** Until there is a token, or a reason why there is none; or, quietly, until another round begins. */
  const run = async (signal: AbortSignal) => {
    let { error } = state;
    let attempt = 0;
    let askedAnew = false;
    let refresh = false;
    for (;;) {
      if (restMs() > 0) {
        become('waiting', { error, retryInMs: restMs() });
        await new Promise<void>((resolve) => {
          cancelNext = alarms.when(() => restMs(), resolve, !held);
        });
        if (signal.aborted) return;
      }
      become('renewing');
      try {
        const living = await ask(refresh, signal, refresh && error?.code === 'forbidden' && error);
        if (living && !signal.aborted) adopt(living);
        return;
      } catch (caught) {
        if (signal.aborted) return;
        error = caught as MomentoTokenError;
      }
      const { code, status, retryAfterMs = 0 } = error;
      // A question that the login did not answer is asked again as it was.
      if (code !== 'login-unknown') {
        refresh = !askedAnew && (status === 401 || status === 403 || code === 'unreachable');
        askedAnew ||= refresh;
      }
      if (code === 'forbidden' || code === 'login-needed') {
        if (refresh) continue;
        return end(code, error);
      }
      const pauseMs = Math.max(retryAfterMs * (1 + 0.25 * random()), backoffMs(attempt));
      restFor(pauseMs, retryAfterMs > 0);
      attempt += 1;
      if (attempt >= maxAttempts || code === 'refused') {
        // As long as a token lives there is time: at half of what is left, and half of that, …
        const laterMs = heldMs() / 2;
        const fails = code === 'refused' || laterMs < Math.max(pauseMs, REST_MS);
        restFor(Math.max(pauseMs, fails ? REST_MS : laterMs), ordered);
        if (fails) return end('failed', error);
        attempt = 0;
        askedAnew = false;
      }
    }
  };

  const getToken = async ({ signal }: { readonly signal?: AbortSignal } = {}) => {
    signal?.throwIfAborted();
    // Timers are late after a sleep, and events may come later still.
    alarms.look();
    if (held) return held.token;
    // After `failed` a use tries again; after the other ends only renew() does.
    if (!pending && state.error && state.status !== 'failed') throw state.error;
    const coming = pending ?? begin();
    return signal ? orAborted(coming, signal) : coming;
  };

  const wake = ({ type }: { readonly type: string }) => {
    if (type === 'online' && !ordered) restFor(0);
    alarms.look();
    if (state.status === 'failed' && state.error?.code !== 'refused') void begin();
  };
  // The document's events bubble up to the window, so that one target is enough.
  for (const type of WAKING) surroundings.addEventListener?.(type, wake);

  return {
    getToken,
    renew(token) {
      const present = held?.token.authToken;
      if ((token && token.authToken !== present) || state.status === 'closed') {
        return quietly(getToken());
      }
      // A Momento that refuses every token must not cost a token for every call.
      refusals = token && held && held.ageMs() < QUICK_REFUSAL_MS ? refusals + 1 : 0;
      refused = present;
      drop();
      if (!token) {
        login += 1;
        lastLifeMs = 0;
        ending = false;
        restFor(0);
      } else if (!ordered) restFor(refusals > 1 ? backoffMs(refusals) : 0);
      return begin();
    },
    getState: () => state,
    subscribe(listener) {
      listeners.add(listener);
      return () => {
        listeners.delete(listener);
      };
    },
    lifeLeftMs: heldMs,
    close() {
      if (state.status === 'closed') return;
      for (const type of WAKING) surroundings.removeEventListener?.(type, wake);
      end('closed', new MomentoTokenError('closed'));
    },
  };
}

/** Nobody has to wait for it: a rejection is in the state as well. */
function quietly<Result>(promise: Promise<Result>): Promise<Result> {
  promise.catch(() => {});
  return promise;
}
