import { CacheClient, Configurations, CredentialProvider } from '@gomomento/sdk';
import { rotatingCredentials } from '../../../client/node/index.ts';

// Outside of the handler: it lives as long as the process.
const momento = rotatingCredentials({
  secretId: process.env.MOMENTO_SECRET_ARN ?? '',
  background: false,
  makeClient: ({ apiKey }) =>
    new CacheClient({
      credentialProvider: CredentialProvider.fromString(apiKey),
      configuration: Configurations.Lambda.latest(),
      defaultTtlSeconds: 60,
    }),
});

export const handler = async ({ tenantId }: { tenantId: string }): Promise<string> => {
  const response = await momento.use((cache) => cache.get('calendar-events', `${tenantId}:next`));
  return response.type;
};
