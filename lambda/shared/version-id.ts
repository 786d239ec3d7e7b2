// Version ids that tell their own descent: from the secret, the AWSCURRENT that they were made from, and the
// attempt. Whoever computes the same id cannot create the version twice, and whoever sees a pending version
// can tell whether it continues what applications read now.

import { hash } from 'node:crypto';

export const AWSCURRENT = 'AWSCURRENT';
export const AWSPREVIOUS = 'AWSPREVIOUS';
export const AWSPENDING = 'AWSPENDING';
/** Sits on the version by which one run keeps all others from refreshing. */
export const MOMENTO_CLAIM = 'MOMENTO_CLAIM';
/**
 * Under this label a claim is created; then MOMENTO_CLAIM is moved to it by compare-and-swap. Creating it under
 * MOMENTO_CLAIM would take that label from whatever claim came meanwhile, unseen.
 */
export const MOMENTO_CLAIMING = 'MOMENTO_CLAIMING';
/** Sits on a claim whose refusal by Momento was reported: nothing of it is under way any more. */
export const MOMENTO_ENDED = 'MOMENTO_ENDED';
/**
 * Sits on a claim whose failure was reported: the next attempt may wait for its back-off. A claim with neither mark is
 * of a run that was killed, and nobody knows what it has spent.
 */
export const MOMENTO_FAILED = 'MOMENTO_FAILED';
/** Sits for a moment on the version that a pending pair is carried over to. */
export const MOMENTO_CARRIED = 'MOMENTO_CARRIED';
/** Sits for a moment on the version that the operator's command is about to put in the place of AWSCURRENT. */
export const MOMENTO_IMPORT = 'MOMENTO_IMPORT';
/** MOMENTO_REFUSED_<epoch seconds>: since when Momento refuses the pending pair that it sits on. */
export const MOMENTO_REFUSED = 'MOMENTO_REFUSED_';

// With the longest back-off between attempts this is reached after eleven weeks. The claim is then taken for a
// stray one, and the count begins anew: by then Secrets Manager has dropped the first versions.
const MAX_ATTEMPTS = 1_024;

export interface Descent {
  readonly arn: string;
  readonly currentVersionId: string;
}

/** The version that an attempt claims AWSCURRENT's renewal with. */
export const claimVersionId = ({ arn, currentVersionId }: Descent, attempt: number): string =>
  sha256([arn, currentVersionId, attempt]);

/** The version that an attempt stages its new pair under. */
export const pairVersionId = ({ arn, currentVersionId }: Descent, attempt: number): string =>
  sha256([arn, currentVersionId, attempt, 'pair']);

/** The version that a pending pair is put under when it outlives an edit of AWSCURRENT. No attempt is that late. */
export const carriedOverVersionId = (descent: Descent): string =>
  pairVersionId(descent, MAX_ATTEMPTS - 1);

/** Written by a rotation: a person's versions have a UUID or a token of the SDK's for their id. */
export const isOurs = (versionId: string): boolean => /^[0-9a-f]{64}$/.test(versionId);

/** Which attempt wrote this claim; undefined when it was not made from this AWSCURRENT. */
export const claimAttempt = (descent: Descent, versionId: string): number | undefined =>
  findAttempt(versionId, (attempt) => claimVersionId(descent, attempt));

/** Which attempt staged this pair; undefined when it was not made from this AWSCURRENT. */
export const pairAttempt = (descent: Descent, versionId: string): number | undefined =>
  findAttempt(versionId, (attempt) => pairVersionId(descent, attempt));

function findAttempt(versionId: string, idOf: (attempt: number) => string): number | undefined {
  // A person's version is none of ours, and thousands of hashes need not be made to know it.
  if (!isOurs(versionId)) return undefined;
  for (let attempt = 0; attempt < MAX_ATTEMPTS; attempt += 1) {
    if (idOf(attempt) === versionId) return attempt;
  }
  return undefined;
}

// JSON: no two lists of parts have the same text.
const sha256 = (parts: ReadonlyArray<string | number>): string =>
  hash('sha256', JSON.stringify(parts));
