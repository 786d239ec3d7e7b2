// One token for all tabs of one login: under a Web Lock a tab asks the others before it asks the endpoint.
//
//   tab 1: lock ─► "has anyone a token?" ─ silence ─► endpoint ─► tells all ─► unlock
//   tab 2:  ………………… waits for the lock …………………………………… adopts ─────────────► gives up its turn
//
// The names of lock and channel are a digest of the endpoint and the very ID token: a tab with another
// login, or with the same user's newer rights, hears nothing. Nothing is stored: a token lives in the
// memory of tabs alone. Where anything fails, or takes too long, the tab asks the endpoint for itself.

import { stopwatch, timeLimit } from './alarms.ts';
import { fieldsOf, type LivingToken, tokenIn } from './request-token.ts';
import type { Channel, Surroundings } from './surroundings.ts';

/** How long the others have to answer. They need a few milliseconds; a tab that is frozen has no answer. */
const ANSWER_MS = 60;
/** A message that lay in a frozen tab for longer is not read: its age can no longer be told. */
const STALE_MS = 10_000;

export interface SiblingTabs {
  /**
   * Runs `request` when no other tab of this login does; then, unless the signal was aborted meanwhile,
   * such as because another tab's token was adopted. Undefined if it was not run.
   */
  ask(
    login: string,
    signal: AbortSignal,
    timeoutMs: number,
    request: () => Promise<LivingToken>,
  ): Promise<LivingToken | undefined>;
  /** Hears and tells nothing until it asks again. */
  leave(): void;
}

/**
 * Undefined where tabs cannot share.
 * @param own the token to give away, if it is fresh enough
 */
export function siblingTabs(
  surroundings: Surroundings,
  own: () => LivingToken | undefined,
  adopt: (token: LivingToken) => void,
): SiblingTabs | undefined {
  const { navigator, crypto, BroadcastChannel } = surroundings;
  const locks = navigator?.locks;
  const subtle = crypto?.subtle;
  if (!locks || !subtle || !BroadcastChannel) return undefined;
  let channel: Channel | undefined;

  const leave = () => {
    channel?.close();
    channel = undefined;
  };

  /** Never under the name of another login than the token's. */
  const tell = (living: LivingToken | undefined) => {
    if (living?.login && living.login === channel?.name) {
      channel.postMessage({
        ...living.token,
        expiresIn: living.lifeMs / 1000,
        age: living.ageMs(),
        sentAt: surroundings.Date.now(),
      });
    }
  };

  const join = (login: string) => {
    if (channel?.name === login) return;
    leave();
    const joined = new BroadcastChannel(login);
    channel = joined;
    joined.onmessage = ({ data }) => {
      if (channel !== joined) return;
      if (data === 'ask') return tell(own());
      const { age, sentAt } = fieldsOf(data);
      const delayMs = surroundings.Date.now() - Number(sentAt);
      const heard = tokenIn(data, stopwatch(surroundings, Number(age) + delayMs));
      if (heard && Number(age) >= 0 && delayMs >= 0 && delayMs < STALE_MS) {
        adopt({ ...heard, login });
      }
    };
    joined.unref?.();
  };

  return {
    async ask(login, signal, timeoutMs, request) {
      let name: string | undefined;
      let turn = false;
      const work = async () => {
        turn = true;
        if (name && !signal.aborted) {
          channel?.postMessage('ask');
          await new Promise<void>((resolve) => surroundings.setTimeout(resolve, ANSWER_MS));
        }
        if (signal.aborted) return undefined;
        const living = { ...(await request()), login: name };
        tell(living);
        return living;
      };
      const limit = timeLimit(surroundings, timeoutMs, signal);
      try {
        const digest = await subtle.digest('SHA-256', new TextEncoder().encode(login));
        // Whoever was logged in before must not open his channel again.
        if (signal.aborted) return undefined;
        name = `momento-token ${new Uint8Array(digest)}`;
        join(name);
        return await locks.request(name, limit, work);
      } catch (error) {
        if (turn) throw error;
        if (!name) leave();
        return await work();
      } finally {
        limit.done();
      }
    },
    leave,
  };
}
