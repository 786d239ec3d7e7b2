// What a gathering brings, for tests of the decision: a healthy key of 30 days, a day old, unless told otherwise.

import type { ClaimVersion, Gathered, PendingVersion } from '../../../lambda/rotate-key/gather.ts';
import { parseSecretValue, type SecretContent } from '../../../lambda/shared/secret-value.ts';
import { v1Key } from '../momento-key.ts';

export const ARN = 'arn:aws:secretsmanager:eu-west-1:123456789012:secret:Key-AbCdEf';
export const NOW_MS = Date.parse('2026-01-02T00:00:00Z');
export const CREATED_AT_MS = Date.parse('2026-01-01T00:00:00Z');
export const VALID_UNTIL = Date.parse('2026-01-31T00:00:00Z') / 1000;

export const content = (fields: Record<string, unknown> = {}): SecretContent =>
  parseSecretValue(
    JSON.stringify({
      apiKey: v1Key(),
      refreshToken: 'refresh-1',
      validUntil: VALID_UNTIL,
      ...fields,
    }),
  );

export const gathered = (overrides: Partial<Gathered> = {}): Gathered => ({
  secretId: ARN,
  arn: ARN,
  deletedAtMs: undefined,
  current: current(),
  pending: undefined,
  claim: undefined,
  strayMarks: [],
  ...overrides,
});

export const current = (fields: Record<string, unknown> = {}) => ({
  versionId: 'current-version',
  createdAtMs: CREATED_AT_MS,
  isEdited: false,
  content: content(fields),
});

export const pending = (overrides: Partial<PendingVersion> = {}): PendingVersion => ({
  versionId: 'pending-version',
  descends: true,
  descendsFromEdited: false,
  content: content({ refreshToken: 'refresh-2' }),
  empty: false,
  wasPromoted: false,
  refused: undefined,
  ...overrides,
});

/** Its failure was reported. */
export const FAILED: ClaimVersion['marks'] = [
  { label: 'MOMENTO_FAILED', versionId: 'claim-version' },
];

export const claimed = (overrides: Partial<ClaimVersion> = {}): ClaimVersion => ({
  versionId: 'claim-version',
  attempt: 0,
  marks: [],
  claim: { claimant: 'another', runEndsAtMs: NOW_MS + 60_000, lapsesAtMs: NOW_MS + 120_000 },
  ...overrides,
});
