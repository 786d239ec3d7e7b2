// What `doctor` examines.

import type { Config } from '../lib/config.ts';
import type { WholeStack } from './deployment.ts';
import type { Terminal } from './terminal.ts';

export interface Patient extends WholeStack {
  /** Undefined where cdk.json is wrong, which was said. */
  readonly config: Config | undefined;
  readonly terminal: Terminal;
  /** AWS's time, epoch milliseconds. */
  readonly now: () => number;
}
