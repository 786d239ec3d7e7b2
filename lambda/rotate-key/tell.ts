// Telling must never turn a rotation into a failure: what cannot be announced is logged, and answered with false.

import { describeError } from '../shared/log.ts';
import type { KeyEvent } from './announce.ts';
import type { Run } from './tools.ts';

/** A call that begins at the last moment still ends before the function does. */
const RESERVED_FOR_ANSWER_MS = 5_000;
const LONGEST_MS = 10_000;

export async function tell(events: readonly KeyEvent[], run: Run): Promise<boolean> {
  if (events.length === 0) return true;
  try {
    await run.announcer.announce(
      events,
      Math.min(run.clock.now() + LONGEST_MS, run.endsAtMs - RESERVED_FOR_ANSWER_MS),
    );
    return true;
  } catch (error) {
    run.log.error('Events could not be announced.', {
      events: events.map(({ type, detail }) => ({ type, secretArn: detail.secretArn })),
      ...describeError(error),
    });
    return false;
  }
}

export const rotatedEvent = (
  secretArn: string,
  {
    versionId,
    validUntil,
  }: { readonly versionId: string; readonly validUntil: number | undefined },
): KeyEvent => ({
  type: 'Momento API Key Rotated',
  detail: { secretArn, versionId, ...(validUntil !== undefined && { validUntil }) },
});
