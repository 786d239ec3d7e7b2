// A real local stack, and the command: as a process, or in this one with a terminal that remembers.

import { spawn } from 'node:child_process';
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { createServer } from 'node:http';
import { tmpdir } from 'node:os';
import { join, resolve } from 'node:path';
import { expect } from '@jest/globals';
import { Redactor } from '../../lambda/shared/redaction.ts';
import type { Synthesized } from '../../local/assembly/synthesize.ts';
import { closeServer, listenOnLoopback } from '../../local/ports.ts';
import { type LocalStack, type LocalStackOptions, startLocalStack } from '../../local/stack.ts';
import type { Colours, Terminal } from '../../operator/terminal.ts';
import { assemblyForTest } from '../assemblies/assembly-for-test.ts';

export const PLAIN: Colours = {
  bold: (text) => String(text),
  dim: (text) => String(text),
  green: (text) => String(text),
  yellow: (text) => String(text),
  red: (text) => String(text),
  cyan: (text) => String(text),
};

export const PROJECT = resolve('.');

export interface Ended {
  readonly code: number | null;
  readonly out: string;
  readonly err: string;
}

export interface Started {
  readonly ended: Promise<Ended>;
  out(): string;
  interrupt(): void;
}

export class World {
  readonly stack: LocalStack;
  readonly directory: string;
  readonly #synthesized: Synthesized;

  private constructor(stack: LocalStack, synthesized: Synthesized, directory: string) {
    this.stack = stack;
    this.#synthesized = synthesized;
    this.directory = directory;
  }

  static async start({
    context,
    ...options
  }: Partial<LocalStackOptions> & { context?: Record<string, unknown> } = {}): Promise<World> {
    const synthesized = await assemblyForTest(context);
    const stack = await startLocalStack({ assemblyDirectory: synthesized.directory, ...options });
    return new World(stack, synthesized, mkdtempSync(join(tmpdir(), 'momento-auth-operator-')));
  }

  async close(): Promise<void> {
    await this.stack.close();
    await this.#synthesized.remove();
    rmSync(this.directory, { recursive: true, force: true });
  }

  get local(): string {
    return `--local=${this.stack.aws.port}`;
  }

  get place() {
    return { local: `${this.stack.aws.port}` };
  }

  secretArn(output = 'ApiKeySecretArn'): string {
    return this.stack.output(output);
  }

  newKey(
    lifetimeSeconds: number | 'never' = 30 * 86_400,
    scope: 'super-user' | 'all-data-read-write' = 'super-user',
  ) {
    return this.stack.momento.createKeyInConsole({ lifetimeSeconds, scope });
  }

  /** The console's download. */
  file(content: unknown, name = 'momento_key.json'): string {
    const path = join(this.directory, name);
    writeFileSync(path, typeof content === 'string' ? content : JSON.stringify(content));
    return path;
  }

  put(content: unknown, output?: string): void {
    this.stack.secrets.putSecretValue({
      SecretId: this.secretArn(output),
      SecretString: typeof content === 'string' ? content : JSON.stringify(content),
    });
  }

  /** What applications read. */
  current(output?: string): string | undefined {
    return this.stack.secrets
      .inspect(this.secretArn(output))
      .find(({ stages }) => stages.includes('AWSCURRENT'))?.secretString;
  }

  start(words: readonly string[], { stdin, env = {} }: Surroundings = {}): Started {
    return start(words, { stdin, env });
  }

  run(words: readonly string[], surroundings?: Surroundings): Promise<Ended> {
    return start(words, surroundings).ended;
  }
}

/** An address of this machine. */
export async function nobodyListens(): Promise<string> {
  const server = createServer();
  const port = await listenOnLoopback(server, 0);
  await closeServer(server);
  return `http://127.0.0.1:${port}`;
}

export interface Surroundings {
  /** @default nothing, at its end at once */
  readonly stdin?: string | undefined;
  readonly env?: NodeJS.ProcessEnv;
}

/** With no AWS configuration at all. */
export function start(words: readonly string[], { stdin, env = {} }: Surroundings = {}): Started {
  const child = spawn(process.execPath, ['bin/momento-auth.mjs', ...words], {
    cwd: PROJECT,
    env: {
      PATH: process.env.PATH,
      TMPDIR: tmpdir(),
      HOME: tmpdir(),
      AWS_EC2_METADATA_DISABLED: 'true',
      ...env,
    },
    stdio: ['pipe', 'pipe', 'pipe'],
  });
  child.stdin.on('error', () => {});
  child.stdin.end(stdin ?? '');
  let out = '';
  let err = '';
  child.stdout.on('data', (chunk) => {
    out += chunk;
  });
  child.stderr.on('data', (chunk) => {
    err += chunk;
  });
  return {
    out: () => out,
    interrupt: () => void child.kill('SIGINT'),
    ended: new Promise((done) => child.on('close', (code) => done({ code, out, err }))),
  };
}

export interface Remembered extends Terminal {
  readonly printed: string[];
  readonly noted: string[];
  readonly asked: string[];
}

/** @param answer what the person says; undefined: nobody is there */
export function rememberingTerminal(answer?: boolean): Remembered {
  const redactor = new Redactor();
  const printed: string[] = [];
  const noted: string[] = [];
  const asked: string[] = [];
  return {
    redactor,
    printed,
    noted,
    asked,
    colours: PLAIN,
    noteColours: PLAIN,
    isScreen: false,
    isInteractive: answer !== undefined,
    columns: () => 80,
    rows: () => 24,
    interrupted: new AbortController().signal,
    unread: new AbortController().signal,
    unwritten: async () => undefined,
    print: (text) => void printed.push(redactor.text(text)),
    note: (text) => void noted.push(redactor.text(text)),
    printCredential: (text) => void printed.push(text),
    progress: (_what, work) => work(),
    endProgress: () => {},
    confirm: async (question) => {
      if (answer !== undefined) asked.push(question);
      return answer;
    },
    askForSecret: async () => '',
  };
}

/** No key, no refresh token, no wire form of either, in anything that was written. */
export function expectNoSecret(
  text: string,
  ...keys: readonly { apiKey: string; refreshToken: string }[]
): void {
  for (const { apiKey, refreshToken } of keys) {
    const wire: unknown = JSON.parse(Buffer.from(apiKey, 'base64').toString());
    expect(wire).toEqual({ endpoint: expect.any(String), api_key: expect.any(String) });
    const jwt = String(Reflect.get(Object(wire), 'api_key'));
    for (const secret of [apiKey, refreshToken, jwt, jwt.slice(-20)]) {
      expect(text.includes(secret)).toBe(false);
    }
  }
}

export const all = ({ out, err }: Ended): string => out + err;

/** On a busy machine it says what it waits for. */
export const withoutWaiting = ({ err }: Ended): string => err.replace(/^[^\n]* …\n/gm, '');

/** Plain text: nothing moves, nothing has a colour. */
export const expectPlain = (ended: Ended) => expect(all(ended)).not.toContain('\u001b');
