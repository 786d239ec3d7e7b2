// What the tests of this room start from: defaults that a test overrides where it matters.

import { createHash } from 'node:crypto';
import { EventBridgeClient } from '@aws-sdk/client-eventbridge';
import { SecretsManagerClient } from '@aws-sdk/client-secrets-manager';
import { SQSClient } from '@aws-sdk/client-sqs';
import { EventBus } from '../../../local/aws/event-bus.ts';
import { eventBusService } from '../../../local/aws/event-bus-api.ts';
import type { PolicyStatement } from '../../../local/aws/iam.ts';
import { type AccessKey, assumedRoleArn, Principals } from '../../../local/aws/principals.ts';
import { Queues } from '../../../local/aws/queues.ts';
import { queuesService } from '../../../local/aws/queues-api.ts';
import { SecretsManager } from '../../../local/aws/secrets-manager.ts';
import { secretsManagerService } from '../../../local/aws/secrets-manager-api.ts';
import {
  type AwsServer,
  type AwsServerOptions,
  type CallRecord,
  startAwsServer,
} from '../../../local/aws/server.ts';

export const REGION = 'eu-central-1';
export const ACCOUNT_ID = '111122223333';
export const HOUR_MS = 3_600_000;
export const DAY_MS = 24 * HOUR_MS;

/** 2026-01-15T10:00:00Z, unless a test moves it. */
export class Clock {
  nowMs = Date.UTC(2026, 0, 15, 10);
  readonly now = () => this.nowMs;
  advance(ms: number): void {
    this.nowMs += ms;
  }
}

/** id-…0001, id-…0002 and so on, each of 36 characters. */
export function counter(): () => string {
  let count = 0;
  return () => `00000000-0000-4000-8000-${String(++count).padStart(12, '0')}`;
}

/** A version id of 64 characters from a short name. */
export function token(name: string): string {
  return createHash('sha256').update(name).digest('hex');
}

export function makeSecrets(options: { clock?: Clock; keptVersionMs?: number } = {}): {
  secrets: SecretsManager;
  clock: Clock;
} {
  const clock = options.clock ?? new Clock();
  const secrets = new SecretsManager({
    region: REGION,
    accountId: ACCOUNT_ID,
    now: clock.now,
    newId: counter(),
    ...(options.keptVersionMs !== undefined && { keptVersionMs: options.keptVersionMs }),
  });
  return { secrets, clock };
}

/** Labels of a secret's versions by the short names of their tokens: `{ v1: 'AWSCURRENT' }`. */
export function labelsOf(
  secrets: SecretsManager,
  secretId: string,
  names: readonly string[],
): Record<string, string> {
  const byId = new Map(names.map((name) => [token(name), name]));
  return Object.fromEntries(
    secrets
      .inspect(secretId)
      .map(({ versionId, stages }) => [byId.get(versionId) ?? versionId, stages.join(' ')]),
  );
}

export function errorOf(action: () => unknown): { name: string; message: string } {
  try {
    action();
  } catch (error) {
    if (error instanceof Error) return { name: error.name, message: error.message };
  }
  throw new Error('nothing was thrown');
}

export async function rejectionOf(
  promise: Promise<unknown>,
): Promise<Error & { $metadata?: { httpStatusCode?: number } }> {
  try {
    await promise;
  } catch (error) {
    // By its shape: an error of the system comes from outside of the test's realm.
    if (typeof error === 'object' && error !== null && 'message' in error) return error as Error;
  }
  throw new Error('nothing was rejected');
}

export interface Stack {
  readonly server: AwsServer;
  readonly secrets: SecretsManager;
  readonly bus: EventBus;
  readonly queues: Queues;
  readonly principals: Principals;
  readonly operator: AccessKey;
  readonly calls: CallRecord[];
  /** Credentials of a role with these statements and no others. */
  role(...statements: PolicyStatement[]): AccessKey;
  close(): Promise<void>;
}

export async function startStack(overrides: Partial<AwsServerOptions> = {}): Promise<Stack> {
  const common = { region: REGION, accountId: ACCOUNT_ID, now: Date.now, newId: counter() };
  const secrets = new SecretsManager(common);
  const bus = new EventBus(common);
  const queues = new Queues(common);
  const principals = new Principals({ accountId: ACCOUNT_ID });
  const calls: CallRecord[] = [];
  const server = await startAwsServer({
    region: REGION,
    accountId: ACCOUNT_ID,
    services: [secretsManagerService(secrets), eventBusService(bus), queuesService(queues)],
    principals,
    onCall: (record) => calls.push(record),
    ...overrides,
  });
  const arn = assumedRoleArn({
    accountId: ACCOUNT_ID,
    roleName: 'RotateKeyRole',
    sessionName: 'rotate-key',
  });
  return {
    server,
    secrets,
    bus,
    queues,
    principals,
    operator: principals.issueOperator(),
    calls,
    role: (...statements) => principals.issue({ arn, statements }),
    close: () => server.close(),
  };
}

function clientConfig(server: Pick<AwsServer, 'url'>, credentials: AccessKey) {
  return { endpoint: server.url, region: REGION, credentials, maxAttempts: 1 };
}

export function secretsClient(server: Pick<AwsServer, 'url'>, credentials: AccessKey) {
  return new SecretsManagerClient(clientConfig(server, credentials));
}

export function eventsClient(server: Pick<AwsServer, 'url'>, credentials: AccessKey) {
  return new EventBridgeClient(clientConfig(server, credentials));
}

export function queuesClient(server: Pick<AwsServer, 'url'>, credentials: AccessKey) {
  return new SQSClient(clientConfig(server, credentials));
}
