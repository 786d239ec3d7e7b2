// The pure parts of `doctor`, and what errors of AWS mean to a person.

import { describe, expect, test } from '@jest/globals';
import { SecretFailure, toSecretFailure } from '../../lambda/shared/secret-versions.ts';
import { parseConfig } from '../../lib/config.ts';
import { nodeFinding } from '../../operator/doctor.ts';
import { differences } from '../../operator/drift.ts';
import { scheduleFindings } from '../../operator/examinations.ts';
import { explain } from '../../operator/explain.ts';
import { findingLines, note, verdict, well, wrong } from '../../operator/finding.ts';
import { rankFinding, replicaFinding } from '../../operator/key-findings.ts';
import { importFinding } from '../../operator/may-import.ts';
import { Problem } from '../../operator/problem.ts';
import { inWords, reach } from '../../operator/reach.ts';
import { shellWord } from '../../operator/shell-word.ts';
import { readSubscribers } from '../../operator/topic-subscribers.ts';
import { nobodyListens, PLAIN } from './world.ts';

const place = { options: ' --region eu-west-1', isLocal: false };
const error = (name: string, message: string, more: object = {}) =>
  Object.assign(new Error(message), { name }, more);

describe('the verdict', () => {
  test.each([
    [[well('a')], 'Nothing is wrong.', 0],
    [[well('a'), note('b', 'c')], 'Nothing is wrong, 1 to know.', 0],
    [[wrong('a', 'b'), note('c', 'd'), wrong('e', 'f')], '2 wrong, 1 to know.', 1],
  ] as const)('%#', (findings, sentence, code) =>
    expect(verdict(findings)).toEqual({ sentence, code }),
  );

  test('a finding with its remedy', () => {
    expect(findingLines(wrong('one\ntwo', 'type this'), PLAIN).map(({ text }) => text)).toEqual([
      '  ✗ one',
      '    two',
      '    type this',
    ]);
  });
});

test.each([
  ['20.18.9', 'wrong'],
  ['20.19.0', 'well'],
  ['22.0.0', 'well'],
  ['18.99.0', 'wrong'],
])('Node.js %s is %s', (version, level) => expect(nodeFinding(version, '20.19').level).toBe(level));

test.each([
  ['refused', true, 'wrong'],
  ['narrow', true, 'wrong'],
  ['narrow', false, 'well'],
  ['super-user', true, 'well'],
  ['super-user', false, 'note'],
] as const)('a %s key, for vending: %s, is %s', (rank, isVending, level) =>
  expect(rankFinding(rank, 'orders', isVending, place).level).toBe(level),
);

test('a replica that failed, and one that did not', () => {
  const key = { name: 'orders', secretArn: 'arn:orders' };
  const replica = { Region: 'eu-central-1', StatusMessage: 'a secret of this name is there' };
  expect(replicaFinding(key, { ...replica, Status: 'Failed' })).toEqual(
    wrong(
      'orders: its replica in eu-central-1 has not got the key: a secret of this name is there',
      'aws secretsmanager replicate-secret-to-regions --force-overwrite-replica-secret --secret-id arn:orders --add-replica-regions Region=eu-central-1',
    ),
  );
  expect(replicaFinding(key, { ...replica, Status: 'InSync' })).toEqual(
    well('orders: its replica in eu-central-1 is InSync.'),
  );
});

test('a schedule that is on, off, or not there', () => {
  const rule = { name: 'r', schedule: 'rate(1 hour)', isOn: true };
  expect(scheduleFindings([rule])).toEqual([well('The schedule rate(1 hour) is on.')]);
  expect(scheduleFindings([{ ...rule, isOn: false }])).toEqual([
    wrong(
      'The schedule rate(1 hour) is off: keys are not renewed.',
      'aws events enable-rule --name r',
    ),
  ]);
  expect(scheduleFindings([])).toMatchObject([{ level: 'wrong' }]);
});

describe('drift', () => {
  const deployed = {
    outputs: new Map([['ApiKeySecretArn', 'arn']]),
    rotateKey: {
      SCHEDULE_INTERVAL_SECONDS: '3600',
      REFRESH_AT_FRACTION: '0.3333',
      AUTH_RATE_PER_SECOND: '1',
    },
    vendToken: {
      AUTH_TYPE: 'cognito',
      MAX_LIFE_SECONDS: '3600',
      MAX_PERMISSIONS: '10',
      SHARE_WHILE_LIFE_LEFT: '0.5',
    },
    timeScale: 1,
  };

  test('none', () => expect(differences(parseConfig({}), deployed)).toEqual([]));

  test('each setting that differs', () => {
    const config = parseConfig({
      keys: [{ name: 'default' }, { name: 'b-1' }],
      schedule: 'rate(1 day)',
      refreshAtFraction: 0.5,
      authRatePerSecond: 0.5,
      discoverKeysByTag: { key: 'k', value: 'v' },
      tokenEndpoint: { maxPermissions: 5, sharing: false },
    });
    expect(differences(config, deployed).map(({ setting }) => setting)).toEqual([
      'keys',
      'schedule (seconds)',
      'refreshAtFraction',
      'authRatePerSecond',
      'discoverKeysByTag',
      'tokenEndpoint.maxPermissions',
      'tokenEndpoint.sharing.whileLifeLeft',
    ]);
    expect(
      differences(parseConfig({ tokenEndpoint: false, authRatePerSecond: 1 }), deployed),
    ).toEqual([{ setting: 'tokenEndpoint', configured: 'none', deployed: 'there' }]);
  });
});

describe("AWS's errors", () => {
  test.each<[unknown, RegExp, RegExp]>([
    [error('Error', 'Region is missing'), /No AWS Region/, /--region/],
    [
      error('Error', 'Region not accepted: region="a b"'),
      /no such AWS Region/,
      /--region eu-west-1/,
    ],
    [error('CredentialsProviderError', 'none'), /no AWS credentials/, /aws login.*--local/],
    [error('ExpiredTokenException', ''), /have expired/, /Log in again/],
    [error('UnrecognizedClientException', 'x'), /does not take your credentials/, /Log in again/],
    [
      error('AccessDeniedException', 'lambda:Invoke'),
      /may not do this: lambda:Invoke/,
      /Ask whoever/,
    ],
    [
      error('Error', 'getaddrinfo', { code: 'ENOTFOUND' }),
      /cannot be reached: getaddrinfo/,
      /--region/,
    ],
    [error('TimeoutError', 'late'), /cannot be reached/, /try again/],
    [error('Odd', 'strange'), /^Odd: strange$/, /npx momento-auth doctor --region eu-west-1/],
    [
      toSecretFailure(error('AccessDeniedException', 'no GetSecretValue')),
      /Your AWS credentials may not .*no GetSecretValue/,
      /Ask whoever/,
    ],
    [toSecretFailure(error('CredentialsProviderError', 'none')), /no AWS credentials/, /aws login/],
    [
      toSecretFailure(error('AccessDeniedException', 'Access to KMS is not allowed')),
      /KMS key/,
      /key's policy/,
    ],
  ])('%#', (raised, sentence, next) => {
    const problem = explain(raised, place);
    expect(problem.message).toMatch(sentence);
    expect(problem.next).toMatch(next);
    expect(problem.exitCode).toBe(1);
  });

  test('the profile that was chosen is named', () =>
    expect(
      explain(error('CredentialsProviderError', 'none'), {
        options: ' --region eu-west-1 --profile staging',
        isLocal: false,
      }).message,
    ).toBe('There are no AWS credentials that work in the profile staging: none'));

  test('a problem stays what it is', () => {
    const problem = new Problem('so', { exitCode: 2 });
    expect(explain(problem, place)).toBe(problem);
    expect(explain(new SecretFailure('secret-not-found', 'gone'), place).message).toBe('gone');
  });
});

describe('an address that cannot be reached', () => {
  const failed = (cause: unknown) => error('TypeError', 'fetch failed', { cause });
  const coded = (code: string, message = '') => error('Error', message, { code });

  test.each<[unknown, string]>([
    [failed(coded('ENOTFOUND')), 'no address is known for its name (ENOTFOUND)'],
    [
      // A name with two addresses.
      failed(Object.assign(new AggregateError([coded('ECONNREFUSED'), coded('EHOSTUNREACH')]))),
      'nothing listens there (ECONNREFUSED)',
    ],
    [failed(coded('UND_ERR_CONNECT_TIMEOUT')), 'it does not answer (UND_ERR_CONNECT_TIMEOUT)'],
    [error('TimeoutError', 'aborted'), 'it did not answer within 10 seconds'],
    [
      failed(coded('DEPTH_ZERO_SELF_SIGNED_CERT')),
      'its certificate is not accepted (DEPTH_ZERO_SELF_SIGNED_CERT)',
    ],
    [failed(coded('EWHATEVER', 'it is so')), 'it is so (EWHATEVER)'],
    [failed(undefined), 'fetch failed'],
    ['thrown as text', 'thrown as text'],
  ])('%#', (raised, words) => expect(inWords(raised)).toBe(words));

  test.each<[boolean, RegExp]>([
    [false, /Look at the network of this machine/],
    [true, /Does npm start still run/],
  ])('is named, with why and what to do; local: %s', async (isLocal, next) => {
    const origin = await nobodyListens();
    const reached = reach(new URL(`${origin}/token?a=b`), {}, { ...place, isLocal });
    await expect(reached).rejects.toMatchObject({
      name: 'Problem',
      message: `${origin} cannot be reached from this machine: nothing listens there (ECONNREFUSED).`,
      next: expect.stringMatching(next),
      cause: expect.objectContaining({ message: 'fetch failed' }),
    });
  });
});

describe('what the person may not import', () => {
  const denied = (action: string) =>
    toSecretFailure(
      error(
        'AccessDeniedException',
        `User: arn:aws:iam::1:user/ada is not authorized to perform: ${action} on resource: arn:x because no identity-based policy allows the ${action} action`,
      ),
    );
  test.each<[unknown, RegExp]>([
    [
      denied('secretsmanager:PutSecretValue'),
      /^orders: you may not import a key into it: that takes secretsmanager:PutSecretValue\.$/,
    ],
    [
      toSecretFailure(error('AccessDeniedException', 'Access to KMS is not allowed')),
      /that takes kms:Decrypt and kms:GenerateDataKey/,
    ],
    [toSecretFailure(error('TimeoutError', 'late')), /could not be seen: AWS cannot be reached/],
  ])('%#', (raised, sentence) =>
    expect(importFinding('orders', raised, place)).toEqual({
      level: 'note',
      sentence: expect.stringMatching(sentence),
      remedy: 'docs/operator.md#permissions',
    }),
  );
});

test.each([
  ['npx cdk deploy', true],
  ['docs/runbook.md#key-refused', true],
  ['aws login, aws sso login or aws configure', false],
  ['Write "keys" into cdk.json, and npx cdk deploy', false],
])('%j stays in one line: %s', (remedy, isOne) => {
  const [, line] = findingLines(wrong('a', remedy), PLAIN);
  expect(line?.hang === undefined).toBe(isOne);
});

test('subscribers, confirmed and not', () => {
  const member = (arn: string, endpoint: string) =>
    `<member><TopicArn>t</TopicArn><Protocol>email</Protocol><SubscriptionArn>${arn}</SubscriptionArn><Endpoint>${endpoint}</Endpoint></member>`;
  expect(
    readSubscribers(
      `<Subscriptions>${member('arn:aws:sns:x', 'a@example.com')}${member('PendingConfirmation', 'b@example.com')}</Subscriptions>`,
    ),
  ).toEqual([
    { protocol: 'email', endpoint: 'a@example.com', isConfirmed: true },
    { protocol: 'email', endpoint: 'b@example.com', isConfirmed: false },
  ]);
  expect(readSubscribers('<Subscriptions/>')).toEqual([]);
});

test.each([
  ['key.json', 'key.json'],
  ['my key.json', "'my key.json'"],
  ["it's", "'it'\\''s'"],
  ['', "''"],
])('%j as a word of the shell is %s', (text, word) => expect(shellWord(text)).toBe(word));
