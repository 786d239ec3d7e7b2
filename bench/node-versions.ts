// The Node.js versions to measure on. One that is not running is fetched from npm, where the package `node` carries
// the binary, into a folder of this user's cache: it is not a dependency of the repository.

import { execFile } from 'node:child_process';
import { access, mkdir } from 'node:fs/promises';
import { homedir } from 'node:os';
import { join } from 'node:path';
import { promisify } from 'node:util';

/** The oldest that the code runs on, and the runtime's own. */
export const MAJORS = [20, 24] as const;
export type Major = (typeof MAJORS)[number];

export interface NodeVersion {
  /** Such as `v24.1.0`. */
  readonly version: string;
  /** Path of the binary. */
  readonly path: string;
}

const run = promisify(execFile);
const FETCH_TIMEOUT_MS = 120_000;

/** @throws NodeUnavailable */
export async function nodeVersion(major: Major): Promise<NodeVersion> {
  const here = { version: process.version, path: process.execPath };
  if (majorOf(here.version) === major) return here;
  const cache = process.env.XDG_CACHE_HOME ?? join(homedir(), '.cache');
  const directory = join(cache, 'momento-auth-stack', `node-${major}`);
  const path = join(directory, 'node_modules', 'node', 'bin', 'node');
  if (!(await exists(path))) await fetchTo(directory, major);
  try {
    const { stdout } = await run(path, ['--version']);
    return { version: stdout.trim(), path };
  } catch (cause) {
    throw new NodeUnavailable(`npm's package node@${major} has no binary that runs here`, {
      cause,
    });
  }
}

/** This version is not here and could not be had. The message names no path of this machine. */
export class NodeUnavailable extends Error {
  override readonly name = 'NodeUnavailable';
}

async function fetchTo(directory: string, major: Major): Promise<void> {
  await mkdir(directory, { recursive: true });
  const what = ['install', '--prefix', directory, '--no-audit', '--no-fund', `node@${major}`];
  try {
    // Somewhere else than the repository, whose configuration and workspaces are not meant.
    await run('npm', what, { cwd: directory, timeout: FETCH_TIMEOUT_MS });
  } catch (cause) {
    const [, code = 'no answer'] = /npm error code (\S+)/.exec(String(cause)) ?? [];
    throw new NodeUnavailable(`npm could not fetch node@${major} (${code})`, { cause });
  }
}

const majorOf = (version: string): number => Number(/^v(\d+)\./.exec(version)?.[1]);

const exists = (path: string): Promise<boolean> =>
  access(path).then(
    () => true,
    () => false,
  );
