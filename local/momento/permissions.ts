// What a credential may do, kept as the wire message it came in, and the rules for granting it.

import { permission_messages } from '@gomomento/generated-types/dist/permissionmessages.js';
import { MomentoRefusal } from './refusal.ts';

export type Permissions = permission_messages.Permissions;

const {
  Permissions,
  ExplicitPermissions,
  PermissionsType,
  SuperUserPermissions,
  CacheRole,
  TopicRole,
  FunctionRole,
} = permission_messages;

export function superUser(): Permissions {
  return new Permissions({ super_user: SuperUserPermissions.SuperUser });
}

/** Every data plane operation and no control plane: what the SDK sends for its `AllDataReadWrite`. */
export function allDataReadWrite(): Permissions {
  const all = () => new PermissionsType.All();
  return new Permissions({
    explicit: new ExplicitPermissions({
      permissions: [
        new PermissionsType({
          cache_permissions: new PermissionsType.CachePermissions({
            role: CacheRole.CacheReadWrite,
            all_caches: all(),
          }),
        }),
        new PermissionsType({
          topic_permissions: new PermissionsType.TopicPermissions({
            role: TopicRole.TopicReadWrite,
            all_caches: all(),
            all_topics: all(),
          }),
        }),
        new PermissionsType({
          function_permissions: new PermissionsType.FunctionPermissions({
            role: FunctionRole.FunctionInvoke,
            all_caches: all(),
            all_functions: all(),
          }),
        }),
      ],
    }),
  });
}

/** What a request holds that names no permissions at all. */
export function noPermissions(): Permissions {
  return new Permissions();
}

export function isSuperUser(permissions: Permissions): boolean {
  return permissions.kind === 'super_user';
}

/**
 * Refuses an empty list and any permission whose wire form leaves open what it grants. An absent
 * item selector is the one thing that may be left out: it means the whole cache (facts, item 1).
 */
export function assertGrantable(permissions: Permissions): void {
  if (permissions.kind === 'super_user') return;
  if (permissions.kind === 'none' || permissions.explicit.permissions.length === 0) {
    throw new MomentoRefusal('INVALID_ARGUMENT', 'At least one permission is required');
  }
  permissions.explicit.permissions.forEach((permission, index) => {
    if (!isComplete(permission)) {
      throw new MomentoRefusal(
        'INVALID_ARGUMENT',
        `Permission ${index + 1} lacks a known role or a selector`,
      );
    }
  });
}

/** Refuses the same cache twice, and the same cache and topic (or function) twice, whatever the roles. */
export function assertNoConflicts(permissions: Permissions): void {
  if (permissions.kind !== 'explicit') return;
  const targets = permissions.explicit.permissions.map(targetOf);
  if (new Set(targets).size < targets.length) {
    throw new MomentoRefusal('INVALID_ARGUMENT', 'Duplicate or conflicting permissions');
  }
}

function isComplete(permission: permission_messages.PermissionsType): boolean {
  switch (permission.kind) {
    case 'cache_permissions': {
      const { cache_permissions: cache } = permission;
      return (
        cache.role in CacheRole &&
        namesCaches(cache) &&
        (cache.cache_item !== 'item_selector' || cache.item_selector.kind !== 'none')
      );
    }
    case 'topic_permissions': {
      const { topic_permissions: topic } = permission;
      return (
        topic.role in TopicRole &&
        namesCaches(topic) &&
        (topic.topic === 'all_topics' ||
          (topic.topic === 'topic_selector' && topic.topic_selector.kind !== 'none'))
      );
    }
    case 'function_permissions': {
      const { function_permissions: func } = permission;
      return (
        func.role in FunctionRole &&
        namesCaches(func) &&
        (func.function === 'all_functions' ||
          (func.function === 'function_selector' && func.function_selector.kind !== 'none'))
      );
    }
    case 'none':
      return false;
  }
}

type NamesCaches = Pick<
  permission_messages.PermissionsType.CachePermissions,
  'cache' | 'cache_selector'
>;

function namesCaches(permission: NamesCaches): boolean {
  return (
    permission.cache === 'all_caches' ||
    (permission.cache === 'cache_selector' && permission.cache_selector.kind === 'cache_name')
  );
}

/** Equal for two permissions exactly if they speak of the same thing, whatever they grant. */
function targetOf(permission: permission_messages.PermissionsType): string {
  switch (permission.kind) {
    case 'cache_permissions':
      // The same cache, whatever its items.
      return `cache ${cachesOf(permission.cache_permissions)}`;
    case 'topic_permissions': {
      const { topic_permissions: topic } = permission;
      const named = topic.topic === 'all_topics' ? 'all' : exactly(topic.topic_selector);
      return `topic ${cachesOf(topic)} ${named}`;
    }
    case 'function_permissions': {
      const { function_permissions: func } = permission;
      const named = func.function === 'all_functions' ? 'all' : exactly(func.function_selector);
      return `function ${cachesOf(func)} ${named}`;
    }
    case 'none':
      return 'none';
  }
}

function cachesOf(permission: NamesCaches): string {
  return permission.cache === 'all_caches' ? 'all' : exactly(permission.cache_selector);
}

function exactly(selector: { serialize(): Uint8Array }): string {
  return Buffer.from(selector.serialize()).toString('hex');
}
