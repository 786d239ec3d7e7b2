// Plays a schedule: the very rotation code over local Secrets Manager and local Momento, in one process, on a
// simulated clock, with a reader and a bookkeeper that look on before and after every effect.

import {
  type Caller,
  type Fault,
  type FunctionProcess,
  type Invocation,
  TICK,
  type WitnessedCall,
  World,
} from '../lambda/rotate-key/world.ts';
import { faultAt, kindAt, serviceOf, staleMs } from './fault-kinds.ts';
import {
  type Announced,
  comesToRest,
  countedVersions,
  currentIsReadable,
  currentMovedToItsOwn,
  failureIsLoud,
  givingUpIsLoud,
  holdsNoSecret,
  type InvariantNumber,
  isHealthy,
  isPressing,
  LONGEST_BACK_OFF_MS,
  losersExitCleanly,
  lossIsDetected,
  nameOfEvent,
  othersAreWell,
  outcomeOf,
  type Problem,
  pairIsNotLost,
  partsOf,
  personsFieldsStay,
  promotionIsAnnounced,
  type RunSeen,
  readerSeesLivingKey,
  refreshesAlone,
  refreshHasTime,
  refreshIsUnderItsClaim,
  refusalHasACause,
  sayEnd,
  stagingIsNotGivenUp,
  successIsTold,
  successIsTrue,
  versionsStayFew,
} from './invariants.ts';
import { isLost, Ledger, type Pair, SDK_DEADLINE_MS } from './ledger.ts';
import {
  type FaultKind,
  INTERVAL_SECONDS,
  isReplaceable,
  type PersonAct,
  type Schedule,
  type ScheduledFault,
  type ScheduledRun,
} from './schedule.ts';
import { claimIn, heldClaim, look, type Readings, type Sight } from './sight.ts';
import { credentialsOf, importKey, PERSONS, prepare, type Stage } from './start.ts';
import { VIOLATION } from './trace.ts';

export interface Violation {
  readonly invariant: InvariantNumber;
  readonly problem: string;
  /** Milliseconds from the first tick. */
  readonly atMs: number;
  readonly run: string;
}

export interface TraceRow {
  readonly atMs: number;
  readonly run: string;
  readonly what: string;
  readonly fault: string;
  readonly labels: string;
}

export interface Played {
  readonly violations: readonly Violation[];
  readonly trace: readonly TraceRow[];
  readonly counts: Counts;
  readonly history: readonly Happening[];
  /** Label → version id, in the end. */
  readonly labels: Readonly<Record<string, string>>;
}

/** What happened from outside, in order: enough to have it happen again elsewhere. */
export type Happening =
  | { readonly kind: 'person'; readonly act: PersonAct; readonly atMs: number }
  | HappenedRun;

export interface HappenedRun {
  readonly kind: 'run';
  readonly scheduled: ScheduledRun;
  /** The number of its process, from 0. */
  readonly process: number;
  /** Epoch milliseconds. */
  readonly atMs: number;
  /** Every call that it made, in order, repeated ones too. */
  readonly calls: string[];
  readonly faults: { readonly call: string; readonly kind: FaultKind }[];
  /** Outcome and reason, or `killed`. */
  end: string;
  endedAtMs: number;
}

export interface Counts {
  schedules: number;
  runs: number;
  calls: number;
  faults: Partial<Record<FaultKind, number>>;
  checks: Record<InvariantNumber, number>;
  pairsIssued: number;
  pairsLostInGap: number;
  /** From a refresh to the promotion, where the old key dies: how long a reader saw it dead, where no fault was. */
  longestDeadMs: number;
  /** The same with whatever faults there were. */
  longestDeadInFaultsMs: number;
  /** Those that were written for a key near its end are not counted. */
  mostVersionsInADay: number;
  /** All that rotation wrote. */
  mostVersionsInADayNearTheEnd: number;
  /** From the loss of a pair to the run that says so, where no fault met a run meanwhile. */
  longestUndetectedMs: number;
  /** The same with whatever faults there were. */
  longestUndetectedInFaultsMs: number;
}

export const noCounts = (): Counts => ({
  schedules: 0,
  runs: 0,
  calls: 0,
  faults: {},
  checks: { 1: 0, 2: 0, 3: 0, 4: 0, 5: 0, 6: 0, 7: 0 },
  pairsIssued: 0,
  pairsLostInGap: 0,
  longestDeadMs: 0,
  longestDeadInFaultsMs: 0,
  mostVersionsInADay: 0,
  mostVersionsInADayNearTheEnd: 0,
  longestUndetectedMs: 0,
  longestUndetectedInFaultsMs: 0,
});

export async function play(
  schedule: Schedule,
  { traced = false }: { readonly traced?: boolean } = {},
): Promise<Played> {
  const player = new Player(schedule, traced);
  return player.play();
}

const DAY_MS = 86_400_000;
/** Whatever was on its way when the last run ended has arrived by then. */
const SETTLING_MS = 90_000;

interface Running extends RunSeen {
  readonly caller: { readonly process: FunctionProcess };
  readonly scheduled: ScheduledRun;
  readonly refreshed: Set<string>;
  readonly happened: HappenedRun;
  calls: number;
  readonly callsByKind: Map<string, number>;
  readonly currentBefore: string | undefined;
  /** Of the bus, when the PutEvents began that is under way. */
  eventsBefore: number;
}

/** A secret of the same runs that no fault meets. */
interface Other {
  readonly name: string;
  readonly arn: string;
}

class Player {
  readonly #schedule: Schedule;
  readonly #world: World;
  readonly #stage: Stage;
  readonly #ledger: Ledger;
  readonly #readings: Readings = new Map();
  readonly #runs = new Map<string, Running>();
  readonly #busy = new Set<FunctionProcess>();
  /** The warm process of each host. */
  readonly #hosts: FunctionProcess[];
  readonly #processes = new Set<FunctionProcess>();
  readonly #violations: Violation[] = [];
  readonly #trace: TraceRow[] = [];
  readonly #history: Happening[] = [];
  readonly #traced: boolean;
  readonly #counts = noCounts();
  readonly #told: string[] = [];
  readonly #others: Other[] = [];
  readonly #othersKeys = new Set<string>();
  readonly #pressing = new Set<string>();
  readonly #versionsSeen = new Set<string>();
  readonly #intervalMs: number;
  readonly #promoted = new Map<string, { announced: boolean; excused: boolean }>();
  readonly #names = new Map<string, string>();
  readonly #hasStaleReads: boolean;
  /** In the order of time; only where a read may be stale. */
  readonly #past: Sight[] = [];
  #sight: Sight;
  #startedAtMs: number;
  #deadSinceMs: number | undefined;
  #personActs = 0;
  /** What a person has written last beside the key. */
  #written = '{}';
  /** A process has died, and what it had begun waits for its claim to lapse. */
  #someDied = false;

  constructor(schedule: Schedule, traced: boolean) {
    this.#schedule = schedule;
    this.#traced = traced;
    this.#world = new World({ ...schedule.terms });
    const { authRatePerSecond = 5, intervalSeconds = INTERVAL_SECONDS } = schedule;
    this.#world.authRatePerSecond = authRatePerSecond;
    this.#world.scheduleIntervalSeconds = intervalSeconds;
    this.#intervalMs = intervalSeconds * 1000;
    this.#hasStaleReads = schedule.ticks.some(({ runs }) =>
      runs.some(({ faults }) => faults.some(({ kind }) => kind === 'stale-read')),
    );
    this.#ledger = new Ledger(isReplaceable(schedule.terms));
    this.#stage = {
      arn: this.#world.arn,
      secrets: this.#world.secrets,
      momento: this.#world.momento,
      lifeSeconds: schedule.lifeSeconds,
      nowMs: () => this.#world.clock.now(),
      wait: (ms) => this.#world.wait(ms / 1000),
    };
    this.#makeOthers(schedule.otherKeys ?? 0);
    prepare(this.#stage, schedule, this.#ledger);
    this.#hosts = schedule.hosts.map((_, index) => this.#start(index));
    this.#startedAtMs = this.#world.clock.now();
    this.#sight = this.#look();
    for (const { versionId } of this.#sight.versions) this.#versionsSeen.add(versionId);
    this.#written = this.#sight.current?.value?.otherFields ?? '{}';
    this.#world.fault = (call, input, caller) => this.#faultFor(call, input, caller);
    this.#world.witness = (moment, call) => this.#witness(moment, call);
  }

  #makeOthers(count: number): void {
    for (let number = 2; number < 2 + count; number += 1) {
      const name = `Key${number}`;
      const arn = this.#world.secrets.createSecret({ Name: name }).ARN ?? '';
      const ledger = new Ledger(true);
      importKey({ ...this.#stage, arn }, ledger);
      for (const credentials of ledger.credentials) this.#learnOther(credentials);
      this.#others.push({ name, arn });
    }
  }

  #learnOther(credentials: Ledger['credentials'][number]): void {
    this.#othersKeys.add(credentials.wireKey);
    this.#ledger.credentials.push(credentials);
  }

  async play(): Promise<Played> {
    const { clock } = this.#world;
    await clock.run(this.#playAll());
    this.#checkOutputs();
    this.#counts.schedules = 1;
    this.#counts.pairsIssued = this.#ledger.pairs.length;
    this.#counts.pairsLostInGap = this.#ledger.pairs.filter(({ wasLost }) => wasLost).length;
    return {
      violations: this.#violations,
      trace: this.#trace,
      counts: this.#counts,
      history: this.#history,
      labels: Object.fromEntries(this.#sight.labels),
    };
  }

  async #playAll(): Promise<void> {
    const { clock } = this.#world;
    for (const [index, tick] of this.#schedule.ticks.entries()) {
      if (index > 0) await clock.sleep(Math.max(tick.afterSeconds * 1000, SETTLING_MS));
      for (const host of tick.recycled ?? []) this.#recycle(host);
      this.#observe(`tick ${index + 1}`);
      this.#settleLosses();
      const persons = (tick.persons ?? []).map(async ({ act, afterMs }) => {
        await clock.sleep(afterMs);
        this.#act(act);
      });
      await Promise.all([
        ...tick.runs.map((run, nth) => this.#run(run, `${index + 1}.${nth + 1}`)),
        ...persons,
      ]);
    }
    await this.#recover();
  }

  // ── the quiet end: no faults any more ─────────────────────────────────────────────────────────

  async #recover(): Promise<void> {
    const { clock } = this.#world;
    await clock.sleep(Math.max(this.#intervalMs, SETTLING_MS));
    // A process that holds a pair is the one that takes the next tick; the others are gone by then.
    const alive = [...this.#processes].filter(({ ended }) => !ended);
    const keeper = alive.find(({ unstored }) => unstored.size > 0) ?? alive[0] ?? this.#start(0);
    for (const other of alive) if (other !== keeper) other.ended = true;
    this.#hosts[0] = keeper;
    await this.#claimsToLapse();
    this.#observe('no faults from here on');
    this.#settleLosses();
    let last = await this.#quietRun('quiet 1');
    if (
      this.#lossOfCurrent() !== undefined ||
      this.#keyHasEnded() ||
      this.#givenUpOfCurrent() !== undefined
    ) {
      // What the alarm asks for: a person makes a new key.
      this.#act('import');
      await this.#claimsToLapse();
      await clock.sleep(this.#intervalMs);
      last = await this.#quietRun('quiet 2');
    }
    await clock.sleep(this.#intervalMs);
    last = await this.#quietRun('quiet 3');
    this.#check(4, isHealthy(this.#sight, last), last.name);
    this.#checkOthers(last);
    await clock.sleep(this.#intervalMs);
    last = await this.#quietRun('quiet 4');
    // A short life may just have come to its margin: then the next tick has nothing to do.
    if (this.#schedule.lifeSeconds !== undefined && outcomeOf(last) !== 'not-due') {
      await clock.sleep(this.#intervalMs);
      last = await this.#quietRun('quiet 5');
    }
    this.#check(4, comesToRest(last), last.name);
    this.#checkAnnouncements(last.name);
  }

  /** Momento has refused the only pair on two ticks, so that it was discarded, and the token for another is spent. */
  #givenUpOfCurrent(): Pair | undefined {
    if (isReplaceable(this.#schedule.terms)) return undefined;
    const wireKey = this.#sight.current?.value?.wireKey;
    return this.#ledger.pairs.find(
      ({ parent, place }) => parent === wireKey && place === 'discarded',
    );
  }

  /** By itself, in an outage that has outlived it. A pair that waits in a process is stored all the same. */
  #keyHasEnded(): boolean {
    const { current, nowMs } = this.#sight;
    const waits = this.#ledger.pairs.some(({ place }) => place === 'memory' || place === 'pending');
    return !waits && Number(current?.value?.validUntil) * 1000 <= nowMs;
  }

  #quietRun(name: string): Promise<Running> {
    return this.#run({ afterMs: 0, host: 0, faults: [] }, name);
  }

  /** The versions that a secret may get in a day are the one thing besides a claim that may hold healing back. */
  async #claimsToLapse(): Promise<void> {
    const { clock } = this.#world;
    const { lapsesAtMs = 0, createdAtMs = 0 } = heldClaim(this.#sight, this.#world.arn) ?? {};
    if (this.#newVersions() >= 37) await clock.sleep(DAY_MS + this.#intervalMs);
    const untilMs = Math.min(lapsesAtMs, createdAtMs + LONGEST_BACK_OFF_MS);
    await clock.sleep(Math.max(0, untilMs - clock.now()) + 10_000);
  }

  /** In the last 24 hours, a person's included: the budget counts them all. */
  #newVersions(): number {
    const since = this.#world.clock.now() - DAY_MS;
    return this.#sight.versions.filter(({ createdAtMs }) => createdAtMs >= since).length;
  }

  // ── runs ──────────────────────────────────────────────────────────────────────────────────────

  async #run(scheduled: ScheduledRun, name: string): Promise<Running> {
    const { clock, arn } = this.#world;
    const { timeoutSeconds } = this.#schedule;
    await clock.sleep(scheduled.afterMs);
    const process = this.#take(scheduled.host);
    const others = [...this.#runs.values()].filter(({ ended }) => ended === undefined);
    for (const other of others) other.undisturbed = false;
    const sight = this.#look();
    const forced = scheduled.forced === true;
    const running: Running = {
      name,
      claimant: `run ${name}`,
      startedAtMs: clock.now(),
      endedAtMs: 0,
      timeoutMs: timeoutSeconds * 1000,
      forced,
      ended: undefined,
      faults: 0,
      refusalsInjected: 0,
      tellings: new Map(),
      events: [],
      failuresMeasured: [],
      undisturbed: others.length === 0,
      claimed: false,
      refreshCalls: 0,
      movesUnanswered: 0,
      wasRefused: false,
      couldNotLook: false,
      mayBeSpentUnseen: false,
      promoted: [],
      currentMoved: false,
      before: {
        claim: heldClaim(sight, arn),
        loss: this.#lossOfCurrent() ?? this.#givenUpOfCurrent(),
        holdsSuccessor:
          process.unstored.get(arn)?.spentRefreshToken === sight.current?.value?.refreshToken,
        newVersions: this.#newVersions(),
        isDue: this.#isDue(sight),
        isPressing:
          !forced &&
          isPressing(
            Number(sight.current?.value?.validUntil ?? 0) -
              (clock.now() + timeoutSeconds * 1000) / 1000,
            this.#intervalMs / 1000,
          ),
      },
      caller: { process },
      scheduled,
      refreshed: new Set(),
      happened: {
        kind: 'run',
        scheduled,
        process: [...this.#processes].indexOf(process),
        atMs: clock.now(),
        calls: [],
        faults: [],
        end: '',
        endedAtMs: 0,
      },
      calls: 0,
      callsByKind: new Map(),
      currentBefore: sight.current?.versionId,
      eventsBefore: 0,
    };
    const actsBefore = this.#personActs;
    this.#runs.set(running.claimant, running);
    this.#history.push(running.happened);
    this.#counts.runs += 1;
    this.#note(name, scheduled.forced ? 'begins, forced' : 'begins', '');

    const over = new AbortController();
    const event = scheduled.forced ? { secretId: arn, force: true } : TICK;
    running.ended = await Promise.race([
      this.#world.begin(event, {
        timeoutSeconds,
        process,
        claimant: running.claimant,
        secretIds: [arn, ...this.#others.map((other) => other.arn)],
      }),
      clock.sleep(timeoutSeconds * 1000, over.signal).then((): 'cut-off' | Promise<never> => {
        if (over.signal.aborted) return new Promise<never>(() => {});
        process.ended = true;
        return 'cut-off';
      }),
    ]);
    over.abort();
    this.#busy.delete(process);
    running.endedAtMs = clock.now();
    running.happened.end = sayEnd(running);
    running.happened.endedAtMs = running.endedAtMs;
    if (this.#personActs > actsBefore) running.undisturbed = false;
    this.#note(name, `ends: ${sayEnd(running)}`, '');
    this.#checkRun(running);
    return running;
  }

  /** A warm process, unless it is busy or dead: then Lambda starts another, which the host keeps from then on. */
  #take(host: number): FunctionProcess {
    const index = host % this.#hosts.length;
    let process = this.#hosts[index];
    if (process === undefined || process.ended || this.#busy.has(process)) {
      process = this.#start(index);
      if (this.#hosts[index]?.ended) this.#hosts[index] = process;
    }
    this.#busy.add(process);
    return process;
  }

  #start(host: number): FunctionProcess {
    const process = this.#world.makeProcess(this.#schedule.hosts[host]?.clockErrorMs ?? 0);
    this.#processes.add(process);
    return process;
  }

  #recycle(host: number): void {
    const index = host % this.#hosts.length;
    const process = this.#hosts[index];
    if (process === undefined) return;
    process.ended = true;
    this.#hosts[index] = this.#start(index);
    this.#note('', `the process of host ${index} ends`, '');
  }

  #act(act: PersonAct): void {
    this.#personActs += 1;
    for (const running of this.#runs.values()) {
      if (running.ended === undefined) running.undisturbed = false;
    }
    PERSONS[act](this.#stage, this.#ledger);
    this.#history.push({ kind: 'person', act, atMs: this.#world.clock.now() });
    this.#written = look(this.#world, this.#readings).current?.value?.otherFields ?? '{}';
    // What was promoted and not told by now is nobody's key any more, unless its pair stays.
    if (act !== 'edit') for (const promotion of this.#promoted.values()) promotion.excused = true;
    this.#sight = look(this.#world, this.#readings);
    this.#note('', `a person: ${act}`, '');
    this.#observe('person');
  }

  // ── faults ────────────────────────────────────────────────────────────────────────────────────

  #faultFor(call: string, input: unknown, { claimant }: Caller): Fault | undefined {
    const running = this.#runs.get(claimant);
    if (running === undefined) return undefined;
    if (this.#isAboutAnother(call, input)) {
      this.#counts.calls += 1;
      return undefined;
    }
    const nth = running.calls;
    const nthOfKind = running.callsByKind.get(call) ?? 0;
    running.calls += 1;
    running.callsByKind.set(call, nthOfKind + 1);
    this.#counts.calls += 1;
    running.happened.calls.push(call);
    const { person, faults } = running.scheduled;
    if (person?.nth === nth) this.#act(person.act);
    if (call === 'RefreshApiKey') this.#checkRefresh(running, input);

    const scheduled = faults.find((fault) => meets(fault, call, nth, nthOfKind));
    const kind = scheduled && kindAt(call, scheduled);
    if (call === 'PutEvents') this.#noteTelling(input, kind !== undefined, running);
    if (scheduled === undefined || kind === undefined) return undefined;
    running.faults += 1;
    running.happened.faults.push({ call, kind });
    if (kind === 'unauthenticated') running.refusalsInjected += 1;
    if (call === 'UpdateSecretVersionStage' && UNANSWERED.has(kind)) running.movesUnanswered += 1;
    const isLook = call === 'DescribeSecret' || call === 'GetSecretValue';
    running.couldNotLook ||= kind === 'stale-read' || (isLook && running.wasRefused);
    this.#counts.faults[kind] = (this.#counts.faults[kind] ?? 0) + 1;
    if (call === 'ListCaches' && kind === 'unauthenticated') {
      this.#ledger.refused(keyOf(input), this.#world.clock.now());
    }
    this.#note(running.name, call, kind);
    return kind === 'stale-read'
      ? { storeWas: this.#storeAt(this.#world.clock.now() - staleMs(scheduled)) }
      : faultAt(call, kind, scheduled.lateMs, input);
  }

  /** What stood in the store then. */
  #storeAt(atMs: number): Sight['versions'] {
    const sight = this.#past.findLast(({ nowMs }) => nowMs <= atMs) ?? this.#past[0];
    return sight?.versions ?? this.#sight.versions;
  }

  #noteTelling(input: unknown, isFaulty: boolean, { tellings }: Running): void {
    for (const { DetailType = '', Detail = '{}' } of (input as PutEventsInput).Entries) {
      const name = nameOfEvent({ type: DetailType, detail: JSON.parse(Detail) });
      const telling = tellings.get(name) ?? {
        fromMs: this.#world.clock.now(),
        calls: 0,
        faults: 0,
      };
      telling.calls += 1;
      if (isFaulty) telling.faults += 1;
      tellings.set(name, telling);
    }
  }

  #isAboutAnother(call: string, input: unknown): boolean {
    if (this.#others.length === 0) return false;
    switch (serviceOf(call)) {
      case 'momento':
        return this.#othersKeys.has(keyOf(input));
      case 'event-bus':
        return !JSON.stringify(input).includes(this.#world.arn);
      case 'secrets-manager':
        return (input as { readonly SecretId?: string }).SecretId !== this.#world.arn;
    }
  }

  #checkRefresh(running: Running, input: unknown): void {
    const wireKey = keyOf(input);
    const others = [...this.#runs.values()]
      .filter((other) => other !== running && other.ended === undefined)
      .filter((other) => !other.caller.process.ended && other.refreshed.has(wireKey))
      .map(({ name }) => name);
    this.#check(3, refreshIsUnderItsClaim(running.claimant, this.#look()), running.name);
    this.#check(3, refreshesAlone(others), running.name);
    this.#check(2, refreshHasTime(running, this.#world.clock.now()), running.name);
    running.refreshed.add(wireKey);
    running.refreshCalls += 1;
  }

  // ── looking on ────────────────────────────────────────────────────────────────────────────────

  #witness(moment: 'before' | 'after' | 'answered', call: WitnessedCall): void {
    const { name, input, caller, answer } = call;
    const running = this.#runs.get(caller.claimant);
    if (running === undefined) return;
    const nowMs = this.#world.clock.now();
    if (name === 'PutEvents') this.#witnessEvents(moment, running);
    if (this.#isAboutAnother(name, input)) {
      if (moment === 'after' && isIssued(answer)) this.#learnOther(credentialsOf(answer));
      return;
    }
    if (moment === 'before' && serviceOf(name) === 'momento') {
      running.mayBeSpentUnseen ||= this.#ledger.mayBeSpentUnseen(keyOf(input));
    }
    if (moment === 'answered') {
      if (name === 'RefreshApiKey') this.#answered(answer, nowMs);
      return;
    }
    if (moment === 'after') {
      if (name === 'RefreshApiKey' && isIssued(answer)) this.#issued(call, answer, nowMs);
      if (name === 'ListCaches') {
        const key = keyOf(input);
        if (answer === undefined) {
          running.wasRefused = true;
          this.#ledger.refused(key, nowMs);
        } else this.#ledger.accepted(key, nowMs);
      }
    }
    this.#observe(running.name, running);
    if (moment === 'after') this.#note(running.name, name, '');
  }

  /** The bus takes them in one step: what came between is this run's. */
  #witnessEvents(moment: 'before' | 'after' | 'answered', running: Running): void {
    const { accepted } = this.#world.bus;
    if (moment === 'before') running.eventsBefore = accepted.length;
    if (moment !== 'after') return;
    for (const { event } of accepted.slice(running.eventsBefore)) {
      const detail = event.detail as Announced['detail'];
      running.events.push({ type: event['detail-type'], detail });
    }
  }

  #issued({ caller, fault, input }: WitnessedCall, issued: Issued, nowMs: number): void {
    const takesMs = typeof fault === 'object' && 'takesMs' in fault ? fault.takesMs : 0;
    const answersAfterMs =
      typeof fault === 'object' && 'answersAfterMs' in fault ? fault.answersAfterMs : 0;
    this.#ledger.issue({
      ...credentialsOf(issued),
      parent: keyOf(input),
      issuedAtMs: nowMs,
      caller,
      answerComes:
        fault !== 'lose-answer' &&
        fault !== 'kill-after' &&
        takesMs + answersAfterMs < SDK_DEADLINE_MS - 1_000,
    });
  }

  #answered(answer: unknown, _nowMs: number): void {
    if (!isIssued(answer)) return;
    const pair = this.#ledger.pairs.find(
      ({ refreshToken }) => refreshToken === answer.refreshToken,
    );
    if (pair !== undefined) pair.answered = true;
  }

  #look(): Sight {
    this.#sight = look(this.#world, this.#readings);
    if (this.#hasStaleReads) this.#past.push(this.#sight);
    return this.#sight;
  }

  /** The reader polls, and the bookkeeper counts the pairs. */
  #observe(where: string, running?: Running): void {
    const before = this.#sight.current;
    const sight = this.#look();
    const { current } = sight;
    this.#check(1, currentIsReadable(sight), where);
    this.#check(2, personsFieldsStay(sight, this.#written), where);
    const { oldKeys } = this.#schedule.terms;
    this.#check(5, readerSeesLivingKey(sight, oldKeys, this.#ledger, this.#faults()), where);
    this.#noteVersions(sight, running);
    if (running !== undefined && current !== undefined && before !== undefined) {
      if (current.versionId !== before.versionId) {
        running.promoted.push(current.versionId);
        this.#promoted.set(current.versionId, { announced: false, excused: false });
      }
      const moved = currentMovedToItsOwn(
        before.value?.wireKey,
        current.value?.wireKey,
        this.#ledger,
      );
      this.#check(2, moved, where);
    }
    const changed = this.#ledger.follow(sight, this.#readings, ({ claimant }) => {
      const run = this.#runs.get(claimant);
      return run === undefined || run.ended !== undefined;
    });
    for (const pair of changed) this.#check(2, pairIsNotLost(pair), where);
    this.#measureDeath(current?.alive ?? false, sight.nowMs, running);
  }

  #faults(): number {
    return Object.values(this.#counts.faults).reduce((sum, times) => sum + times, 0);
  }

  #noteVersions({ versions }: Sight, running: Running | undefined): void {
    for (const version of versions) {
      if (this.#versionsSeen.has(version.versionId)) continue;
      this.#versionsSeen.add(version.versionId);
      if (running?.before.isPressing) this.#pressing.add(version.versionId);
      const claimant = claimIn(version)?.claimant;
      const claiming = claimant === undefined ? undefined : this.#runs.get(claimant);
      if (claiming !== undefined) claiming.claimed = true;
    }
  }

  /** Whatever the margin is made of, by now it is reached. */
  #isDue({ current, nowMs }: Sight): boolean {
    if (current?.endsAt === undefined) return false;
    const lifeSeconds = current.endsAt - current.createdAtMs / 1000;
    const leftSeconds = current.endsAt - nowMs / 1000;
    return leftSeconds > 0 && leftSeconds <= Math.min(0.3 * lifeSeconds, lifeSeconds - 4_400);
  }

  #measureDeath(alive: boolean, nowMs: number, running: Running | undefined): void {
    if (!alive) {
      this.#deadSinceMs ??= nowMs;
      return;
    }
    if (this.#deadSinceMs === undefined) return;
    const sinceMs = this.#deadSinceMs;
    this.#deadSinceMs = undefined;
    // A key whose successor was lost in the gap stays dead until a person comes: that is counted as the loss.
    if (this.#ledger.pairs.some(({ wasLost }) => wasLost)) return;
    const counts = this.#counts;
    const deadMs = nowMs - sinceMs;
    counts.longestDeadInFaultsMs = Math.max(counts.longestDeadInFaultsMs, deadMs);
    const undisturbed = running?.faults === 0 && running.startedAtMs <= sinceMs;
    if (undisturbed) counts.longestDeadMs = Math.max(counts.longestDeadMs, deadMs);
  }

  /** At a time when nothing is on its way. */
  #settleLosses(): void {
    const loss = this.#lossOfCurrent();
    if (loss !== undefined) loss.wasLost = true;
  }

  #lossOfCurrent(): Pair | undefined {
    const wireKey = this.#sight.current?.value?.wireKey;
    return this.#ledger.pairs.find((pair) => pair.parent === wireKey && isLost(pair));
  }

  // ── checks ────────────────────────────────────────────────────────────────────────────────────

  #check(invariant: InvariantNumber, problem: Problem, run: string): void {
    this.#counts.checks[invariant] += 1;
    if (problem === undefined) return;
    const atMs = this.#world.clock.now() - this.#startedAtMs;
    this.#violations.push({ invariant, problem, atMs, run });
    this.#note(run, `${VIOLATION} of ${invariant}: ${problem}`, '');
  }

  #checkRun(running: Running): void {
    this.#observe(running.name, running);
    const { name, ended, claimant } = running;
    const sight = this.#sight;
    const { measured, measuredBy } = this.#world;
    const own = measured.filter((_, index) => measuredBy[index] === claimant);
    running.failuresMeasured.push(...own.map(({ KeysFailed }) => KeysFailed));
    running.currentMoved = sight.current?.versionId !== running.currentBefore;
    this.#check(6, failureIsLoud(running), name);
    this.#check(6, givingUpIsLoud(running), name);
    this.#check(6, successIsTrue(running), name);
    const isReplaced = (id: string): boolean => this.#promoted.get(id)?.excused === true;
    this.#check(6, successIsTold(running, this.#world.arn, isReplaced), name);
    this.#check(3, losersExitCleanly(running), name);
    this.#check(3, refusalHasACause(running), name);
    this.#check(2, stagingIsNotGivenUp(running), name);
    this.#check(2, lossIsDetected(running, sight), name);
    this.#noteReport(running);
    const versions = countedVersions(sight, this.#pressing);
    this.#check(7, versionsStayFew(versions), name);
    const counts = this.#counts;
    const inADay = (times: readonly number[]): number =>
      times.filter((createdAtMs) => createdAtMs >= sight.nowMs - DAY_MS).length;
    counts.mostVersionsInADay = Math.max(counts.mostVersionsInADay, inADay(versions));
    counts.mostVersionsInADayNearTheEnd = Math.max(
      counts.mostVersionsInADayNearTheEnd,
      inADay(countedVersions(sight, new Set())),
    );
    if (typeof ended === 'object') this.#tell(ended);
    else this.#someDied = true;
    if (!this.#someDied && !running.forced) this.#checkOthers(running);
  }

  #checkOthers({ name: where }: Running): void {
    for (const { name, arn } of this.#others) {
      const sight = look(this.#world, new Map(), arn);
      this.#check(4, othersAreWell(name, sight, this.#isDue(sight)), where);
    }
  }

  /** How long nobody knew of a loss. */
  #noteReport(running: Running): void {
    const { ended, endedAtMs, faults } = running;
    const loss = this.#lossOfCurrent();
    if (loss === undefined || loss.wasReported) return;
    const reason = typeof ended === 'object' ? ended.keys[0]?.reason : undefined;
    // The run that lost it is not one that a fault keeps from telling.
    if (faults > 0 && loss.caller?.claimant !== running.claimant) loss.faultyRunsSince += 1;
    if (reason !== 'refresh-token-spent') return;
    loss.wasReported = true;
    const counts = this.#counts;
    const tookMs = endedAtMs - loss.issuedAtMs;
    counts.longestUndetectedInFaultsMs = Math.max(counts.longestUndetectedInFaultsMs, tookMs);
    if (loss.faultyRunsSince > 0) return;
    counts.longestUndetectedMs = Math.max(counts.longestUndetectedMs, tookMs);
  }

  #tell({ keys, error }: Invocation): void {
    this.#told.push(JSON.stringify(keys));
    for (let cause: unknown = error; cause instanceof Error; cause = cause.cause) {
      this.#told.push(cause.message, cause.stack ?? '');
    }
  }

  #checkAnnouncements(where: string): void {
    const { events } = this.#world;
    for (const [versionId, { excused }] of this.#promoted) {
      if (!excused) this.#check(6, promotionIsAnnounced(versionId, events), where);
    }
  }

  #checkOutputs(): void {
    const events = this.#world.bus.accepted.map(({ event }) => JSON.stringify(event));
    const outputs = [...this.#told, ...this.#world.logged, ...events];
    this.#check(7, holdsNoSecret(outputs, partsOf(this.#ledger.credentials)), 'all outputs');
  }

  // ── the trace ─────────────────────────────────────────────────────────────────────────────────

  #note(run: string, what: string, fault: string): void {
    if (!this.#traced) return;
    this.#trace.push({
      atMs: this.#world.clock.now() - this.#startedAtMs,
      run,
      what,
      fault,
      labels: this.#labels(),
    });
  }

  #labels(): string {
    return this.#sight.versions
      .filter(({ stages }) => stages.length > 0)
      .map(({ versionId, stages }) => {
        const name = this.#names.get(versionId) ?? `v${this.#names.size + 1}`;
        this.#names.set(versionId, name);
        return `${name}:${stages.map((stage) => stage.replace(/^(AWS|MOMENTO_)/, '')).join('+')}`;
      })
      .join(' ');
  }
}

/** The caller cannot know whether it took effect. */
const UNANSWERED: ReadonlySet<FaultKind> = new Set([
  'error',
  'lose-answer',
  'late-effect',
  'late-answer',
  'silence',
]);

interface PutEventsInput {
  readonly Entries: readonly { readonly DetailType?: string; readonly Detail?: string }[];
}

interface Issued {
  readonly apiKey: string;
  readonly refreshToken: string;
}

const isIssued = (answer: unknown): answer is Issued =>
  typeof answer === 'object' && answer !== null && 'apiKey' in answer && 'refreshToken' in answer;

/** The JWT that a call to Momento is made with. */
const keyOf = (input: unknown): string =>
  (input as { readonly key: { readonly wireKey: string } }).key.wireKey;

export function meets(
  fault: ScheduledFault,
  call: string,
  nth: number,
  nthOfKind: number,
): boolean {
  if (fault.call !== undefined && fault.call !== call) return false;
  const index = fault.call === undefined ? nth : nthOfKind;
  return index >= fault.nth && index < fault.nth + (fault.times ?? 1);
}
