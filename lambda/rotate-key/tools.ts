// What a run works with, passed in from the handler: nothing below reaches for a client or a clock by itself.

import type { Clock } from '../shared/clock.ts';
import type { Log } from '../shared/logging.ts';
import type { MomentoAuth } from '../shared/momento-auth.ts';
import type { Redactor } from '../shared/redaction.ts';
import type { SecretVersions } from '../shared/secret-versions.ts';
import type { Announcer } from './announce.ts';
import type { Pacer } from './pacer.ts';
import type { Settings } from './settings.ts';

/** What lives as long as the process. */
export interface Tools {
  readonly settings: Settings;
  readonly versions: SecretVersions;
  readonly momento: MomentoAuth;
  readonly announcer: Announcer;
  readonly redactor: Redactor;
  readonly clock: Clock;
  readonly pacer: Pacer;
  readonly log: Log;
  /**
   * New pairs that Secrets Manager did not take before the time was out, by the version id that they
   * replace. The next run in this process stores them instead of asking Momento again.
   */
  readonly unstored: Map<string, string>;
}

/** What belongs to one invocation. */
export interface Run extends Tools {
  /** A random id; the claims that this invocation writes carry it. */
  readonly claimant: string;
  /** Epoch milliseconds: Lambda ends the invocation here. */
  readonly endsAtMs: number;
  /** Epoch milliseconds: up to here it works; what is left is for saying what happened. */
  readonly workUntilMs: number;
}
