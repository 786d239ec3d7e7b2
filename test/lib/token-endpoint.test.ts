// The template of the token endpoint: who is let in, what the function may do, what users may write.
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, describe, expect, test } from '@jest/globals';
import { Annotations, Match } from 'aws-cdk-lib/assertions';
import { claimsReadBy } from '../../lambda/shared/token-policies.ts';
import { parseConfig } from '../../lib/config.ts';
import { MomentoAuthStack } from '../../lib/momento-auth-stack.ts';
import {
  appForTest,
  endpoints,
  inside,
  ofType,
  only,
  type Synthesis,
  statementsOf,
  synthesize,
} from './synthesis.ts';

const everyEndpoint = Object.entries(endpoints).map(
  ([what, tokenEndpoint]) => [what, { tokenEndpoint }] as const,
);
const endpointOf = (what: keyof typeof endpoints) => synthesize({ tokenEndpoint: endpoints[what] });

const directory = mkdtempSync(join(tmpdir(), 'momento-auth-test-'));
afterAll(() => rmSync(directory, { recursive: true, force: true }));

/** The template with policies of one's own, behind a new user pool. */
function withPolicies(policies: unknown, tokenEndpoint: object = {}): Synthesis {
  const path = join(directory, `${Math.random()}.json`);
  writeFileSync(path, JSON.stringify(policies));
  return synthesize({ tokenEndpoint: { policies: path, ...tokenEndpoint } });
}

/** One role that reads the items of a prefix. */
const reading = (keyPrefix: string, expiresInMinutes = 15) => ({
  expiresInMinutes,
  permissions: [{ role: 'readonly', cache: 'c', item: { keyPrefix } }],
});

function vendToken(synthesis: Synthesis) {
  const [found, ...others] = ofType(synthesis, 'AWS::Lambda::Function').filter(([id]) =>
    id.startsWith('TokenEndpointVendToken'),
  );
  if (found === undefined || others.length > 0) throw new Error('not exactly one vend-token');
  return found;
}

/** The logical id of the table: whoever changes it loses nothing but tokens that are made anew. */
const SHARED_TOKENS = 'TokenEndpointSharedTokensTableD9966A92';

function logsOf(synthesis: Synthesis, prefix: string): string {
  const ids = ofType(synthesis, 'AWS::Logs::LogGroup').map(([id]) => id);
  return ids.find((id) => id.startsWith(prefix)) ?? 'none';
}

describe('the function', () => {
  test('is what the design says', () => {
    const synthesis = endpointOf('a new user pool');
    const [, { Properties }] = vendToken(synthesis);
    const logsId = logsOf(synthesis, 'TokenEndpointVendTokenLogs');
    expect(Properties).toMatchObject({
      Architectures: ['arm64'],
      Runtime: 'nodejs24.x',
      Handler: 'index.handler',
      MemorySize: 512,
      Timeout: 15,
      LoggingConfig: { LogFormat: 'JSON', LogGroup: { Ref: logsId } },
    });
    expect(Properties).not.toHaveProperty('ReservedConcurrentExecutions');
    expect(Properties).not.toHaveProperty('FunctionName');
    expect(synthesis.resources[logsId]).toMatchObject({
      Properties: { RetentionInDays: 90 },
      DeletionPolicy: 'Delete',
    });
  });

  const always = {
    VENDING_SECRET_ARN: { Ref: 'ApiKeydefaultSecret3F47B7D5' },
    MAX_LIFE_SECONDS: '3600',
    MAX_PERMISSIONS: '10',
    MINT_RATE_PER_SECOND: '4',
    SHARING_TABLE: { Ref: SHARED_TOKENS },
    SHARE_WHILE_LIFE_LEFT: '0.5',
    URL_SUFFIX: { Ref: 'AWS::URLSuffix' },
    POWERTOOLS_SERVICE_NAME: 'vend-token',
    POWERTOOLS_METRICS_NAMESPACE: 'MomentoAuth',
  };
  test.each<[keyof typeof endpoints, object]>([
    ['a new user pool', { AUTH_TYPE: 'cognito', TOKEN_USE: 'id' }],
    ['an adopted user pool', { AUTH_TYPE: 'cognito', TOKEN_USE: 'id' }],
    ['an issuer', { AUTH_TYPE: 'jwt' }],
    ['an issuer that sets token_use', { AUTH_TYPE: 'jwt', TOKEN_USE: 'access' }],
    ['an authorizer', { AUTH_TYPE: 'lambda', MAX_LIFE_SECONDS: '7200', MAX_PERMISSIONS: '20' }],
    ['no login', { AUTH_TYPE: 'none', PUBLIC_ROLE: 'reader' }],
  ])('hears of %s', (what, expected) => {
    const [, { Properties }] = vendToken(endpointOf(what));
    expect(Properties.Environment).toEqual({ Variables: { ...always, ...expected } });
  });

  test.each(everyEndpoint)(
    '%s: may read one secret, use single items of its table and write its log, no more',
    (_what, config) => {
      const synthesis = synthesize(config);
      const [, { Properties }] = vendToken(synthesis);
      const roleId = inside(Properties, 'Role', 'Fn::GetAtt', 0);
      const policies = ofType(synthesis, 'AWS::IAM::Policy').filter(([, policy]) =>
        JSON.stringify(policy.Properties.Roles).includes(`"${roleId}"`),
      );
      expect(statementsOf(policies)).toEqual([
        {
          Effect: 'Allow',
          Action: 'secretsmanager:GetSecretValue',
          Resource: { Ref: 'ApiKeydefaultSecret3F47B7D5' },
        },
        {
          Effect: 'Allow',
          Action: ['dynamodb:GetItem', 'dynamodb:PutItem', 'dynamodb:UpdateItem'],
          Resource: { 'Fn::GetAtt': [SHARED_TOKENS, 'Arn'] },
        },
        {
          Effect: 'Allow',
          Action: ['logs:CreateLogStream', 'logs:PutLogEvents'],
          Resource: { 'Fn::GetAtt': [logsOf(synthesis, 'TokenEndpointVendTokenLogs'), 'Arn'] },
        },
      ]);
      const role = synthesis.resources[String(roleId)];
      expect(Object.keys(role?.Properties ?? {}).sort()).toEqual([
        'AssumeRolePolicyDocument',
        'Description',
      ]);
    },
  );

  test('reads the vending key among others, decrypting with that key alone', () => {
    const secretArn = 'arn:aws:secretsmanager:eu-west-1:123456789012:secret:vending-AbCdEf';
    const kmsKeyArn = 'arn:aws:kms:eu-west-1:123456789012:key/11111111-2222-3333-4444-555555555555';
    const synthesis = synthesize({
      keys: [
        { name: 'default', kmsKeyArn: kmsKeyArn.replace('1111', '9999') },
        { name: 'vending', secretArn, kmsKeyArn },
      ],
      vendingKey: 'vending',
    });
    const [policy] = ofType(synthesis, 'AWS::IAM::Policy').filter(([id]) =>
      id.startsWith('TokenEndpoint'),
    );
    expect(statementsOf(policy).slice(0, 2)).toEqual([
      { Effect: 'Allow', Action: 'secretsmanager:GetSecretValue', Resource: secretArn },
      {
        Effect: 'Allow',
        Action: 'kms:Decrypt',
        Resource: kmsKeyArn,
        Condition: {
          StringEquals: {
            'kms:ViaService': {
              'Fn::Join': ['', ['secretsmanager.', { Ref: 'AWS::Region' }, '.amazonaws.com']],
            },
          },
        },
      },
    ]);
    const [, { Properties }] = vendToken(synthesis);
    expect(inside(Properties, 'Environment', 'Variables', 'VENDING_SECRET_ARN')).toBe(secretArn);
  });
});

describe('rotation', () => {
  test.each([
    [{}, '1'],
    [{ authRatePerSecond: 1.5 }, '0.75'],
    [{ authRatePerSecond: 0.5 }, '0.25'],
    [{ tokenEndpoint: false }, '5'],
  ])('with %j takes no more of the budget than %s', (config, rate) => {
    const { resources } = synthesize(config);
    expect(
      inside(resources, 'RotateKeyFunction6B2FC8E1', 'Properties', 'Environment', 'Variables'),
    ).toMatchObject({ AUTH_RATE_PER_SECOND: rate });
  });
});

describe('vending', () => {
  test.each([
    [1.5, '0.75'],
    [0.5, '0.25'],
    [20, '19'],
  ])('of %d auth operations per second mints %s', (authRatePerSecond, rate) => {
    const [, { Properties }] = vendToken(synthesize({ authRatePerSecond }));
    expect(Properties.Environment).toMatchObject({ Variables: { MINT_RATE_PER_SECOND: rate } });
  });
});

describe('sharing', () => {
  test.each(everyEndpoint)('%s: one table, of nothing that must be kept', (_what, config) => {
    const synthesis = synthesize(config);
    const [id, table] = only(synthesis, 'AWS::DynamoDB::Table');
    expect(id).toBe(SHARED_TOKENS);
    expect(table).toMatchObject({ DeletionPolicy: 'Delete', UpdateReplacePolicy: 'Delete' });
    // Whole: no name, no key of KMS, no backups, no stream, no policy that lets others in.
    expect(table.Properties).toEqual({
      KeySchema: [{ AttributeName: 'id', KeyType: 'HASH' }],
      AttributeDefinitions: [{ AttributeName: 'id', AttributeType: 'S' }],
      BillingMode: 'PAY_PER_REQUEST',
      TimeToLiveSpecification: { AttributeName: 'expiresAt', Enabled: true },
    });
  });

  test.each(everyEndpoint)('%s: nobody but the function hears of the table', (_what, config) => {
    const users = Object.entries(synthesize(config).resources)
      .filter(([, resource]) => JSON.stringify(resource).includes(`"${SHARED_TOKENS}"`))
      .map(([id]) => id.replace(/[0-9A-F]{8}$/, ''));
    expect(users.sort()).toEqual([
      'TokenEndpointVendTokenFunction',
      'TokenEndpointVendTokenRoleDefaultPolicy',
    ]);
  });

  test('as configured', () => {
    const [, { Properties }] = vendToken(
      synthesize({ tokenEndpoint: { sharing: { whileLifeLeft: 0.25 } } }),
    );
    expect(inside(Properties, 'Environment', 'Variables', 'SHARE_WHILE_LIFE_LEFT')).toBe('0.25');
  });

  test.each(everyEndpoint)(
    '%s, without: no trace of it, and all else as before',
    (_what, config) => {
      const shared = synthesize(config);
      const alone = synthesize({ tokenEndpoint: { ...config.tokenEndpoint, sharing: false } });
      expect(JSON.stringify(alone.resources)).not.toMatch(/dynamo|SHARING|SHARE_WHILE/i);
      const [, { Properties }] = vendToken(alone);
      expect(Properties.Environment).toMatchObject({ Variables: { MINT_RATE_PER_SECOND: '4' } });
      expect([...Object.keys(alone.resources), SHARED_TOKENS].sort()).toEqual(
        Object.keys(shared.resources).sort(),
      );
    },
  );
});

describe('the API', () => {
  test.each(everyEndpoint)('%s: has one route, POST /token, to the function', (_what, config) => {
    const synthesis = synthesize(config);
    const [, route] = only(synthesis, 'AWS::ApiGatewayV2::Route');
    const [integrationId, integration] = only(synthesis, 'AWS::ApiGatewayV2::Integration');
    expect(route.Properties).toMatchObject({
      RouteKey: 'POST /token',
      Target: { 'Fn::Join': ['', ['integrations/', { Ref: integrationId }]] },
    });
    expect(integration.Properties).toMatchObject({
      IntegrationType: 'AWS_PROXY',
      PayloadFormatVersion: '2.0',
      IntegrationUri: { 'Fn::GetAtt': [vendToken(synthesis)[0], 'Arn'] },
    });
  });

  test.each(everyEndpoint)('%s: may invoke the function, for that path alone', (_what, config) => {
    const synthesis = synthesize(config);
    const [functionId] = vendToken(synthesis);
    const [apiId] = only(synthesis, 'AWS::ApiGatewayV2::Api');
    const permissions = ofType(synthesis, 'AWS::Lambda::Permission').filter(
      ([, { Properties }]) => inside(Properties.FunctionName, 'Fn::GetAtt', 0) === functionId,
    );
    expect(permissions.map(([, { Properties }]) => Properties)).toEqual([
      {
        Action: 'lambda:InvokeFunction',
        FunctionName: { 'Fn::GetAtt': [functionId, 'Arn'] },
        Principal: 'apigateway.amazonaws.com',
        SourceArn: executeApi(apiId, '/*/*/token'),
      },
    ]);
  });

  test.each(everyEndpoint)('%s: has one stage, throttled and logged', (_what, config) => {
    const synthesis = synthesize(config);
    const [, stage] = only(synthesis, 'AWS::ApiGatewayV2::Stage');
    const logsId = logsOf(synthesis, 'TokenEndpointAccessLogs');
    expect(stage.Properties).toMatchObject({
      StageName: '$default',
      AutoDeploy: true,
      AccessLogSettings: { DestinationArn: { 'Fn::GetAtt': [logsId, 'Arn'] } },
    });
    const slow = config.tokenEndpoint === endpoints['an issuer that sets token_use'];
    expect(stage.Properties.DefaultRouteSettings).toEqual({
      DetailedMetricsEnabled: true,
      ThrottlingRateLimit: slow ? 0.5 : 100,
      ThrottlingBurstLimit: slow ? 3 : 200,
    });
    expect(stage.Properties).not.toHaveProperty('RouteSettings');
    expect(synthesis.resources[logsId]?.Properties).toEqual({ RetentionInDays: 90 });
  });

  test('logs what happened to a request as JSON, and nothing that its caller holds', () => {
    const [, stage] = only(endpointOf('a new user pool'), 'AWS::ApiGatewayV2::Stage');
    const format = String(inside(stage.Properties, 'AccessLogSettings', 'Format'));
    expect(JSON.parse(format)).toEqual({
      time: '$context.requestTime',
      requestId: '$context.requestId',
      ip: '$context.identity.sourceIp',
      routeKey: '$context.routeKey',
      status: '$context.status',
      error: '$context.error.message',
      authorizerError: '$context.authorizer.error',
      integrationError: '$context.integrationErrorMessage',
      latencyMs: '$context.responseLatency',
      integrationLatencyMs: '$context.integrationLatency',
    });
  });
});

describe('CORS', () => {
  const corsOf = (what: keyof typeof endpoints) =>
    only(endpointOf(what), 'AWS::ApiGatewayV2::Api')[1].Properties.CorsConfiguration;

  test('is absent unless origins are configured', () => {
    expect(corsOf('a new user pool')).toBeUndefined();
    expect(corsOf('no login')).toBeUndefined();
  });

  test('is for the configured origins, one method, two headers, and without cookies', () => {
    expect(corsOf('an adopted user pool')).toEqual({
      AllowOrigins: ['https://app.example.com', 'http://localhost:5173'],
      AllowMethods: ['POST'],
      AllowHeaders: ['authorization', 'content-type'],
      ExposeHeaders: ['retry-after', 'apigw-requestid'],
      AllowCredentials: false,
    });
  });

  test('is for every origin only when asked by name', () => {
    expect(inside(corsOf('an issuer'), 'AllowOrigins')).toEqual(['*']);
    for (const [what, config] of everyEndpoint) {
      const [, api] = only(synthesize(config), 'AWS::ApiGatewayV2::Api');
      if (what !== 'an issuer') expect(JSON.stringify(api.Properties)).not.toContain('*');
    }
  });
});

describe('who is let in', () => {
  const authorizerOf = (synthesis: Synthesis) => {
    const [id, authorizer] = only(synthesis, 'AWS::ApiGatewayV2::Authorizer');
    const [, route] = only(synthesis, 'AWS::ApiGatewayV2::Route');
    expect(route.Properties.AuthorizerId).toEqual({ Ref: id });
    return { ...authorizer.Properties, AuthorizationType: route.Properties.AuthorizationType };
  };

  test('users of the new pool, through its one client', () => {
    const synthesis = endpointOf('a new user pool');
    const [poolId] = only(synthesis, 'AWS::Cognito::UserPool');
    const [clientId] = only(synthesis, 'AWS::Cognito::UserPoolClient');
    expect(authorizerOf(synthesis)).toMatchObject({
      AuthorizationType: 'JWT',
      AuthorizerType: 'JWT',
      IdentitySource: ['$request.header.Authorization'],
      JwtConfiguration: {
        Issuer: {
          'Fn::Join': [
            '',
            ['https://cognito-idp.', { Ref: 'AWS::Region' }, '.amazonaws.com/', { Ref: poolId }],
          ],
        },
        Audience: [{ Ref: clientId }],
      },
    });
  });

  test("users of the adopted pool, in the pool's own Region", () => {
    const synthesis = endpointOf('an adopted user pool');
    expect(ofType(synthesis, 'AWS::Cognito::UserPool')).toEqual([]);
    expect(ofType(synthesis, 'AWS::Cognito::UserPoolClient')).toEqual([]);
    expect(ofType(synthesis, 'AWS::Cognito::UserPoolGroup')).toEqual([]);
    expect(authorizerOf(synthesis)).toMatchObject({
      AuthorizationType: 'JWT',
      JwtConfiguration: {
        Issuer: 'https://cognito-idp.us-east-1.amazonaws.com/us-east-1_AbCdEfGhI',
        Audience: ['one', 'two'],
      },
    });
  });

  test.each([
    ['an issuer', 'https://login.example.com/', ['web']],
    ['an issuer that sets token_use', 'https://a.example', ['a', 'b']],
  ] as const)('users of %s', (what, Issuer, Audience) => {
    expect(authorizerOf(endpointOf(what))).toMatchObject({
      AuthorizationType: 'JWT',
      AuthorizerType: 'JWT',
      IdentitySource: ['$request.header.Authorization'],
      JwtConfiguration: { Issuer, Audience },
    });
  });

  test('whoever the authorizer lets in, asked each time', () => {
    const synthesis = endpointOf('an authorizer');
    const functionArn = 'arn:aws:lambda:eu-west-1:123456789012:function:login:live';
    const authorizer = authorizerOf(synthesis);
    expect(authorizer).toMatchObject({
      AuthorizationType: 'CUSTOM',
      AuthorizerType: 'REQUEST',
      AuthorizerPayloadFormatVersion: '2.0',
      EnableSimpleResponses: true,
      AuthorizerResultTtlInSeconds: 0,
      IdentitySource: ['$request.header.Authorization'],
    });
    expect(JSON.stringify(inside(authorizer, 'AuthorizerUri'))).toContain(
      `/functions/${functionArn}/invocations`,
    );
    const [authorizerId] = only(synthesis, 'AWS::ApiGatewayV2::Authorizer');
    const [apiId] = only(synthesis, 'AWS::ApiGatewayV2::Api');
    const permissions = ofType(synthesis, 'AWS::Lambda::Permission').map(
      ([, { Properties }]) => Properties,
    );
    expect(permissions).toContainEqual({
      Action: 'lambda:InvokeFunction',
      FunctionName: functionArn,
      Principal: 'apigateway.amazonaws.com',
      SourceArn: executeApi(apiId, '/authorizers/', { Ref: authorizerId }),
    });
  });

  test('everyone, without an authorizer and with a warning', () => {
    const synthesis = endpointOf('no login');
    const [, route] = only(synthesis, 'AWS::ApiGatewayV2::Route');
    expect(route.Properties.AuthorizationType).toBe('NONE');
    expect(ofType(synthesis, 'AWS::ApiGatewayV2::Authorizer')).toEqual([]);
    expect(warningsOf({ tokenEndpoint: endpoints['no login'] })).toEqual([
      expect.stringMatching(/^The token endpoint is open: .* of the role "reader"\./),
    ]);
  });

  test.each(
    everyEndpoint.filter(([what]) => what !== 'no login' && what !== 'an adopted user pool'),
  )('%s: there is no warning', (_what, config) => expect(warningsOf(config)).toEqual([]));

  test('the owner of an adopted pool hears what cannot be seen from here', () => {
    const config = { tokenEndpoint: endpoints['an adopted user pool'] };
    expect(annotationsOf(config).findWarning('*', Match.anyValue()).map(dataOf)).toEqual([
      expect.stringMatching(/^Users of the pool us-east-1_AbCdEfGhI must not be able to write/),
    ]);
  });
});

describe('the user pool', () => {
  test('outlives the stack, is protected, and takes nobody who was not asked', () => {
    const [, pool] = only(endpointOf('a new user pool'), 'AWS::Cognito::UserPool');
    expect(pool).toMatchObject({ DeletionPolicy: 'Retain', UpdateReplacePolicy: 'Retain' });
    expect(pool.Properties).toMatchObject({
      DeletionProtection: 'ACTIVE',
      AdminCreateUserConfig: { AllowAdminCreateUserOnly: true },
      AccountRecoverySetting: { RecoveryMechanisms: [{ Name: 'verified_email', Priority: 1 }] },
      UsernameConfiguration: { CaseSensitive: false },
      MfaConfiguration: 'OPTIONAL',
      EnabledMfas: ['SOFTWARE_TOKEN_MFA'],
      Policies: {
        PasswordPolicy: {
          MinimumLength: 12,
          RequireLowercase: true,
          RequireUppercase: true,
          RequireNumbers: true,
          RequireSymbols: true,
        },
      },
    });
    expect(pool.Properties).not.toHaveProperty('UserPoolName');
  });

  test('has the declared attributes, which administrators can change', () => {
    const auth = { type: 'cognito', customAttributes: ['tenantId', 'site-1'] };
    const [, pool] = only(synthesize({ tokenEndpoint: { auth } }), 'AWS::Cognito::UserPool');
    expect(pool.Properties.Schema).toEqual([
      { AttributeDataType: 'String', Mutable: true, Name: 'tenantId' },
      { AttributeDataType: 'String', Mutable: true, Name: 'site-1' },
    ]);
  });

  test('has a group per role, under ids that other roles do not change', () => {
    const groups = (...names: string[]) =>
      Object.fromEntries(
        ofType(
          withPolicies({
            roles: Object.fromEntries(names.map((name) => [name, reading('${sub}:')])),
          }),
          'AWS::Cognito::UserPoolGroup',
        ).map(([id, { Properties }]) => [String(Properties.GroupName), id]),
      );
    const names = ['data-entry', 'viewer', 'a/b', 'a--b', 'ab', 'Größe'];
    const all = groups(...names);
    expect(Object.keys(all)).toEqual(names);
    expect(new Set(Object.values(all)).size).toBe(names.length);
    expect(groups('new', 'a/b', 'viewer')).toMatchObject({
      'a/b': all['a/b'],
      viewer: all.viewer,
    });
  });

  test('has no groups where another claim names the roles', () => {
    const auth = { type: 'cognito', customAttributes: ['role'] };
    const policies = { roleClaim: 'custom:role', roles: { viewer: reading('${sub}:') } };
    expect(ofType(withPolicies(policies, { auth }), 'AWS::Cognito::UserPoolGroup')).toEqual([]);
  });
});

describe('the app client', () => {
  test('is for logins with SRP and by administrators, without a secret and without OAuth', () => {
    const synthesis = endpointOf('a new user pool');
    const [, client] = only(synthesis, 'AWS::Cognito::UserPoolClient');
    expect(client.Properties).toMatchObject({
      ExplicitAuthFlows: [
        'ALLOW_ADMIN_USER_PASSWORD_AUTH',
        'ALLOW_USER_SRP_AUTH',
        'ALLOW_REFRESH_TOKEN_AUTH',
      ],
      GenerateSecret: false,
      AllowedOAuthFlowsUserPoolClient: false,
      PreventUserExistenceErrors: 'ENABLED',
    });
    expect(client.Properties).not.toHaveProperty('AllowedOAuthFlows');
  });

  const attributes = { type: 'cognito', customAttributes: ['tenantId', 'role'] };
  test.each<[what: string, policies: object, writable: readonly string[]]>([
    [
      'custom attributes',
      { roles: { r: reading('${custom:tenantId}:') } },
      ['family_name', 'given_name'],
    ],
    ['a name', { roles: { r: reading('${given_name}:') } }, ['family_name']],
    ['the other name', { roles: { r: reading('${family_name}/${email}/') } }, ['given_name']],
    [
      'a name in a token id',
      { roles: { r: { ...reading('${sub}:'), tokenId: '${given_name}' } } },
      ['family_name'],
    ],
    [
      'a name as role',
      { roleClaim: 'given_name', roles: { r: reading('${sub}:') } },
      ['family_name'],
    ],
    [
      'an attribute as role',
      { roleClaim: 'custom:role', roles: { r: reading('${sub}:') } },
      ['family_name', 'given_name'],
    ],
  ])(
    'of policies that use %s lets users write none of what they use',
    (_what, policies, writable) => {
      const synthesis = withPolicies(policies, { auth: attributes });
      const [, client] = only(synthesis, 'AWS::Cognito::UserPoolClient');
      expect(client.Properties.WriteAttributes).toEqual(writable);
    },
  );

  test.each(everyEndpoint)(
    '%s: no client has a write list that is empty or reaches policies',
    (_what, config) => {
      const { tokenEndpoint } = parseConfig(config);
      if (tokenEndpoint === false) throw new Error('there is no endpoint');
      const read = claimsReadBy(tokenEndpoint.policies.content);
      const clients = ofType(synthesize(config), 'AWS::Cognito::UserPoolClient');
      expect(clients).toHaveLength(config.tokenEndpoint === endpoints['a new user pool'] ? 1 : 0);
      for (const [, { Properties }] of clients) {
        const writable = Properties.WriteAttributes;
        if (!Array.isArray(writable)) throw new Error('there is no write list');
        expect(writable).not.toEqual([]);
        expect(writable.filter((name) => read.includes(name) || /^custom:/.test(name))).toEqual([]);
      }
    },
  );

  test('reads all that policies may use, so that ID tokens have it', () => {
    const synthesis = synthesize({ tokenEndpoint: { auth: attributes } });
    const [, client] = only(synthesis, 'AWS::Cognito::UserPoolClient');
    expect(client.Properties.ReadAttributes).toEqual(
      expect.arrayContaining(['custom:tenantId', 'custom:role', 'email', 'name', 'given_name']),
    );
  });

  test.each([
    [15, 65],
    [60, 65],
    [61.5, 67],
    [1_440, 1_440],
    [1_500, 1_440],
  ])('gives ID tokens for the longest policy: %d minutes make %d', (expiresInMinutes, minutes) => {
    const roles = { short: reading('${sub}:', 1), long: reading('${sub}:', expiresInMinutes) };
    const synthesis = withPolicies({ roles }, { maxLifeSeconds: 90_000 });
    const [, client] = only(synthesis, 'AWS::Cognito::UserPoolClient');
    expect(client.Properties).toMatchObject({
      IdTokenValidity: minutes,
      TokenValidityUnits: { IdToken: 'minutes' },
    });
  });
});

describe('a domain of its own', () => {
  test('is mapped to the stage; who makes the record hears where it points', () => {
    const synthesis = endpointOf('an issuer');
    const [domainId, domain] = only(synthesis, 'AWS::ApiGatewayV2::DomainName');
    const [, mapping] = only(synthesis, 'AWS::ApiGatewayV2::ApiMapping');
    const [apiId] = only(synthesis, 'AWS::ApiGatewayV2::Api');
    const [stageId] = only(synthesis, 'AWS::ApiGatewayV2::Stage');
    expect(domain.Properties).toMatchObject({
      DomainName: 'tokens.example.com',
      DomainNameConfigurations: [
        {
          CertificateArn: 'arn:aws:acm:eu-west-1:123456789012:certificate/1111-2222',
          EndpointType: 'REGIONAL',
        },
      ],
    });
    expect(mapping.Properties).toMatchObject({
      ApiId: { Ref: apiId },
      DomainName: { Ref: domainId },
      Stage: '$default',
    });
    expect(mapping.DependsOn).toContain(stageId);
    expect(ofType(synthesis, 'AWS::Route53::RecordSet')).toEqual([]);
    expect(synthesis.json.Outputs).toMatchObject({
      TokenEndpointUrl: { Value: 'https://tokens.example.com/token' },
      TokenEndpointDnsTarget: { Value: { 'Fn::GetAtt': [domainId, 'RegionalDomainName'] } },
    });
  });

  test('has its record where the zone is known', () => {
    const synthesis = endpointOf('an issuer that sets token_use');
    const [domainId] = only(synthesis, 'AWS::ApiGatewayV2::DomainName');
    const [, record] = only(synthesis, 'AWS::Route53::RecordSet');
    expect(record.Properties).toEqual({
      HostedZoneId: 'Z0123456789ABC',
      Name: 'tokens.example.com',
      Type: 'A',
      AliasTarget: {
        DNSName: { 'Fn::GetAtt': [domainId, 'RegionalDomainName'] },
        HostedZoneId: { 'Fn::GetAtt': [domainId, 'RegionalHostedZoneId'] },
      },
    });
    expect(synthesis.json.Outputs).not.toHaveProperty('TokenEndpointDnsTarget');
  });
});

describe('outputs', () => {
  const own = ['TokenEndpointUrl', 'VendTokenFunctionName'];
  test.each<[keyof typeof endpoints, readonly string[]]>([
    ['a new user pool', [...own, 'UserPoolClientId', 'UserPoolId']],
    ['an adopted user pool', own],
    ['an issuer', [...own, 'TokenEndpointDnsTarget']],
    ['an authorizer', own],
    ['no login', own],
  ])('of %s', (what, names) => {
    const outputs = Object.keys(endpointOf(what).json.Outputs);
    expect(
      outputs
        .filter((name) => !/^(ApiKey|RotateKey|Alarm|Dashboard|FailedRuns|Undelivered)/.test(name))
        .sort(),
    ).toEqual([...names].sort());
  });

  test('are what they are called', () => {
    const synthesis = endpointOf('a new user pool');
    const [apiId] = only(synthesis, 'AWS::ApiGatewayV2::Api');
    expect(synthesis.json.Outputs).toMatchObject({
      VendTokenFunctionName: { Value: { Ref: vendToken(synthesis)[0] } },
      TokenEndpointUrl: {
        Value: { 'Fn::Join': ['', [{ 'Fn::GetAtt': [apiId, 'ApiEndpoint'] }, '/token']] },
      },
      UserPoolId: { Value: { Ref: only(synthesis, 'AWS::Cognito::UserPool')[0] } },
      UserPoolClientId: { Value: { Ref: only(synthesis, 'AWS::Cognito::UserPoolClient')[0] } },
    });
  });
});

describe('logical ids', () => {
  test('are these: another one would leave every user behind, or change the address', () => {
    const ids = Object.keys(endpointOf('a new user pool').resources);
    expect(ids.filter((id) => id.startsWith('TokenEndpoint')).sort()).toEqual([
      'TokenEndpointAccessLogsAB6E7236',
      'TokenEndpointApi14BCE87D',
      'TokenEndpointApiPOSTtoken73C44B80',
      'TokenEndpointApiPOSTtokenVendTokenF50B9CF4',
      'TokenEndpointApiPOSTtokenVendTokenPermission78B704F2',
      'TokenEndpointApiUsers6B6116E2',
      SHARED_TOKENS,
      'TokenEndpointStageAC947262',
      'TokenEndpointUsersGroupdataentry254931DD',
      'TokenEndpointUsersGroupviewer5E679C5A',
      'TokenEndpointUsersUserPoolClient9385CC5C',
      'TokenEndpointUsersUserPoolE47AEC12',
      'TokenEndpointVendTokenFunction8D708DE8',
      'TokenEndpointVendTokenLogsE9B5E16D',
      'TokenEndpointVendTokenRoleC7CB306B',
      'TokenEndpointVendTokenRoleDefaultPolicy299CFA86',
    ]);
  });

  test('of rotation are the same with an endpoint and without', () => {
    const without = Object.keys(synthesize({ tokenEndpoint: false }).resources);
    const ids = Object.keys(endpointOf('a new user pool').resources);
    const itsOwn = /^TokenEndpoint|^Alarms(VendToken|TokenEndpoint|VendingKey)/;
    expect(ids.filter((id) => !itsOwn.test(id)).sort()).toEqual(without.sort());
  });
});

/** `arn:PARTITION:execute-api:REGION:ACCOUNT:API…`, as CDK writes it. */
function executeApi(apiId: string, ...rest: readonly unknown[]): unknown {
  return {
    'Fn::Join': [
      '',
      [
        'arn:',
        { Ref: 'AWS::Partition' },
        ':execute-api:',
        { Ref: 'AWS::Region' },
        ':',
        { Ref: 'AWS::AccountId' },
        ':',
        { Ref: apiId },
        ...rest,
      ],
    ],
  };
}

function annotationsOf(config: unknown): Annotations {
  return Annotations.fromStack(
    new MomentoAuthStack(appForTest(), 'MomentoAuth', { config: parseConfig(config) }),
  );
}

function warningsOf(config: unknown): readonly string[] {
  return annotationsOf(config).findWarning('*', Match.anyValue()).map(dataOf);
}

function dataOf({ entry }: { readonly entry: { readonly data?: unknown } }): string {
  return String(entry.data);
}
