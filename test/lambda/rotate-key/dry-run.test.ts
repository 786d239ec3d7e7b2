// A dry run proves what a rotation needs, and changes nothing, whatever state the secret is in.

import { describe, expect, test } from '@jest/globals';
import { AwsError } from '../../../local/aws/aws-error.ts';
import { DAY_SECONDS, World } from './world.ts';

const DRY = (world: World) => ({ secretId: world.arn, dryRun: true });
const stateOf = (world: World): string => JSON.stringify(world.secrets.inspect(world.arn));

function world(days = 1): World {
  const made = new World();
  made.import();
  made.wait(days * DAY_SECONDS);
  return made;
}

async function expectNothingChanged(made: World, expected: object): Promise<void> {
  const before = stateOf(made);
  expect(await made.tick(DRY(made))).toMatchObject(expected);
  expect(stateOf(made)).toBe(before);
  expect(made.calls).not.toContain('RefreshApiKey');
  expect(made.measured).toEqual([]);
}

test.each([1, 29])('a key of %d days: proven, due or not', async (days) => {
  const made = world(days);
  await expectNothingChanged(made, { outcome: 'deferred', reason: 'dry-run' });
  expect(made.calls).toEqual([
    'DescribeSecret',
    'GetSecretValue',
    'PutSecretValue',
    'UpdateSecretVersionStage',
    'ListSecretVersionIds',
    'ListCaches',
  ]);
  expect(made.events).toEqual([]);
});

test('a pending pair stays pending', async () => {
  const made = world(29);
  made.fault = (call) => (call === 'ListCaches' ? 'kill' : undefined);
  await made.tick();
  made.fault = () => undefined;
  made.wait(3_600);
  const before = stateOf(made);
  const { message } = (await made.tick(DRY(made))) as { message: string };
  expect(message).toMatch(/would first promote the new pair/);
  expect(stateOf(made)).toBe(before);
});

test('a person imports at any call of it: that stays', async () => {
  for (let nth = 0; nth < 6; nth += 1) {
    const made = world();
    let seen = 0;
    made.fault = () => {
      if (seen++ === nth) made.import();
      return undefined;
    };
    await made.tick(DRY(made));
    const { AWSCURRENT } = made.labels();
    expect(made.secrets.inspect(made.arn).at(-1)?.versionId).toBe(AWSCURRENT);
    expect(Object.keys(made.labels()).sort()).toEqual(['AWSCURRENT', 'AWSPREVIOUS']);
  }
});

describe('what would stop a rotation stops it too', () => {
  const denied = new AwsError('AccessDeniedException', 'not authorized to perform: it');

  test.each(['PutSecretValue', 'UpdateSecretVersionStage', 'ListSecretVersionIds'])(
    '%s is denied',
    async (denies) => {
      const made = world();
      made.fault = (call) => (call === denies ? denied : undefined);
      const before = stateOf(made);
      expect(await made.tick(DRY(made))).toMatchObject({
        outcome: 'failed',
        reason: 'access-denied',
      });
      expect(stateOf(made)).toBe(before);
    },
  );

  test('Momento refuses the key', async () => {
    const made = world();
    made.momento.revoke(made.current().apiKey);
    expect(await made.tick(DRY(made))).toMatchObject({ outcome: 'failed', reason: 'key-refused' });
  });

  test('Momento refuses a key that a person has replaced meanwhile: the new one is asked about', async () => {
    const made = world();
    made.fault = (call) => {
      if (call !== 'ListCaches') return undefined;
      made.fault = () => undefined;
      const { apiKey } = made.current();
      made.import();
      made.momento.revoke(apiKey);
      return undefined;
    };
    expect(await made.tick(DRY(made))).toMatchObject({ outcome: 'deferred', reason: 'dry-run' });
  });

  test('there is no key', async () => {
    const made = new World();
    expect(await made.tick(DRY(made))).toMatchObject({ outcome: 'no-key', reason: 'no-value' });
  });
});
