// `import` on a real local stack: as a process, and in this one with a terminal that remembers, for what a person would
// be asked.

import { afterAll, beforeAll, beforeEach, describe, expect, jest, test } from '@jest/globals';
import { doctor } from '../../operator/doctor.ts';
import { importKey } from '../../operator/import.ts';
import { status } from '../../operator/status.ts';
import { v1Key } from '../lambda/momento-key.ts';
import {
  all,
  expectNoSecret,
  expectPlain,
  PROJECT,
  rememberingTerminal,
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
      const isRenewed = !/no refresh token|never expires/.test(String(doubt));
      expect(yes.printed.some((line) => line.includes('rotate --dry-run'))).toBe(isRenewed);
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
      () => ({ ...world.newKey(), apiKey: v1Key({ exp: 1_000_000_000 }) }),
      /This key ended at 2001-09-09/,
    ],
    [
      'an end that is not that of the key',
      () => {
        const key = world.newKey();
        return { ...key, validUntil: key.validUntil - 61 };
      },
      /"validUntil" says that it ends at .*, but the key itself that it ends at/,
    ],
    [
      'no end beside a key that has one',
      () => ({ ...world.newKey(), validUntil: 0 }),
      /"validUntil" says that it never ends, but the key itself that it ends at/,
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

  test('nor one that came in between the comparison and the writing; no label stays behind', async () => {
    world.put(world.newKey());
    const other = world.newKey();
    const { secrets } = world.stack;
    const original = secrets.putSecretValue.bind(secrets);
    const spy = jest.spyOn(secrets, 'putSecretValue').mockImplementation((...words) => {
      spy.mockRestore();
      const answer = original(...words);
      world.put(other);
      return answer;
    });
    const key = world.newKey(31 * DAY);
    const beaten = await importing(key);
    expect([beaten.code, beaten.problem]).toEqual([
      1,
      expect.stringMatching(/Somebody else has put another key into default meanwhile/),
    ]);
    expect(JSON.parse(world.current() ?? '')).toEqual(other);
    expect(labelsOf()).toEqual(['AWSCURRENT', 'AWSPREVIOUS']);
    // What docs/operator.md says of it.
    expect(beaten.problem).toMatch(/Yours is left in a version without a label/);
    expect(
      world.stack.secrets
        .inspect(world.secretArn())
        .filter(({ secretString }) => secretString?.includes(key.apiKey))
        .map(({ stages }) => stages),
    ).toEqual([[]]);

    const done = await importing(key);
    expect([done.code, JSON.parse(world.current() ?? '')]).toEqual([0, key]);
    expect(labelsOf()).toEqual(['AWSCURRENT', 'AWSPREVIOUS']);
  });

  const labelsOf = () =>
    world.stack.secrets
      .inspect(world.secretArn())
      .flatMap(({ stages }) => stages)
      .sort();

  test('the very key with the right end mends a wrong one: said by status and doctor before', async () => {
    const key = world.newKey();
    world.put({ ...key, validUntil: 0 });
    const [seen, examined] = [rememberingTerminal(), rememberingTerminal()];
    expect(await status({ ...world.place, key: 'default' }, seen, PROJECT)).toBe(1);
    expect(await doctor(world.place, examined, PROJECT)).toBe(1);
    const said = new RegExp(
      `✗ default: "validUntil" says that it never ends, but the key itself that it ends at .*Write "validUntil": ${key.validUntil} into`,
    );
    expect(seen.printed.join('\n')).toMatch(said);
    expect(examined.printed.join('\n')).toMatch(said);

    const mended = await importing(key);
    expect([mended.code, mended.problem, mended.asked]).toEqual([0, undefined, []]);
    expect(JSON.parse(world.current() ?? '')).toEqual(key);
    expect(mended.printed.join('\n')).not.toMatch(/The key before it/);
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
