import { CacheClient, Configurations, CredentialProvider } from '@gomomento/sdk-web';

/** Reads what the role "viewer" of token-policies.json may read. */
export async function readToday(tokenEndpointUrl: string, idToken: string, tenantId: string) {
  const answer = await fetch(tokenEndpointUrl, {
    method: 'POST',
    headers: { authorization: `Bearer ${idToken}` },
  });
  if (!answer.ok) throw new Error(`no token: ${answer.status} ${await answer.text()}`);
  const { authToken } = (await answer.json()) as { authToken: string };
  const cache = new CacheClient({
    configuration: Configurations.Browser.latest(),
    credentialProvider: CredentialProvider.fromDisposableToken(authToken),
    defaultTtlSeconds: 60,
  });
  return cache.get('calendar-events', `${tenantId}:today`);
}
