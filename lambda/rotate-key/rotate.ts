// The acts, in the order that keeps the pair safe whatever fails in between:
//
//   claim ─► refresh ─► stage ─► test ─► promote ─► announce ─► unlabel    rotate()
//                                 └────────────────────────────────┘       finish(), also for a pair found
//
// Announced before it is unlabelled: AWSPENDING on AWSCURRENT tells the next run that the announcement may
// be missing, so that no rotation stays unheard of when this run dies in between.
//
// From Momento's commit of `refresh` to Secrets Manager's commit of `stage` the new pair exists in memory
// alone. Nothing that can fail may be put between the two.

import { Failure } from '../shared/failure.ts';
import { describeError } from '../shared/log.ts';
import { retry } from '../shared/retry.ts';
import {
  type KeyPair,
  parseSecretValue,
  type RefreshedKey,
  renderSecretValue,
} from '../shared/secret-value.ts';
import { isTransient, isUnanswered, SecretFailure } from '../shared/secret-versions.ts';
import {
  AWSCURRENT,
  AWSPENDING,
  carriedOverVersionId,
  type Descent,
  MOMENTO_CARRIED,
  MOMENTO_CLAIM,
  MOMENTO_CLAIMING,
  MOMENTO_ENDED,
  MOMENTO_FAILED,
  MOMENTO_REFUSED,
  pairVersionId,
} from '../shared/version-id.ts';
import { type ClaimResult, claim } from './claim.ts';
import { type Decision, pendingLabels } from './decide.ts';
import type { Gathered, LabelOn, PendingVersion } from './gather.ts';
import type { Reason } from './outcome.ts';
import type { Turn } from './pacer.ts';
import { refresh } from './refresh.ts';
import { isReplaced } from './replaced.ts';
import { rotatedEvent, tell } from './tell.ts';
import type { Run } from './tools.ts';
import {
  DAY_SECONDS,
  MOST_VERSIONS_PER_DAY,
  VERSIONS_PER_DAY,
  VERSIONS_PER_RENEWAL,
} from './version-budget.ts';
import { duration, instant } from './wording.ts';

/** What became of the acts. `promoted` is the version that applications read from now on. */
export interface Acted {
  readonly reason: Reason;
  readonly message: string;
  readonly promoted?: { readonly versionId: string; readonly validUntil: number | undefined };
  /** Epoch milliseconds. */
  readonly nextAttemptAtMs?: number;
  /** The secret changed, and should be looked at again in this run. */
  readonly lookAgain?: boolean;
}

type Rotate = Extract<Decision, { action: 'rotate' }>;
type Resume = Extract<Decision, { action: 'resume' }>;
type CarryOver = Extract<Decision, { action: 'carry-over' }>;

/** A rotation is not begun with less time than this: the rest is for storing what Momento hands out. */
const LEAST_TIME_MS = 25_000;
/** Of which this much must be left when Momento is called: a call, and the storing. */
const LEAST_TIME_AT_MOMENTO_MS = 20_000;
/** A refusal counts twice only when this lies between: EventBridge may deliver one tick twice at once. */
const REFUSAL_CONFIRMED_AFTER_MS = 30_000;
const TEST_TIMEOUT_MS = 5_000;
/** Some three seconds: longer than labels are known to be seen late. */
const MOST_LOOKS = 6;

export async function rotate(gathered: Gathered, decision: Rotate, run: Run): Promise<Acted> {
  const { arn } = gathered;
  const { current } = decision;
  const descent: Descent = { arn, currentVersionId: current.versionId };

  if (run.workUntilMs - run.clock.now() < LEAST_TIME_MS) return OUT_OF_TIME;
  // What waits in memory exists nowhere else, and Momento need not be asked for it.
  const isUnstored = unstoredFor(gathered, run) !== undefined;
  const isUrgent = decision.isPressing || isUnstored;
  const versions = await newVersions(arn, isUrgent, run);
  if (!isUrgent && versions.length + VERSIONS_PER_RENEWAL > VERSIONS_PER_DAY) {
    return deferred(
      'version-budget-spent',
      `The secret has had ${versions.length} new versions in 24 hours, and Secrets Manager keeps about 100: this attempt waits.`,
    );
  }
  const hasRoom = versions.length + VERSIONS_PER_RENEWAL <= MOST_VERSIONS_PER_DAY;
  if (!hasRoom && !isUnstored) throw noRoom(versions, run);

  const claimed = await claim(descent, decision.attempt, run);
  if (!claimed.won) {
    return {
      reason: 'claimed-by-another-run',
      message: `Another run holds the claim until ${instant(claimed.holder.runEndsAtMs)}.`,
      nextAttemptAtMs: claimed.holder.lapsesAtMs,
    };
  }
  // Nothing was spent, so there is nothing to finish and no back-off. But where an earlier attempt was interrupted,
  // the claim is all that tells of it.
  const giveBack = (): Promise<void> =>
    unlabel(arn, claimLabelsOf(claimed).slice(decision.reason === 'interrupted' ? 1 : 0), run);
  const isLabelled = await labelClaim(arn, gathered.claim, claimed, run);
  // Between gathering and claiming, a run that found a pending pair may have promoted it, without a claim.
  if (!isLabelled || !(await stillCurrent(descent, run))) {
    await giveBack();
    return LOOK_AGAIN;
  }
  // Under the claim, because it may take long. Momento must never be called without the time to store what it
  // answers.
  const turn = await run.pacer.turn(run.workUntilMs - LEAST_TIME_AT_MOMENTO_MS);
  if (turn === undefined) {
    await giveBack();
    return OUT_OF_TIME;
  }
  const claimLabels = [...claimLabelsOf(claimed), ...(gathered.claim?.marks ?? [])];
  try {
    return await rotateUnderClaim(descent, decision, claimed, claimLabels, turn, run);
  } catch (error) {
    if (isRefusal(error)) {
      if (await isReplaced(gathered, run)) {
        await tidy(arn, claimLabels, run);
        return LOOK_AGAIN;
      }
      await mark(MOMENTO_ENDED, arn, claimed, run);
    } else if (!waitsInMemory(error)) {
      await mark(MOMENTO_FAILED, arn, claimed, run);
    }
    throw new AttemptFailed(error, claimed.lapsesAtMs);
  }
}

const REFUSALS: ReadonlySet<unknown> = new Set<Reason>([
  'refresh-token-spent',
  'key-refused',
  'momento-refused',
]);

/** Momento has said no: nothing is under way any more, and nothing waits to be stored. */
const isRefusal = (error: unknown): boolean => error instanceof Failure && REFUSALS.has(error.code);

/** What Secrets Manager would not take is offered to it again at the next tick. */
const waitsInMemory = (error: unknown): boolean =>
  error instanceof Failure && error.code === 'stage-failed';

/** Says of a claim what became of it. Never fails: without the mark the next tick makes an attempt at once. */
async function mark(
  label: string,
  arn: string,
  { versionId }: { readonly versionId: string },
  run: Run,
): Promise<void> {
  // The rest of the time is for telling people.
  if (run.clock.now() >= run.workUntilMs) return;
  try {
    const { labels } = await run.versions.describe(arn);
    const from = labels.get(label);
    await run.versions.moveLabel(arn, label, { ...(from && { from }), to: versionId });
  } catch (error) {
    run.log.warn('The failed attempt could not be marked; the next tick makes another one.', {
      secretArn: arn,
      ...describeError(error),
    });
  }
}

/** An attempt that failed under its claim; `cause` is why. */
export class AttemptFailed extends Error {
  /** Epoch milliseconds. */
  readonly nextAttemptAtMs: number;

  constructor(cause: unknown, nextAttemptAtMs: number) {
    super('The attempt failed.', { cause });
    this.nextAttemptAtMs = nextAttemptAtMs;
  }
}

/** The pair that the current one was renewed to, if this process could not store it. */
export function unstoredFor(
  { arn, current }: Pick<Gathered, 'arn' | 'current'>,
  { unstored }: Run,
): RefreshedKey | undefined {
  const kept = unstored.get(arn);
  const isOfThisPair =
    current?.content.kind === 'pair' &&
    kept?.spentRefreshToken === current.content.pair.refreshToken;
  return isOfThisPair ? kept.refreshed : undefined;
}

async function rotateUnderClaim(
  descent: Descent,
  { current, content, reason, message }: Rotate,
  claimed: Extract<ClaimResult, { won: true }>,
  claimLabels: readonly LabelOn[],
  turn: Turn,
  run: Run,
): Promise<Acted> {
  const { arn } = descent;
  const spentRefreshToken = content.pair.refreshToken;
  const keep = (refreshed: RefreshedKey): RefreshedKey => {
    run.unstored.set(arn, { spentRefreshToken, refreshed });
    return refreshed;
  };
  const unstored = unstoredFor({ arn, current }, run);
  if (unstored !== undefined) turn.end('unused');
  const refreshed = unstored ?? keep(await refresh(content.pair, claimed.attempt, turn, keep, run));
  const text = renderSecretValue(refreshed, content.fields);
  const pendingVersionId = pairVersionId(descent, claimed.attempt);
  await stage(arn, pendingVersionId, text, run);
  run.unstored.delete(arn);

  const staged = parseSecretValue(text);
  if (staged.kind !== 'pair') {
    throw new Failure('internal-error', 'The new pair does not read back as a pair.');
  }
  const pending = { versionId: pendingVersionId, refused: undefined };
  return finish(
    { ...descent, current: content.pair, pending, pair: staged.pair },
    { reason, message },
    claimLabels,
    run,
  );
}

export function resume(gathered: Gathered, decision: Resume, run: Run): Promise<Acted> {
  const { current, pending, pair, reason, message } = decision;
  return finish(
    {
      arn: gathered.arn,
      current: current.content.kind === 'pair' ? current.content.pair : undefined,
      currentVersionId: current.versionId,
      pending,
      pair,
    },
    { reason, message },
    gathered.claim === undefined ? [] : [...claimLabelsOf(gathered.claim), ...gathered.claim.marks],
    run,
  );
}

interface Finish extends Descent {
  /** The pair that applications read now; undefined when it cannot be asked. */
  readonly current: KeyPair | undefined;
  readonly pending: Pick<PendingVersion, 'versionId' | 'refused'>;
  readonly pair: KeyPair;
}

async function finish(
  work: Finish,
  success: { readonly reason: Reason; readonly message: string },
  claimLabels: readonly LabelOn[],
  run: Run,
): Promise<Acted> {
  const { arn, pending, pair } = work;
  const promotion = (await authenticates(pair, run))
    ? await promote(work, run)
    : await refusedByMomento(work, run);
  if (typeof promotion === 'object') return promotion;
  if (promotion === 'unconfirmed') {
    return deferred(
      'promotion-unconfirmed',
      'The new pair is stored, and Secrets Manager did not say in time whether applications read it already; the next tick looks, and goes on.',
    );
  }
  if (promotion === 'current-moved') {
    await unlabel(arn, claimLabels, run);
    // Imported anew, or only edited: what becomes of the pending pair shows when it is looked at again.
    return LOOK_AGAIN;
  }
  const promoted = { versionId: pending.versionId, validUntil: pair.validUntil };
  const told = await tell([rotatedEvent(arn, promoted)], run);
  await tidy(arn, [...(told ? pendingLabels(pending) : []), ...claimLabels], run);
  return { ...success, promoted };
}

/** When each version of the last 24 hours came into being, in epoch milliseconds. */
async function newVersions(arn: string, isUrgent: boolean, run: Run): Promise<readonly number[]> {
  const sinceMs = run.awsTime.now() - DAY_SECONDS * 1000;
  const listed = patiently(() => run.versions.list(arn), run);
  // What is urgent is not given up for want of a list: its claim shows whether there is room.
  const versions = isUrgent ? await listed.catch(() => []) : await listed;
  return versions.map(({ createdAtMs }) => createdAtMs).filter((atMs) => atMs >= sinceMs);
}

function noRoom(versions: readonly number[], run: Run): Failure<Reason> {
  const freeAtMs = Math.min(...versions) + DAY_SECONDS * 1000;
  return new Failure<Reason>(
    'version-limit-reached',
    `The secret has had ${versions.length} new versions in 24 hours, and Secrets Manager keeps about 100: it might not take the new pair, so Momento was not asked for one. There is room again in ${duration((freeAtMs - run.awsTime.now()) / 1000)}. Import a key that lives longer, and find out who else writes to the secret.`,
  );
}

/** From the claim that was seen, and from no other: false when another run has claimed meanwhile. */
async function labelClaim(
  arn: string,
  before: { readonly versionId: string } | undefined,
  { versionId }: { readonly versionId: string },
  run: Run,
): Promise<boolean> {
  const from = before && { from: before.versionId };
  try {
    await patiently(
      () => run.versions.moveLabel(arn, MOMENTO_CLAIM, { ...from, to: versionId }),
      run,
    );
    return true;
  } catch (error) {
    if (!(error instanceof SecretFailure && error.code === 'label-moved')) throw error;
    // By this run, when an answer was lost.
    return (await labelsOf(arn, run)).get(MOMENTO_CLAIM) === versionId;
  }
}

async function stillCurrent({ arn, currentVersionId }: Descent, run: Run): Promise<boolean> {
  const labels = await labelsOf(arn, run);
  const pending = labels.get(AWSPENDING);
  // On AWSCURRENT itself it is the reminder of a promotion that nobody could be told of.
  const nothingPending = pending === undefined || pending === currentVersionId;
  return labels.get(AWSCURRENT) === currentVersionId && nothingPending;
}

/** Tried until the time is nearly out: what it stores exists nowhere else. */
async function stage(arn: string, versionId: string, text: string, run: Run): Promise<void> {
  try {
    await retry(() => run.versions.create(arn, versionId, text, AWSPENDING), {
      clock: run.clock,
      deadlineAtMs: run.workUntilMs,
      // Whatever the reason, trying again costs nothing and giving up may cost the pair.
      isRetryable: () => true,
    });
  } catch (error) {
    throw new Failure(
      'stage-failed',
      `Momento handed out a new pair, and Secrets Manager would not store it until the time was out. The next run in this process stores it; should that process be gone, the next run reports whether the key can still be renewed. (${error instanceof Error ? error.message : String(error)})`,
      { cause: error },
    );
  }
}

/** Stages the pending pair once more, as what continues the AWSCURRENT that a person has edited. */
export async function carryOver(
  { arn, current, pending }: Gathered,
  { reason, message, text }: CarryOver,
  run: Run,
): Promise<Acted> {
  const versionId = carriedOverVersionId({ arn, currentVersionId: current?.versionId ?? '' });
  // Not created under AWSPENDING: that would take the label from whatever another run has staged meanwhile.
  await patiently(() => run.versions.create(arn, versionId, text, MOMENTO_CARRIED), run);
  await unlessMoved(
    () =>
      run.versions.moveLabel(arn, AWSPENDING, { from: pending?.versionId ?? '', to: versionId }),
    run,
  );
  await unlabel(arn, [{ label: MOMENTO_CARRIED, versionId }], run);
  return { reason, message, lookAgain: true };
}

const authenticates = (pair: KeyPair, run: Run): Promise<boolean> =>
  retry(() => run.momento.authenticates(pair, TEST_TIMEOUT_MS), {
    clock: run.clock,
    deadlineAtMs: run.workUntilMs,
    maxTries: 3,
    isRetryable: () => true,
  });

/**
 * A pair is discarded only when Momento refused it on two ticks, and accepts AWSCURRENT at the same time.
 * Where others have been faster, what was asked about is nobody's any more; their claims stay.
 */
async function refusedByMomento(work: Finish, run: Run): Promise<Acted> {
  const { arn, current, pending } = work;
  const nowMs = run.awsTime.now();
  const { refused, versionId } = pending;
  const refusedForMs = nowMs - (refused?.sinceMs ?? nowMs);
  const isConfirmed = refusedForMs >= REFUSAL_CONFIRMED_AFTER_MS;
  const currentIsAccepted =
    isConfirmed && current !== undefined && (await authenticates(current, run));
  // Never before Momento was asked: only while this pair is pending nobody renews the key that it was made from.
  if (!(await isStillPending(work, run))) return LOOK_AGAIN;
  if (!isConfirmed) {
    if (refused === undefined) {
      const label = `${MOMENTO_REFUSED}${Math.floor(nowMs / 1000)}`;
      await unlessMoved(() => run.versions.moveLabel(arn, label, { to: versionId }), run);
    }
    return {
      reason: 'pending-refused',
      message: `Momento does not accept the new pair. It stays pending, and applications keep the present key; the next tick (not before ${duration(REFUSAL_CONFIRMED_AFTER_MS / 1000)}) tests it again.`,
    };
  }
  if (!currentIsAccepted) {
    return {
      reason: 'key-refused',
      message:
        "Momento accepts neither the present key nor the pending one. Make a new key in Momento's console and import it now.",
    };
  }
  await unlabel(arn, pendingLabels(pending), run);
  if ((await labelsOf(arn, run)).get(AWSCURRENT) === versionId) {
    // Another run had it accepted, and was about to tell when its reminder went.
    await tell([rotatedEvent(arn, { versionId, validUntil: work.pair.validUntil })], run);
    return LOOK_AGAIN;
  }
  return {
    reason: 'pending-discarded',
    message: `Momento refused the pending pair for ${duration(refusedForMs / 1000)} while it accepts the present key: the pair was discarded.`,
    lookAgain: true,
  };
}

async function isStillPending(
  { arn, currentVersionId, pending }: Finish,
  run: Run,
): Promise<boolean> {
  const labels = await labelsOf(arn, run);
  return (
    labels.get(AWSCURRENT) === currentVersionId && labels.get(AWSPENDING) === pending.versionId
  );
}

const labelsOf = async (arn: string, run: Run): Promise<ReadonlyMap<string, string>> =>
  (await patiently(() => run.versions.describe(arn), run)).labels;

/**
 * Compare-and-swap. `current-moved` when AWSCURRENT is no longer what the pair was made from. Tried until the time
 * is nearly out, because where old keys die at the refresh applications wait for it. `unconfirmed` when an answer
 * was lost and the state cannot be seen: a run that may have rotated must not say that it failed.
 */
async function promote(
  { arn, currentVersionId, pending: { versionId } }: Finish,
  run: Run,
): Promise<'promoted' | 'current-moved' | 'unconfirmed'> {
  let mayHaveMoved = false;
  try {
    await retry(
      () => run.versions.moveLabel(arn, AWSCURRENT, { from: currentVersionId, to: versionId }),
      {
        clock: run.clock,
        deadlineAtMs: run.workUntilMs,
        isRetryable: (error) => {
          mayHaveMoved ||= isUnanswered(error);
          return isTransient(error);
        },
      },
    );
    return 'promoted';
  } catch (error) {
    const hasMoved = error instanceof SecretFailure && error.code === 'label-moved';
    if (!hasMoved && !mayHaveMoved) throw error;
    const current = await currentOtherThan(currentVersionId, arn, run);
    if (current === undefined) return 'unconfirmed';
    // Ours, when an answer was lost (the SDK's own repetition may hide that); or another run that resumed the very pair.
    if (current === versionId) return 'promoted';
    if (current !== currentVersionId) return 'current-moved';
    if (hasMoved) return 'unconfirmed';
    throw error;
  }
}

/** AWSCURRENT, looked at until it is another one: labels may be seen late. Undefined when it cannot be seen in time. */
function currentOtherThan(versionId: string, arn: string, run: Run): Promise<string | undefined> {
  let looks = 0;
  const look = async (): Promise<string | undefined> => {
    const { labels } = await run.versions.describe(arn);
    const current = labels.get(AWSCURRENT);
    looks += 1;
    if (current === versionId && looks < MOST_LOOKS) throw new Error('It is still where it was.');
    return current;
  };
  return retry(look, {
    clock: run.clock,
    deadlineAtMs: run.workUntilMs,
    isRetryable: () => true,
  }).catch(() => undefined);
}

/** Takes labels off. Throws `SecretFailure`. */
export async function unlabel(arn: string, labels: readonly LabelOn[], run: Run): Promise<void> {
  for (const { label, versionId } of labels) {
    await unlessMoved(() => run.versions.moveLabel(arn, label, { from: versionId }), run);
  }
}

/** A label that another run has moved meanwhile is where it should be by now, or is looked at again. */
const unlessMoved = (move: () => Promise<void>, run: Run): Promise<void> =>
  patiently(move, run).catch((error: unknown) => {
    if (!(error instanceof SecretFailure && error.code === 'label-moved')) throw error;
  });

/** After the promotion nothing may turn the run into a failure: the next tick heals what stays. */
const tidy = (arn: string, labels: readonly LabelOn[], run: Run): Promise<void> =>
  unlabel(arn, labels, run).catch((error) =>
    run.log.warn('A label could not be taken off; the next tick takes it off.', {
      secretArn: arn,
      ...describeError(error),
    }),
  );

const patiently = <T>(call: () => Promise<T>, run: Run): Promise<T> =>
  retry(call, {
    clock: run.clock,
    deadlineAtMs: run.workUntilMs,
    maxTries: 5,
    isRetryable: isTransient,
  });

/** What this attempt was about is not so any more. */
export const LOOK_AGAIN: Acted = {
  reason: 'current-moved',
  message: 'Another run or a person changed the key meanwhile.',
  lookAgain: true,
};

const deferred = (reason: Reason, message: string): Acted => ({ reason, message });

/** For this key, and for those that are left when the time is out. */
export const OUT_OF_TIME = deferred(
  'out-of-time',
  'This run had too little time left; the next tick continues.',
);

const claimLabelsOf = ({ versionId }: { readonly versionId: string }): LabelOn[] => [
  { label: MOMENTO_CLAIM, versionId },
  { label: MOMENTO_CLAIMING, versionId },
];
