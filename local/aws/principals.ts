// Who may call: access keys, and the policy statements behind each.

import { randomBytes } from 'node:crypto';
import { assertSupported, type PolicyStatement } from './iam.ts';

/** A caller. `statements` is all that it may do. */
export interface Principal {
  /** As AWS shows it: `arn:aws:sts::ACCOUNT:assumed-role/ROLE/SESSION` or `arn:aws:iam::ACCOUNT:user/NAME`. */
  readonly arn: string;
  readonly statements: readonly PolicyStatement[];
}

/** In the names of the SDK's credentials. */
export interface AccessKey {
  readonly accessKeyId: string;
  readonly secretAccessKey: string;
  /** Present for an assumed role; every request must then carry it. */
  readonly sessionToken?: string;
}

export interface KnownKey {
  readonly principal: Principal;
  readonly key: AccessKey;
}

/** May do everything: for the person at the terminal, never for a function. */
const EVERYTHING: readonly PolicyStatement[] = [{ Effect: 'Allow', Action: '*', Resource: '*' }];

/** Access keys that this stack has given out. Nothing else is let in. */
export class Principals {
  readonly #known = new Map<string, KnownKey>();
  readonly #accountId: string;
  readonly #random: (bytes: number) => Uint8Array;

  constructor(options: {
    accountId: string;
    /** @default node:crypto's randomBytes */
    random?: (bytes: number) => Uint8Array;
  }) {
    this.#accountId = options.accountId;
    this.#random = options.random ?? randomBytes;
  }

  /**
   * Temporary credentials, as Lambda gives them to a function.
   * @throws UnsupportedPolicy when a statement cannot be honoured, before any call depends on it.
   */
  issue(principal: Principal): Required<AccessKey> {
    const key = {
      accessKeyId: `ASIA${this.#text(16).toUpperCase()}`,
      secretAccessKey: this.#text(40),
      sessionToken: this.#text(120),
    };
    this.#add(principal, key);
    return key;
  }

  /** A long-lived key of a user who may do everything. */
  issueOperator(userName = 'operator'): AccessKey {
    const arn = `arn:aws:iam::${this.#accountId}:user/${userName}`;
    const key = {
      accessKeyId: `AKIA${this.#text(16).toUpperCase()}`,
      secretAccessKey: this.#text(40),
    };
    this.#add({ arn, statements: EVERYTHING }, key);
    return key;
  }

  revoke(accessKeyId: string): void {
    this.#known.delete(accessKeyId);
  }

  find(accessKeyId: string): KnownKey | undefined {
    return this.#known.get(accessKeyId);
  }

  #add(principal: Principal, key: AccessKey): void {
    assertSupported(principal.statements);
    this.#known.set(key.accessKeyId, { principal, key });
  }

  #text(length: number): string {
    return Array.from(this.#random(length), (byte) => ALPHABET[byte % ALPHABET.length]).join('');
  }
}

const ALPHABET = 'ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz234567';

/** How AWS shows a function's role while a session of it runs. */
export function assumedRoleArn(role: {
  accountId: string;
  roleName: string;
  sessionName: string;
}): string {
  return `arn:aws:sts::${role.accountId}:assumed-role/${role.roleName}/${role.sessionName}`;
}

/** The value of `aws:PrincipalArn`: of an assumed role, the role's own ARN. */
export function principalArnKey(arn: string): string {
  return arn.replace(/^arn:aws:sts::(\d+):assumed-role\/([^/]+)\/.*$/, 'arn:aws:iam::$1:role/$2');
}
