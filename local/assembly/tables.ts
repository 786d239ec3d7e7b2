// The DynamoDB tables of the template.

import * as v from 'valibot';
import type { ResolvedTemplate } from './intrinsics.ts';
import { AssemblyError, narrow } from './template.ts';

export interface TableDefinition {
  readonly logicalId: string;
  readonly name: string;
  readonly arn: string;
  readonly keySchema: readonly {
    readonly AttributeName: string;
    readonly KeyType: 'HASH' | 'RANGE';
  }[];
  readonly attributeDefinitions: readonly {
    readonly AttributeName: string;
    readonly AttributeType: 'S' | 'N' | 'B';
  }[];
  readonly billingMode: 'PAY_PER_REQUEST';
  /** What says, in epoch seconds, when an item may be deleted. Null where nothing does. */
  readonly timeToLiveAttribute: string | null;
}

const tableSchema = v.looseObject({
  KeySchema: v.array(
    v.object({ AttributeName: v.string(), KeyType: v.picklist(['HASH', 'RANGE']) }),
  ),
  AttributeDefinitions: v.array(
    v.object({ AttributeName: v.string(), AttributeType: v.picklist(['S', 'N', 'B']) }),
  ),
  // What CloudFormation takes where there is none.
  BillingMode: v.optional(v.picklist(['PAY_PER_REQUEST', 'PROVISIONED']), 'PROVISIONED'),
  TimeToLiveSpecification: v.optional(
    v.variant('Enabled', [
      v.object({ Enabled: v.literal(true), AttributeName: v.string() }),
      v.object({ Enabled: v.literal(false) }),
    ]),
  ),
  SSESpecification: v.optional(v.looseObject({ KMSMasterKeyId: v.optional(v.string()) }), {}),
});

/** What would change who may call, what a call does, or what follows from it. */
const UNSUPPORTED = [
  'GlobalSecondaryIndexes',
  'LocalSecondaryIndexes',
  'OnDemandThroughput',
  'StreamSpecification',
  'KinesisStreamSpecification',
  'ImportSourceSpecification',
  'ResourcePolicy',
];

export function readTables(template: ResolvedTemplate): TableDefinition[] {
  const [global] = template.resources('AWS::DynamoDB::GlobalTable');
  if (global !== undefined) {
    throw unsupported(global.logicalId, 'AWS::DynamoDB::GlobalTable: use AWS::DynamoDB::Table');
  }
  return template.resources('AWS::DynamoDB::Table').map(({ logicalId, name, arn, properties }) => {
    for (const property of UNSUPPORTED) {
      if (properties[property] !== undefined) throw unsupported(logicalId, property);
    }
    const { BillingMode, SSESpecification, ...read } = narrow(tableSchema, properties, logicalId);
    // Callers would need permissions on the key.
    if (SSESpecification.KMSMasterKeyId !== undefined) {
      throw unsupported(logicalId, 'SSESpecification.KMSMasterKeyId');
    }
    // Nothing is throttled here.
    if (BillingMode === 'PROVISIONED') throw unsupported(logicalId, 'BillingMode PROVISIONED');
    const timeToLive = read.TimeToLiveSpecification;
    return {
      logicalId,
      name,
      arn: arn ?? name,
      keySchema: read.KeySchema,
      attributeDefinitions: read.AttributeDefinitions,
      billingMode: BillingMode,
      timeToLiveAttribute: timeToLive?.Enabled === true ? timeToLive.AttributeName : null,
    };
  });
}

const unsupported = (logicalId: string, what: string): AssemblyError =>
  new AssemblyError('unsupported-property', `${logicalId}: ${what} is not imitated`);
