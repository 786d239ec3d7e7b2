// Operations with the user's token: the web SDK's own answer, and the reason that local Momento has for it.

import type { Operation, PermissionInWords, Snapshot } from '../told.ts';
import { make, the } from './elements.ts';
import type { Momento, Verdict } from './momento.ts';
import { reasonFor } from './requests.ts';
import type { Session, SessionToken } from './session.ts';
import { clockTime } from './times.ts';

const MOST_SHOWN = 60;
const VERDICTS: Readonly<Record<Verdict['kind'], string>> = {
  allowed: '✓ allowed',
  denied: '✕ denied',
  failed: '✕ failed',
};

export interface TryPanel {
  offer(state: Snapshot): void;
}

const field = (id: string) => the<HTMLInputElement>(`#${id}`);

export function tryPanel(session: Session): TryPanel {
  const fieldsets = ['#fill', '#cache-form', '#topic-form'].map((id) =>
    the<HTMLFieldSetElement>(id),
  );
  const attempts = the('#attempts');
  const unsubscribeButton = the<HTMLButtonElement>('#unsubscribe');
  let momentoUrl = '';
  let tenants: readonly string[] = [];
  let token: SessionToken | undefined;
  let momento: Promise<Momento> | undefined;
  let leave: (() => void) | undefined;

  const show = (kind: Verdict['kind'] | 'message', ...content: readonly (string | Node)[]) => {
    attempts.prepend(
      make(
        'li',
        { 'data-verdict': kind },
        make('time', {}, clockTime(Date.now())),
        ' ',
        ...content,
      ),
    );
    while (attempts.childElementCount > MOST_SHOWN) attempts.lastElementChild?.remove();
  };

  const unsubscribe = () => {
    leave?.();
    leave = undefined;
    unsubscribeButton.disabled = true;
  };

  const ask = async (operation: Operation) => {
    if (token === undefined || momento === undefined) return;
    const isTopic = operation === 'publish' || operation === 'subscribe';
    const cache = field(isTopic ? 'topic-cache' : 'cache').value;
    const name = field(isTopic ? 'topic' : 'key').value;
    const { authToken } = token;
    const startedAtMs = performance.now();
    // No token, or a chunk that did not come: told like any other answer.
    const verdict = await carryOut(momento, operation, cache, name).catch(
      (error: unknown): Verdict => ({ kind: 'failed', text: inWords(error) }),
    );
    const took = `${Math.round(performance.now() - startedAtMs)} ms`;
    // What failed for another reason has nothing to do with permissions.
    const reason =
      verdict.kind === 'failed'
        ? []
        : await reasonFor({ authToken, operation, cache, name }).then(
            ({ sentence }) => [sentence],
            (error: unknown) => [inWords(error)],
          );
    show(
      verdict.kind,
      make('b', {}, VERDICTS[verdict.kind]),
      ` ${operation} `,
      make('code', {}, `${cache} / ${name}`),
      `: ${verdict.text}, ${took}`,
      ...reason.map((sentence) => make('small', {}, sentence)),
    );
  };

  const carryOut = async (
    opening: Promise<Momento>,
    operation: Operation,
    cache: string,
    name: string,
  ): Promise<Verdict> => {
    const opened = await opening;
    switch (operation) {
      case 'read':
        return opened.read(cache, name);
      case 'write':
        return opened.write(cache, name, field('value').value);
      case 'delete':
        return opened.delete(cache, name);
      case 'publish':
        return opened.publish(cache, name, field('message').value);
      case 'subscribe': {
        unsubscribe();
        const waiting = () => {};
        leave = waiting;
        const answer = await opened.subscribe(cache, name, {
          onItem: ({ value, tokenId }) => {
            const from = tokenId === '' ? 'a publisher without a token id' : `token id ${tokenId}`;
            show(
              'message',
              make('b', {}, '✉ received'),
              ` ${value} `,
              make('small', {}, `from ${from}`),
            );
          },
          onGap: ({ after, next }) =>
            show('message', make('b', {}, '… a gap'), ` after message ${after}; now ${next}`),
        });
        // Pressed once more, or logged out, meanwhile.
        if (leave !== waiting) {
          answer.unsubscribe?.();
          return answer;
        }
        leave = answer.unsubscribe;
        unsubscribeButton.disabled = leave === undefined;
        return answer;
      }
    }
  };

  for (const button of document.querySelectorAll<HTMLButtonElement>('[data-operation]')) {
    button.addEventListener('click', () => void ask(button.dataset.operation as Operation));
  }
  unsubscribeButton.addEventListener('click', () => {
    unsubscribe();
    the('[data-operation="subscribe"]').focus();
  });

  const fill = (tenant: string) => {
    if (token === undefined) return;
    const { cache, key, topicCache, topic } = namesFor(token, tenant, tenants);
    field('cache').value = cache;
    field('key').value = key;
    field('topic-cache').value = topicCache;
    field('topic').value = topic;
  };

  session.subscribe((next) => {
    const isAnother = next?.tokens !== token?.tokens;
    token = next;
    for (const fieldset of fieldsets) fieldset.disabled = next === undefined;
    if (isAnother) {
      unsubscribe();
      momento = undefined;
    }
    if (next === undefined) return;
    momento ??= import('./momento.ts').then(({ openMomento }) =>
      openMomento(next.tokens, momentoUrl),
    );
    if (!isAnother) return;
    const own = tenantOf(next, tenants);
    the('#fill span').replaceChildren(
      ...tenants.flatMap((tenant) => {
        const button = make(
          'button',
          { type: 'button' },
          tenant === own ? `${tenant} (the user’s)` : tenant,
        );
        button.addEventListener('click', () => fill(tenant));
        return [button, ' '];
      }),
    );
    fill(own ?? '');
  });

  return {
    offer(state) {
      momentoUrl = state.momentoUrl;
      tenants = state.tenants;
      the('#fill').hidden = tenants.length === 0;
    },
  };
}

const inWords = (error: unknown): string =>
  error instanceof Error ? error.message : String(error);

const tenantOf = ({ claims }: SessionToken, tenants: readonly string[]): string | undefined =>
  tenants.find((tenant) => Object.values(claims).includes(tenant));

/** What the token's first permissions name, with another tenant's name for the user's own. */
function namesFor(token: SessionToken, tenant: string, tenants: readonly string[]) {
  const own = tenantOf(token, tenants) ?? tenant;
  const first = (kind: 'key' | 'topic') =>
    token.words.permissions.find(({ target }) => target?.kind === kind);
  const nameOf = (permission: PermissionInWords | undefined, otherwise: string, more: string) => {
    const target = permission?.target;
    if (!target) return otherwise;
    return `${target.name.replace(own, tenant)}${target.isPrefix ? more : ''}`;
  };
  return {
    cache: first('key')?.cache ?? 'calendar-events',
    key: nameOf(first('key'), `${tenant}:monday`, 'monday'),
    topicCache: first('topic')?.cache ?? 'collaboration',
    topic: nameOf(first('topic'), `${tenant}-events`, 'events'),
  };
}
