// A turn is the right to ask Momento once. Who takes turns waits for his own here.

import type { Clock } from '../shared/clock.ts';
import { Failure } from '../shared/failure.ts';
import { LATE_MS } from './pace.ts';
import type { TimeBounds } from './time-bounds.ts';

/** It is not his turn for longer than he may wait. */
export class NotYourTurn extends Failure<'rate-limited'> {
  /** Epoch milliseconds, by AWS's time: when it is likely to be. */
  readonly untilMs: number;

  constructor(untilMs: number) {
    super('rate-limited', 'More tokens are asked for than Momento lets this account make.');
    this.untilMs = untilMs;
  }
}

export interface TurnOptions {
  /** He was sent away until now, and has come back. */
  readonly wasPromised: boolean;
}

/** A turn that was given: it may be used from `atMs` to `untilMs`, epoch milliseconds by AWS's time. */
export interface GivenTurn {
  readonly atMs: number;
  readonly untilMs: number;
}

export interface Turns {
  /** Throws `NotYourTurn`. */
  give(options: TurnOptions): Promise<GivenTurn>;
}

/** Each time that a turn was lost for lateness, the next one is as likely to be kept. */
const MAX_TURNS = 4;

/** Resolves when Momento may be asked. Throws `NotYourTurn`. */
export async function takeTurn(
  turns: Turns,
  options: TurnOptions,
  time: TimeBounds,
  clock: Clock,
): Promise<void> {
  for (let taken = 1; ; taken += 1) {
    const { atMs, untilMs } = await turns.give(options);
    for (;;) {
      const earlyMs = atMs - time.earliest();
      if (earlyMs <= 0) break;
      await clock.sleep(Math.ceil(earlyMs));
    }
    if (time.earliest() <= untilMs) return;
    if (taken >= MAX_TURNS) throw new NotYourTurn(time.earliest() + 1_000);
  }
}

/** The turns of this process alone: where there is no table, or it does not answer. */
export class OwnTurns implements Turns {
  readonly #time: TimeBounds;
  readonly #slotMs: number;
  readonly #longestWaitMs: number;
  #nextMs = Number.NEGATIVE_INFINITY;

  constructor(time: TimeBounds, slotMs: number, longestWaitMs: number) {
    this.#time = time;
    this.#slotMs = slotMs;
    this.#longestWaitMs = longestWaitMs;
  }

  async give(): Promise<GivenTurn> {
    const nowMs = this.#time.earliest();
    const atMs = Math.max(nowMs, this.#nextMs);
    if (atMs - nowMs > this.#longestWaitMs) throw new NotYourTurn(atMs);
    this.#nextMs = atMs + this.#slotMs;
    return { atMs, untilMs: atMs + LATE_MS };
  }
}
