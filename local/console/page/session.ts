// Logged in as a demonstration user: the token provider that an application would use, and what it is doing.

import {
  type LoginQuestion,
  type MomentoToken,
  type MomentoTokenProvider,
  momentoTokenProvider,
  type TokenState,
} from '../../../client/browser/index.ts';
import type { LoggedIn, Snapshot, TokenInWords } from '../told.ts';
import { lifeBar, make, say, setAttribute, the } from './elements.ts';
import { logIn, scopeOf } from './requests.ts';
import { duration } from './times.ts';

export interface SessionToken {
  /** The same one until another login. */
  readonly tokens: MomentoTokenProvider;
  readonly authToken: string;
  readonly words: TokenInWords;
  readonly claims: LoggedIn['claims'];
}

export interface Session {
  offer(state: Snapshot): void;
  /** Told of each new token, and of none. */
  subscribe(listener: (token: SessionToken | undefined) => void): void;
}

interface Open {
  readonly provider: MomentoTokenProvider;
  claims: LoggedIn['claims'];
  renewals: number;
  /** Of them, those that brought the very token that was there. */
  repeats: number;
  /** Another object with each answer of the endpoint. */
  token: MomentoToken | undefined;
  authToken: string | undefined;
}

export function session(): Session {
  const form = the<HTMLFormElement>('#login-form');
  const choice = the<HTMLSelectElement>('#login-choice');
  const hint = the('#login-hint');
  const renew = the<HTMLButtonElement>('#renew');
  const logout = the<HTMLButtonElement>('#logout');
  const status = the('#token-status');
  const listeners = new Set<(token: SessionToken | undefined) => void>();
  let logins: Snapshot['logins'] = [];
  let open: Open | undefined;
  let lifeMs = 0;
  let nextTryAtMs = 0;

  const tell = (token: SessionToken | undefined) => {
    for (const listener of listeners) listener(token);
  };

  const close = () => {
    open?.provider.close();
    open = undefined;
    lifeMs = 0;
    renew.disabled = true;
    logout.disabled = true;
    the('#token-facts').hidden = true;
    setAttribute(status, 'data-status', 'idle');
    say(status, 'Nobody is logged in.');
    tell(undefined);
  };

  const start = (id: string) => {
    close();
    const login = logins.find((each) => each.id === id);
    const mine: Open = {
      claims: {},
      renewals: -1,
      repeats: 0,
      token: undefined,
      authToken: undefined,
      provider: momentoTokenProvider({
        url: '/token',
        ...(login?.isNeeded !== false && {
          getIdToken: async ({ refresh }: LoginQuestion) => {
            const { idToken, claims } = await logIn(id, refresh);
            mine.claims = claims;
            return idToken;
          },
        }),
      }),
    };
    open = mine;
    renew.disabled = false;
    logout.disabled = false;
    const show = async () => {
      if (open !== mine) return;
      const state = mine.provider.getState();
      setAttribute(status, 'data-status', state.status);
      nextTryAtMs = performance.now() + (state.retryInMs ?? 0);
      say(status, inWords(state));
      const { token } = state;
      if (token === undefined) {
        // What is being renewed will be there again in a moment.
        if (state.error === undefined) return;
        mine.token = undefined;
        lifeMs = 0;
        drawNoToken(mine.claims);
        // While the provider is still trying, what uses it may wait.
        if (state.status !== 'waiting') tell(undefined);
        return;
      }
      if (token === mine.token) return;
      const { authToken } = token;
      mine.token = token;
      mine.renewals += 1;
      if (authToken === mine.authToken) mine.repeats += 1;
      mine.authToken = authToken;
      lifeMs = mine.provider.lifeLeftMs();
      try {
        const words = await scopeOf(authToken);
        if (open !== mine || mine.token !== token) return;
        drawToken(authToken, words, mine);
        tell({ tokens: mine.provider, authToken, words, claims: mine.claims });
      } catch (error) {
        // The stack has been ended, or the token was revoked with its key.
        say(status, error instanceof Error ? error.message : String(error));
      }
    };
    mine.provider.subscribe(() => void show());
    // Why there is none is in the provider's state.
    mine.provider.getToken().catch(() => {});
  };

  form.addEventListener('submit', (event) => {
    event.preventDefault();
    start(choice.value);
  });
  choice.addEventListener('change', () => say(hint, hintOf(logins, choice.value)));
  // Of the same login: a plain renew() would tell of another, and end its subscription.
  renew.addEventListener('click', () => {
    const { provider } = open ?? {};
    provider?.renew(provider.getState().token).catch(() => {});
  });
  logout.addEventListener('click', () => {
    close();
    // The button is of no use now, and the focus must not be lost with it.
    choice.focus();
  });

  const life = lifeBar('Life of the token');
  the('#token-life').append(life.root);
  const left = the('#token-left');
  setInterval(() => {
    const leftMs = open?.provider.lifeLeftMs() ?? 0;
    const share = lifeMs === 0 ? 0 : Math.min(1, leftMs / lifeMs);
    const isWaiting = open?.provider.getState().status === 'waiting';
    const words = leftMs === 0 ? 'no token' : `${duration(leftMs)} until its end`;
    // Not in the status, which is read aloud whenever it changes.
    const next = isWaiting
      ? `; the next try is in ${duration(nextTryAtMs - performance.now())}`
      : '; renewed by itself at about a fifth';
    life.show(share, words);
    say(left, leftMs === 0 && !isWaiting ? words : words + next);
  }, 250);

  return {
    offer(state) {
      if (logins.length === state.logins.length) return;
      logins = state.logins;
      choice.replaceChildren(
        ...logins.map(({ id, label }) => make('option', { value: id }, label)),
      );
      say(hint, hintOf(logins, choice.value));
      if (logins.length === 0) {
        for (const control of form.elements) control.setAttribute('disabled', '');
        say(hint, 'This configuration has no login with a JWT: there is nobody to log in as.');
      }
    },
    subscribe(listener) {
      listeners.add(listener);
    },
  };
}

const hintOf = (logins: Snapshot['logins'], id: string): string =>
  logins.find((login) => login.id === id)?.hint ?? '';

function inWords({ status, error, token }: TokenState): string {
  const why = error?.problem === undefined ? '' : ` (${error.problem})`;
  // Without one it only waits, so as not to ask too often.
  const failed = error === undefined ? '' : `: ${error.status ?? 'no answer'}${why}`;
  switch (status) {
    case 'token':
      return 'There is a token.';
    case 'renewing':
      return 'A token is being asked for …';
    case 'waiting':
      return `${token === undefined ? 'No token now' : 'No new token yet'}${failed}. It is tried again by itself.`;
    case 'login-needed':
      return `401: this login is not valid${why}. A user would be asked to log in again.`;
    case 'forbidden':
      return `403: this user may not have a token${why}. He would be told to ask for access; nothing is tried again.`;
    case 'failed':
      return `No token: ${error?.status ?? 'no answer'}${why}. The tries are used up.`;
    default:
      return 'Nobody is logged in.';
  }
}

function drawToken(authToken: string, words: TokenInWords, mine: Open): void {
  const { claims, renewals, repeats } = mine;
  the('#token-facts').hidden = false;
  the('#scope').replaceChildren(
    ...words.permissions.map(({ sentence, wire }) =>
      make(
        'li',
        {},
        make('span', {}, sentence),
        make(
          'details',
          {},
          make('summary', {}, 'as it is on the wire'),
          make('pre', { tabindex: '0' }, wire),
        ),
      ),
    ),
  );
  the('#token-details').replaceChildren(
    ...pairs({
      'Token id': words.tokenId === '' ? 'none: its publications are anonymous' : words.tokenId,
      Life: duration(words.lifetimeSeconds * 1000),
      Renewals: `${renewals}${repeats === 0 ? '' : `; ${repeats} gave the same token, which the endpoint shares while much of its life is left`}`,
      Shared: 'with this page in other tabs, if the same user is logged in there',
      Token: `${authToken.slice(0, 6)}… (${authToken.length} characters, never shown in full)`,
    }),
  );
  drawClaims(claims);
}

function drawNoToken(claims: LoggedIn['claims']): void {
  the('#token-facts').hidden = false;
  the('#scope').replaceChildren(make('li', { class: 'none' }, 'Nothing: there is no token.'));
  the('#token-details').replaceChildren();
  drawClaims(claims);
}

function drawClaims(claims: LoggedIn['claims']): void {
  the('#claims').replaceChildren(
    ...pairs(
      Object.fromEntries(
        Object.entries(claims).map(([name, value]) => [
          name,
          typeof value === 'string' ? value : JSON.stringify(value),
        ]),
      ),
    ),
  );
}

const pairs = (facts: Readonly<Record<string, string>>): HTMLElement[] =>
  Object.entries(facts).flatMap(([name, value]) => [make('dt', {}, name), make('dd', {}, value)]);
