// The outputs of the stack.

import * as v from 'valibot';
import type { ResolvedTemplate } from './intrinsics.ts';
import { narrow } from './template.ts';

export interface StackOutput {
  readonly name: string;
  readonly value: string;
  readonly description: string;
}

const outputSchema = v.looseObject({
  Value: v.string(),
  Description: v.optional(v.string(), ''),
});

export function readOutputs(template: ResolvedTemplate): StackOutput[] {
  return template.outputs().map(({ logicalId, output }) => {
    const { Value, Description } = narrow(outputSchema, output, logicalId);
    return { name: logicalId, value: Value, description: Description };
  });
}
