// Pauses for those who may not do it again at once: all instances of vend-token take turns at Momento, and who comes
// too early waits. Such a wait would be the account's rate, and no cost of the function.

import { setTimeout as sleep } from 'node:timers/promises';
import type { Contender, ContenderName } from './contenders.ts';

export class Rest {
  readonly #lastAtMs = new Map<ContenderName, number>();

  /** Does it, after the contender's pause. */
  async after<T>({ name, restMs }: Pick<Contender, 'name' | 'restMs'>, act: () => Promise<T>) {
    const restedAtMs = (this.#lastAtMs.get(name) ?? Number.NEGATIVE_INFINITY) + (restMs ?? 0);
    const earlyMs = restedAtMs - performance.now();
    if (earlyMs > 0) await sleep(earlyMs);
    try {
      return await act();
    } finally {
      this.#lastAtMs.set(name, performance.now());
    }
  }
}
