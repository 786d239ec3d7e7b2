// `status` for people: a table, what is odd in words, and one sentence at the end. Pure.

import Table from 'cli-table3';
import { duration } from '../lambda/rotate-key/wording.ts';
import { folded } from './folded.ts';
import { type KeyState, shortLife } from './key-state.ts';
import { lifeBar } from './life-bar.ts';
import { typed } from './place.ts';
import { roughly, short } from './short-duration.ts';
import type { Status } from './status.ts';
import type { Colours } from './terminal.ts';

export interface Sheet {
  readonly colours: Colours;
  readonly columns: number;
  /** Sentences are folded there. @default nowhere */
  readonly foldAt?: number;
}

const LEAST_BAR = 8;
const MOST_BAR = 24;
/** What the widest cells of the other columns and the spaces between take, without the key's name and the bar. */
const OTHER_COLUMNS = 60;

export function statusText(status: Status, sheet: Sheet): string {
  const { colours } = sheet;
  const { stack, scheduleIntervalSeconds, keys } = status;
  const { isWell, sentence, next } = summary(status);
  const heading =
    `${colours.bold(stack.stackName)} ` +
    colours.dim(
      `${stack.region}, account ${stack.accountId}; keys are looked at every ${duration(scheduleIntervalSeconds)}`,
    );
  return [
    heading,
    '',
    keyTable(status, sheet),
    ...section(
      '',
      keys.flatMap((key) => remarks(key, status, sheet)),
    ),
    ...section('', labelLines(keys, colours)),
    ...section('', alarmLines(status, colours)),
    '',
    isWell ? `${colours.green('✓')} ${sentence}` : `${colours.red('✗')} ${colours.bold(sentence)}`,
    ...(next === undefined ? [] : [`  ${colours.cyan(next)}`]),
  ].join('\n');
}

const section = (before: string, lines: readonly string[]): readonly string[] =>
  lines.length === 0 ? [] : [before, ...lines];

function keyTable(status: Status, { colours, columns }: Sheet): string {
  const names = status.keys.map(({ name }) => name.length);
  const nameWidth = Math.min(Math.max(3, ...names), columns - OTHER_COLUMNS - LEAST_BAR);
  const barWidth = Math.min(MOST_BAR, Math.max(LEAST_BAR, columns - OTHER_COLUMNS - nameWidth));
  const table = new Table({
    head: ['KEY', 'AGE', 'LIFE LEFT', 'NEXT ATTEMPT', 'LAST RESULT'].map((text) =>
      colours.dim(text),
    ),
    // Its own colours know nothing of NO_COLOR.
    style: { head: [], border: [], 'padding-left': 0, 'padding-right': 2, compact: true },
    chars: NO_BORDERS,
  });
  for (const key of status.keys) {
    table.push([
      colours.bold(cut(key.name, nameWidth)),
      key.createdAtMs === undefined ? '–' : roughly((status.nowMs - key.createdAtMs) / 1000),
      lifeCell(key, status.nowMs, barWidth, colours),
      nextCell(key, status, colours),
      lastCell(key, status.nowMs, colours),
    ]);
  }
  return table
    .toString()
    .split('\n')
    .map((line) => line.trimEnd())
    .join('\n');
}

const NO_BORDERS = Object.fromEntries(
  ['top', 'top-mid', 'top-left', 'top-right', 'bottom', 'bottom-mid', 'bottom-left', 'bottom-right']
    .concat(['left', 'left-mid', 'mid', 'mid-mid', 'right', 'right-mid', 'middle'])
    .map((name) => [name, '']),
);

const cut = (text: string, width: number): string =>
  text.length <= width ? text : `${text.slice(0, width - 1)}…`;

function lifeCell(
  { validUntil, createdAtMs }: KeyState,
  nowMs: number,
  width: number,
  colours: Colours,
): string {
  if (validUntil === undefined || createdAtMs === undefined) return '–';
  if (validUntil === 0) return 'never ends';
  const leftMs = validUntil * 1000 - nowMs;
  const bar = lifeBar(leftMs / (validUntil * 1000 - createdAtMs), width, colours);
  return `${bar} ${leftMs <= 0 ? colours.red('ended') : short(leftMs / 1000)}`;
}

/** The schedule's next tick is not known, only that it comes within its interval. */
function nextCell(
  key: KeyState,
  { nowMs, scheduleIntervalSeconds }: Status,
  colours: Colours,
): string {
  if (key.nextAttemptAtMs === undefined) return key.needsPerson ? colours.red('none') : 'none';
  const seconds = (key.nextAttemptAtMs - nowMs) / 1000;
  if (seconds > 0) return `in ${short(seconds)}`;
  return `within ${roughly(scheduleIntervalSeconds)}`;
}

function lastCell({ last, needsPerson }: KeyState, nowMs: number, colours: Colours): string {
  const ago = last.atMs === undefined ? '' : ` ${roughly((nowMs - last.atMs) / 1000)} ago`;
  switch (last.result) {
    case 'rotated':
    case 'imported':
      return `${last.result}${ago}`;
    case 'attempt-failed':
      return colours.red(`${last.attempts} failed`);
    case 'running':
      return 'running now';
    case 'none':
      return colours.yellow('no key yet');
    case 'unknown':
      return needsPerson ? colours.red('unreadable') : 'unknown';
  }
}

/** What a person should know of a key beyond its row. */
function remarks(
  key: KeyState,
  status: Status,
  { colours, foldAt = Number.POSITIVE_INFINITY }: Sheet,
): readonly string[] {
  const say = (sign: string, sentence: string) =>
    lines.push(folded(`${sign} ${colours.bold(key.name)}: ${sentence}`, foldAt, 2));
  const lines: string[] = [];
  if (key.needsPerson) {
    say(colours.red('✗'), key.message);
    if (key.remedy !== undefined) lines.push(`  ${colours.cyan(key.remedy)}`);
  } else if (key.next !== 'not-due' && key.next !== undefined) {
    say(colours.dim('·'), key.message);
  }
  const tooShort = key.next === 'key-expired' ? undefined : shortLife(key, status);
  if (tooShort !== undefined) say(colours.yellow('!'), tooShort);
  return lines;
}

function labelLines(keys: readonly KeyState[], colours: Colours): readonly string[] {
  return keys.flatMap(({ name, labels }) => {
    if (labels.length === 0) return [];
    const lasting = labels.filter(({ meaning }) => meaning === undefined);
    return [
      colours.dim(
        `labels  ${name}: ${lasting.map(({ label, versionId }) => `${label} ${versionId.slice(0, 8)}`).join(', ')}`,
      ),
      ...labels.flatMap(({ label, versionId, meaning }) =>
        meaning === undefined
          ? []
          : [`        ${colours.yellow(label)} ${versionId.slice(0, 8)}: ${meaning}`],
      ),
    ];
  });
}

function alarmLines({ alarms, alarmsProblem, nowMs }: Status, colours: Colours): readonly string[] {
  if (alarms === undefined)
    return [`${colours.red('✗')} The alarms cannot be read: ${alarmsProblem}`];
  if (alarms.length === 0) return [`${colours.yellow('!')} The stack has no alarms.`];
  const loud = alarms.filter(({ state }) => state === 'ALARM');
  const silent = alarms.filter(({ state }) => state === 'INSUFFICIENT_DATA').length;
  const fine = alarms.length - loud.length - silent;
  const counts = [
    `${fine} OK`,
    ...(silent > 0 ? [`${silent} without data yet`] : []),
    ...(loud.length > 0 ? [`${loud.length} in alarm`] : []),
  ];
  return [
    ...loud.flatMap(({ sentence, section: at, sinceMs }) => [
      `${colours.red('ALARM')} ${sentence}${sinceMs === undefined ? '' : colours.dim(` (${short((nowMs - sinceMs) / 1000)})`)}`,
      ...(at === undefined ? [] : [`  ${colours.cyan(at)}`]),
    ]),
    colours.dim(`alarms  ${counts.join(', ')}`),
  ];
}

/** One sentence: is anybody needed? */
export function summary({ keys, alarms, place }: Status): {
  readonly isWell: boolean;
  readonly sentence: string;
  /** Where to look further. */
  readonly next?: string;
} {
  const broken = keys.filter(({ needsPerson }) => needsPerson).map(({ name }) => name);
  const loud = alarms?.filter(({ state }) => state === 'ALARM').length ?? 0;
  const needs = [
    ...(keys.length === 0 ? ['there is no key'] : []),
    ...(broken.length > 0 ? [`the key${broken.length === 1 ? '' : 's'} ${broken.join(', ')}`] : []),
    ...(loud > 0 ? [`${loud} alarm${loud === 1 ? '' : 's'}`] : []),
    ...(alarms === undefined ? ['the alarms, which cannot be read'] : []),
  ];
  if (needs.length > 0) {
    return {
      isWell: false,
      sentence: `A person is needed: ${needs.join('; ')}.`,
      next: typed('doctor', place),
    };
  }
  return {
    isWell: true,
    sentence:
      keys.length === 1
        ? 'All is well: the key is kept fresh.'
        : `All is well: ${keys.length} keys are kept fresh.`,
  };
}

/** A line per key, where nothing can be drawn over. */
export function watchLines(status: Status): readonly string[] {
  const time = new Date(status.nowMs).toISOString().slice(0, 19).replace('T', ' ');
  const { sentence } = summary(status);
  return [
    ...status.keys.map(({ name, validUntil, next, last, createdAtMs }) => {
      const left = validUntil ? `${short(validUntil - status.nowMs / 1000)} left` : 'no end';
      return `${time}  ${name}  ${createdAtMs === undefined ? 'no key' : left}  next: ${next ?? 'unknown'}  last: ${last.result}`;
    }),
    `${time}  ${sentence}`,
  ];
}
