// Momento on a loopback port: gRPC in plaintext, as the SDK speaks it with `secureConnection: false`.

import { once } from 'node:events';
import { createServer, type Socket } from 'node:net';
import { Server, ServerCredentials } from '@grpc/grpc-js';
import type { MomentoAccount } from './account.ts';
import { authService, tokenService } from './auth-services.ts';
import { type CallHooks, serveCalls } from './calls.ts';
import { controlService } from './control-service.ts';

export interface MomentoServerOptions extends CallHooks {
  readonly account: MomentoAccount;
  /** @default 0: the system picks a free one */
  readonly port?: number;
  /** @default '127.0.0.1' */
  readonly host?: string;
}

export interface MomentoServer {
  /** `host:port`, for `controlEndpoint`, `cacheEndpoint` and `tokenEndpoint` alike. */
  readonly endpoint: string;
  readonly port: number;
  /** Ends the listener, every connection and every answer held back. May be called twice. */
  close(): Promise<void>;
}

/**
 * Serves the account until `close()`. The account's keys carry this server's endpoint unless the
 * account was given one of its own.
 * @throws the listener's own error, such as one with code `EADDRINUSE` (then try another port, or 0)
 */
export async function startMomentoServer(options: MomentoServerOptions): Promise<MomentoServer> {
  const { account, port: wantedPort = 0, host = '127.0.0.1' } = options;
  const calls = serveCalls(options);
  const grpc = new Server();
  for (const { definition, handlers } of [
    authService(account, calls.unary),
    tokenService(account, calls.unary),
    controlService(account, calls.unary),
  ]) {
    grpc.addService(definition, handlers);
  }

  // A listener of our own instead of `bindAsync`: a taken port is then an error with its code (and
  // no line on stderr), and `close` can end every connection and know when it has.
  const injector = grpc.createConnectionInjector(ServerCredentials.createInsecure());
  const sockets = new Set<Socket>();
  const listener = createServer((socket) => {
    sockets.add(socket);
    socket.once('close', () => sockets.delete(socket));
    injector.injectConnection(socket);
  });
  listener.listen(wantedPort, host);
  await once(listener, 'listening');
  const address = listener.address();
  if (address === null || typeof address === 'string') throw new Error('No port was bound');
  const { port } = address;
  const endpoint = `${host.includes(':') ? `[${host}]` : host}:${port}`;
  account.servedAt(endpoint);

  const end = async () => {
    calls.stop();
    const closed = once(listener, 'close');
    listener.close();
    for (const socket of sockets) socket.destroy();
    grpc.forceShutdown();
    await closed;
  };
  let ended: Promise<void> | undefined;
  return {
    endpoint,
    port,
    close: () => {
      ended ??= end();
      return ended;
    },
  };
}
