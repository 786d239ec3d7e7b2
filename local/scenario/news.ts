// Waiting for something to happen, with all that happened so far kept as evidence.

import type { LocalNews } from '../stack.ts';

export class NewsLog {
  readonly all: LocalNews[] = [];
  readonly #waiting = new Set<(news: LocalNews) => void>();
  readonly #signal: AbortSignal | undefined;

  /** @param signal ends all waiting */
  constructor(signal?: AbortSignal) {
    this.#signal = signal;
  }

  readonly add = (news: LocalNews): void => {
    this.all.push(news);
    for (const waiting of this.#waiting) waiting(news);
  };

  /** The first news from now on that `pick` makes something of; rejects with what `pick` throws. */
  next<T>(what: string, timeoutMs: number, pick: (news: LocalNews) => T | undefined): Promise<T> {
    return new Promise((resolve, reject) => {
      const timer = setTimeout(() => {
        this.#waiting.delete(listener);
        reject(new Error(`${what} did not happen within ${timeoutMs / 1000} s`));
      }, timeoutMs);
      const interrupt = () => {
        end();
        reject(new Error('interrupted'));
      };
      const end = () => {
        clearTimeout(timer);
        this.#signal?.removeEventListener('abort', interrupt);
        this.#waiting.delete(listener);
      };
      const listener = (news: LocalNews) => {
        try {
          const picked = pick(news);
          if (picked === undefined) return;
          end();
          resolve(picked);
        } catch (error) {
          end();
          reject(error);
        }
      };
      this.#waiting.add(listener);
      this.#signal?.addEventListener('abort', interrupt);
      if (this.#signal?.aborted) interrupt();
    });
  }
}
