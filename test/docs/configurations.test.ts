// Whatever the pages say to configure is accepted, and what they say of the template is so.
import { spawnSync } from 'node:child_process';
import { describe, expect, test } from '@jest/globals';
import { parseConfig } from '../../lib/config.ts';
import { inside, ofType, statementsOf, synthesize, variants } from '../lib/synthesis.ts';
import { blocksOf, pages, read } from './markdown.ts';

/** Blocks that are a configuration: the object itself, or as it stands in cdk.json. */
const blocks = pages.flatMap((page) =>
  blocksOf(page, 'json').flatMap(({ line, text }) => {
    const value: unknown = JSON.parse(text);
    const config = inside(value, 'momentoAuth') ?? (inside(value, 'stackName') && value);
    return config === undefined ? [] : [[page, line, config] as const];
  }),
);

/** `-c momentoAuth=…`, as the shell hands it on. */
const onTheCommandLine = pages.flatMap((page) =>
  blocksOf(page, 'sh')
    .filter(({ text }) => text.includes('-c momentoAuth='))
    .flatMap(({ line, text }) => {
      const secretArn = 'arn:aws:secretsmanager:us-east-1:123456789012:secret:key-AbCdEf';
      const { stdout } = spawnSync('bash', [], {
        input: `aws() { :; }\nnpx() { printf '%s\\n' "$@"; }\nSECRET=${secretArn} REPLICA=${secretArn}\n${text}`,
        encoding: 'utf8',
      });
      return stdout
        .split('\n')
        .filter((word) => word.startsWith('momentoAuth='))
        .map((word) => [page, line, word.slice('momentoAuth='.length)] as const);
    }),
);

describe('the configuration of', () => {
  test('several pages', () => {
    expect(blocks.length).toBeGreaterThan(3);
    expect(onTheCommandLine.length).toBeGreaterThan(2);
  });

  test.each([...blocks, ...onTheCommandLine])('%s:%d is accepted', (_page, _line, config) => {
    expect(() => parseConfig(config)).not.toThrow();
  });
});

test('docs/destroy.md: what stays is the secrets and the user pool, and nothing else', () => {
  const kept = Object.values(synthesize().resources)
    .filter(({ DeletionPolicy }) => DeletionPolicy === 'Retain')
    .map(({ Type }) => Type);
  expect(kept.sort()).toEqual(['AWS::Cognito::UserPool', 'AWS::SecretsManager::Secret']);
});

test('docs/adopt.md: the statement for a KMS key allows what the roles are allowed, on the same condition', () => {
  const [statement] = blocksOf('docs/adopt.md', 'json')
    .map(({ text }): unknown => JSON.parse(text))
    .filter((value) => inside(value, 'Sid') !== undefined);
  const granted = statementsOf(synthesize(variants['KMS keys and replicas']).resources).filter(
    ({ Action }) => JSON.stringify(Action).includes('kms:'),
  );
  expect(granted.length).toBeGreaterThan(3);
  expect(inside(statement, 'Action')).toEqual(
    [...new Set(granted.flatMap(({ Action }) => Action))].sort(),
  );
  for (const { Condition } of granted) {
    expect(Object.keys(Object(inside(Condition, 'StringEquals')))).toEqual(
      Object.keys(Object(inside(statement, 'Condition', 'StringEquals'))),
    );
  }
});

test('docs/security.md: the lives that it names are the defaults', () => {
  const [[, client] = []] = ofType(synthesize(), 'AWS::Cognito::UserPoolClient');
  expect(read('docs/security.md')).toContain(`${client?.Properties.IdTokenValidity} minutes`);
  const { tokenEndpoint } = parseConfig({});
  expect(inside(tokenEndpoint, 'maxLifeSeconds')).toBe(3_600);
  expect(read('docs/security.md')).toContain('an hour by default');
});

test('docs/upgrade.md and README.md: how rotation and the endpoint divide the rate', () => {
  const rates = (config: unknown) =>
    ofType(synthesize(config), 'AWS::Lambda::Function').flatMap(([, { Properties }]) =>
      ['AUTH_RATE_PER_SECOND', 'MINT_RATE_PER_SECOND'].flatMap((name) => {
        const value = inside(Properties, 'Environment', 'Variables', name);
        return value === undefined ? [] : [`${name}=${value}`];
      }),
    );
  expect(rates({})).toEqual(['AUTH_RATE_PER_SECOND=1', 'MINT_RATE_PER_SECOND=4']);
  expect(rates({ authRatePerSecond: 1 })).toEqual([
    'AUTH_RATE_PER_SECOND=0.5',
    'MINT_RATE_PER_SECOND=0.5',
  ]);
  expect(rates({ tokenEndpoint: false, authRatePerSecond: 2 })).toEqual(['AUTH_RATE_PER_SECOND=2']);
});
