// Turns that all instances take from one item of the table.

import * as v from 'valibot';
import type { Clock } from '../shared/clock.ts';
import {
  ABSURD_MS,
  lanesFor,
  longestWaitMs,
  nextStep,
  type PaceState,
  type PaceStep,
} from './pace.ts';
import { OptionalNumber, type Table } from './table.ts';
import type { TimeBounds } from './time-bounds.ts';
import { type GivenTurn, NotYourTurn, type TurnOptions, type Turns } from './turns.ts';

const ID = 'pace';
/** So often another instance may be faster between our look and our step. */
const MAX_LOOKS = 8;

const Pace = v.fallback(v.looseObject({ promisedTo: OptionalNumber, claimedAt: OptionalNumber }), {
  promisedTo: undefined,
  claimedAt: undefined,
});
const laneName = (lane: number) => `lane${lane}`;
/** Of what may be in the item, all that a condition must let pass: nobody honest has written it. */
const isNone = (name: string) =>
  `attribute_not_exists(${name}) OR ${name} > :absurd OR NOT attribute_type(${name}, :number)`;

export interface TableTurnsOptions {
  readonly table: Table;
  readonly time: TimeBounds;
  readonly clock: Pick<Clock, 'now'>;
  readonly ratePerSecond: number;
  /** From 0 up to 1. @default Math.random */
  readonly random?: () => number;
}

/** `give` throws `NotYourTurn` or `TableFailure`. */
export class TableTurns implements Turns {
  readonly #table: Table;
  readonly #time: TimeBounds;
  readonly #clock: Pick<Clock, 'now'>;
  readonly #ratePerSecond: number;
  readonly #random: () => number;
  /** As it was seen last. */
  #seen: PaceState;

  constructor({ table, time, clock, ratePerSecond, random = Math.random }: TableTurnsOptions) {
    this.#table = table;
    this.#time = time;
    this.#clock = clock;
    this.#ratePerSecond = ratePerSecond;
    this.#random = random;
    this.#seen = this.#stateOf({});
  }

  async give(options: TurnOptions): Promise<GivenTurn> {
    const beganMs = this.#clock.now() - options.waitedMs;
    for (let looks = 0; looks < MAX_LOOKS; looks += 1) {
      const waitedMs = Math.max(0, this.#clock.now() - beganMs);
      // The table is slow: whatever it gives now is too late.
      if (waitedMs > longestWaitMs(options.sentAway)) break;
      const now = { ...options, waitedMs };
      let step = this.#step(now);
      // The first step goes by what was seen last, where the step itself shows whether that still holds.
      if (looks > 0 || !this.#willDo(step)) {
        await this.#look();
        step = this.#step(now);
      }
      const turn = await this.#take(step);
      if (turn !== undefined) return turn;
    }
    throw new NotYourTurn(this.#time.earliest() + 1_000);
  }

  surelyAwayUntil(options: TurnOptions): number | undefined {
    const step = this.#step(options);
    return step.kind === 'away' ? step.untilMs : undefined;
  }

  #willDo(step: PaceStep): boolean {
    return step.kind === 'turn' ? step.isNow : step.kind === 'promise' && this.#isMoved(step);
  }

  #isMoved({ fromMs }: { readonly fromMs: number }): boolean {
    return fromMs === this.#seen.promised;
  }

  #step(options: TurnOptions): PaceStep {
    return nextStep(this.#seen, {
      ...options,
      earliestMs: this.#time.earliest(),
      latestMs: this.#time.latest(),
      ratePerSecond: this.#ratePerSecond,
      draw: this.#random(),
    });
  }

  async #look(): Promise<void> {
    this.#seen = this.#stateOf(await this.#table.get(ID, { consistent: true }));
  }

  #stateOf(value: unknown): PaceState {
    const item = v.parse(Pace, value);
    const { count } = lanesFor(this.#ratePerSecond);
    const lane = (index: number) => v.parse(OptionalNumber, item[laneName(index)]);
    return {
      lanes: Array.from({ length: count }, (_, index) => lane(index)),
      promised: item.promisedTo,
      claimed: item.claimedAt,
    };
  }

  /** Undefined when another instance was faster: what was seen does not hold any more. */
  async #take(step: PaceStep): Promise<GivenTurn | undefined> {
    switch (step.kind) {
      case 'turn': {
        const name = laneName(step.lane);
        const taken = await this.#table.update(ID, {
          update: `SET ${name} = :next${step.isClaimed ? ', claimedAt = :at' : ''}`,
          condition: `${name} <= :at OR ${isNone(name)}`,
          values: { next: step.nextMs, at: step.atMs, ...this.#none() },
        });
        if (taken === undefined) return undefined;
        this.#seen = { ...this.#seen, lanes: this.#seen.lanes.with(step.lane, step.nextMs) };
        return step;
      }
      case 'promise': {
        const isMoved = this.#isMoved(step);
        const old = await this.#table.update(ID, {
          update: `SET promisedTo = ${isMoved ? 'promisedTo + :by' : ':next, claimedAt = :from'}`,
          condition: isMoved
            ? 'promisedTo BETWEEN :from AND :latest'
            : `promisedTo < :from OR claimedAt < :unclaimed OR ${isNone('promisedTo')} OR ${isNone('claimedAt')}`,
          values: {
            from: step.fromMs,
            ...(isMoved
              ? { by: step.byMs, latest: step.latestPromiseMs }
              : {
                  next: step.fromMs + step.byMs,
                  unclaimed: step.unclaimedSinceMs,
                  ...this.#none(),
                }),
          },
          returnOld: true,
        });
        if (old === undefined) return undefined;
        const atMs = (isMoved ? v.parse(Pace, old).promisedTo : undefined) ?? step.fromMs;
        this.#seen = {
          ...this.#seen,
          promised: atMs + step.byMs,
          ...(!isMoved && { claimed: step.fromMs }),
        };
        throw new NotYourTurn(atMs);
      }
      case 'away':
        throw new NotYourTurn(step.untilMs, step);
    }
  }

  /** The values that `isNone` asks for. */
  #none() {
    return { absurd: this.#time.latest() + ABSURD_MS, number: 'N' };
  }
}
