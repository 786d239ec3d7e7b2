// Local Momento, the unmodified web SDK in front of it, and a provider whose endpoint mints there.

import {
  CacheClient,
  Configurations,
  CredentialProvider,
  TopicClient,
  TopicConfigurations,
} from '@gomomento/sdk-web';
import { afterAll, beforeAll } from '@jest/globals';
import type { MomentoToken } from '../../../client/browser/request-token.ts';
import type { Surroundings, TokenAnswer } from '../../../client/browser/surroundings.ts';
import {
  type MomentoTokenProvider,
  momentoTokenProvider,
} from '../../../client/browser/token-provider.ts';
import { cachePermission, explicit, topicPermission } from '../../local/momento/account-builder.ts';
import { afterwards, localMomento, logger } from '../../local/momento/local-momento.ts';
import { XMLHttpRequestOfNode } from '../../local/momento/xml-http-request.ts';

/** What the web SDK asks of a browser, for the tests of one file. */
export function browserGlobals(): void {
  const globals = { XMLHttpRequest: XMLHttpRequestOfNode, navigator: { userAgent: 'a test' } };
  const before = Object.getOwnPropertyDescriptors(globalThis);
  beforeAll(() => {
    for (const [name, value] of Object.entries(globals)) {
      Object.defineProperty(globalThis, name, { value, configurable: true, writable: true });
    }
  });
  afterAll(() => {
    for (const name of Object.keys(globals)) {
      const descriptor = Object.entries(before).find(([known]) => known === name)?.[1];
      if (descriptor === undefined) Reflect.deleteProperty(globalThis, name);
      else Object.defineProperty(globalThis, name, descriptor);
    }
  });
}

export const CACHE = 'collaboration';
export const TOPIC = 't1-events';

/** Node.js as it is, with another endpoint behind `fetch`; and with a clock that can be put forward. */
export const surroundingsWith = (
  fetch: Surroundings['fetch'],
  clock = { aheadMs: 0 },
): Surroundings => ({
  fetch,
  setTimeout: (run, delayMs) => setTimeout(run, delayMs),
  clearTimeout: (timer) => clearTimeout(timer as NodeJS.Timeout),
  Date: { now: () => Date.now() + clock.aheadMs },
  performance,
  Math,
});

/** The provider renews by itself, long before the token is over: resolves with the next one. */
export function renewByItself(
  tokens: MomentoTokenProvider,
  clock: { aheadMs: number },
  lifeSeconds: number,
): Promise<MomentoToken> {
  return new Promise((resolve, reject) => {
    const before = tokens.getState().token;
    const stop = tokens.subscribe(({ status, token }) => {
      if (status !== 'token' || !token || token === before) return;
      stop();
      resolve(token);
    });
    clock.aheadMs += lifeSeconds * 900;
    // Looks at the clock.
    tokens.getToken().then((token) => {
      if (token !== before) reject(new Error('It had no token that lived'));
    }, reject);
  });
}

export function clientsOf(momentoUrl: string) {
  const credentials = ({ authToken }: MomentoToken) => ({
    credentialProvider: CredentialProvider.fromString({
      apiKey: authToken,
      endpointOverrides: {
        controlEndpoint: momentoUrl,
        cacheEndpoint: momentoUrl,
        tokenEndpoint: momentoUrl,
      },
    }),
  });
  return {
    cacheClient: (token: MomentoToken) =>
      new CacheClient({
        ...credentials(token),
        configuration: Configurations.Laptop.v1(logger),
        defaultTtlSeconds: 60,
      }),
    topicClient: (token: MomentoToken) =>
      new TopicClient({
        ...credentials(token),
        configuration: TopicConfigurations.Default.latest(logger),
      }),
  };
}

export async function webMomento() {
  const served = await localMomento();
  served.createCache(CACHE);
  const clients = clientsOf(`http://${served.server.endpoint}`);
  const endpoint = {
    status: 200,
    minted: 0,
    lifeSeconds: 60,
    permissions: explicit(
      topicPermission(CACHE, { namePrefix: 't1-' }),
      cachePermission(CACHE, { keyPrefix: 't1:' }),
    ),
  };
  const clockOfPage = { aheadMs: 0 };
  const answer = async (): Promise<TokenAnswer> => {
    endpoint.minted += 1;
    const authToken = served.disposable(endpoint.permissions, {
      lifetimeSeconds: endpoint.lifeSeconds,
      tokenId: `token-${endpoint.minted}`,
    });
    return {
      status: endpoint.status,
      headers: new Headers(),
      json: async () => ({ authToken, endpoint: 'local', expiresIn: 3_600 }),
    };
  };
  const tokens = momentoTokenProvider({
    url: 'https://tokens.example/token',
    surroundings: surroundingsWith(answer, clockOfPage),
  });
  afterwards.push(() => tokens.close());
  const owner = clients.topicClient({ authToken: served.superUserKey.apiKey, endpoint: '' });
  const renewed = () => renewByItself(tokens, clockOfPage, 3_600);
  return { ...served, ...clients, endpoint, tokens, renewed, owner };
}
