// This function's log lines and metrics, in the form in which Powertools writes those of rotate-key. Its packages
// would be most of the time that a shared token takes, and a good part of a start (docs/performance.md).
// Source: CloudWatch, "Specification: Embedded metric format".

import type { Log } from '../shared/log.ts';
import type { Redactor } from '../shared/redaction.ts';
import type { Count, Prepare } from './vend.ts';

export interface TelemetryOptions {
  readonly service: string;
  /** Of the metrics. */
  readonly namespace: string;
  readonly redactor: Redactor;
  /** Epoch milliseconds. */
  readonly now: () => number;
  /** Takes whole lines, with their ends. */
  readonly write: (lines: string) => void;
}

export interface Telemetry {
  readonly log: Log;
  readonly prepare: Prepare;
  readonly count: Count;
  /** From now on lines are about this invocation. */
  begin(requestId: string): void;
  /** The end of the invocation: writes what was counted, and what is not written yet. */
  publish(): void;
}

export function telemetry(options: TelemetryOptions): Telemetry {
  const { service, namespace, redactor, now, write } = options;
  let requestId = '';
  // A write wakes up whoever reads: the audit line goes out together with its metrics.
  let unwritten = '';
  const writeAll = () => {
    const lines = unwritten;
    // Before it fails: what cannot be written is not the next invocation's.
    unwritten = '';
    if (lines !== '') write(lines);
  };
  type Level = 'INFO' | 'WARN' | 'ERROR';
  /** Names and values alike are clean: a secret may turn up anywhere. */
  const begun = (level: Level, message: string, fields: Record<string, unknown>) => {
    const about = { level, message, service, function_request_id: requestId };
    const said = { ...about, ...fields };
    const line = JSON.stringify(said);
    // Hardly ever is there anything to take out. Then it is, value by value: a part of an escape must not go with it.
    const isClean = redactor.text(line) === line;
    return (isClean ? line : JSON.stringify(redactor.value(said))).slice(0, -1);
  };
  const end = (line: string) => {
    unwritten += `${line},"timestamp":"${new Date(now()).toISOString()}"}\n`;
  };
  const line =
    (level: Level): Log['info'] =>
    (message, fields) => {
      end(begun(level, message, fields));
      if (level !== 'INFO') writeAll();
    };

  const counted = new Map<string, number>();
  const reasons: { readonly metric: string; readonly reason: string }[] = [];
  const publish = (metrics: ReadonlyMap<string, number>, dimensions: Record<string, string>) => {
    unwritten += `${JSON.stringify({
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
    })}\n`;
  };

  return {
    log: { info: line('INFO'), warn: line('WARN'), error: line('ERROR') },
    prepare: (message, fields) => {
      const known = begun('INFO', message, fields);
      return (source) => end(`${known},"source":"${source}"`);
    },
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
      writeAll();
    },
  };
}
