// What only a terminal shows: a real one, by util-linux's `script`; and what is said while one waits.

import { spawn, spawnSync } from 'node:child_process';
import { existsSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { afterAll, beforeAll, describe, expect, jest, test } from '@jest/globals';
import { processTerminal } from '../../operator/terminal.ts';
import { PROJECT, start, World } from './world.ts';

/** util-linux's: others have other options. */
const hasScript = /util-linux/.test(String(spawnSync('script', ['--version']).stdout ?? ''));
const inTerminal = hasScript ? describe : describe.skip;

interface Typed {
  /** Typed once the screen shows it. */
  readonly after: RegExp;
  readonly keys: string;
}

let world: World;
let isMomentoSlow = false;
beforeAll(async () => {
  world = await World.start({
    interceptMomento: () => (isMomentoSlow ? { delayMs: 2_000 } : undefined),
  });
}, 60_000);
afterAll(() => world.close());

async function inRealTerminal(
  words: readonly string[],
  typed: readonly Typed[] = [],
  env: NodeJS.ProcessEnv = {},
): Promise<{ readonly code: number | null; readonly screen: string }> {
  const command = ['node', 'bin/momento-auth.mjs', ...words]
    .map((word) => `'${word.replaceAll("'", `'\\''`)}'`)
    .join(' ');
  const child = spawn('script', ['-qefc', `stty cols 100 rows 40; exec ${command}`, '/dev/null'], {
    cwd: PROJECT,
    env: { PATH: process.env.PATH, HOME: tmpdir(), TERM: 'xterm', SHELL: '/bin/sh', ...env },
    stdio: ['pipe', 'pipe', 'inherit'],
  });
  const left = [...typed];
  let screen = '';
  let from = 0;
  child.stdout.on('data', (chunk) => {
    screen += chunk;
    const [next] = left;
    if (next === undefined || !next.after.test(screen.slice(from))) return;
    left.shift();
    from = screen.length;
    child.stdin.write(next.keys);
  });
  const code = await new Promise<number | null>((done) => child.on('close', done));
  return { code, screen };
}

const CTRL_C = '\u0003';
const CTRL_D = '\u0004';

inTerminal(
  `in a real terminal${hasScript ? '' : " (skipped: util-linux's script is not here)"}`,
  () => {
    const doubtful = () => world.file({ ...world.newKey(), refreshToken: undefined });

    test('a doubt is asked about; y stores, Ctrl-C at the question is 130 and stores nothing', async () => {
      const words = ['import', doubtful(), world.local];
      const left = await inRealTerminal(words, [{ after: /all the same\?/, keys: CTRL_C }]);
      expect([left.code, world.current()]).toEqual([130, undefined]);
      const no = await inRealTerminal(words, [{ after: /all the same\?/, keys: 'n' }]);
      expect([no.code, world.current()]).toEqual([1, undefined]);
      expect(no.screen).toContain('Nothing was changed.');
      const yes = await inRealTerminal(words, [{ after: /all the same\?/, keys: 'y' }]);
      expect(yes.code).toBe(0);
      expect(world.current()).toMatch(/^\{"apiKey":/);
    });

    test('a key that is pasted is not shown', async () => {
      const key = world.newKey(31 * 86_400);
      const pasted = JSON.stringify(key);
      const done = await inRealTerminal(
        ['import', '-', '--yes', world.local],
        [{ after: /Paste the key/, keys: `${pasted}\r` }],
      );
      expect(done.code).toBe(0);
      expect(done.screen).toMatch(/default has the key/);
      for (const secret of [key.apiKey, key.refreshToken])
        expect(done.screen).not.toContain(secret.slice(0, 20));
      expect(JSON.parse(world.current() ?? '')).toEqual(key);
    });

    test('a key that is pasted in several lines is taken whole: nothing of it is left to the shell', async () => {
      const key = world.newKey(32 * 86_400);
      const pasted = JSON.stringify(key, null, 2).replaceAll('\n', '\r');
      const done = await inRealTerminal(
        ['import', '-', '--yes', world.local],
        [{ after: /Paste the key/, keys: `${pasted}\r` }],
      );
      expect(JSON.parse(world.current() ?? '')).toEqual(key);
      expect(done.code).toBe(0);
      for (const secret of [key.apiKey, key.refreshToken])
        expect(done.screen).not.toContain(secret.slice(0, 20));
    });

    test('Ctrl-D at a question leaves it: 130, and nothing is stored', async () => {
      const before = world.current();
      const [pasting, asked] = await Promise.all([
        inRealTerminal(['import', '-', world.local], [{ after: /Paste the key/, keys: CTRL_D }]),
        inRealTerminal(
          ['import', doubtful(), world.local],
          [{ after: /all the same\?/, keys: CTRL_D }],
        ),
      ]);
      for (const { code, screen } of [pasting, asked]) {
        expect([code, screen]).toEqual([130, expect.stringContaining('Interrupted.')]);
        // The cursor is shown again.
        expect(screen.lastIndexOf('\u001b[?25h')).toBeGreaterThan(
          screen.lastIndexOf('\u001b[?25l'),
        );
      }
      expect(world.current()).toBe(before);
    });

    test('Ctrl-C while the function renews a key: that it goes on is said', async () => {
      world.put(world.newKey());
      isMomentoSlow = true;
      const left = await inRealTerminal(
        ['rotate', world.local],
        [{ after: /Renewing default/, keys: CTRL_C }],
      );
      isMomentoSlow = false;
      expect(left.code).toBe(130);
      expect(left.screen).toMatch(
        /The function ends its run on default all the same\. npx momento-auth status --key default/,
      );
    });

    test('colours there, and none with NO_COLOR', async () => {
      // biome-ignore lint/suspicious/noControlCharactersInRegex: a terminal's colours begin with one.
      const colour = /\u001b\[[0-9;]+m/;
      const [coloured, plain] = await Promise.all([
        inRealTerminal(['status', world.local]),
        inRealTerminal(['status', world.local], [], { NO_COLOR: '1' }),
      ]);
      expect(coloured.screen).toMatch(colour);
      expect(plain.screen).toContain('LIFE LEFT');
      expect(plain.screen).not.toMatch(colour);
    });

    test('status --watch leaves its screen at Ctrl-C, and what it saw last stays', async () => {
      const watched = await inRealTerminal(
        ['status', '--watch', world.local],
        [
          { after: /Ctrl-C ends it/, keys: '' },
          { after: /Ctrl-C ends it/, keys: CTRL_C },
        ],
      );
      const [, ...screens] = watched.screen.split('\u001b[?1049h');
      expect(screens).toHaveLength(1);
      const [drawn = '', after = ''] = screens[0]?.split('\u001b[?1049l') ?? [];
      expect(drawn.split('\u001b[H').length).toBeGreaterThan(2);
      expect(after).toMatch(/LIFE LEFT[\s\S]*All is well/);
      expect(watched.code).toBe(0);
    });
  },
);

(existsSync('/dev/full') ? test : test.skip)(
  'a result that cannot be written is no success',
  async () => {
    const child = spawn(
      'sh',
      [
        '-c',
        'node bin/momento-auth.mjs token --as viewer --claim custom:tenantId=acme > /dev/full',
      ],
      { cwd: PROJECT, env: { PATH: process.env.PATH, HOME: tmpdir() } },
    );
    let err = '';
    child.stderr.on('data', (chunk) => {
      err += chunk;
    });
    const code = await new Promise((done) => child.on('close', done));
    expect([code, err]).toEqual([
      1,
      expect.stringMatching(/✗ The result could not be written: ENOSPC/),
    ]);
  },
);

test('status --watch ends when nobody reads it any more', async () => {
  world.put(world.newKey());
  const child = spawn(
    'sh',
    [
      '-c',
      `{ node bin/momento-auth.mjs status --watch ${world.local}; echo "code $?" >&2; } | head -n 1`,
    ],
    { cwd: PROJECT, env: { PATH: process.env.PATH, HOME: tmpdir() }, detached: true },
  );
  let out = '';
  let err = '';
  child.stdout.on('data', (chunk) => {
    out += chunk;
  });
  child.stderr.on('data', (chunk) => {
    err += chunk;
  });
  // Should it go on for ever, nothing of it outlives the test.
  const patience = setTimeout(() => process.kill(-Number(child.pid), 'SIGKILL'), 15_000);
  await new Promise((done) => child.on('close', done));
  clearTimeout(patience);
  expect(out).toMatch(/^[^\n]* {2}default {2}[^\n]*\n$/);
  expect(err.replace(/^[^\n]* …\n/gm, '')).toBe('code 0\n');
});

test('a proxy for the rest of the world does not stand between this machine and itself', async () => {
  const key = world.newKey();
  // Nobody listens there.
  const proxy = 'http://127.0.0.1:9';
  const ended = await start(['import', world.file(key), '--yes', world.local], {
    env: { https_proxy: proxy, http_proxy: proxy, grpc_proxy: proxy },
  }).ended;
  expect([ended.code, JSON.parse(world.current() ?? '')]).toEqual([0, key]);
});

describe('where lines stay', () => {
  test('work is said once it takes a second, and not before', async () => {
    const isTerminal = process.stderr.isTTY;
    process.stderr.isTTY = false;
    jest.useFakeTimers();
    const write = jest.spyOn(process.stderr, 'write').mockReturnValue(true);
    try {
      const terminal = processTerminal(new AbortController().signal);
      let end = () => {};
      const work = terminal.progress(
        'Looking for the stack',
        () =>
          new Promise<void>((done) => {
            end = done;
          }),
      );
      jest.advanceTimersByTime(999);
      expect(write).not.toHaveBeenCalled();
      jest.advanceTimersByTime(1);
      expect(write.mock.calls).toEqual([['Looking for the stack …\n']]);
      end();
      await work;
      await terminal.progress('Something quick', async () => {});
      jest.advanceTimersByTime(10_000);
      expect(write).toHaveBeenCalledTimes(1);
    } finally {
      jest.useRealTimers();
      write.mockRestore();
      process.stderr.isTTY = isTerminal;
    }
  });
});
