// The events that the function takes: the schedule's tick, and an operator's wish for one key.

import * as v from 'valibot';
import { readApiKey } from '../shared/api-key.ts';
import { Failure } from '../shared/failure.ts';

const ScheduledTick = v.looseObject({
  source: v.literal('aws.events'),
  'detail-type': v.literal('Scheduled Event'),
});
const OneKey = v.strictObject({
  secretId: v.pipe(
    v.string(),
    v.trim(),
    v.regex(/^[A-Za-z0-9/_+=.@:-]{1,2048}$/),
    // A key pasted into the wrong place must not travel on as a name.
    v.check((text) => readApiKey(text) === undefined),
  ),
  force: v.optional(v.boolean(), false),
  dryRun: v.optional(v.boolean(), false),
});

export type Request =
  | { readonly kind: 'all-keys' }
  | {
      readonly kind: 'one-key';
      readonly secretId: string;
      readonly force: boolean;
      /** Prove that a rotation would work, and change nothing. */
      readonly dryRun: boolean;
    };

export class UnsupportedEvent extends Failure<'unsupported-event'> {
  constructor() {
    super(
      'unsupported-event',
      'unsupported-event: the function takes the EventBridge schedule\'s event, or {"secretId": "<name or ARN>", "force": true} for one key (force is optional; "dryRun": true changes nothing).',
    );
    this.name = 'UnsupportedEvent';
  }
}

/** Throws `UnsupportedEvent`, which does not quote the event: it may hold anything. */
export function parseEvent(event: unknown): Request {
  if (v.is(ScheduledTick, event)) return { kind: 'all-keys' };
  const one = v.safeParse(OneKey, event);
  if (one.success) return { kind: 'one-key', ...one.output };
  throw new UnsupportedEvent();
}
