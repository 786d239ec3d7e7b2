// An alarm to ALARM and back to OK, by the fault that it is for, told to whoever subscribed. No other goes off.

import { expect } from '@jest/globals';
import type { Fault } from './faults.ts';
import type { World } from './world.ts';

export async function drive(world: World, { alarms, options, happen, mend }: Fault): Promise<void> {
  await world.start(options?.());

  await happen(world);
  expect(world.inState('ALARM')).toEqual(alarms);
  expect(world.mails().sort()).toEqual(alarms.map((alarm) => `ALARM ${alarm}`));

  await mend(world);
  expect(world.inState('OK')).toHaveLength(world.stack.assembly.alarms.length);
  // Once into ALARM and once out of it, whatever came in between: nothing flaps.
  expect(world.mails().sort()).toEqual(
    [...alarms.map((alarm) => `ALARM ${alarm}`), ...alarms.map((alarm) => `OK ${alarm}`)].sort(),
  );
}
