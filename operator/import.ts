// `import`: a key goes in. Read, asked of Momento, compared with what is there, and only then stored.

import { randomUUID } from 'node:crypto';
import { PutSecretValueCommand } from '@aws-sdk/client-secrets-manager';
import { dueAtMs, type Pace } from '../lambda/rotate-key/due.ts';
import { duration, instant } from '../lambda/rotate-key/wording.ts';
import { AwsTime } from '../lambda/shared/aws-time.ts';
import { systemClock } from '../lambda/shared/clock.ts';
import { credentialsIn, parseSecretValue } from '../lambda/shared/secret-value.ts';
import type { SecretVersion, SecretVersions } from '../lambda/shared/secret-versions.ts';
import {
  type Candidate,
  doubtsOf,
  fieldsToKeep,
  readCandidate,
  renderCandidate,
} from './candidate.ts';
import { chooseKey, findStack, type Key } from './deployment.ts';
import { type ExitCode, PROBLEM, WELL } from './exit-code.ts';
import { explain, named } from './explain.ts';
import { fileAgain, readKeyText } from './key-text.ts';
import { findPlace, type Place, type PlaceOptions, typed } from './place.ts';
import { Problem } from './problem.ts';
import { putInPlace } from './put-in-place.ts';
import { shellWord } from './shell-word.ts';
import type { Terminal } from './terminal.ts';

export interface ImportOptions extends PlaceOptions {
  readonly key?: string;
  readonly yes?: boolean;
}

/** For the checks at Momento. */
const MOMENTO_TIMEOUT_MS = 10_000;

export async function importKey(
  file: string,
  options: ImportOptions,
  terminal: Terminal,
  projectDirectory: string,
): Promise<ExitCode> {
  const text = await readKeyText(file, terminal);
  terminal.redactor.learn(...credentialsIn(text));
  // What is no key is said before anybody is asked.
  readCandidate(text, systemClock.now());

  const place = await findPlace(options, projectDirectory);
  try {
    return await putIn(text, file, options, place, terminal, projectDirectory);
  } catch (error) {
    throw explain(error, place);
  }
}

async function putIn(
  text: string,
  file: string,
  options: ImportOptions,
  place: Place,
  terminal: Terminal,
  projectDirectory: string,
): Promise<ExitCode> {
  const stack = await terminal.progress('Looking for the stack', () =>
    findStack(place, projectDirectory),
  );
  const { settings } = stack.rotation;
  const again = `import ${shellWord(fileAgain(file))}`;
  const key = chooseKey(stack.keys, options.key, again, place);
  const awsTime = new AwsTime(systemClock);
  awsTime.listenTo(stack.secretsManager);
  const present = await terminal.progress(`Reading what ${key.name} has now`, () =>
    readPresent(key.secretArn, stack.versions),
  );
  if (present !== undefined) terminal.redactor.learn(...credentialsIn(present.text));
  const candidate = readCandidate(text, awsTime.now());

  const isCorrection = isSameKey(candidate, present);
  if (isCorrection && endOf(present) === candidate.validUntil) {
    terminal.print(`${key.name} has this very key already. Nothing was changed.`);
    return WELL;
  }
  const doubts = [
    ...(await terminal.progress('Asking Momento', () => momentoDoubts(candidate, key, place))),
    ...doubtsOf(candidate, awsTime.now(), settings),
    ...(isCorrection ? [] : presentDoubts(candidate, present, awsTime.now())),
  ];
  for (const doubt of doubts) terminal.note(`${terminal.noteColours.yellow('!')} ${doubt}`, 2);
  if (doubts.length > 0 && !(await isWanted(options, again, key, place, terminal))) {
    terminal.note('Nothing was changed.');
    return PROBLEM;
  }

  const kept = fieldsToKeep(present?.text);
  await terminal.progress('Storing it', async () => {
    const value = renderCandidate(candidate, kept);
    if (present === undefined) {
      await stack.secretsManager.send(
        new PutSecretValueCommand({
          SecretId: key.secretArn,
          SecretString: value,
          ClientRequestToken: randomUUID(),
        }),
      );
      return;
    }
    const { secretArn } = key;
    if (await putInPlace(secretArn, present.versionId, value, stack.versions, systemClock)) return;
    throw new Problem(
      `Somebody else has put another key into ${key.name} meanwhile, and that one stays. Yours is left in a version without a label, which nobody reads and Secrets Manager drops in time: revoke the key in Momento's console if you give it up.`,
      { next: typed(`${again} --key ${key.name}`, place) },
    );
  });
  for (const line of whatComes(candidate, key, {
    pace: settings,
    nowMs: awsTime.now(),
    file,
    place,
    before: isCorrection ? undefined : present,
  })) {
    terminal.print(line, /^ +(Delete|npx) /.test(line) ? undefined : 2);
  }
  const others = Object.keys(kept);
  if (others.length > 0) terminal.print(`Kept beside it, as before: ${others.join(', ')}.`);
  return WELL;
}

/** Undefined for a secret without a value. */
async function readPresent(
  secretArn: string,
  versions: SecretVersions,
): Promise<SecretVersion | undefined> {
  const { labels, deletedAtMs } = await versions.describe(secretArn);
  if (deletedAtMs !== undefined) {
    throw new Problem('The secret waits for its deletion.', {
      next: `aws secretsmanager restore-secret --secret-id ${secretArn}`,
    });
  }
  const versionId = labels.get('AWSCURRENT');
  return versionId === undefined ? undefined : versions.read(secretArn, versionId);
}

/** Whatever is said of its end. */
const isSameKey = (
  { key, refreshToken }: Candidate,
  present: SecretVersion | undefined,
): boolean => {
  if (present === undefined) return false;
  const content = parseSecretValue(present.text);
  if (content.kind === 'pair') {
    return content.pair.key.wireKey === key.wireKey && content.pair.refreshToken === refreshToken;
  }
  return (
    content.kind === 'key-only' && refreshToken === undefined && content.key.wireKey === key.wireKey
  );
};

/** Throws `Problem` for a key that Momento refuses, and when Momento cannot be asked. */
async function momentoDoubts(
  { key, controlEndpoint }: Candidate,
  { name, isVending }: Key,
  { momentoEndpoint }: Place,
): Promise<readonly string[]> {
  if (controlEndpoint === undefined) {
    return ['It does not say where its Momento is, so it could not be checked.'];
  }
  const { rankOf } = await import('./momento-rank.ts');
  const rank = await rankOf({
    wireKey: key.wireKey,
    controlEndpoint,
    localEndpoint: momentoEndpoint,
    timeoutMs: MOMENTO_TIMEOUT_MS,
  }).catch((cause: unknown) => {
    throw new Problem(
      `Momento could not be asked about the key (${controlEndpoint}): ${named(cause).message}`,
      { next: 'Look at the network, and try again. Nothing was changed.', cause },
    );
  });
  if (rank === 'refused') {
    throw new Problem(
      'Momento does not accept this key: it is revoked, or of another account. Nothing was changed.',
      {
        next: "Make a new key in Momento's console, and import that one.",
      },
    );
  }
  if (isVending && rank === 'narrow') {
    return [
      `It is no super-user key, and tokens are made with ${name}: the token endpoint would answer upstream-key-refused to everybody.`,
    ];
  }
  return [];
}

/** Epoch seconds; 0 never; undefined for what is no key, or does not say. */
function endOf(version: SecretVersion | undefined): number | undefined {
  if (version === undefined) return undefined;
  const content = parseSecretValue(version.text);
  if (content.kind === 'unparsable') return undefined;
  return content.kind === 'pair' ? content.pair.validUntil : content.validUntil;
}

/** What would be lost by putting the other key in its place. */
function presentDoubts(
  { validUntil }: Candidate,
  present: SecretVersion | undefined,
  nowMs: number,
): readonly string[] {
  const until = endOf(present);
  if (present === undefined) return [];
  const endsLater =
    until !== undefined &&
    validUntil !== undefined &&
    (until === 0 || until * 1000 > nowMs) &&
    (until === 0 ? validUntil !== 0 : validUntil !== 0 && until > validUntil);
  if (!endsLater) return [];
  const since = instant(present.createdAtMs);
  return [
    until === 0
      ? `The key that is there now (since ${since}) never ends; this one does.`
      : `The key that is there now (since ${since}) ends later than this one: at ${instant(until * 1000)}.`,
  ];
}

/** Throws `Problem` where nobody can be asked. */
async function isWanted(
  { yes }: ImportOptions,
  again: string,
  { name }: Key,
  place: Place,
  terminal: Terminal,
): Promise<boolean> {
  if (yes) return true;
  const answer = await terminal.confirm(`Put it into ${name} all the same?`);
  if (answer !== undefined) return answer;
  throw new Problem('Nothing was changed: say that you want it all the same.', {
    next: typed(`${again} --key ${name} --yes`, place),
  });
}

interface Outlook {
  readonly pace: Pace;
  readonly nowMs: number;
  readonly file: string;
  readonly place: Place;
  /** Another key that was there. */
  readonly before: SecretVersion | undefined;
}

function whatComes(
  { validUntil, kind }: Candidate,
  { name, isVending }: Key,
  { pace, nowMs, file, place, before }: Outlook,
): readonly string[] {
  const ends = validUntil ? `, which ends at ${instant(validUntil * 1000)}` : '';
  const lines = [
    `✓ ${name} has the key${ends}. Applications have it when they read the secret again.`,
  ];
  if (kind === 'renewable' && validUntil) {
    const due = dueAtMs({ createdAtMs: nowMs, validUntil, isEdited: false }, pace);
    lines.push(
      `  It is looked at within ${duration(pace.scheduleIntervalSeconds)}, and renewed from ${instant(due)} on (in ${duration((due - nowMs) / 1000)}).`,
    );
  } else lines.push('  It will not be renewed.');
  const until = endOf(before);
  if (until !== undefined && (until === 0 || until * 1000 > nowMs)) {
    const when = until === 0 ? 'for ever' : `until ${instant(until * 1000)}`;
    lines.push(
      `  The key before it lives on ${when}: revoke it in Momento's console when nobody reads it any more.`,
    );
  }
  if (isVending) lines.push('  The token endpoint makes tokens with it within a minute.');
  if (fileAgain(file) !== '-') lines.push(`  Delete the file: rm ${shellWord(file)}`);
  if (kind === 'renewable' && validUntil !== 0) {
    lines.push(
      '  See that it can be renewed (all but its refresh token, which cannot be tried without spending it):',
      `    ${typed(`rotate --dry-run --key ${name}`, place)}`,
    );
  }
  return lines;
}
