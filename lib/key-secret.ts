// The secret of one Momento API key, made or adopted, and the policy by which applications read it.

import { ManagedPolicy, PolicyStatement } from 'aws-cdk-lib/aws-iam';
import type { IKey } from 'aws-cdk-lib/aws-kms';
import { CfnSecret, type ISecret, Secret } from 'aws-cdk-lib/aws-secretsmanager';
import { ArnFormat, Fn, RemovalPolicy, Stack, Tags, Validations } from 'aws-cdk-lib/core';
import { Construct } from 'constructs';

export interface KeySecretProps {
  /** The key's name: the secret's tag and descriptions carry it. */
  readonly keyName: string;

  /**
   * A secret to adopt. Nothing about it is changed.
   *
   * @default - a new secret without a value, that outlives the stack
   */
  readonly secret?: ISecret | Secret;

  /**
   * The KMS key that encrypts the secret; for an adopted secret, the one that does so already.
   *
   * @default - the account's own key `aws/secretsmanager`, which needs no grants
   */
  readonly encryptionKey?: IKey;

  /**
   * Regions to replicate a new secret to. Replicas are encrypted with `aws/secretsmanager`.
   *
   * @default - none
   */
  readonly replicaRegions?: readonly string[];
}

export class KeySecret extends Construct {
  // `Secret` beside the interface that it implements: with exact optional properties TypeScript
  // does not take its optional `encryptionKey` for the interface's.
  readonly secret: ISecret | Secret;
  readonly encryptionKey?: IKey;
  /** To attach to the role of an application: reads this secret and no other. */
  readonly readPolicy: ManagedPolicy;

  constructor(scope: Construct, id: string, props: KeySecretProps) {
    super(scope, id);
    this.secret = props.secret ?? this.makeSecret(props);
    if (props.encryptionKey !== undefined) this.encryptionKey = props.encryptionKey;
    this.readPolicy = new ManagedPolicy(this, 'ReadPolicy', {
      description: `Reads the Momento API key "${props.keyName}"`,
      statements: [
        new PolicyStatement({
          actions: ['secretsmanager:GetSecretValue', 'secretsmanager:DescribeSecret'],
          resources: [this.secret.secretArn, ...this.replicaArns(props.replicaRegions ?? [])],
        }),
        ...viaSecretsManager(this, ['kms:Decrypt'], this.encryptionKey ? [this.encryptionKey] : []),
      ],
    });
  }

  /** A replica has the primary's name, six characters included, in a Region of its own. */
  private replicaArns(regions: readonly string[]): string[] {
    return regions.map((region) =>
      Stack.of(this).formatArn({
        service: 'secretsmanager',
        region,
        resource: 'secret',
        resourceName: Fn.select(6, Fn.split(':', this.secret.secretArn)),
        arnFormat: ArnFormat.COLON_RESOURCE_NAME,
      }),
    );
  }

  private makeSecret({ keyName, encryptionKey, replicaRegions = [] }: KeySecretProps): Secret {
    const secret = new Secret(this, 'Secret', {
      description:
        `Momento API key "${keyName}", kept fresh by rotation. Put a key in: store the JSON file that ` +
        'the Momento console downloads ("apiKey", "refreshToken", "validUntil") as the value.',
      removalPolicy: RemovalPolicy.RETAIN,
      replicaRegions: replicaRegions.map((region) => ({ region })),
      ...(encryptionKey && { encryptionKey }),
    });
    // `Secret` asks for a generated password where no value is given. Each update that touched it
    // would overwrite the living key: a value must never come from the template.
    const resource = secret.node.defaultChild;
    if (!(resource instanceof CfnSecret))
      throw new Error('Secret is no longer made of a CfnSecret');
    resource.addPropertyDeletionOverride('GenerateSecretString');
    Tags.of(secret).add('momento-auth:key', keyName);
    Validations.of(secret).acknowledge({
      id: 'AwsSolutions-SMG4',
      reason:
        "The rotate-key function rotates it on a schedule of its own: Secrets Manager's four steps " +
        'cannot refresh a key that must still be alive.',
    });
    return secret;
  }
}

/** Grants on KMS keys that hold only for calls that Secrets Manager makes on the caller's behalf. */
export function viaSecretsManager(
  scope: Construct,
  actions: readonly string[],
  keys: readonly Pick<IKey, 'keyArn'>[],
): readonly PolicyStatement[] {
  if (keys.length === 0) return [];
  return [
    new PolicyStatement({
      actions: [...actions],
      resources: [...new Set(keys.map((key) => key.keyArn))],
      conditions: {
        StringEquals: {
          'kms:ViaService': `secretsmanager.${Stack.of(scope).region}.amazonaws.com`,
        },
      },
    }),
  ];
}
