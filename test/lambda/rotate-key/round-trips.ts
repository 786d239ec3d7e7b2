// The ways to Momento that the pacer is tried on, and what Momento counts then.

import { evenPacer } from '../../../lambda/rotate-key/pacer.ts';
import { SlidingWindow } from '../../../local/momento/sliding-window.ts';
import { chanceFrom, seedAt } from '../../faults/chance.ts';
import { SimulatedClock } from '../simulated-clock.ts';

/** Momento counts between the two. */
export interface RoundTrip {
  readonly sendMs: number;
  readonly restMs: number;
}

/** A round trip for each operation, which begins so long after the first one. */
export type Way = (random: () => number, index: number, sinceMs: number) => RoundTrip;

/** Momento counts at the same, random share of each round trip of a seed. */
export const constant =
  (latencyMs: number, share: number): Way =>
  () => ({ sendMs: latencyMs * share, restMs: latencyMs * (1 - share) });

/** `sendMs` and `restMs` differ from their means by up to `most` of these, each by itself. */
export const uniform =
  (latencyMs: number, share: number, most: number): Way =>
  (random) => ({
    sendMs: latencyMs * share * (1 + most * (2 * random() - 1)),
    restMs: latencyMs * (1 - share) * (1 + most * (2 * random() - 1)),
  });

export const lognormal =
  (latencyMs: number, share: number, sigma: number): Way =>
  (random) => ({
    sendMs: latencyMs * share * Math.exp(sigma * normal(random)),
    restMs: latencyMs * (1 - share) * Math.exp(sigma * normal(random)),
  });

const normal = (random: () => number): number =>
  Math.sqrt(-2 * Math.log(1 - random())) * Math.cos(2 * Math.PI * random());

/** The first so many have to make a connection: they are sent 300 ms later. */
export const coldAtFirst =
  (count: number, way: Way): Way =>
  (random, index, sinceMs) => {
    const { sendMs, restMs } = way(random, index, sinceMs);
    return { sendMs: sendMs + (index < count ? 300 : 0), restMs };
  };

/** One of a hundred takes 1 to 3 seconds more, in sending or after it. */
export const withOutliers =
  (way: Way): Way =>
  (random, index, sinceMs) => {
    const { sendMs, restMs } = way(random, index, sinceMs);
    if (random() >= 0.01) return { sendMs, restMs };
    const moreMs = 1_000 + 2_000 * random();
    return random() < 0.5
      ? { sendMs: sendMs + moreMs, restMs }
      : { sendMs, restMs: restMs + moreMs };
  };

export interface Paced {
  /** Operations that a Momento refuses which takes the rate, and no more, in a sliding second. */
  readonly refused: number;
  /** Of what the rate dictates for as many. */
  readonly ratio: number;
}

interface Trial {
  readonly ratePerSecond?: number;
  readonly count?: number;
  readonly seed: number;
  /** The process stands still for 2 s at these times after it began, and before these operations are sent. */
  readonly stallsAtMs?: readonly number[];
  readonly stallsBefore?: readonly number[];
  /** These are counted, and never answered. */
  readonly silent?: readonly number[];
}

const STALL_MS = 2_000;
/** As `refresh.ts` does. */
const GIVEN_UP_AFTER_MS = 8_000;

/** As many operations as wanted, begun as the pacer allows it. */
export async function paced(way: (share: number) => Way, trial: Trial): Promise<Paced> {
  const { ratePerSecond = 5, count = 1_000, seed } = trial;
  const chance = chanceFrom(seedAt(1, seed));
  const random = () => chance.next();
  const clock = new SimulatedClock();
  const startedMs = clock.now();
  const pacer = evenPacer(ratePerSecond, clock);
  const trip = way(0.1 + 0.8 * random());
  const momento = new SlidingWindow(Math.max(1, Math.floor(ratePerSecond)), 1_000);
  let refused = 0;
  const stalls = (trial.stallsAtMs ?? []).map(async (atMs) => {
    await clock.sleep(atMs);
    clock.nowMs += STALL_MS;
  });
  const operations = Array.from({ length: count }, async (_, index) => {
    const turn = await pacer.turn(Number.POSITIVE_INFINITY);
    if (trial.stallsBefore?.includes(index)) clock.nowMs += STALL_MS;
    const { sendMs, restMs } = trip(random, index, clock.now() - startedMs);
    const sentMs = clock.now();
    await clock.sleep(sendMs);
    // Then, also where the process stood still meanwhile.
    const isTaken = momento.admit(sentMs + sendMs);
    if (!isTaken) refused += 1;
    const isSilent = trial.silent?.includes(index) === true;
    await clock.sleep(sentMs + (isSilent ? GIVEN_UP_AFTER_MS : sendMs + restMs) - clock.now());
    turn?.end(isSilent ? 'unanswered' : isTaken ? 'answered' : 'refused');
  });
  await clock.run(Promise.all([...operations, ...stalls]));
  return {
    refused,
    ratio: (clock.now() - startedMs) / (count * (1_000 / ratePerSecond)),
  };
}
