// Mints one token: in its turn, with a deadline, jittered retries, and one replay when the key was rotated meanwhile.

import type { Clock } from '../shared/clock.ts';
import { GrpcFailure } from '../shared/grpc-unary.ts';
import { retry } from '../shared/retry.ts';
import type { Scope } from './scope.ts';
import { TimeBounds } from './time-bounds.ts';
import type { VendingKey, VendingKeySource } from './vending-key.ts';
import { type DisposableToken, decodeResponse, encodeRequest, METHOD } from './wire.ts';

/** One call to Momento's token service. Throws `GrpcFailure`. */
export type TokenCall = (
  tokenEndpoint: string,
  path: string,
  request: Uint8Array,
  timeoutMs: number,
) => Promise<Uint8Array>;

export interface MintOptions {
  readonly keys: VendingKeySource;
  readonly call: TokenCall;
  /**
   * Connects beforehand: a turn must not pass while a connection is made, nor be taken where there is none. Throws
   * `GrpcFailure`. @default the call connects
   */
  readonly connect?: (tokenEndpoint: string, timeoutMs: number) => Promise<void>;
  /**
   * Resolves when Momento may be asked once; whatever it throws ends the mint. `isRepeated`: Momento has just failed,
   * and whoever waits for long has an answer already. @default at once
   */
  readonly turn?: (isRepeated: boolean) => Promise<void>;
  /** Told when the call is on its way, in time in which nothing else is done; or later. It must not throw. */
  readonly onAsked?: (() => void) | undefined;
  readonly clock: Clock;
  /** @default the host's */
  readonly time?: TimeBounds;
  /** Epoch milliseconds of the host's clock. @default MINT_DEADLINE_MS from now */
  readonly deadlineAtMs?: number;
}

export interface Minted {
  readonly token: DisposableToken;
  /** What it was made with. */
  readonly key: VendingKey;
}

/** All of it; well inside the gateway's 30 s, and no longer than `life.ts` reckons with. */
export const MINT_DEADLINE_MS = 9_500;
/** What the wait for a rotated key leaves for the replay. */
const RESERVED_FOR_REPLAY_MS = 1_500;
export const CALL_TIMEOUT_MS = 3_000;
const MAX_TRIES = 3;

/** Minting twice does no harm: whatever may have been seen can be repeated. */
const RETRYABLE: ReadonlySet<string> = new Set([
  'UNAVAILABLE',
  'INTERNAL',
  'CANCELLED',
  'UNKNOWN',
  // Of one call: a connection that has gone deaf is not used again.
  'DEADLINE_EXCEEDED',
]);

/** Clocks differ a little; a life that is longer than this is not what was asked for. */
const CLOCK_SLACK_SECONDS = 60;

/** Throws `GrpcFailure`, `VendingKeyFailure`, or what `turn` throws. */
export async function mint(
  scope: Scope,
  lifeSeconds: number,
  {
    keys,
    call,
    connect,
    turn,
    onAsked,
    clock,
    time = new TimeBounds(clock),
    deadlineAtMs = clock.now() + MINT_DEADLINE_MS,
  }: MintOptions,
): Promise<Minted> {
  const timeLeftMs = () => Math.min(CALL_TIMEOUT_MS, deadlineAtMs - clock.now());
  const mintWith = (key: VendingKey) => {
    let failed: unknown;
    return retry(
      async () => {
        await connect?.(key.tokenEndpoint, timeLeftMs());
        try {
          await turn?.(failed !== undefined);
        } catch (error) {
          // What keeps the token away is what Momento said, not that there is no turn to ask again.
          throw failed ?? error;
        }
        const request = encodeRequest({ scope, lifeSeconds, wireKey: key.wireKey });
        const timeoutMs = timeLeftMs();
        if (timeoutMs <= 0) throw new GrpcFailure('DEADLINE_EXCEEDED', 'The time was out.');
        let token: DisposableToken;
        try {
          const answer = call(key.tokenEndpoint, METHOD, request, timeoutMs);
          // Not at once: Node.js sends what was written when the code that wrote it is done.
          if (onAsked !== undefined) setImmediate(onAsked);
          token = decoded(await answer);
        } catch (error) {
          failed = error;
          throw error;
        }
        const latest = time.latest() / 1000 + lifeSeconds + CLOCK_SLACK_SECONDS;
        if (token.validUntil > latest) {
          throw new GrpcFailure('INTERNAL', 'Momento answered with a life longer than asked for.');
        }
        return { token, key };
      },
      {
        clock,
        deadlineAtMs,
        maxTries: MAX_TRIES,
        baseDelayMs: 100,
        maxDelayMs: 1_000,
        isRetryable: (error) => error instanceof GrpcFailure && RETRYABLE.has(error.code),
      },
    );
  };

  const key = await keys.current();
  try {
    return await mintWith(key);
  } catch (error) {
    if (!(error instanceof GrpcFailure) || !isAboutOurKey(error)) throw error;
    // A key that may not mint will not learn it; a key that is unknown may have been rotated a moment ago.
    const newer = await keys.after(key, {
      wait: error.code === 'UNAUTHENTICATED',
      deadlineAtMs: deadlineAtMs - RESERVED_FOR_REPLAY_MS,
    });
    if (newer === undefined) throw error;
    return mintWith(newer);
  }
}

/** Momento means our key, never the caller. */
export const isAboutOurKey = ({ code }: GrpcFailure): boolean =>
  code === 'UNAUTHENTICATED' || code === 'PERMISSION_DENIED';

function decoded(bytes: Uint8Array): DisposableToken {
  try {
    return decodeResponse(bytes);
  } catch (cause) {
    throw new GrpcFailure('INTERNAL', 'Momento answered with something that is not a token.', {
      cause,
    });
  }
}
