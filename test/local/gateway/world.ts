// A template with an HTTP API, the identity that its authorizer names, and a gateway between them.

import { request as httpRequest } from 'node:http';
import { type HttpApiDefinition, readHttpApis } from '../../../local/assembly/http-apis.ts';
import { readPermissions } from '../../../local/assembly/permissions.ts';
import {
  type Gateway,
  type GatewayCall,
  type GatewayOptions,
  type Invoked,
  startGateway,
} from '../../../local/gateway/gateway.ts';
import { type Identity, startIdentity } from '../../../local/identity/identity.ts';
import { deployment, resourcesOf } from '../assembly/template-of.ts';

export const NOW_MS = Date.parse('2026-11-22T11:12:08.500Z');
export const ISSUER = 'https://cognito-idp.eu-west-1.amazonaws.com/eu-west-1_AbCdEfGhI';
export const AUDIENCE = '57cbishk4j24pabc1234567890';
export const FUNCTION_ARN = 'arn:aws:lambda:eu-west-1:111122223333:function:vend';
export const AUTHORIZER_ARN = 'arn:aws:lambda:eu-west-1:111122223333:function:authorize';
export const ORIGIN = 'https://app.example';

type Properties = Record<string, unknown>;

export interface ApiOverrides {
  readonly api?: Properties;
  readonly route?: Properties;
  readonly integration?: Properties;
  readonly authorizer?: Properties;
  readonly stage?: Properties;
  /** More resources, each `[type, properties]`. */
  readonly others?: Record<string, [string, unknown]>;
}

const sourceArn = (resource: string) => ({
  'Fn::Join': ['', ['arn:aws:execute-api:eu-west-1:111122223333:', { Ref: 'Api' }, `/${resource}`]],
});

export const permissionFor = (functionArn: string, resource: string): [string, unknown] => [
  'AWS::Lambda::Permission',
  {
    FunctionName: functionArn,
    Action: 'lambda:InvokeFunction',
    Principal: 'apigateway.amazonaws.com',
    SourceArn: sourceArn(resource),
  },
];

export function apiTemplate(overrides: ApiOverrides = {}) {
  const ApiId = { Ref: 'Api' };
  return resourcesOf({
    Api: ['AWS::ApiGatewayV2::Api', { Name: 'n', ProtocolType: 'HTTP', ...overrides.api }],
    Route: [
      'AWS::ApiGatewayV2::Route',
      {
        ApiId,
        RouteKey: 'POST /token',
        AuthorizationType: 'JWT',
        AuthorizerId: { Ref: 'Authorizer' },
        Target: { 'Fn::Join': ['', ['integrations/', { Ref: 'Integration' }]] },
        ...overrides.route,
      },
    ],
    Integration: [
      'AWS::ApiGatewayV2::Integration',
      {
        ApiId,
        IntegrationType: 'AWS_PROXY',
        IntegrationUri: FUNCTION_ARN,
        PayloadFormatVersion: '2.0',
        ...overrides.integration,
      },
    ],
    Authorizer: [
      'AWS::ApiGatewayV2::Authorizer',
      overrides.authorizer === undefined
        ? {
            ApiId,
            AuthorizerType: 'JWT',
            IdentitySource: ['$request.header.Authorization'],
            JwtConfiguration: { Issuer: ISSUER, Audience: [AUDIENCE] },
          }
        : { ApiId, ...overrides.authorizer },
    ],
    Stage: ['AWS::ApiGatewayV2::Stage', { ApiId, StageName: '$default', ...overrides.stage }],
    Permission: permissionFor(FUNCTION_ARN, '*/*/token'),
    ...overrides.others,
  });
}

export function apiOf(overrides: ApiOverrides = {}): HttpApiDefinition {
  const [api] = readHttpApis(apiTemplate(overrides));
  if (api === undefined) throw new Error('the template has no API');
  return api;
}

/** An event of the function, as deep as the tests look. */
export interface SeenEvent {
  readonly [field: string]: unknown;
  readonly requestContext: {
    readonly [field: string]: unknown;
    readonly authorizer?: {
      readonly jwt?: { readonly claims: Record<string, string>; readonly scopes: unknown };
      readonly lambda?: unknown;
    };
  };
}

export interface World {
  readonly gateway: Gateway;
  readonly calls: GatewayCall[];
  readonly accessLog: string[];
  /** What each invoked function received. */
  readonly events: { readonly functionArn: string; readonly event: SeenEvent }[];
  /** `POST /token`, unless the init says otherwise. */
  post(init?: RequestInit & { path?: string }): Promise<Response>;
  close(): Promise<void>;
}

export async function startWorld({
  overrides = {},
  identity,
  respond = () => ({ payload: { statusCode: 200, body: '{}' } }),
  ...options
}: {
  readonly overrides?: ApiOverrides;
  readonly identity?: Pick<Identity, 'baseUrl'>;
  readonly respond?: (functionArn: string, event: SeenEvent) => Invoked | Promise<Invoked>;
} & Partial<GatewayOptions> = {}): Promise<World> {
  const calls: GatewayCall[] = [];
  const accessLog: string[] = [];
  const events: World['events'] = [];
  const gateway = await startGateway({
    api: apiOf(overrides),
    deployment,
    permissions: readPermissions(apiTemplate(overrides)),
    invoke: async (functionArn, event) => {
      const seen = event as SeenEvent;
      events.push({ functionArn, event: seen });
      return respond(functionArn, seen);
    },
    ...(identity !== undefined && { issuerBaseUrls: { [ISSUER]: identity.baseUrl } }),
    now: () => NOW_MS,
    onCall: (call) => calls.push(call),
    onAccessLog: (line) => accessLog.push(line),
    onBug: (error) => {
      throw error;
    },
    ...options,
  });
  return {
    gateway,
    calls,
    accessLog,
    events,
    post: ({ path = '/token', ...init } = {}) =>
      fetch(gateway.url + path, { method: 'POST', ...init }),
    close: () => gateway.close(),
  };
}

export const users = [
  { name: 'u', groups: ['admin', 'editor'], attributes: { 'custom:tenantId': 'tenant-a' } },
];

export const startTestIdentity = (overrides: { issuer?: string; now?: () => number } = {}) =>
  startIdentity({ issuer: ISSUER, audience: AUDIENCE, users, now: () => NOW_MS, ...overrides });

export const bearer = (token: string) => ({ headers: { authorization: `Bearer ${token}` } });

/** Unlike fetch, sends exactly the headers that are given, in any number. */
export function rawPost(
  url: string,
  headers: readonly string[],
): Promise<{ status: number; body: string }> {
  return new Promise((resolve, reject) => {
    const { host } = new URL(url);
    const request = httpRequest(
      url,
      // Node.js takes a flat list of names and values, too: what its types leave out.
      {
        method: 'POST',
        headers: ['host', host, 'connection', 'close', 'content-length', '0', ...headers],
      },
      (response) => {
        let body = '';
        response.setEncoding('utf8').on('data', (chunk: string) => {
          body += chunk;
        });
        response.on('end', () => resolve({ status: response.statusCode ?? 0, body }));
      },
    );
    request.on('error', reject).end();
  });
}
