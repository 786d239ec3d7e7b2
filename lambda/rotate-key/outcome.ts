// What a run can say of a key. The codes are published (docs/reasons.md): never rename one.

export type Outcome =
  | 'rotated'
  | 'resumed'
  | 'healed'
  | 'not-due'
  | 'lost-race'
  | 'deferred'
  | 'no-key'
  | 'never-expires'
  | 'not-rotatable'
  | 'failed';

/** Every reason with the outcome that it belongs to. */
export const OUTCOME_OF = {
  due: 'rotated',
  forced: 'rotated',
  interrupted: 'rotated',
  'pending-resumed': 'resumed',
  'pending-carried-over': 'healed',
  superseded: 'healed',
  'pending-empty': 'healed',
  'pending-on-current': 'healed',
  'pending-discarded': 'healed',
  'stray-label': 'healed',
  'not-due': 'not-due',
  'claimed-by-another-run': 'lost-race',
  'current-moved': 'lost-race',
  'backing-off': 'deferred',
  'out-of-time': 'deferred',
  'version-budget-spent': 'deferred',
  'promotion-unconfirmed': 'deferred',
  'dry-run': 'deferred',
  'no-value': 'no-key',
  'never-expires': 'never-expires',
  'no-refresh-token': 'not-rotatable',
  'v2-key': 'not-rotatable',
  'unparsable-value': 'failed',
  'value-too-large': 'failed',
  'version-limit-reached': 'failed',
  'expiry-unknown': 'failed',
  'key-expired': 'failed',
  'key-refused': 'failed',
  'refresh-token-spent': 'failed',
  'pending-refused': 'failed',
  'stage-failed': 'failed',
  'momento-unreachable': 'failed',
  'momento-rate-limited': 'failed',
  'momento-refused': 'failed',
  'momento-bad-answer': 'failed',
  'secret-scheduled-for-deletion': 'failed',
  'secret-not-found': 'failed',
  'access-denied': 'failed',
  'kms-unusable': 'failed',
  'secrets-manager-unavailable': 'failed',
  'secrets-manager-refused': 'failed',
  'internal-error': 'failed',
} as const satisfies Record<string, Outcome>;

export type Reason = keyof typeof OUTCOME_OF;

/** One key's part of the result of a run. Times in epoch seconds. */
export interface KeyResult {
  readonly secretId: string;
  readonly outcome: Outcome;
  readonly reason: Reason;
  /** A sentence for people; where a person is needed it names the next step. */
  readonly message: string;
  /** When the key that applications read now ends; 0 never; null unknown. */
  readonly validUntil: number | null;
  /** When the key is looked at again with effect; null when that is not known. */
  readonly nextAttemptAt: number | null;
}
