// Sentences folded between words, so that a terminal does not cut them anywhere. Never used on what is to be typed: a
// command must be copied as one line.

import { stripVTControlCharacters } from 'node:util';

/** @param columns Infinity leaves the text alone  @param hang blanks before each line but the first */
export function folded(text: string, columns: number, hang: number): string {
  const [indent = ''] = /^ */.exec(text) ?? [];
  const lines: string[] = [];
  let line = indent;
  let isEmpty = true;
  for (const word of text.slice(indent.length).split(' ')) {
    const longer = isEmpty ? line + word : `${line} ${word}`;
    if (isEmpty || stripVTControlCharacters(longer).length <= columns) line = longer;
    else {
      lines.push(line);
      line = ' '.repeat(hang) + word;
    }
    isEmpty = false;
  }
  return [...lines, line].join('\n');
}
