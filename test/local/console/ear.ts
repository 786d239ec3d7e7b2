// A page that only listens: the stream of news, read as it comes.

import type { Entry, News } from '../../../local/console/told.ts';

export class Ear {
  readonly all: News[] = [];
  readonly #leaving = new AbortController();
  readonly #waiting = new Set<(news: News) => void>();

  /** Resolves when the first news is here. */
  static async open(url: string): Promise<Ear> {
    const ear = new Ear();
    const answer = await fetch(`${url}/news`, { signal: ear.#leaving.signal });
    const first = ear.next(() => true);
    // Ends with `close`, as any fetch that is aborted does.
    void ear.#read(answer).catch(() => {});
    await first;
    return ear;
  }

  close(): void {
    this.#leaving.abort();
  }

  /** The first news from now on that `pick` makes something of. */
  next<Found>(pick: (news: News) => Found | undefined): Promise<Found> {
    return new Promise((resolve) => {
      const listener = (news: News) => {
        const found = pick(news);
        if (found === undefined) return;
        this.#waiting.delete(listener);
        resolve(found);
      };
      this.#waiting.add(listener);
    });
  }

  /** The first entry from now on of that kind, whose sentence fits. */
  entry(kind: Entry['kind'], sentence = /./): Promise<Entry> {
    return this.next((news) =>
      news.kind === 'entry' && news.entry.kind === kind && sentence.test(news.entry.sentence)
        ? news.entry
        : undefined,
    );
  }

  async #read(answer: Response): Promise<void> {
    let text = '';
    for await (const piece of answer.body ?? []) {
      text += Buffer.from(piece).toString('utf8');
      const frames = text.split('\n\n');
      text = frames.pop() ?? '';
      for (const frame of frames) {
        const data = frame.split('\n').find((line) => line.startsWith('data: '));
        if (data === undefined) continue;
        const news: News = JSON.parse(data.slice('data: '.length));
        this.all.push(news);
        for (const listener of [...this.#waiting]) listener(news);
      }
    }
  }
}
