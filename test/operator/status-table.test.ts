// What `status` says, from states made by hand.

import { describe, expect, test } from '@jest/globals';
import type { Gathered } from '../../lambda/rotate-key/gather.ts';
import { parseSecretValue } from '../../lambda/shared/secret-value.ts';
import * as versionIds from '../../lambda/shared/version-id.ts';
import type { Alarm } from '../../operator/alarms.ts';
import { described } from '../../operator/alarms.ts';
import type { Key } from '../../operator/deployment.ts';
import { type KeyState, meaningOf, stateOf } from '../../operator/key-state.ts';
import type { Place } from '../../operator/place.ts';
import { exitCodeOf, type Status } from '../../operator/status.ts';
import { statusJson } from '../../operator/status-json.ts';
import { statusText, watchLines } from '../../operator/status-table.ts';
import { v1Key } from '../lambda/momento-key.ts';
import { PLAIN } from './world.ts';

const { claimVersionId } = versionIds;

const NOW = Date.UTC(2026, 10, 22, 12);
const DAY = 86_400_000;
const PACE = { scheduleIntervalSeconds: 3_600, refreshAtFraction: 0.3333 };
const ARN = 'arn:aws:secretsmanager:eu-west-1:123456789012:secret:orders-AbCdEf';

const place: Place = {
  stackName: 'MomentoAuth',
  client: {
    maxAttempts: 1,
    requestHandler: { connectionTimeout: 1, requestTimeout: 1, throwOnRequestTimeout: true },
  },
  momentoEndpoint: undefined,
  tokenEndpointUrl: undefined,
  timeScale: 1,
  isLocal: false,
  options: ' --region eu-west-1',
};

const key = (name = 'orders'): Key => ({
  name,
  secretArn: ARN,
  source: 'configured',
  isVending: false,
});

const base64 = (value: unknown) => Buffer.from(JSON.stringify(value)).toString('base64');
const jwt = `${base64({ alg: 'HS256' })}.${base64({ sub: 'x' })}.c2ln`.replaceAll('=', '');
const apiKey = base64({ endpoint: 'cell-1.example.com', api_key: jwt });

/** Written five days ago, for thirty days. */
function gathered(
  value: Record<string, unknown> | undefined = {},
  { ageMs = 5 * DAY, ...more }: Partial<Gathered> & { ageMs?: number } = {},
): Gathered {
  const text = JSON.stringify({
    apiKey,
    refreshToken: 'a-refresh-token',
    validUntil: (NOW - ageMs + 30 * DAY) / 1000,
    ...value,
  });
  return {
    secretId: ARN,
    arn: ARN,
    deletedAtMs: undefined,
    current: {
      versionId: 'made-by-hand',
      createdAtMs: NOW - ageMs,
      isEdited: false,
      content: parseSecretValue(text),
    },
    pending: undefined,
    claim: undefined,
    strayMarks: [],
    ...more,
  };
}

const state = (
  found: Gathered,
  labels: ReadonlyMap<string, string> = new Map([['AWSCURRENT', 'made-by-hand']]),
): KeyState => stateOf(key(), found, labels, { nowMs: NOW, pace: PACE, place });

const status = (
  keys: readonly KeyState[],
  alarms: readonly Alarm[] | undefined = [OK],
): Status => ({
  stack: {
    stackName: 'MomentoAuth',
    region: 'eu-west-1',
    accountId: '123456789012',
    status: 'CREATE_COMPLETE',
  },
  place,
  nowMs: NOW,
  ...PACE,
  keys,
  alarms,
  alarmsProblem: alarms === undefined ? 'not allowed' : undefined,
});

const alarm = (name: string, value: Alarm['state']): Alarm => ({
  name,
  state: value,
  sinceMs: NOW - 90_000,
  ...described('A key could not be renewed. See docs/runbook.md#rotation-failed'),
});
const OK = alarm('fine', 'OK');
const LOUD = alarm('loud', 'ALARM');

const text = (seen: Status, columns = 80) => statusText(seen, { colours: PLAIN, columns });

describe('a key', () => {
  test('that is fine', () => {
    expect(text(status([state(gathered())]))).toBe(
      [
        'MomentoAuth eu-west-1, account 123456789012; keys are looked at every 1 hour',
        '',
        'KEY     AGE  LIFE LEFT            NEXT ATTEMPT  LAST RESULT',
        'orders  5 d  ████████████░░ 25 d  in 15 d       imported 5 d ago',
        '',
        'labels  orders: AWSCURRENT made-by-',
        '',
        'alarms  1 OK',
        '',
        '✓ All is well: the key is kept fresh.',
      ].join('\n'),
    );
  });

  test.each<[string, Gathered, Partial<KeyState>]>([
    [
      'without a value',
      { ...gathered(), current: undefined },
      { next: 'no-value', needsPerson: true, dueAtMs: undefined },
    ],
    [
      'without a refresh token',
      gathered({ refreshToken: '' }),
      { next: 'no-refresh-token', needsPerson: true, dueAtMs: undefined },
    ],
    [
      'that ended',
      gathered({ validUntil: NOW / 1000 - 1 }),
      { next: 'key-expired', needsPerson: true },
    ],
    [
      'that never ends',
      gathered({ validUntil: 0 }),
      { next: 'never-expires', needsPerson: false, dueAtMs: undefined },
    ],
    [
      'that is due since a moment',
      gathered({}, { ageMs: 20.03 * DAY }),
      { next: 'due', needsPerson: false, nextAttemptAtMs: NOW },
    ],
    ['a day overdue', gathered({}, { ageMs: 21.1 * DAY }), { next: 'due', needsPerson: true }],
    [
      'that waits for deletion',
      gathered({}, { deletedAtMs: NOW }),
      { next: 'secret-scheduled-for-deletion', needsPerson: true },
    ],
  ])('%s', (_name, found, expected) => {
    const seen = state(found);
    expect(seen).toMatchObject(expected);
    expect(seen.needsPerson).toBe(seen.remedy !== undefined);
    expect(exitCodeOf(status([seen]))).toBe(seen.needsPerson ? 1 : 0);
  });

  test('whose attempts fail: when the next one comes, and that a person is needed', () => {
    const versionId = claimVersionId({ arn: ARN, currentVersionId: 'made-by-hand' }, 1);
    const seen = state(
      gathered(
        {},
        {
          ageMs: 20.5 * DAY,
          claim: {
            versionId,
            attempt: 1,
            marks: [{ label: 'MOMENTO_FAILED', versionId }],
            claim: { claimant: 'x', runEndsAtMs: NOW - 1, lapsesAtMs: NOW + 120_000 },
          },
        },
      ),
      new Map([
        ['AWSCURRENT', 'made-by-hand'],
        ['MOMENTO_CLAIM', versionId],
        ['canary', 'by-a-stranger'],
      ]),
    );
    expect(seen).toMatchObject({
      next: 'backing-off',
      nextAttemptAtMs: NOW + 120_000,
      needsPerson: true,
      last: { result: 'attempt-failed', attempts: 2 },
    });
    const shown = text(status([seen]));
    expect(shown).toMatch(/in 2 min +2 failed/);
    expect(shown).toMatch(/MOMENTO_CLAIM [0-9a-f]{8}: an attempt is under way, or has failed/);
    expect(shown).toMatch(/canary by-a-str: not of this stack/);
    expect(shown).toContain(
      '  npx momento-auth rotate --key orders --region eu-west-1\n  docs/runbook.md#rotation-failed\n',
    );
  });

  describe('whose attempt failed, and whose claim has lapsed: a person until one succeeds', () => {
    const versionId = claimVersionId({ arn: ARN, currentVersionId: 'made-by-hand' }, 0);
    const claim = (over: Partial<NonNullable<Gathered['claim']>> = {}, runEndsAtMs = NOW - 1) =>
      gathered(
        {},
        {
          ageMs: 20.03 * DAY,
          claim: {
            versionId,
            attempt: 0,
            marks: [],
            claim: { claimant: 'x', runEndsAtMs, lapsesAtMs: runEndsAtMs },
            ...over,
          },
        },
      );
    const labels = new Map([
      ['AWSCURRENT', 'made-by-hand'],
      ['MOMENTO_CLAIM', versionId],
    ]);

    test('nobody knows why: try again, see the runbook', () => {
      const seen = state(claim(), labels);
      expect(seen).toMatchObject({
        next: 'interrupted',
        needsPerson: true,
        last: { result: 'attempt-failed', attempts: 1 },
        remedy: 'npx momento-auth rotate --key orders --region eu-west-1',
        section: 'docs/runbook.md#rotation-failed',
      });
      expect(exitCodeOf(status([seen]))).toBe(1);
      expect(statusJson(status([seen]))).toMatchObject({ well: false });
    });

    test('Momento refused: only a new key helps', () => {
      const seen = state(claim({ marks: [{ label: 'MOMENTO_ENDED', versionId }] }), labels);
      expect(seen).toMatchObject({
        needsPerson: true,
        message: expect.stringMatching(/^Momento refused .* Make a new key in Momento's console/),
        remedy: 'npx momento-auth import momento_key.json --key orders --region eu-west-1',
        section: 'docs/runbook.md#key-refused',
      });
      const shown = text(status([seen]));
      expect(shown).not.toContain('dry-run');
      expect(shown).toContain('\n  docs/runbook.md#key-refused\n');
    });

    test('the claim of another key says nothing of this one, and a run is no failure', () => {
      expect(state(claim({ attempt: undefined }), labels).needsPerson).toBe(false);
      expect(state(claim({}, NOW + 1), labels)).toMatchObject({
        needsPerson: false,
        last: { result: 'running' },
      });
      // It has staged its pair, and is just testing it.
      const staged: Gathered = {
        ...claim({}, NOW + 1),
        pending: {
          versionId: 'staged',
          descends: true,
          descendsFromEdited: false,
          content: gathered().current?.content,
          empty: false,
          wasPromoted: false,
          refused: undefined,
        },
      };
      expect(state(staged, labels)).toMatchObject({
        next: 'pending-resumed',
        needsPerson: false,
        last: { result: 'running' },
      });
    });
  });

  describe('whose value says another end than the key itself', () => {
    const exp = NOW / 1000 + 5 * 86_400;
    const saying = (validUntil: number) => state(gathered({ apiKey: v1Key({ exp }), validUntil }));

    test.each([0, exp + 61])('later (%d): a person', (validUntil) => {
      const seen = saying(validUntil);
      expect(seen).toMatchObject({
        needsPerson: true,
        remedy: 'npx momento-auth import momento_key.json --key orders --region eu-west-1',
      });
      expect(text(status([seen]))).toContain(`Write "validUntil": ${exp} into the key's file`);
    });

    test('a minute is nothing; sooner is said; over already is a person', () => {
      for (const validUntil of [exp - 60, exp, exp + 60])
        expect(saying(validUntil).wrongEnd).toBeUndefined();
      const sooner = saying(exp - 61);
      expect(sooner.needsPerson).toBe(false);
      expect(text(status([sooner]))).toMatch(/^! orders: "validUntil" says that it ends at/m);
      expect(saying(NOW / 1000 - 1)).toMatchObject({
        needsPerson: true,
        message: expect.stringMatching(/^"validUntil" says/),
      });
    });
  });

  test('whose life is too short: said, and no reason for exit code 1', () => {
    const seen = status([
      state(gathered({ validUntil: (NOW + 3_600_000) / 1000 }, { ageMs: 60_000 })),
    ]);
    expect(text(seen)).toContain('! orders: lives 1 hour 1 minute, too short');
    expect(exitCodeOf(seen)).toBe(0);
    const enough = state(gathered({ validUntil: (NOW + 6 * 3_600_000) / 1000 }, { ageMs: 0 }));
    expect(text(status([enough]))).not.toContain('too short');
  });
});

describe('alarms', () => {
  test('that are on, with their section; exit code 1', () => {
    const seen = status([state(gathered())], [OK, LOUD]);
    expect(text(seen)).toContain(
      'ALARM A key could not be renewed. (1 min 30 s)\n  docs/runbook.md#rotation-failed\nalarms  1 OK, 1 in alarm',
    );
    expect(text(seen)).toMatch(
      /✗ A person is needed: 1 alarm\.\n {2}npx momento-auth doctor --region eu-west-1$/,
    );
    expect(exitCodeOf(seen)).toBe(1);
  });

  test('without data are no reason', () => {
    const seen = status([state(gathered())], [OK, alarm('new', 'INSUFFICIENT_DATA')]);
    expect(text(seen)).toContain('alarms  1 OK, 1 without data yet');
    expect(exitCodeOf(seen)).toBe(0);
  });

  test('that cannot be read are one', () => {
    const seen: Status = {
      ...status([]),
      keys: [state(gathered())],
      alarms: undefined,
      alarmsProblem: 'not allowed',
    };
    expect(text(seen)).toContain('✗ The alarms cannot be read: not allowed');
    expect(exitCodeOf(seen)).toBe(1);
    expect(statusJson(seen)).toMatchObject({ well: false, alarms: null });
  });
});

test('a stack without keys is not well', () => expect(exitCodeOf(status([]))).toBe(1));

describe.each([40, 60, 80, 120, 200])('in a terminal of %d columns', (columns) => {
  const long = 'a-name-that-is-as-long-as-names-may-be'.slice(0, 32);
  const versionId = claimVersionId({ arn: ARN, currentVersionId: 'made-by-hand' }, 1);
  const states = [
    { ...state(gathered()), name: 'default' },
    {
      ...state(
        gathered(
          {},
          {
            ageMs: 20.5 * DAY,
            claim: { versionId, attempt: 1, marks: [], claim: undefined },
          },
        ),
        new Map([
          ['AWSCURRENT', 'made-by-hand'],
          ['AWSPREVIOUS', 'a'.repeat(64)],
          ['MOMENTO_CLAIM', versionId],
        ]),
      ),
      name: long,
    },
    { ...state({ ...gathered(), current: undefined }), name: long },
  ];
  const lines = statusText(status(states, [OK, LOUD]), {
    colours: PLAIN,
    columns,
    foldAt: columns,
  }).split('\n');

  test('no line is wider, but for what is to be copied', () => {
    // One word of a sentence may be as long as a name.
    const widest = Math.max(columns, long.length + 'labels  : '.length);
    for (const line of lines.filter((each) => !/^ {2}(npx|docs)/.test(each)))
      expect([line, line.length <= widest]).toEqual([line, true]);
    const table = lines.slice(lines.findIndex((line) => line.startsWith('KEY'))).slice(0, 4);
    for (const line of table) expect([line, line.length <= columns]).toEqual([line, true]);
  });

  test('each key has its name, and what is left of its life', () => {
    const at = lines.findIndex((line) => /^KEY .*LIFE LEFT/.test(line));
    expect(lines[at + 1]).toMatch(/^default .*25 d/);
    expect(lines[at + 2]).toMatch(/^a-name-that[^ ]*… .* 9 d 12 h|^a-name-that-is-.* 9 d 12 h/);
    expect(lines[at]?.includes('NEXT ATTEMPT')).toBe(true);
    expect(lines[at]?.includes('LAST RESULT')).toBe(columns >= 60);
    expect(/█/.test(lines[at + 1] ?? '')).toBe(columns >= 80);
  });
});

describe('all is well, of', () => {
  const fresh = () => state(gathered());
  const endless = () => state(gathered({ validUntil: 0 }));
  test.each<[string, readonly KeyState[]]>([
    ['the key is kept fresh', [fresh()]],
    ['2 keys are kept fresh', [fresh(), fresh()]],
    ['the key never ends', [endless()]],
    ['1 key is kept fresh, one never ends', [fresh(), endless()]],
    ['2 keys are kept fresh, 2 never end', [fresh(), endless(), fresh(), endless()]],
    ['2 keys, which never end', [endless(), endless()]],
  ])('%s', (sentence, keys) => {
    expect(text(status(keys))).toContain(`✓ All is well: ${sentence}.`);
  });
});

test('--json is what the documentation says', () => {
  expect(statusJson(status([state(gathered())]))).toEqual({
    stack: { name: 'MomentoAuth', region: 'eu-west-1', accountId: '123456789012' },
    at: NOW / 1000,
    well: true,
    summary: 'All is well: the key is kept fresh.',
    keys: [
      {
        name: 'orders',
        secretArn: ARN,
        source: 'configured',
        vending: false,
        createdAt: (NOW - 5 * DAY) / 1000,
        validUntil: (NOW + 25 * DAY) / 1000,
        leftSeconds: 25 * 86_400,
        dueAt: Math.floor((NOW + 25 * DAY) / 1000 - 30 * 86_400 * 0.3333),
        nextAttemptAt: Math.floor((NOW + 25 * DAY) / 1000 - 30 * 86_400 * 0.3333),
        next: 'not-due',
        message: expect.stringMatching(/^Due at /),
        last: { result: 'imported', at: (NOW - 5 * DAY) / 1000, attempts: null },
        versions: [{ label: 'AWSCURRENT', versionId: 'made-by-hand', meaning: null }],
        needsPerson: false,
        remedy: null,
        section: null,
      },
    ],
    alarms: [
      {
        name: 'fine',
        state: 'OK',
        since: (NOW - 90_000) / 1000,
        description: 'A key could not be renewed.',
        section: 'docs/runbook.md#rotation-failed',
      },
    ],
  });
});

test('--watch without a terminal: a line for each key, and the sentence', () => {
  expect(watchLines(status([state(gathered())]))).toEqual([
    '2026-11-22 12:00:00  orders  25 d left  next: not-due  last: imported',
    '2026-11-22 12:00:00  All is well: the key is kept fresh.',
  ]);
});

test("every label of the stack's own is explained, and no other is taken for one", () => {
  const labels = Object.values(versionIds).filter((each) => typeof each === 'string');
  expect(labels.length).toBeGreaterThanOrEqual(7);
  for (const label of labels) {
    const meaning = meaningOf(label.endsWith('_') ? `${label}1795348800` : label);
    expect([label, meaning]).toEqual([
      label,
      label === 'AWSCURRENT' ? undefined : expect.not.stringMatching(/not of this stack/),
    ]);
  }
  for (const label of ['canary', 'MOMENTO_OTHER', 'MOMENTO_CLAIMS'])
    expect(meaningOf(label)).toMatch(/not of this stack/);
});
