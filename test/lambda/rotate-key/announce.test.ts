// Events out, over the bus's own behaviour: a 200 answer that refuses entries, silence, and refusals.

import type { EventBridgeClient, PutEventsCommandInput } from '@aws-sdk/client-eventbridge';
import { describe, expect, test } from '@jest/globals';
import { EventBridgeAnnouncer, type KeyEvent } from '../../../lambda/rotate-key/announce.ts';
import { Redactor } from '../../../lambda/shared/redaction.ts';
import { EventBus } from '../../../local/aws/event-bus.ts';
import { SimulatedClock } from '../simulated-clock.ts';
import { DAY_SECONDS, HOUR_SECONDS, type Invocation, TICK, World } from './world.ts';

const away = new Error('no route to host');

function announcing(refused: (detail: string, tryNumber: number) => boolean = () => false) {
  const clock = new SimulatedClock();
  const redactor = new Redactor();
  const batches: number[] = [];
  let ids = 0;
  const bus = new EventBus({
    region: 'eu-west-1',
    accountId: '123456789012',
    busNames: ['keys'],
    now: () => clock.now(),
    newId: () => String(++ids),
    entryFault: ({ Detail = '' }) =>
      refused(Detail, batches.length)
        ? { ErrorCode: 'InternalFailure', ErrorMessage: 'try again' }
        : undefined,
  });
  const send = async (command: { input: PutEventsCommandInput }) => {
    batches.push(command.input.Entries?.length ?? 0);
    return bus.putEvents(command.input);
  };
  const announcer = (client: unknown = { send }) =>
    new EventBridgeAnnouncer(client as EventBridgeClient, 'keys', redactor, clock);
  return { clock, redactor, bus, batches, announcer };
}

const event = (name: string): KeyEvent => ({
  type: 'Momento API Key Rotated',
  detail: { secretArn: `arn:aws:secretsmanager:eu-west-1:1:secret:${name}`, versionId: 'v' },
});
const events = (count: number) => Array.from({ length: count }, (_, index) => event(`k${index}`));

describe('the announcer', () => {
  test('on the configured bus, with the secret as the resource', async () => {
    const { clock, bus, announcer } = announcing();
    await clock.run(announcer().announce([event('key')], clock.now() + 10_000));
    expect(bus.accepted).toMatchObject([
      {
        busArn: expect.stringMatching(/event-bus\/keys$/),
        event: {
          source: 'momento.auth',
          'detail-type': 'Momento API Key Rotated',
          detail: event('key').detail,
          resources: [event('key').detail.secretArn],
        },
      },
    ]);
  });

  test('eleven events go in two calls, ten at most in each', async () => {
    const { clock, bus, batches, announcer } = announcing();
    await clock.run(announcer().announce(events(11), clock.now() + 10_000));
    expect(batches).toEqual([10, 1]);
    expect(bus.accepted).toHaveLength(11);
  });

  test('an entry that was refused in a good answer is sent again, and none of the others', async () => {
    const { clock, bus, batches, announcer } = announcing(
      (detail, tries) => tries === 1 && detail.includes('secret:k1"'),
    );
    await clock.run(announcer().announce(events(12), clock.now() + 10_000));
    expect(batches).toEqual([10, 3]);
    expect(bus.accepted).toHaveLength(12);
  });

  test('entries that are refused to the end are an error, after four tries', async () => {
    const { clock, batches, announcer } = announcing(() => true);
    await expect(
      clock.run(announcer().announce([event('key')], clock.now() + 10_000)),
    ).rejects.toThrow('1 events were not accepted');
    expect(batches).toHaveLength(4);
  });

  test('no secret is in an event, wherever somebody put it; the other words stay', async () => {
    const { clock, redactor, bus, announcer } = announcing();
    redactor.learn('canary-refresh-token');
    const leaking: KeyEvent = {
      type: 'Momento API Key Rotation Failed',
      detail: {
        secretArn: 'secret:canary-refresh-token in eu-west-1',
        code: 'canary-refresh-token',
        message: 'cell.momento.example refused {"refreshToken":"canary-refresh-token"}',
      },
    };
    await clock.run(announcer().announce([leaking], clock.now() + 10_000));
    expect(bus.accepted[0]?.event).toMatchObject({
      resources: ['secret:[redacted] in eu-west-1'],
      detail: {
        secretArn: 'secret:[redacted] in eu-west-1',
        code: '[redacted]',
        message: 'cell.momento.example refused {"refreshToken":"[redacted]"}',
      },
    });
  });

  test('a bus that is silent takes no more than its deadline and one call', async () => {
    const { clock, announcer } = announcing();
    const startedMs = clock.now();
    const signals: AbortSignal[] = [];
    const send = (_: unknown, { abortSignal }: { abortSignal: AbortSignal }) => {
      signals.push(abortSignal);
      return new Promise(() => {});
    };
    await expect(
      clock.run(announcer({ send }).announce([event('key')], startedMs + 8_000)),
    ).rejects.toThrow('did not answer within 3 s');
    expect(clock.now() - startedMs).toBeGreaterThanOrEqual(6_000);
    expect(clock.now() - startedMs).toBeLessThan(8_000 + 3_000);
    expect(signals.every(({ aborted }) => aborted)).toBe(true);
  });
});

function due(): World {
  const world = new World();
  world.import();
  world.wait(21 * DAY_SECONDS);
  return world;
}

const strayLabels = (world: World): string[] =>
  Object.keys(world.labels()).filter((label) => !/^AWS(CURRENT|PREVIOUS)$/.test(label));
const ofType = (world: World, type: string) =>
  world.events.filter((event) => event.type === `Momento API Key ${type}`);

describe('a rotation that cannot be announced', () => {
  test.each<[string, (world: World) => void]>([
    [
      'the call fails',
      (world) => {
        world.fault = (call) => (call === 'PutEvents' ? away : undefined);
      },
    ],
    [
      'the call is silent',
      (world) => {
        world.fault = (call) => (call === 'PutEvents' ? 'silence' : undefined);
      },
    ],
    [
      'the entry is refused in a good answer',
      (world) => {
        world.entryFault = () => true;
      },
    ],
  ])(
    '%s: it is a rotation all the same, and AWSPENDING stays until somebody was told',
    async (_, trouble) => {
      const world = due();
      trouble(world);
      const startedMs = world.clock.now();
      expect(await world.tick()).toMatchObject({ outcome: 'rotated', reason: 'due' });
      expect(world.clock.now() - startedMs).toBeLessThan(20_000);
      const promoted = world.labels().AWSCURRENT;
      expect(world.labels().AWSPENDING).toBe(promoted);
      expect(strayLabels(world)).toEqual(['AWSPENDING']);
      expect(world.log.find(({ level }) => level === 'ERROR')).toMatchObject({
        message: 'Events could not be announced.',
        events: [{ type: 'Momento API Key Rotated', secretArn: world.arn }],
      });

      // Refused twice: the rest of the run goes on without it.
      world.wait(HOUR_SECONDS);
      expect(await world.tick()).toMatchObject({ outcome: 'not-due' });
      expect(world.labels().AWSPENDING).toBe(promoted);
      expect(world.events).toEqual([]);

      world.fault = () => undefined;
      world.entryFault = () => false;
      world.wait(HOUR_SECONDS);
      expect(await world.tick()).toMatchObject({ outcome: 'healed', reason: 'pending-on-current' });
      expect(strayLabels(world)).toEqual([]);
      expect(ofType(world, 'Rotated')).toMatchObject([
        { detail: { secretArn: world.arn, versionId: promoted } },
      ]);
      expect(world.calls.filter((call) => call === 'RefreshApiKey')).toHaveLength(1);
    },
  );

  test('while nobody can be told, the key is renewed again when it is due', async () => {
    const world = due();
    world.fault = (call) => (call === 'PutEvents' ? away : undefined);
    await world.tick();
    const first = world.labels().AWSCURRENT;
    world.wait(21 * DAY_SECONDS);
    expect(await world.tick()).toMatchObject({ outcome: 'rotated', reason: 'due' });
    expect(world.labels().AWSCURRENT).not.toBe(first);
  });
});

describe('a failure that cannot be announced', () => {
  test('is thrown all the same, for each key', async () => {
    const world = due();
    const secretIds = world.importMany(2);
    world.wait(21 * DAY_SECONDS);
    world.fault = (call) => (call === 'RefreshApiKey' || call === 'PutEvents' ? away : undefined);
    const { error } = (await world.invoke(TICK, { secretIds })) as Invocation;
    expect(error?.message.split('\n')).toHaveLength(2);
  });

  test('a failure that can be is told with its code and its sentence', async () => {
    const world = due();
    world.fault = (call) => (call === 'RefreshApiKey' ? away : undefined);
    const result = await world.tick();
    expect(ofType(world, 'Rotation Failed')).toMatchObject([
      {
        detail: {
          secretArn: world.arn,
          code: 'momento-unreachable',
          message: (result as { message: string }).message,
          validUntil: world.current().validUntil,
        },
        resources: [world.arn],
      },
    ]);
  });
});

describe('a run that has promoted does not fail', () => {
  test.each([
    ['fail', away],
    ['are silent', 'silence' as const],
  ])('when all calls after the promotion %s', async (_, fault) => {
    for (const timeoutSeconds of [60, 300]) {
      const world = due();
      const before = world.labels().AWSCURRENT;
      world.fault = () => (world.labels().AWSCURRENT === before ? undefined : fault);
      const ended = (await world.invoke(TICK, { timeoutSeconds })) as Invocation;
      expect(ended.error).toBeUndefined();
      expect(ended.keys).toMatchObject([
        { outcome: 'rotated', validUntil: world.current().validUntil },
      ]);
      expect(ended.tookMs).toBeLessThan(timeoutSeconds * 1000);
      world.fault = () => undefined;
      world.wait(HOUR_SECONDS);
      await world.tick();
      expect(strayLabels(world)).toEqual([]);
      expect(ofType(world, 'Rotated')).toHaveLength(1);
    }
  });
});
