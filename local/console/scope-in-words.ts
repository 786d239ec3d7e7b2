// A minted token's permissions, read back from what came over the wire, in words; and which of them decides.

import { permission_messages } from '@gomomento/generated-types/dist/permissionmessages.js';
import { type Access, mayAccess } from '../momento/access.ts';
import type { Credential } from '../momento/account.ts';
import type { Operation, PermissionInWords, Reason } from './told.ts';

const { CacheRole, TopicRole, ExplicitPermissions, Permissions } = permission_messages;

type Wire = permission_messages.PermissionsType;
type Target = PermissionInWords['target'];

export function permissionsInWords({
  permissions,
}: Pick<Credential, 'permissions'>): PermissionInWords[] {
  if (permissions.kind !== 'explicit') return [];
  return permissions.explicit.permissions.map((permission) => ({
    ...inWords(permission),
    wire: JSON.stringify(plain(permission), null, 2),
  }));
}

export interface Attempt {
  readonly operation: Operation;
  readonly cache: string;
  /** The key or the topic. */
  readonly name: string;
}

/** Why local Momento says what it says: by the very rule that it decides with, one permission at a time. */
export function reasonFor(
  credential: Pick<Credential, 'kind' | 'permissions'>,
  attempt: Attempt,
): Reason {
  const access = accessOf(attempt);
  const { permissions } = credential;
  const granted = permissions.kind === 'explicit' ? permissions.explicit.permissions : [];
  const index = granted.findIndex((permission) =>
    mayAccess({ kind: credential.kind, permissions: alone(permission) }, access),
  );
  const found = granted[index];
  if (found !== undefined) {
    return {
      allowed: true,
      permission: index,
      sentence: `Permission ${index + 1}: ${inWords(found).sentence}.`,
    };
  }
  const near = nearest(granted, attempt);
  const wanted = `${VERB[attempt.operation]} ${isTopic(attempt.operation) ? 'topic' : 'key'} “${attempt.name}” in cache “${attempt.cache}”`;
  const sentence =
    near === -1
      ? `No permission of the token says anything about how to ${wanted}.`
      : `No permission lets the token ${wanted}. The nearest, permission ${near + 1}: ${inWords(granted[near]).sentence}.`;
  return { allowed: false, permission: near === -1 ? null : near, sentence };
}

const VERB: Readonly<Record<Operation, string>> = {
  read: 'read',
  write: 'write',
  delete: 'delete',
  publish: 'publish to',
  subscribe: 'subscribe to',
};

const isTopic = (operation: Operation): boolean =>
  operation === 'publish' || operation === 'subscribe';

function accessOf({ operation, cache: cacheName, name }: Attempt): Access {
  if (operation === 'publish' || operation === 'subscribe') {
    return { operation, cacheName, topicName: name };
  }
  return {
    operation: operation === 'read' ? 'read' : 'write',
    cacheName,
    keys: [new TextEncoder().encode(name)],
  };
}

const alone = (permission: Wire) =>
  new Permissions({ explicit: new ExplicitPermissions({ permissions: [permission] }) });

/** Of the same kind, in the same cache where there is one. */
function nearest(granted: readonly Wire[], { operation, cache }: Attempt): number {
  const kind = isTopic(operation) ? 'topic' : 'key';
  const candidates = granted.map((permission) => inWords(permission));
  const ofKind = (permission: PermissionLike) => permission.target?.kind === kind;
  const here = candidates.findIndex((each) => ofKind(each) && each.cache === cache);
  return here === -1 ? candidates.findIndex(ofKind) : here;
}

type PermissionLike = Omit<PermissionInWords, 'wire'>;

function inWords(permission: Wire | undefined): PermissionLike {
  switch (permission?.kind) {
    case 'cache_permissions': {
      const { cache_permissions: granted } = permission;
      const target = itemTarget(granted);
      const cache = cacheOf(granted);
      return {
        cache,
        target,
        sentence: `${CACHE_WORDS[granted.role]} ${scopeOf(target, 'every key')} in ${cacheInWords(cache)}`,
      };
    }
    case 'topic_permissions': {
      const { topic_permissions: granted } = permission;
      const target = topicTarget(granted);
      const cache = cacheOf(granted);
      return {
        cache,
        target,
        sentence: `${TOPIC_WORDS[granted.role]} ${scopeOf(target, 'every topic')} in ${cacheInWords(cache)}`,
      };
    }
    case 'function_permissions':
      return {
        cache: cacheOf(permission.function_permissions),
        target: null,
        sentence: 'call functions',
      };
    default:
      return { cache: null, target: null, sentence: 'nothing' };
  }
}

const CACHE_WORDS: Readonly<Record<permission_messages.CacheRole, string>> = {
  [CacheRole.CachePermitNone]: 'nothing on',
  [CacheRole.CacheReadOnly]: 'read',
  [CacheRole.CacheReadWrite]: 'read and write',
  [CacheRole.CacheWriteOnly]: 'write, but not read,',
};

const TOPIC_WORDS: Readonly<Record<permission_messages.TopicRole, string>> = {
  [TopicRole.TopicPermitNone]: 'nothing on',
  [TopicRole.TopicReadOnly]: 'subscribe to',
  [TopicRole.TopicReadWrite]: 'publish and subscribe to',
  [TopicRole.TopicWriteOnly]: 'publish to',
};

function scopeOf(target: Target, everything: string): string {
  if (target === null || (target.isPrefix && target.name === '')) return everything;
  const what = `${target.kind}${target.isPrefix ? 's that begin with' : ''}`;
  return `${what} “${target.name}”`;
}

const cacheInWords = (cache: string | null): string =>
  cache === null ? 'every cache' : `cache “${cache}”`;

function cacheOf({
  cache,
  cache_selector: selector,
}: Pick<permission_messages.PermissionsType.CachePermissions, 'cache' | 'cache_selector'>):
  | string
  | null {
  return cache === 'cache_selector' ? selector.cache_name : null;
}

function itemTarget({
  cache_item,
  item_selector: selector,
}: permission_messages.PermissionsType.CachePermissions): Target {
  const everyKey: Target = { kind: 'key', name: '', isPrefix: true };
  if (cache_item !== 'item_selector') return everyKey;
  const text = (bytes: Uint8Array) => Buffer.from(bytes).toString('utf8');
  return selector.kind === 'key'
    ? { kind: 'key', name: text(selector.key), isPrefix: false }
    : { kind: 'key', name: text(selector.key_prefix), isPrefix: true };
}

function topicTarget({
  topic,
  topic_selector: selector,
}: permission_messages.PermissionsType.TopicPermissions): Target {
  if (topic !== 'topic_selector') return { kind: 'topic', name: '', isPrefix: true };
  return selector.kind === 'topic_name'
    ? { kind: 'topic', name: selector.topic_name, isPrefix: false }
    : { kind: 'topic', name: selector.topic_name_prefix, isPrefix: true };
}

/** The message's own fields, with bytes as the text that they stand for. */
function plain(message: { toObject(): unknown }): unknown {
  return JSON.parse(
    JSON.stringify(message.toObject(), (_name, value: unknown) =>
      value instanceof Uint8Array ? Buffer.from(value).toString('utf8') : value,
    ),
  );
}
