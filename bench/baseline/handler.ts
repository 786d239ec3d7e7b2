// What a plain use of both SDKs does on a login: reads the secret, has a token made, answers. Written for comparison;
// bundled with `esbuild --bundle --platform=node` and nothing else.

import { GetSecretValueCommand, SecretsManagerClient } from '@aws-sdk/client-secrets-manager';
import {
  AuthClient,
  CredentialProvider,
  ExpiresIn,
  GenerateDisposableTokenResponse,
} from '@gomomento/sdk';

interface LoginEvent {
  readonly requestContext: {
    readonly authorizer: { readonly jwt: { readonly claims: Readonly<Record<string, string>> } };
  };
}

const secretsManager = new SecretsManagerClient({});
let authClient: AuthClient | undefined;

export async function handler(event: LoginEvent) {
  authClient ??= await makeAuthClient();
  const tenant = event.requestContext.authorizer.jwt.claims['custom:tenantId'];
  const answer = await authClient.generateDisposableToken(
    {
      permissions: [
        { role: 'readonly', cache: 'calendar-events', item: { keyPrefix: `${tenant}:` } },
        { role: 'subscribeonly', cache: 'collaboration', topic: `${tenant}-events` },
      ],
    },
    ExpiresIn.minutes(30),
  );
  if (answer.type !== GenerateDisposableTokenResponse.Success) throw new Error(answer.toString());
  return {
    statusCode: 200,
    headers: { 'content-type': 'application/json', 'cache-control': 'no-store' },
    body: JSON.stringify({
      authToken: answer.authToken,
      endpoint: answer.endpoint,
      expiresAt: answer.expiresAt.epoch(),
    }),
  };
}

async function makeAuthClient(): Promise<AuthClient> {
  const SecretId = process.env.VENDING_SECRET_ARN;
  const secret = await secretsManager.send(new GetSecretValueCommand({ SecretId }));
  const { apiKey } = JSON.parse(secret.SecretString ?? '{}');
  return new AuthClient({ credentialProvider: CredentialProvider.fromString(apiKey) });
}
