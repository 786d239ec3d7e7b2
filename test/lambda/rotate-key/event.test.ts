import { expect, test } from '@jest/globals';
import { parseEvent } from '../../../lambda/rotate-key/event.ts';
import { jwt, v1Key } from '../momento-key.ts';
import { TICK, World } from './world.ts';

const ARN = 'arn:aws:secretsmanager:eu-west-1:123456789012:secret:momento/key.1-AbCdEf';

test.each<[string, unknown, unknown]>([
  ['the schedule', { ...TICK, id: 'x', detail: {} }, { kind: 'all-keys' }],
  ['one key by ARN', { secretId: ARN }, { kind: 'one-key', secretId: ARN, force: false }],
  ['one key by name', { secretId: ' Key ' }, { kind: 'one-key', secretId: 'Key', force: false }],
  [
    'one key, forced',
    { secretId: 'Key', force: true },
    { kind: 'one-key', secretId: 'Key', force: true },
  ],
  ['not forced', { secretId: 'Key', force: false }, { secretId: 'Key', force: false }],
])('%s', (_, event, request) => {
  expect(parseEvent(event)).toMatchObject(request as Record<string, unknown>);
});

test.each<[string, unknown]>([
  ['null', null],
  ['a text', 'Key'],
  ['an empty object', {}],
  ['a list', [{ secretId: 'Key' }]],
  ['no name', { secretId: '' }],
  ['blanks for a name', { secretId: '  ' }],
  ['a name that is no text', { secretId: 7 }],
  ['a name with a blank in it', { secretId: 'my key' }],
  ['a name that is too long', { secretId: 'k'.repeat(2_049) }],
  ['force that is no boolean', { secretId: 'Key', force: 'true' }],
  ['one property too many', { secretId: 'Key', now: true }],
  ['a misspelt property', { secretID: 'Key' }],
  ['another service’s event', { source: 'aws.s3', 'detail-type': 'Scheduled Event' }],
  ['another event of the scheduler', { source: 'aws.events', 'detail-type': 'Other' }],
  ['a v1 key pasted for a name', { secretId: v1Key() }],
  ['a JWT pasted for a name', { secretId: jwt({ sub: 'account' }), force: true }],
  ['the secret’s value pasted', { apiKey: v1Key(), refreshToken: 'canary-refresh' }],
  ['the value as a name', { secretId: JSON.stringify({ apiKey: v1Key() }) }],
])('unsupported: %s', async (_, event) => {
  const world = new World();
  const thrown = await world.invoke(event).catch((error: unknown) => error);
  expect(thrown).toMatchObject({
    name: 'UnsupportedEvent',
    code: 'unsupported-event',
    message: expect.stringMatching(/^unsupported-event: .*"secretId"/),
  });
  expect(String((thrown as Error).stack)).not.toMatch(/eyJ|canary/);
  expect(world.calls).toEqual([]);
  expect(world.logged.join()).not.toMatch(/eyJ|canary/);
});

test('unsupported: nothing', () => {
  expect(() => parseEvent(undefined)).toThrow('unsupported-event');
});
