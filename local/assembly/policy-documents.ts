// Policy documents in IAM's own words, with every list written as a list.

import * as v from 'valibot';
import { narrow } from './template.ts';

/** An IAM statement: still valid IAM JSON, so that any evaluator of IAM JSON can read it. */
export interface PolicyStatement {
  readonly Sid?: string;
  readonly Effect: 'Allow' | 'Deny';
  readonly Action?: readonly string[];
  readonly NotAction?: readonly string[];
  readonly Resource?: readonly string[];
  readonly NotResource?: readonly string[];
  /** Only in resource policies; `{ "*": ["*"] }` is everybody. */
  readonly Principal?: Readonly<Record<string, readonly string[]>>;
  readonly Condition?: Readonly<Record<string, Readonly<Record<string, readonly string[]>>>>;
}

const list = v.pipe(
  v.union([v.string(), v.array(v.string())]),
  v.transform((value) => (typeof value === 'string' ? [value] : value)),
);

const conditionValues = v.pipe(
  v.union([
    v.union([v.string(), v.number(), v.boolean()]),
    v.array(v.union([v.string(), v.number(), v.boolean()])),
  ]),
  v.transform((value) => (Array.isArray(value) ? value : [value]).map(String)),
);

const principal = v.union([
  v.pipe(
    v.literal('*'),
    v.transform((): Record<string, string[]> => ({ '*': ['*'] })),
  ),
  v.record(v.string(), list),
]);

// Strict: a key that is not read, such as NotPrincipal, would silently widen what a policy allows.
const statementSchema = v.pipe(
  v.strictObject({
    Sid: v.exactOptional(v.string()),
    Effect: v.picklist(['Allow', 'Deny']),
    Action: v.exactOptional(list),
    NotAction: v.exactOptional(list),
    Resource: v.exactOptional(list),
    NotResource: v.exactOptional(list),
    Principal: v.exactOptional(principal),
    Condition: v.exactOptional(v.record(v.string(), v.record(v.string(), conditionValues))),
  }),
  v.check(
    ({ Action, NotAction }) => (Action === undefined) !== (NotAction === undefined),
    'needs Action or NotAction, and not both',
  ),
);

const documentSchema = v.looseObject({
  Statement: v.pipe(
    v.union([v.array(v.unknown()), v.record(v.string(), v.unknown())]),
    v.transform((value): unknown[] => (Array.isArray(value) ? value : [value])),
  ),
});

export function readPolicyDocument(document: unknown, where: string): PolicyStatement[] {
  const { Statement } = narrow(documentSchema, document, where);
  return Statement.map((statement, index) =>
    narrow(statementSchema, statement, `${where}: Statement ${index}`),
  );
}
