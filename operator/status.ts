// `status`: every key, its life, what happens next, what happened last; and what needs a person.

import { AwsTime } from '../lambda/shared/aws-time.ts';
import { systemClock } from '../lambda/shared/clock.ts';
import { type Alarm, findAlarms } from './alarms.ts';
import { chooseKey, findStack, type WholeStack } from './deployment.ts';
import { type ExitCode, PROBLEM, WELL } from './exit-code.ts';
import { explain, named } from './explain.ts';
import { type KeyState, lookAtKey } from './key-state.ts';
import { findPlace, type Place, type PlaceOptions } from './place.ts';
import { statusJson } from './status-json.ts';
import { statusText } from './status-table.ts';
import type { Terminal } from './terminal.ts';

export interface StatusOptions extends PlaceOptions {
  readonly key?: string;
  readonly json?: boolean;
  readonly watch?: boolean;
}

export interface Status {
  readonly stack: Pick<WholeStack['deployment'], 'stackName' | 'region' | 'accountId' | 'status'>;
  readonly place: Place;
  readonly nowMs: number;
  readonly scheduleIntervalSeconds: number;
  readonly refreshAtFraction: number;
  readonly keys: readonly KeyState[];
  /** Undefined when they cannot be read: `alarmsProblem` says why. */
  readonly alarms: readonly Alarm[] | undefined;
  readonly alarmsProblem: string | undefined;
}

/** Requests cost money. */
const WATCH_EVERY_MS = 15_000;
const WATCH_LOCAL_EVERY_MS = 1_000;

export async function status(
  options: StatusOptions,
  terminal: Terminal,
  projectDirectory: string,
): Promise<ExitCode> {
  const { stack, now } = await terminal.progress('Looking for the stack', async () => {
    const place = await findPlace(options, projectDirectory);
    const found = await findStack(place, projectDirectory).catch((error: unknown) => {
      throw explain(error, place);
    });
    const awsTime = new AwsTime(systemClock);
    awsTime.listenTo(found.secretsManager);
    return { stack: found, now: () => awsTime.now() };
  });
  const chosen =
    options.key === undefined
      ? stack.keys
      : [chooseKey(stack.keys, options.key, 'status', stack.place)];
  const look = () => lookAtAll({ ...stack, keys: chosen }, terminal, now);

  if (options.watch) {
    const { watch } = await import('./watch.ts');
    return watch({
      look,
      everyMs: stack.place.isLocal ? WATCH_LOCAL_EVERY_MS : WATCH_EVERY_MS,
      inFull: (seen) => shown(seen, options, terminal),
      json: options.json === true,
      terminal,
      clock: systemClock,
    });
  }
  const seen = await terminal.progress('Looking at the keys', look);
  terminal.print(shown(seen, options, terminal));
  return exitCodeOf(seen);
}

export const exitCodeOf = ({ keys, alarms }: Status): ExitCode =>
  keys.length === 0 ||
  keys.some(({ needsPerson }) => needsPerson) ||
  alarms === undefined ||
  alarms.some(({ state }) => state === 'ALARM')
    ? PROBLEM
    : WELL;

async function lookAtAll(
  { place, deployment, rotation, keys, versions }: WholeStack,
  { redactor }: Terminal,
  now: () => number,
): Promise<Status> {
  const { settings } = rotation;
  const alarms = findAlarms(deployment.stackName, place).then(
    (found) => ({ alarms: found, alarmsProblem: undefined }),
    (error: unknown) => ({
      alarms: undefined,
      alarmsProblem: explain(error, place).message || named(error).name,
    }),
  );
  const states = await Promise.all(
    keys.map((key) => lookAtKey(key, { versions, redactor, place, pace: settings, now })),
  );
  return {
    stack: deployment,
    place,
    nowMs: now(),
    scheduleIntervalSeconds: settings.scheduleIntervalSeconds,
    refreshAtFraction: settings.refreshAtFraction,
    keys: states,
    ...(await alarms),
  };
}

function shown(seen: Status, { json }: StatusOptions, terminal: Terminal): string {
  if (json) return JSON.stringify(statusJson(seen), null, 2);
  return statusText(seen, {
    colours: terminal.colours,
    columns: terminal.columns(),
    ...(terminal.isScreen && { foldAt: terminal.columns() }),
  });
}
