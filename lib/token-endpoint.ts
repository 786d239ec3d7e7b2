// The token endpoint: an HTTP API with one route, its login, its limits, its log, and its own name.

import { AccessLogFormat } from 'aws-cdk-lib/aws-apigateway';
import {
  CorsHttpMethod,
  type CorsPreflightOptions,
  DomainName,
  HttpApi,
  HttpMethod,
  HttpStage,
  LogGroupLogDestination,
} from 'aws-cdk-lib/aws-apigatewayv2';
import { HttpLambdaIntegration } from 'aws-cdk-lib/aws-apigatewayv2-integrations';
import { Certificate } from 'aws-cdk-lib/aws-certificatemanager';
import { LogGroup, RetentionDays } from 'aws-cdk-lib/aws-logs';
import { CfnRecordSet } from 'aws-cdk-lib/aws-route53';
import { RemovalPolicy, Stack } from 'aws-cdk-lib/core';
import { Construct } from 'constructs';
import { authorizerOf } from './authorizers.ts';
import { SharedTokens, type SharedTokensProps } from './shared-tokens.ts';
import type { TokenAuth } from './token-endpoint-config.ts';
import type { TokenPoliciesFile } from './token-policies-file.ts';
import { TokenUsers } from './user-pool.ts';
import { type VendingKey, VendToken } from './vend-token.ts';

/** A host name for the endpoint. */
export interface TokenEndpointDomain {
  readonly name: string;

  /** ARN of its certificate, in the stack's Region. */
  readonly certificateArn: string;

  /** @default - no record is made: point one to `dnsTarget` */
  readonly hostedZoneId?: string | undefined;
}

export interface TokenEndpointProps {
  /** The key that tokens are made with. */
  readonly vendingKey: VendingKey;

  /** Who may ask. */
  readonly auth: TokenAuth;

  /** Who gets what. */
  readonly policies: TokenPoliciesFile;

  /**
   * Origins of web pages that may ask; `*` for every one.
   *
   * @default - none: there are no CORS headers
   */
  readonly allowedOrigins?: readonly string[];

  /**
   * The longest life that a policy may give a token, in seconds.
   *
   * @default 3600
   */
  readonly maxLifeSeconds?: number;

  /**
   * The most permissions that a token may have.
   *
   * @default 10
   */
  readonly maxPermissions?: number;

  /**
   * The auth operations that are left for vending, per second; more than 0.
   *
   * @default 4, what rotation leaves of the 5 that Momento allows an account
   */
  readonly mintRatePerSecond?: number;

  /**
   * How callers who may do just the same share tokens; `false` makes one for each request.
   *
   * @default - while half a token's life is left
   */
  readonly sharing?: false | SharedTokensProps;

  /**
   * Requests that are let through, from all callers together.
   *
   * @default - 100 per second, 200 at once
   */
  readonly throttle?: { readonly ratePerSecond: number; readonly burst: number };

  /** @default - the name that API Gateway gives */
  readonly domain?: TokenEndpointDomain;
}

/** What the gateway counts of the requests that it answers. */
export type GatewayStage = Pick<
  HttpStage,
  'metricCount' | 'metricClientError' | 'metricServerError' | 'metricLatency'
>;

const PATH = '/token';

export class TokenEndpoint extends Construct {
  readonly vendToken: VendToken;
  readonly api: HttpApi;
  readonly stage: GatewayStage;
  /** Where to POST to. */
  readonly url: string;
  /** The user pool, if the endpoint has one of its own. */
  readonly users?: TokenUsers;
  /** What the domain's DNS record has to point to, if it has none yet. */
  readonly dnsTarget?: string;

  constructor(scope: Construct, id: string, props: TokenEndpointProps) {
    super(scope, id);
    const { auth, policies, domain } = props;
    const { sharing = { whileLifeLeft: 0.5 } } = props;
    this.vendToken = new VendToken(this, 'VendToken', {
      vendingKey: props.vendingKey,
      auth,
      policiesPath: policies.path,
      maxLifeSeconds: props.maxLifeSeconds ?? 3_600,
      maxPermissions: props.maxPermissions ?? 10,
      mintRatePerSecond: props.mintRatePerSecond ?? 4,
      ...(sharing !== false && { sharedTokens: new SharedTokens(this, 'SharedTokens', sharing) }),
    });
    if (auth.type === 'cognito' && auth.userPoolId === undefined) {
      const { customAttributes } = auth;
      this.users = new TokenUsers(this, 'Users', { customAttributes, policies: policies.content });
    }

    const origins = props.allowedOrigins ?? [];
    this.api = new HttpApi(this, 'Api', {
      apiName: Stack.of(this).stackName,
      description: 'Hands short-lived Momento tokens to front ends',
      createDefaultStage: false,
      // With a domain of one's own there is one door, and not two.
      ...(domain && { disableExecuteApiEndpoint: true }),
      ...(origins.length > 0 && { corsPreflight: cors(origins) }),
    });
    this.api.addRoutes({
      path: PATH,
      methods: [HttpMethod.POST],
      integration: new HttpLambdaIntegration('VendToken', this.vendToken.function),
      authorizer: authorizerOf(this, auth, this.users),
    });

    const domainName = domain && this.makeDomainName(domain);
    if (domainName !== undefined && domain?.hostedZoneId === undefined) {
      this.dnsTarget = domainName.regionalDomainName;
    }
    const { ratePerSecond, burst } = props.throttle ?? { ratePerSecond: 100, burst: 200 };
    this.stage = new HttpStage(this, 'Stage', {
      httpApi: this.api,
      stageName: '$default',
      autoDeploy: true,
      throttle: { rateLimit: ratePerSecond, burstLimit: burst },
      detailedMetricsEnabled: true,
      accessLogSettings: {
        destination: new LogGroupLogDestination(this.makeAccessLog()),
        format: accessLogFormat,
      },
      ...(domainName && { domainMapping: { domainName } }),
    });
    this.url = domain ? `https://${domain.name}${PATH}` : `${this.api.apiEndpoint}${PATH}`;
  }

  private makeAccessLog(): LogGroup {
    return new LogGroup(this, 'AccessLogs', {
      retention: RetentionDays.THREE_MONTHS,
      removalPolicy: RemovalPolicy.DESTROY,
    });
  }

  private makeDomainName({ name, certificateArn, hostedZoneId }: TokenEndpointDomain): DomainName {
    const domainName = new DomainName(this, 'Domain', {
      domainName: name,
      certificate: Certificate.fromCertificateArn(this, 'Certificate', certificateArn),
    });
    if (hostedZoneId !== undefined) {
      // `ARecord` would want to know the zone's name as well.
      new CfnRecordSet(this, 'DomainRecord', {
        hostedZoneId,
        name,
        type: 'A',
        aliasTarget: {
          dnsName: domainName.regionalDomainName,
          hostedZoneId: domainName.regionalHostedZoneId,
        },
      });
    }
    return domainName;
  }
}

function cors(allowOrigins: readonly string[]): CorsPreflightOptions {
  return {
    allowOrigins: [...allowOrigins],
    allowMethods: [CorsHttpMethod.POST],
    allowHeaders: ['authorization', 'content-type'],
    exposeHeaders: ['retry-after', 'apigw-requestid'],
    // Never credentials: a login comes in a header that a page sets, not in a cookie.
    allowCredentials: false,
  };
}

/** Never `Authorization` and never a claim: only what happened to a request, and to whose address. */
const accessLogFormat = AccessLogFormat.custom(
  JSON.stringify({
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
  }),
);
