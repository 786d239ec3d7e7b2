// The claim: of several runs that want to renew the same AWSCURRENT, one wins, by a write that succeeds once.
// It also proves that this role can write to this secret, before anything is spent at Momento.

import { retry } from '../shared/retry.ts';
import { isTransient, SecretFailure } from '../shared/secret-versions.ts';
import { claimVersionId, type Descent, MOMENTO_CLAIMING } from '../shared/version-id.ts';
import { type Claim, claimBackOffMs, parseClaim, renderClaim } from './claim-value.ts';
import type { Run } from './tools.ts';

export type ClaimResult =
  | {
      readonly won: true;
      readonly attempt: number;
      readonly versionId: string;
      /** Epoch milliseconds: when the next attempt may begin, should this one fail. */
      readonly lapsesAtMs: number;
    }
  | { readonly won: false; readonly holder: Claim };

// Both hosts reckon with AWS's time, which each knows to within about a second.
const CLOCK_SLACK_MS = 5_000;

/** Lapsed claims without a label that are passed over, before something must be wrong. */
const MAX_SKIPPED = 64;

/**
 * Throws `SecretFailure` when the claim could not be written: then nothing has been spent. A claim that is won still
 * needs its label.
 */
export async function claim(
  descent: Descent,
  firstAttempt: number,
  run: Run,
): Promise<ClaimResult> {
  for (let attempt = firstAttempt; attempt < firstAttempt + MAX_SKIPPED; attempt += 1) {
    const versionId = claimVersionId(descent, attempt);
    await createOnce(descent.arn, versionId, attempt, run);
    const holder = await readBack(descent.arn, versionId, run);
    if (holder?.claimant === run.claimant) {
      return { won: true, attempt, versionId, lapsesAtMs: holder.lapsesAtMs };
    }
    if (holder !== undefined && run.awsTime.now() < holder.runEndsAtMs)
      return { won: false, holder };
    // Written by a run that is over, and its label is gone: the next number is free, or taken likewise.
  }
  throw new SecretFailure(
    'secrets-manager-refused',
    `${MAX_SKIPPED} claims on this key have lapsed one after another. Look at the failures of rotate-key, then import a new key.`,
  );
}

async function createOnce(
  arn: string,
  versionId: string,
  attempt: number,
  run: Run,
): Promise<void> {
  const { clock, awsTime, versions } = run;
  // One text for all tries: a repeated write with another text would be refused as somebody else's.
  const nowMs = awsTime.now();
  const runEndsAtMs = nowMs + (run.endsAtMs - clock.now()) + CLOCK_SLACK_MS;
  const text = renderClaim({
    claimant: run.claimant,
    runEndsAtMs,
    lapsesAtMs: Math.max(runEndsAtMs, nowMs + claimBackOffMs(attempt)),
  });
  try {
    await retry(() => versions.create(arn, versionId, text, MOMENTO_CLAIMING), {
      clock,
      deadlineAtMs: run.workUntilMs,
      maxTries: 4,
      isRetryable: isTransient,
    });
  } catch (error) {
    if (!(error instanceof SecretFailure && error.code === 'version-exists')) throw error;
  }
}

async function readBack(arn: string, versionId: string, run: Run): Promise<Claim | undefined> {
  const version = await retry(() => run.versions.read(arn, versionId), {
    clock: run.clock,
    deadlineAtMs: run.workUntilMs,
    maxTries: 6,
    isRetryable: (error) =>
      isTransient(error) || (error instanceof SecretFailure && error.code === 'version-not-found'),
  });
  return parseClaim(version.text);
}
