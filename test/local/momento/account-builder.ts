// An account with a hand-held clock, and the scopes that the tests of this room grant.

import { permission_messages } from '@gomomento/generated-types/dist/permissionmessages.js';
import { MomentoAccount, type MomentoAccountOptions } from '../../../local/momento/account.ts';
import type { After } from '../../../local/momento/after.ts';
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
    key,
    keyPrefix,
  }: {
    role?: permission_messages.CacheRole;
    key?: string | Uint8Array;
    keyPrefix?: string | Uint8Array;
  } = {},
): permission_messages.PermissionsType {
  const permission = new CachePermissions({ role });
  if (cache === 'all') permission.all_caches = new All();
  else permission.cache_selector = new CacheSelector({ cache_name: cache });
  if (key !== undefined) {
    permission.item_selector = new CacheItemSelector({ key: bytes(key) });
  }
  if (keyPrefix !== undefined) {
    permission.item_selector = new CacheItemSelector({ key_prefix: bytes(keyPrefix) });
  }
  return new PermissionsType({ cache_permissions: permission });
}

export function topicPermission(
  cache: string | 'all',
  topic: { name: string } | { namePrefix: string } | 'all',
  role: permission_messages.TopicRole = TopicRole.TopicReadWrite,
): permission_messages.PermissionsType {
  const permission = new TopicPermissions({ role });
  if (cache === 'all') permission.all_caches = new All();
  else permission.cache_selector = new CacheSelector({ cache_name: cache });
  if (topic === 'all') permission.all_topics = new All();
  else {
    permission.topic_selector = new TopicSelector(
      'name' in topic ? { topic_name: topic.name } : { topic_name_prefix: topic.namePrefix },
    );
  }
  return new PermissionsType({ topic_permissions: permission });
}

/** UTF-8. */
export function bytes(text: string | Uint8Array): Uint8Array {
  return typeof text === 'string' ? new TextEncoder().encode(text) : text;
}

/** Timers that go off when a test moves the account's clock on, each at its own instant. */
export function handHeldTimers(clock: { nowMs: number }) {
  const waiting = new Set<{ readonly dueMs: number; readonly run: () => void }>();
  const after: After = (delayMs, run) => {
    const timer = { dueMs: clock.nowMs + delayMs, run };
    waiting.add(timer);
    return () => waiting.delete(timer);
  };
  const pass = (ms: number) => {
    const untilMs = clock.nowMs + ms;
    for (;;) {
      const [next] = [...waiting].sort((a, b) => a.dueMs - b.dueMs);
      if (next === undefined || next.dueMs > untilMs) break;
      waiting.delete(next);
      clock.nowMs = Math.max(clock.nowMs, next.dueMs);
      next.run();
    }
    clock.nowMs = untilMs;
  };
  return { after, pass, waiting: () => waiting.size };
}
