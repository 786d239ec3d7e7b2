// What was typed is said again in errors and in what to type next. A long word may be a secret that was typed into the
// wrong place, so it is never quoted: only how long it is. Pure, but for the look whether it is a file.

import { existsSync } from 'node:fs';

/** Names and commands are shorter, and refresh tokens longer. */
const MOST_QUOTED = 64;

/** Takes the long words of a command line out of a text. */
export function withoutLongWords(
  argv: readonly string[],
  isFile: (word: string) => boolean = existsSync,
): (text: string) => string {
  const long = argv
    .flatMap((word, index) => {
      const isClaim = argv[index - 1] === '--claim' || word.startsWith('--claim=');
      const afterSign = word.slice(word.indexOf('=') + 1);
      // The value of a claim is what `token` is asked about.
      if (isClaim)
        return /^[^=]{1,64}=./.test(word.replace(/^--claim=/, '')) ? [] : [word, afterSign];
      return [word, afterSign];
    })
    .filter((word) => word.length > MOST_QUOTED && !isFile(word))
    // A word before its parts.
    .sort((a, b) => b.length - a.length);
  return (text) =>
    long.reduce(
      (clean, word) => clean.replaceAll(word, `(a word of ${word.length} letters)`),
      text,
    );
}
