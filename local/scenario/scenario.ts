// One whole scenario over the local stack: each step does one thing and gives the evidence for it.

import {
  DeleteSecretCommand,
  DescribeSecretCommand,
  GetSecretValueCommand,
  PutSecretValueCommand,
  SecretsManagerClient,
} from '@aws-sdk/client-secrets-manager';
import { CacheClient, Configurations, CredentialProvider, ListCaches } from '@gomomento/sdk';
import * as v from 'valibot';
import { type AccessKey, assumedRoleArn } from '../aws/principals.ts';
import type { Fault, InterceptedCall } from '../aws/server.ts';
import { nameOf } from '../delivery.ts';
import { type LocalFunctionHandle, type LocalStack, startLocalStack } from '../stack.ts';
import { type KeyResult, readKeyResults, readRunError } from '../terminal/key-results.ts';
import { NewsLog } from './news.ts';
import { askForToken, CALENDAR, COLLABORATION, described, tryAsUser } from './tenants.ts';

/** A step of the scenario; `run` gives its evidence, and throws what is wrong. */
export interface Step {
  readonly title: string;
  /** Why this stack has nothing of the kind. @default it has */
  readonly notApplicable?: string | undefined;
  run(): Promise<string>;
}

export interface Scenario {
  readonly steps: readonly Step[];
  /** Ends everything, and says how many processes were there and are gone. */
  close(): Promise<void>;
}

/** Half an hour in a second: the hourly schedule ticks every 2 s. */
export const SCENARIO_TIME_SCALE = 1_800;
/** Due after 7 of its 13 seconds: three ticks, 6 s, are its margin. */
const KEY_LIFE_SECONDS = 13;
const PATIENCE_MS = 20_000;

const Pair = v.object({ apiKey: v.string(), refreshToken: v.string(), validUntil: v.number() });

/** @param signal ends whatever a step waits for */
export async function prepareScenario(
  assemblyDirectory: string,
  signal?: AbortSignal,
): Promise<Scenario> {
  const news = new NewsLog(signal);
  const killer = new Killer();
  const stack = await startLocalStack({
    assemblyDirectory,
    timeScale: SCENARIO_TIME_SCALE,
    onNews: news.add,
    intercept: (call) => killer.intercept(call),
  });
  const secretArn = stack.output('ApiKeySecretArn');
  const functionName = stack.output('RotateKeyFunctionName');
  const rotateKey = stack.functions.find(({ definition }) => definition.name === functionName);
  if (rotateKey === undefined) throw new Error(`${functionName} is not in the template`);
  killer.victim = rotateKey;
  const operator = secretsClient(stack, stack.operator);
  const clients = [operator];
  /** Every secret that came into being: none of them may turn up in any output. */
  const canaries = new Set<string>();

  const labels = async (): Promise<Map<string, string>> => {
    const { VersionIdsToStages = {} } = await operator.send(
      new DescribeSecretCommand({ SecretId: secretArn }),
    );
    return new Map(
      Object.entries(VersionIdsToStages).flatMap(([id, stages]) =>
        stages.map((stage) => [stage, id] as const),
      ),
    );
  };
  const current = async () => {
    const { SecretString = '' } = await operator.send(
      new GetSecretValueCommand({ SecretId: secretArn }),
    );
    const pair = v.parse(Pair, JSON.parse(SecretString));
    canaries.add(pair.apiKey).add(pair.refreshToken);
    return pair;
  };
  const tick = (): Promise<KeyResult> => {
    const finished = nextRun(news);
    stack.tick();
    return finished;
  };

  const steps: Step[] = [
    {
      title: 'No key yet: the run says so, and fails nothing',
      run: async () => {
        const key = await tick();
        expectOutcome(key, 'no-key');
        return key.message;
      },
    },
    {
      title: "Import: the console's download goes in as it is",
      run: async () => {
        const downloaded = stack.momento.createKeyInConsole({
          lifetimeSeconds: KEY_LIFE_SECONDS,
          scope: 'super-user',
        });
        canaries.add(downloaded.apiKey).add(downloaded.refreshToken);
        const { VersionId = '' } = await operator.send(
          new PutSecretValueCommand({
            SecretId: secretArn,
            SecretString: JSON.stringify(downloaded),
          }),
        );
        return `version ${short(VersionId)}, valid until ${time(downloaded.validUntil)}`;
      },
    },
    {
      title: 'Not due: the key has most of its life left',
      run: async () => {
        const key = await tick();
        expectOutcome(key, 'not-due');
        return key.message;
      },
    },
    {
      title: 'Due: the schedule rotates the key before it expires',
      run: async () => {
        const before = await current();
        const from = (await labels()).get('AWSCURRENT') ?? '';
        const rotated = nextRun(news, 'rotated');
        stack.startSchedules();
        const key = await rotated.finally(() => stack.stopSchedules());
        const secondsBefore = Math.floor((before.validUntil * 1000 - Date.now()) / 1000);
        expect(secondsBefore > 0, 'it was rotated only after it had expired');
        const after = await current();
        expect(after.apiKey !== before.apiKey, 'AWSCURRENT holds the old key');
        const now = await labels();
        expect(now.get('AWSPREVIOUS') === from, 'the old version is not AWSPREVIOUS');
        expectNoStrayLabel(now);
        return `${short(from)} → ${short(now.get('AWSCURRENT') ?? '')}, ${secondsBefore} s before its end: ${key.message}`;
      },
    },
    {
      title: 'Read as an application: the read policy, the AWS SDK and the Momento SDK',
      run: async () => {
        const policyArn = stack.output('ApiKeyReadPolicyArn');
        const policy = stack.assembly.managedPolicies.find(({ arn }) => arn === policyArn);
        const client = secretsClient(
          stack,
          stack.principals.issue({
            arn: roleSession(stack, 'application'),
            statements: policy?.statements ?? [],
          }),
        );
        clients.push(client);
        const { SecretString = '', VersionId = '' } = await client.send(
          new GetSecretValueCommand({ SecretId: secretArn }),
        );
        const caches = await listCaches(v.parse(Pair, JSON.parse(SecretString)).apiKey, stack);
        return `version ${short(VersionId)} authenticates at Momento: ListCaches answered ${caches} caches`;
      },
    },
    {
      title: 'Events: the rotation was announced on the bus',
      run: async () => {
        const rotated = stack.bus.accepted.filter(
          ({ event }) => event['detail-type'] === 'Momento API Key Rotated',
        );
        const last = rotated.at(-1)?.event;
        const versionId = (await labels()).get('AWSCURRENT');
        expect(last?.source === 'momento.auth', 'no such event');
        expect(
          JSON.stringify(last?.detail).includes(versionId ?? '?'),
          'the event names another version',
        );
        return `${last?.['detail-type']} ${JSON.stringify({ ...(last?.detail as object), secretArn: '…', versionId: short(versionId ?? '') })}`;
      },
    },
    {
      title: 'Killed half-way: the new pair is stored, and not yet current',
      run: async () => {
        const before = (await labels()).get('AWSCURRENT');
        killer.armed = true;
        const run = await rotateKey.invoke({ secretId: secretArn, force: true });
        killer.armed = false;
        const { type, message } = readRunError(run.payload);
        expect(type === 'Runtime.ExitError', `it was not killed: ${type}: ${message}`);
        const after = await labels();
        expect(after.get('AWSCURRENT') === before, 'AWSCURRENT has moved');
        expect(after.has('AWSPENDING'), 'nothing is pending');
        return `${type}; AWSPENDING on ${short(after.get('AWSPENDING') ?? '')}, AWSCURRENT still ${short(before ?? '')}`;
      },
    },
    {
      title: 'Healed: the next run tests and promotes that very pair',
      run: async () => {
        const pending = (await labels()).get('AWSPENDING');
        const key = await tick();
        expectOutcome(key, 'resumed');
        const after = await labels();
        expect(after.get('AWSCURRENT') === pending, 'another version became current');
        expectNoStrayLabel(after);
        await listCaches((await current()).apiKey, stack);
        return `${short(pending ?? '')} is AWSCURRENT, no label is left over: ${key.message}`;
      },
    },
    ...(['tenant-a', 'tenant-b'] as const).map((tenant): Step => {
      const user =
        tenant === 'tenant-a'
          ? { name: 'tenant-a-data-entry', tenant, mayPublish: true }
          : { name: 'tenant-b-viewer', tenant, mayPublish: false };
      return {
        notApplicable: withoutUser(stack, user.name),
        title: `Log in as ${user.name}: a token for just what this user may touch`,
        run: async () => {
          for (const cache of [CALENDAR, COLLABORATION]) {
            const there = stack.momento.listCaches(stack.momento.sessionToken);
            if (!there.includes(cache))
              stack.momento.createCache(stack.momento.sessionToken, cache);
          }
          const other = tenant === 'tenant-a' ? 'tenant-b' : 'tenant-a';
          const { token, expiresIn, attempts } = await tryAsUser(stack, user, other);
          canaries.add(token);
          for (const { what, expected, verdict } of attempts) {
            expect(verdict === expected, `${what}: expected ${expected}, got ${verdict}`);
          }
          return [`a token for ${expiresIn} s`, ...attempts.map(described)].join('\n  ');
        },
      };
    }),
    {
      notApplicable:
        stack.tokenEndpoint?.identity === undefined
          ? 'no login with a JWT is configured'
          : undefined,
      title: 'No token without a login: refused by the gateway, the function is not called',
      run: async () => {
        const calls = () => news.all.filter(({ kind }) => kind === 'gateway-call');
        const statuses = [];
        for (const header of [undefined, 'Bearer nonsense', 'Bearer a.b.c']) {
          statuses.push((await askForToken(stack, header)).status);
        }
        expect(
          statuses.every((status) => status === 401),
          `the answers were ${statuses}`,
        );
        const refused = calls().slice(-statuses.length);
        expect(
          refused.every((item) => item.kind === 'gateway-call' && !item.call.invoked),
          'the function was called',
        );
        return `no header, nonsense, a made-up JWT: ${statuses.join(', ')}`;
      },
    },
    {
      title: "Denied: the function's role may not delete the secret",
      run: async () => {
        const client = secretsClient(stack, rotateKey.credentials);
        clients.push(client);
        const error = await client
          .send(new DeleteSecretCommand({ SecretId: secretArn }))
          .then(() => undefined)
          .catch((reason: unknown) => reason);
        expect(
          error instanceof Error && error.name === 'AccessDeniedException',
          `it was not denied: ${error}`,
        );
        return error instanceof Error ? `${error.name}: ${error.message}` : '';
      },
    },
    {
      title:
        'Failed loudly: a value that is no key is an error, an event, a message in a queue and an alarm',
      run: async () => {
        const before = await current();
        const broken = 'canary: not a key at all';
        canaries.add(broken);
        await operator.send(
          new PutSecretValueCommand({ SecretId: secretArn, SecretString: broken }),
        );
        const given = news.next('the failure record', PATIENCE_MS, (item) =>
          item.kind === 'invocation' && item.news.kind === 'delivered' ? item.news : undefined,
        );
        const alarmed = news.next('the alarm', PATIENCE_MS, (item) =>
          item.kind === 'alarm' &&
          item.transition.to === 'ALARM' &&
          item.transition.alarm.metricName === 'KeysFailed'
            ? item.transition.alarm
            : undefined,
        );
        stack.tick();
        const queue = nameOf((await given).destinationArn);
        const { description } = await alarmed;
        const event = stack.bus.accepted.at(-1)?.event;
        expect(
          event?.['detail-type'] === 'Momento API Key Rotation Failed',
          `the last event is ${event?.['detail-type']}`,
        );
        const { code } = v.parse(v.looseObject({ code: v.string() }), event?.detail);
        expect(code === 'unparsable-value', `the code is ${code}`);
        // A person puts the good value back.
        await operator.send(
          new PutSecretValueCommand({ SecretId: secretArn, SecretString: JSON.stringify(before) }),
        );
        return `RotationFailed, ${event?.['detail-type']} with code ${code}, a record in ${queue}, and: ${description}`;
      },
    },
    {
      title: 'No secret in any log line, event, result or error',
      run: async () => {
        await current();
        const said = JSON.stringify(news.all);
        for (const canary of canaries) {
          expect(!said.includes(canary), 'a secret was printed');
          const inner = wireKeyOf(canary);
          expect(inner === undefined || !said.includes(inner), 'a key was printed');
        }
        const lines = news.all.filter(({ kind }) => kind === 'log').length;
        return `${canaries.size} secrets looked for in ${lines} log lines and ${stack.bus.accepted.length} events`;
      },
    },
  ];
  return {
    steps,
    close: async () => {
      for (const client of clients) client.destroy();
      await stack.close();
    },
  };
}

/** The steps with users are made for the policies and the user pool as they are shipped. */
function withoutUser({ tokenEndpoint, assembly }: LocalStack, name: string): string | undefined {
  const users = tokenEndpoint?.identity?.users ?? [];
  const isShipped = assembly.userPools.length > 0 && users.some((user) => user.name === name);
  return isShipped ? undefined : 'made for the token endpoint as it is shipped';
}

/** Kills the function's process when it is about to promote. */
class Killer {
  armed = false;
  victim: LocalFunctionHandle | undefined;

  intercept({ action, input }: InterceptedCall): Fault | undefined {
    const promotes =
      action === 'secretsmanager:UpdateSecretVersionStage' &&
      v.is(v.looseObject({ VersionStage: v.literal('AWSCURRENT') }), input);
    if (!this.armed || !promotes) return undefined;
    this.victim?.killCurrent();
    return { delayMs: 3_600_000, before: 'effect' };
  }
}

function nextRun(news: NewsLog, outcome?: string): Promise<KeyResult> {
  const what = outcome === undefined ? 'a run' : `outcome ${outcome}`;
  return news.next(what, PATIENCE_MS, (item) => {
    if (item.kind !== 'invocation') return undefined;
    if (item.news.kind === 'failed') {
      throw new Error(readRunError(item.news.result.payload).message);
    }
    if (item.news.kind !== 'succeeded') return undefined;
    const [key] = readKeyResults(item.news.result.payload);
    return key !== undefined && (outcome === undefined || key.outcome === outcome)
      ? key
      : undefined;
  });
}

function secretsClient(stack: LocalStack, credentials: AccessKey): SecretsManagerClient {
  return new SecretsManagerClient({
    endpoint: stack.aws.url,
    region: stack.assembly.deployment.region,
    credentials,
    maxAttempts: 1,
  });
}

async function listCaches(apiKey: string, { momentoServer }: LocalStack): Promise<number> {
  const { endpoint } = momentoServer;
  const client = new CacheClient({
    configuration: Configurations.Laptop.v1(),
    credentialProvider: CredentialProvider.fromString({
      apiKey,
      endpointOverrides: {
        controlEndpoint: endpoint,
        cacheEndpoint: endpoint,
        tokenEndpoint: endpoint,
        secureConnection: false,
      },
    }),
    defaultTtlSeconds: 60,
  });
  try {
    const answer = await client.listCaches();
    if (answer instanceof ListCaches.Success) return answer.getCaches().length;
    throw new Error(`Momento refused the key: ${answer.toString()}`);
  } finally {
    client.close();
  }
}

const roleSession = ({ assembly }: LocalStack, roleName: string): string =>
  assumedRoleArn({
    accountId: assembly.deployment.accountId,
    roleName,
    sessionName: 'scenario',
  });

function wireKeyOf(apiKey: string): string | undefined {
  try {
    return JSON.parse(Buffer.from(apiKey, 'base64').toString('utf8')).api_key;
  } catch {
    return undefined;
  }
}

function expect(condition: boolean, otherwise: string): asserts condition {
  if (!condition) throw new Error(otherwise);
}

function expectOutcome({ outcome, message }: KeyResult, wanted: string): void {
  expect(outcome === wanted, `expected ${wanted}, got ${outcome}: ${message}`);
}

function expectNoStrayLabel(labels: ReadonlyMap<string, string>): void {
  const stray = [...labels.keys()].filter((label) => !/^AWS(CURRENT|PREVIOUS)$/.test(label));
  expect(stray.length === 0, `labels left over: ${stray.join(', ')}`);
}

const short = (versionId: string): string => versionId.slice(0, 8);

const time = (epochSeconds: number): string =>
  new Date(epochSeconds * 1000).toTimeString().slice(0, 8);
