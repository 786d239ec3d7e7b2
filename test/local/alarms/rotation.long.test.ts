// Each alarm on rotation, driven to ALARM by the fault that it is for and back to OK when the fault has ended.

import { afterEach, describe, test } from '@jest/globals';
import { drive } from './drive.ts';
import { FAULTS_OF_ROTATION } from './faults.ts';
import { World } from './world.ts';

describe('each alarm on rotation', () => {
  let world: World;
  afterEach(() => world.close());

  test.each(FAULTS_OF_ROTATION)('$what: $alarms', async (fault) => {
    world = new World();
    await drive(world, fault);
  });
});
