// Without sharing: each has a token of his own, and a process paces itself.

import { token } from '@gomomento/generated-types/dist/token.js';
import { expect, test } from '@jest/globals';
import { TimeBounds } from '../../../lambda/vend-token/time-bounds.ts';
import { OwnTokens, type WantedToken } from '../../../lambda/vend-token/token-source.ts';
import { NotYourTurn, OwnTurns } from '../../../lambda/vend-token/turns.ts';
import { SimulatedClock } from '../simulated-clock.ts';

function own(momentoAheadSeconds = 0) {
  const clock = new SimulatedClock();
  const time = new TimeBounds(clock);
  const askedMs: number[] = [];
  const key = {
    wireKey: 'key',
    tokenEndpoint: 'token.cell.example',
    versionId: 'v1',
    renewed: undefined,
  };
  const tokens = new OwnTokens({
    clock,
    time,
    turns: new OwnTurns(time, 275, 1_000),
    keys: { current: async () => key, after: async () => undefined },
    call: async () => {
      askedMs.push(clock.now());
      return new token._GenerateDisposableTokenResponse({
        api_key: `jwt-${askedMs.length}`,
        endpoint: 'cell.example',
        valid_until: Math.floor(clock.now() / 1_000) + 900 + momentoAheadSeconds,
      }).serialize();
    },
  });
  const nowSeconds = clock.now() / 1_000;
  const wanted: WantedToken = {
    scope: { permissions: [], tokenId: undefined },
    lifeSeconds: 900,
    callerUntilSeconds: nowSeconds + 910,
  };
  return { clock, tokens, wanted, askedMs };
}

test('many who want the same at once: one each, a slot apart, and the others are told when', async () => {
  const { clock, tokens, wanted, askedMs } = own();
  const beganMs = clock.now();
  const taken = await clock.run(
    Promise.allSettled(Array.from({ length: 10 }, () => tokens.take(wanted))),
  );
  const made = taken.flatMap((one) => (one.status === 'fulfilled' ? [one.value] : []));
  expect(made.map(({ source }) => source)).toEqual(Array(4).fill('minted'));
  expect(new Set(made.map((one) => one.token.apiKey)).size).toBe(4);
  expect(askedMs.map((atMs) => atMs - beganMs)).toEqual([0, 275, 550, 825]);
  for (const one of taken.slice(4)) {
    if (one.status !== 'rejected') throw new Error('it was not his turn');
    expect(one.reason).toBeInstanceOf(NotYourTurn);
    expect(one.reason).toMatchObject({ untilMs: beganMs + 1_100 });
  }
});

test('whoever wants to know is told that Momento has been asked', async () => {
  const { clock, tokens, wanted } = own();
  let told = 0;
  await clock.run(
    tokens.take({
      ...wanted,
      onAsked: () => {
        told += 1;
      },
    }),
  );
  await new Promise((resolve) => setImmediate(resolve));
  expect(told).toBe(1);
});

test('a token that outlives his own is not handed out', async () => {
  await expect(own(10).tokens.take(own().wanted)).resolves.toMatchObject({ source: 'minted' });
  await expect(own(11).tokens.take(own().wanted)).rejects.toMatchObject({ code: 'INTERNAL' });
  const { callerUntilSeconds: _, ...wanted } = own().wanted;
  await expect(
    own(11).tokens.take({ ...wanted, callerUntilSeconds: undefined }),
  ).resolves.toMatchObject({ source: 'minted' });
});
