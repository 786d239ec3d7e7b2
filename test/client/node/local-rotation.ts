// Local AWS and local Momento over the real wire, with rotations done directly on the stores: as rotate-key does
// them, refresh, stage, and promote a while after, but as fast as a test wants them.

import { randomUUID } from 'node:crypto';
import { setTimeout as sleep } from 'node:timers/promises';
import {
  CacheClient,
  Configurations,
  CredentialProvider,
  NoopMomentoLoggerFactory,
  TopicClient,
  TopicConfigurations,
} from '@gomomento/sdk';
import type { CurrentKey } from '../../../client/node/index.ts';
import { MomentoAccount } from '../../../local/momento/account.ts';
import { bareKey, encodeApiKey } from '../../../local/momento/keys.ts';
import { startMomentoServer } from '../../../local/momento/server.ts';
import { secretsClient, startStack } from '../../local/aws/builders.ts';
import { rotatedEvent } from './world.ts';

export const CACHE = 'calendar-events';
const logger = new NoopMomentoLoggerFactory();

const credentialProvider = ({ apiKey }: CurrentKey, endpoint: string) =>
  CredentialProvider.fromString({
    apiKey,
    endpointOverrides: {
      controlEndpoint: endpoint,
      cacheEndpoint: endpoint,
      tokenEndpoint: endpoint,
      secureConnection: false,
    },
  });

export const cacheClient = (key: CurrentKey, endpoint: string) =>
  new CacheClient({
    credentialProvider: credentialProvider(key, endpoint),
    // One connection: it is made anew fifty times.
    configuration: Configurations.Lambda.latest(logger).withClientTimeoutMillis(15_000),
    defaultTtlSeconds: 60,
  });

export const topicClient = (key: CurrentKey, endpoint: string) =>
  new TopicClient({
    credentialProvider: credentialProvider(key, endpoint),
    configuration: TopicConfigurations.Default.latest(logger),
  });

export interface Rotation {
  /** From the refresh to the promotion. */
  readonly takesMs: number;
}

export async function startLocalRotation(oldKeys: 'live' | 'die') {
  const account = new MomentoAccount({
    now: Date.now,
    newId: randomUUID,
    signingKey: 'of the tests',
    authOperationsPerSecond: 1_000_000,
    oldKeys,
  });
  const momento = await startMomentoServer({ account });
  const aws = await startStack();
  const secretArn = aws.secrets.createSecret({ Name: 'Key' }).ARN ?? '';
  const imported = account.createKeyInConsole({ lifetimeSeconds: 3_600, scope: 'super-user' });
  account.createCache(bareKey(imported.apiKey), CACHE);
  aws.secrets.putSecretValue({ SecretId: secretArn, SecretString: JSON.stringify(imported) });
  const application = aws.role({
    Effect: 'Allow',
    Action: ['secretsmanager:GetSecretValue'],
    Resource: [secretArn],
  });
  const secretsManager = secretsClient(aws.server, application);

  return {
    account,
    endpoint: momento.endpoint,
    secretArn,
    secretsManager,
    reads: () => aws.calls.length,
    /** Gives what EventBridge would tell of it. */
    rotate: async ({ takesMs }: Rotation) => {
      const secret = { SecretId: secretArn };
      const { SecretString = '', VersionId: before = '' } = aws.secrets.getSecretValue(secret);
      const { apiKey, refreshToken } = JSON.parse(SecretString);
      const { apiKey: newKey, ...issued } = account.refreshApiToken({
        apiKey: bareKey(apiKey),
        refreshToken,
      });
      const value = {
        ...issued,
        apiKey: encodeApiKey({ endpoint: issued.endpoint, jwt: newKey }),
      };
      const { VersionId: staged = '' } = aws.secrets.putSecretValue({
        ...secret,
        SecretString: JSON.stringify(value),
        VersionStages: ['AWSPENDING'],
      });
      await sleep(takesMs);
      aws.secrets.updateSecretVersionStage({
        ...secret,
        VersionStage: 'AWSCURRENT',
        MoveToVersionId: staged,
        RemoveFromVersionId: before,
      });
      aws.secrets.updateSecretVersionStage({
        ...secret,
        VersionStage: 'AWSPENDING',
        RemoveFromVersionId: staged,
      });
      return rotatedEvent(staged, secretArn);
    },
    close: async () => {
      secretsManager.destroy();
      await aws.close();
      await momento.close();
    },
  };
}

export type LocalRotation = Awaited<ReturnType<typeof startLocalRotation>>;
