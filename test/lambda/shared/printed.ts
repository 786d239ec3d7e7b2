// What a piece of work prints past the logger: on the console, stdout or stderr.

import { jest } from '@jest/globals';

export async function printedBy(work: () => Promise<unknown>): Promise<string[]> {
  const printed: string[] = [];
  const note = (...words: unknown[]) => {
    printed.push(words.map(String).join(' '));
  };
  const write = (chunk: unknown) => {
    printed.push(String(chunk));
    return true;
  };
  const spies = [
    ...(['log', 'info', 'warn', 'error', 'debug', 'trace'] as const).map((level) =>
      jest.spyOn(console, level).mockImplementation(note),
    ),
    jest.spyOn(process.stdout, 'write').mockImplementation(write),
    jest.spyOn(process.stderr, 'write').mockImplementation(write),
  ];
  try {
    await work();
  } finally {
    for (const spy of spies) spy.mockRestore();
  }
  return printed;
}
