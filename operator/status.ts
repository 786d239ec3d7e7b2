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

  if (options.watch) return watch(look, options, stack.place, terminal);
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

/** Until Ctrl-C, which is how a person ends it: the exit code is that of the last look. */
async function watch(
  look: () => Promise<Status>,
  options: StatusOptions,
  place: Place,
  terminal: Terminal,
): Promise<ExitCode> {
  const { watchLines } = await import('./status-table.ts');
  const everyMs = place.isLocal ? WATCH_LOCAL_EVERY_MS : WATCH_EVERY_MS;
  const { interrupted, isScreen } = terminal;
  let drawnRows = 0;
  let last: ExitCode = WELL;
  while (!interrupted.aborted) {
    const seen = await orInterrupted(look(), interrupted);
    if (seen === undefined) break;
    last = exitCodeOf(seen);
    if (options.json) terminal.print(JSON.stringify(statusJson(seen)));
    else if (isScreen) {
      const text = `${shown(seen, options, terminal)}\n\n${terminal.colours.dim('Ctrl-C ends it.')}`;
      terminal.print(over(drawnRows, terminal.rows()) + text);
      drawnRows = text.split('\n').length;
    } else for (const line of watchLines(seen)) terminal.print(line);
    await systemClock.sleep(everyMs, interrupted);
  }
  return last;
}

/** Goes back to the beginning of what was drawn, or of the screen where that has left it. */
function over(drawnRows: number, rows: number): string {
  if (drawnRows === 0) return '';
  return drawnRows < rows ? `\u001b[${drawnRows}A\u001b[J` : '\u001b[2J\u001b[H';
}

async function orInterrupted<T>(work: Promise<T>, signal: AbortSignal): Promise<T | undefined> {
  return Promise.race([
    work,
    new Promise<undefined>((resolve) => {
      if (signal.aborted) resolve(undefined);
      signal.addEventListener('abort', () => resolve(undefined), { once: true });
    }),
  ]);
}
