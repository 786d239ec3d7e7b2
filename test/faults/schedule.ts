// A schedule as plain data: everything that is not well while keys are rotated. Playing it twice gives the same
// trace, and whatever fails can be written down, sent to somebody and played again.

import * as v from 'valibot';

/** What Momento does at a refresh. Its own choice is not known. */
const Terms = v.object({
  refreshTokens: v.picklist(['single-use', 'multi-use']),
  oldKeys: v.picklist(['live', 'die']),
});

/**
 * `error`: before the effect. `late-…`: later than the call's deadline. `kill`: the process, before the effect.
 * `stale-read`: answered as it stood a while ago.
 */
export const FAULT_KINDS = [
  'error',
  'lose-answer',
  'throttle',
  'late-effect',
  'late-answer',
  'silence',
  'stale-read',
  'kill',
  'kill-after',
  'access-denied',
  'kms-failure',
  'unauthenticated',
  'rate-limited',
] as const;

export const CALLS = [
  'DescribeSecret',
  'GetSecretValue',
  'PutSecretValue',
  'UpdateSecretVersionStage',
  'ListSecretVersionIds',
  'PutEvents',
  'RefreshApiKey',
  'ListCaches',
] as const;

/** How the labels of the secret stand before the first tick: what an earlier run, or a person, has left. */
export const STARTS = [
  'current-only',
  'pending-good',
  'pending-superseded',
  'pending-on-current',
  'pending-empty',
  'pending-dead',
  'live-claim',
  'lapsed-claim',
  'ended-claim',
  'foreign-claim',
  'foreign-live-claim',
  'stray-refusal',
  'every-stray',
] as const;

const Whole = v.pipe(v.number(), v.integer(), v.minValue(0));

const Fault = v.object({
  kind: v.picklist(FAULT_KINDS),
  /** Counts only calls of this kind. @default every call of the run */
  call: v.optional(v.picklist(CALLS)),
  /** From 0. */
  nth: Whole,
  /** So many in a row. @default 1 */
  times: v.optional(Whole),
  /** How late, for the late ones; how long ago, for a stale read. */
  lateMs: v.optional(Whole),
});

/** `import`: a newer key from the console. `replace`: that, and the old one is revoked. `edit`: other fields alone. */
export const PERSON_ACTS = ['import', 'replace', 'edit'] as const;
const PersonAct = v.picklist(PERSON_ACTS);

const Run = v.object({
  /** After the tick. */
  afterMs: Whole,
  /** The host that takes it, by its number in `hosts`; a busy or dead one is replaced by a new process. */
  host: Whole,
  /** Asked for by an operator, due or not. */
  forced: v.optional(v.boolean()),
  faults: v.array(Fault),
  /** Before the nth call of the run. */
  person: v.optional(v.object({ act: PersonAct, nth: Whole })),
});

const Tick = v.object({
  /** After the last tick, or as soon as its runs are over. */
  afterSeconds: Whole,
  runs: v.array(Run),
  /** After the tick began. */
  persons: v.optional(v.array(v.object({ act: PersonAct, afterMs: Whole }))),
  /** Hosts whose processes Lambda ends before the tick: what they hold in memory is gone. */
  recycled: v.optional(v.array(Whole)),
});

export const Schedule = v.object({
  terms: Terms,
  start: v.picklist(STARTS),
  /** How old the key is at the first tick. */
  ageSeconds: Whole,
  /** How long each key lives. @default 30 days, due after 20 */
  lifeSeconds: v.optional(Whole),
  /** What the function's settings say of the schedule. @default an hour */
  intervalSeconds: v.optional(Whole),
  /** As many more secrets in the same runs, which no fault meets. @default 0 */
  otherKeys: v.optional(Whole),
  /** @default 5 */
  authRatePerSecond: v.optional(Whole),
  timeoutSeconds: Whole,
  hosts: v.array(v.object({ clockErrorMs: v.pipe(v.number(), v.integer()) })),
  ticks: v.array(Tick),
});

export type Schedule = v.InferOutput<typeof Schedule>;
export type Terms = v.InferOutput<typeof Terms>;
export type Tick = v.InferOutput<typeof Tick>;
export type ScheduledRun = v.InferOutput<typeof Run>;
export type ScheduledFault = v.InferOutput<typeof Fault>;
export type FaultKind = (typeof FAULT_KINDS)[number];
export type CallName = (typeof CALLS)[number];
export type Start = (typeof STARTS)[number];
export type PersonAct = v.InferOutput<typeof PersonAct>;

export const DAY_SECONDS = 86_400;
/** Of a key, where a schedule does not say otherwise. */
export const LIFE_SECONDS = 30 * DAY_SECONDS;
export const INTERVAL_SECONDS = 3_600;

export const ALL_TERMS: readonly Terms[] = (['single-use', 'multi-use'] as const).flatMap(
  (refreshTokens) => (['live', 'die'] as const).map((oldKeys) => ({ refreshTokens, oldKeys })),
);

/** A lost pair can be replaced by another refresh of the same key: then there is no gap. */
export const isReplaceable = ({ refreshTokens, oldKeys }: Terms): boolean =>
  refreshTokens === 'multi-use' && oldKeys === 'live';
