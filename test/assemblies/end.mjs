// After the last suite: nothing stays of what begin.mjs has made room for.

import { rm } from 'node:fs/promises';

export default async function end() {
  const { TEST_ASSEMBLIES: directory } = process.env;
  if (directory !== undefined) await rm(directory, { recursive: true, force: true });
}
