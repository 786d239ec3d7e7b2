// `GET /_local` on the port of local AWS: all that a command on this machine needs to work with the stack that runs
// here. Whoever can ask could start a stack of his own: the credentials are good for nothing else.

import type { AccessKey } from './aws/principals.ts';

export interface LocalIntroduction {
  readonly stackName: string;
  readonly region: string;
  readonly accountId: string;
  /** Of a person who may do everything, here. */
  readonly credentials: AccessKey;
  /** host:port, without encryption. */
  readonly momentoEndpoint: string;
  /** Null where the configuration leaves it out. */
  readonly tokenEndpointUrl: string | null;
  /** How many times faster than the template says the schedules run. */
  readonly timeScale: number;
}

export const introduction = (
  facts: LocalIntroduction,
): Record<string, () => LocalIntroduction> => ({
  '/_local': () => facts,
});
