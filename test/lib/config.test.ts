// The configuration: its defaults, and every way to get it wrong with the message that puts it right.
import { fileURLToPath } from 'node:url';
import { describe, expect, test } from '@jest/globals';
import { ConfigError, parseConfig } from '../../lib/config.ts';
import {
  environmentBytes,
  environmentLimitBytes,
  longestSecretArnPrefix,
  rotateKeyEnvironment,
} from '../../lib/rotate-key-environment.ts';
import { issuesOf } from './issues-of.ts';

const secretArn = 'arn:aws:secretsmanager:eu-west-1:123456789012:secret:momento/key-AbCdEf';
const kmsKeyArn = 'arn:aws:kms:eu-west-1:123456789012:key/11111111-2222-3333-4444-555555555555';

const kmsKeyArnsOf = (count: number) =>
  Array.from({ length: count }, (_, index) => `${kmsKeyArn.slice(0, -2)}${10 + index}`);

/** As a message shows what it got. */
function shown(value: unknown): string {
  const json = JSON.stringify(value);
  return json.length <= 100 ? json : `${json.slice(0, 99)}…`;
}

describe('accepted', () => {
  test('nothing at all: every default', () => {
    const defaults = {
      stackName: 'MomentoAuth',
      keys: [{ name: 'default' }],
      discoverKeysByTag: null,
      vendingKey: 'default',
      schedule: 'rate(1 hour)',
      refreshAtFraction: 0.3333,
      authRatePerSecond: 5,
      eventBusArn: null,
      alarmEmails: [],
      tokenEndpoint: {
        auth: { type: 'cognito', customAttributes: ['tenantId'] },
        allowedOrigins: [],
        policies: 'token-policies.json',
        maxLifeSeconds: 3600,
        maxPermissions: 10,
        sharing: { whileLifeLeft: 0.5 },
        throttle: { ratePerSecond: 100, burst: 200 },
        domain: null,
      },
    };
    const policies = {
      path: fileURLToPath(new URL('../../token-policies.json', import.meta.url)),
      content: expect.objectContaining({ roleClaim: 'cognito:groups' }),
    };
    const config = { ...defaults, tokenEndpoint: { ...defaults.tokenEndpoint, policies } };
    expect(parseConfig(undefined)).toEqual(config);
    expect(parseConfig({})).toEqual(config);
    expect(parseConfig(defaults)).toEqual(config);
  });

  test('JSON text, as "-c momentoAuth=…" gives it', () => {
    expect(parseConfig('{"keys":[{"name":"orders"}],"vendingKey":"orders"}').keys).toEqual([
      { name: 'orders' },
    ]);
  });

  test.each([
    ['a name of one letter', { keys: [{ name: 'a' }] }],
    ['a name of 32 characters', { keys: [{ name: `a${'-'.repeat(31)}` }] }],
    ['names that differ by a letter', { keys: [{ name: 'a-b' }, { name: 'a_c' }] }],
    ['30 keys', { keys: Array.from({ length: 30 }, (_, i) => ({ name: `key-${i}` })) }],
    ['an adopted secret and its KMS key', { keys: [{ name: 'default', secretArn, kmsKeyArn }] }],
    ['replicas', { keys: [{ name: 'default', kmsKeyArn, replicaRegions: ['us-gov-west-1'] }] }],
    ['a key to vend with', { keys: [{ name: 'a' }, { name: 'b' }], vendingKey: 'b' }],
    ['a fraction above 0', { refreshAtFraction: 0.0001 }],
    ['a fraction below 1', { refreshAtFraction: 0.9999 }],
    ['a slow rate', { authRatePerSecond: 0.1 }],
    ['a bus', { eventBusArn: 'arn:aws-cn:events:cn-north-1:123456789012:event-bus/a/b.c' }],
    ['a stack name of 128 characters', { stackName: 'a'.repeat(128) }],
    ['an e-mail', { alarmEmails: ['ops@example.com'] }],
    [
      'fifty e-mails',
      { alarmEmails: Array.from({ length: 50 }, (_, index) => `on-call+${index}@example.com`) },
    ],
    ['a tag of one character', { discoverKeysByTag: { key: 'k', value: 'v' } }],
    ['the longest tag', { discoverKeysByTag: { key: 'k'.repeat(128), value: 'v'.repeat(256) } }],
    [
      'every sign that a tag may have',
      { discoverKeysByTag: { key: 'Größe 1_.:/=+-@', value: 'ÿ aws:_.:/=+-@' } },
    ],
    ['a key of a tag that has aws in it', { discoverKeysByTag: { key: 'awsx', value: 'aws:' } }],
    [
      'thirty KMS keys',
      { discoverKeysByTag: { key: 'k', value: 'v', kmsKeyArns: kmsKeyArnsOf(30) } },
    ],
  ])('%s', (_what, input) => {
    expect(parseConfig({ tokenEndpoint: false, ...input })).toMatchObject(input);
  });
});

const keyName =
  'write a name of 1 to 32 letters, digits, "-" and "_" that starts with a letter, as "default"';
const fullArn =
  'write the whole ARN as Secrets Manager shows it, with the six characters at its end: "arn:aws:secretsmanager:REGION:ACCOUNT:secret:NAME-AbCdEf"';
const kmsArn =
  'write the ARN of the key itself, not of an alias: "arn:aws:kms:REGION:ACCOUNT:key/KEY-ID"';
const schedule =
  'write a rate from one minute to one day, as "rate(5 minutes)", "rate(1 hour)" or "rate(1 day)", or a cron that runs every day, as "cron(0/10 * * * ? *)"';
const stackName =
  'write a name of 1 to 128 letters, digits and "-" that starts with a letter, as "MomentoAuth"';
const bus =
  'write the ARN of a bus, as "arn:aws:events:REGION:ACCOUNT:event-bus/NAME", or null for the default bus';
const fraction = 'write a number above 0 and below 1, as 0.3333';
const rate = 'write a number above 0, as 5';
const unknownProperty = 'a property that does not exist';
const properties =
  'stackName, keys, discoverKeysByTag, vendingKey, schedule, refreshAtFraction, authRatePerSecond, eventBusArn, alarmEmails, tokenEndpoint';

const wrong: readonly (readonly [
  what: string,
  input: unknown,
  path: string,
  got: string,
  remedy: string,
])[] = [
  [
    'no JSON',
    "{'keys':[]}",
    '',
    'text that is not JSON',
    'write JSON in single quotes, as -c momentoAuth=\'{"keys":[{"name":"default"}]}\'',
  ],
  ['null', 'null', '', 'null', `write an object with any of ${properties}`],
  ['an array', [], '', '[]', `write an object with any of ${properties}`],

  [
    'a mistyped property',
    { shedule: 'rate(1 hour)' },
    '.shedule',
    unknownProperty,
    'write "schedule", or take it out',
  ],
  [
    'a stranger',
    { lambdaMemoryInMegabytes: 512 },
    '.lambdaMemoryInMegabytes',
    unknownProperty,
    `take it out; there are ${properties}`,
  ],
  [
    'a mistyped property of a key',
    { keys: [{ name: 'a', kmsKeyARN: kmsKeyArn }] },
    '.keys[0].kmsKeyARN',
    unknownProperty,
    'write "kmsKeyArn", or take it out',
  ],

  ['a number as stack name', { stackName: 1 }, '.stackName', '1', stackName],
  ['an empty stack name', { stackName: '' }, '.stackName', '""', stackName],
  ['an underscore in the stack name', { stackName: 'a_b' }, '.stackName', '"a_b"', stackName],
  [
    'a stack name of 129 characters',
    { stackName: 'a'.repeat(129) },
    '.stackName',
    `"${'a'.repeat(98)}…`,
    stackName,
  ],

  [
    'keys that are no array',
    { keys: { name: 'a' } },
    '.keys',
    '{"name":"a"}',
    'write an array of 1 to 30 keys, as [{ "name": "default" }]',
  ],
  [
    'no keys',
    { keys: [] },
    '.keys',
    '0 keys',
    'write an array of 1 to 30 keys, as [{ "name": "default" }]',
  ],
  [
    '31 keys',
    { keys: Array.from({ length: 31 }, (_, i) => ({ name: `k${i}` })) },
    '.keys',
    '31 keys',
    'write an array of 1 to 30 keys, as [{ "name": "default" }]',
  ],
  [
    'a key that is a name',
    { keys: ['default'] },
    '.keys[0]',
    '"default"',
    'write an object with any of name, secretArn, kmsKeyArn, replicaRegions',
  ],
  ['a key without a name', { keys: [{}] }, '.keys[0].name', 'nothing', keyName],
  ['a name that starts with a digit', { keys: [{ name: '1a' }] }, '.keys[0].name', '"1a"', keyName],
  ['a name with a space', { keys: [{ name: 'a b' }] }, '.keys[0].name', '"a b"', keyName],
  [
    'a name of 33 characters',
    { keys: [{ name: 'a'.repeat(33) }] },
    '.keys[0].name',
    `"${'a'.repeat(33)}"`,
    keyName,
  ],
  [
    'one name twice',
    { keys: [{ name: 'a' }, { name: 'a' }] },
    '.keys[1].name',
    '"a"',
    'write another name: each key has its own',
  ],
  [
    'names with one output',
    { keys: [{ name: 'ab' }, { name: 'x' }, { name: 'a-b' }] },
    '.keys[2].name',
    '"a-b"',
    'write another name: outputs are named by letters and digits alone, and "ab" has the same',
  ],
  [
    'the name of a secret as its ARN',
    { keys: [{ name: 'a', secretArn: 'momento/key' }] },
    '.keys[0].secretArn',
    '"momento/key"',
    fullArn,
  ],
  [
    'an ARN without its suffix',
    { keys: [{ name: 'a' }, { name: 'b', secretArn: secretArn.slice(0, -7) }] },
    '.keys[1].secretArn',
    `"${secretArn.slice(0, -7)}"`,
    fullArn,
  ],
  [
    'null as secret',
    { keys: [{ name: 'a', secretArn: null }] },
    '.keys[0].secretArn',
    'null',
    fullArn,
  ],
  [
    'one secret twice',
    {
      keys: [
        { name: 'a', secretArn },
        { name: 'b', secretArn },
      ],
    },
    '.keys[1].secretArn',
    `"${secretArn}"`,
    'take one of the two keys out: a secret belongs to one key',
  ],
  [
    'a KMS alias',
    { keys: [{ name: 'a', kmsKeyArn: 'arn:aws:kms:eu-west-1:123456789012:alias/x' }] },
    '.keys[0].kmsKeyArn',
    '"arn:aws:kms:eu-west-1:123456789012:alias/x"',
    kmsArn,
  ],
  [
    'a Region that is none',
    { keys: [{ name: 'a', replicaRegions: ['Ireland'] }] },
    '.keys[0].replicaRegions[0]',
    '"Ireland"',
    'write a Region, as "eu-west-1"',
  ],
  [
    'a Region that is no array',
    { keys: [{ name: 'a', replicaRegions: 'eu-west-1' }] },
    '.keys[0].replicaRegions',
    '"eu-west-1"',
    'write an array of Regions, as ["eu-west-1"]',
  ],
  [
    'a Region twice',
    { keys: [{ name: 'a', replicaRegions: ['eu-west-1', 'eu-west-1'] }] },
    '.keys[0].replicaRegions',
    '["eu-west-1","eu-west-1"]',
    'name each Region once',
  ],
  [
    'replicas of an adopted secret',
    { keys: [{ name: 'a', secretArn, replicaRegions: ['eu-west-1'] }] },
    '.keys[0].replicaRegions',
    '["eu-west-1"]',
    'take out "replicaRegions": adopting a secret changes nothing about it. Replicate it with "aws secretsmanager replicate-secret-to-regions", or take out "secretArn"',
  ],

  [
    'a vending key that is none',
    { keys: [{ name: 'a' }, { name: 'b' }], vendingKey: 'c' },
    '.vendingKey',
    '"c"',
    'write the name of one of the keys: "a", "b"',
  ],
  [
    'a schedule out of range',
    { schedule: 'rate(2 days)' },
    '.schedule',
    '"rate(2 days)"',
    `its interval is not between one minute and one day; ${schedule}`,
  ],
  [
    'a schedule without days',
    { schedule: 'cron(0 12 ? * MON *)' },
    '.schedule',
    '"cron(0 12 ? * MON *)"',
    `it does not run every day: its last four fields must be "* * ? *"; ${schedule}`,
  ],
  ['a schedule in minutes', { schedule: 60 }, '.schedule', '60', schedule],
  ['a fraction of 0', { refreshAtFraction: 0 }, '.refreshAtFraction', '0', fraction],
  ['a fraction of 1', { refreshAtFraction: 1 }, '.refreshAtFraction', '1', fraction],
  ['a fraction in words', { refreshAtFraction: '0.3' }, '.refreshAtFraction', '"0.3"', fraction],
  ['a rate of 0', { authRatePerSecond: 0 }, '.authRatePerSecond', '0', rate],
  [
    'an endless rate',
    { authRatePerSecond: Number.POSITIVE_INFINITY },
    '.authRatePerSecond',
    'null',
    rate,
  ],
  ['the name of a bus', { eventBusArn: 'momento' }, '.eventBusArn', '"momento"', bus],

  [
    'a tag that is text',
    { discoverKeysByTag: 'momento' },
    '.discoverKeysByTag',
    '"momento"',
    'write an object with any of key, value, kmsKeyArns',
  ],
  [
    'a tag without a value',
    { discoverKeysByTag: { key: 'momento' } },
    '.discoverKeysByTag.value',
    'nothing',
    'write this property',
  ],
  ...[
    ['an empty key of a tag', ''],
    ['a key of a tag of 129 characters', 'k'.repeat(129)],
    ['a key of a tag of AWS', 'aws:x'],
    ['a key of a tag of AWS, in capitals', 'AWS:x'],
    ['a key of a tag with a blank before it', ' k'],
    ['a key of a tag with a blank behind it', 'k '],
    ['a key of a tag that IAM would read as a pattern', 'k*'],
    ['a key of a tag that IAM would read as a variable', '${aws:username}'],
    ['a key of a tag with a quote', 'k"'],
    ['a key of a tag in two lines', 'k\nk'],
    ['a key of a tag in letters that no policy may have', 'ключ'],
    ['a key of a tag with a blank that looks like another', 'k\u00a0k'],
  ].map(
    ([what, key]) =>
      [
        String(what),
        { discoverKeysByTag: { key, value: 'v' } },
        '.discoverKeysByTag.key',
        shown(key),
        'write the key of a tag, of 1 to 128 letters (of western Europe), digits, blanks and _.:/=+-@, that does not start with "aws:", as "momento-auth:rotate"',
      ] as const,
  ),
  ...[
    ['an empty value of a tag', ''],
    ['a value of a tag of 257 characters', 'v'.repeat(257)],
    ['a value of a tag that IAM would read as a pattern', '*'],
    ['a value of a tag that IAM would read as a variable', '${aws:PrincipalTag/team}'],
    ['a value of a tag with a blank behind it', 'v '],
    ['a value of a tag in letters that no policy may have', 'Ÿ'],
    ['a value of a tag that is no text', true],
  ].map(
    ([what, value]) =>
      [
        String(what),
        { discoverKeysByTag: { key: 'k', value } },
        '.discoverKeysByTag.value',
        shown(value),
        'write the value of the tag, of 1 to 256 letters (of western Europe), digits, blanks and _.:/=+-@, as "true"',
      ] as const,
  ),
  [
    'a KMS alias for keys found by tag',
    { discoverKeysByTag: { key: 'k', value: 'v', kmsKeyArns: [kmsKeyArn, 'alias/x'] } },
    '.discoverKeysByTag.kmsKeyArns[1]',
    '"alias/x"',
    kmsArn,
  ],
  [
    'a KMS key twice for keys found by tag',
    { discoverKeysByTag: { key: 'k', value: 'v', kmsKeyArns: [kmsKeyArn, kmsKeyArn] } },
    '.discoverKeysByTag.kmsKeyArns',
    shown([kmsKeyArn, kmsKeyArn]),
    'name each KMS key once',
  ],
  ...[[], kmsKeyArnsOf(31)].map(
    (kmsKeyArns) =>
      [
        `${kmsKeyArns.length} KMS keys for keys found by tag`,
        { discoverKeysByTag: { key: 'k', value: 'v', kmsKeyArns } },
        '.discoverKeysByTag.kmsKeyArns',
        shown(kmsKeyArns),
        'write an array of 1 to 30 ARNs of KMS keys, or leave it out for "aws/secretsmanager"',
      ] as const,
  ),
  [
    'a KMS key in another Region for keys found by tag',
    {
      keys: [{ name: 'default', secretArn }],
      discoverKeysByTag: {
        key: 'k',
        value: 'v',
        kmsKeyArns: [kmsKeyArn, kmsKeyArn.replace('eu-west-1', 'us-east-1')],
      },
    },
    '.discoverKeysByTag.kmsKeyArns[1]',
    `"${kmsKeyArn.replace('eu-west-1', 'us-east-1')}"`,
    'name one in eu-west-1, where momentoAuth.keys[0].secretArn is: a stack calls nothing in another Region',
  ],
  [
    'an e-mail alone',
    { alarmEmails: 'ops@example.com' },
    '.alarmEmails',
    '"ops@example.com"',
    'write an array of e-mail addresses, as ["ops@example.com"]',
  ],
  [
    'an e-mail that is none',
    { alarmEmails: ['ops@example.com', 'ops'] },
    '.alarmEmails[1]',
    '"ops"',
    'write an e-mail address, as "ops@example.com"',
  ],
  [
    'an e-mail twice',
    { alarmEmails: ['ops@example.com', 'Ops@example.com'] },
    '.alarmEmails',
    '["ops@example.com","Ops@example.com"]',
    'write each address once, in small letters or capitals',
  ],
  [
    'a token endpoint made with a key that is none',
    { keys: [{ name: 'a' }, { name: 'b' }], tokenEndpoint: {} },
    '.vendingKey',
    '"default"',
    'write the name of one of the keys: "a", "b"',
  ],
];

describe('refused, with one issue that says where, what and what instead', () => {
  test.each(wrong)('%s', (_what, input, path, got, remedy) => {
    const isConfig = typeof input === 'object' && !Array.isArray(input);
    const config = isConfig ? { tokenEndpoint: false, ...input } : input;
    expect(issuesOf(config)).toEqual([{ path: `momentoAuth${path}`, got, remedy }]);
  });
});

describe('the message', () => {
  test('holds all problems at once, those between keys included', () => {
    const input = {
      shedule: 'x',
      schedule: 'x',
      refreshAtFraction: 2,
      vendingKey: 'nobody',
      keys: [{ name: 'a', secretArn: 'x' }, { name: 'a' }, { name: '' }],
    };
    expect(issuesOf(input).map(({ path }) => path)).toEqual([
      'momentoAuth.keys[0].secretArn',
      'momentoAuth.keys[2].name',
      'momentoAuth.keys[1].name',
      'momentoAuth.schedule',
      'momentoAuth.refreshAtFraction',
      'momentoAuth.shedule',
      'momentoAuth.vendingKey',
    ]);
  });

  test('is for people', () => {
    const error = new ConfigError([{ path: 'momentoAuth.keys[1]', got: '1', remedy: 'write 2' }]);
    expect(error.code).toBe('ERR_CONFIG');
    expect(error.message).toBe(
      'The configuration has a problem:\n\n  momentoAuth.keys[1]\n    got:    1\n    remedy: write 2\n',
    );
  });

  test('never shows the value of a property that does not exist: it may be a key', () => {
    const canary = 'canary-3b1f';
    for (const input of [
      { keys: [{ name: 'a', apiKey: canary }] },
      { refreshToken: canary },
      canary,
    ]) {
      expect(JSON.stringify(issuesOf(input))).not.toContain(canary);
    }
  });
});

describe("Lambda's limit for the environment", () => {
  // Nine long names, and a tenth that is as long as there is room for.
  const arnOf = (nameLength: number, index: number) =>
    `arn:aws:secretsmanager:eu-west-1:123456789012:secret:${String(index).padEnd(nameLength, 'x')}-AbCdEf`;
  const keysWith = (lastLength: number) =>
    Array.from({ length: 10 }, (_, index) => ({
      name: `key${index}`,
      secretArn: arnOf(index < 9 ? 320 : lastLength, index),
    }));
  const bytesWith = (lastLength: number) =>
    environmentBytes(
      rotateKeyEnvironment({
        secretArnPrefix: longestSecretArnPrefix,
        keySecrets: keysWith(lastLength).map((key) => key.secretArn),
        scheduleIntervalSeconds: 3_600,
        refreshAtFraction: 0.3333,
        authRatePerSecond: 5,
        eventBus: 'default',
        metricsNamespace: 'MomentoAuth',
      }),
    );
  const fullLength = environmentLimitBytes - bytesWith(1) + 1;

  test('reached exactly is accepted', () => {
    expect(bytesWith(fullLength)).toBe(environmentLimitBytes);
    expect(parseConfig({ keys: keysWith(fullLength), tokenEndpoint: false }).keys).toHaveLength(10);
  });

  test('is passed by a tag, by a byte for each of its bytes', () => {
    const tag = { key: 'k', value: 'ä' };
    const keys = keysWith(fullLength);
    const [issue] = issuesOf({ keys, discoverKeysByTag: tag, tokenEndpoint: false });
    const added = ',"DISCOVER_TAG_KEY":"k","DISCOVER_TAG_VALUE":"ä"';
    expect(issue?.got).toContain(`${environmentLimitBytes + Buffer.byteLength(added)} bytes`);
  });

  test('is passed by a longer name of the stack, which its metrics have', () => {
    const keys = keysWith(fullLength);
    const [issue] = issuesOf({ keys, stackName: 'MomentoAuth2', tokenEndpoint: false });
    expect(issue?.got).toContain(`${environmentLimitBytes + 1} bytes`);
  });

  test('passed by one byte is refused', () => {
    expect(issuesOf({ keys: keysWith(fullLength + 1), tokenEndpoint: false })).toEqual([
      {
        path: 'momentoAuth.keys',
        got: "10 keys that need 4097 bytes of the function's environment",
        remedy:
          'keep it within Lambda\'s 4096 bytes: move some keys to a second stack (another "stackName"), or adopt secrets with shorter names',
      },
    ]);
  });
});
