// Lambda's asynchronous rules, on timers moved by hand.

import { describe, expect, test } from '@jest/globals';
import {
  type AsyncInvokeNews,
  AsyncInvoker,
  type OnFailureRecord,
  type Timers,
} from '../../../local/lambda/async-invoke.ts';
import { type InvocationResult, TooManyRequests } from '../../../local/lambda/function.ts';
import { definitionOf, withFunction } from './bundle.ts';

const START_MS = Date.parse('2026-03-01T12:00:00.000Z');
const destinationArn = 'arn:aws:sqs:eu-west-1:111122223333:MomentoAuth-Failures';

/** Timers that fire only when `advance` passes them. */
function handDrivenTimers() {
  let nowMs = START_MS;
  const pending = new Map<number, { atMs: number; callback: () => void }>();
  let nextId = 0;
  const timers: Timers<number> = {
    now: () => nowMs,
    setTimeout: (callback, delayMs) => {
      nextId += 1;
      pending.set(nextId, { atMs: nowMs + delayMs, callback });
      return nextId;
    },
    clearTimeout: (id) => pending.delete(id),
  };
  const advance = async (milliseconds: number) => {
    nowMs += milliseconds;
    for (const [id, { atMs, callback }] of pending) {
      if (atMs > nowMs) continue;
      pending.delete(id);
      callback();
    }
    await settled();
  };
  return { timers, advance, pending };
}

/** Lets every promise that can settle do so. */
const settled = () => new Promise((resolve) => setImmediate(resolve));

function failing(errorMessage: string): InvocationResult {
  return {
    payload: { errorType: 'RotationFailed', errorMessage },
    functionError: 'Unhandled',
    requestId: 'overridden',
    durationMs: 1,
    maxMemoryMb: 50,
    logTail: '',
  };
}

const { functionError: _none, ...succeeding } = { ...failing(''), payload: { keys: [] } };

interface Setup {
  readonly outcomes?: readonly (InvocationResult | Error)[];
  readonly maximumRetryAttempts?: number;
  readonly maximumEventAgeSeconds?: number;
  readonly onFailureArn?: string | null;
  readonly timeScale?: number;
  readonly deliver?: () => Promise<void>;
}

/** An invoker whose function gives `outcomes` in order, the last of them for ever. */
function asyncInvoker({
  outcomes = [failing('first'), failing('second'), failing('third')],
  maximumRetryAttempts = 2,
  maximumEventAgeSeconds = 21_600,
  onFailureArn = destinationArn,
  timeScale,
  deliver,
}: Setup = {}) {
  const clock = handDrivenTimers();
  const calls: { payload: unknown; requestId: string | undefined; atMs: number }[] = [];
  const records: [string, OnFailureRecord][] = [];
  const news: AsyncInvokeNews[] = [];
  const invoker = new AsyncInvoker<number>({
    function: {
      definition: definitionOf({
        asyncInvoke: { maximumRetryAttempts, maximumEventAgeSeconds, onFailureArn },
      }),
      invoke: async (payload, { requestId }) => {
        const outcome = outcomes[Math.min(calls.length, outcomes.length - 1)];
        calls.push({ payload, requestId, atMs: clock.timers.now() - START_MS });
        if (outcome === undefined || outcome instanceof Error) throw outcome;
        return outcome;
      },
    },
    deliver: async (arn, record) => {
      records.push([arn, record]);
      await deliver?.();
    },
    timers: clock.timers,
    ...(timeScale === undefined ? {} : { timeScale }),
    onNews: (item) => news.push(item),
  });
  return { ...clock, invoker, calls, records, news };
}

describe('retries', () => {
  test('come after one and after two minutes, under the same request id, and no sooner', async () => {
    const { invoker, advance, calls, news } = asyncInvoker();
    const { requestId } = invoker.submit({ secretId: 'default' });
    await settled();
    await advance(59_999);
    expect(calls).toHaveLength(1);
    await advance(1);
    expect(calls).toHaveLength(2);
    await advance(119_999);
    expect(calls).toHaveLength(2);
    await advance(1);
    expect(calls).toEqual([
      { payload: { secretId: 'default' }, requestId, atMs: 0 },
      { payload: { secretId: 'default' }, requestId, atMs: 60_000 },
      { payload: { secretId: 'default' }, requestId, atMs: 180_000 },
    ]);
    expect(
      news.map((item) => ('nextAttemptAtMs' in item ? item.nextAttemptAtMs : item.kind)),
    ).toEqual([START_MS + 60_000, START_MS + 180_000, null, 'given-up', 'delivered']);
  });

  test('are divided by the time scale, and so is the age', async () => {
    const { invoker, advance, calls, records } = asyncInvoker({
      timeScale: 60,
      maximumEventAgeSeconds: 120,
    });
    invoker.submit({});
    await settled();
    await advance(999);
    expect(calls).toHaveLength(1);
    await advance(1);
    expect(calls).toHaveLength(2);
    await advance(1000);
    expect(records[0]?.[1].requestContext.condition).toBe('EventAgeExceeded');
  });

  test('end with the first success', async () => {
    const { invoker, advance, calls, records, news, pending } = asyncInvoker({
      outcomes: [failing('once'), succeeding],
    });
    invoker.submit({});
    await settled();
    await advance(60_000);
    expect(calls).toHaveLength(2);
    expect(news.at(-1)).toMatchObject({ kind: 'succeeded', result: { payload: { keys: [] } } });
    expect(pending.size).toBe(0);
    expect(records).toEqual([]);
  });

  test('are not made when the template allows none', async () => {
    const { invoker, calls, records, pending } = asyncInvoker({ maximumRetryAttempts: 0 });
    invoker.submit({});
    await settled();
    expect(calls).toHaveLength(1);
    expect(pending.size).toBe(0);
    expect(records[0]?.[1].requestContext).toMatchObject({
      condition: 'RetriesExhausted',
      approximateInvokeCount: 1,
    });
  });
});

describe('the on-failure record', () => {
  test('has every field that Lambda sends', async () => {
    const { invoker, advance, records } = asyncInvoker();
    const { requestId } = invoker.submit({ force: true });
    await settled();
    await advance(60_000);
    await advance(120_000);
    expect(records).toEqual([
      [
        destinationArn,
        {
          version: '1.0',
          timestamp: '2026-03-01T12:03:00.000Z',
          requestContext: {
            requestId,
            functionArn:
              'arn:aws:lambda:eu-west-1:111122223333:function:MomentoAuth-RotateKey-abc:$LATEST',
            condition: 'RetriesExhausted',
            approximateInvokeCount: 3,
          },
          requestPayload: { force: true },
          responseContext: {
            statusCode: 200,
            executedVersion: '$LATEST',
            functionError: 'Unhandled',
          },
          responsePayload: { errorType: 'RotationFailed', errorMessage: 'third' },
        },
      ],
    ]);
  });

  test('comes when the event is too old, and no try is made any more', async () => {
    const { invoker, advance, calls, records } = asyncInvoker({ maximumEventAgeSeconds: 90 });
    invoker.submit({});
    await settled();
    await advance(60_000);
    await advance(29_999);
    expect(records).toEqual([]);
    await advance(1);
    expect(calls).toHaveLength(2);
    expect(records[0]?.[1].requestContext).toMatchObject({
      condition: 'EventAgeExceeded',
      approximateInvokeCount: 2,
    });
    expect(records[0]?.[1].responsePayload).toMatchObject({ errorMessage: 'second' });
  });

  test('goes nowhere without a destination', async () => {
    const { invoker, records, news } = asyncInvoker({
      maximumRetryAttempts: 0,
      onFailureArn: null,
    });
    invoker.submit({});
    await settled();
    expect(records).toEqual([]);
    expect(news.at(-1)).toMatchObject({ kind: 'given-up', destinationArn: null });
  });

  test('that cannot be delivered is news, and nothing breaks', async () => {
    const denied = new Error('AccessDenied');
    const { invoker, news } = asyncInvoker({
      maximumRetryAttempts: 0,
      deliver: () => Promise.reject(denied),
    });
    const { requestId } = invoker.submit({});
    await settled();
    expect(news.at(-1)).toEqual({ kind: 'dropped', requestId, error: denied });
  });
});

describe('throttling', () => {
  test('spends no attempt, backs off, and ends at the maximum age', async () => {
    const { invoker, advance, calls, records } = asyncInvoker({
      outcomes: [new TooManyRequests('busy')],
      maximumEventAgeSeconds: 5,
    });
    invoker.submit({});
    await settled();
    await advance(1000);
    await advance(2000);
    await advance(2000);
    expect(calls.map(({ atMs }) => atMs)).toEqual([0, 1000, 3000]);
    expect(records[0]?.[1].requestContext).toMatchObject({
      condition: 'EventAgeExceeded',
      approximateInvokeCount: 0,
    });
    expect(records[0]?.[1]).not.toHaveProperty('responsePayload');
  });
});

describe('close', () => {
  test('forgets what waits and refuses what comes', async () => {
    const { invoker, advance, calls, pending } = asyncInvoker();
    invoker.submit({});
    await settled();
    expect(pending.size).toBe(1);
    await invoker.close();
    expect(pending.size).toBe(0);
    await advance(600_000);
    expect(calls).toHaveLength(1);
    expect(() => invoker.submit({})).toThrow('closed');
  });

  test('waits for the try that runs, and a real function killed by it is not a failure', async () => {
    const code = 'export const handler = () => new Promise((r) => setTimeout(r, 60_000));';
    const { timers, pending } = handDrivenTimers();
    const records: OnFailureRecord[] = [];
    const asyncInvoke = {
      maximumRetryAttempts: 0,
      maximumEventAgeSeconds: 3600,
      onFailureArn: destinationArn,
    };
    await withFunction({ code, definition: { asyncInvoke } }, async (local) => {
      const invoker = new AsyncInvoker({
        function: local,
        deliver: async (_arn, record) => void records.push(record),
        timers,
      });
      invoker.submit({});
      const closed = invoker.close();
      await local.close();
      await closed;
    });
    expect(pending.size).toBe(0);
    expect(records).toEqual([]);
  });
});
