import { expect, test } from '@jest/globals';
import { Redactor } from '../../../lambda/shared/redaction.ts';
import { jwt, v1Key } from '../momento-key.ts';

const SECRET = 'canary/"refresh"+token=';

function knowing(...secrets: string[]): Redactor {
  const redactor = new Redactor();
  redactor.learn(...secrets);
  return redactor;
}

test.each([
  ['as it is', `x ${SECRET} y`],
  ['inside JSON', JSON.stringify({ message: SECRET })],
  ['as base64', Buffer.from(SECRET).toString('base64')],
  ['in a URL', `https://example.com/?t=${encodeURIComponent(SECRET)}`],
])('a learned secret is taken out %s', (_, text) => {
  const clean = knowing(SECRET).text(text);
  expect(clean).toContain('[redacted]');
  expect(clean).not.toMatch(/canary|Y2FuYXJ5/);
});

test.each([
  ['a v1 key', v1Key()],
  ['a JWT', jwt({ sub: 'someone' })],
  ['a JWT cut off', jwt({ sub: 'someone' }).slice(0, -12)],
  [
    'the other order of a v1 key',
    Buffer.from('{"api_key":"abcdefgh","endpoint":"e"}').toString('base64'),
  ],
])('what looks like a credential is taken out though nobody learned it: %s', (_, credential) => {
  expect(new Redactor().text(`a ${credential} b`)).toBe('a [redacted] b');
});

test('it reaches into objects, arrays, keys, errors and their causes', () => {
  const error = new Error(`refused ${SECRET}`, { cause: new Error(SECRET) });
  const clean = knowing(SECRET).value({ a: [SECRET], [SECRET]: { error }, n: 1, nothing: null });
  expect(JSON.stringify(clean)).not.toContain('canary');
  expect(clean).toMatchObject({ a: ['[redacted]'], n: 1, nothing: null });
});

test('ordinary words stay, even when somebody stores one as a secret', () => {
  expect(knowing('default', ' ', '').text('the default key')).toBe('the default key');
});

test('a secret inside a longer one does not leave the rest behind', () => {
  expect(knowing('token-12', 'token-1234').text('token-1234')).toBe('[redacted]');
});
