// Each key's versions over time, from the secrets as they are at every look. Values are read for their end alone.

import * as v from 'valibot';
import type { KeyResult } from '../terminal/key-results.ts';
import type { Key, Version } from './told.ts';

export interface SeenVersion {
  readonly versionId: string;
  readonly stages: readonly string[];
  readonly secretString: string | undefined;
  readonly createdAtMs: number;
}

export interface KeysOptions {
  /** Key's name by the ARN of its secret. */
  readonly keyNames: ReadonlyMap<string, string>;
  /** Every version of a secret. */
  readonly inspect: (secretArn: string) => readonly SeenVersion[];
  /** Epoch milliseconds. */
  readonly now: () => number;
}

interface Moments {
  currentFromMs: number | null;
  replacedAtMs: number | null;
  dueAtMs: number | null;
  revokedAtMs: number | null;
}

const Pair = v.looseObject({ apiKey: v.string(), validUntil: v.optional(v.unknown()) });
/** A rotation names its versions by a hash; everybody else's are UUIDs. */
const MADE_BY_ROTATION = /^[0-9a-f]{64}$/;
const MOST_VERSIONS = 40;
/** After these the time of the next attempt is that of the key's renewal. */
const DUE_IS_KNOWN = ['not-due', 'rotated', 'resumed', 'healed'];

export class Keys {
  readonly #options: KeysOptions;
  readonly #moments = new Map<string, Moments>();
  readonly #currents = new Map<string, string>();
  readonly #results = new Map<string, Key['lastResult']>();

  constructor(options: KeysOptions) {
    this.#options = options;
  }

  revoked(secretArn: string): void {
    this.#momentsOf(this.#currents.get(secretArn) ?? '').revokedAtMs = this.#options.now();
  }

  /** A run's outcome, where that is all that is known. */
  ended(secretId: string, outcome: string): void {
    this.#results.set(secretId, { outcome, atMs: this.#options.now() });
  }

  result({
    secretId,
    outcome,
    nextAttemptAt,
  }: Pick<KeyResult, 'secretId' | 'outcome' | 'nextAttemptAt'>): void {
    this.ended(secretId, outcome);
    this.look();
    const current = this.#currents.get(secretId);
    if (current === undefined || nextAttemptAt === null || !DUE_IS_KNOWN.includes(outcome)) return;
    this.#momentsOf(current).dueAtMs = nextAttemptAt * 1000;
  }

  /** The keys as they are now. */
  look(): Key[] {
    const gone = new Set(this.#moments.keys());
    const keys = [...this.#options.keyNames].map(([secretArn, name]) => {
      const seen = this.#options.inspect(secretArn);
      for (const { versionId } of seen) gone.delete(versionId);
      this.#followCurrent(secretArn, seen);
      const versions = seen
        .flatMap((version) => this.#versionOf(version))
        .sort((left, right) => left.createdAtMs - right.createdAtMs)
        .slice(-MOST_VERSIONS);
      return { name, versions, lastResult: this.#results.get(secretArn) ?? null };
    });
    for (const versionId of gone) this.#moments.delete(versionId);
    return keys;
  }

  #followCurrent(secretArn: string, seen: readonly SeenVersion[]): void {
    const current = seen.find(({ stages }) => stages.includes('AWSCURRENT'))?.versionId;
    const before = this.#currents.get(secretArn);
    if (current === undefined || current === before) return;
    const now = this.#options.now();
    if (before !== undefined) this.#momentsOf(before).replacedAtMs = now;
    // Seen before, it was waiting until now; else it was made as the current one.
    const isNew = !this.#moments.has(current);
    const madeAtMs = seen.find(({ versionId }) => versionId === current)?.createdAtMs ?? now;
    const moments = this.#momentsOf(current);
    moments.currentFromMs = isNew ? madeAtMs : now;
    moments.replacedAtMs = null;
    this.#currents.set(secretArn, current);
  }

  /** None for a version that is no key, such as a claim. */
  #versionOf({ versionId, stages, secretString, createdAtMs }: SeenVersion): Version[] {
    const validUntil = endOf(secretString);
    if (validUntil === undefined) return [];
    return [
      {
        id: versionId.slice(0, 8),
        origin: MADE_BY_ROTATION.test(versionId) ? 'rotated' : 'imported',
        createdAtMs,
        endsAtMs: validUntil === 0 ? null : validUntil * 1000,
        labels: stages,
        ...this.#momentsOf(versionId),
      },
    ];
  }

  #momentsOf(versionId: string): Moments {
    let moments = this.#moments.get(versionId);
    if (moments === undefined) {
      moments = { currentFromMs: null, replacedAtMs: null, dueAtMs: null, revokedAtMs: null };
      this.#moments.set(versionId, moments);
    }
    return moments;
  }
}

/** Epoch seconds, 0 for never; undefined for a value that is no pair, or does not say. */
function endOf(secretString: string | undefined): number | undefined {
  try {
    const read = v.safeParse(Pair, JSON.parse(secretString ?? ''));
    const end = read.success ? Number(read.output.validUntil) : Number.NaN;
    return Number.isFinite(end) ? end : undefined;
  } catch {
    return undefined;
  }
}
