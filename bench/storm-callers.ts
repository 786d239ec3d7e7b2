// Those who log in: each asks, and comes back when he was told to, until he has a token.

import { loginEvent } from './login-event.ts';
import type { Answer, Instances } from './storm-instances.ts';

export interface Caller {
  readonly user: string;
  readonly tenant: string;
  /** A role of storm-policies.json. */
  readonly role: string;
  /** Nobody else is to have his token but who is of the same: his tenant's, or his own name. */
  readonly sharesWith: string;
  /** Whether he does what Retry-After says, or goes away. @default true */
  readonly comesBack?: boolean;
}

/** One request and its answer. Times are epoch milliseconds. */
export interface Try {
  /** When he asked. */
  readonly askedAtMs: number;
  /** When an instance was free to serve him. */
  readonly begunAtMs: number;
  /** The function's own time. */
  readonly tookMs: number;
  /** What of it the function slept. */
  readonly waitedMs: number;
  readonly status: number;
  /** @default he is not told to come back */
  readonly retryAfterSeconds?: number | undefined;
  readonly source: string | undefined;
}

export interface Login {
  readonly tries: readonly Try[];
  readonly endedAtMs: number;
  /** Undefined for who got none. */
  readonly token: HandedOut | undefined;
}

/** What was wrong with a token when it came. */
export interface HandedOut {
  /** Seconds that it lived on, by the true time. */
  readonly lifeLeftSeconds: number;
  /** Seconds by which `expiresIn` says more than is true. */
  readonly saidTooMuchSeconds: number;
  /** Somebody had got it who may not share it. */
  readonly isSomebodyElses: boolean;
}

/** Beyond this a caller has given up: more tries than this are never right. */
const MOST_TRIES = 50;

export class Callers {
  readonly #instances: Pick<Instances, 'invoke'>;
  readonly #onServed: () => void;
  readonly #owners = new Map<string, string>();

  /** @param onServed told of everyone who got a token */
  constructor(instances: Pick<Instances, 'invoke'>, onServed: () => void) {
    this.#instances = instances;
    this.#onServed = onServed;
  }

  async logIn(caller: Caller): Promise<Login> {
    const { comesBack = true } = caller;
    const tries: Try[] = [];
    for (;;) {
      const askedAtMs = Date.now();
      const answer = await this.#instances.invoke(
        () => loginEvent(caller, Date.now()),
        tries.length > 0,
      );
      const { status, source, begunAtMs, tookMs, waitedMs, retryAfterSeconds } = answer;
      tries.push({
        askedAtMs,
        begunAtMs,
        tookMs,
        waitedMs,
        status,
        retryAfterSeconds,
        source,
      });
      const endedAtMs = Date.now();
      if (status === 200) {
        this.#onServed();
        return { tries, endedAtMs, token: this.#examined(answer, caller, endedAtMs) };
      }
      if (!comesBack || retryAfterSeconds === undefined || tries.length >= MOST_TRIES) {
        return { tries, endedAtMs, token: undefined };
      }
      await until(endedAtMs + retryAfterSeconds * 1_000);
    }
  }

  #examined({ body }: Answer, { sharesWith }: Caller, nowMs: number): HandedOut {
    const { authToken, expiresIn } = JSON.parse(body);
    // What the token itself says, and not what is said of it.
    const { api_key: jwt } = JSON.parse(Buffer.from(authToken, 'base64').toString());
    const { exp, jti } = JSON.parse(Buffer.from(jwt.split('.')[1], 'base64url').toString());
    const owner = this.#owners.get(jti) ?? sharesWith;
    this.#owners.set(jti, owner);
    const lifeLeftSeconds = exp - nowMs / 1_000;
    return {
      lifeLeftSeconds,
      saidTooMuchSeconds: expiresIn - lifeLeftSeconds,
      isSomebodyElses: owner !== sharesWith,
    };
  }
}

/** A timer may be a millisecond early. */
export async function until(atMs: number): Promise<void> {
  for (let leftMs = atMs - Date.now(); leftMs > 0; leftMs = atMs - Date.now()) {
    await new Promise((resolve) => setTimeout(resolve, leftMs));
  }
}
