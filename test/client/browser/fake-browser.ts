// Tabs of one browser on a computer that sleeps, with a clock that people set, and an endpoint that misbehaves.

import { createHash } from 'node:crypto';
import type {
  Channel,
  Locks,
  Surroundings,
  TokenAnswer,
  TokenRequest,
} from '../../../client/browser/surroundings.ts';
import {
  type MomentoTokenProvider,
  type MomentoTokenProviderOptions,
  momentoTokenProvider,
  type TokenState,
} from '../../../client/browser/token-provider.ts';

export const URL_OF_ENDPOINT = 'https://tokens.example/token';

interface Timer {
  readonly dueMs: number;
  readonly run: () => void;
}

export interface SeenRequest {
  readonly idToken: string | undefined;
  readonly request: TokenRequest;
  /** On the clock that never errs. */
  readonly atMs: number;
}

/** What the endpoint does with a request. */
export type Reply =
  | { readonly status: number; readonly headers?: Record<string, string>; readonly body?: unknown }
  | 'no network'
  | 'silence';

export const ok = (lifeSeconds = 900, authToken?: string): Reply => ({
  status: 200,
  body: { ...(authToken !== undefined && { authToken }), expiresIn: lifeSeconds },
});

export class FakeBrowser {
  /** The time that passes for everybody else. */
  trueMs = 0;
  wallMs = Date.parse('2026-11-22T12:00:00Z');
  steadyMs = 5_000;
  random = 0.5;
  /** How long an answer takes. */
  latencyMs = 50;
  reply: (seen: SeenRequest) => Reply = () => ok();
  readonly requests: SeenRequest[] = [];
  /** When each token ends, on the clock that never errs. */
  readonly endsAtMs = new Map<string, number>();
  readonly tabs = new Set<FakeTab>();
  readonly timers = new Set<Timer>();
  readonly channels = new Set<FakeChannel>();
  readonly #held = new Map<string, Promise<unknown>>();
  /** Locks that are held or waited for. */
  locksAsked = 0;
  #timerMs = 0;

  tab(options: Partial<MomentoTokenProviderOptions> & { alone?: boolean } = {}): FakeTab {
    const tab = new FakeTab(this, options);
    this.tabs.add(tab);
    return tab;
  }

  after(delayMs: number, run: () => void): Timer {
    // Whole milliseconds, as in a browser.
    const timer = { dueMs: this.#timerMs + Math.max(0, Math.ceil(delayMs)), run };
    this.timers.add(timer);
    return timer;
  }

  /** Awake. */
  async pass(ms: number): Promise<void> {
    await settled();
    const untilMs = this.#timerMs + ms;
    for (;;) {
      const [next] = [...this.timers].sort((a, b) => a.dueMs - b.dueMs);
      if (next === undefined || next.dueMs > untilMs) break;
      this.#go(next.dueMs - this.#timerMs);
      this.timers.delete(next);
      next.run();
      await settled();
    }
    this.#go(untilMs - this.#timerMs);
    await settled();
  }

  /** Timers stand still, and perhaps the steady clock as well. */
  sleep(ms: number, { steadyStops = true }: { steadyStops?: boolean } = {}): void {
    this.trueMs += ms;
    this.wallMs += ms;
    if (!steadyStops) this.steadyMs += ms;
  }

  setClock(byMs: number): void {
    this.wallMs += byMs;
  }

  #go(ms: number): void {
    this.#timerMs += ms;
    this.trueMs += ms;
    this.wallMs += ms;
    this.steadyMs += ms;
  }

  fetch = (url: string, request: TokenRequest): Promise<TokenAnswer> => {
    if (url !== URL_OF_ENDPOINT) throw new Error(`asked ${url}`);
    const { authorization } = request.headers;
    const seen = { idToken: authorization?.replace('Bearer ', ''), request, atMs: this.trueMs };
    this.requests.push(seen);
    const number = this.requests.length;
    // The endpoint decides when it is asked: what it gives ages on the way.
    const reply = this.reply(seen);
    const mintedMs = this.trueMs;
    return new Promise((resolve, reject) => {
      request.signal.addEventListener('abort', () => reject(request.signal.reason));
      if (reply === 'silence') return;
      this.after(this.latencyMs, () => {
        if (reply === 'no network') return reject(new TypeError('Failed to fetch'));
        resolve({
          status: reply.status,
          headers: { get: (name) => reply.headers?.[name] ?? null },
          json: async () => {
            if (typeof reply.body === 'string') throw new SyntaxError('not JSON');
            if (reply.status !== 200) return reply.body;
            const body = {
              authToken: `token-${number}-of-${seen.idToken}`,
              endpoint: 'cell.example.com',
              ...(reply.body as { expiresIn: number }),
            };
            this.endsAtMs.set(body.authToken, mintedMs + body.expiresIn * 1000);
            return body;
          },
        });
      });
    });
  };

  readonly locks: Locks = {
    request: async (name, { signal }, work) => {
      const before = this.#held.get(name) ?? Promise.resolve();
      this.locksAsked += 1;
      let free = () => {};
      const mine = new Promise<void>((resolve) => {
        free = resolve;
      });
      this.#held.set(
        name,
        before.then(() => mine),
      );
      try {
        await Promise.race([
          before,
          new Promise((_, reject) => {
            signal.addEventListener('abort', () => reject(new Error('AbortError')));
          }),
        ]);
        return await work();
      } finally {
        free();
        this.locksAsked -= 1;
      }
    },
  };
}

class FakeChannel implements Channel {
  onmessage: Channel['onmessage'] = null;
  readonly #browser: FakeBrowser;
  readonly name: string;

  constructor(browser: FakeBrowser, name: string) {
    this.#browser = browser;
    this.name = name;
    browser.channels.add(this);
  }

  postMessage(message: unknown): void {
    if (!this.#browser.channels.has(this)) throw new Error('InvalidStateError');
    const data: unknown = structuredClone(message);
    for (const other of this.#browser.channels) {
      if (other === this || other.name !== this.name) continue;
      this.#browser.after(2, () => {
        if (this.#browser.channels.has(other)) other.onmessage?.({ data });
      });
    }
  }

  close(): void {
    this.#browser.channels.delete(this);
  }
}

type Listener = (event: { readonly type: string }) => void;

export class FakeTab {
  readonly surroundings: Surroundings;
  readonly provider: MomentoTokenProvider;
  readonly states: TokenState[] = [];
  readonly listeners = new Map<string, Set<Listener>>();
  /** What `getIdToken` gives. */
  idToken: string | null = 'id-1';
  readonly logins: boolean[] = [];

  constructor(
    browser: FakeBrowser,
    { alone = false, ...options }: Partial<MomentoTokenProviderOptions> & { alone?: boolean },
  ) {
    this.surroundings = {
      fetch: browser.fetch,
      setTimeout: (run, delayMs) => {
        if (!(delayMs <= 2 ** 31 - 1)) throw new Error(`a timer of ${delayMs} ms`);
        return browser.after(delayMs, run);
      },
      clearTimeout: (timer) => browser.timers.delete(timer as Timer),
      Date: { now: () => browser.wallMs },
      performance: { now: () => browser.steadyMs },
      Math: { random: () => browser.random },
      addEventListener: (type, listener) => {
        const listeners = this.listeners.get(type) ?? new Set();
        this.listeners.set(type, listeners.add(listener));
      },
      removeEventListener: (type, listener) => this.listeners.get(type)?.delete(listener),
      ...(!alone && {
        navigator: { locks: browser.locks },
        BroadcastChannel: FakeChannel.bind(null, browser),
        crypto: {
          subtle: {
            digest: async (_algorithm: string, data: Uint8Array) =>
              new Uint8Array(createHash('sha256').update(data).digest()).buffer,
          },
        },
      }),
    };
    this.provider = momentoTokenProvider({
      url: URL_OF_ENDPOINT,
      getIdToken: ({ refresh }) => {
        this.logins.push(refresh);
        return this.idToken;
      },
      surroundings: this.surroundings,
      ...options,
    });
    this.provider.subscribe((state) => this.states.push(state));
  }

  get status(): string {
    return this.provider.getState().status;
  }

  emit(type: string): void {
    for (const listener of [...(this.listeners.get(type) ?? [])]) listener({ type });
  }

  /** The token, or the code of the error; `undefined` while it is waiting. */
  ask(options?: { readonly signal?: AbortSignal }): { result: string | undefined } {
    const asked: { result: string | undefined } = { result: undefined };
    this.provider.getToken(options).then(
      ({ authToken }) => {
        asked.result = authToken;
      },
      (error: { readonly code?: string; readonly message: string }) => {
        asked.result = error.code ?? error.message;
      },
    );
    return asked;
  }
}

/** Everything that needs no time has happened. */
export const settled = () => new Promise<void>((resolve) => setImmediate(resolve));
