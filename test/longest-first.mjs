// The order of the suites. On a clean checkout Jest knows no times and goes by the sizes of the files: what takes
// longest might then begin last, with nothing left to run beside it.

import Sequencer from '@jest/test-sequencer';

/** What takes ten seconds and more, about in that order; what fills both processors by itself stands apart. */
const LONGEST = [
  'faults/repeat.long',
  'operator/verbs',
  'local/main',
  'local/stack',
  'local/alarms/watched.long',
  'local/console/page',
  'bench/storm.long',
  'faults/bugs.long',
  'local/alarms/rotation.long',
  'operator/terminal',
  'local/alarms/tokens.long',
  'lambda/rotate-key/lives.long',
  'client/node/soak.long',
  'faults/explored.long',
  'lib/bundle',
  'lib/momento-auth-stack',
  'bench/bench.long',
  'operator/permissions',
  'docs/deploy',
  'client/node/stack',
  'local/console/server',
  'operator/import',
  'client/package',
  'lambda/rotate-key/fleet.long',
  'bench/fleet.long',
  'lambda/rotate-key/time.long',
  'lib/token-endpoint',
  'client/browser/token-endpoint',
].map((name) => `/test/${name}.test.ts`);

export default class LongestFirst extends Sequencer {
  /** @param {import('@jest/test-result').Test[]} tests */
  sort(tests) {
    const place = (/** @type {{ path: string }} */ { path }) => {
      const index = LONGEST.findIndex((end) => path.endsWith(end));
      return index === -1 ? LONGEST.length : index;
    };
    return [...super.sort(tests)].sort((one, other) => place(one) - place(other));
  }
}
