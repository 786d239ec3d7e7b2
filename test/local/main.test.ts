// `npm start` as a person runs it: what it prints, how it ends, and that nothing stays behind.

import { type ChildProcess, spawn } from 'node:child_process';
import { mkdtempSync, readdirSync, readFileSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterEach, beforeEach, describe, expect, test } from '@jest/globals';
import { readOptions } from '../../local/options.ts';

let child: ChildProcess | undefined;
let temporary = '';
beforeEach(() => {
  temporary = mkdtempSync(join(tmpdir(), 'momento-auth-test-'));
});
afterEach(() => rmSync(temporary, { recursive: true, force: true }));

const ANY_PORTS = ['aws', 'momento', 'gateway', 'console'].flatMap((name) => [
  `--${name}-port`,
  '0',
]);

/** Folders that a run made and should have taken away; the transpiler keeps its own cache. */
const leftOver = () => readdirSync(temporary).filter((name) => !name.startsWith('tsx-'));

afterEach(() => {
  if (child?.exitCode === null && child.signalCode === null) child.kill('SIGKILL');
});

interface Ended {
  readonly code: number | null;
  readonly out: string;
  readonly err: string;
}

function start(
  args: string[],
  onOutput: (out: string, child: ChildProcess) => void = () => {},
): Promise<Ended> {
  const started = spawn(process.execPath, ['--import', 'tsx', 'local/main.ts', ...args], {
    env: { ...process.env, TMPDIR: temporary, NO_COLOR: undefined, FORCE_COLOR: undefined },
    stdio: ['ignore', 'pipe', 'pipe'],
  });
  child = started;
  let out = '';
  let err = '';
  started.stderr.on('data', (chunk) => {
    err += chunk;
  });
  started.stdout.on('data', (chunk) => {
    out += chunk;
    onOutput(out, started);
  });
  return new Promise((resolve) => started.on('close', (code) => resolve({ code, out, err })));
}

/** Processes that run a function of this very stack: other tests may run their own at the same time. */
function functionProcesses(out: string): string[] {
  const [, url = 'nothing'] = /AWS_ENDPOINT_URL=(\S+)/.exec(out) ?? [];
  return readdirSync('/proc').filter((pid) => {
    try {
      return readFileSync(`/proc/${pid}/environ`, 'utf8').includes(`AWS_ENDPOINT_URL=${url}\0`);
    } catch {
      return false;
    }
  });
}

describe('npm start', () => {
  test.each(['SIGINT', 'SIGTERM', 'SIGHUP'] as const)(
    '%s after the first check: exit 0, nothing left behind',
    async (signal) => {
      let during = 0;
      const { code, out, err } = await start(
        [...ANY_PORTS, '--time-scale', '1800'],
        (soFar, running) => {
          if (during > 0 || !/not-due/.test(soFar)) return;
          during = process.platform === 'linux' ? functionProcesses(soFar).length : 1;
          running.kill(signal);
        },
      );
      expect(err).toBe('');
      expect(code).toBe(0);
      expect(during).toBeGreaterThan(0);
      if (process.platform === 'linux') expect(functionProcesses(out)).toEqual([]);
      expect(out).toMatch(/export AWS_ENDPOINT_URL=http:\/\/127\.0\.0\.1:\d+ /);
      expect(out).toMatch(/Page +http:\/\/127\.0\.0\.1:\d+ /);
      expect(out).toMatch(/imported +default +a key that lives 28 s/);
      expect(out).toMatch(/not-due +default +█+░* +\d+ s left +due in \d+ s/);
      expect(leftOver()).toEqual([]);
      // Plain where the output is no terminal.
      expect(out).not.toContain('\u001b[');
    },
    60_000,
  );
});

test('Ctrl-C during a scenario ends it at once, and says so', async () => {
  let sentAtMs = 0;
  const { code, out } = await start(['--once'], (soFar, running) => {
    if (sentAtMs > 0 || !/✓ Not due/.test(soFar)) return;
    sentAtMs = Date.now();
    running.kill('SIGINT');
  });
  expect(Date.now() - sentAtMs).toBeLessThan(5_000);
  expect(code).not.toBe(0);
  expect(out).toMatch(/Interrupted\./);
  expect(out).not.toContain('✗');
  expect(leftOver()).toEqual([]);
}, 60_000);

describe('the command line', () => {
  test('a wrong one: exit 2, with what to write', async () => {
    const { code, err } = await start(['--key-life', 'long']);
    expect(code).toBe(2);
    expect(err).toBe(
      '--key-life is "long": give a number, such as 28.\n\nnpm start -- --help lists the options.\n',
    );
  });

  test('--help lists every option', async () => {
    const { code, out } = await start(['--help']);
    expect(code).toBe(0);
    for (const option of Object.keys(readOptions([]))) {
      const name = option
        .replace(/Seconds$/, '')
        .replace(/[A-Z]/g, (letter) => `-${letter.toLowerCase()}`);
      expect(out).toContain(`--${name}`);
    }
  });

  test.each([
    [['--time-scale', '0']],
    [['--aws-port', '70000']],
    [['--aws-port', '']],
    [['--old-keys', 'maybe']],
    [['--nonsense']],
    [['stray']],
  ])('%j is refused', (args) => {
    expect(() => readOptions(args)).toThrow(expect.objectContaining({ name: 'UsageError' }));
  });

  test('the defaults', () => {
    expect(readOptions([])).toEqual({
      once: false,
      help: false,
      timeScale: 900,
      keyLifeSeconds: 28,
      awsPort: 4566,
      momentoPort: 8580,
      gatewayPort: 8590,
      consolePort: 8600,
      refreshTokens: 'single-use',
      oldKeys: 'live',
    });
  });
});
