// An account with a hand-held clock, and the scopes that the tests of this room grant.

import { permission_messages } from '@gomomento/generated-types/dist/permissionmessages.js';
import { MomentoAccount, type MomentoAccountOptions } from '../../../local/momento/account.ts';
import type { Permissions } from '../../../local/momento/permissions.ts';
import { MomentoRefusal, type StatusName } from '../../../local/momento/refusal.ts';

const { ExplicitPermissions, PermissionsType, CacheRole, TopicRole } = permission_messages;
const { All, CachePermissions, CacheItemSelector, CacheSelector, TopicPermissions, TopicSelector } =
  PermissionsType;

/** A quarter second past a full one, so that rounding shows. */
export const START_MS = 1_700_000_000_250;
export const START_SECONDS = 1_700_000_000;

/** No limit of auth operations unless a test asks for one: each rule is looked at alone. */
export function momentoAccount(overrides: Partial<MomentoAccountOptions> = {}) {
  const clock = { nowMs: START_MS };
  let ids = 0;
  const account = new MomentoAccount({
    endpoint: 'cell.example.com',
    now: () => clock.nowMs,
    newId: () => {
      ids += 1;
      return `id-${ids}`;
    },
    signingKey: 'a signing key of the tests',
    authOperationsPerSecond: 1_000_000,
    ...overrides,
  });
  return { account, clock };
}

/** `OK`, or the status of the refusal. Any other error is the test's own. */
export function statusOf(operation: () => unknown): StatusName {
  try {
    operation();
    return 'OK';
  } catch (error) {
    if (error instanceof MomentoRefusal) return error.status;
    throw error;
  }
}

export function explicit(...permissions: permission_messages.PermissionsType[]): Permissions {
  return new permission_messages.Permissions({
    explicit: new ExplicitPermissions({ permissions }),
  });
}

export function cachePermission(
  cache: string | 'all',
  {
    role = CacheRole.CacheReadOnly,
    keyPrefix,
  }: { role?: permission_messages.CacheRole; keyPrefix?: string } = {},
): permission_messages.PermissionsType {
  const permission = new CachePermissions({ role });
  if (cache === 'all') permission.all_caches = new All();
  else permission.cache_selector = new CacheSelector({ cache_name: cache });
  if (keyPrefix !== undefined) {
    permission.item_selector = new CacheItemSelector({
      key_prefix: new TextEncoder().encode(keyPrefix),
    });
  }
  return new PermissionsType({ cache_permissions: permission });
}

export function topicPermission(
  cache: string,
  topic: { name: string } | { namePrefix: string } | 'all',
  role: permission_messages.TopicRole = TopicRole.TopicReadWrite,
): permission_messages.PermissionsType {
  const permission = new TopicPermissions({
    role,
    cache_selector: new CacheSelector({ cache_name: cache }),
  });
  if (topic === 'all') permission.all_topics = new All();
  else {
    permission.topic_selector = new TopicSelector(
      'name' in topic ? { topic_name: topic.name } : { topic_name_prefix: topic.namePrefix },
    );
  }
  return new PermissionsType({ topic_permissions: permission });
}
