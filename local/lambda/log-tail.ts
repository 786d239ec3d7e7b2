// The end of an invocation's log, as the Invoke API hands it out: at most 4 KB.

export interface InvocationReport {
  readonly requestId: string;
  readonly durationMs: number;
  /** Only for the first invocation of an execution environment. */
  readonly initDurationMs: number | null;
  readonly memoryMb: number;
  /** Null where the process died before it could say. */
  readonly maxMemoryMb: number | null;
}

const MAX_BYTES = 4096;

export function logTail(lines: readonly string[], report: InvocationReport): string {
  const { requestId, durationMs, initDurationMs, memoryMb, maxMemoryMb } = report;
  const fields = [
    `REPORT RequestId: ${requestId}`,
    `Duration: ${durationMs.toFixed(2)} ms`,
    `Memory Size: ${memoryMb} MB`,
    ...(maxMemoryMb === null ? [] : [`Max Memory Used: ${maxMemoryMb} MB`]),
    ...(initDurationMs === null ? [] : [`Init Duration: ${initDurationMs.toFixed(2)} ms`]),
  ];
  const text = [
    `START RequestId: ${requestId} Version: $LATEST`,
    ...lines,
    `END RequestId: ${requestId}`,
    `${fields.join('\t')}\n`,
  ].join('\n');
  return Buffer.from(text).subarray(-MAX_BYTES).toString();
}
