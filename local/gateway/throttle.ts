// A stage's throttle: a bucket of `burst` tokens that fills at `ratePerSecond`.

import type { StageDefinition, ThrottleSettings } from '../assembly/http-apis.ts';

export class TokenBucket {
  readonly #settings: ThrottleSettings;
  readonly #now: () => number;
  #tokens: number;
  #filledAtMs: number;

  /** @param now epoch milliseconds */
  constructor(settings: ThrottleSettings, now: () => number) {
    this.#settings = settings;
    this.#now = now;
    this.#tokens = settings.burst;
    this.#filledAtMs = now();
  }

  /** Takes a token, or takes none and says so. */
  take(): boolean {
    const elapsedMs = this.#now() - this.#filledAtMs;
    if (elapsedMs > 0) {
      const { ratePerSecond, burst } = this.#settings;
      this.#tokens = Math.min(burst, this.#tokens + (elapsedMs * ratePerSecond) / 1000);
      this.#filledAtMs += elapsedMs;
    }
    if (this.#tokens < 1) return false;
    this.#tokens -= 1;
    return true;
  }
}

/** A route with settings of its own has a bucket of its own; the others share their stage's. */
export class Throttle {
  readonly #now: () => number;
  readonly #buckets = new Map<string, TokenBucket>();

  constructor(now: () => number) {
    this.#now = now;
  }

  admits(stage: StageDefinition, routeKey: string): boolean {
    const own = Object.hasOwn(stage.throttleByRouteKey, routeKey)
      ? stage.throttleByRouteKey[routeKey]
      : undefined;
    const settings = own ?? stage.throttle;
    if (settings === null) return true;
    const key = own === undefined ? stage.name : `${stage.name} ${routeKey}`;
    const bucket = this.#buckets.get(key) ?? new TokenBucket(settings, this.#now);
    this.#buckets.set(key, bucket);
    return bucket.take();
  }
}
