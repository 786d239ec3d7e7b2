// One child process that serves one invocation at a time: Lambda's execution environment.
//
//   starting ──next──► idle ◄──answer and end marks── busy ──timeout, exit, kill──► gone
//                        └───────────invoke────────────►┘

import { type ChildProcessByStdio, spawn } from 'node:child_process';
import { randomUUID } from 'node:crypto';
import { createServer, type IncomingMessage, type Server, type ServerResponse } from 'node:http';
import type { Readable } from 'node:stream';
import { text } from 'node:stream/consumers';
import { fileURLToPath } from 'node:url';
import type { FunctionDefinition } from '../assembly/functions.ts';
import { logTail } from './log-tail.ts';
import type { OrphanGuard } from './orphan-guard.ts';
import { readOutputLines } from './output-lines.ts';

const BOOTSTRAP = fileURLToPath(new URL('./bootstrap.mjs', import.meta.url));

/** Lambda's own limit for loading the code. */
const INIT_TIMEOUT_MS = 10_000;

/** @param requestId null for output outside any invocation, as while the code loads */
export type LogListener = (line: string, requestId: string | null) => void;

export interface ExecutionEnvironmentOptions {
  readonly definition: FunctionDefinition;
  /** All that the process sees, but for its log stream and its Runtime API. */
  readonly variables: Readonly<Record<string, string>>;
  readonly onLog: LogListener;
  readonly guard: OrphanGuard;
}

export interface Invocation {
  readonly requestId: string;
  /** JSON text */
  readonly payload: string;
  /** JSON text; absent is none */
  readonly clientContext?: string;
}

export interface InvocationOutcome {
  /** JSON text: what the handler returned, or `{errorType, errorMessage, trace}`. */
  readonly payload: string;
  readonly functionError: boolean;
  readonly durationMs: number;
  /** Peak resident memory. Null where the process died before it could say. */
  readonly maxMemoryMb: number | null;
  readonly logTail: string;
}

interface Answer {
  readonly payload: string;
  readonly functionError: boolean;
  readonly maxMemoryMb: number | null;
}

interface Running {
  readonly invocation: Invocation;
  readonly settle: (outcome: InvocationOutcome) => void;
  readonly lines: string[];
  readonly endedStreams: Set<string>;
  delivered: boolean;
  startedAtMs: number;
  durationMs: number | null;
  answer: Answer | null;
}

export class ExecutionEnvironment {
  /** Resolves when the process is reaped, its output read, and its Runtime API closed. */
  readonly gone: Promise<void>;
  readonly #options: ExecutionEnvironmentOptions;
  readonly #runtimeApi: Server;
  readonly #spawnedAtMs = performance.now();
  #child: ChildProcessByStdio<null, Readable, Readable> | undefined;
  #waitingForNext: ServerResponse | undefined;
  #running: Running | undefined;
  #timer: NodeJS.Timeout | undefined;
  #initialized = false;
  /** Until the first invocation has reported it. */
  #initDurationMs: number | null = null;
  /** Answers what runs when the process has ended, and keeps new invocations away. */
  #fatal: Answer | undefined;
  #ended = false;

  constructor(options: ExecutionEnvironmentOptions) {
    this.#options = options;
    this.#runtimeApi = createServer((request, response) => void this.#serve(request, response));
    // A handler may run for long between two requests on its connection.
    this.#runtimeApi.keepAliveTimeout = 0;
    this.gone = new Promise((resolve) => {
      this.#runtimeApi.once('close', resolve);
    });
    this.#runtimeApi.listen(0, '127.0.0.1', () => this.#spawn());
  }

  get pid(): number | undefined {
    return this.#child?.pid;
  }

  get busy(): boolean {
    return this.#running !== undefined;
  }

  get ended(): boolean {
    return this.#ended || this.#fatal !== undefined;
  }

  /** Never rejects: whatever goes wrong is an outcome with `functionError`. Only when not busy, not ended. */
  invoke(invocation: Invocation): Promise<InvocationOutcome> {
    if (this.busy || this.ended)
      throw new Error('this execution environment cannot take an invocation');
    return new Promise((settle) => {
      this.#running = {
        invocation,
        settle,
        lines: [],
        endedStreams: new Set(),
        delivered: false,
        startedAtMs: performance.now(),
        durationMs: null,
        answer: null,
      };
      this.#deliver();
    });
  }

  /** SIGKILL: what runs ends with Runtime.ExitError. */
  kill(): void {
    if (this.#ended) return;
    this.#ended = true;
    killGroup(this.#child?.pid);
  }

  #spawn(): void {
    // Killed before it had a process: closing a server that is not listening yet would leave it open.
    if (this.#ended) {
      this.#finish('signal: killed');
      return;
    }
    const { definition, guard, variables } = this.#options;
    const address = this.#runtimeApi.address();
    if (address === null || typeof address === 'string') throw new Error('no TCP address');
    const env = {
      ...variables,
      AWS_LAMBDA_LOG_STREAM_NAME: logStreamName(Date.now()),
      AWS_LAMBDA_RUNTIME_API: `127.0.0.1:${address.port}`,
    };
    const child = spawn(process.execPath, [...memoryFlags(definition), BOOTSTRAP], {
      cwd: definition.codeDir ?? undefined,
      env,
      stdio: ['ignore', 'pipe', 'pipe'],
      // A process group of its own: a Ctrl-C meant for the parent must not end a function half-way,
      // and whatever the function starts ends with it.
      detached: true,
    });
    this.#child = child;
    if (child.pid !== undefined) guard.watch(child.pid);
    readOutputLines(child.stdout, this.#listener('stdout'));
    readOutputLines(child.stderr, this.#listener('stderr'));
    let spawnError: Error | undefined;
    child.once('error', (error) => {
      spawnError = error;
    });
    child.once('exit', () => {
      this.#ended = true;
      killGroup(child.pid);
      if (child.pid !== undefined) guard.forget(child.pid);
    });
    child.once('close', (exitCode, signal) => {
      this.#ended = true;
      this.#finish(spawnError?.message ?? exitReason(exitCode, signal));
    });
    this.#timer = setTimeout(() => this.#timedOut('Init', INIT_TIMEOUT_MS), INIT_TIMEOUT_MS);
  }

  async #serve(request: IncomingMessage, response: ServerResponse): Promise<void> {
    const path = request.url?.replace(/^\/2018-06-01\/runtime\//, '') ?? '';
    if (request.method === 'GET' && path === 'invocation/next') {
      this.#waitingForNext = response;
      this.#deliver();
      return;
    }
    const [, requestId, kind] = /^invocation\/([^/]+)\/(response|error)$/.exec(path) ?? [];
    const payload = await text(request).catch(() => undefined);
    if (payload === undefined) return;
    const maxRssKib = Number(request.headers['x-local-max-rss-kib']);
    const answer: Answer = {
      payload,
      functionError: kind !== 'response',
      maxMemoryMb: Number.isFinite(maxRssKib) ? Math.ceil(maxRssKib / 1024) : null,
    };
    const running = this.#running;
    if (request.method !== 'POST' || (kind === undefined && path !== 'init/error')) {
      response.writeHead(404).end();
      return;
    }
    response.writeHead(202, { 'content-type': 'application/json' }).end('{"status":"OK"}');
    // Too late: this invocation has already been ended, by the timeout or by a kill.
    if (this.ended) return;
    if (
      running !== undefined &&
      (kind === undefined || requestId === running.invocation.requestId)
    ) {
      clearTimeout(this.#timer);
      running.durationMs = performance.now() - running.startedAtMs;
      running.answer = answer;
    }
    if (kind === undefined || request.headers['x-local-fatal'] === 'true') this.#fatal = answer;
    else this.#settleWhenComplete();
  }

  #deliver(): void {
    const response = this.#waitingForNext;
    if (response !== undefined && !this.#initialized) {
      clearTimeout(this.#timer);
      this.#initialized = true;
      this.#initDurationMs = performance.now() - this.#spawnedAtMs;
    }
    const running = this.#running;
    if (response === undefined || running === undefined) return;
    this.#waitingForNext = undefined;
    running.delivered = true;
    const { definition } = this.#options;
    const { requestId, payload, clientContext } = running.invocation;
    const timeoutMs = definition.timeoutSeconds * 1000;
    running.startedAtMs = performance.now();
    this.#timer = setTimeout(() => this.#timedOut('Task', timeoutMs), timeoutMs);
    response
      .writeHead(200, {
        'content-type': 'application/json',
        'lambda-runtime-aws-request-id': requestId,
        'lambda-runtime-deadline-ms': Date.now() + timeoutMs,
        'lambda-runtime-invoked-function-arn': definition.arn,
        ...(clientContext === undefined
          ? {}
          : { 'lambda-runtime-client-context': asciiJson(clientContext) }),
      })
      .end(payload);
  }

  #timedOut(what: 'Task' | 'Init', afterMs: number): void {
    if (this.ended) return;
    const requestId = this.#running?.invocation.requestId;
    const message = `${what} timed out after ${(afterMs / 1000).toFixed(2)} seconds`;
    this.#running?.lines.push(`${new Date().toISOString()} ${requestId} ${message}`);
    this.#fatal = this.#errorAnswer('Sandbox.Timedout', message);
    this.kill();
  }

  #listener(stream: string) {
    return {
      onLine: (line: string) => {
        const running = this.#running;
        running?.lines.push(line);
        this.#options.onLog(line, running?.delivered ? running.invocation.requestId : null);
      },
      onEnd: (requestId: string) => {
        if (this.#running?.invocation.requestId !== requestId) return;
        this.#running.endedStreams.add(stream);
        this.#settleWhenComplete();
      },
    };
  }

  #settleWhenComplete(): void {
    const running = this.#running;
    if (this.#fatal !== undefined || running?.answer == null) return;
    if (running.endedStreams.size === 2) this.#settle(running, running.answer);
  }

  #settle(running: Running, answer: Answer): void {
    clearTimeout(this.#timer);
    this.#running = undefined;
    const { requestId } = running.invocation;
    const durationMs = running.durationMs ?? performance.now() - running.startedAtMs;
    running.settle({
      ...answer,
      durationMs,
      logTail: logTail(running.lines, {
        requestId,
        durationMs,
        initDurationMs: this.#initDurationMs,
        memoryMb: this.#options.definition.memoryMb,
        maxMemoryMb: answer.maxMemoryMb,
      }),
    });
    this.#initDurationMs = null;
  }

  /** @param exitReason undefined where the process ended without one */
  #finish(exitReason: string | undefined): void {
    clearTimeout(this.#timer);
    const running = this.#running;
    if (running !== undefined) {
      const reason = exitReason === undefined ? 'out providing a reason' : ` error: ${exitReason}`;
      const exitError = this.#errorAnswer('Runtime.ExitError', `Runtime exited with${reason}`);
      this.#settle(running, running.answer ?? this.#fatal ?? exitError);
    }
    this.#runtimeApi.close();
    this.#runtimeApi.closeAllConnections();
  }

  #errorAnswer(errorType: string, what: string): Answer {
    const errorMessage = `RequestId: ${this.#running?.invocation.requestId} Error: ${what}`;
    return {
      payload: JSON.stringify({ errorType, errorMessage }),
      functionError: true,
      maxMemoryMb: null,
    };
  }
}

function logStreamName(nowMs: number): string {
  const date = new Date(nowMs).toISOString().slice(0, 10).replaceAll('-', '/');
  return `${date}/[$LATEST]${randomUUID().replaceAll('-', '')}`;
}

/** A template that sets the flag itself has its way: on Lambda there is no command line to overrule it. */
function memoryFlags({ memoryMb, environment }: FunctionDefinition): string[] {
  return /--max[-_]old[-_]space[-_]size/.test(environment.NODE_OPTIONS ?? '')
    ? []
    : [`--max-old-space-size=${memoryMb}`];
}

/** Undefined for a process that just ended, as Lambda words nothing about it. */
function exitReason(exitCode: number | null, signal: NodeJS.Signals | null): string | undefined {
  const words: Partial<Record<NodeJS.Signals, string>> = {
    SIGKILL: 'killed',
    SIGABRT: 'aborted',
    SIGTERM: 'terminated',
    SIGSEGV: 'segmentation fault',
  };
  if (signal !== null) return `signal: ${words[signal] ?? signal}`;
  return exitCode === 0 ? undefined : `exit status ${exitCode}`;
}

/** The same JSON in the characters that a header may hold. */
function asciiJson(json: string): string {
  return json.replace(
    /[^\x20-\x7e]/g,
    (unit) => `\\u${unit.charCodeAt(0).toString(16).padStart(4, '0')}`,
  );
}

function killGroup(pid: number | undefined): void {
  if (pid === undefined) return;
  try {
    process.kill(-pid, 'SIGKILL');
  } catch {
    // ESRCH: nothing of the group is left.
  }
}
