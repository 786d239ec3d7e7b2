// No process outlives its parent: neither an orderly end nor a killed one leaves anything running.

import { spawn } from 'node:child_process';
import { mkdtemp, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { createInterface } from 'node:readline';
import { fileURLToPath } from 'node:url';
import { expect, test } from '@jest/globals';
import { OrphanGuard } from '../../../local/lambda/orphan-guard.ts';
import { isAlive, withFunction } from './bundle.ts';

const grandchild = `
  import { spawn } from 'node:child_process';
  const child = spawn('/bin/sh', ['-c', 'sleep 600'], { stdio: 'ignore' });
  export const handler = async (event) => {
    console.log('pids ' + process.pid + ' ' + child.pid);
    if (event.loop) for (;;) {}
    if (event.hang) await new Promise(() => setTimeout(() => {}, 600_000));
  };
`;

test('close kills what is idle, what is busy in a loop, and what the function started', async () => {
  const pids: number[] = [];
  let allStarted = () => {};
  const started = new Promise<void>((resolve) => {
    allStarted = resolve;
  });
  const onLog = (line: string) => {
    pids.push(...line.split(' ').slice(1).map(Number));
    if (pids.length === 4) allStarted();
  };
  await withFunction({ code: grandchild, options: { onLog } }, async (local) => {
    const running = [local.invoke({ loop: true }), local.invoke({})];
    await started;
    expect(pids.map(isAlive)).toEqual([true, true, true, true]);
    const closed = local.close();
    for (const { payload } of await Promise.all(running)) {
      expect([null, 'Runtime.ExitError']).toContain(
        (payload as { errorType?: string } | null)?.errorType ?? null,
      );
    }
    await closed;
    await expect(local.invoke({})).rejects.toThrow('closed');
  });
  await allGone(pids);
});

test.each(['loop', 'hang'])(
  'a parent killed by SIGKILL takes a function in a %s with it',
  async (how) => {
    const codeDir = await mkdtemp(join(tmpdir(), 'bundle-'));
    await writeFile(join(codeDir, 'index.mjs'), grandchild);
    const parent = spawn(
      process.execPath,
      [
        '--import',
        'tsx',
        fileURLToPath(new URL('./doomed-parent.ts', import.meta.url)),
        codeDir,
        how,
      ],
      { stdio: ['ignore', 'pipe', 'inherit'] },
    );
    let pids: number[] = [];
    for await (const line of createInterface({ input: parent.stdout })) {
      pids = line.split(' ').slice(1).map(Number);
      break;
    }
    expect(pids.map(isAlive)).toEqual([true, true]);
    parent.kill('SIGKILL');
    await allGone(pids);
    await rm(codeDir, { recursive: true });
  },
);

test('the guard forgets what has ended: its number may belong to another by then', async () => {
  const guard = new OrphanGuard();
  const sleeper = () => spawn('/bin/sleep', ['600'], { detached: true, stdio: 'ignore' });
  const [first, kept, last] = [sleeper(), sleeper(), sleeper()];
  const pids = [first, kept, last].map(({ pid }) => pid ?? 0);
  for (const pid of pids) guard.watch(pid);
  guard.forget(kept.pid ?? 0);
  await guard.close();
  await allGone([first.pid ?? 0, last.pid ?? 0]);
  expect(isAlive(kept.pid ?? 0)).toBe(true);
  kept.kill('SIGKILL');
  await allGone(pids);
});

async function allGone(pids: readonly number[]): Promise<void> {
  expect(pids.length).toBeGreaterThan(0);
  const deadlineMs = Date.now() + 20_000;
  while (pids.some(isAlive) && Date.now() < deadlineMs) {
    await new Promise((resolve) => setTimeout(resolve, 10));
  }
  expect(pids.filter(isAlive)).toEqual([]);
}
