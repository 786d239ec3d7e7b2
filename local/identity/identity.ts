// A login for demonstrations: signed tokens of the issuer that the template names, and the keys to check them.
// Whoever reaches it is logged in: it listens on loopback alone, and only the local gateway trusts it.

import { createServer, type IncomingMessage, type ServerResponse } from 'node:http';
import { OAuth2Issuer, OAuth2Service } from 'oauth2-mock-server';
import * as v from 'valibot';
import { closeServer, listenOnLoopback } from '../ports.ts';
import type { DemonstrationUser } from './demonstration-users.ts';
import { type TokenUse, tokenClaims } from './token-claims.ts';

export interface IdentityOptions {
  /** As the template's authorizer names it: tokens carry it, though it cannot be reached from here. */
  readonly issuer: string;
  readonly audience: string;
  readonly users: readonly DemonstrationUser[];
  /** The claim that holds a user's groups. @default cognito:groups */
  readonly groupsClaim?: string;
  /** @default 0, a port that the system picks */
  readonly port?: number;
  /** Epoch milliseconds. @default Date.now */
  readonly now?: () => number;
}

export interface LoginOptions {
  /** @default 'id' */
  readonly tokenUse?: TokenUse;
  /** @default 3600, Cognito's own */
  readonly lifetimeSeconds?: number;
  /** Put over the user's own; undefined takes a claim out. @default none */
  readonly claims?: Readonly<Record<string, unknown>>;
}

export interface Identity {
  /** `http://127.0.0.1:PORT`: stands for the issuer. */
  readonly baseUrl: string;
  readonly jwksUrl: string;
  /** `POST {"user": …}` gives `{"idToken", "accessToken", "expiresIn"}`. */
  readonly loginUrl: string;
  readonly port: number;
  readonly users: readonly DemonstrationUser[];
  /** @throws UnknownUser */
  login(userName: string, options?: LoginOptions): Promise<string>;
  close(): Promise<void>;
}

export class UnknownUser extends Error {
  override readonly name = 'UnknownUser';
  readonly code = 'unknown-user';
}

const DISCOVERY_PATH = '/.well-known/openid-configuration';
/** Where Cognito has it. */
const JWKS_PATH = '/.well-known/jwks.json';
const LOGIN_PATH = '/login';
const DEFAULT_LIFETIME_SECONDS = 3600;
const MAX_LOGIN_BYTES = 10_000;

const loginSchema = v.object({
  user: v.string(),
  lifetimeSeconds: v.optional(v.pipe(v.number(), v.integer()), DEFAULT_LIFETIME_SECONDS),
});

/** Rejects with the system's error (`EADDRINUSE` …) when it cannot listen. */
export async function startIdentity(options: IdentityOptions): Promise<Identity> {
  const issuer = new OAuth2Issuer();
  issuer.url = options.issuer;
  await issuer.keys.generate('RS256');
  const login = loginOf(issuer, options);
  // Its other endpoints stay shut: they give tokens of any audience to any page that asks.
  const { requestHandler } = new OAuth2Service(issuer, {
    wellKnownDocument: DISCOVERY_PATH,
    jwks: JWKS_PATH,
  });
  const server = createServer((request, response) => {
    const [path = ''] = (request.url ?? '').split('?');
    if (request.method === 'GET' && [DISCOVERY_PATH, JWKS_PATH].includes(path)) {
      requestHandler(request, response);
    } else if (path === LOGIN_PATH) {
      answerLogin(request, response, login).catch(() => response.destroy());
    } else {
      reply(response, 404, { message: `POST ${LOGIN_PATH}, or GET ${DISCOVERY_PATH}` });
    }
  });
  const port = await listenOnLoopback(server, options.port ?? 0);
  const baseUrl = `http://127.0.0.1:${port}`;
  return {
    baseUrl,
    jwksUrl: baseUrl + JWKS_PATH,
    loginUrl: baseUrl + LOGIN_PATH,
    port,
    users: options.users,
    login,
    close: () => closeServer(server),
  };
}

function loginOf(
  issuer: OAuth2Issuer,
  {
    users,
    audience,
    issuer: issuerUrl,
    groupsClaim = 'cognito:groups',
    now = Date.now,
  }: IdentityOptions,
): Identity['login'] {
  return async (userName, { tokenUse = 'id', lifetimeSeconds, claims } = {}) => {
    const user = users.find(({ name }) => name === userName);
    if (user === undefined) {
      const names = users.map(({ name }) => name).join(', ');
      throw new UnknownUser(`There is no user ${JSON.stringify(userName)}; there are: ${names}`);
    }
    const payload = {
      ...tokenClaims(user, {
        issuer: issuerUrl,
        audience,
        groupsClaim,
        tokenUse,
        lifetimeSeconds: lifetimeSeconds ?? DEFAULT_LIFETIME_SECONDS,
        nowMs: now(),
      }),
      ...claims,
    };
    return issuer.buildToken({
      scopesOrTransform: (_header, built) => {
        // Cognito's tokens have no `nbf`, and the times are those of the clock that was passed in.
        for (const name of Object.keys(built)) Reflect.deleteProperty(built, name);
        Object.assign(built, payload);
      },
    });
  };
}

async function answerLogin(
  request: IncomingMessage,
  response: ServerResponse,
  login: Identity['login'],
): Promise<void> {
  // A name that was made to point at this machine is a page's way around its origin.
  if (!/^(127\.0\.0\.1|localhost)(:\d+)?$/.test(request.headers.host ?? '')) {
    return reply(response, 403, { message: 'on a loopback address only' });
  }
  // A page of another origin cannot send this without a preflight, and no preflight is answered here.
  if (
    request.method !== 'POST' ||
    !/^application\/json\b/.test(request.headers['content-type'] ?? '')
  ) {
    return reply(response, 405, { message: 'POST {"user": …} as application/json' });
  }
  const read = v.safeParse(loginSchema, await readJson(request));
  if (!read.success) return reply(response, 400, { message: 'write {"user": "NAME"}' });
  const { user, lifetimeSeconds } = read.output;
  try {
    const idToken = await login(user, { tokenUse: 'id', lifetimeSeconds });
    const accessToken = await login(user, { tokenUse: 'access', lifetimeSeconds });
    reply(response, 200, { idToken, accessToken, expiresIn: lifetimeSeconds });
  } catch (error) {
    if (!(error instanceof UnknownUser)) throw error;
    reply(response, 400, { message: error.message });
  }
}

/** Undefined for anything that is not JSON, or too much of it. */
async function readJson(request: IncomingMessage): Promise<unknown> {
  let text = '';
  for await (const chunk of request as AsyncIterable<Buffer>) {
    if (text.length <= MAX_LOGIN_BYTES) text += chunk.toString('utf8');
  }
  if (text.length > MAX_LOGIN_BYTES) return undefined;
  try {
    return JSON.parse(text);
  } catch {
    return undefined;
  }
}

function reply(response: ServerResponse, status: number, body: unknown): void {
  response.writeHead(status, { 'content-type': 'application/json', 'cache-control': 'no-store' });
  response.end(JSON.stringify(body));
}
