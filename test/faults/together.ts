// Many pieces of work, some at a time, each with a promise of its own.

export function atMost<Item, Result>(
  atOnce: number,
  items: readonly Item[],
  nameOf: (item: Item) => string,
  work: (item: Item) => Promise<Result>,
): Map<string, Promise<Result>> {
  const lanes: Promise<unknown>[] = Array.from({ length: atOnce }, () => Promise.resolve());
  return new Map(
    items.map((item, index) => {
      const lane = index % atOnce;
      const result = (lanes[lane] ?? Promise.resolve()).then(() => work(item));
      // Whoever asks for the result hears of its failure.
      lanes[lane] = result.catch(() => {});
      return [nameOf(item), result];
    }),
  );
}
