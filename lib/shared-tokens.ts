// The table of shared tokens: what instances of vend-token know of each other, sealed by them.

import { AttributeType, BillingMode, Table } from 'aws-cdk-lib/aws-dynamodb';
import { PolicyStatement } from 'aws-cdk-lib/aws-iam';
import { RemovalPolicy, Validations } from 'aws-cdk-lib/core';
import { Construct } from 'constructs';

export interface SharedTokensProps {
  /** The part of its life that a token must have left to be handed to the next caller. */
  readonly whileLifeLeft: number;
}

/** Whoever gets `statement` and `environment` shares tokens; nobody else has a use for the table. */
export class SharedTokens extends Construct {
  /** To find, put and change single items by their id: no list of them, and no deletion. */
  readonly statement: PolicyStatement;
  readonly environment: Readonly<Record<string, string>>;

  constructor(scope: Construct, id: string, { whileLifeLeft }: SharedTokensProps) {
    super(scope, id);
    // No name: two stacks fit in one account. No key of KMS: items are sealed before they come here.
    const table = new Table(this, 'Table', {
      partitionKey: { name: 'id', type: AttributeType.STRING },
      billingMode: BillingMode.PAY_PER_REQUEST,
      timeToLiveAttribute: 'expiresAt',
      removalPolicy: RemovalPolicy.DESTROY,
    });
    Validations.of(table).acknowledge({
      id: 'AwsSolutions-DDB3',
      reason: 'What is in it lives for minutes, and is made anew where it is missing.',
    });
    this.statement = new PolicyStatement({
      actions: ['dynamodb:GetItem', 'dynamodb:PutItem', 'dynamodb:UpdateItem'],
      resources: [table.tableArn],
    });
    this.environment = {
      SHARING_TABLE: table.tableName,
      SHARE_WHILE_LIFE_LEFT: String(whileLifeLeft),
    };
  }
}
