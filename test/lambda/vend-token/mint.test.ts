// Minting, where Momento does what a real one never should.

import { token } from '@gomomento/generated-types/dist/token.js';
import { expect, test } from '@jest/globals';
import { mint } from '../../../lambda/vend-token/mint.ts';
import { SimulatedClock } from '../simulated-clock.ts';

function mintAnswered(validForSeconds: number) {
  const clock = new SimulatedClock();
  const answer = new token._GenerateDisposableTokenResponse({
    api_key: 'jwt',
    endpoint: 'cell.example',
    valid_until: Math.floor(clock.now() / 1000) + validForSeconds,
  }).serialize();
  const key = {
    wireKey: 'key',
    tokenEndpoint: 'token.cell.example',
    versionId: 'v1',
    renewed: undefined,
  };
  return clock.run(
    mint({ permissions: [], tokenId: undefined }, 60, {
      clock,
      call: async () => answer,
      keys: { current: async () => key, after: async () => undefined },
    }),
  );
}

test('a life that is longer than asked for is no answer', async () => {
  await expect(mintAnswered(60 + 61)).rejects.toMatchObject({ code: 'INTERNAL' });
  await expect(mintAnswered(90_000)).rejects.toMatchObject({ code: 'INTERNAL' });
});

test('clocks may differ by a minute, and a life may be shorter', async () => {
  await expect(mintAnswered(60 + 59)).resolves.toMatchObject({ token: { apiKey: 'jwt' } });
  await expect(mintAnswered(30)).resolves.toMatchObject({ token: { apiKey: 'jwt' } });
});
