// Which schedules are played: every single fault of a rotation, pairs of faults, label states, storms, and
// random longer ones. Each has a name from which it can be made again.

import { run } from './by-hand.ts';
import { type Chance, chanceFrom, seedAt } from './chance.ts';
import { CRAFTED } from './crafted.ts';
import { kindsAt } from './fault-kinds.ts';
import {
  ALL_TERMS,
  CALLS,
  type CallName,
  DAY_SECONDS,
  FAULT_KINDS,
  type FaultKind,
  PERSON_ACTS,
  type Schedule,
  type ScheduledFault,
  type ScheduledRun,
  STARTS,
  type Start,
  type Terms,
  type Tick,
} from './schedule.ts';

/** What a due rotation calls, in order (faults.test.ts holds it to that). */
export const ROTATION: readonly CallName[] = [
  'DescribeSecret',
  'GetSecretValue',
  'ListSecretVersionIds',
  'PutSecretValue', // the claim
  'GetSecretValue',
  'UpdateSecretVersionStage', // MOMENTO_CLAIM
  'DescribeSecret',
  'RefreshApiKey',
  'PutSecretValue', // the pair
  'ListCaches',
  'UpdateSecretVersionStage', // AWSCURRENT
  'PutEvents',
  'UpdateSecretVersionStage', // AWSPENDING
  'UpdateSecretVersionStage', // MOMENTO_CLAIM
  'UpdateSecretVersionStage', // MOMENTO_CLAIMING
];

export interface Named {
  readonly name: string;
  readonly schedule: Schedule;
}

const FAMILIES = ['single', 'state', 'crafted', 'pair', 'duplicate', 'storm', 'random'] as const;
type Family = (typeof FAMILIES)[number];

/** A prime that divides the number of neither singles nor states: every one once, and soon some at each call. */
const STRIDE = 389;

/** The name of schedule number `index`. The families are mixed, so that any part has some of each. */
export function nameAt(index: number, baseSeed: number): string {
  const singles = SINGLES.length;
  if (index < 2 * singles && index % 2 === 0) {
    return `single-${((index / 2) * STRIDE) % singles}`;
  }
  const rest = index < 2 * singles ? (index - 1) / 2 : index - singles;
  const seed = seedAt(baseSeed, rest);
  if (rest % 5 === 0) return `state-${stateAt(rest / 5, baseSeed)}`;
  // All of them soon: they are few, and each is there for a kind of bug.
  const crafted = 3 * Math.floor(rest / 5) + (rest % 5) - 1;
  if (rest % 5 < 4 && crafted < CRAFTED.length) return `crafted-${crafted}`;
  if (rest % 50 === 44) return `storm-${seed}`;
  if (rest % 10 === 4) return `duplicate-${seed}`;
  return rest % 5 === 2 ? `pair-${seed}` : `random-${seed}`;
}

/** Undefined for what is no name of a schedule. */
export function scheduleNamed(name: string): Schedule | undefined {
  const [, family, digits] = /^(?:([a-z]+)-)?(\d{1,10})$/.exec(name) ?? [];
  if (digits === undefined) return undefined;
  const number = Number(digits);
  const make = MAKERS[(family ?? 'random') as Family];
  return make?.(number);
}

const MAKERS: Readonly<Record<Family, (number: number) => Schedule | undefined>> = {
  single: (index) => SINGLES[index],
  state: (index) => STATES[index],
  crafted: (index) => CRAFTED[index],
  pair: pairOf,
  duplicate: duplicateOf,
  storm: stormOf,
  random: randomOf,
};

// ── one fault ───────────────────────────────────────────────────────────────────────────────────

const oneRun = (
  terms: Terms,
  start: Start,
  faults: readonly ScheduledFault[],
  ticks: readonly Tick[] = [],
): Schedule => ({
  terms,
  start,
  ageSeconds: 21 * DAY_SECONDS,
  timeoutSeconds: 60,
  hosts: [{ clockErrorMs: 0 }],
  ticks: [{ afterSeconds: 0, runs: [run(faults)] }, ...ticks],
});

/** Momento's answer within the run, after it, and after the SDK has given up. */
const latenesses = (call: CallName, kind: FaultKind): readonly Partial<ScheduledFault>[] =>
  call === 'RefreshApiKey' && kind.startsWith('late')
    ? [12_000, 45_000, 70_000].map((lateMs) => ({ lateMs }))
    : [{}];

/** Every call of a rotation × every kind, and a person before it × all terms. */
const SINGLES: readonly Schedule[] = ALL_TERMS.flatMap((terms) => [
  ...ROTATION.flatMap((call, nth) =>
    kindsAt(call).flatMap((kind) =>
      latenesses(call, kind).map((late) => oneRun(terms, 'current-only', [{ kind, nth, ...late }])),
    ),
  ),
  ...ROTATION.flatMap((_, nth) =>
    PERSON_ACTS.map(
      (act): Schedule => ({
        ...oneRun(terms, 'current-only', []),
        ticks: [{ afterSeconds: 0, runs: [run([], { person: { act, nth } })] }],
      }),
    ),
  ),
]);

const LABEL_STATES = ALL_TERMS.flatMap((terms) =>
  STARTS.filter((start) => start !== 'current-only').map((start) => ({ terms, start })),
);

/** Every label state × all terms; and × the first calls of a run × every kind. */
const STATES: readonly Schedule[] = [
  ...LABEL_STATES.map(({ terms, start }) => oneRun(terms, start, [])),
  ...LABEL_STATES.flatMap(({ terms, start }) =>
    Array.from({ length: 10 }, (_, nth) => nth).flatMap((nth) =>
      FAULT_KINDS.map((kind) => oneRun(terms, start, [{ kind, nth }])),
    ),
  ),
];

/** Those without a fault, and then as many others as there is room for: different ones for each seed. */
function stateAt(nth: number, baseSeed: number): number {
  const quiet = LABEL_STATES.length;
  if (nth < quiet) return nth;
  return quiet + (((seedAt(baseSeed, 0) + nth) * STRIDE) % (STATES.length - quiet));
}

export const EXHAUSTIVE = {
  singles: SINGLES.length,
  states: STATES.length,
  labelStates: LABEL_STATES.length,
  crafted: CRAFTED.length,
};

/** The names of all single faults at one kind of call. */
export const singlesAt = (call: CallName): string[] =>
  SINGLES.flatMap(({ ticks }, index) => {
    const nth = ticks[0]?.runs[0]?.faults[0]?.nth ?? -1;
    return ROTATION[nth] === call ? [`single-${index}`] : [];
  });

// ── two faults ──────────────────────────────────────────────────────────────────────────────────

function pairOf(seed: number): Schedule {
  const chance = chanceFrom(seed);
  const fault = (): ScheduledFault => {
    const nth = chance.between(0, ROTATION.length - 1);
    return { kind: chance.pick(kindsAt(ROTATION[nth] ?? 'PutEvents')), nth };
  };
  const first = fault();
  // Often at the telling: a failure makes fewer calls before it.
  const second = chance.often(0.2)
    ? { kind: chance.pick(kindsAt('PutEvents')), call: 'PutEvents' as const, nth: 0 }
    : fault();
  const terms = chance.pick(ALL_TERMS);
  // In one run; in two ticks of a warm process, or of a new one; in two runs at the same time.
  const shape = chance.between(0, 3);
  if (shape === 0) return oneRun(terms, 'current-only', [first, second]);
  if (shape === 3) {
    const { ticks, ...rest } = oneRun(terms, 'current-only', []);
    const runs = [run([first]), run([second], { afterMs: chance.between(0, 300) })];
    return { ...rest, ticks: [{ ...ticks[0], afterSeconds: 0, runs }] };
  }
  return oneRun(
    terms,
    'current-only',
    [first],
    [
      {
        afterSeconds: chance.pick([100, 400, 3_600]),
        runs: [run([second])],
        ...(shape === 2 && { recycled: [0] }),
      },
    ],
  );
}

// ── one tick delivered several times, to hosts whose clocks disagree ────────────────────────────

function duplicateOf(seed: number): Schedule {
  const chance = chanceFrom(seed);
  const count = chance.between(2, 5);
  // Slow at Momento, so that a duplicate that begins late still meets the first one there.
  const slow: ScheduledFault[] = chance.often(0.5)
    ? [
        {
          kind: 'late-answer',
          call: 'RefreshApiKey',
          nth: 0,
          lateMs: chance.between(1_000, 30_000),
        },
      ]
    : [];
  const runs = Array.from({ length: count }, (_, nth) =>
    run(nth === 0 ? slow : duplicatesFaults(chance), {
      host: nth,
      afterMs: nth === 0 ? 0 : chance.pick([0, chance.between(0, 150), chance.between(0, 40_000)]),
      ...(chance.often(0.1) && { forced: true }),
    }),
  );
  return {
    terms: chance.pick(ALL_TERMS),
    start: 'current-only',
    ageSeconds: 21 * DAY_SECONDS,
    timeoutSeconds: chance.pick([60, 300]),
    hosts: runs.map(() => ({
      clockErrorMs: chance.often(0.6) ? chance.between(-300_000, 300_000) : 0,
    })),
    ticks: [{ afterSeconds: 0, runs }],
  };
}

/** A fault of any kind, or a host that sees everything a moment late. */
function duplicatesFaults(chance: Chance): ScheduledFault[] {
  if (chance.often(0.2)) return [randomFault(chance)];
  if (!chance.often(0.2)) return [];
  return [{ kind: 'stale-read', nth: 0, times: 1_000, lateMs: chance.pick([300, 1_000, 3_000]) }];
}

// ── an outage of hours, with an operator who does not want to wait ──────────────────────────────

function stormOf(seed: number): Schedule {
  const chance = chanceFrom(seed);
  const outage = chance.pick<ScheduledFault>([
    { kind: 'error', call: 'RefreshApiKey', nth: 0, times: 1_000 },
    { kind: 'rate-limited', call: 'RefreshApiKey', nth: 0, times: 1_000 },
    { kind: 'error', call: 'ListCaches', nth: 0, times: 1_000 },
    { kind: 'access-denied', call: 'UpdateSecretVersionStage', nth: 0, times: 1_000 },
    { kind: 'kill', call: 'RefreshApiKey', nth: 0 },
  ]);
  const forcedTicks = chance.pick([0, 45, 45]);
  const ticks = Array.from({ length: forcedTicks + 24 }, (_, index): Tick => {
    const forced = index < forcedTicks;
    return {
      afterSeconds: index === 0 ? 0 : forced ? 130 : 3_600,
      runs: [run([outage], forced ? { forced } : {})],
    };
  });
  return {
    terms: chance.pick(ALL_TERMS),
    start: 'current-only',
    ageSeconds: chance.pick([1, 21]) * DAY_SECONDS,
    timeoutSeconds: 60,
    hosts: [{ clockErrorMs: 0 }],
    ticks,
  };
}

// ── anything ────────────────────────────────────────────────────────────────────────────────────

function randomOf(seed: number): Schedule {
  const chance = chanceFrom(seed);
  const start = chance.often(0.65) ? 'current-only' : chance.pick(STARTS);
  const hosts = Array.from({ length: chance.between(1, 3) }, () => ({
    clockErrorMs: chance.often(0.3) ? chance.between(-300_000, 300_000) : 0,
  }));
  const ticks = Array.from({ length: chance.between(1, 4) }, (_, index) =>
    randomTick(chance, index, hosts.length),
  );
  return {
    terms: chance.pick(ALL_TERMS),
    start,
    ageSeconds: (chance.often(0.85) ? 21 : 1) * DAY_SECONDS,
    timeoutSeconds: chance.pick([60, 300]),
    hosts,
    ticks,
  };
}

function randomTick(chance: Chance, index: number, hosts: number): Tick {
  const count = chance.often(0.6) ? 1 : chance.between(2, 5);
  const faulty = count === 1 ? 0.9 : 0.4;
  const runs = Array.from(
    { length: count },
    (_, nth): ScheduledRun => ({
      afterMs: nth === 0 || chance.often(0.3) ? 0 : lateStart(chance),
      host: chance.between(0, hosts - 1),
      ...(chance.often(0.1) && { forced: true }),
      faults: chance.often(faulty)
        ? Array.from({ length: chance.between(1, 3) }, () => randomFault(chance))
        : [],
      ...(chance.often(0.08) && {
        person: { act: chance.pick(PERSON_ACTS), nth: chance.between(0, 14) },
      }),
    }),
  );
  return {
    afterSeconds: index === 0 ? 0 : chance.pick([100, 100, 400, 1_800, 3_600, 3_600, 7_200]),
    runs,
    ...(chance.often(0.05) && {
      persons: [{ act: chance.pick(PERSON_ACTS), afterMs: chance.between(0, 20_000) }],
    }),
    ...(index > 0 && chance.often(0.2) && { recycled: [chance.between(0, hosts - 1)] }),
  };
}

/** From "between two calls of the first run" to "when that one is nearly out of time". */
const lateStart = (chance: Chance): number =>
  chance.pick([chance.between(0, 300), chance.between(0, 300), chance.between(0, 55_000)]);

function randomFault(chance: Chance): ScheduledFault {
  const byKind = chance.often(0.5);
  const call = chance.pick(CALLS);
  const kind: FaultKind = chance.pick(byKind ? kindsAt(call) : FAULT_KINDS);
  const times = chance.pick([1, 1, 1, 1, 2, 3, 6, 1_000]);
  return {
    kind,
    ...(byKind && { call }),
    nth: byKind ? chance.between(0, 2) : chance.between(0, 14),
    ...(times > 1 && { times }),
    ...(kind.startsWith('late') && { lateMs: chance.pick([3_000, 5_000, 9_000, 20_000, 45_000]) }),
    ...(kind === 'stale-read' && { lateMs: chance.pick([500, 2_000, 10_000]) }),
  };
}
