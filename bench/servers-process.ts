// Starts the stand-in servers' process and ends it.

import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { createInterface } from 'node:readline';
import { fileURLToPath } from 'node:url';
import type { ServerEvent, Servers } from './servers.ts';

export interface ServersProcess {
  readonly servers: Servers;
  /** Since the last time it was called. */
  takeEvents(): Promise<ServerEvent[]>;
  close(): Promise<void>;
}

const MAIN = fileURLToPath(new URL('./servers-main.ts', import.meta.url));

export async function startServersProcess(assemblyDirectory: string): Promise<ServersProcess> {
  const child = spawn(process.execPath, ['--import', 'tsx', MAIN, assemblyDirectory], {
    stdio: ['pipe', 'pipe', 'inherit'],
  });
  const lines = createInterface({ input: child.stdout })[Symbol.asyncIterator]();
  const exited = once(child, 'exit');
  const read = async (): Promise<unknown> => {
    const { value, done } = await lines.next();
    if (done) throw new Error('The stand-in servers have ended; see above.');
    return JSON.parse(value);
  };
  return {
    servers: (await read()) as Servers,
    takeEvents: async () => {
      child.stdin.write('\n');
      return (await read()) as ServerEvent[];
    },
    close: async () => {
      child.stdin.end();
      await exited;
    },
  };
}
