// As much of KMS as Secrets Manager leans on: which key, may this caller use it, is it enabled.

import { AwsError } from './aws-error.ts';

export type KeyAction = 'kms:Decrypt' | 'kms:GenerateDataKey';

/** What the caller of Secrets Manager may do with a key. Secrets Manager uses keys on its behalf. */
export interface KeyAccess {
  mayUseKey(action: KeyAction, keyArn: string): boolean;
}

/** For callers in memory that have no policy. */
export const EVERY_KEY: KeyAccess = { mayUseKey: () => true };

/** The customer keys of one account and region. A key is enabled until a test disables it. */
export class Keys {
  readonly #disabled = new Set<string>();
  readonly #arnPrefix: string;

  constructor(options: { region: string; accountId: string }) {
    this.#arnPrefix = `arn:aws:kms:${options.region}:${options.accountId}:`;
  }

  disableKey(keyArn: string): void {
    this.#disabled.add(this.arnOf(keyArn));
  }

  enableKey(keyArn: string): void {
    this.#disabled.delete(this.arnOf(keyArn));
  }

  /** A key's ARN from any of the forms that `KmsKeyId` takes. An alias stands for itself: it is not resolved. */
  arnOf(keyId: string): string {
    if (keyId.startsWith('arn:')) return keyId;
    return keyId.startsWith('alias/') ? this.#arnPrefix + keyId : `${this.#arnPrefix}key/${keyId}`;
  }

  /** @throws AwsError AccessDeniedException or DecryptionFailure */
  assertReadable(keyArn: string | undefined, access: KeyAccess): void {
    if (keyArn === undefined) return;
    assertAllowed(['kms:Decrypt'], keyArn, access);
    if (this.#disabled.has(keyArn)) {
      throw new AwsError(
        'DecryptionFailure',
        "Secrets Manager can't decrypt the protected secret text using the provided KMS key.",
      );
    }
  }

  /** @throws AwsError AccessDeniedException or EncryptionFailure */
  assertWritable(keyArn: string | undefined, access: KeyAccess): void {
    if (keyArn === undefined) return;
    assertAllowed(['kms:GenerateDataKey', 'kms:Decrypt'], keyArn, access);
    if (this.#disabled.has(keyArn)) {
      throw new AwsError(
        'EncryptionFailure',
        "Secrets Manager can't encrypt the protected secret text using the provided KMS key. Check that the KMS key is available, enabled, and not in an invalid state.",
      );
    }
  }
}

function assertAllowed(actions: readonly KeyAction[], keyArn: string, access: KeyAccess): void {
  if (!actions.every((action) => access.mayUseKey(action, keyArn))) {
    throw new AwsError('AccessDeniedException', 'Access to KMS is not allowed');
  }
}
