// Before the first suite: the folder in which suites leave each other what they have synthesized. It lives as long as
// this run, so that no assembly in it is older than the sources. Plain JavaScript: Jest loads it without a compiler.

import { mkdtemp } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';

export default async function begin() {
  // The workers start after this, and inherit it.
  process.env.TEST_ASSEMBLIES = await mkdtemp(join(tmpdir(), 'momento-auth-assemblies-'));
}
