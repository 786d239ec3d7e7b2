// `status` for people: a table, what is odd in words, and one sentence at the end. Pure.

import { stripVTControlCharacters } from 'node:util';
import Table from 'cli-table3';
import { duration } from '../lambda/rotate-key/wording.ts';
import { folded } from './folded.ts';
import { type KeyState, shortLife, wrongEndSentence } from './key-state.ts';
import { lifeBar } from './life-bar.ts';
import { typed } from './place.ts';
import { isTyped } from './remedy.ts';
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
/** A shorter one tells nothing: rather go without another column. */
const LEAST_NAME = 12;
/** What the widest cells of the other columns and the spaces between take, without the key's name and the bar. */
const OTHER_COLUMNS = 60;

export function statusText(status: Status, sheet: Sheet): string {
  const { colours, foldAt = Number.POSITIVE_INFINITY } = sheet;
  const { stack, scheduleIntervalSeconds, keys } = status;
  const { isWell, sentence, next } = summary(status);
  const heading =
    `${colours.bold(stack.stackName)} ` +
    colours.dim(
      `${stack.region}, account ${stack.accountId}; keys are looked at every ${duration(scheduleIntervalSeconds)}`,
    );
  const say = (line: string, hang = 2) => folded(line, foldAt, hang);
  return [
    say(heading),
    '',
    keyTable(status, sheet),
    ...section(
      '',
      keys.flatMap((key) => remarks(key, status, sheet)),
    ),
    ...section('', labelLines(keys, sheet)),
    ...section('', alarmLines(status, sheet)),
    '',
    say(
      isWell
        ? `${colours.green('✓')} ${sentence}`
        : `${colours.red('✗')} ${colours.bold(sentence)}`,
    ),
    ...(next === undefined ? [] : [`  ${colours.cyan(next)}`]),
  ].join('\n');
}

const section = (before: string, lines: readonly string[]): readonly string[] =>
  lines.length === 0 ? [] : [before, ...lines];

/** What a row says, without the key's name. */
interface Cells {
  readonly age: string;
  readonly bar: string;
  readonly left: string;
  readonly next: string;
  readonly last: string;
}

function keyTable(status: Status, { colours, columns }: Sheet): string {
  const longest = Math.max(3, ...status.keys.map(({ name }) => name.length));
  const leastName = Math.min(longest, LEAST_NAME);
  const besideBar = columns - OTHER_COLUMNS - LEAST_BAR;
  const widthBesideBar = Math.min(longest, Math.max(leastName, besideBar));
  const barWidth = Math.min(
    MOST_BAR,
    Math.max(LEAST_BAR, columns - OTHER_COLUMNS - widthBesideBar),
  );
  const rows = status.keys.map((key): Cells => {
    const [bar, left] = lifeCells(key, status.nowMs, barWidth, colours);
    return {
      age: key.createdAtMs === undefined ? '–' : roughly((status.nowMs - key.createdAtMs) / 1000),
      bar,
      left,
      next: nextCell(key, status, colours),
      last: lastCell(key, status.nowMs, colours),
    };
  });
  const narrow = { columns, leastName, rows };
  const chosen =
    besideBar >= leastName
      ? COLUMNS
      : (NARROWER.find((names) => roomForName(names, narrow) >= leastName) ?? NARROWEST);
  const nameWidth =
    chosen === COLUMNS
      ? widthBesideBar
      : Math.min(longest, Math.max(4, roomForName(chosen, narrow)));
  const table = new Table({
    head: ['KEY', ...chosen.map((name) => HEAD[name])].map((text) => colours.dim(text)),
    // Its own colours know nothing of NO_COLOR.
    style: { head: [], border: [], 'padding-left': 0, 'padding-right': 2, compact: true },
    chars: NO_BORDERS,
  });
  for (const [index, cells] of rows.entries()) {
    table.push([
      colours.bold(cut(status.keys[index]?.name ?? '', nameWidth)),
      ...chosen.map((name) => cellText(name, cells, chosen === COLUMNS)),
    ]);
  }
  return table
    .toString()
    .split('\n')
    .map((line) => line.trimEnd())
    .join('\n');
}

type Column = 'age' | 'left' | 'next' | 'last';

const HEAD: Readonly<Record<Column, string>> = {
  age: 'AGE',
  left: 'LIFE LEFT',
  next: 'NEXT ATTEMPT',
  last: 'LAST RESULT',
};

const COLUMNS: readonly Column[] = ['age', 'left', 'next', 'last'];
const NARROWEST: readonly Column[] = ['left'];
/** Without the bar; and what goes first where there is no room: the rest is in --json, and in a wider terminal. */
const NARROWER: readonly (readonly Column[])[] = [
  [...COLUMNS],
  ['left', 'next', 'last'],
  ['left', 'next'],
  NARROWEST,
];

const cellText = (column: Column, cells: Cells, withBar: boolean): string =>
  column === 'left' && withBar ? `${cells.bar} ${cells.left}`.trimStart() : cells[column];

/** What those columns leave, with two blanks before each. */
const roomForName = (
  names: readonly Column[],
  { columns, rows }: { readonly columns: number; readonly rows: readonly Cells[] },
): number =>
  names.reduce((room, name) => {
    const widths = rows.map(
      (cells) => stripVTControlCharacters(cellText(name, cells, false)).length,
    );
    return room - 2 - Math.max(HEAD[name].length, ...widths);
  }, columns);

const NO_BORDERS = Object.fromEntries(
  ['top', 'top-mid', 'top-left', 'top-right', 'bottom', 'bottom-mid', 'bottom-left', 'bottom-right']
    .concat(['left', 'left-mid', 'mid', 'mid-mid', 'right', 'right-mid', 'middle'])
    .map((name) => [name, '']),
);

const cut = (text: string, width: number): string =>
  text.length <= width ? text : `${text.slice(0, width - 1)}…`;

/** The bar, where there is one, and the text. */
function lifeCells(
  { validUntil, createdAtMs }: KeyState,
  nowMs: number,
  width: number,
  colours: Colours,
): readonly [bar: string, left: string] {
  if (validUntil === undefined || createdAtMs === undefined) return ['', '–'];
  if (validUntil === 0) return ['', 'never ends'];
  const leftMs = validUntil * 1000 - nowMs;
  return [
    lifeBar(leftMs / (validUntil * 1000 - createdAtMs), width, colours),
    leftMs <= 0 ? colours.red('ended') : short(leftMs / 1000),
  ];
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
    for (const typed of [key.remedy, key.section])
      if (typed !== undefined)
        lines.push(folded(`  ${colours.cyan(typed)}`, isTyped(typed) ? Infinity : foldAt, 2));
  } else if (key.next !== 'not-due' && key.next !== undefined) {
    say(colours.dim('·'), key.message);
  }
  const tooShort = key.next === 'key-expired' ? undefined : shortLife(key, status);
  if (tooShort !== undefined) say(colours.yellow('!'), tooShort);
  if (key.wrongEnd !== undefined && !key.needsPerson)
    say(colours.yellow('!'), wrongEndSentence(key.wrongEnd));
  return lines;
}

function labelLines(
  keys: readonly KeyState[],
  { colours, foldAt = Number.POSITIVE_INFINITY }: Sheet,
): readonly string[] {
  return keys.flatMap(({ name, labels }) => {
    if (labels.length === 0) return [];
    const lasting = labels.filter(({ meaning }) => meaning === undefined);
    return [
      folded(
        colours.dim(
          `labels  ${name}: ${lasting.map(({ label, versionId }) => `${label} ${versionId.slice(0, 8)}`).join(', ')}`,
        ),
        foldAt,
        8,
      ),
      ...labels.flatMap(({ label, versionId, meaning }) =>
        meaning === undefined
          ? []
          : [
              folded(
                `        ${colours.yellow(label)} ${versionId.slice(0, 8)}: ${meaning}`,
                foldAt,
                10,
              ),
            ],
      ),
    ];
  });
}

function alarmLines(
  { alarms, alarmsProblem, nowMs }: Status,
  { colours, foldAt = Number.POSITIVE_INFINITY }: Sheet,
): readonly string[] {
  const say = (line: string) => folded(line, foldAt, 2);
  if (alarms === undefined)
    return [say(`${colours.red('✗')} The alarms cannot be read: ${alarmsProblem}`)];
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
      say(
        `${colours.red('ALARM')} ${sentence}${sinceMs === undefined ? '' : colours.dim(` (${short((nowMs - sinceMs) / 1000)})`)}`,
      ),
      ...(at === undefined ? [] : [`  ${colours.cyan(at)}`]),
    ]),
    say(colours.dim(`alarms  ${counts.join(', ')}`)),
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
    sentence: `All is well: ${wellSentence(keys)}`,
  };
}

function wellSentence(keys: readonly KeyState[]): string {
  const endless = keys.filter(({ next }) => next === 'never-expires').length;
  const fresh = keys.length - endless;
  const never = endless === 1 ? 'one never ends' : `${endless} never end`;
  if (keys.length === 1) return `the key ${endless === 1 ? 'never ends' : 'is kept fresh'}.`;
  if (fresh === 0) return `${endless} keys, which never end.`;
  const kept = fresh === 1 ? '1 key is kept fresh' : `${fresh} keys are kept fresh`;
  return endless === 0 ? `${kept}.` : `${kept}, ${never}.`;
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
