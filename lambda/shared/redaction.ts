// The one place that keeps secrets out of log lines, errors, events, metrics and results.
// Whatever leaves a function passes through `redact`; whatever reads a secret calls `learn` first.

const REDACTED = '[redacted]';

// A second net for what nobody learned: anything that looks like a JWT, or like the base64 form of
// {"endpoint": …} or {"api_key": …} in which Momento hands out keys and tokens.
const LOOKS_LIKE_A_CREDENTIAL =
  /eyJ[A-Za-z0-9_-]{8,}\.[A-Za-z0-9_-]+\.?[A-Za-z0-9_-]*|eyJ(?:hcGlfa2V5|lbmRwb2ludC)[A-Za-z0-9+/_=-]{8,}/g;

// Anything shorter would blank out ordinary words.
const SHORTEST_SECRET = 8;

export class Redactor {
  /** By their first characters, so that a text is read once, however many secrets are known. */
  readonly #known = new Map<string, Set<string>>();
  /** The first characters of those, so that most of a text is passed over at once. */
  readonly #firsts = new Set<string | undefined>();
  /** Secrets as they are stored: the same ones are read again and again. */
  readonly #learnedFrom = new Set<string>();

  /** Learns the secrets of a text, as `secretsIn` finds them; of one that it has learned from nothing more. */
  learnFrom(text: string, secretsIn: (text: string) => ReadonlyArray<string | undefined>): void {
    if (this.#learnedFrom.has(text)) return;
    this.learn(...secretsIn(text));
    this.#learnedFrom.add(text);
  }

  /** Remembers secrets, so that they are recognised wherever they turn up, for the process's life. */
  learn(...secrets: ReadonlyArray<string | undefined>): void {
    for (const secret of secrets) {
      const text = secret?.trim() ?? '';
      if (text.length < SHORTEST_SECRET) continue;
      this.#remember(text);
      // As it stands inside JSON, and inside JSON that is a string of a log line; and as header values travel.
      const inJson = JSON.stringify(text).slice(1, -1);
      this.#remember(inJson);
      this.#remember(JSON.stringify(inJson).slice(1, -1));
      this.#remember(Buffer.from(text).toString('base64'));
      this.#remember(encodeURIComponent(text));
    }
  }

  #remember(secret: string): void {
    const beginning = secret.slice(0, SHORTEST_SECRET);
    const alike = this.#known.get(beginning) ?? new Set();
    this.#known.set(beginning, alike.add(secret));
    this.#firsts.add(secret[0]);
  }

  text(text: string): string {
    return this.#withoutKnown(text).replace(LOOKS_LIKE_A_CREDENTIAL, REDACTED);
  }

  #withoutKnown(text: string): string {
    let clean = '';
    let keptTo = 0;
    // Secrets may overlap or contain one another: nothing of any of them stays.
    let secretTo = 0;
    for (let at = 0; at + SHORTEST_SECRET <= text.length; at += 1) {
      if (!this.#firsts.has(text[at])) continue;
      const alike = this.#known.get(text.slice(at, at + SHORTEST_SECRET));
      if (alike === undefined) continue;
      for (const secret of alike) {
        if (!text.startsWith(secret, at)) continue;
        if (at >= secretTo) clean += text.slice(keptTo, at) + REDACTED;
        secretTo = Math.max(secretTo, at + secret.length);
        keptTo = secretTo;
      }
    }
    return clean + text.slice(keptTo);
  }

  /** A copy in which every string, keys of objects included, is clean. Errors keep name, message, code. */
  value(value: unknown): unknown {
    if (typeof value === 'string') return this.text(value);
    if (Array.isArray(value)) return value.map((item) => this.value(item));
    if (value instanceof Error) {
      const { name, message, stack, cause } = value;
      const code = 'code' in value ? value.code : undefined;
      return this.value({ name, message, code, stack, ...(cause !== undefined && { cause }) });
    }
    if (typeof value === 'object' && value !== null) {
      return Object.fromEntries(
        Object.entries(value).map(([key, item]) => [this.text(key), this.value(item)]),
      );
    }
    return value;
  }
}
