// How long a token lives: the policy's life × 1, ½, ¼ … whichever is the largest that ends before the caller's
// own token does. Few distinct lives, so that callers with the same scope can be given the same token.

import { SHORTEST_LIFE_SECONDS } from '../shared/token-policies.ts';

/** Between this decision and Momento's clock starting to count lies at most one call with its retries. */
export const MINT_TAKES_AT_MOST_SECONDS = 10;

export interface LifeLimits {
  /** What the policy wants. */
  readonly wantedSeconds: number;
  /** The cap of the configuration. */
  readonly maxLifeSeconds: number;
  /** Epoch seconds when the caller's own token ends; undefined when he has none that ends. */
  readonly callerUntilSeconds: number | undefined;
  readonly nowSeconds: number;
}

/** Undefined when no life is left that is worth anything. */
export function lifeSeconds(limits: LifeLimits): number | undefined {
  const { callerUntilSeconds, nowSeconds } = limits;
  const left =
    callerUntilSeconds === undefined
      ? Number.POSITIVE_INFINITY
      : callerUntilSeconds - nowSeconds - MINT_TAKES_AT_MOST_SECONDS;
  let life = Math.floor(Math.min(limits.wantedSeconds, limits.maxLifeSeconds));
  // Written so that NaN fits nowhere.
  while (life >= SHORTEST_LIFE_SECONDS && !(life <= left)) life = Math.floor(life / 2);
  return life >= SHORTEST_LIFE_SECONDS ? life : undefined;
}
