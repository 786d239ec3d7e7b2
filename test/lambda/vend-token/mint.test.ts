// Minting, where Momento does what a real one never should.

import { token } from '@gomomento/generated-types/dist/token.js';
import { describe, expect, test } from '@jest/globals';
import { GrpcFailure } from '../../../lambda/shared/grpc-unary.ts';
import { MINT_DEADLINE_MS, mint } from '../../../lambda/vend-token/mint.ts';
import { TimeBounds } from '../../../lambda/vend-token/time-bounds.ts';
import { NotYourTurn } from '../../../lambda/vend-token/turns.ts';
import { SimulatedClock } from '../simulated-clock.ts';

const SCOPE = { permissions: [], tokenId: undefined };
const KEY = {
  wireKey: 'key',
  tokenEndpoint: 'token.cell.example',
  versionId: 'v1',
  renewed: undefined,
};
const KEYS = { current: async () => KEY, after: async () => undefined };
const answerUntil = (validUntil: number) =>
  new token._GenerateDisposableTokenResponse({
    api_key: 'jwt',
    endpoint: 'cell.example',
    valid_until: validUntil,
  }).serialize();

function mintAnswered(validForSeconds: number) {
  const clock = new SimulatedClock();
  const answer = answerUntil(Math.floor(clock.now() / 1000) + validForSeconds);
  return clock.run(mint(SCOPE, 60, { clock, call: async () => answer, keys: KEYS }));
}

test('a life that is longer than asked for is no answer', async () => {
  await expect(mintAnswered(60 + 61)).rejects.toMatchObject({ code: 'INTERNAL' });
  await expect(mintAnswered(90_000)).rejects.toMatchObject({ code: 'INTERNAL' });
});

test('clocks may differ by a minute, and a life may be shorter', async () => {
  await expect(mintAnswered(60 + 59)).resolves.toMatchObject({ token: { apiKey: 'jwt' } });
  await expect(mintAnswered(30)).resolves.toMatchObject({ token: { apiKey: 'jwt' } });
});

describe('what is made ready meanwhile', () => {
  test('is told of when Momento has been asked, before it answers', async () => {
    const clock = new SimulatedClock();
    const order: string[] = [];
    await mint(SCOPE, 60, {
      clock,
      keys: KEYS,
      onAsked: () => order.push('meanwhile'),
      call: async () => {
        order.push('asked');
        await new Promise((resolve) => setTimeout(resolve, 20));
        order.push('answered');
        return answerUntil(Math.floor(clock.now() / 1000) + 60);
      },
    });
    expect(order).toEqual(['asked', 'meanwhile', 'answered']);
  });
});

describe('clocks', () => {
  // Momento says until when by its own; a host may be a minute behind, as long as AWS has told it so.
  const answeredAt = (momentoAheadSeconds: number, isKnown: boolean) => {
    const clock = new SimulatedClock();
    const time = new TimeBounds(clock);
    if (isKnown) time.hear(clock.now() + 60_000, clock.now());
    return clock.run(
      mint(SCOPE, 60, {
        clock,
        time,
        call: async () => answerUntil(Math.floor(clock.now() / 1000) + 60 + momentoAheadSeconds),
        keys: KEYS,
      }),
    );
  };

  test('a host that is a minute behind, and knows it, takes what Momento makes', async () => {
    await expect(answeredAt(61, true)).resolves.toMatchObject({ token: { apiKey: 'jwt' } });
    await expect(answeredAt(61 + 65, true)).rejects.toMatchObject({ code: 'INTERNAL' });
    await expect(answeredAt(62, false)).rejects.toMatchObject({ code: 'INTERNAL' });
  });
});

describe('the time that it may take', () => {
  test('connecting, waiting for a turn and asking take no longer together', async () => {
    const clock = new SimulatedClock();
    const beganMs = clock.now();
    const connects: number[] = [];
    const minting = mint(SCOPE, 60, {
      clock,
      keys: KEYS,
      connect: async (_, timeoutMs) => {
        connects.push(timeoutMs);
        await clock.sleep(timeoutMs);
      },
      turn: () => clock.sleep(900),
      call: async (_, __, ___, timeoutMs) => {
        await clock.sleep(timeoutMs);
        throw new GrpcFailure('DEADLINE_EXCEEDED', 'silence');
      },
    });
    await expect(clock.run(minting)).rejects.toMatchObject({ code: 'DEADLINE_EXCEEDED' });
    expect(clock.now() - beganMs).toBeLessThanOrEqual(MINT_DEADLINE_MS + 900);
    expect(Math.max(...connects)).toBe(3_000);
  });

  test('where there is no connection no turn is taken, and the next try connects again', async () => {
    const clock = new SimulatedClock();
    const steps: string[] = [];
    await clock.run(
      mint(SCOPE, 60, {
        clock,
        keys: KEYS,
        connect: async () => {
          steps.push('connect');
          if (steps.length < 3) throw new GrpcFailure('UNAVAILABLE', 'away', { unseen: true });
        },
        turn: async (isRepeated) => {
          steps.push(`turn ${isRepeated}`);
        },
        call: async () => answerUntil(Math.floor(clock.now() / 1000) + 60),
      }),
    );
    expect(steps).toEqual(['connect', 'connect', 'connect', 'turn false']);
  });

  test('each try has a turn of its own', async () => {
    const clock = new SimulatedClock();
    let [turns, calls] = [0, 0];
    await clock.run(
      mint(SCOPE, 60, {
        clock,
        keys: KEYS,
        turn: async () => {
          turns += 1;
        },
        call: async () => {
          calls += 1;
          if (calls < 3) throw new GrpcFailure('UNAVAILABLE', 'not yet');
          return answerUntil(Math.floor(clock.now() / 1000) + 60);
        },
      }),
    );
    expect([turns, calls]).toEqual([3, 3]);
  });

  test('no turn for another try: what Momento said is the trouble; none for the first: that is', async () => {
    const clock = new SimulatedClock();
    const notYourTurn = new NotYourTurn(clock.now() + 5_000);
    const minting = (turnsLeft: number) => {
      let left = turnsLeft;
      return clock.run(
        mint(SCOPE, 60, {
          clock,
          keys: KEYS,
          turn: async () => {
            left -= 1;
            if (left < 0) throw notYourTurn;
          },
          call: () => Promise.reject(new GrpcFailure('UNAVAILABLE', 'away')),
        }),
      );
    };
    await expect(minting(0)).rejects.toBe(notYourTurn);
    await expect(minting(1)).rejects.toMatchObject({ code: 'UNAVAILABLE' });
  });
});
