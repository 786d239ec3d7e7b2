import {
  CacheClient,
  Configurations,
  CredentialProvider,
  TopicClient,
  TopicConfigurations,
} from '@gomomento/sdk-web';
import {
  type MomentoToken,
  momentoTokenProvider,
  movingClient,
} from '../../../client/browser/index.ts';

const credentials = ({ authToken }: MomentoToken) => ({
  credentialProvider: CredentialProvider.fromDisposableToken({ authToken }),
});

/** One for each login: make it after the login, `tokens.close()` at logout. */
export function momentoOf(url: string, getIdToken: () => Promise<string | null>) {
  const tokens = momentoTokenProvider({ url, getIdToken });
  const cache = movingClient({
    tokens,
    make: (token) =>
      new CacheClient({
        ...credentials(token),
        configuration: Configurations.Browser.latest(),
        defaultTtlSeconds: 60,
      }),
  });
  const topics = movingClient({
    tokens,
    make: (token) =>
      new TopicClient({
        ...credentials(token),
        configuration: TopicConfigurations.Browser.latest(),
      }),
  });
  return { tokens, cache, topics };
}
