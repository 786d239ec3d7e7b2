// Ends child processes when this process dies, however it dies: SIGKILL, too, and children busy in a loop.
//
// A handler in a synchronous loop cannot notice that its parent is gone, and a watching thread inside it
// would cost every environment 11 MB and every cold start 20 ms. So one shell waits at the end of a pipe.

import { type ChildProcess, spawn } from 'node:child_process';
import { once } from 'node:events';

const script = `
trap '' INT TERM HUP
live=' '
while read -r change pid; do
  case $change in
    +) live="$live$pid " ;;
    -) live="\${live%% $pid *} \${live#* $pid }" ;;
  esac
done
for pid in $live; do kill -s KILL -- "-$pid" 2>/dev/null; done
`;

export class OrphanGuard {
  readonly #shell: ChildProcess;
  readonly #watched = new Set<number>();

  constructor() {
    this.#shell = spawn('/bin/sh', ['-c', script], {
      stdio: ['pipe', 'ignore', 'ignore'],
      env: {},
      cwd: '/',
      detached: true,
    });
    // Without listeners a guard that died would take the parent with it.
    this.#shell.on('error', () => {});
    this.#shell.stdin?.on('error', () => {});
    // The guard must never be the reason why this process stays alive.
    this.#shell.unref();
    const { stdin } = this.#shell;
    if (stdin !== null && 'unref' in stdin && typeof stdin.unref === 'function') stdin.unref();
  }

  /** @param pid the leader of a process group; the group is killed */
  watch(pid: number): void {
    this.#watched.add(pid);
    this.#shell.stdin?.write(`+ ${pid}\n`);
  }

  /** Once the process is gone: its number may be given to another. */
  forget(pid: number): void {
    if (this.#watched.delete(pid)) this.#shell.stdin?.write(`- ${pid}\n`);
  }

  /** Ends the guard, and with it whatever is still watched. */
  async close(): Promise<void> {
    if (this.#shell.pid === undefined || this.#shell.exitCode !== null) return;
    const exit = once(this.#shell, 'exit');
    this.#shell.stdin?.end();
    await exit;
  }
}
