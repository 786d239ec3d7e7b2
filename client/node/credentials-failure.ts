// What can go wrong with a key's secret: a stable code for machines, a sentence with the remedy for people.

import { Failure } from '../../lambda/shared/failure.ts';

/**
 * - `no-such-secret`: it is not there, or scheduled for deletion.
 * - `no-value`: nobody has imported a key yet.
 * - `not-a-key`: there is a value, and no Momento API key in it.
 * - `access-denied`: AWS does not let this process read it.
 * - `secrets-manager-away`: it did not answer in time, throttled, or failed.
 * - `client-not-made`: `makeClient` threw, or took longer than 35 s.
 * - `kept-too-long`: none of the above has ended for `servesAtMostMs`; the cause says which.
 * - `closed`: `close()` has been called.
 */
export type CredentialsFailureCode =
  | 'no-such-secret'
  | 'no-value'
  | 'not-a-key'
  | 'access-denied'
  | 'secrets-manager-away'
  | 'client-not-made'
  | 'kept-too-long'
  | 'closed';

/** No message and no cause of it holds a secret. */
export class CredentialsFailure extends Failure<CredentialsFailureCode> {
  override readonly name = 'CredentialsFailure';
}
