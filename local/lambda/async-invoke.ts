// Lambda's asynchronous invocation: more tries after a failure, a maximum age, then the on-failure record.
//
//   submitted ─► try ─► succeeded
//                 │ ▲
//          failed ▼ │ after 1 minute, then 2 (throttled: after 1 s, doubling up to 5 minutes)
//               waiting ─► no try left: RetriesExhausted ─┐
//                     └──► too old: EventAgeExceeded ─────┴─► on-failure destination, if there is one
//
// Source: https://docs.aws.amazon.com/lambda/latest/dg/invocation-async-error-handling.html

import { randomUUID } from 'node:crypto';
import { type InvocationResult, type InvokeOptions, TooManyRequests } from './function.ts';

const RETRY_DELAYS_MS = [60_000, 120_000];
const THROTTLE_DELAY_MS = 1_000;
const MAX_THROTTLE_DELAY_MS = 300_000;

export type AsyncCondition = 'RetriesExhausted' | 'EventAgeExceeded';

/** What Lambda sends to an on-failure destination. */
export interface OnFailureRecord {
  readonly version: '1.0';
  /** ISO 8601 */
  readonly timestamp: string;
  readonly requestContext: {
    readonly requestId: string;
    /** With the qualifier: `…:$LATEST` */
    readonly functionArn: string;
    readonly condition: AsyncCondition;
    readonly approximateInvokeCount: number;
  };
  readonly requestPayload: unknown;
  /** This and `responsePayload` are absent for an event that was never tried. */
  readonly responseContext?: {
    readonly statusCode: 200;
    readonly executedVersion: '$LATEST';
    readonly functionError: 'Unhandled';
  };
  readonly responsePayload?: unknown;
}

/** What happens to an event, for whoever shows it; times in epoch milliseconds. */
export type AsyncInvokeNews =
  | { readonly kind: 'succeeded'; readonly requestId: string; readonly result: InvocationResult }
  | {
      readonly kind: 'failed';
      readonly requestId: string;
      readonly result: InvocationResult;
      /** Null when this was the last try. */
      readonly nextAttemptAtMs: number | null;
    }
  | { readonly kind: 'throttled'; readonly requestId: string; readonly nextAttemptAtMs: number }
  | {
      readonly kind: 'given-up';
      readonly requestId: string;
      readonly condition: AsyncCondition;
      readonly destinationArn: string | null;
    }
  | { readonly kind: 'delivered'; readonly requestId: string; readonly destinationArn: string }
  | {
      /** `deliver` rejected, or the function was closed: Lambda drops the event, too. */
      readonly kind: 'dropped';
      readonly requestId: string;
      readonly error: unknown;
    };

export interface Timers<Timer> {
  /** epoch milliseconds */
  readonly now: () => number;
  readonly setTimeout: (callback: () => void, delayMs: number) => Timer;
  readonly clearTimeout: (timer: Timer) => void;
}

export const systemTimers: Timers<NodeJS.Timeout> = {
  now: Date.now,
  setTimeout: (callback, delayMs) => setTimeout(callback, delayMs),
  clearTimeout: (timer) => clearTimeout(timer),
};

export interface AsyncInvokerOptions<Timer> {
  readonly function: {
    readonly definition: {
      readonly arn: string;
      readonly asyncInvoke: {
        readonly maximumRetryAttempts: number;
        readonly maximumEventAgeSeconds: number;
        readonly onFailureArn: string | null;
      };
    };
    readonly invoke: (payload: unknown, options: InvokeOptions) => Promise<InvocationResult>;
  };
  /** Under the function's role: whoever implements it checks the role's permission to send. */
  readonly deliver: (destinationArn: string, record: OnFailureRecord) => Promise<void>;
  readonly timers: Timers<Timer>;
  /** Divides the waits and the maximum age: 60 makes a minute a second. @default 1 */
  readonly timeScale?: number;
  /** @default nobody listens */
  readonly onNews?: (news: AsyncInvokeNews) => void;
}

interface QueuedEvent {
  readonly requestId: string;
  readonly payload: unknown;
  readonly options: InvokeOptions;
  readonly expiresAtMs: number;
  failures: number;
  throttles: number;
  lastPayload: unknown;
}

export class AsyncInvoker<Timer = NodeJS.Timeout> {
  readonly #options: AsyncInvokerOptions<Timer>;
  readonly #timeScale: number;
  readonly #timers = new Set<Timer>();
  readonly #running = new Set<Promise<void>>();
  #closed = false;

  constructor(options: AsyncInvokerOptions<Timer>) {
    this.#options = options;
    this.#timeScale = options.timeScale ?? 1;
  }

  /** Takes the event and answers at once, as Lambda does with 202; the first try begins now. */
  submit(payload: unknown, options: InvokeOptions = {}): { requestId: string } {
    if (this.#closed) throw new Error('asynchronous invocation is closed');
    const requestId = options.requestId ?? randomUUID();
    const { maximumEventAgeSeconds } = this.#options.function.definition.asyncInvoke;
    this.#start({
      requestId,
      payload,
      options: { ...options, requestId },
      expiresAtMs: this.#options.timers.now() + (maximumEventAgeSeconds * 1000) / this.#timeScale,
      failures: 0,
      throttles: 0,
      lastPayload: undefined,
    });
    return { requestId };
  }

  /**
   * Events that wait are forgotten; resolves when none is being tried. Call it, then close the function,
   * then await it: a run killed by the closing is no failure then.
   */
  async close(): Promise<void> {
    this.#closed = true;
    for (const timer of this.#timers) this.#options.timers.clearTimeout(timer);
    this.#timers.clear();
    await Promise.all(this.#running);
  }

  #start(event: QueuedEvent): void {
    const attempt = this.#attempt(event)
      .catch((error: unknown) => {
        this.#tell({ kind: 'dropped', requestId: event.requestId, error });
      })
      .finally(() => this.#running.delete(attempt));
    this.#running.add(attempt);
  }

  async #attempt(event: QueuedEvent): Promise<void> {
    const { requestId } = event;
    const { function: target, timers } = this.#options;
    if (timers.now() >= event.expiresAtMs) return this.#giveUp(event, 'EventAgeExceeded');
    let result: InvocationResult;
    try {
      result = await target.invoke(event.payload, event.options);
    } catch (error) {
      if (!(error instanceof TooManyRequests)) throw error;
      const delayMs = Math.min(THROTTLE_DELAY_MS * 2 ** event.throttles, MAX_THROTTLE_DELAY_MS);
      event.throttles += 1;
      const nextAttemptAtMs = this.#startLater(event, delayMs);
      return this.#tell({ kind: 'throttled', requestId, nextAttemptAtMs });
    }
    if (result.functionError === undefined) {
      return this.#tell({ kind: 'succeeded', requestId, result });
    }
    // A run that was killed because everything closes has not failed by its own fault.
    if (this.#closed) return;
    event.failures += 1;
    event.lastPayload = result.payload;
    if (event.failures > target.definition.asyncInvoke.maximumRetryAttempts) {
      this.#tell({ kind: 'failed', requestId, result, nextAttemptAtMs: null });
      return this.#giveUp(event, 'RetriesExhausted');
    }
    const delayMs = RETRY_DELAYS_MS[event.failures - 1] ?? RETRY_DELAYS_MS.at(-1) ?? 0;
    const nextAttemptAtMs = this.#startLater(event, delayMs);
    this.#tell({ kind: 'failed', requestId, result, nextAttemptAtMs });
  }

  /** Wakes when the event expires, if that comes first. */
  #startLater(event: QueuedEvent, delayMs: number): number {
    const { timers } = this.#options;
    const nowMs = timers.now();
    const atMs = Math.min(nowMs + delayMs / this.#timeScale, event.expiresAtMs);
    if (this.#closed) return atMs;
    const timer = timers.setTimeout(
      () => {
        this.#timers.delete(timer);
        this.#start(event);
      },
      Math.max(0, atMs - nowMs),
    );
    this.#timers.add(timer);
    return atMs;
  }

  async #giveUp(event: QueuedEvent, condition: AsyncCondition): Promise<void> {
    const { requestId, payload, failures } = event;
    const { function: target, timers, deliver } = this.#options;
    const { arn, asyncInvoke } = target.definition;
    const destinationArn = asyncInvoke.onFailureArn;
    this.#tell({ kind: 'given-up', requestId, condition, destinationArn });
    if (destinationArn === null) return;
    await deliver(destinationArn, {
      version: '1.0',
      timestamp: new Date(timers.now()).toISOString(),
      requestContext: {
        requestId,
        functionArn: `${arn}:$LATEST`,
        condition,
        approximateInvokeCount: failures,
      },
      requestPayload: payload,
      ...(failures === 0
        ? {}
        : {
            responseContext: {
              statusCode: 200,
              executedVersion: '$LATEST',
              functionError: 'Unhandled',
            },
            responsePayload: event.lastPayload,
          }),
    });
    this.#tell({ kind: 'delivered', requestId, destinationArn });
  }

  #tell(news: AsyncInvokeNews): void {
    this.#options.onNews?.(news);
  }
}
