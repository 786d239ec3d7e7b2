// One request: claims → policy → token, with one audit line and one count for every outcome.

import { Failure } from '../shared/failure.ts';
import { field } from '../shared/field.ts';
import { GrpcFailure } from '../shared/grpc-unary.ts';
import type { Log } from '../shared/log.ts';
import { describeError } from '../shared/log.ts';
import { type HttpAnswer, type ProblemCode, problem, tokenAnswer } from './answer.ts';
import { type Claims, readClaims } from './claims.ts';
import { isAboutOurKey } from './mint.ts';
import { type Rendered, type RenderSettings, render } from './render.ts';
import { scopeHash } from './scope.ts';
import type { TimeBounds } from './time-bounds.ts';
import type { TakenToken, TokenSource } from './token-source.ts';
import { NotYourTurn } from './turns.ts';
import { VendingKeyFailure } from './vending-key.ts';

/**
 * What is counted. Each answer is one of `Vended`, `Refused` with its reason, `RateLimited`, and `UpstreamErrors`
 * with its code; besides, `Minted` for each token that Momento made, `KeyRefused` when Momento does not accept the
 * vending key, `SharingUnavailable` with AWS's code when the table cannot be used, and `SharedTokenIgnored` when an
 * item in it is no token of ours.
 */
export type VendMetric =
  | 'Vended'
  | 'Minted'
  | 'Refused'
  | 'RateLimited'
  | 'UpstreamErrors'
  | 'KeyRefused'
  | 'SharingUnavailable'
  | 'SharedTokenIgnored';

export type Count = (metric: VendMetric, detail?: string) => void;

/**
 * Makes a line of the log ready, as `info` writes it. What it returns writes it, with where the token came from:
 * until then nothing is said.
 */
export type Prepare = (
  message: string,
  fields: Record<string, unknown>,
) => (source: TakenToken['source']) => void;

export interface VendTools {
  readonly settings: RenderSettings;
  readonly tokens: TokenSource;
  readonly time: TimeBounds;
  readonly log: Log;
  readonly prepare: Prepare;
  readonly count: Count;
}

/** Throws only where the log cannot be written: nobody gets a token without a line that says so. */
export async function vend(event: unknown, tools: VendTools): Promise<HttpAnswer> {
  const { settings, tokens, time, log, prepare, count } = tools;
  let caller: () => Record<string, unknown> = () => ({});
  try {
    time.hearPast(takenAtMs(event));
    const claims = readClaims(event, settings.authType);
    const subject = subjectOf(claims);
    caller = () => ({ subject });
    const rendered = render(claims, Math.floor(time.earliest() / 1000), settings);
    const { roles } = rendered;
    caller = () => ({ subject, roles });
    if (rendered.kind !== 'scope') return refusal(rendered, caller(), tools);

    const { scope, lifeSeconds, callerUntilSeconds, tenant } = rendered;
    caller = () => ({
      subject,
      roles,
      tenant,
      scopeHash: scopeHash(scope),
      lifeSeconds,
      tokenId: scope.tokenId,
    });
    let ready: ReturnType<Prepare> | undefined;
    const vended = () => {
      ready ??= prepare('vended', caller());
      return ready;
    };
    // The time in which Momento is asked is nobody's: what will be said is made ready then.
    const taken = await tokens.take({ scope, lifeSeconds, callerUntilSeconds, onAsked: vended });
    vended()(taken.source);
    count('Vended');
    if (taken.source === 'minted') count('Minted');
    // An older one was handed out instead: the trouble is there, and must be seen.
    if (taken.trouble !== undefined) tell('not renewed', taken.trouble, caller(), tools);
    return tokenAnswer(taken.token, scope.tokenId, time.latest());
  } catch (error) {
    if (error instanceof NotYourTurn) {
      log.warn('not vended', { ...caller(), problem: 'rate-limited' });
      count('RateLimited');
      return problem('rate-limited', secondsUntil(error.untilMs, time));
    }
    return problem(tell('not vended', error, caller(), tools));
  }
}

function tell(
  what: 'not vended' | 'not renewed',
  error: unknown,
  caller: Record<string, unknown>,
  { log, count }: VendTools,
): ProblemCode {
  const code = problemCodeOf(error);
  if (error instanceof NotYourTurn) return code;
  log.error(what, { ...caller, problem: code, ...describeError(error) });
  count('UpstreamErrors', code);
  if (code === 'upstream-key-refused') count('KeyRefused');
  return code;
}

const secondsUntil = (atMs: number, time: TimeBounds): number =>
  Math.max(1, Math.ceil((atMs - time.earliest()) / 1_000));

/** When the gateway took the request, epoch milliseconds; NaN where it does not say. */
function takenAtMs(event: unknown): number {
  const context = field(event, 'requestContext');
  const takenAt = field(context, 'timeEpoch');
  return typeof takenAt === 'number' ? takenAt : Number.NaN;
}

function refusal(
  rendered: Exclude<Rendered, { kind: 'scope' }>,
  caller: Record<string, unknown>,
  { log, count }: VendTools,
): HttpAnswer {
  if (rendered.kind === 'bad-policy') {
    log.error('not vended', { ...caller, problem: 'bad-policy', detail: rendered.problem });
    count('UpstreamErrors', 'bad-policy');
    return problem('bad-policy');
  }
  log.warn('refused', { ...caller, reason: rendered.reason });
  count('Refused', rendered.reason);
  return problem('forbidden');
}

const subjectOf = (claims: Claims | undefined): string | undefined => {
  const subject = claims?.get('sub');
  return typeof subject === 'string' ? subject : undefined;
};

/** What went wrong at Momento, in the caller's terms. Never 401 or 403: it is our key, not his token. */
export function problemCodeOf(error: unknown): ProblemCode {
  if (error instanceof VendingKeyFailure) {
    return error.code === 'no-key' ? 'no-key' : 'upstream-unavailable';
  }
  if (error instanceof NotYourTurn) return 'rate-limited';
  if (error instanceof Failure && error.code === 'out-of-time') return 'upstream-timeout';
  if (!(error instanceof GrpcFailure)) return 'upstream-unavailable';
  if (isAboutOurKey(error)) return 'upstream-key-refused';
  switch (error.code) {
    case 'RESOURCE_EXHAUSTED':
      return 'rate-limited';
    case 'DEADLINE_EXCEEDED':
      return 'upstream-timeout';
    case 'INVALID_ARGUMENT':
      return 'bad-policy';
    default:
      return 'upstream-unavailable';
  }
}
