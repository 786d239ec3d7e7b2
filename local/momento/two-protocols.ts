// gRPC and HTTP/1.1 on one port, told apart by a connection's first bytes.

import type { Socket } from 'node:net';

/** How an HTTP/2 connection begins; no HTTP/1.1 method begins so. */
const PREFACE = Buffer.from('PRI');

export interface Protocols {
  http1(socket: Socket): void;
  http2(socket: Socket): void;
}

/** Hands the connection on, unread, as soon as its first bytes are here. */
export function tellApart(socket: Socket, { http1, http2 }: Protocols): void {
  let start = Buffer.alloc(0);
  const look = () => {
    const piece: unknown = socket.read();
    // Nothing yet, or the other side has left without a word.
    if (!Buffer.isBuffer(piece)) return;
    start = Buffer.concat([start, piece]);
    const sameSoFar = PREFACE.subarray(0, start.length).equals(start.subarray(0, PREFACE.length));
    // Never put back what does not decide yet: that would make the socket readable again at once, for ever.
    if (sameSoFar && start.length < PREFACE.length) return;
    socket.off('readable', look);
    socket.off('error', ignore);
    socket.unshift(start);
    if (sameSoFar) http2(socket);
    else http1(socket);
  };
  socket.on('readable', look);
  socket.on('error', ignore);
}

/** A caller who is gone before he said what he speaks. */
function ignore(): void {}
