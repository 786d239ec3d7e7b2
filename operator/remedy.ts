// What stands below a problem: a command or a page, to be copied as it is, or a sentence, which may be folded.

/** One command, or the place of a page: never to be broken into lines. */
export const isTyped = (remedy: string): boolean =>
  /^(npx|npm|aws|docs\/|https:)/.test(remedy) && !/ or /.test(remedy);
