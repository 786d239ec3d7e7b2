// How a key is doing, in words.

import type { Key } from '../told.ts';
import { currentOf } from './lanes.ts';
import { clockTime, duration } from './times.ts';

export type Health = 'good' | 'due' | 'bad';

export function lifeInWords(
  key: Key,
  nowMs: number,
): {
  readonly health: Health;
  readonly state: string;
  readonly words: string;
  readonly share: number;
} {
  const current = currentOf(key);
  const last =
    key.lastResult === null
      ? ''
      : ` Last run: ${key.lastResult.outcome}, at ${clockTime(key.lastResult.atMs)}.`;
  if (current === undefined) {
    return { health: 'bad', state: 'has no value', words: `Import a key.${last}`, share: 0 };
  }
  if (current.revokedAtMs !== null) {
    return { health: 'bad', state: 'was revoked', words: `Import a new key.${last}`, share: 0 };
  }
  const version = `Version ${current.id}, ${current.origin}.`;
  if (current.endsAtMs === null) {
    return { health: 'good', state: 'never ends', words: `${version}${last}`, share: 1 };
  }
  const leftMs = current.endsAtMs - nowMs;
  if (leftMs <= 0) {
    return {
      health: 'bad',
      state: 'has ended',
      words: `${version} Import a new key.${last}`,
      share: 0,
    };
  }
  const share = Math.min(1, leftMs / (current.endsAtMs - current.createdAtMs));
  const isDue = current.dueAtMs !== null && current.dueAtMs <= nowMs;
  const due =
    current.dueAtMs === null
      ? ''
      : isDue
        ? ' Due now.'
        : ` Due in ${duration(current.dueAtMs - nowMs)}.`;
  return {
    health: isDue ? 'due' : 'good',
    state: `lives ${duration(leftMs)} more`,
    words: `${version}${due}${last}`,
    share,
  };
}
