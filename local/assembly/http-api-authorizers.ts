// The authorizers of an HTTP API: by a token's signature and claims, or by a function's word.

import * as v from 'valibot';
import { functionArnOf } from './function-uri.ts';
import type { ResolvedTemplate } from './intrinsics.ts';
import { AssemblyError, narrow } from './template.ts';

export type AuthorizerDefinition = JwtAuthorizerDefinition | LambdaAuthorizerDefinition;

export interface JwtAuthorizerDefinition {
  readonly kind: 'jwt';
  readonly id: string;
  /** `$request.header.Authorization`, or a parameter of the query. */
  readonly identitySource: string;
  /** As the tokens carry it. */
  readonly issuer: string;
  readonly audience: readonly string[];
}

export interface LambdaAuthorizerDefinition {
  readonly kind: 'lambda';
  readonly id: string;
  /** All must be present in a request, or the function is not asked. */
  readonly identitySources: readonly string[];
  readonly functionArn: string;
  /** `{isAuthorized, context}`; otherwise an IAM policy. */
  readonly simpleResponses: boolean;
  /** How long an answer is kept for the same identity sources. @default 0, it is not */
  readonly resultTtlSeconds: number;
}

const authorizerSchema = v.variant('AuthorizerType', [
  v.looseObject({
    AuthorizerType: v.literal('JWT'),
    ApiId: v.string(),
    IdentitySource: v.tuple([v.string()]),
    JwtConfiguration: v.looseObject({ Issuer: v.string(), Audience: v.array(v.string()) }),
  }),
  v.looseObject({
    AuthorizerType: v.literal('REQUEST'),
    ApiId: v.string(),
    IdentitySource: v.optional(v.array(v.string()), []),
    AuthorizerUri: v.string(),
    AuthorizerPayloadFormatVersion: v.optional(v.string()),
    EnableSimpleResponses: v.optional(v.boolean(), false),
    AuthorizerResultTtlInSeconds: v.optional(v.number(), 0),
  }),
]);

/** Those of one API, by id. */
export function readAuthorizers(
  template: ResolvedTemplate,
  apiId: string,
): Map<string, AuthorizerDefinition> {
  const found = template
    .resources('AWS::ApiGatewayV2::Authorizer')
    .filter(({ properties }) => properties.ApiId === apiId);
  return new Map(
    found.map(({ logicalId, ref, properties }): [string, AuthorizerDefinition] => {
      const read = narrow(authorizerSchema, properties, logicalId);
      if (read.AuthorizerType === 'JWT') {
        const [identitySource] = read.IdentitySource;
        assertIdentitySource(logicalId, identitySource);
        const { Issuer: issuer, Audience: audience } = read.JwtConfiguration;
        return [ref, { kind: 'jwt', id: ref, identitySource, issuer, audience }];
      }
      const functionArn = functionArnOf(read.AuthorizerUri);
      if (functionArn === undefined || read.AuthorizerPayloadFormatVersion !== '2.0') {
        throw new AssemblyError(
          'unsupported-property',
          `${logicalId}: this authorizer is not imitated; use a function and AuthorizerPayloadFormatVersion 2.0`,
        );
      }
      for (const source of read.IdentitySource) assertIdentitySource(logicalId, source);
      return [
        ref,
        {
          kind: 'lambda',
          id: ref,
          identitySources: read.IdentitySource,
          functionArn,
          simpleResponses: read.EnableSimpleResponses,
          resultTtlSeconds: read.AuthorizerResultTtlInSeconds,
        },
      ];
    }),
  );
}

function assertIdentitySource(logicalId: string, source: string): void {
  if (/^(\$request\.(header|querystring)\.[^,\s]+|\$context\.routeKey)$/.test(source)) return;
  throw new AssemblyError(
    'unsupported-property',
    `${logicalId}: IdentitySource ${source} is not imitated; use $request.header.NAME or $request.querystring.NAME`,
  );
}
