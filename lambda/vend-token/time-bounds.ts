// What time it is at AWS, as two bounds. The instances of this function share turns and tokens, and their hosts'
// clocks may disagree: whatever one instance tells the others is reckoned by AWS's clock, and where it is not known
// exactly, by the bound that errs on the safe side.

import type { Clock } from '../shared/clock.ts';

/** The `Date` header says whole seconds, cut off. */
const HEADER_RESOLUTION_MS = 1_000;
/** AWS's own hosts agree to within this. */
const AWS_SLACK_MS = 5;
/** A host's clock gains or loses no more than this, between two answers. */
const DRIFT = 100e-6;

/** The difference of the clocks is known to be at least (or at most) `offsetMs`, from what was heard at `heardAtMs`. */
interface Bound {
  readonly offsetMs: number;
  readonly heardAtMs: number;
}

export class TimeBounds {
  readonly #clock: Pick<Clock, 'now'>;
  #least: Bound | undefined;
  #most: Bound | undefined;

  constructor(clock: Pick<Clock, 'now'>) {
    this.#clock = clock;
  }

  /** Epoch milliseconds: at AWS it is no earlier than this. The host's own time until something was heard. */
  earliest(): number {
    const now = this.#clock.now();
    return now + (leastAt(this.#least, now) ?? Math.min(0, mostAt(this.#most, now) ?? 0));
  }

  /** Epoch milliseconds: at AWS it is no later than this. The host's own time until something was heard. */
  latest(): number {
    const now = this.#clock.now();
    return now + (mostAt(this.#most, now) ?? Math.max(0, leastAt(this.#least, now) ?? 0));
  }

  /**
   * An answer says when it was made (`dateMs`, epoch milliseconds); it was asked for at `sentAtMs` of the host's
   * clock. Answers from before and after a full second narrow the bounds to the time that an answer takes.
   */
  hear(dateMs: number, sentAtMs: number): void {
    if (!Number.isFinite(dateMs)) return;
    const now = this.#clock.now();
    this.#narrow(
      { offsetMs: dateMs - now - AWS_SLACK_MS, heardAtMs: now },
      { offsetMs: dateMs + HEADER_RESOLUTION_MS - sentAtMs + AWS_SLACK_MS, heardAtMs: now },
    );
  }

  /** At AWS it was this late already, a moment ago: the gateway says when it took the request. */
  hearPast(atMs: number): void {
    if (!Number.isFinite(atMs)) return;
    const now = this.#clock.now();
    this.#narrow({ offsetMs: atMs - now - AWS_SLACK_MS, heardAtMs: now }, undefined);
  }

  #narrow(least: Bound, most: Bound | undefined): void {
    const { heardAtMs: now } = least;
    const knownLeast = leastAt(this.#least, now);
    const knownMost = mostAt(this.#most, now);
    const isLeastNew = knownLeast === undefined || least.offsetMs >= knownLeast;
    const isMostNew = most !== undefined && (knownMost === undefined || most.offsetMs <= knownMost);
    if (isLeastNew) this.#least = least;
    if (isMostNew) this.#most = most;
    // One of the clocks was set meanwhile: only what was just heard holds.
    if ((leastAt(this.#least, now) ?? -Infinity) > (mostAt(this.#most, now) ?? Infinity)) {
      this.#least = least;
      // Set while the answer was under way: when it was asked for was said by another clock.
      this.#most = most !== undefined && most.offsetMs >= least.offsetMs ? most : undefined;
    }
  }
}

const leastAt = (bound: Bound | undefined, now: number): number | undefined =>
  bound && bound.offsetMs - DRIFT * Math.abs(now - bound.heardAtMs);

const mostAt = (bound: Bound | undefined, now: number): number | undefined =>
  bound && bound.offsetMs + DRIFT * Math.abs(now - bound.heardAtMs);
