// EventBridge's PutEvents: buses that keep what they accept and tell who listens. No rules, no targets.

import type {
  PutEventsCommandInput,
  PutEventsRequestEntry,
  PutEventsResponse,
  PutEventsResultEntry,
} from '@aws-sdk/client-eventbridge';
import { validationFailed } from './aws-error.ts';

/** An event as a target of a rule would get it. */
export interface BusEvent {
  readonly version: '0';
  readonly id: string;
  readonly 'detail-type': string;
  readonly source: string;
  readonly account: string;
  /** ISO 8601, whole seconds. */
  readonly time: string;
  readonly region: string;
  readonly resources: readonly string[];
  readonly detail: unknown;
}

export interface AcceptedEvent {
  readonly busArn: string;
  readonly event: BusEvent;
}

/** Makes single entries fail in an answer that is otherwise a success, as a throttled bus does. */
export type EntryFault = (
  entry: PutEventsRequestEntry,
) => { ErrorCode: string; ErrorMessage: string } | undefined;

const MAX_ENTRIES = 10;
const MAX_REQUEST_BYTES = 256 * 1024;

export class EventBus {
  readonly region: string;
  readonly accountId: string;
  readonly #now: () => number;
  readonly #newId: () => string;
  readonly #entryFault: EntryFault;
  readonly #busNames: Set<string>;
  readonly #accepted: AcceptedEvent[] = [];
  readonly #listeners = new Set<(event: AcceptedEvent) => void>();

  constructor(options: {
    region: string;
    accountId: string;
    /** Epoch milliseconds. */
    now: () => number;
    newId: () => string;
    /** Buses besides `default`. @default none */
    busNames?: readonly string[];
    /** @default no entry fails */
    entryFault?: EntryFault;
  }) {
    this.region = options.region;
    this.accountId = options.accountId;
    this.#now = options.now;
    this.#newId = options.newId;
    this.#busNames = new Set(['default', ...(options.busNames ?? [])]);
    this.#entryFault = options.entryFault ?? (() => undefined);
  }

  /** Makes a bus, if it is not there yet. Takes a name or an ARN. */
  addBus(bus: string): void {
    this.#busNames.add(nameOf(bus));
  }

  /** Every event accepted so far, oldest first. */
  get accepted(): readonly AcceptedEvent[] {
    return this.#accepted;
  }

  /** @returns how to stop listening */
  subscribe(listener: (event: AcceptedEvent) => void): () => void {
    this.#listeners.add(listener);
    return () => this.#listeners.delete(listener);
  }

  /** A 200 answer can carry failed entries: `FailedEntryCount` says how many. */
  putEvents(input: PutEventsCommandInput): PutEventsResponse {
    const entries = input.Entries ?? [];
    if (entries.length < 1 || entries.length > MAX_ENTRIES) {
      throw validationFailed(
        `1 validation error detected: Value at 'entries' failed to satisfy constraint: Member must have length between 1 and ${MAX_ENTRIES}`,
      );
    }
    const bytes = entries.reduce((sum, entry) => sum + entryBytes(entry), 0);
    if (bytes >= MAX_REQUEST_BYTES) {
      throw validationFailed('Total size of the entries in the request is over the limit.');
    }
    const results = entries.map((entry) => this.#put(entry));
    return {
      FailedEntryCount: results.filter((result) => result.ErrorCode !== undefined).length,
      Entries: results,
    };
  }

  /** @param bus a name or an ARN. @default the default bus */
  arnOf(bus = 'default'): string {
    return bus.startsWith('arn:')
      ? bus
      : `arn:aws:events:${this.region}:${this.accountId}:event-bus/${bus}`;
  }

  #put(entry: PutEventsRequestEntry): PutEventsResultEntry {
    const refused = this.#entryFault(entry) ?? this.#refusal(entry);
    if (refused !== undefined) return refused;
    const id = this.#newId();
    const accepted: AcceptedEvent = {
      busArn: this.arnOf(entry.EventBusName),
      event: {
        version: '0',
        id,
        'detail-type': entry.DetailType ?? '',
        source: entry.Source ?? '',
        account: this.accountId,
        time: isoSeconds(entry.Time?.getTime() ?? this.#now()),
        region: this.region,
        resources: entry.Resources ?? [],
        detail: JSON.parse(entry.Detail ?? '{}'),
      },
    };
    this.#accepted.push(accepted);
    for (const listener of this.#listeners) listener(accepted);
    return { EventId: id };
  }

  #refusal(entry: PutEventsRequestEntry): PutEventsResultEntry | undefined {
    for (const name of ['Source', 'DetailType', 'Detail'] as const) {
      if (!entry[name]) {
        return {
          ErrorCode: 'InvalidArgument',
          ErrorMessage: `Parameter ${name} is not valid. Reason: ${name} is a required argument.`,
        };
      }
    }
    if (entry.Source?.startsWith('aws.')) {
      return {
        ErrorCode: 'NotAuthorizedForSourceException',
        ErrorMessage: 'Not authorized for the source.',
      };
    }
    if (!isJsonObject(entry.Detail ?? '')) {
      return { ErrorCode: 'MalformedDetail', ErrorMessage: 'Detail is malformed.' };
    }
    const name = nameOf(this.arnOf(entry.EventBusName));
    if (!this.#busNames.has(name)) {
      // Unconfirmed: AWS may drop such an event in silence. Here nobody shall look for it in vain.
      return {
        ErrorCode: 'ResourceNotFoundException',
        ErrorMessage: `Event bus ${name} does not exist.`,
      };
    }
    return undefined;
  }
}

const nameOf = (bus: string): string => bus.replace(/^.*:event-bus\//, '');

/** As AWS counts: 14 bytes for a time, and the UTF-8 length of every text. */
function entryBytes(entry: PutEventsRequestEntry): number {
  const texts = [entry.Source, entry.DetailType, entry.Detail, ...(entry.Resources ?? [])];
  return texts.reduce<number>(
    (sum, text) => sum + Buffer.byteLength(text ?? ''),
    entry.Time === undefined ? 0 : 14,
  );
}

function isJsonObject(text: string): boolean {
  try {
    const parsed: unknown = JSON.parse(text);
    return typeof parsed === 'object' && parsed !== null && !Array.isArray(parsed);
  } catch {
    return false;
  }
}

/** EventBridge's form of an instant. */
export function isoSeconds(epochMs: number): string {
  return new Date(epochMs).toISOString().replace(/\.\d{3}Z$/, 'Z');
}
