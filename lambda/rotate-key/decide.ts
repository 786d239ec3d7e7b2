// The decision: what to do about one key, from what was gathered. Pure; the clock is passed in.
// The rules are tried in order and the first that speaks decides. In one picture (docs/architecture.md):
//
//  pending pair that continues AWSCURRENT ─► resume          (healing comes before due)
//  … that continues it but for an edit    ─► carry it over, look again
//  any other label that should not be     ─► unlabel, look again
//  a value that cannot be renewed         ─► say so, touch nothing
//  a claim: live ─► leave it alone;  failed ─► wait for its back-off;  else ─► finish what its run began
//  due, or forced                         ─► rotate;  else not-due

import { type KeyPair, renderSecretValue } from '../shared/secret-value.ts';
import { AWSPENDING, MOMENTO_CLAIM } from '../shared/version-id.ts';
import { dueAtMs, isNearEnd, remainingSeconds } from './due.ts';
import {
  type ClaimVersion,
  type CurrentVersion,
  type Gathered,
  hasEnded,
  hasFailed,
  type LabelOn,
  type PendingVersion,
} from './gather.ts';
import type { Reason } from './outcome.ts';
import { duration, instant } from './wording.ts';

export type Decision =
  | {
      readonly action: 'none';
      readonly reason: Reason;
      readonly message: string;
      /** Epoch milliseconds. @default the next tick, for a failure; otherwise unknown */
      readonly nextAttemptAtMs?: number;
    }
  | {
      readonly action: 'unlabel';
      readonly reason: Reason;
      readonly message: string;
      readonly labels: readonly LabelOn[];
    }
  | {
      readonly action: 'resume';
      readonly reason: 'pending-resumed';
      readonly message: string;
      readonly current: CurrentVersion;
      readonly pending: PendingVersion;
      readonly pair: KeyPair;
    }
  | {
      readonly action: 'carry-over';
      readonly reason: 'pending-carried-over';
      readonly message: string;
      /** The new pair among the fields as the person left them. */
      readonly text: string;
    }
  | {
      readonly action: 'rotate';
      readonly reason: 'due' | 'forced' | 'interrupted';
      readonly message: string;
      readonly current: CurrentVersion;
      readonly content: RotatableContent;
      readonly attempt: number;
      /** The schedule's own attempt on a key so near to its end that nothing may hold it back. */
      readonly isPressing: boolean;
    };

export interface Circumstances {
  /** Epoch milliseconds. */
  readonly nowMs: number;
  readonly scheduleIntervalSeconds: number;
  readonly refreshAtFraction: number;
  /** An operator wants this key renewed now, due or not. */
  readonly force: boolean;
  /** This process holds the pair that AWSCURRENT was renewed to: Secrets Manager would not take it. */
  readonly isUnstored: boolean;
}

type RotatableContent = Extract<CurrentVersion['content'], { kind: 'pair' }>;
type Rule = (gathered: Gathered, circumstances: Circumstances) => Decision | undefined;

export function decide(gathered: Gathered, circumstances: Circumstances): Decision {
  for (const rule of RULES) {
    const decision = rule(gathered, circumstances);
    if (decision !== undefined) return decision;
  }
  throw new Error('No rule decided: the last one must always speak.');
}

const scheduledForDeletion: Rule = ({ deletedAtMs, arn }) =>
  deletedAtMs === undefined
    ? undefined
    : none(
        'secret-scheduled-for-deletion',
        `The secret waits for its deletion, so its key cannot be read and will not be renewed. Keep it: aws secretsmanager restore-secret --secret-id ${arn}. Or take it out of the configuration.`,
      );

const noValue: Rule = ({ current, arn }) =>
  current === undefined
    ? none(
        'no-value',
        `No key has been imported yet. Put the console's download in: aws secretsmanager put-secret-value --secret-id ${arn} --secret-string file://momento_key.json`,
      )
    : undefined;

// Secrets Manager leaves AWSPENDING on a version that it promotes: the run that promoted it did not get to
// taking it off.
const pendingOnCurrent: Rule = ({ pending }) =>
  pending?.wasPromoted
    ? unlabelPending(
        pending,
        'pending-on-current',
        'A run ended after it promoted the new pair: its label was taken off.',
      )
    : undefined;

const pendingEmpty: Rule = ({ pending }) =>
  pending?.empty
    ? unlabelPending(
        pending,
        'pending-empty',
        'AWSPENDING sat on a version without a value: the label was taken off.',
      )
    : undefined;

// The refresh token of AWSCURRENT may be spent by now: without this the only pair that works would be dropped.
const carryOverPending: Rule = ({ current, pending }) =>
  pending?.descendsFromEdited &&
  pending.content?.kind === 'pair' &&
  current?.content.kind === 'pair'
    ? {
        action: 'carry-over',
        reason: 'pending-carried-over',
        message:
          'The secret was edited while its key was being renewed: the new pair was put among the edited fields.',
        text: withPairOf(pending.content, current.content),
      }
    : undefined;

// Never promote such a pair: it would undo what a person has imported meanwhile.
const pendingSuperseded: Rule = ({ pending }) =>
  pending !== undefined && (!pending.descends || pending.content?.kind !== 'pair')
    ? unlabelPending(
        pending,
        'superseded',
        'The pending pair was not made from the present key (a newer one was imported meanwhile): its label was taken off.',
      )
    : undefined;

const resumePending: Rule = ({ current, pending }) =>
  current !== undefined && pending?.content?.kind === 'pair'
    ? {
        action: 'resume',
        reason: 'pending-resumed',
        message: 'An earlier run staged a new pair; this one tested and promoted it.',
        current,
        pending,
        pair: pending.content.pair,
      }
    : undefined;

const strayMarks: Rule = ({ strayMarks }) =>
  strayMarks.length > 0
    ? unlabel('stray-label', 'A label of an earlier run was taken off.', strayMarks)
    : undefined;

// A live claim that is not of this AWSCURRENT belongs to a run that is just finishing: leave it alone.
const strayClaim: Rule = ({ claim }, circumstances) =>
  claim !== undefined &&
  (claim.claim === undefined || claim.attempt === undefined) &&
  !isUnderWay(claim, circumstances)
    ? unlabel('stray-label', "An earlier run's claim was taken off.", [
        { label: MOMENTO_CLAIM, versionId: claim.versionId },
      ])
    : undefined;

const unparsableValue: Rule = ({ current }) =>
  current?.content.kind === 'unparsable'
    ? none(
        'unparsable-value',
        `The secret's value cannot be used: ${current.content.problem}. Import the file that Momento's console downloads: {"apiKey", "refreshToken", "validUntil"}.`,
      )
    : undefined;

// Unless this process holds the pair that it was renewed to: storing that one needs nobody's leave.
const expired: Rule = ({ current }, { nowMs, isUnstored }) => {
  const validUntil = validUntilOf(current);
  return validUntil !== undefined && validUntil !== 0 && validUntil * 1000 <= nowMs && !isUnstored
    ? none(
        'key-expired',
        `The key ended at ${instant(validUntil * 1000)}, and Momento does not renew an expired key. Make a new one in Momento's console and import it.`,
      )
    : undefined;
};

const notRotatable: Rule = ({ current }) => {
  if (current?.content.kind !== 'key-only') return undefined;
  const { why, validUntil } = current.content;
  const ends = validUntil ? `It ends at ${instant(validUntil * 1000)}: import` : 'Import';
  return why === 'v2-key'
    ? none(
        'v2-key',
        `The key is of the v2 kind, which has no refresh token. ${ends} a key with a refresh token to have it renewed.`,
      )
    : none(
        'no-refresh-token',
        `The key has no refresh token, so nothing can renew it. ${ends} one with its refresh token.`,
      );
};

const expiryUnknown: Rule = ({ current }) =>
  validUntilOf(current) === undefined
    ? none(
        'expiry-unknown',
        'Neither the secret nor the key says when the key ends. Add validUntil (epoch seconds; 0 for never) to the secret.',
      )
    : undefined;

const neverExpires: Rule = ({ current }) =>
  validUntilOf(current) === 0
    ? none(
        'never-expires',
        'The key never expires, so there is nothing to renew. A key that expires is safer: make one in the console and import it.',
      )
    : undefined;

// Found before Momento is asked: a pair that Secrets Manager cannot take would be lost.
const valueTooLarge: Rule = ({ current }) =>
  current?.content.kind === 'pair' &&
  Buffer.byteLength(JSON.stringify(current.content.fields)) > MAX_VALUE_BYTES - GROWTH_BYTES
    ? none(
        'value-too-large',
        'The secret is nearly as large as Secrets Manager allows (65,536 bytes), so a new pair might not fit. Take other fields out of it.',
      )
    : undefined;

const MAX_VALUE_BYTES = 65_536;
/** A new key and refresh token may be longer than the old ones. */
const GROWTH_BYTES = 8_192;

// Until its run is over, what a claim's holder did is unknown: never refresh beside it, forced or not. That also
// holds for a claim on another AWSCURRENT: its run may still stage what it got, and would take AWSPENDING along.
const claimedByAnotherRun: Rule = ({ claim }, circumstances) =>
  claim?.claim !== undefined && isUnderWay(claim, circumstances)
    ? none(
        'claimed-by-another-run',
        `Another run holds the claim until ${instant(claim.claim.runEndsAtMs)}.`,
        claim.claim.lapsesAtMs,
      )
    : undefined;

/** Its run may be alive. */
export const isUnderWay = (held: ClaimVersion, { nowMs }: Pick<Circumstances, 'nowMs'>): boolean =>
  held.claim !== undefined && !hasEnded(held) && nowMs < held.claim.runEndsAtMs;

// Only what was reported may wait: a run that was killed may have spent the refresh token, and nobody knows.
// And a key that is about to end has no time to wait, nor has a pair that exists in memory alone.
const backingOff: Rule = ({ claim, current }, circumstances) => {
  const { nowMs, force, isUnstored } = circumstances;
  const validUntil = validUntilOf(current);
  if (force || isUnstored || (validUntil && isNearEnd({ validUntil }, nowMs, circumstances))) {
    return undefined;
  }
  return claim?.claim !== undefined &&
    claim.attempt !== undefined &&
    hasFailed(claim) &&
    nowMs < claim.claim.lapsesAtMs
    ? none(
        'backing-off',
        `Attempt ${(claim.attempt ?? 0) + 1} failed; the next one begins after ${instant(claim.claim.lapsesAtMs)}.`,
        claim.claim.lapsesAtMs,
      )
    : undefined;
};

// Nobody knows how far the run got that wrote the claim, and it may have spent the refresh token: only
// another attempt shows, so it cannot wait until the key is due.
const interrupted: Rule = ({ current, claim }, circumstances) =>
  claim?.attempt === undefined && !circumstances.isUnstored
    ? undefined
    : rotate(
        current,
        circumstances,
        'interrupted',
        'An earlier attempt did not finish; this one renewed the key.',
        (claim?.attempt ?? -1) + 1,
      );

const forced: Rule = ({ current }, circumstances) =>
  circumstances.force
    ? rotate(current, circumstances, 'forced', 'Renewed because an operator asked for it.', 0)
    : undefined;

const due: Rule = ({ current }, circumstances) => {
  const validUntil = validUntilOf(current) ?? 0;
  const dueMs = dueMsOf(current, circumstances);
  const left = duration(remainingSeconds(validUntil, circumstances.nowMs));
  return circumstances.nowMs >= dueMs
    ? rotate(current, circumstances, 'due', `Renewed with ${left} left.`, 0)
    : none('not-due', `Due at ${instant(dueMs)}; the key has ${left} left.`, dueMs);
};

const RULES: readonly Rule[] = [
  scheduledForDeletion,
  noValue,
  pendingOnCurrent,
  pendingEmpty,
  carryOverPending,
  pendingSuperseded,
  resumePending,
  strayMarks,
  strayClaim,
  unparsableValue,
  expired,
  notRotatable,
  expiryUnknown,
  neverExpires,
  valueTooLarge,
  claimedByAnotherRun,
  backingOff,
  interrupted,
  forced,
  due,
];

/** Epoch seconds; 0 never; undefined unknown. */
export function validUntilOf(current: CurrentVersion | undefined): number | undefined {
  switch (current?.content.kind) {
    case 'pair':
      return current.content.pair.validUntil;
    case 'key-only':
      return current.content.validUntil;
    default:
      return undefined;
  }
}

function withPairOf(pending: RotatableContent, current: RotatableContent): string {
  const { apiKey, refreshToken, validUntil = 0 } = pending.pair;
  const endpoint = String(pending.fields.endpoint ?? pending.pair.key.endpoint);
  return renderSecretValue({ apiKey, refreshToken, validUntil, endpoint }, current.fields);
}

function none(reason: Reason, message: string, nextAttemptAtMs?: number): Decision {
  return {
    action: 'none',
    reason,
    message,
    ...(nextAttemptAtMs !== undefined && { nextAttemptAtMs }),
  };
}

const unlabel = (reason: Reason, message: string, labels: readonly LabelOn[]): Decision => ({
  action: 'unlabel',
  reason,
  message,
  labels,
});

const unlabelPending = (pending: PendingVersion, reason: Reason, message: string): Decision =>
  unlabel(reason, message, pendingLabels(pending));

/** AWSPENDING, and the mark that goes with it. */
export const pendingLabels = ({
  versionId,
  refused,
}: Pick<PendingVersion, 'versionId' | 'refused'>): LabelOn[] => [
  { label: AWSPENDING, versionId },
  ...(refused === undefined ? [] : [{ label: refused.label, versionId }]),
];

function rotate(
  current: CurrentVersion | undefined,
  circumstances: Circumstances,
  reason: 'due' | 'forced' | 'interrupted',
  message: string,
  attempt: number,
): Decision | undefined {
  if (current?.content.kind !== 'pair') return undefined;
  const { content } = current;
  const { nowMs, force } = circumstances;
  const validUntil = validUntilOf(current) ?? 0;
  const isPressing =
    !force &&
    nowMs >= dueMsOf(current, circumstances) &&
    isNearEnd({ validUntil }, nowMs, circumstances);
  return { action: 'rotate', reason, message, current, content, attempt, isPressing };
}

/** Epoch milliseconds; the beginning of time for a key whose life is not known. */
function dueMsOf(current: CurrentVersion | undefined, circumstances: Circumstances): number {
  const validUntil = validUntilOf(current);
  if (current === undefined || validUntil === undefined) return 0;
  const { createdAtMs, isEdited } = current;
  return dueAtMs({ createdAtMs, validUntil, isEdited }, circumstances);
}
