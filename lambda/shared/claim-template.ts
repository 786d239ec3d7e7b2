// Names with claims in them: `${custom:tenantId}:orders`. Split once; what a claim brings in is never read again.

export interface ClaimTemplate {
  /** As written. */
  readonly text: string;
  readonly parts: readonly TemplatePart[];
}

export type TemplatePart = { readonly literal: string } | { readonly claim: string };

/** What a claim's value must look like to stand in a name: nothing that could reach into a neighbour's. */
export const CLAIM_VALUE = /^[A-Za-z0-9._@+=-]{1,128}$/;
const CLAIM_CHARACTER = /[A-Za-z0-9._@+=-]/;

const PLACEHOLDER = /\$\{([A-Za-z0-9_:.@/-]+)\}/g;

/** A sentence about what is wrong with the text, or the template. */
export function parseClaimTemplate(text: string): ClaimTemplate | string {
  const parts: TemplatePart[] = [];
  let end = 0;
  for (const match of text.matchAll(PLACEHOLDER)) {
    if (match.index > end) parts.push({ literal: text.slice(end, match.index) });
    parts.push({ claim: match[1] ?? '' });
    end = match.index + match[0].length;
  }
  if (end < text.length) parts.push({ literal: text.slice(end) });
  const shape = 'write ${claim}';
  if (parts.some((part) => 'literal' in part && part.literal.includes('${'))) {
    return `it has a \${ that is no placeholder: ${shape}`;
  }
  return { text, parts };
}

export const claimsOf = ({ parts }: ClaimTemplate): string[] =>
  parts.flatMap((part) => ('claim' in part ? [part.claim] : []));

/**
 * What lets one user's names reach into another's, or undefined. Where two placeholders meet, or a prefix
 * ends in one, tenant `1` followed by `0` would be tenant `10`: a character that no claim can hold must
 * stand between them.
 */
export function delimiterProblem(
  { parts }: ClaimTemplate,
  kind: 'name' | 'prefix',
): string | undefined {
  const lastClaim = parts.findLastIndex((part) => 'claim' in part);
  for (const [index, part] of parts.entries()) {
    if (!('claim' in part) || (kind === 'name' && index === lastClaim)) continue;
    const next = parts[index + 1];
    const follows = next !== undefined && 'literal' in next ? next.literal : '';
    if (![...follows].some((character) => !CLAIM_CHARACTER.test(character))) {
      return `after \${${part.claim}} must stand a character that no claim can hold, such as ":" or "/": without it, tenant 1 would reach what is tenant 10's`;
    }
  }
  return undefined;
}

/** Undefined when a claim is missing or its value is not allowed; never substitutes twice. */
export function renderClaimTemplate(
  { parts }: ClaimTemplate,
  claimValue: (claim: string) => string | undefined,
): string | undefined {
  let text = '';
  for (const part of parts) {
    const piece = 'literal' in part ? part.literal : claimValue(part.claim);
    if (piece === undefined) return undefined;
    text += piece;
  }
  return text;
}
