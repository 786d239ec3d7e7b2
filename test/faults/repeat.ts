// Repeats schedules against the built bundle in its own process, over the wire: the local AWS server and local
// Momento over gRPC. What the simulation said must come out: how each run ends, the calls in their order, and the
// labels in the end. Run with hurried-time.mjs preloaded; prints a line of JSON per schedule.

import { renameSync, writeFileSync } from 'node:fs';
import { AwsError } from '../../local/aws/aws-error.ts';
import { EventBus } from '../../local/aws/event-bus.ts';
import { eventBusService } from '../../local/aws/event-bus-api.ts';
import { assumedRoleArn, Principals } from '../../local/aws/principals.ts';
import { SecretsManager } from '../../local/aws/secrets-manager.ts';
import { secretsManagerService } from '../../local/aws/secrets-manager-api.ts';
import { type Fault as AwsFault, startAwsServer } from '../../local/aws/server.ts';
import { LocalFunction } from '../../local/lambda/function.ts';
import { MomentoAccount } from '../../local/momento/account.ts';
import type { Fault as MomentoFault } from '../../local/momento/calls.ts';
import { startMomentoServer } from '../../local/momento/server.ts';
import { TICK, World } from '../lambda/rotate-key/world.ts';
import { faultAt, kindAt } from './fault-kinds.ts';
import { Ledger } from './ledger.ts';
import { type HappenedRun, meets } from './play.ts';
import { runsOf, type Sample, sample } from './repeatable.ts';
import { type FaultKind, isReplaceable } from './schedule.ts';
import { PERSONS, prepare, type Stage } from './start.ts';

const PLACE = { region: 'eu-west-1', accountId: '123456789012' };
/** The one that the simulation's secret has: the ids of versions are made from it. */
const ARN = new World().arn;
const STARTS_AT_MS = Date.parse('2026-01-01T00:00:00Z');

const { HURRIED_TIME_FILE: timeFile = '', BUNDLE: codeDir = '', SPEED = '1' } = process.env;
const speed = Number(SPEED);
const [count = '50', seed = '1'] = process.argv.slice(2);

export interface Repeated {
  readonly name: string;
  readonly simulated: Seen;
  readonly repeated: Seen;
}

interface Seen {
  readonly runs: readonly { readonly calls: readonly string[]; readonly end: string }[];
  readonly labels: Readonly<Record<string, string>>;
}

/** From now on it is this late, and time runs on at its speed. */
function setTime(simulatedMs: number): void {
  const realMs = performance.timeOrigin + performance.now();
  writeFileSync(`${timeFile}.new`, JSON.stringify({ simulatedMs, realMs, speed }));
  renameSync(`${timeFile}.new`, timeFile);
}

for (const item of await sample(Number(count), Number(seed))) {
  const repeated = await repeat(item);
  const line: Repeated = { name: item.name, simulated: simulatedBy(item), repeated };
  process.stdout.write(`${JSON.stringify(line)}\n`);
}

function simulatedBy({ played }: Sample): Seen {
  return {
    runs: runsOf(played).map(({ calls, end }) => ({ calls, end })),
    labels: sorted(played.labels),
  };
}

async function repeat({ schedule, played }: Sample): Promise<Seen> {
  setTime(STARTS_AT_MS);
  const now = (): number => Date.now();
  let ids = 0;
  const newId = (): string => `00000000-0000-4000-8000-${String(++ids).padStart(12, '0')}`;
  const secrets = new SecretsManager({ ...PLACE, now, newId });
  const momento = new MomentoAccount({
    now,
    newId,
    signingKey: 'test',
    endpoint: 'cell.momento.example',
    ...schedule.terms,
  });
  let refuseEntries = false;
  const bus = new EventBus({
    ...PLACE,
    now,
    newId,
    entryFault: () =>
      refuseEntries
        ? { ErrorCode: 'ThrottlingException', ErrorMessage: 'Rate exceeded' }
        : undefined,
  });
  const principals = new Principals(PLACE);
  const credentials = principals.issue({
    arn: assumedRoleArn({ ...PLACE, roleName: 'RotateKey', sessionName: 'run' }),
    statements: [{ Effect: 'Allow', Action: '*', Resource: '*' }],
  });

  let running:
    | { readonly run: HappenedRun; readonly calls: string[]; local: LocalFunction }
    | undefined;
  let killAfterAnswer = false;

  /** Which fault the call meets that is made now. */
  const faultNow = (call: string): { kind: FaultKind; lateMs?: number } | undefined => {
    if (running === undefined) return undefined;
    const { run, calls } = running;
    const nthOfKind = calls.filter((other) => other === call).length;
    const fault = run.scheduled.faults.find((one) => meets(one, call, calls.length, nthOfKind));
    calls.push(call);
    if (fault === undefined) return undefined;
    const { lateMs } = fault;
    const kind = kindAt(call, fault);
    if (kind === undefined) return undefined;
    return { kind, ...(lateMs !== undefined && { lateMs }) };
  };
  const kill = (): void => void running?.local.killCurrent();

  const aws = await startAwsServer({
    ...PLACE,
    services: [secretsManagerService(secrets), eventBusService(bus)],
    principals,
    now,
    intercept: ({ action }): AwsFault | undefined => {
      const call = action.split(':')[1] ?? '';
      refuseEntries = false;
      const met = faultNow(call);
      if (met === undefined) return undefined;
      const gone: AwsFault = {
        error: new AwsError('InternalServiceError', 'Injected', { status: 500 }),
      };
      switch (met.kind) {
        case 'kill':
          kill();
          return gone;
        case 'kill-after':
          killAfterAnswer = true;
          return { loseAnswer: true };
        case 'lose-answer':
          return { loseAnswer: true };
        case 'silence':
          return { delayMs: 3_600_000, before: 'effect' };
        case 'error':
          return gone;
        case 'stale-read':
          throw new Error(`${met.kind} at ${call} cannot be repeated.`);
      }
      const fault = faultAt(call, met.kind, met.lateMs);
      if (fault instanceof AwsError) return { error: fault };
      if (fault === 'refuse-entries') {
        refuseEntries = true;
        return undefined;
      }
      if (typeof fault === 'object' && 'takesMs' in fault) {
        return { delayMs: fault.takesMs / speed, before: 'effect' };
      }
      if (typeof fault === 'object' && 'answersAfterMs' in fault) {
        return { delayMs: fault.answersAfterMs / speed, before: 'answer' };
      }
      throw new Error(`${met.kind} at ${call} cannot be repeated.`);
    },
    onCall: ({ outcome }) => {
      if (outcome !== 'lost' || !killAfterAnswer) return;
      killAfterAnswer = false;
      kill();
    },
  });
  const momentoServer = await startMomentoServer({
    account: momento,
    after: (delayMs, run) => {
      const timer = setTimeout(run, delayMs);
      return () => clearTimeout(timer);
    },
    intercept: ({ method }): MomentoFault | undefined => {
      const name = method.split('/')[1] ?? '';
      const call = name === 'RefreshApiToken' ? 'RefreshApiKey' : name;
      const met = faultNow(call);
      switch (met?.kind) {
        case undefined:
          return undefined;
        case 'kill':
          kill();
          return { refuse: 'UNAVAILABLE' };
        case 'kill-after':
          killAfterAnswer = true;
          return { loseAnswer: true };
        case 'lose-answer':
          return { loseAnswer: true };
        case 'error':
          return { refuse: 'UNAVAILABLE' };
        case 'unauthenticated':
          return { refuse: 'UNAUTHENTICATED' };
        case 'rate-limited':
          return { refuse: 'RESOURCE_EXHAUSTED' };
        case 'late-answer':
          return { delayMs: (met.lateMs ?? 20_000) / speed };
        default:
          throw new Error(`${met?.kind} at ${call} cannot be repeated.`);
      }
    },
    onCall: () => {
      if (!killAfterAnswer) return;
      killAfterAnswer = false;
      kill();
    },
  });

  const startFunction = (): LocalFunction =>
    new LocalFunction({
      definition: {
        logicalId: 'RotateKey',
        name: 'RotateKey',
        arn: 'arn:aws:lambda:eu-west-1:123456789012:function:RotateKey',
        handler: 'index.handler',
        runtime: 'nodejs24.x',
        architecture: 'arm64',
        timeoutSeconds: schedule.timeoutSeconds,
        memoryMb: 256,
        environment: {
          SECRET_ARN_PREFIX: '',
          KEY_SECRETS: ARN,
          SCHEDULE_INTERVAL_SECONDS: '3600',
          REFRESH_AT_FRACTION: '0.3333',
          AUTH_RATE_PER_SECOND: '5',
          EVENT_BUS: 'default',
          POWERTOOLS_SERVICE_NAME: 'rotate-key',
          POWERTOOLS_METRICS_NAMESPACE: 'MomentoAuth',
        },
        roleArn: 'arn:aws:iam::123456789012:role/RotateKey',
        codeDir,
        logGroupName: 'RotateKey',
        logFormat: 'Text',
        applicationLogLevel: null,
        asyncInvoke: { maximumRetryAttempts: 0, maximumEventAgeSeconds: 3600, onFailureArn: null },
      },
      region: PLACE.region,
      credentials,
      extraEnvironment: {
        AWS_ENDPOINT_URL: aws.url,
        MOMENTO_LOCAL_ENDPOINT: momentoServer.endpoint,
        AWS_SDK_JS_NODE_VERSION_SUPPORT_WARNING_DISABLED: 'true',
        NODE_OPTIONS: `--import ${new URL('./hurried-time.mjs', import.meta.url).href}`,
        HURRIED_TIME_FILE: timeFile,
        HURRIED_TIMERS: 'yes',
      },
    });

  const functions = new Map<number, LocalFunction>();
  const stage: Stage = {
    arn: ARN,
    secrets,
    momento,
    nowMs: now,
    wait: (ms) => setTime(now() + ms),
  };
  const ledger = new Ledger(isReplaceable(schedule.terms));
  const runs: { calls: string[]; end: string }[] = [];
  try {
    secrets.createSecret({ Name: 'Key' }, undefined, { arn: ARN });
    prepare(stage, schedule, ledger);
    for (const happening of played.history) {
      setTime(happening.atMs);
      if (happening.kind === 'person') {
        PERSONS[happening.act](stage, ledger);
        continue;
      }
      const local = functions.get(happening.process) ?? startFunction();
      functions.set(happening.process, local);
      const calls: string[] = [];
      running = { run: happening, calls, local };
      const event = happening.scheduled.forced ? { secretId: ARN, force: true } : TICK;
      const { payload } = await local.invoke(event);
      running = undefined;
      runs.push({ calls, end: endOf(payload) });
    }
    const labels = secrets
      .inspect(ARN)
      .flatMap(({ versionId, stages }) => stages.map((label) => [label, versionId]));
    return { runs, labels: sorted(Object.fromEntries(labels)) };
  } finally {
    for (const local of functions.values()) await local.close();
    await aws.close();
    await momentoServer.close();
  }
}

/** "rotated, due", or of a failure what its message says: `<secret>: <code>: <sentence>`. */
function endOf(payload: unknown): string {
  const {
    keys: [key] = [],
    errorType,
    errorMessage = '',
  } = payload as {
    readonly keys?: readonly { readonly outcome: string; readonly reason: string }[];
    readonly errorType?: string;
    readonly errorMessage?: string;
  };
  if (key !== undefined) return `${key.outcome}, ${key.reason}`;
  if (errorType === 'RotationFailed') {
    return `failed, ${errorMessage.slice(ARN.length + 2).split(': ')[0]}`;
  }
  return errorType === 'Runtime.ExitError' ? 'killed' : `${errorType}: ${errorMessage}`;
}

function sorted(labels: Readonly<Record<string, string>>): Record<string, string> {
  return Object.fromEntries(
    Object.entries(labels).sort(([one], [other]) => (one < other ? -1 : 1)),
  );
}
