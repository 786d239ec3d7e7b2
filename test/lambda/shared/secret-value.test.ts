import { describe, expect, test } from '@jest/globals';
import {
  credentialsIn,
  parseSecretValue,
  renderSecretValue,
} from '../../../lambda/shared/secret-value.ts';
import { jwt, v1Key } from '../momento-key.ts';

const VALID_UNTIL = 1_800_000_000;
const console = (overrides: Record<string, unknown> = {}): string =>
  JSON.stringify({
    apiKey: v1Key(),
    refreshToken: 'refresh-token-1',
    validUntil: VALID_UNTIL,
    ...overrides,
  });

describe('a value with all that a rotation needs', () => {
  test.each([
    ["the console's download", console()],
    ['surrounded by white space', `\n ${console()}\n`],
    ['validUntil as text', console({ validUntil: `${VALID_UNTIL}` })],
    ['validUntil with a fraction', console({ validUntil: VALID_UNTIL + 0.9 })],
    ['the older spelling', console({ authToken: v1Key(), apiKey: undefined })],
    ['an empty apiKey beside the older spelling', console({ authToken: v1Key(), apiKey: '' })],
    ['more fields', console({ endpoint: 'cell-1.prod.momentohq.com', note: { by: 'hand' } })],
  ])('%s', (_, text) => {
    expect(parseSecretValue(text)).toMatchObject({
      kind: 'pair',
      pair: {
        apiKey: v1Key(),
        refreshToken: 'refresh-token-1',
        validUntil: VALID_UNTIL,
        controlEndpoint: 'control.cell-1.prod.momentohq.com',
      },
    });
  });

  test('zero means never; an absent time is taken from the key; neither is unknown', () => {
    const validUntil = (text: string) => {
      const content = parseSecretValue(text);
      return content.kind === 'pair' ? content.pair.validUntil : content;
    };
    expect(validUntil(console({ validUntil: 0 }))).toBe(0);
    expect(
      validUntil(console({ validUntil: undefined, apiKey: v1Key({ exp: 1_700_000_001 }) })),
    ).toBe(1_700_000_001);
    expect(validUntil(console({ validUntil: null }))).toBeUndefined();
  });

  test('an endpoint inside a v1 key may carry a port', () => {
    expect(parseSecretValue(console({ apiKey: v1Key({}, 'localhost:8443') }))).toMatchObject({
      pair: { controlEndpoint: 'control.localhost:8443' },
    });
  });

  test('a legacy JWT brings its endpoint, or the secret does', () => {
    const legacy = jwt({ cp: 'control.legacy.example', c: 'cache.legacy.example' });
    expect(parseSecretValue(console({ apiKey: legacy }))).toMatchObject({
      pair: { controlEndpoint: 'control.legacy.example' },
    });
    expect(parseSecretValue(console({ apiKey: jwt({}), endpoint: 'e.example' }))).toMatchObject({
      pair: { controlEndpoint: 'control.e.example' },
    });
    expect(parseSecretValue(console({ apiKey: jwt({}) })).kind).toBe('unparsable');
  });
});

describe('a value that applications can use and nothing can renew', () => {
  test.each([
    ['a bare v1 key', v1Key({ exp: 5 }), 'no-refresh-token', 5],
    ['a bare v1 key with a line end', `${v1Key()}\n`, 'no-refresh-token', undefined],
    ['a bare JWT', jwt({ exp: 6 }), 'no-refresh-token', 6],
    ['a bare v2 key', jwt({ t: 'g', exp: 7 }), 'v2-key', 7],
    ['a v2 key in JSON', console({ apiKey: jwt({ t: 'g' }) }), 'v2-key', VALID_UNTIL],
    ['no refresh token', console({ refreshToken: undefined }), 'no-refresh-token', VALID_UNTIL],
    ['a blank refresh token', console({ refreshToken: '  ' }), 'no-refresh-token', VALID_UNTIL],
  ])('%s', (_, text, why, validUntil) => {
    expect(parseSecretValue(text)).toMatchObject({ kind: 'key-only', why, validUntil });
  });
});

describe('a value that is no key', () => {
  test.each([
    ['nothing', ''],
    ['white space', ' \n'],
    ['a word', 'hunter2-hunter2'],
    ['broken JSON', `{"apiKey": "${v1Key()}"`],
    ['a JSON array', '[1]'],
    ['an object without key', '{"password":"hunter2-hunter2"}'],
    ['a key that is a number', '{"apiKey": 5, "refreshToken": "r"}'],
    ['a key of another vendor', console({ apiKey: 'AKIAIOSFODNN7EXAMPLE' })],
    ['base64 of something else', Buffer.from('{"endpoint":"e"}').toString('base64')],
    ['two dots and no JWT', 'a.b.c'],
    ['validUntil in words', console({ validUntil: 'tomorrow' })],
    ['validUntil below zero', console({ validUntil: -1 })],
    ['validUntil in milliseconds', console({ validUntil: VALID_UNTIL * 1000 })],
    ['validUntil empty', console({ validUntil: '' })],
  ])('%s', (_, text) => {
    const content = parseSecretValue(text);
    expect(content.kind).toBe('unparsable');
    // The problem is told without a word of the value.
    const told = JSON.stringify(content);
    for (const secret of ['hunter2', 'refresh-token-1', v1Key(), 'AKIA']) {
      expect(told).not.toContain(secret);
    }
  });
});

describe('what rotation writes', () => {
  const refreshed = { apiKey: 'k2', refreshToken: 'r2', endpoint: 'e2', validUntil: 2 };

  test('the same shape plus the endpoint, other fields kept', () => {
    expect(JSON.parse(renderSecretValue(refreshed, { apiKey: 'k1', note: [1] }))).toEqual({
      ...refreshed,
      note: [1],
    });
  });

  test('an application that reads the older spelling gets the new key too', () => {
    expect(JSON.parse(renderSecretValue(refreshed, { authToken: 'k1' }))).toEqual({
      ...refreshed,
      authToken: 'k2',
    });
  });
});

test('the redactor learns the credentials of a value, and not the words around them', () => {
  const key = v1Key();
  const wireKey = JSON.parse(Buffer.from(key, 'base64').toString('utf8')).api_key;
  const words = { region: 'eu-west-1', endpoint: 'cell-1.prod.momentohq.com' };
  expect(new Set(credentialsIn(console({ ...words, authToken: 'older-spelling' })))).toEqual(
    new Set([key, wireKey, 'refresh-token-1', 'older-spelling']),
  );
  expect(credentialsIn('  hunter2-hunter2\n')).toContain('hunter2-hunter2');
});
