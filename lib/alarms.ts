// The alarms, the topic that they speak to, and who hears it. docs/runbook.md has a section for each.

import {
  Alarm,
  CfnAlarm,
  ComparisonOperator,
  type Metric,
  Stats,
  TreatMissingData,
} from 'aws-cdk-lib/aws-cloudwatch';
import { SnsAction } from 'aws-cdk-lib/aws-cloudwatch-actions';
import type { IRule } from 'aws-cdk-lib/aws-events';
import { PolicyStatement, ServicePrincipal } from 'aws-cdk-lib/aws-iam';
import type { IFunction } from 'aws-cdk-lib/aws-lambda';
import { Topic } from 'aws-cdk-lib/aws-sns';
import { EmailSubscription } from 'aws-cdk-lib/aws-sns-subscriptions';
import type { IQueue } from 'aws-cdk-lib/aws-sqs';
import { ArnFormat, Aws, Duration, Stack } from 'aws-cdk-lib/core';
import { Construct } from 'constructs';
import {
  type AlarmWindow,
  alarmWindow,
  longestTimeBetweenFailuresSeconds,
} from './alarm-windows.ts';
import { type OwnMetric, ownMetric, waitingMessages } from './metrics.ts';
import type { GatewayStage } from './token-endpoint.ts';

export interface AlarmsProps {
  /** Rotation, and how often and how long it runs. */
  readonly rotateKey: {
    readonly function: IFunction;
    readonly undeliveredTicks: IQueue;
    readonly failedRuns: IQueue;
    /** The schedule. */
    readonly rule: IRule;
    readonly intervalSeconds: number;
    readonly timeoutSeconds: number;
  };

  /** @default - there is none, and no alarm on it */
  readonly tokenEndpoint?: {
    readonly vendToken: { readonly function: IFunction };
    readonly stage: Pick<GatewayStage, 'metricServerError'>;
  };

  /**
   * Addresses that hear of every alarm, once the mail that SNS sends them is confirmed.
   *
   * @default - nobody: subscribe whatever you like to the topic
   */
  readonly emails?: readonly string[];
}

interface AlarmOptions {
  /** One sentence: what happened. */
  readonly sentence: string;
  /** The section of docs/runbook.md that ends it. */
  readonly section: string;
  readonly metric: Metric;
  readonly window: AlarmWindow;

  /** @default - every period of the window */
  readonly breachingPeriods?: number;

  /** @default NOT_BREACHING, silence is no fault */
  readonly missing?: TreatMissingData;

  /** @default - 1 and more are too many */
  readonly fewerThanOne?: true;
}

const ENDPOINT_WINDOW: AlarmWindow = { periodSeconds: 300, evaluationPeriods: 12 };

const LEAST_WARM_UP_SECONDS = 15 * 60;

export class Alarms extends Construct {
  readonly topic: Topic;
  readonly alarms: readonly Alarm[];

  constructor(
    scope: Construct,
    id: string,
    { rotateKey, tokenEndpoint, emails = [] }: AlarmsProps,
  ) {
    super(scope, id);
    this.topic = this.makeTopic(emails);
    this.alarms = [
      ...this.rotationAlarms(rotateKey),
      ...(tokenEndpoint ? this.tokenEndpointAlarms(tokenEndpoint) : []),
    ];
  }

  private rotationAlarms(rotateKey: AlarmsProps['rotateKey']): readonly Alarm[] {
    const { intervalSeconds, timeoutSeconds } = rotateKey;
    // A run speaks only of what it tried: one that says "0 failed" may have met a back-off, or tried
    // another key. So these are held until nothing has been heard for as long as a key that goes on
    // failing can be silent. "Ignore missing data" would end them at the first such run.
    const held = {
      window: alarmWindow(longestTimeBetweenFailuresSeconds(intervalSeconds, timeoutSeconds)),
      breachingPeriods: 1,
    };
    const twoIntervals = alarmWindow(2 * intervalSeconds);
    // A queue that nothing touches for six hours stops sending data: it is what it was. Five minutes,
    // because a message that somebody looks at is invisible for half a one.
    const queue = {
      window: { periodSeconds: 300, evaluationPeriods: 1 },
      missing: TreatMissingData.IGNORE,
    };
    const metric = (metricName: OwnMetric['metricName'], statistic: string) =>
      ownMetric(this, { service: 'rotate-key', metricName, statistic });

    const noSweep = this.addAlarm('NoSweep', {
      sentence: 'No run over all keys has ended in two intervals of the schedule.',
      section: 'no-sweep',
      metric: metric('Sweeps', Stats.SUM),
      window: twoIntervals,
      missing: TreatMissingData.BREACHING,
      fewerThanOne: true,
    });
    // Its warm-up begins when it is made: never before that for which it waits.
    noSweep.node.addDependency(rotateKey.rule);
    warmUp(noSweep, Math.max(2 * intervalSeconds, LEAST_WARM_UP_SECONDS));

    return [
      this.addAlarm('RotationFailed', {
        sentence: 'A key could not be renewed, or not even looked at.',
        section: 'rotation-failed',
        metric: metric('KeysFailed', Stats.SUM),
        ...held,
      }),
      this.addAlarm('KeyRefused', {
        sentence: 'Momento refused a key, its refresh token, or the pair that is to follow it.',
        section: 'key-refused',
        metric: metric('KeysRefused', Stats.MAXIMUM),
        ...held,
      }),
      this.addAlarm('KeyOverdue', {
        sentence: 'A key is nearer to its end than it should ever come, or past it.',
        section: 'key-overdue',
        metric: metric('KeysOverdue', Stats.MAXIMUM),
        ...held,
      }),
      noSweep,
      this.addAlarm('UndeliveredTicks', {
        sentence: 'EventBridge could not hand a tick of the schedule to the rotate-key function.',
        section: 'undelivered-ticks',
        metric: waitingMessages(rotateKey.undeliveredTicks),
        ...queue,
      }),
      this.addAlarm('FailedRuns', {
        sentence: 'Runs of the rotate-key function that failed wait in a queue to be looked at.',
        section: 'failed-runs',
        metric: waitingMessages(rotateKey.failedRuns),
        ...queue,
      }),
      ...this.functionAlarms('RotateKey', 'rotate-key', rotateKey.function, held),
    ];
  }

  private tokenEndpointAlarms({
    vendToken,
    stage,
  }: NonNullable<AlarmsProps['tokenEndpoint']>): readonly Alarm[] {
    // Nobody knows when the next caller comes: an hour without one more is taken for the end.
    const held = { window: ENDPOINT_WINDOW, breachingPeriods: 1 };
    return [
      ...this.functionAlarms('VendToken', 'vend-token', vendToken.function, held),
      this.addAlarm('TokenEndpoint5xx', {
        sentence: 'The token endpoint answers with errors of its own.',
        section: 'token-endpoint-5xx',
        metric: stage.metricServerError({ statistic: Stats.SUM }),
        // One error is no outage. Two in an hour are: with few users there may be no more of them, and
        // over a shorter time the alarm would be silent, or come and go with every request.
        window: ENDPOINT_WINDOW,
        breachingPeriods: 2,
      }),
      this.addAlarm('VendingKeyRefused', {
        sentence: 'Momento refused the key that tokens are made with.',
        section: 'vending-key-refused',
        metric: ownMetric(this, {
          service: 'vend-token',
          metricName: 'KeyRefused',
          statistic: Stats.SUM,
        }),
        ...held,
      }),
    ];
  }

  private functionAlarms(
    id: string,
    name: string,
    lambda: IFunction,
    held: Pick<AlarmOptions, 'window' | 'breachingPeriods'>,
  ): readonly Alarm[] {
    return [
      this.addAlarm(`${id}Errors`, {
        sentence: `The ${name} function threw an error, ran out of time or memory, or did not start.`,
        section: 'function-errors',
        metric: lambda.metricErrors({ statistic: Stats.SUM }),
        ...held,
      }),
      this.addAlarm(`${id}Throttles`, {
        sentence: `Lambda had no room to run the ${name} function.`,
        section: 'function-throttles',
        metric: lambda.metricThrottles({ statistic: Stats.SUM }),
        ...held,
      }),
    ];
  }

  private addAlarm(id: string, options: AlarmOptions): Alarm {
    const { sentence, section, metric, window, breachingPeriods, missing, fewerThanOne } = options;
    const alarm = new Alarm(this, id, {
      alarmDescription: `${sentence} See docs/runbook.md#${section}`,
      metric: metric.with({ period: Duration.seconds(window.periodSeconds) }),
      threshold: 1,
      comparisonOperator: fewerThanOne
        ? ComparisonOperator.LESS_THAN_THRESHOLD
        : ComparisonOperator.GREATER_THAN_OR_EQUAL_TO_THRESHOLD,
      evaluationPeriods: window.evaluationPeriods,
      datapointsToAlarm: breachingPeriods ?? window.evaluationPeriods,
      treatMissingData: missing ?? TreatMissingData.NOT_BREACHING,
    });
    const tell = new SnsAction(this.topic);
    alarm.addAlarmAction(tell);
    alarm.addOkAction(tell);
    return alarm;
  }

  /**
   * Not encrypted with a KMS key: with AWS's own for SNS every alarm would be lost in silence, as
   * CloudWatch may not use it; one more key costs a dollar a month; and what an alarm says is no
   * secret, and ends in a mail.
   */
  private makeTopic(emails: readonly string[]): Topic {
    const stack = Stack.of(this);
    const topic = new Topic(this, 'Topic', {
      // What mails come from.
      displayName: stack.stackName.slice(0, 100),
      enforceSSL: true,
    });
    topic.addToResourcePolicy(
      new PolicyStatement({
        sid: 'AlarmsOfThisStack',
        principals: [new ServicePrincipal('cloudwatch.amazonaws.com')],
        actions: ['sns:Publish'],
        resources: [topic.topicArn],
        conditions: {
          StringEquals: { 'aws:SourceAccount': stack.account },
          // CloudFormation names an alarm `STACK-LOGICALID-RANDOM`.
          ArnLike: {
            'aws:SourceArn': stack.formatArn({
              service: 'cloudwatch',
              resource: 'alarm',
              resourceName: `${Aws.STACK_NAME}-*`,
              arnFormat: ArnFormat.COLON_RESOURCE_NAME,
            }),
          },
        },
      }),
    );
    for (const email of emails) topic.addSubscription(new EmailSubscription(email));
    return topic;
  }
}

/**
 * Keeps an alarm from judging before there can be anything to judge: a new stack's first tick comes
 * an interval after its rule. Two days, those of a daily schedule, are the most that CloudWatch takes.
 */
function warmUp(alarm: Alarm, seconds: number): void {
  const resource = alarm.node.defaultChild;
  if (!(resource instanceof CfnAlarm)) throw new Error('Alarm is no longer made of a CfnAlarm');
  resource.warmUpConfiguration = { warmUpPeriodDurationInMinutes: Math.ceil(seconds / 60) };
}
