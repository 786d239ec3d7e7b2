// What leaves by the log, through the functions' own logger.

import { expect, test } from '@jest/globals';
import { describeError } from '../../../lambda/shared/log.ts';
import { createLogger } from '../../../lambda/shared/logging.ts';
import { Redactor } from '../../../lambda/shared/redaction.ts';
import { jwt } from '../momento-key.ts';
import { capturedLogger } from './captured-logger.ts';
import { printedBy } from './printed.ts';

const SECRET = 'canary/"refresh"+token=';

function logging() {
  const redactor = new Redactor();
  redactor.learn(SECRET);
  return capturedLogger(redactor);
}

test.each<[string, Record<string, unknown>]>([
  ['a field', { detail: `x ${SECRET}` }],
  ['a nested one', { a: { b: [{ c: SECRET }] } }],
  ['JSON in a string', { body: JSON.stringify({ t: SECRET }) }],
  ['an error', { error: new Error(SECRET) }],
  ['its cause', { error: new Error('x', { cause: new Error(SECRET) }) }],
  [
    'what an SDK hangs on an error',
    { error: Object.assign(new Error('x'), { metadata: { k: [SECRET] } }) },
  ],
  ['the part of an error that is logged', describeError(new Error(SECRET, { cause: SECRET }))],
  ['what was thrown and is no error', describeError(SECRET)],
])('%s', (_, fields) => {
  const { log, lines } = logging();
  log.info(`message ${SECRET}`, fields);
  log.warn('message', fields);
  log.error('message', fields);
  expect(lines).toHaveLength(3);
  expect(lines.join('\n')).not.toMatch(/canary/);
  expect(lines[0]).toContain('message [redacted]');
});

test('what nobody learned and looks like a credential', () => {
  const { log, lines } = logging();
  log.error('no', { header: `Bearer ${jwt({ sub: 'user-1' })}` });
  expect(lines.join()).toContain('Bearer [redacted]');
  expect(lines.join()).not.toContain('eyJ');
});

test('ordinary words, numbers and the code stay', () => {
  const { log, lines } = logging();
  const arn = 'arn:aws:secretsmanager:eu-west-1:123456789012:secret:momento/default-AbCdEf';
  const error = Object.assign(new Error('cell-1.prod.momentohq.com is away'), { code: 'gone' });
  log.error('failed', { arn, attempt: 3, nothing: null, yes: true, ...describeError(error) });
  expect(JSON.parse(lines[0] ?? '')).toMatchObject({
    level: 'ERROR',
    message: 'failed',
    arn,
    attempt: 3,
    yes: true,
    error: 'cell-1.prod.momentohq.com is away',
    code: 'gone',
    stack: expect.stringContaining('logging.test.ts'),
  });
});

test('one line of JSON per entry on stdout, clean there too', async () => {
  const redactor = new Redactor();
  redactor.learn(SECRET);
  const printed = await printedBy(async () => {
    createLogger(redactor).info('one', { detail: SECRET });
  });
  expect(printed).toHaveLength(1);
  expect(JSON.parse(printed[0] ?? '')).toMatchObject({ message: 'one', detail: '[redacted]' });
});
