// The assembly of a configuration, synthesized once in a run: that takes seconds of a processor, and many suites want
// the same ones. Each has a copy of its own, which it may change.

import { createHash } from 'node:crypto';
import { cp, mkdir, mkdtemp, readFile, rename, rm, stat, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';
import { readStacks } from '../../local/assembly/cloud-assembly.ts';
import { type Synthesized, synthesize } from '../../local/assembly/synthesize.ts';

const POLL_MS = 50;

/** @param context over that of cdk.json, as for `synthesize` */
export async function assemblyForTest(
  context: Readonly<Record<string, unknown>> = {},
): Promise<Synthesized> {
  const made = await madeOnce(context);
  const directory = await mkdtemp(join(tmpdir(), 'momento-auth-'));
  await cp(made, directory, { recursive: true });
  return {
    directory,
    stacks: readStacks(directory),
    remove: () => rm(directory, { recursive: true, force: true }),
  };
}

/** Where it lies: made by the first that asks, in whichever worker, while the others wait. */
async function madeOnce(context: Readonly<Record<string, unknown>>): Promise<string> {
  const { TEST_ASSEMBLIES: all } = process.env;
  if (all === undefined) throw new Error('begin.mjs has not run: jest.config.js names it.');
  const place = join(all, createHash('sha256').update(JSON.stringify(context)).digest('hex'));
  const made = join(place, 'assembly');
  const failed = join(place, 'failed');
  if (await isMine(place)) {
    const outputDirectory = join(place, 'in-the-making');
    try {
      await synthesize({ projectDirectory: '.', context, outputDirectory });
    } catch (error) {
      await writeFile(failed, String(error));
      throw error;
    }
    await rename(outputDirectory, made);
  }
  while (!(await isThere(made))) {
    if (await isThere(failed)) throw new Error(await readFile(failed, 'utf8'));
    await sleep(POLL_MS);
  }
  return made;
}

/** Of all that ask for the folder, one makes it. */
async function isMine(place: string): Promise<boolean> {
  try {
    await mkdir(place);
    return true;
  } catch (error) {
    if (await isThere(place)) return false;
    throw error;
  }
}

const isThere = (path: string): Promise<boolean> =>
  stat(path).then(
    () => true,
    () => false,
  );
