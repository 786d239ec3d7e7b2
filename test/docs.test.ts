// What the documents say of the code is compared with the code.

import { readFileSync } from 'node:fs';
import { expect, test } from '@jest/globals';
import { OUTCOME_OF } from '../lambda/rotate-key/outcome.ts';

const read = (path: string): string => readFileSync(new URL(`../${path}`, import.meta.url), 'utf8');

test('docs/reasons.md lists every reason once, with its outcome', () => {
  const listed = [
    ...read('docs/reasons.md').matchAll(/^\| `([a-z0-9-]+)` *\|(?: `([a-z-]+)` *\|)?/gm),
  ].map(([, reason, outcome = 'failed']) => [reason, outcome]);
  expect(Object.fromEntries(listed)).toEqual(OUTCOME_OF);
  expect(listed).toHaveLength(Object.keys(OUTCOME_OF).length);
});
