// Whether Momento has refused a key that somebody has replaced meanwhile: whoever imports a new key may revoke the old
// one at once, and then nothing is wrong.

import { retry } from '../shared/retry.ts';
import { isTransient } from '../shared/secret-versions.ts';
import { AWSCURRENT } from '../shared/version-id.ts';
import { type Gathered, type GatherTools, isSamePair, learnAndParse } from './gather.ts';

/** Never throws: what cannot be looked at counts as refused, which is louder. */
export async function isReplaced({ arn, current }: Gathered, tools: GatherTools): Promise<boolean> {
  const { versions, clock, redactor, workUntilMs } = tools;
  const patient = { clock, deadlineAtMs: workUntilMs, maxTries: 3, isRetryable: isTransient };
  try {
    const { labels } = await retry(() => versions.describe(arn), patient);
    const versionId = labels.get(AWSCURRENT);
    if (current === undefined || versionId === undefined) return false;
    const { text } = await retry(() => versions.read(arn, versionId), patient);
    return !isSamePair(learnAndParse(text, redactor), current.content);
  } catch {
    return false;
  }
}
