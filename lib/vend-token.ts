// The vend-token function: its bundle with the policies in it, and a role that reads one secret and shares tokens.

import { PolicyStatement } from 'aws-cdk-lib/aws-iam';
import type { IKey } from 'aws-cdk-lib/aws-kms';
import type { IFunction } from 'aws-cdk-lib/aws-lambda';
import type { ISecret } from 'aws-cdk-lib/aws-secretsmanager';
import { Aws, Duration } from 'aws-cdk-lib/core';
import { Construct } from 'constructs';
import { addBundledFunction } from './bundled-function.ts';
import { viaSecretsManager } from './key-secret.ts';
import { metricsNamespace } from './metrics.ts';
import type { SharedTokens } from './shared-tokens.ts';
import type { TokenAuth } from './token-endpoint-config.ts';

/** The secret of the key that tokens are made with, and what encrypts it. */
export interface VendingKey {
  readonly secret: Pick<ISecret, 'secretArn'>;

  /** @default - the account's own key `aws/secretsmanager`, which needs no grants */
  readonly encryptionKey?: IKey;
}

export interface VendTokenProps {
  /** The key that tokens are made with; the function reads its secret and no other. */
  readonly vendingKey: VendingKey;

  /** How callers are known. */
  readonly auth: TokenAuth;

  /** Absolute path of the policies. They become a part of the bundle. */
  readonly policiesPath: string;

  /** The longest life that a policy may give a token, in seconds. */
  readonly maxLifeSeconds: number;

  /** The most permissions that a token may have. */
  readonly maxPermissions: number;

  /** Vending's part of the account's auth operations, per second; more than 0. */
  readonly mintRatePerSecond: number;

  /**
   * Where callers who may do just the same find the same token.
   *
   * @default - nothing is shared: each request makes a token
   */
  readonly sharedTokens?: Pick<SharedTokens, 'statement' | 'environment'> | undefined;
}

export class VendToken extends Construct {
  readonly function: IFunction;
  readonly sharesTokens: boolean;

  constructor(scope: Construct, id: string, props: VendTokenProps) {
    super(scope, id);
    const { secret, encryptionKey } = props.vendingKey;
    this.sharesTokens = props.sharedTokens !== undefined;
    this.function = addBundledFunction(this, {
      description: 'Hands short-lived Momento tokens to front ends',
      roleDescription: 'Makes Momento tokens',
      entry: 'lambda/vend-token/handler.ts',
      statements: [
        new PolicyStatement({
          actions: ['secretsmanager:GetSecretValue'],
          resources: [secret.secretArn],
        }),
        ...viaSecretsManager(this, ['kms:Decrypt'], encryptionKey ? [encryptionKey] : []),
        ...(props.sharedTokens ? [props.sharedTokens.statement] : []),
      ],
      // More memory is more CPU: the first request waits for TLS handshakes.
      memorySize: 512,
      // Well inside the gateway's 30 seconds, so that the answer is the function's own.
      timeout: Duration.seconds(15),
      environment: {
        VENDING_SECRET_ARN: secret.secretArn,
        ...authEnvironment(props.auth),
        MAX_LIFE_SECONDS: String(props.maxLifeSeconds),
        MAX_PERMISSIONS: String(props.maxPermissions),
        MINT_RATE_PER_SECOND: String(props.mintRatePerSecond),
        ...props.sharedTokens?.environment,
        // The function calls AWS without the SDK's clients, which know the names of all partitions.
        URL_SUFFIX: Aws.URL_SUFFIX,
        POWERTOOLS_SERVICE_NAME: 'vend-token',
        POWERTOOLS_METRICS_NAMESPACE: metricsNamespace(this),
        // Without --enable-source-maps: reading the map would lengthen every start (docs/performance.md).
      },
      alias: { '#token-policies': props.policiesPath },
    });
  }
}

function authEnvironment(auth: TokenAuth): Record<string, string> {
  switch (auth.type) {
    case 'cognito':
      // Custom attributes are in ID tokens alone.
      return { AUTH_TYPE: auth.type, TOKEN_USE: 'id' };
    case 'jwt':
      return {
        AUTH_TYPE: auth.type,
        ...(auth.tokenUse !== undefined && { TOKEN_USE: auth.tokenUse }),
      };
    case 'lambda':
      return { AUTH_TYPE: auth.type };
    case 'none':
      return { AUTH_TYPE: auth.type, PUBLIC_ROLE: auth.role };
  }
}
