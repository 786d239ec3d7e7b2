// One request: claims → policy → token, with one audit line and one count for every outcome.

import type { Clock } from '../shared/clock.ts';
import { Failure } from '../shared/failure.ts';
import { GrpcFailure } from '../shared/grpc-unary.ts';
import type { Log } from '../shared/logging.ts';
import { describeError } from '../shared/logging.ts';
import { type HttpAnswer, type ProblemCode, problem, tokenAnswer } from './answer.ts';
import { type Claims, readClaims } from './claims.ts';
import { isAboutOurKey, type MintOptions, mint } from './mint.ts';
import { type Rendered, type RenderSettings, render } from './render.ts';
import { scopeHash } from './scope.ts';
import { VendingKeyFailure } from './vending-key.ts';

export interface VendTools extends MintOptions {
  readonly settings: RenderSettings;
  readonly clock: Clock;
  readonly log: Log;
  /**
   * Counts an outcome: `Vended`, `Refused` with its reason, `UpstreamErrors` with its code, and `KeyRefused`
   * besides when Momento does not accept the vending key.
   */
  readonly count: (
    metric: 'Vended' | 'Refused' | 'UpstreamErrors' | 'KeyRefused',
    detail?: string,
  ) => void;
}

/** Never throws: whatever happens has an answer. */
export async function vend(event: unknown, tools: VendTools): Promise<HttpAnswer> {
  const { settings, clock, log, count } = tools;
  let caller: Record<string, unknown> = {};
  try {
    const claims = readClaims(event, settings.authType);
    caller = { subject: subjectOf(claims) };
    const rendered = render(claims, Math.floor(clock.now() / 1000), settings);
    caller = { ...caller, roles: rendered.roles };
    if (rendered.kind !== 'scope') return refusal(rendered, caller, tools);

    const { scope, lifeSeconds, tenant } = rendered;
    const audit = {
      ...caller,
      tenant,
      scopeHash: scopeHash(scope),
      lifeSeconds,
      ...(scope.tokenId !== undefined && { tokenId: scope.tokenId }),
    };
    caller = audit;
    const token = await mint(scope, lifeSeconds, tools);
    log.info('vended', audit);
    count('Vended');
    return tokenAnswer(token, scope.tokenId, clock.now());
  } catch (error) {
    const code = problemCodeOf(error);
    log.error('not vended', { ...caller, problem: code, ...describeError(error) });
    count('UpstreamErrors', code);
    if (code === 'upstream-key-refused') count('KeyRefused');
    return problem(code);
  }
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

const subjectOf = (claims: Claims | undefined): string | null => {
  const subject = claims?.get('sub');
  return typeof subject === 'string' ? subject : null;
};

/** What went wrong at Momento, in the caller's terms. Never 401 or 403: it is our key, not his token. */
export function problemCodeOf(error: unknown): ProblemCode {
  if (error instanceof VendingKeyFailure) {
    return error.code === 'no-key' ? 'no-key' : 'upstream-unavailable';
  }
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
