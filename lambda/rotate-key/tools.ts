// What a run works with, passed in from the handler: nothing below reaches for a client or a clock by itself.

import type { AwsTime } from '../shared/aws-time.ts';
import type { Clock } from '../shared/clock.ts';
import type { Log } from '../shared/log.ts';
import type { MomentoAuth } from '../shared/momento-auth.ts';
import type { Redactor } from '../shared/redaction.ts';
import type { RefreshedKey } from '../shared/secret-value.ts';
import type { SecretVersions } from '../shared/secret-versions.ts';
import type { Announcer } from './announce.ts';
import type { Measures } from './measures.ts';
import type { Pacer } from './pacer.ts';
import type { Settings } from './settings.ts';

/** What lives as long as the process. */
export interface Tools {
  readonly settings: Settings;
  readonly versions: SecretVersions;
  readonly momento: MomentoAuth;
  readonly announcer: Announcer;
  readonly redactor: Redactor;
  /** The host's own: for waits and deadlines alone. */
  readonly clock: Clock;
  /** For everything that AWS or another run has written down a time of. */
  readonly awsTime: Pick<AwsTime, 'now'>;
  readonly pacer: Pacer;
  readonly log: Log;
  readonly measure: (measures: Measures) => void;
  /**
   * New pairs that Secrets Manager did not take before the time was out, by the ARN of their secret. The next
   * run in this process stores them instead of asking Momento again.
   */
  readonly unstored: Map<string, UnstoredPair>;
}

export interface UnstoredPair {
  /** Of the pair that this one replaces, and of no other. */
  readonly spentRefreshToken: string;
  readonly refreshed: RefreshedKey;
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
