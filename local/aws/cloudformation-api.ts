// CloudFormation on the wire (the query protocol): the stack and its outputs, as they are after a deployment.

import * as v from 'valibot';
import { AwsError } from './aws-error.ts';
import type { QueryService } from './query-protocol.ts';
import { operation } from './service.ts';

export interface DeployedStack {
  readonly name: string;
  readonly arn: string;
  readonly createdAtMs: number;
  readonly outputs: readonly {
    readonly name: string;
    readonly value: string;
    readonly description: string;
  }[];
}

/** @param stack asked for at each call: it comes into being after the server */
export function cloudFormationService(stack: () => DeployedStack): QueryService {
  return {
    version: '2010-05-15',
    xmlNamespace: 'http://cloudformation.amazonaws.com/doc/2010-05-15/',
    signingName: 'cloudformation',
    operations: {
      DescribeStacks: operation(v.object({ StackName: v.optional(v.string()) }), {
        demands: ({ StackName }) => [
          {
            action: 'cloudformation:DescribeStacks',
            resource: StackName === undefined ? '*' : stack().arn,
          },
        ],
        perform: ({ StackName }) => {
          const { name, arn, createdAtMs, outputs } = stack();
          if (StackName !== undefined && StackName !== name && StackName !== arn) {
            throw new AwsError(
              'ValidationError',
              `Stack with id ${StackName.slice(0, 128)} does not exist`,
            );
          }
          return {
            Stacks: [
              {
                StackName: name,
                StackId: arn,
                CreationTime: new Date(createdAtMs),
                StackStatus: 'CREATE_COMPLETE',
                DriftInformation: { StackDriftStatus: 'NOT_CHECKED' },
                Outputs: outputs.map((output) => ({
                  OutputKey: output.name,
                  OutputValue: output.value,
                  Description: output.description,
                })),
              },
            ],
          };
        },
      }),
    },
  };
}
