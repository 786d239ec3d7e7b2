// What the alarms watch and say, and when they keep still: nights, days without a fault, a schedule that runs faster.

import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import { isDeepStrictEqual } from 'node:util';
import { afterAll, afterEach, beforeAll, describe, expect, test } from '@jest/globals';
import type { Synthesized } from '../../../local/assembly/synthesize.ts';
import { askForToken } from '../../../local/scenario/tenants.ts';
import { assemblyForTest } from '../../assemblies/assembly-for-test.ts';
import { FAULTS_OF_ROTATION, FAULTS_OF_TOKENS } from './faults.ts';
import {
  changed,
  constructId,
  denied,
  HOUR_MS,
  MINUTE_MS,
  SUBSCRIBER,
  synthesized,
  unavailable,
  World,
} from './world.ts';

describe('an alarm', () => {
  let world: World;
  afterEach(() => world.close());

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

  test('there is a fault for every alarm of the template', async () => {
    world = new World();
    await world.start();
    const provoked = new Set(
      [...FAULTS_OF_ROTATION, ...FAULTS_OF_TOKENS].flatMap(({ alarms }) => alarms),
    );
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

describe('a schedule that rests at night', () => {
  let world: World;
  let resting: Synthesized;
  beforeAll(async () => {
    resting = await assemblyForTest({
      momentoAuth: { alarmEmails: [SUBSCRIBER], schedule: 'cron(0 8-18 * * ? *)' },
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
