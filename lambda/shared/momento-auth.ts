// Momento's part of a rotation: renew a key, and ask whether a key authenticates.
// One try each, asked with the published message types and not with the SDK's clients: those cannot be closed, so
// that each renewal of each key would leave a connection behind in a process that may use 1,024 of them.

import { auth, control } from '@gomomento/generated-types';
import {
  type CallOptions,
  type ChannelCredentials,
  type ChannelOptions,
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
import { MomentoFailure } from './momento-failure.ts';
import type { Redactor } from './redaction.ts';
import { type KeyPair, type RefreshedKey, ValidUntil } from './secret-value.ts';

/** Both methods throw `MomentoFailure` and nothing else. */
export interface MomentoAuth {
  /**
   * Renews the pair: same permissions, same duration. It settles when Momento answers, at the latest
   * after 60 s. Whoever waits for less must keep the promise: a late answer may carry the only
   * copy of a pair.
   */
  refresh(pair: KeyPair): Promise<RefreshedKey>;
  /** True: the key authenticates, whatever it may do. False: Momento says UNAUTHENTICATED. */
  authenticates(pair: KeyPair, timeoutMs: number): Promise<boolean>;
}

const REFUSALS: ReadonlySet<status> = new Set([
  status.UNAUTHENTICATED,
  status.PERMISSION_DENIED,
  status.INVALID_ARGUMENT,
  status.NOT_FOUND,
  status.FAILED_PRECONDITION,
  status.OUT_OF_RANGE,
  status.UNIMPLEMENTED,
]);

/** As long as the SDK would wait. */
const REFRESH_TIMEOUT_MS = 60_000;

const Answer = v.object({
  apiKey: v.pipe(
    v.string(),
    v.check((text) => readApiKey(text)?.form === 'v1'),
  ),
  refreshToken: v.pipe(v.string(), v.nonEmpty()),
  endpoint: v.pipe(v.string(), v.nonEmpty()),
  validUntil: ValidUntil,
});

export interface MomentoGrpcAuthOptions {
  readonly redactor: Redactor;
  readonly clock: Clock;
  /** host:port of a plaintext Momento on this machine; see `local-endpoint.ts`. @default Momento itself, by TLS */
  readonly localEndpoint?: string | undefined;
}

type Done<Answer> = (error: ServiceError | null, answer?: Answer) => void;

const { _RefreshApiTokenRequest: Refresh } = auth.auth;
const { _ListCachesRequest: ListCaches } = control.control_client;

// It writes to the console, past our redaction.
setLogVerbosity(logVerbosity.NONE);

export class MomentoGrpcAuth implements MomentoAuth {
  readonly #options: MomentoGrpcAuthOptions;

  constructor(options: MomentoGrpcAuthOptions) {
    this.#options = options;
  }

  async refresh(pair: KeyPair): Promise<RefreshedKey> {
    const { redactor } = this.#options;
    const request = new Refresh({ api_key: pair.key.wireKey, refresh_token: pair.refreshToken });
    const answer = await this.#call<auth.auth.AuthClient, auth.auth._RefreshApiTokenResponse>(
      auth.auth.AuthClient,
      pair,
      REFRESH_TIMEOUT_MS,
      (client, options, done) => client.RefreshApiToken(request, new Metadata(), options, done),
    ).catch((error: ServiceError) => {
      throw refreshFailure(error);
    });
    const { api_key, refresh_token: refreshToken, endpoint } = answer;
    // The form in which the console hands keys out, and which applications give to the SDK.
    const apiKey = Buffer.from(JSON.stringify({ endpoint, api_key })).toString('base64');
    redactor.learn(apiKey, refreshToken, api_key);
    const validUntil = endOf(answer.valid_until, apiKey);
    const refreshed = v.safeParse(Answer, { apiKey, refreshToken, endpoint, validUntil });
    if (!refreshed.success) throw badAnswer();
    return refreshed.output;
  }

  async authenticates(pair: KeyPair, timeoutMs: number): Promise<boolean> {
    const metadata = new Metadata();
    metadata.set('authorization', pair.key.wireKey);
    try {
      await this.#call(
        control.control_client.ScsControlClient,
        pair,
        timeoutMs,
        (client, options, done) => client.ListCaches(new ListCaches({}), metadata, options, done),
      );
      return true;
    } catch (error) {
      const { code, details } = error as ServiceError;
      if (code === status.PERMISSION_DENIED) return true;
      if (code === status.UNAUTHENTICATED) return false;
      throw code === status.RESOURCE_EXHAUSTED
        ? rateLimited(details, error)
        : unreachable(`${status[code]}: ${details}`, error);
    }
  }

  /** On a connection of its own, which is closed whatever comes. Rejects with a `ServiceError`. */
  async #call<Client extends { close(): void }, Answer>(
    service: new (address: string, channel: ChannelCredentials, options: ChannelOptions) => Client,
    { controlEndpoint }: KeyPair,
    timeoutMs: number,
    send: (client: Client, options: CallOptions, done: Done<Answer>) => void,
  ): Promise<Answer> {
    const { localEndpoint, clock } = this.#options;
    const client = new service(
      localEndpoint ?? controlEndpoint,
      localEndpoint === undefined ? credentials.createSsl() : credentials.createInsecure(),
      // A proxy would get the keys in plain text, and does not know this machine.
      localEndpoint === undefined ? {} : { 'grpc.enable_http_proxy': 0 },
    );
    try {
      return await new Promise<Answer>((resolve, reject) => {
        send(client, { deadline: clock.now() + timeoutMs }, (error, answer) =>
          answer === undefined ? reject(error) : resolve(answer),
        );
      });
    } finally {
      client.close();
    }
  }
}

/** Epoch seconds; 0 never. What is no such time is looked up in the key itself: the pair is too dear to drop. */
const endOf = (said: number, apiKey: string): number | undefined =>
  v.is(ValidUntil, said) ? said : readApiKey(apiKey)?.expiresAtSeconds;

function refreshFailure(error: ServiceError): MomentoFailure {
  const { code, details } = error;
  if (code === status.RESOURCE_EXHAUSTED) return rateLimited(details, error);
  if (REFUSALS.has(code)) {
    return new MomentoFailure('momento-refused', `Momento refused to renew the key: ${details}`, {
      cause: error,
    });
  }
  return unreachable(`${status[code]}: ${details}`, error);
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
