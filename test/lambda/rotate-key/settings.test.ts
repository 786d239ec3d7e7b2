import { expect, test } from '@jest/globals';
import { readSettings } from '../../../lambda/rotate-key/settings.ts';

const PREFIX = 'arn:aws:secretsmanager:eu-west-1:123456789012:secret:';
const ADOPTED = 'arn:aws:secretsmanager:us-east-1:210987654321:secret:Other-AbCdEf';
const environment = {
  SECRET_ARN_PREFIX: PREFIX,
  KEY_SECRETS: `Default-AbCdEf ${ADOPTED} momento/app-GhIjKl`,
  SCHEDULE_INTERVAL_SECONDS: '3600',
  REFRESH_AT_FRACTION: '0.3333',
  AUTH_RATE_PER_SECOND: '0.5',
  EVENT_BUS: 'default',
};

test('created secrets come without their prefix, adopted ones as whole ARNs, in the configured order', () => {
  expect(readSettings(environment)).toEqual({
    secretIds: [`${PREFIX}Default-AbCdEf`, ADOPTED, `${PREFIX}momento/app-GhIjKl`],
    scheduleIntervalSeconds: 3_600,
    refreshAtFraction: 0.3333,
    authRatePerSecond: 0.5,
    eventBus: 'default',
  });
});

test('no key at all is no error', () => {
  expect(readSettings({ ...environment, KEY_SECRETS: '' }).secretIds).toEqual([]);
});

test('keys are looked for by a tag where the stack names one', () => {
  const tagged = { ...environment, DISCOVER_TAG_KEY: 'team', DISCOVER_TAG_VALUE: 'blue' };
  expect(readSettings(tagged).discoverTag).toEqual({ key: 'team', value: 'blue' });
  expect(readSettings(environment).discoverTag).toBeUndefined();
});

test.each([
  ['KEY_SECRETS', undefined],
  ['SECRET_ARN_PREFIX', undefined],
  ['SCHEDULE_INTERVAL_SECONDS', '0'],
  ['SCHEDULE_INTERVAL_SECONDS', 'hourly'],
  ['REFRESH_AT_FRACTION', '1'],
  ['REFRESH_AT_FRACTION', '0'],
  ['AUTH_RATE_PER_SECOND', '-1'],
  ['AUTH_RATE_PER_SECOND', 'Infinity'],
  ['EVENT_BUS', ''],
  ['DISCOVER_TAG_KEY', ''],
])('%s=%s: the function does not start, and the error names the variable', (name, value) => {
  expect(() => readSettings({ ...environment, [name]: value })).toThrow(
    new RegExp(`environment variable ${name} is wrong.*Redeploy`),
  );
});
