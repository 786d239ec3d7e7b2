// What lives on a client moves with it: started on the new one first, never left on a closed one.

import { AuthenticationError } from '@gomomento/sdk';
import { beforeEach, describe, expect, test } from '@jest/globals';
import { awsError, type FakeClient, Gate, settled, verdict, World } from './world.ts';

let world: World;
let log: string[];
let lost: ((error: unknown) => void)[];
beforeEach(() => {
  world = new World();
  log = [];
  lost = [];
});

const nameOf = (client: FakeClient) => client.key.versionId.replace('version-', 'v');
const refused = () => new AuthenticationError('Invalid credential');

/** Subscribes as an application does: what the SDK returns as an error is thrown. */
const subscribe = async (client: FakeClient, onLost: (error: unknown) => void) => {
  const response = await client.get();
  if ('innerException' in response) throw response.innerException();
  log.push(`+${nameOf(client)}`);
  lost.push(onLost);
  return () => {
    expect(client.closed).toBe(0);
    log.push(`-${nameOf(client)}`);
  };
};

describe('follow', () => {
  test('the new one is started before the old one is stopped, and only then the old client is closed', async () => {
    const momento = world.credentials();
    const stop = await momento.follow(subscribe);
    world.rotate();
    await momento.noticeRotation();
    await settled();
    world.rotate();
    await momento.noticeRotation();
    await settled();
    expect(log).toEqual(['+v1', '+v2', '-v1', '+v3', '-v2']);
    expect(world.made.map(({ closed }) => closed)).toEqual([1, 1, 0]);
    await stop();
    expect(log.at(-1)).toBe('-v3');
    world.rotate();
    await momento.noticeRotation();
    await settled();
    expect(log).toHaveLength(6);
    await momento.close();
    expect(world.clock.timers.size).toBe(0);
  });

  test('rotated twice while it is being started: it ends on the newest, and on no other', async () => {
    const momento = world.credentials();
    await momento.follow(subscribe);
    const making = new Gate();
    world.rotate();
    const starting = new Gate();
    const stop = await momento.follow(async (client, onLost) => {
      if (nameOf(client) === 'v2') await starting.opened;
      return subscribe(client, onLost);
    });
    await momento.noticeRotation();
    world.rotate();
    await momento.noticeRotation();
    starting.open();
    making.open();
    await settled();
    const places = log.reduce((all, entry) => {
      const name = entry.slice(1);
      return all.set(name, (all.get(name) ?? 0) + (entry.startsWith('+') ? 1 : -1));
    }, new Map<string, number>());
    expect(Object.fromEntries(places)).toEqual({ v1: 0, v2: 0, v3: 2 });
    await stop();
    await momento.close();
  });

  test('rotated while it is first started: it moves on at once', async () => {
    const momento = world.credentials();
    const starting = new Gate();
    const following = momento.follow(async (client, onLost) => {
      if (nameOf(client) === 'v1') await starting.opened;
      return subscribe(client, onLost);
    });
    await settled();
    world.rotate();
    await momento.noticeRotation();
    starting.open();
    await following;
    await settled();
    expect(log).toEqual(['+v1', '+v2', '-v1']);
    await momento.close();
    expect(log.at(-1)).toBe('-v2');
  });

  test("the first start: a refusal is waited out, any other failure is the caller's", async () => {
    const momento = world.credentials();
    await momento.use((client) => client.get());
    world.kill();
    world.rotate();
    await momento.follow(subscribe);
    expect(log).toEqual(['+v2']);
    const error = new Error('of the application');
    await expect(momento.follow(() => Promise.reject(error))).rejects.toBe(error);
    await momento.close();
  });

  test('a start that fails later: the old one stays, and it is tried again after 0.75, 1.5, 3 s', async () => {
    const momento = world.credentials();
    let failures = 3;
    await momento.follow(async (client, onLost) => {
      if (nameOf(client) === 'v2' && failures-- > 0) throw new Error('limit of subscriptions');
      return subscribe(client, onLost);
    });
    world.rotate();
    await momento.noticeRotation();
    await world.clock.pass(750 + 1_500 + 3_000 - 1);
    expect(log).toEqual(['+v1']);
    expect(world.made[0]?.closed).toBe(0);
    await world.clock.pass(1);
    expect(log).toEqual(['+v1', '+v2', '-v1']);
    expect(world.eventsOf('follower-failed').map(({ during }) => during)).toEqual(
      Array(3).fill('start'),
    );
    await momento.close();
  });

  test('a rotation ends the wait', async () => {
    const momento = world.credentials();
    await momento.follow(async (client, onLost) => {
      if (nameOf(client) === 'v2') throw new Error('limit of subscriptions');
      return subscribe(client, onLost);
    });
    world.rotate();
    await momento.noticeRotation();
    await settled();
    world.rotate();
    await momento.noticeRotation();
    await settled();
    expect(log).toEqual(['+v1', '+v3', '-v1']);
    await momento.close();
  });

  test('lost to a refusal: started as soon as there is another key', async () => {
    const momento = world.credentials();
    await momento.follow(subscribe);
    world.kill();
    lost[0]?.(refused());
    await world.clock.pass(2_000);
    expect(log).toEqual(['+v1']);
    world.rotate();
    await world.clock.pass(400);
    expect(log).toEqual(['+v1', '+v2', '-v1']);
    // It was not started in vain meanwhile.
    expect(world.eventsOf('follower-failed').map(({ during }) => during)).toEqual(['follow']);
    // Old news.
    lost[0]?.(refused());
    await world.clock.pass(10_000);
    expect(log).toHaveLength(3);
    await momento.close();
  });

  test('lost to something else, again and again: started anew, later and later', async () => {
    const momento = world.credentials();
    await momento.follow(subscribe);
    for (const waitMs of [750, 1_500, 3_000, 6_000, 12_000, 22_500, 22_500]) {
      log = [];
      lost.at(-1)?.(new Error('stream reset'));
      await world.clock.pass(waitMs - 1);
      expect(log).toEqual([]);
      await world.clock.pass(1);
      expect(log).toEqual(['+v1', '-v1']);
    }
    await momento.close();
  });

  test.each([
    [59_999, 1_500],
    [60_000, 750],
  ])('lost after it had held for %d ms: started anew after %d ms', async (heldMs, waitMs) => {
    const momento = world.credentials({ checkEveryMs: 86_400_000 });
    await momento.follow(subscribe);
    lost[0]?.(new Error('stream reset'));
    await world.clock.pass(750);
    expect(log).toEqual(['+v1', '+v1', '-v1']);
    await world.clock.pass(heldMs);
    lost[1]?.(new Error('stream reset'));
    await world.clock.pass(waitMs - 1);
    expect(log).toHaveLength(3);
    await world.clock.pass(1);
    expect(log).toHaveLength(5);
    await momento.close();
  });

  test('an isRefusal that throws: its caller hears of it at the start, and onEvent later', async () => {
    const bug = new TypeError('a bug of the application');
    let hasBug = true;
    const momento = world.credentials({
      isRefusal: () => {
        if (hasBug) throw bug;
        return false;
      },
    });
    await expect(momento.follow(subscribe)).rejects.toBe(bug);
    expect(log).toEqual(['+v1', '-v1']);
    hasBug = false;
    await momento.follow(subscribe);
    hasBug = true;
    log = [];
    lost.at(-1)?.(undefined);
    await world.clock.pass(750);
    expect(log).toEqual(['+v1', '-v1']);
    expect(world.eventsOf('follower-failed').map(({ error }) => error)).toEqual([undefined, bug]);
    await momento.close();
    expect(world.clock.timers.size).toBe(0);
  });

  test('lost on the next client: its waits begin anew', async () => {
    const momento = world.credentials();
    await momento.follow(subscribe);
    for (const waitMs of [750, 1_500, 3_000]) {
      lost.at(-1)?.(new Error('stream reset'));
      await world.clock.pass(waitMs);
    }
    world.rotate();
    await momento.noticeRotation();
    await settled();
    log = [];
    lost.at(-1)?.(new Error('stream reset'));
    await world.clock.pass(749);
    expect(log).toEqual([]);
    await world.clock.pass(1);
    expect(log).toEqual(['+v2', '-v2']);
    await momento.close();
  });

  test('a start that does not settle for 35 s is given up, tried again, and stopped when it comes', async () => {
    const momento = world.credentials({ checkEveryMs: 86_400_000 });
    const starting = new Gate();
    let starts = 0;
    await momento.follow(async (client, onLost) => {
      starts += 1;
      if (starts === 2) await starting.opened;
      return subscribe(client, onLost);
    });
    world.rotate();
    await momento.noticeRotation();
    await world.clock.pass(35_000 + 749);
    expect(log).toEqual(['+v1']);
    await world.clock.pass(1);
    expect(log).toEqual(['+v1', '+v2', '-v1']);
    starting.open();
    await settled();
    expect(log).toEqual(['+v1', '+v2', '-v1', '+v2', '-v2']);
    expect(world.eventsOf('follower-failed').map(({ error }) => String(error))).toEqual([
      'Error: not started within 35 s',
    ]);
    await momento.close();
    expect(log.at(-1)).toBe('-v2');
    expect(world.made.map(({ closed }) => closed)).toEqual([1, 1]);
  });

  test('a stop that does not settle for 10 s is told of, and the client is closed all the same', async () => {
    const momento = world.credentials({ checkEveryMs: 86_400_000 });
    await momento.follow(() => () => new Promise<void>(() => {}));
    world.rotate();
    await momento.noticeRotation();
    await world.clock.pass(9_999);
    expect(world.made.map(({ closed }) => closed)).toEqual([0, 0]);
    await world.clock.pass(1);
    expect(world.made.map(({ closed }) => closed)).toEqual([1, 0]);
    expect(world.eventsOf('follower-failed').map(({ during }) => during)).toEqual(['stop']);
    const closed = momento.close();
    await world.clock.pass(10_000);
    await closed;
    expect(world.clock.timers.size).toBe(0);
  });

  test.each([1, 2])(
    'close in the midst of start %d that never settles: over after 10 s, nothing is left',
    async (which) => {
      const momento = world.credentials({ checkEveryMs: 86_400_000 });
      let starts = 0;
      const following = verdict(
        momento.follow(async (client, onLost) => {
          starts += 1;
          if (starts === which) await new Promise<void>(() => {});
          return subscribe(client, onLost);
        }),
      );
      await settled();
      world.rotate();
      await momento.noticeRotation();
      await settled();
      let isOver = false;
      const closed = momento.close().then(() => {
        isOver = true;
      });
      await world.clock.pass(9_999);
      expect(isOver).toBe(false);
      await world.clock.pass(1);
      await closed;
      expect(await following).toBe(which === 1 ? 'closed' : 'ok');
      expect(log).toEqual(which === 1 ? [] : ['+v1', '-v1']);
      expect(world.made.map(({ closed }) => closed)).toEqual([1, 1]);
      expect(world.clock.timers.size).toBe(0);
    },
  );

  test('a stop that throws is told of, and the client is closed all the same', async () => {
    const momento = world.credentials();
    await momento.follow(() => () => {
      throw new Error('stuck');
    });
    world.rotate();
    await momento.noticeRotation();
    await settled();
    expect(world.eventsOf('follower-failed').map(({ during }) => during)).toEqual(['stop']);
    expect(world.made.map(({ closed }) => closed)).toEqual([1, 0]);
    await momento.close();
  });

  test('close stops it, in a wait and in the midst of a start', async () => {
    for (const when of ['waiting', 'starting'] as const) {
      world = new World();
      log = [];
      const momento = world.credentials();
      const starting = new Gate();
      await momento.follow(async (client, onLost) => {
        if (nameOf(client) === 'v2' && when === 'waiting') throw awsError('Error');
        if (nameOf(client) === 'v2') await starting.opened;
        return subscribe(client, onLost);
      });
      world.rotate();
      await momento.noticeRotation();
      await settled();
      const closed = momento.close();
      starting.open();
      await closed;
      expect(log.filter((entry) => entry.startsWith('+'))).toHaveLength(
        log.filter((entry) => entry.startsWith('-')).length,
      );
      expect(world.made.map(({ closed }) => closed)).toEqual([1, 1]);
      expect(world.clock.timers.size).toBe(0);
    }
  });

  test('close in the midst of the first start: it is stopped, and its caller hears of it', async () => {
    const momento = world.credentials();
    const starting = new Gate();
    const following = verdict(
      momento.follow(async (client, onLost) => {
        await starting.opened;
        return subscribe(client, onLost);
      }),
    );
    await settled();
    const closed = momento.close();
    starting.open();
    await closed;
    expect(await following).toBe('closed');
    expect(log).toEqual(['+v1', '-v1']);
    expect(world.made.map(({ closed }) => closed)).toEqual([1]);
  });
});
