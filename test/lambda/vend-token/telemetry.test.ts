// Log lines and metrics are what Powertools would write: CloudWatch, alarms and the runbook's queries know no other.

import { Console } from 'node:console';
import { Writable } from 'node:stream';
import { Metrics, MetricUnit } from '@aws-lambda-powertools/metrics';
import { beforeEach, describe, expect, jest, test } from '@jest/globals';
import { Redactor } from '../../../lambda/shared/redaction.ts';
import { telemetry } from '../../../lambda/vend-token/telemetry.ts';
import { capturedLogger } from '../shared/captured-logger.ts';

const NOW = Date.parse('2026-03-01T12:00:00.123Z');
const SECRET = 'a-secret-that-nobody-may-see';

let redactor: Redactor;
let lines: string[];
let writes: number;
let own: ReturnType<typeof telemetry>;
beforeEach(() => {
  redactor = new Redactor();
  redactor.learn(SECRET);
  lines = [];
  writes = 0;
  own = telemetry({
    service: 'vend-token',
    namespace: 'Stack',
    redactor,
    now: () => NOW,
    write: (text) => {
      writes += 1;
      expect(text.endsWith('\n')).toBe(true);
      lines.push(...text.slice(0, -1).split('\n'));
    },
  });
  own.begin('request-1');
});

const parsed = () => lines.map((line): unknown => JSON.parse(line));

describe('a log line', () => {
  test.each(['info', 'warn', 'error'] as const)('of %s is that of Powertools', (level) => {
    const fields = {
      subject: 'user',
      roles: ['viewer'],
      nested: { of: [1, null] },
      none: undefined,
    };
    own.log[level]('vended', fields);
    own.publish();
    const theirs = capturedLogger(redactor);
    theirs.log.appendKeys({ function_request_id: 'request-1' });
    theirs.log[level]('vended', fields);
    const [ours] = parsed();
    expect(ours).toEqual({
      ...JSON.parse(theirs.lines[0] ?? ''),
      // Ours has neither a rate of sampling nor another clock.
      sampling_rate: undefined,
      timestamp: '2026-03-01T12:00:00.123Z',
      service: 'vend-token',
    });
  });

  test('goes out with its metrics in one write, a warning at once and after what is before it', () => {
    own.log.info('vended', {});
    expect(writes).toBe(0);
    own.count('Vended');
    own.publish();
    expect([writes, lines.length]).toEqual([1, 2]);
    own.log.info('vended', {});
    own.log.warn('SharingUnavailable', {});
    expect([writes, lines.length]).toEqual([2, 4]);
    own.publish();
    expect(writes).toBe(2);
  });

  test('is one line, and has no secret in it, however deep', () => {
    own.log.error(`about ${SECRET}`, { in: { a: [`${SECRET}\n`, { list: SECRET }] } });
    expect(lines).toHaveLength(1);
    expect(lines[0]).not.toMatch(/\n/);
    expect(lines[0]).not.toContain(SECRET);
    expect(lines[0]).toContain('[redacted]');
  });

  test('has no secret in it, however that is written, and stays a line of JSON', () => {
    const secret = 'canary/"refresh"\\token=';
    redactor.learn(secret);
    own.log.warn(secret, {
      error: `Momento said ${JSON.stringify({ message: secret })}`,
      [secret]: 1,
      base64: Buffer.from(secret).toString('base64'),
      url: encodeURIComponent(secret),
    });
    expect(lines.join()).not.toMatch(/canary|refresh|Y2FuYXJ5/);
    expect(parsed()).toMatchObject([
      { message: '[redacted]', error: 'Momento said {"message":"[redacted]"}', '[redacted]': 1 },
    ]);
  });

  test.each([
    ['an escape that ends like a credential', '\u000eyJaaaaaaaa.b'],
    ['half of a pair of surrogates', '\ud83eyJaaaaaaaa.b'],
    ['a new line before a secret', `\n${SECRET.slice(1)}`],
    ['a number that is a secret', 12_345_678],
  ])('stays one of JSON: %s', (_, subject) => {
    redactor.learn('12345678', `n${SECRET.slice(1)}`);
    own.prepare('vended', { subject })('minted');
    own.log.warn('refused', { subject });
    expect(parsed()).toMatchObject([
      { message: 'vended', source: 'minted', subject },
      { message: 'refused', subject },
    ]);
  });

  test('that cannot be written is not written by the next invocation, nor counted there', () => {
    let isBroken = true;
    const written: string[] = [];
    const breaking = telemetry({
      service: 'vend-token',
      namespace: 'Stack',
      redactor,
      now: () => NOW,
      write: (text) => {
        if (isBroken) throw new Error('EPIPE');
        written.push(text);
      },
    });
    breaking.log.info('vended', { subject: 'first' });
    breaking.count('Vended');
    expect(breaking.publish).toThrow('EPIPE');
    isBroken = false;
    breaking.log.info('vended', { subject: 'second' });
    breaking.count('Vended');
    breaking.publish();
    expect(written.join()).toContain('"Vended":1');
    expect(written.join()).not.toContain('first');
  });

  test('that was made ready is written when it is true, and not before', () => {
    const vended = own.prepare('vended', { subject: 'user', tokenId: undefined, token: SECRET });
    own.publish();
    expect(lines).toEqual([]);
    vended('minted');
    own.publish();
    own.log.info('vended', {
      subject: 'user',
      tokenId: undefined,
      token: SECRET,
      source: 'minted',
    });
    own.publish();
    const [ready, atOnce] = parsed();
    expect(ready).toEqual(atOnce);
    expect(ready).toMatchObject({ source: 'minted', token: '[redacted]' });
  });

  test('is about the invocation that began last', () => {
    own.begin('request-2');
    own.log.warn('x', {});
    expect(parsed()).toMatchObject([{ function_request_id: 'request-2' }]);
  });
});

describe('metrics', () => {
  test('are those of Powertools', () => {
    const written: string[] = [];
    const sink = new Writable({
      write(chunk, _encoding, done) {
        written.push(String(chunk).trimEnd());
        done();
      },
    });
    jest.useFakeTimers({ now: NOW, doNotFake: ['nextTick', 'setImmediate'] });
    try {
      const theirs = new Metrics({ namespace: 'Stack', serviceName: 'vend-token' });
      Object.assign(theirs, { console: new Console({ stdout: sink, stderr: sink }) });
      theirs.addMetric('Vended', MetricUnit.Count, 1);
      theirs.addMetric('Minted', MetricUnit.Count, 1);
      theirs.publishStoredMetrics();
      const detailed = new Metrics({
        namespace: 'Stack',
        serviceName: 'vend-token',
        singleMetric: true,
      });
      Object.assign(detailed, { console: new Console({ stdout: sink, stderr: sink }) });
      detailed.addDimension('reason', 'no-role');
      detailed.addMetric('RefusedByReason', MetricUnit.Count, 1);
    } finally {
      jest.useRealTimers();
    }
    own.count('Vended');
    own.count('Minted');
    own.publish();
    own.count('Refused', 'no-role');
    own.publish();
    const [both, refused, byReason] = parsed();
    expect([both, byReason]).toEqual(written.map((line): unknown => JSON.parse(line)));
    expect(refused).toMatchObject({ service: 'vend-token', Refused: 1 });
  });

  test('what is counted twice is two; what was published is not published again', () => {
    own.count('SharedTokenIgnored', 'foreign');
    own.count('SharedTokenIgnored', 'foreign');
    own.publish();
    expect(parsed()).toMatchObject([
      { SharedTokenIgnored: 2 },
      { reason: 'foreign', SharedTokenIgnoredByReason: 1 },
      { reason: 'foreign', SharedTokenIgnoredByReason: 1 },
    ]);
    own.publish();
    expect(lines).toHaveLength(3);
  });
});
