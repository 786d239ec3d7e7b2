// One DynamoDB table, as far as this function uses it: single items, conditional writes. Nothing relies on
// transactions or on the deletion of expired items.

import * as v from 'valibot';
import { Failure } from '../shared/failure.ts';
import type { AwsJsonCall, CallOptions } from './aws-json.ts';

/** The table cannot be used now. `code`: AWS's name of the error, or `timeout`, `unreachable` … */
export class TableFailure extends Failure<string> {}

export type Attribute = { readonly S: string } | { readonly N: string } | { readonly B: string };
export type Attributes = Readonly<Record<string, Attribute>>;

/** In DynamoDB's own words; the values by their names in them, without the colon. */
export interface ConditionalUpdate {
  readonly update: string;
  readonly condition: string;
  readonly values: Readonly<Record<string, string | number>>;
  /** Answer with the attributes as they were before. @default false */
  readonly returnOld?: boolean;
}

/** Every method throws `TableFailure` and nothing else. */
export interface Table {
  /** Unchecked: whoever reads an item narrows it. Undefined when there is none. */
  get(id: string, options?: { readonly consistent: boolean }): Promise<unknown>;
  put(id: string, attributes: Attributes): Promise<void>;
  /** Undefined when the condition did not hold; otherwise the old attributes, if they were asked for. */
  update(id: string, update: ConditionalUpdate): Promise<unknown>;
}

/** A table that is slow must not make every login slow: after this it counts as away. */
const CALL: CallOptions = { timeoutMs: 500, maxTries: 2 };

const Got = v.object({ Item: v.optional(v.unknown()) });
const Updated = v.object({ Attributes: v.optional(v.unknown(), {}) });

export class DynamoDbTable implements Table {
  readonly #dynamodb: AwsJsonCall;
  readonly #name: string;

  constructor(dynamodb: AwsJsonCall, name: string) {
    this.#dynamodb = dynamodb;
    this.#name = name;
  }

  async get(id: string, { consistent } = { consistent: false }): Promise<unknown> {
    const input = { Key: keyOf(id), ConsistentRead: consistent };
    return (await this.#call('GetItem', input, Got)).Item;
  }

  async put(id: string, attributes: Attributes): Promise<void> {
    await this.#call('PutItem', { Item: { ...keyOf(id), ...attributes } }, v.unknown());
  }

  async update(id: string, { update, condition, values, returnOld }: ConditionalUpdate) {
    const named = Object.entries(values).map(([name, value]) => [`:${name}`, attribute(value)]);
    try {
      const input = {
        Key: keyOf(id),
        UpdateExpression: update,
        ConditionExpression: condition,
        ExpressionAttributeValues: Object.fromEntries(named),
        ReturnValues: returnOld ? 'UPDATED_OLD' : 'NONE',
      };
      return (await this.#call('UpdateItem', input, Updated)).Attributes;
    } catch (failure) {
      const code = failure instanceof TableFailure ? failure.code : undefined;
      if (code === 'ConditionalCheckFailedException') return undefined;
      // Somebody has filled the item up to its largest size: as it is nothing can ever be written into it.
      if (code === 'ValidationException') await this.put(id, {});
      throw failure;
    }
  }

  async #call<Answer extends v.GenericSchema>(
    operation: string,
    input: object,
    answer: Answer,
  ): Promise<v.InferOutput<Answer>> {
    try {
      const call = { TableName: this.#name, ...input };
      return v.parse(answer, await this.#dynamodb(operation, call, CALL));
    } catch (cause) {
      const code = cause instanceof Failure ? cause.code : 'unusable';
      const said = cause instanceof Error ? cause.message : String(cause);
      throw new TableFailure(code, `The table of shared tokens cannot be used: ${said}`, { cause });
    }
  }
}

const keyOf = (id: string) => ({ id: { S: id } });

/** To a thousandth: slots of whole milliseconds would be up to half of one too narrow, each. */
const attribute = (value: string | number): Attribute =>
  typeof value === 'string' ? { S: value } : { N: String(Math.round(value * 1_000) / 1_000) };

/** A number of an item; anything else counts as absent: an item may hold whatever somebody put there. */
export const OptionalNumber = v.fallback(
  v.optional(
    v.pipe(
      v.object({ N: v.string() }),
      v.transform(({ N }) => Number(N)),
      v.finite(),
    ),
  ),
  undefined,
);

/** Bytes of an item. Anything else counts as none, but as there: whoever opens it says what it is not. */
export const OptionalBytes = v.optional(
  v.fallback(
    v.pipe(
      v.object({ B: v.string() }),
      v.transform(({ B }): Uint8Array => Buffer.from(B, 'base64')),
    ),
    new Uint8Array(),
  ),
);
