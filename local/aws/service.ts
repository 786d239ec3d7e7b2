// What a service of the stand-in is to the server: operations that say what they demand, then happen.

import * as v from 'valibot';
import { AwsError } from './aws-error.ts';
import type { RequestContext } from './iam.ts';

/** One permission that a call needs. */
export interface Demand {
  /** `service:Operation` */
  readonly action: string;
  /** What policies are matched against. */
  readonly resource: string;
  /** @default resource. What a denial names: AWS shows the caller's own words for what is not there. */
  readonly shownAs?: string;
  readonly context?: RequestContext;
}

/** Who calls, as far as an operation needs to know. */
export interface Caller {
  readonly principalArn: string;
  /** For permissions that a service checks on the caller's behalf, such as those on a KMS key. */
  allows(demand: Demand): boolean;
  /** Where the caller reached this server: `http://127.0.0.1:4566`. */
  readonly endpoint: string;
}

/** A call whose input was read. Nothing has happened yet. */
export interface Call {
  readonly input: unknown;
  /** All of these, or the call is denied. */
  readonly demands: readonly Demand[];
  /** The effect. Synchronous, so that no two calls interleave. */
  perform(caller: Caller): unknown;
}

export interface Operation {
  /** @throws AwsError SerializationException when the body is not of the operation's shape. */
  begin(body: unknown): Call;
}

/** One AWS service of the JSON protocol. */
export interface Service {
  /** What stands before the dot of `X-Amz-Target`. */
  readonly target: string;
  /** The name in the credential scope, and before the colon of its actions. */
  readonly signingName: string;
  readonly jsonVersion: '1.0' | '1.1';
  readonly operations: Readonly<Record<string, Operation>>;
}

/** An operation from the shape of its input. Fields that the shape does not name are ignored, as AWS does. */
export function operation<const S extends v.GenericSchema>(
  schema: S,
  behaviour: {
    demands: (input: v.InferOutput<S>) => readonly Demand[];
    perform: (input: v.InferOutput<S>, caller: Caller) => unknown;
  },
): Operation {
  return {
    begin(body) {
      const parsed = v.safeParse(schema, body);
      if (!parsed.success) {
        // Only the path: the value may be a secret.
        const paths = parsed.issues.map((issue) => v.getDotPath(issue) ?? 'the body');
        throw new AwsError('SerializationException', `Wrong or missing type: ${paths.join(', ')}`);
      }
      const input = parsed.output;
      return {
        input,
        demands: behaviour.demands(input),
        perform: (caller) => behaviour.perform(input, caller),
      };
    },
  };
}

/** A blob of the JSON protocol. */
export const blob = v.pipe(
  v.string(),
  v.base64(),
  v.transform((text) => Uint8Array.from(Buffer.from(text, 'base64'))),
);

/** An instant of the JSON protocol. */
export const timestamp = v.pipe(
  v.number(),
  v.transform((seconds) => new Date(seconds * 1000)),
);

/** The JSON protocol: instants are epoch seconds, blobs are base64. */
export function encodeJson(output: unknown): string {
  return JSON.stringify(encoded(output)) ?? '{}';
}

// Not a replacer of JSON.stringify: that one sees dates as text already.
function encoded(value: unknown): unknown {
  if (value instanceof Date) return value.getTime() / 1000;
  if (value instanceof Uint8Array) return Buffer.from(value).toString('base64');
  if (Array.isArray(value)) return value.map(encoded);
  if (typeof value === 'object' && value !== null) {
    return Object.fromEntries(Object.entries(value).map(([key, item]) => [key, encoded(item)]));
  }
  return value;
}
