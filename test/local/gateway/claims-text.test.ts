// The golden table of claims in API Gateway's string form.

import { expect, test } from '@jest/globals';
import { claimsAsText } from '../../../local/gateway/claims-text.ts';

test.each<[unknown, string | undefined]>([
  ['text', 'text'],
  ['', ''],
  [['admin', 'editor'], '[admin editor]'],
  [['admin'], '[admin]'],
  [[], '[]'],
  // What cannot be told apart when deployed cannot be told apart here.
  [['a b', 'c'], '[a b c]'],
  [['x] [admin'], '[x] [admin]'],
  ['[admin editor]', '[admin editor]'],
  [[1, true, 'x'], '[1 true x]'],
  [[['a', 'b'], 'c'], '[[a b] c]'],
  [1_795_345_928, '1795345928'],
  [0, '0'],
  [-1, '-1'],
  [1.5, '1.5'],
  [9_007_199_254_740_991, '9007199254740991'],
  [1e21, '1000000000000000000000'],
  [true, 'true'],
  [false, 'false'],
  [null, undefined],
  [{ a: { b: [1, null] } }, '{"a":{"b":[1,null]}}'],
  [[{ a: 1 }], '[{"a":1}]'],
])('%j → %j', (value, expected) => {
  expect(claimsAsText({ claim: value })).toEqual(expected === undefined ? {} : { claim: expected });
});

test('a claim may have any name', () => {
  const claims: unknown = JSON.parse(
    '{"__proto__": "x", "custom:tenantId": "t", "constructor": 1}',
  );
  const text = claimsAsText({ ...(claims as Record<string, unknown>) });
  expect(text['custom:tenantId']).toBe('t');
  expect(text.constructor).toBe('1');
  expect(Object.getPrototypeOf(text)).toBe(Object.prototype);
});
