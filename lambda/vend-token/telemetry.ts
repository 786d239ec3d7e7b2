// This function's log lines and metrics, in the form in which Powertools writes those of rotate-key. Its packages
// would be most of the time that a shared token takes, and a good part of a start (docs/performance.md).
// Source: CloudWatch, "Specification: Embedded metric format".

import type { Log } from '../shared/log.ts';
import type { Redactor } from '../shared/redaction.ts';
import type { Count } from './vend.ts';

export interface TelemetryOptions {
  readonly service: string;
  /** Of the metrics. */
  readonly namespace: string;
  readonly redactor: Redactor;
  /** Epoch milliseconds. */
  readonly now: () => number;
  /** Takes one line, without its end. */
  readonly write: (line: string) => void;
}

export interface Telemetry {
  readonly log: Log;
  readonly count: Count;
  /** From now on lines are about this invocation. */
  begin(requestId: string): void;
  /** Writes what was counted. */
  publish(): void;
}

export function telemetry(options: TelemetryOptions): Telemetry {
  const { service, namespace, redactor, now, write } = options;
  // Names and values alike: a secret may turn up anywhere.
  const clean = (_key: string, value: unknown) =>
    typeof value === 'string' ? redactor.text(value) : value;
  let requestId = '';
  const line =
    (level: 'INFO' | 'WARN' | 'ERROR'): Log['info'] =>
    (message, fields) =>
      write(
        JSON.stringify(
          {
            level,
            message,
            timestamp: new Date(now()).toISOString(),
            service,
            function_request_id: requestId,
            ...fields,
          },
          clean,
        ),
      );

  const counted = new Map<string, number>();
  const reasons: { readonly metric: string; readonly reason: string }[] = [];
  const publish = (metrics: ReadonlyMap<string, number>, dimensions: Record<string, string>) =>
    write(
      JSON.stringify({
        _aws: {
          Timestamp: now(),
          CloudWatchMetrics: [
            {
              Namespace: namespace,
              Dimensions: [Object.keys(dimensions)],
              Metrics: [...metrics.keys()].map((Name) => ({ Name, Unit: 'Count' })),
            },
          ],
        },
        ...dimensions,
        ...Object.fromEntries(metrics),
      }),
    );

  return {
    log: { info: line('INFO'), warn: line('WARN'), error: line('ERROR') },
    count: (metric, reason) => {
      counted.set(metric, (counted.get(metric) ?? 0) + 1);
      if (reason !== undefined) reasons.push({ metric: `${metric}ByReason`, reason });
    },
    begin: (id) => {
      requestId = id;
    },
    publish: () => {
      if (counted.size > 0) publish(counted, { service });
      for (const { metric, reason } of reasons)
        publish(new Map([[metric, 1]]), { service, reason });
      counted.clear();
      reasons.length = 0;
    },
  };
}
