// docs/deploy.md as it is written, from the outputs to the token, and what docs/cost.md counts: on the local stack.
import { execFile, spawnSync } from 'node:child_process';
import { existsSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, beforeAll, describe, expect, test } from '@jest/globals';
import { TAKES } from '../../docs/snippets/deploy/cost.ts';
import type { Synthesized } from '../../local/assembly/synthesize.ts';
import { type LocalNews, type LocalStack, startLocalStack } from '../../local/stack.ts';
import { assemblyForTest } from '../assemblies/assembly-for-test.ts';
import { type CognitoStandIn, startCognitoStandIn } from './cognito-stand-in.ts';
import { blocksOf } from './markdown.ts';

const hasTools = ['aws', 'jq', 'curl'].every(
  (tool) => spawnSync(tool, ['--version']).error === undefined,
);

const directory = mkdtempSync(join(tmpdir(), 'momento-auth-test-'));
const news: LocalNews[] = [];
let synthesized: Synthesized;
let stack: LocalStack;
let cognito: CognitoStandIn;

beforeAll(async () => {
  synthesized = await assemblyForTest();
  stack = await startLocalStack({
    assemblyDirectory: synthesized.directory,
    onNews: (item) => news.push(item),
  });
  const [pool] = stack.assembly.userPools;
  cognito = await startCognitoStandIn({
    userPoolId: stack.output('UserPoolId'),
    clientId: stack.output('UserPoolClientId'),
    flows: pool?.clients[0]?.explicitAuthFlows ?? [],
    groups: pool?.groups ?? [],
    issueIdToken: (name, { attributes, groups }) =>
      identity().login('tenant-a-data-entry', {
        claims: { ...attributes, 'cognito:username': name, 'cognito:groups': groups },
      }),
  });
}, 120_000);

afterAll(async () => {
  await cognito?.close();
  await stack?.close();
  await synthesized?.remove();
  rmSync(directory, { recursive: true, force: true });
});

function identity() {
  const found = stack.tokenEndpoint?.identity;
  if (found === undefined) throw new Error('there is no login');
  return found;
}

/** What is not there on one's own machine is written down in place of being done. */
const PRELUDE = `set -euo pipefail
npm() { echo "npm $*" >> called; }
npx() { echo "npx $*" >> called; }
curl() { local words=(); for word; do words+=("\${word/#"$DEPLOYED_URL"/"$LOCAL_URL"}"); done; command curl "\${words[@]}"; }
`;

/** CloudWatch Logs is not imitated; what that block types is checked with all others. */
const isRun = (text: string): boolean => !text.includes('aws logs');

function bash(script: string, input: string): Promise<{ code: number; out: string; err: string }> {
  writeFileSync(join(directory, 'script.sh'), script);
  return new Promise((resolve) => {
    const child = execFile(
      'bash',
      // Node's pipes are sockets, which cannot be opened as /dev/stdout.
      ['-c', 'set -o pipefail; bash script.sh | cat'],
      {
        cwd: directory,
        env: {
          PATH: process.env.PATH,
          HOME: directory,
          AWS_ENDPOINT_URL: stack.aws.url,
          AWS_ENDPOINT_URL_COGNITO_IDENTITY_PROVIDER: cognito.url,
          AWS_ACCESS_KEY_ID: stack.operator.accessKeyId,
          AWS_SECRET_ACCESS_KEY: stack.operator.secretAccessKey,
          AWS_EC2_METADATA_DISABLED: 'true',
          AWS_PAGER: '',
          DEPLOYED_URL: stack.output('TokenEndpointUrl'),
          LOCAL_URL: stack.tokenEndpoint?.url,
        },
      },
      (error, out, err) =>
        resolve({ code: typeof error?.code === 'number' ? error.code : 0, out, err }),
    );
    child.stdin?.end(input);
  });
}

describe('docs/deploy.md', () => {
  const blocks = blocksOf('docs/deploy.md', 'sh').map(({ text }) => text);

  test('all but one of its blocks are run here', () => {
    expect(blocks.filter((text) => !isRun(text))).toHaveLength(1);
    expect(blocks.length).toBeGreaterThan(8);
  });

  (hasTools ? test : test.skip)(
    'typed as it stands it ends with a token of the user’s own role and tenant',
    async () => {
      const key = stack.momento.createKeyInConsole({
        lifetimeSeconds: 30 * 86_400,
        scope: 'super-user',
      });
      writeFileSync(join(directory, 'momento_key.json'), JSON.stringify(key));
      const from = news.length;

      const { code, out, err } = await bash(
        PRELUDE + blocks.filter(isRun).join('\n'),
        'Correct-Horse-9\n',
      );
      expect([code, err]).toEqual([0, '']);
      expect(out).toContain('"not-due"');
      expect(readFileSync(join(directory, 'called'), 'utf8').split('\n')).toEqual([
        'npm ci',
        'npx cdk bootstrap',
        'npx cdk deploy',
        'npx momento-auth import momento_key.json',
        '',
      ]);
      const token: unknown = JSON.parse(out.slice(out.lastIndexOf('{"authToken"')));
      expect(token).toMatchObject({ authToken: expect.any(String), endpoint: expect.any(String) });
      const audit = news
        .slice(from)
        .flatMap((item) => (item.kind === 'log' ? [item.line] : []))
        .find((line) => line.includes('"message":"vended"'));
      expect(JSON.parse(audit ?? '{}')).toMatchObject({
        roles: ['viewer'],
        tenant: { 'custom:tenantId': 'acme' },
        lifeSeconds: 1_800,
      });
      // Neither the key nor the password stays behind.
      for (const name of ['momento_key.json', 'key.json']) {
        expect(existsSync(join(directory, name))).toBe(false);
      }
    },
    120_000,
  );

  test('names the flows that the app client allows, and no other', () => {
    const page = blocksOf('docs/deploy.md', 'sh')
      .map(({ text }) => text)
      .join('');
    const flows = stack.assembly.userPools[0]?.clients[0]?.explicitAuthFlows ?? [];
    expect(flows).toContain('ALLOW_ADMIN_USER_PASSWORD_AUTH');
    expect(page).toContain('--auth-flow ADMIN_USER_PASSWORD_AUTH');
    const table = readFileSync('docs/deploy.md', 'utf8').matchAll(/^\| `([A-Z_]+)` \|/gm);
    expect([...table].map(([, flow]) => `ALLOW_${flow}`).sort()).toEqual([...flows].sort());
    expect(flows).not.toContain('ALLOW_USER_PASSWORD_AUTH');
  });
});

describe('what docs/cost.md takes for granted', () => {
  const TICK = { source: 'aws.events', 'detail-type': 'Scheduled Event' };
  const rotateKey = () => {
    const name = stack.output('RotateKeyFunctionName');
    const found = stack.functions.find(({ definition }) => definition.name === name);
    if (found === undefined) throw new Error('there is no rotate-key');
    return found;
  };

  /** What happens meanwhile: calls to Secrets Manager, and bytes that the function logs. */
  async function during(action: () => Promise<unknown>) {
    const from = news.length;
    await action();
    const seen = news.slice(from);
    return {
      calls: seen.flatMap((item) =>
        item.kind === 'aws-call' && JSON.stringify(item.call).includes('secretsmanager:')
          ? [1]
          : [],
      ).length,
      logBytes: seen
        .flatMap((item) => (item.kind === 'log' ? [Buffer.byteLength(item.line)] : []))
        .reduce((sum, bytes) => sum + bytes, 0),
    };
  }

  beforeAll(async () => {
    const secretId = stack.output('ApiKeySecretArn');
    const key = stack.momento.createKeyInConsole({
      lifetimeSeconds: 90 * 86_400,
      scope: 'super-user',
    });
    stack.secrets.putSecretValue({ SecretId: secretId, SecretString: JSON.stringify(key) });
    // From then on the secret is as it is nearly all its life: its current version is of rotation's own making.
    await rotateKey().invoke({ secretId, force: true });
  });

  test('a run that finds nothing due', async () => {
    const { calls, logBytes } = await during(() => rotateKey().invoke(TICK));
    expect(calls).toBe(TAKES.callsPerKeyAndRun);
    // Lambda's own lines come besides; half is enough room for them.
    expect(logBytes).toBeLessThan((TAKES.logBytesPerRun + TAKES.logBytesPerKeyAndRun) / 2);
  });

  test('a renewal', async () => {
    const secretId = stack.output('ApiKeySecretArn');
    const { calls } = await during(() => rotateKey().invoke({ secretId, force: true }));
    expect(calls).toBe(TAKES.callsPerRenewal);
  });

  test('a token', async () => {
    const idToken = await identity().login('tenant-a-data-entry');
    let bytesOut = 0;
    const { logBytes } = await during(async () => {
      const answer = await fetch(stack.tokenEndpoint?.url ?? '', {
        method: 'POST',
        headers: { authorization: `Bearer ${idToken}` },
      });
      expect(answer.status).toBe(200);
      const headers = [...answer.headers].flat().join(': ').length;
      bytesOut = headers + (await answer.text()).length;
    });
    expect(logBytes).toBeGreaterThan(500);
    expect(logBytes).toBeLessThan(TAKES.logBytesPerVend / 2);
    expect(bytesOut).toBeLessThan(TAKES.bytesOutPerVend);
  });
});
