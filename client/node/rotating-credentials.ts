// A Momento client on the key that the secret holds now, through every rotation.
//
//   nothing ─► read ─► serving ── another version is seen ─► built anew ─► swapped ─► serving
//                        │                                                   └─► the old one: closed when idle
//                        └── Momento refuses ─► read until the version changes, at most 5 s ─► swapped ─► replayed
//
// The version is looked at: on a jittered timer; when an event says so; when Momento refuses; and by whoever
// uses the client when all of that has not happened for long (a process that was frozen). Nobody waits long for
// a look while the key that is held may serve: if it is the old one, Momento's refusal finds the new one.

import { SecretsManagerClient } from '@aws-sdk/client-secrets-manager';
import { Redactor } from '../../lambda/shared/redaction.ts';
import { credentialsIn } from '../../lambda/shared/secret-value.ts';
import { isAuthenticationError } from './authentication-error.ts';
import { type Clock, systemClock } from './clock.ts';
import { CredentialsFailure } from './credentials-failure.ts';
import { type CurrentKey, readCurrentKey, type SecretReader } from './current-key.ts';
import { Follower, type Start } from './follower.ts';
import { LeasedClient } from './leased-client.ts';
import { rotationOf } from './rotated-event.ts';

export interface KeyOptions {
  /** Name or ARN: the stack's output `ApiKeySecretArn`. */
  readonly secretId: string;
  /** Yours, if it needs settings; it is not destroyed. @default one with the settings of the environment */
  readonly secretsManager?: SecretReader;
  /** From one look at the secret to the next, in milliseconds, give or take a fifth. @default 60,000 */
  readonly checkEveryMs?: number;
  /**
   * With `false` there is no timer: a call looks first when the last look is `checkEveryMs` ago, and goes on
   * with the key that is held when that takes longer than half a second. For processes that are frozen between
   * calls, such as Lambda functions.
   * @default true
   */
  readonly background?: boolean;
  /**
   * For how long, in milliseconds, the last good key serves while the secret cannot be read, or no client can
   * be made of it. After that every use fails with `kept-too-long`.
   * @default 86,400,000, a day
   */
  readonly servesAtMostMs?: number;
  /**
   * Whether Momento refused the key, where that is not an error of its SDK.
   * @default whether it is a response or an error of the SDK with the code AUTHENTICATION_ERROR
   */
  readonly isRefusal?: (outcome: unknown) => boolean;
  /** For logs and metrics. No secret is in it; what it throws is dropped. @default nobody listens */
  readonly onEvent?: (event: CredentialsEvent) => void;
  /** @default the system's */
  readonly clock?: Clock;
}

export interface ClientOptions<Client> {
  readonly makeClient: (key: CurrentKey) => Client | Promise<Client>;
  /**
   * When the client was replaced and the last call on it has ended.
   * @default its method `close`, if it has one
   */
  readonly closeClient?: (client: Client) => void | Promise<void>;
}

export type CredentialsEvent =
  /** Version ids. */
  | { readonly type: 'rotated'; readonly from: string; readonly to: string }
  /** Momento refused the key of this version; the secret is being read for another one. */
  | { readonly type: 'refused'; readonly versionId: string }
  /** The last good key goes on serving. */
  | { readonly type: 'check-failed'; readonly failure: CredentialsFailure }
  /** `closeClient` threw. */
  | { readonly type: 'close-failed'; readonly error: unknown }
  /** `start` or `stop` of `follow` threw, or what was started said that it is lost. It is started again. */
  | {
      readonly type: 'follower-failed';
      readonly during: 'start' | 'follow' | 'stop';
      readonly error: unknown;
    };

const DAY_MS = 86_400_000;
const CHECK_EVERY_MS = 60_000;
const JITTER = 0.2;
/** `setTimeout` would take a longer one for 1 ms. */
const LONGEST_DELAY_MS = 2 ** 31 - 1;
/** For a look, by a call that could go on with the key that is held. */
const LOOK_AWAITED_MS = 500;
/** So long, give or take half, a failure is handed on instead of reading again. */
const FAILURE_KEPT_MS = 1_000;
const CHANGE_AWAITED_MS = 5_000;
const CHANGE_POLL_MS = 250;
const WAITED_AGAIN_AFTER_MS = 60_000;
/** The SDK's own eager connection gives up after 30 s. */
const MAKING_TIMEOUT_MS = 35_000;

type Outcome<T> =
  | { readonly kind: 'value'; readonly value: T }
  | { readonly kind: 'error'; readonly error: unknown };

/** Reads nothing before it is first used. */
export function rotatingCredentials<Client>(
  options: KeyOptions & ClientOptions<Client>,
): RotatingCredentials<Client>;
export function rotatingCredentials(options: KeyOptions): RotatingCredentials<CurrentKey>;
export function rotatingCredentials<Client>(
  options: KeyOptions & Partial<ClientOptions<Client>>,
): RotatingCredentials<Client | CurrentKey> {
  const { makeClient, closeClient, ...rest } = options;
  if (makeClient === undefined) {
    return new RotatingCredentials<Client | CurrentKey>({ ...rest, makeClient: (key) => key });
  }
  const close = closeClient ?? closeIfItCan;
  return new RotatingCredentials<Client | CurrentKey>({
    ...rest,
    makeClient,
    // What `makeClient` makes is no key, unless the application says that it is.
    closeClient: (client) => close(client as Client),
  });
}

async function closeIfItCan(client: unknown): Promise<void> {
  if (typeof client !== 'object' || client === null) return;
  if ('close' in client && typeof client.close === 'function') await client.close();
}

export class RotatingCredentials<Client> {
  readonly #options: KeyOptions & ClientOptions<Client>;
  readonly #clock: Clock;
  readonly #checkEveryMs: number;
  readonly #servesAtMostMs: number;
  readonly #closing = new AbortController();
  readonly #followers = new Set<Follower<Client>>();
  /** Those that were replaced and are not closed yet, too. */
  readonly #clients = new Set<LeasedClient<Client>>();
  #ownReader: SecretsManagerClient | undefined;
  #held: LeasedClient<Client> | undefined;
  #checking: Promise<void> | undefined;
  #checkAgain = false;
  /** Over when calls that could go on no longer wait for the look that one of them began. */
  #lookAwaited: Promise<void> = Promise.resolve();
  #failed:
    | { readonly failure: unknown; readonly atMs: number; readonly keptMs: number }
    | undefined;
  #checkedAtMs = Number.NEGATIVE_INFINITY;
  /** When the secret was last seen to hold the key that serves. */
  #confirmedAtMs = Number.NEGATIVE_INFINITY;
  #waiting: { readonly refused: LeasedClient<Client>; readonly over: Promise<void> } | undefined;
  #waitedInVain: { readonly refused: LeasedClient<Client>; readonly atMs: number } | undefined;
  #cancelCheck = () => {};
  #ended: Promise<void> | undefined;

  /** @throws RangeError for a secretId or an interval that is none */
  constructor(options: KeyOptions & ClientOptions<Client>) {
    const { clock = systemClock, secretId, checkEveryMs, servesAtMostMs } = options;
    // Of programs without types, too: it mostly comes from the environment.
    if (typeof secretId !== 'string' || secretId.trim() === '') {
      throw new RangeError(
        "secretId is empty: give the stack's output ApiKeySecretArn. Is the environment variable set?",
      );
    }
    this.#options = options;
    this.#clock = clock;
    this.#checkEveryMs = checkEveryMs ?? CHECK_EVERY_MS;
    this.#servesAtMostMs = servesAtMostMs ?? DAY_MS;
    if (!(this.#checkEveryMs > 0 && this.#checkEveryMs * (1 + JITTER) <= LONGEST_DELAY_MS)) {
      throw new RangeError(`checkEveryMs is ${checkEveryMs}: give milliseconds, at most 20 days`);
    }
    if (!(this.#servesAtMostMs >= 0)) {
      throw new RangeError(`servesAtMostMs is ${servesAtMostMs}: give milliseconds, 0 or more`);
    }
  }

  /**
   * Calls with the client on the current key. If Momento refuses the key, the call is made once more as soon as
   * there is another one; what comes of that is handed on as it is, as is the refusal if there is none in 5 s.
   * So a call is one request, or one that may be made twice. The client is open until the call's promise
   * settles, and must not be kept.
   * @throws CredentialsFailure, and whatever the call throws
   */
  async use<T>(call: (client: Client) => T | Promise<T>): Promise<T> {
    return this.#perform((held) => held.lend(call));
  }

  /**
   * The key itself, for those who need the string. Nothing is replayed for them: prefer `use`.
   * @throws CredentialsFailure
   */
  async current(): Promise<CurrentKey> {
    await this.#ready();
    return this.#serving().key;
  }

  /**
   * For what lives on a client, such as a subscription: starts it, and at every rotation starts it on the new
   * client before it is stopped on the old one, which stays open until then. Resolves when it is started, with
   * what ends it for good. A `start` is given 35 s, a `stop` 10 s.
   * @throws CredentialsFailure, and whatever `start` throws the first time
   */
  async follow(start: Start<Client>): Promise<() => Promise<void>> {
    const follower = new Follower(start, {
      clock: this.#clock,
      current: () => this.#held,
      replacementOf: (refused) => this.#replacementOf(refused),
      isRefusal: (error) => this.#saysRefusal(error),
      onTrouble: (error, during) => this.#tell({ type: 'follower-failed', during, error }),
    });
    const stop = async () => {
      this.#followers.delete(follower);
      await follower.stop();
    };
    // Before it is started: `close()` waits for it.
    this.#followers.add(follower);
    try {
      await this.#perform((held) => follower.startOn(held));
    } catch (error) {
      // It runs if it was `isRefusal` that threw, of what a start gives: nothing.
      await stop();
      throw this.#isClosed ? closedFailure() : error;
    }
    if (this.#isClosed) {
      await stop();
      throw closedFailure();
    }
    // It may have been started on a client that was replaced meanwhile.
    follower.move();
    return stop;
  }

  /**
   * Looks at the secret now. With an event of EventBridge: only if it tells of a rotation of this very secret
   * that was not seen yet. Resolves when the new client serves. Never rejects: `onEvent` hears of failures,
   * and the timer tries again.
   */
  async noticeRotation(event?: unknown): Promise<void> {
    const isUnused = this.#held === undefined && this.#checking === undefined;
    if (isUnused || this.#isClosed) return;
    if (event !== undefined) {
      const rotation = rotationOf(event, this.#options.secretId);
      const known = this.#held?.key.versionId;
      if (rotation === undefined || (known !== undefined && rotation.versionId === known)) return;
    }
    // What a look that is under way has read may be older than the news.
    this.#checkAgain = this.#checking !== undefined;
    await this.#check().catch(() => {});
  }

  /**
   * Ends timers and followers, and every client when the last call on it has ended: it waits for calls, for as
   * long as they take, and for followers at most 20 s. A call that waits for another key gets its refusal; later
   * ones a failure `closed`. May be called twice.
   */
  close(): Promise<void> {
    this.#ended ??= this.#end();
    return this.#ended;
  }

  get #isClosed(): boolean {
    return this.#closing.signal.aborted;
  }

  async #end(): Promise<void> {
    this.#closing.abort();
    this.#cancelCheck();
    await Promise.all([...this.#followers].map((follower) => follower.stop()));
    this.#held?.retire();
    await this.#checking?.catch(() => {});
    await Promise.all([...this.#clients].map(({ closed }) => closed));
    this.#ownReader?.destroy();
  }

  // ── a call ────────────────────────────────────────────────────────────────────────────────────

  async #perform<T>(act: (held: LeasedClient<Client>) => Promise<T>): Promise<T> {
    await this.#ready();
    // From here to the loan nothing may be awaited: the client could be closed in between.
    const first = this.#serving();
    const outcome = await outcomeOf(act(first));
    if (!this.#isRefusal(outcome)) return result(outcome);
    await this.#replacementOf(first);
    const second = this.#held;
    if (second === undefined || second === first || this.#isClosed) {
      return result(outcome);
    }
    return act(second);
  }

  /** Afterwards there is a client that may be used now. */
  async #ready(): Promise<void> {
    if (this.#isClosed) throw closedFailure();
    if (this.#held === undefined) return this.#checkUnlessFailed();
    if (!this.#isKeptTooLong()) {
      if (this.#isOverdue()) await this.#lookBriefly();
      return;
    }
    const failure = await this.#checkUnlessFailed().then(
      () => undefined,
      (error: unknown) => error,
    );
    if (failure === undefined || !this.#isKeptTooLong()) return;
    const hours = Math.round(this.#servesAtMostMs / 360_000) / 10;
    throw new CredentialsFailure(
      'kept-too-long',
      `The Momento key has not been confirmed for ${hours} h (servesAtMostMs). ${messageOf(failure)}`,
      { cause: failure },
    );
  }

  /** Looks, and waits a moment for it. Not for a look that was begun by anybody else: it may have hung for long. */
  #lookBriefly(): Promise<void> {
    if (this.#checking === undefined) {
      this.#lookAwaited = this.#pause(LOOK_AWAITED_MS, this.#check());
    }
    return this.#lookAwaited;
  }

  /** Callers that do not pause between their failures shall not read without a pause. */
  #checkUnlessFailed(): Promise<void> {
    const failed = this.#failed;
    if (this.#checking === undefined && failed && this.#isWithin(failed.keptMs, failed.atMs)) {
      return Promise.reject(failed.failure);
    }
    return this.#check();
  }

  #serving(): LeasedClient<Client> {
    if (this.#held === undefined || this.#isClosed) throw closedFailure();
    return this.#held;
  }

  /** Without a timer, or when the timer has not come: the process was frozen, or the clock was set. */
  #isOverdue(): boolean {
    const elapsedMs = this.#clock.now() - this.#checkedAtMs;
    const isDueAfterMs = this.#checkEveryMs * (this.#options.background === false ? 1 : 2);
    return elapsedMs >= isDueAfterMs || elapsedMs < 0;
  }

  #isKeptTooLong(): boolean {
    return this.#clock.now() - this.#confirmedAtMs >= this.#servesAtMostMs;
  }

  #isRefusal(outcome: Outcome<unknown>): boolean {
    const { isRefusal = isAuthenticationError } = this.#options;
    return isRefusal(outcome.kind === 'value' ? outcome.value : outcome.error);
  }

  /** Of a loss, with no caller who could be told that `isRefusal` has a bug. */
  #saysRefusal(error: unknown): boolean {
    try {
      return this.#isRefusal({ kind: 'error', error });
    } catch (bug) {
      this.#tell({ type: 'follower-failed', during: 'follow', error: bug });
      return false;
    }
  }

  // ── another key ───────────────────────────────────────────────────────────────────────────────

  /** Settles when another client serves, or when none has come for 5 s. Calls at the same time wait together. */
  #replacementOf(refused: LeasedClient<Client>): Promise<void> {
    if (this.#held !== refused) return Promise.resolve();
    if (this.#waiting?.refused !== refused) {
      const over = this.#waitForReplacementOf(refused).finally(() => {
        if (this.#waiting?.refused === refused) this.#waiting = undefined;
      });
      this.#waiting = { refused, over };
    }
    return this.#waiting.over;
  }

  async #waitForReplacementOf(refused: LeasedClient<Client>): Promise<void> {
    const isThere = () => this.#held !== refused || this.#isClosed;
    const inVain = this.#waitedInVain;
    // Or every call would wait for as long as a revoked key stands.
    if (inVain?.refused === refused && this.#isWithin(WAITED_AGAIN_AFTER_MS, inVain.atMs)) {
      if (!this.#isWithin(CHANGE_POLL_MS, this.#checkedAtMs)) {
        await this.#pause(CHANGE_AWAITED_MS, this.#check());
      }
      return;
    }
    this.#tell({ type: 'refused', versionId: refused.key.versionId });
    const startedAtMs = this.#clock.now();
    for (;;) {
      const leftMs = CHANGE_AWAITED_MS - Math.max(0, this.#clock.now() - startedAtMs);
      await this.#pause(leftMs, this.#check());
      if (isThere()) return;
      if (!this.#isWithin(CHANGE_AWAITED_MS - CHANGE_POLL_MS, startedAtMs)) break;
      await this.#pause(CHANGE_POLL_MS * (0.5 + this.#clock.random()));
    }
    this.#waitedInVain = { refused, atMs: this.#clock.now() };
  }

  /** Since then, and not longer ago than that; a clock that was set back says no. */
  #isWithin(durationMs: number, sinceMs: number): boolean {
    const elapsedMs = this.#clock.now() - sinceMs;
    return elapsedMs >= 0 && elapsedMs < durationMs;
  }

  /** As long as that, or until `work` settles, or until everything is closed. Never rejects. */
  #pause(durationMs: number, work?: Promise<void>): Promise<void> {
    const { signal } = this.#closing;
    return new Promise((resolve) => {
      const done = () => {
        cancel();
        signal.removeEventListener('abort', done);
        resolve();
      };
      const cancel = this.#clock.after(durationMs, done);
      signal.addEventListener('abort', done);
      if (signal.aborted) done();
      work?.then(done, done);
    });
  }

  // ── the look at the secret ────────────────────────────────────────────────────────────────────

  /** Calls that come while one is under way share it. Rejects with a CredentialsFailure. */
  #check(): Promise<void> {
    if (this.#isClosed) return Promise.reject(closedFailure());
    this.#checking ??= this.#checkAndArm();
    return this.#checking;
  }

  async #checkAndArm(): Promise<void> {
    this.#cancelCheck();
    let failure: unknown;
    do {
      this.#checkAgain = false;
      failure = await this.#checkOnce().then(
        () => undefined,
        (error: unknown) => error,
      );
    } while (this.#checkAgain && !this.#isClosed);
    // In the same step as the last look at `checkAgain`, or news could fall in between.
    this.#checking = undefined;
    this.#checkedAtMs = this.#clock.now();
    // A clock that was set back would otherwise make the bound longer by as much.
    this.#confirmedAtMs = Math.min(this.#confirmedAtMs, this.#checkedAtMs);
    if (this.#isClosed) throw closedFailure();
    this.#arm();
    this.#failed =
      failure === undefined
        ? undefined
        : {
            failure,
            atMs: this.#checkedAtMs,
            keptMs: FAILURE_KEPT_MS * (0.5 + this.#clock.random()),
          };
    if (failure === undefined) return;
    if (failure instanceof CredentialsFailure) this.#tell({ type: 'check-failed', failure });
    throw failure;
  }

  #arm(): void {
    if (this.#options.background === false) return;
    const jitter = 1 + JITTER * (2 * this.#clock.random() - 1);
    const check = () => {
      this.#check().catch(() => {});
    };
    this.#cancelCheck = this.#clock.after(this.#checkEveryMs * jitter, check, 'background');
  }

  async #checkOnce(): Promise<void> {
    const { secretId } = this.#options;
    const key = await readCurrentKey(this.#reader(), secretId, this.#clock, this.#closing.signal);
    const before = this.#held;
    if (before?.key.versionId !== key.versionId) {
      const client = await this.#make(key);
      const made = new LeasedClient(key, client, (retired) => this.#closeClient(retired));
      this.#clients.add(made);
      made.closed.then(() => this.#clients.delete(made));
      if (this.#isClosed) return made.retire();
      this.#held = made;
      for (const follower of this.#followers) follower.move();
      // Only now: whatever still runs on it has borrowed it.
      before?.retire();
      if (before !== undefined) {
        this.#tell({ type: 'rotated', from: before.key.versionId, to: key.versionId });
      }
    }
    this.#confirmedAtMs = this.#clock.now();
  }

  #reader(): SecretReader {
    if (this.#options.secretsManager !== undefined) return this.#options.secretsManager;
    this.#ownReader ??= new SecretsManagerClient({});
    return this.#ownReader;
  }

  async #make(key: CurrentKey): Promise<Client> {
    let made: Outcome<Client> | undefined;
    let isTooLate = false;
    // So that what it throws at once is a rejection too.
    const making = Promise.resolve().then(() => this.#options.makeClient(key));
    const settled = outcomeOf(making).then((outcome) => {
      if (!isTooLate) made = outcome;
      else if (outcome.kind === 'value') this.#closeClient(outcome.value);
    });
    await this.#pause(MAKING_TIMEOUT_MS, settled);
    isTooLate = made === undefined;
    if (made?.kind === 'value') return made.value;
    const error = made?.error ?? new Error(`not made within ${MAKING_TIMEOUT_MS / 1000} s`);
    throw new CredentialsFailure(
      'client-not-made',
      `makeClient failed on version ${key.versionId}: ${textWithoutKey(error, key)}`,
    );
  }

  async #closeClient(client: Client): Promise<void> {
    try {
      await this.#options.closeClient?.(client);
    } catch (error) {
      this.#tell({ type: 'close-failed', error });
    }
  }

  #tell(event: CredentialsEvent): void {
    try {
      this.#options.onEvent?.(event);
    } catch {
      // A logger that fails must not fail a call.
    }
  }
}

const closedFailure = () =>
  new CredentialsFailure('closed', 'These credentials were closed: make new ones.');

const outcomeOf = <T>(work: Promise<T>): Promise<Outcome<T>> =>
  work.then(
    (value) => ({ kind: 'value', value }),
    (error: unknown) => ({ kind: 'error', error }),
  );

function result<T>(outcome: Outcome<T>): T {
  if (outcome.kind === 'error') throw outcome.error;
  return outcome.value;
}

/** The SDK's errors quote a key that they cannot read: such an error is no `cause`, its text is all that is kept. */
function textWithoutKey(error: unknown, { apiKey }: CurrentKey): string {
  const redactor = new Redactor();
  redactor.learn(...credentialsIn(apiKey));
  return redactor.text(messageOf(error));
}

const messageOf = (error: unknown): string =>
  typeof error === 'object' && error !== null && 'message' in error
    ? String(error.message)
    : String(error);
