// A limit on how many events any window of a fixed length may hold.

/**
 * Admits at most `limit` events in any half-open window of `windowMs`: the event `windowMs` after
 * the first of `limit` is admitted, the one a millisecond earlier is not. An event that is turned
 * away does not count, so that a caller who keeps knocking is served as soon as there is room.
 */
export class SlidingWindow {
  readonly #limit: number;
  readonly #windowMs: number;
  #admittedAtMs: number[] = [];

  constructor(limit: number, windowMs: number) {
    this.#limit = limit;
    this.#windowMs = windowMs;
  }

  admit(nowMs: number): boolean {
    this.#admittedAtMs = this.#admittedAtMs.filter((atMs) => atMs > nowMs - this.#windowMs);
    if (this.#admittedAtMs.length >= this.#limit) return false;
    this.#admittedAtMs.push(nowMs);
    return true;
  }
}
