// A contender's process that stays, and calls its handler as often as it is told to.

import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { createInterface } from 'node:readline';
import type { Contender } from './contenders.ts';
import { loginEvent } from './login-event.ts';
import { runnerArguments } from './start.ts';

export interface Task {
  readonly count: number;
  /** How many come per second. @default one after the other */
  readonly perSecond?: number;
  /** Whom the logins belong to, in turn; `fresh`: a tenant of his own for each. */
  readonly tenants: number | 'fresh';
  /** Comes back when it is told to (429), instead of giving up. @default false */
  readonly patient?: boolean;
}

export interface Outcome {
  /** Of each call. With `perSecond`: since it was due. */
  readonly tookMs: readonly number[];
  readonly totalMs: number;
}

export interface WarmProcess {
  /** @throws Error if a call was not answered with 200 */
  run(task: Task): Promise<Outcome>;
  close(): Promise<void>;
}

export async function startWarmProcess(
  { name, file, environment }: Contender,
  node: string,
): Promise<WarmProcess> {
  // As on Lambda, a process apart reads the log. Were it this one, its work would take a processor from the servers
  // during the calls.
  const log = spawn('cat', { stdio: ['pipe', 'ignore', 'inherit'] });
  const child = spawn(node, [...runnerArguments('serve-handler'), file], {
    env: environment,
    stdio: ['pipe', log.stdin, 'inherit', 'pipe'],
  });
  log.once('error', (error) => {
    throw new Error('The log of a contender cannot be read with cat.', { cause: error });
  });
  // The log ends when the contender does.
  log.stdin.destroy();
  const exited = once(child, 'exit');
  // One that has ended is told of where its outcome is missing.
  child.stdin?.on('error', () => {});
  const outcomes = createInterface({ input: child.stdio[3] as NodeJS.ReadableStream })[
    Symbol.asyncIterator
  ]();
  const payload = loginText();
  return {
    run: async (task) => {
      child.stdin?.write(`${JSON.stringify({ ...task, payload })}\n`);
      const { value, done } = await outcomes.next();
      if (done) throw new Error(`${name} has ended; see above.`);
      const { error, ...outcome } = JSON.parse(value);
      if (error !== undefined) throw new Error(`${name}: ${error}`);
      return outcome;
    },
    close: async () => {
      child.stdin?.end();
      await exited;
    },
  };
}

/** With `"@USER"`, `"@TENANT"` and `"@TIME"` where the process puts its own in. */
function loginText(): string {
  const time = Date.now();
  const event = loginEvent({ user: '@USER', tenant: '@TENANT', role: 'viewer' }, time);
  return JSON.stringify(event).replace(`"timeEpoch":${time}`, '"timeEpoch":"@TIME"');
}
