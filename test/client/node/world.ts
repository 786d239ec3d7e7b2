// An application over a scripted secret, a Momento that knows which keys live, and a clock in the test's hand.

import { setImmediate } from 'node:timers/promises';
import type {
  GetSecretValueCommand,
  GetSecretValueCommandOutput,
} from '@aws-sdk/client-secrets-manager';
import { AuthenticationError, CacheGet } from '@gomomento/sdk';
import type { Clock } from '../../../client/node/index.ts';
import {
  type CredentialsEvent,
  type CurrentKey,
  type KeyOptions,
  rotatingCredentials,
} from '../../../client/node/index.ts';
import { v1Key } from '../../lambda/momento-key.ts';

export const SECRET_ARN =
  'arn:aws:secretsmanager:eu-central-1:111122223333:secret:ApiKeySecret0F1E-AbC123';
export const START_MS = Date.UTC(2026, 0, 15, 10);

interface Timer {
  readonly atMs: number;
  readonly background: boolean;
  readonly callback: () => void;
}

export class HandClock implements Clock {
  nowMs = START_MS;
  chance = 0.5;
  /** Which are set and have not gone off. */
  readonly timers = new Set<Timer>();

  now(): number {
    return this.nowMs;
  }

  random(): number {
    return this.chance;
  }

  after(delayMs: number, callback: () => void, background?: 'background'): () => void {
    const timer = { atMs: this.nowMs + delayMs, callback, background: background !== undefined };
    this.timers.add(timer);
    return () => this.timers.delete(timer);
  }

  /** Lets time pass, and everything happen that is due on the way. */
  async pass(ms: number): Promise<void> {
    const untilMs = this.nowMs + ms;
    await settled();
    for (;;) {
      const [next] = [...this.timers].sort((a, b) => a.atMs - b.atMs);
      if (next === undefined || next.atMs > untilMs) break;
      this.timers.delete(next);
      this.nowMs = Math.max(this.nowMs, next.atMs);
      next.callback();
      await settled();
    }
    this.nowMs = Math.max(this.nowMs, untilMs);
  }
}

/** Until nothing more happens without time. */
export async function settled(): Promise<void> {
  for (let turn = 0; turn < 5; turn += 1) await setImmediate();
}

/** Something that a test lets happen when it wants to. */
export class Gate {
  open: () => void = () => {};
  readonly opened = new Promise<void>((resolve) => {
    this.open = resolve;
  });
}

export const awsError = (name: string, message = 'scripted'): Error =>
  Object.assign(new Error(message), { name });

/** As the SDK returns it. */
export const refusal = () => new CacheGet.Error(new AuthenticationError('Invalid credential'));

export class FakeClient {
  readonly #world: World;
  readonly key: CurrentKey;
  closed = 0;
  calls = 0;

  constructor(world: World, key: CurrentKey) {
    this.#world = world;
    this.key = key;
  }

  async get(takes: Promise<void> = Promise.resolve()): Promise<CacheGet.Response> {
    if (this.closed > 0) throw new Error('A closed client was used.');
    this.calls += 1;
    // A key is judged when the request arrives.
    const answer = this.#world.dead.has(this.key.apiKey) ? refusal() : new CacheGet.Miss();
    await takes;
    if (this.closed > 0) throw new Error('The client was closed under a call.');
    return answer;
  }

  close(): void {
    this.closed += 1;
  }
}

export class World {
  readonly clock = new HandClock();
  readonly events: CredentialsEvent[] = [];
  readonly made: FakeClient[] = [];
  readonly dead = new Set<string>();
  reads = 0;
  value: string | undefined;
  versionId = '';
  /** What befalls a read. */
  fault: () => Error | undefined = () => undefined;
  /** How long an answer is on its way: it is of the moment of the call. */
  answerTakes: () => Promise<void> = () => Promise.resolve();
  makingTakes: (key: CurrentKey) => Promise<void> = () => Promise.resolve();
  #keys = 0;

  constructor() {
    this.rotate();
  }

  /** A new key, current at once. The old one lives on. */
  rotate(): string {
    this.#keys += 1;
    const apiKey = v1Key({ jti: `key-${this.#keys}` });
    this.put(
      JSON.stringify({ apiKey, refreshToken: 'a refresh token', validUntil: 1_900_000_000 }),
    );
    return apiKey;
  }

  put(value: string | undefined): void {
    this.value = value;
    this.versionId = `version-${Number(this.versionId.split('-')[1] ?? 0) + 1}`;
  }

  /** The current key is dead from now on. */
  kill(): void {
    if (this.value !== undefined) this.dead.add(JSON.parse(this.value).apiKey);
  }

  readonly secretsManager = {
    send: async (
      command: GetSecretValueCommand,
      { abortSignal }: { readonly abortSignal: AbortSignal },
    ): Promise<GetSecretValueCommandOutput> => {
      if (command.input.SecretId !== SECRET_ARN) throw new Error('another secret was asked for');
      this.reads += 1;
      const fault = this.fault();
      const { value, versionId } = this;
      const aborted = new Promise<never>((_, reject) => {
        abortSignal.addEventListener('abort', () => reject(awsError('AbortError', 'aborted')));
      });
      aborted.catch(() => {});
      await Promise.race([this.answerTakes(), aborted]);
      if (fault !== undefined) throw fault;
      if (value === undefined) {
        throw awsError(
          'ResourceNotFoundException',
          "Secrets Manager can't find the specified secret value for staging label: AWSCURRENT",
        );
      }
      return { $metadata: {}, SecretString: value, VersionId: versionId };
    },
  };

  credentials(options: Partial<KeyOptions> = {}) {
    return rotatingCredentials({
      secretId: SECRET_ARN,
      secretsManager: this.secretsManager,
      clock: this.clock,
      onEvent: (event) => this.events.push(event),
      ...options,
      makeClient: async (key) => {
        await this.makingTakes(key);
        const client = new FakeClient(this, key);
        this.made.push(client);
        return client;
      },
    });
  }

  eventsOf<T extends CredentialsEvent['type']>(type: T) {
    return this.events.filter(
      (event): event is Extract<CredentialsEvent, { type: T }> => event.type === type,
    );
  }
}

/** What `AWS CLI` and EventBridge show of a rotation. */
export const rotatedEvent = (versionId: string, secretArn = SECRET_ARN) => ({
  version: '0',
  id: '00000000-0000-4000-8000-000000000001',
  source: 'momento.auth',
  'detail-type': 'Momento API Key Rotated',
  detail: { secretArn, versionId, validUntil: 1_900_000_000 },
});

/** `ok`, or the code of what was returned or thrown. */
export const verdict = (call: Promise<unknown>): Promise<string> =>
  call.then(
    (answer) =>
      typeof answer === 'object' && answer !== null && 'errorCode' in answer
        ? String((answer as { errorCode(): unknown }).errorCode())
        : 'ok',
    (error: unknown) => String((error as { code?: unknown }).code ?? error),
  );
