import { GetSecretValueCommand } from '@aws-sdk/client-secrets-manager';
import { expect, test } from '@jest/globals';
import { AwsTime } from '../../../lambda/shared/aws-time.ts';
import { secretsClient, startStack } from '../../local/aws/builders.ts';

const MINUTE_MS = 60_000;
/** On a whole second, as headers are. */
const TRUE_MS = Date.UTC(2026, 0, 1);

/** A host whose clock is wrong by so much, and which asks and hears at these true times. */
function host(errorMs: number) {
  let trueMs = TRUE_MS;
  const time = new AwsTime({ now: () => trueMs + errorMs });
  return {
    time,
    /** AWS makes its answer in the middle of the way. */
    ask(wayMs: number): void {
      const sentAtMs = trueMs + errorMs;
      const madeAtMs = trueMs + wayMs / 2;
      trueMs += wayMs;
      time.hear(Math.floor(madeAtMs / 1000) * 1000, sentAtMs);
    },
    wrongByMs: () => time.now() - trueMs,
    wait(ms: number): void {
      trueMs += ms;
    },
  };
}

test('a clock that is right is never moved, whatever the headers cut off', () => {
  const { ask, wait, wrongByMs } = host(0);
  for (let asked = 0; asked < 200; asked += 1) {
    ask((asked * 37) % 400);
    wait((asked * 61) % 1_700);
    expect(wrongByMs()).toBe(0);
  }
});

test.each([-5 * MINUTE_MS, -20_000, 20_000, 5 * MINUTE_MS, 365 * 24 * 60 * MINUTE_MS])(
  'a clock that is wrong by %d ms is right to a second after the first answer',
  (errorMs) => {
    const { ask, wait, wrongByMs } = host(errorMs);
    expect(wrongByMs()).toBe(errorMs);
    for (let asked = 0; asked < 50; asked += 1) {
      ask(60);
      expect(Math.abs(wrongByMs())).toBeLessThanOrEqual(1_060);
      wait((asked * 61) % 1_700);
    }
  },
);

test('an answer that comes after the process was frozen for an hour moves nothing', () => {
  const { ask, wrongByMs } = host(0);
  ask(60 * MINUTE_MS);
  expect(wrongByMs()).toBe(0);
});

test('an answer without a date is no news', () => {
  const time = new AwsTime({ now: () => TRUE_MS });
  time.hear(Number.NaN, TRUE_MS);
  expect(time.now()).toBe(TRUE_MS);
});

test('it is heard from each answer of a real client, refusals included', async () => {
  const aheadMs = 4 * MINUTE_MS;
  const stack = await startStack({ now: () => Date.now() + aheadMs });
  const client = secretsClient(stack.server, stack.operator);
  try {
    const time = new AwsTime({ now: Date.now });
    time.listenTo(client);
    await expect(client.send(new GetSecretValueCommand({ SecretId: 'none' }))).rejects.toThrow();
    expect(Math.abs(time.now() - Date.now() - aheadMs)).toBeLessThan(2_000);
  } finally {
    client.destroy();
    await stack.close();
  }
});
