// The metrics that alarms and dashboard look at.

import { Metric, Stats } from 'aws-cdk-lib/aws-cloudwatch';
import type { IQueue } from 'aws-cdk-lib/aws-sqs';
import { Stack } from 'aws-cdk-lib/core';
import type { Construct } from 'constructs';

/** What the functions count, in the embedded metric format. */
export interface OwnMetric {
  readonly service: 'rotate-key' | 'vend-token';
  readonly metricName:
    | 'Sweeps'
    | 'KeysRenewed'
    | 'KeysFailed'
    | 'KeysDeferred'
    | 'KeysOverdue'
    | 'KeysRefused'
    | 'LeastLifeLeft'
    | 'Vended'
    | 'Minted'
    | 'Refused'
    | 'RateLimited'
    | 'UpstreamErrors'
    | 'KeyRefused'
    | 'SharingUnavailable'
    | 'SharedTokenIgnored';
  readonly statistic: string;
}

/**
 * Where the functions of a stack count. A namespace of its own for each stack: or a second one in
 * the same account would be taken for the first, and its runs would hide that the first has none.
 */
export function metricsNamespace(scope: Construct): string {
  return Stack.of(scope).stackName;
}

export function ownMetric(scope: Construct, { service, ...metric }: OwnMetric): Metric {
  return new Metric({
    namespace: metricsNamespace(scope),
    dimensionsMap: { service },
    ...metric,
  });
}

/** Messages that wait in a queue. */
export function waitingMessages(queue: IQueue): Metric {
  return queue.metricApproximateNumberOfMessagesVisible({ statistic: Stats.MAXIMUM });
}
