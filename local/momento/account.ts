// One Momento account as a synchronous state machine: its credentials, its rules, its caches and topics.
//
//                          createKeyInConsole │ generateApiToken │ refreshApiToken
//                                             ▼
//   now ≥ validUntil ┌──────────────────── alive ──────────────────┐ revoke, or refreshed
//                    ▼              refreshApiToken │              ▼ with oldKeys: 'die'
//                 expired      (refresh token spent,             dead
//                               if single-use)
//
// No I/O, no timers, no promises and no clock or randomness of its own: a simulator drives it too.

import { type Access, type CacheAccess, mayAccess, type TopicAccess } from './access.ts';
import { Cache } from './cache.ts';
import {
  bareKey,
  encodeApiKey,
  idOfJwt,
  refreshTokenFor,
  type SigningKey,
  signJwt,
} from './keys.ts';
import {
  allDataReadWrite,
  assertGrantable,
  assertNoConflicts,
  isSuperUser,
  type Permissions,
  superUser,
} from './permissions.ts';
import { MomentoRefusal, type RefusalStatus } from './refusal.ts';
import { SlidingWindow } from './sliding-window.ts';
import { Topics } from './topics.ts';

const HOUR_SECONDS = 3600;
const LONGEST_DISPOSABLE_LIFE_SECONDS = 25 * HOUR_SECONDS;
const LONGEST_TOKEN_ID = 64;

export interface MomentoAccountOptions {
  /** Epoch milliseconds. */
  readonly now: () => number;
  /** A new id at every call; it need not be hard to guess. */
  readonly newId: () => string;
  readonly signingKey: SigningKey;
  /**
   * The base endpoint inside every key, `host` or `host:port`.
   * @default where the server listens that serves this account
   */
  readonly endpoint?: string;
  /**
   * Whether a refresh token works once or for as long as its key lives. Momento's own choice is not known.
   * @default 'single-use'
   */
  readonly refreshTokens?: 'single-use' | 'multi-use';
  /**
   * Whether a key outlives its refresh, to its own expiry. Momento's own choice is not known.
   * @default 'live'
   */
  readonly oldKeys?: 'live' | 'die';
  /**
   * Auth operations admitted in any sliding second.
   * @default 5
   */
  readonly authOperationsPerSecond?: number;
  /**
   * The refusal of a refresh token that is spent or another key's. Momento's own is not known.
   * @default 'UNAUTHENTICATED'
   */
  readonly spentRefreshTokenStatus?: RefusalStatus;
  /**
   * The longest life of a disposable token: 1 hour in the older documentation, 25 hours (90,000) in the newer.
   * @default 3600
   */
  readonly maxDisposableLifeSeconds?: number;
}

export interface Credential {
  readonly id: string;
  readonly kind: 'session-token' | 'api-key' | 'disposable-token';
  /** Exactly as they came over the wire. */
  readonly permissions: Permissions;
  readonly issuedAtMs: number;
  /** Epoch seconds; 0 means never. Dead from that very second on. */
  readonly validUntil: number;
  readonly lifetimeSeconds: Lifetime;
  /** Empty if none was given. */
  readonly tokenId: string;
}

export type Lifetime = number | 'never';

/** What Momento answers on the wire: the bare JWT, the endpoint apart, epoch seconds (0 means never). */
export interface IssuedToken {
  readonly apiKey: string;
  readonly endpoint: string;
  readonly validUntil: number;
}

export interface IssuedKey extends IssuedToken {
  readonly refreshToken: string;
}

/** The console's "Download JSON". */
export interface DownloadedKey {
  /** Base64 of `{"endpoint", "api_key"}`. */
  readonly apiKey: string;
  readonly refreshToken: string;
  /** Epoch seconds; 0 means never. */
  readonly validUntil: number;
}

interface HeldCredential {
  readonly credential: Credential;
  /** Undefined once spent, and for a credential that never had one. */
  refreshToken: string | undefined;
  dead: boolean;
}

type NewCredential = Pick<Credential, 'kind' | 'permissions' | 'lifetimeSeconds' | 'tokenId'>;

export class MomentoAccount {
  /** A person's login to the console, as a bare JWT. Never expires here. */
  readonly sessionToken: string;

  readonly #options: MomentoAccountOptions;
  readonly #maxDisposableLifeSeconds: number;
  readonly #authOperations: SlidingWindow;
  readonly #credentials = new Map<string, HeldCredential>();
  /** Of those that were issued here, which need no check of their signature. */
  readonly #idByJwt = new Map<string, string>();
  readonly #caches = new Map<string, { readonly items: Cache; readonly topics: Topics }>();
  #cachesMade = 0;
  #servedAt: string | undefined;

  constructor(options: MomentoAccountOptions) {
    this.#options = options;
    const authOperationsPerSecond = options.authOperationsPerSecond ?? 5;
    if (!Number.isInteger(authOperationsPerSecond) || authOperationsPerSecond < 1) {
      throw new RangeError(
        `authOperationsPerSecond is ${authOperationsPerSecond}: give a whole number, 1 or more`,
      );
    }
    this.#authOperations = new SlidingWindow(authOperationsPerSecond, 1000);
    const life = options.maxDisposableLifeSeconds ?? HOUR_SECONDS;
    if (!(life >= 1 && life <= LONGEST_DISPOSABLE_LIFE_SECONDS)) {
      throw new RangeError(
        `maxDisposableLifeSeconds is ${life}: give 1 to ${LONGEST_DISPOSABLE_LIFE_SECONDS}`,
      );
    }
    this.#maxDisposableLifeSeconds = life;
    const session = this.#issue({
      kind: 'session-token',
      permissions: superUser(),
      lifetimeSeconds: 'never',
      tokenId: '',
    });
    this.sessionToken = session.jwt;
  }

  /** The base endpoint inside every key. */
  get endpoint(): string {
    const endpoint = this.#options.endpoint ?? this.#servedAt;
    if (endpoint === undefined) {
      throw new Error(
        'This account has no endpoint to put into a key: pass `endpoint`, or start a server for it first',
      );
    }
    return endpoint;
  }

  /** Told by the server once its port is bound. An `endpoint` given at construction stays. */
  servedAt(endpoint: string): void {
    this.#servedAt = endpoint;
  }

  /**
   * What a person does in the console. Not an auth operation: no limit counts it.
   * @throws MomentoRefusal INVALID_ARGUMENT for a life that is not a whole number of seconds above 0
   */
  createKeyInConsole(request: {
    readonly lifetimeSeconds: Lifetime;
    readonly scope: 'super-user' | 'all-data-read-write';
  }): DownloadedKey {
    assertLifetime(request.lifetimeSeconds);
    const issued = this.#issueKey({
      permissions: request.scope === 'super-user' ? superUser() : allDataReadWrite(),
      lifetimeSeconds: request.lifetimeSeconds,
      tokenId: '',
    });
    return {
      apiKey: encodeApiKey({ endpoint: issued.endpoint, jwt: issued.apiKey }),
      refreshToken: issued.refreshToken,
      validUntil: issued.validUntil,
    };
  }

  /**
   * What a person does in the console: ends a key at once. Takes the base64 form or the bare JWT.
   * @throws MomentoRefusal NOT_FOUND for a credential this account never issued
   */
  revoke(apiKey: string): void {
    const held = this.#find(bareKey(apiKey));
    if (held === undefined) throw new MomentoRefusal('NOT_FOUND', 'No such key');
    held.dead = true;
  }

  /**
   * Signature valid, known, and alive. Takes the bare JWT, as every call on the wire carries it.
   * @throws MomentoRefusal UNAUTHENTICATED
   */
  authenticate(jwt: string): Credential {
    return this.#held(jwt).credential;
  }

  /** @throws MomentoRefusal UNAUTHENTICATED, RESOURCE_EXHAUSTED, or the configured status for a spent refresh token */
  refreshApiToken(request: { readonly apiKey: string; readonly refreshToken: string }): IssuedKey {
    this.#admitAuthOperation();
    const old = this.#held(request.apiKey);
    if (old.refreshToken !== request.refreshToken) {
      throw new MomentoRefusal(
        this.#options.spentRefreshTokenStatus ?? 'UNAUTHENTICATED',
        'Invalid refresh token',
      );
    }
    const renewed = this.#issueKey(old.credential);
    if (this.#options.refreshTokens !== 'multi-use') old.refreshToken = undefined;
    if (this.#options.oldKeys === 'die') old.dead = true;
    return renewed;
  }

  /** @throws MomentoRefusal UNAUTHENTICATED, PERMISSION_DENIED, INVALID_ARGUMENT, RESOURCE_EXHAUSTED */
  generateApiToken(request: {
    readonly callerKey: string;
    readonly permissions: Permissions;
    readonly lifetimeSeconds: Lifetime;
    readonly tokenId?: string;
  }): IssuedKey {
    this.#admitAuthOperation();
    const maker = this.authenticate(request.callerKey);
    if (!mayGenerate(maker, request.permissions)) {
      throw new MomentoRefusal('PERMISSION_DENIED', 'Insufficient permissions');
    }
    assertGrantable(request.permissions);
    assertNoConflicts(request.permissions);
    assertLifetime(request.lifetimeSeconds);
    return this.#issueKey({
      permissions: request.permissions,
      lifetimeSeconds: request.lifetimeSeconds,
      tokenId: request.tokenId ?? '',
    });
  }

  /** @throws MomentoRefusal UNAUTHENTICATED, PERMISSION_DENIED, INVALID_ARGUMENT, RESOURCE_EXHAUSTED */
  generateDisposableToken(request: {
    readonly callerKey: string;
    readonly permissions: Permissions;
    readonly lifetimeSeconds: number;
    readonly tokenId?: string;
  }): IssuedToken {
    this.#admitAuthOperation();
    const maker = this.authenticate(request.callerKey);
    if (maker.kind !== 'api-key' || !isSuperUser(maker.permissions)) {
      throw new MomentoRefusal('PERMISSION_DENIED', 'Insufficient permissions');
    }
    if (isSuperUser(request.permissions)) {
      throw new MomentoRefusal('INVALID_ARGUMENT', 'A disposable token is for the data plane only');
    }
    assertGrantable(request.permissions);
    assertLifetime(request.lifetimeSeconds);
    if (request.lifetimeSeconds > this.#maxDisposableLifeSeconds) {
      throw new MomentoRefusal(
        'INVALID_ARGUMENT',
        `A disposable token lives at most ${this.#maxDisposableLifeSeconds} seconds`,
      );
    }
    const tokenId = request.tokenId ?? '';
    // UTF-16 units, as the SDK counts: a character outside the basic plane counts twice.
    if (tokenId.length > LONGEST_TOKEN_ID) {
      throw new MomentoRefusal(
        'INVALID_ARGUMENT',
        `A token id has at most ${LONGEST_TOKEN_ID} UTF-16 units`,
      );
    }
    const { endpoint } = this;
    const { jwt, held } = this.#issue({
      kind: 'disposable-token',
      permissions: request.permissions,
      lifetimeSeconds: request.lifetimeSeconds,
      tokenId,
    });
    return { apiKey: jwt, endpoint, validUntil: held.credential.validUntil };
  }

  /**
   * Names in the order of their creation.
   * @throws MomentoRefusal UNAUTHENTICATED; PERMISSION_DENIED for anything but a super-user
   */
  listCaches(callerKey: string): readonly string[] {
    this.#authorize(callerKey, { operation: 'control' });
    return [...this.#caches.keys()];
  }

  /** @throws MomentoRefusal UNAUTHENTICATED, PERMISSION_DENIED, INVALID_ARGUMENT, ALREADY_EXISTS */
  createCache(callerKey: string, name: string): void {
    this.#authorize(callerKey, { operation: 'control' });
    if (name.trim() === '') {
      throw new MomentoRefusal('INVALID_ARGUMENT', 'A cache needs a name');
    }
    if (this.#caches.has(name)) {
      throw new MomentoRefusal('ALREADY_EXISTS', `Cache already exists: ${name}`);
    }
    this.#cachesMade += 1;
    this.#caches.set(name, {
      items: new Cache(this.#options.now),
      topics: new Topics(this.#cachesMade),
    });
  }

  /**
   * Ends every subscription to its topics too.
   * @throws MomentoRefusal UNAUTHENTICATED, PERMISSION_DENIED, NOT_FOUND
   */
  deleteCache(callerKey: string, name: string): void {
    this.#authorize(callerKey, { operation: 'control' });
    const { topics } = this.#cache(name);
    this.#caches.delete(name);
    topics.end(noSuchCache(name));
  }

  /**
   * The cache, for an operation that the caller may do.
   * @throws MomentoRefusal UNAUTHENTICATED, PERMISSION_DENIED, INVALID_ARGUMENT, NOT_FOUND
   */
  openCache(callerKey: string, access: CacheAccess): Cache {
    this.#authorize(callerKey, access);
    return this.#cache(access.cacheName).items;
  }

  /**
   * The topics of a cache, for an operation that the caller may do, and who he is.
   * @throws MomentoRefusal UNAUTHENTICATED, PERMISSION_DENIED, INVALID_ARGUMENT, NOT_FOUND
   */
  openTopic(callerKey: string, access: TopicAccess): { topics: Topics; credential: Credential } {
    const credential = this.#authorize(callerKey, access);
    if (access.topicName.trim() === '') {
      throw new MomentoRefusal('INVALID_ARGUMENT', 'A topic needs a name');
    }
    return { topics: this.#cache(access.cacheName).topics, credential };
  }

  /** Until the credential expires, by the clock of the account; infinite if it never does. */
  remainingMs({ validUntil }: Credential): number {
    return validUntil === 0 ? Number.POSITIVE_INFINITY : validUntil * 1000 - this.#options.now();
  }

  /** Comes before any look at what is there: who may not touch a cache does not learn whether it exists. */
  #authorize(callerKey: string, access: Access): Credential {
    const credential = this.authenticate(callerKey);
    if (!mayAccess(credential, access)) {
      throw new MomentoRefusal('PERMISSION_DENIED', 'Insufficient permissions');
    }
    return credential;
  }

  #cache(name: string) {
    if (name.trim() === '') throw new MomentoRefusal('INVALID_ARGUMENT', 'A cache needs a name');
    const cache = this.#caches.get(name);
    if (cache === undefined) throw noSuchCache(name);
    return cache;
  }

  /** Comes before every check: an operation that is then refused for its key or arguments counts as well. */
  #admitAuthOperation(): void {
    if (!this.#authOperations.admit(this.#options.now())) {
      throw new MomentoRefusal('RESOURCE_EXHAUSTED', 'Too many auth operations in one second');
    }
  }

  #held(jwt: string): HeldCredential {
    const held = this.#find(jwt);
    if (held === undefined || held.dead) {
      throw new MomentoRefusal('UNAUTHENTICATED', 'Invalid credential');
    }
    if (this.remainingMs(held.credential) <= 0) {
      throw new MomentoRefusal('UNAUTHENTICATED', 'The credential has expired');
    }
    return held;
  }

  #find(jwt: string): HeldCredential | undefined {
    const id = this.#idByJwt.get(jwt) ?? idOfJwt(jwt, this.#options.signingKey);
    return id === undefined ? undefined : this.#credentials.get(id);
  }

  #issueKey(key: Pick<NewCredential, 'permissions' | 'lifetimeSeconds' | 'tokenId'>): IssuedKey {
    const { endpoint } = this;
    const { permissions, lifetimeSeconds, tokenId } = key;
    const { jwt, held } = this.#issue({ kind: 'api-key', permissions, lifetimeSeconds, tokenId });
    const { id, validUntil } = held.credential;
    const refreshToken = refreshTokenFor(id, this.#options.signingKey);
    held.refreshToken = refreshToken;
    return { apiKey: jwt, refreshToken, endpoint, validUntil };
  }

  #issue(asked: NewCredential): { jwt: string; held: HeldCredential } {
    const id = this.#options.newId();
    if (this.#credentials.has(id)) throw new Error(`newId gave ${id} twice`);
    const issuedAtMs = this.#options.now();
    const validUntil =
      asked.lifetimeSeconds === 'never' ? 0 : Math.floor(issuedAtMs / 1000) + asked.lifetimeSeconds;
    const held: HeldCredential = {
      credential: { ...asked, id, issuedAtMs, validUntil },
      refreshToken: undefined,
      dead: false,
    };
    this.#credentials.set(id, held);
    const jwt = signJwt(
      {
        sub: 'local-momento',
        ver: 1,
        p: Buffer.from(asked.permissions.serialize()).toString('base64'),
        jti: id,
        ...(validUntil === 0 ? {} : { exp: validUntil }),
      },
      this.#options.signingKey,
    );
    this.#idByJwt.set(jwt, id);
    return { jwt, held };
  }
}

/** The SDK makes `CacheNotFound` of this status, as long as the words are not those for a store. */
function noSuchCache(name: string): MomentoRefusal {
  return new MomentoRefusal('NOT_FOUND', `Cache not found: ${name}`);
}

/** Who may make which key: a person anything; a super-user key anything but a super-user; all others nothing. */
function mayGenerate(maker: Credential, wanted: Permissions): boolean {
  if (maker.kind === 'session-token') return true;
  return maker.kind === 'api-key' && isSuperUser(maker.permissions) && !isSuperUser(wanted);
}

function assertLifetime(lifetimeSeconds: Lifetime): void {
  if (lifetimeSeconds === 'never') return;
  if (!Number.isSafeInteger(lifetimeSeconds) || lifetimeSeconds < 1) {
    throw new MomentoRefusal('INVALID_ARGUMENT', 'A life is a whole number of seconds, 1 or more');
  }
}
