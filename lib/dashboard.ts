// The one dashboard: what an operator looks at after an alarm, and before one.

import {
  type Alarm,
  AlarmStatusWidget,
  Dashboard,
  GraphWidget,
  type IMetric,
  type IWidget,
  LogQueryWidget,
  MathExpression,
  PeriodOverride,
  Stats,
} from 'aws-cdk-lib/aws-cloudwatch';
import type { IFunction } from 'aws-cdk-lib/aws-lambda';
import type { ILogGroup } from 'aws-cdk-lib/aws-logs';
import type { IQueue } from 'aws-cdk-lib/aws-sqs';
import { Duration } from 'aws-cdk-lib/core';
import { Construct } from 'constructs';
import { type OwnMetric, ownMetric, waitingMessages } from './metrics.ts';
import type { GatewayStage } from './token-endpoint.ts';

export interface OperatorDashboardProps {
  /** Their states are the first thing to see. */
  readonly alarms: readonly Alarm[];

  readonly rotateKey: {
    readonly function: IFunction;
    readonly logGroup: ILogGroup;
    readonly undeliveredTicks: IQueue;
    readonly failedRuns: IQueue;
    readonly intervalSeconds: number;
  };

  /** @default - there is none, and nothing is shown of it */
  readonly tokenEndpoint?: {
    readonly vendToken: { readonly function: IFunction; readonly sharesTokens: boolean };
    readonly stage: GatewayStage;
  };
}

/** A row has 24 columns. */
const HALF = 12;
const FULL = 24;
const FIVE_MINUTES = Duration.minutes(5);

/**
 * What it costs: an account's first three dashboards of up to 50 metrics are free, others 3 USD a
 * month. The table of failures reads the log of rotate-key whenever somebody looks, at a price per
 * GB read; that log grows by a line per key and tick.
 */
export class OperatorDashboard extends Construct {
  readonly dashboard: Dashboard;

  constructor(scope: Construct, id: string, props: OperatorDashboardProps) {
    super(scope, id);
    const { alarms, rotateKey, tokenEndpoint } = props;
    this.dashboard = new Dashboard(this, 'Dashboard', {
      defaultInterval: Duration.days(3),
      // Or CloudWatch would draw other periods than these, as wide as what somebody looks at asks for.
      periodOverride: PeriodOverride.INHERIT,
      widgets: [
        [new AlarmStatusWidget({ title: 'Alarms', alarms: [...alarms], width: FULL, height: 3 })],
        ...this.rotation(rotateKey),
        ...(tokenEndpoint ? this.tokens(tokenEndpoint) : []),
        [lastFailures(rotateKey.logGroup)],
      ],
    });
  }

  private rotation(rotateKey: OperatorDashboardProps['rotateKey']): IWidget[][] {
    const interval = Duration.seconds(rotateKey.intervalSeconds);
    const keys = (metricName: OwnMetric['metricName'], statistic: string, label: string) =>
      ownMetric(this, { service: 'rotate-key', metricName, statistic }).with({
        period: interval,
        label,
      });
    return [
      [
        graph('Days that the key which ends first has left', [
          new MathExpression({
            expression: 'seconds / 86400',
            usingMetrics: { seconds: keys('LeastLifeLeft', Stats.MINIMUM, 'seconds') },
            period: interval,
            label: 'days',
          }),
        ]),
        graph('Keys, per interval of the schedule', [
          keys('KeysRenewed', Stats.SUM, 'renewed'),
          keys('KeysFailed', Stats.SUM, 'failed'),
          keys('KeysDeferred', Stats.SUM, 'deferred'),
          keys('KeysOverdue', Stats.MAXIMUM, 'overdue'),
          keys('KeysRefused', Stats.MAXIMUM, 'refused by Momento'),
          keys('Sweeps', Stats.SUM, 'runs over all keys'),
        ]),
      ],
      [
        health('rotate-key', rotateKey.function),
        graph('What waits for a person', [
          waitingMessages(rotateKey.undeliveredTicks).with({ label: 'undelivered ticks' }),
          waitingMessages(rotateKey.failedRuns).with({ label: 'failed runs' }),
        ]),
      ],
    ];
  }

  private tokens({
    vendToken,
    stage,
  }: NonNullable<OperatorDashboardProps['tokenEndpoint']>): IWidget[][] {
    const tokens = (metricName: OwnMetric['metricName'], label: string) =>
      ownMetric(this, { service: 'vend-token', metricName, statistic: Stats.SUM }).with({
        period: FIVE_MINUTES,
        label,
      });
    const sum = { statistic: Stats.SUM, period: FIVE_MINUTES };
    return [
      [
        graph('Tokens', [
          tokens('Vended', 'vended'),
          tokens('Minted', 'of these made by Momento, not shared'),
          tokens('Refused', 'refused by policy'),
          tokens('RateLimited', 'told to come back later'),
          tokens('UpstreamErrors', 'not vended: errors'),
          tokens('KeyRefused', 'vending key refused by Momento'),
          ...(vendToken.sharesTokens
            ? [
                tokens('SharingUnavailable', 'table of shared tokens did not answer'),
                tokens('SharedTokenIgnored', 'shared tokens that were none of ours'),
              ]
            : []),
        ]),
        graph('Requests', [
          stage.metricCount({ ...sum, label: 'all' }),
          stage.metricClientError({ ...sum, label: '4xx' }),
          stage.metricServerError({ ...sum, label: '5xx' }),
        ]),
      ],
      [
        health('vend-token', vendToken.function),
        graph('Milliseconds to an answer', [
          stage.metricLatency({ statistic: Stats.p(50), period: FIVE_MINUTES, label: 'half' }),
          stage.metricLatency({ statistic: Stats.p(99), period: FIVE_MINUTES, label: '99 of 100' }),
        ]),
      ],
    ];
  }
}

function health(name: string, lambda: IFunction): GraphWidget {
  return graph(
    `The ${name} function`,
    [
      lambda.metricErrors({ statistic: Stats.SUM, period: FIVE_MINUTES, label: 'errors' }),
      lambda.metricThrottles({ statistic: Stats.SUM, period: FIVE_MINUTES, label: 'throttles' }),
    ],
    [
      lambda.metricDuration({
        statistic: Stats.MAXIMUM,
        period: FIVE_MINUTES,
        label: 'longest run, in ms (right)',
      }),
    ],
  );
}

function graph(
  title: string,
  left: readonly IMetric[],
  right: readonly IMetric[] = [],
): GraphWidget {
  const axis = { min: 0, showUnits: false };
  return new GraphWidget({
    title,
    width: HALF,
    left: [...left],
    leftYAxis: axis,
    ...(right.length > 0 && { right: [...right], rightYAxis: axis }),
  });
}

/** A line per failure of a key or of a run; the error that the run then throws would repeat them. */
function lastFailures(logGroup: ILogGroup): LogQueryWidget {
  return new LogQueryWidget({
    title: 'Last failures of rotate-key: what each reason means is in docs/reasons.md',
    logGroupNames: [logGroup.logGroupName],
    width: FULL,
    queryLines: [
      'filter level = "ERROR" and @message not like "RotationFailed"',
      'fields @timestamp, secretId, reason, coalesce(message, errorMessage, @message) as what',
      'sort @timestamp desc',
      'limit 20',
    ],
  });
}
