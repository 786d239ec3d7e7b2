// The key that tokens are minted with: read once, kept for a while, and read again at once when Momento says no.
//
//   kept ─► too old, or Momento refused it ─► read ─► kept
//                     (refused: read until the version changes, for at most 5 s)

import * as v from 'valibot';
import type { Clock } from '../shared/clock.ts';
import { Failure } from '../shared/failure.ts';
import type { Redactor } from '../shared/redaction.ts';
import {
  credentialsIn,
  parseSecretValue,
  type UsableKey,
  usableKey,
} from '../shared/secret-value.ts';
import { pairAttempt } from '../shared/version-id.ts';
import { AwsFailure } from './aws-json.ts';

export interface VendingKey extends UsableKey {
  readonly versionId: string;
  /**
   * The key before it, if this one is its renewal, and therefore of the same account: tokens that were made with
   * that one are as good as this one's.
   */
  readonly renewed: UsableKey | undefined;
}

/** Calls GetSecretValue and hands on its answer. Throws what AWS says, by its name. */
export type ReadSecret = (secretArn: string) => Promise<unknown>;

const Answer = v.object({
  ARN: v.optional(v.string(), ''),
  VersionId: v.optional(v.string(), ''),
  SecretString: v.optional(v.string()),
  // Base64 where it comes from the wire, bytes where the SDK has read it.
  SecretBinary: v.optional(v.union([v.string(), v.instance(Uint8Array)])),
});

/** `no-key`: there is none, or what is there is no key. `secret-unreadable`: it could not be asked. */
export class VendingKeyFailure extends Failure<'no-key' | 'secret-unreadable'> {}

/** A rotated key lives on, so this bounds only how long an old one is used. */
const KEPT_FOR_MS = 60_000;
/** After this a kept key is better than none while Secrets Manager is away, and no longer. */
const KEPT_AT_MOST_MS = 15 * 60_000;
const ASKED_AGAIN_AFTER_MS = 10_000;
const CHANGE_AWAITED_MS = 5_000;
const CHANGE_POLL_MS = 250;
const WAITED_AGAIN_AFTER_MS = 60_000;

export interface AfterOptions {
  readonly wait: boolean;
  /** Epoch milliseconds: no read begins after it; one takes at most 4 s (`handler.ts`). */
  readonly deadlineAtMs: number;
}

export interface VendingKeySource {
  current(): Promise<VendingKey>;
  /**
   * Another version than this one, which Momento refused; undefined when there is none. `wait`: a rotation may
   * be under way, so it is looked for over 5 s; but only once a while for the same version, or every request
   * would wait as long as a revoked key stands.
   */
  after(refused: VendingKey, options: AfterOptions): Promise<VendingKey | undefined>;
}

export class SecretVendingKey implements VendingKeySource {
  readonly #readSecret: ReadSecret;
  readonly #secretArn: string;
  readonly #redactor: Redactor;
  readonly #clock: Clock;
  #kept: { readonly key: VendingKey; readonly readAtMs: number } | undefined;
  #reading: Promise<VendingKey> | undefined;
  #failedAtMs = Number.NEGATIVE_INFINITY;
  #waiting:
    | { readonly versionId: string; readonly key: Promise<VendingKey | undefined> }
    | undefined;
  #waitedInVain: { readonly versionId: string; readonly atMs: number } | undefined;

  constructor(readSecret: ReadSecret, secretArn: string, redactor: Redactor, clock: Clock) {
    this.#readSecret = readSecret;
    this.#secretArn = secretArn;
    this.#redactor = redactor;
    this.#clock = clock;
  }

  async current(): Promise<VendingKey> {
    const kept = this.#kept;
    const ageMs = kept === undefined ? Number.POSITIVE_INFINITY : this.#clock.now() - kept.readAtMs;
    if (kept !== undefined && (ageMs < KEPT_FOR_MS || this.#isAway(ageMs))) return kept.key;
    try {
      return await this.#read();
    } catch (error) {
      const isAway = error instanceof VendingKeyFailure && error.code === 'secret-unreadable';
      if (isAway) this.#failedAtMs = this.#clock.now();
      if (kept === undefined || !isAway || ageMs >= KEPT_AT_MOST_MS) throw error;
      return kept.key;
    }
  }

  /** It has just failed to answer: not every request shall wait for it to fail again. */
  #isAway(keptForMs: number): boolean {
    return (
      keptForMs < KEPT_AT_MOST_MS && this.#clock.now() < this.#failedAtMs + ASKED_AGAIN_AFTER_MS
    );
  }

  async after(
    { versionId }: VendingKey,
    { wait, deadlineAtMs }: AfterOptions,
  ): Promise<VendingKey | undefined> {
    const inVain = this.#waitedInVain;
    const waitedLately =
      inVain?.versionId === versionId && this.#clock.now() < inVain.atMs + WAITED_AGAIN_AFTER_MS;
    if (!wait || waitedLately) return this.#otherThan(versionId);
    // Requests at the same time wait together.
    if (this.#waiting?.versionId !== versionId) {
      const waiting = { versionId, key: this.#waitForOtherThan(versionId, deadlineAtMs) };
      this.#waiting = waiting;
      const done = () => {
        if (this.#waiting === waiting) this.#waiting = undefined;
      };
      waiting.key.then(done, done);
    }
    return this.#waiting.key;
  }

  async #waitForOtherThan(
    versionId: string,
    deadlineAtMs: number,
  ): Promise<VendingKey | undefined> {
    const awaitedUntilMs = this.#clock.now() + CHANGE_AWAITED_MS;
    const deadlineMs = Math.min(awaitedUntilMs, deadlineAtMs);
    for (;;) {
      const key = await this.#otherThan(versionId);
      if (key !== undefined) return key;
      if (this.#clock.now() + CHANGE_POLL_MS > deadlineMs) break;
      await this.#clock.sleep(CHANGE_POLL_MS);
    }
    // A wait that somebody's deadline cut short shows nothing.
    if (deadlineMs === awaitedUntilMs) this.#waitedInVain = { versionId, atMs: this.#clock.now() };
    return undefined;
  }

  async #otherThan(versionId: string): Promise<VendingKey | undefined> {
    const key = await this.#read().catch(() => undefined);
    return key?.versionId === versionId ? undefined : key;
  }

  /** Calls that come while one is under way share it. */
  #read(): Promise<VendingKey> {
    this.#reading ??= this.#readOnce().finally(() => {
      this.#reading = undefined;
    });
    return this.#reading;
  }

  async #readOnce(): Promise<VendingKey> {
    const answer = v.parse(
      Answer,
      await this.#readSecret(this.#secretArn).catch((error: unknown) => {
        throw unreadable(error);
      }),
    );
    const text = answer.SecretString ?? textOf(answer.SecretBinary ?? '');
    this.#redactor.learnFrom(text, credentialsIn);
    const content = parseSecretValue(text);
    const key = usableKey(content);
    if (key === undefined) {
      const problem = content.kind === 'unparsable' ? content.problem : 'its key names no endpoint';
      throw new VendingKeyFailure('no-key', `The vending key cannot be used: ${problem}.`);
    }
    const read = { ...key, versionId: answer.VersionId, renewed: this.#renewedBy(key, answer) };
    this.#kept = { key: read, readAtMs: this.#clock.now() };
    return read;
  }

  #renewedBy(key: UsableKey, { ARN: arn, VersionId }: v.InferOutput<typeof Answer>) {
    const before = this.#kept?.key;
    if (before === undefined) return undefined;
    // The same key in a version that a person edited, or the same version, read again.
    if (before.wireKey === key.wireKey) return before.renewed;
    const descent = { arn, currentVersionId: before.versionId };
    return pairAttempt(descent, VersionId) === undefined ? undefined : before;
  }
}

const textOf = (binary: string | Uint8Array): string =>
  (typeof binary === 'string' ? Buffer.from(binary, 'base64') : Buffer.from(binary)).toString(
    'utf8',
  );

function unreadable(error: unknown): VendingKeyFailure {
  const named = error instanceof Error ? error.name : 'Error';
  const name = error instanceof AwsFailure ? error.code : named;
  const said = error instanceof Error ? error.message : String(error);
  return name === 'ResourceNotFoundException'
    ? new VendingKeyFailure('no-key', 'No vending key has been imported yet.', { cause: error })
    : new VendingKeyFailure(
        'secret-unreadable',
        `The vending key cannot be read: ${name}: ${said}`,
        {
          cause: error,
        },
      );
}
