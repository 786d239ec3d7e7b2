// The queues of the template.

import * as v from 'valibot';
import type { ResolvedTemplate } from './intrinsics.ts';
import { narrow } from './template.ts';

export interface QueueDefinition {
  readonly logicalId: string;
  readonly name: string;
  readonly arn: string;
  readonly url: string;
  /** @default 345600 (4 days), SQS's own */
  readonly messageRetentionSeconds: number;
  /** @default 30, SQS's own */
  readonly visibilityTimeoutSeconds: number;
}

const queueSchema = v.looseObject({
  MessageRetentionPeriod: v.optional(v.number(), 345_600),
  VisibilityTimeout: v.optional(v.number(), 30),
});

export function readQueues(template: ResolvedTemplate): QueueDefinition[] {
  return template.resources('AWS::SQS::Queue').map(({ logicalId, name, arn, ref, properties }) => {
    const read = narrow(queueSchema, properties, logicalId);
    return {
      logicalId,
      name,
      arn: arn ?? name,
      url: ref,
      messageRetentionSeconds: read.MessageRetentionPeriod,
      visibilityTimeoutSeconds: read.VisibilityTimeout,
    };
  });
}
