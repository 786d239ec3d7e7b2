// The methods over gRPC, as the SDK for Node.js speaks it.

import { type Server, type ServerWritableStream, status } from '@grpc/grpc-js';
import type { Method } from './calls.ts';

/**
 * Every method as one that streams its answer: on the wire a unary answer is a stream of one message.
 * A method that is not added is UNIMPLEMENTED.
 */
export function addMethods(server: Server, methods: readonly Method[]): void {
  for (const { path, start } of methods) {
    server.register(
      path,
      (call: ServerWritableStream<Buffer, Buffer>) => {
        const header = (name: string) => String(call.metadata.get(name)[0] ?? '');
        const leave = start(
          call.request,
          { callerKey: header('authorization'), cacheName: header('cache') },
          {
            message: (bytes) => call.write(bytes),
            end: (name, details) => {
              if (name === 'OK') call.end();
              else call.emit('error', { code: status[name], details });
            },
          },
        );
        call.once('cancelled', leave);
      },
      asItIs,
      asItIs,
      'serverStream',
    );
  }
}

const asItIs = (bytes: Buffer): Buffer => bytes;
