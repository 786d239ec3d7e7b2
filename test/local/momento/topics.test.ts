import { describe, expect, test } from '@jest/globals';
import { MomentoRefusal } from '../../../local/momento/refusal.ts';
import { type Position, Topics } from '../../../local/momento/topics.ts';

const PAGE = 7;
const now: Position = { sequenceNumber: 0, sequencePage: 0 };

function listen(topics: Topics, topicName: string, from: Position = now) {
  const told: unknown[] = [];
  const unsubscribe = topics.subscribe(topicName, from, {
    item: ({ sequenceNumber, value }) => told.push([sequenceNumber, value]),
    discontinuity: (gap) => told.push(gap),
    end: ({ status }) => told.push(status),
  });
  return { told, unsubscribe };
}

function published(count: number) {
  const topics = new Topics(PAGE);
  for (let n = 1; n <= count; n += 1) topics.publish('news', `${n}`, '');
  return topics;
}

test('each subscriber of a topic gets what is published from then on, until he leaves', () => {
  const topics = published(1);
  const [a, b] = [listen(topics, 'news'), listen(topics, 'news')];
  const other = listen(topics, 'other');
  topics.publish('news', '2', '');
  a.unsubscribe();
  topics.publish('news', '3', '');
  expect([a.told, b.told, other.told]).toEqual([
    [[2, '2']],
    [
      [2, '2'],
      [3, '3'],
    ],
    [],
  ]);
});

test('a subscriber may leave while he is told', () => {
  const topics = published(0);
  const told: unknown[] = [];
  const leave = topics.subscribe('news', now, {
    item: ({ value }) => {
      told.push(value);
      leave();
    },
    discontinuity: () => {},
    end: () => {},
  });
  const other = listen(topics, 'news');
  topics.publish('news', '1', '');
  topics.publish('news', '2', '');
  expect([told, other.told]).toEqual([
    ['1'],
    [
      [1, '1'],
      [2, '2'],
    ],
  ]);
});

describe('who comes back', () => {
  const gap = (lastSequenceNumber: number, newSequenceNumber: number) => ({
    lastSequenceNumber,
    newSequenceNumber,
    newSequencePage: PAGE,
  });

  test.each<[string, number, Position, unknown[]]>([
    ['in the middle', 3, { sequenceNumber: 3, sequencePage: PAGE }, [[3, '3']]],
    ['without a page', 3, { sequenceNumber: 3, sequencePage: 0 }, [[3, '3']]],
    [
      'at the first',
      2,
      { sequenceNumber: 1, sequencePage: PAGE },
      [
        [1, '1'],
        [2, '2'],
      ],
    ],
    ['having missed nothing', 3, { sequenceNumber: 4, sequencePage: PAGE }, []],
    [
      'from the future',
      2,
      { sequenceNumber: 4, sequencePage: PAGE },
      [gap(3, 0), [1, '1'], [2, '2']],
    ],
    ['from another page', 1, { sequenceNumber: 1, sequencePage: PAGE - 1 }, [gap(0, 0), [1, '1']]],
    ['from another page to nothing', 0, { sequenceNumber: 5, sequencePage: 1 }, [gap(4, 0)]],
  ])('%s', (_name, count, from, told) => {
    expect(listen(published(count), 'news', from).told).toEqual(told);
  });

  test('later than a thousand items learns how many are gone', () => {
    const topics = published(1001);
    const from = (sequenceNumber: number) =>
      listen(topics, 'news', { sequenceNumber, sequencePage: PAGE }).told;
    expect(from(2)).toHaveLength(1000);
    expect(from(2)[0]).toEqual([2, '2']);
    expect(from(1)).toHaveLength(1001);
    expect(from(1).slice(0, 2)).toEqual([gap(0, 1), [2, '2']]);
  });
});

test('the end of the topics is told to every subscriber, once', () => {
  const topics = published(0);
  const subscribers = [listen(topics, 'news'), listen(topics, 'other')];
  const gone = new MomentoRefusal('NOT_FOUND', 'gone');
  topics.end(gone);
  topics.end(gone);
  expect(subscribers.map(({ told }) => told)).toEqual([['NOT_FOUND'], ['NOT_FOUND']]);
});
