// A client of the web SDK that follows the token: credentials are fixed in a client, so each token has one.

import { isTokenRefused } from './momento-error.ts';
import type { MomentoToken } from './request-token.ts';
import type { MomentoTokenProvider } from './token-provider.ts';
import { told } from './told.ts';

export interface MovingClientOptions<Client> {
  readonly tokens: MomentoTokenProvider;
  /** Makes a client of the token. Called once for each. */
  readonly make: (token: MomentoToken) => Client;
  /**
   * Called when there is a newer client, or the token is gone, and no call and no subscription is left
   * on this one. What it throws is thrown where nothing catches it, and no call fails for it.
   *
   * @default - `client.close()`, if it has one
   */
  readonly drop?: (client: Client) => void;
}

/** A client in use: it is not dropped before `release`. */
export interface Lease<Client> {
  readonly client: Client;
  release(): void;
}

export interface MovingClient<Client> {
  readonly tokens: MomentoTokenProvider;
  /**
   * Calls Momento with the client of a living token. When Momento refuses the token, the call is made
   * once more with a new one: a refused call had no effect. The second answer is handed over as it is.
   * After a login there is no second call: it would be made in another user's name.
   *
   * @throws MomentoTokenError if there is no token; and what `call` throws
   */
  use<Answer>(call: (client: Client) => Promise<Answer>): Promise<Answer>;
  /** The client of this token, for as long as the caller needs it. */
  lease(token: MomentoToken): Lease<Client>;
}

interface Made<Client> {
  readonly authToken: string;
  readonly client: Client;
  leases: number;
}

export function movingClient<Client>({
  tokens,
  make,
  drop = closeIfPossible,
}: MovingClientOptions<Client>): MovingClient<Client> {
  let newest: Made<Client> | undefined;

  const dropIfDone = (made: Made<Client> | undefined) => {
    if (made && made !== newest && made.leases === 0) told(() => drop(made.client));
  };

  const lease = (token: MomentoToken): Lease<Client> => {
    let made = newest;
    if (made?.authToken !== token.authToken) {
      const before = newest;
      made = { authToken: token.authToken, client: make(token), leases: 0 };
      newest = made;
      dropIfDone(before);
    }
    const leased = made as Made<Client>;
    leased.leases += 1;
    let released = false;
    return {
      client: leased.client,
      release() {
        if (released) return;
        released = true;
        leased.leases -= 1;
        dropIfDone(leased);
      },
    };
  };

  const stop = tokens.subscribe(({ status, token }) => {
    if (status === 'closed') stop();
    if (token) return;
    const before = newest;
    newest = undefined;
    dropIfDone(before);
  });

  return {
    tokens,
    lease,
    async use(call) {
      const once = async (token: MomentoToken) => {
        const { client, release } = lease(token);
        try {
          return await call(client);
        } finally {
          release();
        }
      };
      const token = await tokens.getToken();
      const { login } = tokens.getState();
      const isSecondOfUse = (answer: unknown) =>
        isTokenRefused(answer) && tokens.getState().login === login;
      try {
        const answer = await once(token);
        if (!isSecondOfUse(answer)) return answer;
      } catch (error) {
        if (!isSecondOfUse(error)) throw error;
      }
      const next = await tokens.renew(token);
      return once(next);
    },
  };
}

function closeIfPossible(client: unknown): void {
  const { close } = Object(client) as { readonly close?: unknown };
  if (typeof close === 'function') close.call(client);
}
