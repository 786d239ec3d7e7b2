// TLS in front of a server that speaks none.

import { once } from 'node:events';
import { type AddressInfo, connect } from 'node:net';
import { createServer } from 'node:tls';
import type { Certificate } from './certificate.ts';

export interface TlsFront {
  readonly port: number;
  close(): Promise<void>;
}

/** Takes the TLS off on a port of 127.0.0.1 that the system picks, and hands the bytes on. */
export async function startTlsFront(
  targetPort: number,
  { certPem, keyPem }: Certificate,
  onConnection: () => void,
): Promise<TlsFront> {
  const sockets = new Set<{ destroy(): void }>();
  const server = createServer({ cert: certPem, key: keyPem }, (socket) => {
    onConnection();
    const target = connect(targetPort, '127.0.0.1').setNoDelay(true);
    socket.setNoDelay(true);
    for (const [one, other] of [
      [socket, target],
      [target, socket],
    ] as const) {
      sockets.add(one);
      one.on('error', () => other.destroy());
      one.on('close', () => {
        sockets.delete(one);
        other.destroy();
      });
      one.pipe(other);
    }
  });
  server.listen(0, '127.0.0.1');
  await once(server, 'listening');
  return {
    port: (server.address() as AddressInfo).port,
    close: async () => {
      const closed = once(server, 'close');
      server.close();
      for (const socket of sockets) socket.destroy();
      await closed;
    },
  };
}
