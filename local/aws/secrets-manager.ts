// AWS Secrets Manager as a pure state machine: no I/O, no timers, no promises, every instant passed in.
//
// Labels of one secret, and who moves them:
//
//   put (no stages) ─► AWSCURRENT ──(current moves on)──► AWSPREVIOUS ──(again)──► no label: deprecated
//   put [X, Y]      ─► X and Y leave whatever version has them; AWSCURRENT stays where it is
//   move label      ─► compare-and-swap on the version that has it now
//
// A label sits on at most one version. AWSCURRENT, once there, is never absent again. AWSPENDING is
// not cleared by a promotion: only by whoever removes it.
//
// Semantics and wordings: AWS API reference and recorded answers. Where no public source settles a
// case, the stricter reading is taken and marked "unconfirmed".

import type {
  CreateSecretCommandInput,
  CreateSecretResponse,
  DeleteSecretCommandInput,
  DeleteSecretResponse,
  DescribeSecretCommandInput,
  DescribeSecretResponse,
  GetSecretValueCommandInput,
  GetSecretValueResponse,
  ListSecretsCommandInput,
  ListSecretsResponse,
  ListSecretVersionIdsCommandInput,
  ListSecretVersionIdsResponse,
  PutSecretValueCommandInput,
  PutSecretValueResponse,
  RestoreSecretCommandInput,
  RestoreSecretResponse,
  TagResourceCommandInput,
  UntagResourceCommandInput,
  UpdateSecretCommandInput,
  UpdateSecretResponse,
  UpdateSecretVersionStageCommandInput,
  UpdateSecretVersionStageResponse,
} from '@aws-sdk/client-secrets-manager';
import { AwsError, invalidParameter, invalidRequest, resourceNotFound } from './aws-error.ts';
import { EVERY_KEY, type KeyAccess, Keys } from './kms.ts';
import { readStages, readTags, readToken, readValue, requireName } from './secret-input.ts';
import { listEntry, paginate, passes, shownOf } from './secret-listing.ts';
import {
  assertLabelRoom,
  attach,
  CURRENT,
  DAY_MS,
  existingVersion,
  labelled,
  labels,
  makeRoom,
  PENDING,
  PREVIOUS,
  type Secret,
  type SecretValue,
  sameValue,
  selectVersion,
  type Version,
  versionIdsToStages,
} from './secret-versions.ts';

/** What an outsider may look at without calling, and without a trace: for tests and simulators. */
export interface VersionSnapshot {
  readonly versionId: string;
  readonly stages: readonly string[];
  /** The text, undefined for a version without a value or with a binary one. */
  readonly secretString: string | undefined;
  readonly createdAtMs: number;
}

export class SecretsManager {
  readonly region: string;
  readonly accountId: string;
  /** The customer KMS keys that its secrets are encrypted with. */
  readonly keys: Keys;
  readonly #now: () => number;
  readonly #keptVersionMs: number;
  readonly #newId: () => string;
  readonly #secrets = new Map<string, Secret>();

  constructor(options: {
    region: string;
    accountId: string;
    /** Epoch milliseconds. */
    now: () => number;
    /** A new id at every call: a UUID, or anything of 32 to 64 characters whose last six letters and digits differ. */
    newId: () => string;
    /** How long a version without a label is kept at least, milliseconds. @default 24 hours, as on AWS */
    keptVersionMs?: number;
  }) {
    this.region = options.region;
    this.accountId = options.accountId;
    this.keys = new Keys(options);
    this.#now = options.now;
    this.#newId = options.newId;
    this.#keptVersionMs = options.keptVersionMs ?? DAY_MS;
  }

  /**
   * @param access what the caller may do with the KMS key
   * @param options.arn the ARN that the secret already has elsewhere, for an adopted secret
   */
  createSecret(
    input: CreateSecretCommandInput,
    access: KeyAccess = EVERY_KEY,
    options: { arn?: string } = {},
  ): CreateSecretResponse {
    const name = requireName(input.Name);
    const value = readValue(input, 'optional');
    const token = readToken(input.ClientRequestToken) ?? this.#newId();
    const tags = readTags(input.Tags);
    const keyArn = this.#keyArn(input.KmsKeyId);

    const existing = this.#findByName(name);
    if (existing?.deletion) {
      throw invalidRequest(
        "You can't create this secret because a secret with this name is already scheduled for deletion.",
      );
    }
    if (existing) {
      const version = existing.versions.get(token);
      if (value !== undefined && version?.value && sameValue(version.value, value)) {
        return { ARN: existing.arn, Name: name, VersionId: token };
      }
      throw new AwsError(
        'ResourceExistsException',
        `The operation failed because the secret ${name} already exists.`,
      );
    }
    const now = this.#now();
    const secret: Secret = {
      arn: options.arn ?? this.#newArn(name),
      name,
      description: input.Description,
      keyArn,
      tags: new Map(tags),
      createdAtMs: now,
      changedAtMs: now,
      accessedAtMs: undefined,
      deletion: undefined,
      versions: new Map(),
    };
    // AWS checks the key at creation also when no value is given.
    this.keys.assertWritable(keyArn, access);
    if (value !== undefined) this.#addVersion(secret, token, value, [CURRENT]);
    this.#secrets.set(secret.arn, secret);
    return {
      ARN: secret.arn,
      Name: name,
      ...(value === undefined ? {} : { VersionId: token }),
    };
  }

  getSecretValue(
    input: GetSecretValueCommandInput,
    access: KeyAccess = EVERY_KEY,
  ): GetSecretValueResponse {
    const secret = this.#usable(input.SecretId);
    const version = selectVersion(secret, input.VersionId, input.VersionStage);
    this.keys.assertReadable(version.keyArn, access);
    version.accessedAtMs = secret.accessedAtMs = startOfDay(this.#now());
    return {
      ARN: secret.arn,
      Name: secret.name,
      VersionId: version.id,
      ...('text' in version.value
        ? { SecretString: version.value.text }
        : { SecretBinary: version.value.binary }),
      VersionStages: labels(version),
      CreatedDate: new Date(version.createdAtMs),
    };
  }

  /** Create-once by `ClientRequestToken`: a repetition with the same value changes nothing, labels included. */
  putSecretValue(
    input: PutSecretValueCommandInput,
    access: KeyAccess = EVERY_KEY,
  ): PutSecretValueResponse {
    const value = readValue(input, 'required');
    const stages = readStages(input.VersionStages);
    const token = readToken(input.ClientRequestToken) ?? this.#newId();
    const secret = this.#usable(input.SecretId);
    this.keys.assertWritable(secret.keyArn, access);
    const version = this.#putVersion(secret, token, value, stages);
    return {
      ARN: secret.arn,
      Name: secret.name,
      VersionId: version.id,
      VersionStages: labels(version),
    };
  }

  /** Compare-and-swap: a label that sits on a version moves only for a caller who names that version. */
  updateSecretVersionStage(
    input: UpdateSecretVersionStageCommandInput,
  ): UpdateSecretVersionStageResponse {
    const [stage] = readStages([input.VersionStage ?? '']) ?? [];
    if (stage === undefined) throw invalidParameter('You must provide a VersionStage.');
    const secret = this.#usable(input.SecretId);
    const { MoveToVersionId: to, RemoveFromVersionId: from } = input;
    if (to === undefined && from === undefined) {
      throw invalidParameter(
        'You must provide a value for MoveToVersionId, RemoveFromVersionId, or both.',
      );
    }
    const target = to === undefined ? undefined : existingVersion(secret, to);
    if (from !== undefined) existingVersion(secret, from);
    const owner = labelled(secret, stage);

    if (from === undefined && owner !== undefined && owner !== target) {
      throw invalidParameter(
        `The parameter RemoveFromVersionId can't be empty. Staging label ${stage} is currently attached to version ${owner.id}, so you must explicitly reference that version in RemoveFromVersionId.`,
      );
    }
    // Also when the label is where the caller wants it already (unconfirmed): a repeated move fails,
    // so a caller whose first answer was lost must read the labels before it despairs.
    if (from !== undefined && owner?.id !== from) {
      throw invalidParameter(
        owner === undefined
          ? `Staging label ${stage} is not attached to version ${from}.`
          : `Staging label ${stage} is currently attached to version ${owner.id}, so you must explicitly reference that version in RemoveFromVersionId.`,
      );
    }
    if (target === undefined) {
      if (stage === CURRENT) {
        throw invalidParameter(
          `You can't remove staging label ${CURRENT} from version ${owner?.id} without moving it to another version.`,
        );
      }
      owner?.stages.delete(stage);
    } else {
      // Unconfirmed: AWS may accept this. A current version that nobody can read is never what a caller wants.
      if (stage === CURRENT && target.value === undefined) {
        throw invalidRequest(
          `You can't attach staging label ${CURRENT} to version ${target.id} because it has no value.`,
        );
      }
      assertLabelRoom(secret, [stage]);
      attach(secret, target, stage);
    }
    secret.changedAtMs = this.#now();
    return { ARN: secret.arn, Name: secret.name };
  }

  describeSecret(input: DescribeSecretCommandInput): DescribeSecretResponse {
    const secret = this.#existing(input.SecretId);
    const { deletion } = secret;
    const stages = versionIdsToStages(secret);
    return {
      ...shownOf(secret),
      ...(deletion === undefined ? {} : { DeletedDate: new Date(deletion.dueAtMs) }),
      ...(stages === undefined ? {} : { VersionIdsToStages: stages }),
    };
  }

  listSecretVersionIds(input: ListSecretVersionIdsCommandInput): ListSecretVersionIdsResponse {
    const secret = this.#existing(input.SecretId);
    const versions = [...secret.versions.values()].filter(
      (version) => input.IncludeDeprecated === true || version.stages.size > 0,
    );
    const page = paginate(versions, input);
    return {
      ARN: secret.arn,
      Name: secret.name,
      Versions: page.items.map((version) => ({
        VersionId: version.id,
        ...(version.stages.size === 0 ? {} : { VersionStages: labels(version) }),
        ...(version.accessedAtMs === undefined
          ? {}
          : { LastAccessedDate: new Date(version.accessedAtMs) }),
        CreatedDate: new Date(version.createdAtMs),
        KmsKeyIds: [version.keyArn ?? 'DefaultEncryptionKey'],
      })),
      ...page.next,
    };
  }

  listSecrets(input: ListSecretsCommandInput = {}): ListSecretsResponse {
    this.#dropLapsed();
    const secrets = [...this.#secrets.values()]
      .filter((secret) => input.IncludePlannedDeletion === true || secret.deletion === undefined)
      .filter((secret) => (input.Filters ?? []).every((filter) => passes(secret, filter)));
    if (input.SortOrder === 'desc') secrets.reverse();
    const page = paginate(secrets, input);
    return { SecretList: page.items.map(listEntry), ...page.next };
  }

  updateSecret(
    input: UpdateSecretCommandInput,
    access: KeyAccess = EVERY_KEY,
  ): UpdateSecretResponse {
    const value = readValue(input, 'optional');
    const token = readToken(input.ClientRequestToken) ?? this.#newId();
    const secret = this.#usable(input.SecretId);
    const rekeyed = input.KmsKeyId !== undefined;
    const keyArn = rekeyed ? this.#keyArn(input.KmsKeyId) : secret.keyArn;
    const labelledVersions = [CURRENT, PENDING, PREVIOUS].flatMap(
      (stage) => labelled(secret, stage) ?? [],
    );
    if (rekeyed) {
      for (const version of labelledVersions) this.keys.assertReadable(version.keyArn, access);
    }
    if (rekeyed || value !== undefined) this.keys.assertWritable(keyArn, access);

    // The one step that can still refuse comes first, so that a refused call changes nothing.
    const before = secret.keyArn;
    secret.keyArn = keyArn;
    try {
      if (value !== undefined) this.#putVersion(secret, token, value, undefined);
    } catch (error) {
      secret.keyArn = before;
      throw error;
    }
    if (rekeyed) for (const version of labelledVersions) version.keyArn = keyArn;
    if (input.Description !== undefined) secret.description = input.Description;
    secret.changedAtMs = this.#now();
    return {
      ARN: secret.arn,
      Name: secret.name,
      ...(value === undefined ? {} : { VersionId: token }),
    };
  }

  deleteSecret(input: DeleteSecretCommandInput): DeleteSecretResponse {
    const { RecoveryWindowInDays: windowDays, ForceDeleteWithoutRecovery: force } = input;
    if (force === true && windowDays !== undefined) {
      throw invalidParameter(
        "You can't use ForceDeleteWithoutRecovery in conjunction with RecoveryWindowInDays.",
      );
    }
    if (windowDays !== undefined && !(windowDays >= 7 && windowDays <= 30)) {
      throw invalidParameter(
        'The RecoveryWindowInDays value must be between 7 and 30 days (inclusive).',
      );
    }
    const now = this.#now();
    if (force === true) {
      // AWS answers a forced deletion of what is not there with success.
      const secret = this.#find(input.SecretId ?? '');
      if (secret) this.#secrets.delete(secret.arn);
      return {
        ARN: secret?.arn ?? this.arnOf(input.SecretId ?? ''),
        Name: secret?.name ?? input.SecretId,
        DeletionDate: new Date(now),
      };
    }
    const secret = this.#usable(input.SecretId);
    const dueAtMs = now + (windowDays ?? 30) * DAY_MS;
    secret.deletion = { requestedAtMs: now, dueAtMs };
    return { ARN: secret.arn, Name: secret.name, DeletionDate: new Date(dueAtMs) };
  }

  restoreSecret(input: RestoreSecretCommandInput): RestoreSecretResponse {
    const secret = this.#existing(input.SecretId);
    secret.deletion = undefined;
    return { ARN: secret.arn, Name: secret.name };
  }

  tagResource(input: TagResourceCommandInput): Record<string, never> {
    const tags = readTags(input.Tags);
    const secret = this.#usable(input.SecretId);
    for (const [key, value] of tags) secret.tags.set(key, value);
    return {};
  }

  untagResource(input: UntagResourceCommandInput): Record<string, never> {
    const secret = this.#usable(input.SecretId);
    for (const key of input.TagKeys ?? []) secret.tags.delete(key);
    return {};
  }

  /**
   * Makes an AWSPENDING version that has no value yet, as a rotation that Secrets Manager drives
   * does before it calls the function. No API call does this.
   */
  stageWithoutValue(secretId: string, versionId = this.#newId()): { versionId: string } {
    const secret = this.#usable(secretId);
    this.#addVersion(secret, versionId, undefined, [PENDING]);
    return { versionId };
  }

  /** Every version with its labels and value, unlabelled ones too. Leaves no trace. */
  inspect(secretId: string): readonly VersionSnapshot[] {
    return [...this.#existing(secretId).versions.values()].map((version) => ({
      versionId: version.id,
      stages: labels(version),
      secretString: version.value && 'text' in version.value ? version.value.text : undefined,
      createdAtMs: version.createdAtMs,
    }));
  }

  /** What an authorization decision needs to know of a secret; undefined if there is none. */
  resource(
    secretId: string,
  ): { arn: string; name: string; tags: ReadonlyMap<string, string> } | undefined {
    return this.#find(secretId);
  }

  /** The ARN that a policy is evaluated against for a secret that is not there (yet). */
  arnOf(secretId: string): string {
    return secretId.startsWith('arn:') ? secretId : `${this.#arnPrefix}${secretId}`;
  }

  get #arnPrefix(): string {
    return `arn:aws:secretsmanager:${this.region}:${this.accountId}:secret:`;
  }

  #newArn(name: string): string {
    const suffix = this.#newId()
      .replace(/[^A-Za-z0-9]/g, '')
      .slice(-6)
      .padStart(6, '0');
    const arn = `${this.#arnPrefix}${name}-${suffix}`;
    if (this.#secrets.has(arn)) throw new Error(`newId gave the ending ${suffix} twice`);
    return arn;
  }

  /** Without a key id, or with the account's own key, the caller needs no permission on a key. */
  #keyArn(keyId: string | undefined): string | undefined {
    if (keyId === undefined || keyId === '') return undefined;
    return keyId.endsWith('alias/aws/secretsmanager') ? undefined : this.keys.arnOf(keyId);
  }

  #putVersion(
    secret: Secret,
    token: string,
    value: SecretValue,
    stages: readonly string[] | undefined,
  ): Version {
    const existing = secret.versions.get(token);
    if (existing?.value !== undefined) {
      if (sameValue(existing.value, value)) return existing;
      throw new AwsError(
        'ResourceExistsException',
        `You can't use ClientRequestToken ${token} because that value is already in use for a version of secret ${secret.arn}.`,
      );
    }
    const version = this.#addVersion(secret, token, value, stages ?? [CURRENT]);
    secret.changedAtMs = this.#now();
    return version;
  }

  /** Adds a version, or gives the empty one of that id its value. Changes nothing if it refuses. */
  #addVersion(
    secret: Secret,
    id: string,
    value: SecretValue | undefined,
    stages: readonly string[],
  ): Version {
    // The first value that a secret gets is its current one, whatever labels came with it.
    const isFirst = value !== undefined && labelled(secret, CURRENT) === undefined;
    const wanted = isFirst ? [...stages, CURRENT] : stages;
    assertLabelRoom(secret, wanted);
    const now = this.#now();
    let version = secret.versions.get(id);
    if (version === undefined) {
      makeRoom(secret, now, this.#keptVersionMs);
      version = {
        id,
        value,
        createdAtMs: now,
        accessedAtMs: undefined,
        keyArn: secret.keyArn,
        stages: new Set(),
      };
      secret.versions.set(id, version);
    } else {
      version.value = value;
      version.createdAtMs = now;
      version.keyArn = secret.keyArn;
    }
    for (const stage of wanted) attach(secret, version, stage);
    return version;
  }

  /** A secret that is there and not scheduled for deletion. */
  #usable(secretId: string | undefined): Secret {
    const secret = this.#existing(secretId);
    if (secret.deletion) {
      throw invalidRequest(
        "You can't perform this operation on the secret because it was marked for deletion.",
      );
    }
    return secret;
  }

  #existing(secretId: string | undefined): Secret {
    if (secretId === undefined || secretId === '' || secretId.length > 2048) {
      throw invalidParameter('SecretId must be a name or an ARN of 1 to 2048 characters.');
    }
    const secret = this.#find(secretId);
    if (!secret) throw resourceNotFound("Secrets Manager can't find the specified secret.");
    return secret;
  }

  #find(secretId: string): Secret | undefined {
    this.#dropLapsed();
    const exact = this.#secrets.get(secretId);
    if (exact) return exact;
    if (!secretId.startsWith('arn:')) return this.#findByName(secretId);
    return [...this.#secrets.values()].find((secret) => secret.arn.slice(0, -7) === secretId);
  }

  #findByName(name: string): Secret | undefined {
    this.#dropLapsed();
    return [...this.#secrets.values()].find((secret) => secret.name === name);
  }

  /** No timer ends a recovery window: the next look does. */
  #dropLapsed(): void {
    const now = this.#now();
    for (const secret of this.#secrets.values()) {
      if (secret.deletion && secret.deletion.dueAtMs <= now) this.#secrets.delete(secret.arn);
    }
  }
}

function startOfDay(epochMs: number): number {
  return epochMs - (epochMs % DAY_MS);
}
