// Each way to configure the stack, in what decides about its security: the defaults whole, the others
// by the lines in which they differ. A line that changes here is to be read by a person.
import { describe, expect, test } from '@jest/globals';
import { CfnElement } from 'aws-cdk-lib/core';
import fc from 'fast-check';
import { parseConfig } from '../../lib/config.ts';
import { MomentoAuthStack } from '../../lib/momento-auth-stack.ts';
import { differences, securityLines } from './security-lines.ts';
import { appForTest, endpoints, publicPolicies, synthesize, variants } from './synthesis.ts';

const origins = ['https://app.example.com', 'https://admin.example.com'];
const domain = {
  name: 'tokens.example.com',
  certificateArn: 'arn:aws:acm:eu-west-1:123456789012:certificate/1111-2222',
};

/** One thing at a time, so that a snapshot shows what that thing does. */
const compared: Readonly<Record<string, unknown>> = {
  'cognito, an adopted pool': {
    tokenEndpoint: { auth: endpoints['an adopted user pool'].auth },
  },
  'jwt, any OIDC issuer': { tokenEndpoint: { auth: endpoints['an issuer'].auth } },
  'jwt, with token_use': {
    tokenEndpoint: { auth: { ...endpoints['an issuer'].auth, tokenUse: 'access' } },
  },
  'lambda, an authorizer of one’s own': {
    tokenEndpoint: { auth: endpoints['an authorizer'].auth },
  },
  'none, open to everyone': {
    tokenEndpoint: { auth: endpoints['no login'].auth, policies: publicPolicies },
  },
  'no token endpoint': { tokenEndpoint: false },
  'a domain of one’s own': { tokenEndpoint: { domain } },
  'CORS for two origins': { tokenEndpoint: { allowedOrigins: origins } },
  'CORS for every origin': { tokenEndpoint: { allowedOrigins: ['*'] } },
  'a narrow throttle': { tokenEndpoint: { throttle: { ratePerSecond: 5, burst: 10 } } },
  'no sharing': { tokenEndpoint: { sharing: false } },
  'keys found by tag, encrypted by a KMS key': {
    discoverKeysByTag: {
      key: 'momento-auth:rotate',
      value: 'true',
      kmsKeyArns: ['arn:aws:kms:eu-west-1:123456789012:key/99999999-2222-3333-4444-555555555555'],
    },
  },
  'several keys, KMS, replicas, an adopted secret': variants['KMS keys and replicas'],
  'an event bus of one’s own': {
    eventBusArn: 'arn:aws:events:eu-west-1:123456789012:event-bus/momento',
  },
  'alarm e-mails': { alarmEmails: ['ops@example.com'] },
};

describe('what decides about security', () => {
  const defaults = securityLines(synthesize());

  test('with all defaults: cognito, a pool of its own', () => {
    expect(`\n${defaults.join('\n')}\n`).toMatchSnapshot();
  });

  test.each(Object.entries(compared))('%s: what differs from the defaults', (_what, config) => {
    const differing = differences(defaults, securityLines(synthesize(config)));
    expect(differing).not.toEqual([]);
    expect(`\n${differing.join('\n')}\n`).toMatchSnapshot();
  });

  test('no line depends on the bundles, the machine or the time', () => {
    const all = Object.values(compared).flatMap((config) => securityLines(synthesize(config)));
    expect(all.filter((line) => /[0-9a-f]{64}|cdk-hnb659fds|\/tmp\/|\[object/.test(line))).toEqual(
      [],
    );
  });
});

interface KeyOption {
  readonly name: string;
  readonly secretArn?: string;
  readonly kmsKeyArn?: string;
  readonly replicaRegions?: readonly string[];
}

const arnOf = (service: string, rest: string) =>
  `arn:aws:${service}:eu-west-1:123456789012:${rest}`;

/** Keys of every kind. */
const keyOptions: readonly KeyOption[] = [
  { name: 'default' },
  { name: 'Default' },
  { name: 'a-b' },
  { name: 'orders', replicaRegions: ['eu-central-1'] },
  {
    name: 'encrypted',
    kmsKeyArn: arnOf('kms', 'key/11111111-2222-3333-4444-555555555555'),
  },
  { name: 'adopted', secretArn: arnOf('secretsmanager', 'secret:momento/key-AbCdEf') },
];

/** What the template says of each key, without a whole synthesis: by logical id, as text. */
function resourcesOf(keys: readonly KeyOption[]): ReadonlyMap<string, string> {
  const vendingKey = keys[0]?.name;
  const stack = new MomentoAuthStack(appForTest(), 'MomentoAuth', {
    config: parseConfig({ keys, vendingKey }),
  });
  return new Map(
    stack.node
      .findAll()
      .filter(CfnElement.isCfnElement)
      .map((element) => [
        String(stack.resolve(element.logicalId)),
        JSON.stringify(stack.resolve(element._toCloudFormation())),
      ]),
  );
}

const ofKeys = (resources: ReadonlyMap<string, string>) =>
  [...resources].filter(([id]) => id.startsWith('ApiKey'));

describe('logical ids', () => {
  const alone = new Map(keyOptions.map((key) => [key.name, ofKeys(resourcesOf([key]))]));
  const others = [...resourcesOf([{ name: 'default' }]).keys()].filter(
    (id) => !id.startsWith('ApiKey'),
  );

  test('each key has a policy and two outputs, and a secret unless it is adopted', () => {
    expect([...alone].map(([name, resources]) => [name, resources.length])).toEqual(
      keyOptions.map(({ name, secretArn }) => [name, secretArn === undefined ? 4 : 3]),
    );
  });

  test('a key is the same to the byte, whichever others come, go or change places; so are all other ids', () => {
    fc.assert(
      fc.property(fc.shuffledSubarray([...keyOptions], { minLength: 1 }), (keys) => {
        const resources = resourcesOf(keys);
        const expected = keys.flatMap(({ name }) => alone.get(name) ?? []);
        expect(Object.fromEntries(ofKeys(resources))).toEqual(Object.fromEntries(expected));
        expect([...resources.keys()].filter((id) => !id.startsWith('ApiKey')).sort()).toEqual(
          [...others].sort(),
        );
      }),
      { numRuns: 20 },
    );
  });
});
