// A token on its way through the table: sealed, so that a stolen or tampered table is useless. The key comes from
// the vending key, so that nothing outlives a change of account; the scope is part of what is authenticated, so that
// an item that was moved to another scope does not open.
//
//   version (1) | which key (8) | nonce (12) | AES-256-GCM ciphertext | tag (16)

import { createCipheriv, createDecipheriv, hkdfSync, randomBytes } from 'node:crypto';
import * as v from 'valibot';
import type { DisposableToken } from './wire.ts';

/** Any text that only its owner knows: the vending key as it goes to Momento. */
export type SealingSecret = string;

/** `foreign`: sealed with another key. `unreadable`: truncated, tampered with, or of another scope. */
export type Unopened = 'foreign' | 'unreadable';

const VERSION = 1;
const KEY_ID_BYTES = 8;
const NONCE_BYTES = 12;
const TAG_BYTES = 16;
const KEY_ID_AT = 1;
const NONCE_AT = KEY_ID_AT + KEY_ID_BYTES;
const CIPHERTEXT_AT = NONCE_AT + NONCE_BYTES;

const Token = v.object({
  apiKey: v.pipe(v.string(), v.nonEmpty()),
  endpoint: v.pipe(v.string(), v.nonEmpty()),
  validUntil: v.pipe(v.number(), v.finite()),
});

export function sealToken(
  { apiKey, endpoint, validUntil }: DisposableToken,
  secret: SealingSecret,
  shareKey: string,
): Uint8Array {
  const { key, keyId } = derived(secret);
  const nonce = randomBytes(NONCE_BYTES);
  const cipher = createCipheriv('aes-256-gcm', key, nonce);
  cipher.setAAD(Buffer.from(shareKey));
  const plain = JSON.stringify({ apiKey, endpoint, validUntil });
  return Buffer.concat([
    Buffer.from([VERSION]),
    keyId,
    nonce,
    cipher.update(plain, 'utf8'),
    cipher.final(),
    cipher.getAuthTag(),
  ]);
}

/** Never throws: whatever is in the table has an answer. */
export function openToken(
  sealed: Uint8Array,
  secret: SealingSecret,
  shareKey: string,
): DisposableToken | Unopened {
  const bytes = Buffer.from(sealed);
  if (bytes.length < CIPHERTEXT_AT + TAG_BYTES || bytes[0] !== VERSION) return 'unreadable';
  const keyId = bytes.subarray(KEY_ID_AT, NONCE_AT);
  const known = derived(secret);
  if (!keyId.equals(known.keyId)) return 'foreign';
  try {
    const nonce = bytes.subarray(NONCE_AT, CIPHERTEXT_AT);
    const decipher = createDecipheriv('aes-256-gcm', known.key, nonce);
    decipher.setAAD(Buffer.from(shareKey));
    decipher.setAuthTag(bytes.subarray(-TAG_BYTES));
    const plain = decipher.update(bytes.subarray(CIPHERTEXT_AT, -TAG_BYTES), undefined, 'utf8');
    const parsed = v.safeParse(Token, JSON.parse(plain + decipher.final('utf8')));
    return parsed.success ? parsed.output : 'unreadable';
  } catch {
    return 'unreadable';
  }
}

interface Derived {
  readonly key: Buffer;
  /** Says which key it was; tells nothing of it. */
  readonly keyId: Buffer;
}

/** A process meets one vending key, and a second one when it is rotated. */
const DERIVED_AT_MOST = 4;
const kept = new Map<SealingSecret, Derived>();

function derived(secret: SealingSecret): Derived {
  const known = kept.get(secret);
  if (known !== undefined) return known;
  const bytes = Buffer.from(
    hkdfSync('sha256', secret, '', 'momento-auth-stack shared token 1', 32 + KEY_ID_BYTES),
  );
  const made = { key: bytes.subarray(0, 32), keyId: bytes.subarray(32) };
  if (kept.size >= DERIVED_AT_MOST) kept.clear();
  kept.set(secret, made);
  return made;
}
