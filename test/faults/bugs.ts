// Bugs of each kind that a rotation can have, to be sown into the code: the explorer must find every one.

import type { InvariantNumber } from './invariants.ts';

export interface Bug {
  readonly name: string;
  /** From the top of the repository. */
  readonly file: string;
  /** Stands there exactly once. */
  readonly find: string;
  readonly put: string;
  /** Which of the invariants tells of it: any of these, and no other first. */
  readonly violates: readonly InvariantNumber[];
}

const ROTATE = 'lambda/rotate-key/rotate.ts';
const CLAIM = 'lambda/rotate-key/claim.ts';
const DECIDE = 'lambda/rotate-key/decide.ts';
const REFRESH = 'lambda/rotate-key/refresh.ts';
const OUTCOME = 'lambda/rotate-key/outcome.ts';

export const BUGS: readonly Bug[] = [
  {
    name: 'the claim is dropped',
    file: CLAIM,
    find: '    await createOnce(descent.arn, versionId, attempt, run);\n',
    put: '    return { won: true, attempt, versionId, lapsesAtMs: 0 };\n',
    violates: [3, 4],
  },
  {
    name: 'the claim is not read back',
    file: CLAIM,
    find: 'if (holder?.claimant === run.claimant) {',
    put: 'if (holder !== undefined) {',
    violates: [3],
  },
  {
    name: 'the claim ends before its run',
    file: CLAIM,
    find: 'const runEndsAtMs = nowMs + (run.endsAtMs - clock.now()) + CLOCK_SLACK_MS;',
    put: 'const runEndsAtMs = nowMs;',
    violates: [2, 3],
  },
  {
    name: "a claim is judged by the host's own clock",
    file: 'lambda/rotate-key/renew-key.ts',
    find: '    nowMs: run.awsTime.now(),\n    force,',
    put: '    nowMs: run.clock.now(),\n    force,',
    violates: [2, 3],
  },
  {
    name: 'promoted before the test',
    file: ROTATE,
    find: `  const promotion = (await authenticates(pair, run))
    ? await promote(work, run)
    : await refusedByMomento(work, run);
`,
    put: `  const promotion = await promote(work, run);
  if (!(await authenticates(pair, run))) {
    const refused = await refusedByMomento(work, run);
    if (typeof refused === 'object') return refused;
  }
`,
    violates: [5, 6],
  },
  {
    name: 'not tested at all',
    file: ROTATE,
    find: `  const promotion = (await authenticates(pair, run))
    ? await promote(work, run)
    : await refusedByMomento(work, run);
`,
    put: '  const promotion = await promote(work, run);\n',
    violates: [5],
  },
  {
    name: 'unlabelled before it is announced',
    file: ROTATE,
    find: '  const told = await tell([rotatedEvent(arn, promoted)], run);\n',
    put: `  await tidy(arn, pendingLabels(pending), run);
  const told = await tell([rotatedEvent(arn, promoted)], run);
`,
    violates: [6],
  },
  {
    name: 'unlabelled before it is promoted',
    file: ROTATE,
    find: '    ? await promote(work, run)\n',
    put: '    ? (await unlabel(arn, pendingLabels(pending), run), await promote(work, run))\n',
    violates: [2],
  },
  {
    name: 'an error is swallowed',
    file: 'lambda/rotate-key/run.ts',
    find: '  if (keys.some(hasFailed)) throw new RotationFailed(keys);\n',
    put: '',
    violates: [6],
  },
  {
    name: 'a failure is not announced',
    file: 'lambda/rotate-key/renew-key.ts',
    find: "  if (outcome === 'failed') {\n",
    put: "  if (outcome === 'failed' && nextAttemptMs === undefined) {\n",
    violates: [6],
  },
  {
    name: 'a refused event is taken for told',
    file: 'lambda/rotate-key/announce.ts',
    find: '    return batch.filter((_, index) => Entries[index]?.ErrorCode !== undefined);\n',
    put: '    return batch.filter((_, index) => Entries[index] === undefined);\n',
    violates: [6],
  },
  {
    name: 'a label that stays turns a rotation into a failure',
    file: ROTATE,
    find: '  await tidy(arn, [...(told ? pendingLabels(pending) : []), ...claimLabels], run);\n',
    put: '  await unlabel(arn, [...(told ? pendingLabels(pending) : []), ...claimLabels], run);\n',
    violates: [6],
  },
  {
    name: 'the store was down, and Momento is asked again',
    file: ROTATE,
    find: 'const unstored = unstoredFor({ arn, current }, run);',
    put: 'const unstored = unstoredFor({ arn, current: undefined }, run);',
    violates: [2, 4],
  },
  {
    name: 'a pair that the store did not take is forgotten',
    file: ROTATE,
    find: '    run.unstored.set(arn, { spentRefreshToken, refreshed });\n',
    put: '',
    violates: [2],
  },
  {
    name: 'a late answer is forgotten',
    file: REFRESH,
    find: '    for (const call of unanswered) call.then(keepLate, ignore);\n',
    put: '    for (const call of unanswered) call.then(ignore, ignore);\n',
    violates: [2],
  },
  {
    name: 'a spent refresh token is taken for any refusal',
    file: REFRESH,
    find: 'unanswered.length > 0 ? noAnswer() : whyRefused(pair, mayBeOurDoing, failure, run);',
    put: 'failure;',
    violates: [2],
  },
  {
    name: 'staged as AWSCURRENT',
    file: ROTATE,
    find: 'await retry(() => run.versions.create(arn, versionId, text, AWSPENDING), {',
    put: 'await retry(() => run.versions.create(arn, versionId, text, AWSCURRENT), {',
    violates: [2, 6],
  },
  {
    name: 'stored as something that does not parse',
    file: ROTATE,
    find: '  await stage(arn, pendingVersionId, text, run);\n',
    put: '  await stage(arn, pendingVersionId, text.slice(1), run);\n',
    violates: [1],
  },
  {
    name: 'promoted without RemoveFromVersionId',
    file: ROTATE,
    find: 'run.versions.moveLabel(arn, AWSCURRENT, { from: currentVersionId, to: versionId })',
    put: 'run.versions.moveLabel(arn, AWSCURRENT, { to: versionId })',
    violates: [2, 4, 6],
  },
  {
    name: 'promoted over whatever is current',
    file: ROTATE,
    find: '() => run.versions.moveLabel(arn, AWSCURRENT, { from: currentVersionId, to: versionId })',
    put: `async () => {
        const { labels } = await run.versions.describe(arn);
        const from = labels.get(AWSCURRENT);
        if (from !== versionId) await run.versions.moveLabel(arn, AWSCURRENT, { from, to: versionId });
      }`,
    violates: [2],
  },
  {
    name: 'a pending pair of another key is resumed',
    file: DECIDE,
    find: "(!pending.descends || pending.content?.kind !== 'pair')",
    put: "(pending.content?.kind !== 'pair')",
    violates: [2],
  },
  {
    name: 'a pending pair does not outlive an edit',
    file: DECIDE,
    find: '  carryOverPending,\n  pendingSuperseded,\n',
    put: '  pendingSuperseded,\n',
    violates: [2],
  },
  {
    name: 'an interrupted rotation is not finished',
    file: DECIDE,
    find: '  interrupted,\n  forced,\n',
    put: '  forced,\n',
    violates: [2, 4],
  },
  {
    name: 'a pair is discarded after one refusal',
    file: ROTATE,
    find: 'const isConfirmed = refusedForMs >= REFUSAL_CONFIRMED_AFTER_MS;',
    put: 'const isConfirmed = refusedForMs >= 0;',
    violates: [2],
  },
  {
    name: 'no version budget',
    file: ROTATE,
    find: 'versions.length + VERSIONS_PER_RENEWAL > VERSIONS_PER_DAY',
    put: 'versions.length + VERSIONS_PER_RENEWAL > 1_000',
    violates: [7],
  },
  {
    name: 'half of the new refresh token is logged',
    file: ROTATE,
    find: '  run.unstored.delete(arn);\n',
    put: "  run.unstored.delete(arn);\n  run.log.info('Stored.', { refreshToken: refreshed.refreshToken.slice(0, 21) });\n",
    violates: [7],
  },
  {
    name: 'an unreachable Momento is no failure',
    file: OUTCOME,
    find: "'momento-unreachable': 'failed'",
    put: "'momento-unreachable': 'deferred'",
    violates: [6],
  },
  {
    name: 'a pair that the store did not take is no failure',
    file: OUTCOME,
    find: "'stage-failed': 'failed'",
    put: "'stage-failed': 'deferred'",
    violates: [6],
  },
  {
    name: 'a secret that cannot be read is no failure',
    file: OUTCOME,
    find: "'access-denied': 'failed'",
    put: "'access-denied': 'deferred'",
    violates: [6],
  },
  {
    name: 'the old end is written with the new pair',
    file: ROTATE,
    find: 'const text = renderSecretValue(refreshed, content.fields);',
    put: 'const text = renderSecretValue({ ...refreshed, validUntil: content.pair.validUntil ?? 0 }, content.fields);',
    violates: [4],
  },
  {
    name: 'the time left is made up',
    file: REFRESH,
    find: 'return `for ${duration(validUntil - awsTime.now() / 1000)},',
    put: 'return `for ${duration(5 + 0 * awsTime.now())},',
    violates: [2],
  },
  {
    name: 'an event is sent once, taken or not',
    file: 'lambda/rotate-key/announce.ts',
    find: 'maxTries: 4',
    put: 'maxTries: 1',
    violates: [6],
  },
  {
    name: 'nothing is redacted',
    file: 'lambda/shared/redaction.ts',
    find: 'return this.#withoutKnown(text).replace(LOOKS_LIKE_A_CREDENTIAL, REDACTED);',
    put: 'return text;',
    violates: [7],
  },
  {
    name: 'a part of the pair is in a message',
    file: ROTATE,
    find: 'await stage(arn, pendingVersionId, text, run);',
    put: 'await stage(arn, pendingVersionId, text, run).catch((error) => { error.message += refreshed.refreshToken.slice(7, 37); throw error; });',
    violates: [7],
  },
  {
    name: 'the back-off has no end',
    file: 'lambda/rotate-key/claim-value.ts',
    find: '2 ** attempt * 60_000',
    put: '2 ** attempt * 60_000 + 86_400_000',
    violates: [2, 4, 6],
  },
  {
    name: "a pair from memory keeps the auth operation's place",
    file: ROTATE,
    find: "  if (unstored !== undefined) turn.end('unused');\n",
    put: '',
    violates: [4, 6],
  },
  {
    name: 'a pair from memory is stored over any key',
    file: ROTATE,
    find: 'kept?.spentRefreshToken === current.content.pair.refreshToken;',
    put: 'kept !== undefined;',
    violates: [2],
  },
  {
    name: 'nobody looks whether the key is still the same',
    file: ROTATE,
    find: 'return labels.get(AWSCURRENT) === currentVersionId && nothingPending;',
    put: 'return nothingPending || true;',
    violates: [3],
  },
  {
    name: 'a pair is discarded though the present key is refused too',
    file: ROTATE,
    find: 'isConfirmed && current !== undefined && (await authenticates(current, run));',
    put: 'isConfirmed && current !== undefined;',
    violates: [2],
  },
  {
    name: 'the trace of an interrupted attempt is given back',
    file: ROTATE,
    find: "claimLabelsOf(claimed).slice(decision.reason === 'interrupted' ? 1 : 0)",
    put: 'claimLabelsOf(claimed)',
    violates: [2],
  },
  {
    name: "a person's fields are overwritten",
    file: DECIDE,
    find: 'endpoint }, current.fields);',
    put: 'endpoint }, pending.fields);',
    violates: [2],
  },
  {
    name: 'a pair that could not be tested is taken for good',
    file: ROTATE,
    find: 'const promotion = (await authenticates(pair, run))',
    put: 'const promotion = (await authenticates(pair, run).catch(() => true))',
    violates: [5],
  },
  {
    name: 'a run that rotated nothing says that it did',
    file: OUTCOME,
    find: "'not-due': 'not-due'",
    put: "'not-due': 'rotated'",
    violates: [6],
  },
  {
    name: 'the budget holds back a key near its end',
    file: ROTATE,
    find: 'const isUrgent = decision.isPressing || isUnstored;',
    put: 'const isUrgent = isUnstored;',
    violates: [6],
  },
  {
    name: 'a late run speaks of a pair that is long replaced',
    file: ROTATE,
    find: '  if (!(await isStillPending(work, run))) return LOOK_AGAIN;\n',
    put: '',
    violates: [3],
  },
  {
    name: 'a key that was replaced is called refused',
    file: ROTATE,
    find: '      if (await isReplaced(gathered, run)) {\n',
    put: '      if (gathered.arn === undefined) {\n',
    violates: [3],
  },
  {
    name: 'Momento is asked with no time left',
    file: ROTATE,
    find: 'const LEAST_TIME_AT_MOMENTO_MS = 20_000;',
    put: 'const LEAST_TIME_AT_MOMENTO_MS = 0;',
    violates: [2],
  },
  {
    name: 'storing the pair is given up at once',
    file: ROTATE,
    find: `      isRetryable: () => true,
    });
  } catch`,
    put: `      isRetryable: isTransient,
    });
  } catch`,
    violates: [2],
  },
  {
    name: 'nobody looks whether a pair waits already',
    file: ROTATE,
    find: 'return labels.get(AWSCURRENT) === currentVersionId && nothingPending;',
    put: 'return labels.get(AWSCURRENT) === currentVersionId && nothingPending !== undefined;',
    violates: [2, 3],
  },
  {
    name: 'slowness of the store is taken for the end of the time',
    file: 'lambda/rotate-key/gather.ts',
    find: 'if (!wasSlow || tools.clock.now() >= tools.workUntilMs) throw error;',
    put: 'if (wasSlow) throw error;',
    violates: [6],
  },
  {
    name: 'a run whose labels never settle says that all is well',
    file: 'lambda/rotate-key/renew-key.ts',
    find: "if (acted?.lookAgain) throw new Failure('secrets-manager-unavailable', NEVER_SETTLED);",
    put: '',
    violates: [6],
  },
  {
    name: 'the first look after a lost answer is believed',
    file: ROTATE,
    find: 'if (current === versionId && looks < MOST_LOOKS)',
    put: 'if (false)',
    violates: [6],
  },
  {
    name: 'a killed run is taken for a failed one',
    file: DECIDE,
    find: '  hasFailed(claim) &&\n',
    put: '',
    violates: [2, 6],
  },
  {
    name: 'a late claim takes the label from a newer one',
    file: CLAIM,
    find: 'versions.create(arn, versionId, text, MOMENTO_CLAIMING)',
    put: "versions.create(arn, versionId, text, 'MOMENTO_CLAIM')",
    violates: [2, 3],
  },
  {
    name: 'the budget holds back a pair in memory',
    file: ROTATE,
    find: 'const isUrgent = decision.isPressing || isUnstored;',
    put: 'const isUrgent = decision.isPressing;',
    violates: [2, 5, 6],
  },
  {
    name: 'a promotion before an edit is told to nobody',
    file: DECIDE,
    find: '  pending?.wasPromoted\n',
    put: '  pending?.wasPromoted && pending.content === undefined\n',
    violates: [6],
  },
  {
    name: 'the back-off lets a key end',
    file: DECIDE,
    find: 'if (force || isUnstored || (validUntil && isNearEnd({ validUntil }, nowMs, circumstances))) {',
    put: 'if (force || isUnstored) {',
    violates: [6],
  },
  {
    name: 'a late run takes the trace of an attempt away',
    file: ROTATE,
    find: '  if (!(await isStillPending(work, run))) return LOOK_AGAIN;\n',
    put: "  if (!(await isStillPending(work, run))) return 'current-moved';\n",
    violates: [2, 6],
  },
];
