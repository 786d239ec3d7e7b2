// What can go wrong with a key's secret: a stable code for machines, a sentence with the remedy for people.

import { Failure } from '../../lambda/shared/failure.ts';

/**
 * - `no-such-secret`: it is not there, scheduled for deletion, or its id is none.
 * - `no-region`: nothing says in which Region of AWS to look.
 * - `no-credentials`: this process has no AWS credentials, or AWS does not accept them.
 * - `no-value`: nobody has imported a key yet.
 * - `not-a-key`: there is a value, and no Momento API key in it.
 * - `access-denied`: AWS knows this process, and does not let it read the secret.
 * - `secrets-manager-away`: it did not answer in time, throttled, or failed.
 * - `client-not-made`: `makeClient` threw, or took longer than 35 s.
 * - `kept-too-long`: none of the above has ended for `servesAtMostMs`; the cause says which.
 * - `closed`: `close()` has been called.
 */
export type CredentialsFailureCode =
  | 'no-such-secret'
  | 'no-region'
  | 'no-credentials'
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
