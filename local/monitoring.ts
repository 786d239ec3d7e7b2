// CloudWatch's part of the stack: metrics from what happens, alarms on them, and notifications that the topics'
// policies let through.
//
//   log lines, invocations, requests, queues ─► metrics ─► alarms, every minute ─► topic ─► subscribers

import type { AlarmDefinition } from './assembly/alarms.ts';
import type { Assembly } from './assembly/assembly.ts';
import { AssemblyError } from './assembly/template.ts';
import { Alarms, longestRangeSeconds, type Transition } from './aws/alarms.ts';
import { embeddedSamples } from './aws/embedded-metrics.ts';
import { Metrics } from './aws/metrics.ts';
import type { Queues } from './aws/queues.ts';
import { Topics } from './aws/topics.ts';
import type { GatewayCall } from './gateway/gateway.ts';
import { type InvocationResult, type InvokeOptions, TooManyRequests } from './lambda/function.ts';
import { resourcePolicyAllows } from './resource-policy.ts';

export interface MonitoringOptions {
  readonly assembly: Assembly;
  readonly queues: Pick<Queues, 'names' | 'attributes'>;
  /** Epoch milliseconds. */
  readonly now: () => number;
  readonly newId: () => string;
  /** Divides the alarms' periods. */
  readonly timeScale: number;
  readonly onAlarm: (news: AlarmNews) => void;
}

/** An alarm that changed its state, and who heard of it. */
export interface AlarmNews {
  readonly transition: Transition;
  /** E-mail addresses that it went to. */
  readonly notified: readonly string[];
  /** ARNs of what it could not be told to: not in the template, or its policy does not let the alarm publish. */
  readonly undelivered: readonly string[];
}

/** What is measured here of AWS's own metrics, by which dimensions. */
const MEASURED: Readonly<
  Record<string, { readonly metrics: readonly string[]; readonly by: readonly string[] }>
> = {
  'AWS/Lambda': {
    metrics: ['Invocations', 'Errors', 'Throttles', 'Duration'],
    by: ['FunctionName'],
  },
  'AWS/SQS': { metrics: ['ApproximateNumberOfMessagesVisible'], by: ['QueueName'] },
  'AWS/ApiGateway': { metrics: ['Count', '4xx', '5xx', 'Latency'], by: ['ApiId', 'ApiId,Stage'] },
};

/**
 * @throws AssemblyError for an alarm on a metric of AWS's that nothing measures here: it would never go off,
 * and seem to be fine. What the functions print themselves cannot be known before they do.
 */
function assertMeasured({ logicalId, namespace, metricName, dimensions }: AlarmDefinition): void {
  if (!namespace.startsWith('AWS/')) return;
  const names = Object.keys(dimensions).sort().join(',');
  const measured = Object.hasOwn(MEASURED, namespace) ? MEASURED[namespace] : undefined;
  if (measured?.metrics.includes(metricName) && measured.by.includes(names)) return;
  throw new AssemblyError(
    'unsupported-property',
    `${logicalId}: the local stack does not measure ${namespace} ${metricName} by ${names || 'no dimension'}`,
  );
}

type Invoke = (payload: unknown, options?: InvokeOptions) => Promise<InvocationResult>;

const CLOUDWATCH = 'cloudwatch.amazonaws.com';
/** For whoever looks at a metric that no alarm needs. */
const LEAST_KEPT_MS = 15 * 60_000;
const LONGEST_TIMER_MS = 2 ** 31 - 1;
const SHORTEST_TIMER_MS = 10;

export class Monitoring {
  readonly metrics: Metrics;
  readonly alarms: Alarms;
  readonly topics: Topics;
  readonly #options: MonitoringOptions;
  #timer: NodeJS.Timeout | undefined;

  constructor(options: MonitoringOptions) {
    const { assembly, now, newId, timeScale } = options;
    this.#options = options;
    assembly.alarms.forEach(assertMeasured);
    const rangeMs = (longestRangeSeconds(assembly.alarms) * 1000) / timeScale;
    this.metrics = new Metrics({ now, keepMs: Math.max(LEAST_KEPT_MS, rangeMs) });
    this.topics = new Topics({ accountId: assembly.deployment.accountId, now, newId });
    for (const { arn, displayName, emails } of assembly.topics) {
      this.topics.create({ arn, displayName });
      for (const endpoint of emails) this.topics.subscribe(arn, { protocol: 'email', endpoint });
    }
    this.alarms = new Alarms({
      metrics: this.metrics,
      alarms: assembly.alarms,
      now,
      timeScale,
      onTransition: (transition) => this.#act(transition),
    });
  }

  /** From now on a minute of the template's is evaluated when it is over. */
  start(): void {
    if (this.#timer !== undefined) return;
    this.alarms.begin();
    const { minuteMs } = this.alarms;
    this.#timer = setInterval(
      () => this.evaluate(),
      Math.min(Math.max(minuteMs, SHORTEST_TIMER_MS), LONGEST_TIMER_MS),
    );
  }

  stop(): void {
    clearInterval(this.#timer);
    this.#timer = undefined;
  }

  /** Looks into the queues, then at the alarms. */
  evaluate(): void {
    for (const queueName of this.#options.queues.names()) {
      const attribute = 'ApproximateNumberOfMessages';
      const { Attributes } = this.#options.queues.attributes(queueName, [attribute]);
      this.metrics.put(
        {
          namespace: 'AWS/SQS',
          metricName: 'ApproximateNumberOfMessagesVisible',
          dimensions: { QueueName: queueName },
        },
        Number(Attributes?.[attribute]),
        'Count',
      );
    }
    this.alarms.evaluate();
  }

  /** A line that a function printed. Counted when it is read, which is when it is printed. */
  logLine(line: string): void {
    for (const { value, unit, ...id } of embeddedSamples(line)) this.metrics.put(id, value, unit);
  }

  /** Counts what becomes of a function's invocations. */
  measured(functionName: string, invoke: Invoke): Invoke {
    const put = (metricName: string, value: number, unit = 'Count') =>
      this.metrics.put(
        { namespace: 'AWS/Lambda', metricName, dimensions: { FunctionName: functionName } },
        value,
        unit,
      );
    return async (payload, options) => {
      try {
        const result = await invoke(payload, options);
        put('Invocations', 1);
        put('Errors', result.functionError === undefined ? 0 : 1);
        put('Throttles', 0);
        put('Duration', result.durationMs, 'Milliseconds');
        return result;
      } catch (error) {
        // A throttled request is no invocation.
        if (error instanceof TooManyRequests) put('Throttles', 1);
        throw error;
      }
    };
  }

  /** Nothing for a request that reached no stage. */
  gatewayCall(apiId: string, { stage, status, latencyMs }: GatewayCall): void {
    if (stage === null) return;
    const samples: readonly (readonly [string, number, string])[] = [
      ['Count', 1, 'Count'],
      ['4xx', status >= 400 && status < 500 ? 1 : 0, 'Count'],
      ['5xx', status >= 500 ? 1 : 0, 'Count'],
      ['Latency', latencyMs, 'Milliseconds'],
    ];
    for (const dimensions of [{ ApiId: apiId }, { ApiId: apiId, Stage: stage }]) {
      for (const [metricName, value, unit] of samples) {
        this.metrics.put({ namespace: 'AWS/ApiGateway', metricName, dimensions }, value, unit);
      }
    }
  }

  #act(transition: Transition): void {
    const notified: string[] = [];
    const undelivered: string[] = [];
    for (const arn of transition.actions) {
      if (!this.#mayPublish(arn, transition.alarm.arn)) {
        undelivered.push(arn);
        continue;
      }
      notified.push(...this.topics.publish(arn, this.#notification(transition)).recipients);
    }
    this.#options.onAlarm({ transition, notified, undelivered });
  }

  /** A topic without a policy of its own takes what comes from its account. */
  #mayPublish(topicArn: string, alarmArn: string): boolean {
    if (!this.topics.list().some(({ arn }) => arn === topicArn)) return false;
    const policy = this.#options.assembly.topicPolicies.find((each) => each.topicArn === topicArn);
    if (policy === undefined) return true;
    return resourcePolicyAllows(policy.statements, {
      service: CLOUDWATCH,
      sourceArn: alarmArn,
      action: 'sns:Publish',
      resource: topicArn,
    });
  }

  /** In CloudWatch's form. */
  #notification({ alarm, from, to, reason, atMs }: Transition) {
    const { region, accountId } = this.#options.assembly.deployment;
    return {
      subject: `${to}: "${alarm.name}" in ${region}`.slice(0, 100),
      message: JSON.stringify({
        AlarmName: alarm.name,
        AlarmDescription: alarm.description,
        AWSAccountId: accountId,
        NewStateValue: to,
        NewStateReason: reason,
        StateChangeTime: new Date(atMs).toISOString().replace('Z', '+0000'),
        Region: region,
        AlarmArn: alarm.arn,
        OldStateValue: from,
        OKActions: alarm.okActions,
        AlarmActions: alarm.alarmActions,
        InsufficientDataActions: alarm.insufficientDataActions,
        Trigger: {
          MetricName: alarm.metricName,
          Namespace: alarm.namespace,
          StatisticType: 'Statistic',
          Statistic: alarm.statistic.toUpperCase(),
          Unit: alarm.unit,
          Dimensions: Object.entries(alarm.dimensions).map(([name, value]) => ({ value, name })),
          Period: alarm.periodSeconds,
          EvaluationPeriods: alarm.evaluationPeriods,
          DatapointsToAlarm: alarm.datapointsToAlarm,
          ComparisonOperator: alarm.comparisonOperator,
          Threshold: alarm.threshold,
          TreatMissingData: alarm.treatMissingData,
        },
      }),
    };
  }
}
