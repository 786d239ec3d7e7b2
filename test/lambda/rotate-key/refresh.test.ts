import { describe, expect, test } from '@jest/globals';
import type { Turn } from '../../../lambda/rotate-key/pacer.ts';
import { refresh } from '../../../lambda/rotate-key/refresh.ts';
import type { Run } from '../../../lambda/rotate-key/tools.ts';
import type { MomentoAuth } from '../../../lambda/shared/momento-auth.ts';
import { MomentoFailure, type MomentoFailureCode } from '../../../lambda/shared/momento-failure.ts';
import type { RefreshedKey } from '../../../lambda/shared/secret-value.ts';
import { v1Key } from '../momento-key.ts';
import { SimulatedClock } from '../simulated-clock.ts';
import { content } from './gathered.ts';

const NEW_KEY: RefreshedKey = {
  apiKey: v1Key({ n: 2 }),
  refreshToken: 'refresh-2',
  endpoint: 'e',
  validUntil: 2_000_000_000,
};

type Script = (clock: SimulatedClock) => Promise<RefreshedKey>;
const ok: Script = async () => NEW_KEY;
const after =
  (delayMs: number): Script =>
  async (clock) => {
    await clock.sleep(delayMs);
    return NEW_KEY;
  };
const fails =
  (code: MomentoFailureCode, delayMs = 10): Script =>
  async (clock) => {
    await clock.sleep(delayMs);
    throw new MomentoFailure(code, `scripted ${code}`);
  };
const silence: Script = () => new Promise(() => {});

function scripted(calls: Script[], options: { alive?: boolean | 'unknown'; timeMs?: number } = {}) {
  const clock = new SimulatedClock();
  const startedAtMs = clock.now();
  let made = 0;
  const turns: Array<[string, number]> = [];
  const turn: Turn = { end: (how) => turns.push([how, clock.now() - startedAtMs]) };
  const momento: MomentoAuth = {
    refresh: () => (calls[made++] ?? silence)(clock),
    authenticates: async () => {
      if (options.alive === 'unknown') throw new MomentoFailure('momento-unreachable', 'gone');
      return options.alive ?? true;
    },
  };
  const run = {
    clock,
    momento,
    awsTime: clock,
    pacer: { turn: async () => turn },
    workUntilMs: startedAtMs + (options.timeMs ?? 295_000),
  } as unknown as Run;
  const pair = content();
  if (pair.kind !== 'pair') throw new Error('The builder makes pairs.');
  const late: RefreshedKey[] = [];
  return {
    late,
    /** How each ended, and when. */
    turns,
    calls: () => made,
    elapsedMs: () => clock.now() - startedAtMs,
    clock,
    go: (attempt = 0) => clock.run(refresh(pair.pair, attempt, turn, (key) => late.push(key), run)),
  };
}

describe('tries', () => {
  test('one call when the first one works', async () => {
    const momento = scripted([ok]);
    expect(await momento.go()).toBe(NEW_KEY);
    expect(momento.calls()).toBe(1);
  });

  test.each<MomentoFailureCode>([
    'momento-unreachable',
    'momento-rate-limited',
    'momento-bad-answer',
  ])('again after %s', async (code) => {
    const momento = scripted([fails(code), fails(code), ok]);
    expect(await momento.go()).toBe(NEW_KEY);
    expect(momento.calls()).toBe(3);
  });

  test('five calls, then it gives up with what Momento last said', async () => {
    const momento = scripted(Array(9).fill(fails('momento-unreachable')));
    await expect(momento.go()).rejects.toMatchObject({ code: 'momento-unreachable' });
    expect(momento.calls()).toBe(5);
  });

  test('silence ends after 30 s at the latest, or 15 s before the work must end', async () => {
    const patient = scripted([]);
    await expect(patient.go()).rejects.toMatchObject({ code: 'momento-unreachable' });
    expect(patient.elapsedMs()).toBeLessThanOrEqual(30_000);
    const hurried = scripted([], { timeMs: 25_000 });
    await expect(hurried.go()).rejects.toMatchObject({ code: 'momento-unreachable' });
    expect(hurried.elapsedMs()).toBeLessThanOrEqual(10_000);
  });
});

describe('a late answer is never lost', () => {
  test('it arrives while a later call is silent', async () => {
    expect(await scripted([after(9_000), silence]).go()).toBe(NEW_KEY);
  });

  test('it arrives after a later call was refused: the refresh token was spent by the late one', async () => {
    const momento = scripted([after(12_000), fails('momento-refused')]);
    expect(await momento.go()).toBe(NEW_KEY);
    expect(momento.calls()).toBe(2);
  });

  test('it arrives after the run gave up: it is kept for the next run', async () => {
    const momento = scripted([after(50_000), ...Array(4).fill(fails('momento-unreachable'))]);
    await expect(momento.go()).rejects.toMatchObject({ code: 'momento-unreachable' });
    expect(momento.late).toEqual([]);
    await momento.clock.run(momento.clock.sleep(60_000));
    expect(momento.late).toEqual([NEW_KEY]);
  });
});

describe('a turn ends', () => {
  test.each<[string, Script, string]>([
    ['a pair', after(250), 'answered'],
    ['a refusal', fails('momento-refused', 250), 'answered'],
    ['that there were too many', fails('momento-rate-limited', 250), 'refused'],
    ['what is no key', fails('momento-bad-answer', 250), 'answered'],
    ['nothing, the connection broke', fails('momento-unreachable', 250), 'unanswered'],
  ])('with the call: Momento said %s', async (_, script, how) => {
    const momento = scripted([script, ok]);
    await momento.go().catch(() => {});
    expect(momento.turns[0]).toEqual([how, 250]);
  });

  test('when nobody waits for the answer any more', async () => {
    const momento = scripted([silence, ok]);
    await momento.go();
    expect(momento.turns[0]).toEqual(['unanswered', 8_000]);
  });

  test('with its own call, when the late answer of an earlier one makes this one needless', async () => {
    const momento = scripted([after(9_000), after(2_000)]);
    expect(await momento.go()).toBe(NEW_KEY);
    expect(momento.elapsedMs()).toBe(9_000);
    expect(momento.turns).toEqual([['unanswered', 8_000]]);
    await momento.clock.run(momento.clock.sleep(60_000));
    const beganMs = 8_200;
    expect(momento.turns[1]).toEqual(['answered', beganMs + 2_000]);
  });
});

describe('a refusal is told by its cause', () => {
  test('the key lives: the refresh token is spent, and there is time left', async () => {
    const momento = scripted([fails('momento-refused')], { alive: true });
    await expect(momento.go()).rejects.toMatchObject({
      code: 'refresh-token-spent',
      message: expect.stringMatching(/goes on working for 29 days 23 hours, until 2026-01-31/),
    });
    expect(momento.calls()).toBe(1);
  });

  test('the key is dead and nobody called before: the key is refused', async () => {
    await expect(scripted([fails('momento-refused')], { alive: false }).go()).rejects.toMatchObject(
      {
        code: 'key-refused',
      },
    );
  });

  test.each([
    ['in an earlier attempt', [fails('momento-refused')], 1],
    ['in this one', [fails('momento-unreachable'), fails('momento-refused')], 0],
  ])('the key is dead and a call went out %s: its answer was lost', async (_, calls, attempt) => {
    await expect(scripted(calls, { alive: false }).go(attempt)).rejects.toMatchObject({
      code: 'refresh-token-spent',
      message: expect.stringMatching(/import it now/),
    });
  });

  test('the key cannot be asked: nothing is claimed that is not known', async () => {
    await expect(
      scripted([fails('momento-refused')], { alive: 'unknown' }).go(),
    ).rejects.toMatchObject({ code: 'momento-refused' });
  });
});
