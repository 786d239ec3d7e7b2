// What Secrets Manager demands of its inputs. No message here may hold a value.

import type { Tag } from '@aws-sdk/client-secrets-manager';
import { invalidParameter, invalidRequest, validationFailed } from './aws-error.ts';
import type { SecretValue } from './secret-versions.ts';

export function requireName(name: string | undefined): string {
  if (name === undefined || name.length < 1 || name.length > 512) {
    throw validationFailed(
      "1 validation error detected: Value at 'name' failed to satisfy constraint: Member must have length between 1 and 512",
    );
  }
  if (!/^[A-Za-z0-9/_+=.@!-]+$/.test(name)) {
    throw validationFailed(
      'Invalid name. Must be a valid name containing alphanumeric characters, or any of the following: -/_+=.@!',
    );
  }
  return name;
}

export function readToken(token: string | undefined): string | undefined {
  if (token !== undefined && (token.length < 32 || token.length > 64)) {
    throw invalidParameter('ClientRequestToken must be 32-64 characters long.');
  }
  return token;
}

export function readStages(stages: readonly string[] | undefined): readonly string[] | undefined {
  if (stages === undefined) return undefined;
  if (stages.length < 1 || stages.length > 20) {
    throw invalidParameter('VersionStages must have between 1 and 20 staging labels.');
  }
  if (stages.some((stage) => stage.length < 1 || stage.length > 256)) {
    throw invalidParameter('A staging label must have between 1 and 256 characters.');
  }
  return stages;
}

export function readTags(tags: readonly Tag[] | undefined): readonly (readonly [string, string])[] {
  return (tags ?? []).map(({ Key, Value }) => {
    if (!Key || Key.length > 128 || (Value ?? '').length > 256) {
      throw invalidParameter(
        'A tag needs a key of 1 to 128 and a value of at most 256 characters.',
      );
    }
    return [Key, Value ?? ''];
  });
}

interface ValueInput {
  SecretString?: string | undefined;
  SecretBinary?: Uint8Array | undefined;
}

export function readValue(input: ValueInput, presence: 'required'): SecretValue;
export function readValue(input: ValueInput, presence: 'optional'): SecretValue | undefined;
export function readValue(
  input: ValueInput,
  presence: 'required' | 'optional',
): SecretValue | undefined {
  const { SecretString: text, SecretBinary: binary } = input;
  if (text === undefined && binary === undefined) {
    if (presence === 'optional') return undefined;
    throw invalidRequest('You must provide either SecretString or SecretBinary.');
  }
  if (text !== undefined && binary !== undefined) {
    throw invalidParameter(
      "You can't specify both a binary secret value and a string secret value.",
    );
  }
  const bytes = text === undefined ? (binary?.byteLength ?? 0) : Buffer.byteLength(text);
  if (bytes < 1 || bytes > 65_536) {
    throw validationFailed(
      `1 validation error detected: Value at '${text === undefined ? 'secretBinary' : 'secretString'}' failed to satisfy constraint: Member must have length between 1 and 65536 bytes`,
    );
  }
  return text === undefined ? { binary: Uint8Array.from(binary ?? []) } : { text };
}
