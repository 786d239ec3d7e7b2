// `status --json`: for machines. Published (docs/operator.md): fields are added, never renamed. Times are epoch
// seconds; null where there is none.

import type { KeyState } from './key-state.ts';
import type { Status } from './status.ts';
import { summary } from './status-table.ts';

export function statusJson(status: Status) {
  const { stack, nowMs, keys, alarms } = status;
  const { isWell, sentence } = summary(status);
  return {
    stack: { name: stack.stackName, region: stack.region, accountId: stack.accountId },
    at: seconds(nowMs),
    well: isWell,
    summary: sentence,
    keys: keys.map((key) => keyJson(key, nowMs)),
    alarms:
      alarms?.map(({ name, state, sinceMs, sentence: description, section }) => ({
        name,
        state,
        since: seconds(sinceMs),
        description,
        section: section ?? null,
      })) ?? null,
  };
}

function keyJson(key: KeyState, nowMs: number) {
  const { validUntil, createdAtMs } = key;
  const leftSeconds = validUntil ? Math.max(0, Math.floor(validUntil - nowMs / 1000)) : null;
  return {
    name: key.name,
    secretArn: key.secretArn,
    source: key.source,
    vending: key.isVending,
    createdAt: seconds(createdAtMs),
    /** 0 never. */
    validUntil: validUntil ?? null,
    leftSeconds,
    dueAt: seconds(key.dueAtMs),
    nextAttemptAt: seconds(key.nextAttemptAtMs),
    next: key.next ?? null,
    message: key.message,
    last: {
      result: key.last.result,
      at: seconds(key.last.atMs),
      attempts: key.last.attempts ?? null,
    },
    versions: key.labels.map(({ label, versionId, meaning }) => ({
      label,
      versionId,
      meaning: meaning ?? null,
    })),
    needsPerson: key.needsPerson,
    remedy: key.remedy ?? null,
    section: key.section ?? null,
  };
}

const seconds = (ms: number | undefined): number | null =>
  ms === undefined ? null : Math.floor(ms / 1000);
