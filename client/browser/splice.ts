// Joins the streams of successive subscriptions to one topic into one: in order, each message once.
//
//   old stream   … 7  8  9  10 ┄┄ dropped
//   new stream           9  10  11  12 …      begins with whatever comes after it was subscribed
//   handed out   … 7  8  9  10  11  12 …
//
// Momento numbers the messages of a topic one by one. A new stream is joined when its first number
// leaves no hole after what was handed out; until then its messages are held back, and the old stream
// fills the hole. Messages that come on both are known by number and content. The number alone does not
// do: a topic that is made anew (a new "page") counts from 1 again, and the SDK does not tell the page.
//
// A hole that nobody can fill any more is told as a gap, before the message after it.

export interface NumberedItem {
  sequenceNumber(): number;
  value(): unknown;
}

/** The SDK's `TopicClient`, as far as it is used. */
export interface SubscribingClient<Item> {
  subscribe(
    cacheName: string,
    topicName: string,
    options: {
      readonly onItem: (item: Item) => void;
      readonly onError: (error: unknown, subscription: { readonly isSubscribed: boolean }) => void;
      readonly onDiscontinuity: (discontinuity: { newSequenceNumber(): number }) => void;
    },
  ): Promise<unknown>;
}

/** Some messages did not come, or their numbers began anew: what a page knows may be out of date. */
export interface TopicGap {
  /** The last message handed out. */
  readonly after: number;
  /** The next one. */
  readonly next: number;
}

export interface SpliceOutput<Item> {
  item(item: Item): void;
  gap(gap: TopicGap): void;
  /** This stream does not count any more: drop it. */
  over(stream: Stream<Item>): void;
}

export interface Stream<Item> {
  item(item: Item): void;
  /** The stream itself says so: what follows comes after this number. */
  position(sequenceNumber: number): void;
  /** Its time is up: joined even if nothing has come on it. Its own end is for the caller to know. */
  join(): void;
  /** Nothing comes on it any more. */
  end(): void;
}

/** Handed out lately, to know what comes a second time. While two streams run, all that comes is kept. */
const REMEMBERED = 32;

export function splice<Item extends NumberedItem>(
  output: SpliceOutput<Item>,
): {
  /** Takes the place of a stream that was opened and has not been joined. */
  open(): Stream<Item>;
} {
  let last: number | undefined;
  let current: Stream<Item> | undefined;
  let next:
    | { readonly stream: Stream<Item>; readonly held: Array<() => void>; first?: number }
    | undefined;
  /** The current stream has brought nothing yet that was not known. */
  let isBehind = false;
  const recent = new Map<number, unknown>();

  const handOut = (item: Item) => {
    const number = item.sequenceNumber();
    last = number;
    recent.set(number, item.value());
    if (!next) {
      for (const known of recent.keys()) {
        if (recent.size <= REMEMBERED) break;
        recent.delete(known);
      }
    }
    output.item(item);
  };

  const moveTo = (before: number) => {
    if (last !== undefined && before !== last) {
      if (before < last) recent.clear();
      output.gap({ after: last, next: before + 1 });
    }
    last = before;
  };

  const take = (item: Item) => {
    const number = item.sequenceNumber();
    if (last !== undefined && number <= last && isBehind && isKnown(number, item)) return;
    isBehind = false;
    moveTo(number - 1);
    handOut(item);
  };

  const isKnown = (number: number, item: Item) =>
    recent.has(number) && sameContent(recent.get(number), item.value());

  const joinNext = () => {
    if (!next) return;
    const { stream, held } = next;
    const before = current;
    next = undefined;
    current = stream;
    isBehind = true;
    if (before) output.over(before);
    for (const tell of held) tell();
  };

  const joinIfSeamless = () => {
    if (next?.first === undefined) return;
    const seamless = next.first === 1 || (last !== undefined && next.first <= last + 1);
    if (!current || seamless) joinNext();
  };

  return {
    open() {
      const arrive = (first: number, tell: () => void) => {
        if (stream === current) tell();
        else if (stream === next?.stream) {
          next.first ??= first;
          next.held.push(tell);
        }
        joinIfSeamless();
      };
      const stream: Stream<Item> = {
        item: (item) => arrive(item.sequenceNumber(), () => take(item)),
        position: (number) =>
          arrive(number + 1, () => {
            // Of a stream that was just joined it is where it begins, and no news.
            if (isBehind && last !== undefined && number <= last) return;
            isBehind = false;
            moveTo(number);
          }),
        join() {
          if (stream === next?.stream) joinNext();
        },
        end() {
          if (stream === next?.stream) next = undefined;
          if (stream !== current) return;
          current = undefined;
          joinIfSeamless();
        },
      };
      // With no other one it counts, even if nothing has come on it.
      if (!current) joinNext();
      if (next) output.over(next.stream);
      next = { stream, held: [] };
      return stream;
    },
  };
}

function sameContent(one: unknown, other: unknown): boolean {
  return one === other || (typeof one === 'object' && String(one) === String(other));
}
