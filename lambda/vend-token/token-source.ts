// Where a token comes from: this process's memory, the table that all instances share, or Momento.
//
//   memory ─► table ─► lease ─► turn ─► mint ─► seal ─► table, memory
//               │        └─► somebody else mints: the old token while it lives, or a short wait
//               └─► away: mint without sharing

import type { Clock } from '../shared/clock.ts';
import { GrpcFailure } from '../shared/grpc-unary.ts';
import { CALL_TIMEOUT_MS, MINT_DEADLINE_MS, type MintOptions, mint } from './mint.ts';
import { LONGEST_PROMISE_MS, LONGEST_WAIT_MS } from './pace.ts';
import { type Scope, shareKey } from './scope.ts';
import { openToken, sealToken, type Unopened } from './sealed-token.ts';
import { TableFailure } from './table.ts';
import type { TimeBounds } from './time-bounds.ts';
import type { TokenItem, TokenItems } from './token-items.ts';
import { TokenMemory } from './token-memory.ts';
import { NotYourTurn, type Turns, takeTurn } from './turns.ts';
import type { VendingKey } from './vending-key.ts';
import type { DisposableToken } from './wire.ts';

export interface WantedToken {
  readonly scope: Scope;
  readonly lifeSeconds: number;
  /** Epoch seconds when the caller's own token ends: ours must not outlive it. */
  readonly callerUntilSeconds: number | undefined;
  /** Told when Momento has been asked and its answer is still to come, or later, or not at all. */
  readonly onAsked?: () => void;
}

export interface TakenToken {
  readonly token: DisposableToken;
  readonly source: 'minted' | 'memory' | 'table';
  /** Why there is no newer one, though this one is due. */
  readonly trouble?: unknown;
}

/** `take` throws `NotYourTurn`, `GrpcFailure`, `VendingKeyFailure`. */
export interface TokenSource {
  take(wanted: WantedToken): Promise<TakenToken>;
}

type MintTools = Omit<MintOptions, 'turn' | 'onAsked' | 'deadlineAtMs'>;

export interface OwnTokensOptions extends MintTools {
  readonly turns: Turns;
  readonly time: TimeBounds;
}

/** Without sharing: each caller gets a token of his own. */
export class OwnTokens implements TokenSource {
  readonly #options: OwnTokensOptions;

  constructor(options: OwnTokensOptions) {
    this.#options = options;
  }

  async take({
    scope,
    lifeSeconds,
    callerUntilSeconds,
    onAsked,
  }: WantedToken): Promise<TakenToken> {
    const { turns, time, clock } = this.#options;
    const { token } = await mint(scope, lifeSeconds, {
      ...this.#options,
      onAsked,
      turn: (isRepeated) =>
        takeTurn(turns, { sentAway: 0 }, time, clock, patienceSpentMs(isRepeated)),
    });
    return { token: notOutliving(token, callerUntilSeconds), source: 'minted' };
  }
}

export interface SharedTokensOptions extends MintTools {
  readonly items: TokenItems;
  /** All instances' turns. Throws `NotYourTurn`, or `TableFailure`. */
  readonly turns: Turns;
  /** This process's, for the time that the table is away. */
  readonly ownTurns: Turns;
  readonly time: TimeBounds;
  readonly clock: Clock;
  /** The part of its life that a token must have left to be handed to one more. */
  readonly whileLifeLeft: number;
  readonly newId: () => string;
  /** Told when the table cannot be used (AWS's code), and when an item in it is no token of ours. */
  readonly onTrouble: (trouble: 'SharingUnavailable' | 'SharedTokenIgnored', why: string) => void;
}

/** While somebody else holds the lease, his token is waited for no longer than this … */
const LEASE_AWAITED_MS = 1_000;
/** … and looked for so often. */
const POLL_MS = 100;
/** When Momento has just failed, a turn to ask again is waited for no longer than this: an outage is no queue. */
const AWAITED_AGAIN_MS = 300;
/** A table that did not answer is left alone for so long: not every login shall wait for it. */
const AWAY_MS = 5_000;
/** So often a lease may be refused although the item shows none; then it is done without. */
const LEASES_AT_MOST = 3;
/** A promise is good for so long after its time: whoever was told to wait for minutes adds some at random. */
const PROMISE_HOLDS_MS = 120_000;
/** Less than this part of its life is too little to be handed out at all. */
const LEAST_LIFE_LEFT = 0.1;
/** An item of another key may mean that the vending key was renewed; not each such item is a reason to look. */
const KEY_LOOKED_AT_AGAIN_AFTER_MS = 10_000;

interface HeldToken {
  readonly token: DisposableToken;
  /** The vending key that made it. */
  readonly wireKey: string;
}

interface Remembered {
  readonly held: HeldToken | undefined;
  /** Epoch milliseconds by AWS's time. */
  readonly promisedAtMs: number | undefined;
}

export class SharedTokens implements TokenSource {
  readonly #options: SharedTokensOptions;
  readonly #memory = new TokenMemory<Remembered>();
  readonly #underWay = new Map<string, Promise<TakenToken>>();
  #tableAwayUntilMs = Number.NEGATIVE_INFINITY;
  #keyLookedAtMs = Number.NEGATIVE_INFINITY;

  constructor(options: SharedTokensOptions) {
    this.#options = options;
  }

  async take(wanted: WantedToken): Promise<TakenToken> {
    const id = shareKey(wanted.scope, wanted.lifeSeconds);
    const known = this.#memory.get(id);
    // Both are read at the same time, and the table only where what is known will not do.
    const awayUntilMs = this.#sentAwayUntilMs(known?.promisedAtMs);
    const hasLeft = this.#hasLeft(known?.held, wanted, this.#options.whileLifeLeft);
    const item = hasLeft || awayUntilMs !== undefined ? undefined : this.#read(id);
    const key = await this.#options.keys.current();
    if (known?.held !== undefined && this.#isFresh(known.held, wanted, key)) {
      return { token: known.held.token, source: 'memory' };
    }
    // Requests of one process at the same time share what they get.
    let taken = this.#underWay.get(id);
    if (taken === undefined) {
      const deadlineAtMs = this.#options.clock.now() + MINT_DEADLINE_MS;
      const asked = { id, wanted, key, deadlineAtMs, awayUntilMs };
      taken = this.#obtain(asked, known?.held, item).finally(() => this.#underWay.delete(id));
      this.#underWay.set(id, taken);
    }
    const { token, ...how } = await taken;
    return { ...how, token: notOutliving(token, wanted.callerUntilSeconds) };
  }

  async #obtain(
    asked: Asked,
    known: HeldToken | undefined,
    firstItem: Promise<TokenItem | undefined> | undefined,
  ): Promise<TakenToken> {
    const { items, clock, time, newId, connect } = this.#options;
    const { id, wanted, awayUntilMs } = asked;
    const waitUntilMs = clock.now() + LEASE_AWAITED_MS;
    let old = this.#isAlive(known, wanted) ? known : undefined;
    if (awayUntilMs !== undefined) return oldOr(old, asked.key, new NotYourTurn(awayUntilMs));
    let item = await (firstItem ?? this.#read(id));
    for (let refused = 0; ; ) {
      if (item === undefined) return this.#mint(asked, old, undefined);
      const shared = await this.#open(item, asked);
      if (shared !== undefined && this.#isAlive(shared, wanted)) {
        this.#memory.set(id, { held: shared, promisedAtMs: undefined });
        if (this.#isFresh(shared, wanted, asked.key)) {
          return { token: shared.token, source: 'table' };
        }
        if (old === undefined || shared.token.validUntil > old.token.validUntil) old = shared;
      }
      if (items.isLeased(item)) {
        // Somebody mints: whoever has something to go on with does not wait for it.
        if (isOf(old, asked.key)) return { token: old.token, source: 'table' };
        if (clock.now() + POLL_MS > waitUntilMs) throw new NotYourTurn(time.earliest() + 1_000);
        await clock.sleep(POLL_MS);
      } else {
        const claim = this.#claimOn(item);
        const surelyUntilMs =
          claim.sentAway === 0 ? this.#surelyAwayUntil(claim.promisedAtMs) : undefined;
        if (surelyUntilMs !== undefined) {
          this.#memory.set(id, { held: old, promisedAtMs: claim.promisedAtMs });
          return oldOr(old, asked.key, new NotYourTurn(surelyUntilMs));
        }
        const leaseId = newId();
        const leasing = this.#onTable(() => items.lease(id, leaseId));
        // Most likely it is we who mint: the connection is made while the table answers. Not before it is asked, for
        // HTTP/2 is loaded then.
        const { tokenEndpoint } = asked.key;
        setImmediate(() => connect?.(tokenEndpoint, CALL_TIMEOUT_MS).catch(() => {}));
        const isLeased = await leasing;
        // Where the item shows no lease and yet refuses one, there is none to be had.
        refused += 1;
        if (isLeased || refused >= LEASES_AT_MOST) {
          return this.#mint(asked, old, { leaseId, ...claim });
        }
      }
      item = await this.#read(id, { consistent: true });
    }
  }

  /** What was promised to those who want this token: for later still, or that they come back now. */
  #claimOn({ promisedAtMs, sentAway }: TokenItem): Claim {
    if (this.#isPending(promisedAtMs)) return { sentAway: 0, promisedAtMs, sentAwayThen: sentAway };
    const isKept =
      promisedAtMs !== undefined && this.#options.time.earliest() - promisedAtMs < PROMISE_HOLDS_MS;
    const times = isKept ? Math.max(1, sentAway) : 0;
    return { sentAway: times, promisedAtMs: undefined, sentAwayThen: times + 1 };
  }

  /** Until when one who was promised a turn is sent away without a question; he may try for a nearer one otherwise. */
  #sentAwayUntilMs(promisedAtMs: number | undefined): number | undefined {
    return this.#isPending(promisedAtMs) ? this.#surelyAwayUntil(promisedAtMs) : undefined;
  }

  #surelyAwayUntil(promisedAtMs: number | undefined): number | undefined {
    return this.#options.turns.surelyAwayUntil?.({ sentAway: 0, promisedAtMs, waitedMs: 0 });
  }

  /** Without a lease the table is away: the turns are this process's own, and nothing is written. */
  async #mint(
    asked: Asked,
    old: HeldToken | undefined,
    lease: Lease | undefined,
  ): Promise<TakenToken> {
    const { items } = this.#options;
    const { id, wanted } = asked;
    try {
      const { token, key } = await mint(wanted.scope, wanted.lifeSeconds, {
        ...this.#options,
        onAsked: wanted.onAsked,
        deadlineAtMs: asked.deadlineAtMs,
        turn: (isRepeated) => this.#turn(lease, isRepeated),
      });
      this.#memory.set(id, { held: { token, wireKey: key.wireKey }, promisedAtMs: undefined });
      if (lease !== undefined) {
        const sealed = sealToken(token, key.wireKey, id);
        await this.#onTable(() => items.store(id, sealed, token.validUntil));
      }
      return { token, source: 'minted' };
    } catch (error) {
      // Momento may have shown that there is another key: its account may be another as well.
      const key = await this.#options.keys.current().catch(() => asked.key);
      const promisedAtMs = error instanceof NotYourTurn && error.isKept ? error.untilMs : undefined;
      if (promisedAtMs !== undefined) this.#memory.set(id, { held: old, promisedAtMs });
      if (lease !== undefined) {
        const promise =
          promisedAtMs === undefined
            ? undefined
            : { atMs: promisedAtMs, sentAway: lease.sentAwayThen };
        await this.#onTable(() => items.release(id, lease.leaseId, promise));
      }
      return oldOr(old, key, error);
    }
  }

  async #turn(lease: Lease | undefined, isRepeated: boolean): Promise<void> {
    const { turns, ownTurns, time, clock } = this.#options;
    const spentMs = patienceSpentMs(isRepeated);
    if (lease !== undefined && !this.#isAway()) {
      // Nothing is kept for a repetition: he has had his turn.
      const options = isRepeated ? { sentAway: 0, promisedAtMs: time.latest() } : lease;
      try {
        return await takeTurn(turns, options, time, clock, spentMs);
      } catch (error) {
        if (!(error instanceof TableFailure)) throw error;
        this.#away(error);
      }
    }
    await takeTurn(ownTurns, { sentAway: 0 }, time, clock, spentMs);
  }

  /** What is in the item, if it is ours; undefined when there is nothing, or nothing of use. */
  async #open({ sealed }: TokenItem, asked: Asked): Promise<HeldToken | undefined> {
    if (sealed === undefined) return undefined;
    let opened = openWith(asked.key, sealed, asked.id);
    if (opened === 'foreign') {
      const newer = await this.#newerKey(asked.key);
      if (newer !== undefined) {
        asked.key = newer;
        opened = openWith(newer, sealed, asked.id);
      }
    }
    if (typeof opened !== 'string') return opened;
    this.#options.onTrouble('SharedTokenIgnored', opened satisfies Unopened);
    return undefined;
  }

  async #newerKey(key: VendingKey): Promise<VendingKey | undefined> {
    const { keys, clock } = this.#options;
    if (clock.now() < this.#keyLookedAtMs + KEY_LOOKED_AT_AGAIN_AFTER_MS) return undefined;
    this.#keyLookedAtMs = clock.now();
    return keys.after(key, { wait: false, deadlineAtMs: clock.now() });
  }

  /** Undefined when the table is away. Never rejects. */
  #read(id: string, options?: { readonly consistent: boolean }): Promise<TokenItem | undefined> {
    return this.#onTable(() => this.#options.items.read(id, options));
  }

  async #onTable<T>(action: () => Promise<T>): Promise<T | undefined> {
    if (this.#isAway()) return undefined;
    try {
      return await action();
    } catch (error) {
      if (!(error instanceof TableFailure)) throw error;
      this.#away(error);
      return undefined;
    }
  }

  #isAway(): boolean {
    return this.#options.clock.now() < this.#tableAwayUntilMs;
  }

  #away(failure: TableFailure): void {
    this.#tableAwayUntilMs = this.#options.clock.now() + AWAY_MS;
    this.#options.onTrouble('SharingUnavailable', failure.code);
  }

  /**
   * By the latest that it may be: whoever comes when he was told is never too early, however little is known of the
   * time. Nothing honest promises a turn that is further away: then it is not waited for.
   */
  #isPending(promisedAtMs: number | undefined): boolean {
    const { time } = this.#options;
    return (
      promisedAtMs !== undefined &&
      promisedAtMs > time.latest() &&
      promisedAtMs <= time.latest() + 2 * LONGEST_PROMISE_MS
    );
  }

  /**
   * A token of the key before is not: nobody knows whether it dies with its key, and it shall not be handed out for
   * longer than it takes to make another.
   */
  #isFresh(held: HeldToken, wanted: WantedToken, key: VendingKey): boolean {
    return held.wireKey === key.wireKey && this.#hasLeft(held, wanted, this.#options.whileLifeLeft);
  }

  #isAlive(held: HeldToken | undefined, wanted: WantedToken): boolean {
    return this.#hasLeft(held, wanted, LEAST_LIFE_LEFT);
  }

  #hasLeft(
    held: HeldToken | undefined,
    { lifeSeconds, callerUntilSeconds = Number.POSITIVE_INFINITY }: WantedToken,
    part: number,
  ): boolean {
    if (held === undefined || held.token.validUntil > callerUntilSeconds) return false;
    return held.token.validUntil - this.#options.time.latest() / 1_000 >= lifeSeconds * part;
  }
}

interface Asked {
  readonly id: string;
  readonly wanted: WantedToken;
  /** Epoch milliseconds of the host's clock: by then there is an answer. */
  readonly deadlineAtMs: number;
  /** Until then he is sent away without a question. */
  readonly awayUntilMs: number | undefined;
  /** Replaced by a newer one when the table shows that there is one. */
  key: VendingKey;
}

interface Claim {
  /** So often they were sent away, and come back now as they were told. */
  readonly sentAway: number;
  /** When they are to come back, if that is later than now. */
  readonly promisedAtMs: number | undefined;
  /** `sentAway`, if they are sent away now. */
  readonly sentAwayThen: number;
}

interface Lease extends Claim {
  readonly leaseId: string;
}

/** A key and the one that it renewed are of the same account; any other may be of another. */
const isOf = (held: HeldToken | undefined, key: VendingKey): held is HeldToken =>
  held !== undefined && [key.wireKey, key.renewed?.wireKey].includes(held.wireKey);

const patienceSpentMs = (isRepeated: boolean): number =>
  isRepeated ? LONGEST_WAIT_MS - AWAITED_AGAIN_MS : 0;

function openWith(key: VendingKey, sealed: Uint8Array, id: string): HeldToken | Unopened {
  for (const { wireKey } of key.renewed === undefined ? [key] : [key, key.renewed]) {
    const opened = openToken(sealed, wireKey, id);
    if (typeof opened !== 'string') return { token: opened, wireKey };
    if (opened !== 'foreign') return opened;
  }
  return 'foreign';
}

function oldOr(old: HeldToken | undefined, key: VendingKey, trouble: unknown): TakenToken {
  if (!isOf(old, key)) throw trouble;
  return { token: old.token, source: 'table', trouble };
}

/** Fails closed: clocks that disagree must not lengthen anybody's access. */
function notOutliving(
  token: DisposableToken,
  callerUntilSeconds: number | undefined,
): DisposableToken {
  if (callerUntilSeconds !== undefined && token.validUntil > callerUntilSeconds) {
    throw new GrpcFailure(
      'INTERNAL',
      "The token would outlive the caller's own: Momento's clock and the gateway's disagree.",
    );
  }
  return token;
}
