// Who the gateway lets through: an authorizer for each way to log in.

import { HttpNoneAuthorizer, type IHttpRouteAuthorizer } from 'aws-cdk-lib/aws-apigatewayv2';
import {
  HttpJwtAuthorizer,
  HttpLambdaAuthorizer,
  HttpLambdaResponseType,
  HttpUserPoolAuthorizer,
} from 'aws-cdk-lib/aws-apigatewayv2-authorizers';
import { UserPool, UserPoolClient } from 'aws-cdk-lib/aws-cognito';
import { Function as LambdaFunction } from 'aws-cdk-lib/aws-lambda';
import { Annotations, Duration, Validations } from 'aws-cdk-lib/core';
import type { Construct } from 'constructs';
import type { CognitoAuth, TokenAuth } from './token-endpoint-config.ts';
import type { TokenUsers } from './user-pool.ts';

/**
 * @param scope what the authorizer belongs to
 * @param auth how callers log in
 * @param users the user pool of our own, where there is one
 */
export function authorizerOf(
  scope: Construct,
  auth: TokenAuth,
  users: TokenUsers | undefined,
): IHttpRouteAuthorizer {
  switch (auth.type) {
    case 'cognito':
      return users === undefined
        ? adoptedUserPool(scope, auth)
        : new HttpUserPoolAuthorizer('Users', users.userPool, { userPoolClients: [users.client] });
    case 'jwt':
      return new HttpJwtAuthorizer('Issuer', auth.issuer, { jwtAudience: auth.audience });
    case 'lambda':
      return new HttpLambdaAuthorizer(
        'Authorizer',
        LambdaFunction.fromFunctionAttributes(scope, 'AuthorizerFunction', {
          functionArn: auth.functionArn,
          // Or CDK would leave out the permission to invoke it, and every request would be a 500.
          sameEnvironment: true,
        }),
        {
          responseTypes: [HttpLambdaResponseType.SIMPLE],
          // A remembered answer would outlive a login that was just taken away.
          resultsCacheTtl: Duration.seconds(0),
        },
      );
    case 'none':
      return nobody(scope, auth.role);
  }
}

function adoptedUserPool(
  scope: Construct,
  { userPoolId, clientIds = [] }: CognitoAuth,
): IHttpRouteAuthorizer {
  if (userPoolId === undefined) throw new Error('there is no user pool to take tokens of');
  const [region = ''] = userPoolId.split('_');
  Annotations.of(scope).addWarningV2(
    'momento-auth:adopted-user-pool',
    `Users of the pool ${userPoolId} must not be able to write attributes that policies use: see that ` +
      'no app client of the pool has one of them in its write list, and that each list has something in it.',
  );
  return new HttpUserPoolAuthorizer(
    'Users',
    UserPool.fromUserPoolId(scope, 'AdoptedUserPool', userPoolId),
    {
      userPoolRegion: region,
      userPoolClients: clientIds.map((id) =>
        UserPoolClient.fromUserPoolClientId(scope, `AdoptedClient-${id}`, id),
      ),
    },
  );
}

function nobody(scope: Construct, role: string): IHttpRouteAuthorizer {
  Annotations.of(scope).addWarningV2(
    'momento-auth:public-token-endpoint',
    `The token endpoint is open: everyone who knows its address gets Momento tokens of the role "${role}".`,
  );
  Validations.of(scope).acknowledge({
    id: 'AwsSolutions-APIG4',
    reason: 'The configuration acknowledges that the endpoint is public ("acknowledgePublic").',
  });
  return new HttpNoneAuthorizer();
}
