import { CacheClient, CacheGet, Configurations, CredentialProvider } from '@gomomento/sdk';
import { rotatingCredentials } from '../../../client/node/index.ts';

export const momento = rotatingCredentials({
  secretId: process.env.MOMENTO_SECRET_ARN ?? '',
  makeClient: ({ apiKey }) =>
    new CacheClient({
      credentialProvider: CredentialProvider.fromString(apiKey),
      configuration: Configurations.InRegion.Default.latest(),
      defaultTtlSeconds: 60,
    }),
  onEvent: (event) => console.log(event),
});

export async function nextAppointment(tenantId: string): Promise<string | undefined> {
  const response = await momento.use((cache) => cache.get('calendar-events', `${tenantId}:next`));
  if (response instanceof CacheGet.Hit) return response.value();
  if (response instanceof CacheGet.Miss) return undefined;
  throw response.innerException();
}
