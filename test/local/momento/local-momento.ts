// Local Momento served to the real SDK for one test, and ended with it.

import {
  AuthClient,
  AuthClientConfigurations,
  CacheClient,
  Configurations,
  CredentialProvider,
  NoopMomentoLoggerFactory,
  TopicClient,
  TopicConfigurations,
} from '@gomomento/sdk';
import { ChannelCredentials, type Client, type ServiceError, status } from '@grpc/grpc-js';
import { afterEach } from '@jest/globals';
import type { MomentoAccount, MomentoAccountOptions } from '../../../local/momento/account.ts';
import type { CallOutcome } from '../../../local/momento/calls.ts';
import { bareKey, encodeApiKey } from '../../../local/momento/keys.ts';
import type { Permissions } from '../../../local/momento/permissions.ts';
import { type MomentoServerOptions, startMomentoServer } from '../../../local/momento/server.ts';
import { handHeldTimers, momentoAccount } from './account-builder.ts';

export const logger = new NoopMomentoLoggerFactory();
export const afterwards: (() => void | Promise<void>)[] = [];
afterEach(async () => {
  for (const undo of afterwards.splice(0).reverse()) await undo();
});

export async function localMomento(
  accountOptions: Partial<MomentoAccountOptions> = {},
  serverOptions: Omit<MomentoServerOptions, 'account'> = {},
) {
  const { account, clock } = momentoAccount(accountOptions);
  return serve(account, clock, serverOptions);
}

/** With timers that go off as the test moves the clock on. */
export async function localMomentoInHandHeldTime(
  serverOptions: Omit<MomentoServerOptions, 'account' | 'after'> = {},
) {
  const { account, clock } = momentoAccount();
  const timers = handHeldTimers(clock);
  const served = await serve(account, clock, { after: timers.after, ...serverOptions });
  return { ...served, timers };
}

async function serve(
  account: MomentoAccount,
  clock: { nowMs: number },
  serverOptions: Omit<MomentoServerOptions, 'account'>,
) {
  const outcomes: CallOutcome[] = [];
  const server = await startMomentoServer({
    account,
    onCall: (outcome) => outcomes.push(outcome),
    ...serverOptions,
  });
  afterwards.push(() => server.close());
  const superUserKey = account.createKeyInConsole({ lifetimeSeconds: 600, scope: 'super-user' });
  const credentials = (apiKey: string) =>
    CredentialProvider.fromString({
      apiKey,
      endpointOverrides: {
        controlEndpoint: server.endpoint,
        cacheEndpoint: server.endpoint,
        tokenEndpoint: server.endpoint,
        secureConnection: false,
      },
    });
  const authClient = (apiKey: string) =>
    new AuthClient({
      credentialProvider: credentials(apiKey),
      configuration: AuthClientConfigurations.Default.latest(logger),
    });
  const cacheClient = (apiKey: string) => {
    const client = new CacheClient({
      credentialProvider: credentials(apiKey),
      configuration: Configurations.Laptop.v1(logger),
      defaultTtlSeconds: 60,
    });
    afterwards.push(() => client.close());
    return client;
  };
  const topicClient = (apiKey: string) =>
    new TopicClient({
      credentialProvider: credentials(apiKey),
      configuration: TopicConfigurations.Default.latest(logger),
    });
  const listCaches = (apiKey: string) => cacheClient(apiKey).listCaches();
  /** A disposable token, made past the SDK's scopes, in the form that clients take. */
  const disposable = (
    permissions: Permissions,
    { lifetimeSeconds = 60, tokenId = '' }: { lifetimeSeconds?: number; tokenId?: string } = {},
  ) => {
    const issued = account.generateDisposableToken({
      callerKey: bareKey(superUserKey.apiKey),
      permissions,
      lifetimeSeconds,
      tokenId,
    });
    return encodeApiKey({ endpoint: issued.endpoint, jwt: issued.apiKey });
  };
  const createCache = (name: string) => account.createCache(bareKey(superUserKey.apiKey), name);
  return {
    account,
    clock,
    server,
    outcomes,
    superUserKey,
    authClient,
    cacheClient,
    topicClient,
    listCaches,
    disposable,
    createCache,
  };
}

type Constructor<C> = new (address: string, credentials: ChannelCredentials) => C;

/** A client of the published types, for what the SDK does not send. */
export function rawClient<C extends Client>(Client: Constructor<C>, endpoint: string): C {
  const client = new Client(endpoint, ChannelCredentials.createInsecure());
  afterwards.push(() => client.close());
  return client;
}

export function answerOf<R>(
  call: (done: (error: ServiceError | null, response?: R) => void) => unknown,
) {
  return new Promise<{ code: status; response?: R | undefined }>((resolve) => {
    call((error, response) => resolve({ code: error?.code ?? status.OK, response }));
  });
}

/** The response as the class it should be, else a failure that shows what came. */
export function expectInstance<T>(
  response: unknown,
  Class: abstract new (...args: never[]) => T,
): T {
  if (response instanceof Class) return response;
  throw new Error(`expected ${Class.name}, got ${String(response)}`);
}

export const errorCodeOf = (response: unknown) =>
  typeof response === 'object' && response !== null && 'errorCode' in response
    ? (response as { errorCode(): string }).errorCode()
    : String(response);
