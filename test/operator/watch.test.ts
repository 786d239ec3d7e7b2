// `status --watch`, with looks made by hand.

import { getEventListeners } from 'node:events';
import { describe, expect, jest, test } from '@jest/globals';
import type { Status } from '../../operator/status.ts';
import { fitted, watch } from '../../operator/watch.ts';
import { type Remembered, rememberingTerminal } from './world.ts';

const seen: Status = {
  stack: { stackName: 'MomentoAuth', region: 'eu-west-1', accountId: '1', status: 'x' },
  place: {
    stackName: 'MomentoAuth',
    client: {
      maxAttempts: 1,
      requestHandler: { connectionTimeout: 1, requestTimeout: 1, throwOnRequestTimeout: true },
    },
    momentoEndpoint: undefined,
    tokenEndpointUrl: undefined,
    timeScale: 1,
    isLocal: false,
    options: '',
  },
  nowMs: 0,
  scheduleIntervalSeconds: 3_600,
  refreshAtFraction: 0.3,
  keys: [],
  alarms: [],
  alarmsProblem: undefined,
};

/** Looks so many times, and is then left in the way that is given. */
async function watched(
  looks: number,
  terminal: Remembered,
  leave: AbortController,
  inFull: () => string = () => 'text',
) {
  let done = 0;
  const listeners: number[] = [];
  const any = jest.spyOn(AbortSignal, 'any');
  const over = (): AbortSignal => {
    const made = any.mock.results[0]?.value;
    if (!(made instanceof AbortSignal)) throw new Error('The watch has no end.');
    return made;
  };
  const code = await watch({
    look: async () => {
      done += 1;
      listeners.push(getEventListeners(over(), 'abort').length);
      if (done > looks) leave.abort();
      return seen;
    },
    everyMs: 1_000,
    inFull,
    json: false,
    terminal,
    clock: { now: () => 0, random: () => 0, sleep: async () => {} },
  });
  any.mockRestore();
  return { code, listeners, done };
}

test.each(['interrupted', 'unread'] as const)(
  '%s ends it, and no look leaves a listener',
  async (how) => {
    const leave = new AbortController();
    const terminal = { ...rememberingTerminal(), [how]: leave.signal };
    const warnings: Error[] = [];
    const warned = (warning: Error) => void warnings.push(warning);
    process.on('warning', warned);
    const { code, listeners, done } = await watched(30, terminal, leave);
    await new Promise(setImmediate);
    process.off('warning', warned);
    expect([code, done, warnings]).toEqual([1, 31, []]);
    expect(new Set(listeners).size).toBe(1);
  },
);

test('drawn from the top on a screen of its own, each line cleared, however it wraps', async () => {
  const leave = new AbortController();
  const terminal = { ...rememberingTerminal(), isScreen: true, interrupted: leave.signal };
  await watched(2, terminal, leave, () => `${'w'.repeat(200)}\nend`);
  const [first, ...draws] = terminal.printed;
  const last = draws.pop();
  expect(first).toBe('\u001b[?1049h');
  expect(draws).toHaveLength(2);
  for (const drawn of draws) {
    expect(drawn).toBe(
      `\u001b[H${'w'.repeat(200)}\u001b[K\nend\u001b[K\n\u001b[K\nCtrl-C ends it.\u001b[K\u001b[J`,
    );
  }
  // What was seen last stays where the person goes on typing.
  expect(last).toBe(`\u001b[?1049l${'w'.repeat(200)}\nend`);
});

describe('on a screen that is too low', () => {
  const lines = ['heading', '', 'KEY', 'default', '', 'labels', '', '✗ sentence', '  next'];

  test.each([
    [9, lines],
    [8, ['heading', '', 'KEY', 'default', '', '…', '✗ sentence', '  next']],
    [5, ['heading', '', '…', '✗ sentence', '  next']],
    [1, ['…', '✗ sentence', '  next']],
  ])('%d rows: the table and the sentence stay', (rows, shown) =>
    expect(fitted(lines, 80, rows)).toEqual(shown),
  );

  test('a line that is wider than the screen takes several rows, colours none', () => {
    const wide = ['\u001b[1m12345\u001b[22m', '1234567890', 'a', 'b'];
    expect(fitted(wide, 5, 5)).toBe(wide);
    expect(fitted(wide, 5, 4)).toEqual([wide[0], '…', 'a', 'b']);
  });

  test('an empty line before the sentence is not kept in place of the table', () => {
    expect(fitted(['a', 'b', 'c', '', '✓ well'], 80, 4)).toEqual(['a', 'b', '…', '✓ well']);
  });
});
