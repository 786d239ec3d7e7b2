// The older query protocol: a form in (`AlarmNames.member.1=…`), XML out. SNS knows no other.

import type { AwsError } from './aws-error.ts';
import type { Operation } from './service.ts';

/** One AWS service of the query protocol. */
export interface QueryService {
  /** The form's `Version`: by it a request is told from another service's. */
  readonly version: string;
  readonly xmlNamespace: string;
  /** The name in the credential scope. */
  readonly signingName: string;
  /** Every scalar of an input is text. */
  readonly operations: Readonly<Record<string, Operation>>;
}

interface Branch {
  [key: string]: Branch | string;
}

/** The form's fields, with lists as lists. Every scalar is text. */
export function readForm(form: URLSearchParams): unknown {
  const root: Branch = Object.create(null);
  for (const [name, value] of form) {
    // Lists are written with `member` between their name and the index; it means nothing.
    const path = name.split('.').filter((part) => part !== 'member');
    const last = path.pop() ?? '';
    let branch = root;
    for (const part of path) {
      const next = branch[part];
      if (typeof next === 'object') branch = next;
      else branch = branch[part] = Object.create(null) as Branch;
    }
    branch[last] = value;
  }
  return withLists(root);
}

function withLists(value: Branch | string): unknown {
  if (typeof value === 'string') return value;
  const entries = Object.entries(value);
  if (entries.length > 0 && entries.every(([key]) => /^[1-9]\d*$/.test(key))) {
    // Keys that are whole numbers come in their order.
    return entries.map(([, item]) => withLists(item));
  }
  return Object.fromEntries(entries.map(([key, item]) => [key, withLists(item)]));
}

/** The answer to a call that took effect. */
export function xmlAnswer(
  { xmlNamespace }: Pick<QueryService, 'xmlNamespace'>,
  action: string,
  output: unknown,
  requestId: string,
): string {
  return (
    `<${action}Response xmlns="${escapeXml(xmlNamespace)}">` +
    `<${action}Result>${xml(output)}</${action}Result>` +
    `<ResponseMetadata><RequestId>${escapeXml(requestId)}</RequestId></ResponseMetadata>` +
    `</${action}Response>`
  );
}

export function xmlFailure(
  { xmlNamespace }: Pick<QueryService, 'xmlNamespace'>,
  error: AwsError,
  requestId: string,
): string {
  return (
    `<ErrorResponse xmlns="${escapeXml(xmlNamespace)}"><Error><Type>Sender</Type>` +
    `<Code>${escapeXml(error.queryCode ?? error.name)}</Code>` +
    `<Message>${escapeXml(error.message)}</Message></Error>` +
    `<RequestId>${escapeXml(requestId)}</RequestId></ErrorResponse>`
  );
}

function xml(value: unknown): string {
  if (value === undefined || value === null) return '';
  if (value instanceof Date) return value.toISOString();
  if (Array.isArray(value)) return value.map((item) => `<member>${xml(item)}</member>`).join('');
  if (typeof value === 'object') {
    return Object.entries(value)
      .filter(([, item]) => item !== undefined)
      .map(([name, item]) => `<${name}>${xml(item)}</${name}>`)
      .join('');
  }
  return escapeXml(String(value));
}

export function escapeXml(text: string): string {
  return text.replace(/[&<>"']/g, (character) => `&#${character.charCodeAt(0)};`);
}
