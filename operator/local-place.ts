// The stack that `npm start` runs on this machine, asked where its parts are.

import * as v from 'valibot';
import { DEFAULT_LOCAL_PORT } from './place.ts';
import { Problem, wrongUsage } from './problem.ts';

const Credentials = v.object({
  accessKeyId: v.string(),
  secretAccessKey: v.string(),
  sessionToken: v.exactOptional(v.string()),
});
export type Credentials = v.InferOutput<typeof Credentials>;

const Introduction = v.object({
  stackName: v.string(),
  region: v.string(),
  credentials: Credentials,
  momentoEndpoint: v.string(),
  tokenEndpointUrl: v.nullable(v.string()),
  timeScale: v.number(),
});

export interface LocalPlace extends v.InferOutput<typeof Introduction> {
  readonly port: number;
  readonly awsEndpoint: string;
}

const TIMEOUT_MS = 3_000;

/**
 * The local stack to which the AWS SDK is sent by `AWS_ENDPOINT_URL`, as by the lines that npm start shows; undefined
 * where that leads to anything else. Never throws.
 */
export async function localStackAt(endpoint: string): Promise<LocalPlace | undefined> {
  const { protocol, hostname, port } = URL.canParse(endpoint) ? new URL(endpoint) : NOWHERE;
  const isHere = hostname === '127.0.0.1' || hostname === 'localhost';
  if (protocol !== 'http:' || !isHere || port === '') return undefined;
  return askLocalStack(port).catch(() => undefined);
}

const NOWHERE = { protocol: '', hostname: '', port: '' };

/** Throws `Problem`. */
export async function askLocalStack(given: string): Promise<LocalPlace> {
  const port = /^\d{1,5}$/.test(given) ? Number(given) : Number.NaN;
  if (!(port >= 1 && port <= 65_535)) {
    throw wrongUsage(
      `--local=${given} names no port.`,
      `Write --local, or --local=PORT with the port of AWS that npm start shows.`,
    );
  }
  const awsEndpoint = `http://127.0.0.1:${port}`;
  return { ...(await introduction(awsEndpoint, port)), port, awsEndpoint };
}

async function introduction(awsEndpoint: string, port: number) {
  const start = `npm start${port === DEFAULT_LOCAL_PORT ? '' : ` -- --aws-port ${port}`}    # in another terminal`;
  let said: unknown;
  try {
    const answer = await fetch(`${awsEndpoint}/_local`, {
      signal: AbortSignal.timeout(TIMEOUT_MS),
    });
    said = answer.ok ? await answer.json() : undefined;
  } catch (cause) {
    throw new Problem(`No local stack listens on port ${port} of this machine.`, {
      next: start,
      cause,
    });
  }
  const read = v.safeParse(Introduction, said);
  if (!read.success) {
    throw new Problem(
      `What listens on port ${port} is no local stack, or has not finished starting.`,
      { next: 'Give the port of AWS that npm start shows: --local=PORT' },
    );
  }
  return read.output;
}
