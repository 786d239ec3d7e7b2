// Synthesizes the stack in memory, as bin/app.ts does, without bundling.
import { mkdtempSync, readFileSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { afterAll, beforeAll, jest } from '@jest/globals';
import { Template } from 'aws-cdk-lib/assertions';
import { App, type AppProps } from 'aws-cdk-lib/core';
import * as v from 'valibot';
import { parseConfig } from '../../lib/config.ts';
import { MomentoAuthStack } from '../../lib/momento-auth-stack.ts';

const { context: flags } = v.parse(
  v.object({ context: v.record(v.string(), v.unknown()) }),
  JSON.parse(readFileSync(new URL('../../cdk.json', import.meta.url), 'utf8')),
);

// The one warning that is there on purpose would stand between the results.
const { error } = console;
beforeAll(() => {
  jest.spyOn(console, 'error').mockImplementation((...words) => {
    if (!/WARNING (The token endpoint is open|Users of the pool)/.test(String(words[0])))
      error(...words);
  });
});

const assemblies: string[] = [];
afterAll(() => {
  for (const directory of assemblies) rmSync(directory, { recursive: true, force: true });
});

/** An app with the feature flags of cdk.json that writes to a directory of its own. */
export function appForTest({
  bundle = false,
  ...props
}: AppProps & { bundle?: boolean } = {}): App {
  const outdir = mkdtempSync(join(tmpdir(), 'momento-auth-test-'));
  assemblies.push(outdir);
  return new App({
    builtinCloudFormationValidation: false,
    ...props,
    outdir,
    context: { ...flags, ...(!bundle && { 'aws:cdk:bundling-stacks': [] }) },
  });
}

export interface Statement {
  readonly Effect: string;
  readonly Action: string | readonly string[];
  readonly Resource?: unknown;
  readonly Principal?: unknown;
  readonly Condition?: unknown;
}

interface Resource {
  readonly Type: string;
  readonly Properties: Readonly<Record<string, unknown>>;
  readonly DependsOn?: readonly string[];
  readonly DeletionPolicy?: string;
  readonly UpdateReplacePolicy?: string;
}

export interface Synthesis {
  readonly template: Template;
  readonly json: { readonly Outputs: Readonly<Record<string, { readonly Value: unknown }>> };
  readonly resources: Readonly<Record<string, Resource>>;
}

const syntheses = new Map<string, Synthesis>();

/** The template of a configuration. Synthesis takes a while, so one is made for all who ask. */
export function synthesize(config: unknown = {}): Synthesis {
  const text = JSON.stringify(config);
  const known = syntheses.get(text) ?? synthesizeAnew(config);
  syntheses.set(text, known);
  return known;
}

function synthesizeAnew(config: unknown): Synthesis {
  const parsed = parseConfig(config);
  const template = Template.fromStack(
    new MomentoAuthStack(appForTest(), parsed.stackName, { config: parsed }),
  );
  const json = template.toJSON();
  return { template, json: json as Synthesis['json'], resources: json.Resources };
}

/** What stands deep inside; undefined where the way ends before. */
export function inside(value: unknown, ...path: readonly (string | number)[]): unknown {
  return path.reduce<unknown>(
    (at, step) => (typeof at === 'object' && at !== null ? Reflect.get(at, step) : undefined),
    value,
  );
}

/** The resources of a type, by logical id. */
export function ofType({ resources }: Synthesis, type: string): readonly [string, Resource][] {
  return Object.entries(resources).filter(([, resource]) => resource.Type === type);
}

/** The only resource of a type. */
export function only(synthesis: Synthesis, type: string): readonly [string, Resource] {
  const [first, ...others] = ofType(synthesis, type);
  if (first === undefined || others.length > 0) throw new Error(`not exactly one ${type}`);
  return first;
}

/** Every statement of every policy document, wherever in the template it stands. */
export function statementsOf(value: unknown): readonly Statement[] {
  if (typeof value !== 'object' || value === null) return [];
  const own = 'Statement' in value && Array.isArray(value.Statement) ? value.Statement : [];
  return [...own, ...Object.values(value).flatMap(statementsOf)];
}

export const secretActions = [
  'secretsmanager:DescribeSecret',
  'secretsmanager:GetSecretValue',
  'secretsmanager:ListSecretVersionIds',
  'secretsmanager:PutSecretValue',
  'secretsmanager:UpdateSecretVersionStage',
];

/** `arn:PARTITION:…` with REGION and ACCOUNT, as CDK writes it. */
export function arn(service: string, resource: unknown[]): unknown {
  return {
    'Fn::Join': [
      '',
      [
        'arn:',
        { Ref: 'AWS::Partition' },
        `:${service}:`,
        { Ref: 'AWS::Region' },
        ':',
        { Ref: 'AWS::AccountId' },
        ...resource,
      ],
    ],
  };
}

/** Where the function gets its keys of a tag from, and what AWS knows no narrower resource for. */
export const discoveryStatements = ({ key, value }: { key: string; value: string }) => [
  { Effect: 'Allow', Action: 'secretsmanager:ListSecrets', Resource: '*' },
  {
    Effect: 'Allow',
    Action: secretActions,
    Resource: arn('secretsmanager', [':secret:*']),
    Condition: { StringEquals: { [`secretsmanager:ResourceTag/${key}`]: value } },
  },
];

/** The statements that the rotate-key function's role has, where there is no other. */
export function roleStatements(synthesis: Synthesis): readonly Statement[] {
  return statementsOf(only(synthesis, 'AWS::IAM::Policy')[1]);
}

/** Policies without claims, for those who do not log in. */
export const publicPolicies = fileURLToPath(new URL('public-policies.json', import.meta.url));

/** Token endpoints of every kind that there is. */
export const endpoints = {
  'a new user pool': {},
  'an adopted user pool': {
    auth: { type: 'cognito', userPoolId: 'us-east-1_AbCdEfGhI', clientIds: ['one', 'two'] },
    allowedOrigins: ['https://app.example.com', 'http://localhost:5173'],
  },
  'an issuer': {
    auth: { type: 'jwt', issuer: 'https://login.example.com/', audience: 'web' },
    allowedOrigins: ['*'],
    domain: {
      name: 'tokens.example.com',
      certificateArn: 'arn:aws:acm:eu-west-1:123456789012:certificate/1111-2222',
    },
  },
  'an issuer that sets token_use': {
    auth: { type: 'jwt', issuer: 'https://a.example', audience: ['a', 'b'], tokenUse: 'access' },
    throttle: { ratePerSecond: 0.5, burst: 3 },
    domain: {
      name: 'tokens.example.com',
      certificateArn: 'arn:aws:acm:eu-west-1:123456789012:certificate/1111-2222',
      hostedZoneId: 'Z0123456789ABC',
    },
  },
  'an authorizer': {
    auth: {
      type: 'lambda',
      functionArn: 'arn:aws:lambda:eu-west-1:123456789012:function:login:live',
    },
    maxLifeSeconds: 7_200,
    maxPermissions: 20,
  },
  'no login': {
    auth: { type: 'none', role: 'reader', acknowledgePublic: true },
    policies: publicPolicies,
  },
} as const;

/** Configurations of every kind that there is. */
export const variants: Readonly<Record<string, unknown>> = {
  'all defaults': {},
  'three keys': { keys: [{ name: 'default' }, { name: 'orders' }, { name: 'eu_west-2' }] },
  'an adopted secret': {
    keys: [
      {
        name: 'default',
        secretArn: 'arn:aws:secretsmanager:eu-west-1:123456789012:secret:momento/key-AbCdEf',
      },
    ],
  },
  'KMS keys and replicas': {
    keys: [
      {
        name: 'default',
        kmsKeyArn: 'arn:aws:kms:eu-west-1:123456789012:key/11111111-2222-3333-4444-555555555555',
        replicaRegions: ['eu-central-1', 'us-east-1'],
      },
      {
        name: 'adopted',
        secretArn: 'arn:aws:secretsmanager:eu-west-1:123456789012:secret:other-AbCdEf',
        kmsKeyArn: 'arn:aws:kms:eu-west-1:123456789012:key/99999999-2222-3333-4444-555555555555',
      },
      {
        name: 'sameKms',
        kmsKeyArn: 'arn:aws:kms:eu-west-1:123456789012:key/11111111-2222-3333-4444-555555555555',
      },
    ],
  },
  'a bus of its own': {
    eventBusArn: 'arn:aws:events:eu-west-1:123456789012:event-bus/momento',
    schedule: 'rate(1 minute)',
  },
  'rotation alone': { tokenEndpoint: false },
  'tokens that nobody shares': { tokenEndpoint: { sharing: false } },
  'alarm e-mails': { alarmEmails: ['ops@example.com', 'on-call@example.com'] },
  'keys found by tag': {
    discoverKeysByTag: {
      key: 'team/momento key',
      value: 'rotate: yes',
      kmsKeyArns: ['arn:aws:kms:eu-west-1:123456789012:key/99999999-2222-3333-4444-555555555555'],
    },
  },
  ...Object.fromEntries(
    Object.entries(endpoints).map(([what, tokenEndpoint]) => [what, { tokenEndpoint }]),
  ),
};
