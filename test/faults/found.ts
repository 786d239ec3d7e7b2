// Schedules at which a fault was once found, or at which a mistake in the code would show and hardly anywhere else.

import type { Schedule } from './schedule.ts';

export const FOUND: readonly Schedule[] = [
  // A claim that is late, for a key that was edited meanwhile, beside a newer claim whose run died in the gap.
  {
    terms: { refreshTokens: 'single-use', oldKeys: 'live' },
    start: 'current-only',
    ageSeconds: 86400,
    timeoutSeconds: 60,
    hosts: [{ clockErrorMs: 0 }, { clockErrorMs: 0 }],
    ticks: [
      {
        afterSeconds: 0,
        runs: [
          {
            afterMs: 0,
            host: 0,
            forced: true,
            faults: [{ kind: 'silence', call: 'ListSecretVersionIds', nth: 0 }],
            person: { act: 'edit', nth: 2 },
          },
          {
            afterMs: 1000,
            host: 1,
            forced: true,
            faults: [{ kind: 'kill-after', call: 'RefreshApiKey', nth: 0 }],
          },
        ],
      },
      { afterSeconds: 3600, runs: [{ afterMs: 0, host: 0, faults: [] }] },
    ],
  },
  // The same, where the newer claim is alive, and a third run comes.
  {
    terms: { refreshTokens: 'single-use', oldKeys: 'live' },
    start: 'lapsed-claim',
    ageSeconds: 1814400,
    timeoutSeconds: 60,
    hosts: [{ clockErrorMs: 0 }, { clockErrorMs: 0 }, { clockErrorMs: 0 }],
    ticks: [
      {
        afterSeconds: 0,
        runs: [
          {
            afterMs: 0,
            host: 0,
            faults: [
              { kind: 'silence', call: 'DescribeSecret', nth: 0, times: 2 },
              { kind: 'silence', call: 'ListSecretVersionIds', nth: 0, times: 4 },
              { kind: 'silence', call: 'PutSecretValue', nth: 0, times: 3 },
            ],
            person: { act: 'edit', nth: 8 },
          },
          {
            afterMs: 36000,
            host: 1,
            faults: [{ kind: 'silence', call: 'RefreshApiKey', nth: 0, times: 1000 }],
          },
          { afterMs: 65100, host: 2, forced: true, faults: [] },
        ],
      },
    ],
  },
  // A pair is given up by one run, and promoted by another that dies before it tells.
  {
    terms: { refreshTokens: 'single-use', oldKeys: 'live' },
    start: 'pending-good',
    ageSeconds: 1814400,
    timeoutSeconds: 60,
    hosts: [{ clockErrorMs: 0 }, { clockErrorMs: 0 }],
    ticks: [
      {
        afterSeconds: 0,
        runs: [
          {
            afterMs: 0,
            host: 0,
            faults: [{ kind: 'unauthenticated', call: 'ListCaches', nth: 0 }],
          },
        ],
      },
      {
        afterSeconds: 3600,
        runs: [
          {
            afterMs: 0,
            host: 0,
            faults: [{ kind: 'unauthenticated', call: 'ListCaches', nth: 0 }],
          },
          { afterMs: 30, host: 1, faults: [{ kind: 'kill', call: 'PutEvents', nth: 0 }] },
        ],
      },
    ],
  },
  // A promotion that nobody was told of, and an edit before the next tick.
  {
    terms: { refreshTokens: 'single-use', oldKeys: 'die' },
    start: 'current-only',
    ageSeconds: 1814400,
    timeoutSeconds: 60,
    hosts: [{ clockErrorMs: 0 }, { clockErrorMs: 0 }, { clockErrorMs: 0 }],
    ticks: [
      {
        afterSeconds: 0,
        runs: [{ afterMs: 0, host: 0, faults: [{ kind: 'kill', call: 'PutEvents', nth: 0 }] }],
      },
      {
        afterSeconds: 3600,
        runs: [{ afterMs: 1000, host: 0, faults: [] }],
        persons: [{ act: 'edit', afterMs: 0 }],
      },
    ],
  },
  // The same, edited twice.
  {
    terms: { refreshTokens: 'single-use', oldKeys: 'die' },
    start: 'current-only',
    ageSeconds: 1814400,
    timeoutSeconds: 60,
    hosts: [{ clockErrorMs: 0 }, { clockErrorMs: 0 }, { clockErrorMs: 0 }],
    ticks: [
      {
        afterSeconds: 0,
        runs: [
          {
            afterMs: 0,
            host: 0,
            faults: [
              { kind: 'late-answer', call: 'UpdateSecretVersionStage', nth: 0, lateMs: 9000 },
            ],
            person: { act: 'edit', nth: 10 },
          },
        ],
      },
    ],
  },
  // A pair is given up by one run while another is late with the same.
  {
    terms: { refreshTokens: 'single-use', oldKeys: 'live' },
    start: 'current-only',
    ageSeconds: 86400,
    timeoutSeconds: 60,
    hosts: [{ clockErrorMs: 0 }, { clockErrorMs: 0 }, { clockErrorMs: 0 }],
    ticks: [
      {
        afterSeconds: 0,
        runs: [
          {
            afterMs: 0,
            host: 0,
            faults: [{ kind: 'unauthenticated', call: 'ListCaches', nth: 0 }],
            forced: true,
          },
        ],
      },
      {
        afterSeconds: 3600,
        runs: [
          {
            afterMs: 0,
            host: 0,
            faults: [{ kind: 'unauthenticated', call: 'ListCaches', nth: 0 }],
          },
          {
            afterMs: 30,
            host: 1,
            faults: [{ kind: 'unauthenticated', call: 'ListCaches', nth: 0 }],
          },
        ],
      },
      { afterSeconds: 3600, runs: [{ afterMs: 0, host: 0, faults: [] }] },
    ],
  },
  // A call to Momento that is answered when the run is over, beside one that was refused.
  {
    terms: { refreshTokens: 'single-use', oldKeys: 'live' },
    start: 'current-only',
    ageSeconds: 1814400,
    timeoutSeconds: 300,
    hosts: [{ clockErrorMs: 0 }, { clockErrorMs: 0 }, { clockErrorMs: 0 }],
    ticks: [
      {
        afterSeconds: 0,
        runs: [
          {
            afterMs: 0,
            host: 0,
            faults: [
              { kind: 'late-answer', call: 'RefreshApiKey', nth: 0, times: 1000, lateMs: 45000 },
            ],
          },
          { afterMs: 40000, host: 1, faults: [], forced: true },
        ],
      },
    ],
  },
  // An outage to shortly before the end of a short life.
  {
    terms: { refreshTokens: 'single-use', oldKeys: 'live' },
    start: 'current-only',
    ageSeconds: 4860,
    lifeSeconds: 7200,
    intervalSeconds: 300,
    timeoutSeconds: 60,
    hosts: [{ clockErrorMs: 0 }],
    ticks: [
      {
        afterSeconds: 0,
        runs: [
          {
            afterMs: 0,
            host: 0,
            faults: [{ kind: 'error', call: 'RefreshApiKey', nth: 0, times: 1000 }],
          },
        ],
      },
      {
        afterSeconds: 300,
        runs: [
          {
            afterMs: 0,
            host: 0,
            faults: [{ kind: 'error', call: 'RefreshApiKey', nth: 0, times: 1000 }],
          },
        ],
      },
      {
        afterSeconds: 300,
        runs: [
          {
            afterMs: 0,
            host: 0,
            faults: [{ kind: 'error', call: 'RefreshApiKey', nth: 0, times: 1000 }],
          },
        ],
      },
      {
        afterSeconds: 300,
        runs: [
          {
            afterMs: 0,
            host: 0,
            faults: [{ kind: 'error', call: 'RefreshApiKey', nth: 0, times: 1000 }],
          },
        ],
      },
      {
        afterSeconds: 300,
        runs: [
          {
            afterMs: 0,
            host: 0,
            faults: [{ kind: 'error', call: 'RefreshApiKey', nth: 0, times: 1000 }],
          },
        ],
      },
      {
        afterSeconds: 300,
        runs: [
          {
            afterMs: 0,
            host: 0,
            faults: [{ kind: 'error', call: 'RefreshApiKey', nth: 0, times: 1000 }],
          },
        ],
      },
      { afterSeconds: 300, runs: [{ afterMs: 0, host: 0, faults: [] }] },
      { afterSeconds: 300, runs: [{ afterMs: 0, host: 0, faults: [] }] },
      { afterSeconds: 300, runs: [{ afterMs: 0, host: 0, faults: [] }] },
      { afterSeconds: 300, runs: [{ afterMs: 0, host: 0, faults: [] }] },
    ],
  },
  // Promoted, the answer lost, and the labels cannot be seen.
  {
    terms: { refreshTokens: 'single-use', oldKeys: 'live' },
    start: 'current-only',
    ageSeconds: 1814400,
    timeoutSeconds: 60,
    hosts: [{ clockErrorMs: 0 }, { clockErrorMs: 0 }, { clockErrorMs: 0 }],
    ticks: [
      {
        afterSeconds: 0,
        runs: [
          {
            afterMs: 0,
            host: 0,
            faults: [
              { kind: 'error', call: 'UpdateSecretVersionStage', nth: 0, times: 1000 },
              { kind: 'error', call: 'DescribeSecret', nth: 2, times: 1000 },
            ],
          },
        ],
      },
    ],
  },
  // Promoted, the answer lost, then throttled.
  {
    terms: { refreshTokens: 'single-use', oldKeys: 'live' },
    start: 'pending-good',
    ageSeconds: 1814400,
    timeoutSeconds: 60,
    hosts: [{ clockErrorMs: 0 }, { clockErrorMs: 0 }, { clockErrorMs: 0 }],
    ticks: [
      {
        afterSeconds: 0,
        runs: [
          {
            afterMs: 0,
            host: 0,
            faults: [
              { kind: 'lose-answer', call: 'UpdateSecretVersionStage', nth: 0 },
              { kind: 'throttle', call: 'UpdateSecretVersionStage', nth: 1, times: 1000 },
            ],
          },
        ],
      },
    ],
  },
  // The promotion is denied, and the labels cannot be seen.
  {
    terms: { refreshTokens: 'single-use', oldKeys: 'live' },
    start: 'pending-good',
    ageSeconds: 1814400,
    timeoutSeconds: 60,
    hosts: [{ clockErrorMs: 0 }, { clockErrorMs: 0 }, { clockErrorMs: 0 }],
    ticks: [
      {
        afterSeconds: 0,
        runs: [
          {
            afterMs: 0,
            host: 0,
            faults: [
              { kind: 'access-denied', call: 'UpdateSecretVersionStage', nth: 0, times: 1000 },
              { kind: 'error', call: 'DescribeSecret', nth: 1, times: 1000 },
            ],
          },
        ],
      },
    ],
  },
  // The promotion is throttled, and the labels cannot be seen.
  {
    terms: { refreshTokens: 'single-use', oldKeys: 'live' },
    start: 'pending-good',
    ageSeconds: 1814400,
    timeoutSeconds: 60,
    hosts: [{ clockErrorMs: 0 }, { clockErrorMs: 0 }, { clockErrorMs: 0 }],
    ticks: [
      {
        afterSeconds: 0,
        runs: [
          {
            afterMs: 0,
            host: 0,
            faults: [
              { kind: 'throttle', call: 'UpdateSecretVersionStage', nth: 0, times: 1000 },
              { kind: 'error', call: 'DescribeSecret', nth: 1, times: 1000 },
            ],
          },
        ],
      },
    ],
  },
  // A late run with a question about a pair, when the next one is pending.
  {
    terms: { refreshTokens: 'multi-use', oldKeys: 'die' },
    start: 'pending-dead',
    ageSeconds: 1814400,
    timeoutSeconds: 60,
    hosts: [{ clockErrorMs: 0 }, { clockErrorMs: 0 }, { clockErrorMs: 0 }],
    ticks: [
      { afterSeconds: 0, runs: [{ afterMs: 0, host: 0, faults: [] }] },
      {
        afterSeconds: 3600,
        runs: [
          { afterMs: 0, host: 0, faults: [{ kind: 'kill', call: 'ListCaches', nth: 2 }] },
          {
            afterMs: 0,
            host: 1,
            faults: [{ kind: 'late-effect', call: 'ListCaches', nth: 1, lateMs: 3000 }],
          },
        ],
      },
    ],
  },
  // A late run with a question about a pair that is AWSCURRENT by now.
  {
    terms: { refreshTokens: 'single-use', oldKeys: 'live' },
    start: 'pending-good',
    ageSeconds: 1814400,
    timeoutSeconds: 60,
    hosts: [{ clockErrorMs: 0 }, { clockErrorMs: 0 }, { clockErrorMs: 0 }],
    ticks: [
      {
        afterSeconds: 0,
        runs: [
          { afterMs: 0, host: 0, faults: [] },
          {
            afterMs: 10,
            host: 1,
            faults: [{ kind: 'unauthenticated', call: 'ListCaches', nth: 0 }],
          },
        ],
      },
    ],
  },
  // A pair is refused by two runs at once.
  {
    terms: { refreshTokens: 'single-use', oldKeys: 'live' },
    start: 'pending-good',
    ageSeconds: 1814400,
    timeoutSeconds: 60,
    hosts: [{ clockErrorMs: 0 }, { clockErrorMs: 0 }, { clockErrorMs: 0 }],
    ticks: [
      {
        afterSeconds: 0,
        runs: [
          {
            afterMs: 0,
            host: 0,
            faults: [{ kind: 'unauthenticated', call: 'ListCaches', nth: 0 }],
          },
          {
            afterMs: 300,
            host: 1,
            faults: [{ kind: 'unauthenticated', call: 'ListCaches', nth: 0 }],
          },
        ],
      },
    ],
  },
  // The same on a host whose clock is wrong.
  {
    terms: { refreshTokens: 'single-use', oldKeys: 'live' },
    start: 'pending-good',
    ageSeconds: 1814400,
    timeoutSeconds: 60,
    hosts: [{ clockErrorMs: -60000 }, { clockErrorMs: 0 }, { clockErrorMs: 0 }],
    ticks: [
      {
        afterSeconds: 0,
        runs: [
          {
            afterMs: 0,
            host: 0,
            faults: [{ kind: 'unauthenticated', call: 'ListCaches', nth: 0 }],
          },
          {
            afterMs: 300,
            host: 1,
            faults: [{ kind: 'unauthenticated', call: 'ListCaches', nth: 0 }],
          },
        ],
      },
    ],
  },
  // A refusal, and an edit while Momento is asked.
  {
    terms: { refreshTokens: 'single-use', oldKeys: 'live' },
    start: 'current-only',
    ageSeconds: 86400,
    timeoutSeconds: 60,
    hosts: [{ clockErrorMs: 0 }, { clockErrorMs: 0 }, { clockErrorMs: 0 }],
    ticks: [
      {
        afterSeconds: 0,
        runs: [
          {
            afterMs: 0,
            host: 0,
            faults: [{ kind: 'kill-after', call: 'RefreshApiKey', nth: 0 }],
            forced: true,
          },
        ],
      },
      {
        afterSeconds: 3600,
        runs: [{ afterMs: 0, host: 0, faults: [], person: { act: 'edit', nth: 7 } }],
      },
      { afterSeconds: 3600, runs: [{ afterMs: 0, host: 0, faults: [] }] },
    ],
  },
  // A refusal, and a secret that cannot be looked at.
  {
    terms: { refreshTokens: 'single-use', oldKeys: 'live' },
    start: 'current-only',
    ageSeconds: 86400,
    timeoutSeconds: 60,
    hosts: [{ clockErrorMs: 0 }, { clockErrorMs: 0 }, { clockErrorMs: 0 }],
    ticks: [
      {
        afterSeconds: 0,
        runs: [
          {
            afterMs: 0,
            host: 0,
            faults: [{ kind: 'kill-after', call: 'RefreshApiKey', nth: 0 }],
            forced: true,
          },
        ],
      },
      {
        afterSeconds: 3600,
        runs: [
          {
            afterMs: 0,
            host: 0,
            faults: [{ kind: 'error', call: 'DescribeSecret', nth: 2, times: 4 }],
          },
        ],
      },
      { afterSeconds: 3600, runs: [{ afterMs: 0, host: 0, faults: [] }] },
    ],
  },
  // A refusal, and a Momento that cannot be asked why.
  {
    terms: { refreshTokens: 'single-use', oldKeys: 'live' },
    start: 'current-only',
    ageSeconds: 1814400,
    timeoutSeconds: 60,
    hosts: [{ clockErrorMs: 0 }, { clockErrorMs: 0 }, { clockErrorMs: 0 }],
    ticks: [
      {
        afterSeconds: 0,
        runs: [
          {
            afterMs: 0,
            host: 0,
            faults: [
              { kind: 'unauthenticated', call: 'RefreshApiKey', nth: 0, times: 1000 },
              { kind: 'error', call: 'ListCaches', nth: 0, times: 1000 },
            ],
          },
        ],
      },
    ],
  },
  // Edits again and again, of a key that is due.
  {
    terms: { refreshTokens: 'single-use', oldKeys: 'live' },
    start: 'current-only',
    ageSeconds: 3600,
    timeoutSeconds: 60,
    hosts: [{ clockErrorMs: 0 }, { clockErrorMs: 0 }, { clockErrorMs: 0 }],
    ticks: [
      {
        afterSeconds: 0,
        runs: [{ afterMs: 1000, host: 0, faults: [] }],
        persons: [{ act: 'edit', afterMs: 0 }],
      },
      {
        afterSeconds: 3600,
        runs: [{ afterMs: 1000, host: 0, faults: [] }],
        persons: [{ act: 'edit', afterMs: 0 }],
      },
      {
        afterSeconds: 3600,
        runs: [{ afterMs: 1000, host: 0, faults: [] }],
        persons: [{ act: 'edit', afterMs: 0 }],
      },
      {
        afterSeconds: 3600,
        runs: [{ afterMs: 1000, host: 0, faults: [] }],
        persons: [{ act: 'edit', afterMs: 0 }],
      },
      {
        afterSeconds: 3600,
        runs: [{ afterMs: 1000, host: 0, faults: [] }],
        persons: [{ act: 'edit', afterMs: 0 }],
      },
      {
        afterSeconds: 3600,
        runs: [{ afterMs: 1000, host: 0, faults: [] }],
        persons: [{ act: 'edit', afterMs: 0 }],
      },
      {
        afterSeconds: 3600,
        runs: [{ afterMs: 1000, host: 0, faults: [] }],
        persons: [{ act: 'edit', afterMs: 0 }],
      },
    ],
    lifeSeconds: 23400,
    intervalSeconds: 3600,
  },
  // An edit while Momento is asked.
  {
    terms: { refreshTokens: 'single-use', oldKeys: 'die' },
    start: 'current-only',
    ageSeconds: 1814400,
    timeoutSeconds: 60,
    hosts: [{ clockErrorMs: 0 }, { clockErrorMs: 0 }, { clockErrorMs: 0 }],
    ticks: [
      {
        afterSeconds: 0,
        runs: [{ afterMs: 0, host: 0, faults: [], person: { act: 'edit', nth: 9 } }],
      },
      { afterSeconds: 3600, runs: [{ afterMs: 0, host: 0, faults: [] }] },
    ],
  },
  // A pair is carried over while another run stages its own.
  {
    terms: { refreshTokens: 'single-use', oldKeys: 'live' },
    start: 'pending-good',
    ageSeconds: 1814400,
    timeoutSeconds: 60,
    hosts: [{ clockErrorMs: 0 }, { clockErrorMs: 0 }, { clockErrorMs: 0 }],
    ticks: [
      {
        afterSeconds: 0,
        runs: [
          {
            afterMs: 0,
            host: 0,
            faults: [{ kind: 'late-effect', call: 'PutSecretValue', nth: 0, lateMs: 3000 }],
            person: { act: 'edit', nth: 0 },
          },
          {
            afterMs: 1200,
            host: 1,
            faults: [{ kind: 'kill', call: 'ListCaches', nth: 0 }],
            forced: true,
          },
        ],
        persons: [{ act: 'import', afterMs: 1000 }],
      },
    ],
  },
  // A pair is carried over by a run that dies.
  {
    terms: { refreshTokens: 'single-use', oldKeys: 'live' },
    start: 'pending-good',
    ageSeconds: 1814400,
    timeoutSeconds: 60,
    hosts: [{ clockErrorMs: 0 }, { clockErrorMs: 0 }, { clockErrorMs: 0 }],
    ticks: [
      {
        afterSeconds: 0,
        runs: [
          {
            afterMs: 0,
            host: 0,
            faults: [{ kind: 'kill', call: 'UpdateSecretVersionStage', nth: 1 }],
            person: { act: 'edit', nth: 0 },
          },
        ],
      },
    ],
  },
  // The bus is down while a key is renewed.
  {
    terms: { refreshTokens: 'single-use', oldKeys: 'live' },
    start: 'pending-on-current',
    ageSeconds: 1814400,
    timeoutSeconds: 60,
    hosts: [{ clockErrorMs: 0 }],
    ticks: [
      {
        afterSeconds: 0,
        runs: [
          {
            afterMs: 0,
            host: 0,
            forced: true,
            faults: [{ kind: 'access-denied', call: 'PutEvents', nth: 0, times: 1000 }],
          },
        ],
      },
    ],
  },
  // The bus is down for days.
  {
    terms: { refreshTokens: 'single-use', oldKeys: 'live' },
    start: 'pending-on-current',
    ageSeconds: 1814400,
    timeoutSeconds: 60,
    hosts: [{ clockErrorMs: 0 }, { clockErrorMs: 0 }, { clockErrorMs: 0 }],
    ticks: [
      {
        afterSeconds: 0,
        runs: [
          {
            afterMs: 0,
            host: 0,
            faults: [{ kind: 'access-denied', call: 'PutEvents', nth: 0, times: 1000 }],
          },
        ],
      },
      {
        afterSeconds: 1814400,
        runs: [
          {
            afterMs: 0,
            host: 0,
            faults: [{ kind: 'access-denied', call: 'PutEvents', nth: 0, times: 1000 }],
          },
        ],
      },
    ],
  },
  // The bus is slow when the time is nearly out.
  {
    terms: { refreshTokens: 'single-use', oldKeys: 'live' },
    start: 'current-only',
    ageSeconds: 1814400,
    timeoutSeconds: 60,
    hosts: [{ clockErrorMs: 0 }, { clockErrorMs: 0 }, { clockErrorMs: 0 }],
    ticks: [
      {
        afterSeconds: 0,
        runs: [
          {
            afterMs: 0,
            host: 0,
            faults: [
              { kind: 'error', call: 'UpdateSecretVersionStage', nth: 0, times: 1000 },
              { kind: 'silence', call: 'PutEvents', nth: 0, times: 1000 },
            ],
          },
        ],
      },
    ],
  },
  // A key ends while its successor is pending.
  {
    terms: { refreshTokens: 'single-use', oldKeys: 'live' },
    start: 'pending-good',
    ageSeconds: 2591400,
    timeoutSeconds: 60,
    hosts: [{ clockErrorMs: 0 }, { clockErrorMs: 0 }, { clockErrorMs: 0 }],
    ticks: [
      {
        afterSeconds: 0,
        runs: [
          {
            afterMs: 0,
            host: 0,
            faults: [
              { kind: 'access-denied', call: 'UpdateSecretVersionStage', nth: 0, times: 1000 },
            ],
          },
        ],
      },
      { afterSeconds: 3600, runs: [{ afterMs: 0, host: 0, faults: [] }] },
    ],
  },
  // A key ends while its successor waits in memory.
  {
    terms: { refreshTokens: 'single-use', oldKeys: 'live' },
    start: 'current-only',
    ageSeconds: 2591400,
    timeoutSeconds: 60,
    hosts: [{ clockErrorMs: 0 }, { clockErrorMs: 0 }, { clockErrorMs: 0 }],
    ticks: [
      {
        afterSeconds: 0,
        runs: [
          {
            afterMs: 0,
            host: 0,
            faults: [{ kind: 'access-denied', call: 'PutSecretValue', nth: 1, times: 1000 }],
          },
        ],
      },
      { afterSeconds: 3600, runs: [{ afterMs: 0, host: 0, faults: [] }] },
    ],
  },
  // A pair waits in memory, and its claim is gone.
  {
    terms: { refreshTokens: 'single-use', oldKeys: 'die' },
    start: 'current-only',
    ageSeconds: 86400,
    timeoutSeconds: 60,
    hosts: [{ clockErrorMs: 0 }, { clockErrorMs: 0 }, { clockErrorMs: 0 }],
    ticks: [
      {
        afterSeconds: 0,
        runs: [
          {
            afterMs: 0,
            host: 1,
            faults: [{ kind: 'silence', call: 'ListSecretVersionIds', nth: 0 }],
            person: { act: 'edit', nth: 2 },
            forced: true,
          },
          {
            afterMs: 1000,
            host: 0,
            faults: [{ kind: 'access-denied', call: 'PutSecretValue', nth: 1, times: 1000 }],
            forced: true,
          },
        ],
      },
      { afterSeconds: 3600, runs: [{ afterMs: 0, host: 0, faults: [] }] },
    ],
  },
  // Momento answers within the time, but not within that of the call.
  {
    terms: { refreshTokens: 'single-use', oldKeys: 'live' },
    start: 'current-only',
    ageSeconds: 1814400,
    timeoutSeconds: 60,
    hosts: [{ clockErrorMs: 0 }, { clockErrorMs: 0 }, { clockErrorMs: 0 }],
    ticks: [
      {
        afterSeconds: 0,
        runs: [
          {
            afterMs: 0,
            host: 0,
            faults: [{ kind: 'late-answer', call: 'RefreshApiKey', nth: 0, lateMs: 12000 }],
          },
        ],
      },
      { afterSeconds: 3600, runs: [{ afterMs: 0, host: 0, faults: [] }], recycled: [0] },
    ],
  },
  // No time left again and again.
  {
    terms: { refreshTokens: 'single-use', oldKeys: 'live' },
    start: 'current-only',
    ageSeconds: 1814400,
    timeoutSeconds: 60,
    hosts: [{ clockErrorMs: 0 }],
    ticks: [
      {
        afterSeconds: 0,
        runs: [
          {
            afterMs: 0,
            host: 0,
            faults: [
              { kind: 'silence', call: 'ListSecretVersionIds', nth: 0, times: 4 },
              { kind: 'silence', call: 'PutSecretValue', nth: 0, times: 3 },
            ],
          },
        ],
      },
      { afterSeconds: 3600, runs: [{ afterMs: 0, host: 0, faults: [] }], recycled: [0] },
    ],
  },
  // A life of three intervals.
  {
    terms: { refreshTokens: 'single-use', oldKeys: 'live' },
    start: 'current-only',
    ageSeconds: 600,
    timeoutSeconds: 60,
    hosts: [{ clockErrorMs: 0 }, { clockErrorMs: 0 }, { clockErrorMs: 0 }],
    ticks: [
      { afterSeconds: 0, runs: [{ afterMs: 0, host: 0, faults: [] }] },
      { afterSeconds: 3600, runs: [{ afterMs: 0, host: 0, faults: [] }] },
    ],
    lifeSeconds: 10800,
    intervalSeconds: 3600,
  },
  // Labels that may not be taken off.
  {
    terms: { refreshTokens: 'single-use', oldKeys: 'live' },
    start: 'pending-superseded',
    ageSeconds: 1814400,
    timeoutSeconds: 60,
    hosts: [{ clockErrorMs: 0 }, { clockErrorMs: 0 }, { clockErrorMs: 0 }],
    ticks: [
      {
        afterSeconds: 0,
        runs: [
          {
            afterMs: 0,
            host: 0,
            faults: [
              { kind: 'access-denied', call: 'UpdateSecretVersionStage', nth: 0, times: 1000 },
            ],
          },
        ],
      },
    ],
  },
  // An operator asks for a young key.
  {
    terms: { refreshTokens: 'single-use', oldKeys: 'live' },
    start: 'current-only',
    ageSeconds: 86400,
    timeoutSeconds: 60,
    hosts: [{ clockErrorMs: 0 }, { clockErrorMs: 0 }, { clockErrorMs: 0 }],
    ticks: [{ afterSeconds: 0, runs: [{ afterMs: 0, host: 0, faults: [], forced: true }] }],
  },
  // An operator asks again right after a refusal.
  {
    terms: { refreshTokens: 'single-use', oldKeys: 'live' },
    start: 'current-only',
    ageSeconds: 1814400,
    timeoutSeconds: 300,
    hosts: [{ clockErrorMs: 0 }, { clockErrorMs: 0 }, { clockErrorMs: 0 }],
    ticks: [
      {
        afterSeconds: 0,
        runs: [
          {
            afterMs: 0,
            host: 0,
            faults: [{ kind: 'unauthenticated', call: 'RefreshApiKey', nth: 0, times: 1000 }],
          },
        ],
      },
      { afterSeconds: 100, runs: [{ afterMs: 0, host: 0, faults: [], forced: true }] },
    ],
  },
  // A late run that would take labels off a newer one.
  {
    terms: { refreshTokens: 'single-use', oldKeys: 'live' },
    start: 'stray-refusal',
    ageSeconds: 1814400,
    timeoutSeconds: 60,
    hosts: [{ clockErrorMs: 0 }, { clockErrorMs: 0 }, { clockErrorMs: 0 }],
    ticks: [{ afterSeconds: 0, runs: [{ afterMs: 0, host: 0, faults: [] }] }],
  },
  // Two operators.
  {
    terms: { refreshTokens: 'single-use', oldKeys: 'live' },
    start: 'current-only',
    ageSeconds: 1814400,
    timeoutSeconds: 60,
    hosts: [{ clockErrorMs: 0 }, { clockErrorMs: 0 }, { clockErrorMs: 0 }],
    ticks: [
      {
        afterSeconds: 0,
        runs: [
          {
            afterMs: 0,
            host: 0,
            faults: [{ kind: 'unauthenticated', call: 'RefreshApiKey', nth: 0, times: 1000 }],
          },
        ],
      },
      {
        afterSeconds: 100,
        runs: [
          {
            afterMs: 0,
            host: 0,
            faults: [{ kind: 'unauthenticated', call: 'RefreshApiKey', nth: 0, times: 1000 }],
            forced: true,
          },
        ],
      },
      { afterSeconds: 100, runs: [{ afterMs: 0, host: 0, faults: [], forced: true }] },
    ],
  },
];
