// What an authorizer says of a request.

import type { Answer } from './answer.ts';
import type { AuthorizerContext } from './proxy-event.ts';

export type Authorization =
  | { readonly allowed: true; readonly context: AuthorizerContext; readonly principalId?: string }
  | { readonly allowed: false; readonly answer: Answer; readonly error: string };
