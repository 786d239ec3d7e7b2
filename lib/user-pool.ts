// A user pool of our own: a group per role, and attributes that only an administrator can write.

import {
  AccountRecovery,
  Mfa,
  StringAttribute,
  UserPool,
  type UserPoolClient,
  UserPoolGroup,
} from 'aws-cdk-lib/aws-cognito';
import { Duration, RemovalPolicy, Validations } from 'aws-cdk-lib/core';
import { Construct } from 'constructs';
import type { TokenPolicies } from '../lambda/shared/token-policies.ts';
import { readList, writeList } from './user-attributes.ts';

export interface TokenUsersProps {
  /** The custom attributes of users, without `custom:`. */
  readonly customAttributes: readonly string[];

  /** Who may do what: users get a group per role, and may write nothing that these read. */
  readonly policies: TokenPolicies;
}

export class TokenUsers extends Construct {
  readonly userPool: UserPool;
  readonly client: UserPoolClient;

  constructor(scope: Construct, id: string, { customAttributes, policies }: TokenUsersProps) {
    super(scope, id);
    this.userPool = this.makeUserPool(customAttributes);
    this.client = this.makeClient(customAttributes, policies);
    if (policies.roleClaim === 'cognito:groups') {
      // Unlike the pool a group goes when its role does: if both came back one day under the same
      // name, its old members would silently have it again.
      for (const role of Object.keys(policies.roles)) {
        new UserPoolGroup(this, `Group-${encodeURIComponent(role)}`, {
          userPool: this.userPool,
          groupName: role,
          description: `May get Momento tokens of the role "${role}"`,
        });
      }
    }
  }

  private makeUserPool(customAttributes: readonly string[]): UserPool {
    const userPool = new UserPool(this, 'UserPool', {
      removalPolicy: RemovalPolicy.RETAIN,
      deletionProtection: true,
      selfSignUpEnabled: false,
      // Without this "Ann" and "ann" would be two users.
      signInCaseSensitive: false,
      accountRecovery: AccountRecovery.EMAIL_ONLY,
      // Mutable, or not even an administrator could move a user to another tenant.
      customAttributes: Object.fromEntries(
        customAttributes.map((name) => [name, new StringAttribute({ mutable: true })]),
      ),
      passwordPolicy: {
        minLength: 12,
        requireLowercase: true,
        requireUppercase: true,
        requireDigits: true,
        requireSymbols: true,
        tempPasswordValidity: Duration.days(7),
      },
      mfa: Mfa.OPTIONAL,
      mfaSecondFactor: { sms: false, otp: true },
    });
    Validations.of(userPool).acknowledge(
      {
        id: 'AwsSolutions-COG2',
        reason:
          'Each user may add a second factor. Required, it could never be made optional again, and ' +
          'what a stolen password gives is a short-lived token of one role and one tenant.',
      },
      {
        id: 'AwsSolutions-COG8',
        reason: 'The plus plan is charged per user; the pool can be moved to it at any time.',
      },
    );
    return userPool;
  }

  private makeClient(customAttributes: readonly string[], policies: TokenPolicies): UserPoolClient {
    return this.userPool.addClient('Client', {
      generateSecret: false,
      authFlows: { userSrp: true, adminUserPassword: true },
      disableOAuth: true,
      preventUserExistenceErrors: true,
      idTokenValidity: Duration.minutes(idTokenMinutes(policies)),
      readAttributes: readList(customAttributes),
      writeAttributes: writeList(policies),
    });
  }
}

/** With less, a token would get half of its life, as only halves of it fit into what is left. */
const FROM_LOGIN_TO_TOKEN_MINUTES = 5;

/**
 * No Momento token outlives the ID token that it was asked for with, so that one has to live longer
 * than the longest policy wants, by the time from the login to the request for a token; Cognito
 * allows 5 minutes to a day.
 */
function idTokenMinutes(policies: TokenPolicies): number {
  const lives = Object.values(policies.roles).map((role) => Math.ceil(role.expiresInMinutes));
  return Math.min(Math.max(60, ...lives) + FROM_LOGIN_TO_TOKEN_MINUTES, 24 * 60);
}
