// A person edits other fields of the secret while its key is being renewed: the new pair is put among them.

import { describe, expect, test } from '@jest/globals';
import { DAY_SECONDS, type Fault, HOUR_SECONDS, World } from './world.ts';

function due(oldKeys: 'live' | 'die' = 'die'): World {
  const world = new World({ refreshTokens: 'single-use', oldKeys });
  world.import();
  world.wait(21 * DAY_SECONDS);
  return world;
}

const edit = (world: World): void => {
  world.put(JSON.stringify({ ...world.current(), team: 'blue' }));
};

/** Edits at the nth call of the next run. */
function editAt(world: World, nth: number, fault?: Fault): void {
  let seen = 0;
  world.fault = () => {
    if (seen++ !== nth) return undefined;
    edit(world);
    return fault;
  };
}

const wireKey = (world: World): string =>
  JSON.parse(Buffer.from(world.current().apiKey, 'base64').toString('utf8')).api_key;

async function expectHealed(world: World): Promise<void> {
  for (let ticks = 0; ticks < 2; ticks += 1) {
    world.wait(HOUR_SECONDS);
    await world.tick();
  }
  expect(() => world.momento.authenticate(wireKey(world))).not.toThrow();
  expect(world.current()).toMatchObject({ team: 'blue' });
  const labels = Object.keys(world.labels()).filter((label) => label !== 'AWSPREVIOUS');
  expect(labels).toEqual(['AWSCURRENT']);
}

const CALLS = Array.from({ length: 13 }, (_, index) => index);

describe('single-use refresh tokens, and old keys that die', () => {
  test.each(CALLS)('edited at call %d: nothing is lost, and the edit stays', async (nth) => {
    const world = due();
    editAt(world, nth);
    expect((await world.tick()).outcome).not.toBe('failed');
    world.fault = () => undefined;
    await expectHealed(world);
  });

  test('edited after a run died that had staged the pair', async () => {
    const world = due();
    world.fault = (call) => (call === 'ListCaches' ? 'kill' : undefined);
    await world.tick();
    world.fault = () => undefined;
    edit(world);
    world.wait(HOUR_SECONDS);
    expect(await world.tick()).toMatchObject({ outcome: 'resumed', reason: 'pending-resumed' });
    await expectHealed(world);
  });

  test('edited twice after a run died that had staged the pair', async () => {
    const world = due();
    world.fault = (call) => (call === 'ListCaches' ? 'kill' : undefined);
    await world.tick();
    world.fault = () => undefined;
    edit(world);
    edit(world);
    world.wait(HOUR_SECONDS);
    expect(await world.tick()).toMatchObject({ outcome: 'resumed', reason: 'pending-resumed' });
    await expectHealed(world);
  });

  test('edited twice after a run died in the gap: the next run says that the token is spent', async () => {
    const world = due('live');
    world.fault = (call) => (call === 'RefreshApiKey' ? 'kill-after' : undefined);
    await world.tick();
    world.fault = () => undefined;
    edit(world);
    edit(world);
    world.wait(HOUR_SECONDS);
    expect(await world.tick()).toMatchObject({ outcome: 'failed', reason: 'refresh-token-spent' });
  });

  test('edited between the claim and the look of a run that goes on with an interrupted one', async () => {
    const world = due('live');
    world.fault = (call) => (call === 'RefreshApiKey' ? 'kill-after' : undefined);
    await world.tick();
    world.wait(HOUR_SECONDS);
    let claims = 0;
    world.fault = (call) => {
      if (call === 'PutSecretValue' && claims++ === 0) edit(world);
      return undefined;
    };
    // It looks again, and meets its own claim: that is the trace of the interrupted attempt, and stays.
    expect(await world.tick()).toMatchObject({ outcome: 'lost-race' });
    world.fault = () => undefined;
    world.wait(HOUR_SECONDS);
    expect(await world.tick()).toMatchObject({ outcome: 'failed', reason: 'refresh-token-spent' });
  });

  test('edited while the store would not take the pair: the next run of the process stores it', async () => {
    const world = due();
    world.fault = (call) =>
      call === 'PutSecretValue' && world.calls.includes('RefreshApiKey')
        ? new Error('away')
        : undefined;
    expect(await world.tick()).toMatchObject({ reason: 'stage-failed' });
    world.fault = () => undefined;
    edit(world);
    world.wait(HOUR_SECONDS);
    expect(await world.tick()).toMatchObject({ outcome: 'rotated' });
    await expectHealed(world);
  });
});

test('another key imported meanwhile is no edit: it stays', async () => {
  const world = due('live');
  world.fault = (call) => (call === 'ListCaches' ? 'kill' : undefined);
  await world.tick();
  world.fault = () => undefined;
  world.import();
  const imported = world.labels().AWSCURRENT;
  world.wait(HOUR_SECONDS);
  expect(await world.tick()).toMatchObject({ outcome: 'healed', reason: 'superseded' });
  expect(world.labels().AWSCURRENT).toBe(imported);
});

test('a pair that another run has staged meanwhile keeps its label', async () => {
  const world = due('live');
  world.fault = (call) => (call === 'ListCaches' ? 'kill' : undefined);
  await world.tick();
  edit(world);
  world.wait(HOUR_SECONDS);
  let others = '';
  let seenAfterwards: string | undefined;
  world.fault = (call) => {
    if (others !== '') seenAfterwards ??= world.labels().AWSPENDING;
    // Between the carrying run's write and its move of the label.
    else if (call === 'UpdateSecretVersionStage')
      others = world.put('{}', undefined, ['AWSPENDING']);
    return undefined;
  };
  await world.tick();
  expect(seenAfterwards).toBe(others);
});

test('a mark that a run left on the way is taken off', async () => {
  const world = due('live');
  world.fault = (call) => (call === 'ListCaches' ? 'kill' : undefined);
  await world.tick();
  edit(world);
  world.wait(HOUR_SECONDS);
  let moves = 0;
  world.fault = (call) =>
    call === 'UpdateSecretVersionStage' && ++moves === 1 ? 'kill-after' : undefined;
  await world.tick();
  expect(world.labels()).toHaveProperty('MOMENTO_CARRIED');
  world.fault = () => undefined;
  await expectHealed(world);
});
