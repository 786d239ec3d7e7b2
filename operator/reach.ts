// `fetch`, for a person: what could not be reached, why, and what to do. What Node.js says is "fetch failed".

import { field } from '../lambda/shared/field.ts';
import { named, type Whereabouts } from './explain.ts';
import { Problem } from './problem.ts';

const TIMEOUT_MS = 10_000;

/** Throws `Problem`. */
export async function reach(url: URL, init: RequestInit, place: Whereabouts): Promise<Response> {
  try {
    return await fetch(url, { ...init, signal: AbortSignal.timeout(TIMEOUT_MS) });
  } catch (cause) {
    throw new Problem(`${url.origin} cannot be reached from this machine: ${inWords(cause)}.`, {
      next: place.isLocal
        ? 'Does npm start still run? Look at what it shows, and try again.'
        : 'Look at the network of this machine: at its names, its firewall, and whether it must use a proxy, which this command does not.',
      cause,
    });
  }
}

/** Pure. By the code that lies deepest: above it there is only "fetch failed". */
export function inWords(error: unknown): string {
  const deepest = rootOf(error);
  const { name, message } = named(deepest);
  if (name === 'TimeoutError') return `it did not answer within ${TIMEOUT_MS / 1000} seconds`;
  const code = field(deepest, 'code');
  if (typeof code !== 'string') return message;
  if (Object.hasOwn(WORDS, code)) return `${WORDS[code]} (${code})`;
  if (/CERT|_ISSUER|_SIGNATURE/.test(code)) return `its certificate is not accepted (${code})`;
  return message === '' ? code : `${message} (${code})`;
}

const NO_ANSWER = 'it does not answer';
const BROKEN = 'it broke the connection';
const NO_WAY = 'there is no way to it';

const WORDS: Readonly<Record<string, string>> = {
  ENOTFOUND: 'no address is known for its name',
  EAI_AGAIN: 'the name server does not answer',
  ECONNREFUSED: 'nothing listens there',
  ECONNRESET: BROKEN,
  EPIPE: BROKEN,
  UND_ERR_SOCKET: BROKEN,
  ETIMEDOUT: NO_ANSWER,
  UND_ERR_CONNECT_TIMEOUT: NO_ANSWER,
  EHOSTUNREACH: NO_WAY,
  ENETUNREACH: NO_WAY,
};

/** Where a name has several addresses, that of the first that was tried. */
function rootOf(error: unknown): unknown {
  const errors = field(error, 'errors');
  const inner = (Array.isArray(errors) ? errors[0] : undefined) ?? field(error, 'cause');
  return inner === undefined ? error : rootOf(inner);
}
