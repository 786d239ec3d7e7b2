// What the page may put in the way of the stack: the hooks of the local AWS and Momento, and what is set in them.
//
//   armed ─► the next promotion begins ─► the function's process is killed ─► over
//   away, refused ─► each call fails ─► 10 s later ─► over

import * as v from 'valibot';
import { AwsError } from '../aws/aws-error.ts';
import type { Fault as AwsFault, InterceptedCall } from '../aws/server.ts';
import type { Call as MomentoCall, Fault as MomentoFault } from '../momento/calls.ts';
import type { ActiveFault } from './told.ts';

const WRITES = [
  'secretsmanager:PutSecretValue',
  'secretsmanager:UpdateSecret',
  'secretsmanager:UpdateSecretVersionStage',
];
const Promotion = v.looseObject({ VersionStage: v.literal('AWSCURRENT') });
/** Longer than any function lives: its call is never answered. */
const NEVER_MS = 3_600_000;

export interface FaultsOptions {
  /** Epoch milliseconds. @default Date.now */
  readonly now?: () => number;
  /** How long Momento is away and writes are refused. @default 10,000 */
  readonly outageMs?: number;
}

export interface FaultListener {
  /** Kills the run that is about to promote. */
  kill(): void;
  changed(): void;
  /** A fault that has struck, or passed. */
  struck(sentence: string): void;
}

const NOBODY: FaultListener = { kill: () => {}, changed: () => {}, struck: () => {} };

/** Made before the stack, which takes its two hooks; nothing happens until a listener is there. */
export class Faults {
  readonly outageMs: number;
  readonly #now: () => number;
  readonly #active = new Map<ActiveFault['fault'], ActiveFault>();
  readonly #timers = new Set<NodeJS.Timeout>();
  #listener = NOBODY;

  constructor({ now = Date.now, outageMs = 10_000 }: FaultsOptions = {}) {
    this.#now = now;
    this.outageMs = outageMs;
  }

  get active(): readonly ActiveFault[] {
    return [...this.#active.values()];
  }

  listen(listener: FaultListener): void {
    this.#listener = listener;
  }

  set(fault: ActiveFault['fault']): void {
    const fromMs = this.#now();
    if (fault === 'kill-next-rotation') {
      this.#active.set(fault, { fault, fromMs, untilMs: null });
    } else {
      const active = { fault, fromMs, untilMs: fromMs + this.outageMs };
      this.#active.set(fault, active);
      const timer = setTimeout(() => {
        this.#timers.delete(timer);
        // Set again meanwhile: that one is still to come.
        if (this.#active.get(fault) !== active) return;
        this.#active.delete(fault);
        this.#listener.struck(BACK[fault]);
        this.#listener.changed();
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
    if (!promotes || !this.#active.delete('kill-next-rotation')) return undefined;
    this.#listener.struck(
      'The rotation was killed half-way: the new key is stored, and applications still read the old one.',
    );
    this.#listener.changed();
    this.#listener.kill();
    return { delayMs: NEVER_MS, before: 'effect' };
  };

  readonly interceptMomento = (_call: MomentoCall): MomentoFault | undefined =>
    this.#active.has('momento-away') ? { refuse: 'UNAVAILABLE' } : undefined;

  close(): void {
    this.#listener = NOBODY;
    for (const timer of this.#timers) clearTimeout(timer);
  }
}

const BACK = {
  'momento-away': 'Momento is back.',
  'writes-refused': 'Secrets Manager takes writes again.',
} as const;
