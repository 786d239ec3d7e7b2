// What happened, newest first; and aloud what one must not miss.

import type { Entry, EntryKind, Snapshot } from '../told.ts';
import { make, say, the } from './elements.ts';
import { clockTime } from './times.ts';

const MOST_SHOWN = 150;
/** Every few seconds one: shown to whoever asks. */
const QUIET: readonly EntryKind[] = ['check', 'event', 'token'];
const ALOUD: readonly EntryKind[] = ['failed', 'healed', 'alarm', 'over', 'fault', 'imported'];

const WORDS: Readonly<Record<EntryKind, string>> = {
  check: '· checked',
  imported: '● imported',
  rotated: '◆ rotated',
  healed: '✚ healed',
  failed: '✕ failed',
  fault: '▲ fault',
  denied: '✕ denied',
  alarm: '! alarm',
  over: '✓ over',
  event: '○ event',
  token: '• token',
  refused: '✕ refused',
  note: '▸ done',
};

export interface StoryPanel {
  anew(state: Snapshot): void;
  add(entry: Entry): void;
}

export function storyPanel(): StoryPanel {
  const list = the('#entries');
  const announcer = the('#announcer');
  const showAll = the<HTMLInputElement>('#show-all');
  let entries: readonly Entry[] = [];
  let newest: { readonly entry: Entry; times: number } | undefined;

  const isShown = ({ kind }: Entry) => showAll.checked || !QUIET.includes(kind);
  /** What is repeated is counted: retries come by the dozen. */
  const show = (entry: Entry) => {
    if (newest?.entry.sentence === entry.sentence && newest.entry.key === entry.key) {
      newest.times += 1;
      list.firstElementChild?.replaceWith(itemOf(entry, newest.times));
      return;
    }
    newest = { entry, times: 1 };
    list.prepend(itemOf(entry, 1));
    while (list.childElementCount > MOST_SHOWN) list.lastElementChild?.remove();
  };
  const redraw = () => {
    list.replaceChildren();
    newest = undefined;
    for (const entry of entries.filter(isShown).slice(-MOST_SHOWN)) show(entry);
  };
  showAll.addEventListener('change', redraw);
  return {
    anew(state) {
      entries = state.entries;
      redraw();
    },
    add(entry) {
      entries = [...entries, entry].slice(-2 * MOST_SHOWN);
      if (ALOUD.includes(entry.kind)) say(announcer, entry.sentence);
      if (isShown(entry)) show(entry);
    },
  };
}

const itemOf = ({ atMs, kind, key, sentence }: Entry, times: number): HTMLLIElement =>
  make(
    'li',
    { 'data-kind': kind },
    make('time', {}, clockTime(atMs)),
    ' ',
    make('b', {}, WORDS[kind]),
    ' ',
    make(
      'span',
      {},
      `${key === null ? '' : `${key}: `}${sentence}${times === 1 ? '' : ` (${times} times)`}`,
    ),
  );
