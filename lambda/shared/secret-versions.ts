// The versions of a secret and the staging labels on them: the few Secrets Manager calls that rotation needs.
// Source of the semantics: Secrets Manager's API reference (labels move by compare-and-swap, a version is
// created once per ClientRequestToken).

import {
  DescribeSecretCommand,
  GetSecretValueCommand,
  ListSecretsCommand,
  ListSecretVersionIdsCommand,
  PutSecretValueCommand,
  type SecretsManagerClient,
  UpdateSecretVersionStageCommand,
} from '@aws-sdk/client-secrets-manager';
import type { Clock } from './clock.ts';
import { withTimeout } from './deadline.ts';
import { Failure } from './failure.ts';

export interface SecretDescription {
  readonly arn: string;
  /** Epoch milliseconds; set while the secret waits for its deletion. */
  readonly deletedAtMs: number | undefined;
  /** Staging label → version id. */
  readonly labels: ReadonlyMap<string, string>;
}

export interface SecretVersion {
  readonly versionId: string;
  readonly text: string;
  /** Epoch milliseconds. */
  readonly createdAtMs: number;
}

export interface ListedVersion {
  readonly versionId: string;
  /** Epoch milliseconds. */
  readonly createdAtMs: number;
}

export interface LabelMove {
  readonly from?: string;
  readonly to?: string;
}

export interface SecretTag {
  readonly key: string;
  readonly value: string;
}

/** Every method throws `SecretFailure` and nothing else. */
export interface SecretVersions {
  describe(secretId: string): Promise<SecretDescription>;
  /** `version-not-found` when there is no such version, or it has no value (yet). */
  read(secretId: string, versionId: string): Promise<SecretVersion>;
  /**
   * Creates a version under exactly this id and label; AWSCURRENT stays where it is. Repeating it with the
   * same text changes nothing; `version-exists` when the id was taken with another text.
   */
  create(secretId: string, versionId: string, text: string, label: string): Promise<void>;
  /** Compare-and-swap: `label-moved` when the label does not sit on `from`. Without `to` the label goes. */
  moveLabel(secretId: string, label: string, move: LabelMove): Promise<void>;
  /** All versions that Secrets Manager still has, labelled or not. */
  list(secretId: string): Promise<ListedVersion[]>;
  /** ARNs of all secrets with exactly this tag that can be written here: replicas of other Regions cannot. */
  listTagged(tag: SecretTag): Promise<string[]>;
}

export type SecretFailureCode =
  | 'secret-not-found'
  | 'version-not-found'
  | 'version-exists'
  | 'label-moved'
  | 'secret-scheduled-for-deletion'
  | 'access-denied'
  | 'kms-unusable'
  | 'secrets-manager-unavailable'
  | 'secrets-manager-refused';

export class SecretFailure extends Failure<SecretFailureCode> {}

/** One call, the SDK's own repetition included. Secrets Manager answers within tens of milliseconds. */
const CALL_TIMEOUT_MS = 4_000;

/** A second try may succeed by itself. */
export const isTransient = (error: unknown): boolean =>
  error instanceof SecretFailure && error.code === 'secrets-manager-unavailable';

/** Nobody knows whether it took effect. A call that was throttled surely did not. */
export const isUnanswered = (error: unknown): boolean =>
  isTransient(error) &&
  !(error instanceof Error && error.cause instanceof Error && THROTTLED.test(error.cause.name));

const THROTTLED = /^(Throttl|TooManyRequests|RequestLimitExceeded)/;

export class SecretsManagerVersions implements SecretVersions {
  readonly #client: SecretsManagerClient;
  readonly #clock: Clock;

  constructor(client: SecretsManagerClient, clock: Clock) {
    this.#client = client;
    this.#clock = clock;
  }

  async describe(secretId: string): Promise<SecretDescription> {
    const answer = await this.#send((options) =>
      this.#client.send(new DescribeSecretCommand({ SecretId: secretId }), options),
    );
    const labels = new Map<string, string>();
    for (const [versionId, stages] of Object.entries(answer.VersionIdsToStages ?? {})) {
      for (const stage of stages) labels.set(stage, versionId);
    }
    return {
      arn: answer.ARN ?? secretId,
      deletedAtMs: answer.DeletedDate?.getTime(),
      labels,
    };
  }

  async read(secretId: string, versionId: string): Promise<SecretVersion> {
    const answer = await this.#send((options) =>
      this.#client.send(
        new GetSecretValueCommand({ SecretId: secretId, VersionId: versionId }),
        options,
      ),
    );
    const text =
      answer.SecretString ??
      (answer.SecretBinary && Buffer.from(answer.SecretBinary).toString('utf8'));
    if (text === undefined || answer.CreatedDate === undefined) {
      throw new SecretFailure('version-not-found', `Version ${versionId} has no value.`);
    }
    return { versionId, text, createdAtMs: answer.CreatedDate.getTime() };
  }

  async create(secretId: string, versionId: string, text: string, label: string): Promise<void> {
    await this.#send((options) =>
      this.#client.send(
        new PutSecretValueCommand({
          SecretId: secretId,
          ClientRequestToken: versionId,
          SecretString: text,
          VersionStages: [label],
        }),
        options,
      ),
    );
  }

  async moveLabel(secretId: string, label: string, { from, to }: LabelMove): Promise<void> {
    const move = this.#send((options) =>
      this.#client.send(
        new UpdateSecretVersionStageCommand({
          SecretId: secretId,
          VersionStage: label,
          ...(from !== undefined && { RemoveFromVersionId: from }),
          ...(to !== undefined && { MoveToVersionId: to }),
        }),
        options,
      ),
    );
    await move.catch((failure: SecretFailure) => {
      // The compare of the compare-and-swap; nothing else in this request can be a wrong parameter.
      const { cause } = failure;
      if (!(cause instanceof Error) || cause.name !== 'InvalidParameterException') throw failure;
      throw new SecretFailure('label-moved', `${label} sits on another version by now.`, { cause });
    });
  }

  async list(secretId: string): Promise<ListedVersion[]> {
    const versions: ListedVersion[] = [];
    let token: string | undefined;
    do {
      const page = await this.#send((options) =>
        this.#client.send(
          new ListSecretVersionIdsCommand({
            SecretId: secretId,
            IncludeDeprecated: true,
            MaxResults: 100,
            ...(token !== undefined && { NextToken: token }),
          }),
          options,
        ),
      );
      for (const { VersionId, CreatedDate } of page.Versions ?? []) {
        if (VersionId === undefined || CreatedDate === undefined) continue;
        versions.push({ versionId: VersionId, createdAtMs: CreatedDate.getTime() });
      }
      token = page.NextToken;
    } while (token !== undefined);
    return versions;
  }

  async listTagged({ key, value }: SecretTag): Promise<string[]> {
    const arns: string[] = [];
    let token: string | undefined;
    do {
      const page = await this.#send((options) =>
        this.#client.send(
          new ListSecretsCommand({
            Filters: [
              { Key: 'tag-key', Values: [key] },
              { Key: 'tag-value', Values: [value] },
            ],
            MaxResults: 100,
            ...(token !== undefined && { NextToken: token }),
          }),
          options,
        ),
      );
      for (const { ARN, Tags = [], PrimaryRegion } of page.SecretList ?? []) {
        // The filters ask for beginnings, and for the value of any tag.
        const isTagged = Tags.some((tag) => tag.Key === key && tag.Value === value);
        const isReplica = PrimaryRegion !== undefined && PrimaryRegion !== ARN?.split(':')[3];
        if (ARN !== undefined && isTagged && !isReplica) arns.push(ARN);
      }
      token = page.NextToken;
    } while (token !== undefined);
    return arns;
  }

  async #send<T>(call: (options: { readonly abortSignal: AbortSignal }) => Promise<T>): Promise<T> {
    try {
      return await withTimeout(
        (abortSignal) => call({ abortSignal }),
        CALL_TIMEOUT_MS,
        this.#clock,
        () => new Error(`no answer within ${CALL_TIMEOUT_MS / 1000} s`),
      );
    } catch (error) {
      throw toSecretFailure(error);
    }
  }
}

/** What Secrets Manager's errors mean for us. The AWS message stays, as the cause and in the sentence. */
export function toSecretFailure(error: unknown): SecretFailure {
  const name = error instanceof Error ? error.name : 'Error';
  const said = error instanceof Error ? error.message : String(error);
  const failure = (code: SecretFailureCode, sentence: string) =>
    new SecretFailure(code, `${sentence} Secrets Manager said: ${name}: ${said}`, { cause: error });

  // Not in an ARN: a secret may be called MyKMSKey.
  const mentionsKms = /\bKMS\b/.test(said.replace(/arn:\S+/g, ''));
  if (mentionsKms || name === 'DecryptionFailure' || name === 'EncryptionFailure') {
    return failure(
      'kms-unusable',
      "The secret's KMS key cannot be used. Check that the key is enabled and that its policy lets the function's role decrypt and generate data keys (configuration: kmsKeyArn).",
    );
  }
  switch (name) {
    case 'AccessDeniedException':
      return failure('access-denied', "The function's role may not do this. Redeploy the stack.");
    case 'ResourceNotFoundException':
      return /secret value|VersionId/.test(said)
        ? failure('version-not-found', 'The secret has no such version.')
        : failure(
            'secret-not-found',
            'There is no such secret. Take it out of the configuration, or make it again.',
          );
    case 'ResourceExistsException':
      return failure('version-exists', 'Another run has written this version.');
    case 'InvalidRequestException':
      return /delet/i.test(said)
        ? failure('secret-scheduled-for-deletion', 'The secret is scheduled for deletion.')
        : failure('secrets-manager-refused', 'Secrets Manager refused the request.');
    case 'LimitExceededException':
      return failure(
        'secrets-manager-refused',
        'The secret has too many versions younger than 24 hours.',
      );
    case 'InvalidParameterException':
    case 'ValidationException':
      return failure('secrets-manager-refused', 'Secrets Manager refused the request.');
    default:
      return failure(
        'secrets-manager-unavailable',
        'Secrets Manager could not be reached in time.',
      );
  }
}
