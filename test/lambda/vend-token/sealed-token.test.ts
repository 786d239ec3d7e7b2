// Sealed tokens: whoever has the table and not the vending key can neither read nor make, move or change one.

import { createDecipheriv, hkdfSync } from 'node:crypto';
import { describe, expect, test } from '@jest/globals';
import fc from 'fast-check';
import { openToken, sealToken } from '../../../lambda/vend-token/sealed-token.ts';
import type { DisposableToken } from '../../../lambda/vend-token/wire.ts';

const KEY = 'eyJhbGciOiJub25lIn0.vending-key';
const SCOPE = 'a'.repeat(64);
const TOKEN: DisposableToken = {
  apiKey: 'eyJhbGciOiJIUzI1NiJ9.of-the-user',
  endpoint: 'cell-1.prod.momentohq.com',
  validUntil: 1_800_000_000,
};
const sealed = () => sealToken(TOKEN, KEY, SCOPE);
const changed = (at: number, to: (byte: number) => number) => {
  const bytes = Buffer.from(sealed());
  bytes[at] = to(bytes[at] ?? 0);
  return bytes;
};

test('what was sealed opens, and is what it was', () => {
  fc.assert(
    fc.property(
      fc.record(
        {
          apiKey: fc.string({ minLength: 1, unit: 'binary' }),
          endpoint: fc.string({ minLength: 1, unit: 'binary' }),
          validUntil: fc.integer({ min: 1 }),
        },
        { noNullPrototype: true },
      ),
      fc.string(),
      fc.string(),
      (token, secret, scope) => {
        expect(openToken(sealToken(token, secret, scope), secret, scope)).toEqual(token);
      },
    ),
  );
});

test('the same token sealed twice is not the same text', () => {
  const made = new Set(Array.from({ length: 50 }, () => Buffer.from(sealed()).toString('hex')));
  expect(made.size).toBe(50);
});

test('nothing of it can be read: neither the token, nor where, nor until when, nor the key', () => {
  const bytes = Buffer.from(sealed());
  for (const text of [TOKEN.apiKey, TOKEN.endpoint, `${TOKEN.validUntil}`, KEY, SCOPE]) {
    expect(bytes.includes(text)).toBe(false);
    expect(bytes.includes(text.slice(0, 6))).toBe(false);
  }
});

test('by AES-256-GCM, under a key that HKDF derives from the vending key, for this scope alone', () => {
  const bytes = Buffer.from(sealed());
  const derived = Buffer.from(hkdfSync('sha256', KEY, '', 'momento-auth-stack shared token 1', 40));
  expect(bytes[0]).toBe(1);
  expect(bytes.subarray(1, 9)).toEqual(derived.subarray(32));
  const decipher = createDecipheriv('aes-256-gcm', derived.subarray(0, 32), bytes.subarray(9, 21));
  decipher.setAAD(Buffer.from(SCOPE));
  decipher.setAuthTag(bytes.subarray(-16));
  const plain =
    decipher.update(bytes.subarray(21, -16), undefined, 'utf8') + decipher.final('utf8');
  expect(JSON.parse(plain)).toEqual(TOKEN);
});

describe('does not open', () => {
  test('with any byte changed, in any bit', () => {
    for (let at = 0; at < sealed().length; at += 1) {
      for (const bit of [1, 0x80]) {
        const isKeyId = at >= 1 && at < 9;
        expect(
          openToken(
            changed(at, (byte) => byte ^ bit),
            KEY,
            SCOPE,
          ),
        ).toBe(isKeyId ? 'foreign' : 'unreadable');
      }
    }
  });

  test('truncated at any length, from either end, or with something behind it', () => {
    const bytes = Buffer.from(sealed());
    for (let length = 0; length < bytes.length; length += 1) {
      expect(openToken(bytes.subarray(0, length), KEY, SCOPE)).toBe('unreadable');
      expect(openToken(bytes.subarray(bytes.length - length), KEY, SCOPE)).toEqual(
        expect.stringMatching(/^(unreadable|foreign)$/),
      );
    }
    expect(openToken(Buffer.concat([bytes, Buffer.from([0])]), KEY, SCOPE)).toBe('unreadable');
  });

  test('in another scope', () => {
    expect(openToken(sealed(), KEY, 'b'.repeat(64))).toBe('unreadable');
    expect(openToken(sealed(), KEY, '')).toBe('unreadable');
    expect(openToken(sealed(), KEY, SCOPE)).toEqual(TOKEN);
  });

  test('with another key, or with none', () => {
    expect(openToken(sealed(), `${KEY}x`, SCOPE)).toBe('foreign');
    expect(openToken(sealed(), '', SCOPE)).toBe('foreign');
  });

  test('in another version, and where there is nothing', () => {
    expect(
      openToken(
        changed(0, () => 2),
        KEY,
        SCOPE,
      ),
    ).toBe('unreadable');
    expect(openToken(Buffer.alloc(0), KEY, SCOPE)).toBe('unreadable');
  });

  test('where what was sealed is no token', () => {
    for (const token of [
      { ...TOKEN, apiKey: '' },
      { ...TOKEN, endpoint: '' },
      { ...TOKEN, validUntil: Number.NaN },
    ]) {
      expect(openToken(sealToken(token, KEY, SCOPE), KEY, SCOPE)).toBe('unreadable');
    }
  });

  test('and never throws, whatever the bytes', () => {
    fc.assert(
      fc.property(fc.uint8Array({ maxLength: 200 }), fc.boolean(), (bytes, isOurs) => {
        const start = isOurs ? Buffer.from(sealed()).subarray(0, 9) : Buffer.alloc(0);
        expect(openToken(Buffer.concat([start, bytes]), KEY, SCOPE)).toEqual(
          expect.stringMatching(/^(unreadable|foreign)$/),
        );
      }),
    );
  });
});

test('many keys after each other: each opens its own', () => {
  const keys = Array.from({ length: 12 }, (_, index) => `key-${index}`);
  const items = keys.map((key) => sealToken(TOKEN, key, SCOPE));
  for (const [index, item] of items.entries()) {
    expect(openToken(item, keys[index] ?? '', SCOPE)).toEqual(TOKEN);
    expect(openToken(item, keys[(index + 1) % keys.length] ?? '', SCOPE)).toBe('foreign');
  }
});
