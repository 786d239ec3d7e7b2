// A function of the template, invocable: a pool of execution environments that are reused while they live.

import { randomUUID } from 'node:crypto';
import type { FunctionDefinition } from '../assembly/functions.ts';
import { type Credentials, environmentVariables } from './environment-variables.ts';
import { ExecutionEnvironment, type LogListener } from './execution-environment.ts';
import { OrphanGuard } from './orphan-guard.ts';

export interface LocalFunctionOptions {
  readonly definition: FunctionDefinition;
  readonly region: string;
  /** Those of the function's role: the local AWS services tell by them who calls. */
  readonly credentials: Credentials;
  /** Set over everything else, such as AWS_ENDPOINT_URL. @default none */
  readonly extraEnvironment?: Readonly<Record<string, string>>;
  /** Invocations at the same time. @default 10, a new account's limit */
  readonly concurrencyLimit?: number;
  /** Every line that the function prints. @default nobody listens */
  readonly onLog?: LogListener;
}

export interface InvokeOptions {
  /** Handed to the handler as `context.clientContext`. @default none */
  readonly clientContext?: unknown;
  /** The tries of one asynchronous event share theirs. @default a random one */
  readonly requestId?: string;
}

export interface InvocationResult {
  /** What the handler returned, or `{errorType, errorMessage, trace?}`. */
  readonly payload: unknown;
  /** Present when the function failed; Lambda knows no other kind for managed runtimes. */
  readonly functionError?: 'Unhandled';
  readonly requestId: string;
  readonly durationMs: number;
  /** Null where the process died before it could say. */
  readonly maxMemoryMb: number | null;
  /** At most the last 4 KB of the log, with Lambda's START, END and REPORT lines. */
  readonly logTail: string;
}

/** Every environment is busy and the limit is reached. Remedy: try again, or raise `concurrencyLimit`. */
export class TooManyRequests extends Error {
  override readonly name = 'TooManyRequests';
  readonly code = 'too-many-requests';
}

export class LocalFunction {
  readonly definition: FunctionDefinition;
  readonly #options: LocalFunctionOptions;
  readonly #variables: Readonly<Record<string, string>>;
  readonly #environments = new Set<ExecutionEnvironment>();
  #guard: OrphanGuard | undefined;
  #closed = false;

  /** @throws Error for a function that cannot run here: no bundle, not Node.js, a reserved variable. */
  constructor(options: LocalFunctionOptions) {
    const { name, codeDir, runtime } = options.definition;
    if (codeDir === null) throw new Error(`${name}: the template has no bundle to run for it`);
    if (!runtime.startsWith('nodejs'))
      throw new Error(`${name}: ${runtime} cannot run here, Node.js only`);
    this.definition = options.definition;
    this.#options = options;
    this.#variables = environmentVariables({ extraEnvironment: {}, ...options });
  }

  /** Process ids of the living execution environments. */
  get pids(): number[] {
    return [...this.#environments].flatMap(({ pid }) => pid ?? []);
  }

  /**
   * A failure of the function is a result with `functionError`, as it is for Lambda's callers.
   * @throws TooManyRequests, and Error after `close`.
   */
  async invoke(payload: unknown, options: InvokeOptions = {}): Promise<InvocationResult> {
    const requestId = options.requestId ?? randomUUID();
    const outcome = await this.#freeEnvironment().invoke({
      requestId,
      payload: JSON.stringify(payload) ?? 'null',
      ...(options.clientContext === undefined
        ? {}
        : { clientContext: JSON.stringify(options.clientContext) }),
    });
    return {
      payload: JSON.parse(outcome.payload),
      ...(outcome.functionError ? { functionError: 'Unhandled' as const } : {}),
      requestId,
      durationMs: outcome.durationMs,
      maxMemoryMb: outcome.maxMemoryMb,
      logTail: outcome.logTail,
    };
  }

  /** SIGKILLs every busy environment, to show a run that dies half-way. Gives the number of them. */
  killCurrent(): number {
    const busy = [...this.#environments].filter((environment) => environment.busy);
    for (const environment of busy) environment.kill();
    return busy.length;
  }

  /** Kills every environment, busy ones too, and resolves when their processes are gone. */
  async close(): Promise<void> {
    this.#closed = true;
    const environments = [...this.#environments];
    for (const environment of environments) environment.kill();
    await Promise.all(environments.map(({ gone }) => gone));
    await this.#guard?.close();
  }

  #freeEnvironment(): ExecutionEnvironment {
    const { definition, concurrencyLimit = 10 } = this.#options;
    if (this.#closed) throw new Error(`${definition.name}: closed`);
    const alive = [...this.#environments].filter(({ ended }) => !ended);
    const free = alive.find(({ busy }) => !busy);
    if (free !== undefined) return free;
    if (alive.length >= concurrencyLimit) {
      throw new TooManyRequests(`${definition.name}: ${concurrencyLimit} invocations run already`);
    }
    this.#guard ??= new OrphanGuard();
    const environment = new ExecutionEnvironment({
      definition,
      variables: this.#variables,
      onLog: this.#options.onLog ?? (() => {}),
      guard: this.#guard,
    });
    this.#environments.add(environment);
    void environment.gone.then(() => this.#environments.delete(environment));
    return environment;
  }
}
