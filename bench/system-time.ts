// The system's clock, finer than a millisecond: what several processes of one machine agree on.

/** Epoch milliseconds with a fraction. */
export const systemTimeMs = (): number => performance.timeOrigin + performance.now();
