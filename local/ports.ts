// Listening on loopback: a port of one's choice, or the next best. A busy port is no reason not to start.

import type { Server } from 'node:http';
import type { AddressInfo } from 'node:net';

/** Resolves with the port; rejects with the system's error (`EADDRINUSE` …). 0 lets the system pick. */
export async function listenOnLoopback(server: Server, port: number): Promise<number> {
  await new Promise<void>((resolve, reject) => {
    server.once('error', reject);
    server.listen(port, '127.0.0.1', () => {
      server.off('error', reject);
      resolve();
    });
  });
  return (server.address() as AddressInfo).port;
}

/** Ends every connection, waiting ones included. */
export const closeServer = (server: Server): Promise<void> =>
  new Promise((resolve, reject) => {
    server.close((error) => (error ? reject(error) : resolve()));
    server.closeAllConnections();
  });

export interface Listening<Started> {
  readonly server: Started;
  /** The port that was wanted and is somebody else's. */
  readonly busy: number | undefined;
}

/** @param listen starts a server; rejects with EADDRINUSE (or EACCES) when it cannot have the port */
export async function listenPreferring<Started>(
  port: number,
  listen: (port: number) => Promise<Started>,
): Promise<Listening<Started>> {
  try {
    return { server: await listen(port), busy: undefined };
  } catch (error) {
    if (port === 0 || !isTaken(error)) throw error;
    return { server: await listen(0), busy: port };
  }
}

const isTaken = (error: unknown): boolean =>
  typeof error === 'object' &&
  error !== null &&
  'code' in error &&
  ['EADDRINUSE', 'EACCES'].includes(`${error.code}`);
