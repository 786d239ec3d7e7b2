// One key, one run: gather, decide, act; and again while the act was only a healing.

import { Failure } from '../shared/failure.ts';
import { describeError } from '../shared/log.ts';
import { backOffMs } from '../shared/retry.ts';
import type { SecretTag } from '../shared/secret-versions.ts';
import { isOurs } from '../shared/version-id.ts';
import type { KeyEvent } from './announce.ts';
import { decide, validUntilOf } from './decide.ts';
import { dryRun } from './dry-run.ts';
import { dueAtMs, endWarning, isOverdue, shortLifeWarning, type Warnable } from './due.ts';
import { type CurrentVersion, type Gathered, gather } from './gather.ts';
import type { Measured } from './measures.ts';
import { type KeyResult, OUTCOME_OF, type Outcome, type Reason } from './outcome.ts';
import {
  type Acted,
  AttemptFailed,
  carryOver,
  OUT_OF_TIME,
  resume,
  rotate,
  unlabel,
  unstoredFor,
} from './rotate.ts';
import { rotatedEvent, tell } from './tell.ts';
import type { Run } from './tools.ts';

export interface Renewed extends Measured {
  /** Still to be told; a rotation has been told by now. */
  readonly events: readonly KeyEvent[];
}

/** A key as it was found, or why it could not be looked at; neither when the time was out. */
export interface Looked {
  readonly secretId: string;
  readonly gathered?: Gathered;
  readonly error?: unknown;
}

/** What an operator asks for. */
export interface Wish {
  /** Renew it, due or not. */
  readonly force?: boolean;
  /** Prove that a renewal would work, and change nothing. */
  readonly dryRun?: boolean;
}

/** Labels on one secret are few; more rounds than this would mean that they are seen late, or that somebody puts them back. */
const MAX_ROUNDS = 8;

const NEVER_SETTLED =
  'The labels of the secret did not come to rest: what a run takes off is seen again. The next tick looks once more; if it goes on, look at who else writes to the secret.';

/** Never throws, as `renewKey`. */
export async function look(secretId: string, run: Run): Promise<Looked> {
  if (run.clock.now() >= run.workUntilMs) return { secretId };
  try {
    return { secretId, gathered: await gather(secretId, run) };
  } catch (error) {
    return { secretId, error };
  }
}

/** Never throws: what goes wrong with one key is its result, and must not stop the others. */
export async function renewKey(looked: Looked, wish: Wish, run: Run): Promise<Renewed> {
  const { secretId } = looked;
  let { gathered } = looked;
  if (looked.error === undefined && run.clock.now() >= run.workUntilMs) {
    return report(secretId, gathered, OUT_OF_TIME, undefined, run);
  }
  let acted: Acted | undefined;
  let healed: Acted | undefined;
  try {
    if (looked.error !== undefined) throw looked.error;
    for (let round = 0; round < MAX_ROUNDS; round += 1) {
      if (round > 0 || gathered === undefined) gathered = await gather(secretId, run);
      // Whoever was faster has renewed it, or has put another key there: it is not to be renewed once more.
      const force = wish.force === true && acted?.reason !== 'current-moved';
      acted = await (wish.dryRun ? dryRun(gathered, run) : act(gathered, force, run));
      if (!acted.lookAgain) break;
      healed ??= acted;
      // What was just written may be seen late.
      if (round > 0) await run.clock.sleep(backOffMs(round, run.clock));
    }
    if (acted?.lookAgain) throw new Failure('secrets-manager-unavailable', NEVER_SETTLED);
  } catch (error) {
    const cause = error instanceof AttemptFailed ? error.cause : error;
    run.log.error('A key could not be renewed.', { secretId, ...describeError(cause) });
    acted = {
      ...failed(cause),
      ...(error instanceof AttemptFailed && { nextAttemptAtMs: error.nextAttemptAtMs }),
    };
  }
  return report(secretId, gathered, acted ?? failed(new Error('Nothing was done.')), healed, run);
}

/** The keys that have a tag could not be found: it fails the run, as a key of its own would. */
export const notDiscovered = (tag: SecretTag, error: unknown, run: Run): Renewed =>
  report(`tag ${tag.key}=${tag.value}`, undefined, failed(error), undefined, run);

async function act(gathered: Gathered, force: boolean, run: Run): Promise<Acted> {
  const decision = decide(gathered, {
    ...run.settings,
    nowMs: run.awsTime.now(),
    force,
    isUnstored: unstoredFor(gathered, run) !== undefined,
  });
  switch (decision.action) {
    case 'none':
      return decision;
    case 'unlabel':
      if (decision.reason === 'pending-on-current' && !(await tellOfPromoted(gathered, run))) {
        // Nobody could be told: the label stays as the reminder, and the rest goes on without it.
        return act({ ...gathered, pending: undefined }, force, run);
      }
      await unlabel(gathered.arn, decision.labels, run);
      return { reason: decision.reason, message: decision.message, lookAgain: true };
    case 'resume':
      return resume(gathered, decision, run);
    case 'carry-over':
      return carryOver(gathered, decision, run);
    case 'rotate':
      return rotate(gathered, decision, run);
  }
}

/** The run that promoted this version may have ended before it told anybody. */
async function tellOfPromoted({ arn, current, pending }: Gathered, run: Run): Promise<boolean> {
  if (current === undefined || pending === undefined) return true;
  const { versionId } = pending;
  return tell([rotatedEvent(arn, { versionId, validUntil: validUntilOf(current) })], run);
}

function report(
  secretId: string,
  gathered: Gathered | undefined,
  last: Acted,
  healed: Acted | undefined,
  run: Run,
): Renewed {
  // A healing is what the run is about, unless something weightier came after it.
  const quiet = last.reason === 'not-due' || last.lookAgain === true;
  const { reason, message } = healed !== undefined && quiet ? healed : last;
  const outcome = OUTCOME_OF[reason];
  const validUntil = last.promoted?.validUntil ?? validUntilOf(gathered?.current);
  const nextAttemptAtMs = last.nextAttemptAtMs ?? nextAttemptMs(outcome, last, run);
  const result: KeyResult = {
    secretId: run.redactor.text(secretId),
    outcome,
    reason,
    message: run.redactor.text(message),
    validUntil: validUntil ?? null,
    nextAttemptAt: nextAttemptAtMs === undefined ? null : Math.ceil(nextAttemptAtMs / 1000),
  };
  const nowMs = run.awsTime.now();
  const found = lifeOf(gathered?.current);
  // After a lost race what was gathered is the old key, too.
  const isStale = last.promoted !== undefined || outcome === 'lost-race';
  const life = isStale ? undefined : found;
  const warning =
    (found && shortLifeWarning(found, nowMs, run.settings)) ??
    (life && endWarning(life, nowMs, run.settings));
  return {
    result,
    isOverdue: life !== undefined && isOverdue(life, nowMs, run.settings),
    events: eventsFor(result, gathered?.arn ?? secretId, warning),
  };
}

/** Epoch milliseconds; undefined when nothing will be tried before somebody changes the secret. */
function nextAttemptMs(outcome: Outcome, { promoted }: Acted, run: Run): number | undefined {
  const nowMs = run.awsTime.now();
  if (promoted?.validUntil) {
    const { validUntil } = promoted;
    return dueAtMs({ createdAtMs: nowMs, validUntil, isEdited: false }, run.settings);
  }
  return TRIED_EVERY_TICK.has(outcome)
    ? nowMs + run.settings.scheduleIntervalSeconds * 1000
    : undefined;
}

const TRIED_EVERY_TICK: ReadonlySet<Outcome> = new Set([
  'failed',
  'deferred',
  'lost-race',
  'no-key',
]);

function eventsFor(
  { outcome, reason, message, validUntil }: KeyResult,
  secretArn: string,
  warning: string | undefined,
): KeyEvent[] {
  const ends = validUntil === null ? {} : { validUntil };
  const events: KeyEvent[] = [];
  if (outcome === 'failed') {
    events.push({
      type: 'Momento API Key Rotation Failed',
      detail: { secretArn, ...ends, code: reason, message },
    });
  }
  if (warning !== undefined) {
    events.push({
      type: 'Momento API Key Expiring',
      detail: { secretArn, ...ends, code: reason, message: warning },
    });
  }
  return events;
}

/** Undefined for a key that never ends, or whose end is not known. */
function lifeOf(current: CurrentVersion | undefined): Warnable | undefined {
  const validUntil = validUntilOf(current);
  if (current === undefined || !validUntil) return undefined;
  const { createdAtMs, content, isEdited } = current;
  return {
    createdAtMs,
    validUntil,
    isEdited,
    rotatable: content.kind === 'pair',
    imported: !isOurs(current.versionId),
  };
}

function failed(error: unknown): Acted {
  const code = error instanceof Failure ? String(error.code) : '';
  const reason: Reason = isReason(code) ? code : (REASON_OF[code] ?? 'internal-error');
  const message = error instanceof Error ? error.message : String(error);
  return { reason, message };
}

const isReason = (code: string): code is Reason => Object.hasOwn(OUTCOME_OF, code);

/** Codes of the store that only a race can bring up to here. */
const REASON_OF: Readonly<Record<string, Reason>> = {
  'version-not-found': 'secrets-manager-unavailable',
  'version-exists': 'secrets-manager-refused',
  'label-moved': 'secrets-manager-refused',
};
