// Momento on a loopback port, in plaintext: gRPC for the SDK for Node.js (with `secureConnection: false`),
// gRPC-web for the one for browsers (with overrides that begin with `http://`).

import { once } from 'node:events';
import { createServer, type Socket } from 'node:net';
import { Server, ServerCredentials } from '@grpc/grpc-js';
import type { MomentoAccount } from './account.ts';
import { type After, afterRealTime } from './after.ts';
import { authService, tokenService } from './auth-services.ts';
import { cacheService } from './cache-service.ts';
import { type CallHooks, serveCalls } from './calls.ts';
import { controlService } from './control-service.ts';
import { addMethods } from './grpc.ts';
import { grpcWebServer } from './grpc-web.ts';
import { topicsService } from './topics-service.ts';
import { tellApart } from './two-protocols.ts';

export interface MomentoServerOptions extends CallHooks {
  readonly account: MomentoAccount;
  /** @default 0: the system picks a free one */
  readonly port?: number;
  /** @default '127.0.0.1' */
  readonly host?: string;
  /**
   * When the end of a token's life is noticed by its subscriptions, and a delayed answer sent.
   * @default real time
   */
  readonly after?: After;
  /**
   * From one heartbeat of a subscription to the next.
   * @default 10,000
   */
  readonly heartbeatMs?: number;
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
  const {
    account,
    port: wantedPort = 0,
    host = '127.0.0.1',
    after = afterRealTime,
    heartbeatMs = 10_000,
  } = options;
  const { methods, stop } = serveCalls(options, after);
  const served = [
    ...authService(account, methods),
    ...tokenService(account, methods),
    ...controlService(account, methods),
    ...cacheService(account, methods),
    ...topicsService(account, methods, { after, heartbeatMs }),
  ];
  const grpc = new Server();
  addMethods(grpc, served);
  const grpcWeb = grpcWebServer(served);

  // A listener of our own instead of `bindAsync`: a taken port is then an error with its code (and
  // no line on stderr), and `close` can end every connection and know when it has.
  const injector = grpc.createConnectionInjector(ServerCredentials.createInsecure());
  const sockets = new Set<Socket>();
  const listener = createServer((socket) => {
    sockets.add(socket);
    socket.once('close', () => sockets.delete(socket));
    tellApart(socket, {
      http1: () => grpcWeb.emit('connection', socket),
      http2: () => injector.injectConnection(socket),
    });
  });
  listener.listen(wantedPort, host);
  await once(listener, 'listening');
  const address = listener.address();
  if (address === null || typeof address === 'string') throw new Error('No port was bound');
  const { port } = address;
  const endpoint = `${host.includes(':') ? `[${host}]` : host}:${port}`;
  account.servedAt(endpoint);

  const end = async () => {
    stop();
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
