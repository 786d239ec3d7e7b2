// The HTTP APIs of the template (API Gateway v2): routes, what they call, and who may call them.

import * as v from 'valibot';
import { functionArnOf } from './function-uri.ts';
import { type AuthorizerDefinition, readAuthorizers } from './http-api-authorizers.ts';
import type { ResolvedResource, ResolvedTemplate } from './intrinsics.ts';
import { AssemblyError, narrow } from './template.ts';

export interface HttpApiDefinition {
  readonly logicalId: string;
  /** Ten letters and digits: the first label of the domain under which it would be deployed. */
  readonly id: string;
  readonly name: string;
  /** `https://ID.execute-api.REGION.amazonaws.com`, no slash at the end: where it would be deployed. */
  readonly endpoint: string;
  /** Null: the gateway adds no CORS headers and leaves those of the function alone. */
  readonly cors: CorsSettings | null;
  readonly routes: readonly RouteDefinition[];
  readonly stages: readonly StageDefinition[];
}

/** In lower case where HTTP is indifferent to it; lists in the template's order. */
export interface CorsSettings {
  /** Exact origins, or `*`, `https://*`, `http://*`. */
  readonly allowOrigins: readonly string[];
  readonly allowMethods: readonly string[];
  readonly allowHeaders: readonly string[];
  readonly exposeHeaders: readonly string[];
  readonly allowCredentials: boolean;
  readonly maxAgeSeconds: number | null;
}

export interface RouteDefinition {
  /** `METHOD /path`, `ANY /path` or `$default`. */
  readonly routeKey: string;
  /** Null lets everyone in. */
  readonly authorizer: AuthorizerDefinition | null;
  /** The token must have one of them. */
  readonly scopes: readonly string[];
  readonly integration: IntegrationDefinition;
}

export interface IntegrationDefinition {
  readonly functionArn: string;
  /** @default 30000, API Gateway's own and highest */
  readonly timeoutMs: number;
}

export interface StageDefinition {
  /** `$default` stands for no path segment at all. */
  readonly name: string;
  /** For every route that has none of its own. Null is unlimited here. */
  readonly throttle: ThrottleSettings | null;
  readonly throttleByRouteKey: Readonly<Record<string, ThrottleSettings>>;
  readonly detailedMetrics: boolean;
  /** With its `$context` variables; null for no access log. */
  readonly accessLogFormat: string | null;
}

export interface ThrottleSettings {
  readonly ratePerSecond: number;
  readonly burst: number;
}

const texts = v.optional(v.array(v.string()), []);

const apiSchema = v.looseObject({
  Name: v.optional(v.string()),
  ProtocolType: v.optional(v.string()),
  CorsConfiguration: v.optional(
    v.looseObject({
      AllowOrigins: texts,
      AllowMethods: texts,
      AllowHeaders: texts,
      ExposeHeaders: texts,
      AllowCredentials: v.optional(v.boolean(), false),
      MaxAge: v.optional(v.number()),
    }),
  ),
});

const routeSchema = v.looseObject({
  ApiId: v.string(),
  RouteKey: v.string(),
  AuthorizationType: v.optional(v.string(), 'NONE'),
  AuthorizerId: v.optional(v.string()),
  AuthorizationScopes: texts,
  Target: v.string(),
});

const integrationSchema = v.looseObject({
  ApiId: v.string(),
  IntegrationType: v.string(),
  IntegrationUri: v.string(),
  PayloadFormatVersion: v.optional(v.string()),
  TimeoutInMillis: v.optional(v.number(), 30_000),
});

const routeSettings = v.looseObject({
  ThrottlingRateLimit: v.optional(v.number()),
  ThrottlingBurstLimit: v.optional(v.number()),
  DetailedMetricsEnabled: v.optional(v.boolean(), false),
});

const stageSchema = v.looseObject({
  ApiId: v.string(),
  DefaultRouteSettings: v.optional(routeSettings),
  RouteSettings: v.optional(v.record(v.string(), routeSettings), {}),
  AccessLogSettings: v.optional(v.looseObject({ Format: v.optional(v.string()) })),
});

const kindByAuthorizationType = new Map<string, AuthorizerDefinition['kind']>([
  ['JWT', 'jwt'],
  ['CUSTOM', 'lambda'],
]);

/** @throws AssemblyError for a route that would be let through, or answered, otherwise than deployed. */
export function readHttpApis(template: ResolvedTemplate): HttpApiDefinition[] {
  const { region } = template.deployment;
  const routes = template.resources('AWS::ApiGatewayV2::Route');
  const stages = template.resources('AWS::ApiGatewayV2::Stage');
  return template.resources('AWS::ApiGatewayV2::Api').map(({ logicalId, ref, properties }) => {
    const read = narrow(apiSchema, properties, logicalId);
    if (read.ProtocolType !== 'HTTP') throw unsupported(logicalId, 'ProtocolType', 'HTTP');
    const cors = read.CorsConfiguration;
    const parts = {
      authorizers: readAuthorizers(template, ref),
      integrations: readIntegrations(template, ref),
    };
    return {
      logicalId,
      id: ref,
      name: read.Name ?? logicalId,
      endpoint: `https://${ref}.execute-api.${region}.amazonaws.com`,
      cors:
        cors === undefined
          ? null
          : {
              allowOrigins: cors.AllowOrigins,
              allowMethods: cors.AllowMethods,
              allowHeaders: lowerCase(cors.AllowHeaders),
              exposeHeaders: lowerCase(cors.ExposeHeaders),
              allowCredentials: cors.AllowCredentials,
              maxAgeSeconds: cors.MaxAge ?? null,
            },
      routes: routes.filter(belongsTo(ref)).map((route) => readRoute(route, parts)),
      stages: stages.filter(belongsTo(ref)).map(readStage),
    };
  });
}

function readRoute(
  { logicalId, properties }: ResolvedResource,
  parts: {
    readonly authorizers: ReadonlyMap<string, AuthorizerDefinition>;
    readonly integrations: ReadonlyMap<string, IntegrationDefinition>;
  },
): RouteDefinition {
  const read = narrow(routeSchema, properties, logicalId);
  if (!/^(\$default|[A-Z]+ \/\S*)$/.test(read.RouteKey)) {
    throw new AssemblyError('malformed', `${logicalId}: RouteKey "${read.RouteKey}"`);
  }
  const integration = parts.integrations.get(read.Target.replace(/^integrations\//, ''));
  if (integration === undefined) throw unknown(logicalId, `integration ${read.Target}`);
  return {
    routeKey: read.RouteKey,
    authorizer: authorizerOf(logicalId, read, parts.authorizers),
    scopes: read.AuthorizationScopes,
    integration,
  };
}

function authorizerOf(
  logicalId: string,
  { AuthorizationType, AuthorizerId }: v.InferOutput<typeof routeSchema>,
  authorizers: ReadonlyMap<string, AuthorizerDefinition>,
): AuthorizerDefinition | null {
  if (AuthorizationType === 'NONE') return null;
  const kind = kindByAuthorizationType.get(AuthorizationType);
  if (kind === undefined) {
    throw unsupported(logicalId, `AuthorizationType ${AuthorizationType}`, 'JWT, CUSTOM or NONE');
  }
  const found = authorizers.get(AuthorizerId ?? '');
  if (found?.kind !== kind) throw unknown(logicalId, `${AuthorizationType} authorizer`);
  return found;
}

function readIntegrations(
  template: ResolvedTemplate,
  apiId: string,
): Map<string, IntegrationDefinition> {
  const found = template.resources('AWS::ApiGatewayV2::Integration').filter(belongsTo(apiId));
  return new Map(
    found.map(({ logicalId, ref, properties }) => {
      const read = narrow(integrationSchema, properties, logicalId);
      const functionArn = functionArnOf(read.IntegrationUri);
      if (read.IntegrationType !== 'AWS_PROXY' || functionArn === undefined) {
        throw unsupported(logicalId, 'this integration', 'AWS_PROXY of a function');
      }
      if (read.PayloadFormatVersion !== '2.0') {
        throw unsupported(logicalId, 'PayloadFormatVersion', '2.0');
      }
      return [ref, { functionArn, timeoutMs: read.TimeoutInMillis }];
    }),
  );
}

function readStage({ logicalId, ref, properties }: ResolvedResource): StageDefinition {
  const read = narrow(stageSchema, properties, logicalId);
  const ofRoutes = Object.entries(read.RouteSettings).flatMap(([routeKey, settings]) => {
    const throttle = throttleOf(settings);
    return throttle === null ? [] : [[routeKey, throttle] as const];
  });
  return {
    name: ref,
    throttle:
      read.DefaultRouteSettings === undefined ? null : throttleOf(read.DefaultRouteSettings),
    throttleByRouteKey: Object.fromEntries(ofRoutes),
    detailedMetrics: read.DefaultRouteSettings?.DetailedMetricsEnabled ?? false,
    accessLogFormat: read.AccessLogSettings?.Format ?? null,
  };
}

/** With only one of the two given, API Gateway takes the account's limit for the other: unlimited here. */
function throttleOf({
  ThrottlingRateLimit: ratePerSecond = Number.POSITIVE_INFINITY,
  ThrottlingBurstLimit: burst = Number.POSITIVE_INFINITY,
}: v.InferOutput<typeof routeSettings>): ThrottleSettings | null {
  const unlimited = ratePerSecond === Number.POSITIVE_INFINITY && ratePerSecond === burst;
  return unlimited ? null : { ratePerSecond, burst };
}

const belongsTo =
  (apiId: string) =>
  ({ properties }: ResolvedResource): boolean =>
    properties.ApiId === apiId;

const lowerCase = (names: readonly string[]): string[] => names.map((name) => name.toLowerCase());

function unsupported(logicalId: string, what: string, remedy: string): AssemblyError {
  return new AssemblyError(
    'unsupported-property',
    `${logicalId}: ${what} is not imitated; use ${remedy}`,
  );
}

function unknown(logicalId: string, what: string): AssemblyError {
  return new AssemblyError('unknown-reference', `${logicalId}: the API has no ${what}`);
}
