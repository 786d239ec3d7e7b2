// What happens in the stack, in plain sentences: one for each thing that a person would want to know.

import { nameOf } from '../delivery.ts';
import type { LocalNews } from '../stack.ts';
import { type KeyResult, readKeyResults, readRunError } from '../terminal/key-results.ts';
import type { Entry } from './told.ts';

export type Told = Omit<Entry, 'id' | 'atMs'>;

const KIND_OF: Readonly<Record<string, Entry['kind']>> = {
  'not-due': 'check',
  rotated: 'rotated',
  resumed: 'healed',
  healed: 'healed',
  failed: 'failed',
  'no-key': 'failed',
};

/** @param keyNames key's name by the ARN of its secret */
export function storyOf(news: LocalNews, keyNames: ReadonlyMap<string, string>): Told[] {
  const nameOfKey = (arn: string | undefined): string | null =>
    arn === undefined ? null : (keyNames.get(arn) ?? null);
  switch (news.kind) {
    case 'invocation':
      if (news.news.kind === 'succeeded') {
        return readKeyResults(news.news.result.payload).map((result) => ({
          kind: KIND_OF[result.outcome] ?? 'note',
          key: nameOfKey(result.secretId),
          sentence: resultSentence(result),
        }));
      }
      if (news.news.kind === 'failed') return failures(news.news.result.payload, nameOfKey);
      if (news.news.kind === 'delivered') {
        const queue = nameOf(news.news.destinationArn);
        return [told('note', null, `The record of the failed run waits for a person in ${queue}.`)];
      }
      if (news.news.kind === 'throttled') {
        return [told('failed', null, 'A run was throttled: every execution environment is busy.')];
      }
      return [];
    case 'event': {
      const { event } = news.accepted;
      const key = nameOfKey(event.resources[0]);
      return [told('event', key, `On the event bus: “${event['detail-type']}”.`)];
    }
    case 'tick':
      return news.delivered.to === 'function'
        ? []
        : [
            told(
              'failed',
              null,
              `A tick went to ${news.delivered.to}: ${news.delivered.errorCode}.`,
            ),
          ];
    case 'aws-call': {
      const { outcome, action, resource, principalArn, error } = news.call;
      const who = principalArn.split('/').at(-1);
      if (outcome === 'denied') {
        return [told('denied', nameOfKey(resource), `IAM denied ${action} to ${who}.`)];
      }
      if (error !== 'InternalServiceError') return [];
      const what = action.replace('secretsmanager:', '');
      return [told('fault', nameOfKey(resource), `Secrets Manager refused ${what}.`)];
    }
    case 'momento-call': {
      const { fault, method } = news.call;
      if (fault === undefined) return [];
      const what = method.split('/').at(-1);
      return 'delayMs' in fault
        ? [told('fault', null, `Momento answered ${what} late.`)]
        : [told('fault', null, `Momento did not answer ${what}.`)];
    }
    case 'gateway-call': {
      const { status, refusal, latencyMs } = news.call;
      if (status < 400) {
        return [told('token', null, `A token was handed out in ${Math.round(latencyMs)} ms.`)];
      }
      const why = refusal === null ? 'by the function' : `by the gateway: ${refusal}`;
      return [told('refused', null, `A request for a token was answered ${status} ${why}.`)];
    }
    case 'alarm': {
      const { alarm, from, to } = news.transition;
      if (to === 'ALARM') return [told('alarm', null, `Alarm: ${alarm.description}`)];
      return from === 'ALARM' ? [told('over', null, `Over: ${alarm.description}`)] : [];
    }
    case 'log':
      return [];
  }
}

const told = (kind: Entry['kind'], key: string | null, sentence: string): Told => ({
  kind,
  key,
  sentence,
});

function resultSentence({ outcome, message }: KeyResult): string {
  return `${WORDS[outcome] ?? outcome}: ${message}`;
}

const WORDS: Readonly<Record<string, string>> = {
  'not-due': 'Checked, not due',
  rotated: 'Rotated',
  resumed: 'Healed',
  healed: 'Healed',
  'lost-race': 'Left to another run',
  deferred: 'Put off',
  'no-key': 'No key yet',
  'never-expires': 'Never ends',
  'not-rotatable': 'Cannot be renewed',
};

const FAILED_KEY = /^(arn:\S+): (.*)$/s;

/** ARNs of the secrets whose keys a failed run names. */
export const failedKeys = (payload: unknown): string[] =>
  readRunError(payload)
    .message.split('\n')
    .flatMap((line) => FAILED_KEY.exec(line)?.[1] ?? []);

/** One for each failed key. */
function failures(payload: unknown, nameOfKey: (arn: string) => string | null): Told[] {
  const { type, message } = readRunError(payload);
  if (type === 'Runtime.ExitError') {
    return [
      told('failed', null, 'A run died half-way: its process is gone. The next one goes on.'),
    ];
  }
  return message.split('\n').map((line) => {
    const [, secretArn = '', rest] = FAILED_KEY.exec(line) ?? [];
    const key = nameOfKey(secretArn);
    return told('failed', key, key === null ? `A run failed: ${type}: ${line}` : `Failed: ${rest}`);
  });
}
