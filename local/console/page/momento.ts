// The web SDK against local Momento, with clients that follow the token. A chunk of its own: it weighs a hundred
// times what the page does.

import {
  CacheClient,
  CacheDelete,
  CacheGet,
  CacheSet,
  Configurations,
  CredentialProvider,
  TopicClient,
  TopicConfigurations,
  type TopicItem,
  TopicPublish,
} from '@gomomento/sdk-web';
import {
  followTopic,
  type MomentoToken,
  type MomentoTokenProvider,
  movingClient,
  type TopicGap,
} from '../../../client/browser/index.ts';

export interface Verdict {
  /** `failed`: for another reason than what the token allows. */
  readonly kind: 'allowed' | 'denied' | 'failed';
  /** What came of it, in words; or the SDK's error code. */
  readonly text: string;
}

export interface Received {
  readonly value: string;
  /** Of the publisher's token; empty if it has none. */
  readonly tokenId: string;
}

export interface Momento {
  read(cache: string, key: string): Promise<Verdict>;
  write(cache: string, key: string, value: string): Promise<Verdict>;
  delete(cache: string, key: string): Promise<Verdict>;
  publish(cache: string, topic: string, message: string): Promise<Verdict>;
  subscribe(
    cache: string,
    topic: string,
    told: { onItem(item: Received): void; onGap(gap: TopicGap): void },
  ): Promise<Verdict & { readonly unsubscribe?: () => void }>;
}

const TTL_SECONDS = 3600;

/** Ends with the provider. */
export function openMomento(tokens: MomentoTokenProvider, url: string): Momento {
  const credentials = ({ authToken }: MomentoToken) => ({
    credentialProvider: CredentialProvider.fromDisposableToken({
      authToken,
      endpointOverrides: { controlEndpoint: url, cacheEndpoint: url, tokenEndpoint: url },
    }),
  });
  const caches = movingClient({
    tokens,
    make: (token) =>
      new CacheClient({
        ...credentials(token),
        configuration: Configurations.Laptop.v1(),
        defaultTtlSeconds: TTL_SECONDS,
      }),
  });
  const topics = movingClient({
    tokens,
    make: (token) =>
      new TopicClient({
        ...credentials(token),
        configuration: TopicConfigurations.Default.latest(),
      }),
  });
  return {
    async read(cache, key) {
      const answer = await caches.use((client) => client.get(cache, key));
      if (answer instanceof CacheGet.Error) return refused(answer);
      const isHit = answer instanceof CacheGet.Hit;
      return allowed(isHit ? `“${answer.valueString()}”` : 'nothing is there');
    },
    async write(cache, key, value) {
      const answer = await caches.use((client) => client.set(cache, key, value));
      return answer instanceof CacheSet.Error ? refused(answer) : allowed('written');
    },
    async delete(cache, key) {
      const answer = await caches.use((client) => client.delete(cache, key));
      return answer instanceof CacheDelete.Error ? refused(answer) : allowed('deleted');
    },
    async publish(cache, topic, message) {
      const answer = await topics.use((client) => client.publish(cache, topic, message));
      return answer instanceof TopicPublish.Error ? refused(answer) : allowed('published');
    },
    subscribe(cache, topic, { onItem, onGap }) {
      return new Promise((resolve) => {
        let isSubscribed = false;
        const follower = followTopic<TopicItem>(topics, cache, topic, {
          onItem: (item) => onItem({ value: `${item.value()}`, tokenId: item.tokenId() ?? '' }),
          onGap,
          // It would be tried again and again: here one answer is what was asked for.
          onError: (error) => {
            if (!isSubscribed) follower.close();
            resolve(refused(error));
          },
        });
        void follower.subscribed.then(() => {
          isSubscribed = true;
          resolve({ ...allowed('subscribed'), unsubscribe: () => follower.close() });
        });
      });
    },
  };
}

const allowed = (text: string): Verdict => ({ kind: 'allowed', text });

const DENIALS = ['PERMISSION_ERROR', 'AUTHENTICATION_ERROR'];

function refused(error: unknown): Verdict {
  const { errorCode } = Object(error) as { readonly errorCode?: () => string };
  const text = errorCode?.call(error) ?? String(error);
  return { kind: DENIALS.includes(text) ? 'denied' : 'failed', text };
}
