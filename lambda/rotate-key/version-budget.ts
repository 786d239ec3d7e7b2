// How many versions a secret may get: Secrets Manager keeps about 100, and removes none that is younger than a
// day, so that whoever writes more is refused in the end, with the new pair in his hands.

/** In any 24 hours, by our own decision: far from the limit, because people and other tools write too. */
export const VERSIONS_PER_DAY = 40;
/** A claim and a pair. */
export const VERSIONS_PER_RENEWAL = 2;
export const DAY_SECONDS = 86_400;
/** Renewals at least this far apart stay within the budget. */
export const LEAST_SPACING_SECONDS = DAY_SECONDS / (VERSIONS_PER_DAY / VERSIONS_PER_RENEWAL);
