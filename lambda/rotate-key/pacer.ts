// Keeps this process within its part of the account's auth operations per second.
//
// Momento counts an operation at some instant between its beginning and its answer. So a place, of which there are
// as many as the rate, is taken anew a second after the end of the operation that had it: then the two are counted a
// second apart, whatever happens on the way. Most of the round trip may be taken off that second. Who begins
// later is counted later by the time that sending takes, and who was answered was counted earlier by the time that
// the answer took. Together these are hardly ever less than the shortest of many round trips, if the two vary
// independently of each other.

import type { Clock } from '../shared/clock.ts';

export interface Pacer {
  /**
   * Resolves when the next auth operation may begin. Undefined when that would be later than `latestMs`, in
   * epoch milliseconds of the host's clock.
   */
  turn(latestMs: number): Promise<Turn | undefined>;
}

export interface Turn {
  /**
   * To be called once: when the operation was answered, or refused because there were too many; when it is not
   * waited for any more; or when it will not be begun.
   */
  end(how: 'answered' | 'refused' | 'unanswered' | 'unused'): void;
}

interface Place {
  /** When the last operation ended. */
  readonly endedMs: number;
  readonly wasAnswered: boolean;
}

/** Timers may wake a little early, and clocks tick in whole milliseconds. */
const SLACK_MS = 10;
/** Nothing is taken off for round trips as short as this, and that much less for longer ones. */
const MARGIN_MS = 30;
/** Older round trips say nothing of the way to Momento as it is: it has changed, or the process was frozen. */
const REMEMBERED_MS = 60_000;
const MOST_REMEMBERED = 1_000;
/** Of fewer round trips the shortest may be far from the shortest that there can be. */
const LEAST_REMEMBERED = 20;
/** After a refusal: longer than a run, which a Momento that counts otherwise may then refuse one call and not many. */
const DISTRUSTED_MS = 600_000;

/**
 * In no sliding second does Momento see more than `ratePerSecond` operations. Beginnings are spaced evenly as well,
 * because an account's other callers want their turns too.
 */
export function evenPacer(ratePerSecond: number, clock: Clock): Pacer {
  const atOnce = Math.max(1, Math.floor(ratePerSecond));
  const windowMs = Math.max(1_000, (1_000 * atOnce) / ratePerSecond) + SLACK_MS;
  // The first of each place may all have been slow alike, as cold connections are.
  const enough = Math.max(LEAST_REMEMBERED, 2 * atOnce);
  const never: Place = { endedMs: Number.NEGATIVE_INFINITY, wasAnswered: false };
  /** Those that are not taken, the one that ended first before the others. */
  const places: Place[] = Array.from({ length: atOnce }, () => never);
  let roundTrips: Array<{ readonly endedMs: number; readonly tookMs: number }> = [];
  let distrustedUntilMs = Number.NEGATIVE_INFINITY;
  let evenAtMs = Number.NEGATIVE_INFINITY;
  let line: Promise<unknown> = Promise.resolve();
  let whenFreed: ((place: Place) => void) | undefined;

  const free = (place: Place): void => {
    if (whenFreed !== undefined) whenFreed(place);
    else if (place.endedMs < (places[0]?.endedMs ?? 0)) places.unshift(place);
    else places.push(place);
    whenFreed = undefined;
  };
  const takePlace = (): Place | Promise<Place> =>
    places.shift() ??
    new Promise<Place>((resolve) => {
      whenFreed = resolve;
    });

  const remember = (tookMs: number): void => {
    roundTrips.push({ endedMs: clock.now(), tookMs });
    if (roundTrips.length > MOST_REMEMBERED) roundTrips.shift();
  };
  /** Less than sending one operation and answering another take together. 0 when that is not known. */
  const leastMs = (): number => {
    const sinceMs = clock.now() - REMEMBERED_MS;
    roundTrips = roundTrips.filter(({ endedMs }) => endedMs > sinceMs);
    if (roundTrips.length < enough || clock.now() < distrustedUntilMs) return 0;
    const tookMs = roundTrips.map((roundTrip) => roundTrip.tookMs).sort((a, b) => a - b);
    const shortest = tookMs[0] ?? 0;
    const usual = tookMs[Math.floor(tookMs.length / 2)] ?? 0;
    // The more they differ, the shorter one may come yet.
    return Math.max(0, shortest - (usual - shortest) / 2 - MARGIN_MS);
  };
  const freeAtMs = ({ endedMs, wasAnswered }: Place): number =>
    endedMs + windowMs - (wasAnswered ? leastMs() : 0);

  const turn: Pacer['turn'] = async (latestMs) => {
    const place = await takePlace();
    let atMs = Math.max(freeAtMs(place), evenAtMs, clock.now());
    for (;;) {
      if (atMs > latestMs) {
        free(place);
        return undefined;
      }
      if (atMs <= clock.now()) break;
      await clock.sleep(atMs - clock.now());
      // Meanwhile a shorter round trip may have been seen.
      atMs = Math.max(atMs, freeAtMs(place));
    }
    evenAtMs = atMs + 1_000 / ratePerSecond;
    const beganMs = clock.now();
    return {
      end: (how) => {
        if (how === 'refused') distrustedUntilMs = clock.now() + DISTRUSTED_MS;
        if (how === 'answered') remember(clock.now() - beganMs);
        free(how === 'unused' ? place : { endedMs: clock.now(), wasAnswered: how === 'answered' });
      },
    };
  };
  return {
    turn(latestMs) {
      const mine = line.then(() => turn(latestMs));
      line = mine;
      return mine;
    },
  };
}
