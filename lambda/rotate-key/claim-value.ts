// The value of a claim: who holds it and how long. It holds no secret.

import * as v from 'valibot';

const Claim = v.object({
  /** A random id of the invocation that wrote it. */
  claimant: v.pipe(v.string(), v.nonEmpty()),
  /** Epoch milliseconds: by now the invocation is over, whatever became of it. */
  runEndsAtMs: v.number(),
  /** Epoch milliseconds: from now on the next attempt may begin (the end of the run, or of the back-off). */
  lapsesAtMs: v.number(),
});

export type Claim = v.InferOutput<typeof Claim>;

export const renderClaim = (claim: Claim): string => JSON.stringify(claim);

/** Undefined for anything that is not a claim. */
export function parseClaim(text: string): Claim | undefined {
  try {
    const parsed = v.safeParse(Claim, JSON.parse(text));
    return parsed.success ? parsed.output : undefined;
  } catch {
    return undefined;
  }
}

/**
 * The wait between claim number `attempt` (from 0) and the next: 1, 2, 4 … 64 minutes, then 110. A whole
 * day of failures makes 20 attempts; with a claim and a pair each, that is the 40 versions that a secret
 * may get in 24 hours.
 */
export const claimBackOffMs = (attempt: number): number =>
  attempt <= 6 ? 2 ** attempt * 60_000 : 110 * 60_000;
