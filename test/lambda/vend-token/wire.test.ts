// What is written is decoded by Momento's own published message types.

import { isDeepStrictEqual } from 'node:util';
import type { permission_messages as messages } from '@gomomento/generated-types/dist/permissionmessages.js';
import { token } from '@gomomento/generated-types/dist/token.js';
import { describe, expect, test } from '@jest/globals';
import fc from 'fast-check';
import type { Permission, TargetSelector } from '../../../lambda/vend-token/scope.ts';
import { decodeResponse, encodeRequest } from '../../../lambda/vend-token/wire.ts';
import { permissionArbitrary } from './arbitraries.ts';

const { _GenerateDisposableTokenRequest: Request, _GenerateDisposableTokenResponse: Response } =
  token;

/** A permission read back from the wire message, in our words. Throws for anything that we never write. */
function readBack(wire: messages.PermissionsType): Permission {
  const { cache_permissions: item, topic_permissions: topic, function_permissions: func } = wire;
  exactlyOne(wire.has_cache_permissions, wire.has_topic_permissions, wire.has_function_permissions);
  if (wire.has_cache_permissions) {
    const text = (bytes: Uint8Array) => Buffer.from(bytes).toString('utf8');
    exactlyOne(item.has_all_items, item.has_item_selector);
    return {
      kind: 'item',
      role: only({ 1: 'readwrite', 2: 'readonly', 3: 'writeonly' } as const, item.role),
      cache: cacheOf(item),
      target: item.has_all_items
        ? { all: true }
        : item.item_selector.kind === 'key'
          ? { name: text(item.item_selector.key) }
          : { prefix: text(item.item_selector.key_prefix) },
    };
  }
  if (wire.has_topic_permissions) {
    exactlyOne(topic.has_all_topics, topic.has_topic_selector);
    return {
      kind: 'topic',
      role: only(
        { 1: 'publishsubscribe', 2: 'subscribeonly', 3: 'publishonly' } as const,
        topic.role,
      ),
      cache: cacheOf(topic),
      target: topic.has_all_topics
        ? { all: true }
        : topic.topic_selector.kind === 'topic_name'
          ? { name: topic.topic_selector.topic_name }
          : { prefix: topic.topic_selector.topic_name_prefix },
    };
  }
  exactlyOne(func.has_all_functions, func.has_function_selector);
  return {
    kind: 'function',
    role: only({ 1: 'invoke' } as const, func.role),
    cache: cacheOf(func),
    target: func.has_all_functions
      ? { all: true }
      : func.function_selector.kind === 'function_name'
        ? { name: func.function_selector.function_name }
        : { prefix: func.function_selector.function_name_prefix },
  };
}

// Not `expect`: in 10,000 runs it would take most of the time.
function exactlyOne(...present: boolean[]): void {
  if (present.filter(Boolean).length !== 1) throw new Error('exactly one of them must be there');
}

function only<T>(roles: Readonly<Record<number, T>>, role: number): T {
  const found = roles[role];
  if (found === undefined) throw new Error(`role ${role} is not one of ours`);
  return found;
}

function cacheOf(wire: {
  has_all_caches: boolean;
  has_cache_selector: boolean;
  cache_selector: messages.PermissionsType.CacheSelector;
}): Exclude<TargetSelector, { prefix: string }> {
  exactlyOne(wire.has_all_caches, wire.has_cache_selector);
  return wire.has_all_caches ? { all: true } : { name: wire.cache_selector.cache_name };
}

const encoded = (permissions: readonly Permission[], tokenId?: string) =>
  Request.deserialize(
    encodeRequest({ scope: { permissions, tokenId }, lifeSeconds: 900, wireKey: 'key' }),
  );

test('10,000 random scopes reach the wire field by field, nothing wider and nothing else', () => {
  fc.assert(
    fc.property(
      fc.array(permissionArbitrary, { minLength: 1, maxLength: 10 }),
      fc.integer({ min: 1, max: 90_000 }),
      fc.option(fc.string({ minLength: 1, maxLength: 64 }), { nil: undefined }),
      fc.string({ minLength: 1 }),
      (permissions, lifeSeconds, tokenId, wireKey) => {
        const bytes = encodeRequest({ scope: { permissions, tokenId }, lifeSeconds, wireKey });
        const wire = Request.deserialize(bytes);
        return (
          !wire.permissions.has_super_user &&
          isDeepStrictEqual(wire.permissions.explicit.permissions.map(readBack), permissions) &&
          wire.expires.valid_for_seconds === lifeSeconds &&
          wire.auth_token === wireKey &&
          wire.token_id === (tokenId ?? '') &&
          // Nothing on the wire that the published types do not know.
          Buffer.from(wire.serialize()).equals(bytes)
        );
      },
    ),
    { numRuns: 10_000 },
  );
}, 120_000);

describe("the documentation's mixed scope, which the SDK widens to the whole cache", () => {
  test('keeps its prefix', () => {
    const wire = encoded([
      {
        kind: 'item',
        role: 'readonly',
        cache: { name: 'calendar-events' },
        target: { prefix: 'acme:' },
      },
      {
        kind: 'topic',
        role: 'publishsubscribe',
        cache: { name: 'collaboration' },
        target: { name: 'acme-events' },
      },
    ]);
    const [item] = wire.permissions.explicit.permissions;
    expect(item?.cache_permissions.has_all_items).toBe(false);
    expect(Buffer.from(item?.cache_permissions.item_selector.key_prefix ?? []).toString()).toBe(
      'acme:',
    );
  });
});

describe('the answer', () => {
  const whole = { api_key: 'jwt', endpoint: 'cell.example', valid_until: 1_800_000_000 };

  test('is read', () => {
    expect(decodeResponse(new Response(whole).serialize())).toEqual({
      apiKey: 'jwt',
      endpoint: 'cell.example',
      validUntil: 1_800_000_000,
    });
  });

  test.each([
    ['nothing', new Uint8Array()],
    ['no key', new Response({ ...whole, api_key: '' }).serialize()],
    ['no endpoint', new Response({ ...whole, endpoint: '' }).serialize()],
    ['no end', new Response({ ...whole, valid_until: 0 }).serialize()],
    ['something else', new TextEncoder().encode('<html>')],
    ['cut off', new Response(whole).serialize().subarray(0, 7)],
  ])('that is %s is refused', (_, bytes) => {
    expect(() => decodeResponse(bytes)).toThrow();
  });

  test.each([
    ['a field of a kind that there is not', [0x23]],
    ['a number that does not end', [0x18, ...Array<number>(11).fill(0xff), 1]],
    ['a text longer than all of it', [0x22, 0x7f, 0x61]],
    ['eight bytes that are seven', [0x21, 1, 2, 3, 4, 5, 6, 7]],
    ['an end beyond what a number holds', [0x18, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0x7f]],
  ])('with %s is refused', (_, more) => {
    expect(() =>
      decodeResponse(Buffer.concat([new Response(whole).serialize(), Buffer.from(more)])),
    ).toThrow(TypeError);
  });

  test('is read whatever stands in it, and beside it in fields that are new', () => {
    const field = fc.integer({ min: 4, max: 15 });
    const bytes = (minLength: number, maxLength = minLength) =>
      fc.uint8Array({ minLength, maxLength });
    const unknown = fc.oneof(
      fc.tuple(field, bytes(0, 9)).map(([n, some]) => [8 * n, ...some.map((b) => b | 0x80), 1]),
      fc.tuple(field, bytes(8)).map(([n, some]) => [8 * n + 1, ...some]),
      fc.tuple(field, bytes(0, 127)).map(([n, some]) => [8 * n + 2, some.length, ...some]),
      fc.tuple(field, bytes(4)).map(([n, some]) => [8 * n + 5, ...some]),
    );
    const text = fc.string({ unit: 'grapheme', minLength: 1 });
    const parts = fc.record({
      api_key: text,
      endpoint: text,
      valid_until: fc.maxSafeNat().filter((seconds) => seconds > 0),
    });
    fc.assert(
      fc.property(parts, fc.array(unknown), fc.array(unknown), (said, before, after) => {
        const answer = [...before.flat(), ...new Response(said).serialize(), ...after.flat()];
        expect(decodeResponse(Uint8Array.from(answer))).toEqual({
          apiKey: said.api_key,
          endpoint: said.endpoint,
          validUntil: said.valid_until,
        });
      }),
    );
  });
});
