// Each verb on a real local stack: as a process, as a person or a script runs it, and in this process with a terminal
// that remembers, for what a person would be asked.

import { afterAll, beforeAll, beforeEach, describe, expect, test } from '@jest/globals';
import { run } from '../../operator/command.ts';
import { doctor } from '../../operator/doctor.ts';
import { importKey } from '../../operator/import.ts';
import { rotate } from '../../operator/rotate.ts';
import { status } from '../../operator/status.ts';
import { type Ended, PROJECT, rememberingTerminal, start, World } from './world.ts';

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

/** No key, no refresh token, no wire form of either, in anything that was written. */
function expectNoSecret(
  text: string,
  ...keys: readonly { apiKey: string; refreshToken: string }[]
): void {
  for (const { apiKey, refreshToken } of keys) {
    const wire: unknown = JSON.parse(Buffer.from(apiKey, 'base64').toString());
    expect(wire).toEqual({ endpoint: expect.any(String), api_key: expect.any(String) });
    const jwt = String(Reflect.get(Object(wire), 'api_key'));
    for (const secret of [apiKey, refreshToken, jwt, jwt.slice(-20)]) {
      expect(text.includes(secret)).toBe(false);
    }
  }
}

const all = ({ out, err }: Ended): string => out + err;

/** On a busy machine it says what it waits for. */
const withoutWaiting = ({ err }: Ended): string => err.replace(/^[^\n]* …\n/gm, '');

/** Plain text: nothing moves, nothing has a colour. */
const expectPlain = (ended: Ended) => expect(all(ended)).not.toContain('\u001b');

describe('import', () => {
  test("the console's download: checked, stored as it is, and what comes next", async () => {
    const key = world.newKey();
    const ended = await world.run(['import', world.file(key), '--key', 'default', world.local]);
    expect([withoutWaiting(ended), ended.code]).toEqual(['', 0]);
    expect(JSON.parse(world.current() ?? '')).toEqual(key);
    expect(ended.out).toMatch(/^✓ default has the key, which ends at \d{4}-\d\d-\d\d /);
    expect(ended.out).toMatch(/looked at within 1 hour, and renewed from .* on \(in 20 days/);
    expect(ended.out).toContain(`npx momento-auth rotate --dry-run --key default ${world.local}`);
    expectPlain(ended);
    expectNoSecret(all(ended), key);

    const again = await importing(key);
    expect(again.printed).toEqual(['default has this very key already. Nothing was changed.']);
    expect(again.code).toBe(0);
  });

  test('from stdin; a bare key needs --yes where nobody can be asked', async () => {
    const { apiKey, refreshToken } = world.newKey(30 * DAY, 'all-data-read-write');
    const words = ['import', '-', '--key', 'orders-eu', world.local];
    const [refused] = await Promise.all([world.run(words, { stdin: `${apiKey}\n` })]);
    expect(refused.code).toBe(1);
    expect(refused.err).toMatch(/^! It has no refresh token, so nothing can renew it\./m);
    expect(refused.err).toContain(`npx momento-auth import - --key orderseu --yes ${world.local}`);
    expect(world.current(ORDERS)).toBeUndefined();

    const taken = await world.run([...words, '--yes'], { stdin: `${apiKey}\n` });
    expect([taken.code, taken.out]).toEqual([
      0,
      expect.stringContaining('It will not be renewed.'),
    ]);
    const stored: unknown = JSON.parse(world.current(ORDERS) ?? '');
    expect(stored).toEqual({ apiKey, validUntil: expect.any(Number) });
    expectNoSecret(all(refused) + all(taken), { apiKey, refreshToken });
  });

  async function importing(
    content: unknown,
    answer?: boolean,
    options: Record<string, unknown> = {},
  ) {
    const terminal = rememberingTerminal(answer);
    const file = world.file(content, 'candidate.json');
    try {
      const code = await importKey(
        file,
        { ...world.place, key: 'default', ...options },
        terminal,
        PROJECT,
      );
      return { ...terminal, code, problem: undefined };
    } catch (problem) {
      return { ...terminal, code: 1, problem: String(problem) };
    }
  }

  describe('what is doubtful', () => {
    let before: string;
    beforeEach(() => {
      world.put(world.newKey(30 * DAY));
      before = world.current() ?? '';
    });

    test.each<[string, () => object, RegExp]>([
      ['a life too short', () => world.newKey(6 * 3_600 - 120), /too short to be renewed reliably/],
      [
        'no refresh token',
        () => ({ ...world.newKey(), refreshToken: undefined }),
        /no refresh token/,
      ],
      ['no end', () => world.newKey('never'), /never expires/],
      [
        'a vending key that may not mint',
        () => world.newKey(31 * DAY, 'all-data-read-write'),
        /no super-user key/,
      ],
      [
        'an end before that of the present key',
        () => world.newKey(20 * DAY),
        /ends later than this one/,
      ],
    ])('%s: asked; no is no, yes is yes, nobody is no', async (_name, make, doubt) => {
      const content = make();
      const nobody = await importing(content);
      expect(nobody.noted.join('\n')).toMatch(doubt);
      expect(nobody.problem).toMatch(/say that you want it all the same/);
      expect(world.current()).toBe(before);

      const no = await importing(content, false);
      expect([no.code, no.asked.length, no.problem]).toEqual([1, 1, undefined]);
      expect(world.current()).toBe(before);

      const yes = await importing(content, true);
      expect([yes.code, yes.asked]).toEqual([0, ['Put it into default all the same?']]);
      expect(JSON.parse(world.current() ?? '')).toEqual(JSON.parse(JSON.stringify(content)));
      expect(yes.printed.join('\n')).toMatch(/The key before it lives on until/);
    });
  });

  test.each<[string, () => unknown, RegExp]>([
    ['text that is no key', () => 'hello', /neither JSON nor a Momento API key/],
    [
      'a revoked key',
      () => {
        const key = world.newKey();
        world.stack.momento.revoke(key.apiKey);
        return key;
      },
      /Momento does not accept this key/,
    ],
    [
      'an ended key',
      () => ({ ...world.newKey(), validUntil: 1_000_000_000 }),
      /ended at 2001-09-09/,
    ],
    ['nothing', () => '', /it is empty/],
    [
      'a forged key',
      () => {
        const endpoint = '127.0.0.1:1';
        const part = (value: object) => Buffer.from(JSON.stringify(value)).toString('base64url');
        const api_key = `${part({ alg: 'HS256' })}.${part({ sub: 'x' })}.c2ln`;
        const apiKey = Buffer.from(JSON.stringify({ endpoint, api_key })).toString('base64');
        return { apiKey, refreshToken: 'refresh-token', validUntil: Date.now() };
      },
      /validUntil is not a time in epoch seconds/,
    ],
  ])('%s is refused, --yes or not', async (_name, make, problem) => {
    const before = world.current();
    const refused = await importing(make(), true, { yes: true });
    expect(refused.problem).toMatch(problem);
    expect(world.current()).toBe(before);
  });

  test('a key that came in while the person was asked is not overwritten', async () => {
    world.put(world.newKey());
    const rotated = world.newKey();
    const terminal = rememberingTerminal(true);
    const meanwhile = {
      ...terminal,
      confirm: async () => {
        world.put(rotated);
        return true;
      },
    };
    const file = world.file(world.newKey(20 * DAY));
    await expect(
      importKey(file, { ...world.place, key: 'default' }, meanwhile, PROJECT),
    ).rejects.toThrow(/Somebody else has put another key into default meanwhile/);
    expect(JSON.parse(world.current() ?? '')).toEqual(rotated);
  });

  test('what a person keeps beside the key stays; what belongs to the old one goes', async () => {
    world.put({ ...world.newKey(20 * DAY), endpoint: 'old.example.com', cacheName: 'carts' });
    const key = world.newKey();
    const done = await importing(key);
    expect([done.problem, done.code]).toEqual([undefined, 0]);
    expect(JSON.parse(world.current() ?? '')).toEqual({ ...key, cacheName: 'carts' });
    expect(done.printed).toContain('Kept beside it, as before: cacheName.');
  });

  test('a key on the command line is refused and not repeated; so is a file that is not there', async () => {
    const key = world.newKey();
    const [typed, missing] = await Promise.all([
      world.run(['import', key.apiKey, world.local]),
      world.run(['import', 'no-such-file.json', world.local]),
    ]);
    expect(typed.code).toBe(2);
    expect(typed.err).toMatch(/history of your shell/);
    expectNoSecret(all(typed), key);
    expect([missing.code, missing.err]).toEqual([1, expect.stringMatching(/no file no-such-file/)]);
  });
});

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
    expect(ended.err).toContain(`npx momento-auth import momento_key.json ${world.local}`);
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
      /✗ 1 runs that failed waits for a person\.\n {4}docs\/runbook\.md#failed-runs/,
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
    expect(failed.printed[0]).toMatch(/^✗ default: [a-z-]+: /);
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
    ['an unknown option', ['status', '--jsn'], 2, /Did you mean --json\?/],
    ['a missing file name', ['import'], 2, /missing required argument 'file'/],
    ['a word too many', ['status', 'now'], 2, /too many arguments/],
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
    expect([ended.code, ended.err]).toEqual([2, expect.stringContaining('[redacted]')]);
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
