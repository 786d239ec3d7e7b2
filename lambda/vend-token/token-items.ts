// The items of shared tokens: the sealed token of a share key, the lease of whoever mints it, and when those who want
// it were told to come back. Times are epoch milliseconds by AWS's time, unless said otherwise.

import * as v from 'valibot';
import { OptionalBytes, OptionalNumber, type Table } from './table.ts';
import type { TimeBounds } from './time-bounds.ts';

export interface TokenItem {
  readonly sealed: Uint8Array | undefined;
  /** Somebody is minting, until then at the latest. */
  readonly leaseUntilMs: number | undefined;
  readonly promisedAtMs: number | undefined;
  /** So often those who wanted it were told to come back, in a row. */
  readonly sentAway: number;
}

/**
 * A mint that died frees its lease after this. Shorter than the longest mint: two instances that mint the same
 * token do no harm, and one that is dead should not be waited for.
 */
export const LEASE_MS = 4_000;
/** No honest lease ends later, whatever the host's clock. */
const ABSURD_LEASE_MS = 10 * LEASE_MS;
/** Beyond the life of what is in it an item is of no use to anybody. */
const KEPT_AFTERWARDS_SECONDS = 3_600;

const Item = v.object({
  sealed: OptionalBytes,
  leaseUntil: OptionalNumber,
  promisedAt: OptionalNumber,
  sentAway: OptionalNumber,
});

const NOTHING: TokenItem = {
  sealed: undefined,
  leaseUntilMs: undefined,
  promisedAtMs: undefined,
  sentAway: 0,
};

/** Every method throws `TableFailure`. */
export class TokenItems {
  readonly #table: Table;
  readonly #time: TimeBounds;

  constructor(table: Table, time: TimeBounds) {
    this.#table = table;
    this.#time = time;
  }

  async read(shareKey: string, options?: { readonly consistent: boolean }): Promise<TokenItem> {
    const parsed = v.safeParse(Item, await this.#table.get(shareKey, options));
    if (!parsed.success) return NOTHING;
    const { sealed, leaseUntil, promisedAt, sentAway = 0 } = parsed.output;
    return { sealed, leaseUntilMs: leaseUntil, promisedAtMs: promisedAt, sentAway };
  }

  isLeased({ leaseUntilMs }: TokenItem): boolean {
    return (
      leaseUntilMs !== undefined &&
      leaseUntilMs >= this.#time.earliest() &&
      leaseUntilMs <= this.#time.latest() + ABSURD_LEASE_MS
    );
  }

  /** True when the lease is ours. */
  async lease(shareKey: string, leaseId: string): Promise<boolean> {
    const untilMs = this.#time.latest() + LEASE_MS;
    const updated = await this.#table.update(shareKey, {
      update: 'SET leaseId = :id, leaseUntil = :until, expiresAt = if_not_exists(expiresAt, :kept)',
      // With our own id: the answer to our first try was lost.
      condition:
        'attribute_not_exists(leaseUntil) OR leaseUntil < :now OR leaseUntil > :absurd OR leaseId = :id',
      values: {
        id: leaseId,
        until: untilMs,
        now: this.#time.earliest(),
        absurd: this.#time.latest() + ABSURD_LEASE_MS,
        kept: Math.ceil(untilMs / 1_000) + KEPT_AFTERWARDS_SECONDS,
      },
    });
    return updated !== undefined;
  }

  /** Gives the lease back; with `promisedAtMs`, whoever wants this token is told to come back then. */
  async release(
    shareKey: string,
    leaseId: string,
    promise?: { readonly atMs: number; readonly sentAway: number },
  ): Promise<void> {
    const set = promise === undefined ? '' : 'SET promisedAt = :promised, sentAway = :away ';
    await this.#table.update(shareKey, {
      update: `${set}REMOVE leaseId, leaseUntil`,
      condition: 'leaseId = :id',
      values: {
        id: leaseId,
        ...(promise !== undefined && { promised: promise.atMs, away: promise.sentAway }),
      },
    });
  }

  /** The token takes the place of everything: leases and promises were for it. */
  async store(shareKey: string, sealed: Uint8Array, validUntilSeconds: number): Promise<void> {
    await this.#table.put(shareKey, {
      sealed: { B: Buffer.from(sealed).toString('base64') },
      expiresAt: { N: String(Math.ceil(validUntilSeconds) + KEPT_AFTERWARDS_SECONDS) },
    });
  }
}
