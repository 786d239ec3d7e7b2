import { expect, test } from '@jest/globals';
import { Queues } from '../../../local/aws/queues.ts';
import { ACCOUNT_ID, Clock, counter, errorOf, REGION } from './builders.ts';

function makeQueue(visibilityTimeoutSeconds?: number) {
  const clock = new Clock();
  const queues = new Queues({
    region: REGION,
    accountId: ACCOUNT_ID,
    now: clock.now,
    newId: counter(),
  });
  queues.create('q', visibilityTimeoutSeconds === undefined ? {} : { visibilityTimeoutSeconds });
  return { queues, clock };
}

test('a received message hides for the visibility timeout, then comes again', () => {
  const { queues, clock } = makeQueue(30);
  queues.send('q', { body: 'x' });
  const first = queues.receive('q').Messages?.[0];
  expect(first?.Attributes?.ApproximateReceiveCount).toBe('1');
  clock.advance(29_999);
  expect(queues.receive('q').Messages).toBeUndefined();
  clock.advance(1);
  const second = queues.receive('q').Messages?.[0];
  expect(second?.Attributes?.ApproximateReceiveCount).toBe('2');
  expect(second?.MessageId).toBe(first?.MessageId);
});

test('only the last receipt deletes', () => {
  const { queues } = makeQueue();
  queues.send('q', { body: 'x' });
  const handle = (timeout: number) =>
    queues.receive('q', { visibilityTimeoutSeconds: timeout }).Messages?.[0]?.ReceiptHandle ?? '';
  const [old, last] = [handle(0), handle(0)];
  queues.delete('q', old);
  expect(queues.receive('q', { visibilityTimeoutSeconds: 0 }).Messages).toHaveLength(1);
  queues.delete('q', last);
  expect(queues.receive('q').Messages).toHaveLength(1);
});

test('a purge empties it, of what is hidden and delayed too', () => {
  const { queues, clock } = makeQueue(30);
  for (const body of ['hidden', 'to be had']) queues.send('q', { body });
  queues.send('q', { body: 'later', delaySeconds: 10 });
  queues.receive('q');
  queues.purge('q');
  clock.advance(60_000);
  expect(queues.receive('q').Messages).toBeUndefined();
  queues.send('q', { body: 'after' });
  expect(queues.receive('q').Messages).toHaveLength(1);
});

test('counts: to be had, in flight, delayed', () => {
  const { queues, clock } = makeQueue();
  queues.send('q', { body: 'a' });
  queues.send('q', { body: 'b' });
  queues.send('q', { body: 'later', delaySeconds: 10 });
  queues.receive('q');
  const counts = () => {
    const { Attributes: all } = queues.attributes('q', ['All']);
    return [
      all?.ApproximateNumberOfMessages,
      all?.ApproximateNumberOfMessagesNotVisible,
      all?.ApproximateNumberOfMessagesDelayed,
    ];
  };
  expect(counts()).toEqual(['1', '1', '1']);
  clock.advance(10_000);
  expect(counts()).toEqual(['2', '1', '0']);
  expect(queues.attributes('q', ['QueueArn']).Attributes).toEqual({ QueueArn: queues.arnOf('q') });
});

test.each([
  [0, 'InvalidParameterValue'],
  [1, undefined],
  [10, undefined],
  [11, 'InvalidParameterValue'],
])('asking for %d messages', (maxMessages, error) => {
  const { queues } = makeQueue();
  const receive = () => queues.receive('q', { maxMessages });
  if (error === undefined) expect(receive()).toEqual({});
  else expect(errorOf(receive).name).toBe(error);
});

test('a queue that is not there', () => {
  const { queues } = makeQueue();
  expect(errorOf(() => queues.send('other', { body: 'x' }))).toEqual({
    name: 'QueueDoesNotExist',
    message: 'The specified queue does not exist.',
  });
});
