// Random permissions, for property tests.

import fc from 'fast-check';
import type { Permission } from '../../../lambda/vend-token/scope.ts';

/** Any text that a name may be made of, without lone surrogates: those have no UTF-8. */
export const nameArbitrary = fc.string({ minLength: 1, maxLength: 40, unit: 'binary' });

const cache = fc.oneof(
  fc.constant({ all: true } as const),
  nameArbitrary.map((name) => ({ name })),
);
const target = fc.oneof(
  cache,
  nameArbitrary.map((prefix) => ({ prefix })),
);

/** Objects like those of the code, for strict comparison. */
const PLAIN = { noNullPrototype: true } as const;

export const permissionArbitrary: fc.Arbitrary<Permission> = fc.oneof(
  fc.record(
    {
      kind: fc.constant('item' as const),
      role: fc.constantFrom('readonly' as const, 'readwrite' as const, 'writeonly' as const),
      cache,
      target,
    },
    PLAIN,
  ),
  fc.record(
    {
      kind: fc.constant('topic' as const),
      role: fc.constantFrom(
        'subscribeonly' as const,
        'publishonly' as const,
        'publishsubscribe' as const,
      ),
      cache,
      target,
    },
    PLAIN,
  ),
  fc.record(
    {
      kind: fc.constant('function' as const),
      role: fc.constant('invoke' as const),
      cache,
      target,
    },
    PLAIN,
  ),
);
