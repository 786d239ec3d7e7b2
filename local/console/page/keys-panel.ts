// What is to be said of each key in words: how long it still lives, when it is due, and every version in a table.

import type { Key, Snapshot, Version } from '../told.ts';
import { type LifeBar, lifeBar, make, say, setAttribute, the } from './elements.ts';
import { lifeInWords } from './life-in-words.ts';
import { clockTime } from './times.ts';

export interface KeysPanel {
  draw(state: Snapshot): void;
}

interface Card {
  readonly root: HTMLElement;
  readonly state: HTMLElement;
  readonly life: LifeBar;
  readonly words: HTMLElement;
}

export function keysPanel(now: () => number): KeysPanel {
  const cards = the('#key-cards');
  const rows = the('#key-table tbody');
  const byName = new Map<string, Card>();
  let keys: readonly Key[] = [];

  const cardOf = (name: string): Card => {
    const known = byName.get(name);
    if (known !== undefined) return known;
    const state = make('strong', { class: 'state' });
    const life = lifeBar(`Life of the key ${name}`);
    const words = make('p', { class: 'words' });
    const root = make(
      'div',
      { class: 'key-card', 'data-key': name },
      make('h3', {}, `Key ${name} `, state),
      life.root,
      words,
    );
    const card = { root, state, life, words };
    byName.set(name, card);
    cards.append(root);
    return card;
  };

  const refresh = () => {
    for (const key of keys) {
      const { root, state, life, words } = cardOf(key.name);
      const said = lifeInWords(key, now());
      setAttribute(root, 'data-health', said.health);
      say(state, said.state);
      say(words, said.words);
      life.show(said.share, said.state);
    }
  };
  setInterval(refresh, 250);

  return {
    draw(state) {
      keys = state.keys;
      refresh();
      rows.replaceChildren(
        ...keys.flatMap(({ name, versions }) =>
          [...versions].reverse().map((version) => rowOf(name, version)),
        ),
      );
    },
  };
}

function rowOf(name: string, version: Version): HTMLTableRowElement {
  const time = (ms: number | null, none: string) => (ms === null ? none : clockTime(ms));
  const cells = [
    version.id,
    version.labels.join(', ') || 'none',
    version.origin === 'rotated' ? 'rotation' : 'a person',
    time(version.createdAtMs, ''),
    time(version.currentFromMs, 'not yet'),
    time(version.replacedAtMs, 'no'),
    version.revokedAtMs === null
      ? time(version.endsAtMs, 'never')
      : `revoked ${clockTime(version.revokedAtMs)}`,
  ];
  return make(
    'tr',
    {},
    make('th', { scope: 'row' }, name),
    ...cells.map((text) => make('td', {}, text)),
  );
}
