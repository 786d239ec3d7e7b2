// What is written reaches whoever reads, however late: the audit's lines go this way.

import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { fileURLToPath } from 'node:url';
import { expect, test } from '@jest/globals';

const WRITTEN = fileURLToPath(
  new URL('../../../lambda/vend-token/standard-output.ts', import.meta.url),
);
const LINES = 20_000;
const LINE = 'a line of the audit, with an ä in it';

test('a pipe that is full is waited for, and nothing is lost', async () => {
  const child = spawn(
    process.execPath,
    [
      ...['--import', 'tsx', '--input-type=module', '--eval'],
      `// Made one that does not wait, as Node.js makes each pipe that it takes for a stream.
       process.stdout.write('first\\n');
       const { writeOut } = await import(${JSON.stringify(WRITTEN)});
       writeOut('${LINE}\\n'.repeat(${LINES}));
       process.stderr.write('written');
       process.exit();`,
    ],
    { stdio: ['ignore', 'pipe', 'pipe'] },
  );
  const exited = once(child, 'exit');
  let told = '';
  child.stderr.on('data', (chunk: Buffer) => {
    told += chunk;
  });
  await Promise.race([exited, new Promise((resolve) => setTimeout(resolve, 1_000))]);
  // More than a pipe holds: it cannot have ended.
  expect(told).toBe('');
  const chunks: Buffer[] = [];
  for await (const chunk of child.stdout) chunks.push(chunk);
  await exited;
  expect(told).toBe('written');
  const lines = Buffer.concat(chunks).toString().split('\n');
  expect(lines).toHaveLength(1 + LINES + 1);
  expect(lines.slice(1, -1).every((line) => line === LINE)).toBe(true);
});
