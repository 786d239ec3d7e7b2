// The pace of all instances together, in a simulation: the table is one state whose writes are atomic, everything else
// takes time, gets lost or dies, and no host knows the time exactly.

import { describe, expect, test } from '@jest/globals';
import fc from 'fast-check';
import {
  ABSURD_MS,
  KNOWN_TO_MS,
  LATE_MS,
  LONGEST_PROMISE_MS,
  LONGEST_WAIT_MS,
  lanesFor,
  longestWaitMs,
  nextStep,
  PATIENCE_MS,
  type PaceQuestion,
  type PaceState,
  type PaceStep,
} from '../../../lambda/vend-token/pace.ts';

const START = Date.UTC(2026, 0, 15, 10);
const SECOND_MS = 1_000;
const RATES = [0.5, 1, 3, 4, 4.5, 7, 49, 50, 120];

/** What a host knows: it is no earlier than `earlyMs` before the truth, and no later than `lateMs` after it. */
interface Host {
  readonly earlyMs: number;
  readonly lateMs: number;
}
const EXACT: Host = { earlyMs: 0, lateMs: 0 };

interface SimulationOptions {
  readonly ratePerSecond: number;
  readonly hosts?: readonly Host[];
  readonly seed?: number;
  /** Of each way to the table and back. */
  readonly wayMs?: readonly [number, number];
  /** Answers that get lost: the write is done, and repeated after a while. */
  readonly lostPart?: number;
  /** Instances that die between any two steps. */
  readonly diedPart?: number;
  /** Instances that take it for granted that nobody waits, instead of looking. */
  readonly guessedPart?: number;
  readonly state?: PaceState;
}

const IDLE: PaceState = { lanes: [], promised: undefined, claimed: undefined };

type Outcome =
  | { readonly kind: 'turn'; readonly waitedMs: number }
  | { readonly kind: 'sent-away'; readonly untilMs: number; readonly step: PaceStep['kind'] };

class Simulation {
  nowMs = START;
  state: PaceState;
  /** When Momento was asked. */
  readonly asked: number[] = [];
  died = 0;
  lateTurns = 0;
  readonly #options: Required<SimulationOptions>;
  readonly #due: { atMs: number; act: () => void }[] = [];
  #random: number;

  constructor(options: SimulationOptions) {
    this.#options = {
      hosts: [EXACT],
      seed: 1,
      wayMs: [2, 6],
      lostPart: 0,
      diedPart: 0,
      guessedPart: 0,
      state: IDLE,
      ...options,
    };
    this.state = this.#options.state;
    this.#random = this.#options.seed >>> 0;
  }

  random(): number {
    this.#random = (this.#random + 0x6d2b79f5) >>> 0;
    let mixed = Math.imul(this.#random ^ (this.#random >>> 15), this.#random | 1);
    mixed ^= mixed + Math.imul(mixed ^ (mixed >>> 7), mixed | 61);
    return ((mixed ^ (mixed >>> 14)) >>> 0) / 2 ** 32;
  }

  host(): Host {
    const { hosts } = this.#options;
    return hosts[Math.floor(this.random() * hosts.length)] ?? EXACT;
  }

  after(delayMs: number, act: () => void): void {
    const atMs = this.nowMs + delayMs;
    let [from, to] = [0, this.#due.length];
    while (from < to) {
      const middle = (from + to) >> 1;
      if ((this.#due[middle]?.atMs ?? 0) <= atMs) from = middle + 1;
      else to = middle;
    }
    this.#due.splice(from, 0, { atMs, act });
  }

  run(untilMs = Number.POSITIVE_INFINITY): void {
    for (let next = this.#due.shift(); next !== undefined; next = this.#due.shift()) {
      if (next.atMs > untilMs) break;
      this.nowMs = next.atMs;
      next.act();
    }
  }

  /** One instance takes a turn and asks Momento at once. */
  ask(host: Host, sentAway: number, done: (outcome: Outcome) => void): void {
    this.#look(host, sentAway, this.nowMs, 1, 1, done);
  }

  #look(
    host: Host,
    sentAway: number,
    beganMs: number,
    looks: number,
    turns: number,
    done: (outcome: Outcome) => void,
  ): void {
    const again = () => this.#look(host, sentAway, beganMs, looks + 1, turns, done);
    const comeBack = (untilMs: number, step: PaceStep['kind']) =>
      done({ kind: 'sent-away', untilMs, step });
    if (looks > 8) {
      comeBack(this.nowMs - host.earlyMs + SECOND_MS, 'away');
      return;
    }
    const guesses = looks === 1 && this.random() < this.#options.guessedPart;
    this.#trip(
      () => (guesses ? IDLE : this.state),
      (seen) => {
        const question = {
          earliestMs: this.nowMs - host.earlyMs,
          latestMs: this.nowMs + host.lateMs,
          ratePerSecond: this.#options.ratePerSecond,
          sentAway,
          waitedMs: turns === 1 ? 0 : this.nowMs - beganMs,
          draw: this.random(),
        };
        const step = nextStep(seen, question);
        if (step.kind === 'away') return comeBack(step.untilMs, step.kind);
        const absurdMs = question.latestMs + ABSURD_MS;
        this.#trip(
          () => this.#write(step, seen, absurdMs),
          (atMs) => {
            if (atMs === undefined) return again();
            if (step.kind === 'promise') return comeBack(atMs, step.kind);
            this.after(Math.max(0, Math.ceil(atMs - (this.nowMs - host.earlyMs))), () => {
              if (this.nowMs - host.earlyMs <= step.untilMs) {
                this.asked.push(this.nowMs);
                return done({ kind: 'turn', waitedMs: this.nowMs - beganMs });
              }
              this.lateTurns += 1;
              if (turns >= 4) return comeBack(this.nowMs - host.earlyMs + SECOND_MS, 'away');
              this.#look(host, sentAway, beganMs, 1, turns + 1, done);
            });
          },
        );
      },
    );
  }

  /** To the table and back. A write whose answer is lost is done again. */
  #trip<T>(act: () => T, then: (result: T) => void): void {
    const { wayMs, lostPart, diedPart } = this.#options;
    const way = () => wayMs[0] + this.random() * (wayMs[1] - wayMs[0]);
    this.after(way(), () => {
      const result = act();
      if (this.random() < lostPart) return this.after(500, () => this.#trip(act, then));
      if (this.random() < diedPart) {
        this.died += 1;
        return;
      }
      this.after(way(), () => then(result));
    });
  }

  /** As table-turns.ts has it done; what it answers is the turn, or the promise. */
  #write(step: PaceStep, seen: PaceState, absurdMs: number): number | undefined {
    const { lanes, promised, claimed } = this.state;
    switch (step.kind) {
      case 'turn': {
        const lane = lanes[step.lane];
        if (lane !== undefined && lane > step.atMs && lane <= absurdMs) return undefined;
        const moved = [...lanes];
        moved[step.lane] = step.nextMs;
        this.state = { lanes: moved, promised, claimed: step.isClaimed ? step.atMs : claimed };
        return step.atMs;
      }
      case 'promise': {
        if (seen.promised === step.fromMs) {
          if (promised === undefined || promised < step.fromMs) return undefined;
          if (promised > step.latestPromiseMs) return undefined;
          this.state = { lanes, promised: promised + step.byMs, claimed };
          return promised;
        }
        const isPromised =
          promised !== undefined && promised >= step.fromMs && promised <= absurdMs;
        const isClaimed =
          claimed !== undefined && claimed >= step.unclaimedSinceMs && claimed <= absurdMs;
        if (isPromised && isClaimed) return undefined;
        this.state = { lanes, promised: step.fromMs + step.byMs, claimed: step.fromMs };
        return step.fromMs;
      }
      case 'away':
        return undefined;
    }
  }

  /** A user who asks until he is served, and comes back exactly when he is told. */
  user(served: (outcome: { tries: number; atMs: number; waitsMs: number[] }) => void): void {
    const waitsMs: number[] = [];
    let promisedAtMs: number | undefined;
    const attempt = (tries: number): void => {
      const host = this.host();
      const comeBack = () => {
        const leftMs = (promisedAtMs ?? 0) - (this.nowMs - host.earlyMs);
        this.after(Math.max(1, Math.ceil(leftMs / SECOND_MS)) * SECOND_MS, () =>
          attempt(tries + 1),
        );
      };
      // Whoever comes too early is told again (token-source.ts).
      if (promisedAtMs !== undefined && promisedAtMs > this.nowMs + host.lateMs) {
        comeBack();
        return;
      }
      const holds = promisedAtMs !== undefined && this.nowMs - host.earlyMs - promisedAtMs < 60_000;
      this.ask(host, holds ? tries - 1 : 0, (outcome) => {
        if (outcome.kind === 'turn') {
          waitsMs.push(outcome.waitedMs);
          return served({ tries, atMs: this.nowMs, waitsMs });
        }
        promisedAtMs = outcome.untilMs;
        comeBack();
      });
    };
    attempt(1);
  }
}

/** The most that were asked in any time of that length, the first instant included and the last one not. */
function mostWithin(asked: readonly number[], windowMs: number): number {
  const sorted = [...asked].sort((a, b) => a - b);
  let most = 0;
  let from = 0;
  for (const [index, atMs] of sorted.entries()) {
    // What is not a microsecond longer is the sum of rounded numbers.
    while (atMs - (sorted[from] ?? 0) >= windowMs - 0.001) from += 1;
    most = Math.max(most, index - from + 1);
  }
  return most;
}

/** At most so many in so long: a rate below one is one in more than a second. */
const limitOf = (rate: number) =>
  rate < 1
    ? { windowMs: SECOND_MS / rate, most: 1 }
    : { windowMs: SECOND_MS, most: Math.floor(rate) };

function expectWithin(asked: readonly number[], rate: number): void {
  const { windowMs, most } = limitOf(rate);
  expect(mostWithin(asked, windowMs)).toBeLessThanOrEqual(most);
}

const host = fc.record({
  earlyMs: fc.oneof(fc.integer({ min: 0, max: 30 }), fc.integer({ min: 0, max: 1_500 })),
  lateMs: fc.oneof(fc.integer({ min: 0, max: 30 }), fc.integer({ min: 0, max: 1_500 })),
});

describe('never more than the rate in any sliding second', () => {
  test.each(RATES)('%d per second: clocks, delays, losses, deaths', (ratePerSecond) => {
    fc.assert(
      fc.property(
        fc.integer(),
        fc.array(host, { minLength: 1, maxLength: 8 }),
        fc.record({
          wayMs: fc.constantFrom([0, 1], [2, 10], [1, 120], [50, 300]),
          lostPart: fc.constantFrom(0, 0.05, 0.3),
          diedPart: fc.constantFrom(0, 0.05, 0.3),
          guessedPart: fc.constantFrom(0, 0.5),
        }),
        fc.integer({ min: 0, max: 3_000 }),
        (seed, hosts, world, withinMs) => {
          const simulation = new Simulation({
            ratePerSecond,
            seed,
            hosts,
            ...world,
            wayMs: [world.wayMs[0] ?? 0, world.wayMs[1] ?? 0],
          });
          for (let count = 0; count < 40; count += 1) {
            simulation.after(simulation.random() * withinMs, () => simulation.user(() => {}));
          }
          simulation.run(START + 120_000);
          expectWithin(simulation.asked, ratePerSecond);
        },
      ),
      { numRuns: 40 },
    );
  });

  test.each(RATES)('%d per second: lanes hold it by themselves, whoever takes them', (rate) => {
    const { windowMs, most } = limitOf(rate);
    const { count } = lanesFor(rate);
    fc.assert(
      fc.property(fc.array(host, { minLength: 1, maxLength: 60 }), fc.gen(), (hosts, draw) => {
        let lanes: readonly (number | undefined)[] = [];
        const asked: number[] = [];
        for (const { earlyMs, lateMs } of hosts) {
          // He comes when the first lane is free, or is waited for, and is as late or as early as may be.
          const free = Math.min(
            ...Array.from({ length: count }, (_, lane) => lanes[lane] ?? START),
          );
          const earliestMs = free - draw(fc.constantFrom, 0, 1, 100);
          const latestMs = earliestMs + earlyMs + lateMs;
          const question = { earliestMs, latestMs, ratePerSecond: rate, sentAway: 0, waitedMs: 0 };
          const step = nextStep(
            { lanes, promised: undefined, claimed: undefined },
            { ...question, draw: draw(fc.constantFrom, 0, 0.5, 0.999) },
          );
          if (step.kind !== 'turn') throw new Error(step.kind);
          asked.push(draw(fc.constantFrom, step.atMs, step.untilMs + earlyMs + lateMs));
          const moved = [...lanes];
          moved[step.lane] = step.nextMs;
          lanes = moved;
        }
        expect(mostWithin(asked, windowMs)).toBeLessThanOrEqual(most);
      }),
    );
  });

  test.each([
    [0.5, 1, 2_100],
    [1, 1, 1_100],
    [4, 4, 1_100],
    [4.5, 4, 1_100],
    [50, 50, 1_100],
    [51, 25, 550],
    [120, 40, 1_100 / 3],
  ])('%d per second: %d lanes, whose turns are %d ms apart', (rate, count, slotMs) => {
    expect(lanesFor(rate)).toEqual({ count, slotMs });
  });
});

describe('the rate is used', () => {
  test.each(RATES)('%d per second: users who come back as told, nearly all of it', (rate) => {
    const simulation = new Simulation({
      ratePerSecond: rate,
      hosts: [{ earlyMs: 10, lateMs: 10 }],
    });
    const users = Math.min(600, Math.max(20, limitOf(rate).most * 60));
    let [served, most] = [0, 0];
    for (let count = 0; count < users; count += 1) {
      simulation.user(({ tries }) => {
        served += 1;
        most = Math.max(most, tries);
      });
    }
    simulation.run();
    expect(served).toBe(users);
    expect(most).toBeLessThanOrEqual(4);
    const { windowMs, most: perWindow } = limitOf(rate);
    const tookMs = Math.max(...simulation.asked) - START;
    // Slots are a tenth wider than the rate would have them, and Retry-After says whole seconds.
    expect(tookMs).toBeLessThanOrEqual((users / perWindow) * windowMs * 1.12 + 1_500);
    expectWithin(simulation.asked, rate);
  });

  test.each([1, 4, 4.5, 49])(
    '%d per second: many more come than can be served, and nobody comes back',
    (rate) => {
      const simulation = new Simulation({
        ratePerSecond: rate,
        hosts: [{ earlyMs: 10, lateMs: 10 }],
      });
      const seconds = rate < 10 ? 60 : 10;
      const comeMs = SECOND_MS / (20 * rate);
      for (let atMs = 0; atMs < seconds * SECOND_MS; atMs += comeMs) {
        simulation.after(atMs, () => simulation.ask(simulation.host(), 0, () => {}));
      }
      simulation.run();
      expect(simulation.asked.length).toBeGreaterThanOrEqual((Math.floor(rate) * seconds) / 1.2);
      expectWithin(simulation.asked, rate);
    },
  );

  test('clocks that are not known cost some of it, and not all', () => {
    const hosts = [0, 300, 700, 1_000].map((earlyMs) => ({ earlyMs, lateMs: 1_000 - earlyMs }));
    const simulation = new Simulation({ ratePerSecond: 4, hosts });
    let served = 0;
    for (let count = 0; count < 40; count += 1) {
      simulation.user(() => {
        served += 1;
      });
    }
    simulation.run();
    expect(served).toBe(40);
    expect(Math.max(...simulation.asked) - START).toBeLessThan(40 * 700);
  });
});

describe('a promise is kept', () => {
  test.each([1, 4, 4.5, 50])(
    '%d per second: whoever comes back in his second is served within 2 s, though others come anew',
    (rate) => {
      const simulation = new Simulation({
        ratePerSecond: rate,
        hosts: [{ earlyMs: 10, lateMs: 10 }],
      });
      const longest: number[] = [];
      let tries = 0;
      for (let count = 0; count < 30 * Math.floor(rate); count += 1) {
        simulation.user((outcome) => {
          longest.push(...outcome.waitsMs);
          tries = Math.max(tries, outcome.tries);
        });
      }
      // These never come back.
      for (let atMs = 0; atMs < 30_000; atMs += 210) {
        simulation.after(atMs, () => simulation.ask(simulation.host(), 0, () => {}));
      }
      simulation.run();
      expect(Math.max(...longest)).toBeLessThanOrEqual(longestWaitMs(1) + 50);
      expect(tries).toBeLessThanOrEqual(3);
      expectWithin(simulation.asked, rate);
    },
  );

  test('nobody is promised more than three minutes ahead, however many come at once', () => {
    const simulation = new Simulation({ ratePerSecond: 4, wayMs: [1, 200] });
    const promises: number[] = [];
    for (let count = 0; count < 2_500; count += 1) {
      simulation.after(count, () => {
        simulation.ask(EXACT, 0, (outcome) => {
          if (outcome.kind === 'sent-away') promises.push(outcome.untilMs - simulation.nowMs);
        });
      });
    }
    simulation.run();
    expect(promises.length).toBeGreaterThan(2_000);
    expect(Math.max(...promises)).toBeLessThanOrEqual(LONGEST_PROMISE_MS);
    expect(simulation.state.promised).toBeLessThanOrEqual(
      simulation.nowMs + LONGEST_PROMISE_MS + BETWEEN_MS,
    );
  });

  test('who has none waits no longer than two seconds', () => {
    const simulation = new Simulation({ ratePerSecond: 4 });
    const waits: number[] = [];
    for (let count = 0; count < 200; count += 1) {
      simulation.after(count * 37, () =>
        simulation.ask(EXACT, 0, (outcome) => {
          if (outcome.kind === 'turn') waits.push(outcome.waitedMs);
        }),
      );
    }
    simulation.run();
    expect(Math.max(...waits)).toBeLessThanOrEqual(LONGEST_WAIT_MS + 50);
  });
});

describe('four at once', () => {
  test.each([
    ['by exact clocks', EXACT, 4],
    ['by instances that have heard one answer', { earlyMs: 300, lateMs: 700 }, 4],
  ])('%s: none waits for another', (_, host, users) => {
    const simulation = new Simulation({ ratePerSecond: 4, hosts: [host] });
    const waits: number[] = [];
    for (let count = 0; count < users; count += 1) {
      simulation.user(({ waitsMs }) => waits.push(...waitsMs));
    }
    simulation.run();
    expect(waits).toHaveLength(users);
    // Each write is six to the table and six back, at most, and each look: who was too late looks again.
    expect(Math.max(...waits)).toBeLessThanOrEqual(100);
  });

  test('and four more after one slot, in the order in which lanes come free', () => {
    const simulation = new Simulation({ ratePerSecond: 4 });
    const waits: number[] = [];
    for (let count = 0; count < 8; count += 1) {
      simulation.after(count * 50, () => simulation.user(({ waitsMs }) => waits.push(...waitsMs)));
    }
    simulation.run();
    expect(waits.filter((waitedMs) => waitedMs <= 60)).toHaveLength(4);
    expect(Math.max(...waits)).toBeLessThanOrEqual(1_100 + PATIENCE_MS);
  });
});

/** Four per second: what is promised is so far apart. */
const BETWEEN_MS = 275;

describe('one step', () => {
  const question = {
    earliestMs: START,
    latestMs: START + KNOWN_TO_MS,
    ratePerSecond: 4,
    draw: 0,
  };
  const slot = 1_100;
  const at = (inMs: number | undefined) => (inMs === undefined ? undefined : START + inMs);
  const stepOf = (
    lanes: readonly (number | undefined)[],
    { promised, ...options }: { promised?: number } & Partial<PaceQuestion> = {},
  ) =>
    nextStep(
      { lanes: lanes.map(at), promised: at(promised), claimed: START },
      { ...question, sentAway: 0, waitedMs: 0, ...options },
    );
  /** All lanes are free at the same time. */
  const step = (next: number | undefined, promised?: number, sentAway = 0, waitedMs = 0) =>
    stepOf([next, next, next, next], {
      ...(promised !== undefined && { promised }),
      sentAway,
      waitedMs,
    });
  const NOW = {
    kind: 'turn',
    lane: 0,
    isNow: true,
    isClaimed: false,
    atMs: START,
    untilMs: START + PATIENCE_MS,
    nextMs: START + slot + PATIENCE_MS - LATE_MS,
  };
  const queued = (inMs: number, lane = 0) => ({
    kind: 'turn',
    lane,
    isNow: false,
    isClaimed: false,
    atMs: START + inMs,
    untilMs: START + inMs + LATE_MS,
    nextMs: START + inMs + slot,
  });

  test('nobody waits: now', () => {
    expect(step(undefined)).toEqual(NOW);
    expect(step(0)).toEqual(NOW);
    expect(step(-5_000, 10_000)).toEqual(NOW);
    expect(step(1)).toEqual(queued(1));
  });

  test('a lane that is free is taken, whatever the others say; of several that are, any', () => {
    expect(stepOf([700, 800, 0, 900])).toEqual({ ...NOW, lane: 2 });
    expect(stepOf([700, 800, undefined])).toMatchObject({ lane: 2 });
    const drawn = [0, 0.49, 0.5, 0.99].map((draw) => stepOf([0, 700, -9, 800], { draw }));
    expect(drawn).toMatchObject([{ lane: 0 }, { lane: 0 }, { lane: 2 }, { lane: 2 }]);
  });

  test('of lanes that are taken that which is free first, or any that is hardly later', () => {
    expect(stepOf([900, 500, 900, 651])).toEqual(queued(500, 1));
    expect(stepOf([900, 500, 900, 651], { draw: 0.99 })).toEqual(queued(500, 1));
    expect(stepOf([900, 500, 900, 650], { draw: 0.99 })).toEqual(queued(650, 3));
    const last = [LONGEST_WAIT_MS - 10, LONGEST_WAIT_MS + 1, 9_000, 9_000];
    expect(stepOf(last, { draw: 0.99 })).toMatchObject({ lane: 0 });
  });

  test('what is not known exactly widens his own slot', () => {
    const latestMs = START + 900;
    expect(stepOf([], { latestMs })).toMatchObject({ nextMs: NOW.nextMs + 900 - KNOWN_TO_MS });
  });

  test('a table that was late is given that much time', () => {
    expect(stepOf([100, 200, 300, 400], { leadMs: 250 })).toMatchObject({
      isNow: true,
      isClaimed: false,
      atMs: START + 250,
    });
    expect(stepOf([260, 300, 300, 400], { leadMs: 250 })).toMatchObject({
      isNow: false,
      atMs: START + 260,
    });
  });

  test('lanes that the rate does not allow any more, or that nothing honest wrote, are none', () => {
    expect(stepOf([700, 700, 700, 700, 0, 0])).toEqual(queued(700));
    expect(stepOf([700, 700, 700, KNOWN_TO_MS + ABSURD_MS + 1])).toEqual({ ...NOW, lane: 3 });
  });

  test('waiting is as long as allowed, and not a millisecond longer', () => {
    expect(step(LONGEST_WAIT_MS)).toEqual(queued(LONGEST_WAIT_MS));
    expect(step(LONGEST_WAIT_MS + 1)).toMatchObject({
      kind: 'promise',
      fromMs: START + LONGEST_WAIT_MS + 1,
      byMs: BETWEEN_MS,
    });
    expect(step(longestWaitMs(1), undefined, 1)).toMatchObject({ kind: 'turn' });
    expect(step(longestWaitMs(1) + 1, undefined, 1)).toEqual({
      kind: 'away',
      untilMs: START + longestWaitMs(1) + 1,
      isKept: true,
    });
  });

  test('who was sent away once more goes before them, and the time that he lost counts for all', () => {
    expect(step(longestWaitMs(2), undefined, 2)).toMatchObject({
      kind: 'turn',
      isNow: false,
    });
    expect(step(longestWaitMs(2) + 1, undefined, 2)).toMatchObject({ kind: 'away' });
    expect(step(longestWaitMs(2) + 1, undefined, 3)).toMatchObject({ kind: 'turn' });
    expect(step(7_250, undefined, 99)).toMatchObject({ kind: 'turn' });
    expect(step(7_251, undefined, 99)).toMatchObject({ kind: 'away' });
    expect(step(LONGEST_WAIT_MS - 300, undefined, 0, 300)).toMatchObject({
      kind: 'turn',
      isNow: false,
    });
    expect(step(LONGEST_WAIT_MS - 299, undefined, 0, 300)).toMatchObject({ kind: 'promise' });
  });

  test('those who were promised a turn come before those who come anew', () => {
    expect(step(700, 700)).toMatchObject({ kind: 'turn', isNow: false });
    expect(step(700, 701)).toMatchObject({ kind: 'promise', fromMs: START + 701 });
    expect(step(700, 10_000, 1)).toMatchObject({ kind: 'turn', isNow: false });
  });

  test('a turn that none of them has come for is anybody’s', () => {
    expect(step(PATIENCE_MS, 10_000)).toMatchObject({ kind: 'turn', isNow: false });
    expect(step(PATIENCE_MS + 1, 10_000)).toMatchObject({
      kind: 'promise',
      fromMs: START + 10_000,
    });
  });

  test('the line is no longer than three minutes', () => {
    expect(step(1_500, LONGEST_PROMISE_MS)).toMatchObject({ kind: 'promise' });
    expect(step(1_500, LONGEST_PROMISE_MS + 1)).toEqual({
      kind: 'away',
      untilMs: START + LONGEST_PROMISE_MS / 2,
      isKept: false,
    });
    expect(stepOf([1_500], { promised: LONGEST_PROMISE_MS + 1, draw: 0.5 })).toMatchObject({
      kind: 'turn',
    });
    const taken = [9_000, 9_000, 9_000, 9_000];
    expect(stepOf(taken, { promised: LONGEST_PROMISE_MS + 1, draw: 0.5 })).toMatchObject({
      untilMs: START + LONGEST_PROMISE_MS * 0.75,
    });
    // An item that somebody else has written.
    expect(step(LONGEST_PROMISE_MS + 50_000, undefined, 1)).toMatchObject({
      untilMs: START + LONGEST_PROMISE_MS,
    });
  });

  test('promises that nobody comes for are nobody’s after a while', () => {
    const taken = [1_500, 1_500, 1_500, 1_500].map((inMs) => START + inMs);
    const after = (unclaimedMs: number | undefined) =>
      nextStep(
        {
          lanes: taken,
          promised: START + 90_000,
          claimed: unclaimedMs === undefined ? undefined : START - unclaimedMs,
        },
        { ...question, sentAway: 0, waitedMs: 0 },
      );
    // Eight of them, and three seconds.
    expect(after(5_200)).toMatchObject({ kind: 'promise', fromMs: START + 90_000 });
    const anew = { kind: 'promise', fromMs: START + 1_500, unclaimedSinceMs: START - 5_200 };
    expect(after(5_201)).toMatchObject(anew);
    expect(after(undefined)).toMatchObject(anew);
    expect(after(-ABSURD_MS - KNOWN_TO_MS - 1)).toMatchObject(anew);
  });

  test('what nothing honest writes is not believed', () => {
    const absurd = KNOWN_TO_MS + ABSURD_MS;
    expect(step(absurd)).toMatchObject({ kind: 'away' });
    expect(step(absurd + 1)).toMatchObject({ kind: 'turn', isNow: true });
    expect(step(2_500, absurd + 1)).toMatchObject({ kind: 'promise', fromMs: START + 2_500 });
  });
});

test('whatever the state is, vending goes on, within the rate, and the state becomes honest', () => {
  const value = fc.oneof(
    fc.constant(undefined),
    fc.double({ noNaN: true, noDefaultInfinity: true }),
    fc.integer({ min: -1_000_000, max: 1_000_000 }).map((aside) => START + aside),
    fc.constantFrom(0, -1, 1e38, -1e38, Number.MAX_SAFE_INTEGER),
  );
  fc.assert(
    fc.property(
      fc.integer(),
      fc.array(value, { maxLength: 5 }),
      value,
      value,
      (seed, lanes, promised, claimed) => {
        const simulation = new Simulation({
          ratePerSecond: 4,
          seed,
          state: { lanes, promised, claimed },
        });
        for (let count = 0; count < 5; count += 1) {
          simulation.after(ABSURD_MS + count * 5_000, () => simulation.user(() => {}));
        }
        simulation.run();
        expect(simulation.asked).toHaveLength(5);
        expectWithin(simulation.asked, 4);
        expect(
          Math.min(...Array.from(simulation.state.lanes, (lane) => lane ?? 0)),
        ).toBeLessThanOrEqual(simulation.nowMs + LONGEST_WAIT_MS);
      },
    ),
    { numRuns: 200 },
  );
});
