// How a call on the wire becomes an operation on the account, and the faults a test may put in its way.

import {
  type handleUnaryCall,
  type MethodDefinition,
  type ServiceDefinition,
  type sendUnaryData,
  status,
  type UntypedServiceImplementation,
} from '@grpc/grpc-js';
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
  /** What the caller is told. */
  readonly status: StatusName;
  /** Present if a fault was injected. */
  readonly fault?: Fault;
}

/** A gRPC service and the handlers for what it can do so far; anything else is UNIMPLEMENTED. */
export interface Service {
  readonly definition: ServiceDefinition;
  readonly handlers: UntypedServiceImplementation;
}

/** Makes a handler of a synchronous effect. `callerKey` is the `authorization` header, empty if absent. */
export type Unary = <Request, Response>(
  method: MethodDefinition<Request, Response>,
  effect: (request: Request, callerKey: string) => Response,
) => handleUnaryCall<Request, Response>;

export interface CallHooks {
  readonly intercept?: ((call: Call) => Fault | undefined) | undefined;
  readonly onCall?: ((outcome: CallOutcome) => void) | undefined;
}

/** `stop` drops every answer still held back by a `delayMs`. */
export function serveCalls({ intercept, onCall }: CallHooks): { unary: Unary; stop: () => void } {
  const heldBack = new Set<NodeJS.Timeout>();
  let sequence = 0;

  const unary: Unary = (method, effect) => (request, callback) => {
    sequence += 1;
    const call: Call = { method: method.path.slice(1), sequence };
    const fault = intercept?.(call);
    const answer = answerTo(fault, () =>
      effect(request.request, String(request.metadata.get('authorization')[0] ?? '')),
    );
    const send = () => {
      onCall?.({ ...call, status: answer.status, ...(fault === undefined ? {} : { fault }) });
      sendAnswer(answer, callback);
    };
    if (fault === undefined || !('delayMs' in fault)) return send();
    const timer = setTimeout(() => {
      heldBack.delete(timer);
      send();
    }, fault.delayMs);
    heldBack.add(timer);
  };

  const stop = () => {
    for (const timer of heldBack) clearTimeout(timer);
    heldBack.clear();
  };
  return { unary, stop };
}

type Answer<Response> =
  | { readonly status: 'OK'; readonly response: Response }
  | { readonly status: RefusalStatus; readonly message: string };

function answerTo<Response>(fault: Fault | undefined, effect: () => Response): Answer<Response> {
  if (fault !== undefined && 'refuse' in fault) {
    return refused(fault.refuse, `Injected fault: ${fault.refuse}`);
  }
  const answer = carryOut(effect);
  return fault !== undefined && 'loseAnswer' in fault
    ? refused('UNAVAILABLE', 'Injected fault: the answer was lost')
    : answer;
}

function carryOut<Response>(effect: () => Response): Answer<Response> {
  try {
    return { status: 'OK', response: effect() };
  } catch (error) {
    if (error instanceof MomentoRefusal) return refused(error.status, error.message);
    // A bug in local Momento. Never put the error's own text on the wire: it may quote its input.
    const name = error instanceof Error ? error.name : typeof error;
    return refused('INTERNAL', `Local Momento failed: ${name}`);
  }
}

function refused(name: RefusalStatus, message: string): Answer<never> {
  return { status: name, message };
}

function sendAnswer<Response>(answer: Answer<Response>, callback: sendUnaryData<Response>): void {
  if (answer.status === 'OK') callback(null, answer.response);
  else callback({ code: status[answer.status], details: answer.message });
}
