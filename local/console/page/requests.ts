// Questions to the page's own server.

import type { FaultName, LoggedIn, Operation, Reason, TokenInWords } from '../told.ts';

/** @throws Error with the server's sentence */
async function post<Answer>(path: string, body: unknown): Promise<Answer> {
  const answer = await fetch(path, {
    method: 'POST',
    headers: { 'content-type': 'application/json' },
    body: JSON.stringify(body),
  });
  const said: unknown = await answer.json();
  if (!answer.ok) throw new Error((said as { readonly message: string }).message);
  return said as Answer;
}

export const logIn = (id: string, refresh: boolean): Promise<LoggedIn> =>
  post('/login', { id, refresh });

export const scopeOf = (authToken: string): Promise<TokenInWords> => post('/scope', { authToken });

export const reasonFor = (question: {
  readonly authToken: string;
  readonly operation: Operation;
  readonly cache: string;
  readonly name: string;
}): Promise<Reason> => post('/reason', question);

export const inject = (fault: FaultName, key: string | undefined): Promise<unknown> =>
  post(`/faults/${fault}`, key === undefined ? {} : { key });
