// What two users of different tenants and roles may do with their tokens, tried with the Momento SDK.
// Made for the policies as they are shipped: token-policies.json.

import {
  CacheClient,
  CacheGet,
  CacheSet,
  Configurations,
  CredentialProvider,
  ListCaches,
  TopicClient,
  TopicConfigurations,
  TopicPublish,
  TopicSubscribe,
} from '@gomomento/sdk';
import * as v from 'valibot';
import type { LocalStack } from '../stack.ts';

const Token = v.object({ authToken: v.string(), expiresIn: v.number() });

export const CALENDAR = 'calendar-events';
export const COLLABORATION = 'collaboration';

/** `allowed`, or the SDK's error code. */
export type Verdict = string;

export interface Attempt {
  readonly what: string;
  readonly expected: 'allowed' | 'PERMISSION_ERROR';
  readonly verdict: Verdict;
}

/** Logs a user in, gets his token, and tries what he may and what he may not. */
export async function tryAsUser(
  stack: LocalStack,
  user: { readonly name: string; readonly tenant: string; readonly mayPublish: boolean },
  otherTenant: string,
): Promise<{ readonly token: string; readonly expiresIn: number; readonly attempts: Attempt[] }> {
  const { authToken, expiresIn } = await tokenOf(stack, user.name);
  const credentialProvider = CredentialProvider.fromDisposableToken({
    authToken,
    endpointOverrides: endpointsOf(stack),
  });
  const cache = new CacheClient({
    configuration: Configurations.Laptop.v1(),
    credentialProvider,
    defaultTtlSeconds: 60,
  });
  const topics = new TopicClient({
    configuration: TopicConfigurations.Default.latest(),
    credentialProvider,
  });
  const { tenant } = user;
  const allowed = 'allowed';
  const denied = 'PERMISSION_ERROR';
  try {
    const read = async (key: string) => verdictOf(await cache.get(CALENDAR, key), CacheGet.Error);
    const write = async (key: string) =>
      verdictOf(await cache.set(CALENDAR, key, 'x'), CacheSet.Error);
    const publish = async (topic: string) =>
      verdictOf(await topics.publish(COLLABORATION, topic, 'hello'), TopicPublish.Error);
    const attempts: Attempt[] = [
      { what: `read ${tenant}:monday`, expected: allowed, verdict: await read(`${tenant}:monday`) },
      {
        what: `read ${otherTenant}:monday`,
        expected: denied,
        verdict: await read(`${otherTenant}:monday`),
      },
      {
        what: `write ${tenant}:monday`,
        expected: denied,
        verdict: await write(`${tenant}:monday`),
      },
      {
        what: `subscribe ${tenant}-events`,
        expected: allowed,
        verdict: await subscribe(topics, `${tenant}-events`),
      },
      {
        what: `subscribe ${otherTenant}-events`,
        expected: denied,
        verdict: await subscribe(topics, `${otherTenant}-events`),
      },
      {
        what: `publish ${tenant}-events`,
        expected: user.mayPublish ? allowed : denied,
        verdict: await publish(`${tenant}-events`),
      },
      {
        what: `publish ${otherTenant}-events`,
        expected: denied,
        verdict: await publish(`${otherTenant}-events`),
      },
      {
        what: 'list caches',
        expected: denied,
        verdict: verdictOf(await cache.listCaches(), ListCaches.Error),
      },
    ];
    return { token: authToken, expiresIn, attempts };
  } finally {
    cache.close();
  }
}

export const described = ({ what, verdict }: Attempt): string =>
  `${what}: ${verdict === 'allowed' ? 'allowed' : 'denied'}`;

/** The status of a request with this header, or without one. */
export async function askForToken(stack: LocalStack, authorization?: string): Promise<Response> {
  if (stack.tokenEndpoint === undefined) throw new Error('The template has no token endpoint.');
  return fetch(stack.tokenEndpoint.url, {
    method: 'POST',
    ...(authorization !== undefined && { headers: { authorization } }),
  });
}

async function tokenOf(stack: LocalStack, userName: string): Promise<v.InferOutput<typeof Token>> {
  const jwt = await stack.tokenEndpoint?.identity?.login(userName);
  const answer = await askForToken(stack, `Bearer ${jwt}`);
  if (answer.status !== 200) throw new Error(`${answer.status}: ${await answer.text()}`);
  return v.parse(Token, await answer.json());
}

async function subscribe(topics: TopicClient, topic: string): Promise<Verdict> {
  const answer = await topics.subscribe(COLLABORATION, topic, {
    onItem: () => {},
    onError: () => {},
  });
  if (answer instanceof TopicSubscribe.Subscription) answer.unsubscribe();
  return verdictOf(answer, TopicSubscribe.Error);
}

interface SdkError {
  errorCode(): string;
}

function verdictOf(answer: unknown, ErrorOf: abstract new (...args: never[]) => SdkError): Verdict {
  return answer instanceof ErrorOf ? answer.errorCode() : 'allowed';
}

function endpointsOf({ momentoServer: { endpoint } }: LocalStack) {
  return {
    controlEndpoint: endpoint,
    cacheEndpoint: endpoint,
    tokenEndpoint: endpoint,
    secureConnection: false,
  };
}
