import type { PutEventsRequestEntry } from '@aws-sdk/client-eventbridge';
import { describe, expect, test } from '@jest/globals';
import { EventBus } from '../../../local/aws/event-bus.ts';
import { ACCOUNT_ID, Clock, counter, errorOf, REGION } from './builders.ts';

function makeBus(over: Partial<ConstructorParameters<typeof EventBus>[0]> = {}) {
  return new EventBus({
    region: REGION,
    accountId: ACCOUNT_ID,
    now: new Clock().now,
    newId: counter(),
    ...over,
  });
}

function entry(over: Partial<PutEventsRequestEntry> = {}): PutEventsRequestEntry {
  return { Source: 'momento.auth', DetailType: 'Rotated', Detail: '{}', ...over };
}

test('an accepted event has the form that a target gets', () => {
  const bus = makeBus();
  const { Entries } = bus.putEvents({
    Entries: [entry({ Detail: '{"a":1}', Resources: ['arn:x'] })],
  });
  expect(bus.accepted).toEqual([
    {
      busArn: `arn:aws:events:${REGION}:${ACCOUNT_ID}:event-bus/default`,
      event: {
        version: '0',
        id: Entries?.[0]?.EventId,
        'detail-type': 'Rotated',
        source: 'momento.auth',
        account: ACCOUNT_ID,
        time: '2026-01-15T10:00:00Z',
        region: REGION,
        resources: ['arn:x'],
        detail: { a: 1 },
      },
    },
  ]);
});

test.each([
  [{ Source: undefined }, 'InvalidArgument'],
  [{ DetailType: '' }, 'InvalidArgument'],
  [{ Detail: undefined }, 'InvalidArgument'],
  [{ Detail: '[]' }, 'MalformedDetail'],
  [{ Detail: 'text' }, 'MalformedDetail'],
  [{ Source: 'aws.secretsmanager' }, 'NotAuthorizedForSourceException'],
  [{ EventBusName: 'nowhere' }, 'ResourceNotFoundException'],
  [{ EventBusName: 'mine' }, undefined],
  [{ EventBusName: `arn:aws:events:${REGION}:${ACCOUNT_ID}:event-bus/mine` }, undefined],
])('an entry with %j: %s, and its neighbour is accepted', (over, code) => {
  const bus = makeBus({ busNames: ['mine'] });
  const answer = bus.putEvents({ Entries: [entry(over), entry()] });
  expect(answer.FailedEntryCount).toBe(code === undefined ? 0 : 1);
  expect(answer.Entries?.[0]?.ErrorCode).toBe(code);
  expect(answer.Entries?.[1]?.EventId).toBeDefined();
  expect(bus.accepted).toHaveLength(code === undefined ? 2 : 1);
});

describe('limits', () => {
  test.each([
    [0, 'ValidationException'],
    [1, undefined],
    [10, undefined],
    [11, 'ValidationException'],
  ])('%d entries', (count, error) => {
    const put = () =>
      makeBus().putEvents({ Entries: Array.from({ length: count }, () => entry()) });
    if (error === undefined) expect(put().FailedEntryCount).toBe(0);
    else expect(errorOf(put).name).toBe(error);
  });

  test.each([
    [256 * 1024 - 1, undefined],
    [256 * 1024, 'ValidationException'],
  ])('%d bytes', (bytes, error) => {
    const bare = Buffer.byteLength('momento.authRotated{"a":""}');
    const Detail = JSON.stringify({ a: 'x'.repeat(bytes - bare) });
    const put = () => makeBus().putEvents({ Entries: [entry({ Detail })] });
    if (error === undefined) expect(put().FailedEntryCount).toBe(0);
    else expect(errorOf(put).name).toBe(error);
  });
});

test('an entry fault fails that entry alone', () => {
  let throttled = true;
  const bus = makeBus({
    entryFault: () =>
      throttled ? { ErrorCode: 'ThrottlingException', ErrorMessage: 'Rate exceeded' } : undefined,
  });
  expect(bus.putEvents({ Entries: [entry()] }).Entries?.[0]?.ErrorCode).toBe('ThrottlingException');
  throttled = false;
  expect(bus.putEvents({ Entries: [entry()] }).FailedEntryCount).toBe(0);
});

test('who stopped listening hears nothing more', () => {
  const bus = makeBus();
  let heard = 0;
  const stop = bus.subscribe(() => {
    heard += 1;
  });
  bus.putEvents({ Entries: [entry()] });
  stop();
  bus.putEvents({ Entries: [entry()] });
  expect(heard).toBe(1);
});
