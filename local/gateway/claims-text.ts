// A token's claims as API Gateway hands them to a function: every one of them as text.
//
//   ["admin", "editor"] → "[admin editor]"     1700000000 → "1700000000"     true → "true"
//   {"a": 1}            → "{\"a\":1}"          null       → left out

export function claimsAsText(claims: Readonly<Record<string, unknown>>): Record<string, string> {
  return Object.fromEntries(
    Object.entries(claims).flatMap(([name, value]) =>
      value === null || value === undefined ? [] : [[name, asText(value)]],
    ),
  );
}

/** Ambiguous on purpose: `["a b"]` and `["a", "b"]` read the same, as they do when deployed. */
function asText(value: unknown): string {
  if (typeof value === 'string') return value;
  if (Array.isArray(value)) return `[${value.map(asText).join(' ')}]`;
  // Never in the form 1e+21.
  if (typeof value === 'number' && Number.isInteger(value)) return BigInt(value).toString();
  return JSON.stringify(value);
}
