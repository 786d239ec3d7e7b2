// What this process knows of shared tokens: the tokens, and when those who want one were told to come back.

/** A few megabytes at most. */
const ENTRIES_AT_MOST = 4_000;

export class TokenMemory<Entry> {
  readonly #entries = new Map<string, Entry>();

  get(shareKey: string): Entry | undefined {
    return this.#entries.get(shareKey);
  }

  /** What was set longest ago goes first: it is what expires first, give or take. */
  set(shareKey: string, entry: Entry): void {
    this.#entries.delete(shareKey);
    this.#entries.set(shareKey, entry);
    if (this.#entries.size <= ENTRIES_AT_MOST) return;
    const oldest = this.#entries.keys().next();
    if (!oldest.done) this.#entries.delete(oldest.value);
  }
}
