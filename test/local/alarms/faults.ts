// What every alarm of the template is for: the fault that sets it off, and what ends it.

import { expect } from '@jest/globals';
import type { LocalStackOptions } from '../../../local/stack.ts';
import {
  changed,
  copyOfAssembly,
  denied,
  HELD_HOURS,
  HOUR_MS,
  MINUTE_MS,
  unavailable,
  type World,
} from './world.ts';

export interface Fault {
  readonly what: string;
  /** All alarms that it sets off. */
  readonly alarms: readonly string[];
  readonly options?: () => Partial<LocalStackOptions>;
  /** Up to where the alarms are looked at. */
  readonly happen: (world: World) => Promise<void>;
  /** Ends the fault, and waits for as long as the alarms are held. */
  readonly mend: (world: World) => Promise<void>;
}

/** Once nothing sets them off any more, for as long as they are held. */
async function outlastAlarms(world: World): Promise<void> {
  world.emptyQueues();
  await world.hours(HELD_HOURS);
}

export const FAULTS_OF_ROTATION: readonly Fault[] = [
  {
    what: 'Momento cannot be reached when a key is due',
    alarms: ['FailedRuns', 'RotateKeyErrors', 'RotationFailed'],
    happen: async (world) => {
      await world.untilDue();
      world.momentoFault = () => unavailable;
      await world.hours(1);
    },
    mend: async (world) => {
      world.momentoFault = undefined;
      await outlastAlarms(world);
    },
  },
  {
    what: 'the role may not write, for more than two intervals',
    alarms: ['FailedRuns', 'KeyOverdue', 'RotateKeyErrors', 'RotationFailed'],
    happen: async (world) => {
      await world.untilDue();
      world.awsFault = ({ action }) =>
        action === 'secretsmanager:PutSecretValue' ? { error: denied } : undefined;
      await world.hours(3);
    },
    mend: async (world) => {
      world.awsFault = undefined;
      await outlastAlarms(world);
    },
  },
  {
    what: 'the key was revoked at Momento',
    alarms: ['FailedRuns', 'KeyRefused', 'RotateKeyErrors', 'RotationFailed'],
    happen: async (world) => {
      await world.untilDue();
      world.revokeCurrent();
      await world.hours(1);
    },
    mend: async (world) => {
      world.importKey();
      await outlastAlarms(world);
    },
  },
  {
    what: 'a run dies with the new pair in its hands',
    alarms: ['FailedRuns', 'KeyRefused', 'RotateKeyErrors', 'RotationFailed'],
    happen: async (world) => {
      await world.untilDue();
      world.killInTheGap();
      await world.hours(1);
      expect(world.inState('ALARM')).toEqual(['FailedRuns', 'RotateKeyErrors']);

      world.awsFault = undefined;
      await world.hours(1);
      // The mail's text is the template's: how much time is left is in the log and in the event.
      const message = expect.stringMatching(/It goes on working for 6 hours.*, until .*import it/);
      expect(world.failures()[0]).toMatchObject({ reason: 'refresh-token-spent', message });
      expect(world.stack.bus.accepted.at(-1)?.event).toMatchObject({
        'detail-type': 'Momento API Key Rotation Failed',
        detail: { code: 'refresh-token-spent', message },
      });
    },
    mend: async (world) => {
      world.importKey();
      await outlastAlarms(world);
    },
  },
  {
    what: 'the rule is stopped',
    alarms: ['NoSweep'],
    happen: async (world) => {
      await world.hours(3);
      world.pass(3 * HOUR_MS);
    },
    mend: (world) => world.hours(1),
  },
  {
    what: 'the permission of the schedule is gone',
    alarms: ['NoSweep', 'UndeliveredTicks'],
    options: () => ({
      assemblyDirectory: changed((text) =>
        text.replace('"Principal": "events.amazonaws.com"', '"Principal": "nobody.amazonaws.com"'),
      ),
    }),
    happen: async (world) => {
      await byHand(world);
      world.pass(HOUR_MS);
      world.stack.tick();
      world.pass(HOUR_MS);
      world.stack.tick();
      world.pass(HOUR_MS);
    },
    mend: async (world) => {
      world.emptyQueues();
      await byHand(world);
      world.pass(HOUR_MS);
    },
  },
  {
    what: 'rotate-key does not load',
    alarms: ['FailedRuns', 'NoSweep', 'RotateKeyErrors'],
    options: () => ({ assemblyDirectory: copyOfAssembly() }),
    happen: async (world) => {
      world.crash('RotateKeyFunctionName');
      await world.hours(3);
    },
    mend: async (world) => {
      world.repair();
      await outlastAlarms(world);
    },
  },
  {
    what: 'rotate-key finds every execution environment busy',
    alarms: ['RotateKeyThrottles'],
    options: () => ({ concurrencyLimit: 1 }),
    happen: async (world) => {
      await world.hours(2);
      const throttled = world.news.next('throttling', 10_000, (item) =>
        item.kind === 'invocation' && item.news.kind === 'throttled' ? true : undefined,
      );
      const first = world.sweep();
      await Promise.all([throttled, first, world.sweep()]);
      world.pass(5 * MINUTE_MS);
    },
    mend: (world) => world.hours(HELD_HOURS),
  },
];

export const FAULTS_OF_TOKENS: readonly Fault[] = [
  {
    what: 'vend-token does not load',
    alarms: ['VendTokenErrors'],
    options: () => ({ assemblyDirectory: copyOfAssembly() }),
    happen: async (world) => {
      world.crash('VendTokenFunctionName');
      await world.hours(2);
      expect(await world.askForToken()).toBe(500);
      world.pass(5 * MINUTE_MS);
    },
    mend: async (world) => {
      world.repair();
      await world.hours(2);
    },
  },
  {
    what: 'vend-token finds every execution environment busy',
    alarms: ['VendTokenThrottles'],
    options: () => ({ concurrencyLimit: 1 }),
    happen: async (world) => {
      await world.hours(2);
      world.momentoFault = () => ({ delayMs: 300 });
      const statuses = await Promise.all([world.askForToken(), world.askForToken()]);
      expect(statuses).toContain(503);
      world.pass(5 * MINUTE_MS);
    },
    mend: async (world) => {
      world.momentoFault = undefined;
      await world.hours(2);
    },
  },
  {
    what: 'Momento cannot be reached for tokens, for ten minutes',
    alarms: ['TokenEndpoint5xx'],
    happen: async (world) => {
      await world.hours(2);
      world.momentoFault = () => unavailable;
      for (let period = 0; period < 2; period++) {
        expect(await world.askForToken()).toBe(503);
        world.pass(5 * MINUTE_MS);
      }
    },
    mend: async (world) => {
      world.momentoFault = undefined;
      await world.hours(2);
    },
  },
  {
    what: 'the vending key was revoked at Momento',
    alarms: ['VendingKeyRefused'],
    happen: async (world) => {
      await world.hours(2);
      world.revokeCurrent();
      expect(await world.askForToken()).toBe(502);
      world.pass(5 * MINUTE_MS);
    },
    mend: async (world) => {
      world.importKey();
      await world.hours(2);
    },
  },
];

/** As the schedule would, by a person. */
async function byHand(world: World): Promise<void> {
  const event = { source: 'aws.events', 'detail-type': 'Scheduled Event', detail: {} };
  const name = world.stack.output('RotateKeyFunctionName');
  const rotateKey = world.stack.functions.find(({ definition }) => definition.name === name);
  const result = await rotateKey?.invoke(event);
  expect(result?.functionError).toBeUndefined();
}
