// What `doctor` found: well, worth knowing, or wrong; a sentence; and what to type. Pure.

import { type ExitCode, PROBLEM, WELL } from './exit-code.ts';
import { isTyped } from './remedy.ts';
import type { Colours } from './terminal.ts';

export interface Finding {
  readonly level: 'well' | 'note' | 'wrong';
  readonly sentence: string;
  /** A command, or what to do. There for all that is not well. */
  readonly remedy?: string | undefined;
}

export const well = (sentence: string): Finding => ({ level: 'well', sentence });
export const note = (sentence: string, remedy: string): Finding => ({
  level: 'note',
  sentence,
  remedy,
});
export const wrong = (sentence: string, remedy: string): Finding => ({
  level: 'wrong',
  sentence,
  remedy,
});

export interface FindingLine {
  readonly text: string;
  /** Of a sentence, where it may be folded. */
  readonly hang: number | undefined;
}

export function findingLines(
  { level, sentence, remedy }: Finding,
  colours: Colours,
): readonly FindingLine[] {
  const sign = { well: colours.green('✓'), note: colours.yellow('!'), wrong: colours.red('✗') }[
    level
  ];
  const [first = '', ...more] = sentence.split('\n');
  return [
    { text: `  ${sign} ${first}`, hang: 4 },
    ...more.map((line) => ({ text: `    ${line}`, hang: 4 })),
    ...(remedy === undefined
      ? []
      : [{ text: `    ${colours.cyan(remedy)}`, hang: isTyped(remedy) ? undefined : 4 }]),
  ];
}

export function verdict(findings: readonly Finding[]): {
  readonly sentence: string;
  readonly code: ExitCode;
} {
  const count = (level: Finding['level']) =>
    findings.filter((found) => found.level === level).length;
  const wrongs = count('wrong');
  const notes = count('note');
  const beside = notes === 0 ? '' : `, ${notes} to know`;
  if (wrongs === 0) return { sentence: `Nothing is wrong${beside}.`, code: WELL };
  return { sentence: `${wrongs} wrong${beside}.`, code: PROBLEM };
}
