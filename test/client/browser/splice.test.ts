// Streams in every interleaving, without an SDK and without time.

import { describe, expect, test } from '@jest/globals';
import * as fc from 'fast-check';
import { type Stream, splice } from '../../../client/browser/splice.ts';

class Item {
  readonly number: number;
  readonly text: string;

  constructor(number: number, text = `message ${number}`) {
    this.number = number;
    this.text = text;
  }

  sequenceNumber(): number {
    return this.number;
  }

  value(): string {
    return this.text;
  }
}

function spliced() {
  const out: unknown[] = [];
  const over = new Set<Stream<Item>>();
  const { open } = splice<Item>({
    item: ({ number, text }) => out.push(text === `message ${number}` ? number : text),
    gap: ({ after, next }) => out.push(`gap ${after}-${next}`),
    over: (stream) => over.add(stream),
  });
  const give = (stream: Stream<Item>, ...numbers: number[]) => {
    for (const number of numbers) stream.item(new Item(number));
  };
  return { out, over, open, give };
}

describe('while an old and a new stream run', () => {
  test('the new one is joined at its first message that leaves no hole; the old one is over', () => {
    const { out, over, open, give } = spliced();
    const [one] = [open()];
    give(one, 7, 8);
    const two = open();
    give(two, 10, 11);
    expect([out, over.size]).toEqual([[7, 8], 0]);
    give(one, 9);
    expect(out).toEqual([7, 8, 9, 10, 11]);
    expect([...over]).toEqual([one]);
    give(two, 12);
    give(one, 10, 11, 12, 13);
    expect(out).toEqual([7, 8, 9, 10, 11, 12]);
  });

  test('the old one is ahead: what comes again is not handed out again', () => {
    const { out, open, give } = spliced();
    const one = open();
    give(one, 1, 2, 3);
    const two = open();
    give(one, 4, 5, 6);
    give(two, 4, 5, 6, 7);
    expect(out).toEqual([1, 2, 3, 4, 5, 6, 7]);
  });

  test('the old one ends with a hole left: told as a gap, before what comes after it', () => {
    const { out, open, give } = spliced();
    const one = open();
    give(one, 1);
    const two = open();
    give(two, 4, 5);
    expect(out).toEqual([1]);
    one.end();
    expect(out).toEqual([1, 'gap 1-4', 4, 5]);
  });

  test('the time is up: as if the old one had ended', () => {
    const { out, over, open, give } = spliced();
    const one = open();
    give(one, 1);
    const two = open();
    give(two, 4);
    two.join();
    two.join();
    expect([out, [...over]]).toEqual([[1, 'gap 1-4', 4], [one]]);
  });

  test('the new one fails, and the next one takes its place', () => {
    const { out, over, open, give } = spliced();
    const one = open();
    give(one, 1);
    const two = open();
    give(two, 3);
    two.end();
    const three = open();
    give(three, 4);
    give(one, 2, 3);
    expect([out, [...over]]).toEqual([[1, 2, 3, 4], [one]]);
  });

  test('one that has not been joined gives way to a newer one', () => {
    const { out, over, open, give } = spliced();
    const one = open();
    give(one, 1);
    const two = open();
    give(two, 3);
    const three = open();
    expect([...over]).toEqual([two]);
    give(two, 4);
    give(three, 5);
    give(one, 2, 3, 4);
    expect(out).toEqual([1, 2, 3, 4, 5]);
  });
});

describe('a topic that is quiet', () => {
  test('the first stream stays the one that counts, whatever is opened after it', () => {
    const { out, over, open, give } = spliced();
    const one = open();
    const two = open();
    expect(over.size).toBe(0);
    give(one, 1);
    give(two, 2);
    expect([out, [...over]]).toEqual([[1, 2], [one]]);
  });

  test('nothing ever came: the new one waits for the old one to tell, or for its time', () => {
    const { out, open, give } = spliced();
    const one = open();
    const two = open();
    give(two, 101);
    expect(out).toEqual([]);
    give(one, 100);
    expect(out).toEqual([100, 101]);
  });
});

describe('a hole on one stream', () => {
  test('is told', () => {
    const { out, open, give } = spliced();
    give(open(), 1, 2, 5);
    expect(out).toEqual([1, 2, 'gap 2-5', 5]);
  });

  test('that Momento tells itself, once', () => {
    const { out, open, give } = spliced();
    const one = open();
    give(one, 1);
    one.position(9);
    give(one, 10);
    // Nothing is missing here.
    one.position(10);
    give(one, 11);
    expect(out).toEqual([1, 'gap 1-10', 10, 11]);
  });

  test('where a new stream begins is no news if it is known', () => {
    const { out, open, give } = spliced();
    const one = open();
    give(one, 1, 2, 3);
    const two = open();
    two.position(2);
    give(two, 3, 4);
    expect(out).toEqual([1, 2, 3, 4]);
  });
});

describe('a topic that is made anew and counts from 1 again', () => {
  test('on the same stream', () => {
    const { out, open } = spliced();
    const one = open();
    one.item(new Item(1));
    one.item(new Item(2));
    one.item(new Item(1, 'new'));
    one.item(new Item(2, 'newer'));
    expect(out).toEqual([1, 2, 'gap 2-1', 'new', 'newer']);
  });

  test('seen on the new stream alone: other content under a known number is another message', () => {
    const { out, open, give } = spliced();
    const one = open();
    give(one, 1, 2, 3);
    one.end();
    const two = open();
    two.item(new Item(1, 'new'));
    two.item(new Item(2, 'newer'));
    expect(out).toEqual([1, 2, 3, 'gap 3-1', 'new', 'newer']);
  });

  test('told by Momento', () => {
    const { out, open } = spliced();
    const one = open();
    one.item(new Item(40));
    one.position(0);
    one.item(new Item(1, 'new'));
    expect(out).toEqual([40, 'gap 40-1', 'new']);
  });
});

test('bytes are compared by content', () => {
  const values: unknown[] = [];
  const { open } = splice<{ sequenceNumber(): number; value(): unknown }>({
    item: (item) => values.push(item.value()),
    gap: (gap) => values.push(gap),
    over: () => {},
  });
  const item = (number: number, ...bytes: number[]) => ({
    sequenceNumber: () => number,
    value: () => Uint8Array.from(bytes),
  });
  open().item(item(1, 7));
  const two = open();
  two.item(item(1, 7));
  two.item(item(2, 8));
  expect(values).toEqual([Uint8Array.of(7), Uint8Array.of(8)]);
});

test('any number of changes in any interleaving: all, in order, once', () => {
  const step = fc.oneof(
    { weight: 4, arbitrary: fc.constant('publish' as const) },
    { weight: 1, arbitrary: fc.constant('open' as const) },
    { weight: 1, arbitrary: fc.constant('attach' as const) },
    { weight: 1, arbitrary: fc.constant('time is up' as const) },
    { weight: 8, arbitrary: fc.nat(5) },
  );
  fc.assert(
    fc.property(
      fc.array(step, { maxLength: 300 }),
      fc.nat(3),
      fc.integer({ min: 1, max: 500 }),
      (steps, replayed, start) => {
        const { out, over, open, give } = spliced();
        let published = start;
        interface Running {
          readonly stream: Stream<Item>;
          attached: boolean;
          readonly queue: number[];
        }
        const first: Running = { stream: open(), attached: true, queue: [] };
        const running = [first];
        const alive = () => running.filter(({ stream }) => !over.has(stream));
        const deliver = (one: Running | undefined) => {
          const number = one?.queue.shift();
          if (one && number !== undefined) give(one.stream, number);
        };
        for (const next of steps) {
          if (next === 'publish') {
            published += 1;
            for (const { attached, queue } of alive()) if (attached) queue.push(published);
          } else if (next === 'open') {
            running.push({ stream: open(), attached: false, queue: [] });
          } else if (next === 'attach') {
            const last = running.at(-1);
            if (last && !last.attached) {
              last.attached = true;
              // Momento may be late on one of its ways: what the old stream has had comes again.
              const handedOut = published - (alive()[0]?.queue.length ?? 0);
              for (let n = Math.max(start, handedOut - replayed) + 1; n <= published; n += 1) {
                if (n > handedOut - replayed) last.queue.push(n);
              }
            }
          } else if (next === 'time is up') {
            const last = running.at(-1);
            // Long enough for all to arrive that was under way.
            if (last?.attached && !over.has(last.stream)) {
              for (const one of alive()) while (one !== last && one.queue.length > 0) deliver(one);
              last.stream.join();
            }
          } else deliver(alive()[next]);
        }
        for (const one of alive()) while (one.queue.length > 0) deliver(one);
        expect(out).toEqual(Array.from({ length: published - start }, (_, i) => start + 1 + i));
      },
    ),
    { numRuns: 2_000 },
  );
});
