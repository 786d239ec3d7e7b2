// The stack: a secret per key, the function that keeps them fresh, the token endpoint, alarms, outputs.

import { EventBus } from 'aws-cdk-lib/aws-events';
import { Key } from 'aws-cdk-lib/aws-kms';
import { Secret } from 'aws-cdk-lib/aws-secretsmanager';
import { CfnOutput, Stack, type StackProps } from 'aws-cdk-lib/core';
import type { Construct } from 'constructs';
import { Alarms } from './alarms.ts';
import { type AuthRates, authRates } from './auth-rates.ts';
import { type Config, type KeyConfig, strippedName } from './config.ts';
import { OperatorDashboard } from './dashboard.ts';
import { KeySecret } from './key-secret.ts';
import { type DiscoveredKeys, RotateKey } from './rotate-key.ts';
import { TokenEndpoint } from './token-endpoint.ts';

export interface MomentoAuthStackProps extends StackProps {
  readonly config: Config;
}

export class MomentoAuthStack extends Stack {
  constructor(scope: Construct, id: string, { config, ...props }: MomentoAuthStackProps) {
    super(scope, id, { description: 'Keeps Momento API keys fresh', ...props });

    const rates = authRates(config.authRatePerSecond, config.tokenEndpoint !== false);
    const keys = new Map(config.keys.map((key) => [key.name, this.addKey(key)]));
    const rotateKey = new RotateKey(this, 'RotateKey', {
      keys: [...keys.values()],
      schedule: config.schedule,
      refreshAtFraction: config.refreshAtFraction,
      authRatePerSecond: rates.rotation,
      ...(config.eventBusArn !== null && {
        eventBus: EventBus.fromEventBusArn(this, 'EventBus', config.eventBusArn),
      }),
      ...(config.discoverKeysByTag !== null && { discover: discovered(config.discoverKeysByTag) }),
    });
    this.addOutput(
      'RotateKeyFunctionName',
      rotateKey.function.functionName,
      'Invoke it with {"secretId": "…", "force": true} to rotate a key now',
    );
    this.addOutput(
      'FailedRunsQueueUrl',
      rotateKey.failedRuns.queueUrl,
      'Runs that failed wait here for a person: docs/runbook.md',
    );
    this.addOutput(
      'UndeliveredTicksQueueUrl',
      rotateKey.undeliveredTicks.queueUrl,
      'Ticks that did not reach the function wait here for a person: docs/runbook.md',
    );
    const tokenEndpoint = this.addTokenEndpoint(keys, config, rates);
    const watched = { rotateKey, ...(tokenEndpoint && { tokenEndpoint }) };
    const { topic, alarms } = new Alarms(this, 'Alarms', {
      ...watched,
      emails: config.alarmEmails,
    });
    const { dashboard } = new OperatorDashboard(this, 'Operator', { ...watched, alarms });
    this.addOutput(
      'AlarmTopicArn',
      topic.topicArn,
      'Hears of every alarm: subscribe whatever should hear of it besides the configured addresses',
    );
    this.addOutput(
      'DashboardName',
      dashboard.dashboardName,
      'Open it in CloudWatch: the alarms, the keys, the tokens, and the last failures',
    );
  }

  private addTokenEndpoint(
    keys: ReadonlyMap<string, KeySecret>,
    config: Config,
    { vending }: AuthRates,
  ): TokenEndpoint | undefined {
    if (config.tokenEndpoint === false) return undefined;
    const vendingKey = keys.get(config.vendingKey);
    if (vendingKey === undefined) throw new Error(`no key is named "${config.vendingKey}"`);
    const { domain, ...endpoint } = config.tokenEndpoint;
    const tokenEndpoint = new TokenEndpoint(this, 'TokenEndpoint', {
      ...endpoint,
      vendingKey,
      mintRatePerSecond: vending,
      ...(domain !== null && { domain }),
    });
    const { vendToken, url, users, dnsTarget } = tokenEndpoint;
    this.addOutput(
      'VendTokenFunctionName',
      vendToken.function.functionName,
      'Makes the tokens; its log has a line for each',
    );
    this.addOutput(
      'TokenEndpointUrl',
      url,
      'POST to it, with "Authorization: Bearer …", for a Momento token',
    );
    if (users !== undefined) {
      this.addOutput(
        'UserPoolId',
        users.userPool.userPoolId,
        'Make users here, set their attributes, and add them to the group of their role',
      );
      this.addOutput(
        'UserPoolClientId',
        users.client.userPoolClientId,
        'Log in with it; the endpoint takes the ID token',
      );
    }
    if (dnsTarget !== undefined) {
      this.addOutput(
        'TokenEndpointDnsTarget',
        dnsTarget,
        'Make a CNAME or alias record of the domain that points here',
      );
    }
    return tokenEndpoint;
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

function discovered({
  key,
  value,
  kmsKeyArns = [],
}: NonNullable<Config['discoverKeysByTag']>): DiscoveredKeys {
  return { tag: { key, value }, encryptionKeys: kmsKeyArns.map((keyArn) => ({ keyArn })) };
}
