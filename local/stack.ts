// The stack on this machine: what the synthesized template says, run against the stand-ins.
//
//   template ─► secrets, queues, tables, roles ─► local AWS ◄── the functions' processes ──► local Momento
//            ─► rules ─► scheduler ─► delivery ─► asynchronous invocation ─┘
//            ─► alarms, topics ◄── metrics of all of it
//
// Nothing here knows what the functions do: it runs their bundles.

import { randomBytes, randomUUID } from 'node:crypto';
import { type Assembly, readAssembly } from './assembly/assembly.ts';
import type { FunctionDefinition } from './assembly/functions.ts';
import { stackIdOf } from './assembly/physical.ts';
import type { Alarms } from './aws/alarms.ts';
import { cloudFormationService } from './aws/cloudformation-api.ts';
import { cloudWatchQueryService, cloudWatchService } from './aws/cloudwatch-api.ts';
import { type DynamoDb, startDynamoDb } from './aws/dynamodb.ts';
import { type AcceptedEvent, EventBus } from './aws/event-bus.ts';
import { eventBusService } from './aws/event-bus-api.ts';
import { evaluate } from './aws/iam.ts';
import { EVERY_KEY } from './aws/kms.ts';
import type { Metrics } from './aws/metrics.ts';
import { type AccessKey, assumedRoleArn, Principals } from './aws/principals.ts';
import type { QueryService } from './aws/query-protocol.ts';
import { Queues } from './aws/queues.ts';
import { queuesService } from './aws/queues-api.ts';
import { Rules } from './aws/rules.ts';
import { rulesService } from './aws/rules-api.ts';
import { parseSchedule, Scheduler, scheduledEvent } from './aws/schedule.ts';
import { DAY_MS } from './aws/secret-versions.ts';
import { SecretsManager } from './aws/secrets-manager.ts';
import { secretsManagerService } from './aws/secrets-manager-api.ts';
import {
  type Fault as AwsFault,
  type AwsServer,
  type CallRecord,
  type InterceptedCall,
  type RelayedService,
  startAwsServer,
} from './aws/server.ts';
import type { Topics } from './aws/topics.ts';
import { topicsService } from './aws/topics-api.ts';
import { type Delivered, deliver, nameOf } from './delivery.ts';
import type { DemonstrationPolicies } from './demonstration-policies.ts';
import type { GatewayCall } from './gateway/gateway.ts';
import { introduction } from './introduction.ts';
import { type AsyncInvokeNews, AsyncInvoker, systemTimers } from './lambda/async-invoke.ts';
import { configurationRoute } from './lambda/configuration-api.ts';
import { type InvocationResult, LocalFunction } from './lambda/function.ts';
import { invokeRoute } from './lambda/invoke-api.ts';
import { MomentoAccount } from './momento/account.ts';
import type { CallOutcome, Call as MomentoCall, Fault as MomentoFault } from './momento/calls.ts';
import { type MomentoServer, startMomentoServer } from './momento/server.ts';
import { type AlarmNews, Monitoring } from './monitoring.ts';
import { listenPreferring } from './ports.ts';
import { startTokenEndpoint, type TokenEndpoint } from './token-endpoint.ts';

export interface LocalStackOptions {
  /** Where the app was synthesized to. */
  readonly assemblyDirectory: string;
  /** How many times faster than the template says its schedules run. @default 1 */
  readonly timeScale?: number;
  /** @default 0, a port that the system picks */
  readonly awsPort?: number;
  /** @default 0, a port that the system picks */
  readonly momentoPort?: number;
  /** Of the token endpoint. @default 0, a port that the system picks */
  readonly gatewayPort?: number;
  /** For the demonstration users, where the template does not name their groups. @default none */
  readonly policies?: DemonstrationPolicies;
  /** @default 'single-use' */
  readonly refreshTokens?: 'single-use' | 'multi-use';
  /** @default 'live' */
  readonly oldKeys?: 'live' | 'die';
  /** Momento refuses more than these in any sliding second. @default 5 */
  readonly authOperationsPerSecond?: number;
  /** @default nobody listens */
  readonly onNews?: (news: LocalNews) => void;
  /** Faults to inject into calls to AWS. @default none */
  readonly intercept?: (call: InterceptedCall) => AwsFault | undefined;
  /** Faults to inject into calls to Momento. @default none */
  readonly interceptMomento?: (call: MomentoCall) => MomentoFault | undefined;
  /** How many invocations of one function run at the same time. @default 10, a new account's limit */
  readonly concurrencyLimit?: number;
  /**
   * The clock of AWS and of Momento, epoch milliseconds: the functions hear it from AWS's answers, and a test that
   * holds it need not wait for keys to age or alarms to look. Of no matter to schedules and timeouts.
   * @default Date.now
   */
  readonly now?: () => number;
}

/** Everything that happens, for the terminal and for tests. No secret is in it. */
export type LocalNews =
  | { readonly kind: 'tick'; readonly rule: string; readonly delivered: Delivered }
  | { readonly kind: 'invocation'; readonly functionName: string; readonly news: AsyncInvokeNews }
  | { readonly kind: 'log'; readonly functionName: string; readonly line: string }
  | { readonly kind: 'event'; readonly accepted: AcceptedEvent }
  | { readonly kind: 'aws-call'; readonly call: CallRecord }
  | { readonly kind: 'momento-call'; readonly call: CallOutcome }
  | { readonly kind: 'gateway-call'; readonly call: GatewayCall }
  | ({ readonly kind: 'alarm' } & AlarmNews);

export interface LocalFunctionHandle {
  readonly definition: FunctionDefinition;
  /** Synchronously, as `aws lambda invoke` does. */
  invoke(payload: unknown): Promise<InvocationResult>;
  /** Kills the run that is under way. */
  killCurrent(): number;
  /** Credentials of the function's role. */
  readonly credentials: AccessKey;
}

interface OwnHandle extends LocalFunctionHandle {
  /** As the function sees it, without what is this machine's alone. */
  readonly environment: Readonly<Record<string, string>>;
  /** Takes an event for asynchronous invocation. */
  submit(payload: unknown): { requestId: string };
  /** Without news: the gateway has its own. */
  invokeQuietly(payload: unknown): Promise<InvocationResult>;
}

export interface LocalStack {
  readonly assembly: Assembly;
  readonly aws: Pick<AwsServer, 'url' | 'port'>;
  readonly momentoServer: Pick<MomentoServer, 'endpoint' | 'port'>;
  /** The account that the keys belong to: its console and its caches. */
  readonly momento: MomentoAccount;
  readonly secrets: SecretsManager;
  readonly queues: Queues;
  readonly bus: EventBus;
  readonly metrics: Metrics;
  readonly alarms: Alarms;
  /** What the alarms speak to, and what was sent to whom. */
  readonly topics: Topics;
  readonly principals: Principals;
  /** A person who may do everything. */
  readonly operator: AccessKey;
  readonly functions: readonly LocalFunctionHandle[];
  /** Undefined when the configuration leaves it out. */
  readonly tokenEndpoint: TokenEndpoint | undefined;
  /** Ports that were wanted and are somebody else's. */
  readonly busyPorts: readonly number[];
  /** What a function sees differently from what the template says, with the reason. */
  readonly adjusted: readonly Adjustment[];
  output(name: string): string;
  /** Starts the schedules, and the evaluation of alarms, which then goes on until the end. */
  startSchedules(): void;
  stopSchedules(): void;
  /** Looks into the queues and at the alarms now. */
  evaluateAlarms(): void;
  /** Delivers one tick of every schedule that is on now. */
  tick(): void;
  /** Ends everything: no process, socket or timer stays. */
  close(): Promise<void>;
}

export interface Adjustment {
  readonly variable: string;
  readonly inTemplate: string;
  readonly here: string;
}

const ACCOUNT_ID = '123456789012';
const REGION = 'us-east-1';
/** The one variable that repeats what the schedule says: where that runs faster, so must this. */
const INTERVAL_VARIABLE = 'SCHEDULE_INTERVAL_SECONDS';

/** Rejects with whatever could not be started, after ending what was. */
export async function startLocalStack(options: LocalStackOptions): Promise<LocalStack> {
  const opened: Array<() => Promise<void>> = [];
  const closeAll = async () => {
    // Functions end before the servers that they talk to.
    for (const end of opened.reverse()) await end();
  };
  try {
    return await start(options, opened, closeAll);
  } catch (error) {
    await closeAll();
    throw error;
  }
}

async function start(
  options: LocalStackOptions,
  opened: Array<() => Promise<void>>,
  closeAll: () => Promise<void>,
): Promise<LocalStack> {
  const { timeScale = 1, onNews = () => {}, now = Date.now } = options;
  const place = { region: REGION, accountId: ACCOUNT_ID };
  // A key that is renewed 900 times as often would use up a real day's versions in minutes.
  const keptVersionMs = DAY_MS / Math.max(1, timeScale);
  const secrets = new SecretsManager({ ...place, now, newId: randomUUID, keptVersionMs });
  const queues = new Queues({ ...place, now, newId: randomUUID });
  const principals = new Principals(place);
  const operator = principals.issueOperator();
  const startedAtMs = now();
  const pages: Record<string, () => unknown> = {};

  const handles: OwnHandle[] = [];
  const queries: QueryService[] = [];
  const bus = new EventBus({ ...place, now, newId: randomUUID });
  bus.subscribe((accepted) => onNews({ kind: 'event', accepted }));

  const services = [secretsManagerService(secrets), eventBusService(bus), queuesService(queues)];
  const relayed: RelayedService[] = [];
  let dynamoDb: DynamoDb | undefined;
  // After the server that hands calls on to it.
  opened.push(async () => dynamoDb?.close());
  const aws = await listenPreferring(options.awsPort ?? 0, (port) =>
    startAwsServer({
      ...place,
      port,
      principals,
      services,
      relayed,
      queries,
      now,
      rest: [
        invokeRoute({ ...place, functions: handles }),
        configurationRoute({ ...place, functions: handles, modifiedAtMs: startedAtMs }),
      ],
      pages,
      onCall: (call) => onNews({ kind: 'aws-call', call }),
      ...(options.intercept !== undefined && { intercept: options.intercept }),
    }),
  );
  opened.push(() => aws.server.close());
  const momento = new MomentoAccount({
    now,
    newId: randomUUID,
    signingKey: randomBytes(32),
    refreshTokens: options.refreshTokens ?? 'single-use',
    oldKeys: options.oldKeys ?? 'live',
    ...(options.authOperationsPerSecond !== undefined && {
      authOperationsPerSecond: options.authOperationsPerSecond,
    }),
  });
  const momentoServer = await listenPreferring(options.momentoPort ?? 0, (port) =>
    startMomentoServer({
      account: momento,
      port,
      intercept: options.interceptMomento,
      onCall: (call) => onNews({ kind: 'momento-call', call }),
    }),
  );

  opened.push(() => momentoServer.server.close());

  const assembly = readAssembly(options.assemblyDirectory, {
    ...place,
    queueBaseUrl: aws.server.url,
  });
  const { stackName } = assembly.deployment;
  queries.push(
    cloudFormationService(() => ({
      name: stackName,
      arn: stackIdOf(assembly.deployment),
      createdAtMs: startedAtMs,
      outputs: assembly.outputs,
    })),
  );
  makeSecrets(assembly, secrets);
  for (const { name, visibilityTimeoutSeconds } of assembly.queues) {
    queues.create(name, { visibilityTimeoutSeconds });
  }

  if (assembly.tables.length > 0) {
    dynamoDb = await startDynamoDb(place, assembly.tables);
    relayed.push(dynamoDb.service);
  }

  for (const busArn of configuredBuses(assembly)) bus.addBus(busArn);

  const monitoring = new Monitoring({
    assembly,
    queues,
    now,
    newId: randomUUID,
    timeScale,
    onAlarm: (news) => onNews({ kind: 'alarm', ...news }),
  });
  const scheduler = new Scheduler({ timeScale });
  const scheduled = assembly.rules.filter(({ scheduleExpression }) => scheduleExpression !== null);
  const schedule = (rule: Assembly['rules'][number]) =>
    scheduler.add(rule.name, parseSchedule(rule.scheduleExpression ?? ''), () => fire(rule));
  const rules = new Rules(assembly.rules, ({ name }, isEnabled) => {
    if (isEnabled) scheduled.filter((rule) => rule.name === name).forEach(schedule);
    else scheduler.remove(name);
  });
  scheduled.filter((rule) => rules.isEnabled(rule)).forEach(schedule);
  services.push(cloudWatchService(monitoring), rulesService(rules));
  queries.push(cloudWatchQueryService(monitoring), topicsService(monitoring.topics));

  const adjusted: Adjustment[] = [];
  for (const definition of assembly.functions) {
    const role = assembly.roles.find(({ arn }) => arn === definition.roleArn);
    if (role === undefined) throw new Error(`${definition.name}: its role is not in the template`);
    const sessionName = definition.name;
    const credentials = principals.issue({
      arn: assumedRoleArn({ accountId: ACCOUNT_ID, roleName: role.name, sessionName }),
      statements: role.statements,
    });
    const scaled = scaledInterval(definition, timeScale);
    if (scaled !== undefined) adjusted.push(scaled);
    const local = new LocalFunction({
      definition,
      region: REGION,
      credentials,
      extraEnvironment: {
        AWS_ENDPOINT_URL: aws.server.url,
        MOMENTO_LOCAL_ENDPOINT: momentoServer.server.endpoint,
        // It is about this machine's Node.js, not about the one that the template names.
        AWS_SDK_JS_NODE_VERSION_SUPPORT_WARNING_DISABLED: 'true',
        ...(scaled && { [scaled.variable]: scaled.here }),
      },
      ...(options.concurrencyLimit !== undefined && {
        concurrencyLimit: options.concurrencyLimit,
      }),
      onLog: (line) => {
        monitoring.logLine(line);
        onNews({ kind: 'log', functionName: definition.name, line });
      },
    });
    const invoke = monitoring.measured(definition.name, (payload, more) =>
      local.invoke(payload, more),
    );
    const invoker = new AsyncInvoker({
      function: { definition, invoke },
      timers: systemTimers,
      timeScale,
      onNews: (news) => onNews({ kind: 'invocation', functionName: definition.name, news }),
      deliver: async (destinationArn, record) => {
        const request = { action: 'sqs:SendMessage', resource: destinationArn };
        const { decision } = evaluate(role.statements, request);
        if (decision !== 'allow') throw new Error(`${role.name} may not send to ${destinationArn}`);
        queues.send(nameOf(destinationArn), { body: JSON.stringify(record) });
      },
    });
    opened.push(async () => {
      // Told first, or a run that is killed by the closing would count as a failure.
      const quiet = invoker.close();
      await local.close();
      await quiet;
    });
    handles.push({
      definition,
      environment: {
        ...definition.environment,
        ...(scaled && { [scaled.variable]: scaled.here }),
      },
      credentials,
      invoke: async (payload) => {
        const result = await invoke(payload);
        const { requestId } = result;
        onNews({
          kind: 'invocation',
          functionName: definition.name,
          news:
            result.functionError === undefined
              ? { kind: 'succeeded', requestId, result }
              : { kind: 'failed', requestId, result, nextAttemptAtMs: null },
        });
        return result;
      },
      killCurrent: () => local.killCurrent(),
      invokeQuietly: (payload) => invoke(payload),
      submit: (payload) => invoker.submit(payload),
    });
  }

  const tokenEndpoint = await startTokenEndpoint(assembly, {
    port: options.gatewayPort ?? 0,
    now,
    policies: options.policies,
    onCall: (call) => {
      monitoring.gatewayCall(assembly.httpApis[0]?.id ?? '', call);
      onNews({ kind: 'gateway-call', call });
    },
    invoke: (functionArn, event) => {
      const target = handles.find(({ definition }) => definition.arn === functionArn);
      if (target === undefined) throw new Error(`${functionArn} is not in the template`);
      return target.invokeQuietly(event);
    },
  });
  if (tokenEndpoint !== undefined) opened.push(() => tokenEndpoint.close());

  // The first to end: a tick needs functions that take it.
  opened.push(async () => {
    scheduler.stop();
    monitoring.stop();
  });
  const fire = (rule: Assembly['rules'][number]) => {
    const event = scheduledEvent({
      id: randomUUID(),
      ...place,
      ruleArn: rule.arn,
      timeMs: now(),
    });
    for (const target of rule.targets) {
      const delivered = deliver(rule, target, event, { ...assembly, functions: handles, queues });
      onNews({ kind: 'tick', rule: rule.name, delivered });
    }
  };

  Object.assign(
    pages,
    introduction({
      ...place,
      stackName,
      credentials: operator,
      momentoEndpoint: momentoServer.server.endpoint,
      tokenEndpointUrl: tokenEndpoint?.url ?? null,
      timeScale,
    }),
  );

  let closed: Promise<void> | undefined;
  return {
    assembly,
    aws: aws.server,
    momentoServer: momentoServer.server,
    momento,
    secrets,
    queues,
    bus,
    metrics: monitoring.metrics,
    alarms: monitoring.alarms,
    topics: monitoring.topics,
    principals,
    operator,
    functions: handles,
    tokenEndpoint,
    busyPorts: [aws.busy, momentoServer.busy, tokenEndpoint?.busy].filter(
      (port) => port !== undefined,
    ),
    adjusted,
    output: (name) => {
      const found = assembly.outputs.find((output) => output.name === name);
      if (found === undefined) throw new Error(`The stack has no output ${name}`);
      return found.value;
    },
    startSchedules: () => {
      scheduler.start();
      monitoring.start();
    },
    stopSchedules: () => scheduler.stop(),
    evaluateAlarms: () => monitoring.evaluate(),
    tick: () => scheduled.filter((rule) => rules.isEnabled(rule)).forEach(fire),
    close: () => {
      closed ??= closeAll();
      return closed;
    },
  };
}

/** Those of the template, and those that the configuration adopts: here they are made under their ARN. */
function makeSecrets({ secrets, outputs }: Assembly, store: SecretsManager): void {
  for (const { name, arn, description, kmsKeyArn, tags } of secrets) {
    store.createSecret(
      {
        Name: name,
        Description: description,
        ...(kmsKeyArn !== null && { KmsKeyId: kmsKeyArn }),
        Tags: Object.entries(tags).map(([Key, Value]) => ({ Key, Value })),
      },
      EVERY_KEY,
      { arn },
    );
  }
  const known = new Set(secrets.map(({ arn }) => arn));
  for (const { name, value } of outputs) {
    if (!name.startsWith('ApiKeySecretArn') || known.has(value)) continue;
    store.createSecret({ Name: nameOf(value).slice(0, -7) }, EVERY_KEY, { arn: value });
  }
}

/** Buses that the configuration names exist already: the template only says who may put events on them. */
const configuredBuses = ({ roles }: Assembly): string[] =>
  roles
    .flatMap(({ statements }) => statements)
    .flatMap(({ Resource = [] }) => Resource)
    .filter((arn) => /^arn:[^:]*:events:.*:event-bus\//.test(arn));

function scaledInterval(
  { environment }: FunctionDefinition,
  timeScale: number,
): Adjustment | undefined {
  const inTemplate = environment[INTERVAL_VARIABLE];
  if (inTemplate === undefined || timeScale === 1) return undefined;
  return { variable: INTERVAL_VARIABLE, inTemplate, here: `${Number(inTemplate) / timeScale}` };
}
