// Why Momento did not do its part of a rotation. Apart from what speaks to Momento: whoever decides by the failure
// need not load gRPC.

import { Failure } from './failure.ts';

/**
 * `momento-unreachable`: no answer, or none that decides anything: try again.
 * `momento-rate-limited`: above the account's auth operations per second: try again later.
 * `momento-refused`: Momento will not renew this pair; repeating it changes nothing.
 * `momento-bad-answer`: Momento answered with something that is not a key.
 */
export type MomentoFailureCode =
  | 'momento-unreachable'
  | 'momento-rate-limited'
  | 'momento-refused'
  | 'momento-bad-answer';

export class MomentoFailure extends Failure<MomentoFailureCode> {}
