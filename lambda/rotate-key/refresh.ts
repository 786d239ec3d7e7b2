// Renews the pair at Momento: with tries that are ours (the SDK makes one, of 60 s), and without losing an
// answer that comes late.
//
// A refresh token may be good for one call only. So a call that has not answered in time is not forgotten:
// its late answer may be the only copy of the new pair. All calls stay listened to until the phase is over.

import type { Clock } from '../shared/clock.ts';
import { Failure } from '../shared/failure.ts';
import { MomentoFailure } from '../shared/momento-failure.ts';
import { backOffMs } from '../shared/retry.ts';
import type { KeyPair, RefreshedKey } from '../shared/secret-value.ts';
import type { Turn } from './pacer.ts';
import type { Run } from './tools.ts';
import { duration, instant } from './wording.ts';

/** One call gets this long before the next one is made beside it. */
const CALL_TIMEOUT_MS = 8_000;
/** All calls together. */
const PHASE_TIMEOUT_MS = 30_000;
/** What the phase leaves for storing the pair. */
const RESERVED_FOR_STAGING_MS = 15_000;
const LEAST_CALL_MS = 3_000;
const MAX_CALLS = 5;
const BACK_OFF = { baseDelayMs: 400, maxDelayMs: 4_000 };

type TurnEnd = Parameters<Turn['end']>[0];

type Answer =
  | { readonly kind: 'refreshed'; readonly key: RefreshedKey }
  | { readonly kind: 'failed'; readonly failure: MomentoFailure }
  | { readonly kind: 'no-answer' };

export type RefreshFailureCode = 'refresh-token-spent' | 'key-refused' | 'momento-refused';

/**
 * Throws `MomentoFailure`, or a `Failure<RefreshFailureCode>` when Momento will not renew the pair.
 * `firstTurn` is the pacer's, for the first call. `keepLate` is told of a pair that arrives after this has
 * given up.
 */
export async function refresh(
  pair: KeyPair,
  attempt: number,
  firstTurn: Turn,
  keepLate: (late: RefreshedKey) => void,
  run: Run,
): Promise<RefreshedKey> {
  const { clock, momento, pacer } = run;
  const startedAtMs = clock.now();
  const phaseEndsAtMs = Math.min(
    startedAtMs + PHASE_TIMEOUT_MS,
    Math.max(startedAtMs, run.workUntilMs - RESERVED_FOR_STAGING_MS),
  );
  const unanswered: Array<Promise<RefreshedKey>> = [];
  const giveUp = async (why: () => Error | Promise<Error>): Promise<RefreshedKey> => {
    const late = await lateAnswer(unanswered, phaseEndsAtMs - clock.now(), clock);
    if (late !== undefined) return late;
    for (const call of unanswered) call.then(keepLate, ignore);
    throw await why();
  };
  for (let calls = 1; ; calls += 1) {
    // A call without the time to hear its answer would spend the refresh token for nothing.
    const turn = calls === 1 ? firstTurn : await pacer.turn(phaseEndsAtMs - LEAST_CALL_MS);
    if (turn === undefined) return giveUp(noAnswer);
    const timeoutMs = Math.min(CALL_TIMEOUT_MS, phaseEndsAtMs - clock.now());
    const call = momento.refresh(pair);
    void endTurn(turn, call, timeoutMs, clock);
    const answer = await firstAnswer(call, unanswered, timeoutMs, clock);
    if (answer.kind === 'refreshed') return answer.key;
    if (answer.kind === 'no-answer') unanswered.push(call);

    const refused = answer.kind === 'failed' && answer.failure.code === 'momento-refused';
    const delayMs = backOffMs(calls, clock, BACK_OFF);
    const noMoreCalls =
      refused || calls >= MAX_CALLS || clock.now() + delayMs + LEAST_CALL_MS > phaseEndsAtMs;
    if (!noMoreCalls) {
      await clock.sleep(delayMs);
      continue;
    }

    const failure = answer.kind === 'failed' ? answer.failure : noAnswer();
    const mayBeOurDoing = attempt > 0 || calls > 1;
    return giveUp(() => {
      if (!refused) return failure;
      // The refusal may be of this run's own doing, and what was refused may still come as the answer of an earlier call.
      return unanswered.length > 0 ? noAnswer() : whyRefused(pair, mayBeOurDoing, failure, run);
    });
  }
}

/** With the call itself: it is under way, and may be counted, also when an earlier one's late answer ends the wait. */
async function endTurn(
  turn: Turn,
  call: Promise<RefreshedKey>,
  timeoutMs: number,
  clock: Clock,
): Promise<void> {
  const settled = new AbortController();
  const how = await Promise.race([
    call.then((): TurnEnd => 'answered', howFailed),
    clock.sleep(timeoutMs, settled.signal).then((): TurnEnd => 'unanswered'),
  ]);
  settled.abort();
  turn.end(how);
}

function howFailed(error: unknown): TurnEnd {
  const { code } = toMomentoFailure(error);
  if (code === 'momento-rate-limited') return 'refused';
  // A connection that breaks, or is never made, is no round trip.
  return code === 'momento-unreachable' ? 'unanswered' : 'answered';
}

/** The call's own answer, or a late success of an earlier one, or neither within the time. */
async function firstAnswer(
  call: Promise<RefreshedKey>,
  earlier: ReadonlyArray<Promise<RefreshedKey>>,
  timeoutMs: number,
  clock: Clock,
): Promise<Answer> {
  const answered = new AbortController();
  try {
    return await Promise.race([
      call.then(
        (key): Answer => ({ kind: 'refreshed', key }),
        (error): Answer => ({ kind: 'failed', failure: toMomentoFailure(error) }),
      ),
      successOf(earlier),
      clock.sleep(timeoutMs, answered.signal).then((): Answer => ({ kind: 'no-answer' })),
    ]);
  } finally {
    answered.abort();
  }
}

async function lateAnswer(
  unanswered: ReadonlyArray<Promise<RefreshedKey>>,
  timeoutMs: number,
  clock: Clock,
): Promise<RefreshedKey | undefined> {
  if (unanswered.length === 0 || timeoutMs <= 0) return undefined;
  const answered = new AbortController();
  try {
    return await Promise.race([
      Promise.any(unanswered).catch(() => undefined),
      clock.sleep(timeoutMs, answered.signal).then(() => undefined),
    ]);
  } finally {
    answered.abort();
  }
}

/** Never settles unless one of them succeeds. */
const successOf = (calls: ReadonlyArray<Promise<RefreshedKey>>): Promise<Answer> =>
  new Promise((resolve) => {
    for (const call of calls) call.then((key) => resolve({ kind: 'refreshed', key }), ignore);
  });

const ignore = (): void => {};

/** Momento's refusal does not say whether the key or the refresh token is to blame: ask the key. */
async function whyRefused(
  pair: KeyPair,
  mayBeOurDoing: boolean,
  refusal: MomentoFailure,
  run: Run,
): Promise<Error> {
  const alive = await run.momento.authenticates(pair, CALL_TIMEOUT_MS).catch(() => undefined);
  if (alive === undefined) return refusal;
  const failure = (code: RefreshFailureCode, sentence: string) =>
    new Failure<RefreshFailureCode>(code, `${sentence} (${refusal.message})`, { cause: refusal });
  if (alive) {
    return failure(
      'refresh-token-spent',
      `The refresh token has been spent or revoked, so this key cannot be renewed any more. It goes on working ${timeLeft(pair, run)}. Make a new key in Momento's console and import it before then.`,
    );
  }
  return mayBeOurDoing
    ? failure(
        'refresh-token-spent',
        "An earlier call spent the refresh token and its answer was lost, and the key does not authenticate any more. Make a new key in Momento's console and import it now.",
      )
    : failure(
        'key-refused',
        "Momento does not accept the key: it has been revoked, or belongs to another endpoint. Make a new key in Momento's console and import it now.",
      );
}

function timeLeft({ validUntil }: KeyPair, { awsTime }: Run): string {
  if (!validUntil) return 'for now';
  return `for ${duration(validUntil - awsTime.now() / 1000)}, until ${instant(validUntil * 1000)}`;
}

const toMomentoFailure = (error: unknown): MomentoFailure =>
  error instanceof MomentoFailure
    ? error
    : new MomentoFailure('momento-unreachable', 'Momento could not be asked.', { cause: error });

const noAnswer = (): MomentoFailure =>
  new MomentoFailure('momento-unreachable', 'Momento did not answer in time.');
