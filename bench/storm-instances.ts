// The instances of the function, as Lambda has them: processes of the bundle, each serving one request at a time.

import { randomUUID } from 'node:crypto';
import { fileURLToPath } from 'node:url';
import { environmentVariables } from '../local/lambda/environment-variables.ts';
import { ExecutionEnvironment } from '../local/lambda/execution-environment.ts';
import { OrphanGuard } from '../local/lambda/orphan-guard.ts';
import type { StandIns } from './storm-stand-ins.ts';

export interface Answer {
  /** 500 where the function gave none, as the gateway says then. */
  readonly status: number;
  readonly retryAfterSeconds: number | undefined;
  readonly body: string;
  /** Where the token came from, as the audit line says. */
  readonly source: string | undefined;
  /** Epoch milliseconds when an instance was free and the request was handed to it. */
  readonly begunAtMs: number;
  /** Of the function alone. */
  readonly tookMs: number;
  /** What of it the function slept: for its turn, for somebody else's mint, before it tried again. */
  readonly waitedMs: number;
}

/** What an instance has printed of one request. */
interface Printed {
  source: string | undefined;
  waitedMs: number;
}

interface Waiting {
  readonly take: (instance: ExecutionEnvironment) => void;
}

const PRELOAD = fileURLToPath(new URL('./storm-instance.cjs', import.meta.url));

export class Instances {
  /** How often each warning and error was logged. */
  readonly troubles = new Map<string, number>();
  readonly #guard = new OrphanGuard();
  readonly #all: readonly ExecutionEnvironment[];
  /** The one that was idle for longest comes first: the least is in its memory. */
  readonly #free: ExecutionEnvironment[];
  readonly #backAgain: Waiting[] = [];
  readonly #fresh: Waiting[] = [];
  readonly #printed = new Map<string, Printed>();

  /** @param clockOffsetsMs for each instance how far its clock is ahead */
  constructor({ aws, momentoEndpoint }: StandIns, clockOffsetsMs: readonly number[]) {
    const { definition, credentials } = aws;
    this.#all = clockOffsetsMs.map((offsetMs) => {
      const variables = environmentVariables({
        definition,
        region: 'us-east-1',
        credentials,
        extraEnvironment: {
          AWS_ENDPOINT_URL: aws.url,
          MOMENTO_LOCAL_ENDPOINT: momentoEndpoint,
          NODE_OPTIONS: `${definition.environment.NODE_OPTIONS ?? ''} --require "${PRELOAD}"`,
          STORM_CLOCK_OFFSET_MS: `${offsetMs}`,
        },
      });
      return new ExecutionEnvironment({
        definition,
        variables,
        guard: this.#guard,
        onLog: (line, requestId) => this.#read(line, requestId),
      });
    });
    this.#free = [...this.#all];
  }

  /**
   * Waits for a free instance; who comes back goes before those who come for the first time, or nobody could come
   * back when he was told to.
   *
   * @param event made when an instance is free, as the gateway makes it then
   */
  async invoke(event: () => unknown, isBackAgain: boolean): Promise<Answer> {
    const instance = this.#free.shift() ?? (await this.#freeOne(isBackAgain));
    const requestId = randomUUID();
    const printed: Printed = { source: undefined, waitedMs: 0 };
    this.#printed.set(requestId, printed);
    const begunAtMs = Date.now();
    const outcome = await instance.invoke({ requestId, payload: JSON.stringify(event()) });
    const next = this.#backAgain.shift() ?? this.#fresh.shift();
    // One that has ended takes nobody any more: Lambda would start another one; here that is a failure.
    if (instance.ended) throw new Error(`An instance has ended: ${outcome.payload}`);
    if (next === undefined) this.#free.push(instance);
    else next.take(instance);
    this.#printed.delete(requestId);
    const {
      statusCode = 500,
      headers = {},
      body = '',
    } = outcome.functionError ? { body: outcome.payload } : JSON.parse(outcome.payload);
    const retryAfter = headers['retry-after'];
    return {
      status: statusCode,
      retryAfterSeconds: retryAfter === undefined ? undefined : Number(retryAfter),
      body,
      ...printed,
      begunAtMs,
      tookMs: outcome.durationMs,
    };
  }

  async close(): Promise<void> {
    for (const instance of this.#all) instance.kill();
    await Promise.all(this.#all.map(({ gone }) => gone));
    await this.#guard.close();
  }

  #freeOne(isBackAgain: boolean): Promise<ExecutionEnvironment> {
    return new Promise((take) => {
      (isBackAgain ? this.#backAgain : this.#fresh).push({ take });
    });
  }

  #read(line: string, requestId: string | null): void {
    const printed = requestId === null ? undefined : this.#printed.get(requestId);
    if (printed !== undefined) {
      printed.source ??= /"source":"(\w+)"/.exec(line)?.[1];
      printed.waitedMs += Number(/^{"sleptMs":(\d+)}/.exec(line)?.[1] ?? 0);
    }
    if (!/"level":"(WARN|ERROR)"/.test(line)) return;
    const [, message = '?'] = /"message":"([^"]*)"/.exec(line) ?? [];
    const [, why = ''] = /"(?:why|problem)":"([^"]*)"/.exec(line) ?? [];
    const trouble = `${message} ${why}`.trim();
    this.troubles.set(trouble, (this.troubles.get(trouble) ?? 0) + 1);
  }
}
