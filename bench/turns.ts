// Who comes when: every contender once a round, so that the machine's noise hits all alike.

/** Each round begins with another one, so that nobody always follows the same. */
export function turns<T>(contenders: readonly T[], rounds: number): T[][] {
  return Array.from({ length: rounds }, (_, round) =>
    contenders.map((_, place) => contenders[(place + round) % contenders.length] as T),
  );
}
