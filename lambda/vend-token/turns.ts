// A turn is the right to ask Momento once. Who takes turns waits for his own here.

import type { Clock } from '../shared/clock.ts';
import { Failure } from '../shared/failure.ts';
import { LATE_MS, type PaceQuestion } from './pace.ts';
import type { TimeBounds } from './time-bounds.ts';

/** It is not his turn for longer than he may wait. */
export class NotYourTurn extends Failure<'rate-limited'> {
  /** Epoch milliseconds, by AWS's time: when it is likely to be. */
  readonly untilMs: number;
  /** Who comes then comes before those who come anew. */
  readonly isKept: boolean;

  constructor(untilMs: number, { isKept = true } = {}) {
    super('rate-limited', 'More tokens are asked for than Momento lets this account make.');
    this.untilMs = untilMs;
    this.isKept = isKept;
  }
}

/** Of the question what the caller knows; the rest is whoever gives the turns to know. */
export type TurnOptions = Omit<PaceQuestion, 'earliestMs' | 'latestMs' | 'ratePerSecond' | 'draw'>;

/** A turn that was given: it may be used from `atMs` to `untilMs`, epoch milliseconds by AWS's time. */
export interface GivenTurn {
  readonly atMs: number;
  readonly untilMs: number;
}

export interface Turns {
  /** Throws `NotYourTurn`. */
  give(options: TurnOptions): Promise<GivenTurn>;
  /** Epoch milliseconds until when he would be sent away, if that is sure without asking, and nothing would be kept for him. */
  surelyAwayUntil?(options: TurnOptions): number | undefined;
}

/** Each time that a turn was lost for lateness, the next one is as likely to be kept. */
const MAX_TURNS = 4;
/** A table that is slower does not answer at all (table.ts). */
const LONGEST_LEAD_MS = 500;

/** Resolves when Momento may be asked. `patienceSpentMs`: so much less may he wait. Throws `NotYourTurn`. */
export async function takeTurn(
  turns: Turns,
  { sentAway, promisedAtMs }: Pick<TurnOptions, 'sentAway' | 'promisedAtMs'>,
  time: TimeBounds,
  clock: Clock,
  patienceSpentMs = 0,
): Promise<void> {
  const beganMs = clock.now() - patienceSpentMs;
  let leadMs = 0;
  for (let taken = 1; ; taken += 1) {
    const waitedMs = Math.max(0, clock.now() - beganMs);
    const { atMs, untilMs } = await turns.give({ sentAway, promisedAtMs, waitedMs, leadMs });
    for (;;) {
      const earlyMs = atMs - time.earliest();
      // The clock ticks in whole milliseconds.
      if (earlyMs < 1) break;
      await clock.sleep(Math.ceil(earlyMs));
    }
    const lateMs = time.earliest() - atMs;
    if (atMs + lateMs <= untilMs) return;
    leadMs = Math.min(leadMs + lateMs, LONGEST_LEAD_MS);
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

  async give({ waitedMs }: Pick<TurnOptions, 'waitedMs'>): Promise<GivenTurn> {
    const nowMs = this.#time.earliest();
    // No turn is ever further ahead than this: the clock was set.
    const isHonest = this.#nextMs <= nowMs + this.#longestWaitMs + this.#slotMs;
    const atMs = isHonest ? Math.max(nowMs, this.#nextMs) : nowMs;
    if (atMs - nowMs > Math.max(0, this.#longestWaitMs - waitedMs)) throw new NotYourTurn(atMs);
    this.#nextMs = atMs + this.#slotMs;
    return { atMs, untilMs: atMs + LATE_MS };
  }
}
