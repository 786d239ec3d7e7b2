// Every alarm of the template, driven to ALARM by the fault that it is for, told to whoever subscribed, and back
// to OK when the fault has ended. No other alarm than the named ones goes off.
//
// AWS and Momento live by a clock that the test holds; the bundles run in their processes as always.

import { cpSync, readdirSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { isDeepStrictEqual } from 'node:util';
import { afterAll, afterEach, beforeAll, describe, expect, test } from '@jest/globals';
import { type Synthesized, synthesize } from '../../local/assembly/synthesize.ts';
import { AwsError } from '../../local/aws/aws-error.ts';
import type { Fault as AwsFault, InterceptedCall } from '../../local/aws/server.ts';
import type { Call as MomentoCall, Fault as MomentoFault } from '../../local/momento/calls.ts';
import { NewsLog } from '../../local/scenario/news.ts';
import { askForToken } from '../../local/scenario/tenants.ts';
import { type LocalStack, type LocalStackOptions, startLocalStack } from '../../local/stack.ts';

const SUBSCRIBER = 'operator@example.com';
const MINUTE_MS = 60_000;
const HOUR_MS = 60 * MINUTE_MS;
/** Of the key that is imported at the start; it is due after 16 hours. */
const KEY_LIFE_HOURS = 24;
/** How long an alarm on a rotation's metrics is held after the last failure, and a little more. */
const HELD_HOURS = 4;

let synthesized: Synthesized;
let copies = 0;
beforeAll(async () => {
  synthesized = await synthesize({
    projectDirectory: '.',
    context: { momentoAuth: { alarmEmails: [SUBSCRIBER] } },
    environment: { CDK_VALIDATION: 'false' },
  });
}, 60_000);
afterAll(async () => {
  for (let copy = 0; copy < copies; copy++) {
    rmSync(`${synthesized.directory}-${copy}`, { recursive: true, force: true });
  }
  await synthesized.remove();
});

class World {
  readonly news = new NewsLog();
  /** What befalls calls, while it lasts. */
  awsFault: ((call: InterceptedCall) => AwsFault | undefined) | undefined;
  momentoFault: ((call: MomentoCall) => MomentoFault | undefined) | undefined;
  /** Puts the good bundle back. */
  repair = (): void => {};
  #stack: LocalStack | undefined;
  #aheadMs = 0;

  readonly now = (): number => Date.now() + this.#aheadMs;

  async start(options: Partial<LocalStackOptions> = {}): Promise<void> {
    this.#stack = await startLocalStack({
      assemblyDirectory: synthesized.directory,
      now: this.now,
      onNews: this.news.add,
      intercept: (call) => this.awsFault?.(call),
      interceptMomento: (call) => this.momentoFault?.(call),
      ...options,
    });
    this.importKey();
  }

  get stack(): LocalStack {
    if (this.#stack === undefined) throw new Error('The stack was not started.');
    return this.#stack;
  }

  async close(): Promise<void> {
    await this.#stack?.close();
  }

  importKey(lifeHours = KEY_LIFE_HOURS): string {
    const key = this.stack.momento.createKeyInConsole({
      lifetimeSeconds: lifeHours * 3_600,
      scope: 'super-user',
    });
    this.stack.secrets.putSecretValue({
      SecretId: this.stack.output('ApiKeySecretArn'),
      SecretString: JSON.stringify(key),
    });
    return key.apiKey;
  }

  revokeCurrent(): void {
    const { SecretString = '{}' } = this.stack.secrets.getSecretValue({
      SecretId: this.stack.output('ApiKeySecretArn'),
    });
    this.stack.momento.revoke(JSON.parse(SecretString).apiKey);
  }

  /** From its next start on the function's bundle breaks while it is loaded. Only with a copy of the assembly. */
  crash(functionOutput: string): void {
    const name = this.stack.output(functionOutput);
    const definition = this.stack.assembly.functions.find((each) => each.name === name);
    const directory = definition?.codeDir ?? '';
    const file = readdirSync(directory).find((each) => /^index\.[cm]?js$/.test(each)) ?? '';
    const path = join(directory, file);
    const good = readFileSync(path, 'utf8');
    writeFileSync(path, 'throw new Error("a bundle that does not load");');
    this.repair = () => writeFileSync(path, good);
  }

  /** The next run has its new pair from Momento, and dies before that is stored. */
  killInTheGap(): void {
    const name = this.stack.output('RotateKeyFunctionName');
    const rotateKey = this.stack.functions.find(({ definition }) => definition.name === name);
    this.awsFault = ({ action, input }) => {
      const stores =
        action === 'secretsmanager:PutSecretValue' &&
        JSON.stringify(input).includes('"AWSPENDING"');
      if (!stores) return undefined;
      rotateKey?.killCurrent();
      return { delayMs: HOUR_MS, before: 'effect' };
    };
  }

  /** What rotate-key has logged about keys that failed, the latest first. */
  failures(): { readonly reason: string; readonly message: string; readonly validUntil: number }[] {
    return this.news.all
      .flatMap((item) => (item.kind === 'log' && item.line.includes('"ERROR"') ? [item.line] : []))
      .map((line) => JSON.parse(line))
      .filter(({ reason }) => reason !== undefined)
      .reverse();
  }

  /** A tick, and all that follows from it. */
  async sweep(): Promise<void> {
    const over = this.news.next('a run', 30_000, (item) =>
      item.kind === 'invocation' && ['succeeded', 'delivered', 'dropped'].includes(item.news.kind)
        ? item.news
        : undefined,
    );
    this.stack.tick();
    await over;
  }

  /** Alarms are looked at as CloudWatch does, though only towards the end every minute. */
  pass(ms: number): void {
    for (let leftMs = ms; leftMs > 0; ) {
      const stepMs = leftMs > 10 * MINUTE_MS ? 5 * MINUTE_MS : MINUTE_MS;
      this.#aheadMs += stepMs;
      leftMs -= stepMs;
      this.stack.evaluateAlarms();
    }
  }

  /** With a tick at the end of each. */
  async hours(count: number): Promise<void> {
    for (let hour = 0; hour < count; hour++) {
      this.pass(HOUR_MS);
      await this.sweep();
    }
    this.pass(5 * MINUTE_MS);
  }

  /** Until the schedule's next run will want to renew the key. */
  untilDue(): Promise<void> {
    return this.hours((KEY_LIFE_HOURS * 2) / 3 - 1);
  }

  async askForToken(): Promise<number> {
    const users = this.stack.tokenEndpoint?.identity;
    const jwt = await users?.login(users.users[0]?.name ?? '');
    const { status } = await askForToken(this.stack, `Bearer ${jwt}`);
    return status;
  }

  emptyQueues(): void {
    const { queues } = this.stack;
    for (const queue of queues.names()) {
      for (;;) {
        const { Messages = [] } = queues.receive(queue, { maxMessages: 10 });
        if (Messages.length === 0) break;
        for (const { ReceiptHandle = '' } of Messages) queues.delete(queue, ReceiptHandle);
      }
    }
  }

  /** The alarms in this state, by the ids of their constructs. */
  inState(state: 'OK' | 'ALARM' | 'INSUFFICIENT_DATA'): string[] {
    const names = this.stack.alarms.list({ state }).map(({ alarm }) => alarm.name);
    return this.stack.assembly.alarms
      .filter(({ name }) => names.includes(name))
      .map(({ logicalId }) => constructId(logicalId))
      .sort();
  }

  /** What the subscriber was told, but for new alarms that are fine. */
  mails(): string[] {
    return this.stack.topics.sent
      .filter(({ recipients }) => recipients.includes(SUBSCRIBER))
      .map(({ message }) => JSON.parse(message))
      .filter(
        ({ OldStateValue, NewStateValue }) =>
          OldStateValue !== 'INSUFFICIENT_DATA' || NewStateValue === 'ALARM',
      )
      .map(({ AlarmName, NewStateValue }) => {
        const alarm = this.stack.assembly.alarms.find(({ name }) => name === AlarmName);
        return `${NewStateValue} ${constructId(alarm?.logicalId ?? '')}`;
      });
  }
}

/** `AlarmsNoSweepF45943AB` → `NoSweep` */
const constructId = (logicalId: string): string =>
  /^Alarms(.+)[0-9A-F]{8}$/.exec(logicalId)?.[1] ?? logicalId;

/** A copy of the assembly with a change to its template. */
function changed(change: (text: string) => string): string {
  const directory = copyOfAssembly();
  const path = join(directory, 'MomentoAuth.template.json');
  const before = readFileSync(path, 'utf8');
  const after = change(before);
  if (after === before) throw new Error('The change finds nothing to change in the template.');
  writeFileSync(path, after);
  return directory;
}

function copyOfAssembly(): string {
  const directory = `${synthesized.directory}-${copies++}`;
  cpSync(synthesized.directory, directory, { recursive: true });
  return directory;
}

interface Fault {
  readonly what: string;
  /** All alarms that it sets off. */
  readonly alarms: readonly string[];
  readonly options?: () => Partial<LocalStackOptions>;
  /** Up to where the alarms are looked at. */
  readonly happen: (world: World) => Promise<void>;
  /** Ends the fault, and waits for as long as the alarms are held. */
  readonly mend: (world: World) => Promise<void>;
}

const unavailable: MomentoFault = { refuse: 'UNAVAILABLE' };
const denied = new AwsError('AccessDeniedException', 'not authorized');

const FAULTS: readonly Fault[] = [
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
      world.emptyQueues();
      await world.hours(HELD_HOURS);
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
      world.emptyQueues();
      await world.hours(HELD_HOURS);
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
      world.emptyQueues();
      await world.hours(HELD_HOURS);
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
      world.emptyQueues();
      await world.hours(HELD_HOURS);
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
      world.emptyQueues();
      await world.hours(HELD_HOURS);
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

describe('each alarm', () => {
  let world: World;
  afterEach(() => world.close());

  test.each(FAULTS)('$what: $alarms', async ({ alarms, options, happen, mend }) => {
    world = new World();
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
  });

  test('its mail says what happened, since when and why, and which section of the runbook ends it', async () => {
    world = new World();
    await world.start();
    world.pass(4 * HOUR_MS);
    const sent = world.stack.topics.sent.at(-1);
    expect(sent?.subject).toMatch(/^ALARM: "MomentoAuth-AlarmsNoSweep.*" in us-east-1$/);
    expect(JSON.parse(sent?.message ?? '')).toMatchObject({
      AlarmDescription: expect.stringMatching(/^No run .*\. See docs\/runbook\.md#no-sweep$/),
      NewStateValue: 'ALARM',
      OldStateValue: 'INSUFFICIENT_DATA',
      NewStateReason: expect.stringMatching(
        /no datapoints were received .* treated as \[Breaching\]/,
      ),
      StateChangeTime: expect.stringMatching(/^\d{4}-\d\d-\d\dT[\d:.]+\+0000$/),
    });
  });

  test('the faults above are for every alarm of the template', async () => {
    world = new World();
    await world.start();
    const provoked = new Set(FAULTS.flatMap(({ alarms }) => alarms));
    expect([...provoked].sort()).toEqual(
      world.stack.assembly.alarms.map(({ logicalId }) => constructId(logicalId)).sort(),
    );
  });

  test('two days without a fault: no alarm, whatever a rotation does', async () => {
    world = new World();
    await world.start();
    await world.hours(48);
    expect(world.stack.bus.accepted.length).toBeGreaterThan(0);
    expect(world.inState('OK')).toHaveLength(world.stack.assembly.alarms.length);
    expect(world.mails()).toEqual([]);
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

describe('a schedule that rests at night', () => {
  let world: World;
  let resting: Synthesized;
  beforeAll(async () => {
    resting = await synthesize({
      projectDirectory: '.',
      context: { momentoAuth: { alarmEmails: [SUBSCRIBER], schedule: 'cron(0 8-18 * * ? *)' } },
      environment: { CDK_VALIDATION: 'false' },
    });
  }, 60_000);
  afterEach(() => world.close());
  afterAll(() => resting.remove());

  const hours = async (count: number) => {
    world.pass(count * HOUR_MS);
    await world.sweep();
  };
  const nightAndDay = async () => {
    await hours(14);
    for (let hour = 9; hour <= 18; hour++) await hours(1);
  };

  test('is no missing run, and no end of what failed the day before', async () => {
    world = new World();
    await world.start({ assemblyDirectory: resting.directory });
    world.importKey(30 * 24);
    await nightAndDay();
    expect(world.mails()).toEqual([]);

    world.awsFault = ({ action }) =>
      action === 'secretsmanager:DescribeSecret' ? { error: denied } : undefined;
    await hours(14);
    await hours(10);
    await hours(14);
    world.awsFault = undefined;
    world.emptyQueues();
    await nightAndDay();
    const alarms = ['FailedRuns', 'RotateKeyErrors', 'RotationFailed'];
    expect(world.mails().sort()).toEqual(
      [...alarms.map((alarm) => `ALARM ${alarm}`), ...alarms.map((alarm) => `OK ${alarm}`)].sort(),
    );
  }, 60_000);
});

describe('by the schedule’s own clock', () => {
  let world: World;
  afterEach(() => world.close());

  test('alarms run as much faster as the schedule does', async () => {
    world = new World();
    await world.start({ timeScale: 3_600 });
    const next = (to: string) =>
      world.news.next(`NoSweep ${to}`, 20_000, (item) =>
        item.kind === 'alarm' &&
        item.transition.to === to &&
        item.transition.alarm.description.includes('#no-sweep')
          ? item
          : undefined,
      );
    const wellAtFirst = next('OK');
    world.stack.startSchedules();
    await wellAtFirst;
    const missed = next('ALARM');
    world.stack.stopSchedules();
    expect(await missed).toMatchObject({ notified: [SUBSCRIBER], undelivered: [] });
    const wellAgain = next('OK');
    world.stack.startSchedules();
    await wellAgain;
  });
});

describe('metrics', () => {
  let world: World;
  afterEach(() => world.close());

  test('of functions, queues and requests are CloudWatch’s own', async () => {
    world = new World();
    await world.start();
    await world.sweep();
    expect(await world.askForToken()).toBe(200);
    const refused = await askForToken(world.stack);
    expect(refused.status).toBe(401);
    world.pass(MINUTE_MS);
    const { metrics, assembly } = world.stack;
    const span = { fromMs: 0, toMs: world.now() };
    const sums = (namespace: string, dimensions: Record<string, string>) =>
      Object.fromEntries(
        metrics
          .list({ namespace })
          .filter((id) => isDeepStrictEqual(id.dimensions, dimensions))
          .map((id) => [id.metricName, metrics.statistics(id, span)?.Sum]),
      );
    for (const output of ['RotateKeyFunctionName', 'VendTokenFunctionName']) {
      expect(sums('AWS/Lambda', { FunctionName: world.stack.output(output) })).toEqual({
        Invocations: 1,
        Errors: 0,
        Throttles: 0,
        Duration: expect.any(Number),
      });
    }
    const ApiId = assembly.httpApis[0]?.id ?? '';
    const requests = { Count: 2, '4xx': 1, '5xx': 0, Latency: expect.any(Number) };
    expect(sums('AWS/ApiGateway', { ApiId })).toEqual(requests);
    expect(sums('AWS/ApiGateway', { ApiId, Stage: '$default' })).toEqual(requests);
    for (const { name } of assembly.queues) {
      expect(sums('AWS/SQS', { QueueName: name })).toEqual({
        ApproximateNumberOfMessagesVisible: 0,
      });
    }
  });

  test.each([
    ['"MetricName": "Throttles"', '"MetricName": "ConcurrentExecutions"', /AWS\/Lambda Concurrent/],
    [
      '"Name": "QueueName"',
      '"Name": "Queue"',
      /AWS\/SQS ApproximateNumberOfMessagesVisible by Queue$/,
    ],
  ])('that nothing measures here stop the start: %s → %s', async (from, to, message) => {
    world = new World();
    const assemblyDirectory = changed((text) => text.replaceAll(from, to));
    await expect(world.start({ assemblyDirectory })).rejects.toMatchObject({
      name: 'AssemblyError',
      message: expect.stringMatching(message),
    });
  });

  test('that the functions print are those that the alarms watch', async () => {
    world = new World();
    await world.start();
    await world.sweep();
    const { metrics, assembly } = world.stack;
    const watched = assembly.alarms.filter(({ namespace }) => !namespace.startsWith('AWS/'));
    const ofRotation = watched.filter(({ dimensions }) => dimensions.service === 'rotate-key');
    expect(ofRotation.length).toBeGreaterThan(0);
    for (const { namespace, metricName, dimensions } of ofRotation) {
      expect(metrics.list({ namespace, metricName })).toContainEqual({
        namespace,
        metricName,
        dimensions,
      });
    }
  });
});

describe('what is looked for in the logs', () => {
  let world: World;
  afterEach(() => world.close());

  /** The fields of the errors that a function has logged. */
  function fieldsOf(functionOutput: string): readonly string[] {
    const name = world.stack.output(functionOutput);
    const errors = world.news.all.flatMap((item) =>
      item.kind === 'log' && item.functionName === name && item.line.includes('"level":"ERROR"')
        ? [JSON.parse(item.line)]
        : [],
    );
    return errors.flatMap((error) => Object.keys(error));
  }

  /** What the text says at this place, each match once. */
  const found = (text: string, pattern: RegExp) => [
    ...new Set([...text.matchAll(pattern)].map(([, group = '']) => group)),
  ];

  test('is what the functions log: by the runbook and by the dashboard', async () => {
    world = new World();
    await world.start();
    await world.untilDue();
    world.momentoFault = () => unavailable;
    await world.hours(1);
    expect(await world.askForToken()).toBe(503);

    const runbook = readFileSync('docs/runbook.md', 'utf8');
    const ofRotateKey = fieldsOf('RotateKeyFunctionName');
    // The last two are of Lambda's own line about a run.
    expect(found(runbook, /\$\.([\w.]+)/g)).toEqual(['level', 'type', 'record.status']);
    expect(ofRotateKey).toContain('level');
    const [promised = ''] = found(runbook, /# for each failed key a line with (.*)/g);
    expect(promised.split(', ')).toHaveLength(4);
    expect(ofRotateKey).toEqual(expect.arrayContaining(promised.split(', ')));
    expect(fieldsOf('VendTokenFunctionName')).toEqual(
      expect.arrayContaining(found(runbook, /# "(\w+)" is the code that the caller got/g)),
    );

    const template = readFileSync(join(synthesized.directory, 'MomentoAuth.template.json'), 'utf8');
    const [query = ''] = found(template, /fields @timestamp, (.*?) as what/g);
    // Lambda logs an error that nobody caught with an errorMessage.
    expect(query).toBe('secretId, reason, coalesce(message, errorMessage, @message)');
    expect(ofRotateKey).toEqual(expect.arrayContaining(['secretId', 'reason', 'message']));
  });
});

describe('the topic', () => {
  let world: World;
  afterEach(() => world.close());

  test('an alarm that its policy does not let in is told to nobody, and that is news', async () => {
    world = new World();
    const assemblyDirectory = changed((text) =>
      text.replace('"Service": "cloudwatch.amazonaws.com"', '"Service": "events.amazonaws.com"'),
    );
    await world.start({ assemblyDirectory });
    world.pass(4 * HOUR_MS);
    expect(world.inState('ALARM')).toEqual(['NoSweep']);
    expect(world.stack.topics.sent).toEqual([]);
    expect(world.news.all.filter(({ kind }) => kind === 'alarm')).toContainEqual(
      expect.objectContaining({
        transition: expect.objectContaining({ to: 'ALARM' }),
        notified: [],
        undelivered: [world.stack.output('AlarmTopicArn')],
      }),
    );
  });
});
