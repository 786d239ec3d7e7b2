// Schedules at which a fault was once found, or at which a mistake in the code would show and hardly anywhere else.

import {
  ALWAYS,
  at,
  hosts,
  MULTI_DIE,
  run,
  SINGLE_DIE,
  SINGLE_LIVE,
  schedule,
  tick,
} from './by-hand.ts';
import type { Schedule } from './schedule.ts';

export const FOUND: readonly Schedule[] = [
  // A claim that is late, for a key that was edited meanwhile, beside a newer claim whose run died in the gap.
  schedule(
    SINGLE_LIVE,
    [
      tick([
        run([at('ListSecretVersionIds', 'silence')], {
          forced: true,
          person: { act: 'edit', nth: 2 },
        }),
        run([at('RefreshApiKey', 'kill-after')], { afterMs: 1000, host: 1, forced: true }),
      ]),
      tick([run()]),
    ],
    { ageSeconds: 86400, hosts: hosts(2) },
  ),
  // The same, where the newer claim is alive, and a third run comes.
  schedule(
    SINGLE_LIVE,
    [
      tick([
        run(
          [
            at('DescribeSecret', 'silence', 2),
            at('ListSecretVersionIds', 'silence', 4),
            at('PutSecretValue', 'silence', 3),
          ],
          { person: { act: 'edit', nth: 8 } },
        ),
        run([at('RefreshApiKey', 'silence', ALWAYS)], { afterMs: 36000, host: 1 }),
        run([], { afterMs: 65100, host: 2, forced: true }),
      ]),
    ],
    { start: 'lapsed-claim', hosts: hosts(3) },
  ),
  // A pair is given up by one run, and promoted by another that dies before it tells.
  schedule(
    SINGLE_LIVE,
    [
      tick([run([at('ListCaches', 'unauthenticated')])]),
      tick([
        run([at('ListCaches', 'unauthenticated')]),
        run([at('PutEvents', 'kill')], { afterMs: 30, host: 1 }),
      ]),
    ],
    { start: 'pending-good', hosts: hosts(2) },
  ),
  // A promotion that nobody was told of, and an edit before the next tick.
  schedule(
    SINGLE_DIE,
    [
      tick([run([at('PutEvents', 'kill')])]),
      tick([run([], { afterMs: 1000 })], { persons: [{ act: 'edit', afterMs: 0 }] }),
    ],
    { hosts: hosts(3) },
  ),
  // The same, edited twice.
  schedule(
    SINGLE_DIE,
    [
      tick([
        run([at('UpdateSecretVersionStage', 'late-answer', 1, { lateMs: 9000 })], {
          person: { act: 'edit', nth: 10 },
        }),
      ]),
    ],
    { hosts: hosts(3) },
  ),
  // A pair is given up by one run while another is late with the same.
  schedule(
    SINGLE_LIVE,
    [
      tick([run([at('ListCaches', 'unauthenticated')], { forced: true })]),
      tick([
        run([at('ListCaches', 'unauthenticated')]),
        run([at('ListCaches', 'unauthenticated')], { afterMs: 30, host: 1 }),
      ]),
      tick([run()]),
    ],
    { ageSeconds: 86400, hosts: hosts(3) },
  ),
  // A call to Momento that is answered when the run is over, beside one that was refused.
  schedule(
    SINGLE_LIVE,
    [
      tick([
        run([at('RefreshApiKey', 'late-answer', ALWAYS, { lateMs: 45000 })]),
        run([], { afterMs: 40000, host: 1, forced: true }),
      ]),
    ],
    { timeoutSeconds: 300, hosts: hosts(3) },
  ),
  // An outage to shortly before the end of a short life.
  schedule(
    SINGLE_LIVE,
    [
      tick([run([at('RefreshApiKey', 'error', ALWAYS)])]),
      tick([run([at('RefreshApiKey', 'error', ALWAYS)])], { afterSeconds: 300 }),
      tick([run([at('RefreshApiKey', 'error', ALWAYS)])], { afterSeconds: 300 }),
      tick([run([at('RefreshApiKey', 'error', ALWAYS)])], { afterSeconds: 300 }),
      tick([run([at('RefreshApiKey', 'error', ALWAYS)])], { afterSeconds: 300 }),
      tick([run([at('RefreshApiKey', 'error', ALWAYS)])], { afterSeconds: 300 }),
      tick([run()], { afterSeconds: 300 }),
      tick([run()], { afterSeconds: 300 }),
      tick([run()], { afterSeconds: 300 }),
      tick([run()], { afterSeconds: 300 }),
    ],
    { ageSeconds: 4860, lifeSeconds: 7200, intervalSeconds: 300 },
  ),
  // Promoted, the answer lost, and the labels cannot be seen.
  schedule(
    SINGLE_LIVE,
    [
      tick([
        run([
          at('UpdateSecretVersionStage', 'error', ALWAYS),
          at('DescribeSecret', 'error', ALWAYS, { nth: 2 }),
        ]),
      ]),
    ],
    { hosts: hosts(3) },
  ),
  // Promoted, the answer lost, then throttled.
  schedule(
    SINGLE_LIVE,
    [
      tick([
        run([
          at('UpdateSecretVersionStage', 'lose-answer'),
          at('UpdateSecretVersionStage', 'throttle', ALWAYS, { nth: 1 }),
        ]),
      ]),
    ],
    { start: 'pending-good', hosts: hosts(3) },
  ),
  // The promotion is denied, and the labels cannot be seen.
  schedule(
    SINGLE_LIVE,
    [
      tick([
        run([
          at('UpdateSecretVersionStage', 'access-denied', ALWAYS),
          at('DescribeSecret', 'error', ALWAYS, { nth: 1 }),
        ]),
      ]),
    ],
    { start: 'pending-good', hosts: hosts(3) },
  ),
  // The promotion is throttled, and the labels cannot be seen.
  schedule(
    SINGLE_LIVE,
    [
      tick([
        run([
          at('UpdateSecretVersionStage', 'throttle', ALWAYS),
          at('DescribeSecret', 'error', ALWAYS, { nth: 1 }),
        ]),
      ]),
    ],
    { start: 'pending-good', hosts: hosts(3) },
  ),
  // A late run with a question about a pair, when the next one is pending.
  schedule(
    MULTI_DIE,
    [
      tick([run()]),
      tick([
        run([at('ListCaches', 'kill', 1, { nth: 2 })]),
        run([at('ListCaches', 'late-effect', 1, { nth: 1, lateMs: 3000 })], { host: 1 }),
      ]),
    ],
    { start: 'pending-dead', hosts: hosts(3) },
  ),
  // A late run with a question about a pair that is AWSCURRENT by now.
  schedule(
    SINGLE_LIVE,
    [tick([run(), run([at('ListCaches', 'unauthenticated')], { afterMs: 10, host: 1 })])],
    { start: 'pending-good', hosts: hosts(3) },
  ),
  // A pair is refused by two runs at once.
  schedule(
    SINGLE_LIVE,
    [
      tick([
        run([at('ListCaches', 'unauthenticated')]),
        run([at('ListCaches', 'unauthenticated')], { afterMs: 300, host: 1 }),
      ]),
    ],
    { start: 'pending-good', hosts: hosts(3) },
  ),
  // The same on a host whose clock is wrong.
  schedule(
    SINGLE_LIVE,
    [
      tick([
        run([at('ListCaches', 'unauthenticated')]),
        run([at('ListCaches', 'unauthenticated')], { afterMs: 300, host: 1 }),
      ]),
    ],
    {
      start: 'pending-good',
      hosts: [{ clockErrorMs: -60000 }, { clockErrorMs: 0 }, { clockErrorMs: 0 }],
    },
  ),
  // A refusal, and an edit while Momento is asked.
  schedule(
    SINGLE_LIVE,
    [
      tick([run([at('RefreshApiKey', 'kill-after')], { forced: true })]),
      tick([run([], { person: { act: 'edit', nth: 7 } })]),
      tick([run()]),
    ],
    { ageSeconds: 86400, hosts: hosts(3) },
  ),
  // A refusal, and a secret that cannot be looked at.
  schedule(
    SINGLE_LIVE,
    [
      tick([run([at('RefreshApiKey', 'kill-after')], { forced: true })]),
      tick([run([at('DescribeSecret', 'error', 4, { nth: 2 })])]),
      tick([run()]),
    ],
    { ageSeconds: 86400, hosts: hosts(3) },
  ),
  // A refusal, and a Momento that cannot be asked why.
  schedule(
    SINGLE_LIVE,
    [
      tick([
        run([at('RefreshApiKey', 'unauthenticated', ALWAYS), at('ListCaches', 'error', ALWAYS)]),
      ]),
    ],
    { hosts: hosts(3) },
  ),
  // Edits again and again, of a key that is due.
  schedule(
    SINGLE_LIVE,
    [
      tick([run([], { afterMs: 1000 })], { persons: [{ act: 'edit', afterMs: 0 }] }),
      tick([run([], { afterMs: 1000 })], { persons: [{ act: 'edit', afterMs: 0 }] }),
      tick([run([], { afterMs: 1000 })], { persons: [{ act: 'edit', afterMs: 0 }] }),
      tick([run([], { afterMs: 1000 })], { persons: [{ act: 'edit', afterMs: 0 }] }),
      tick([run([], { afterMs: 1000 })], { persons: [{ act: 'edit', afterMs: 0 }] }),
      tick([run([], { afterMs: 1000 })], { persons: [{ act: 'edit', afterMs: 0 }] }),
      tick([run([], { afterMs: 1000 })], { persons: [{ act: 'edit', afterMs: 0 }] }),
    ],
    { ageSeconds: 3600, hosts: hosts(3), lifeSeconds: 23400, intervalSeconds: 3600 },
  ),
  // An edit while Momento is asked.
  schedule(SINGLE_DIE, [tick([run([], { person: { act: 'edit', nth: 9 } })]), tick([run()])], {
    hosts: hosts(3),
  }),
  // A pair is carried over while another run stages its own.
  schedule(
    SINGLE_LIVE,
    [
      tick(
        [
          run([at('PutSecretValue', 'late-effect', 1, { lateMs: 3000 })], {
            person: { act: 'edit', nth: 0 },
          }),
          run([at('ListCaches', 'kill')], { afterMs: 1200, host: 1, forced: true }),
        ],
        { persons: [{ act: 'import', afterMs: 1000 }] },
      ),
    ],
    { start: 'pending-good', hosts: hosts(3) },
  ),
  // A pair is carried over by a run that dies.
  schedule(
    SINGLE_LIVE,
    [
      tick([
        run([at('UpdateSecretVersionStage', 'kill', 1, { nth: 1 })], {
          person: { act: 'edit', nth: 0 },
        }),
      ]),
    ],
    { start: 'pending-good', hosts: hosts(3) },
  ),
  // The bus is down while a key is renewed.
  schedule(
    SINGLE_LIVE,
    [tick([run([at('PutEvents', 'access-denied', ALWAYS)], { forced: true })])],
    { start: 'pending-on-current' },
  ),
  // The bus is down for days.
  schedule(
    SINGLE_LIVE,
    [
      tick([run([at('PutEvents', 'access-denied', ALWAYS)])]),
      tick([run([at('PutEvents', 'access-denied', ALWAYS)])], { afterSeconds: 1814400 }),
    ],
    { start: 'pending-on-current', hosts: hosts(3) },
  ),
  // The bus is slow when the time is nearly out.
  schedule(
    SINGLE_LIVE,
    [
      tick([
        run([at('UpdateSecretVersionStage', 'error', ALWAYS), at('PutEvents', 'silence', ALWAYS)]),
      ]),
    ],
    { hosts: hosts(3) },
  ),
  // A key ends while its successor is pending.
  schedule(
    SINGLE_LIVE,
    [tick([run([at('UpdateSecretVersionStage', 'access-denied', ALWAYS)])]), tick([run()])],
    { start: 'pending-good', ageSeconds: 2591400, hosts: hosts(3) },
  ),
  // A key ends while its successor waits in memory.
  schedule(
    SINGLE_LIVE,
    [tick([run([at('PutSecretValue', 'access-denied', ALWAYS, { nth: 1 })])]), tick([run()])],
    { ageSeconds: 2591400, hosts: hosts(3) },
  ),
  // A pair waits in memory, and its claim is gone.
  schedule(
    SINGLE_DIE,
    [
      tick([
        run([at('ListSecretVersionIds', 'silence')], {
          host: 1,
          person: { act: 'edit', nth: 2 },
          forced: true,
        }),
        run([at('PutSecretValue', 'access-denied', ALWAYS, { nth: 1 })], {
          afterMs: 1000,
          forced: true,
        }),
      ]),
      tick([run()]),
    ],
    { ageSeconds: 86400, hosts: hosts(3) },
  ),
  // Momento answers within the time, but not within that of the call.
  schedule(
    SINGLE_LIVE,
    [
      tick([run([at('RefreshApiKey', 'late-answer', 1, { lateMs: 12000 })])]),
      tick([run()], { recycled: [0] }),
    ],
    { hosts: hosts(3) },
  ),
  // No time left again and again.
  schedule(SINGLE_LIVE, [
    tick([run([at('ListSecretVersionIds', 'silence', 4), at('PutSecretValue', 'silence', 3)])]),
    tick([run()], { recycled: [0] }),
  ]),
  // A life of three intervals.
  schedule(SINGLE_LIVE, [tick([run()]), tick([run()])], {
    ageSeconds: 600,
    hosts: hosts(3),
    lifeSeconds: 10800,
    intervalSeconds: 3600,
  }),
  // Labels that may not be taken off.
  schedule(SINGLE_LIVE, [tick([run([at('UpdateSecretVersionStage', 'access-denied', ALWAYS)])])], {
    start: 'pending-superseded',
    hosts: hosts(3),
  }),
  // An operator asks for a young key.
  schedule(SINGLE_LIVE, [tick([run([], { forced: true })])], {
    ageSeconds: 86400,
    hosts: hosts(3),
  }),
  // An operator asks again right after a refusal.
  schedule(
    SINGLE_LIVE,
    [
      tick([run([at('RefreshApiKey', 'unauthenticated', ALWAYS)])]),
      tick([run([], { forced: true })], { afterSeconds: 100 }),
    ],
    { timeoutSeconds: 300, hosts: hosts(3) },
  ),
  // A late run that would take labels off a newer one.
  schedule(SINGLE_LIVE, [tick([run()])], { start: 'stray-refusal', hosts: hosts(3) }),
  // Two operators.
  schedule(
    SINGLE_LIVE,
    [
      tick([run([at('RefreshApiKey', 'unauthenticated', ALWAYS)])]),
      tick([run([at('RefreshApiKey', 'unauthenticated', ALWAYS)], { forced: true })], {
        afterSeconds: 100,
      }),
      tick([run([], { forced: true })], { afterSeconds: 100 }),
    ],
    { hosts: hosts(3) },
  ),
];
