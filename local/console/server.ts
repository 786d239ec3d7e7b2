// The page of `npm start`: what it shows comes from the stack's news, what it does goes through the stack's own doors.
//
//   stack's news ─► story, keys, alarms ─► Server-Sent Events ─► page
//   page ─► /login, /token, /scope, /reason ─► identity, token endpoint, local Momento's account
//        ─► /faults/NAME ─► the hooks in faults.ts, the schedule, the function
//
// /token hands the request on to the real endpoint: API Gateway's own refusals carry no CORS headers, so that a page
// of another origin could not tell a 401 from a broken line; and by default no origin is allowed at all.

import { randomUUID } from 'node:crypto';
import { createServer, type IncomingMessage, type ServerResponse } from 'node:http';
import * as v from 'valibot';
import type { Credential } from '../momento/account.ts';
import { bareKey } from '../momento/keys.ts';
import { MomentoRefusal } from '../momento/refusal.ts';
import { closeServer, listenOnLoopback, listenPreferring } from '../ports.ts';
import type { LocalFunctionHandle, LocalNews, LocalStack } from '../stack.ts';
import { readKeyResults } from '../terminal/key-results.ts';
import { keyNamesOf } from '../terminal/timeline.ts';
import type { Faults } from './faults.ts';
import { Keys } from './keys.ts';
import { loginChoices } from './logins.ts';
import { NewsStream } from './news-stream.ts';
import type { PageFiles } from './page-files.ts';
import { type Refused, readJson, refusalOf, reply } from './request.ts';
import { permissionsInWords, reasonFor } from './scope-in-words.ts';
import { failedKeys, storyOf, type Told } from './story.ts';
import {
  type AlarmSpan,
  type Entry,
  FAULTS,
  type FaultName,
  type LoggedIn,
  type Login,
  type Snapshot,
  type TokenInWords,
} from './told.ts';

export interface ConsoleOptions {
  readonly stack: LocalStack;
  /** The one whose hooks the stack was given. */
  readonly faults: Faults;
  /** Awaited by the first request: the stack need not wait for it. */
  readonly files: Promise<PageFiles>;
  readonly timeScale: number;
  /** What a person does with the console's download. */
  readonly importKey: (secretArn: string) => void;
  /** The claim that holds a user's groups. @default cognito:groups */
  readonly groupsClaim?: string;
  /** @default 0, a port that the system picks */
  readonly port?: number;
  /** Epoch milliseconds. @default Date.now */
  readonly now?: () => number;
}

export interface Console {
  /** `http://127.0.0.1:PORT` */
  readonly url: string;
  /** The port that was wanted and is somebody else's. */
  readonly busy: number | undefined;
  /** For all of the stack's news. */
  readonly hear: (news: LocalNews) => void;
  /** For what a person does without a call to AWS: nothing else tells of it. */
  readonly imported: (secretArn: string) => void;
  /** Ends every connection, waiting ones included. */
  close(): Promise<void>;
}

const ROTATED = 'Momento API Key Rotated';
const MOST_ENTRIES = 400;
const MOST_ALARMS = 100;

const LoginRequest = v.object({ id: v.string(), refresh: v.optional(v.boolean(), false) });
const TokenQuestion = v.object({ authToken: v.string() });
const ReasonQuestion = v.object({
  authToken: v.string(),
  operation: v.picklist(['read', 'write', 'delete', 'publish', 'subscribe']),
  cache: v.string(),
  name: v.string(),
});
const FaultRequest = v.object({ key: v.optional(v.string()) });

/** Rejects with the system's error when it cannot listen at all. */
export async function startConsole(options: ConsoleOptions): Promise<Console> {
  const desk = new Desk(options);
  const start = async (port: number) => {
    const server = createServer((request, response) => {
      desk.serve(request, response).catch((error: unknown) => {
        // A page that went away is no bug.
        if (!request.destroyed && !response.destroyed) console.error('local console:', error);
        response.destroy();
      });
    });
    return { server, port: await listenOnLoopback(server, port) };
  };
  const { server: listening, busy } = await listenPreferring(options.port ?? 0, start);
  return {
    url: `http://127.0.0.1:${listening.port}`,
    busy,
    hear: (news) => desk.hear(news),
    imported: (secretArn) => desk.imported(secretArn),
    close: async () => {
      desk.close();
      await closeServer(listening.server);
    },
  };
}

class Desk {
  readonly #options: ConsoleOptions;
  readonly #now: () => number;
  readonly #stackId = randomUUID();
  readonly #stream = new NewsStream();
  readonly #keys: Keys;
  readonly #keyNames: ReadonlyMap<string, string>;
  readonly #logins: ReturnType<typeof loginChoices>;
  readonly #rotateKey: LocalFunctionHandle | undefined;
  /** Secrets whose rotation was announced by a run that has not ended yet. */
  readonly #announced = new Set<string>();
  readonly #sessions = new Map<string, LoggedIn>();
  #entries: Entry[] = [];
  #lastEntryId = 0;
  #alarms: AlarmSpan[] = [];
  #lookSoon: NodeJS.Immediate | undefined;
  #shownKeys = '';

  constructor(options: ConsoleOptions) {
    const { stack, faults, now = Date.now, groupsClaim = 'cognito:groups' } = options;
    this.#options = options;
    this.#now = now;
    this.#keyNames = keyNamesOf(stack);
    this.#keys = new Keys({
      keyNames: this.#keyNames,
      inspect: (secretArn) => stack.secrets.inspect(secretArn),
      now,
    });
    this.#keys.look();
    this.#logins = loginChoices(stack.tokenEndpoint?.identity?.users ?? [], groupsClaim);
    const functionName = stack.output('RotateKeyFunctionName');
    this.#rotateKey = stack.functions.find(({ definition }) => definition.name === functionName);
    faults.listen({
      kill: () => this.#rotateKey?.killCurrent(),
      changed: () => this.#stream.send({ kind: 'faults', faults: faults.spans }),
      told: (kind, sentence) => this.#tell({ kind, key: null, sentence }),
    });
  }

  hear(news: LocalNews): void {
    if (news.kind === 'log') return;
    if (news.kind === 'invocation' && news.news.kind === 'succeeded') {
      for (const result of readKeyResults(news.news.result.payload)) this.#keys.result(result);
    }
    if (news.kind === 'alarm') this.#hearAlarm(news);
    for (const told of storyOf(news, this.#keyNames)) this.#tell(told);
    if (news.kind === 'event') this.#hearEvent(news);
    if (news.kind === 'invocation') this.#hearEnd(news);
    if (news.kind === 'invocation' || news.kind === 'aws-call') this.#look();
  }

  imported(secretArn: string): void {
    const key = this.#keyNames.get(secretArn) ?? null;
    this.#tell({ kind: 'imported', key, sentence: 'A person imported a new key.' });
    this.#look();
  }

  async serve(request: IncomingMessage, response: ServerResponse): Promise<void> {
    this.#protect(response);
    const refused = refusalOf(request);
    if (refused !== undefined) return reply(response, refused.status, refusal(refused).body);
    const [path = ''] = (request.url ?? '').split('?');
    if (request.method === 'GET') {
      if (path === '/news') {
        return this.#stream.open(response, { kind: 'snapshot', snapshot: this.#snapshot() });
      }
      return this.#file(path, response);
    }
    if (path === '/token') return this.#token(request, response);
    const { status, body } = await this.#answer(path, await readJson(request));
    reply(response, status, body);
  }

  close(): void {
    clearImmediate(this.#lookSoon);
    this.#options.faults.close();
    this.#stream.close();
  }

  #protect(response: ServerResponse): void {
    const { momentoServer } = this.#options.stack;
    response.setHeader('cache-control', 'no-store');
    response.setHeader('x-content-type-options', 'nosniff');
    response.setHeader('referrer-policy', 'no-referrer');
    response.setHeader('cross-origin-resource-policy', 'same-origin');
    response.setHeader(
      'content-security-policy',
      [
        "default-src 'none'",
        "script-src 'self'",
        "style-src 'self'",
        "img-src 'self'",
        `connect-src 'self' http://${momentoServer.endpoint}`,
        "base-uri 'none'",
        "form-action 'none'",
        "frame-ancestors 'none'",
      ].join('; '),
    );
  }

  #snapshot(): Snapshot {
    const { stack, timeScale, faults } = this.#options;
    const users = stack.tokenEndpoint?.identity?.users ?? [];
    return {
      stackId: this.#stackId,
      stackName: stack.assembly.deployment.stackName,
      schedule: stack.assembly.rules.flatMap((rule) => rule.scheduleExpression ?? []).join(', '),
      timeScale,
      nowMs: this.#now(),
      momentoUrl: `http://${stack.momentoServer.endpoint}`,
      tokenEndpointUrl: stack.tokenEndpoint?.url ?? null,
      logins:
        stack.tokenEndpoint !== undefined && isPublic(stack)
          ? [EVERYBODY]
          : this.#logins.map(({ id, label, hint }) => ({ id, label, hint, isNeeded: true })),
      tenants: [...new Set(users.flatMap(({ attributes }) => Object.values(attributes)))],
      keys: this.#keys.look(),
      entries: this.#entries,
      alarms: this.#alarms,
      faults: faults.spans,
    };
  }

  async #file(path: string, response: ServerResponse): Promise<void> {
    const file = (await this.#options.files).get(path);
    if (file === undefined) return reply(response, 404, { message: NOTHING_HERE });
    response.writeHead(200, { 'content-type': file.contentType });
    response.end(file.body);
  }

  /** The very answer of the endpoint. */
  async #token(request: IncomingMessage, response: ServerResponse): Promise<void> {
    const url = this.#options.stack.tokenEndpoint?.url;
    if (url === undefined) return reply(response, 404, { message: 'There is no token endpoint.' });
    const { authorization } = request.headers;
    const answer = await fetch(url, {
      method: 'POST',
      headers: authorization === undefined ? {} : { authorization },
    });
    const retryAfter = answer.headers.get('retry-after');
    response.writeHead(answer.status, {
      'content-type': answer.headers.get('content-type') ?? 'text/plain',
      ...(retryAfter !== null && { 'retry-after': retryAfter }),
    });
    response.end(await answer.text());
  }

  async #answer(path: string, body: unknown): Promise<Answer> {
    switch (path) {
      case '/login':
        return this.#login(body);
      case '/scope':
        return this.#scope(body);
      case '/reason':
        return this.#reason(body);
    }
    const fault = FAULTS.find((name) => path === `/faults/${name}`);
    return fault === undefined
      ? refusal({ status: 404, sentence: NOTHING_HERE })
      : this.#fault(fault, body);
  }

  async #login(body: unknown): Promise<Answer> {
    const identity = this.#options.stack.tokenEndpoint?.identity;
    const read = v.safeParse(LoginRequest, body);
    const choice = this.#logins.find(({ id }) => read.success && id === read.output.id);
    if (identity === undefined || choice === undefined) {
      return refusal({ status: 400, sentence: 'There is no such login.' });
    }
    // One login for all tabs, as a login provider's own session makes it: tabs with the same ID token share.
    const known = read.success && !read.output.refresh ? this.#sessions.get(choice.id) : undefined;
    if (known !== undefined && !isNearEnd(known, this.#now())) return { status: 200, body: known };
    const idToken = await identity.login(choice.user, choice.options);
    const [, payload = ''] = idToken.split('.');
    const claims: LoggedIn['claims'] = JSON.parse(Buffer.from(payload, 'base64url').toString());
    const session: LoggedIn = { idToken, claims };
    this.#sessions.set(choice.id, session);
    return { status: 200, body: session };
  }

  #scope(body: unknown): Answer {
    const read = v.safeParse(TokenQuestion, body);
    if (!read.success) return refusal({ status: 400, sentence: 'Send {"authToken"}.' });
    return this.#ofToken(read.output.authToken, (credential) => {
      const { tokenId, lifetimeSeconds } = credential;
      return {
        tokenId,
        lifetimeSeconds: lifetimeSeconds === 'never' ? 0 : lifetimeSeconds,
        permissions: permissionsInWords(credential),
      } satisfies TokenInWords;
    });
  }

  #reason(body: unknown): Answer {
    const read = v.safeParse(ReasonQuestion, body);
    if (!read.success) {
      const sentence = 'Send {"authToken", "operation", "cache", "name"}.';
      return refusal({ status: 400, sentence });
    }
    const { authToken, ...attempt } = read.output;
    return this.#ofToken(authToken, (credential) => reasonFor(credential, attempt));
  }

  #ofToken(authToken: string, answer: (credential: Credential) => unknown): Answer {
    try {
      const credential = this.#options.stack.momento.authenticate(bareKey(authToken));
      // An API key is the operator's: the page has no business with one.
      return credential.kind === 'disposable-token'
        ? { status: 200, body: answer(credential) }
        : refusal({ status: 400, sentence: 'That is no disposable token.' });
    } catch (error) {
      if (!(error instanceof MomentoRefusal)) throw error;
      return refusal({ status: 401, sentence: `Momento: ${error.message}` });
    }
  }

  async #fault(fault: FaultName, body: unknown): Promise<Answer> {
    const read = v.safeParse(FaultRequest, body);
    const key = read.success ? read.output.key : undefined;
    const found = [...this.#keyNames].find(([, name]) => key === undefined || name === key);
    if (found === undefined) return refusal({ status: 400, sentence: 'There is no such key.' });
    const refused = this.#carryOut(fault, found[0], found[1]);
    return refused === undefined ? { status: 200, body: {} } : refusal(refused);
  }

  #carryOut(fault: FaultName, secretArn: string, key: string): Refused | undefined {
    const { stack, faults, importKey } = this.#options;
    const note = (sentence: string) => this.#tell({ kind: 'fault', key, sentence });
    const outage = (what: string) =>
      this.#tell({
        kind: 'fault',
        key: null,
        sentence: `${what} for ${faults.outageMs / 1000} seconds.`,
      });
    switch (fault) {
      case 'kill-next-rotation':
        note('The next rotation will be killed when it is about to promote the new key.');
        faults.set(fault);
        return undefined;
      case 'momento-away':
        outage('Momento is away');
        faults.set(fault);
        return undefined;
      case 'writes-refused':
        outage('Secrets Manager refuses writes');
        faults.set(fault);
        return undefined;
      case 'revoke-key': {
        const apiKey = currentKey(stack, secretArn);
        if (apiKey === undefined) return { status: 409, sentence: 'There is no key to revoke.' };
        stack.momento.revoke(apiKey);
        this.#keys.revoked(secretArn);
        note(
          'The key was revoked at Momento. Nothing can renew it: a person has to import a new one.',
        );
        this.#look();
        return undefined;
      }
      case 'import-key':
        importKey(secretArn);
        this.imported(secretArn);
        return undefined;
      case 'tick':
        this.#tell({
          kind: 'note',
          key: null,
          sentence: 'A tick of the schedule was delivered by hand.',
        });
        stack.tick();
        return undefined;
      case 'rotate-now':
        this.#tell({ kind: 'note', key, sentence: 'The rotation was asked for by hand.' });
        // Its end is news like any other; the page does not wait for it.
        this.#rotateKey?.invoke({ secretId: secretArn, force: true }).catch((error: unknown) => {
          const why = error instanceof Error ? error.message : String(error);
          this.#tell({
            kind: 'failed',
            key,
            sentence: `The rotation could not be started: ${why}`,
          });
        });
        return undefined;
    }
  }

  #tell(told: Told): void {
    this.#lastEntryId += 1;
    const entry: Entry = { ...told, id: this.#lastEntryId, atMs: this.#now() };
    this.#entries = [...this.#entries, entry].slice(-MOST_ENTRIES);
    this.#stream.send({ kind: 'entry', entry });
  }

  #hearEvent({ accepted: { event } }: Extract<LocalNews, { kind: 'event' }>): void {
    const [secretArn = ''] = event.resources;
    if (event['detail-type'] === ROTATED) this.#announced.add(secretArn);
  }

  /** A run that failed for one key has no results: not for the others either. */
  #hearEnd({ news }: Extract<LocalNews, { kind: 'invocation' }>): void {
    if (news.kind === 'failed') {
      for (const secretArn of failedKeys(news.result.payload))
        this.#keys.ended(secretArn, 'failed');
      for (const secretArn of this.#announced) {
        this.#keys.ended(secretArn, 'rotated');
        const key = this.#keyNames.get(secretArn) ?? null;
        this.#tell({ kind: 'rotated', key, sentence: 'Rotated, by a run that failed otherwise.' });
      }
    }
    if (news.kind === 'failed' || news.kind === 'succeeded') this.#announced.clear();
  }

  #hearAlarm({ transition }: Extract<LocalNews, { kind: 'alarm' }>): void {
    const { alarm, to, atMs } = transition;
    const ended = this.#alarms.map((span) =>
      span.name === alarm.name && span.untilMs === null ? { ...span, untilMs: atMs } : span,
    );
    const { name, description } = alarm;
    this.#alarms = (
      to === 'ALARM' ? [...ended, { name, description, fromMs: atMs, untilMs: null }] : ended
    ).slice(-MOST_ALARMS);
    this.#stream.send({ kind: 'alarms', alarms: this.#alarms });
  }

  /** Once for all that happens in one turn. */
  #look(): void {
    this.#lookSoon ??= setImmediate(() => {
      this.#lookSoon = undefined;
      const keys = this.#keys.look();
      const shown = JSON.stringify(keys);
      if (shown === this.#shownKeys) return;
      this.#shownKeys = shown;
      this.#stream.send({ kind: 'keys', keys });
    });
  }
}

interface Answer {
  readonly status: number;
  readonly body: unknown;
}

const NOTHING_HERE = 'There is nothing here.';
const refusal = ({ status, sentence }: Refused): Answer => ({
  status,
  body: { message: sentence },
});

const isPublic = ({ assembly }: LocalStack): boolean =>
  assembly.httpApis[0]?.routes[0]?.authorizer === null;

const EVERYBODY: Login = {
  id: 'everybody',
  label: 'anybody',
  hint: 'The endpoint lets everyone in: no login is sent along.',
  isNeeded: false,
};

/** What is left of such a login would make a token that hardly lives. */
const isNearEnd = ({ claims }: LoggedIn, nowMs: number): boolean =>
  Number(claims.exp) * 1000 - nowMs < 20_000;

const Pair = v.looseObject({ apiKey: v.string() });

function currentKey({ secrets }: LocalStack, secretArn: string): string | undefined {
  const current = secrets.inspect(secretArn).find(({ stages }) => stages.includes('AWSCURRENT'));
  try {
    return v.parse(Pair, JSON.parse(current?.secretString ?? '')).apiKey;
  } catch {
    return undefined;
  }
}
