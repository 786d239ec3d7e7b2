// The key that the secret holds now: one read, and what its failures mean.

import {
  GetSecretValueCommand,
  type GetSecretValueCommandOutput,
} from '@aws-sdk/client-secrets-manager';
import type { ApiKeyFacts } from '../../lambda/shared/api-key.ts';
import { parseSecretValue, type SecretContent } from '../../lambda/shared/secret-value.ts';
import { type Clock, within } from './clock.ts';
import { CredentialsFailure, type CredentialsFailureCode } from './credentials-failure.ts';

const READ_TIMEOUT_MS = 4_000;

/** Any version of `SecretsManagerClient`, as far as it is used. */
export interface SecretReader {
  send(
    command: GetSecretValueCommand,
    options: { readonly abortSignal: AbortSignal },
  ): Promise<GetSecretValueCommandOutput>;
}

export interface CurrentKeyFields {
  readonly apiKey: string;
  readonly form: 'v1' | 'v2' | 'legacy';
  readonly endpoint: string | undefined;
  readonly validUntil: number | undefined;
  readonly versionId: string;
}

/** Printed, logged or turned into JSON, it shows everything but the key. */
export class CurrentKey implements CurrentKeyFields {
  readonly #apiKey: string;
  /** `v1` and `legacy` are for `CredentialProvider.fromString`, `v2` for `fromApiKeyV2`. */
  readonly form: 'v1' | 'v2' | 'legacy';
  /** Momento's base endpoint, where the key or the secret names it: v2 keys need it. */
  readonly endpoint: string | undefined;
  /** Epoch seconds; 0 means never; undefined when nothing says. */
  readonly validUntil: number | undefined;
  /** Of the secret. */
  readonly versionId: string;

  constructor({ apiKey, form, endpoint, validUntil, versionId }: CurrentKeyFields) {
    this.#apiKey = apiKey;
    this.form = form;
    this.endpoint = endpoint;
    this.validUntil = validUntil;
    this.versionId = versionId;
  }

  /** In the form in which Momento's console hands it out. */
  get apiKey(): string {
    return this.#apiKey;
  }
}

/** @throws CredentialsFailure */
export async function readCurrentKey(
  secretsManager: SecretReader,
  secretId: string,
  clock: Clock,
  closing: AbortSignal,
): Promise<CurrentKey> {
  const giveUp = new AbortController();
  const abort = () => giveUp.abort();
  closing.addEventListener('abort', abort);
  try {
    const reading = secretsManager.send(new GetSecretValueCommand({ SecretId: secretId }), {
      abortSignal: giveUp.signal,
    });
    const late = () => new Error(`no answer within ${READ_TIMEOUT_MS / 1000} s`);
    const answer = await within(READ_TIMEOUT_MS, reading, clock, late);
    return keyIn(answer);
  } catch (error) {
    throw error instanceof CredentialsFailure ? error : unreadable(error, secretId);
  } finally {
    closing.removeEventListener('abort', abort);
    giveUp.abort();
  }
}

function keyIn({
  SecretString,
  SecretBinary,
  VersionId = '',
}: GetSecretValueCommandOutput): CurrentKey {
  const text = SecretString ?? Buffer.from(SecretBinary ?? []).toString('utf8');
  const content = parseSecretValue(text);
  if (content.kind === 'unparsable') {
    throw new CredentialsFailure(
      'not-a-key',
      `The secret's version ${VersionId} holds no Momento API key: ${content.problem}. Import the file that Momento's console downloads.`,
    );
  }
  const { validUntil } = content.kind === 'pair' ? content.pair : content;
  const { form, endpoint = besides(content) } =
    content.kind === 'pair' ? content.pair.key : content.key;
  return new CurrentKey({
    apiKey: textOf(content),
    form,
    endpoint,
    validUntil,
    versionId: VersionId,
  });
}

type KeyContent = Exclude<SecretContent, { kind: 'unparsable' }>;

function besides(content: KeyContent): string | undefined {
  if (content.kind === 'key-only') return content.endpoint;
  const { endpoint } = content.fields;
  return typeof endpoint === 'string' ? endpoint : undefined;
}

const textOf = (content: KeyContent): string =>
  content.kind === 'pair' ? content.pair.apiKey : asHandedOut(content.key);

const asHandedOut = ({ form, endpoint, wireKey }: ApiKeyFacts): string =>
  form === 'v1'
    ? Buffer.from(JSON.stringify({ endpoint, api_key: wireKey })).toString('base64')
    : wireKey;

/** The first two: of the SDK, before anything is sent. */
const NOT_KNOWN = [
  'CredentialsProviderError',
  'TokenProviderError',
  'ExpiredTokenException',
  'IncompleteSignature',
  'InvalidClientTokenId',
  'InvalidSignatureException',
  'MissingAuthenticationTokenException',
  'UnrecognizedClientException',
];
/** Of a `secretId` that cannot be one. */
const NO_ID = ['ValidationException', 'InvalidParameterException'];

function unreadable(error: unknown, secretId: string): CredentialsFailure {
  const { name, message } = saidBy(error);
  const failure = (code: CredentialsFailureCode, sentence: string) =>
    new CredentialsFailure(code, `${sentence} AWS said: ${name}: ${message}`, {
      // Its message quotes what it could not read, and that was an answer with a key in it.
      cause: name === 'SyntaxError' ? undefined : error,
    });
  if (name === 'ResourceNotFoundException') {
    return /secret value|VersionId/.test(message)
      ? failure('no-value', `${secretId} has no value yet. Import a key.`)
      : failure(
          'no-such-secret',
          `There is no secret ${secretId} in this account and Region. Check the secretId and the Region: they are in the stack's output ApiKeySecretArn.`,
        );
  }
  if (name === 'InvalidRequestException' && /delet/i.test(message)) {
    return failure('no-such-secret', `${secretId} is scheduled for deletion. Restore it.`);
  }
  if (NO_ID.includes(name)) {
    return failure(
      'no-such-secret',
      `${secretId} cannot be the id of a secret. Check the secretId: it is the stack's output ApiKeySecretArn.`,
    );
  }
  // A plain error of the SDK.
  if (/^Region (is missing|not accepted)/.test(message)) {
    return failure(
      'no-region',
      'No Region of AWS is set, or one that is none. Set AWS_REGION, or give a secretsManager of your own.',
    );
  }
  if (NOT_KNOWN.includes(name) || /credential object is not valid/i.test(message)) {
    return failure(
      'no-credentials',
      "This process has no AWS credentials, or AWS does not accept them. Give it a role or a profile; if it has one, log in again, and check the machine's clock.",
    );
  }
  // A disabled or forbidden KMS key is reported in several ways; not in an ARN: a secret may be called KMS.
  if (name === 'AccessDeniedException' || /\bKMS\b/.test(message.replace(/arn:\S+/g, ''))) {
    return failure(
      'access-denied',
      `This process may not read ${secretId}. Attach the policy of the stack's output ApiKeyReadPolicyArn to its role.`,
    );
  }
  return failure(
    'secrets-manager-away',
    `Secrets Manager cannot be read. If this goes on, check the network, the Region's name and AWS's health.`,
  );
}

// By its shape: an error of node's core may come from another realm.
function saidBy(error: unknown): { readonly name: string; readonly message: string } {
  if (typeof error !== 'object' || error === null) return { name: 'Error', message: String(error) };
  const name = 'name' in error ? String(error.name) : 'Error';
  const message = name !== 'SyntaxError' && 'message' in error ? String(error.message) : '';
  return { name, message };
}
