import { describe, expect, test } from '@jest/globals';
import { decide } from '../../../lambda/rotate-key/decide.ts';
import type { Gathered } from '../../../lambda/rotate-key/gather.ts';
import { parseSecretValue } from '../../../lambda/shared/secret-value.ts';
import { jwt, v1Key } from '../momento-key.ts';
import {
  CREATED_AT_MS,
  claimed,
  current,
  FAILED,
  gathered,
  NOW_MS,
  pending,
  VALID_UNTIL,
} from './gathered.ts';

const decideAt = (
  nowMs: number,
  overrides: Partial<Gathered> = {},
  force = false,
  isUnstored = false,
) =>
  decide(gathered(overrides), {
    nowMs,
    force,
    isUnstored,
    scheduleIntervalSeconds: 3_600,
    refreshAtFraction: 0.3333,
  });
const decideNow = (overrides: Partial<Gathered> = {}, force = false) =>
  decideAt(NOW_MS, overrides, force);

// 30 days × 0.3333 = 863,913.6 s before the end.
const DUE_AT_MS = VALID_UNTIL * 1000 - 863_913_600;

describe('both sides of every boundary', () => {
  test.each([
    ['a millisecond before it is due', DUE_AT_MS - 1, 'not-due'],
    ['when it is due', DUE_AT_MS, 'due'],
    ['a millisecond before it ends', VALID_UNTIL * 1000 - 1, 'due'],
    ['when it ends', VALID_UNTIL * 1000, 'key-expired'],
  ])('a key %s', (_, nowMs, reason) => {
    expect(decideAt(nowMs).reason).toBe(reason);
  });

  test.each([
    ['while its run may live', -1, 'claimed-by-another-run'],
    ['when its run is over', 0, 'backing-off'],
  ])('a claim whose run has reported its failure, %s', (_, sinceMs, reason) => {
    const claim = claimed({ marks: FAILED });
    const endMs = claim.claim?.runEndsAtMs ?? 0;
    expect(decideAt(endMs + sinceMs, { claim }).reason).toBe(reason);
  });

  test.each([
    ['while its run may live', -1, 'claimed-by-another-run'],
    ['when its run is over: it was killed, and may have spent the token', 0, 'interrupted'],
  ])('a claim whose run has reported nothing, %s', (_, sinceMs, reason) => {
    const { claim } = claimed();
    const endMs = claim?.runEndsAtMs ?? 0;
    expect(decideAt(endMs + sinceMs, { claim: claimed() }).reason).toBe(reason);
  });

  test.each([
    ['a millisecond before it lapses', -1, 'backing-off'],
    ['when it lapses', 0, 'interrupted'],
  ])('a failed claim %s', (_, sinceMs, reason) => {
    const claim = claimed({ marks: FAILED });
    const lapsesMs = claim.claim?.lapsesAtMs ?? 0;
    expect(decideAt(lapsesMs + sinceMs, { claim }).reason).toBe(reason);
  });
});

test('a pair that this process could not store is stored at once, due or not', () => {
  for (const nowMs of [NOW_MS, DUE_AT_MS, VALID_UNTIL * 1000 + 1]) {
    expect(decideAt(nowMs, {}, false, true)).toMatchObject({ reason: 'interrupted', attempt: 0 });
  }
});

describe('only the schedule, and only near the end, is not held back by the budget', () => {
  test.each([
    ['three intervals before the end', 3 * 3_600, false, true],
    ['a second earlier', 3 * 3_600 + 1, false, false],
    ['three intervals before the end, by an operator', 3 * 3_600, true, false],
  ])('%s', (_, leftSeconds, force, isPressing) => {
    const decision = decideAt((VALID_UNTIL - leftSeconds) * 1000, {}, force);
    expect(decision).toMatchObject({ action: 'rotate', isPressing });
  });
});

describe('a pending pair that was made from AWSCURRENT before a person edited it', () => {
  const edited = pending({ descends: false, descendsFromEdited: true });

  test('is put among the fields as they are now', () => {
    const decision = decideNow({ current: current({ team: 'blue' }), pending: edited });
    expect(decision).toMatchObject({ action: 'carry-over', reason: 'pending-carried-over' });
    const text = decision.action === 'carry-over' ? JSON.parse(decision.text) : undefined;
    expect(text).toMatchObject({ team: 'blue', refreshToken: 'refresh-2' });
  });

  test('is superseded when it is no pair', () => {
    const decision = decideNow({ pending: { ...edited, content: parseSecretValue('nothing') } });
    expect(decision).toMatchObject({ action: 'unlabel', reason: 'superseded' });
  });
});

describe('the order of the rules', () => {
  test('a pending pair is resumed before anything is asked about due, expired, or claims', () => {
    for (const nowMs of [NOW_MS, DUE_AT_MS, VALID_UNTIL * 1000 + 1]) {
      expect(decideAt(nowMs, { pending: pending(), claim: claimed() })).toMatchObject({
        action: 'resume',
      });
    }
  });

  test('a pending pair that does not continue AWSCURRENT is never promoted', () => {
    expect(decideAt(DUE_AT_MS, { pending: pending({ descends: false }) })).toMatchObject({
      action: 'unlabel',
      reason: 'superseded',
      labels: [{ label: 'AWSPENDING', versionId: 'pending-version' }],
    });
  });

  test('a mark of refusal leaves together with the pending label', () => {
    const refused = { label: 'MOMENTO_REFUSED_1767312000', sinceMs: NOW_MS };
    expect(decideNow({ pending: pending({ descends: false, refused }) })).toMatchObject({
      labels: [{ label: 'AWSPENDING' }, { label: 'MOMENTO_REFUSED_1767312000' }],
    });
  });

  test('an interrupted run is finished though the key is not due: its token may be spent', () => {
    const lapsed = { claimant: 'dead', runEndsAtMs: NOW_MS - 2, lapsesAtMs: NOW_MS - 1 };
    expect(decideNow({ claim: claimed({ attempt: 3, claim: lapsed }) })).toMatchObject({
      action: 'rotate',
      reason: 'interrupted',
      attempt: 4,
    });
  });

  test('force renews a key that is not due, and cuts a back-off short, but never a live claim', () => {
    expect(decideNow({}, true)).toMatchObject({ action: 'rotate', reason: 'forced', attempt: 0 });
    const backOff = { claimant: 'x', runEndsAtMs: NOW_MS, lapsesAtMs: NOW_MS + 1 };
    expect(decideNow({ claim: claimed({ claim: backOff, marks: FAILED }) }, true)).toMatchObject({
      reason: 'interrupted',
      attempt: 1,
    });
    expect(decideNow({ claim: claimed() }, true)).toMatchObject({
      action: 'none',
      reason: 'claimed-by-another-run',
    });
  });

  test('force cannot renew what Momento would not', () => {
    expect(decideNow({ current: current({ validUntil: 0 }) }, true).reason).toBe('never-expires');
    expect(decideAt(VALID_UNTIL * 1000, {}, true).reason).toBe('key-expired');
  });
});

describe('each state that needs no act', () => {
  const value = (text: string) => ({
    versionId: 'current-version',
    createdAtMs: CREATED_AT_MS,
    isEdited: false,
    content: parseSecretValue(text),
  });
  test.each<[string, Partial<Gathered>, string, RegExp]>([
    [
      'waiting for deletion',
      { deletedAtMs: NOW_MS },
      'secret-scheduled-for-deletion',
      /restore-secret --secret-id arn:/,
    ],
    ['no value', { current: undefined }, 'no-value', /put-secret-value --secret-id arn:/],
    ['no key', { current: value('hunter2') }, 'unparsable-value', /Import the file/],
    ['no refresh token', { current: value(v1Key()) }, 'no-refresh-token', /nothing can renew it/],
    ['a v2 key', { current: value(jwt({ t: 'g' })) }, 'v2-key', /v2 kind/],
    [
      'an expired bare key',
      { current: value(v1Key({ exp: 1 })) },
      'key-expired',
      /1970-01-01 00:00:01 UTC/,
    ],
    [
      'no end known',
      { current: current({ validUntil: undefined }) },
      'expiry-unknown',
      /Add validUntil/,
    ],
    ['no end', { current: current({ validUntil: 0 }) }, 'never-expires', /never expires/],
    ['not due', {}, 'not-due', /Due at 2026-01-21 00:01:26 UTC; the key has 29 days left/],
  ])('%s', (_, overrides, reason, message) => {
    expect(decideNow(overrides)).toMatchObject({
      action: 'none',
      reason,
      message: expect.stringMatching(message),
    });
  });
});

describe('labels that should not be there', () => {
  test.each<[string, Partial<Gathered>, string]>([
    [
      'pending on current',
      {
        pending: pending({
          versionId: 'current-version',
          content: undefined,
          wasPromoted: true,
        }),
      },
      'pending-on-current',
    ],
    [
      'an empty pending version',
      { pending: pending({ descends: false, content: undefined, empty: true }) },
      'pending-empty',
    ],
    [
      'a pending version that is no pair',
      { pending: pending({ content: { kind: 'unparsable', problem: 'x' } }) },
      'superseded',
    ],
    [
      'a mark of refusal on another version',
      { strayMarks: [{ label: 'MOMENTO_REFUSED_1', versionId: 'v' }] },
      'stray-label',
    ],
    ['a claim whose value is no claim', { claim: claimed({ claim: undefined }) }, 'stray-label'],
    [
      'a lapsed claim on an older key',
      {
        claim: claimed({
          attempt: undefined,
          claim: { claimant: 'x', runEndsAtMs: NOW_MS, lapsesAtMs: NOW_MS },
        }),
      },
      'stray-label',
    ],
  ])('%s', (_, overrides, reason) => {
    expect(decideNow(overrides)).toMatchObject({ action: 'unlabel', reason });
  });

  test('a live claim on an older key belongs to a run that is finishing: it stays', () => {
    expect(decideNow({ claim: claimed({ attempt: undefined }) }).action).toBe('none');
  });
});
