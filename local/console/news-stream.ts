// Server-Sent Events to every page that is open. A page that comes back is told everything anew.

import type { ServerResponse } from 'node:http';
import type { News } from './told.ts';

/** For proxies and sleeping laptops: a dead connection is noticed by its writer. */
const KEEP_ALIVE_MS = 15_000;
const RETRY_MS = 1_000;
/** What a page may leave unread before it is cut off, to begin anew when it reads again. */
const MOST_UNREAD_BYTES = 4 * 1024 * 1024;

export class NewsStream {
  readonly #pages = new Set<ServerResponse>();
  readonly #keepAlive: NodeJS.Timeout;

  constructor() {
    this.#keepAlive = setInterval(() => this.#write(': still here\n\n'), KEEP_ALIVE_MS);
  }

  open(response: ServerResponse, first: News): void {
    response.writeHead(200, { 'content-type': 'text/event-stream' });
    response.write(`retry: ${RETRY_MS}\n\n${framed(first)}`);
    this.#pages.add(response);
    response.once('close', () => this.#pages.delete(response));
  }

  send(news: News): void {
    this.#write(framed(news));
  }

  close(): void {
    clearInterval(this.#keepAlive);
    for (const page of this.#pages) page.destroy();
  }

  #write(text: string): void {
    for (const page of this.#pages) {
      if (page.writableLength > MOST_UNREAD_BYTES) page.destroy();
      else page.write(text);
    }
  }
}

/** JSON has no line break of its own. */
const framed = (news: News): string => `data: ${JSON.stringify(news)}\n\n`;
