// The Lambda function: builds the clients once per process, and runs.

import { randomUUID } from 'node:crypto';
import { Metrics, MetricUnit } from '@aws-lambda-powertools/metrics';
import { EventBridgeClient } from '@aws-sdk/client-eventbridge';
import { SecretsManagerClient } from '@aws-sdk/client-secrets-manager';
import type { Context } from 'aws-lambda';
import { AwsTime } from '../shared/aws-time.ts';
import { systemClock as clock } from '../shared/clock.ts';
import { localEndpoint } from '../shared/local-endpoint.ts';
import { createLogger } from '../shared/logging.ts';
import { MomentoGrpcAuth } from '../shared/momento-auth.ts';
import { Redactor } from '../shared/redaction.ts';
import { SecretsManagerVersions } from '../shared/secret-versions.ts';
import { EventBridgeAnnouncer } from './announce.ts';
import type { Measures } from './measures.ts';
import { evenPacer } from './pacer.ts';
import { type RunResult, runOnce } from './run.ts';
import { readSettings } from './settings.ts';
import type { Tools } from './tools.ts';

// The SDK repeats once, which also corrects a clock that is off; the patience for more is ours. Each call has a
// deadline of its own (lambda/shared/deadline.ts).
const AWS_CLIENT = { maxAttempts: 2, requestHandler: { connectionTimeout: 1_500 } };

const settings = readSettings(process.env);
const redactor = new Redactor();
const log = createLogger(redactor);
const metrics = new Metrics();
const secretsManager = new SecretsManagerClient(AWS_CLIENT);
const awsTime = new AwsTime(clock);
awsTime.listenTo(secretsManager);
const tools: Tools = {
  settings,
  redactor,
  clock,
  awsTime,
  log,
  measure,
  versions: new SecretsManagerVersions(secretsManager, clock),
  announcer: new EventBridgeAnnouncer(
    new EventBridgeClient(AWS_CLIENT),
    settings.eventBus,
    redactor,
    clock,
  ),
  momento: new MomentoGrpcAuth({ redactor, clock, localEndpoint: localEndpoint(process.env) }),
  pacer: evenPacer(settings.authRatePerSecond, clock),
  unstored: new Map(),
};

export async function handler(event: unknown, context: Context): Promise<RunResult> {
  log.addContext(context);
  return runOnce(event, tools, {
    claimant: randomUUID(),
    remainingMs: context.getRemainingTimeInMillis(),
  });
}

function measure({ LeastLifeLeft, ...counts }: Measures): void {
  for (const [name, count] of Object.entries(counts)) {
    metrics.addMetric(name, MetricUnit.Count, count);
  }
  if (LeastLifeLeft !== undefined) {
    metrics.addMetric('LeastLifeLeft', MetricUnit.Seconds, LeastLifeLeft);
  }
  metrics.publishStoredMetrics();
}
