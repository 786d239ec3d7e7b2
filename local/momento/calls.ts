// How a call on the wire becomes an operation on the account, and the faults a test may put in its way.
//
// A method takes and gives bytes, so that gRPC (grpc.ts) and gRPC-web (grpc-web.ts) carry the same ones.

import type { MethodDefinition } from '@grpc/grpc-js';
import type { After } from './after.ts';
import { MomentoRefusal, type RefusalStatus, type StatusName } from './refusal.ts';

/** A call about to be served. Holds nothing that came from the caller: no key can leak through it. */
export interface Call {
  /** Such as `auth.Auth/RefreshApiToken`. */
  readonly method: string;
  /** 1 for the first call that this server got. */
  readonly sequence: number;
}

/** What a test does to a call. The last two let it take effect first, at once. */
export type Fault =
  /** Refused before any effect. */
  | { readonly refuse: RefusalStatus }
  /** Takes effect, then fails with UNAVAILABLE. */
  | { readonly loseAnswer: true }
  /** Takes effect, and is answered this much later. */
  | { readonly delayMs: number };

export interface CallOutcome extends Call {
  /** What the caller is told; CANCELLED if he left before that. A subscription is told of when it ends. */
  readonly status: StatusName;
  /** Present if a fault was injected. */
  readonly fault?: Fault;
}

/** What comes with a call besides its message, each empty if absent. */
export interface CallHeaders {
  /** `authorization`. The auth and the token service have the key in the message instead. */
  readonly callerKey: string;
  /** `cache`. The control and the topics service have the name in the message instead. */
  readonly cacheName: string;
}

/** Where the answer of one call goes: any number of messages, then one end. What comes after that is dropped. */
export interface Answer<Response> {
  message(response: Response): void;
  /** Without a refusal: OK. */
  end(refusal?: MomentoRefusal): void;
}

/** What a transport does with an answer. */
export interface Carrier {
  message(bytes: Buffer): void;
  end(status: StatusName, details: string): void;
}

/** One method of a service, whatever the transport. */
export interface Method {
  /** Such as `/auth.Auth/RefreshApiToken`. */
  readonly path: string;
  /** Returns what to do when the caller leaves. */
  start(request: Uint8Array, headers: CallHeaders, carrier: Carrier): () => void;
}

export interface Methods {
  /** One answer from a synchronous effect; a thrown `MomentoRefusal` is the answer too. */
  unary<Request, Response>(
    definition: MethodDefinition<Request, Response>,
    effect: (request: Request, headers: CallHeaders) => Response,
  ): Method;
  /** `open` returns what to do when the call is over, whoever ended it. */
  stream<Request, Response>(
    definition: MethodDefinition<Request, Response>,
    open: (request: Request, headers: CallHeaders, answer: Answer<Response>) => () => void,
  ): Method;
}

export interface CallHooks {
  readonly intercept?: ((call: Call) => Fault | undefined) | undefined;
  readonly onCall?: ((outcome: CallOutcome) => void) | undefined;
}

const nothing = () => {};

/** `stop` ends every call under way without a word: no answer, no outcome. */
export function serveCalls(
  { intercept, onCall }: CallHooks,
  after: After,
): { methods: Methods; stop: () => void } {
  const underWay = new Set<() => void>();
  let sequence = 0;

  const stream: Methods['stream'] = (definition, open) => ({
    path: definition.path,
    start(request, headers, carrier) {
      sequence += 1;
      const call: Call = { method: definition.path.slice(1), sequence };
      const fault = intercept?.(call);
      const gate =
        fault !== undefined && 'delayMs' in fault ? gateAfter(after, fault.delayMs) : openGate;
      let close = nothing;
      let ended = false;

      const tell = (status: StatusName) =>
        onCall?.({ ...call, status, ...(fault === undefined ? {} : { fault }) });
      const drop = () => {
        underWay.delete(drop);
        ended = true;
        gate.shut();
        close();
      };
      const end = (refusal?: MomentoRefusal) => {
        if (ended) return;
        ended = true;
        close();
        gate.pass(() => {
          underWay.delete(drop);
          tell(refusal?.status ?? 'OK');
          carrier.end(refusal?.status ?? 'OK', refusal?.message ?? '');
        });
      };
      const message = (response: Parameters<typeof definition.responseSerialize>[0]) => {
        if (ended) return;
        const bytes = definition.responseSerialize(response);
        gate.pass(() => carrier.message(bytes));
      };
      const carryOut = (answer: Answer<Parameters<typeof message>[0]>) => {
        try {
          close = open(definition.requestDeserialize(Buffer.from(request)), headers, answer);
          if (ended) close();
        } catch (error) {
          answer.end(refusalFor(error));
        }
      };

      underWay.add(drop);
      if (fault !== undefined && 'refuse' in fault) {
        end(new MomentoRefusal(fault.refuse, `Injected fault: ${fault.refuse}`));
      } else if (fault !== undefined && 'loseAnswer' in fault) {
        carryOut({ message: nothing, end: nothing });
        end(new MomentoRefusal('UNAVAILABLE', 'Injected fault: the answer was lost'));
      } else {
        carryOut({ message, end });
      }
      return () => {
        if (!underWay.has(drop)) return;
        drop();
        tell('CANCELLED');
      };
    },
  });

  const unary: Methods['unary'] = (definition, effect) =>
    stream(definition, (request, headers, answer) => {
      answer.message(effect(request, headers));
      answer.end();
      return nothing;
    });

  const stop = () => {
    for (const drop of underWay) drop();
  };
  return { methods: { unary, stream }, stop };
}

/** What an answer passes on its way out. */
interface Gate {
  pass(send: () => void): void;
  shut(): void;
}

const openGate: Gate = { pass: (send) => send(), shut: nothing };

/** Holds back what wants to pass until then, and keeps its order. */
function gateAfter(after: After, delayMs: number): Gate {
  let held: (() => void)[] | undefined = [];
  const cancel = after(delayMs, () => {
    const due = held ?? [];
    held = undefined;
    for (const send of due) send();
  });
  return {
    pass: (send) => {
      if (held === undefined) send();
      else held.push(send);
    },
    shut: () => {
      held = [];
      cancel();
    },
  };
}

function refusalFor(error: unknown): MomentoRefusal {
  if (error instanceof MomentoRefusal) return error;
  // A bug in local Momento, or bytes that are no message. Never put the error's own text on the wire:
  // it may quote its input.
  const name = error instanceof Error ? error.name : typeof error;
  return new MomentoRefusal('INTERNAL', `Local Momento failed: ${name}`);
}
