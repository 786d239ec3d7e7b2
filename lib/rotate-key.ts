// The rotate-key function: its bundle, its role, its schedule, and where failures end up.

import { type IEventBus, type IRuleTarget, Rule, Schedule } from 'aws-cdk-lib/aws-events';
import { PolicyStatement, ServicePrincipal } from 'aws-cdk-lib/aws-iam';
import type { IKey } from 'aws-cdk-lib/aws-kms';
import { CfnPermission, type IDestination, type IFunction } from 'aws-cdk-lib/aws-lambda';
import type { ILogGroup } from 'aws-cdk-lib/aws-logs';
import type { ISecret } from 'aws-cdk-lib/aws-secretsmanager';
import { type IQueue, Queue, QueueEncryption } from 'aws-cdk-lib/aws-sqs';
import { ArnFormat, Aws, Duration, Fn, Stack, Token, Validations } from 'aws-cdk-lib/core';
import { Construct } from 'constructs';
import { addBundledFunction } from './bundled-function.ts';
import { viaSecretsManager } from './key-secret.ts';
import { metricsNamespace } from './metrics.ts';
import { rotateKeyEnvironment } from './rotate-key-environment.ts';
import { readSchedule, scheduleRemedy } from './schedule.ts';

/** A secret that holds a key, and what encrypts it. */
export interface RotatedKey {
  readonly secret: Pick<ISecret, 'secretArn'>;

  /** @default - the account's own key `aws/secretsmanager`, which needs no grants */
  readonly encryptionKey?: IKey;
}

export interface RotateKeyProps {
  /** The keys to keep fresh. Those that end first are renewed first. */
  readonly keys: readonly RotatedKey[];

  /**
   * How often the keys are looked at: an EventBridge expression, from one minute to one day.
   *
   * @default "rate(1 hour)"
   */
  readonly schedule?: string;

  /**
   * A key is refreshed when no more than this part of its life is left; between 0 and 1.
   *
   * @default 0.3333
   */
  readonly refreshAtFraction?: number;

  /**
   * Rotation's share of the account's Momento auth operations, per second.
   *
   * @default 5
   */
  readonly authRatePerSecond?: number;

  /**
   * The bus that hears of rotations.
   *
   * @default - the default bus of the account
   */
  readonly eventBus?: IEventBus;

  /**
   * Keys to find besides: those in secrets with this tag, in this account and Region.
   *
   * @default - none
   */
  readonly discover?: DiscoveredKeys;
}

export interface DiscoveredKeys {
  readonly tag: { readonly key: string; readonly value: string };

  /** What encrypts the secrets, besides the account's own key `aws/secretsmanager`. */
  readonly encryptionKeys: readonly Pick<IKey, 'keyArn'>[];
}

const HOUR_SECONDS = 3_600;
const DAY_SECONDS = 24 * HOUR_SECONDS;
/** The source of every event that the function puts on the bus; its role allows no other. */
const EVENT_SOURCE = 'momento.auth';
const SECRET_ACTIONS = [
  'secretsmanager:DescribeSecret',
  'secretsmanager:GetSecretValue',
  'secretsmanager:ListSecretVersionIds',
  'secretsmanager:PutSecretValue',
  'secretsmanager:UpdateSecretVersionStage',
];

export class RotateKey extends Construct {
  readonly function: IFunction;
  readonly logGroup: ILogGroup;
  readonly rule: Rule;
  /** Ticks that EventBridge could not deliver to the function. */
  readonly undeliveredTicks: IQueue;
  /** Runs that ended with an error, each with its event and the error. */
  readonly failedRuns: IQueue;
  readonly intervalSeconds: number;
  readonly timeoutSeconds: number;

  constructor(scope: Construct, id: string, props: RotateKeyProps) {
    super(scope, id);
    const expression = props.schedule ?? 'rate(1 hour)';
    const schedule = readSchedule(expression);
    if (!schedule.ok) {
      throw new Error(`schedule: got "${expression}": ${schedule.problem}; ${scheduleRemedy}`);
    }
    const { intervalSeconds } = schedule;
    this.intervalSeconds = intervalSeconds;
    // Keys found by tag may be a thousand, and the account's rate says how long they take.
    this.timeoutSeconds = clamp(intervalSeconds, 60, props.discover ? 900 : 300);

    this.failedRuns = this.makeDeadLetterQueue('FailedRuns');
    const stack = Stack.of(this);
    const lambda = addBundledFunction(this, {
      description: 'Keeps Momento API keys in Secrets Manager fresh',
      roleDescription: 'Rotates Momento API keys',
      entry: 'lambda/rotate-key/handler.ts',
      statements: this.statements(props, this.failedRuns),
      memorySize: 256,
      timeout: Duration.seconds(this.timeoutSeconds),
      environment: rotateKeyEnvironment({
        secretArnPrefix: `arn:${stack.partition}:secretsmanager:${stack.region}:${stack.account}:secret:`,
        keySecrets: props.keys.map(({ secret }) => this.keySecretEntry(secret)),
        scheduleIntervalSeconds: intervalSeconds,
        refreshAtFraction: props.refreshAtFraction ?? 0.3333,
        authRatePerSecond: props.authRatePerSecond ?? 5,
        eventBus: props.eventBus?.eventBusArn ?? 'default',
        metricsNamespace: metricsNamespace(this),
        discoverTag: props.discover?.tag,
      }),
      // A retry would meet the live claim, answer "lost-race", and so hide the failure: the next
      // tick is the retry.
      retryAttempts: 0,
      maxEventAge: Duration.seconds(clamp(intervalSeconds, 60, 6 * HOUR_SECONDS)),
      onFailure: toQueue(this.failedRuns),
    });
    this.function = lambda;
    this.logGroup = lambda.logGroup;

    this.undeliveredTicks = this.makeDeadLetterQueue('UndeliveredTicks');
    const permission = this.makePermission();
    this.rule = new Rule(this, 'Schedule', {
      description: 'Looks at the Momento API keys, and rotates those that are due',
      schedule: Schedule.expression(expression),
      targets: [this.makeTarget(intervalSeconds)],
    });
    // EventBridge takes a missing permission for a final answer and sends the tick straight to the
    // dead-letter queue, so the permission has to be there first.
    this.rule.node.addDependency(permission);
    this.allowDeadLetters();
  }

  private statements(props: RotateKeyProps, failedRuns: IQueue): readonly PolicyStatement[] {
    const eventBusArn =
      props.eventBus?.eventBusArn ??
      Stack.of(this).formatArn({
        service: 'events',
        resource: 'event-bus',
        resourceName: 'default',
      });
    return [
      new PolicyStatement({
        actions: SECRET_ACTIONS,
        resources: props.keys.map(({ secret }) => secret.secretArn),
      }),
      ...(props.discover ? this.discoverStatements(props.discover) : []),
      ...viaSecretsManager(
        this,
        ['kms:Decrypt', 'kms:GenerateDataKey'],
        [
          ...props.keys.flatMap(({ encryptionKey }) => encryptionKey ?? []),
          ...(props.discover?.encryptionKeys ?? []),
        ],
      ),
      new PolicyStatement({
        actions: ['events:PutEvents'],
        resources: [eventBusArn],
        conditions: { StringEquals: { 'events:source': EVENT_SOURCE } },
      }),
      new PolicyStatement({ actions: ['sqs:SendMessage'], resources: [failedRuns.queueArn] }),
    ];
  }

  /**
   * Whoever may put the tag on a secret decides that this function reads and writes it. Nothing but
   * the list of secrets, which has no values, is open without the tag.
   */
  private discoverStatements({ tag }: DiscoveredKeys): readonly PolicyStatement[] {
    const everySecret = Stack.of(this).formatArn({
      service: 'secretsmanager',
      resource: 'secret',
      resourceName: '*',
      arnFormat: ArnFormat.COLON_RESOURCE_NAME,
    });
    Validations.of(this).acknowledge(
      {
        id: 'AwsSolutions-IAM5[Resource::*]',
        reason: 'ListSecrets knows no resources. Its answer has names and tags, and no values.',
      },
      {
        id: 'AwsSolutions-IAM5[Resource::arn:<AWS::Partition>:secretsmanager:<AWS::Region>:<AWS::AccountId>:secret:*]',
        reason:
          'Which secrets these are is not known at deployment; the condition asks for the tag.',
      },
    );
    return [
      new PolicyStatement({ actions: ['secretsmanager:ListSecrets'], resources: ['*'] }),
      new PolicyStatement({
        actions: SECRET_ACTIONS,
        resources: [everySecret],
        conditions: { StringEquals: { [`secretsmanager:ResourceTag/${tag.key}`]: tag.value } },
      }),
    ];
  }

  /**
   * A full ARN, or what comes after the prefix. Thirty full ARNs would not fit into Lambda's 4 KB,
   * and an ARN that is known only at deployment is always one of this account and Region.
   */
  private keySecretEntry(secret: RotatedKey['secret']): string {
    if (!Token.isUnresolved(secret.secretArn)) return secret.secretArn;
    return Fn.select(6, Fn.split(':', secret.secretArn));
  }

  private makeDeadLetterQueue(id: string): Queue {
    const queue = new Queue(this, id, {
      encryption: QueueEncryption.SQS_MANAGED,
      enforceSSL: true,
      retentionPeriod: Duration.days(14),
    });
    Validations.of(queue).acknowledge({
      id: 'AwsSolutions-SQS3',
      reason: 'It is a dead-letter queue itself: what arrives here waits for a person.',
    });
    return queue;
  }

  /** Lets the rules of this stack invoke the function. */
  private makePermission(): CfnPermission {
    const stack = Stack.of(this);
    return new CfnPermission(this, 'AllowSchedule', {
      action: 'lambda:InvokeFunction',
      functionName: this.function.functionArn,
      principal: 'events.amazonaws.com',
      sourceAccount: stack.account,
      // A pattern and not the rule's ARN, which would make the rule come first.
      sourceArn: stack.formatArn({
        service: 'events',
        resource: 'rule',
        resourceName: `${rulePrefix(stack)}*`,
      }),
    });
  }

  /** `LambdaFunction` of aws-events-targets would add a permission of its own, after the rule. */
  private makeTarget(intervalSeconds: number): IRuleTarget {
    return {
      bind: () => ({
        arn: this.function.functionArn,
        deadLetterConfig: { arn: this.undeliveredTicks.queueArn },
        retryPolicy: {
          maximumEventAgeInSeconds: clamp(intervalSeconds, 60, DAY_SECONDS),
          maximumRetryAttempts: 3,
        },
        targetResource: this.function,
      }),
    };
  }

  private allowDeadLetters(): void {
    this.undeliveredTicks.addToResourcePolicy(
      new PolicyStatement({
        principals: [new ServicePrincipal('events.amazonaws.com')],
        actions: ['sqs:SendMessage'],
        resources: [this.undeliveredTicks.queueArn],
        conditions: { ArnEquals: { 'aws:SourceArn': this.rule.ruleArn } },
      }),
    );
  }
}

/**
 * How the names of this stack's rules begin. CloudFormation names a rule
 * `STACK-LOGICALID-RANDOM`, and where that is longer than 64 characters it may cut the stack's name
 * to 24: with a longer pattern no tick would ever be delivered.
 */
function rulePrefix(stack: Stack): string {
  return stack.stackName.length <= 24 ? `${Aws.STACK_NAME}-` : stack.stackName.slice(0, 24);
}

/** `SqsDestination` of aws-lambda-destinations grants more than sending. The role has its grant. */
function toQueue(queue: IQueue): IDestination {
  return { bind: () => ({ destination: queue.queueArn }) };
}

function clamp(value: number, least: number, most: number): number {
  return Math.min(Math.max(value, least), most);
}
