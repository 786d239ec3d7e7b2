// A key that somebody wants to put in: read, judged without asking anybody, and written in the console's shape. Pure.

import { leastLifeSeconds, type Pace } from '../lambda/rotate-key/due.ts';
import { duration, instant } from '../lambda/rotate-key/wording.ts';
import type { ApiKeyFacts } from '../lambda/shared/api-key.ts';
import { parseSecretValue, type SecretContent } from '../lambda/shared/secret-value.ts';
import { contradictionSentence, endContradiction, rightEnd } from './own-end.ts';
import { Problem } from './problem.ts';

export interface Candidate {
  readonly apiKey: string;
  /** Undefined for a key that nothing can renew. */
  readonly refreshToken: string | undefined;
  /** Epoch seconds; 0 never; undefined unknown. */
  readonly validUntil: number | undefined;
  readonly key: ApiKeyFacts;
  /** host[:port] of the control plane; undefined for a v2 key that comes without its endpoint. */
  readonly controlEndpoint: string | undefined;
  readonly kind: 'renewable' | 'no-refresh-token' | 'v2-key';
  /** What the file says besides. */
  readonly otherFields: Fields;
}

type Fields = Readonly<Record<string, unknown>>;

const PAIR_FIELDS = ['apiKey', 'authToken', 'refreshToken', 'validUntil'];
const CONSOLE =
  "In Momento's console make a key with an expiry and its refresh token, and press Download JSON.";

/** Throws `Problem` for what is no key, or a dead one. It never quotes the text. */
export function readCandidate(text: string, nowMs: number): Candidate {
  const content = parseSecretValue(text);
  if (content.kind === 'unparsable') {
    throw new Problem(`This is no key: ${content.problem}.`, { next: CONSOLE });
  }
  const candidate = candidateOf(content, text);
  const { validUntil, kind, key } = candidate;
  const contradiction = endContradiction(validUntil, key);
  const ownEnd = contradiction?.own;
  if (ownEnd !== undefined && ownEnd * 1000 <= nowMs) {
    throw new Problem(`This key ended at ${instant(ownEnd * 1000)}.`, { next: CONSOLE });
  }
  if (contradiction !== undefined) {
    throw new Problem(contradictionSentence(contradiction), {
      next: `Write ${rightEnd(contradiction)} into the file.`,
    });
  }
  if (validUntil !== undefined && validUntil !== 0 && validUntil * 1000 <= nowMs) {
    throw new Problem(`This key ended at ${instant(validUntil * 1000)}.`, { next: CONSOLE });
  }
  if (kind === 'renewable' && validUntil === undefined) {
    throw new Problem('Neither the file nor the key says when the key ends.', {
      next: 'Write "validUntil" into the file: epoch seconds, or 0 for never.',
    });
  }
  return candidate;
}

function candidateOf(
  content: Exclude<SecretContent, { kind: 'unparsable' }>,
  text: string,
): Candidate {
  const trimmed = text.trim();
  const fields: Fields = trimmed.startsWith('{') ? JSON.parse(trimmed) : {};
  const otherFields = Object.fromEntries(
    Object.entries(fields).filter(([name]) => !PAIR_FIELDS.includes(name)),
  );
  if (content.kind === 'pair') {
    const { apiKey, refreshToken, validUntil, key, controlEndpoint } = content.pair;
    return {
      apiKey,
      refreshToken,
      validUntil,
      key,
      controlEndpoint,
      kind: 'renewable',
      otherFields,
    };
  }
  const { key, validUntil, endpoint, why } = content;
  return {
    apiKey: trimmed.startsWith('{') ? firstKey(fields) : trimmed,
    refreshToken: undefined,
    validUntil,
    key,
    controlEndpoint: key.controlEndpoint ?? (endpoint && `control.${endpoint}`),
    kind: why,
    otherFields,
  };
}

/** As `parseSecretValue` chose it. */
const firstKey = ({ apiKey, authToken }: Fields): string =>
  [apiKey, authToken]
    .filter((value) => typeof value === 'string')
    .map((value) => value.trim())
    .find((value) => value !== '') ?? '';

/**
 * The console's shape. Fields that a person keeps beside the key in the secret stay; those that belong to the old
 * key do not.
 */
export function renderCandidate(
  { apiKey, refreshToken, validUntil, otherFields }: Candidate,
  kept: Fields,
): string {
  return JSON.stringify({
    ...kept,
    ...('authToken' in kept && { authToken: apiKey }),
    apiKey,
    ...(refreshToken !== undefined && { refreshToken }),
    ...(validUntil !== undefined && { validUntil }),
    ...otherFields,
  });
}

const OF_THE_OLD_KEY = ['apiKey', 'refreshToken', 'validUntil', 'endpoint'];

/** The fields of the secret's present value that are not about its key. */
export function fieldsToKeep(present: string | undefined): Fields {
  if (present === undefined || !present.trim().startsWith('{')) return {};
  try {
    return Object.fromEntries(
      Object.entries(JSON.parse(present) as Fields).filter(
        ([name]) => !OF_THE_OLD_KEY.includes(name),
      ),
    );
  } catch {
    return {};
  }
}

/** What will not go as people expect; each a sentence. Empty for a key that will be kept fresh. */
export function doubtsOf(
  { kind, validUntil }: Candidate,
  nowMs: number,
  pace: Pace,
): readonly string[] {
  const ends = validUntil ? `It ends at ${instant(validUntil * 1000)}` : 'It stays as it is';
  if (kind === 'v2-key') {
    return [
      `It is a v2 key, which has no refresh token, so it will not be renewed. ${ends}; you hear of it before.`,
    ];
  }
  if (kind === 'no-refresh-token') {
    return [`It has no refresh token, so nothing can renew it. ${ends}; you hear of it before.`];
  }
  if (validUntil === 0)
    return ['It never expires, so it will not be renewed. A key that expires is safer.'];
  const lifeSeconds = (validUntil ?? 0) - nowMs / 1000;
  const least = leastLifeSeconds(pace);
  if (lifeSeconds >= least) return [];
  return [
    `It lives ${duration(lifeSeconds)} from now: too short to be renewed reliably, as keys are looked at every ${duration(pace.scheduleIntervalSeconds)}. ${duration(least)} are enough.`,
  ];
}
