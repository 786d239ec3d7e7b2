import { describe, expect, test } from '@jest/globals';
import { parseConfig } from '../../lib/config.ts';
import { ConfigError } from '../../lib/config-error.ts';

const secret = (region: string) =>
  `arn:aws:secretsmanager:${region}:123456789012:secret:key-AbCdEf`;
const kms = (region: string) =>
  `arn:aws:kms:${region}:123456789012:key/11111111-2222-3333-4444-555555555555`;
const bus = (region: string) => `arn:aws:events:${region}:123456789012:event-bus/keys`;

const configured = (secretRegion: string, kmsRegion: string, busRegion: string) => ({
  keys: [{ name: 'default', secretArn: secret(secretRegion), kmsKeyArn: kms(kmsRegion) }],
  eventBusArn: bus(busRegion),
});

describe('configured ARNs', () => {
  test('of one Region are taken', () => {
    expect(parseConfig(configured('eu-west-1', 'eu-west-1', 'eu-west-1')).eventBusArn).toBe(
      bus('eu-west-1'),
    );
  });

  test('of another Region are refused, each by its path', () => {
    let issues: ConfigError['issues'] = [];
    try {
      parseConfig(configured('eu-west-1', 'us-east-1', 'us-east-1'));
    } catch (error) {
      if (error instanceof ConfigError) issues = error.issues;
    }
    expect(issues).toEqual([
      {
        path: 'momentoAuth.keys[0].kmsKeyArn',
        got: JSON.stringify(kms('us-east-1')),
        remedy:
          'name one in eu-west-1, where momentoAuth.keys[0].secretArn is: a stack calls nothing in another Region',
      },
      expect.objectContaining({ path: 'momentoAuth.eventBusArn' }),
    ]);
  });
});
