// A stack whose AWS and Momento live by a clock that the test holds; the bundles run in their processes as always.

import { cpSync, readdirSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { afterAll, beforeAll } from '@jest/globals';
import type { Synthesized } from '../../../local/assembly/synthesize.ts';
import { AwsError } from '../../../local/aws/aws-error.ts';
import type { Fault as AwsFault, InterceptedCall } from '../../../local/aws/server.ts';
import type { Call as MomentoCall, Fault as MomentoFault } from '../../../local/momento/calls.ts';
import { NewsLog } from '../../../local/scenario/news.ts';
import { askForToken } from '../../../local/scenario/tenants.ts';
import { type LocalStack, type LocalStackOptions, startLocalStack } from '../../../local/stack.ts';
import { assemblyForTest } from '../../assemblies/assembly-for-test.ts';

export const SUBSCRIBER = 'operator@example.com';
export const MINUTE_MS = 60_000;
export const HOUR_MS = 60 * MINUTE_MS;
/** Of the key that is imported at the start; it is due after 16 hours. */
const KEY_LIFE_HOURS = 24;
/** How long an alarm on a rotation's metrics is held after the last failure, and a little more. */
export const HELD_HOURS = 4;

export const unavailable: MomentoFault = { refuse: 'UNAVAILABLE' };
export const denied = new AwsError('AccessDeniedException', 'not authorized');

/** Of the suite, with a subscriber to its alarms. */
export let synthesized: Synthesized;
let copies = 0;
beforeAll(async () => {
  synthesized = await assemblyForTest({ momentoAuth: { alarmEmails: [SUBSCRIBER] } });
}, 60_000);
afterAll(async () => {
  for (let copy = 0; copy < copies; copy++) {
    rmSync(`${synthesized.directory}-${copy}`, { recursive: true, force: true });
  }
  await synthesized.remove();
});

export class World {
  readonly news = new NewsLog();
  /** What befalls calls, while it lasts. */
  awsFault: ((call: InterceptedCall) => AwsFault | undefined) | undefined;
  momentoFault: ((call: MomentoCall) => MomentoFault | undefined) | undefined;
  /** Puts the good bundle back. */
  repair = (): void => {};
  #stack: LocalStack | undefined;
  #aheadMs = 0;

  readonly now = (): number => Date.now() + this.#aheadMs;

  async start(options: Partial<LocalStackOptions> = {}): Promise<void> {
    this.#stack = await startLocalStack({
      assemblyDirectory: synthesized.directory,
      now: this.now,
      onNews: this.news.add,
      intercept: (call) => this.awsFault?.(call),
      interceptMomento: (call) => this.momentoFault?.(call),
      ...options,
    });
    this.importKey();
  }

  get stack(): LocalStack {
    if (this.#stack === undefined) throw new Error('The stack was not started.');
    return this.#stack;
  }

  async close(): Promise<void> {
    await this.#stack?.close();
  }

  importKey(lifeHours = KEY_LIFE_HOURS): string {
    const key = this.stack.momento.createKeyInConsole({
      lifetimeSeconds: lifeHours * 3_600,
      scope: 'super-user',
    });
    this.stack.secrets.putSecretValue({
      SecretId: this.stack.output('ApiKeySecretArn'),
      SecretString: JSON.stringify(key),
    });
    return key.apiKey;
  }

  revokeCurrent(): void {
    const { SecretString = '{}' } = this.stack.secrets.getSecretValue({
      SecretId: this.stack.output('ApiKeySecretArn'),
    });
    this.stack.momento.revoke(JSON.parse(SecretString).apiKey);
  }

  /** From its next start on the function's bundle breaks while it is loaded. Only with a copy of the assembly. */
  crash(functionOutput: string): void {
    const name = this.stack.output(functionOutput);
    const definition = this.stack.assembly.functions.find((each) => each.name === name);
    const directory = definition?.codeDir ?? '';
    const file = readdirSync(directory).find((each) => /^index\.[cm]?js$/.test(each)) ?? '';
    const path = join(directory, file);
    const good = readFileSync(path, 'utf8');
    writeFileSync(path, 'throw new Error("a bundle that does not load");');
    this.repair = () => writeFileSync(path, good);
  }

  /** The next run has its new pair from Momento, and dies before that is stored. */
  killInTheGap(): void {
    const name = this.stack.output('RotateKeyFunctionName');
    const rotateKey = this.stack.functions.find(({ definition }) => definition.name === name);
    this.awsFault = ({ action, input }) => {
      const stores =
        action === 'secretsmanager:PutSecretValue' &&
        JSON.stringify(input).includes('"AWSPENDING"');
      if (!stores) return undefined;
      rotateKey?.killCurrent();
      return { delayMs: HOUR_MS, before: 'effect' };
    };
  }

  /** What rotate-key has logged about keys that failed, the latest first. */
  failures(): { readonly reason: string; readonly message: string; readonly validUntil: number }[] {
    return this.news.all
      .flatMap((item) => (item.kind === 'log' && item.line.includes('"ERROR"') ? [item.line] : []))
      .map((line) => JSON.parse(line))
      .filter(({ reason }) => reason !== undefined)
      .reverse();
  }

  /** A tick, and all that follows from it. */
  async sweep(): Promise<void> {
    const over = this.news.next('a run', 30_000, (item) =>
      item.kind === 'invocation' && ['succeeded', 'delivered', 'dropped'].includes(item.news.kind)
        ? item.news
        : undefined,
    );
    this.stack.tick();
    await over;
  }

  /** Alarms are looked at as CloudWatch does, though only towards the end every minute. */
  pass(ms: number): void {
    for (let leftMs = ms; leftMs > 0; ) {
      const stepMs = leftMs > 10 * MINUTE_MS ? 5 * MINUTE_MS : MINUTE_MS;
      this.#aheadMs += stepMs;
      leftMs -= stepMs;
      this.stack.evaluateAlarms();
    }
  }

  /** With a tick at the end of each. */
  async hours(count: number): Promise<void> {
    for (let hour = 0; hour < count; hour++) {
      this.pass(HOUR_MS);
      await this.sweep();
    }
    this.pass(5 * MINUTE_MS);
  }

  /** Until the schedule's next run will want to renew the key. */
  untilDue(): Promise<void> {
    return this.hours((KEY_LIFE_HOURS * 2) / 3 - 1);
  }

  async askForToken(): Promise<number> {
    const users = this.stack.tokenEndpoint?.identity;
    const jwt = await users?.login(users.users[0]?.name ?? '');
    const { status } = await askForToken(this.stack, `Bearer ${jwt}`);
    return status;
  }

  emptyQueues(): void {
    const { queues } = this.stack;
    for (const queue of queues.names()) {
      for (;;) {
        const { Messages = [] } = queues.receive(queue, { maxMessages: 10 });
        if (Messages.length === 0) break;
        for (const { ReceiptHandle = '' } of Messages) queues.delete(queue, ReceiptHandle);
      }
    }
  }

  /** The alarms in this state, by the ids of their constructs. */
  inState(state: 'OK' | 'ALARM' | 'INSUFFICIENT_DATA'): string[] {
    const names = this.stack.alarms.list({ state }).map(({ alarm }) => alarm.name);
    return this.stack.assembly.alarms
      .filter(({ name }) => names.includes(name))
      .map(({ logicalId }) => constructId(logicalId))
      .sort();
  }

  /** What the subscriber was told, but for new alarms that are fine. */
  mails(): string[] {
    return this.stack.topics.sent
      .filter(({ recipients }) => recipients.includes(SUBSCRIBER))
      .map(({ message }) => JSON.parse(message))
      .filter(
        ({ OldStateValue, NewStateValue }) =>
          OldStateValue !== 'INSUFFICIENT_DATA' || NewStateValue === 'ALARM',
      )
      .map(({ AlarmName, NewStateValue }) => {
        const alarm = this.stack.assembly.alarms.find(({ name }) => name === AlarmName);
        return `${NewStateValue} ${constructId(alarm?.logicalId ?? '')}`;
      });
  }
}

/** `AlarmsNoSweepF45943AB` → `NoSweep` */
export const constructId = (logicalId: string): string =>
  /^Alarms(.+)[0-9A-F]{8}$/.exec(logicalId)?.[1] ?? logicalId;

/** A copy of the assembly with a change to its template. */
export function changed(change: (text: string) => string): string {
  const directory = copyOfAssembly();
  const path = join(directory, 'MomentoAuth.template.json');
  const before = readFileSync(path, 'utf8');
  const after = change(before);
  if (after === before) throw new Error('The change finds nothing to change in the template.');
  writeFileSync(path, after);
  return directory;
}

export function copyOfAssembly(): string {
  const directory = `${synthesized.directory}-${copies++}`;
  cpSync(synthesized.directory, directory, { recursive: true });
  return directory;
}
