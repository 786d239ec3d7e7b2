// One vend function over local Momento (real gRPC) and local Secrets Manager (in memory), on a simulated clock.
// Whatever it answers, logs and counts is kept, for rules that hold of every vend.

import type { Clock } from '../../../lambda/shared/clock.ts';
import { GrpcUnary } from '../../../lambda/shared/grpc-unary.ts';
import { Redactor } from '../../../lambda/shared/redaction.ts';
import { parsePolicies } from '../../../lambda/shared/token-policies.ts';
import type { HttpAnswer } from '../../../lambda/vend-token/answer.ts';
import type { RenderSettings } from '../../../lambda/vend-token/render.ts';
import { type Telemetry, telemetry } from '../../../lambda/vend-token/telemetry.ts';
import { TimeBounds } from '../../../lambda/vend-token/time-bounds.ts';
import { OwnTokens } from '../../../lambda/vend-token/token-source.ts';
import { OwnTurns } from '../../../lambda/vend-token/turns.ts';
import { vend } from '../../../lambda/vend-token/vend.ts';
import { SecretVendingKey } from '../../../lambda/vend-token/vending-key.ts';
import { METHOD } from '../../../lambda/vend-token/wire.ts';
import { SecretsManager } from '../../../local/aws/secrets-manager.ts';
import {
  type Credential,
  type DownloadedKey,
  MomentoAccount,
  type MomentoAccountOptions,
} from '../../../local/momento/account.ts';
import type { CallOutcome, Fault } from '../../../local/momento/calls.ts';
import { bareKey } from '../../../local/momento/keys.ts';
import { type MomentoServer, startMomentoServer } from '../../../local/momento/server.ts';
import { SimulatedClock } from '../simulated-clock.ts';

export const START = '2026-03-01T12:00:00Z';

/** The design's example. */
export const POLICIES = {
  roles: {
    'data-entry': {
      expiresInMinutes: 15,
      tokenId: '${sub}',
      permissions: [
        { role: 'readonly', cache: 'calendar-events', item: { keyPrefix: '${custom:tenantId}:' } },
        { role: 'publishsubscribe', cache: 'collaboration', topic: '${custom:tenantId}-events' },
      ],
    },
    viewer: {
      expiresInMinutes: 30,
      permissions: [
        { role: 'readonly', cache: 'calendar-events', item: { keyPrefix: '${custom:tenantId}:' } },
      ],
    },
  },
};

export interface TokenBody {
  readonly authToken: string;
  readonly endpoint: string;
  readonly expiresAt: number;
  readonly expiresIn: number;
  readonly tokenId?: string;
}

export interface LogLine {
  readonly level: string;
  readonly message: string;
  readonly [field: string]: unknown;
}

export interface WorldOptions {
  readonly momento?: Partial<MomentoAccountOptions>;
  readonly settings?: Partial<RenderSettings>;
  readonly policies?: unknown;
  readonly clock?: SimulatedClock;
}

/** What the stack says by default, with these policies. */
export const settingsOf = (policies: unknown): RenderSettings => ({
  policies: parsePolicies(policies, { maxLifeSeconds: 3_600, maxPermissions: 10, claims: 'any' }),
  authType: 'cognito',
  tokenUse: 'id',
  publicRole: undefined,
  maxLifeSeconds: 3_600,
  maxPermissions: 10,
});

/** What the function itself writes, line by line. */
export const saidTo = (lines: string[], redactor: Redactor, clock: Pick<Clock, 'now'>): Telemetry =>
  telemetry({
    service: 'vend-token',
    namespace: 'Tests',
    redactor,
    now: () => clock.now(),
    write: (text) => lines.push(...text.trimEnd().split('\n')),
  });

export class World {
  readonly clock: SimulatedClock;
  readonly redactor = new Redactor();
  readonly account: MomentoAccount;
  readonly secrets: SecretsManager;
  readonly arn: string;
  readonly keys: SecretVendingKey;
  readonly settings: RenderSettings;

  /** What Momento does to the call with that number among those for tokens, from 1. */
  momentoFault: (turn: number) => Fault | undefined = () => undefined;
  /** What befalls a read of the secret. */
  secretFault: () => Error | undefined = () => undefined;
  /** How long an answer of Secrets Manager is on its way. */
  secretTakes: () => Promise<void> = () => Promise.resolve();
  /** A call to Momento, from 1, is given up after as much real time: no simulated time passes in it. */
  patienceOf: (turn: number) => number = () => 20_000;
  /** Calls for tokens that reached Momento. */
  readonly minted: CallOutcome[] = [];
  /** When each of them was begun, in simulated time, and how long it was allowed to take. */
  readonly begun: { readonly atMs: number; readonly timeoutMs: number }[] = [];
  readonly answers: HttpAnswer[] = [];
  readonly counted: string[] = [];
  secretReads = 0;
  readonly logged: string[] = [];

  readonly #said: Telemetry;
  #server: MomentoServer | undefined;
  #connection: GrpcUnary | undefined;
  #ids = 0;

  constructor({
    momento = {},
    settings = {},
    policies = POLICIES,
    clock = new SimulatedClock(START),
  }: WorldOptions = {}) {
    this.clock = clock;
    const now = () => this.clock.now();
    const newId = () => `00000000-0000-4000-8000-${String(++this.#ids).padStart(12, '0')}`;
    this.account = new MomentoAccount({
      now,
      newId,
      signingKey: 'of the tests',
      authOperationsPerSecond: 1_000_000,
      ...momento,
    });
    this.secrets = new SecretsManager({
      region: 'eu-west-1',
      accountId: '123456789012',
      now,
      newId,
    });
    this.arn = this.secrets.createSecret({ Name: 'Key' }).ARN ?? '';
    this.settings = { ...settingsOf(policies), ...settings };
    this.#said = saidTo(this.logged, this.redactor, this.clock);
    this.keys = this.newProcess();
  }

  /** With a super-user key imported, unless told otherwise. */
  static async start(options: WorldOptions & { readonly imported?: boolean } = {}): Promise<World> {
    const world = new World(options);
    world.#server = await startMomentoServer({
      account: world.account,
      intercept: ({ method }) =>
        `/${method}` === METHOD ? world.momentoFault(world.minted.length + 1) : undefined,
      onCall: (outcome) => {
        if (`/${outcome.method}` === METHOD) world.minted.push(outcome);
      },
    });
    world.#connection = new GrpcUnary({ origin: `http://${world.#server.endpoint}` });
    if (options.imported !== false) world.import();
    return world;
  }

  get endpoint(): string {
    return this.account.endpoint;
  }

  get lines(): LogLine[] {
    return this.logged.map((line) => JSON.parse(line));
  }

  get nowSeconds(): number {
    return Math.floor(this.clock.now() / 1000);
  }

  /** A key made in the console and imported, as a person does it. */
  import(scope: 'super-user' | 'all-data-read-write' = 'super-user'): DownloadedKey {
    const key = this.account.createKeyInConsole({ lifetimeSeconds: 86_400 * 30, scope });
    this.put(JSON.stringify(key));
    return key;
  }

  put(text: string): void {
    this.secrets.putSecretValue({ SecretId: this.arn, SecretString: text });
  }

  /** What applications read now. */
  current(): DownloadedKey {
    return JSON.parse(this.secrets.getSecretValue({ SecretId: this.arn }).SecretString ?? '');
  }

  /** The memory of a process that has read nothing yet. */
  newProcess(): SecretVendingKey {
    const read = async (SecretId: string) => {
      this.secretReads += 1;
      const fault = this.secretFault();
      if (fault !== undefined) throw fault;
      const answer = this.secrets.getSecretValue({ SecretId });
      // The answer is of the moment of the call, and comes later.
      await this.secretTakes();
      return answer;
    };
    return new SecretVendingKey(read, this.arn, this.redactor, this.clock);
  }

  /** An event of API Gateway with the claims of a caller of tenant acme. */
  event(claims: Readonly<Record<string, unknown>> = {}, more: object = {}): unknown {
    const all = {
      sub: 'user-1',
      token_use: 'id',
      exp: `${this.nowSeconds + 3_600}`,
      'cognito:groups': '[data-entry]',
      'custom:tenantId': 'acme',
      ...claims,
    };
    const given = Object.entries(all).filter(([, value]) => value !== undefined);
    return {
      version: '2.0',
      routeKey: 'POST /token',
      rawPath: '/token',
      requestContext: {
        http: { method: 'POST', path: '/token' },
        authorizer: { jwt: { claims: Object.fromEntries(given), scopes: null } },
      },
      ...more,
    };
  }

  /** One vend to its end, time moving as it sleeps. */
  async vend(event: unknown = this.event(), keys = this.keys): Promise<HttpAnswer> {
    return this.clock.run(this.vendInstantly(event, keys));
  }

  /** The same with time standing still: for many at once. */
  async vendInstantly(event: unknown, keys = this.keys): Promise<HttpAnswer> {
    const connection = this.#connection;
    if (connection === undefined) throw new Error('start() the world first');
    const { clock } = this;
    const time = new TimeBounds(clock);
    const tokens = new OwnTokens({
      keys,
      clock,
      time,
      // Turns have tests of their own.
      turns: new OwnTurns(time, 0, 0),
      call: (tokenEndpoint, path, request, timeoutMs) => {
        if (tokenEndpoint !== `token.${this.endpoint}`) {
          throw new Error(`${tokenEndpoint} is not Momento's`);
        }
        this.begun.push({ atMs: clock.now(), timeoutMs });
        return connection.call(path, request, this.patienceOf(this.begun.length));
      },
    });
    const { log, prepare, publish } = this.#said;
    const answer = await vend(event, {
      settings: this.settings,
      tokens,
      time,
      log,
      prepare,
      count: (metric, detail) => {
        this.counted.push(detail === undefined ? metric : `${metric} ${detail}`);
      },
    });
    publish();
    this.answers.push(answer);
    return answer;
  }

  /** What Momento has on record of a vended token. */
  recorded({ body }: HttpAnswer): Credential {
    const { authToken }: TokenBody = JSON.parse(body);
    return this.account.authenticate(bareKey(authToken));
  }

  /** Ends the server alone. */
  async stopMomento(): Promise<void> {
    await this.#server?.close();
  }

  async close(): Promise<void> {
    this.#connection?.close();
    await this.stopMomento();
  }
}

export const tokenOf = ({ body }: HttpAnswer): TokenBody => JSON.parse(body);
export const codeOf = ({ body }: HttpAnswer): unknown => JSON.parse(body).code;

/** A credential's permissions in the words of the policies: one line each. */
export function grantsOf({ permissions }: Credential): string[] {
  return permissions.explicit.permissions.map((permission) => {
    if (permission.has_cache_permissions) {
      const { role, cache_selector, cache_item, item_selector } = permission.cache_permissions;
      const text = (bytes: Uint8Array) => Buffer.from(bytes).toString('utf8');
      const items =
        cache_item !== 'item_selector'
          ? 'all'
          : item_selector.kind === 'key'
            ? `key ${text(item_selector.key)}`
            : `prefix ${text(item_selector.key_prefix)}`;
      return `items ${role} ${cache_selector.cache_name} ${items}`;
    }
    const { role, cache_selector, topic, topic_selector } = permission.topic_permissions;
    const topics = topic === 'all_topics' ? 'all' : topic_selector.topic_name;
    return `topics ${role} ${cache_selector.cache_name} ${topics}`;
  });
}
