// The stack: a secret per key, the function that keeps them fresh, and the outputs.
import { CfnOutput, Stack, type StackProps } from 'aws-cdk-lib';
import { EventBus } from 'aws-cdk-lib/aws-events';
import { Key } from 'aws-cdk-lib/aws-kms';
import { Secret } from 'aws-cdk-lib/aws-secretsmanager';
import type { Construct } from 'constructs';
import { type Config, type KeyConfig, strippedName } from './config.ts';
import { KeySecret } from './key-secret.ts';
import { RotateKey } from './rotate-key.ts';

export interface MomentoAuthStackProps extends StackProps {
  readonly config: Config;
}

export class MomentoAuthStack extends Stack {
  constructor(scope: Construct, id: string, { config, ...props }: MomentoAuthStackProps) {
    super(scope, id, { description: 'Keeps Momento API keys fresh', ...props });

    const keys = config.keys.map((key) => this.addKey(key));
    const rotateKey = new RotateKey(this, 'RotateKey', {
      keys,
      schedule: config.schedule,
      refreshAtFraction: config.refreshAtFraction,
      authRatePerSecond: config.authRatePerSecond,
      ...(config.eventBusArn !== null && {
        eventBus: EventBus.fromEventBusArn(this, 'EventBus', config.eventBusArn),
      }),
    });
    this.addOutput(
      'RotateKeyFunctionName',
      rotateKey.function.functionName,
      'Invoke it with {"secretId": "…", "force": true} to rotate a key now',
    );
  }

  /**
   * Every id comes from the key's name and from nothing else: a renamed logical id would leave the
   * living secret behind and make an empty one.
   */
  private addKey({ name, secretArn, kmsKeyArn, replicaRegions }: KeyConfig): KeySecret {
    const key = new KeySecret(this, `ApiKey-${name}`, {
      keyName: name,
      ...(secretArn !== undefined && {
        secret: Secret.fromSecretCompleteArn(this, `AdoptedSecret-${name}`, secretArn),
      }),
      ...(kmsKeyArn !== undefined && {
        encryptionKey: Key.fromKeyArn(this, `EncryptionKey-${name}`, kmsKeyArn),
      }),
      ...(replicaRegions !== undefined && { replicaRegions }),
    });
    const suffix = name === 'default' ? '' : strippedName(name);
    this.addOutput(
      `ApiKeySecretArn${suffix}`,
      key.secret.secretArn,
      `The secret of the Momento API key "${name}"`,
    );
    this.addOutput(
      `ApiKeyReadPolicyArn${suffix}`,
      key.readPolicy.managedPolicyArn,
      `Attach it to the role of an application that reads the Momento API key "${name}"`,
    );
    return key;
  }

  /** Scripts read outputs by their name, so it is fixed, wherever the stack stands in an app. */
  private addOutput(name: string, value: string, description: string): void {
    new CfnOutput(this, name, { value, description }).overrideLogicalId(name);
  }
}
