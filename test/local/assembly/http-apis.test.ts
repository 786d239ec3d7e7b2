// HTTP APIs and user pools: what is read, and what is refused instead of guessed at.

import { describe, expect, test } from '@jest/globals';
import { functionArnOf } from '../../../local/assembly/function-uri.ts';
import { readHttpApis } from '../../../local/assembly/http-apis.ts';
import { attributeOf, physicalResource } from '../../../local/assembly/physical.ts';
import { readUserPools } from '../../../local/assembly/user-pools.ts';
import { deployment, resourcesOf } from './template-of.ts';

const functionArn = 'arn:aws:lambda:eu-west-1:111122223333:function:f';
type Changes = Record<string, Record<string, unknown>>;

function templateWith(changes: Changes = {}) {
  const ApiId = { Ref: 'Api' };
  return resourcesOf({
    Api: ['AWS::ApiGatewayV2::Api', { Name: 'tokens', ProtocolType: 'HTTP', ...changes.Api }],
    Pool: ['AWS::Cognito::UserPool', {}],
    Client: ['AWS::Cognito::UserPoolClient', { UserPoolId: { Ref: 'Pool' } }],
    Route: [
      'AWS::ApiGatewayV2::Route',
      {
        ApiId,
        RouteKey: 'POST /token',
        AuthorizationType: 'JWT',
        AuthorizerId: { Ref: 'Authorizer' },
        Target: { 'Fn::Join': ['', ['integrations/', { Ref: 'Integration' }]] },
        ...changes.Route,
      },
    ],
    Integration: [
      'AWS::ApiGatewayV2::Integration',
      {
        ApiId,
        IntegrationType: 'AWS_PROXY',
        IntegrationUri: functionArn,
        PayloadFormatVersion: '2.0',
        ...changes.Integration,
      },
    ],
    Authorizer: [
      'AWS::ApiGatewayV2::Authorizer',
      {
        ApiId,
        AuthorizerType: 'JWT',
        IdentitySource: ['$request.header.Authorization'],
        JwtConfiguration: {
          Issuer: { 'Fn::GetAtt': ['Pool', 'ProviderURL'] },
          Audience: [{ Ref: 'Client' }],
        },
        ...changes.Authorizer,
      },
    ],
    Stage: ['AWS::ApiGatewayV2::Stage', { ApiId, StageName: '$default', ...changes.Stage }],
    OtherApi: ['AWS::ApiGatewayV2::Api', { ProtocolType: 'HTTP' }],
  });
}

const read = (changes?: Changes) => readHttpApis(templateWith(changes))[0];

test('an API has its own routes with what they call and who may call them', () => {
  const api = read();
  const [pool] = readUserPools(templateWith());
  expect(api).toEqual({
    logicalId: 'Api',
    id: expect.stringMatching(/^[a-z0-9]{10}$/),
    name: 'tokens',
    endpoint: `https://${api?.id}.execute-api.eu-west-1.amazonaws.com`,
    cors: null,
    routes: [
      {
        routeKey: 'POST /token',
        scopes: [],
        authorizer: {
          kind: 'jwt',
          id: expect.stringMatching(/^[a-z0-9]{6}$/),
          identitySource: '$request.header.Authorization',
          issuer: pool?.issuer,
          audience: [pool?.clients[0]?.id],
        },
        integration: { functionArn, timeoutMs: 30_000 },
      },
    ],
    stages: [
      {
        name: '$default',
        throttle: null,
        throttleByRouteKey: {},
        detailedMetrics: false,
        accessLogFormat: null,
      },
    ],
  });
  expect(readHttpApis(templateWith())[1]).toMatchObject({ routes: [], stages: [] });
});

test('CORS, with header names in lower case', () => {
  const CorsConfiguration = {
    AllowOrigins: ['https://App.example'],
    AllowHeaders: ['Authorization'],
    AllowMethods: ['POST'],
    ExposeHeaders: ['Retry-After'],
    MaxAge: 600,
  };
  expect(read({ Api: { CorsConfiguration } })?.cors).toEqual({
    allowOrigins: ['https://App.example'],
    allowMethods: ['POST'],
    allowHeaders: ['authorization'],
    exposeHeaders: ['retry-after'],
    allowCredentials: false,
    maxAgeSeconds: 600,
  });
});

test('a stage’s throttle, metrics and access log', () => {
  const Stage = {
    StageName: 'prod',
    DefaultRouteSettings: {
      ThrottlingRateLimit: 100,
      ThrottlingBurstLimit: 200,
      DetailedMetricsEnabled: true,
    },
    RouteSettings: { 'POST /token': { ThrottlingRateLimit: 5 } },
    AccessLogSettings: { DestinationArn: 'arn', Format: '$context.requestId' },
  };
  expect(read({ Stage })?.stages).toEqual([
    {
      name: 'prod',
      throttle: { ratePerSecond: 100, burst: 200 },
      throttleByRouteKey: { 'POST /token': { ratePerSecond: 5, burst: Number.POSITIVE_INFINITY } },
      detailedMetrics: true,
      accessLogFormat: '$context.requestId',
    },
  ]);
});

test('a function as the authorizer', () => {
  const changes = {
    Route: { AuthorizationType: 'CUSTOM', AuthorizationScopes: ['s'] },
    Authorizer: {
      AuthorizerType: 'REQUEST',
      AuthorizerUri: `arn:aws:apigateway:eu-west-1:lambda:path/2015-03-31/functions/${functionArn}/invocations`,
      AuthorizerPayloadFormatVersion: '2.0',
      EnableSimpleResponses: true,
      AuthorizerResultTtlInSeconds: 300,
    },
  };
  expect(read(changes)?.routes[0]).toMatchObject({
    scopes: ['s'],
    authorizer: {
      kind: 'lambda',
      identitySources: ['$request.header.Authorization'],
      functionArn,
      simpleResponses: true,
      resultTtlSeconds: 300,
    },
  });
});

test('a route without authorization', () => {
  expect(read({ Route: { AuthorizationType: 'NONE' } })?.routes[0]?.authorizer).toBeNull();
});

describe('refused, as it would behave otherwise than deployed', () => {
  test.each<[string, Changes]>([
    ['Api: ProtocolType', { Api: { ProtocolType: 'WEBSOCKET' } }],
    ['Route: AuthorizationType AWS_IAM', { Route: { AuthorizationType: 'AWS_IAM' } }],
    ['Route: AuthorizationType constructor', { Route: { AuthorizationType: 'constructor' } }],
    ['Route: RouteKey', { Route: { RouteKey: '/token' } }],
    ['Route: the API has no integration', { Route: { Target: 'integrations/x' } }],
    ['Route: the API has no JWT authorizer', { Route: { AuthorizerId: 'x' } }],
    ['Route: the API has no CUSTOM authorizer', { Route: { AuthorizationType: 'CUSTOM' } }],
    ['Integration: PayloadFormatVersion', { Integration: { PayloadFormatVersion: '1.0' } }],
    ['Integration: this integration', { Integration: { IntegrationType: 'HTTP_PROXY' } }],
    ['Integration: this integration', { Integration: { IntegrationUri: 'https://x' } }],
    ['Authorizer: IdentitySource', { Authorizer: { IdentitySource: ['$context.identity.x'] } }],
    ['Authorizer: IdentitySource', { Authorizer: { IdentitySource: ['a', 'b'] } }],
    ['Authorizer: AuthorizerType', { Authorizer: { AuthorizerType: 'TOKEN' } }],
    [
      'Authorizer: this authorizer',
      {
        Authorizer: {
          AuthorizerType: 'REQUEST',
          AuthorizerUri: functionArn,
          AuthorizerPayloadFormatVersion: '1.0',
        },
      },
    ],
  ])('%s %j', (message, changes) => {
    expect(() => read(changes)).toThrow(message);
  });
});

test.each([
  [functionArn, functionArn],
  [
    `arn:aws:apigateway:eu-west-1:lambda:path/2015-03-31/functions/${functionArn}/invocations`,
    functionArn,
  ],
  [`${functionArn}:live`, undefined],
  ['arn:aws:sqs:eu-west-1:111122223333:q', undefined],
])('the function of %s', (uri, expected) => {
  expect(functionArnOf(uri)).toBe(expected);
});

describe('user pools', () => {
  test('with their clients, groups and the settings that guard them', () => {
    const UserPoolId = { Ref: 'Pool' };
    const [pool] = readUserPools(
      resourcesOf({
        Pool: [
          'AWS::Cognito::UserPool',
          {
            AdminCreateUserConfig: { AllowAdminCreateUserOnly: true },
            DeletionProtection: 'ACTIVE',
            Schema: [{ Name: 'tenantId', AttributeDataType: 'String' }, { Name: 'email' }],
          },
        ],
        Client: [
          'AWS::Cognito::UserPoolClient',
          { UserPoolId, WriteAttributes: ['email'], ExplicitAuthFlows: ['ALLOW_USER_SRP_AUTH'] },
        ],
        Group: ['AWS::Cognito::UserPoolGroup', { UserPoolId, GroupName: 'viewer' }],
        Elsewhere: ['AWS::Cognito::UserPoolGroup', { UserPoolId: 'x', GroupName: 'other' }],
      }),
    );
    expect(pool).toEqual({
      logicalId: 'Pool',
      id: expect.stringMatching(/^eu-west-1_[A-Za-z0-9]{9}$/),
      arn: `arn:aws:cognito-idp:eu-west-1:111122223333:userpool/${pool?.id}`,
      issuer: `https://cognito-idp.eu-west-1.amazonaws.com/${pool?.id}`,
      customAttributes: ['custom:tenantId'],
      selfSignUp: false,
      deletionProtection: true,
      deletionPolicy: 'Delete',
      clients: [
        {
          logicalId: 'Client',
          id: expect.stringMatching(/^[a-z0-9]{26}$/),
          writeAttributes: ['email'],
          readAttributes: null,
          explicitAuthFlows: ['ALLOW_USER_SRP_AUTH'],
        },
      ],
      groups: ['viewer'],
    });
  });

  test('have Cognito’s defaults for what the template leaves out: open doors', () => {
    const [pool] = readUserPools(
      resourcesOf({
        Pool: ['AWS::Cognito::UserPool', {}],
        Client: [
          'AWS::Cognito::UserPoolClient',
          { UserPoolId: { Ref: 'Pool' }, WriteAttributes: [] },
        ],
      }),
    );
    expect(pool).toMatchObject({
      customAttributes: [],
      selfSignUp: true,
      deletionProtection: false,
      clients: [{ writeAttributes: null }],
      groups: [],
    });
  });
});

describe('physical names', () => {
  const resource = (type: string, properties: Record<string, string> = {}) => ({
    logicalId: 'LogicalId',
    type,
    property: (name: string) => properties[name],
  });

  test.each<[string, Record<string, string>, string, RegExp]>([
    [
      'AWS::ApiGatewayV2::Api',
      {},
      'ApiEndpoint',
      /^https:\/\/[a-z0-9]{10}\.execute-api\.eu-west-1\.amazonaws\.com$/,
    ],
    ['AWS::ApiGatewayV2::Route', {}, 'RouteId', /^[a-z0-9]{7}$/],
    [
      'AWS::ApiGatewayV2::DomainName',
      { DomainName: 'd.example' },
      'RegionalDomainName',
      /^d-[a-z0-9]{10}\.execute-api\./,
    ],
    [
      'AWS::Cognito::UserPool',
      {},
      'ProviderName',
      /^cognito-idp\.eu-west-1\.amazonaws\.com\/eu-west-1_/,
    ],
    ['AWS::Cognito::UserPoolClient', {}, 'ClientId', /^[a-z0-9]{26}$/],
    [
      'AWS::DynamoDB::Table',
      { TableName: 'n' },
      'Arn',
      /^arn:aws:dynamodb:eu-west-1:111122223333:table\/n$/,
    ],
  ])('%s %j %s', (type, properties, attribute, pattern) => {
    expect(attributeOf(resource(type, properties), attribute, deployment)).toMatch(pattern);
  });

  test.each([
    ['AWS::ApiGatewayV2::Stage', { StageName: '$default' }, '$default'],
    ['AWS::ApiGatewayV2::DomainName', { DomainName: 'd.example' }, 'd.example'],
    ['AWS::Cognito::UserPoolGroup', { GroupName: 'viewer' }, 'viewer'],
    ['AWS::DynamoDB::Table', { TableName: 'n' }, 'n'],
  ])('Ref of %s', (type, properties, ref) => {
    expect(physicalResource(resource(type, properties), deployment).ref).toBe(ref);
  });
});
