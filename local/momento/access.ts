// What a credential may do: the one place that decides it.
//
//            operation │ ReadOnly  ReadWrite  WriteOnly   covers
//   ───────────────────┼─────────────────────────────────────────────────────────────────────────
//                 read │    ✓         ✓          –       get, fetch, length, exists, remaining life
//                write │    –         ✓          ✓       set, delete: the answer tells nothing
//       read-and-write │    –         ✓          –       a condition, or an answer that tells the new state
//
//            operation │ SubscribeOnly  PublishSubscribe  PublishOnly
//   ───────────────────┼──────────────────────────────────────────────
//            subscribe │      ✓                ✓               –
//              publish │      –                ✓               ✓
//
// Any one permission that grants an operation is enough. Two that grant half of it each are not.

import { permission_messages } from '@gomomento/generated-types/dist/permissionmessages.js';
import type { Credential } from './account.ts';
import { isSuperUser } from './permissions.ts';

export type CacheOperation = 'read' | 'write' | 'read-and-write';
export type TopicOperation = 'publish' | 'subscribe';

export interface CacheAccess {
  readonly operation: CacheOperation;
  readonly cacheName: string;
  /** Every item that the operation touches, a collection by its name. None at all: the whole cache. */
  readonly keys: readonly Uint8Array[];
}

export interface TopicAccess {
  readonly operation: TopicOperation;
  readonly cacheName: string;
  readonly topicName: string;
}

export interface ControlAccess {
  readonly operation: 'control';
}

export type Access = CacheAccess | TopicAccess | ControlAccess;

type CachePermission = permission_messages.PermissionsType.CachePermissions;
type TopicPermission = permission_messages.PermissionsType.TopicPermissions;

const { CacheRole, TopicRole } = permission_messages;

/** Of a credential that is alive: whether it is, is the account's to say. */
export function mayAccess(
  { kind, permissions }: Pick<Credential, 'kind' | 'permissions'>,
  access: Access,
): boolean {
  // A disposable token is for the data plane, whatever it may hold.
  if (access.operation === 'control')
    return kind !== 'disposable-token' && isSuperUser(permissions);
  if (isSuperUser(permissions)) return true;
  if (permissions.kind !== 'explicit') return false;
  const granted = permissions.explicit.permissions;
  if ('topicName' in access) {
    return granted.some(
      (permission) =>
        permission.kind === 'topic_permissions' &&
        grantsTopic(permission.topic_permissions, access),
    );
  }
  const inCache = granted
    .filter(({ kind }) => kind === 'cache_permissions')
    .map(({ cache_permissions }) => cache_permissions)
    .filter((permission) => grantsInCache(permission, access));
  return access.keys.length === 0
    ? inCache.some((permission) => permission.cache_item !== 'item_selector')
    : access.keys.every((key) => inCache.some((permission) => selectsItem(permission, key)));
}

function grantsInCache(
  permission: CachePermission,
  { operation, cacheName }: CacheAccess,
): boolean {
  return (
    CACHE_OPERATIONS[permission.role].includes(operation) && selectsCache(permission, cacheName)
  );
}

function grantsTopic(
  permission: TopicPermission,
  { operation, cacheName, topicName }: TopicAccess,
): boolean {
  return (
    TOPIC_OPERATIONS[permission.role].includes(operation) &&
    selectsCache(permission, cacheName) &&
    selectsTopic(permission, topicName)
  );
}

const CACHE_OPERATIONS: Readonly<Record<permission_messages.CacheRole, readonly CacheOperation[]>> =
  {
    [CacheRole.CachePermitNone]: [],
    [CacheRole.CacheReadOnly]: ['read'],
    [CacheRole.CacheReadWrite]: ['read', 'write', 'read-and-write'],
    [CacheRole.CacheWriteOnly]: ['write'],
  };

const TOPIC_OPERATIONS: Readonly<Record<permission_messages.TopicRole, readonly TopicOperation[]>> =
  {
    [TopicRole.TopicPermitNone]: [],
    [TopicRole.TopicReadOnly]: ['subscribe'],
    [TopicRole.TopicReadWrite]: ['publish', 'subscribe'],
    [TopicRole.TopicWriteOnly]: ['publish'],
  };

function selectsCache(
  permission: Pick<CachePermission, 'cache' | 'cache_selector'>,
  cacheName: string,
): boolean {
  return (
    permission.cache === 'all_caches' ||
    (permission.cache === 'cache_selector' &&
      permission.cache_selector.kind === 'cache_name' &&
      permission.cache_selector.cache_name === cacheName)
  );
}

/** Byte by byte. An absent selector selects every item (facts, item 1), and so does an empty prefix, as it stands on the wire. */
function selectsItem(permission: CachePermission, key: Uint8Array): boolean {
  if (permission.cache_item !== 'item_selector') return true;
  const selector = permission.item_selector;
  switch (selector.kind) {
    case 'key':
      return Buffer.compare(selector.key, key) === 0;
    case 'key_prefix': {
      const prefix = selector.key_prefix;
      return Buffer.compare(prefix, key.subarray(0, prefix.length)) === 0;
    }
    case 'none':
      return false;
  }
}

/** An absent selector selects nothing: unlike a cache's items, a topic is always named on the wire. */
function selectsTopic(permission: TopicPermission, topicName: string): boolean {
  if (permission.topic === 'all_topics') return true;
  if (permission.topic !== 'topic_selector') return false;
  const selector = permission.topic_selector;
  switch (selector.kind) {
    case 'topic_name':
      return selector.topic_name === topicName;
    case 'topic_name_prefix':
      return topicName.startsWith(selector.topic_name_prefix);
    case 'none':
      return false;
  }
}
