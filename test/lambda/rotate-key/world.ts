// The rotation code over local Secrets Manager and local Momento, in memory and on a simulated clock.
// The one thing left out is the wire: what the stores decide is what the servers on loopback decide.

import type {
  EventBridgeClient,
  PutEventsCommandInput,
  PutEventsRequestEntry,
  PutEventsResponse,
} from '@aws-sdk/client-eventbridge';
import type { SecretsManagerClient } from '@aws-sdk/client-secrets-manager';
import { EventBridgeAnnouncer } from '../../../lambda/rotate-key/announce.ts';
import type { Measures } from '../../../lambda/rotate-key/measures.ts';
import type { KeyResult } from '../../../lambda/rotate-key/outcome.ts';
import { evenPacer, type Pacer } from '../../../lambda/rotate-key/pacer.ts';
import { RotationFailed, runOnce } from '../../../lambda/rotate-key/run.ts';
import type { Tools, UnstoredPair } from '../../../lambda/rotate-key/tools.ts';
import { AwsTime } from '../../../lambda/shared/aws-time.ts';
import type { Clock } from '../../../lambda/shared/clock.ts';
import { withTimeout } from '../../../lambda/shared/deadline.ts';
import type { MomentoAuth } from '../../../lambda/shared/momento-auth.ts';
import { MomentoFailure } from '../../../lambda/shared/momento-failure.ts';
import { Redactor } from '../../../lambda/shared/redaction.ts';
import type { KeyPair, RefreshedKey } from '../../../lambda/shared/secret-value.ts';
import { SecretsManagerVersions, type SecretTag } from '../../../lambda/shared/secret-versions.ts';
import { AwsError } from '../../../local/aws/aws-error.ts';
import { EventBus } from '../../../local/aws/event-bus.ts';
import { SecretsManager, type VersionSnapshot } from '../../../local/aws/secrets-manager.ts';
import { MomentoAccount, type MomentoAccountOptions } from '../../../local/momento/account.ts';
import { MomentoRefusal } from '../../../local/momento/refusal.ts';
import { capturedLogger } from '../shared/captured-logger.ts';
import { SimulatedClock } from '../simulated-clock.ts';
import { asItWas } from './as-it-was.ts';

/**
 * What may happen to one call. `kill`: the process is gone before it; `kill-after`: after its effect;
 * `takesMs`: the effect and the answer come that late; `answersAfterMs`: the answer alone; `refuse-entries`:
 * PutEvents answers well, but took none of them; `storeWas`: a read that does not know of later writes.
 */
export type Fault =
  | Error
  | 'lose-answer'
  | 'silence'
  | 'kill'
  | 'kill-after'
  | 'refuse-entries'
  | { readonly takesMs: number; readonly answerIsLost?: true }
  | { readonly answersAfterMs: number }
  | { readonly storeWas: readonly VersionSnapshot[] };

/** A process of the function, with what it holds in memory as long as it lives. */
export interface FunctionProcess {
  /** What the store would not take. */
  readonly unstored: Map<string, UnstoredPair>;
  /** What its host's clock says, and what it has learned of AWS's. */
  readonly clock: Clock;
  readonly awsTime: AwsTime;
  /** One for all of its runs, with the places that are taken. */
  readonly pacer: Pacer;
  /** Knows the secrets that this process has seen, and no others. */
  readonly redactor: Redactor;
  readonly log: Tools['log'];
  /** Nothing that it would do from now on happens. */
  ended: boolean;
}

/** The invocation that makes a call. */
export interface Caller {
  readonly claimant: string;
  readonly process: FunctionProcess;
  readonly kill: () => void;
}

export interface LogLine {
  readonly level: string;
  readonly message: string;
  readonly [field: string]: unknown;
}

export interface Invocation {
  readonly keys: readonly KeyResult[];
  /** What was thrown. */
  readonly error: RotationFailed | undefined;
  readonly tookMs: number;
}

interface InvokeOptions {
  /** @default 300 */
  readonly timeoutSeconds?: number;
  readonly secretIds?: readonly string[];
}

const refusedEntries = ({ Entries = [] }: PutEventsCommandInput): PutEventsResponse => ({
  FailedEntryCount: Entries.length,
  Entries: Entries.map(() => ({
    ErrorCode: 'ThrottlingException',
    ErrorMessage: 'Rate exceeded',
  })),
});

/** A host's clock that is wrong by so much, and otherwise runs as the world's does. */
const wrongClock = (clock: Clock, errorMs: number): Clock => ({
  now: () => clock.now() + errorMs,
  sleep: (delayMs, signal) => clock.sleep(delayMs, signal),
  random: () => clock.random(),
});

export const TICK = { source: 'aws.events', 'detail-type': 'Scheduled Event' };
export const HOUR_SECONDS = 3_600;
export const DAY_SECONDS = 86_400;

const CALL_MS = 20;
/** The deadline of a refresh. Source: the SDK's own. */
const SDK_TIMEOUT_MS = 60_000;

/** `answer`: what the effect gave; undefined before it, and for a refusal. */
export interface WitnessedCall {
  readonly name: string;
  readonly input: unknown;
  readonly caller: Caller;
  readonly fault: Fault | undefined;
  readonly answer?: unknown;
}

const isSlow = (
  fault: Fault | undefined,
): fault is { readonly takesMs: number; readonly answerIsLost?: true } =>
  typeof fault === 'object' && 'takesMs' in fault;

export class World {
  readonly clock = new SimulatedClock();
  readonly secrets: SecretsManager;
  readonly momento: MomentoAccount;
  readonly bus: EventBus;
  /** Every call that reached a store or Momento, in order. */
  readonly calls: string[] = [];
  /** When, in epoch milliseconds, each of them did. */
  readonly callTimesMs: number[] = [];
  /** Decides what happens to a call; set by the test. */
  fault: (call: string, input: unknown, caller: Caller) => Fault | undefined = () => undefined;
  /** Looks on before and after each effect, and when its answer arrives; set by the test. */
  witness: (moment: 'before' | 'after' | 'answered', call: WitnessedCall) => void = () => {};
  /** Refuses single entries of a PutEvents that is otherwise answered well; set by the test. */
  entryFault: (entry: PutEventsRequestEntry) => boolean = () => false;
  authRatePerSecond = 5;
  scheduleIntervalSeconds = HOUR_SECONDS;
  discoverTag: SecretTag | undefined;
  /** What each run was counted by. */
  readonly measured: Measures[] = [];
  /** The invocation that counted itself so, for each of them. */
  readonly measuredBy: string[] = [];
  readonly arn: string;
  readonly #logged: string[][] = [];
  /** The one that takes an invocation, unless another is named. */
  process: FunctionProcess = this.makeProcess();
  #ids = 0;

  constructor(momento: Partial<MomentoAccountOptions> = {}) {
    const now = () => this.clock.now();
    const newId = () => `00000000-0000-4000-8000-${String(++this.#ids).padStart(12, '0')}`;
    this.secrets = new SecretsManager({
      region: 'eu-west-1',
      accountId: '123456789012',
      now,
      newId,
    });
    this.momento = new MomentoAccount({
      now,
      newId,
      signingKey: 'test',
      endpoint: 'cell.momento.example',
      ...momento,
    });
    this.bus = new EventBus({
      region: 'eu-west-1',
      accountId: '123456789012',
      now,
      newId,
      entryFault: (entry) =>
        this.entryFault(entry)
          ? { ErrorCode: 'ThrottlingException', ErrorMessage: 'Rate exceeded' }
          : undefined,
    });
    this.arn = this.secrets.createSecret({ Name: 'Key' }).ARN ?? '';
  }

  /** What listeners on the bus have got. */
  get events() {
    return this.bus.accepted.map(({ event }) => ({
      type: event['detail-type'],
      detail: event.detail as Record<string, unknown>,
      resources: event.resources,
    }));
  }

  /** Every line that was logged, as it left; one process after the other. */
  get logged(): readonly string[] {
    return this.#logged.flat();
  }

  get log(): LogLine[] {
    return this.logged.map((line) => JSON.parse(line));
  }

  /** A key made in the console and imported, as a person does it. */
  import(lifetimeSeconds = 30 * DAY_SECONDS, arn = this.arn): void {
    const key = this.momento.createKeyInConsole({ lifetimeSeconds, scope: 'super-user' });
    this.put(JSON.stringify(key), undefined, undefined, arn);
  }

  /** As many secrets as wanted, the first included, each with a key of its own. */
  importMany(count: number, lifetimeSeconds = 30 * DAY_SECONDS): string[] {
    const others = Array.from(
      { length: count - 1 },
      (_, index) => this.secrets.createSecret({ Name: `Key${index + 2}` }).ARN ?? '',
    );
    const arns = [this.arn, ...others];
    for (const arn of arns) this.import(lifetimeSeconds, arn);
    return arns;
  }

  put(text: string, versionId?: string, labels?: string[], arn = this.arn): string {
    const answer = this.secrets.putSecretValue({
      SecretId: arn,
      SecretString: text,
      ...(versionId !== undefined && { ClientRequestToken: versionId }),
      ...(labels !== undefined && { VersionStages: labels }),
    });
    return answer.VersionId ?? '';
  }

  /** Label → version id. */
  labels(arn = this.arn): Record<string, string> {
    return Object.fromEntries(
      this.secrets
        .inspect(arn)
        .flatMap(({ versionId, stages }) => stages.map((stage) => [stage, versionId])),
    );
  }

  /** What applications read now. */
  current(): { apiKey: string; refreshToken: string; validUntil: number } {
    return JSON.parse(this.secrets.getSecretValue({ SecretId: this.arn }).SecretString ?? '');
  }

  wait(seconds: number): void {
    this.clock.nowMs += seconds * 1000;
  }

  /** What the process keeps in memory because the store would not take it. */
  get unstored(): ReadonlyMap<string, UnstoredPair> {
    return this.process.unstored;
  }

  /** A process of its own: what the last one held in memory is gone. */
  newProcess(clockErrorMs = 0): void {
    this.process = this.makeProcess(clockErrorMs);
  }

  makeProcess(clockErrorMs = 0): FunctionProcess {
    const clock = wrongClock(this.clock, clockErrorMs);
    const redactor = new Redactor();
    const { log, lines } = capturedLogger(redactor);
    this.#logged.push(lines);
    // Made at its first use, as the settings are then.
    let pacer: Pacer | undefined;
    const makePacer = () => evenPacer(this.authRatePerSecond, clock);
    return {
      unstored: new Map(),
      ended: false,
      clock,
      awsTime: new AwsTime(clock),
      redactor,
      log,
      get pacer() {
        pacer ??= makePacer();
        return pacer;
      },
    };
  }

  /** One invocation, to its end: the first key's result, or `killed`. Failures are results here too. */
  async tick(
    event: unknown = TICK,
    options: InvokeOptions = {},
  ): Promise<KeyResult | { outcome: 'killed'; reason: 'killed' }> {
    const ended = await this.invoke(event, options);
    if (ended === 'killed') return { outcome: 'killed', reason: 'killed' };
    const [first] = ended.keys;
    if (first === undefined) throw new Error('A run has a result for each key.');
    return first;
  }

  /** One invocation, to its end. Throws what is no `RotationFailed`. */
  async invoke(event: unknown = TICK, options: InvokeOptions = {}): Promise<Invocation | 'killed'> {
    return this.clock.run(this.begin(event, options));
  }

  /** One invocation, for whoever moves the clock. Throws what is no `RotationFailed`. */
  async begin(
    event: unknown = TICK,
    {
      timeoutSeconds = 300,
      secretIds = [this.arn],
      process = this.process,
      claimant = `run-${++this.#ids}`,
    }: InvokeOptions & { process?: FunctionProcess; claimant?: string } = {},
  ): Promise<Invocation | 'killed'> {
    let kill = (): void => {};
    const killed = new Promise<'killed'>((resolve) => {
      kill = () => {
        process.ended = true;
        if (process === this.process) this.newProcess();
        resolve('killed');
      };
    });
    const caller: Caller = { claimant, process, kill };
    const startedMs = this.clock.now();
    const run = runOnce(event, this.tools(caller, secretIds), {
      claimant,
      remainingMs: timeoutSeconds * 1000,
    });
    const ended = run.then(
      ({ keys }): Invocation => ({ keys, error: undefined, tookMs: this.clock.now() - startedMs }),
      (error): Invocation => {
        if (!(error instanceof RotationFailed)) throw error;
        return { keys: error.keys, error, tookMs: this.clock.now() - startedMs };
      },
    );
    return Promise.race([ended, killed]);
  }

  tools(caller: Caller, secretIds: readonly string[] = [this.arn]): Tools {
    const { clock, awsTime, redactor, pacer, log, unstored } = caller.process;
    return {
      clock,
      awsTime,
      redactor,
      pacer,
      log,
      unstored,
      settings: {
        secretIds,
        scheduleIntervalSeconds: this.scheduleIntervalSeconds,
        refreshAtFraction: 0.3333,
        authRatePerSecond: this.authRatePerSecond,
        eventBus: 'default',
        ...(this.discoverTag && { discoverTag: this.discoverTag }),
      },
      versions: new SecretsManagerVersions(this.#secretsClient(caller), clock),
      momento: this.#momentoAuth(caller),
      announcer: new EventBridgeAnnouncer(this.#eventsClient(caller), 'default', redactor, clock),
      measure: (measures) => {
        this.measured.push(measures);
        this.measuredBy.push(caller.claimant);
      },
    };
  }

  async #call<T>(
    name: string,
    input: unknown,
    caller: Caller,
    effect: (fault: Fault | undefined) => T,
  ): Promise<T> {
    // Whatever a process that has ended would still do, nobody hears of it.
    if (caller.process.ended) return new Promise(() => {});
    const fault = this.fault(name, input, caller);
    await this.clock.sleep(isSlow(fault) ? fault.takesMs : CALL_MS);
    if (fault === 'kill') return this.#dead(caller);
    if (fault === 'silence') return new Promise(() => {});
    if (fault instanceof Error) throw fault;
    this.calls.push(name);
    this.callTimesMs.push(this.clock.now());
    const call = { name, input, caller, fault };
    this.witness('before', call);
    let answer: T;
    try {
      answer = effect(fault);
    } catch (error) {
      this.witness('after', call);
      throw error;
    }
    this.witness('after', { ...call, answer });
    if (fault === 'kill-after') return this.#dead(caller);
    if (fault === 'lose-answer' || (isSlow(fault) && fault.answerIsLost)) {
      throw new Error('socket hang up');
    }
    if (typeof fault === 'object' && 'answersAfterMs' in fault) {
      await this.clock.sleep(fault.answersAfterMs);
    }
    this.witness('answered', { ...call, answer });
    return answer;
  }

  #dead<T>({ kill }: Caller): Promise<T> {
    kill();
    return new Promise(() => {});
  }

  #secretsClient(caller: Caller): SecretsManagerClient {
    const { secrets } = this;
    const send = async (command: { constructor: { name: string }; input: never }) => {
      const name = command.constructor.name.replace(/Command$/, '');
      const { clock, awsTime } = caller.process;
      const sentAtMs = clock.now();
      const effect = (): object => {
        switch (name) {
          case 'DescribeSecret':
            return secrets.describeSecret(command.input);
          case 'GetSecretValue':
            return secrets.getSecretValue(command.input);
          case 'PutSecretValue':
            return secrets.putSecretValue(command.input);
          case 'UpdateSecretVersionStage':
            return secrets.updateSecretVersionStage(command.input);
          case 'ListSecretVersionIds':
            return secrets.listSecretVersionIds(command.input);
          case 'ListSecrets':
            return secrets.listSecrets(command.input);
          default:
            throw new Error(`The function's role may not call ${name}.`);
        }
      };
      const answered = this.#call(name, command.input, caller, (fault) => {
        const answer = effect();
        return typeof fault === 'object' && 'storeWas' in fault
          ? asItWas(name, command.input, answer, fault.storeWas)
          : answer;
      });
      // Each answer, a refusal as well, has a header that says AWS's time in whole seconds. What never came, or broke
      // off, says nothing.
      const hear = () => awsTime.hear(Math.floor(this.clock.now() / 1000) * 1000, sentAtMs);
      return answered.then(
        (answer) => {
          hear();
          return answer;
        },
        (error) => {
          if (error instanceof AwsError) hear();
          throw error;
        },
      );
    };
    return { send } as unknown as SecretsManagerClient;
  }

  #eventsClient(caller: Caller): EventBridgeClient {
    const send = async (command: { input: never }) =>
      this.#call('PutEvents', command.input, caller, (fault) =>
        fault === 'refuse-entries'
          ? refusedEntries(command.input)
          : this.bus.putEvents(command.input),
      );
    return { send } as unknown as EventBridgeClient;
  }

  #momentoAuth(caller: Caller): MomentoAuth {
    return {
      refresh: (pair: KeyPair): Promise<RefreshedKey> =>
        this.#asMomento(SDK_TIMEOUT_MS, async () => {
          const refreshed = await this.#call('RefreshApiKey', pair, caller, () => {
            const issued = this.momento.refreshApiToken({
              apiKey: pair.key.wireKey,
              refreshToken: pair.refreshToken,
            });
            const { endpoint, apiKey: api_key } = issued;
            const apiKey = Buffer.from(JSON.stringify({ endpoint, api_key })).toString('base64');
            return { ...issued, apiKey, wireKey: api_key };
          });
          const { wireKey, ...answer } = refreshed;
          caller.process.redactor.learn(answer.apiKey, wireKey, answer.refreshToken);
          return answer;
        }),
      authenticates: (pair: KeyPair, timeoutMs: number): Promise<boolean> =>
        this.#asMomento(timeoutMs, async () => {
          try {
            await this.#call('ListCaches', pair, caller, () =>
              this.momento.listCaches(pair.key.wireKey),
            );
            return true;
          } catch (error) {
            if (!(error instanceof MomentoRefusal)) throw error;
            if (error.status === 'RESOURCE_EXHAUSTED') throw error;
            return error.status !== 'UNAUTHENTICATED';
          }
        }),
    };
  }

  /** With the deadline that the real one has, and its errors. */
  async #asMomento<T>(timeoutMs: number, call: () => Promise<T>): Promise<T> {
    try {
      return await withTimeout(call, timeoutMs, this.clock, () => new Error('deadline exceeded'));
    } catch (error) {
      if (!(error instanceof MomentoRefusal)) {
        const said = error instanceof Error ? error.message : String(error);
        throw new MomentoFailure('momento-unreachable', `scripted outage: ${said}`, {
          cause: error,
        });
      }
      const limited = error.status === 'RESOURCE_EXHAUSTED';
      throw new MomentoFailure(
        limited ? 'momento-rate-limited' : 'momento-refused',
        error.message,
        { cause: error },
      );
    }
  }
}
