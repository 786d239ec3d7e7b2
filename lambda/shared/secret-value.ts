// The value of a key's secret: what is read from it, in every form that people paste, and what is written.

import * as v from 'valibot';
import { type ApiKeyFacts, readApiKey } from './api-key.ts';
import { MILLISECONDS_SUSPECTED } from './clock.ts';

/** A key with all that is needed to renew it. */
export interface KeyPair {
  readonly apiKey: string;
  readonly refreshToken: string;
  /** Epoch seconds; 0 means never; undefined when neither the secret nor the key says. */
  readonly validUntil: number | undefined;
  readonly key: ApiKeyFacts;
  /** host[:port] of Momento's control plane. */
  readonly controlEndpoint: string;
}

export type SecretContent =
  | { readonly kind: 'pair'; readonly pair: KeyPair; readonly fields: Fields }
  /** Usable by applications, but nothing can renew it. */
  | {
      readonly kind: 'key-only';
      readonly why: 'no-refresh-token' | 'v2-key';
      readonly validUntil: number | undefined;
      readonly key: ApiKeyFacts;
      /** What the secret says beside the key: v2 keys do not carry their endpoint. */
      readonly endpoint: string | undefined;
    }
  /** `problem` never quotes the value. */
  | { readonly kind: 'unparsable'; readonly problem: string };

type Fields = Readonly<Record<string, unknown>>;

const NonEmptyText = v.pipe(v.string(), v.trim(), v.nonEmpty());

/** Epoch seconds: a number, or the same as text. */
export const ValidUntil = v.pipe(
  v.union([v.number(), v.pipe(v.string(), v.trim(), v.regex(/^\d+$/), v.transform(Number))]),
  v.check((seconds) => Number.isFinite(seconds) && seconds >= 0),
  // Read as seconds, such a key would never be renewed.
  v.check((seconds) => seconds < MILLISECONDS_SUSPECTED),
  v.transform(Math.floor),
);

/** Reads the console's download, its older spelling, and a bare key. Never throws: errors would quote the value. */
export function parseSecretValue(text: string): SecretContent {
  const trimmed = text.trim();
  if (trimmed === '') return unparsable('it is empty');
  if (!trimmed.startsWith('{')) return parseBareKey(trimmed);

  const fields = parseJsonObject(trimmed);
  if (fields === undefined) return unparsable('it starts like JSON but is not valid JSON');

  const apiKey = firstText(fields.apiKey, fields.authToken);
  if (apiKey === undefined) return unparsable('it has no text in apiKey');
  const key = readApiKey(apiKey);
  if (key === undefined) return unparsable('its apiKey is not a Momento API key');

  const given = fields.validUntil ?? undefined;
  const stated = v.safeParse(v.optional(ValidUntil), given);
  if (!stated.success) {
    return unparsable('its validUntil is not a time in epoch seconds (0 for never)');
  }
  const validUntil = stated.output ?? key.expiresAtSeconds;

  const endpoint = firstText(fields.endpoint);
  if (key.form === 'v2') return { kind: 'key-only', why: 'v2-key', validUntil, key, endpoint };
  const refreshToken = firstText(fields.refreshToken);
  if (refreshToken === undefined) {
    return { kind: 'key-only', why: 'no-refresh-token', validUntil, key, endpoint };
  }

  const controlEndpoint = key.controlEndpoint ?? (endpoint && `control.${endpoint}`);
  if (controlEndpoint === undefined) return unparsable('its key names no endpoint, nor does it');
  return { kind: 'pair', fields, pair: { apiKey, refreshToken, validUntil, key, controlEndpoint } };
}

export interface UsableKey {
  /** The JWT that travels on the wire. */
  readonly wireKey: string;
  /** host[:port] of Momento's token service. */
  readonly tokenEndpoint: string;
}

/** The key of a value for minting tokens; undefined when it is no key, or names no endpoint. */
export function usableKey(content: SecretContent): UsableKey | undefined {
  if (content.kind === 'unparsable') return undefined;
  const key = content.kind === 'pair' ? content.pair.key : content.key;
  const beside = content.kind === 'pair' ? firstText(content.fields.endpoint) : content.endpoint;
  const base = key.endpoint ?? beside;
  // A legacy JWT names its control plane only as `control.<base>`.
  const tokenEndpoint = base
    ? `token.${base}`
    : key.controlEndpoint?.replace(/^control\./, 'token.');
  return tokenEndpoint ? { wireKey: key.wireKey, tokenEndpoint } : undefined;
}

const CREDENTIAL_FIELDS = ['apiKey', 'authToken', 'refreshToken'] as const;

/**
 * The credentials of a value, for the redactor. Not every text of it: `endpoint`, or a field that a person
 * added, may hold words that belong into messages. What is no JSON is a secret as a whole.
 */
export function credentialsIn(text: string): string[] {
  const fields = parseJsonObject(text.trim());
  const values =
    fields === undefined ? [text.trim()] : CREDENTIAL_FIELDS.map((field) => fields[field]);
  return values
    .filter((value) => typeof value === 'string')
    .flatMap((value) => [value, readApiKey(value.trim())?.wireKey ?? value]);
}

export interface RefreshedKey {
  /** In the base64 form, as the console downloads it. */
  readonly apiKey: string;
  readonly refreshToken: string;
  readonly endpoint: string;
  /** Epoch seconds; 0 means never. */
  readonly validUntil: number;
}

/**
 * The same shape with the new pair in it; fields that are not ours are kept. An `authToken` (the older
 * spelling) stays in step, because an application may be reading just that.
 */
export function renderSecretValue(refreshed: RefreshedKey, previous: Fields): string {
  const { apiKey, refreshToken, validUntil, endpoint } = refreshed;
  return JSON.stringify({
    ...previous,
    ...('authToken' in previous && { authToken: apiKey }),
    apiKey,
    refreshToken,
    validUntil,
    endpoint,
  });
}

function parseBareKey(text: string): SecretContent {
  const key = readApiKey(text);
  if (key === undefined) return unparsable('it is neither JSON nor a Momento API key');
  const why = key.form === 'v2' ? 'v2-key' : 'no-refresh-token';
  return { kind: 'key-only', why, validUntil: key.expiresAtSeconds, key, endpoint: undefined };
}

function parseJsonObject(text: string): Fields | undefined {
  try {
    const parsed = v.safeParse(v.record(v.string(), v.unknown()), JSON.parse(text));
    return parsed.success ? parsed.output : undefined;
  } catch {
    return undefined;
  }
}

function firstText(...candidates: unknown[]): string | undefined {
  for (const candidate of candidates) {
    const text = v.safeParse(NonEmptyText, candidate);
    if (text.success) return text.output;
  }
  return undefined;
}

const unparsable = (problem: string): SecretContent => ({ kind: 'unparsable', problem });
