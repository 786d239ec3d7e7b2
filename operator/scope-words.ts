// A token's scope in words, and as it travels. Pure.

import { token } from '@gomomento/generated-types/dist/token.js';
import type {
  CacheSelector,
  Permission,
  Scope,
  TargetSelector,
} from '../lambda/vend-token/scope.ts';
import { encodeRequest, METHOD } from '../lambda/vend-token/wire.ts';

const VERB: Readonly<Record<Permission['role'], string>> = {
  readonly: 'read',
  readwrite: 'read and write',
  writeonly: 'write',
  subscribeonly: 'subscribe to',
  publishonly: 'publish to',
  publishsubscribe: 'publish and subscribe to',
  invoke: 'invoke',
};

/** `read items whose key begins with "acme:" in the cache "orders"` */
export const permissionWords = ({ kind, role, cache, target }: Permission): string =>
  `${VERB[role]} ${targetWords(kind, target)} in ${cacheWords(cache)}`;

function targetWords(kind: Permission['kind'], target: TargetSelector): string {
  if ('all' in target) return `all ${kind}s`;
  if ('name' in target) return `the ${kind} ${JSON.stringify(target.name)}`;
  const part = kind === 'item' ? 'key' : 'name';
  return `${kind}s whose ${part} begins with ${JSON.stringify(target.prefix)}`;
}

const cacheWords = (cache: CacheSelector): string =>
  'all' in cache ? 'every cache' : `the cache ${JSON.stringify(cache.name)}`;

export interface WireMessage {
  readonly method: string;
  /** Read back with Momento's published message types. Keys of items, which are bytes, as text. */
  readonly decoded: unknown;
  readonly hex: string;
  readonly base64: string;
}

/** The request that asks for such a token, without the key that it carries (`auth_token` is empty). */
export function wireMessage(scope: Scope, lifeSeconds: number): WireMessage {
  const bytes = Buffer.from(encodeRequest({ scope, lifeSeconds, wireKey: '' }));
  const message = token._GenerateDisposableTokenRequest.deserialize(bytes);
  const decoded = message.toObject();
  // Spelled out although it is not there, and what it would spell is the super-user.
  if (!message.permissions.has_super_user) delete decoded.permissions?.super_user;
  return {
    method: METHOD,
    decoded: readable(decoded),
    hex: bytes.toString('hex'),
    base64: bytes.toString('base64'),
  };
}

function readable(value: unknown): unknown {
  if (value instanceof Uint8Array) return Buffer.from(value).toString('utf8');
  if (Array.isArray(value)) return value.map(readable);
  if (typeof value === 'object' && value !== null) {
    return Object.fromEntries(
      Object.entries(value)
        .map(([name, item]) => [name, readable(item)] as const)
        // The message types spell out the unset members of a choice; none of ours is ever empty.
        .filter(([, item]) => item !== undefined && item !== ''),
    );
  }
  return value;
}
