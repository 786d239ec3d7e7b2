// What the server has told so far, and the server's clock. A connection that was lost is taken up again, and then
// everything is told anew.

import type { News, Snapshot } from '../told.ts';

export interface Board {
  readonly state: Snapshot | undefined;
  /** Epoch milliseconds by the server's clock. */
  now(): number;
}

export interface BoardListener {
  /** All of it, after a connection was made. */
  anew(state: Snapshot): void;
  /** A part of it. */
  news(news: Exclude<News, { kind: 'snapshot' }>, state: Snapshot): void;
  connection(state: 'open' | 'lost'): void;
}

export function openBoard(listener: BoardListener): Board {
  let state: Snapshot | undefined;
  let aheadMs = 0;
  const source = new EventSource('/news');
  source.onopen = () => listener.connection('open');
  source.onerror = () => {
    listener.connection('lost');
    // It gives up for good on an answer that is none; the server may be starting.
    if (source.readyState === EventSource.CLOSED) setTimeout(() => location.reload(), 2_000);
  };
  source.onmessage = ({ data }: MessageEvent<string>) => {
    const news: News = JSON.parse(data);
    if (news.kind === 'snapshot') {
      // Tokens, logins and clients belonged to a stack that is gone.
      if (state !== undefined && state.stackId !== news.snapshot.stackId) return location.reload();
      state = news.snapshot;
      aheadMs = state.nowMs - Date.now();
      listener.anew(state);
      return;
    }
    if (state === undefined) return;
    state = withNews(state, news);
    listener.news(news, state);
  };
  return {
    get state() {
      return state;
    },
    now: () => Date.now() + aheadMs,
  };
}

const MOST_ENTRIES = 400;

function withNews(state: Snapshot, news: Exclude<News, { kind: 'snapshot' }>): Snapshot {
  switch (news.kind) {
    case 'keys':
      return { ...state, keys: news.keys };
    case 'entry':
      return { ...state, entries: [...state.entries, news.entry].slice(-MOST_ENTRIES) };
    case 'alarms':
      return { ...state, alarms: news.alarms };
    case 'faults':
      return { ...state, faults: news.faults };
  }
}
