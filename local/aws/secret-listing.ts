// Lists of secrets: what an entry shows, what a filter lets through, and pages.

import type { Filter, SecretListEntry, Tag } from '@aws-sdk/client-secrets-manager';
import { AwsError, invalidParameter, validationFailed } from './aws-error.ts';
import { type Secret, versionIdsToStages } from './secret-versions.ts';

export function listEntry(secret: Secret): SecretListEntry {
  const { deletion } = secret;
  const stages = versionIdsToStages(secret);
  return {
    ...shownOf(secret),
    // A list tells when the deletion was asked for, DescribeSecret when it comes.
    ...(deletion === undefined ? {} : { DeletedDate: new Date(deletion.requestedAtMs) }),
    ...(stages === undefined ? {} : { SecretVersionsToStages: stages }),
  };
}

/** What a list and DescribeSecret show alike. */
export function shownOf(secret: Secret) {
  const { description, keyArn, accessedAtMs } = secret;
  return {
    ARN: secret.arn,
    Name: secret.name,
    ...(description === undefined ? {} : { Description: description }),
    ...(keyArn === undefined ? {} : { KmsKeyId: keyArn }),
    LastChangedDate: new Date(secret.changedAtMs),
    ...(accessedAtMs === undefined ? {} : { LastAccessedDate: new Date(accessedAtMs) }),
    ...(secret.tags.size === 0 ? {} : { Tags: tagList(secret) }),
    CreatedDate: new Date(secret.createdAtMs),
  };
}

function tagList(secret: Secret): Tag[] {
  return [...secret.tags].map(([Key, Value]) => ({ Key, Value }));
}

/** Values of one filter are alternatives; a leading `!` turns one round. All filters must pass. */
export function passes(secret: Secret, filter: Filter): boolean {
  const candidates = filterCandidates(secret, filter.Key);
  const ignoreCase = filter.Key === 'description';
  return (filter.Values ?? []).some((raw) => {
    const negated = raw.startsWith('!');
    const wanted = negated ? raw.slice(1) : raw;
    const found = candidates.some((candidate) =>
      ignoreCase
        ? candidate.toLowerCase().startsWith(wanted.toLowerCase())
        : candidate.startsWith(wanted),
    );
    return found !== negated;
  });
}

function filterCandidates(secret: Secret, key: Filter['Key']): readonly string[] {
  switch (key) {
    case 'name':
      return [secret.name];
    case 'description':
      return [secret.description ?? ''];
    case 'tag-key':
      return [...secret.tags.keys()];
    case 'tag-value':
      return [...secret.tags.values()];
    default:
      throw invalidParameter(`The filter key ${key} is not supported by the local stack.`);
  }
}

export function paginate<T>(
  items: readonly T[],
  input: { MaxResults?: number | undefined; NextToken?: string | undefined },
): { items: readonly T[]; next: { NextToken?: string } } {
  const size = input.MaxResults ?? 100;
  if (!Number.isInteger(size) || size < 1 || size > 100) {
    throw validationFailed(
      "1 validation error detected: Value at 'maxResults' failed to satisfy constraint: Member must have value between 1 and 100",
    );
  }
  const start = input.NextToken === undefined ? 0 : Number(input.NextToken.replace(/^from-/, ''));
  if (!Number.isInteger(start) || start < 0 || (start > 0 && start >= items.length)) {
    throw new AwsError('InvalidNextTokenException', 'The NextToken value is invalid.');
  }
  const end = start + size;
  return {
    items: items.slice(start, end),
    next: end < items.length ? { NextToken: `from-${end}` } : {},
  };
}
