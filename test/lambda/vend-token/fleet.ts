// Several instances of the function over one table (dynalite behind local AWS) and one Momento (real gRPC), in simulated
// time: it stands still while anything is under way, and moves on when all that is left is waiting.

import type { Clock } from '../../../lambda/shared/clock.ts';
import { GrpcUnary } from '../../../lambda/shared/grpc-unary.ts';
import { Redactor } from '../../../lambda/shared/redaction.ts';
import { pairVersionId } from '../../../lambda/shared/version-id.ts';
import type { HttpAnswer } from '../../../lambda/vend-token/answer.ts';
import {
  AwsFailure,
  type AwsJsonCall,
  awsJsonService,
} from '../../../lambda/vend-token/aws-json.ts';
import { LONGEST_WAIT_MS, lanesFor } from '../../../lambda/vend-token/pace.ts';
import type { RenderSettings } from '../../../lambda/vend-token/render.ts';
import { DynamoDbTable } from '../../../lambda/vend-token/table.ts';
import { TableTurns } from '../../../lambda/vend-token/table-turns.ts';
import type { Telemetry } from '../../../lambda/vend-token/telemetry.ts';
import { TimeBounds } from '../../../lambda/vend-token/time-bounds.ts';
import { LEASE_MS, type TokenItem, TokenItems } from '../../../lambda/vend-token/token-items.ts';
import { SharedTokens } from '../../../lambda/vend-token/token-source.ts';
import { OwnTurns } from '../../../lambda/vend-token/turns.ts';
import { vend } from '../../../lambda/vend-token/vend.ts';
import { SecretVendingKey } from '../../../lambda/vend-token/vending-key.ts';
import { METHOD } from '../../../lambda/vend-token/wire.ts';
import { type DynamoDb, startDynamoDb } from '../../../local/aws/dynamodb.ts';
import type { AccessKey } from '../../../local/aws/principals.ts';
import type { Fault as AwsFault } from '../../../local/aws/server.ts';
import { type Credential, MomentoAccount } from '../../../local/momento/account.ts';
import type { Fault as MomentoFault } from '../../../local/momento/calls.ts';
import { bareKey } from '../../../local/momento/keys.ts';
import { type MomentoServer, startMomentoServer } from '../../../local/momento/server.ts';
import { ACCOUNT_ID, counter, REGION, type Stack, startStack } from '../../local/aws/builders.ts';
import { SimulatedClock } from '../simulated-clock.ts';
import { POLICIES, START, saidTo, settingsOf, type TokenBody } from './world.ts';

export const TABLE = 'Shared';

/** True time. */
export class TrueClock extends SimulatedClock {
  #underWay = 0;

  /** Time stands still until it is over. */
  async during<T>(work: Promise<T>): Promise<T> {
    this.#underWay += 1;
    try {
      return await work;
    } finally {
      this.#underWay -= 1;
    }
  }

  protected override isBusy(): boolean {
    return this.#underWay > 0;
  }
}

/** A host's clock, which may be wrong. */
export class HostClock implements Clock {
  readonly #truth: TrueClock;
  offsetMs: number;

  constructor(truth: TrueClock, offsetMs = 0) {
    this.#truth = truth;
    this.offsetMs = offsetMs;
  }

  now(): number {
    return this.#truth.now() + this.offsetMs;
  }

  sleep(delayMs: number): Promise<void> {
    return this.#truth.sleep(delayMs);
  }

  random(): number {
    return this.#truth.random();
  }
}

/** What somebody knows who needs to hear nothing. */
export class ExactTime extends TimeBounds {
  readonly #truth: TrueClock;
  readonly #widthMs: number;

  constructor(truth: TrueClock, widthMs = 0) {
    super(truth);
    this.#truth = truth;
    this.#widthMs = widthMs;
  }

  override earliest(): number {
    return this.#truth.now() - this.#widthMs / 2;
  }

  override latest(): number {
    return this.#truth.now() + this.#widthMs / 2;
  }
}

/** One table behind local AWS, over the wire. */
export class SharedTable {
  readonly clock: TrueClock;
  readonly stack: Stack;
  /** The operations that reached it, `GetItem` and so on, those that failed included. */
  readonly calls: string[] = [];
  /** How often the secret was read. */
  secretReads = 0;
  /** What befalls a call that is about to take effect. */
  fault: (operation: string, input: unknown) => AwsFault | undefined = () => undefined;
  /** How long a call takes, in simulated time; beyond its time it is given up. */
  takesMs: (operation: string) => number = () => 0;
  readonly #dynamoDb: DynamoDb;
  readonly #role: AccessKey;

  private constructor(clock: TrueClock, stack: Stack, dynamoDb: DynamoDb) {
    this.clock = clock;
    this.stack = stack;
    this.#dynamoDb = dynamoDb;
    this.#role = stack.role(
      {
        Effect: 'Allow',
        Action: ['dynamodb:GetItem', 'dynamodb:PutItem', 'dynamodb:UpdateItem'],
        Resource: `arn:aws:dynamodb:${REGION}:${ACCOUNT_ID}:table/${TABLE}`,
      },
      { Effect: 'Allow', Action: 'secretsmanager:GetSecretValue', Resource: '*' },
    );
  }

  static async start(clock = new TrueClock(START)): Promise<SharedTable> {
    const dynamoDb = await startDynamoDb({ region: REGION, accountId: ACCOUNT_ID }, [
      {
        name: TABLE,
        keySchema: [{ AttributeName: 'id', KeyType: 'HASH' }],
        attributeDefinitions: [{ AttributeName: 'id', AttributeType: 'S' }],
        billingMode: 'PAY_PER_REQUEST',
        timeToLiveAttribute: 'expiresAt',
      },
    ]);
    let table: SharedTable | undefined;
    const stack = await startStack({
      relayed: [dynamoDb.service],
      now: () => clock.now(),
      intercept: ({ action, input }) => {
        const [service, operation = ''] = action.split(':');
        return service === 'dynamodb' ? table?.fault(operation, input) : undefined;
      },
      onCall: ({ action, principalArn }) => {
        const [service, operation = ''] = action.split(':');
        if (table === undefined || !principalArn.includes('assumed-role')) return;
        if (service === 'dynamodb') table.calls.push(operation);
        else table.secretReads += 1;
      },
    });
    table = new SharedTable(clock, stack, dynamoDb);
    return table;
  }

  /** As one instance sees it. */
  service(name: 'dynamodb' | 'secretsmanager', clock: Clock, time: TimeBounds): AwsJsonCall {
    const isTable = name === 'dynamodb';
    const call = awsJsonService(
      {
        service: name,
        region: REGION,
        endpoint: this.stack.server.url,
        target: isTable ? 'DynamoDB_20120810' : 'secretsmanager',
        jsonVersion: isTable ? '1.0' : '1.1',
      },
      {
        credentials: async () => this.#role,
        // Nothing sleeps while a call is under way.
        clock: { now: () => clock.now(), random: () => 0, sleep: () => Promise.resolve() },
        time,
      },
    );
    return async (operation, input, options) => {
      const { timeoutMs, maxTries } = options;
      const takesMs = isTable ? this.takesMs(operation) : 0;
      if (takesMs >= timeoutMs) {
        await clock.sleep(timeoutMs * maxTries);
        throw new AwsFailure('timeout', `${operation}: simulated`, { isTransient: true });
      }
      await clock.sleep(takesMs / 2);
      // This machine may be slow: only what is simulated is too slow.
      const answer = await this.clock.during(
        call(operation, input, { ...options, timeoutMs: 20_000 }),
      );
      await clock.sleep(takesMs / 2);
      return answer;
    };
  }

  /** With the operator's own credentials, past whatever befalls the others. */
  async #asOperator(operation: string, input: object): Promise<unknown> {
    const clock = { now: () => this.clock.now(), random: () => 0, sleep: () => Promise.resolve() };
    const call = awsJsonService(
      {
        service: 'dynamodb',
        region: REGION,
        endpoint: this.stack.server.url,
        target: 'DynamoDB_20120810',
        jsonVersion: '1.0',
      },
      { credentials: async () => this.stack.operator, clock, time: new TimeBounds(clock) },
    );
    const { fault } = this;
    this.fault = () => undefined;
    try {
      return await call(
        operation,
        { TableName: TABLE, ...input },
        { timeoutMs: 20_000, maxTries: 1 },
      );
    } finally {
      this.fault = fault;
    }
  }

  /** Everything that is in it, in DynamoDB's own form. */
  async scan(): Promise<Record<string, Record<string, string>>[]> {
    const answer = await this.#asOperator('Scan', {});
    return (answer as { Items: Record<string, Record<string, string>>[] }).Items;
  }

  /** The item of that id, in DynamoDB's own form. */
  async item(id: string): Promise<Record<string, Record<string, string>> | undefined> {
    return (await this.scan()).find((item) => item.id?.S === id);
  }

  /** Somebody writes into it: `attributes` in DynamoDB's own form, wrong ones too. */
  async write(id: string, attributes: object): Promise<void> {
    await this.#asOperator('PutItem', { Item: { id: { S: id }, ...attributes } });
  }

  async close(): Promise<void> {
    await this.stack.close();
    await this.#dynamoDb.close();
  }
}

export interface InstanceOptions {
  /** By how much its clock is wrong. @default 0 */
  readonly offsetMs?: number;
  /** @default 0.5 */
  readonly whileLifeLeft?: number;
  /** It has not heard AWS yet, and will know the time to a second only for a while. @default false */
  readonly isCold?: boolean;
  /** It knows the time to the millisecond, whatever it hears. @default false */
  readonly isExact?: boolean;
  /** Instead of those in the table. */
  readonly items?: (time: TimeBounds) => TokenItems;
}

/** One instance: what Lambda would run in a process of its own. */
export interface Instance {
  readonly clock: HostClock;
  readonly time: TimeBounds;
  readonly keys: SecretVendingKey;
  /** `Vended`, `UpstreamErrors upstream-timeout` and so on. */
  readonly counted: string[];
  /** One request to its end, time moving as all wait. */
  vend(claims?: Readonly<Record<string, unknown>>): Promise<HttpAnswer>;
  /** The same without moving time: for many at once. */
  begin(claims?: Readonly<Record<string, unknown>>): Promise<HttpAnswer>;
}

export interface FleetOptions {
  /** @default 4 */
  readonly ratePerSecond?: number;
  readonly policies?: unknown;
}

/** The instances of one deployment, and all that they share. */
export class Fleet {
  readonly clock: TrueClock;
  readonly table: SharedTable;
  readonly redactor = new Redactor();
  readonly arn: string;
  /** A request to Momento, from 1. */
  momentoFault: (turn: number) => MomentoFault | undefined = () => undefined;
  /** By how much Momento's clock is ahead of the truth. */
  momentoAheadMs = 0;
  /** How long a request is on its way from the gateway: while an instance starts, for one. */
  eventAgeMs = 0;
  /** How long Momento takes, in simulated time. */
  momentoTakesMs: (turn: number) => number = () => 0;
  /** True time of each request that Momento got. */
  readonly mintedAtMs: number[] = [];
  readonly logged: string[] = [];
  account: MomentoAccount;
  /** What was done for a new token, in order. */
  readonly happened: string[] = [];
  readonly #said: Telemetry;
  readonly #ratePerSecond: number;
  readonly #settings: RenderSettings;
  readonly #accounts: MomentoAccount[] = [];
  readonly #servers: MomentoServer[] = [];
  readonly #connections = new Map<string, GrpcUnary>();
  #asked = 0;
  #ids = 0;

  private constructor(table: SharedTable, account: MomentoAccount, options: FleetOptions) {
    this.table = table;
    this.clock = table.clock;
    this.account = account;
    this.#ratePerSecond = options.ratePerSecond ?? 4;
    this.arn = table.stack.secrets.createSecret({ Name: 'Key' }).ARN ?? '';
    this.#settings = settingsOf(options.policies ?? POLICIES);
    this.#said = saidTo(this.logged, this.redactor, this.clock);
  }

  /** With a super-user key imported. */
  static async start(options: FleetOptions = {}): Promise<Fleet> {
    const table = await SharedTable.start();
    let fleet: Fleet | undefined;
    const now = () => table.clock.now() + (fleet?.momentoAheadMs ?? 0);
    fleet = new Fleet(table, Fleet.#newAccount(now, 'first'), options);
    await fleet.#serve(fleet.account);
    fleet.import();
    return fleet;
  }

  static #newAccount(now: () => number, name: string): MomentoAccount {
    return new MomentoAccount({
      now,
      newId: counter(),
      signingKey: `of ${name}`,
      authOperationsPerSecond: 1_000_000,
    });
  }

  async #serve(account: MomentoAccount): Promise<void> {
    const server = await startMomentoServer({
      account,
      intercept: ({ method }) =>
        `/${method}` === METHOD ? this.momentoFault(this.mintedAtMs.length) : undefined,
    });
    this.#accounts.push(account);
    this.#servers.push(server);
    this.#connections.set(
      `token.${account.endpoint}`,
      new GrpcUnary({ origin: `http://${server.endpoint}` }),
    );
  }

  /** Requests that Momento got. */
  get minted(): number {
    return this.mintedAtMs.length;
  }

  get nowSeconds(): number {
    return this.clock.now() / 1_000;
  }

  get lines(): Record<string, unknown>[] {
    return this.logged.map((line) => JSON.parse(line));
  }

  /** A key made in the console and imported, as a person does it. */
  import(): void {
    const key = this.account.createKeyInConsole({
      lifetimeSeconds: 86_400 * 30,
      scope: 'super-user',
    });
    this.table.stack.secrets.putSecretValue({
      SecretId: this.arn,
      SecretString: JSON.stringify(key),
    });
  }

  /** Another Momento account, and a key of it imported. */
  async changeAccount(): Promise<void> {
    this.account = Fleet.#newAccount(() => this.clock.now(), 'another');
    await this.#serve(this.account);
    this.import();
  }

  /** The vending key is renewed, as rotate-key does it. */
  renewKey(): void {
    const { secrets } = this.table.stack;
    const { SecretString = '', VersionId = '' } = secrets.getSecretValue({ SecretId: this.arn });
    const { apiKey, refreshToken } = JSON.parse(SecretString);
    const { apiKey: jwt, ...issued } = this.account.refreshApiToken({
      apiKey: bareKey(apiKey),
      refreshToken,
    });
    const wrapped = JSON.stringify({ endpoint: issued.endpoint, api_key: jwt });
    secrets.putSecretValue({
      SecretId: this.arn,
      ClientRequestToken: pairVersionId({ arn: this.arn, currentVersionId: VersionId }, 0),
      SecretString: JSON.stringify({
        ...issued,
        apiKey: Buffer.from(wrapped).toString('base64'),
      }),
    });
  }

  instance({
    offsetMs = 0,
    whileLifeLeft = 0.5,
    isCold = false,
    isExact = false,
    items,
  }: InstanceOptions = {}): Instance {
    const clock = new HostClock(this.clock, offsetMs);
    const time = isExact ? new ExactTime(this.clock) : new TimeBounds(clock);
    if (!isCold) {
      // What answers at the beginning and at the end of a second tell.
      time.hear(this.clock.now(), clock.now());
      time.hear(this.clock.now() - 999, clock.now());
    }
    const counted: string[] = [];
    const count = (metric: string, detail?: string) => {
      counted.push(detail === undefined ? metric : `${metric} ${detail}`);
    };
    const secretsManager = this.table.service('secretsmanager', clock, time);
    const keys = new SecretVendingKey(
      (SecretId) =>
        secretsManager('GetSecretValue', { SecretId }, { timeoutMs: 2_000, maxTries: 2 }),
      this.arn,
      this.redactor,
      clock,
    );
    const table = new DynamoDbTable(this.table.service('dynamodb', clock, time), TABLE);
    const ratePerSecond = this.#ratePerSecond;
    const { slotMs, count: lanes } = lanesFor(ratePerSecond);
    const tokens = new SharedTokens({
      keys,
      clock,
      time,
      call: (...call) => this.#ask(...call),
      connect: (endpoint, timeoutMs) => {
        this.happened.push('connect');
        return this.clock.during(this.#connectionTo(endpoint).ready(timeoutMs));
      },
      items: items?.(time) ?? new TokenItems(table, time),
      turns: new TableTurns({ table, time, clock, ratePerSecond }),
      ownTurns: new OwnTurns(time, slotMs / lanes, LONGEST_WAIT_MS),
      whileLifeLeft,
      newId: () => `lease-${++this.#ids}`,
      onTrouble: (trouble, why) => {
        this.#said.log.warn(trouble, { why });
        count(trouble, why);
      },
    });
    const begin = (claims: Readonly<Record<string, unknown>> = {}) =>
      vend(this.event(claims), {
        settings: this.#settings,
        tokens,
        time,
        log: this.#said.log,
        prepare: (...line) => {
          this.happened.push('made ready');
          return this.#said.prepare(...line);
        },
        count,
      }).finally(this.#said.publish);
    return {
      clock,
      time,
      keys,
      counted,
      begin,
      vend: (claims) => this.clock.run(begin(claims)),
    };
  }

  async #ask(
    endpoint: string,
    path: string,
    request: Uint8Array,
    timeoutMs: number,
  ): Promise<Uint8Array> {
    this.mintedAtMs.push(this.clock.now());
    this.#asked += 1;
    await this.clock.sleep(this.momentoTakesMs(this.#asked));
    this.happened.push('asked');
    const answer = await this.clock.during(
      this.#connectionTo(endpoint).call(path, request, timeoutMs),
    );
    this.happened.push('answered');
    return answer;
  }

  #connectionTo(endpoint: string): GrpcUnary {
    const connection = this.#connections.get(endpoint);
    if (connection === undefined) throw new Error(`${endpoint} is not Momento's`);
    return connection;
  }

  /** Of a viewer of tenant acme: his scope has no token id, so that it is shared. */
  event(claims: Readonly<Record<string, unknown>> = {}): unknown {
    const all = {
      sub: 'user-1',
      token_use: 'id',
      exp: `${Math.floor(this.nowSeconds) + 3_600}`,
      'cognito:groups': '[viewer]',
      'custom:tenantId': 'acme',
      ...claims,
    };
    return {
      version: '2.0',
      requestContext: {
        timeEpoch: this.clock.now() - this.eventAgeMs,
        http: { method: 'POST', path: '/token' },
        authorizer: { jwt: { claims: all, scopes: null } },
      },
    };
  }

  /** What Momento has on record of a vended token, whichever account made it. */
  recorded({ body }: HttpAnswer): Credential & { readonly account: MomentoAccount } {
    const { authToken }: TokenBody = JSON.parse(body);
    const refusals: unknown[] = [];
    for (const account of this.#accounts) {
      try {
        return { ...account.authenticate(bareKey(authToken)), account };
      } catch (refusal) {
        refusals.push(refusal);
      }
    }
    throw new Error('No account knows this token, or it is dead.', { cause: refusals });
  }

  async close(): Promise<void> {
    for (const connection of this.#connections.values()) connection.close();
    for (const server of this.#servers) await server.close();
    await this.table.close();
  }
}

/** Items that many instances of one process share, for as many requests as a wire would take long for. */
export class MemoryItems extends TokenItems {
  readonly #items: Map<string, TokenItem & { readonly leaseId?: string }>;
  readonly #time: TimeBounds;

  constructor(items: Map<string, TokenItem>, time: TimeBounds) {
    super({ get: notThere, put: notThere, update: notThere }, time);
    this.#items = items;
    this.#time = time;
  }

  override async read(shareKey: string): Promise<TokenItem> {
    return this.#items.get(shareKey) ?? NOTHING;
  }

  override async lease(shareKey: string, leaseId: string): Promise<boolean> {
    const item = this.#items.get(shareKey) ?? NOTHING;
    if (this.isLeased(item)) return false;
    const leaseUntilMs = this.#time.latest() + LEASE_MS;
    this.#items.set(shareKey, { ...item, leaseId, leaseUntilMs });
    return true;
  }

  override async release(
    shareKey: string,
    leaseId: string,
    promise?: { readonly atMs: number; readonly sentAway: number },
  ): Promise<void> {
    const item = this.#items.get(shareKey);
    if (item?.leaseId !== leaseId) return;
    const { sealed, promisedAtMs, sentAway } = item;
    this.#items.set(shareKey, {
      sealed,
      leaseUntilMs: undefined,
      promisedAtMs: promise?.atMs ?? promisedAtMs,
      sentAway: promise?.sentAway ?? sentAway,
    });
  }

  override async store(shareKey: string, sealed: Uint8Array): Promise<void> {
    this.#items.set(shareKey, { ...NOTHING, sealed });
  }
}

const NOTHING: TokenItem = {
  sealed: undefined,
  leaseUntilMs: undefined,
  promisedAtMs: undefined,
  sentAway: 0,
};
const notThere = (): Promise<never> => Promise.reject(new Error('there is no table'));

/** The most that came in any second, the first instant included and the last one not. */
export function mostPerSecond(timesMs: readonly number[]): number {
  const sorted = [...timesMs].sort((a, b) => a - b);
  const counts = sorted.map(
    (fromMs, index) => sorted.slice(index).filter((atMs) => atMs < fromMs + 1_000).length,
  );
  return Math.max(0, ...counts);
}

/** The lanes of an item whose turns are all taken until then: epoch milliseconds, four per second. */
export const takenUntil = (atMs: number) =>
  Object.fromEntries([0, 1, 2, 3].map((lane) => [`lane${lane}`, { N: `${atMs}` }]));
