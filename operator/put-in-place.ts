// Puts a value in the place of the one that was compared, or not at all: the label AWSCURRENT moves by
// compare-and-swap, as a rotation's promotion moves it.

import { randomUUID } from 'node:crypto';
import type { Clock } from '../lambda/shared/clock.ts';
import { retry } from '../lambda/shared/retry.ts';
import {
  isTransient,
  SecretFailure,
  type SecretVersions,
} from '../lambda/shared/secret-versions.ts';
import { AWSCURRENT, MOMENTO_IMPORT } from '../lambda/shared/version-id.ts';

/** Four tries of each call. */
const PATIENCE_MS = 15_000;

/**
 * False when somebody else was faster: then applications read what he has put there. Throws `SecretFailure`.
 * @param from the version that was compared
 */
export async function putInPlace(
  secretArn: string,
  from: string,
  text: string,
  versions: SecretVersions,
  clock: Clock,
): Promise<boolean> {
  const patiently = <T>(call: () => Promise<T>): Promise<T> =>
    retry(call, {
      clock,
      deadlineAtMs: clock.now() + PATIENCE_MS,
      maxTries: 4,
      isRetryable: isTransient,
    });
  // Nothing is written by somebody who may not move the label afterwards. There is none to be taken off here, so
  // whoever may is refused for another reason.
  await patiently(() => versions.moveLabel(secretArn, MOMENTO_IMPORT, { from })).catch(
    (error: unknown) => {
      if (isDenied(error)) throw error;
    },
  );
  const versionId = randomUUID();
  // Not under AWSCURRENT: that would take the label from whatever has come in meanwhile.
  await patiently(() => versions.create(secretArn, versionId, text, MOMENTO_IMPORT));
  try {
    await patiently(() => versions.moveLabel(secretArn, AWSCURRENT, { from, to: versionId }));
    return true;
  } catch (error) {
    if (!isMoved(error) && !isTransient(error)) throw error;
    // By this very call, where its first answer was lost.
    const { labels } = await patiently(() => versions.describe(secretArn));
    if (labels.get(AWSCURRENT) === versionId) return true;
    if (isMoved(error)) return false;
    throw error;
  } finally {
    // The next run takes it off otherwise.
    await patiently(() => versions.moveLabel(secretArn, MOMENTO_IMPORT, { from: versionId })).catch(
      () => {},
    );
  }
}

const isDenied = (error: unknown): boolean =>
  error instanceof SecretFailure && error.code === 'access-denied';

const isMoved = (error: unknown): boolean =>
  error instanceof SecretFailure && error.code === 'label-moved';
