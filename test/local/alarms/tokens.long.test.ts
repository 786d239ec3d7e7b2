// Each alarm on tokens, driven to ALARM by the fault that it is for and back to OK when the fault has ended.

import { afterEach, describe, expect, test } from '@jest/globals';
import { drive } from './drive.ts';
import { FAULTS_OF_TOKENS } from './faults.ts';
import { HOUR_MS, MINUTE_MS, unavailable, World } from './world.ts';

describe('each alarm on tokens', () => {
  let world: World;
  afterEach(() => world.close());

  test.each(FAULTS_OF_TOKENS)('$what: $alarms', async (fault) => {
    world = new World();
    await drive(world, fault);
  });
});

describe('few users', () => {
  let world: World;
  afterEach(() => world.close());

  const FEW_HOURS = 3;
  const ONCE = ['ALARM TokenEndpoint5xx', 'OK TokenEndpoint5xx'];

  test.each<[string, number, readonly string[]]>([
    ['every 14 minutes', 14, ONCE],
    ['every 20 minutes', 20, ONCE],
    ['every 30 minutes', 30, ONCE],
    ['once', FEW_HOURS * 60, []],
  ])('a request that gets a 503 %s', async (_often, everyMinutes, told) => {
    world = new World();
    await world.start();
    world.momentoFault = () => unavailable;
    for (let minute = 0; minute < FEW_HOURS * 60; minute++) {
      if (minute % everyMinutes === 0) expect(await world.askForToken()).toBe(503);
      world.pass(MINUTE_MS);
    }
    world.pass(2 * HOUR_MS);
    expect(world.mails().filter((mail) => mail.endsWith('5xx'))).toEqual(told);
  });
});
