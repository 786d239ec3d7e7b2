// What the stack costs a month: docs/cost.md shows what this computes, and a test compares the two.

/** USD, us-east-1, list prices of late 2025, before tax, and written down by hand. */
export const PRICES = {
  secretMonth: 0.4,
  secretCalls: 0.05 / 10_000,
  kmsKeyMonth: 1,
  kmsCalls: 0.03 / 10_000,
  lambdaRequests: 0.2 / 1_000_000,
  /** arm64 */
  lambdaGbSeconds: 0.0000133334,
  busEvents: 1 / 1_000_000,
  httpApiRequests: 1 / 1_000_000,
  /** On demand; of up to 1 KB, and of up to 4 KB read eventually consistent for half of one. */
  tableWrites: 0.625 / 1_000_000,
  tableReads: 0.125 / 1_000_000,
  gbOut: 0.09,
  metricMonth: 0.3,
  alarmMonth: 0.1,
  dashboardMonth: 3,
  logGbIn: 0.5,
  logGbMonth: 0.03,
  /** Essentials, the plan of a new user pool */
  activeUsers: 0.015,
} as const;

type Priced = keyof typeof PRICES;

/** What an account has free every month, for as long as it exists. Of new accounts' credits nothing is here. */
export const FREE: Readonly<Partial<Record<Priced, number>>> = {
  kmsCalls: 20_000,
  lambdaRequests: 1_000_000,
  lambdaGbSeconds: 400_000,
  gbOut: 100,
  metricMonth: 10,
  alarmMonth: 10,
  dashboardMonth: 3,
  logGbIn: 5,
  activeUsers: 10_000,
};

/**
 * What one thing takes. Calls, memory and the lines of the functions are those of the code: a test
 * counts them on the local stack. Seconds are guesses on the safe side, for AWS: on two shared cores
 * with everything on loopback a cold run takes 0.8 s and a warm vend 0.02 s.
 */
export const TAKES = {
  hoursInAMonth: 730,
  /** The default schedule. */
  runsPerHour: 1,
  /** Every hourly run starts cold. */
  runSeconds: 2,
  runMemoryGb: 256 / 1024,
  callsPerKeyAndRun: 2,
  /** A key of 90 days is renewed after 60. */
  renewalsPerKey: 0.5,
  callsPerRenewal: 12,
  putsPerRenewal: 2,
  /** One process of one application per key; `client/node` looks every 60 s. */
  readsPerKeyAndHour: 60,
  mintSeconds: 0.12,
  /** From memory, nearly always. */
  sharedVendSeconds: 0.02,
  vendMemoryGb: 512 / 1024,
  /** Logins come in waves: at the top of one five times as many as on average. */
  peak: 5,
  /** Even for a few logins. Each reads the vending key once a minute. */
  warmInstancesAtLeast: 2,
  /** Scopes that are in use all day: tenants times roles. */
  scopes: 100,
  /** A life of 30 minutes, shared while half of it is left. */
  mintsPerScopeAndHour: 4,
  /** Two for the lease, on an item that holds the token before; one for the turn, two for the sealed token. */
  tableWritesPerMint: 5,
  /** Half of one for the token, one for the turn. */
  tableReadsPerMint: 1.5,
  /** When an instance meets a scope whose token another instance has minted. */
  tableReadsPerLook: 0.5,
  /** The function's two lines, Lambda's own two, and the gateway's one. */
  logBytesPerVend: 2_400,
  /** The function's two lines and Lambda's own three. */
  logBytesPerRun: 2_500,
  logBytesPerKeyAndRun: 600,
  bytesOutPerVend: 1_200,
  logMonths: 3,
  rotationAlarms: 8,
  endpointAlarms: 4,
  rotationMetrics: 7,
  endpointMetrics: 8,
  /** Detailed metrics of the one route: Count, 4xx, 5xx, Latency, IntegrationLatency, DataProcessed. */
  routeMetrics: 6,
} as const;

export interface Use {
  readonly keys: number;
  /** Regions besides the stack's own that have a replica of each secret. @default 0 */
  readonly replicas?: number;
  /** KMS keys of one's own; every secret is encrypted with one of them. @default 0 */
  readonly kmsKeys?: number;
  /** @default there is no token endpoint */
  readonly vends?: number;
  /** `tokenEndpoint.sharing`. @default true */
  readonly sharing?: boolean;
  /** Users of the stack's own user pool that log in. @default 0 */
  readonly users?: number;
}

export interface Item {
  readonly what: string;
  readonly priced: Priced;
  readonly quantity: number;
}

/** Everything that is charged, in a month. */
export function itemsOf({
  keys,
  replicas = 0,
  kmsKeys = 0,
  vends,
  sharing = true,
  users = 0,
}: Use): readonly Item[] {
  const runs = TAKES.hoursInAMonth * TAKES.runsPerHour;
  const looks = keys * runs * TAKES.callsPerKeyAndRun;
  const renewals = keys * TAKES.renewalsPerKey;
  const reads = keys * TAKES.readsPerKeyAndHour * TAKES.hoursInAMonth;
  const hasEndpoint = vends !== undefined;
  const { mints, looks: tableLooks, instances } = vending(vends ?? 0, sharing);
  const vendReads = hasEndpoint ? instances * 60 * TAKES.hoursInAMonth : 0;
  const decrypts = looks / 2 + renewals * (TAKES.putsPerRenewal + 2) + reads + vendReads;
  const logGb =
    (runs * (TAKES.logBytesPerRun + keys * TAKES.logBytesPerKeyAndRun) +
      (vends ?? 0) * TAKES.logBytesPerVend) /
    1e9;
  const gbSeconds =
    runs * TAKES.runSeconds * TAKES.runMemoryGb +
    (mints * TAKES.mintSeconds + ((vends ?? 0) - mints) * TAKES.sharedVendSeconds) *
      TAKES.vendMemoryGb;
  const item = (what: string, priced: Priced, quantity: number): Item => ({
    what,
    priced,
    quantity,
  });
  return [
    item('Secrets, replicas counted', 'secretMonth', keys * (1 + replicas)),
    item(
      'Calls to Secrets Manager',
      'secretCalls',
      looks + renewals * TAKES.callsPerRenewal + reads + vendReads,
    ),
    item('KMS keys', 'kmsKeyMonth', kmsKeys),
    item('Calls to KMS', 'kmsCalls', kmsKeys > 0 ? decrypts : 0),
    item('Lambda: requests', 'lambdaRequests', runs + (vends ?? 0)),
    item('Lambda: GB-seconds', 'lambdaGbSeconds', gbSeconds),
    item('EventBridge: ticks and events', 'busEvents', runs + renewals),
    item('HTTP API: requests', 'httpApiRequests', vends ?? 0),
    item('DynamoDB: writes', 'tableWrites', sharing ? mints * TAKES.tableWritesPerMint : 0),
    item(
      'DynamoDB: reads',
      'tableReads',
      sharing ? mints * TAKES.tableReadsPerMint + tableLooks * TAKES.tableReadsPerLook : 0,
    ),
    item('GB to the internet', 'gbOut', ((vends ?? 0) * TAKES.bytesOutPerVend) / 1e9),
    item(
      'CloudWatch: metrics',
      'metricMonth',
      TAKES.rotationMetrics + (hasEndpoint ? TAKES.endpointMetrics + TAKES.routeMetrics : 0),
    ),
    item(
      'CloudWatch: alarms',
      'alarmMonth',
      TAKES.rotationAlarms + (hasEndpoint ? TAKES.endpointAlarms : 0),
    ),
    item('CloudWatch: dashboards', 'dashboardMonth', 1),
    item('Logs: GB written', 'logGbIn', logGb),
    item('Logs: GB kept', 'logGbMonth', logGb * TAKES.logMonths),
    item('Cognito: active users', 'activeUsers', users),
  ];
}

/** What so many logins take. Without sharing each is minted, however many Momento lets an account mint. */
function vending(vends: number, sharing: boolean) {
  const perSecond = vends / TAKES.hoursInAMonth / 3_600;
  const seconds = sharing ? TAKES.sharedVendSeconds : TAKES.mintSeconds;
  const instances = Math.max(
    TAKES.warmInstancesAtLeast,
    Math.ceil(perSecond * TAKES.peak * seconds),
  );
  if (!sharing) return { mints: vends, looks: 0, instances };
  const renewals = TAKES.scopes * TAKES.mintsPerScopeAndHour * TAKES.hoursInAMonth;
  const mints = Math.min(vends, renewals);
  return { mints, looks: Math.min(vends - mints, (instances - 1) * renewals), instances };
}

/** USD a month; with `free` less what an account has free. */
export function costOf({ priced, quantity }: Item, { free }: { free: boolean }): number {
  const charged = free ? Math.max(0, quantity - (FREE[priced] ?? 0)) : quantity;
  return charged * PRICES[priced];
}

/** The columns of the first table of docs/cost.md. */
export const USES: Readonly<Record<string, Use>> = {
  '1 key': { keys: 1 },
  '10 keys': { keys: 10 },
  '10 keys, KMS, a replica each': { keys: 10, kmsKeys: 1, replicas: 1 },
  '1 key, 1 million tokens': { keys: 1, vends: 1_000_000, users: 5_000 },
};

/** The columns of the second one: what sharing saves. */
export const SHARING_USES: Readonly<Record<string, Use>> = {
  '1 key, 1 million tokens, shared': { keys: 1, vends: 1_000_000 },
  'each minted': { keys: 1, vends: 1_000_000, sharing: false },
  '1,000 keys, 100 million tokens, shared': { keys: 1_000, vends: 100_000_000 },
  'each minted, if Momento let you': { keys: 1_000, vends: 100_000_000, sharing: false },
};

/** A table of docs/cost.md. */
export function costTable(columnUses: Readonly<Record<string, Use>> = USES): string {
  const uses = Object.entries(columnUses);
  const columns = uses.map(([, use]) => itemsOf(use));
  const rows = (columns[0] ?? []).map(({ what, priced }, row) => {
    const cells = columns.map((items) => {
      const item = items[row];
      if (item === undefined || item.quantity === 0) return '–';
      return `${quantity(item.quantity)} = ${dollars(costOf(item, { free: false }))}`;
    });
    return line([what, unitPrice(priced), ...cells]);
  });
  const total = (free: boolean) =>
    columns.map((items) => dollars(items.reduce((sum, item) => sum + costOf(item, { free }), 0)));
  return [
    line(['', 'USD each', ...uses.map(([name]) => name)]),
    line(['---', '---:', ...uses.map(() => '---:')]),
    ...rows,
    line(['**At list prices**', '', ...total(false).map((it) => `**${it}**`)]),
    line(['**Less what an account has free**', '', ...total(true).map((it) => `**${it}**`)]),
  ].join('\n');
}

const line = (cells: readonly string[]): string => `| ${cells.join(' | ')} |`;
const dollars = (usd: number): string => usd.toFixed(2);
const quantity = (value: number): string =>
  value.toLocaleString('en-US', { maximumSignificantDigits: value < 10 ? 2 : 6 });
/** Prices of a single call are long; ten digits hold the smallest. */
const unitPrice = (priced: Priced): string =>
  PRICES[priced].toFixed(10).replace(/0+$/, '').replace(/\.$/, '');
