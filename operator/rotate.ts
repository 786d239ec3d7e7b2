// `rotate`: the function renews keys now, or proves that it could.

import * as v from 'valibot';
import { duration, instant } from '../lambda/rotate-key/wording.ts';
import { chooseKey, findStack, type Key, type WholeStack } from './deployment.ts';
import { type ExitCode, PROBLEM, WELL } from './exit-code.ts';
import { explain } from './explain.ts';
import { inOurWords } from './key-state.ts';
import { findPlace, type Place, type PlaceOptions, typed } from './place.ts';
import { Problem, wrongUsage } from './problem.ts';
import type { Terminal } from './terminal.ts';

export interface RotateOptions extends PlaceOptions {
  readonly key?: string;
  readonly dryRun?: boolean;
  readonly yes?: boolean;
}

/** One key's result, as the function answers it. */
export interface Rotated {
  readonly key: Key;
  readonly outcome: string;
  readonly reason: string;
  readonly message: string;
  /** Epoch seconds; 0 never; null unknown. */
  readonly validUntil: number | null;
}

const KeyResult = v.object({
  outcome: v.string(),
  reason: v.string(),
  message: v.string(),
  validUntil: v.nullable(v.number()),
});
const RunResult = v.object({ keys: v.tuple([KeyResult]) });
const RunError = v.looseObject({ errorType: v.string(), errorMessage: v.string() });

export async function rotate(
  options: RotateOptions,
  terminal: Terminal,
  projectDirectory: string,
): Promise<ExitCode> {
  const place = await findPlace(options, projectDirectory);
  try {
    const stack = await terminal.progress('Looking for the stack', () =>
      findStack(place, projectDirectory),
    );
    const keys = await chosenKeys(stack, options, terminal);
    if (keys === undefined) {
      terminal.note('Nothing was changed.');
      return PROBLEM;
    }
    let code: ExitCode = WELL;
    for (const key of keys) {
      const what = options.dryRun
        ? `Trying what a rotation of ${key.name} needs`
        : `Renewing ${key.name}`;
      const result = await terminal.progress(what, () =>
        saidAtCtrlC(terminal, key, place, runOn(key, options.dryRun === true, stack)),
      );
      if (!isWell(result, options.dryRun === true)) code = PROBLEM;
      for (const line of linesOf(result, options.dryRun === true, place, terminal))
        terminal.print(line);
    }
    return code;
  } catch (error) {
    throw explain(error, place);
  }
}

/** A run cannot be called back. */
async function saidAtCtrlC<T>(
  { interrupted, note }: Terminal,
  { name }: Key,
  place: Place,
  run: Promise<T>,
): Promise<T> {
  const say = () => {
    note(
      `\nThe function ends its run on ${name} all the same. ${typed(`status --key ${name}`, place)}`,
    );
  };
  interrupted.addEventListener('abort', say, { once: true });
  try {
    return await run;
  } finally {
    interrupted.removeEventListener('abort', say);
  }
}

/** Undefined when the person would rather not. */
async function chosenKeys(
  { keys, place }: WholeStack,
  { key, dryRun, yes }: RotateOptions,
  terminal: Terminal,
): Promise<readonly Key[] | undefined> {
  if (key !== undefined) return [chooseKey(keys, key, 'rotate', place)];
  if (keys.length <= 1 || dryRun || yes) return keys;
  const names = keys.map(({ name }) => name).join(', ');
  const answer = await terminal.confirm(`Renew all ${keys.length} keys now (${names})?`);
  if (answer === undefined) {
    throw wrongUsage(
      `There are ${keys.length} keys: ${names}. Name one with --key, or renew all of them.`,
      typed('rotate --yes', place),
    );
  }
  return answer ? keys : undefined;
}

/** Invokes the function and waits for it. Throws `Problem`, or AWS's own errors. */
export async function runOn(
  key: Key,
  dryRun: boolean,
  { rotation, place }: Pick<WholeStack, 'rotation' | 'place'>,
): Promise<Rotated> {
  const { InvokeCommand, LambdaClient } = await import('@aws-sdk/client-lambda');
  // One try, without an end: a second request would be a second run, and a run takes minutes where Momento is slow.
  const client = new LambdaClient({
    ...place.client,
    maxAttempts: 1,
    requestHandler: { connectionTimeout: 3_000 },
  });
  const event = dryRun
    ? { secretId: key.secretArn, dryRun: true }
    : { secretId: key.secretArn, force: true };
  const { FunctionError, Payload } = await client.send(
    new InvokeCommand({
      FunctionName: rotation.function.name,
      Payload: Buffer.from(JSON.stringify(event)),
    }),
  );
  return resultOf(
    key,
    JSON.parse(Buffer.from(Payload ?? []).toString()),
    FunctionError !== undefined,
    place,
  );
}

/** Throws `Problem` for what is no answer of the function's own. */
export function resultOf(key: Key, payload: unknown, hasFailed: boolean, place: Place): Rotated {
  const read = v.safeParse(RunResult, payload);
  if (!hasFailed && read.success) return { key, ...read.output.keys[0] };
  const failure = v.safeParse(RunError, payload);
  if (!failure.success) {
    throw new Problem('The function answered with something that is no result.', {
      next: 'npx cdk deploy',
    });
  }
  const { errorType, errorMessage } = failure.output;
  // `<secret>: <code>: <sentence>`
  const [, reason, message] = /^\S+: ([a-z0-9-]+): (.*)$/s.exec(errorMessage) ?? [];
  if (errorType === 'RotationFailed' && reason !== undefined && message !== undefined) {
    return { key, outcome: 'failed', reason, message, validUntil: null };
  }
  throw new Problem(`The function failed: ${errorType}: ${errorMessage}`, {
    next: typed('doctor', place),
  });
}

/** It did what was asked for. */
export function isWell({ outcome, reason }: Rotated, dryRun: boolean): boolean {
  if (dryRun) return reason === 'dry-run' || outcome === 'never-expires';
  return ['rotated', 'resumed'].includes(outcome);
}

function linesOf(
  result: Rotated,
  dryRun: boolean,
  place: Place,
  { colours }: Terminal,
): readonly string[] {
  const { key, outcome, reason, message, validUntil } = result;
  const name = colours.bold(key.name);
  if (isWell(result, dryRun)) {
    const until =
      dryRun || !validUntil
        ? ''
        : ` The new key ends at ${instant(validUntil * 1000)}, in ${duration(validUntil - Date.now() / 1000)}.`;
    return [`${colours.green('✓')} ${name}: ${message}${until}`];
  }
  const sign = outcome === 'failed' ? colours.red('✗') : colours.yellow('!');
  return [
    `${sign} ${name}: ${reason}: ${inOurWords(reason, message)}`,
    `  ${colours.cyan(nextAfter(reason, key, place))}`,
  ];
}

/** The next thing to type, by the reason (docs/reasons.md). */
export function nextAfter(reason: string, { name }: Key, place: Place): string {
  switch (reason) {
    case 'no-value':
    case 'unparsable-value':
    case 'key-expired':
    case 'key-refused':
    case 'refresh-token-spent':
    case 'no-refresh-token':
    case 'v2-key':
      return typed(`import momento_key.json --key ${name}`, place);
    case 'claimed-by-another-run':
    case 'current-moved':
    case 'backing-off':
    case 'out-of-time':
    case 'never-expires':
      return typed(`status --key ${name}`, place);
    case 'access-denied':
    case 'kms-unusable':
      return 'npx cdk deploy --revert-drift';
    default:
      return `docs/reasons.md says what to do for ${reason}`;
  }
}
