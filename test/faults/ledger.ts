// Where every pair is that Momento has issued: nothing that was paid for may get lost unseen.
//
//   issued ─► on its way ─► in the memory of a process ─► pending ─► current (served)
//                │                     │                     └─► discarded: refused by Momento on two ticks
//                └──────────┬──────────┘
//                           ▼
//          lost in the gap: its process ended, or the answer never came
//
// Superseded from anywhere: AWSCURRENT is neither the pair nor the key that it was made from.
// Replaceable instead of lost: the key that it was made from can be refreshed again.

import type { Caller } from '../lambda/rotate-key/world.ts';
import { type Readings, readingOf, type Sight } from './sight.ts';

export type Place =
  | 'on-its-way'
  | 'memory'
  | 'pending'
  | 'served'
  | 'superseded'
  | 'discarded'
  | 'replaceable'
  | 'lost-in-gap'
  | 'lost';

export interface Credentials {
  readonly apiKey: string;
  /** The JWT inside the key. */
  readonly wireKey: string;
  readonly refreshToken: string;
}

export interface Pair extends Credentials {
  /** The key that was refreshed. */
  readonly parent: string;
  readonly issuedAtMs: number;
  /** Whose memory it comes into. Undefined for one that lay in the secret before the first tick. */
  readonly caller: Caller | undefined;
  /** The answer will come to the process, should it live. */
  readonly answerComes: boolean;
  answered: boolean;
  stored: boolean;
  place: Place;
  /** At any time. */
  everLost: boolean;
  /** At a time when nothing was on its way any more. */
  wasLost: boolean;
  /** Runs that a fault met while nobody had been told of its loss. */
  faultyRunsSince: number;
  wasReported: boolean;
}

type NewPair = Omit<
  Pair,
  'answered' | 'stored' | 'place' | 'everLost' | 'wasLost' | 'faultyRunsSince' | 'wasReported'
>;

/** Two refusals count when this lies between; a second less, because labels hold whole seconds. */
const REFUSED_TWICE_AFTER_MS = 29_000;

export class Ledger {
  readonly pairs: Pair[] = [];
  /** Of every key that there ever was, whether anybody has got it or not. */
  readonly credentials: Credentials[] = [];
  /** Every key, whoever had it made → the key that it was made from. */
  readonly #parents = new Map<string, string | undefined>();
  /** When Momento, or a fault in its name, called a key unauthenticated. */
  readonly #refusals = new Map<string, number[]>();
  /** When Momento last accepted a key that was asked for. */
  readonly #acceptances = new Map<string, number>();
  readonly #replaceable: boolean;

  constructor(replaceable: boolean) {
    this.#replaceable = replaceable;
  }

  /** A key from the console, or one that was put there by hand. */
  know(credentials: Credentials, parent?: string): void {
    this.credentials.push(credentials);
    this.#parents.set(credentials.wireKey, parent);
  }

  issue(pair: NewPair): void {
    this.know(pair, pair.parent);
    this.pairs.push({
      ...pair,
      answered: false,
      stored: false,
      place: 'on-its-way',
      everLost: false,
      wasLost: false,
      faultyRunsSince: 0,
      wasReported: false,
    });
  }

  parentOf(wireKey: string): string | undefined {
    return this.#parents.get(wireKey);
  }

  hasBeenRefreshed(wireKey: string): boolean {
    return this.pairs.some(({ parent }) => parent === wireKey);
  }

  /**
   * A refresh of this key has given a pair that is not in the store, or was lost on its way there, or that Momento
   * itself has called none.
   */
  mayBeSpentUnseen(wireKey: string): boolean {
    return this.pairs.some(
      ({ parent, stored, everLost, place }) =>
        parent === wireKey && (!stored || everLost || place === 'discarded'),
    );
  }

  refused(wireKey: string, nowMs: number): void {
    this.#refusals.set(wireKey, [...(this.#refusals.get(wireKey) ?? []), nowMs]);
  }

  accepted(wireKey: string, nowMs: number): void {
    this.#acceptances.set(wireKey, nowMs);
  }

  /** The pairs whose place has changed. */
  follow(sight: Sight, readings: Readings, isOver: (caller: Caller) => boolean): Pair[] {
    const changed: Pair[] = [];
    for (const pair of this.pairs) {
      if (FINAL.has(pair.place)) continue;
      const place = this.#placeOf(pair, sight, readings, isOver);
      if (place === pair.place) continue;
      pair.place = place;
      pair.everLost ||= isLost(pair);
      changed.push(pair);
    }
    return changed;
  }

  #placeOf(
    pair: Pair,
    sight: Sight,
    readings: Readings,
    isOver: (caller: Caller) => boolean,
  ): Place {
    const currentKey = sight.current?.value?.wireKey;
    if (currentKey === pair.wireKey) return 'served';
    let pending = false;
    for (const version of sight.versions) {
      if (readingOf(version, readings)?.wireKey !== pair.wireKey) continue;
      pair.stored = true;
      if (version.stages.includes('AWSPENDING')) pending = true;
    }
    if (pending) return 'pending';
    if (currentKey !== undefined && currentKey !== pair.parent) return 'superseded';
    const { caller } = pair;
    if (pair.stored) {
      if (this.#siblingIsPending(pair)) return 'superseded';
      return this.#mayBeDiscarded(pair) ? 'discarded' : 'lost';
    }
    if (caller === undefined) return 'lost';
    if (!caller.process.ended && pair.answerComes) {
      if (!pair.answered) return 'on-its-way';
      const remembered = JSON.stringify([...caller.process.unstored.values()]);
      if (!isOver(caller) || remembered.includes(pair.refreshToken)) return 'memory';
      return this.#replaceable ? 'replaceable' : 'lost';
    }
    return this.#replaceable ? 'replaceable' : 'lost-in-gap';
  }

  #siblingIsPending(pair: Pair): boolean {
    return this.pairs.some(
      (other) => other !== pair && other.parent === pair.parent && other.place === 'pending',
    );
  }

  /** Momento itself says that the pair is none, on two ticks, and that the present key is one. */
  #mayBeDiscarded({ wireKey, parent }: Pair): boolean {
    const refusals = this.#refusals.get(wireKey) ?? [];
    const [first = 0] = refusals;
    const last = refusals.at(-1) ?? 0;
    return last - first >= REFUSED_TWICE_AFTER_MS && (this.#acceptances.get(parent) ?? 0) >= last;
  }
}

// A late write of a process that has ended can still bring a pair back that seemed to be lost.
const FINAL: ReadonlySet<Place> = new Set(['served', 'superseded', 'discarded']);

export const isLost = ({ place }: Pair): boolean => place === 'lost-in-gap' || place === 'lost';

/** Its answer is told to the process within the SDK's own deadline, or never. */
export const SDK_DEADLINE_MS = 60_000;
