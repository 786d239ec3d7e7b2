// The Lambda function behind POST /token: builds the clients once per process, and vends.

import { randomUUID } from 'node:crypto';
import type { Context } from 'aws-lambda';
import policies from '#token-policies' with { type: 'json' };
import { systemClock as clock } from '../shared/clock.ts';
import { GrpcUnary } from '../shared/grpc-unary.ts';
import { localEndpoint } from '../shared/local-endpoint.ts';
import { Redactor } from '../shared/redaction.ts';
import type { HttpAnswer } from './answer.ts';
import { credentialsSource } from './aws-credentials.ts';
import { type AwsJsonCall, awsEndpoint, awsJsonService } from './aws-json.ts';
import { LONGEST_WAIT_MS, lanesFor } from './pace.ts';
import { readSettings } from './settings.ts';
import { writeOut } from './standard-output.ts';
import { DynamoDbTable } from './table.ts';
import { TableTurns } from './table-turns.ts';
import { telemetry } from './telemetry.ts';
import { TimeBounds } from './time-bounds.ts';
import { TokenItems } from './token-items.ts';
import { OwnTokens, SharedTokens, type TokenSource } from './token-source.ts';
import { OwnTurns } from './turns.ts';
import { vend } from './vend.ts';
import { SecretVendingKey } from './vending-key.ts';

const settings = readSettings(process.env, policies);
const redactor = new Redactor();
const { log, prepare, count, begin, publish } = telemetry({
  service: process.env.POWERTOOLS_SERVICE_NAME ?? 'vend-token',
  namespace: process.env.POWERTOOLS_METRICS_NAMESPACE ?? 'MomentoAuth',
  redactor,
  now: clock.now,
  write: writeOut,
});
const time = new TimeBounds(clock);
const credentials = credentialsSource(process.env, { now: () => time.latest() });
const awsTools = { credentials, clock, time };

const secretsManager = awsJsonService(
  { ...awsEndpoint('secretsmanager', process.env), target: 'secretsmanager', jsonVersion: '1.1' },
  awsTools,
);
const keys = new SecretVendingKey(
  (SecretId) => secretsManager('GetSecretValue', { SecretId }, { timeoutMs: 2_000, maxTries: 2 }),
  settings.vendingSecretArn,
  redactor,
  clock,
);
const local = localEndpoint(process.env);

/** One connection per token service: there is one, unless a rotated key moves to another. */
const connections = new Map<string, GrpcUnary>();
function connectionTo(tokenEndpoint: string): GrpcUnary {
  const origin = local === undefined ? `https://${tokenEndpoint}` : `http://${local}`;
  const connection = connections.get(origin) ?? new GrpcUnary({ origin });
  connections.set(origin, connection);
  return connection;
}

const tokens = tokenSource();

export async function handler(event: unknown, context: Context): Promise<HttpAnswer> {
  begin(context.awsRequestId);
  const answer = await vend(event, { settings, tokens, time, log, prepare, count });
  publish();
  return answer;
}

function tokenSource(): TokenSource {
  const ratePerSecond = settings.mintRatePerSecond;
  const { slotMs, count: lanes } = lanesFor(ratePerSecond);
  const ownTurns = new OwnTurns(time, slotMs / lanes, LONGEST_WAIT_MS);
  const minting = {
    keys,
    clock,
    time,
    call: (
      tokenEndpoint: string,
      path: string,
      request: Uint8Array,
      timeoutMs: number,
    ): Promise<Uint8Array> => connectionTo(tokenEndpoint).call(path, request, timeoutMs),
    connect: (tokenEndpoint: string, timeoutMs: number): Promise<void> =>
      connectionTo(tokenEndpoint).ready(timeoutMs),
  };
  if (settings.sharing === undefined) return new OwnTokens({ ...minting, turns: ownTurns });
  const { tableName, whileLifeLeft } = settings.sharing;
  const dynamodb: AwsJsonCall = awsJsonService(
    { ...awsEndpoint('dynamodb', process.env), target: 'DynamoDB_20120810', jsonVersion: '1.0' },
    awsTools,
  );
  const table = new DynamoDbTable(dynamodb, tableName);
  return new SharedTokens({
    ...minting,
    items: new TokenItems(table, time),
    turns: new TableTurns({ table, time, clock, ratePerSecond }),
    ownTurns,
    whileLifeLeft,
    newId: randomUUID,
    onTrouble: (trouble, why) => {
      log.warn(trouble, { why });
      count(trouble, why);
    },
  });
}
