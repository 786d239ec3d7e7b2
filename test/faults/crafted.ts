// Schedules for what chance meets too seldom: made by hand, each group for a kind of bug.

import { ALWAYS, at, hosts, run, SINGLE_DIE, SINGLE_LIVE, schedule, tick } from './by-hand.ts';
import { FOUND } from './found.ts';
import {
  ALL_TERMS,
  type CallName,
  type FaultKind,
  isReplaceable,
  LIFE_SECONDS,
  PERSON_ACTS,
  type Schedule,
  type Start,
} from './schedule.ts';

const HOUR_SECONDS = 3_600;
const MINUTE_SECONDS = 60;
/** The store takes the claim, and the pair never. */
const storeDown = (kind: FaultKind) => at('PutSecretValue', kind, ALWAYS, { nth: 1 });

/** A pair waits in memory, and the secret is another one when it could be stored. */
const unstored = ALL_TERMS.flatMap((terms) => [
  ...(['access-denied', 'kms-failure', 'error'] as const).flatMap((kind) =>
    PERSON_ACTS.map((act) =>
      schedule(terms, [
        tick([run([storeDown(kind)])]),
        tick([run([], { afterMs: 1_000 })], { persons: [{ act, afterMs: 0 }] }),
        tick([run()]),
      ]),
    ),
  ),
  // And where nobody came between: stored without a call to Momento, whose turn another key is waiting for.
  ...[0, 2].map((otherKeys) =>
    schedule(
      terms,
      [
        tick([run([storeDown('throttle')])]),
        tick([run()]),
        tick([run([], { forced: true })]),
        tick([run([], { forced: true })]),
      ],
      { authRatePerSecond: 1, ...(otherKeys > 0 && { otherKeys }) },
    ),
  ),
]);

/** A loss in the gap, and a person while the next run is about to find it. */
const gap = ALL_TERMS.filter((terms) => !isReplaceable(terms)).flatMap((terms) =>
  PERSON_ACTS.flatMap((act) =>
    [3, 4, 5, 6, 7].map((nth) =>
      schedule(terms, [
        tick([run([at('RefreshApiKey', 'kill-after')])]),
        tick([run([], { person: { act, nth } })]),
      ]),
    ),
  ),
);

/** Momento refuses a good pair on two ticks, and where old keys die it refuses AWSCURRENT in truth. */
const refusedTwice = ALL_TERMS.flatMap((terms) =>
  (['current-only', 'pending-good'] as const).map((start) =>
    schedule(
      terms,
      [
        tick([run([at('ListCaches', 'unauthenticated')])]),
        tick([run([at('ListCaches', 'unauthenticated')])]),
      ],
      { start },
    ),
  ),
);

/** A pair that is dead, at a Momento that cannot be asked. */
const notTested = ALL_TERMS.flatMap((terms) =>
  (['error', 'late-answer', 'rate-limited'] as const).map((kind) =>
    schedule(terms, [tick([run([at('ListCaches', kind, 3)])])], { start: 'pending-dead' }),
  ),
);

/** A run that fails, and an event that is not taken at once. */
const failsUnheard = (
  ['error', 'throttle', 'late-answer', 'silence', 'access-denied'] as const
).flatMap((kind) =>
  [SINGLE_LIVE, SINGLE_DIE].flatMap((terms) => [
    schedule(terms, [tick([run([at('RefreshApiKey', 'error', ALWAYS), at('PutEvents', kind)])])]),
    schedule(terms, [
      tick([run([at('DescribeSecret', 'access-denied', ALWAYS), at('PutEvents', kind, 2)])]),
    ]),
  ]),
);

/** One run fails quietly, beside one that fails loudly. */
const besideAnother = [SINGLE_LIVE, SINGLE_DIE].flatMap((terms) =>
  [100, 5_000].map((afterMs) =>
    schedule(terms, [
      tick([
        run([at('RefreshApiKey', 'error', ALWAYS)]),
        run([at('DescribeSecret', 'access-denied', ALWAYS)], { afterMs }),
      ]),
    ]),
  ),
);

/** A slow run, an edit, and a quick run that renews what the slow one still believes in. */
const overtaken = ALL_TERMS.flatMap((terms) =>
  [100, 700, 2_000].map((afterMs) =>
    schedule(
      terms,
      [
        tick([
          run([at('ListSecretVersionIds', 'silence')], { person: { act: 'edit', nth: 2 } }),
          run([], { host: 1, afterMs, forced: true }),
        ]),
      ],
      { hosts: hosts(2) },
    ),
  ),
);

/** So near to its end that nothing may hold its renewal back. */
const nearItsEnd = ALL_TERMS.flatMap((terms) =>
  [2 * HOUR_SECONDS, 100 * MINUTE_SECONDS, 10 * MINUTE_SECONDS].flatMap((leftSeconds) =>
    [
      [],
      [at('RefreshApiKey', 'error', ALWAYS)],
      [at('RefreshApiKey', 'kill-after')],
      [storeDown('access-denied')],
    ].map((faults) =>
      schedule(
        terms,
        [tick([run(faults)]), tick([run(faults.slice(0, 0))], { afterSeconds: HOUR_SECONDS })],
        { ageSeconds: LIFE_SECONDS - leftSeconds },
      ),
    ),
  ),
);

/** All versions of the day are used up when the key comes near its end. */
const nearItsEndWithoutBudget = [SINGLE_LIVE, SINGLE_DIE].flatMap((terms) =>
  [at('RefreshApiKey', 'error', ALWAYS), at('RefreshApiKey', 'rate-limited', ALWAYS)].map(
    (outage) =>
      schedule(
        terms,
        [
          ...Array.from({ length: 45 }, () =>
            tick([run([outage], { forced: true })], { afterSeconds: 130 }),
          ),
          ...Array.from({ length: 6 }, () =>
            tick([run([outage])], { afterSeconds: HOUR_SECONDS / 2 }),
          ),
        ],
        { ageSeconds: LIFE_SECONDS - 5 * HOUR_SECONDS },
      ),
  ),
);

/** Lives of hours and less, on a schedule of minutes. */
const shortLives = [
  { lifeSeconds: 2 * HOUR_SECONDS, intervalSeconds: 300 },
  { lifeSeconds: 90 * MINUTE_SECONDS, intervalSeconds: 120 },
  { lifeSeconds: 40 * MINUTE_SECONDS, intervalSeconds: 120 },
].flatMap(({ lifeSeconds, intervalSeconds }) =>
  [
    [],
    [at('RefreshApiKey', 'error', 2)],
    [at('UpdateSecretVersionStage', 'kill')],
    [at('PutSecretValue', 'throttle', 6, { nth: 1 })],
  ].flatMap((faults) =>
    [SINGLE_LIVE, SINGLE_DIE].map((terms) =>
      schedule(
        terms,
        // Every fourth run is hit; the ticks go on over the end of the first life.
        Array.from({ length: 28 }, (_, index) =>
          tick([run(index % 4 === 0 ? faults : [])], { afterSeconds: intervalSeconds }),
        ),
        {
          lifeSeconds,
          intervalSeconds,
          ageSeconds: Math.floor(lifeSeconds * 0.6),
        },
      ),
    ),
  ),
);

/** Several keys in one run, in one process, of which faults meet the first alone. */
const manyKeys = (
  [
    ['DescribeSecret', 'silence', ALWAYS],
    ['DescribeSecret', 'access-denied', ALWAYS],
    ['GetSecretValue', 'kms-failure', ALWAYS],
    ['PutSecretValue', 'throttle', ALWAYS],
    ['RefreshApiKey', 'silence', ALWAYS],
    ['RefreshApiKey', 'error', ALWAYS],
    ['RefreshApiKey', 'kill-after', 1],
    ['RefreshApiKey', 'late-answer', 1],
    ['ListCaches', 'unauthenticated', ALWAYS],
    ['UpdateSecretVersionStage', 'access-denied', ALWAYS],
    ['UpdateSecretVersionStage', 'lose-answer', 1],
    ['PutEvents', 'silence', ALWAYS],
  ] as const satisfies readonly (readonly [CallName, FaultKind, number])[]
).flatMap(([call, kind, times], index) =>
  [1, 5].map((authRatePerSecond, nth) =>
    schedule(
      ALL_TERMS[(index + nth) % 4] ?? SINGLE_LIVE,
      [tick([run([at(call, kind, times)])]), tick([run()])],
      { authRatePerSecond, otherKeys: 1 + ((index + nth) % 3) },
    ),
  ),
);

/** An operator does not wait for a claim that is over, or on another key. */
const forcedAfterTheEnd = (
  ['ended-claim', 'foreign-live-claim', 'live-claim'] as const satisfies readonly Start[]
).flatMap((start) =>
  [[], [at('RefreshApiKey', 'kill-after')], [storeDown('kms-failure')]].map((faults) =>
    schedule(
      SINGLE_LIVE,
      [
        tick([run(faults, { forced: true })]),
        tick([run([], { forced: true })], { afterSeconds: 100 }),
      ],
      { start },
    ),
  ),
);

/** A run that is late at Momento, a key imported beside it, and a run on that key whose pair stays pending. */
const besideAnImport = [SINGLE_LIVE, SINGLE_DIE].flatMap((terms) =>
  (
    [
      ['kill', 1],
      ['error', ALWAYS],
      ['unauthenticated', 1],
    ] as const
  ).flatMap(([kind, times]) =>
    [500, 2_700, 2_900].map((afterMs) =>
      schedule(
        terms,
        [
          tick([
            run([at('RefreshApiKey', 'late-answer', 1, { lateMs: 3_000 })], {
              person: { act: 'import', nth: 7 },
            }),
            run([at('ListCaches', kind, times)], { host: 1, afterMs, forced: true }),
          ]),
          tick([run()]),
        ],
        { hosts: hosts(2) },
      ),
    ),
  ),
);

/** A run that is late with its question about a refused pair, when another one has given that pair up and made the next. */
const lateRefusal = ALL_TERMS.flatMap((terms) =>
  [2, 3, 5, 6].map((nth) =>
    schedule(
      terms,
      [
        tick([run()]),
        tick([run(), run([{ kind: 'late-answer', nth, lateMs: 3_000 }], { host: 1 })]),
      ],
      { start: 'pending-dead', hosts: hosts(2) },
    ),
  ),
);

/** A store that takes the pair when its run is over, between two looks of the next one. */
const lateStage = ALL_TERMS.flatMap((terms) =>
  [65_900, 65_940, 65_980].map((lateMs) =>
    schedule(
      terms,
      [
        tick([
          run([at('PutSecretValue', 'late-effect', ALWAYS, { nth: 1, lateMs })]),
          run([], { host: 1, afterMs: 66_000 }),
        ]),
      ],
      { hosts: hosts(2) },
    ),
  ),
);

/** A store so slow that the time for a rotation is over before it begins, or before Momento is asked. */
const slowStore = [SINGLE_LIVE, SINGLE_DIE].flatMap((terms) =>
  (
    [
      ['GetSecretValue', 0],
      ['ListSecretVersionIds', 0],
      ['PutSecretValue', 0],
      ['GetSecretValue', 1],
      ['DescribeSecret', 1],
    ] as const
  ).flatMap(([call, nth], index, calls) =>
    [2, 3, 4].map((times) => {
      const [before, beforeNth] = calls[(index + 4) % 5] ?? [call, nth];
      return schedule(terms, [
        tick([
          run([
            at(before, 'silence', times, { nth: beforeNth }),
            // Counted with those that were repeated before it.
            at(call, 'silence', times, { nth: before === call ? nth + times : nth }),
          ]),
        ]),
        tick([run()]),
      ]);
    }),
  ),
);

/** A store that shows its labels late, or answers late, just where a run goes by what it sees. */
const lateLabels = [SINGLE_LIVE, SINGLE_DIE].flatMap((terms) => [
  ...(['pending-empty', 'pending-superseded', 'stray-refusal', 'foreign-claim'] as const).flatMap(
    (start) =>
      [1_000, 20_000].map((lateMs) =>
        schedule(terms, [tick([run([at('DescribeSecret', 'stale-read', ALWAYS, { lateMs })])])], {
          start,
        }),
      ),
  ),
  ...(['lose-answer', 'access-denied'] as const).flatMap((again) =>
    [1, 2, ALWAYS].map((times) =>
      schedule(terms, [
        tick([
          run([
            at('UpdateSecretVersionStage', 'lose-answer', 1, { nth: 1 }),
            at('UpdateSecretVersionStage', again, 1, { nth: 2 }),
            at('DescribeSecret', 'stale-read', times, { nth: 2 }),
          ]),
        ]),
      ]),
    ),
  ),
  schedule(terms, [
    tick([
      run([
        at('DescribeSecret', 'silence', 2),
        at('DescribeSecret', 'late-answer', 1, { nth: 2, lateMs: 3_000 }),
      ]),
    ]),
  ]),
]);

/** A run that dies in the gap after many that failed: what they wait for must not hold back the next one. */
const killedAfterFailures = ALL_TERMS.flatMap((terms) =>
  (['kill-after', 'kill', 'lose-answer'] as const).map((kind) =>
    schedule(terms, [
      ...Array.from({ length: 8 }, () => tick([run([at('RefreshApiKey', 'error', ALWAYS)])])),
      tick([run([at('RefreshApiKey', kind)])], { afterSeconds: 2 * HOUR_SECONDS }),
      tick([run()], { afterSeconds: 100 }),
    ]),
  ),
);

/** A pair waits in memory, and people use up the versions of the day. */
const budgetSpentByPersons = [SINGLE_LIVE, SINGLE_DIE].map((terms) =>
  schedule(terms, [
    tick([run([storeDown('access-denied')])]),
    tick([run([], { afterMs: 1_000 })], {
      persons: Array.from({ length: 41 }, (_, nth) => ({ act: 'edit', afterMs: nth * 10 })),
    }),
    tick([run()], { recycled: [0] }),
  ]),
);

const GROUPS: readonly (readonly Schedule[])[] = [
  unstored,
  gap,
  refusedTwice,
  notTested,
  failsUnheard,
  besideAnother,
  overtaken,
  nearItsEnd,
  nearItsEndWithoutBudget,
  shortLives,
  manyKeys,
  forcedAfterTheEnd,
  besideAnImport,
  lateRefusal,
  lateStage,
  slowStore,
  lateLabels,
  killedAfterFailures,
  budgetSpentByPersons,
  FOUND,
];

/** Some of each group soon, so that any part of an exploration has some of each. */
export const CRAFTED: readonly Schedule[] = GROUPS.flatMap((group) =>
  group.map((made, nth) => ({ made, place: (nth + 0.5) / group.length })),
)
  .sort((one, other) => one.place - other.place)
  .map(({ made }) => made);
