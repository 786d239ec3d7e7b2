import { useSyncExternalStore } from 'react';
import type { MomentoTokenProvider } from '../../../client/browser/index.ts';

const TEXTS: Record<string, string> = {
  'login-needed': 'Please log in again.',
  forbidden: 'You have no access here. Ask whoever manages it.',
  failed: 'No connection. What you see may be out of date.',
};

/** What to tell the user; undefined while all is well. */
export function useTokenNotice(tokens: MomentoTokenProvider): string | undefined {
  const notice = () => {
    const { status, token } = tokens.getState();
    return token ? undefined : TEXTS[status];
  };
  // The last one is for pages that a server renders: there is nothing to tell yet.
  return useSyncExternalStore(tokens.subscribe, notice, () => undefined);
}
