// The two AWS services that this function calls, over their JSON protocol. The SDK's clients cost more start-up
// time than all the rest of the function (docs/performance.md); what they do for us is done here and beside: signatures,
// repetition, the correction of a wrong clock, credentials that change.
// Source: AWS JSON 1.0 and 1.1 protocols (Smithy), Signature Version 4.

import type { IncomingMessage } from 'node:http';
import type { Clock } from '../shared/clock.ts';
import { Failure } from '../shared/failure.ts';
import { field } from '../shared/field.ts';
import { retry } from '../shared/retry.ts';
import type { CredentialsSource } from './aws-credentials.ts';
import { signedHeaders } from './sigv4.ts';
import type { TimeBounds } from './time-bounds.ts';

/**
 * `code`: the service's own name of the error, such as `AccessDeniedException`; or `timeout`, `unreachable`,
 * `unreadable` for an answer that is none.
 */
export class AwsFailure extends Failure<string> {
  /** A second try may succeed by itself. */
  readonly isTransient: boolean;

  constructor(
    code: string,
    message: string,
    { isTransient = false, ...options }: ErrorOptions & { readonly isTransient?: boolean } = {},
  ) {
    super(code, message, options);
    this.isTransient = isTransient;
  }
}

export interface AwsJsonService {
  /** `secretsmanager` or `dynamodb`. */
  readonly service: string;
  readonly region: string;
  /** `https://host[:port]`; `http://` for a stand-in on this machine. */
  readonly endpoint: string;
  /** What stands before the operation in `X-Amz-Target`. */
  readonly target: string;
  readonly jsonVersion: '1.0' | '1.1';
}

/**
 * Where a service is: at `AWS_ENDPOINT_URL_<SERVICE>` or `AWS_ENDPOINT_URL`, as for the SDKs, or at its Region's own
 * address below `URL_SUFFIX` (`amazonaws.com`, and others in other partitions).
 */
export function awsEndpoint(
  service: 'secretsmanager' | 'dynamodb',
  environment: NodeJS.ProcessEnv,
): Pick<AwsJsonService, 'service' | 'region' | 'endpoint'> {
  const { AWS_REGION: region = '', URL_SUFFIX: suffix = 'amazonaws.com' } = environment;
  const own = service === 'secretsmanager' ? 'SECRETS_MANAGER' : 'DYNAMODB';
  const endpoint =
    environment[`AWS_ENDPOINT_URL_${own}`] ||
    environment.AWS_ENDPOINT_URL ||
    `https://${service}.${region}.${suffix}`;
  return { service, region, endpoint };
}

export interface AwsJsonTools {
  readonly credentials: CredentialsSource;
  readonly clock: Clock;
  /** Learns from every answer what time it is; signatures are made with it. */
  readonly time: TimeBounds;
}

export interface CallOptions {
  /** Of one try. */
  readonly timeoutMs: number;
  readonly maxTries: number;
}

/** One service. Throws `AwsFailure` or `CredentialsFailure`. */
export type AwsJsonCall = (
  operation: string,
  input: unknown,
  options: CallOptions,
) => Promise<unknown>;

/** A frozen function thaws with connections that are dead and do not know it. */
const MAX_IDLE_MS = 20_000;
const MAX_ANSWER_BYTES = 1024 * 1024;
/** By more than this a clock must differ before AWS refuses its signatures. */
const CLOCK_ERROR_MS = 4 * 60_000;

const THROTTLED = /^(Throttl|TooManyRequests|RequestLimitExceeded|ProvisionedThroughputExceeded)/;
const CLOCK_IS_WRONG =
  /^(RequestExpired|RequestInTheFuture|RequestTimeTooSkewed|InvalidSignature|SignatureDoesNotMatch)/;

export function awsJsonService(
  { service, region, endpoint, target, jsonVersion }: AwsJsonService,
  { credentials, clock, time }: AwsJsonTools,
): AwsJsonCall {
  const { protocol, hostname, port, host } = new URL(endpoint);
  // An import of these modules would load all of undici besides.
  const http = process.getBuiltinModule(protocol === 'http:' ? 'node:http' : 'node:https');
  let agent = new http.Agent({ keepAlive: true });
  let usedAtMs = clock.now();
  /** What was kept is not used again; calls under way are not disturbed. */
  const forgetConnections = () => {
    for (const socket of Object.values(agent.freeSockets).flat()) socket?.destroy();
    agent = new http.Agent({ keepAlive: true });
  };

  const send = async (operation: string, body: string, timeoutMs: number): Promise<Answer> => {
    const sentAtMs = clock.now();
    if (sentAtMs - usedAtMs > MAX_IDLE_MS) forgetConnections();
    usedAtMs = sentAtMs;
    const headers = signedHeaders({
      service,
      region,
      credentials: await credentials(),
      headers: {
        host,
        'content-type': `application/x-amz-json-${jsonVersion}`,
        'x-amz-target': `${target}.${operation}`,
        'content-length': String(Buffer.byteLength(body)),
      },
      body,
      atMs: time.earliest(),
    });
    return new Promise((resolve, reject) => {
      const fail = (code: string, message: string, cause?: unknown) => {
        clearTimeout(timer);
        // What one connection died of, the others have likely died of as well.
        if (agent === used) forgetConnections();
        reject(
          new AwsFailure(code, `${service} ${operation}: ${message}`, { cause, isTransient: true }),
        );
      };
      const used = agent;
      const request = http.request({ hostname, port, path: '/', method: 'POST', headers, agent });
      const timer = setTimeout(() => {
        fail('timeout', `no answer within ${timeoutMs} ms.`);
        request.destroy();
      }, timeoutMs);
      request.on('error', (error) => fail('unreachable', error.message, error));
      request.on('response', (response) => {
        const date = Date.parse(response.headers.date ?? '');
        time.hear(date, sentAtMs);
        textOf(response).then(
          (text) => {
            clearTimeout(timer);
            resolve({ status: response.statusCode ?? 0, text, date });
          },
          (error: unknown) =>
            fail('unreachable', error instanceof Error ? error.message : String(error), error),
        );
      });
      request.end(body);
    });
  };

  return (operation, input, { timeoutMs, maxTries }) => {
    const body = JSON.stringify(input);
    return retry(
      async () => {
        const assumedMs = time.earliest();
        const answer = await send(operation, body, timeoutMs);
        const output = parsed(answer.text);
        if (answer.status === 200 && output !== undefined) return output;
        throw refusal(`${service} ${operation}`, answer, output, assumedMs);
      },
      {
        clock,
        maxTries,
        deadlineAtMs: clock.now() + maxTries * timeoutMs,
        baseDelayMs: 50,
        maxDelayMs: 500,
        isRetryable: (error) => error instanceof AwsFailure && error.isTransient,
      },
    );
  };
}

interface Answer {
  readonly status: number;
  readonly text: string;
  /** Epoch milliseconds; NaN when the answer does not say. */
  readonly date: number;
}

function refusal(call: string, answer: Answer, output: unknown, assumedMs: number): AwsFailure {
  const { status, date } = answer;
  const type = textField(output, '__type');
  if (type === undefined) {
    const isTransient = status >= 500 || status === 429;
    return new AwsFailure('unreadable', `${call}: HTTP status ${status}.`, { isTransient });
  }
  // `com.amazonaws.dynamodb.v20120810#ConditionalCheckFailedException`
  const code = type.slice(type.lastIndexOf('#') + 1);
  // Below its first line a refusal may quote our request, session token and all.
  const [said = ''] = (textField(output, 'message') ?? textField(output, 'Message') ?? '').split(
    '\n',
  );
  const clockWasWrong = CLOCK_IS_WRONG.test(code) && Math.abs(date - assumedMs) > CLOCK_ERROR_MS;
  const isTransient = status >= 500 || THROTTLED.test(code) || clockWasWrong;
  return new AwsFailure(code, `${call}: ${code}: ${said}`, { isTransient });
}

/** By events: an asynchronous iterator takes milliseconds of a start. */
function textOf(response: IncomingMessage): Promise<string> {
  return new Promise((resolve, reject) => {
    const chunks: Buffer[] = [];
    let bytes = 0;
    response.on('data', (chunk: Buffer) => {
      chunks.push(chunk);
      bytes += chunk.length;
      if (bytes <= MAX_ANSWER_BYTES) return;
      // Whatever it is, it is no answer.
      resolve('');
      response.destroy();
    });
    response.on('end', () => resolve(Buffer.concat(chunks).toString('utf8')));
    response.on('error', reject);
  });
}

function parsed(text: string): unknown {
  try {
    return JSON.parse(text);
  } catch {
    return undefined;
  }
}

function textField(value: unknown, name: string): string | undefined {
  const text = field(value, name);
  return typeof text === 'string' ? text : undefined;
}
