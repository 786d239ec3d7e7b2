// What time it is at AWS, learned from its answers. When a version came into being and how long another run's
// claim holds is reckoned by AWS's clock and by other hosts': a clock of ours that is minutes off would renew a
// young key in a loop, or let an old one end. Only waits and deadlines are measured with the host's own clock.

import type { SecretsManagerClient } from '@aws-sdk/client-secrets-manager';
import type { Clock } from './clock.ts';
import { field } from './field.ts';

/** The `Date` header says whole seconds, cut off. */
const HEADER_RESOLUTION_MS = 1_000;

export class AwsTime {
  readonly #clock: Pick<Clock, 'now'>;
  #offsetMs = 0;

  constructor(clock: Pick<Clock, 'now'>) {
    this.#clock = clock;
  }

  /** Epoch milliseconds. The host's own time until the first answer was heard. */
  now(): number {
    return this.#clock.now() + this.#offsetMs;
  }

  /**
   * An answer says when it was made (`dateMs`, epoch milliseconds); it was asked for at `sentAtMs` of the
   * host's clock. It bounds the difference of the clocks, and only a difference outside of the bounds is
   * corrected: a clock that is right is never moved.
   */
  hear(dateMs: number, sentAtMs: number): void {
    if (!Number.isFinite(dateMs)) return;
    const heardAtMs = this.#clock.now();
    const least = dateMs - heardAtMs;
    const most = dateMs + HEADER_RESOLUTION_MS - sentAtMs;
    this.#offsetMs = Math.min(Math.max(this.#offsetMs, least), most);
  }

  /** Hears every answer that this client gets, refusals included. */
  listenTo(client: SecretsManagerClient): void {
    client.middlewareStack.add(
      (next) => async (args) => {
        const sentAtMs = this.#clock.now();
        const result = await next(args);
        this.hear(dateOf(result.response), sentAtMs);
        return result;
      },
      // The innermost: below it an error status is still an answer.
      { step: 'deserialize', priority: 'low', name: 'awsTime' },
    );
  }
}

/** Epoch milliseconds; NaN when the answer does not say. */
function dateOf(response: unknown): number {
  const headers = field(response, 'headers');
  const date = field(headers, 'date') ?? field(headers, 'Date');
  return typeof date === 'string' ? Date.parse(date) : Number.NaN;
}
