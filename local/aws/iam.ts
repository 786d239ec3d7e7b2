// Identity policies, evaluated as IAM documents it: an explicit deny wins, then an allow, then nothing.
//
// Fails closed and loudly: what this file does not know (a condition operator, a policy variable, a
// `Principal`) throws, so that a template never seems to work here on a rule that was skipped.

type OneOrMore<T> = T | readonly T[];

/** Operator → condition key → expected values, as in a policy document. */
export type ConditionBlock = Readonly<
  Record<string, Readonly<Record<string, OneOrMore<string | boolean | number>>>>
>;

/** One statement of an identity policy, in the policy document's own words. */
export interface PolicyStatement {
  readonly Sid?: string;
  readonly Effect: 'Allow' | 'Deny';
  readonly Action?: OneOrMore<string>;
  readonly NotAction?: OneOrMore<string>;
  readonly Resource?: OneOrMore<string>;
  readonly NotResource?: OneOrMore<string>;
  readonly Condition?: ConditionBlock;
}

/** Values of condition keys for one call. A key that is absent or undefined is not in the request. */
export type RequestContext = Readonly<Record<string, OneOrMore<string> | undefined>>;

export interface AuthorizationRequest {
  /** `service:Operation` */
  readonly action: string;
  readonly resource: string;
  readonly context?: RequestContext;
}

export type Decision = 'allow' | 'explicit-deny' | 'implicit-deny';

/** A policy that this evaluator cannot honour. Never caught and ignored: the policy must be changed. */
export class UnsupportedPolicy extends Error {
  override readonly name = 'UnsupportedPolicy';
}

/**
 * What an identity with these statements may do.
 * @throws UnsupportedPolicy when any statement, matching or not, has something unknown in it.
 */
export function evaluate(
  statements: readonly PolicyStatement[],
  request: AuthorizationRequest,
): { decision: Decision } {
  assertSupported(statements);
  const matching = statements.filter((statement) => applies(statement, request));
  if (matching.some((statement) => statement.Effect === 'Deny')) {
    return { decision: 'explicit-deny' };
  }
  return { decision: matching.length > 0 ? 'allow' : 'implicit-deny' };
}

/** Policies that have passed: each call is decided by its caller's, and they do not change. */
const supported = new WeakSet<readonly PolicyStatement[]>();

/** Checks the whole of a policy once, at the door, before any call depends on it. */
export function assertSupported(statements: readonly PolicyStatement[]): void {
  if (supported.has(statements)) return;
  for (const statement of statements) {
    const label = statement.Sid ?? JSON.stringify(statement);
    for (const key of Object.keys(statement)) {
      if (!STATEMENT_KEYS.has(key)) {
        throw new UnsupportedPolicy(`Statement ${label}: "${key}" is not part of what runs here.`);
      }
    }
    if (statement.Effect !== 'Allow' && statement.Effect !== 'Deny') {
      throw new UnsupportedPolicy(`Statement ${label}: Effect must be Allow or Deny.`);
    }
    assertExactlyOne(label, 'Action', statement.Action, statement.NotAction);
    assertExactlyOne(label, 'Resource', statement.Resource, statement.NotResource);
    for (const [operator, entries] of Object.entries(statement.Condition ?? {})) {
      parseOperator(operator);
      for (const value of Object.values(entries).flatMap(list)) assertNoVariable(label, value);
    }
  }
  supported.add(statements);
}

const STATEMENT_KEYS = new Set([
  'Sid',
  'Effect',
  'Action',
  'NotAction',
  'Resource',
  'NotResource',
  'Condition',
]);

function assertExactlyOne(
  label: string,
  element: string,
  positive: OneOrMore<string> | undefined,
  negative: OneOrMore<string> | undefined,
): void {
  if ((positive === undefined) === (negative === undefined)) {
    throw new UnsupportedPolicy(
      `Statement ${label}: write exactly one of ${element} and Not${element}.`,
    );
  }
  for (const value of list(positive ?? negative ?? [])) {
    if (typeof value !== 'string') {
      throw new UnsupportedPolicy(
        `Statement ${label}: ${element} has a value that is no text: ${JSON.stringify(value)}. Resolve the template's functions first.`,
      );
    }
    assertNoVariable(label, value);
  }
}

function assertNoVariable(label: string, value: string | boolean | number): void {
  if (typeof value === 'string' && value.includes('${')) {
    throw new UnsupportedPolicy(`Statement ${label}: policy variables are not supported: ${value}`);
  }
}

function applies(statement: PolicyStatement, request: AuthorizationRequest): boolean {
  const action = request.action.toLowerCase();
  const actionMatches = (pattern: string) => glob(pattern.toLowerCase(), action);
  const resourceMatches = (pattern: string) => glob(pattern, request.resource);
  return (
    (statement.Action !== undefined
      ? list(statement.Action).some(actionMatches)
      : !list(statement.NotAction ?? []).some(actionMatches)) &&
    (statement.Resource !== undefined
      ? list(statement.Resource).some(resourceMatches)
      : !list(statement.NotResource ?? []).some(resourceMatches)) &&
    conditionsHold(statement.Condition ?? {}, request.context ?? {})
  );
}

function conditionsHold(condition: ConditionBlock, context: RequestContext): boolean {
  // Names of condition keys are case-insensitive.
  const present = new Map<string, readonly string[]>();
  for (const [key, value] of Object.entries(context)) {
    if (value !== undefined) present.set(key.toLowerCase(), list(value));
  }
  return Object.entries(condition).every(([operator, entries]) =>
    Object.entries(entries).every(([key, expected]) =>
      parseOperator(operator)(present.get(key.toLowerCase()), list(expected).map(String)),
    ),
  );
}

type Test = (actual: readonly string[] | undefined, expected: readonly string[]) => boolean;
type Compare = (actual: string, expected: string) => boolean;

const COMPARISONS: Readonly<Record<string, { compare: Compare; negated?: true }>> = {
  StringEquals: { compare: (actual, expected) => actual === expected },
  StringNotEquals: { compare: (actual, expected) => actual === expected, negated: true },
  StringEqualsIgnoreCase: {
    compare: (actual, expected) => actual.toLowerCase() === expected.toLowerCase(),
  },
  StringLike: { compare: (actual, expected) => glob(expected, actual) },
  StringNotLike: { compare: (actual, expected) => glob(expected, actual), negated: true },
  ArnLike: { compare: arnLike },
  ArnNotLike: { compare: arnLike, negated: true },
  // IAM documents ArnEquals and ArnLike as behaving identically.
  ArnEquals: { compare: arnLike },
  ArnNotEquals: { compare: arnLike, negated: true },
  Bool: { compare: (actual, expected) => actual.toLowerCase() === expected.toLowerCase() },
};

function parseOperator(operator: string): Test {
  if (operator === 'Null') {
    return (actual, expected) => expected.includes(String(actual === undefined));
  }
  const match = /^(?:(ForAnyValue|ForAllValues):)?(\w+?)(IfExists)?$/.exec(operator);
  const comparison = Object.hasOwn(COMPARISONS, match?.[2] ?? '')
    ? COMPARISONS[match?.[2] ?? '']
    : undefined;
  if (match === null || comparison === undefined) {
    throw new UnsupportedPolicy(
      `The condition operator "${operator}" is not known here. Add it to the evaluator, with tests on both sides.`,
    );
  }
  const [, quantifier, , ifExists] = match;
  const { compare, negated } = comparison;
  const one = (actual: string, expected: readonly string[]) =>
    expected.some((value) => compare(actual, value)) !== (negated ?? false);

  return (actual, expected) => {
    if (actual === undefined) {
      if (quantifier === 'ForAllValues') return true;
      if (ifExists !== undefined) return true;
      // A negated operator holds for a key that is not there; any other does not.
      return quantifier === undefined && negated === true;
    }
    if (quantifier === 'ForAnyValue') return actual.some((value) => one(value, expected));
    if (quantifier === 'ForAllValues') return actual.every((value) => one(value, expected));
    return negated
      ? actual.every((value) => one(value, expected))
      : actual.some((value) => one(value, expected));
  };
}

/** Each of an ARN's six parts is matched by itself: no wildcard reaches over a colon of the first five. */
function arnLike(actual: string, expected: string): boolean {
  const [actualParts, expectedParts] = [arnParts(actual), arnParts(expected)];
  if (actualParts.length !== 6 || expectedParts.length !== 6) return false;
  return expectedParts.every((part, index) => glob(part, actualParts[index] ?? ''));
}

function arnParts(arn: string): string[] {
  const parts = arn.split(':');
  return parts.length <= 6 ? parts : [...parts.slice(0, 5), parts.slice(5).join(':')];
}

/** `*` stands for any text, `?` for one character; everything else for itself. Linear, no backtracking blow-up. */
function glob(pattern: string, text: string): boolean {
  let [p, t, starAt, resumeAt] = [0, 0, -1, 0];
  while (t < text.length) {
    if (pattern[p] === '*') {
      starAt = p++;
      resumeAt = t;
    } else if (p < pattern.length && (pattern[p] === '?' || pattern[p] === text[t])) {
      p++;
      t++;
    } else if (starAt >= 0) {
      p = starAt + 1;
      t = ++resumeAt;
    } else {
      return false;
    }
  }
  while (pattern[p] === '*') p++;
  return p === pattern.length;
}

function list<T>(value: OneOrMore<T>): readonly T[] {
  return Array.isArray(value) ? (value as readonly T[]) : [value as T];
}
