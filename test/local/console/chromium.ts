// The Chromium of this machine: Debian's, or one that is named. Nothing is downloaded.

import { accessSync, constants } from 'node:fs';

const PLACES = [
  '/usr/bin/chromium',
  '/usr/bin/chromium-browser',
  '/usr/bin/google-chrome-stable',
  '/usr/bin/google-chrome',
  '/Applications/Google Chrome.app/Contents/MacOS/Google Chrome',
];

/** Undefined where there is none. @throws Error for a CHROMIUM_PATH that leads to none */
export function chromiumPath(named = process.env.CHROMIUM_PATH): string | undefined {
  if (named) {
    if (isExecutable(named)) return named;
    throw new Error(`CHROMIUM_PATH is ${named}: nothing that can be run is there.`);
  }
  return PLACES.find(isExecutable);
}

/** Straight to the terminal: Jest keeps to itself what a suite says whose tests are all skipped. */
export function tellSkipped(what: string): void {
  process.stderr.write(
    `SKIPPED: ${what}, because there is no Chromium on this machine.\n` +
      'Install one (Debian: apt-get install chromium), or name one in CHROMIUM_PATH.\n',
  );
}

function isExecutable(path: string): boolean {
  try {
    accessSync(path, constants.X_OK);
    return true;
  } catch {
    return false;
  }
}
