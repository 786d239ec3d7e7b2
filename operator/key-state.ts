// What there is to say of one key: seen as rotation sees it, with rotation's own reading and its own decision.

import { decide, isUnderWay, validUntilOf } from '../lambda/rotate-key/decide.ts';
import { dueAtMs, isOverdue, leastLifeSeconds, type Pace } from '../lambda/rotate-key/due.ts';
import { type Gathered, gather, hasEnded } from '../lambda/rotate-key/gather.ts';
import { OUTCOME_OF, type Reason } from '../lambda/rotate-key/outcome.ts';
import { duration } from '../lambda/rotate-key/wording.ts';
import { systemClock } from '../lambda/shared/clock.ts';
import type { Redactor } from '../lambda/shared/redaction.ts';
import type { SecretVersions } from '../lambda/shared/secret-versions.ts';
import {
  AWSCURRENT,
  AWSPENDING,
  isOurs,
  MOMENTO_CARRIED,
  MOMENTO_CLAIM,
  MOMENTO_CLAIMING,
  MOMENTO_ENDED,
  MOMENTO_FAILED,
  MOMENTO_IMPORT,
  MOMENTO_REFUSED,
} from '../lambda/shared/version-id.ts';
import type { Key } from './deployment.ts';
import { explain, named } from './explain.ts';
import {
  contradictionSentence,
  type EndContradiction,
  endContradiction,
  isStatedTooLate,
  rightEnd,
} from './own-end.ts';
import { type Place, typed } from './place.ts';

export interface KeyState extends Key {
  /** When the version that applications read came into being, epoch milliseconds. */
  readonly createdAtMs: number | undefined;
  /** Epoch seconds; 0 never; undefined unknown. */
  readonly validUntil: number | undefined;
  /** Epoch milliseconds; undefined where nothing will be done. */
  readonly dueAtMs: number | undefined;
  /** What the next run will do, or could not do, as its reason says; undefined when it cannot be told. */
  readonly next: Reason | undefined;
  /** Epoch milliseconds: not before. */
  readonly nextAttemptAtMs: number | undefined;
  readonly last: LastResult;
  readonly labels: readonly Label[];
  /** A sentence for people. */
  readonly message: string;
  readonly needsPerson: boolean;
  /** The next thing to type, where a person is needed. */
  readonly remedy: string | undefined;
  /** Of the runbook, where it says more: `docs/runbook.md#key-refused`. */
  readonly section: string | undefined;
  /** The value says another end than its key. */
  readonly wrongEnd: EndContradiction | undefined;
}

/** As the secret's versions tell it: what was written last, by whom, and whether an attempt hangs in the air. */
export interface LastResult {
  readonly result: 'rotated' | 'imported' | 'attempt-failed' | 'running' | 'none' | 'unknown';
  /** Epoch milliseconds. */
  readonly atMs: number | undefined;
  /** Of `attempt-failed`: how many in a row. */
  readonly attempts?: number;
}

export interface Label {
  readonly label: string;
  readonly versionId: string;
  /** Of one that does not stay: what it says. */
  readonly meaning: string | undefined;
}

export interface LookTools {
  readonly versions: SecretVersions;
  readonly redactor: Redactor;
  readonly place: Place;
  readonly pace: Pace;
  /** AWS's time, epoch milliseconds. */
  readonly now: () => number;
}

const PATIENCE_MS = 15_000;

/** Never throws: what cannot be read is said. */
export async function lookAtKey(key: Key, tools: LookTools): Promise<KeyState> {
  try {
    const [gathered, { labels }] = await Promise.all([
      gather(key.secretArn, {
        versions: tools.versions,
        redactor: tools.redactor,
        clock: systemClock,
        workUntilMs: systemClock.now() + PATIENCE_MS,
      }),
      tools.versions.describe(key.secretArn),
    ]);
    return stateOf(key, gathered, labels, { ...tools, nowMs: tools.now() });
  } catch (error) {
    const { message, next } = explain(error, tools.place);
    return {
      ...key,
      createdAtMs: undefined,
      validUntil: undefined,
      dueAtMs: undefined,
      next: undefined,
      nextAttemptAtMs: undefined,
      last: { result: 'unknown', atMs: undefined },
      labels: [],
      message: message || named(error).name,
      needsPerson: true,
      remedy: next,
      section: undefined,
      wrongEnd: undefined,
    };
  }
}

export interface Circumstances {
  readonly nowMs: number;
  readonly pace: Pace;
  readonly place: Place;
}

/** Pure. */
export function stateOf(
  key: Key,
  gathered: Gathered,
  labels: ReadonlyMap<string, string>,
  { nowMs, pace, place }: Circumstances,
): KeyState {
  const decision = decide(gathered, { ...pace, nowMs, force: false, isUnstored: false });
  const { current } = gathered;
  const validUntil = validUntilOf(current);
  const life =
    current === undefined || !validUntil
      ? undefined
      : {
          createdAtMs: current.createdAtMs,
          validUntil,
          isEdited: current.isEdited,
        };
  const isRotatable = current?.content.kind === 'pair';
  const due = life === undefined || !isRotatable ? undefined : dueAtMs(life, pace);
  const isWaiting = decision.action === 'none';
  const overdue = life !== undefined && isRotatable && isOverdue(life, nowMs, pace);
  const last = lastResult(gathered, decision.reason, nowMs);
  const isRefused =
    last.result === 'attempt-failed' && gathered.claim !== undefined && hasEnded(gathered.claim);
  const wrongEnd = wrongEndOf(current);
  // What is stated too early is only renewed too early, unless it has come already.
  const isEndWrong =
    wrongEnd !== undefined && (isStatedTooLate(wrongEnd) || decision.reason === 'key-expired');
  const needsPerson =
    isEndWrong ||
    last.result === 'attempt-failed' ||
    PERSON_NEEDED.has(OUTCOME_OF[decision.reason]) ||
    (overdue && decision.reason !== 'claimed-by-another-run');
  return {
    ...key,
    createdAtMs: current?.createdAtMs,
    validUntil,
    dueAtMs: due,
    next: decision.reason,
    nextAttemptAtMs: isWaiting ? decision.nextAttemptAtMs : nowMs,
    last,
    labels: shownLabels(labels),
    message: messageOf(),
    needsPerson,
    remedy: needsPerson ? remedy() : undefined,
    section: needsPerson ? section() : undefined,
    wrongEnd,
  };

  function messageOf(): string {
    if (isEndWrong) return wrongEndSentence(wrongEnd);
    const coming = isWaiting
      ? inOurWords(decision.reason, decision.message)
      : COMING[decision.action];
    if (last.result !== 'attempt-failed') return coming;
    if (isRefused) {
      return `Momento refused to renew the key (attempt ${last.attempts}). Make a new key in Momento's console and import it.`;
    }
    return isAtItself(decision.reason)
      ? `Attempt ${last.attempts} failed, or did not finish; the next run tries again.`
      : coming;
  }

  function remedy(): string {
    if (isEndWrong || isRefused) return importing(key, place);
    return last.result === 'attempt-failed' && isAtItself(decision.reason)
      ? typed(`rotate --key ${key.name}`, place)
      : remedyOf(decision.reason, key, place);
  }

  function section(): string | undefined {
    if (isEndWrong) return undefined;
    if (isRefused) return 'docs/runbook.md#key-refused';
    if (last.result === 'attempt-failed') return 'docs/runbook.md#rotation-failed';
    return overdue ? 'docs/runbook.md#key-overdue' : undefined;
  }
}

/** Nothing but the failed attempt holds the key up. */
const isAtItself = (reason: Reason): boolean => reason === 'interrupted';

function wrongEndOf(current: Gathered['current']): EndContradiction | undefined {
  if (current === undefined || current.content.kind === 'unparsable') return undefined;
  const { content } = current;
  return content.kind === 'pair'
    ? endContradiction(content.pair.validUntil, content.pair.key)
    : endContradiction(content.validUntil, content.key);
}

/** For `status` and `doctor`, where it stands in the secret. */
export const wrongEndSentence = (wrongEnd: EndContradiction): string =>
  `${contradictionSentence(wrongEnd)} Write ${rightEnd(wrongEnd)} into the key's file, and import it again.`;

export const importing = ({ name }: Pick<Key, 'name'>, place: Pick<Place, 'options'>): string =>
  typed(`import momento_key.json --key ${name}`, place);

/** The function's sentence, without the longer way to do what this command does. */
export const inOurWords = (reason: string, message: string): string =>
  reason === 'no-value' ? 'No key has been imported yet.' : message;

const PERSON_NEEDED: ReadonlySet<string> = new Set(['failed', 'no-key', 'not-rotatable']);

const COMING = {
  rotate: 'It is due: the next run renews it.',
  resume: 'A new pair waits to be tested: the next run does it.',
  'carry-over': 'The secret was edited during a rotation: the next run puts the new pair in.',
  unlabel: 'The next run takes off what an earlier one has left.',
} as const;

/** The life is too short to be renewed reliably; undefined otherwise. */
export function shortLife(
  { createdAtMs, validUntil, dueAtMs }: KeyState,
  pace: Pace,
): string | undefined {
  if (createdAtMs === undefined || !validUntil || dueAtMs === undefined) return undefined;
  const lifeSeconds = validUntil - createdAtMs / 1000;
  const least = leastLifeSeconds(pace);
  // A key is a little younger than its version.
  if (lifeSeconds >= least - 60) return undefined;
  return `lives ${duration(lifeSeconds)}, too short to be renewed reliably: import one that lives at least ${duration(least)}.`;
}

function remedyOf(reason: Reason, key: Key, place: Place): string {
  switch (reason) {
    case 'no-value':
    case 'key-expired':
    case 'unparsable-value':
    case 'no-refresh-token':
    case 'v2-key':
      return importing(key, place);
    case 'backing-off':
      return typed(`rotate --key ${key.name}`, place);
    case 'secret-scheduled-for-deletion':
    case 'expiry-unknown':
    case 'value-too-large':
      return 'docs/reasons.md';
    default:
      return typed(`rotate --dry-run --key ${key.name}`, place);
  }
}

function lastResult({ current, claim }: Gathered, next: Reason, nowMs: number): LastResult {
  if (current === undefined) return { result: 'none', atMs: undefined };
  // Also one that has staged its pair, and is just testing it.
  const isRunning = claim?.attempt !== undefined && isUnderWay(claim, { nowMs });
  if (isRunning || next === 'claimed-by-another-run') return { result: 'running', atMs: undefined };
  if (claim?.attempt !== undefined) {
    return {
      result: 'attempt-failed',
      atMs: claim.claim?.runEndsAtMs,
      attempts: claim.attempt + 1,
    };
  }
  return {
    result: isOurs(current.versionId) ? 'rotated' : 'imported',
    atMs: current.createdAtMs,
  };
}

const LASTING: readonly string[] = [AWSCURRENT, 'AWSPREVIOUS'];

function shownLabels(labels: ReadonlyMap<string, string>): readonly Label[] {
  return [...labels]
    .sort(([a], [b]) => (a < b ? -1 : 1))
    .map(([label, versionId]) => ({ label, versionId, meaning: meaningOf(label) }));
}

export function meaningOf(label: string): string | undefined {
  if (LASTING.includes(label)) return undefined;
  if (label === AWSPENDING) return 'a new pair that is not tested yet; the next run does it';
  if (label === MOMENTO_CLAIM) return 'an attempt is under way, or has failed and is tried again';
  if (label === MOMENTO_CLAIMING) return 'a claim that was just written';
  if (label === MOMENTO_ENDED) return 'the attempt is over: Momento refused to renew the key';
  if (label === MOMENTO_FAILED) return 'the attempt failed; the next one waits for its time';
  if (label === MOMENTO_CARRIED)
    return 'a new pair among edited fields; the next run goes on with it';
  if (label === MOMENTO_IMPORT)
    return 'an import that did not finish; the next run takes the label off';
  if (label.startsWith(MOMENTO_REFUSED)) {
    return 'Momento refuses the new pair; runs test it again before they give it up';
  }
  return 'not of this stack: somebody else put it there; rotation leaves it alone';
}
