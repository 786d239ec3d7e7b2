// Events out: what happened to a key, for applications and operators. No secret is ever in an event.

import { type EventBridgeClient, PutEventsCommand } from '@aws-sdk/client-eventbridge';
import type { Clock } from '../shared/clock.ts';
import { withTimeout } from '../shared/deadline.ts';
import type { Redactor } from '../shared/redaction.ts';
import { retry } from '../shared/retry.ts';

export const EVENT_SOURCE = 'momento.auth';

export interface KeyEvent {
  readonly type:
    | 'Momento API Key Rotated'
    | 'Momento API Key Rotation Failed'
    | 'Momento API Key Expiring';
  readonly detail: {
    readonly secretArn: string;
    readonly versionId?: string;
    /** Epoch seconds. */
    readonly validUntil?: number;
    readonly code?: string;
    readonly message?: string;
  };
}

export interface Announcer {
  /** Throws when an event was not accepted in time. Delivery is at least once. */
  announce(events: readonly KeyEvent[], deadlineAtMs: number): Promise<void>;
}

/** PutEvents takes ten at a time, and may take some of them only: a 200 answer is no success yet. */
const MAX_ENTRIES = 10;
const CALL_TIMEOUT_MS = 3_000;

export class EventBridgeAnnouncer implements Announcer {
  readonly #client: EventBridgeClient;
  readonly #bus: string;
  readonly #redactor: Redactor;
  readonly #clock: Clock;

  constructor(client: EventBridgeClient, bus: string, redactor: Redactor, clock: Clock) {
    this.#client = client;
    this.#bus = bus;
    this.#redactor = redactor;
    this.#clock = clock;
  }

  async announce(events: readonly KeyEvent[], deadlineAtMs: number): Promise<void> {
    let waiting = [...events];
    await retry(
      async () => {
        while (waiting.length > 0) {
          const batch = waiting.slice(0, MAX_ENTRIES);
          const refused = await this.#put(batch);
          waiting = [...refused, ...waiting.slice(batch.length)];
          if (refused.length > 0) throw new Error(`${refused.length} events were not accepted.`);
        }
      },
      { clock: this.#clock, deadlineAtMs, maxTries: 4, isRetryable: () => true },
    );
  }

  async #put(batch: readonly KeyEvent[]): Promise<KeyEvent[]> {
    const command = new PutEventsCommand({
      Entries: batch.map(({ type, detail }) => ({
        EventBusName: this.#bus,
        Source: EVENT_SOURCE,
        DetailType: type,
        Detail: JSON.stringify(this.#redactor.value(detail)),
        Resources: [this.#redactor.text(detail.secretArn)],
      })),
    });
    const { Entries = [] } = await withTimeout(
      (abortSignal) => this.#client.send(command, { abortSignal }),
      CALL_TIMEOUT_MS,
      this.#clock,
      () => new Error(`EventBridge did not answer within ${CALL_TIMEOUT_MS / 1000} s.`),
    );
    return batch.filter((_, index) => Entries[index]?.ErrorCode !== undefined);
  }
}
