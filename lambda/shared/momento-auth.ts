// Momento's part of a rotation: renew a key, and ask whether a key authenticates.
// One try each, with a deadline of ours: the SDK's AuthClient has a fixed one of 60 s and never retries.

import { control } from '@gomomento/generated-types';
import {
  AuthClient,
  AuthClientConfiguration,
  CredentialProvider,
  MomentoErrorCode,
  NoopMomentoLoggerFactory,
  RefreshApiKey,
} from '@gomomento/sdk';
import {
  credentials,
  logVerbosity,
  Metadata,
  type ServiceError,
  setLogVerbosity,
  status,
} from '@grpc/grpc-js';
import * as v from 'valibot';
import { readApiKey } from './api-key.ts';
import type { Clock } from './clock.ts';
import { Failure } from './failure.ts';
import type { Redactor } from './redaction.ts';
import { type KeyPair, type RefreshedKey, ValidUntil } from './secret-value.ts';

/** Both methods throw `MomentoFailure` and nothing else. */
export interface MomentoAuth {
  /**
   * Renews the pair: same permissions, same duration. It settles when Momento answers, at the latest
   * after the SDK's 60 s. Whoever waits for less must keep the promise: a late answer may carry the only
   * copy of a pair.
   */
  refresh(pair: KeyPair): Promise<RefreshedKey>;
  /** True: the key authenticates, whatever it may do. False: Momento says UNAUTHENTICATED. */
  authenticates(pair: KeyPair, timeoutMs: number): Promise<boolean>;
}

/**
 * `momento-unreachable`: no answer, or none that decides anything: try again.
 * `momento-rate-limited`: above the account's auth operations per second: try again later.
 * `momento-refused`: Momento will not renew this pair; repeating it changes nothing.
 * `momento-bad-answer`: Momento answered with something that is not a key.
 */
export type MomentoFailureCode =
  | 'momento-unreachable'
  | 'momento-rate-limited'
  | 'momento-refused'
  | 'momento-bad-answer';

export class MomentoFailure extends Failure<MomentoFailureCode> {}

const REFUSALS: ReadonlySet<string> = new Set([
  MomentoErrorCode.AUTHENTICATION_ERROR,
  MomentoErrorCode.PERMISSION_ERROR,
  MomentoErrorCode.INVALID_ARGUMENT_ERROR,
  MomentoErrorCode.NOT_FOUND_ERROR,
  MomentoErrorCode.FAILED_PRECONDITION_ERROR,
  MomentoErrorCode.BAD_REQUEST_ERROR,
]);

const Answer = v.object({
  apiKey: v.pipe(
    v.string(),
    v.check((text) => readApiKey(text)?.form === 'v1'),
  ),
  refreshToken: v.pipe(v.string(), v.nonEmpty()),
  endpoint: v.pipe(v.string(), v.nonEmpty()),
  validUntil: ValidUntil,
});

export interface MomentoSdkAuthOptions {
  readonly redactor: Redactor;
  readonly clock: Clock;
  /** host:port of a plaintext Momento on this machine; see `local-endpoint.ts`. @default Momento itself, by TLS */
  readonly localEndpoint?: string | undefined;
}

// It writes to the console, past our redaction.
setLogVerbosity(logVerbosity.NONE);

export class MomentoSdkAuth implements MomentoAuth {
  readonly #options: MomentoSdkAuthOptions;

  constructor(options: MomentoSdkAuthOptions) {
    this.#options = options;
  }

  async refresh(pair: KeyPair): Promise<RefreshedKey> {
    const { redactor } = this.#options;
    const client = new AuthClient({
      credentialProvider: this.#credentials(pair),
      // The SDK's own logger writes to the console, past our redaction.
      configuration: new AuthClientConfiguration({ loggerFactory: new NoopMomentoLoggerFactory() }),
    });
    const answer = await client.refreshApiKey(pair.refreshToken);
    if (answer instanceof RefreshApiKey.Error) {
      throw refreshFailure(answer.errorCode(), answer.message(), answer.innerException());
    }
    if (!(answer instanceof RefreshApiKey.Success)) throw badAnswer();
    redactor.learn(answer.apiKey, answer.refreshToken, readApiKey(answer.apiKey)?.wireKey);
    const refreshed = v.safeParse(Answer, {
      apiKey: answer.apiKey,
      refreshToken: answer.refreshToken,
      endpoint: answer.endpoint,
      validUntil: endOf(answer),
    });
    if (!refreshed.success) throw badAnswer();
    return refreshed.output;
  }

  // Asked with the published message types, not with the SDK's CacheClient: that one opens data-plane
  // channels which nobody needs here, and takes no deadline for a control call.
  async authenticates(pair: KeyPair, timeoutMs: number): Promise<boolean> {
    const { localEndpoint, clock } = this.#options;
    const client = new control.control_client.ScsControlClient(
      localEndpoint ?? pair.controlEndpoint,
      localEndpoint === undefined ? credentials.createSsl() : credentials.createInsecure(),
    );
    try {
      const metadata = new Metadata();
      metadata.set('authorization', pair.key.wireKey);
      return await new Promise<boolean>((resolve, reject) => {
        client.ListCaches(
          new control.control_client._ListCachesRequest({}),
          metadata,
          { deadline: clock.now() + timeoutMs },
          (error: ServiceError | null) => {
            if (error === null || error.code === status.PERMISSION_DENIED) return resolve(true);
            if (error.code === status.UNAUTHENTICATED) return resolve(false);
            reject(
              error.code === status.RESOURCE_EXHAUSTED
                ? rateLimited(error.details, error)
                : unreachable(`${status[error.code]}: ${error.details}`, error),
            );
          },
        );
      });
    } finally {
      client.close();
    }
  }

  #credentials(pair: KeyPair): CredentialProvider {
    const { localEndpoint } = this.#options;
    const endpoint = localEndpoint ?? pair.controlEndpoint;
    return CredentialProvider.fromString({
      apiKey: pair.apiKey,
      endpointOverrides: {
        controlEndpoint: endpoint,
        cacheEndpoint: endpoint,
        tokenEndpoint: endpoint,
        secureConnection: localEndpoint === undefined,
      },
    });
  }
}

/** Epoch seconds; 0 never. What is no such time is looked up in the key itself: the pair is too dear to drop. */
function endOf(answer: RefreshApiKey.Success): number | undefined {
  const said = answer.expiresAt.doesExpire() ? answer.expiresAt.epoch() : 0;
  return v.is(ValidUntil, said) ? said : readApiKey(answer.apiKey)?.expiresAtSeconds;
}

function refreshFailure(code: string, said: string, cause: unknown): MomentoFailure {
  if (code === MomentoErrorCode.LIMIT_EXCEEDED_ERROR) return rateLimited(said, cause);
  if (REFUSALS.has(code)) {
    return new MomentoFailure('momento-refused', `Momento refused to renew the key: ${said}`, {
      cause,
    });
  }
  return unreachable(`${code}: ${said}`, cause);
}

const rateLimited = (said: string, cause: unknown) =>
  new MomentoFailure(
    'momento-rate-limited',
    `Momento allows the account no more auth operations this second (${said}).`,
    { cause },
  );

const unreachable = (said: string, cause: unknown) =>
  new MomentoFailure('momento-unreachable', `Momento could not be reached in time (${said}).`, {
    cause,
  });

const badAnswer = () =>
  new MomentoFailure(
    'momento-bad-answer',
    'Momento answered the renewal with something that is not a key.',
  );
