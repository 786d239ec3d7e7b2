// The credentials of the function's role, as Lambda hands them to a process: in its environment, or, where they
// change during its life, from an endpoint beside it. Read anew for each call: what Lambda changes counts at once.
// Source: AWS SDKs reference guide, "Container credential provider"; Lambda, "Runtime environment variables".

import { readFileSync } from 'node:fs';
import * as v from 'valibot';
import type { Clock } from '../shared/clock.ts';
import { Failure } from '../shared/failure.ts';

export interface AwsCredentials {
  readonly accessKeyId: string;
  readonly secretAccessKey: string;
  readonly sessionToken?: string;
}

export type CredentialsSource = () => Promise<AwsCredentials>;

/** There are none, or whoever gives them does not answer. */
export class CredentialsFailure extends Failure<'no-credentials'> {}

const FromEndpoint = v.object({
  AccessKeyId: v.string(),
  SecretAccessKey: v.string(),
  Token: v.optional(v.string()),
  Expiration: v.optional(v.string()),
});

/** New ones are asked for this long before the old ones end. */
const ASKED_BEFORE_END_MS = 5 * 60_000;
const ENDPOINT_TIMEOUT_MS = 2_000;

/** Reads the variables that the SDKs read; `clock`: AWS's time. The source throws `CredentialsFailure`. */
export function credentialsSource(
  environment: NodeJS.ProcessEnv,
  clock: Pick<Clock, 'now'>,
): CredentialsSource {
  let kept: { readonly credentials: AwsCredentials; readonly endsAtMs: number } | undefined;
  return async () => {
    const {
      AWS_ACCESS_KEY_ID: accessKeyId,
      AWS_SECRET_ACCESS_KEY: secretAccessKey,
      AWS_SESSION_TOKEN: sessionToken,
      AWS_CONTAINER_CREDENTIALS_FULL_URI: uri,
    } = environment;
    if (accessKeyId && secretAccessKey) {
      return { accessKeyId, secretAccessKey, ...(sessionToken && { sessionToken }) };
    }
    if (!uri) {
      throw new CredentialsFailure('no-credentials', 'The environment has no AWS credentials.');
    }
    const before = kept;
    // Written so that an end that cannot be read is never in the future.
    const leftMs = before === undefined ? 0 : before.endsAtMs - clock.now();
    if (before !== undefined && leftMs > ASKED_BEFORE_END_MS) return before.credentials;
    try {
      kept = await fromEndpoint(uri, environment);
      return kept.credentials;
    } catch (cause) {
      if (before !== undefined && leftMs > 0) return before.credentials;
      throw new CredentialsFailure(
        'no-credentials',
        'The endpoint of the credentials does not give any.',
        { cause },
      );
    }
  };
}

async function fromEndpoint(uri: string, environment: NodeJS.ProcessEnv) {
  const { AWS_CONTAINER_AUTHORIZATION_TOKEN_FILE: file, AWS_CONTAINER_AUTHORIZATION_TOKEN: text } =
    environment;
  // The file is written anew from time to time.
  const authorization = file ? readFileSync(file, 'utf8').trim() : text;
  const answer = await fetch(uri, {
    headers: { ...(authorization && { authorization }) },
    signal: AbortSignal.timeout(ENDPOINT_TIMEOUT_MS),
  });
  if (!answer.ok) throw new Error(`It answered ${answer.status}.`);
  const { AccessKeyId, SecretAccessKey, Token, Expiration } = v.parse(
    FromEndpoint,
    await answer.json(),
  );
  return {
    credentials: {
      accessKeyId: AccessKeyId,
      secretAccessKey: SecretAccessKey,
      ...(Token !== undefined && { sessionToken: Token }),
    },
    endsAtMs: Expiration === undefined ? Number.POSITIVE_INFINITY : Date.parse(Expiration),
  };
}
