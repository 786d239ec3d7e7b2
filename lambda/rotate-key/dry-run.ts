// Proves a rotation without making one: that the secret can be read and written, and that Momento takes the key.
// What it writes is refused by Secrets Manager whatever the secret's state: a refusal that only somebody who may
// write gets to see. Nothing changes, also when another run rotates at the same time.

import { Failure } from '../shared/failure.ts';
import { SecretFailure } from '../shared/secret-versions.ts';
import { decide } from './decide.ts';
import type { Gathered } from './gather.ts';
import { OUTCOME_OF } from './outcome.ts';
import { isReplaced } from './replaced.ts';
import { type Acted, LOOK_AGAIN } from './rotate.ts';
import type { Run } from './tools.ts';

const LABEL = 'MOMENTO_DRY_RUN';
const TEST_TIMEOUT_MS = 5_000;

/** Throws `SecretFailure`, `MomentoFailure` and `Failure<'key-refused'>`, as the rotation would. */
export async function dryRun(gathered: Gathered, run: Run): Promise<Acted> {
  const decision = decide(gathered, {
    ...run.settings,
    nowMs: run.awsTime.now(),
    force: true,
    isUnstored: false,
  });
  const { arn, current } = gathered;
  if (decision.action === 'none' && OUTCOME_OF[decision.reason] !== 'lost-race') return decision;
  if (current === undefined) throw new Error('A key without a value has been decided on.');

  const { versionId } = current;
  // A version's value never changes: another one under its id is refused.
  await refused('version-exists', () => run.versions.create(arn, versionId, '{}', LABEL));
  // Nobody carries this label, so it cannot be taken off.
  await refused('label-moved', () => run.versions.moveLabel(arn, LABEL, { from: versionId }));
  await run.versions.list(arn);
  if (current.content.kind === 'pair') {
    const isAlive = await run.momento.authenticates(current.content.pair, TEST_TIMEOUT_MS);
    if (!isAlive) {
      if (await isReplaced(gathered, run)) return LOOK_AGAIN;
      throw new Failure(
        'key-refused',
        "Momento does not accept the key. Make a new key in Momento's console and import it now.",
      );
    }
  }
  return {
    reason: 'dry-run',
    message: `Nothing was changed. The secret can be read and written, and Momento accepts the key; the refresh token cannot be tried without spending it. ${NEXT[decision.action]}`,
  };
}

const NEXT = {
  none: 'Another run is at work on it.',
  rotate: 'A rotation would renew it now.',
  resume: 'A rotation would first promote the new pair that an earlier run has stored.',
  'carry-over':
    'A rotation would first put the new pair of an earlier run among the edited fields.',
  unlabel: 'A rotation would first take off what an earlier run has left.',
} as const;

async function refused(code: SecretFailure['code'], write: () => Promise<void>): Promise<void> {
  try {
    await write();
  } catch (error) {
    if (error instanceof SecretFailure && error.code === code) return;
    throw error;
  }
  throw new Failure('internal-error', 'Secrets Manager took what it should have refused.');
}
