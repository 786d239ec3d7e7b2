// How many versions a secret may get: Secrets Manager keeps about 100, and removes none that is younger than a
// day, so that whoever writes more is refused in the end, with the new pair in his hands.

/** In any 24 hours, by our own decision: far from the limit, because people and other tools write too. */
export const VERSIONS_PER_DAY = 40;
/**
 * Of about 100 that Secrets Manager keeps: with more, nothing is begun, however near a key is to its end, or Momento's
 * answer could not be stored. A person must still be able to import a key.
 */
export const MOST_VERSIONS_PER_DAY = 96;
/** A claim and a pair. */
export const VERSIONS_PER_RENEWAL = 2;
export const DAY_SECONDS = 86_400;
/** Renewals at least this far apart stay within the budget. */
export const LEAST_SPACING_SECONDS = DAY_SECONDS / (VERSIONS_PER_DAY / VERSIONS_PER_RENEWAL);
