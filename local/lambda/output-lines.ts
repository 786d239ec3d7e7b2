// Splits a child's output into lines, and sees the mark that ends an invocation's output.

import type { Readable } from 'node:stream';

/** Written by bootstrap.mjs after each invocation: the NUL keeps it apart from what functions print. */
const END_MARK = /^(.*)\0END (\S+)$/s;

export interface OutputListener {
  readonly onLine: (line: string) => void;
  readonly onEnd: (requestId: string) => void;
}

export function readOutputLines(stream: Readable, { onLine, onEnd }: OutputListener): void {
  let rest = '';
  const read = (line: string) => {
    const [, before, requestId] = END_MARK.exec(line) ?? [];
    const text = requestId === undefined ? line : before;
    if (text) onLine(text);
    if (requestId !== undefined) onEnd(requestId);
  };
  stream.setEncoding('utf8');
  stream.on('data', (chunk: string) => {
    const lines = (rest + chunk).split('\n');
    rest = lines.pop() ?? '';
    for (const line of lines) read(line);
  });
  stream.on('end', () => read(rest));
}
