// Each verb on a real local stack: as a process, as a person or a script runs it, and in this process with a terminal
// that remembers, for what a person would be asked.

import { createServer } from 'node:http';
import { afterAll, beforeAll, beforeEach, describe, expect, test } from '@jest/globals';
import { closeServer, listenOnLoopback } from '../../local/ports.ts';
import { run } from '../../operator/command.ts';
import { doctor } from '../../operator/doctor.ts';
import { rotate } from '../../operator/rotate.ts';
import { status } from '../../operator/status.ts';
import {
  all,
  expectNoSecret,
  expectPlain,
  nobodyListens,
  PROJECT,
  rememberingTerminal,
  start,
  World,
  withoutWaiting,
} from './world.ts';

let world: World;
beforeAll(async () => {
  world = await World.start({
    context: {
      momentoAuth: {
        keys: [{ name: 'default' }, { name: 'orders-eu' }],
        alarmEmails: ['ops@example.com'],
        discoverKeysByTag: { key: 'momento-auth:rotate', value: 'true' },
      },
    },
  });
}, 60_000);
afterAll(() => world.close());

const DAY = 86_400;
const ORDERS = 'ApiKeySecretArnorderseu';

describe('with a good key in each secret', () => {
  beforeEach(() => {
    world.put(world.newKey());
    world.put(world.newKey(30 * DAY, 'all-data-read-write'), ORDERS);
  });

  test('status: a table and a sentence; --json for machines; exit code 0', async () => {
    const [table, json, one] = await Promise.all([
      world.run(['status', world.local]),
      world.run(['status', '--json', world.local]),
      world.run(['status', '--key', 'orders-eu', world.local]),
    ]);
    expect(table.out).toMatch(/^default +\d+ s +█+░ 29 d 23 h +in 20 d +imported \d+ s ago$/m);
    expect(table.out).toMatch(/^orderseu /m);
    expect(table.out).toMatch(/✓ All is well: 2 keys are kept fresh\.\n$/);
    expect(table.code).toBe(0);
    expectPlain(table);
    const read = JSON.parse(json.out);
    expect(read).toMatchObject({
      well: true,
      keys: [{ name: 'default', vending: true }, { vending: false }],
    });
    expect(read.alarms.length).toBeGreaterThan(10);
    expect(one.out).not.toMatch(/^default/m);
    expectNoSecret(all(table) + all(json), JSON.parse(world.current() ?? ''));
  });

  test('status tells of a rotation, and of what needs a person, with exit code 1', async () => {
    const terminal = rememberingTerminal();
    expect(await rotate({ ...world.place, key: 'default' }, terminal, PROJECT)).toBe(0);
    world.put('no key at all', ORDERS);
    const ended = await world.run(['status', world.local]);
    expect(ended.out).toMatch(/^default .* rotated \d+ s ago$/m);
    expect(ended.out).toMatch(/^✗ orderseu: The secret's value cannot be used/m);
    expect(ended.out).toMatch(/✗ A person is needed: the key orderseu\./);
    expect(ended.code).toBe(1);
  });

  test('status --watch: lines where there is no terminal, and Ctrl-C ends it well', async () => {
    const watching = world.start(['status', '--watch', world.local]);
    while (watching.out().split('All is well').length < 3)
      await new Promise((go) => setTimeout(go, 50));
    watching.interrupt();
    const ended = await watching.ended;
    expect([ended.code, withoutWaiting(ended)]).toEqual([0, '']);
    expect(ended.out).toMatch(
      /^\d{4}-\d\d-\d\d \d\d:\d\d:\d\d {2}default {2}29 d 23 h left {2}next: not-due/m,
    );
    expectPlain(ended);
  });

  test('rotate --dry-run proves and changes nothing; rotate renews', async () => {
    const before = world.current();
    const dry = await world.run(['rotate', '--dry-run', world.local]);
    expect(dry.out.match(/^✓ (default|orderseu): Nothing was changed\. /gm)).toHaveLength(2);
    expect([dry.code, world.current()]).toEqual([0, before]);

    const done = await world.run(['rotate', '--key', 'default', world.local]);
    expect(done.out).toMatch(
      /^✓ default: Renewed because an operator asked for it\. The new key ends at /,
    );
    expect(done.code).toBe(0);
    expect(world.current()).not.toBe(before);
    expectNoSecret(
      all(dry) + all(done),
      JSON.parse(before ?? ''),
      JSON.parse(world.current() ?? ''),
    );
  });

  test('rotate of several keys is asked for; where nobody can be asked, --yes or --key', async () => {
    const before = [world.current(), world.current(ORDERS)];
    const no = rememberingTerminal(false);
    expect(await rotate(world.place, no, PROJECT)).toBe(1);
    expect(no.asked).toEqual(['Renew all 2 keys now (default, orderseu)?']);
    expect([no.noted, no.printed]).toEqual([['Nothing was changed.'], []]);
    await expect(rotate(world.place, rememberingTerminal(), PROJECT)).rejects.toMatchObject({
      exitCode: 2,
      next: `npx momento-auth rotate --yes ${world.local}`,
    });
    expect([world.current(), world.current(ORDERS)]).toEqual(before);
  });

  test('token --mint: the 200 of the endpoint on stdout, and nothing else there', async () => {
    const words = [
      'token',
      '--as',
      'data-entry',
      '--claim',
      'sub=u-1',
      '--claim',
      'custom:tenantId=acme',
    ];
    const ended = await world.run([...words, '--mint', world.local]);
    expect(ended.code).toBe(0);
    const answer: unknown = JSON.parse(ended.out);
    expect(answer).toEqual({
      authToken: expect.any(String),
      endpoint: expect.any(String),
      expiresAt: expect.any(Number),
      expiresIn: expect.any(Number),
      tokenId: 'u-1',
    });
    expect(ended.err).toMatch(/! What follows is a credential/);
    expect(ended.err).not.toContain(String(Reflect.get(Object(answer), 'authToken')));
  });

  test("token --mint with a key that may not: the endpoint's code, and what to type", async () => {
    world.put(world.newKey(30 * DAY, 'all-data-read-write'));
    const ended = await world.run([
      'token',
      '--as',
      'viewer',
      '--claim',
      'custom:tenantId=acme',
      '--mint',
      world.local,
    ]);
    expect([ended.code, ended.out]).toEqual([1, '']);
    expect(ended.err).toMatch(/✗ upstream-key-refused: /);
    expect(ended.err).toContain(
      `npx momento-auth import momento_key.json --key default ${world.local}    # a super-user key`,
    );
  });

  test('doctor: every part, nothing wrong, exit code 0', async () => {
    const ended = await world.run(['doctor', world.local]);
    for (const title of [
      'This checkout',
      'Local AWS',
      'Deployment',
      'Keys',
      'Token endpoint',
      'Alarms',
      'What failed before',
      'Clocks',
    ]) {
      expect(ended.out).toMatch(new RegExp(`^${title}$`, 'm'));
    }
    expect(ended.out).toContain(
      '✓ default: the function may read and write it, and Momento accepts it.',
    );
    expect(ended.out).toContain(
      '✓ default: Momento takes it for a super-user key, and tokens are made with it.',
    );
    expect(ended.out).toContain('✓ orderseu: Momento takes it for a narrow key.');
    expect(ended.out).toContain('✓ orderseu: you may import a key into it.');
    expect(ended.out).toContain('✓ The schedule rate(1 hour) is on.');
    expect(ended.out).toContain('✓ It answers, and lets nobody in without a login.');
    expect(ended.out).toContain('! cdk.json says keys = default, deployed is default, orderseu.');
    expect(ended.out).toMatch(/\n✓ Nothing is wrong, 3 to know\.\n$/);
    expect([ended.code, all(ended).includes('✗')]).toEqual([0, false]);
    expectPlain(ended);
  });

  test('doctor finds what is wrong, with its remedy; exit code 1', async () => {
    world.put(world.newKey(30 * DAY, 'all-data-read-write'));
    const dead = world.newKey();
    world.stack.momento.revoke(dead.apiKey);
    world.put(dead, ORDERS);
    const [queue = ''] = world.stack.queues.names().filter((name) => /FailedRuns/.test(name));
    world.stack.queues.send(queue, { body: '{}' });
    const terminal = rememberingTerminal();
    expect(await doctor(world.place, terminal, PROJECT)).toBe(1);
    const shown = terminal.printed.join('\n');
    expect(shown).toContain(
      '✗ default: it is no super-user key, so the token endpoint can make no tokens with it.',
    );
    expect(shown).toMatch(/✗ orderseu: a rotation would fail: key-refused: /);
    expect(shown).toMatch(
      /✗ orderseu: Momento does not accept the key\.\n {4}npx momento-auth import momento_key\.json --key orderseu/,
    );
    expect(shown).toMatch(
      /✗ 1 run that failed waits for a person\.\n {4}docs\/runbook\.md#failed-runs/,
    );
    expect(shown).toMatch(/\n✗ 4 wrong, \d to know\.$/);
  });

  test('rotate of a key that nothing can renew: why, what to type, exit code 1', async () => {
    world.put({ ...world.newKey(), refreshToken: undefined });
    const terminal = rememberingTerminal();
    expect(await rotate({ ...world.place, key: 'default' }, terminal, PROJECT)).toBe(1);
    expect(terminal.printed.join('\n')).toMatch(
      /^! default: no-refresh-token: .*\n {2}npx momento-auth import momento_key\.json --key default --local=/,
    );
    const key = world.newKey();
    world.stack.momento.revoke(key.apiKey);
    world.put(key);
    const failed = rememberingTerminal();
    expect(await rotate({ ...world.place, key: 'default' }, failed, PROJECT)).toBe(1);
    expect(failed.printed[0]).toMatch(/^✗ default: key-refused: /);
    const seen = rememberingTerminal();
    expect(await status({ ...world.place, key: 'default' }, seen, PROJECT)).toBe(1);
    expect(seen.printed.join('\n')).toMatch(
      /✗ default: Momento refused to renew the key \(attempt 1\)\. .*\n {2}npx momento-auth import momento_key\.json --key default --local=\d+\n {2}docs\/runbook\.md#key-refused\n/,
    );
  });
});

test('a key that is found by its tag, called as its secret; and AWS as it is, without --local', async () => {
  world.stack.secrets.createSecret({
    Name: 'team/carts',
    SecretString: JSON.stringify(world.newKey()),
    Tags: [{ Key: 'momento-auth:rotate', Value: 'true' }],
  });
  const { accessKeyId, secretAccessKey } = world.stack.operator;
  const ended = await world.run(['status', '--json', '--key', 'team/carts'], {
    env: {
      AWS_ENDPOINT_URL: world.stack.aws.url,
      AWS_REGION: 'us-east-1',
      AWS_ACCESS_KEY_ID: accessKeyId,
      AWS_SECRET_ACCESS_KEY: secretAccessKey,
    },
  });
  expect([withoutWaiting(ended), ended.code]).toEqual(['', 0]);
  expect(JSON.parse(ended.out).keys).toEqual([
    expect.objectContaining({ name: 'team/carts', source: 'tag', vending: false, next: 'not-due' }),
  ]);
});

test('status and doctor tell of an alarm that is on, with its section', async () => {
  const [first] = world.stack.alarms.list({ state: undefined });
  const name = first?.alarm.name ?? '';
  world.put(world.newKey());
  world.stack.alarms.setState(name, 'ALARM', 'test');
  try {
    const [seen, examined] = [rememberingTerminal(), rememberingTerminal()];
    expect(await status({ ...world.place, key: 'default' }, seen, PROJECT)).toBe(1);
    expect(await doctor(world.place, examined, PROJECT)).toBe(1);
    expect(seen.printed.join('\n')).toMatch(/ALARM .*\n {2}docs\/runbook\.md#[a-z-]+\n/);
    expect(examined.printed.join('\n')).toMatch(/✗ ALARM: .*\n {4}docs\/runbook\.md#[a-z-]+/);
  } finally {
    world.stack.alarms.setState(name, 'OK', 'test');
  }
});

describe('with the lines that npm start shows, and without --local', () => {
  const pasted = (more: NodeJS.ProcessEnv = {}) => ({
    env: {
      AWS_ENDPOINT_URL: world.stack.aws.url,
      AWS_REGION: 'us-east-1',
      AWS_ACCESS_KEY_ID: world.stack.operator.accessKeyId,
      AWS_SECRET_ACCESS_KEY: world.stack.operator.secretAccessKey,
      ...more,
    },
  });

  test('doctor reaches the token endpoint, Momento and the alarms of this machine', async () => {
    world.put(world.newKey());
    world.put(world.newKey(30 * DAY, 'all-data-read-write'), ORDERS);
    const { out, err } = await world.run(['doctor', '--stack', 'MomentoAuth'], pasted());
    expect(err).not.toMatch(/Error/);
    expect(out).toMatch(/\nLocal AWS\n/);
    expect(out).toMatch(/✓ It answers, and lets nobody in without a login/);
    expect(out).toMatch(/✓ default: Momento takes it for a super-user key/);
    expect(out).toMatch(/✓ \d+ alarms, and none is on/);
    expect(out).not.toMatch(/could not be|fetch failed/);
  });

  test('import asks the Momento of this machine', async () => {
    const words = ['import', world.file(world.newKey()), '--key', 'default', '--yes'];
    const ended = await world.run(words, pasted());
    expect([withoutWaiting(ended), ended.code]).toEqual(['', 0]);
  });

  test('who hears of alarms cannot be looked at: where that was asked, why, and the alarms all the same', async () => {
    const sns = await nobodyListens();
    const { out, code } = await world.run(['doctor'], pasted({ AWS_ENDPOINT_URL_SNS: sns }));
    expect(code).toBe(1);
    expect(out).toMatch(/✓ \d+ alarms, and none is on/);
    expect(out.replace(/\s+/g, ' ')).toContain(
      `✗ Who hears of alarms could not be looked at: ${sns} cannot be reached from this machine: nothing listens there (ECONNREFUSED). Does npm start still run?`,
    );
  });

  test('what listens there is no local stack: AWS as it is', async () => {
    const other = createServer((_asked, answer) => answer.writeHead(404).end('{}'));
    const port = await listenOnLoopback(other, 0);
    try {
      const { err, code } = await world.run(
        ['status', '--stack', 'Elsewhere'],
        pasted({ AWS_ENDPOINT_URL: `http://127.0.0.1:${port}` }),
      );
      expect(code).toBe(1);
      expect(err).not.toMatch(/local stack/);
    } finally {
      await closeServer(other);
    }
  });
});

describe('somebody who may do nothing', () => {
  test.each<[string, () => string[]]>([
    ['import', () => ['import', world.file(world.newKey())]],
    ['status', () => ['status']],
    ['rotate', () => ['rotate', '--dry-run']],
    [
      'token --mint',
      () => ['token', '--as', 'viewer', '--claim', 'custom:tenantId=acme', '--mint'],
    ],
    ['doctor', () => ['doctor']],
  ])('%s: a sentence, whom to ask, exit code 1', async (_name, words) => {
    const { accessKeyId, secretAccessKey, sessionToken } = world.stack.principals.issue({
      arn: 'arn:aws:sts::123456789012:assumed-role/Nobody/ada',
      statements: [],
    });
    const ended = await world.run(words(), {
      env: {
        AWS_ENDPOINT_URL: world.stack.aws.url,
        AWS_REGION: 'us-east-1',
        AWS_ACCESS_KEY_ID: accessKeyId,
        AWS_SECRET_ACCESS_KEY: secretAccessKey,
        AWS_SESSION_TOKEN: sessionToken,
      },
    });
    expect(ended.code).toBe(1);
    expect(all(ended)).toMatch(
      /✗ Your AWS credentials may not do this: .*\n +Ask whoever manages the account to allow it/,
    );
    expect(all(ended)).not.toMatch(/\n +at /);
  });
});

describe("this machine's clock", () => {
  // Long before anything else is loaded.
  const shifted = (minutes: number) => {
    const shift = minutes * 60_000;
    const path = world.file(
      `const Real = Date; globalThis.Date = class extends Real {
        constructor(...words) { if (words.length === 0) super(Real.now() + ${shift}); else super(...words); }
        static now() { return Real.now() + ${shift}; }
      };`,
      `clock-${minutes}.mjs`,
    );
    return { NODE_OPTIONS: `--import=${path}` };
  };

  test.each<[number, RegExp]>([
    [10, /✗ This machine's clock is (10 minutes|9 minutes 5\d seconds).* ahead of AWS's/],
    [-10, /✗ This machine's clock is (10 minutes|9 minutes 5\d seconds).* behind AWS's/],
    [2, /! This machine's clock is (2 minutes|1 minute 5\d seconds).* ahead of AWS's/],
    [0, /✓ This machine's clock agrees with AWS's/],
  ])('%d minutes off', async (minutes, said) => {
    world.put(world.newKey());
    world.put(world.newKey(30 * DAY, 'all-data-read-write'), ORDERS);
    const ended = await world.run(['doctor', world.local], { env: shifted(minutes) });
    expect(ended.out).toMatch(said);
    // It is told apart from what it would break: the key is not overdue, nor refused.
    expect(ended.out).toMatch(/✓ orderseu: ends at/);
    if (Math.abs(minutes) === 10) expect(ended.code).toBe(1);
  });
});

describe('exit codes and next things to type', () => {
  test.each<[string, string[], number, RegExp]>([
    ['no verb', [], 2, /^Usage: momento-auth <verb>/],
    ['no Region', ['status'], 1, /No AWS Region is configured\.\n {2}Add --region/],
    [
      'no credentials',
      ['status', '--region', 'eu-west-1'],
      1,
      /no AWS credentials that work.*\n {2}aws login/,
    ],
  ])('a process with %s', async (_name, words, code, err) => {
    const ended = await start(words).ended;
    expect([ended.err, ended.code]).toEqual([expect.stringMatching(err), code]);
    expect(ended.out).toBe('');
    expectPlain(ended);
  });

  test.each<[string, string[], number, RegExp]>([
    ['an unknown verb', ['stats'], 2, /Did you mean status\?/],
    [
      'help for no verb',
      ['help', 'stats'],
      2,
      /unknown command 'stats'\n\(Did you mean status\?\)/,
    ],
    [
      'an unknown option',
      ['status', '--jsn'],
      2,
      /Did you mean --json\?\)\nnpx momento-auth status --help/,
    ],
    [
      'a missing file name',
      ['import'],
      2,
      /missing required argument 'file'\nnpx momento-auth import --help/,
    ],
    ['an empty file name', ['import', ''], 2, /The name of the file is empty/],
    [
      'a word too many',
      ['status', 'now'],
      2,
      /too many arguments.*\nnpx momento-auth status --help/,
    ],
    [
      'a port that stands apart',
      ['status', '--local', '4711'],
      2,
      /too many arguments.*\nWrite --local=4711$/,
    ],
    [
      'no local stack',
      ['status', '--local=1'],
      1,
      /No local stack listens on port 1 .*\n {2}npm start -- --aws-port 1/,
    ],
    ['no port', ['status', '--local=x'], 2, /names no port/],
    ['no such role', ['token', '--as', 'nobody'], 1, /forbidden \(403\), no-role/],
    ['no role', ['token'], 2, /Which role\?\n {2}npx momento-auth token --as data-entry/],
    ['a claim that is none', ['token', '--as', 'viewer', '--claim', 'x'], 2, /is no name=value/],
    [
      'a claim twice',
      ['token', '--as', 'viewer', '--claim', 'a=1', '--claim', 'a=2'],
      2,
      /--claim a is given twice/,
    ],
  ])('%s', async (_name, words, code, err) => {
    const terminal = rememberingTerminal();
    expect(await run(words, { projectDirectory: PROJECT, terminal: () => terminal })).toBe(code);
    expect(terminal.noted.join('\n')).toMatch(err);
    expect(terminal.printed).toEqual([]);
  });

  test("another stack's name, another key's", async () => {
    const [stack, key] = await Promise.all([
      world.run(['status', '--stack', 'Other', world.local]),
      world.run(['status', '--key', 'other', world.local]),
    ]);
    expect([stack.err, stack.code]).toEqual([
      expect.stringMatching(/no stack called Other in us-east-1/),
      1,
    ]);
    expect([key.err, key.code]).toEqual([
      expect.stringMatching(/No key is called "other"; there are: default, orderseu/),
      2,
    ]);
  });

  test('a key in the place of a name is not repeated', async () => {
    const key = world.newKey();
    const ended = await world.run(['status', '--key', key.apiKey, world.local]);
    expect([ended.code, ended.err]).toEqual([2, expect.stringContaining('"(a word of ')]);
    expectNoSecret(all(ended), key);
  });

  test('Ctrl-C while AWS is asked: 130', async () => {
    const { createServer } = await import('node:net');
    let asked = () => {};
    const isAsked = new Promise<void>((go) => {
      asked = go;
    });
    // It takes what comes, and never answers.
    const silent = createServer((socket) => {
      socket.on('error', () => {}).resume();
      asked();
    });
    await new Promise<void>((go) => silent.listen(0, '127.0.0.1', go));
    const address = silent.address();
    const port = typeof address === 'object' && address !== null ? address.port : 0;
    const running = start(['doctor', '--region', 'eu-west-1'], {
      env: {
        AWS_ENDPOINT_URL: `http://127.0.0.1:${port}`,
        AWS_ACCESS_KEY_ID: 'AKIAEXAMPLE',
        AWS_SECRET_ACCESS_KEY: 'example',
      },
    });
    await isAsked;
    running.interrupt();
    const ended = await running.ended;
    await new Promise((go) => silent.close(go));
    expect([ended.code, ended.err]).toEqual([130, expect.stringMatching(/Interrupted\.\n$/)]);
  });
});
