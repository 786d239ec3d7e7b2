import { CacheClient, Configurations, CredentialProvider, TopicClient } from '@gomomento/sdk';
import { rotatingCredentials } from '../../../client/node/index.ts';

export const momento = rotatingCredentials({
  secretId: process.env.MOMENTO_SECRET_ARN ?? '',
  makeClient: ({ apiKey }) => {
    const credentialProvider = CredentialProvider.fromString(apiKey);
    return {
      cache: new CacheClient({
        credentialProvider,
        configuration: Configurations.InRegion.Default.latest(),
        defaultTtlSeconds: 60,
      }),
      topics: new TopicClient({ credentialProvider }),
    };
  },
  closeClient: ({ cache }) => cache.close(),
});

export const announce = (tenantId: string, text: string) =>
  momento.use(({ topics }) => topics.publish('collaboration', `${tenantId}-events`, text));
