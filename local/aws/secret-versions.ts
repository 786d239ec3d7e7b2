// The versions of one secret and the labels on them: the rules that keep each label in one place.

import { AwsError, invalidRequest, resourceNotFound } from './aws-error.ts';

export const DAY_MS = 24 * 60 * 60 * 1000;

/** Versions of a secret that are kept; beyond, the oldest unlabelled ones of a day or more go. */
export const MAX_VERSIONS = 100;
/** Labels over all versions of a secret. */
export const MAX_LABELS = 20;

export const CURRENT = 'AWSCURRENT';
export const PREVIOUS = 'AWSPREVIOUS';
export const PENDING = 'AWSPENDING';

export type SecretValue = { readonly text: string } | { readonly binary: Uint8Array };

export interface Version {
  readonly id: string;
  /** Absent for the version that a rotation driven by Secrets Manager prepares before it has a value. */
  value: SecretValue | undefined;
  createdAtMs: number;
  accessedAtMs: number | undefined;
  /** Absent for the account's own key, which asks nothing of the caller. */
  keyArn: string | undefined;
  readonly stages: Set<string>;
}

export interface Secret {
  readonly arn: string;
  readonly name: string;
  description: string | undefined;
  keyArn: string | undefined;
  readonly tags: Map<string, string>;
  readonly createdAtMs: number;
  changedAtMs: number;
  accessedAtMs: number | undefined;
  deletion: { requestedAtMs: number; dueAtMs: number } | undefined;
  /** In the order of creation. */
  readonly versions: Map<string, Version>;
}

export function selectVersion(
  secret: Secret,
  versionId: string | undefined,
  stage: string | undefined,
): Version & { value: SecretValue } {
  if (versionId !== undefined) {
    const version = secret.versions.get(versionId);
    if (!hasValue(version)) {
      throw resourceNotFound(
        `Secrets Manager can't find the specified secret value for VersionId: ${versionId}`,
      );
    }
    if (stage !== undefined && !version.stages.has(stage)) {
      throw invalidRequest(
        'You provided a VersionStage that is not associated to the provided VersionId.',
      );
    }
    return version;
  }
  const version = labelled(secret, stage ?? CURRENT);
  if (!hasValue(version)) {
    throw resourceNotFound(
      `Secrets Manager can't find the specified secret value for staging label: ${stage ?? CURRENT}`,
    );
  }
  return version;
}

function hasValue(version: Version | undefined): version is Version & { value: SecretValue } {
  return version?.value !== undefined;
}

export function existingVersion(secret: Secret, versionId: string): Version {
  const version = secret.versions.get(versionId);
  if (!version) {
    throw resourceNotFound(
      `Secrets Manager can't find the specified secret version: ${versionId}.`,
    );
  }
  return version;
}

export function labelled(secret: Secret, stage: string): Version | undefined {
  for (const version of secret.versions.values()) if (version.stages.has(stage)) return version;
  return undefined;
}

/** Puts a label on a version, taking it from any other. AWSPREVIOUS follows AWSCURRENT by itself. */
export function attach(secret: Secret, target: Version, stage: string): void {
  const owner = labelled(secret, stage);
  if (owner === target) return;
  owner?.stages.delete(stage);
  target.stages.add(stage);
  if (stage === CURRENT && owner !== undefined) attach(secret, owner, PREVIOUS);
}

export function assertLabelRoom(secret: Secret, wanted: readonly string[]): void {
  const all = new Set(wanted);
  for (const version of secret.versions.values())
    for (const stage of version.stages) all.add(stage);
  if (all.size > MAX_LABELS) {
    throw new AwsError(
      'LimitExceededException',
      `You can't attach more than ${MAX_LABELS} staging labels to the versions of a secret.`,
    );
  }
}

export function makeRoom(secret: Secret, nowMs: number, keptMs: number): void {
  if (secret.versions.size < MAX_VERSIONS) return;
  // Labelled versions never go, nor does any that is younger: on AWS than 24 hours.
  for (const version of secret.versions.values()) {
    if (version.stages.size > 0 || nowMs - version.createdAtMs < keptMs) continue;
    secret.versions.delete(version.id);
    if (secret.versions.size < MAX_VERSIONS) return;
  }
  throw new AwsError(
    'LimitExceededException',
    `You've reached the limit of ${MAX_VERSIONS} versions of a secret, and none of them is both without a staging label and older than 24 hours.`,
  );
}

export function labels(version: Version): string[] {
  return [...version.stages].sort();
}

export function versionIdsToStages(secret: Secret): Record<string, string[]> | undefined {
  const entries = [...secret.versions.values()]
    .filter((version) => version.stages.size > 0)
    .map((version) => [version.id, labels(version)] as const);
  return entries.length === 0 ? undefined : Object.fromEntries(entries);
}

export function sameValue(a: SecretValue, b: SecretValue): boolean {
  if ('text' in a) return 'text' in b && a.text === b.text;
  return 'binary' in b && Buffer.compare(a.binary, b.binary) === 0;
}
