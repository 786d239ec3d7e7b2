// What can be seen of the secret at one instant, without a call and without a trace.

import type { VersionSnapshot } from '../../local/aws/secrets-manager.ts';
import type { World } from '../lambda/rotate-key/world.ts';

/** A value as applications read it. */
export interface ReadableValue {
  readonly apiKey: string;
  readonly refreshToken: string;
  /** The JWT inside the key. */
  readonly wireKey: string;
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
        /** Momento accepts it now. */
        readonly alive: boolean;
      }
    | undefined;
}

/** Values never change: one reading of each version is enough. */
export type Readings = Map<string, ReadableValue | undefined>;

export function look(world: World, readings: Readings): Sight {
  const versions = world.secrets.inspect(world.arn);
  const labels = new Map<string, string>();
  for (const { versionId, stages } of versions) {
    for (const stage of stages) labels.set(stage, versionId);
  }
  const versionId = labels.get('AWSCURRENT');
  const version = versions.find((candidate) => candidate.versionId === versionId);
  const value = version && readingOf(version, readings);
  return {
    nowMs: world.clock.now(),
    versions,
    labels,
    current:
      versionId === undefined
        ? undefined
        : { versionId, value, alive: value !== undefined && authenticates(world, value.wireKey) },
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
    const { apiKey, refreshToken } = JSON.parse(text) as Record<string, unknown>;
    if (typeof apiKey !== 'string' || typeof refreshToken !== 'string') return undefined;
    const { api_key: wireKey } = JSON.parse(Buffer.from(apiKey, 'base64').toString('utf8'));
    return typeof wireKey === 'string' ? { apiKey, refreshToken, wireKey } : undefined;
  } catch {
    return undefined;
  }
}

export function authenticates(world: World, wireKey: string): boolean {
  try {
    world.momento.authenticate(wireKey);
    return true;
  } catch {
    return false;
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

/** Epoch milliseconds from which the next attempt may begin; undefined without a claim. */
export function claimLapsesAtMs({ versions, labels }: Sight): number | undefined {
  const versionId = labels.get('MOMENTO_CLAIM');
  return claimIn(versions.find((version) => version.versionId === versionId))?.lapsesAtMs;
}
