// A scope: exactly what one token allows. Rendered, without a placeholder left.

import { hash } from 'node:crypto';

export type CacheSelector = { readonly all: true } | { readonly name: string };
export type TargetSelector = CacheSelector | { readonly prefix: string };

/** `target`: the items, topics or functions of the cache. */
export type Permission =
  | {
      readonly kind: 'item';
      readonly role: 'readonly' | 'readwrite' | 'writeonly';
      readonly cache: CacheSelector;
      readonly target: TargetSelector;
    }
  | {
      readonly kind: 'topic';
      readonly role: 'subscribeonly' | 'publishonly' | 'publishsubscribe';
      readonly cache: CacheSelector;
      readonly target: TargetSelector;
    }
  | {
      readonly kind: 'function';
      readonly role: 'invoke';
      readonly cache: CacheSelector;
      readonly target: TargetSelector;
    };

export interface Scope {
  /** Sorted and without duplicates: the order of a user's groups changes nothing. */
  readonly permissions: readonly Permission[];
  /** Topic subscribers see it of the publisher. */
  readonly tokenId: string | undefined;
}

/** Injective: two permissions with the same text are the same permission. */
export const permissionText = ({ kind, role, cache, target }: Permission): string =>
  JSON.stringify([kind, role, selectorText(cache), selectorText(target)]);

const selectorText = (selector: TargetSelector): readonly string[] =>
  'all' in selector
    ? ['all']
    : 'name' in selector
      ? ['name', selector.name]
      : ['prefix', selector.prefix];

/** For the audit line: tells scopes apart without spelling them out. */
export const scopeHash = (scope: Scope): string => sha256(scopeText(scope)).slice(0, 32);

/** Who has the same share key may have the same token: the same scope, the same token id, the same life. */
export const shareKey = (scope: Scope, lifeSeconds: number): string =>
  sha256([...scopeText(scope), lifeSeconds]);

/** Injective, as JSON is: no name can be written so that it reads like two, or like none. */
const scopeText = ({ permissions, tokenId }: Scope): readonly unknown[] => [
  permissions.map(permissionText),
  tokenId ?? null,
];

const sha256 = (parts: readonly unknown[]): string => hash('sha256', JSON.stringify(parts), 'hex');
