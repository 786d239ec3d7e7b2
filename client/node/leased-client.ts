// A client and the key that it was made with. It is closed when it is retired and nobody uses it any more.
//
//   serving ── retire() ─► retired ── the last lease ends ─► closed

import type { CurrentKey } from './current-key.ts';

export class LeasedClient<Client> {
  readonly key: CurrentKey;
  readonly client: Client;
  /** Once it is retired. Never rejects. */
  readonly closed: Promise<void>;
  readonly #close: () => void;
  #leases = 0;
  #retired = false;

  /** @param close must not reject */
  constructor(key: CurrentKey, client: Client, close: (client: Client) => Promise<void>) {
    this.key = key;
    this.client = client;
    let idle = () => {};
    this.closed = new Promise<void>((resolve) => {
      idle = resolve;
    }).then(() => close(client));
    this.#close = idle;
  }

  /** The client stays open until what this returns is called, which must be once. Not for a closed client. */
  borrow(): () => void {
    this.#leases += 1;
    return () => {
      this.#leases -= 1;
      this.#closeIfDone();
    };
  }

  async lend<T>(call: (client: Client) => T | Promise<T>): Promise<T> {
    const giveBack = this.borrow();
    try {
      return await call(this.client);
    } finally {
      giveBack();
    }
  }

  retire(): void {
    this.#retired = true;
    this.#closeIfDone();
  }

  #closeIfDone(): void {
    if (this.#retired && this.#leases === 0) this.#close();
  }
}
