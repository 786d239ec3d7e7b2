// docs/operator.md says what each verb asks AWS for, and has a policy: the local stack enforces it.

import { execFileSync } from 'node:child_process';
import { mkdtempSync, readFileSync, rmSync } from 'node:fs';
import { createServer, request, type Server } from 'node:http';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, beforeAll, beforeEach, describe, expect, test } from '@jest/globals';
import * as v from 'valibot';
import type { PolicyStatement } from '../../local/aws/iam.ts';
import type { CallRecord } from '../../local/aws/server.ts';
import { closeServer, listenOnLoopback } from '../../local/ports.ts';
import { type Deployment, findDeployment } from '../../operator/deployment.ts';
import { doctor } from '../../operator/doctor.ts';
import { importKey } from '../../operator/import.ts';
import { findPlace } from '../../operator/place.ts';
import { rotate } from '../../operator/rotate.ts';
import { status } from '../../operator/status.ts';
import { token } from '../../operator/token.ts';
import { blocksOf, read } from '../docs/markdown.ts';
import { PROJECT, type Remembered, rememberingTerminal, World } from './world.ts';

const KMS_KEY = 'arn:aws:kms:us-east-1:123456789012:key/11111111-2222-3333-4444-555555555555';
const ARN = 'arn:aws:sts::123456789012:assumed-role/Operator/ada';
const DAY = 86_400;

const calls: CallRecord[] = [];
let world: World;
let statements: readonly PolicyStatement[];

beforeAll(async () => {
  world = await World.start({
    context: {
      momentoAuth: {
        keys: [{ name: 'default' }, { name: 'orders', kmsKeyArn: KMS_KEY }],
        discoverKeysByTag: { key: 'momento-auth:rotate', value: 'true' },
      },
    },
    onNews: (news) => {
      if (news.kind === 'aws-call' && news.call.principalArn === ARN) calls.push(news.call);
    },
  });
  world.stack.secrets.createSecret({
    Name: 'team/carts',
    SecretString: JSON.stringify(world.newKey(30 * DAY, 'all-data-read-write')),
    Tags: [{ Key: 'momento-auth:rotate', Value: 'true' }],
  });
  statements = [
    ...pastedPolicy(await findDeployment(await findPlace(world.place, PROJECT))),
    ...added(),
  ];
}, 60_000);
afterAll(() => world.close());

beforeEach(() => {
  world.put(world.newKey());
  world.put(world.newKey(30 * DAY, 'all-data-read-write'), 'ApiKeySecretArnorders');
});

/** What the page's shell block writes, with the outputs of the stack that runs here. */
function pastedPolicy({ outputs, stackArn }: Deployment): readonly PolicyStatement[] {
  const block = blocksOf('docs/operator.md', 'sh').find(({ text }) => text.includes('POLICY'));
  const directory = mkdtempSync(join(tmpdir(), 'momento-auth-operator-'));
  try {
    const secrets = [...outputs].flatMap(([name, value]) =>
      name.startsWith('ApiKeySecretArn') ? [value] : [],
    );
    execFileSync('bash', ['-c', `${AWS}\nset -eu\n${block?.text}`], {
      cwd: directory,
      env: {
        PATH: process.env.PATH,
        STACK_ID: stackArn,
        SECRET_ARNS: JSON.stringify(secrets),
        ...Object.fromEntries([...outputs].map(([name, value]) => [`OUTPUT_${name}`, value])),
      },
    });
    const policy: unknown = JSON.parse(
      readFileSync(join(directory, 'operator-policy.json'), 'utf8'),
    );
    return v.parse(v.object({ Statement: v.array(Statement) }), policy).Statement;
  } finally {
    rmSync(directory, { recursive: true, force: true });
  }
}

/** The page's own `output` asks it. */
const AWS = `aws() {
  case "$*" in
    *StackId*) echo "$STACK_ID" ;;
    *starts_with*) echo "$SECRET_ARNS" ;;
    *OutputKey==*) local words="$*"; local name="\${words#*OutputKey==\\'}"; printenv "OUTPUT_\${name%%\\'*}" ;;
    'iam create-policy'*) : ;;
    *) return 1 ;;
  esac
}`;

const texts = v.union([v.string(), v.array(v.string())]);
const Statement = v.strictObject({
  Sid: v.string(),
  Effect: v.literal('Allow'),
  Action: texts,
  Resource: texts,
  Condition: v.exactOptional(v.record(v.string(), v.record(v.string(), v.string()))),
});

/** What the page adds for KMS keys and for tags. */
const added = (): readonly PolicyStatement[] =>
  blocksOf('docs/operator.md', 'json')
    .map(({ text }): unknown => JSON.parse(text))
    .flatMap((value) => {
      const some = v.safeParse(v.union([v.array(Statement), Statement]), value);
      return some.success ? [some.output].flat() : [];
    });

/** Does something as somebody with these permissions: the local stack, but for whose credentials it hands out. */
async function as<T>(
  allowed: readonly PolicyStatement[],
  action: (place: { readonly local: string }) => Promise<T>,
): Promise<T> {
  const { port } = world.stack.aws;
  const credentials = world.stack.principals.issue({ arn: ARN, statements: allowed });
  const introduced: unknown = await (await fetch(`${world.stack.aws.url}/_local`)).json();
  const server: Server = createServer((asked, answer) => {
    if (asked.url === '/_local') {
      answer.end(JSON.stringify({ ...Object(introduced), credentials }));
      return;
    }
    const { method, url: path, headers } = asked;
    const forwarded = request({ port, method, path, headers }, (answered) => {
      answer.writeHead(answered.statusCode ?? 0, answered.headers);
      answered.pipe(answer);
    });
    asked.pipe(forwarded);
  });
  try {
    return await action({ local: `${await listenOnLoopback(server, 0)}` });
  } finally {
    server.closeAllConnections();
    await closeServer(server);
    world.stack.principals.revoke(credentials.accessKeyId);
  }
}

type Verb = (place: { readonly local: string }, terminal: Remembered) => Promise<number>;

const VERBS: readonly (readonly [string, Verb])[] = [
  [
    'import',
    (place, terminal) =>
      importKey(
        world.file(world.newKey(31 * DAY)),
        { ...place, key: 'default', yes: true },
        terminal,
        PROJECT,
      ),
  ],
  ['status', (place, terminal) => status(place, terminal, PROJECT)],
  ['rotate', (place, terminal) => rotate({ ...place, yes: true }, terminal, PROJECT)],
  [
    'token',
    (place, terminal) =>
      token(
        { ...place, as: ['viewer'], claim: ['custom:tenantId=acme'], mint: true },
        terminal,
        PROJECT,
      ),
  ],
  ['doctor', (place, terminal) => doctor(place, terminal, PROJECT)],
];

/** The actions of the page's table; without what the configuration adds. */
const inTable = (verb: string): readonly string[] => {
  const [, row = ''] =
    new RegExp(`^\\| \`${verb}\` \\| (.*?) \\|$`, 'm').exec(
      read('docs/operator.md').split('\n## Permissions\n')[1] ?? '',
    ) ?? [];
  return [...row.matchAll(/`([a-z]+:[A-Za-z]+)`/g)].map(([, action = '']) => action).sort();
};

describe('the policy of the page', () => {
  test('has its statements once each, and nothing in it reaches beyond the stack but looking', () => {
    const ids = statements.map(({ Sid }) => Sid);
    expect(ids).toEqual([...new Set(ids)]);
    expect(ids).toHaveLength(10);
    for (const { Action = [], Resource, Condition } of statements) {
      if (Resource !== '*' || Condition !== undefined) continue;
      for (const action of [Action].flat()) expect(action).toMatch(/:(Describe|List)/);
    }
  });

  test.each(VERBS)('is all that %s needs, which is what the table says', async (verb, run) => {
    if (verb === 'status') leaveAnOldPairPending();
    calls.length = 0;
    const terminal = rememberingTerminal();
    expect(await as(statements, (place) => run(place, terminal))).toBe(0);
    expect(calls.filter(({ outcome }) => outcome === 'denied')).toEqual([]);
    const asked = [...new Set(calls.map(({ action }) => action))]
      .filter((action) => !['secretsmanager:ListSecrets', 'sts:GetCallerIdentity'].includes(action))
      .sort();
    const told =
      verb === 'doctor'
        ? [...new Set(VERBS.flatMap(([name]) => inTable(name)))]
            // Only a pair that is left pending makes it look at all versions.
            .filter((action) => action !== 'secretsmanager:ListSecretVersionIds')
            .sort()
        : inTable(verb);
    expect(asked).toEqual(told);
  });

  test('each of its statements is needed, and doctor says what is lacking', async () => {
    for (const { Sid } of statements) {
      calls.length = 0;
      const terminal = rememberingTerminal();
      const rest = statements.filter((statement) => statement.Sid !== Sid);
      await as(rest, (place) => doctor(place, terminal, PROJECT));
      const denied = calls.filter(({ outcome }) => outcome === 'denied' || outcome === 'refused');
      const shown = terminal.printed.join('\n');
      expect([Sid, shown]).toEqual([Sid, expect.stringMatching(/ may not /)]);
      expect([Sid, denied.length > 0]).toEqual([Sid, true]);
      expect([Sid, shown]).toEqual([Sid, expect.stringContaining('docs/operator.md#permissions')]);
    }
  }, 60_000);

  /** Rotation then looks at all versions. */
  function leaveAnOldPairPending(): void {
    const secretId = world.secretArn();
    const old = '0'.repeat(64);
    world.stack.secrets.putSecretValue({
      SecretId: secretId,
      ClientRequestToken: old,
      SecretString: JSON.stringify(world.newKey()),
      VersionStages: ['AWSPENDING'],
    });
  }
});

describe('somebody who may do all but move labels', () => {
  const lacking = () =>
    statements.map((statement) => ({
      ...statement,
      Action: [statement.Action ?? []]
        .flat()
        .filter((action) => action !== 'secretsmanager:UpdateSecretVersionStage'),
    }));

  test('import says so before anything is written', async () => {
    const versions = () => world.stack.secrets.inspect(world.secretArn());
    const before = versions();
    const failed = await as(lacking(), (place) =>
      importKey(
        world.file(world.newKey(31 * DAY)),
        { ...place, key: 'default', yes: true },
        rememberingTerminal(),
        PROJECT,
      ),
    ).catch((problem: unknown) => problem);
    expect(String(failed)).toMatch(
      /Your AWS credentials may not do this with the secret: .* secretsmanager:UpdateSecretVersionStage/,
    );
    expect(failed).toMatchObject({
      exitCode: 1,
      next: expect.stringContaining('docs/operator.md#permissions'),
    });
    expect(versions()).toEqual(before);
  });

  test('doctor says it of each key, and that it is no fault of the stack', async () => {
    const before = world.current();
    const terminal = rememberingTerminal();
    expect(await as(lacking(), (place) => doctor(place, terminal, PROJECT))).toBe(0);
    const said = terminal.printed.filter((line) => line.includes('you may not import'));
    expect(said).toEqual(
      ['default', 'orders', 'team/carts'].map(
        (name) =>
          `  ! ${name}: you may not import a key into it: that takes secretsmanager:UpdateSecretVersionStage.`,
      ),
    );
    expect(world.current()).toBe(before);
  });
});
