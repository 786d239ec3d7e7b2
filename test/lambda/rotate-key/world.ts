// The rotation code over local Secrets Manager and local Momento, in memory and on a simulated clock.
// The one thing left out is the wire: what the stores decide is what the servers on loopback decide.

import type { SecretsManagerClient } from '@aws-sdk/client-secrets-manager';
import type { KeyEvent } from '../../../lambda/rotate-key/announce.ts';
import type { KeyResult } from '../../../lambda/rotate-key/outcome.ts';
import { evenPacer } from '../../../lambda/rotate-key/pacer.ts';
import { RotationFailed, type RunResult, runOnce } from '../../../lambda/rotate-key/run.ts';
import type { Tools } from '../../../lambda/rotate-key/tools.ts';
import { type MomentoAuth, MomentoFailure } from '../../../lambda/shared/momento-auth.ts';
import { Redactor } from '../../../lambda/shared/redaction.ts';
import type { KeyPair, RefreshedKey } from '../../../lambda/shared/secret-value.ts';
import { SecretsManagerVersions } from '../../../lambda/shared/secret-versions.ts';
import { SecretsManager } from '../../../local/aws/secrets-manager.ts';
import { MomentoAccount, type MomentoAccountOptions } from '../../../local/momento/account.ts';
import { MomentoRefusal } from '../../../local/momento/refusal.ts';
import { SimulatedClock } from '../simulated-clock.ts';

/** What may happen to one call. `kill`: the process is gone before it; `kill-after`: after its effect. */
export type Fault = Error | 'lose-answer' | 'silence' | 'kill' | 'kill-after';

export const TICK = { source: 'aws.events', 'detail-type': 'Scheduled Event' };
export const HOUR_SECONDS = 3_600;
export const DAY_SECONDS = 86_400;

const CALL_MS = 20;

export class World {
  readonly clock = new SimulatedClock();
  readonly secrets: SecretsManager;
  readonly momento: MomentoAccount;
  readonly redactor = new Redactor();
  readonly events: KeyEvent[] = [];
  readonly log: Array<{ level: string; message: string; fields: unknown }> = [];
  /** Every call that reached a store or Momento, in order. */
  readonly calls: string[] = [];
  /** Decides what happens to a call; set by the test. */
  fault: (call: string) => Fault | undefined = () => undefined;
  readonly arn: string;
  #ids = 0;
  #unstored = new Map<string, string>();

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
    this.arn = this.secrets.createSecret({ Name: 'Key' }).ARN ?? '';
  }

  /** A key made in the console and imported, as a person does it. */
  import(lifetimeSeconds = 30 * DAY_SECONDS): void {
    const key = this.momento.createKeyInConsole({ lifetimeSeconds, scope: 'super-user' });
    this.put(JSON.stringify(key));
  }

  put(text: string, versionId?: string, labels?: string[]): string {
    const answer = this.secrets.putSecretValue({
      SecretId: this.arn,
      SecretString: text,
      ...(versionId !== undefined && { ClientRequestToken: versionId }),
      ...(labels !== undefined && { VersionStages: labels }),
    });
    return answer.VersionId ?? '';
  }

  /** Label → version id. */
  labels(): Record<string, string> {
    return Object.fromEntries(
      this.secrets
        .inspect(this.arn)
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
    this.#unstored = new Map();
  }

  /** One invocation, to its end: the first key's result, or `killed`. Failures are results here too. */
  async tick(
    event: unknown = TICK,
    { timeoutSeconds = 300, secretIds = [this.arn] } = {},
  ): Promise<KeyResult | { outcome: 'killed'; reason: 'killed' }> {
    let kill = (): void => {};
    const killed = new Promise<'killed'>((resolve) => {
      kill = () => resolve('killed');
    });
    const run: Promise<RunResult> = runOnce(event, this.tools(kill, secretIds), {
      claimant: `run-${++this.#ids}`,
      remainingMs: timeoutSeconds * 1000,
    }).catch((error) => {
      if (error instanceof RotationFailed) return error;
      throw error;
    });
    const ended = await this.clock.run(Promise.race([run, killed]));
    if (ended === 'killed') {
      this.newProcess();
      return { outcome: 'killed', reason: 'killed' };
    }
    const [first] = ended.keys;
    if (first === undefined) throw new Error('A run has a result for each key.');
    return first;
  }

  tools(kill: () => void, secretIds: readonly string[] = [this.arn]): Tools {
    const { clock, redactor } = this;
    const write = (level: string) => (message: string, fields: unknown) => {
      this.log.push({ level, message, fields: redactor.value(fields) });
    };
    return {
      clock,
      redactor,
      settings: {
        secretIds,
        scheduleIntervalSeconds: HOUR_SECONDS,
        refreshAtFraction: 0.3333,
        authRatePerSecond: 5,
        eventBus: 'default',
      },
      versions: new SecretsManagerVersions(this.#secretsClient(kill), clock),
      momento: this.#momentoAuth(kill),
      announcer: {
        announce: async (events) => {
          await this.#call('PutEvents', kill, () => this.events.push(...events));
        },
      },
      pacer: evenPacer(5, clock),
      log: { info: write('info'), warn: write('warn'), error: write('error') },
      unstored: this.#unstored,
    };
  }

  async #call<T>(name: string, kill: () => void, effect: () => T): Promise<T> {
    const fault = this.fault(name);
    await this.clock.sleep(CALL_MS);
    if (fault === 'kill') return this.#dead(kill);
    if (fault === 'silence') return new Promise(() => {});
    if (fault instanceof Error) throw fault;
    this.calls.push(name);
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
      return this.#call(name, kill, () => {
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

  #momentoAuth(kill: () => void): MomentoAuth {
    return {
      refresh: (pair: KeyPair): Promise<RefreshedKey> =>
        asMomentoFailure(() =>
          this.#call('RefreshApiKey', kill, () => {
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
      authenticates: (pair: KeyPair): Promise<boolean> =>
        asMomentoFailure(() =>
          this.#call('ListCaches', kill, () => {
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
}

async function asMomentoFailure<T>(call: () => Promise<T>): Promise<T> {
  try {
    return await call();
  } catch (error) {
    if (!(error instanceof MomentoRefusal)) {
      throw new MomentoFailure('momento-unreachable', 'scripted outage', { cause: error });
    }
    const limited = error.status === 'RESOURCE_EXHAUSTED';
    throw new MomentoFailure(limited ? 'momento-rate-limited' : 'momento-refused', error.message, {
      cause: error,
    });
  }
}
