// What can be seen of the secret at one instant, without a call and without a trace.

import { claimAttempt } from '../../lambda/shared/version-id.ts';
import type { VersionSnapshot } from '../../local/aws/secrets-manager.ts';
import type { World } from '../lambda/rotate-key/world.ts';

/** A value as applications read it. */
export interface ReadableValue {
  readonly apiKey: string;
  readonly refreshToken: string;
  /** The JWT inside the key. */
  readonly wireKey: string;
  readonly validUntil: unknown;
  /** What is not rotation's, as JSON. */
  readonly otherFields: string;
}

export interface Sight {
  readonly nowMs: number;
  readonly versions: readonly VersionSnapshot[];
  /** Label → version id. */
  readonly labels: ReadonlyMap<string, string>;
  readonly current:
    | {
        readonly versionId: string;
        /** Undefined when it does not parse. */
        readonly value: ReadableValue | undefined;
        readonly createdAtMs: number;
        /** Momento accepts it now. */
        readonly alive: boolean;
        /** Epoch seconds, by Momento's own account; undefined for a key that is dead by now. */
        readonly endsAt: number | undefined;
      }
    | undefined;
}

/** Values never change: one reading of each version is enough. */
export type Readings = Map<string, ReadableValue | undefined>;

export function look(world: World, readings: Readings, arn = world.arn): Sight {
  const versions = world.secrets.inspect(arn);
  const labels = new Map<string, string>();
  for (const { versionId, stages } of versions) {
    for (const stage of stages) labels.set(stage, versionId);
  }
  const versionId = labels.get('AWSCURRENT');
  const version = versions.find((candidate) => candidate.versionId === versionId);
  const value = version && readingOf(version, readings);
  const endsAt = value && endOf(world, value.wireKey);
  return {
    nowMs: world.clock.now(),
    versions,
    labels,
    current:
      version === undefined
        ? undefined
        : {
            versionId: version.versionId,
            createdAtMs: version.createdAtMs,
            value,
            alive: endsAt !== undefined,
            endsAt,
          },
  };
}

export function readingOf(version: VersionSnapshot, readings: Readings): ReadableValue | undefined {
  if (version.secretString === undefined) return undefined;
  if (!readings.has(version.versionId)) {
    readings.set(version.versionId, readValue(version.secretString));
  }
  return readings.get(version.versionId);
}

function readValue(text: string): ReadableValue | undefined {
  try {
    const { apiKey, refreshToken, validUntil, endpoint, ...others } = JSON.parse(text) as Record<
      string,
      unknown
    >;
    if (typeof apiKey !== 'string' || typeof refreshToken !== 'string') return undefined;
    const { api_key: wireKey } = JSON.parse(Buffer.from(apiKey, 'base64').toString('utf8'));
    if (typeof wireKey !== 'string') return undefined;
    return { apiKey, refreshToken, wireKey, validUntil, otherFields: JSON.stringify(others) };
  } catch {
    return undefined;
  }
}

/** Epoch seconds; undefined for a key that Momento does not accept now. */
function endOf(world: World, wireKey: string): number | undefined {
  try {
    return world.momento.authenticate(wireKey).validUntil;
  } catch {
    return undefined;
  }
}

/** What a claim says, of a version that is one. */
export function claimIn(
  version: VersionSnapshot | undefined,
):
  | { readonly claimant: string; readonly runEndsAtMs: number; readonly lapsesAtMs: number }
  | undefined {
  const text = version?.secretString;
  if (text === undefined || !text.startsWith('{"claimant"')) return undefined;
  return JSON.parse(text);
}

/** The claim that has the label. */
export interface Held {
  readonly createdAtMs: number;
  readonly runEndsAtMs: number;
  readonly lapsesAtMs: number;
  /** Marked as over before its time. */
  readonly hasEnded: boolean;
  /** Marked as reported, one way or the other. */
  readonly hasFailed: boolean;
}

/** Also one whose run did not get to its label, or has given it back, as long as that may live. */
export function heldClaim(sight: Sight, arn: string): Held | undefined {
  const { versions, labels } = sight;
  const versionId = liveClaim(sight, arn)?.versionId ?? labels.get('MOMENTO_CLAIM');
  const version = versions.find((candidate) => candidate.versionId === versionId);
  const claim = claimIn(version);
  if (version === undefined || claim === undefined) return undefined;
  const { runEndsAtMs, lapsesAtMs } = claim;
  const hasEnded = labels.get('MOMENTO_ENDED') === versionId;
  const hasFailed = hasEnded || labels.get('MOMENTO_FAILED') === versionId;
  return { createdAtMs: version.createdAtMs, runEndsAtMs, lapsesAtMs, hasEnded, hasFailed };
}

function liveClaim({ versions, current, nowMs }: Sight, arn: string): VersionSnapshot | undefined {
  const newest = versions.findLast((version) => claimIn(version) !== undefined);
  const isLive = (claimIn(newest)?.runEndsAtMs ?? 0) > nowMs;
  if (newest === undefined || current === undefined || !isLive) return undefined;
  const descent = { arn, currentVersionId: current.versionId };
  return claimAttempt(descent, newest.versionId) === undefined ? undefined : newest;
}
