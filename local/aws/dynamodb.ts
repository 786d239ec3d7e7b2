// DynamoDB on the wire (JSON 1.0): who may call is decided by this server, what a call does by dynalite, in memory.
//
// What dynalite 4.0.0 does otherwise than DynamoDB: `ReturnValuesOnConditionCheckFailure` is ignored, so that a failed
// condition never tells the item; nothing is deleted when its time to live is over; there are no transactions.

import { IncomingMessage, type Server, ServerResponse } from 'node:http';
import { Socket } from 'node:net';
import * as v from 'valibot';
import { AwsError, validationFailed } from './aws-error.ts';
import type { RelayedAnswer, RelayedService } from './server.ts';

export interface Table {
  readonly name: string;
  /** In DynamoDB's own words, as the template has them. */
  readonly keySchema: readonly unknown[];
  readonly attributeDefinitions: readonly unknown[];
  readonly billingMode: string;
  readonly timeToLiveAttribute: string | null;
}

interface Place {
  readonly region: string;
  readonly accountId: string;
}

export interface DynamoDb {
  readonly service: RelayedService;
  /** Waits for the calls that are under way, and takes no more. */
  close(): Promise<void>;
}

/** Resolves when every table can be used. */
export async function startDynamoDb(place: Place, tables: readonly Table[]): Promise<DynamoDb> {
  const server = await makeServer(place);
  const underWay = new Set<Promise<unknown>>();
  let closed = false;
  const call = (operation: string, body: Uint8Array): Promise<RelayedAnswer> => {
    if (closed) throw new AwsError('InternalServerError', 'Closed.', { status: 500 });
    const answer = handOn(server, operation, body);
    const over = () => underWay.delete(answer);
    underWay.add(answer);
    answer.then(over, over);
    return answer;
  };
  await Promise.all(tables.map((table) => makeTable(table, call)));
  const timeToLive = new Map(tables.map((table) => [table.name, table.timeToLiveAttribute]));
  return {
    service: {
      target: TARGET,
      signingName: 'dynamodb',
      jsonVersion: '1.0',
      operations: Object.fromEntries(
        Object.entries(RESOURCES).map(([operation, resources]) => [
          operation,
          (input: unknown) => {
            const read = readInput(input);
            return resources(read, place).map((resource) => ({
              action: `dynamodb:${operation}`,
              resource,
            }));
          },
        ]),
      ),
      relay: (operation, body, input) => {
        const attribute = timeToLive.get(readInput(input).TableName);
        // dynalite knows only tables whose items live for ever.
        return operation === 'DescribeTimeToLive' && attribute
          ? Promise.resolve(describedTimeToLive(attribute))
          : call(operation, body);
      },
    },
    close: async () => {
      closed = true;
      await Promise.allSettled(underWay);
    },
  };
}

// ── what a call needs ───────────────────────────────────────────────────────────────────────────

const Input = v.object({
  TableName: v.optional(v.string(), ''),
  IndexName: v.optional(v.string()),
  RequestItems: v.optional(v.record(v.string(), v.unknown()), {}),
});
type Input = v.InferOutput<typeof Input>;

function readInput(input: unknown): Input {
  const parsed = v.safeParse(Input, input);
  if (!parsed.success) {
    // Only the path: the value may be a secret.
    const paths = parsed.issues.map((issue) => v.getDotPath(issue) ?? 'the body');
    throw new AwsError('SerializationException', `Wrong or missing type: ${paths.join(', ')}`);
  }
  // SDKs never send one, and dynalite ends the process over some.
  if (hasNull(input)) throw validationFailed('The local stack takes no null in an input.');
  return parsed.output;
}

const hasNull = (value: unknown): boolean =>
  value === null || (typeof value === 'object' && Object.values(value).some(hasNull));

type Resources = (input: Input, place: Place) => readonly string[];

const arnOf = (name: string, { region, accountId }: Place): string =>
  name.startsWith('arn:') ? name : `arn:aws:dynamodb:${region}:${accountId}:table/${name}`;

const oneTable: Resources = ({ TableName }, place) => [arnOf(TableName, place)];
const tableOrIndex: Resources = ({ TableName, IndexName }, place) => [
  `${arnOf(TableName, place)}${IndexName === undefined ? '' : `/index/${IndexName}`}`,
];
/** Never an empty list: who demands nothing is allowed everything. */
const manyTables: Resources = ({ RequestItems }, place) => {
  const names = Object.keys(RequestItems);
  return (names.length > 0 ? names : ['']).map((name) => arnOf(name, place));
};

/** Of what dynalite does, all but making, changing and deleting tables: those are the template's. */
const RESOURCES: Readonly<Record<string, Resources>> = {
  BatchGetItem: manyTables,
  BatchWriteItem: manyTables,
  DeleteItem: oneTable,
  DescribeTable: oneTable,
  DescribeTimeToLive: oneTable,
  GetItem: oneTable,
  ListTables: () => ['*'],
  PutItem: oneTable,
  Query: tableOrIndex,
  Scan: tableOrIndex,
  UpdateItem: oneTable,
};

// ── what it does ────────────────────────────────────────────────────────────────────────────────

const TARGET = 'DynamoDB_20120810';
const CONTENT_TYPE = 'application/x-amz-json-1.0';

/** Loaded only by whoever has a table: it takes a while. */
async function makeServer({ region, accountId }: Place): Promise<Server> {
  const { default: dynalite } = await import('dynalite');
  // It reads what its ARNs say from the environment, at this very moment, and from nowhere else.
  const before = { AWS_REGION: process.env.AWS_REGION, AWS_ACCOUNT_ID: process.env.AWS_ACCOUNT_ID };
  Object.assign(process.env, { AWS_REGION: region, AWS_ACCOUNT_ID: accountId });
  try {
    return dynalite({ createTableMs: 0, deleteTableMs: 0, updateTableMs: 0 });
  } finally {
    for (const [name, value] of Object.entries(before)) {
      if (value === undefined) delete process.env[name];
      else process.env[name] = value;
    }
  }
}

async function makeTable(
  table: Table,
  call: (operation: string, body: Uint8Array) => Promise<RelayedAnswer>,
): Promise<void> {
  const ask = async (operation: string, input: unknown): Promise<string> => {
    const { status, body } = await call(operation, Buffer.from(JSON.stringify(input)));
    if (status !== 200) throw new Error(`${table.name}: ${operation}: ${body}`);
    return body;
  };
  await ask('CreateTable', {
    TableName: table.name,
    KeySchema: table.keySchema,
    AttributeDefinitions: table.attributeDefinitions,
    BillingMode: table.billingMode,
  });
  // dynalite makes it ACTIVE with a timer, however short.
  while (!/"TableStatus":"ACTIVE"/.test(await ask('DescribeTable', { TableName: table.name })));
}

/**
 * Without a connection: dynalite lets everyone in, so it has no port, and a client and a server of HTTP in one process
 * would take longer than its work.
 */
function handOn(server: Server, operation: string, body: Uint8Array): Promise<RelayedAnswer> {
  const asked = new IncomingMessage(new Socket());
  asked.method = 'POST';
  asked.url = '/';
  asked.complete = true;
  Object.assign(asked.headers, {
    'content-type': CONTENT_TYPE,
    'x-amz-target': `${TARGET}.${operation}`,
    'x-amz-date': '20260101T000000Z',
    // It wants to see a signature, and looks no closer: the caller's has been verified.
    authorization: 'AWS4-HMAC-SHA256 Credential=local, SignedHeaders=host, Signature=none',
  });
  const answer = new ServerResponse(asked);
  return new Promise((resolve) => {
    answer.end = (text?: unknown) => {
      const { statusCode: status } = answer;
      const said = String(text);
      const crc32 = answer.getHeader('x-amz-crc32');
      resolve({
        status,
        headers: {
          'content-type': String(answer.getHeader('content-type') ?? CONTENT_TYPE),
          ...(crc32 !== undefined && { 'x-amz-crc32': String(crc32) }),
        },
        body: said,
        ...(status >= 400 && { error: errorName(said) }),
      });
      return answer;
    };
    server.emit('request', asked, answer);
    asked.push(body);
    asked.push(null);
  });
}

/** `com.amazonaws.dynamodb.v20120810#ConditionalCheckFailedException` → what stands behind the `#`. */
function errorName(body: string): string {
  return /"__type":"[^"]*#(\w+)"/.exec(body)?.[1] ?? 'UnknownError';
}

function describedTimeToLive(attribute: string): RelayedAnswer {
  const description = { TimeToLiveStatus: 'ENABLED', AttributeName: attribute };
  return {
    status: 200,
    headers: { 'content-type': CONTENT_TYPE },
    body: JSON.stringify({ TimeToLiveDescription: description }),
  };
}
