// The storms: many logins at once against eight processes of the function and a Momento that refuses above its rate.

import { type Caller, Callers, type Login, until } from './storm-callers.ts';
import {
  always,
  atLeast,
  atMost,
  figuresOf,
  type StormFigures,
  type Target,
  waitsFrom,
} from './storm-figures.ts';
import { Instances } from './storm-instances.ts';
import type { MomentoCall, StandIns } from './storm-stand-ins.ts';

export interface Report {
  readonly title: string;
  readonly figures: StormFigures;
  readonly targets: readonly Target[];
  /** How often each warning and error was logged. */
  readonly troubles: ReadonlyMap<string, number>;
  readonly calls: readonly MomentoCall[];
  readonly logins: readonly Login[];
}

export interface Storm {
  readonly standIns: StandIns;
  /** For each instance how far its clock is ahead. @default all are right */
  readonly clockOffsetsMs?: readonly number[];
  /** Told of everyone who got a token. */
  readonly onServed?: (served: number) => void;
}

/** One per second is rotation's, the rest vending's. */
export const stormConfig = (ratePerSecond: number, whileLifeLeft = 0.5) => ({
  authRatePerSecond: ratePerSecond + 1,
  tokenEndpoint: { policies: 'bench/storm-policies.json', sharing: { whileLifeLeft } },
});

const INSTANCES = 8;
const TRUE_CLOCKS: readonly number[] = Array(INSTANCES).fill(0);
/** Up to a minute off, to either side; some so little that AWS does not mind. */
export const WRONG_CLOCKS_MS: readonly number[] = [
  0, 300, -300, 700, -700, 60_000, -60_000, 20_000,
];

/** Everybody at once, with shared scopes; whoever is told to comes back. */
export async function sharedStorm(
  storm: Storm,
  { logins: asked, tenants }: { readonly logins: number; readonly tenants: number },
): Promise<Report> {
  const run = newName();
  const callers = Array.from({ length: asked }, (_, index): Caller => {
    const tenant = `tenant-${run}-${index % tenants}`;
    return { user: `user-${run}-${index}`, tenant, role: 'shared', sharesWith: tenant };
  });
  const raged = await rage(storm, (all) => Promise.all(callers.map((one) => all.logIn(one))));
  const { logins, figures } = raged;
  const later = waitsFrom(logins, CALM_AFTER_MS);
  return {
    ...raged,
    title: `${asked} logins as fast as they come, over ${tenants} tenants with shared scopes, from cold`,
    targets: [
      ...always(figures),
      atLeast('logins served', figures.served, asked),
      atMost('tokens minted, of one for each tenant', figures.minted / tenants, 1),
      atMost(
        `waits after ${CALM_AFTER_MS / 1_000} s, of ${later.requests} requests`,
        later.waits,
        0,
      ),
    ],
  };
}

const CALM_AFTER_MS = 30_000;

/** Everybody at once, each with a token of his own; whoever is told to comes back. */
export async function ownStorm(
  storm: Storm,
  { logins: asked }: { readonly logins: number },
): Promise<Report> {
  const run = newName();
  const callers = Array.from({ length: asked }, (_, index) => ownCaller(`user-${run}-${index}`));
  const raged = await rage(storm, (all) => Promise.all(callers.map((one) => all.logIn(one))));
  const { figures } = raged;
  const dictatedSeconds = asked / figures.ratePerSecond;
  return {
    ...raged,
    title: `${asked} users at once, each with a token id of his own`,
    targets: [
      ...always(figures),
      atLeast('logins served', figures.served, asked),
      // Where clocks are wrong the rate may be used less well.
      atMost(
        'time, of what the rate dictates',
        figures.tookSeconds / dictatedSeconds,
        storm.clockOffsetsMs === undefined ? 1.2 : 1.5,
      ),
      atMost('tries of one caller', figures.mostTries, 4),
    ],
  };
}

/** The same, but coming all the time, more than can be served; and nobody comes back. */
export async function overloadStorm(
  storm: Storm,
  { perSecond, seconds }: { readonly perSecond: number; readonly seconds: number },
): Promise<Report> {
  const run = newName();
  const raged = await rage(storm, (all) =>
    openLoop(perSecond, seconds, (index) =>
      all.logIn({ ...ownCaller(`user-${run}-${index}`), comesBack: false }),
    ),
  );
  const { figures } = raged;
  return {
    ...raged,
    title: `${perSecond} logins per second for ${seconds} s, each with a token id of his own; nobody comes back`,
    targets: [
      ...always(figures),
      // An instance that begins knows the time to a second only, and its first turns are so much wider.
      atLeast(
        'tokens, of what the rate allows in that time',
        figures.partOfRate,
        0.9 - 3 / Math.max(seconds, 10),
      ),
      atMost('ms until the last 429', figures.turnedAway.max, 1_100),
    ],
  };
}

/** Shared tokens that end while the storm goes on, so that what is in memory and in the table is too old again and again. */
export async function shortLivesStorm(
  storm: Storm,
  {
    perSecond,
    seconds,
    tenants,
  }: { readonly perSecond: number; readonly seconds: number; readonly tenants: number },
): Promise<Report> {
  const run = newName();
  const raged = await rage(storm, (all) =>
    openLoop(perSecond, seconds, (index) => {
      const tenant = `tenant-${run}-${index % tenants}`;
      const role = index % tenants < tenants / 2 ? 'shared-10-seconds' : 'shared-20-seconds';
      return all.logIn({ user: `user-${run}-${index}`, tenant, role, sharesWith: tenant });
    }),
  );
  const { figures } = raged;
  return {
    ...raged,
    title: `${perSecond} logins per second for ${seconds} s, over ${tenants} tenants whose tokens live 10 or 20 s`,
    targets: [
      ...always(figures),
      atLeast('logins served', figures.served, figures.asked),
      atLeast('tokens minted, of one for each tenant', figures.minted / tenants, 1.5),
    ],
  };
}

/** Names of one storm are not those of another one on the same stand-ins. */
let names = 0;
function newName(): number {
  names += 1;
  return names;
}

const ownCaller = (user: string): Caller => ({
  user,
  tenant: 'everyone',
  role: 'own',
  sharesWith: user,
});

async function openLoop(
  perSecond: number,
  seconds: number,
  logIn: (index: number) => Promise<Login>,
): Promise<Login[]> {
  const beganAtMs = Date.now();
  const logins: Promise<Login>[] = [];
  for (let index = 0; index < perSecond * seconds; index += 1) {
    await until(beganAtMs + (index * 1_000) / perSecond);
    logins.push(logIn(index));
  }
  return Promise.all(logins);
}

async function rage(
  { standIns, clockOffsetsMs = TRUE_CLOCKS, onServed = () => {} }: Storm,
  run: (callers: Callers) => Promise<Login[]>,
): Promise<Omit<Report, 'title' | 'targets'>> {
  await standIns.takeMomentoCalls();
  const instances = new Instances(standIns, clockOffsetsMs);
  let served = 0;
  const callers = new Callers(instances, () => {
    served += 1;
    onServed(served);
  });
  try {
    const logins = await run(callers);
    const calls = await standIns.takeMomentoCalls();
    const figures = figuresOf(logins, calls, standIns.ratePerSecond);
    return { logins, calls, figures, troubles: instances.troubles };
  } finally {
    await instances.close();
  }
}
