// What the page is told of versions, as they are seen one look after the other.

import { beforeEach, expect, test } from '@jest/globals';
import { Keys, type SeenVersion } from '../../../local/console/keys.ts';

const ARN = 'arn:aws:secretsmanager:us-east-1:123456789012:secret:key-AbCdEf';
const ROTATED = 'ab'.repeat(32);
const IMPORTED = '11111111-1111-4111-8111-111111111111';

let nowMs = 0;
let seen: SeenVersion[] = [];
let keys: Keys;
beforeEach(() => {
  nowMs = 10_000;
  seen = [];
  keys = new Keys({
    keyNames: new Map([[ARN, 'default']]),
    inspect: () => seen,
    now: () => nowMs,
  });
});

const version = (
  versionId: string,
  stages: string[],
  value: unknown,
  createdAtMs = nowMs,
): SeenVersion => ({
  versionId,
  stages,
  secretString: JSON.stringify(value),
  createdAtMs,
});
const pair = (validUntil: unknown) => ({
  apiKey: 'secret-1',
  refreshToken: 'secret-2',
  validUntil,
});
const versions = () => keys.look()[0]?.versions ?? [];

test('imported as current, then replaced by one that waited', () => {
  seen = [version(IMPORTED, ['AWSCURRENT'], pair(38))];
  nowMs = 12_000;
  expect(versions()).toMatchObject([
    {
      id: '11111111',
      origin: 'imported',
      createdAtMs: 10_000,
      currentFromMs: 10_000,
      endsAtMs: 38_000,
    },
  ]);
  const [imported] = seen;
  nowMs = 20_000;
  seen = [...(imported ? [imported] : []), version(ROTATED, ['AWSPENDING'], pair(48))];
  expect(versions()[1]).toMatchObject({ origin: 'rotated', currentFromMs: null });
  nowMs = 21_000;
  seen = [
    version(IMPORTED, ['AWSPREVIOUS'], pair(38), 10_000),
    version(ROTATED, ['AWSCURRENT'], pair(48), 20_000),
  ];
  expect(versions()).toMatchObject([
    { replacedAtMs: 21_000 },
    { createdAtMs: 20_000, currentFromMs: 21_000, replacedAtMs: null },
  ]);
});

test('when it is due is what a run says of the present version, and only where it says so', () => {
  seen = [version(IMPORTED, ['AWSCURRENT'], pair(38))];
  keys.result({ secretId: ARN, outcome: 'not-due', nextAttemptAt: 26 });
  expect(versions()[0]?.dueAtMs).toBe(26_000);
  keys.result({ secretId: ARN, outcome: 'failed', nextAttemptAt: 30 });
  keys.result({ secretId: ARN, outcome: 'not-due', nextAttemptAt: null });
  expect(versions()[0]?.dueAtMs).toBe(26_000);
  expect(keys.look()[0]?.lastResult).toEqual({ outcome: 'not-due', atMs: 10_000 });
});

test('claims and values that are no keys are left out; no value is handed on', () => {
  seen = [
    version('c'.repeat(64), ['MOMENTO_CLAIM'], { claim: 'x', lapsesAt: 1 }),
    { ...version('d'.repeat(64), [], null), secretString: 'not JSON' },
    { ...version('e'.repeat(64), [], null), secretString: undefined },
    version(IMPORTED, ['AWSCURRENT'], pair('38')),
  ];
  expect(versions().map(({ endsAtMs }) => endsAtMs)).toEqual([38_000]);
  expect(JSON.stringify(keys.look())).not.toContain('secret-');
});

test('a key that never ends', () => {
  seen = [version(IMPORTED, ['AWSCURRENT'], pair(0))];
  expect(versions()[0]?.endsAtMs).toBeNull();
});

test('the newest are kept', () => {
  seen = Array.from({ length: 100 }, (_, index) =>
    version(`${index}`.padStart(8, '0'), [], pair(99), index),
  );
  expect(versions()).toHaveLength(40);
  expect(versions().at(-1)?.id).toBe('00000099');
});

test('what is gone from the secret is forgotten', () => {
  const imported = version(IMPORTED, ['AWSCURRENT'], pair(38));
  const rotated = version(ROTATED, ['AWSCURRENT'], pair(48));
  seen = [imported];
  keys.look();
  seen = [{ ...imported, stages: [] }, rotated];
  expect(versions()[0]).toMatchObject({ currentFromMs: 10_000, replacedAtMs: 10_000 });
  seen = [rotated];
  keys.look();
  seen = [{ ...imported, stages: [] }, rotated];
  expect(versions()[0]).toMatchObject({ currentFromMs: null, replacedAtMs: null });
});
