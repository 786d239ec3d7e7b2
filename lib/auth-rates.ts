// One budget of auth operations per Momento account, divided between the functions that spend it.

/** Auth operations per second. */
export interface AuthRates {
  readonly rotation: number;
  /** 0 where no tokens are vended. */
  readonly vending: number;
}

/**
 * Without a token endpoint the whole rate is rotation's. With one, rotation takes 1 per second, but
 * no more than half, and vending the rest. The two together are always the rate: no call of the one
 * is refused because of the other.
 *
 * @param ratePerSecond what Momento allows the account; more than 0
 */
export function authRates(ratePerSecond: number, vends: boolean): AuthRates {
  if (!vends) return { rotation: ratePerSecond, vending: 0 };
  const rotation = Math.min(1, ratePerSecond / 2);
  return { rotation, vending: ratePerSecond - rotation };
}
