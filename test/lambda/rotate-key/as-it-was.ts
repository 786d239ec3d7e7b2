// What a read of Secrets Manager answers that does not know yet of the last writes.

import type {
  DescribeSecretResponse,
  GetSecretValueCommandInput,
  ListSecretVersionIdsResponse,
} from '@aws-sdk/client-secrets-manager';
import { resourceNotFound } from '../../../local/aws/aws-error.ts';
import type { VersionSnapshot } from '../../../local/aws/secrets-manager.ts';

export function asItWas(
  call: string,
  input: GetSecretValueCommandInput,
  answer: object,
  versions: readonly VersionSnapshot[],
): object {
  const stages = new Map(versions.map((version) => [version.versionId, [...version.stages]]));
  switch (call) {
    case 'DescribeSecret': {
      const labelled = [...stages].filter(([, labels]) => labels.length > 0);
      return {
        ...answer,
        VersionIdsToStages: Object.fromEntries(labelled),
      } satisfies DescribeSecretResponse;
    }
    case 'ListSecretVersionIds': {
      const { Versions = [] } = answer as ListSecretVersionIdsResponse;
      const known = Versions.flatMap(({ VersionStages: _, ...version }) => {
        const labels = stages.get(version.VersionId ?? '');
        return labels === undefined ? [] : { ...version, VersionStages: labels };
      });
      return { ...answer, Versions: known } satisfies ListSecretVersionIdsResponse;
    }
    case 'GetSecretValue':
      if (stages.has(input.VersionId ?? '')) return answer;
      throw resourceNotFound(
        `Secrets Manager can't find the specified secret value for VersionId: ${input.VersionId}`,
      );
    default:
      throw new Error(`${call} is no read.`);
  }
}
