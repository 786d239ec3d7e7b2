// Something that lives on a client, such as a subscription, and moves from client to client.
//
//   on a client ── there is a newer one, or it was lost ─► started anew ─► the old one stopped ─► on a client
//                                                             │ failed, or not within 35 s:
//                                                             └─► again after 1, 2, 4 … 30 s

import { type Clock, within } from './clock.ts';
import type { LeasedClient } from './leased-client.ts';

/** Ends what was started. Not waited for longer than 10 s. */
export type Stop = () => void | Promise<void>;

/**
 * `lost`: to be called when what was started has ended by itself, with the error. It is started anew, after a
 * refusal as soon as there is another key. What comes after it was stopped or lost is ignored.
 */
export type Start<Client> = (
  client: Client,
  lost: (error: unknown) => void,
) => Stop | Promise<Stop>;

export interface FollowerSurroundings<Client> {
  readonly clock: Clock;
  /** Defined once there was one. */
  current(): LeasedClient<Client> | undefined;
  /** Settles when another client serves, or when none comes. */
  replacementOf(refused: LeasedClient<Client>): Promise<void>;
  isRefusal(error: unknown): boolean;
  /** `error`: of the application's own `start` or `stop`, or what it said of a loss. */
  onTrouble(error: unknown, during: 'start' | 'stop' | 'follow'): void;
}

interface Place<Client> {
  readonly lent: LeasedClient<Client>;
  readonly giveBack: () => void;
  readonly startedAtMs: number;
  stop: Stop;
  loss: { readonly error: unknown } | undefined;
}

const FIRST_DELAY_MS = 1_000;
const LONGEST_DELAY_MS = 30_000;
/** What was lost after so long is no part of an earlier trouble. */
const HELD_MS = 60_000;
/** As for `makeClient`. */
const START_TIMEOUT_MS = 35_000;
const STOP_TIMEOUT_MS = 10_000;

export class Follower<Client> {
  readonly #start: Start<Client>;
  readonly #surroundings: FollowerSurroundings<Client>;
  #place: Place<Client> | undefined;
  #moving: Promise<void> | undefined;
  /** Of a start that is under way. */
  #giveUp: (error: Error) => void = () => {};
  #starting: Promise<unknown> = Promise.resolve();
  #delayMs = FIRST_DELAY_MS;
  #stopped = false;
  #wake = () => {};

  constructor(start: Start<Client>, surroundings: FollowerSurroundings<Client>) {
    this.#start = start;
    this.#surroundings = surroundings;
  }

  /** Throws what `start` throws, or that it took too long, and is then where it was. */
  startOn(lent: LeasedClient<Client>): Promise<void> {
    const started = this.#startOn(lent);
    this.#starting = started.catch(() => {});
    return started;
  }

  async #startOn(lent: LeasedClient<Client>): Promise<void> {
    const before = this.#place;
    const place: Place<Client> = {
      lent,
      giveBack: lent.borrow(),
      startedAtMs: this.#surroundings.clock.now(),
      stop: () => {},
      loss: undefined,
    };
    try {
      place.stop = await this.#begin(place);
    } catch (error) {
      place.giveBack();
      throw error;
    }
    this.#place = place;
    if (before !== undefined) await this.#leave(before);
  }

  /** A start that never settles would hold a client open, and `close()`. One that comes later is stopped. */
  #begin(place: Place<Client>): Promise<Stop> {
    const { clock } = this.#surroundings;
    // So that what it throws at once is a rejection too.
    const starting = (async () =>
      this.#start(place.lent.client, (error) => this.#lose(place, error)))();
    return new Promise((resolve, reject) => {
      let isOver = false;
      const once = (settle: () => void) => {
        if (isOver) return;
        isOver = true;
        cancel();
        settle();
      };
      const giveUp = (error: unknown) => once(() => reject(error));
      const late = () => giveUp(new Error(`not started within ${START_TIMEOUT_MS / 1000} s`));
      const cancel = clock.after(START_TIMEOUT_MS, late, 'background');
      this.#giveUp = giveUp;
      starting.then((stop) => {
        if (isOver) void this.#end(stop);
        else once(() => resolve(stop));
      }, giveUp);
    });
  }

  /** Goes where there is a newer client, however long it takes. A move under way goes on to it. */
  move(): void {
    if (!this.#mustMove()) return;
    this.#wake();
    this.#moving ??= this.#moveOn();
  }

  async stop(): Promise<void> {
    this.#stopped = true;
    this.#wake();
    const cancel = this.#surroundings.clock.after(STOP_TIMEOUT_MS, () =>
      this.#giveUp(new Error('stopped while it was being started')),
    );
    await this.#starting;
    await this.#moving;
    cancel();
    const place = this.#place;
    this.#place = undefined;
    if (place !== undefined) await this.#leave(place);
  }

  #lose(place: Place<Client>, error: unknown): void {
    if (this.#stopped || place.loss !== undefined) return;
    place.loss = { error };
    const heldMs = this.#surroundings.clock.now() - place.startedAtMs;
    if (heldMs >= HELD_MS) this.#delayMs = FIRST_DELAY_MS;
    this.#surroundings.onTrouble(error, 'follow');
    if (place === this.#place) this.move();
  }

  #mustMove(): boolean {
    if (this.#stopped || this.#place === undefined) return false;
    return this.#place.loss !== undefined || this.#place.lent !== this.#surroundings.current();
  }

  async #moveOn(): Promise<void> {
    const { current, replacementOf, isRefusal, onTrouble } = this.#surroundings;
    while (this.#mustMove()) {
      const { lent, loss } = this.#place as Place<Client>;
      if (loss !== undefined && isRefusal(loss.error)) await replacementOf(lent);
      if (current() === lent) await this.#backOff();
      const next = current();
      if (this.#stopped || next === undefined) break;
      try {
        await this.startOn(next);
        if (next !== lent) this.#delayMs = FIRST_DELAY_MS;
      } catch (error) {
        onTrouble(error, 'start');
        if (isRefusal(error)) await replacementOf(next);
        if (current() === next) await this.#backOff();
      }
    }
    // In the same step as the last look, or news could fall in between.
    this.#moving = undefined;
  }

  #backOff(): Promise<void> {
    if (this.#stopped) return Promise.resolve();
    const { clock } = this.#surroundings;
    const delayMs = this.#delayMs * (0.5 + clock.random() / 2);
    this.#delayMs = Math.min(LONGEST_DELAY_MS, this.#delayMs * 2);
    return new Promise((resolve) => {
      const cancel = clock.after(delayMs, resolve, 'background');
      this.#wake = () => {
        cancel();
        resolve();
      };
    });
  }

  async #leave({ stop, giveBack }: Place<Client>): Promise<void> {
    await this.#end(stop);
    giveBack();
  }

  async #end(stop: Stop): Promise<void> {
    const { clock, onTrouble } = this.#surroundings;
    const late = () => new Error(`not stopped within ${STOP_TIMEOUT_MS / 1000} s`);
    try {
      await within(STOP_TIMEOUT_MS, (async () => stop())(), clock, late);
    } catch (error) {
      onTrouble(error, 'stop');
    }
  }
}
