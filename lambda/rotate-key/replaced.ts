// Whether Momento has refused a key that somebody has replaced meanwhile: whoever imports a new key may revoke the old
// one at once, and then nothing is wrong.

import { type Gathered, type GatherTools, gather, isSamePair } from './gather.ts';

/** Never throws: what cannot be looked at counts as refused, which is louder. */
export async function isReplaced({ secretId, current }: Gathered, tools: GatherTools) {
  const now = await gather(secretId, tools).catch(() => undefined);
  if (now?.current === undefined || current === undefined) return false;
  return !isSamePair(now.current.content, current.content);
}
