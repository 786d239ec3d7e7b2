// What the page may put in the way of the stack: the hooks of the local AWS and Momento, and what is set in them.
//
//   armed ─► the next promotion begins ─► the function's process is killed ─► over
//   away, refused ─► each call fails ─► 6 s later ─► over
//
// What is broken here heals by itself, also on a stack where an hour takes 4 s and a key lives for 28: what a run
// waits for after a failure (the end of its claim, minutes later) is longer than that. So while Momento is away a
// renewal is not refused: its answer is under way until Momento is back. And an outage is shorter than from the time
// when a key is due to its end, by more than a tick.

import * as v from 'valibot';
import { AwsError } from '../aws/aws-error.ts';
import type { Fault as AwsFault, InterceptedCall } from '../aws/server.ts';
import type { Call as MomentoCall, Fault as MomentoFault } from '../momento/calls.ts';
import type { FaultSpan } from './told.ts';

const WRITES = [
  'secretsmanager:PutSecretValue',
  'secretsmanager:UpdateSecret',
  'secretsmanager:UpdateSecretVersionStage',
];
const Promotion = v.looseObject({ VersionStage: v.literal('AWSCURRENT') });
/** Longer than any function lives: its call is never answered. */
const NEVER_MS = 3_600_000;
const MOST_OVER = 50;
const RENEWAL = 'auth.Auth/RefreshApiToken';

export interface FaultsOptions {
  /** Epoch milliseconds. @default Date.now */
  readonly now?: () => number;
  /** How long Momento is away and writes are refused. @default 6,000 */
  readonly outageMs?: number;
}

export interface FaultListener {
  /** Kills the run that is about to promote. */
  kill(): void;
  changed(): void;
  /** It had its effect, or it has passed without anybody's doing. */
  told(kind: 'fault' | 'over', sentence: string): void;
}

const NOBODY: FaultListener = { kill: () => {}, changed: () => {}, told: () => {} };

/** Made before the stack, which takes its two hooks; nothing happens until a listener is there. */
export class Faults {
  readonly outageMs: number;
  readonly #now: () => number;
  readonly #active = new Map<FaultSpan['fault'], FaultSpan>();
  #over: readonly FaultSpan[] = [];
  readonly #timers = new Set<NodeJS.Timeout>();
  #listener = NOBODY;

  constructor({ now = Date.now, outageMs = 6_000 }: FaultsOptions = {}) {
    this.#now = now;
    this.outageMs = outageMs;
  }

  /** Those that are over first. */
  get spans(): readonly FaultSpan[] {
    return [...this.#over, ...this.#active.values()];
  }

  listen(listener: FaultListener): void {
    this.#listener = listener;
  }

  /** Once more before it is over: it lasts that much longer. */
  set(fault: FaultSpan['fault']): void {
    const nowMs = this.#now();
    const isOutage = fault !== 'kill-next-rotation';
    const span: FaultSpan = {
      fault,
      fromMs: this.#active.get(fault)?.fromMs ?? nowMs,
      untilMs: isOutage ? nowMs + this.outageMs : null,
      isOver: false,
    };
    this.#active.set(fault, span);
    if (isOutage) {
      const timer = setTimeout(() => {
        this.#timers.delete(timer);
        if (this.#active.get(fault) === span) this.#end(fault, BACK[fault]);
      }, this.outageMs);
      this.#timers.add(timer);
    }
    this.#listener.changed();
  }

  readonly intercept = ({ action, input }: InterceptedCall): AwsFault | undefined => {
    if (this.#active.has('writes-refused') && WRITES.includes(action)) {
      return {
        error: new AwsError('InternalServiceError', 'Refused by the page.', { status: 500 }),
      };
    }
    const promotes = action === 'secretsmanager:UpdateSecretVersionStage' && v.is(Promotion, input);
    if (!promotes || !this.#active.has('kill-next-rotation')) return undefined;
    this.#end(
      'kill-next-rotation',
      'The rotation was killed half-way: the new key is stored, and applications still read the old one.',
    );
    this.#listener.kill();
    return { delayMs: NEVER_MS, before: 'effect' };
  };

  readonly interceptMomento = ({ method }: MomentoCall): MomentoFault | undefined => {
    const away = this.#active.get('momento-away');
    if (away === undefined) return undefined;
    return method === RENEWAL
      ? { delayMs: Math.max(0, (away.untilMs ?? 0) - this.#now()) }
      : { refuse: 'UNAVAILABLE' };
  };

  #end(fault: FaultSpan['fault'], sentence: string): void {
    const span = this.#active.get(fault);
    if (span === undefined) return;
    this.#active.delete(fault);
    this.#over = [...this.#over, { ...span, untilMs: this.#now(), isOver: true }].slice(-MOST_OVER);
    this.#listener.told(fault === 'kill-next-rotation' ? 'fault' : 'over', sentence);
    this.#listener.changed();
  }

  close(): void {
    this.#listener = NOBODY;
    for (const timer of this.#timers) clearTimeout(timer);
  }
}

const BACK = {
  'momento-away': 'Momento is back.',
  'writes-refused': 'Secrets Manager takes writes again.',
} as const;
