// How Momento says no: a gRPC status by its name, and a sentence.

import type { status } from '@grpc/grpc-js';

/** A gRPC status by its name, such as `UNAUTHENTICATED`. */
export type StatusName = keyof typeof status;
export type RefusalStatus = Exclude<StatusName, 'OK'>;

/** Thrown by every operation of an account that Momento would refuse. The message never holds a credential. */
export class MomentoRefusal extends Error {
  override readonly name = 'MomentoRefusal';
  readonly status: RefusalStatus;

  constructor(status: RefusalStatus, message: string) {
    super(message);
    this.status = status;
  }
}
