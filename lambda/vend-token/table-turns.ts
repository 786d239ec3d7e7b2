// Turns that all instances take from one item of the table.

import * as v from 'valibot';
import {
  ABSURD_MS,
  LATE_MS,
  nextStep,
  PATIENCE_MS,
  type PaceQuestion,
  type PaceState,
  type PaceStep,
} from './pace.ts';
import { OptionalNumber, type Table } from './table.ts';
import type { TimeBounds } from './time-bounds.ts';
import { type GivenTurn, NotYourTurn, type TurnOptions, type Turns } from './turns.ts';

const ID = 'pace';
/** So often another instance may be faster between our look and our step. */
const MAX_LOOKS = 5;

const Pace = v.fallback(v.object({ nextAt: OptionalNumber, promisedTo: OptionalNumber }), {
  nextAt: undefined,
  promisedTo: undefined,
});
const IDLE: PaceState = { next: undefined, promised: undefined };
const NotANumber = (name: string) => `NOT attribute_type(${name}, :number)`;

/** `give` throws `NotYourTurn` or `TableFailure`. */
export class TableTurns implements Turns {
  readonly #table: Table;
  readonly #time: TimeBounds;
  readonly #ratePerSecond: number;
  /** As it was seen last; it only ever moves on. */
  #seen: PaceState = IDLE;

  constructor(table: Table, time: TimeBounds, ratePerSecond: number) {
    this.#table = table;
    this.#time = time;
    this.#ratePerSecond = ratePerSecond;
  }

  async give(options: TurnOptions): Promise<GivenTurn> {
    for (let looks = 1; looks <= MAX_LOOKS; looks += 1) {
      const state = (looks === 1 ? this.#known(options) : undefined) ?? (await this.#look());
      const question = this.#question(options);
      const turn = await this.#take(nextStep(state, question), state, question.latestMs);
      if (turn !== undefined) return turn;
    }
    throw new NotYourTurn(this.#time.earliest() + 1_000);
  }

  surelyAwayUntil(options: TurnOptions): number | undefined {
    const step = nextStep(this.#seen, this.#question(options));
    return step.kind === 'away' ? step.untilMs : undefined;
  }

  /** What will do without a look: the step itself shows whether it holds. */
  #known(options: TurnOptions): PaceState | undefined {
    const { next = Number.NEGATIVE_INFINITY, promised } = this.#seen;
    // As far as is known nobody waits.
    if (next <= this.#time.earliest()) return IDLE;
    const step = nextStep(this.#seen, this.#question(options));
    return step.kind === 'promise' && step.fromMs === promised ? this.#seen : undefined;
  }

  #question(options: TurnOptions): PaceQuestion {
    const [earliestMs, latestMs] = [this.#time.earliest(), this.#time.latest()];
    return { ...options, earliestMs, latestMs, ratePerSecond: this.#ratePerSecond };
  }

  async #look(): Promise<PaceState> {
    const { nextAt, promisedTo } = v.parse(Pace, await this.#table.get(ID, { consistent: true }));
    this.#seen = { next: nextAt, promised: promisedTo };
    return this.#seen;
  }

  /** Undefined when another instance was faster: what was seen does not hold any more. */
  async #take(step: PaceStep, state: PaceState, latestMs: number): Promise<GivenTurn | undefined> {
    const absurd = latestMs + ABSURD_MS;
    switch (step.kind) {
      case 'now': {
        const taken = await this.#table.update(ID, {
          update: 'SET nextAt = :next',
          condition: `attribute_not_exists(nextAt) OR nextAt <= :turn OR nextAt > :absurd OR ${NotANumber('nextAt')}`,
          values: { next: step.nextMs, turn: step.turnAtMs, absurd, number: 'N' },
        });
        if (taken === undefined) return undefined;
        this.#seen = { ...this.#seen, next: step.nextMs };
        return { atMs: step.turnAtMs, untilMs: step.turnAtMs + PATIENCE_MS };
      }
      case 'queue': {
        const old = await this.#table.update(ID, {
          update: 'SET nextAt = nextAt + :by',
          condition: 'nextAt > :after AND nextAt <= :latest',
          values: { by: step.byMs, after: step.afterMs, latest: step.latestTurnMs },
          returnOld: true,
        });
        const atMs = old === undefined ? undefined : v.parse(Pace, old).nextAt;
        if (atMs === undefined) return undefined;
        this.#seen = { ...this.#seen, next: atMs + step.byMs };
        return { atMs, untilMs: atMs + LATE_MS };
      }
      case 'promise': {
        const isMoved = state.promised === step.fromMs;
        const old = await this.#table.update(ID, {
          update: isMoved ? 'SET promisedTo = promisedTo + :by' : 'SET promisedTo = :next',
          condition: isMoved
            ? 'promisedTo BETWEEN :from AND :latest'
            : `attribute_not_exists(promisedTo) OR promisedTo < :from OR promisedTo > :absurd OR ${NotANumber('promisedTo')}`,
          values: {
            from: step.fromMs,
            ...(isMoved
              ? { by: step.byMs, latest: step.latestPromiseMs }
              : { next: step.fromMs + step.byMs, absurd, number: 'N' }),
          },
          returnOld: true,
        });
        if (old === undefined) return undefined;
        const atMs = isMoved ? (v.parse(Pace, old).promisedTo ?? step.fromMs) : step.fromMs;
        this.#seen = { ...this.#seen, promised: atMs + step.byMs };
        throw new NotYourTurn(atMs);
      }
      case 'away':
        throw new NotYourTurn(step.untilMs);
    }
  }
}
