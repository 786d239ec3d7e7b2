// What is used of a browser, a worker or Node.js. Only the first few have to be there.

export interface TokenAnswer {
  readonly status: number;
  readonly headers: { get(name: string): string | null };
  json(): Promise<unknown>;
}

export interface TokenRequest {
  readonly method: 'POST';
  readonly headers: Readonly<Record<string, string>>;
  readonly credentials: 'omit';
  readonly redirect: 'error';
  readonly signal: AbortSignal;
}

export interface Channel {
  readonly name: string;
  onmessage: ((event: { readonly data: unknown }) => void) | null;
  postMessage(message: unknown): void;
  close(): void;
  /** Of Node.js: it keeps no process alive. */
  unref?(): void;
}

export interface Locks {
  request<Result>(
    name: string,
    options: { readonly signal: AbortSignal },
    work: () => Promise<Result>,
  ): Promise<Result>;
}

type Listener = (event: { readonly type: string }) => void;

/** As much of `globalThis` as is used. */
export interface Surroundings {
  fetch(url: string, request: TokenRequest): Promise<TokenAnswer>;
  setTimeout(run: () => void, delayMs: number): unknown;
  clearTimeout(timer: unknown): void;
  /** May jump when somebody sets the clock. */
  readonly Date: { now(): number };
  /** Never goes back, and may stand still while the computer sleeps. */
  readonly performance: { now(): number };
  readonly Math: { random(): number };
  addEventListener?(type: string, listener: Listener): void;
  removeEventListener?(type: string, listener: Listener): void;
  /** The next three together let tabs share a token. */
  readonly navigator?: { readonly locks?: Locks };
  readonly BroadcastChannel?: new (name: string) => Channel;
  readonly crypto?: {
    readonly subtle?: { digest(algorithm: 'SHA-256', data: Uint8Array): Promise<ArrayBuffer> };
  };
}
