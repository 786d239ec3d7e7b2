// The Lambda function behind POST /token: builds the clients once per process, and vends.

import { Metrics, MetricUnit } from '@aws-lambda-powertools/metrics';
import { SecretsManagerClient } from '@aws-sdk/client-secrets-manager';
import type { Context } from 'aws-lambda';
import policies from '#token-policies' with { type: 'json' };
import { systemClock as clock } from '../shared/clock.ts';
import { GrpcUnary } from '../shared/grpc-unary.ts';
import { localEndpoint } from '../shared/local-endpoint.ts';
import { createLogger } from '../shared/logging.ts';
import { Redactor } from '../shared/redaction.ts';
import type { HttpAnswer } from './answer.ts';
import type { TokenCall } from './mint.ts';
import { readSettings } from './settings.ts';
import { vend } from './vend.ts';
import { SecretVendingKey } from './vending-key.ts';

const settings = readSettings(process.env, policies);
const redactor = new Redactor();
const log = createLogger(redactor);
const metrics = new Metrics();
const secretsManager = new SecretsManagerClient({
  maxAttempts: 2,
  requestHandler: { connectionTimeout: 1_000, requestTimeout: 2_000, throwOnRequestTimeout: true },
});
const keys = new SecretVendingKey(secretsManager, settings.vendingSecretArn, redactor, clock);
const local = localEndpoint(process.env);

/** One connection per token service: there is one, unless a rotated key moves to another. */
const connections = new Map<string, GrpcUnary>();
const call: TokenCall = (tokenEndpoint, path, request, timeoutMs) => {
  const origin = local === undefined ? `https://${tokenEndpoint}` : `http://${local}`;
  const connection = connections.get(origin) ?? new GrpcUnary({ origin });
  connections.set(origin, connection);
  return connection.call(path, request, timeoutMs);
};

export async function handler(event: unknown, context: Context): Promise<HttpAnswer> {
  log.addContext(context);
  const answer = await vend(event, { settings, keys, call, clock, log, count });
  metrics.publishStoredMetrics();
  return answer;
}

function count(metric: string, detail?: string): void {
  metrics.addMetric(metric, MetricUnit.Count, 1);
  if (detail === undefined) return;
  const detailed = metrics.singleMetric();
  detailed.addDimension('reason', detail);
  detailed.addMetric(`${metric}ByReason`, MetricUnit.Count, 1);
}
