// Reads all that the decision needs of one secret. Only reads; decides nothing.

import type { Clock } from '../shared/clock.ts';
import { Failure } from '../shared/failure.ts';
import type { Redactor } from '../shared/redaction.ts';
import { retry } from '../shared/retry.ts';
import { credentialsIn, parseSecretValue, type SecretContent } from '../shared/secret-value.ts';
import {
  isTransient,
  type ListedVersion,
  SecretFailure,
  type SecretVersions,
} from '../shared/secret-versions.ts';
import {
  AWSCURRENT,
  AWSPENDING,
  AWSPREVIOUS,
  claimAttempt,
  type Descent,
  isOurs,
  MOMENTO_CARRIED,
  MOMENTO_CLAIM,
  MOMENTO_CLAIMING,
  MOMENTO_ENDED,
  MOMENTO_FAILED,
  MOMENTO_IMPORT,
  MOMENTO_REFUSED,
  pairAttempt,
} from '../shared/version-id.ts';
import { type Claim, parseClaim } from './claim-value.ts';

export interface Gathered {
  readonly secretId: string;
  readonly arn: string;
  readonly deletedAtMs: number | undefined;
  /** Undefined for a secret that never had a value. */
  readonly current: CurrentVersion | undefined;
  readonly pending: PendingVersion | undefined;
  readonly claim: ClaimVersion | undefined;
  /** Marks of ours that no run takes off any more: MOMENTO_REFUSED_… on any version but the pending one, and others. */
  readonly strayMarks: readonly LabelOn[];
}

export interface CurrentVersion {
  readonly versionId: string;
  readonly createdAtMs: number;
  readonly content: SecretContent;
  /** A person has edited other fields: the pair is older than the version that holds it now. */
  readonly isEdited: boolean;
}

export interface PendingVersion {
  readonly versionId: string;
  /** Made from the present AWSCURRENT. */
  readonly descends: boolean;
  /** Made from an older version that held the very pair of AWSCURRENT: a person has edited other fields meanwhile. */
  readonly descendsFromEdited: boolean;
  /** Undefined when the version has no value, or when it need not be read. */
  readonly content: SecretContent | undefined;
  readonly empty: boolean;
  /** It is AWSCURRENT; or has been, and a person has only edited other fields since. */
  readonly wasPromoted: boolean;
  readonly refused: { readonly label: string; readonly sinceMs: number } | undefined;
}

export interface ClaimVersion {
  readonly versionId: string;
  /** Which attempt on the present AWSCURRENT, or on it before it was edited; undefined when it claims another. */
  readonly attempt: number | undefined;
  readonly claim: Claim | undefined;
  /** MOMENTO_ENDED and MOMENTO_FAILED, where they sit on it. */
  readonly marks: readonly LabelOn[];
}

export interface LabelOn {
  readonly label: string;
  readonly versionId: string;
}

export interface GatherTools {
  readonly versions: SecretVersions;
  readonly redactor: Redactor;
  readonly clock: Clock;
  /** Epoch milliseconds. */
  readonly workUntilMs: number;
}

/** Throws `SecretFailure`, and `Failure<'out-of-time'>` when the run's own time is out. */
export async function gather(secretId: string, tools: GatherTools): Promise<Gathered> {
  try {
    return await gatherNow(secretId, tools);
  } catch (error) {
    const wasSlow = error instanceof Failure && error.code === 'out-of-time';
    if (!wasSlow || tools.clock.now() >= tools.workUntilMs) throw error;
    throw new SecretFailure(
      'secrets-manager-unavailable',
      `Secrets Manager was too slow: the secret could not be read within ${PATIENCE_MS / 1000} s.`,
      { cause: error },
    );
  }
}

/** For all reads of one secret: the run has others to look at. */
const PATIENCE_MS = 10_000;

async function gatherNow(secretId: string, tools: GatherTools): Promise<Gathered> {
  const { versions, clock } = tools;
  const patient = {
    clock,
    deadlineAtMs: Math.min(clock.now() + PATIENCE_MS, tools.workUntilMs),
    maxTries: 4,
  };
  const description = await retry(() => versions.describe(secretId), {
    ...patient,
    isRetryable: isTransient,
  });
  const { arn, labels, deletedAtMs } = description;
  const currentVersionId = labels.get(AWSCURRENT);
  const nothing = { current: undefined, pending: undefined, claim: undefined, strayMarks: [] };
  if (deletedAtMs !== undefined || currentVersionId === undefined) {
    return { secretId, arn, deletedAtMs, ...nothing };
  }

  // A version can be unreadable for a moment after it was written.
  const read = (versionId: string) =>
    retry(() => versions.read(arn, versionId), {
      ...patient,
      isRetryable: (error) => isTransient(error) || isMissing(error),
    });
  const version = await read(currentVersionId);
  const content = learnAndParse(version.text, tools.redactor);
  const previousVersionId = labels.get(AWSPREVIOUS);
  const current: CurrentVersion = {
    versionId: currentVersionId,
    createdAtMs: version.createdAtMs,
    content,
    isEdited:
      !isOurs(currentVersionId) &&
      previousVersionId !== undefined &&
      isSamePair(learnAndParse((await read(previousVersionId)).text, tools.redactor), content),
  };
  // Rarely needed, and the same list for both.
  let listed: Promise<ListedVersion[]> | undefined;
  const listVersions = () => {
    listed ??= retry(() => versions.list(arn), { ...patient, isRetryable: isTransient });
    return listed;
  };
  const ancestry: Ancestry = {
    descent: { arn, currentVersionId },
    current,
    read: async (versionId) => learnAndParse((await read(versionId)).text, tools.redactor),
    listVersions,
  };
  return {
    secretId,
    arn,
    deletedAtMs,
    current,
    pending: await gatherPending(labels, ancestry),
    claim: await gatherClaim(labels, ancestry, read),
    strayMarks: [
      ...refusals(labels).filter(({ versionId }) => versionId !== labels.get(AWSPENDING)),
      ...labelsCalled(MOMENTO_CARRIED, labels),
      ...labelsCalled(MOMENTO_IMPORT, labels),
      ...[...claimMarks(labels), ...labelsCalled(MOMENTO_CLAIMING, labels)].filter(
        ({ versionId }) => versionId !== labels.get(MOMENTO_CLAIM),
      ),
    ],
  };
}

type Read = (versionId: string) => Promise<{ readonly text: string }>;
type Labels = ReadonlyMap<string, string>;

/** What tells whether a version was made from AWSCURRENT. */
interface Ancestry {
  readonly descent: Descent;
  readonly current: CurrentVersion;
  readonly read: (versionId: string) => Promise<SecretContent>;
  readonly listVersions: () => Promise<readonly ListedVersion[]>;
}

type AttemptOf = (descent: Descent, versionId: string) => number | undefined;

/**
 * Which attempt made this version from an older one that held the very pair of AWSCURRENT: a person has edited
 * other fields since, once or several times, and what was made is still about this pair.
 */
async function attemptBeforeEdit(
  attemptOf: AttemptOf,
  versionId: string,
  { descent, current, read, listVersions }: Ancestry,
): Promise<number | undefined> {
  if (!isOurs(versionId) || versionId === current.versionId) return undefined;
  for (const { versionId: parent } of await listVersions()) {
    const attempt = attemptOf({ arn: descent.arn, currentVersionId: parent }, versionId);
    if (attempt === undefined) continue;
    return isSamePair(await read(parent), current.content) ? attempt : undefined;
  }
  return undefined;
}

async function gatherPending(
  labels: Labels,
  ancestry: Ancestry,
): Promise<PendingVersion | undefined> {
  const versionId = labels.get(AWSPENDING);
  if (versionId === undefined) return undefined;
  const refused = refusals(labels).find((refusal) => refusal.versionId === versionId);
  const descends = pairAttempt(ancestry.descent, versionId) !== undefined;
  const descendsFromEdited =
    !descends && (await attemptBeforeEdit(pairAttempt, versionId, ancestry)) !== undefined;
  const common = {
    versionId,
    descends,
    descendsFromEdited,
    refused: refused && { label: refused.label, sinceMs: refusedSinceMs(refused.label) },
  };
  if (versionId === ancestry.current.versionId) {
    return { ...common, content: undefined, empty: false, wasPromoted: true };
  }
  try {
    const content = await ancestry.read(versionId);
    const wasPromoted = isSamePair(content, ancestry.current.content);
    return { ...common, content, empty: false, wasPromoted };
  } catch (error) {
    // Ours get their value and their label in one write: an unreadable one of ours is late, not empty.
    if (!isMissing(error) || descends || descendsFromEdited) throw error;
    return { ...common, content: undefined, empty: true, wasPromoted: false };
  }
}

async function gatherClaim(
  labels: Labels,
  ancestry: Ancestry,
  read: Read,
): Promise<ClaimVersion | undefined> {
  const versionId = labels.get(MOMENTO_CLAIM);
  if (versionId === undefined) return undefined;
  const marks = claimMarks(labels).filter((mark) => mark.versionId === versionId);
  const attempt =
    claimAttempt(ancestry.descent, versionId) ??
    (await attemptBeforeEdit(claimAttempt, versionId, ancestry));
  try {
    return { versionId, attempt, marks, claim: parseClaim((await read(versionId)).text) };
  } catch (error) {
    if (!isMissing(error) || attempt !== undefined) throw error;
    return { versionId, attempt, marks, claim: undefined };
  }
}

export const isSamePair = (one: SecretContent, other: SecretContent): boolean =>
  one.kind === 'pair' &&
  other.kind === 'pair' &&
  one.pair.key.wireKey === other.pair.key.wireKey &&
  one.pair.refreshToken === other.pair.refreshToken;

export function learnAndParse(text: string, redactor: Redactor): SecretContent {
  redactor.learnFrom(text, credentialsIn);
  return parseSecretValue(text);
}

const labelsCalled = (beginning: string, labels: Labels): LabelOn[] =>
  [...labels].flatMap(([label, versionId]) =>
    label.startsWith(beginning) ? [{ label, versionId }] : [],
  );

const claimMarks = (labels: Labels): LabelOn[] => [
  ...labelsCalled(MOMENTO_ENDED, labels),
  ...labelsCalled(MOMENTO_FAILED, labels),
];

/** Its run is over, whatever time it had named: Momento has refused. */
export const hasEnded = ({ marks }: Pick<ClaimVersion, 'marks'>): boolean =>
  marks.some(({ label }) => label === MOMENTO_ENDED);

/** Its failure has been reported, so that the next attempt may wait. */
export const hasFailed = ({ marks }: Pick<ClaimVersion, 'marks'>): boolean => marks.length > 0;

const refusals = (labels: Labels): LabelOn[] => labelsCalled(MOMENTO_REFUSED, labels);

const refusedSinceMs = (label: string): number =>
  (Number(label.slice(MOMENTO_REFUSED.length)) || 0) * 1000;

const isMissing = (error: unknown): boolean =>
  error instanceof SecretFailure && error.code === 'version-not-found';
