// The shipped policies and their schema for editors are what the code says.
import { readFileSync } from 'node:fs';
import { expect, test } from '@jest/globals';
import { parseConfig } from '../../lib/config.ts';
import { tokenPoliciesJsonSchema } from '../../lib/token-policies-schema.ts';

const shipped = (name: string): unknown =>
  JSON.parse(readFileSync(new URL(`../../${name}`, import.meta.url), 'utf8'));

test('token-policies.schema.json is what the code generates', () => {
  // Otherwise: npm run policies:schema
  expect(shipped('token-policies.schema.json')).toEqual(
    JSON.parse(JSON.stringify(tokenPoliciesJsonSchema())),
  );
});

test('the schema takes no property that it does not know, anywhere', () => {
  const objects = objectsIn(shipped('token-policies.schema.json'));
  expect(objects.length).toBeGreaterThan(10);
  for (const schema of objects) expect(schema).toHaveProperty('additionalProperties');
});

test('token-policies.json points to it, and is accepted by default', () => {
  expect(shipped('token-policies.json')).toMatchObject({ $schema: './token-policies.schema.json' });
  expect(parseConfig({}).tokenEndpoint).toMatchObject({
    policies: { content: shipped('token-policies.json') },
  });
});

/** Every schema of an object. */
function objectsIn(value: unknown): readonly object[] {
  if (typeof value !== 'object' || value === null) return [];
  const own = 'type' in value && value.type === 'object' ? [value] : [];
  return [...own, ...Object.values(value).flatMap(objectsIn)];
}
