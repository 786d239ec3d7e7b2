// The time line on the terminal: a line for each thing that happens, in colours where the terminal has them.

import { nameOf } from '../delivery.ts';
import type { LocalNews, LocalStack } from '../stack.ts';
import { type KeyResult, readKeyResults, readRunError } from './key-results.ts';

/** The few colours that are used; each gives its text back where there is no terminal. */
export interface Colours {
  bold(text: string): string;
  dim(text: string): string;
  green(text: string): string;
  yellow(text: string): string;
  red(text: string): string;
  cyan(text: string): string;
}

export interface TimelineOptions {
  readonly colours: Colours;
  /** Epoch milliseconds. */
  readonly now: () => number;
  /** Key's name by the ARN of its secret. */
  readonly keyNames: ReadonlyMap<string, string>;
  /** When the version that applications read came into being, epoch milliseconds. */
  readonly bornAtMs: (secretArn: string) => number | undefined;
}

const BAR_WIDTH = 20;
const LABEL_WIDTH = 9;

const COLOUR_OF: Readonly<Record<string, keyof Colours>> = {
  rotated: 'green',
  resumed: 'green',
  healed: 'green',
  imported: 'cyan',
  vended: 'green',
  refused: 'yellow',
  failed: 'red',
  denied: 'red',
  'not-due': 'dim',
  ALARM: 'red',
  OK: 'green',
};

/** The lines for one piece of news; most news have none. */
export function timelineOf(news: LocalNews, options: TimelineOptions): string[] {
  switch (news.kind) {
    case 'invocation':
      return invocationLines(news.news, options);
    case 'event': {
      const { event } = news.accepted;
      const name = event.resources.map((arn) => options.keyNames.get(arn) ?? arn).join(', ');
      return [line('event', `${name.padEnd(8)} ${event['detail-type']}`, options)];
    }
    case 'tick':
      return news.delivered.to === 'function'
        ? []
        : [
            line(
              'failed',
              `a tick went to ${news.delivered.to}: ${news.delivered.errorCode}`,
              options,
            ),
          ];
    case 'aws-call': {
      const { outcome, principalArn, action, resource } = news.call;
      if (outcome !== 'denied') return [];
      return [line('denied', `${action} on ${resource} for ${principalArn}`, options)];
    }
    case 'gateway-call': {
      const { method, path, status, refusal, latencyMs } = news.call;
      const label = status < 400 ? 'vended' : 'refused';
      const why = refusal === null ? '' : ` ${options.colours.dim(refusal)}`;
      return [
        line(label, `${method} ${path} ${status}, ${Math.round(latencyMs)} ms${why}`, options),
      ];
    }
    case 'alarm':
      return alarmLines(news, options);
    case 'momento-call':
    case 'log':
      return [];
  }
}

/** An alarm that is new and fine is no news. */
function alarmLines(
  { transition, notified, undelivered }: Extract<LocalNews, { kind: 'alarm' }>,
  options: TimelineOptions,
): string[] {
  const { alarm, from, to, actions } = transition;
  if (from === 'INSUFFICIENT_DATA' && to === 'OK') return [];
  const heard =
    notified.length > 0
      ? `mail to ${notified.join(', ')}`
      : actions.length > undelivered.length
        ? 'nobody has subscribed'
        : 'nobody is told';
  return [
    line(to, `${alarm.description} ${options.colours.dim(`(${heard})`)}`, options),
    ...undelivered.map((arn) =>
      line('failed', `${alarm.name} may not publish to ${nameOf(arn)}`, options),
    ),
  ];
}

export function keyLine(key: KeyResult, options: TimelineOptions): string {
  const { colours, now, keyNames, bornAtMs } = options;
  const name = (keyNames.get(key.secretId) ?? key.secretId).padEnd(8);
  const born = bornAtMs(key.secretId);
  if (key.validUntil === null || key.validUntil === 0 || born === undefined) {
    return line(key.outcome, `${name} ${key.message}`, options);
  }
  const leftMs = key.validUntil * 1000 - now();
  const left = `${seconds(leftMs)} left`.padStart(10);
  const bar = lifeBar(leftMs / (key.validUntil * 1000 - born), colours);
  const dueInMs = (key.nextAttemptAt ?? 0) * 1000 - now();
  const more = key.outcome === 'not-due' ? `due in ${seconds(dueInMs)}` : key.message;
  return line(key.outcome, `${name} ${bar} ${left}  ${colours.dim(more)}`, options);
}

const seconds = (ms: number): string => `${Math.max(0, Math.ceil(ms / 1000))} s`;

/** Green while there is more than half, red in the last fifth. */
export function lifeBar(fraction: number, colours: Colours): string {
  const share = Math.min(1, Math.max(0, fraction));
  const full = Math.round(share * BAR_WIDTH);
  const colour = share > 0.5 ? colours.green : share > 0.2 ? colours.yellow : colours.red;
  return colour('█'.repeat(full)) + colours.dim('░'.repeat(BAR_WIDTH - full));
}

export function line(label: string, text: string, { colours, now }: TimelineOptions): string {
  const time = new Date(now()).toTimeString().slice(0, 8);
  const colour = COLOUR_OF[label];
  const padded = label.padEnd(LABEL_WIDTH);
  return `${colours.dim(time)}  ${colour === undefined ? padded : colours[colour](padded)}  ${text}`;
}

type Invocation = Extract<LocalNews, { kind: 'invocation' }>['news'];

function invocationLines(news: Invocation, options: TimelineOptions): string[] {
  switch (news.kind) {
    case 'succeeded':
      return readKeyResults(news.result.payload).map((key) => keyLine(key, options));
    case 'failed':
      return failureLines(news.result.payload, options);
    case 'throttled':
      return [line('failed', 'throttled: every execution environment is busy', options)];
    case 'delivered':
      return [
        line('', options.colours.dim(`its record is in ${nameOf(news.destinationArn)}`), options),
      ];
    case 'given-up':
      return news.destinationArn === null ? [line('failed', news.condition, options)] : [];
    case 'dropped':
      return [line('failed', `an event was dropped: ${news.error}`, options)];
  }
}

/** A line per failed key, with the key's name for its ARN. */
function failureLines(payload: unknown, options: TimelineOptions): string[] {
  const { type, message } = readRunError(payload);
  return message.split('\n').map((text) => {
    const [, secretId = '', rest] = /^(arn:\S+): (.*)$/s.exec(text) ?? [];
    const name = options.keyNames.get(secretId);
    return line(
      'failed',
      name === undefined ? `${type}: ${text}` : `${name.padEnd(8)} ${rest}`,
      options,
    );
  });
}

/** Names as the configuration gives them: from the outputs, which carry them. */
export function keyNamesOf({ assembly }: Pick<LocalStack, 'assembly'>): Map<string, string> {
  const tagged = assembly.secrets.map(
    ({ arn, tags, name }) => [arn, tags['momento-auth:key'] ?? name] as const,
  );
  const adopted = assembly.outputs
    .filter(({ name }) => name.startsWith('ApiKeySecretArn'))
    .map(({ name, value }) => [value, name.slice('ApiKeySecretArn'.length) || 'default'] as const);
  return new Map([...adopted, ...tagged]);
}
