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
  readonly #known = new Set<string>();

  /** Remembers secrets, so that they are recognised wherever they turn up, for the process's life. */
  learn(...secrets: ReadonlyArray<string | undefined>): void {
    for (const secret of secrets) {
      const text = secret?.trim() ?? '';
      if (text.length < SHORTEST_SECRET) continue;
      this.#known.add(text);
      // As it stands inside JSON inside a string, and as header values travel.
      this.#known.add(JSON.stringify(text).slice(1, -1));
      this.#known.add(Buffer.from(text).toString('base64'));
      this.#known.add(encodeURIComponent(text));
    }
  }

  text(text: string): string {
    let clean = text;
    // Longest first: a key may contain another secret.
    for (const secret of [...this.#known].sort((a, b) => b.length - a.length)) {
      if (clean.includes(secret)) clean = clean.replaceAll(secret, REDACTED);
    }
    return clean.replace(LOOKS_LIKE_A_CREDENTIAL, REDACTED);
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
