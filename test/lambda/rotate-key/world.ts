// The rotation code over local Secrets Manager and local Momento, in memory and on a simulated clock.
// The one thing left out is the wire: what the stores decide is what the servers on loopback decide.

import type { EventBridgeClient, PutEventsRequestEntry } from '@aws-sdk/client-eventbridge';
import type { SecretsManagerClient } from '@aws-sdk/client-secrets-manager';
import { EventBridgeAnnouncer } from '../../../lambda/rotate-key/announce.ts';
import type { KeyResult } from '../../../lambda/rotate-key/outcome.ts';
import { evenPacer } from '../../../lambda/rotate-key/pacer.ts';
import { RotationFailed, runOnce } from '../../../lambda/rotate-key/run.ts';
import type { Tools } from '../../../lambda/rotate-key/tools.ts';
import { withTimeout } from '../../../lambda/shared/deadline.ts';
import { type MomentoAuth, MomentoFailure } from '../../../lambda/shared/momento-auth.ts';
import { Redactor } from '../../../lambda/shared/redaction.ts';
import type { KeyPair, RefreshedKey } from '../../../lambda/shared/secret-value.ts';
import { SecretsManagerVersions } from '../../../lambda/shared/secret-versions.ts';
import { EventBus } from '../../../local/aws/event-bus.ts';
import { SecretsManager } from '../../../local/aws/secrets-manager.ts';
import { MomentoAccount, type MomentoAccountOptions } from '../../../local/momento/account.ts';
import { MomentoRefusal } from '../../../local/momento/refusal.ts';
import { capturedLogger } from '../shared/captured-logger.ts';
import { SimulatedClock } from '../simulated-clock.ts';

/**
 * What may happen to one call. `kill`: the process is gone before it; `kill-after`: after its effect;
 * `takesMs`: the effect and the answer come that late.
 */
export type Fault =
  | Error
  | 'lose-answer'
  | 'silence'
  | 'kill'
  | 'kill-after'
  | { readonly takesMs: number };

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

export const TICK = { source: 'aws.events', 'detail-type': 'Scheduled Event' };
export const HOUR_SECONDS = 3_600;
export const DAY_SECONDS = 86_400;

const CALL_MS = 20;
/** The deadline of a refresh. Source: the SDK's own. */
const SDK_TIMEOUT_MS = 60_000;

export class World {
  readonly clock = new SimulatedClock();
  readonly secrets: SecretsManager;
  readonly momento: MomentoAccount;
  readonly redactor = new Redactor();
  readonly bus: EventBus;
  /** Every line that was logged, as it left. */
  readonly logged: readonly string[];
  /** Every call that reached a store or Momento, in order. */
  readonly calls: string[] = [];
  /** When, in epoch milliseconds, each of them did. */
  readonly callTimesMs: number[] = [];
  /** Decides what happens to a call; set by the test. */
  fault: (call: string, input: unknown) => Fault | undefined = () => undefined;
  /** Refuses single entries of a PutEvents that is otherwise answered well; set by the test. */
  entryFault: (entry: PutEventsRequestEntry) => boolean = () => false;
  authRatePerSecond = 5;
  readonly arn: string;
  readonly #log: Tools['log'];
  /** What a process keeps in memory because the store would not take it. */
  unstored = new Map<string, string>();
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
    const { log, lines } = capturedLogger(this.redactor);
    this.#log = log;
    this.logged = lines;
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

  /** A process of its own: what the last one held in memory is gone. */
  newProcess(): void {
    this.unstored = new Map();
  }

  /** One invocation, to its end: the first key's result, or `killed`. Failures are results here too. */
  async tick(
    event: unknown = TICK,
    options: { timeoutSeconds?: number; secretIds?: readonly string[] } = {},
  ): Promise<KeyResult | { outcome: 'killed'; reason: 'killed' }> {
    const ended = await this.invoke(event, options);
    if (ended === 'killed') return { outcome: 'killed', reason: 'killed' };
    const [first] = ended.keys;
    if (first === undefined) throw new Error('A run has a result for each key.');
    return first;
  }

  /** One invocation, to its end. Throws what is no `RotationFailed`. */
  async invoke(
    event: unknown = TICK,
    {
      timeoutSeconds = 300,
      secretIds = [this.arn],
    }: { timeoutSeconds?: number; secretIds?: readonly string[] } = {},
  ): Promise<Invocation | 'killed'> {
    let kill = (): void => {};
    const killed = new Promise<'killed'>((resolve) => {
      kill = () => resolve('killed');
    });
    const startedMs = this.clock.now();
    const run = runOnce(event, this.tools(kill, secretIds), {
      claimant: `run-${++this.#ids}`,
      remainingMs: timeoutSeconds * 1000,
    });
    const ended = run.then(
      ({ keys }): Invocation => ({ keys, error: undefined, tookMs: this.clock.now() - startedMs }),
      (error): Invocation => {
        if (!(error instanceof RotationFailed)) throw error;
        return { keys: error.keys, error, tookMs: this.clock.now() - startedMs };
      },
    );
    const first = await this.clock.run(Promise.race([ended, killed]));
    if (first === 'killed') this.newProcess();
    return first;
  }

  tools(kill: () => void, secretIds: readonly string[] = [this.arn]): Tools {
    const { clock, redactor } = this;
    return {
      clock,
      redactor,
      settings: {
        secretIds,
        scheduleIntervalSeconds: HOUR_SECONDS,
        refreshAtFraction: 0.3333,
        authRatePerSecond: this.authRatePerSecond,
        eventBus: 'default',
      },
      versions: new SecretsManagerVersions(this.#secretsClient(kill), clock),
      momento: this.#momentoAuth(kill),
      announcer: new EventBridgeAnnouncer(this.#eventsClient(kill), 'default', redactor, clock),
      pacer: evenPacer(this.authRatePerSecond, clock),
      log: this.#log,
      unstored: this.unstored,
    };
  }

  async #call<T>(name: string, input: unknown, kill: () => void, effect: () => T): Promise<T> {
    const fault = this.fault(name, input);
    await this.clock.sleep(
      typeof fault === 'object' && 'takesMs' in fault ? fault.takesMs : CALL_MS,
    );
    if (fault === 'kill') return this.#dead(kill);
    if (fault === 'silence') return new Promise(() => {});
    if (fault instanceof Error) throw fault;
    this.calls.push(name);
    this.callTimesMs.push(this.clock.now());
    const answer = effect();
    if (fault === 'kill-after') return this.#dead(kill);
    if (fault === 'lose-answer') throw new Error('socket hang up');
    return answer;
  }

  #dead<T>(kill: () => void): Promise<T> {
    kill();
    return new Promise(() => {});
  }

  #secretsClient(kill: () => void): SecretsManagerClient {
    const { secrets } = this;
    const send = async (command: { constructor: { name: string }; input: never }) => {
      const name = command.constructor.name.replace(/Command$/, '');
      return this.#call(name, command.input, kill, () => {
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
          default:
            throw new Error(`The function's role may not call ${name}.`);
        }
      });
    };
    return { send } as unknown as SecretsManagerClient;
  }

  #eventsClient(kill: () => void): EventBridgeClient {
    const send = async (command: { input: never }) =>
      this.#call('PutEvents', command.input, kill, () => this.bus.putEvents(command.input));
    return { send } as unknown as EventBridgeClient;
  }

  #momentoAuth(kill: () => void): MomentoAuth {
    return {
      refresh: (pair: KeyPair): Promise<RefreshedKey> =>
        this.#asMomento(SDK_TIMEOUT_MS, () =>
          this.#call('RefreshApiKey', pair, kill, () => {
            const issued = this.momento.refreshApiToken({
              apiKey: pair.key.wireKey,
              refreshToken: pair.refreshToken,
            });
            const { endpoint, apiKey: api_key } = issued;
            const apiKey = Buffer.from(JSON.stringify({ endpoint, api_key })).toString('base64');
            this.redactor.learn(apiKey, api_key, issued.refreshToken);
            return { ...issued, apiKey };
          }),
        ),
      authenticates: (pair: KeyPair, timeoutMs: number): Promise<boolean> =>
        this.#asMomento(timeoutMs, () =>
          this.#call('ListCaches', pair, kill, () => {
            try {
              this.momento.listCaches(pair.key.wireKey);
              return true;
            } catch (error) {
              if (!(error instanceof MomentoRefusal)) throw error;
              return error.status !== 'UNAUTHENTICATED';
            }
          }),
        ),
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
