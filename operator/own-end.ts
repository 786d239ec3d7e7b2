// A key may be a JWT that says when it ends. What the value beside it says must be the same: rotation goes by that. Pure.

import { instant } from '../lambda/rotate-key/wording.ts';
import type { ApiKeyFacts } from '../lambda/shared/api-key.ts';

/** Both in epoch seconds. */
export interface EndContradiction {
  /** What stands beside the key; 0 never. */
  readonly stated: number;
  /** What Momento goes by. */
  readonly own: number;
}

/** Clocks, and rounding. */
const TOLERATED_SECONDS = 60;

/** Undefined where they agree, or one of them says nothing. */
export function endContradiction(
  validUntil: number | undefined,
  { expiresAtSeconds }: Pick<ApiKeyFacts, 'expiresAtSeconds'>,
): EndContradiction | undefined {
  if (validUntil === undefined || expiresAtSeconds === undefined) return undefined;
  const own = Math.floor(expiresAtSeconds);
  // 0 is far enough from every end.
  return Math.abs(validUntil - own) > TOLERATED_SECONDS ? { stated: validUntil, own } : undefined;
}

/** The key dies before rotation thinks of it. */
export const isStatedTooLate = ({ stated, own }: EndContradiction): boolean =>
  stated === 0 || stated > own;

export function contradictionSentence({ stated, own }: EndContradiction): string {
  const says = stated === 0 ? 'that it never ends' : `that it ends at ${instant(stated * 1000)}`;
  return `"validUntil" says ${says}, but the key itself that it ends at ${instant(own * 1000)}.`;
}

export const rightEnd = ({ own }: EndContradiction): string => `"validUntil": ${own}`;
