// Works on many things with a bounded number of them under way.

/** Answers in the order of `items`. Rejects with the first rejection of `work`. */
export async function atMost<Item, Done>(
  atOnce: number,
  items: readonly Item[],
  work: (item: Item) => Promise<Done>,
): Promise<Done[]> {
  const done: Done[] = [];
  // One iterator for all: whoever is free takes the next.
  const waiting = items.entries();
  const worker = async (): Promise<void> => {
    for (const [index, item] of waiting) done[index] = await work(item);
  };
  await Promise.all(Array.from({ length: Math.min(atOnce, items.length) }, worker));
  return done;
}
