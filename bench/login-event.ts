// A login as API Gateway hands it on: payload format 2.0 with the claims of a Cognito ID token.
// https://docs.aws.amazon.com/apigateway/latest/developerguide/http-api-develop-integrations-lambda.html

import { randomUUID } from 'node:crypto';

export interface Login {
  readonly user: string;
  readonly tenant: string;
  /** A role of token-policies.json. */
  readonly role: string;
}

export function loginEvent({ user, tenant, role }: Login, nowMs: number): unknown {
  const nowSeconds = Math.floor(nowMs / 1000);
  return {
    version: '2.0',
    routeKey: 'POST /token',
    rawPath: '/token',
    rawQueryString: '',
    headers: {
      accept: '*/*',
      authorization: `Bearer ${'x'.repeat(1_000)}`,
      'content-length': '0',
      host: 'abcdefghij.execute-api.us-east-1.amazonaws.com',
      origin: 'https://app.example.com',
      'user-agent': 'Mozilla/5.0 (X11; Linux x86_64) AppleWebKit/537.36 Chrome/140.0.0.0',
      'x-forwarded-for': '203.0.113.7',
      'x-forwarded-port': '443',
      'x-forwarded-proto': 'https',
    },
    requestContext: {
      accountId: '123456789012',
      apiId: 'abcdefghij',
      authorizer: {
        jwt: {
          claims: {
            sub: user,
            'cognito:groups': `[${role}]`,
            'cognito:username': user,
            'custom:tenantId': tenant,
            iss: 'https://cognito-idp.us-east-1.amazonaws.com/us-east-1_Example',
            aud: 'exampleclientid',
            token_use: 'id',
            auth_time: `${nowSeconds - 5}`,
            iat: `${nowSeconds - 5}`,
            exp: `${nowSeconds + 3_595}`,
            email: 'user@example.com',
          },
          scopes: null,
        },
      },
      domainName: 'abcdefghij.execute-api.us-east-1.amazonaws.com',
      domainPrefix: 'abcdefghij',
      http: {
        method: 'POST',
        path: '/token',
        protocol: 'HTTP/1.1',
        sourceIp: '203.0.113.7',
        userAgent: 'Mozilla/5.0',
      },
      requestId: randomUUID(),
      routeKey: 'POST /token',
      stage: '$default',
      time: new Date(nowMs).toUTCString(),
      timeEpoch: nowMs,
    },
    isBase64Encoded: false,
  };
}
