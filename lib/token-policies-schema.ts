// The policies' schema for editors, made of the one in code. Run it to write token-policies.schema.json.
import { fileURLToPath } from 'node:url';
import { toJsonSchema } from '@valibot/to-json-schema';
import { TokenPoliciesSchema } from '../lambda/shared/token-policies.ts';

/** JSON Schema, draft 7. What it cannot say is checked at synthesis. */
export function tokenPoliciesJsonSchema(): object {
  return { ...toJsonSchema(TokenPoliciesSchema, { errorMode: 'ignore', typeMode: 'input' }) };
}

if (process.argv[1] === fileURLToPath(import.meta.url)) {
  process.stdout.write(`${JSON.stringify(tokenPoliciesJsonSchema(), undefined, 2)}\n`);
}
